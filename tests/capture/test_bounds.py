"""Loops between limits that are known only when the code runs, and how many turns they make."""

import re

import numpy as np
import pytest

import gradc

RNG = np.random.default_rng(41)
N = 14
A, B = RNG.random((N, N)), RNG.random((N, N))


def along_diagonals(a, b):
    n, c = a.shape[0], a.copy()
    for d in range(2, 2 * n - 1):
        for i in range(max(1, d - n + 1), min(d, n)):
            c[i, d - i] += 0.3 * c[i - 1, d - i] * b[i, d - i] + 0.3 * c[i, d - i - 1]
    return np.sum(c * c)


def in_bands(a, b):
    n, y = a.shape[0], np.zeros(a.shape[0])
    for i in range(n):
        for j in range(max(0, i - 2), min(n, i + 3)):
            y[i] += a[i, j] * b[0, j] * y[j]
        y[i] += 1.0
    return np.sum(y * y)


def in_tiles(a, b):
    n, c = a.shape[0], a.copy()
    for ii in range(1, n - 1, 5):
        for i in range(ii, min(ii + 5, n - 1)):
            for j in range(1, n - 1):
                c[i, j] = c[i, j] + 0.1 * c[i - 1, j] * b[i, j] - 0.1 * c[i, j + 1] * c[i, j]
    return np.sum(c * c)


def in_tiles_backwards(a, b):
    n, c = a.shape[0], a.copy()
    for ii in range(0, n, 5):
        for i in range(min(ii + 5, n) - 1, max(ii, 1) - 1, -1):
            c[i] = c[i - 1] * b[i] + 0.5 * c[i]
    return np.sum(c * c)


PROGRAMS = [(along_diagonals, N - 1), (in_bands, 5), (in_tiles, 5), (in_tiles_backwards, 5)]


@pytest.mark.parametrize(("loss", "most"), PROGRAMS)
@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_gradients(loss, most, backend):
    value, found = gradc.value_and_grad(loss, argnums=(0, 1), backend=backend)(A, B)
    assert value == pytest.approx(loss(A, B), rel=1e-13)
    da, db = RNG.standard_normal((N, N)), RNG.standard_normal((N, N))
    ahead, behind = (loss(A + h * da, B + h * db) for h in (1e-6, -1e-6))
    along = float(np.sum(found[0] * da) + np.sum(found[1] * db))
    assert along == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(("loss", "most"), PROGRAMS)
def test_the_turns_are_bounded_by_what_the_limits_say(loss, most):
    source = gradc.value_and_grad(loss, argnums=(0, 1)).source("c", A, B)
    assert set(map(int, re.findall(r"turns_\d+\+\+ == (\d+)", source))) == {most}


def test_the_tape_has_room_for_these_turns_only():
    """Three elements a turn of the innermost loop."""
    found = gradc.value_and_grad(along_diagonals, argnums=(0, 1)).artifact(A, B).memory()
    assert found.tape <= (2 * N - 3) * (N - 1) * 3 * 8 + (2 * N - 3) * 8


@pytest.mark.parametrize("loss", [along_diagonals, in_tiles])
def test_one_element_written_where_data_says_costs_one_element(loss):
    """Which write to a place is the last is asked of many places only."""
    for kind in ("c", "numpy"):
        source = gradc.grad(loss, argnums=(0, 1)).source(kind, A, B)
        assert not re.search(r"(= |, )-1[;,)]", source.rpartition("adjoint")[2])
