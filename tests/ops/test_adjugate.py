"""Derivatives of determinants where there is no inverse, and where numbers leave float64's range.

The oracle is the definition in exact arithmetic: a cofactor is the determinant of what is left
without a row and a column.
"""

from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

backends = pytest.mark.parametrize("backend", BACKENDS)


def determinant(rows):
    """Expand along the first row, exactly."""
    if not rows:
        return Fraction(1)
    return sum((-1) ** j * x * determinant(without(rows, 0, j)) for j, x in enumerate(rows[0]) if x)


def without(rows, i, j):
    return [row[:j] + row[j + 1 :] for row in rows[:i] + rows[i + 1 :]]


def exact(a):
    return [[Fraction(float(x)) for x in row] for row in np.asarray(a)]


def rounded(x):
    """The float64 next to a fraction; one past the largest is infinite."""
    try:
        return float(x)
    except OverflowError:
        return np.inf if x > 0 else -np.inf


def cofactors(a):
    rows, n = exact(a), len(a)
    found = np.zeros((n, n))
    for i, j in product(range(n), repeat=2):
        found[i, j] = rounded((-1) ** (i + j) * determinant(without(rows, i, j)))
    return found


def cofactors_along(a, b):
    """The slope of every cofactor: the sum over the rows of the minor, each taken from b."""
    rows, other, n = exact(a), exact(b), len(a)
    found = np.zeros((n, n))
    for i, j in product(range(n), repeat=2):
        minor, moved = without(rows, i, j), without(other, i, j)
        slope = sum(determinant([*minor[:k], moved[k], *minor[k + 1 :]]) for k in range(n - 1))
        found[i, j] = rounded((-1) ** (i + j) * slope)
    return found


def random(n, seed):
    return np.random.default_rng(seed).integers(-4, 5, (n, n)).astype(float)


def of_rank(n, rank, seed):
    rng = np.random.default_rng(seed)
    left, right = rng.integers(-3, 4, (2, n, rank)).astype(float)
    return left @ right.T


SINGULAR = {
    "one number": np.zeros((1, 1)),
    "two rows": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "counted": np.arange(1.0, 10.0).reshape(3, 3),
    "a column of zeros": np.array([[1.0, 0.0, 3.0], [2.0, 0.0, 1.0], [5.0, 0.0, 7.0]]),
    "zeros": np.zeros((4, 4)),
    **{f"rank {rank} of 5": of_rank(5, rank, rank) for rank in range(1, 5)},
}
FAR = {
    "its determinant underflows": np.diag([1e-200, 1e-200, 1.0]),
    "a product underflows": np.diag([1e-200, 1.0, 1e-200, 1e200]) + np.diag([1e-201, 0.5, 0.0], 1),
    "its determinant overflows": np.diag([1e150, 1e150, 1e100]),
    "elements of every size": np.array(
        [[1e-150, 2.0, 1.0], [3e-150, 1.0, 2.0], [1e-150, 5.0, 1e9]]
    ),
}
MATRICES = {"regular": random(4, 1), "larger": random(6, 2), **SINGULAR, **FAR}
every_matrix = pytest.mark.parametrize("name", MATRICES)


def close(found, wanted):
    """Compare with the largest element; where all are 0, with the sizes of matrices here."""
    finite = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=0.0)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14 * finite if finite else 1e-11)


def gradient(a):
    return gradc.grad(lambda a: np.linalg.det(a))(a)


def change(a, b):
    return gradc.jvp(gradient, (a,), (b,))[1]


def slope(a, b):
    return gradc.jvp(lambda a: np.linalg.det(a), (a,), (b,))[1]


@cache
def compiled(function, backend):
    return gradc.compile(function, backend=backend)


@backends
@every_matrix
def test_the_gradient_of_a_determinant_is_its_cofactors(name, backend):
    a = MATRICES[name]
    close(compiled(gradient, backend)(a), cofactors(a))


@backends
@every_matrix
def test_the_gradient_along_a_direction(name, backend):
    a = MATRICES[name]
    b = random(len(a), 7)
    close(compiled(change, backend)(a, b), cofactors_along(a, b))


@backends
@every_matrix
def test_the_derivative_along_a_direction(name, backend):
    a = MATRICES[name]
    rows, moved = exact(a), exact(random(len(a), 7))
    wanted = sum(determinant([*rows[:k], moved[k], *rows[k + 1 :]]) for k in range(len(a)))
    found = compiled(slope, backend)(a, random(len(a), 7))
    close(found, np.array(rounded(wanted)))


@backends
def test_stacks_hold_singular_and_regular_matrices(backend):
    stack = np.stack([SINGULAR["counted"], random(3, 3), np.zeros((3, 3))])[:, np.newaxis]
    found = gradc.grad(lambda a: np.sum(np.linalg.det(a)), backend=backend)(stack)
    close(found, np.stack([cofactors(a[0]) for a in stack])[:, np.newaxis])


@backends
def test_float32_is_rounded_once(backend):
    """Everything in between is float64: the cofactors do not suffer from elimination."""
    a = random(5, 4).astype(np.float32)
    found = gradc.grad(lambda a: np.linalg.det(a), backend=backend)(a)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, cofactors(a), rtol=2**-24, atol=1e-11)


@backends
def test_third_derivatives_need_an_inverse(backend):
    weights = random(3, 5)

    def first(a):
        return np.sum(gradient(a) * weights)

    def second(a):
        return np.sum(gradc.grad(first)(a) * weights.T)

    third = gradc.grad(second, backend=backend)
    steps = np.eye(9).reshape(9, 3, 3)
    wanted = [np.sum(cofactors_along(step, weights.T) * weights) for step in steps]
    close(third(random(3, 3)), np.reshape(wanted, (3, 3)))
    with pytest.raises(gradc.SingularError, match="the matrix is singular"):
        third(np.zeros((3, 3)))


@backends
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_gives_nan(bad, backend):
    found = gradc.grad(lambda a: np.linalg.det(a), backend=backend)(np.diag([bad, 1.0, 1.0]))
    assert np.isnan(found).all()


def test_the_printed_module_needs_nothing_but_numpy():
    """Its helpers stand above the function, and a name of the user's does not hide one."""

    def volume(adjugate_of):
        return np.linalg.det(adjugate_of) + np.sum(np.linalg.det(adjugate_of * 2.0))

    a = SINGULAR["counted"]
    text = gradc.grad(volume).source("numpy", a)
    assert text.count("def adjugate_of(") == text.count("def diagonalized(") == 1
    space = {}
    exec(text, space)
    close(space["volume_grad"](a), (1 + 8) * cofactors(a))
