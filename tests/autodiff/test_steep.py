"""Zero shares stay zeros where a derivative on the way back is infinite: slices, sides, joins."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

POINT = np.array([0.0, 1.0, 4.0, 2.0])
KEPT = np.array([False, False, True, True])

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def slice_under_a_mask(x):
    return np.sum(np.where(x[1:] > 1.5, np.log(x)[1:], 0.0))


def every_other(x):
    return np.sum(np.where(x[::2] > 0, (1 / x)[::2], x[::2]))


def one_place_twice(x):
    return np.sum(np.where(KEPT, (1 / x)[np.array([3, 0, 1, 3])], 0.0))


def joined(x):
    s = x * (1 / x) ** 2
    return np.sum(np.where(x > 0, np.concatenate([s[:1], s[1:]]), 0.0))


def stored(x):
    out = np.zeros(6)
    out[1:5] = np.log(x)
    return np.sum(np.where(np.arange(6) > 1, out, 1.0))


def stored_over(x):
    out = np.log(x)
    out[1:2] = x[2:3] ** 2
    return np.sum(np.where(x > 0, out, 1.0))


def added(x):
    out = np.log(x)
    out[1:] += 1 / x[1:]
    return np.sum(np.where(x > 0, out, 1.0))


def rows(x):
    y = x.reshape(2, 2)
    return np.sum(np.where(y[:, 0] > 0, np.log(y).sum(axis=1), 1.0))


def turned(x):
    y = x.reshape(2, 2)
    return np.sum(np.where(y[::-1, ::-1] > 0, (1 / y)[::-1, ::-1], 0.0))


def surrounded(x):
    return np.sum(np.where(np.pad(x, 1) > 0, np.pad(1 / x, 1), 0.0))


def without_a_mask(x):
    return np.sum(np.log(x)[1:] * 2) + (x**0.3)[2]


def one_side(x):
    s = np.log(x[0])
    if x[0] > 0.0:
        return s * x[1]
    return x[1] * 2.0


def a_chain_of_sides(x):
    r, q = 1 / x[0], np.log(x)
    if x[1] > 1.5:
        z = x[2]
    elif x[1] > 0.99 and x[0] > 0:
        z = r + q[0]
    else:
        z = x[1] ** 2 + q[1]
    return z * x[1]


def sides_of_a_side(x):
    r, q = 1 / x[0], np.log(x)
    if x[1] > 0.5:
        z = x[2]
        if x[0] > 0:
            z = z + r + q[0]
    else:
        z = q[1]
    return z * x[1]


def a_mask_on_one_side(x):
    q = np.log(x)
    z = np.where(x > 0, q, x) if x[1] > 0.5 else x
    return np.sum(z * x)


def sides_in_turns(x):
    total = 0.0
    for i in range(4):
        s = np.log(x[i])
        if x[i] > 0:
            total = total + s * x[i]
    return total


def carried(x):
    y, total = x, 0.0
    for _ in range(4):
        s = 1 / y
        total = total + np.where(y[1:] > 0.5, s[1:], 0.0).sum()
        y = y * 0.9
    return total


PROGRAMS = [
    slice_under_a_mask, every_other, one_place_twice, joined, stored, stored_over, added, rows,
    turned, surrounded, without_a_mask, one_side, a_chain_of_sides, sides_of_a_side,
    a_mask_on_one_side, sides_in_turns, carried,
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_what_does_not_count_gives_nothing(program, backend):
    """The steep element is 0; differences move the others only."""
    slope = gradc.grad(program, backend=backend, unroll=0)(POINT)
    for k in (1, 2, 3):
        step = np.eye(4)[k] * 1e-6
        expected = (program(POINT + step) - program(POINT - step)) / 2e-6
        np.testing.assert_allclose(slope[k], expected, atol=1e-7, rtol=1e-7)
    forward = gradc.jvp(program, (POINT,), (np.eye(4)[0],), backend=backend, unroll=0)[1]
    assert slope[0] == forward


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_second_order(program):
    hessian = gradc.jacobian(gradc.grad(program, unroll=0), backend="numpy", unroll=0)(POINT)
    for k in (1, 2, 3):
        step = np.eye(4)[k] * 1e-6
        slopes = [gradc.grad(program, unroll=0)(POINT + s * step) for s in (1, -1)]
        expected = (slopes[0] - slopes[1]) / 2e-6
        np.testing.assert_allclose(hessian[:, k], expected, atol=1e-6)
