"""Loops over a row of things that a traced condition leaves: turns become branches."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

X = np.array([0.1, 0.9, 0.05, -0.2, 0.3, 0.7])


def over(weights):
    def total(x):
        s, y = 0.0, x * 1.0
        for weight in weights:
            s = s + x[0] * weight
            y[1] *= 1.01
            if s > 2.05:
                break
        return s * y[1]

    return total


def of_a_generator(x):
    s, y = 0.0, x * 1.0

    def doubled():
        for k in range(4):
            yield y[k] * 2.0

    for item in doubled():
        s = s + item
        y += 1.0
        if s > 30.0:
            break
    return s + np.sum(y)


def of_zipped_generators(x):
    s, y = 0.0, x * 1.0
    for item, k in zip((y[k] * 2.0 for k in range(4)), (1, 2, 3, 4), strict=True):
        s = s + item * k
        y += 1.0
        if s > 30.0:
            break
    return s + np.sum(y)


def of_a_map(x):
    s, y = 0.0, x * 1.0
    for item in map(lambda k: y[k] * 2.0, (1, 2, 3)):
        s = s + item
        y += 1.0
        if s > 30.0:
            break
    return s + np.sum(y)


def enumerated_from_three(x):
    s = 0.0
    for k, (a, b) in enumerate(zip([x[0], x[1]], (2.0, 3.0), strict=True), start=3):
        s = s + a * b * k
        if s > 0.65:
            break
    return s


def left_for_certain_before_the_last_item(x):
    s = 0.0
    for k, weight in enumerate((1.0, 2.0, None)):
        if k == 2:
            break
        s = s + x[k] * weight
        if s > 5.0:
            break
    return s


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("turns", [1, 2, 3, 5, 9])
def test_every_turn_may_be_the_last(turns, backend):
    """The sums of 0.1, 0.2, 0.3, ... pass the limit in the sixth turn."""
    total = over(tuple(float(k) for k in range(1, turns + 1)))
    found, gradient = gradc.value_and_grad(total, backend=backend)(X)
    assert found == pytest.approx(total(X), rel=1e-14)
    s = sum(range(1, min(turns, 6) + 1))
    growth = 1.01 ** min(turns, 6)
    wanted = np.array([s * X[1] * growth, s * X[0] * growth, 0.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(gradient, wanted, rtol=1e-13)


@pytest.mark.parametrize("function", [of_a_generator, of_zipped_generators, of_a_map])
def test_items_that_are_made_on_the_way_are_not_asked_for_early(function):
    """The body changes what the next item is made of."""
    with pytest.raises(gradc.TraceError, match="must stay a loop") as caught:
        gradc.compile(function, backend="numpy")(X)
    assert "run over a range, or over a list or a tuple" in str(caught.value)
    assert "for item" in str(caught.value)


@pytest.mark.parametrize("function", [enumerated_from_three, left_for_certain_before_the_last_item])
def test_numbers_and_pairs_come_with_the_items(function):
    assert gradc.compile(function, backend="numpy")(X) == pytest.approx(function(X), rel=1e-14)


def test_the_graph_grows_with_the_turns_and_no_faster():
    def nodes(turns):
        total = over(tuple(float(k) for k in range(1, turns + 1)))
        artifact = gradc.grad(total, backend="numpy").artifact(X)
        pending, count = [artifact.program.graph], 0
        while pending:
            graph = pending.pop()
            count += len(graph.nodes)
            pending += [region for node in graph.nodes for region in node.regions]
        return count

    assert nodes(32) < 2.3 * nodes(16)


def test_more_turns_than_may_be_branches_are_refused():
    with pytest.raises(gradc.TraceError, match="whether the loop is left depends"):
        gradc.compile(over((1.0,) * 80), backend="numpy")(X)
