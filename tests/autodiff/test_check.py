"""Differences that derivatives are compared with."""

import numpy as np
import pytest

import gradc
from gradc.autodiff.check import compare_directional, directional_difference
from gradc.errors import DerivativeError

AT, ALONG = [np.array([0.3, -0.7, 1.1])], [np.array([1.0, 0.5, -2.0])]


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (np.sin, np.cos),
        (np.exp, np.exp),
        (lambda x: x**3, lambda x: 3 * x**2),
        (lambda x: 5.0 * x, lambda x: np.full_like(x, 5.0)),
        (np.ones_like, np.zeros_like),
        (lambda x: 1.0 / (2.0 + x), lambda x: -1.0 / (2.0 + x) ** 2),
    ],
)
def test_differences_are_exact_to_many_digits(function, slope):
    found = directional_difference(function, AT, ALONG)
    np.testing.assert_allclose(found, slope(AT[0]) * ALONG[0], rtol=1e-9, atol=1e-10)


def test_several_arguments_and_results_that_are_numbers():
    def function(x, y):
        return float(np.sum(x * np.sin(y)))

    x, y = np.array([1.0, 2.0]), np.array([0.3, 0.4])
    dx, dy = np.array([0.1, -1.0]), np.array([2.0, 0.5])
    exact = np.sum(dx * np.sin(y) + x * np.cos(y) * dy)
    found = directional_difference(function, [x, y], [dx, dy])
    assert found.shape == ()
    np.testing.assert_allclose(found, exact, rtol=1e-10)


def test_arguments_are_not_changed():
    kept = AT[0].copy()
    directional_difference(np.sin, AT, ALONG)
    np.testing.assert_array_equal(AT[0], kept)


def test_agreement_is_relative_to_the_largest():
    compare_directional([1e6, 1.0], [1e6 + 0.5, 1.0], 1e-6, "it")
    compare_directional(1e-9, 0.0, 1e-8, "it")
    compare_directional([], [], 1e-8, "it")
    with pytest.raises(DerivativeError, match=r"it is off by 1\.00e-02"):
        compare_directional([1.01], [1.0], 1e-3, "it")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_never_agrees(bad):
    with pytest.raises(DerivativeError, match="off by"):
        compare_directional([bad, 1.0], [1.0, 1.0], 1e-3, "it")


def test_an_array_that_nothing_moves_has_the_tangent_zero():
    """Also where the derivative is taken of a derivative."""

    def both(x):
        return np.zeros(3), 2.0 * x

    def nested(x):
        return gradc.jvp(both, (x,), (np.ones(2),))[1]

    fixed, moved = gradc.compile(nested)(np.ones(2))
    np.testing.assert_array_equal(fixed, np.zeros(3))
    np.testing.assert_array_equal(moved, [2.0, 2.0])
    gradc.check_grads(both, (np.ones(2),), order=2)


def test_the_function_is_recorded_as_elsewhere():
    """Its ``np.zeros`` is an array that a traced value can be written into."""

    def written(x):
        out = np.zeros(3)
        np.multiply(x, x, out=out)
        return out

    gradc.check_grads(written, (np.arange(3.0),), order=2)
