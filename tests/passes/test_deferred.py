"""Sums of products over the turns of a loop, made after it."""

import numpy as np
import pytest

import gradc
from gradc.passes.vectorize import vectorized

RNG = np.random.default_rng(23)
X, W, B = RNG.standard_normal((9, 20)), RNG.standard_normal((20, 20)) / 9, RNG.standard_normal(20)


def recurrent(x, w, b):
    """The gradients of both matrices are sums of outer products; that of x is rows."""
    h, total = b, 0.0
    for t in range(x.shape[0]):
        h = np.tanh(w @ h + w.T @ x[t])
        total += np.sum(h * h)
    return total


def backwards(x, w, b):
    h = b
    for t in range(x.shape[0] - 1, -1, -1):
        h = np.tanh(h @ w) + 0.3 * x[t]
    return np.sum(h**3)


def nested(x, w, b):
    """The inner loop is one of many; the outer one hands on what it leaves."""
    h = b
    for k in range(3):
        for t in range(x.shape[0]):
            h = np.tanh(w @ h) + 0.1 * x[t]
        h = 0.5 * h + k
    return h @ h


def looked_at(x, w, b):
    """The sum is read in every turn."""
    total = np.zeros_like(w)
    for t in range(x.shape[0]):
        total += np.outer(x[t], b)
        b = np.tanh(total @ b)
    return np.sum(total) + b @ w @ b


def few_terms(x, w, b):
    """Each turn's own product is a product of matrices."""
    h = np.zeros((20, 20))
    for t in range(x.shape[0]):
        h = np.tanh(h @ w + x[t])
    return np.sum(h * h) + b @ b


PROGRAMS = [(recurrent, True), (backwards, True), (nested, True)]
PROGRAMS += [(looked_at, False), (few_terms, False)]


def products(graph, inside=0):
    """Count products of matrices outside of all loops, and sums of outer products inside."""
    found = np.zeros(2, int)
    for node in graph.nodes:
        if node.op.name == "contract" and len(node.params["out_labels"]) == 2:
            outer = not set(node.params["a_labels"]) & set(node.params["b_labels"])
            found += [not inside and not outer, bool(inside) and outer]
        for region in node.regions:
            found += products(region, inside + 1)
    return found


@pytest.mark.parametrize(("function", "waits"), PROGRAMS, ids=lambda x: getattr(x, "__name__", x))
def test_sums_of_products(function, waits):
    made = gradc.value_and_grad(function, (0, 1, 2), backend="c", unroll=0)
    program = made.artifact(X, W, B).program
    graph = vectorized(program, heavy=True).graph
    after, outer = products(graph)
    if waits and function is not nested:
        assert after and not outer
    elif function is nested:
        assert not outer
    else:
        assert (after, outer) == tuple(products(vectorized(program).graph))
    value, found = made(X, W, B)
    wanted_value, wanted = gradc.value_and_grad(function, (0, 1, 2), backend="numpy")(X, W, B)
    assert value == pytest.approx(function(X, W, B), rel=1e-12)
    assert value == pytest.approx(wanted_value, rel=1e-12)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
