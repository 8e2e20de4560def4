"""Products of what a loop is given, made before it."""

import numpy as np
import pytest

import gradc
from gradc.passes.vectorize import vectorized

RNG = np.random.default_rng(29)
X, W, B = RNG.standard_normal((9, 20)), RNG.standard_normal((20, 20)) / 9, RNG.standard_normal(20)


def driven(x, w, b):
    """Downwards, by another row than that of the turn."""
    h, total = b, 0.0
    for t in range(x.shape[0] - 2, -1, -1):
        h = np.tanh(w @ x[t + 1] + b * h)
        total += np.sum(h * h)
    return total


def inner(x, w, b):
    h = b
    for k in range(3):
        for t in range(x.shape[0]):
            h = np.tanh(x[t] @ w + (k + 1) * h)
    return h @ h


def made_in_the_loop(x, w, b):
    """The rows are not given: each turn writes one that the next one reads."""
    x = x.copy()
    for t in range(x.shape[0] - 1):
        x[t + 1] += np.tanh(w @ x[t]) * b
    return np.sum(x * x)


def inside(graph):
    """Count the products inside of loops."""
    loops = [region for node in graph.nodes for region in node.regions]
    own = sum(node.op.name == "contract" for region in loops for node in region.nodes)
    return own + sum(map(inside, loops))


@pytest.mark.parametrize(
    ("function", "left"),
    [(driven, 0), (inner, 0), (made_in_the_loop, 1)],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_products_before_a_loop(function, left):
    made = gradc.compile(function, backend="c", unroll=0)
    program = made.artifact(X, W, B).program
    assert inside(program.graph) == 1
    assert inside(vectorized(program, heavy=True).graph) == left
    assert made(X, W, B) == pytest.approx(function(X, W, B), rel=1e-12)
    value, found = gradc.value_and_grad(function, (0, 1, 2), backend="c", unroll=0)(X, W, B)
    _, wanted = gradc.value_and_grad(function, (0, 1, 2), backend="numpy", unroll=0)(X, W, B)
    assert value == pytest.approx(function(X, W, B), rel=1e-12)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


S = RNG.standard_normal((30, 24))


def covariance(s):
    found = np.zeros((24, 24))
    for i in range(24):
        found[i:, i] = found[i, i:] = s[:, i] @ s[:, i:]
    return np.sum(found * found)


def growing(s):
    found = np.zeros((30, 30))
    for i in range(30):
        found[i, : i + 1] = s[: i + 1] @ s[i]
    return np.sum(found * found)


def window(s):
    """Parts of a length that stays, and a small one: the whole is much more work."""
    found = np.zeros((30, 4))
    for i in range(27):
        found[i] = s[i : i + 4] @ s[i]
    return np.sum(found * found)


@pytest.mark.parametrize(
    ("function", "left"), [(covariance, 0), (growing, 0), (window, 3)], ids=lambda x: str(x)[:20]
)
def test_products_by_parts_are_parts_of_one_product(function, left):
    made = gradc.value_and_grad(function, backend="c", unroll=0)
    program = made.artifact(S).program
    assert inside(program.graph) == left
    gradc.check_grads(function, (S,), order=1)
    value, found = made(S)
    _, wanted = gradc.value_and_grad(function, backend="numpy", unroll=0)(S)
    assert value == pytest.approx(function(S), rel=1e-12)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


def test_values_alone_are_of_one_product_in_c():
    program = gradc.compile(covariance, backend="c", unroll=0).artifact(S).program
    assert inside(vectorized(program, heavy=True).graph) == 0
