"""Sums over nests that run backwards through memory, as gcc 12 gets them wrong."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS


def sums(x, y):
    return np.sum(x[:, ::-1] * 2.0) + np.sum(x[:, ::-1] * y)


@pytest.mark.parametrize("rows", [3, 4, 7])
@pytest.mark.parametrize("columns", [2, 3, 5, 15])
@pytest.mark.parametrize("backend", BACKENDS)
def test_double_sums_backwards(backend, rows, columns):
    rng = np.random.default_rng(rows * columns)
    x, y = rng.random((2, rows, columns))
    value, (x_bar, y_bar) = gradc.value_and_grad(sums, argnums=(0, 1), backend=backend)(x, y)
    assert value == pytest.approx(sums(x, y), rel=1e-13)
    np.testing.assert_allclose(x_bar, 2.0 + y[:, ::-1], rtol=1e-15)
    np.testing.assert_allclose(y_bar, x[:, ::-1], rtol=1e-15)


def steps(a, w, v):
    """What one turn adds to an element, and what the next one does."""
    a = a.copy()
    for i in range(6):
        for j in range(3):
            a[i + 1, j + 1] += w[i, j] * 2.0
            a[i, j + 1] += v[i, j] * 3.0
    return a


def three_apart(a, w, v):
    a = a.ravel().copy()
    for i in range(7):
        a[3 * i + 2] += w.ravel()[i]
        a[3 * i + 6] += w.ravel()[i + 7] * 3.0
        a[3 * i + 3] += v.ravel()[i] * 4.0
    return a


def four_stored(a, w, v):
    """The loop that gcc gets wrong with a hundred turns, and no inner loop to write out."""
    a = np.zeros(420) + a[0, 0]
    for i in range(100):
        a[4 * i + 8] = v[i % 6, 0] * 2.0
        a[4 * i + 4] = w[i % 6, 1] * 3.0
        a[4 * i + 7] = v[i % 6, 2] * 4.0
        a[4 * i + 10] = w[i % 6, 2] * 5.0
    return a


@pytest.mark.parametrize("function", [steps, three_apart, four_stored])
@pytest.mark.parametrize("backend", BACKENDS)
def test_turns_that_reach_the_same_elements(backend, function):
    rng = np.random.default_rng(1)
    a, w, v = rng.random((8, 5)), rng.random((6, 3)), rng.random((6, 3))
    found = gradc.compile(function, backend=backend, unroll=0)(a, w, v)
    np.testing.assert_allclose(found, function(a, w, v), rtol=1e-15)


@pytest.mark.parametrize("seed", range(4))
def test_random_steps(seed):
    """Random loops over rows of a few columns, that write where other turns write."""
    rng = np.random.default_rng(seed)
    print("seed", seed)
    for _ in range(4):
        rows, columns = (int(n) for n in rng.integers(3, 9, 2))
        (p, q), (r, s) = rng.integers(0, 3, (2, 2)).tolist()
        store = bool(rng.integers(2))

        def swept(a, w, v, rows=rows, columns=columns, p=p, q=q, r=r, s=s, store=store):
            a = a.copy()
            for i in range(rows):
                for j in range(columns):
                    if store:
                        a[i + p, j + q] = w[i, j] * 2.0
                    else:
                        a[i + p, j + q] += w[i, j] * 2.0
                    a[i + r, j + s] += v[i, j] * 3.0
            return a

        a, (w, v) = rng.random((rows + 2, columns + 2)), rng.random((2, rows, columns))
        found = gradc.compile(swept, backend="auto", unroll=0)(a, w, v)
        np.testing.assert_allclose(found, swept(a, w, v), rtol=1e-14)


def test_loops_over_neighbours_are_left_alone():
    def smooth(x):
        y = np.zeros_like(x)
        for i in range(1, 39):
            y[i] = x[i - 1] + x[i + 1]
        return y

    source = gradc.compile(smooth, backend="numpy", unroll=0).artifact(np.ones(40)).source("c")
    assert "gradc_serial" not in source
