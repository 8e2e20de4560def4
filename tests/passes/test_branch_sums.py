"""The reverse of a branch inside a loop adds to arrays in place, and makes none of zeros."""

import re

import numpy as np
import pytest

import gradc

RNG = np.random.default_rng(17)


def all_but_the_diagonal(a, b):
    x, n = np.zeros_like(b), b.shape[0]
    for _ in range(3):
        for i in range(n):
            s = 0.0
            for j in range(n):
                if j != i:
                    s += a[i, j] * x[j]
            x[i] = (b[i] - s) / (4.0 + a[i, i])
    return np.sum(x * x)


def best_of_an_array(a, b):
    n = b.shape[0]
    h, best = np.zeros((n + 1, n + 1)), 0.0
    for i in range(n):
        for j in range(n):
            h[i + 1, j + 1] = max(0.0, h[i, j] + a[i, j], h[i, j + 1] - b[j])
            if h[i + 1, j + 1] > best:
                best = h[i + 1, j + 1]
    return best * best


def pairs_of_rows(a, b):
    f, n = np.zeros_like(a), b.shape[0]
    for i in range(n):
        for j in range(n):
            if i != j:
                d = a[j] - a[i]
                f[i] += b[j] * d / (0.1 + np.sum(d * d))
    return np.sum(f * f)


def one_branch_in_another(a, b):
    x, n = b.copy(), b.shape[0]
    for i in range(n):
        for j in range(n):
            if a[i, j] > 0.2:
                if b[j] > 0.0:
                    x[i] = x[i] + a[i, j] * b[j]
                else:
                    x[j] = x[j] * a[j, i]
    return np.sum(x * x)


PROGRAMS = [all_but_the_diagonal, best_of_an_array, pairs_of_rows, one_branch_in_another]


@pytest.mark.parametrize("loss", PROGRAMS)
@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_gradients_through_branches(loss, backend):
    at = RNG.standard_normal((7, 7)), RNG.standard_normal(7)
    found = gradc.compile(gradc.grad(loss, argnums=(0, 1)), backend=backend)(*at)
    d = RNG.standard_normal((7, 7)), RNG.standard_normal(7)
    h = 1e-6
    ahead, behind = (loss(*(x + s * h * t for x, t in zip(at, d, strict=True))) for s in (1, -1))
    along = sum(np.sum(one * t) for one, t in zip(found, d, strict=True))
    assert along == pytest.approx((ahead - behind) / (2 * h), rel=1e-6)


@pytest.mark.parametrize("loss", PROGRAMS)
def test_a_turn_fills_and_copies_no_array(loss):
    at = RNG.standard_normal((30, 30)), RNG.standard_normal(30)
    source = gradc.grad(loss, argnums=(0, 1)).source("c", *at)
    _, _, adjoint = source.rpartition("/* adjoint */")
    assert "if (" in adjoint
    assert not re.search(r"^ {12,}mem(set|cpy)\(", adjoint, re.MULTILINE)
    assert not re.search(r"^ {9,}for .*< (900|961);", adjoint, re.MULTILINE)


def test_a_loop_that_adds_in_branches_starts_from_the_sum_so_far():
    def loss(a, b):
        x = b.copy()
        for _ in range(4):
            y = x * x
            for i in range(30):
                for j in range(30):
                    if a[i, j] > 0.0:
                        x[i] = x[i] + a[i, j] * y[j]
        return np.sum(x)

    at = RNG.standard_normal((30, 30)) * 0.01, RNG.standard_normal(30) * 0.1
    gradient = gradc.grad(loss, argnums=(0, 1))
    assert "900 * sizeof(double)" in gradient.source("c", *at)
    _, _, adjoint = gradient.source("c", *at).rpartition("/* adjoint */")
    assert len(re.findall(r"(< 900;|memset\(.* 900 )", adjoint)) == 1
    found = gradc.compile(gradient, backend="c")(*at)
    expected = gradc.compile(gradient, backend="numpy")(*at)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
