"""Carries that a turn makes anew, element by element, are made where they are."""

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.kernels.nest import Copy, Loop
from gradc.kernels.walk import statements
from gradc.options import Options

RNG = np.random.default_rng(8)


def shortest(x):
    """Reads a row and a column of what it writes: both are copied first."""
    d = x.copy()
    for k in range(d.shape[0]):
        d = np.minimum(d, d[:, k, None] + d[k, :])
    return np.sum(d * d)


def eliminated(x):
    """The row and column of the turn are written as well."""
    d = x.copy()
    for k in range(d.shape[0]):
        d[:] = d - 0.1 * np.outer(d[:, k], d[k, :]) + 0.01 * d[k, k]
    return np.sum(d * d)


def smoothed(x):
    """Reads all of what it writes beside: that is no little part, and a new array is made."""
    d = x.copy()
    for _ in range(6):
        d = 0.5 * d + 0.3 * d[::-1] + 0.2 * d.T
    return np.sum(d * d)


@pytest.mark.parametrize(
    ("function", "copies"),
    [(shortest, 0), (eliminated, 0), (smoothed, 2)],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_copies_in_a_turn(function, copies):
    x = RNG.random((9, 9)) + 0.5
    made = gradc.value_and_grad(function, backend="c", unroll=0)
    unit = lower(made.artifact(x).program, Options())
    loops = [s for stage in unit.stages for s in stage.body if isinstance(s, Loop)]
    inside = [s for one in loops for s in statements(one.body)]
    assert sum(isinstance(s, Copy) for s in inside) == copies
    value, found = made(x)
    wanted_value, wanted = gradc.value_and_grad(function, backend="numpy", unroll=0)(x)
    assert value == pytest.approx(function(x), rel=1e-13)
    assert value == pytest.approx(wanted_value, rel=1e-13)
    np.testing.assert_allclose(found, wanted, rtol=1e-11)
