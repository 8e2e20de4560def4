"""Sorting: NumPy's order, its derivative by the permutation, both backends."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

backends = pytest.mark.parametrize("backend", BACKENDS)
DTYPES = ("f8", "f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?")
FEW = ((17,), (2, 3, 4))
SHAPES = ((0,), (1,), (2,), (15,), (16,), (100,), (3, 0), (3, 40), *FEW)


def draw(dtype, shape):
    """Numbers with many ties; floats with NaN, infinities and both zeros."""
    rng = np.random.default_rng(len(shape))
    x = rng.integers(0, 9, shape).astype(dtype)
    if x.dtype.kind == "f" and x.size:
        special = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, -1.5], dtype)
        x = np.where(rng.random(shape) < 0.4, rng.choice(special, shape), x)
    return x if x.dtype.kind != "i" else x - np.array(4, dtype)


@backends
@pytest.mark.parametrize("dtype", DTYPES)
def test_as_numpy(dtype, backend):
    for shape in SHAPES if dtype == "f8" else FEW:
        x = draw(dtype, shape)
        for axis in (*range(-1, x.ndim), None):

            def both(x, axis=axis):
                return np.sort(x, axis=axis), np.argsort(x, axis=axis, kind="stable")

            found, wanted = gradc.compile(both, backend=backend)(x), both(x)
            for a, b in zip(found, wanted, strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_array_equal(a, b, err_msg=f"{dtype} {shape} {axis}")


@backends
def test_extreme_integers(backend):
    for dtype in ("i8", "i4", "u8", "u4"):
        info = np.iinfo(dtype)
        x = np.array([3, info.max, info.min, 0, info.max - 1, info.min + 1], dtype)
        np.testing.assert_array_equal(gradc.compile(np.sort, backend=backend)(x), np.sort(x))


def weighted(x):
    return np.sum(np.sort(x) ** 2 * np.arange(1.0, 7.0))


@backends
def test_the_gradient_goes_back_by_the_permutation(backend):
    x = np.array([[0.3, -1.0, 2.0, 0.7, 5.0, -0.2], [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]])
    place = np.argsort(np.argsort(x))
    gradient = gradc.grad(weighted, backend=backend)
    np.testing.assert_allclose(gradient(x), 2 * x * (1.0 + place), rtol=1e-15)
    gradc.check_grads(weighted, (x,), order=2, backend=backend)


@backends
def test_equal_elements_keep_their_order(backend):
    """So the derivative at a tie is that of the first of all permutations that sort."""
    gradient = gradc.grad(lambda x: np.sum(np.sort(x) * np.arange(4.0)), backend=backend)
    np.testing.assert_array_equal(gradient(np.array([1.0, 0.0, 1.0, 0.0])), [2.0, 0.0, 3.0, 1.0])


@backends
def test_methods(backend):
    def inside(x):
        y = x.copy()
        y.sort(axis=0)
        return y[:, ::-1] * 2.0, x.argsort()

    x = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])
    for a, b in zip(gradc.compile(inside, backend=backend)(x), inside(x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_second_derivatives_of_piecewise_linear_functions_are_zero():
    """A mask or a position that only a derivative reads is constant, by the rule that made it."""
    x = np.array([1.0, -2.0, 3.0])
    for f in (
        lambda x: np.sum(np.maximum(x, 0.0)),
        lambda x: np.max(x),
        lambda x: np.sum(np.sort(x, axis=0)[::-1] * np.arange(3.0)),
        lambda x: 2.0 * x[np.argmax(x)],
    ):
        assert not gradc.hessian(f)(x).any()


def test_positions_as_values_still_refuse():
    with pytest.raises(gradc.DerivativeError, match="argsort gives int64"):
        gradc.grad(lambda x: np.sum(np.argsort(x) * 1.0))(np.arange(3.0))
    with pytest.raises(gradc.DerivativeError, match="argsort gives int64"):
        gradc.grad(lambda x, w: np.sum(w[np.argsort(x)]))(np.arange(3.0), np.arange(3.0))


def test_order_is_for_fields():
    with pytest.raises(gradc.UnsupportedError, match="argument order"):
        gradc.compile(lambda x: np.sort(x, order="f"))(np.arange(3.0))
