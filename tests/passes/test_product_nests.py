"""Nests of loops over elements that are products of matrices, and those that are none."""

import numpy as np
import pytest

import gradc
from gradc.passes.vectorize import vectorized

RNG = np.random.default_rng(17)


def scaled(a, b):
    """A sum and a factor in the loops around; rows of the right factor inside."""
    c = np.ones((a.shape[0], b.shape[1]))
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            c[i, j] *= 1.2
        for k in range(a.shape[1]):
            for j in range(c.shape[1]):
                c[i, j] += 1.5 * a[i, k] * b[k, j]
    return np.sum(c * c)


def cleared(a, b):
    """Each element starts from what the loop writes, and is taken from."""
    c = np.ones((a.shape[0], b.shape[1]))
    for j in range(c.shape[1]):
        for i in range(c.shape[0]):
            c[i, j] = 0.5
            for k in range(a.shape[1]):
                c[i, j] = c[i, j] - b[k, j] * a[i, k]
    return np.sum(np.tanh(c))


def by_a_number(a, b):
    """The sum is a number of its own, from the last term to the first."""
    c = np.zeros((b.shape[1], a.shape[0]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            s = 0.0
            for k in range(a.shape[1] - 1, -1, -1):
                s += a[i, k] * b[k, j]
            c[j, i] = s + a[i, 0]
    return np.sum(c**3)


def by_a_row(a, b):
    """Through a buffer that every turn writes anew, into rows that were read."""
    a, row = np.stack([a, 2.0 * a]), np.zeros(b.shape[1])
    for r in range(a.shape[0]):
        for q in range(a.shape[1]):
            for p in range(b.shape[1]):
                row[p] = 0.0
                for k in range(b.shape[0]):
                    row[p] += a[r, q, k] * b[k, p]
            for p in range(b.shape[1]):
                a[r, q, p] = row[p]
    return np.sum(a * a)


def with_itself(a, b):
    """Both factors are rows of one array."""
    c = np.zeros((a.shape[0], a.shape[0]))
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            for k in range(a.shape[1]):
                c[i, j] += a[i, k] * a[j, k]
    return np.sum(c * c) + np.sum(b)


def two_before(a, b):
    """What a turn leaves is another carry's value from the turn before."""
    c, last, kept = np.zeros((a.shape[0], b.shape[1])), 0.0, np.zeros(3)
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            kept[1] = last
            last = a[i, j]
            for k in range(a.shape[1]):
                c[i, j] += a[i, k] * b[k, j]
    return np.sum(c * c) + np.sum(kept * kept) + last


def outer_first(a, b):
    """The index of the sum is that of the outermost loop."""
    c = np.zeros((a.shape[0], b.shape[1]))
    for k in range(a.shape[1]):
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                c[i, j] += a[i, k] * b[k, j]
    return np.sum(c * c)


def inside(a, b):
    """A loop that stays, around one that does not."""
    for t in range(3):
        c = np.zeros((a.shape[0], b.shape[1]))
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                for k in range(a.shape[1]):
                    c[i, j] += a[i, k] * b[k, j]
        a = np.tanh(c) + 0.1 * t
    return np.sum(a)


def in_place(a, b):
    """Rows are read where turns before have written."""
    a = a.copy()
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(a.shape[1]):
                a[i, j] += 0.1 * a[i, k] * b[k, j]
    return np.sum(a * a)


def handed_on(a, b):
    """The row before is what a row is made of."""
    a = a.copy()
    for i in range(1, a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(a.shape[1]):
                a[i, j] += 0.1 * a[i - 1, k] * b[k, j]
    return np.sum(a * a)


def factor_outside(a, b):
    """Each product is multiplied once more: a sum of products would round in other places."""
    c = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                c[i, j] += a[i, k] * b[k, j] * 0.3
    return np.sum(c * c)


def written_over(a, b):
    """Only the last product stays."""
    c = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                c[i, j] = a[i, k] * b[k, j]
    return np.sum(c * c)


def by_tiles(a, b):
    """Tiles that are scaled, then added to; the last loop is in another order."""
    c, s = np.ones((a.shape[0], b.shape[1])), 5
    for i in range(0, c.shape[0], s):
        for j in range(0, c.shape[1], s):
            c[i : i + s, j : j + s] *= 0.5
            for k in range(a.shape[1] - s, -1, -s):
                c[i : i + s, j : j + s] += a[i : i + s, k : k + s] @ b[k : k + s, j : j + s]
    return np.sum(c * c)


def by_strips(a, b):
    c, s = np.zeros((b.shape[1], a.shape[0])), 3
    for i in range(0, a.shape[0], s):
        c[:, i : i + s] = (a[i : i + s] @ b).T
    return np.sum(c**3)


def tiles_in_place(a, b):
    """A tile is read where another turn has written it."""
    a, s = a.copy(), 5
    for i in range(0, a.shape[0], s):
        for k in range(0, a.shape[1], s):
            a[i : i + s, :s] += 0.1 * a[i : i + s, k : k + s] @ b[k : k + s, :s]
    return np.sum(a * a)


# function, loops that are left of value and gradient
NESTS = [
    (scaled, 0),
    (cleared, 0),
    (by_a_number, 0),
    (by_a_row, 0),
    (with_itself, 0),
    (two_before, 2),
    (outer_first, 0),
    (inside, 2),
    (in_place, 2),
    (handed_on, 2),
    (by_tiles, 0),
    (by_strips, 0),
    (tiles_in_place, 2),
    (factor_outside, 2),
    (written_over, 2),
]


def regions(graph):
    return sum(1 + sum(map(regions, node.regions)) for node in graph.nodes if node.regions)


@pytest.mark.parametrize("function, left", NESTS, ids=lambda x: getattr(x, "__name__", None))
def test_nests(function, left):
    a, b = RNG.standard_normal((15, 15)), RNG.standard_normal((15, 15))
    made = gradc.value_and_grad(function, (0, 1), backend="c", unroll=0)
    graph = vectorized(made.artifact(a, b).program, heavy=True).graph
    by_rows = function is by_a_row
    if left:
        assert regions(graph) >= left
    else:
        assert not regions(graph)
        products = [node for node in graph.nodes if node.op.name == "contract"]
        assert all(len(node.type.shape) <= a.ndim + by_rows for node in products)
    value, found = made(a, b)
    wanted_value, wanted = gradc.value_and_grad(function, (0, 1), backend="numpy", unroll=0)(a, b)
    assert value == pytest.approx(function(a, b), rel=1e-12)
    assert value == pytest.approx(wanted_value, rel=1e-12)
    for x, y in zip(found, wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11)
