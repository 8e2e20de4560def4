"""Whole powers in C: multiplied out if they are small, else of what is positive."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e200, -1e200, 1e-200, -1e-110, 1.0, -1.0])


def power(n):
    return lambda x: x**n


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7, 8, 12, -1, -2, -3, -6])
def test_powers_are_as_exact_as_vector_functions(n):
    x = np.random.default_rng(n + 50).standard_normal(5000)
    found = gradc.compile(power(n), backend="c")(x)
    exact = x.astype(np.longdouble) ** n
    assert np.max(np.abs(found - exact) / np.spacing(np.abs(found))) <= 4


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7, 8, -2, -3])
def test_what_is_special_is_as_in_numpy(n):
    found = gradc.compile(power(n), backend="c")(SPECIAL)
    with np.errstate(all="ignore"):
        expected = SPECIAL**n
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found)[numbers], np.signbit(expected)[numbers])


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_small_powers_take_no_logarithm(n):
    gradient = gradc.value_and_grad(lambda x: np.sum(x**n))
    text = gradient.source("c", np.ones(100))
    assert "pow(" not in text
    assert f"x ** {n}" in gradient.source("numpy", np.ones(100))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [3, 6, 7, 9, -2, -3])
def test_derivatives_to_second_order(n, backend):
    def loss(x):
        total = 0.0
        for k in range(3):
            total = total + np.sum((x + 0.1 * k) ** n)
        return total

    x = np.array([-1.7, -0.6, 0.4, 1.3])
    found = gradc.value_and_grad(loss, backend=backend)(x)
    expected = sum(n * (x + 0.1 * k) ** (n - 1) for k in range(3))
    np.testing.assert_allclose(found[1], expected, rtol=1e-12)
    second = gradc.hessian(loss, backend=backend)(x)
    curve = sum(n * (n - 1) * (x + 0.1 * k) ** (n - 2) for k in range(3))
    np.testing.assert_allclose(second, np.diag(curve), rtol=1e-12, atol=1e-12)


def test_other_powers_are_left_alone():
    text = gradc.compile(lambda x, y: x**2.5 + x**y).source("c", np.ones(9), np.ones(9))
    assert "fabs" not in text
    infinite = gradc.compile(lambda x: x**np.inf, backend="c")(np.array([0.5, 1.0, 2.0]))
    np.testing.assert_array_equal(infinite, [0.0, 1.0, np.inf])
    whole = np.array([1, -2, 3])
    np.testing.assert_array_equal(gradc.compile(power(3), backend="c")(whole), whole**3)
    single = np.linspace(-2, 2, 50, dtype="f4")
    np.testing.assert_allclose(gradc.compile(power(5), backend="c")(single), single**5, rtol=1e-6)
