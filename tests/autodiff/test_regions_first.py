"""Elements that no turn has written yet are read from the array before the loop."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS
from tests.oracles import complex_step

RNG = np.random.default_rng(3)
A, B = RNG.standard_normal((2, 9, 9))


def triangular_product(a, b):
    """Rows below the one that is written are still those of ``b``."""
    b = b.copy()
    for i in range(9):
        for j in range(9):
            b[i, j] += np.dot(a[i + 1 :, i], b[i + 1 :, j])
    return b


def from_below(a, b):
    b = b.copy()
    for i in range(8, -1, -1):
        for j in range(9):
            b[i, j] = b[i, j] * np.dot(a[i, :i], b[:i, j])
    return b


def product_with_the_next(a, b):
    b = b.copy()
    for i in range(8):
        b[i] = b[i] * np.sin(b[i + 1]) + a[i]
    return b


def product_with_the_last(a, b):
    """What is read has been written: the tape, or the array as the loop leaves it."""
    b = b.copy()
    for i in range(1, 9):
        b[i] = b[i] * np.sin(b[i - 1]) + a[i]
    return b


def both_sides(a, b):
    b = b.copy()
    for i in range(1, 8):
        b[i] = b[i] * b[i - 1] + np.cos(b[i + 1]) * a[i]
    return b


def again_and_again(a, b):
    """Rows below are those of the last sweep, not of the first array."""
    b = b.copy()
    for _ in range(3):
        for i in range(8):
            b[i] = 0.5 * b[i] * np.sin(b[i + 1]) + 0.3 * a[i]
    return b


def a_part_that_is_written_before(a, b):
    """The turn itself has written the element that it reads below."""
    b = b.copy()
    for i in range(8):
        b[i + 1] = b[i + 1] * 0.5
        b[i] = b[i] * np.sin(b[i + 1]) * a[i]
    return b


PROGRAMS = [
    triangular_product, from_below, product_with_the_next, product_with_the_last, both_sides,
    again_and_again, a_part_that_is_written_before,
]  # fmt: skip


def loss_of(function):
    weights = np.cos(np.arange(81.0)).reshape(9, 9)
    return lambda a, b: np.sum(weights * function(a, b) ** 2)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("function", PROGRAMS)
def test_gradients(function, backend):
    loss = loss_of(function)
    made = gradc.value_and_grad(loss, (0, 1), backend=backend, unroll=0)
    value, found = made(A, B)
    np.testing.assert_allclose(value, loss(A, B), rtol=1e-13)
    for one, expected in zip(found, complex_step(loss, (A, B), (0, 1)), strict=True):
        np.testing.assert_allclose(one, expected, rtol=0, atol=1e-12 * np.max(np.abs(expected)))


@pytest.mark.parametrize("function", PROGRAMS)
def test_second_order(function):
    """The Hessian's product with a direction, against differences of the gradient."""
    gradient = gradc.grad(loss_of(function), 1, backend="numpy", unroll=0)
    u = RNG.standard_normal(B.shape)
    found = gradc.jvp(lambda b: gradient(A, b), (B,), (u,))[1]
    step = 1e-6
    expected = (gradient(A, B + step * u) - gradient(A, B - step * u)) / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.max(np.abs(expected)))


@pytest.mark.parametrize("function", [triangular_product, product_with_the_next])
def test_nothing_is_kept_turn_by_turn(function):
    gradient = gradc.value_and_grad(lambda a, b: np.sum(function(a, b)), (0, 1), unroll=0)
    assert gradient.artifact(A, B).memory().tape == 0
