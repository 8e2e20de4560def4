"""Elements under a mask whose values are traced: as NumPy has it, or refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import GradcError
from tests.backends import BACKENDS

X = np.array([1.0, -2.0, 3.0, -0.5, 2.0])
G = np.arange(20.0).reshape(4, 5) - 8.0


def comparisons(x, g):
    return np.sum(x[x > 0] == 1.0) + np.sum(x[x > 0] != 3.0) + np.sum((x[x > 0] < 2.5) & True)


def a_mask_behind_a_slice(x, g):
    g = g.copy()
    g[:, x > 0] *= 0.8
    g[:, x > 2.5] = x[0]
    return np.sum(g * g) + np.sum(np.sin(g[:, x < 0]))


def a_mask_of_two_axes_behind_a_slice(x, g):
    y = np.stack((g, 2.0 * g))
    y[:, g > 3.0] = -y[:, g > 3.0]
    return np.sum(y * y[0])


def as_many_rows_as_elements(x, g):
    x = x.copy()
    x[x > 0] = g[1, :3]
    return np.sum(x)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "function",
    [
        comparisons,
        a_mask_behind_a_slice,
        a_mask_of_two_axes_behind_a_slice,
        as_many_rows_as_elements,
    ],
)
def test_what_numpy_has(function: Callable[..., Any], backend: str) -> None:
    found = gradc.compile(function, backend=backend)(X, G)
    np.testing.assert_allclose(found, function(X, G), rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_another_number_of_rows_than_of_elements_is_an_error(backend: str, count: int) -> None:
    def fill(x, rows):
        x = x.copy()
        x[x > 0] = rows
        return x

    compiled = gradc.compile(fill, backend=backend)
    rows = np.arange(float(count))
    try:
        expected = fill(X, rows)
    except ValueError:
        with pytest.raises(IndexError, match=r"test_masked\.py"):
            compiled(X, rows)
    else:
        np.testing.assert_array_equal(compiled(X, rows), expected)


@pytest.mark.parametrize(
    "use",
    [
        lambda x, g: x[x > 0] @ x[x > 0],
        lambda x, g: g @ x[x > 0],
        lambda x, g: x[0] if x[x > 0] else x[1],
        lambda x, g: np.max(x[x > 0]),
        lambda x, g: x[x > 0].min(),
        lambda x, g: g[:, x > 0] * np.arange(4.0),
        lambda x, g: g[:4, :4][:, g[0, :4] > -7] + g[:4, :4][g[0, :4] > -7],
        lambda x, g: {x[x > 0]: 1},
        lambda x, g: 1.0 in x[x > 0],
    ],
)
def test_what_needs_their_number_is_refused(use: Callable[..., Any]) -> None:
    with pytest.raises((GradcError, TypeError), match=r"mask|unhashable"):
        gradc.compile(use)(X, G)
