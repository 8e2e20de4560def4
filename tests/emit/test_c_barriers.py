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
