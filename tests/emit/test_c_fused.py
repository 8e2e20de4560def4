"""Small products along a long axis multiply and add in one rounding, with fast mathematics."""

import numpy as np
import pytest

import gradc


def squares(Q, x):
    return np.sum(np.matmul(x, Q) ** 2)


def added_up(x, y):
    return np.sum(x * y)


def arguments(dtype=np.float64):
    draw = np.random.default_rng(3).standard_normal
    return np.asarray(draw((3, 5, 4)), dtype), np.asarray(draw((3, 150, 5)), dtype)


def text(function, *args, **options):
    return gradc.value_and_grad(function, argnums=(0, 1), **options).source("c", *args)


@pytest.mark.parametrize(
    ("dtype", "name"), [(np.float64, "gradc_fused("), (np.float32, "gradc_fusedf(")]
)
def test_a_product_that_adds_up_many_terms(dtype, name):
    """The other ones have four and five terms, and are written out."""
    source = text(squares, *arguments(dtype), math="fast")
    calls = [line for line in source.splitlines() if f"= {name}" in line]
    assert {line.split("[")[0].strip().rstrip("_0123456789") for line in calls} == {"Q_bar_i"}
    assert len(calls) >= 3 * 4


@pytest.mark.parametrize("math", ["portable", "libm"])
def test_the_same_bits_on_every_processor(math):
    assert "gradc_fused" not in text(squares, *arguments(), math=math)


def test_other_sums_are_rounded_twice():
    """A product of the user's own that is added up is two operations, as in NumPy."""
    args = np.linspace(0.0, 1.0, 1000), np.linspace(1.0, 2.0, 1000)
    assert "gradc_fused" not in text(added_up, *args, math="fast")


@pytest.mark.parametrize("math", ["fast", "portable", "libm"])
def test_values(math):
    args = arguments()
    got = gradc.value_and_grad(squares, argnums=(0, 1), math=math)(*args)
    np.testing.assert_allclose(got[0], squares(*args), rtol=1e-13)
    Q, x = args
    y = 2.0 * np.matmul(x, Q)
    np.testing.assert_allclose(got[1][0], np.swapaxes(x, 1, 2) @ y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got[1][1], y @ np.swapaxes(Q, 1, 2), rtol=1e-12, atol=1e-12)
