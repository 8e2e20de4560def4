"""Loops over time with work that is the same in each turn: done once, and the right gradient."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS
from tests.oracles import complex_step

backends = pytest.mark.parametrize("backend", BACKENDS)

X = np.random.default_rng(8).uniform(0.5, 1.5, (8, 8))
TURNS = 4


def sweeps(u, turns):
    """Implicit steps along rows, then along columns; the coefficients depend on no data."""
    u = u.copy()
    n = u.shape[0]
    c, r = np.zeros((n, n)), np.zeros((n, n))
    for _ in range(turns):
        c[1:-1, 0] = 0.0
        r[1:-1, 0] = u[1:-1, 0]
        for j in range(1, n - 1):
            low = 3.0 - c[1:-1, j - 1]
            c[1:-1, j] = 1.0 / low
            r[1:-1, j] = (u[j, 1:-1] + 0.5 * u[j, 2:] + r[1:-1, j - 1]) / low
        for j in range(n - 2, 0, -1):
            u[1:-1, j] = c[1:-1, j] * u[1:-1, j + 1] + r[1:-1, j]
        c[0, 1:-1] = 0.0
        r[0, 1:-1] = u[0, 1:-1]
        for i in range(1, n - 1):
            low = 4.0 - c[i - 1, 1:-1]
            c[i, 1:-1] = 1.0 / low
            r[i, 1:-1] = (u[i, 1:-1] + r[i - 1, 1:-1]) / low
        for i in range(n - 2, 0, -1):
            u[i, 1:-1] = c[i, 1:-1] * u[i + 1, 1:-1] + r[i, 1:-1]
    return np.sum(u * u)


def elements(u, turns):
    """The first sweep of each turn element by element, rows and columns changed after it."""
    u = u.copy()
    n = u.shape[0]
    c, r = np.zeros((n, n)), np.zeros((n, n))
    for _ in range(turns):
        for i in range(1, n - 1):
            c[i, 0] = 0.0
            r[i, 0] = u[i, 0]
            for j in range(1, n - 1):
                low = 3.0 - c[i, j - 1]
                c[i, j] = 1.0 / low
                r[i, j] = (u[j, i] + 0.5 * u[j, i + 1] + r[i, j - 1]) / low
            for j in range(n - 2, 0, -1):
                u[i, j] = c[i, j] * u[i, j + 1] + r[i, j]
    return np.sum(u * u)


def thomas(x, turns):
    """A tridiagonal solve per turn, with coefficients that depend on data: scalars are carried."""
    n = x.shape[0]
    diagonal = 3.0 + x[:, 0]
    d = x[:, 1].copy()
    for _ in range(turns):
        c = np.zeros(n)
        g = np.zeros(n)
        below = 0.0
        before = 0.0
        for i in range(n):
            den = diagonal[i] - below
            below = 1.0 / den
            before = (d[i] + before) / den
            c[i] = below
            g[i] = before
        after = 0.0
        for i in range(n - 1, -1, -1):
            after = g[i] - c[i] * after
            d[i] = after
    return np.sum(d**3)


def factors(x, turns):
    """A triangular factorisation and two substitutions per turn."""
    n = x.shape[0]
    b = x[0].copy()
    for _ in range(turns):
        m = x + 8.0 * np.eye(n)
        for k in range(n - 1):
            m[k + 1 :, k] = m[k + 1 :, k] / m[k, k]
            m[k + 1 :, k + 1 :] = (
                m[k + 1 :, k + 1 :] - m[k + 1 :, k : k + 1] * m[k : k + 1, k + 1 :]
            )
        for i in range(1, n):
            b[i] = b[i] - m[i, :i] @ b[:i]
        for i in range(n):
            k = n - 1 - i
            b[k] = (b[k] - m[k, k + 1 :] @ b[k + 1 :]) / m[k, k]
    return np.sum(b * b)


def weights(x, turns):
    """Weights of a stencil and a mask, made in each turn."""
    n = x.shape[0]
    u = x[0].copy()
    for _ in range(turns):
        w = np.zeros(3)
        for k in range(3):
            w[k] = np.exp(-((k - 1.0) ** 2) * x[1, 1])
        w = w / np.sum(w)
        mask = np.where(x[2] > 1.0, 1.0, 0.5)
        u[1:-1] = mask[1:-1] * (w[0] * u[:-2] + w[1] * u[1:-1] + w[2] * u[2:])
    return np.sum(u * u) + n


PROGRAMS = (sweeps, elements, thomas, factors, weights)


@backends
@pytest.mark.parametrize("program", PROGRAMS)
def test_value_and_gradient(program, backend):
    value, gradient = gradc.value_and_grad(lambda x: program(x, TURNS), backend=backend)(X)
    np.testing.assert_allclose(value, program(X, TURNS), rtol=1e-13)
    (expected,) = complex_step(lambda x: program(x, TURNS), (X,), (0,))
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("program", [sweeps, elements])
def test_large_sweeps_are_the_same_in_c(program):
    """Matrices long enough to lie by columns."""
    x = np.random.default_rng(9).uniform(0.5, 1.5, (37, 37))
    in_c, in_numpy = (gradc.value_and_grad(program, backend=b)(x, 3) for b in ("c", "numpy"))
    np.testing.assert_allclose(in_c[0], in_numpy[0], rtol=1e-13)
    np.testing.assert_allclose(in_c[1], in_numpy[1], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("program", [sweeps, elements, thomas])
def test_coefficients_are_made_once(program):
    """The divisions that make them stand before the loop over time."""
    text = gradc.value_and_grad(lambda x: program(x, 50)).source("numpy", X)
    outer = text.index("in range(50)")
    assert "1.0 /" in text[:outer]
    assert "1.0 /" not in text[outer : text.index("# adjoint")]


@pytest.mark.parametrize("turns", [4, 40])
def test_what_is_kept_does_not_grow_with_time(turns):
    artifact = gradc.value_and_grad(lambda x: sweeps(x, turns)).artifact(X)
    assert artifact.memory().tape == 2 * 6 * 6 * 8
