"""Elements of lists and dicts that a body replaces are carried as variables are."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradc.errors import GradcError
from gradc.options import Options
from tests.capture.support import LOOPS, check, check_loops

X = np.array([0.3, -0.7, 1.1])


def cells(x):
    h, c = [x, x * 2.0], [x * 0.5, x + 1.0]
    total = 0.0
    for t in range(5):
        y = x * t
        for k in range(2):
            c[k] = c[k] * 0.5 + np.tanh(h[k] + y)
            h[k] = np.sin(c[k])
            y = h[k]
        total = total + np.sum(y)
    return total, h, c


def swapped(x):
    pair = [x * 1.0, x * 2.0]
    for _ in range(5):
        pair[0], pair[1] = pair[1], np.sin(pair[0] * pair[1])
    return pair[0] - pair[1]


def keyed(x):
    state = {"u": x * 1.0, "n": 0, "fixed": [1.0, 2.0]}
    for _ in range(5):
        state["u"] = state["u"] * state["fixed"][1] * 0.4
        state["n"] += 1
    return state


def attribute(x):
    net = SimpleNamespace(h=x * 1.0, scale=0.5)
    for _ in range(5):
        net.h = np.tanh(net.h * net.scale)
    return net.h


def nested_loops(x):
    h = [x, x]
    for _ in range(4):
        for _ in range(3):
            h[0] = np.cos(h[0]) + h[1]
        h[1] = h[0] * 0.1
    return h[0] + h[1]


def in_place(x):
    h = [x * 1.0, x * 2.0]
    for _ in range(4):
        h[0][1] += np.sum(h[1])
        h[1] = h[1] * h[0]
    return h


def in_a_branch(x):
    h = [x, x * 2.0]
    for _ in range(6):
        if np.sum(h[0]) > 0.5:
            h[0] = h[0] * 0.5
            h[1] = h[1] + h[0]
        else:
            h[0] = h[0] + 1.0
    return h


def until(x):
    h = [x * 1.0]
    while np.sum(h[0]) < 30.0:
        h[0] = h[0] * h[0] + 1.0
    return h[0]


KEPT = [cells, swapped, keyed, attribute, nested_loops, in_place, in_a_branch, until]


@pytest.mark.parametrize("function", KEPT, ids=lambda f: f.__name__)
def test_loop_stays(function):
    recording, _ = check_loops(function, X)
    assert any(node.regions for node in recording.graph.nodes)


def grown(x):
    h = [x]
    for k in range(3):
        h.append(h[k] * 2.0)
    return h[-1]


def grown_by_some(x):
    h = [x]
    for k in range(3):
        h += [h[k] * 2.0] * (k + 1)
    return h[-1]


@pytest.mark.parametrize("function", [grown, grown_by_some])
def test_a_list_that_grows_steadily_leaves_the_loop_alone(function):
    graph = check(function, X, options=LOOPS).graph
    assert any(node.regions for node in graph.nodes) == (function is grown)


# an index that only the inner loop needs leaves the outer loop alone


def layers(x):
    weights = [0.5, 0.25, 2.0]
    for _ in range(6):
        for k in range(3):
            x = np.tanh(x * weights[k])
    return x


def test_only_the_loop_whose_index_python_needs_is_unrolled():
    graph = check(layers, X, options=LOOPS).graph
    loops = [node for node in graph.nodes if node.regions]
    assert len(loops) == 1
    assert not any(node.regions for node in loops[0].regions[0].nodes)


# two names for one array


def two_names(x):
    a = x * 1.0
    b = x * 2.0
    for _ in range(5):
        a[0] += b[1]
        a = b = np.sin(a + b)
    return a, b


def two_names_before(x):
    a = x * 1.0
    b = a
    for _ in range(5):
        a[0] += b[1]
        b = b * 1.5
        a = np.sin(a)
    return a, b


def two_elements(x):
    h = [x * 1.0, x * 2.0]
    for _ in range(5):
        h[0] = np.sin(h[0] + h[1])
        h[1] = h[0]
        h[1][1] = h[0][2] * 0.5
    return h


def element_and_name(x):
    h = [x * 1.0]
    last = h[0]
    for _ in range(5):
        last[0] += 0.5
        h[0] = np.sin(last)
        last = h[0]
    return h[0], last


SHARED = [two_names, two_names_before, two_elements, element_and_name]


@pytest.mark.parametrize("function", SHARED, ids=lambda f: f.__name__)
def test_a_write_shows_under_every_name(function):
    check(function, X, options=LOOPS)
    check(function, X, options=Options(regions=True))


def restored(x):
    h = [x, None]
    for k in range(3):
        h[1] = k
        if np.sum(x) > 0.0:
            h[0] = h[0][: k + 1]
    return h[0]


def test_elements_are_put_back_when_a_loop_is_given_up():
    with pytest.raises(GradcError, match=r"h\[0\]|shape"):
        check(restored, X, options=LOOPS)
