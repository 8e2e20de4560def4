"""``gradc.control``: loops and branches as functions."""

import numpy as np
import pytest

from gradc.control import cond, loop, scan, while_loop
from tests.capture.support import check_loops

X = np.linspace(0.5, 1.5, 5)


def powers(x):
    return loop(4, lambda i, h: h * x + i, x)


def over_a_range(x):
    return loop(range(3, 0, -1), lambda i, h: h + x[i], 0.0)


def halving(x):
    return while_loop(lambda s: s[0] > 0.01, lambda s: (s[0] * 0.5, s[1] + 1), (x[0], 0))


def chosen(x):
    return cond(x[0] > 1.0, lambda v: v * 2, lambda v: np.sin(v), x)


def sums(x):
    return scan(lambda total, v: (total + v, total * v), 0.0, x)


def two_arrays(x):
    last, found = scan(
        lambda h, v: (np.tanh(h + v["a"]), {"h": h, "b": v["b"]}), x * 0.0, {"a": X, "b": x}
    )
    return last, found["h"], found["b"]


@pytest.mark.parametrize("function", [powers, over_a_range, halving, chosen, sums, two_arrays])
def test_function(function):
    _, graph = check_loops(function, X, rtol=1e-12)
    assert any(node.regions for node in graph.nodes)
