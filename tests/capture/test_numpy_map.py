"""NumPy functions, each compared with NumPy on several spellings; promotion; refusals."""

import itertools

import numpy as np
import pytest

import gradc
from gradc.errors import GradcError
from tests.capture.support import check, record

A = np.linspace(-2.0, 3.0, 12).reshape(3, 4)
P = np.abs(A) + 0.5
B = np.arange(4.0) - 1.5
I = np.arange(12).reshape(3, 4) - 4  # noqa: E741
K = np.array([2, 0, 1, 1])
C = np.cos(np.arange(24.0)).reshape(2, 3, 4)
M = A > 0

CALLS = {
    # reductions
    "sum": lambda x: (np.sum(x), np.sum(x, 0), np.sum(x, (0, -1)), x.sum(1, keepdims=True)),
    "sum_more": lambda x: (np.sum(x, initial=2.0), np.sum(x, where=x > 0), np.sum(x > 0)),
    "sum_dtype": lambda x: (np.sum(x, dtype=np.float32), np.sum(I + 0 * x.astype(int), axis=0)),
    "prod": lambda x: (np.prod(x), np.prod(x, axis=1, where=x > 0, initial=3)),
    "mean": lambda x: (np.mean(x), x.mean(0), np.mean(x, (0, 1), keepdims=True), np.mean(x > 0)),
    "mean_where": lambda x: np.mean(x, axis=0, where=x > -2),
    "var": lambda x: (np.var(x), x.var(0, ddof=1), np.var(x, axis=1, keepdims=True)),
    "std": lambda x: (np.std(x), x.std(axis=(0, 1)), np.std(x, axis=0, ddof=1)),
    "average": lambda x: (
        np.average(x),
        np.average(x, axis=1, weights=B + 2),
        np.average(x, weights=P),
    ),
    "extrema": lambda x: (np.max(x), x.min(0), np.amax(x, 1, keepdims=True), np.ptp(x, axis=0)),
    "extrema_where": lambda x: (np.max(x, initial=0.5), np.min(x, 0, where=x > 0, initial=9.0)),
    "truth": lambda x: (np.any(x > 2), np.all(x > -9, 0), (x > 0).any(1), np.all(x)),
    "count": lambda x: (np.count_nonzero(x > 0), np.count_nonzero(x, axis=0)),
    "positions": lambda x: (np.argmax(x), x.argmin(0), np.argmax(x, 1, keepdims=True)),
    "scans": lambda x: (np.cumsum(x), np.cumsum(x, 0), x.cumprod(axis=1), np.cumsum(x > 0)),
    "diff": lambda x: (np.diff(x), np.diff(x, 2, 0), np.diff(x, prepend=0.0, axis=1)),
    "ufunc_methods": lambda x: (
        np.add.reduce(x),
        np.add.reduce(x, axis=None),
        np.maximum.reduce(x, 1),
        np.multiply.accumulate(x),
        np.add.accumulate(x, 1),
        np.multiply.outer(x[0], x[1]),
        np.logical_and.reduce(x > -9, axis=1),
        np.subtract.outer(x, B),
    ),
    # shape
    "reshape": lambda x: (x.reshape(4, 3), np.reshape(x, -1), x.reshape((2, -1)), x.ravel("F")),
    "axes": lambda x: (x.T, np.transpose(x, (1, 0)), np.swapaxes(x, 0, 1), np.moveaxis(x, 0, -1)),
    "expand": lambda x: (np.expand_dims(x, (0, 2)), np.squeeze(x[:1]), x[None].squeeze(0)),
    "broadcast": lambda x: (np.broadcast_to(x[0], (2, 4)), np.broadcast_arrays(x, B)[1]),
    "atleast": lambda x: (np.atleast_1d(x[0, 0]), np.atleast_2d(x[0]), np.atleast_3d(x)),
    "joins": lambda x: (
        np.concatenate([x, P]),
        np.stack([x, P], -1),
        np.vstack([x[0], B]),
        np.hstack([x, P]),
        np.column_stack([x[0], B]),
        np.append(x, 1.0),
    ),
    "splits": lambda x: (np.split(x, 2, 1), np.array_split(x, 2), np.split(x, [1, 2])),
    "order": lambda x: (np.flip(x), np.flip(x, 0), np.roll(x, 2), np.roll(x, (1, -1), (0, 1))),
    "repeats": lambda x: (
        np.repeat(x, 2),
        np.repeat(x, [1, 0, 2], axis=0),
        np.tile(x, (2, 1)),
        np.tile(x[0], 3),
    ),
    "queries": lambda x: (np.shape(x), np.ndim(x), np.size(x), len(x), x.nbytes, x.itemsize),
    # creation
    "like": lambda x: (np.zeros_like(x), np.ones_like(x, dtype=int), np.full_like(x, x[0, 0])),
    "fills": lambda x: (np.full((2, 2), x[0, 0]), np.zeros(2) + x[0, :2], np.eye(3) @ x),
    "ranges": lambda x: (np.arange(4) * x, np.linspace(0, 1, 4) + x, np.linspace(x[0, 0], 3.0, 5)),
    "matrices": lambda x: (np.diag(x[0]), np.diag(x), np.tril(x), np.triu(x, 1), np.diag(B) * x[0]),
    "meshgrid": lambda x: np.meshgrid(x[0], np.arange(2.0)),
    "copies": lambda x: (
        np.copy(x),
        np.array(x, dtype="f4"),
        x.astype(int),
        np.asarray(x),
        x.flatten(),
    ),
    # selection
    "where": lambda x: (np.where(x > 0, x, 0), np.where(x > 0, 1.0, x), np.where(M, x, -x)),
    "select": lambda x: np.select([x > 2, x > 0], [x * 2, x], default=-1.0),
    "clip": lambda x: (np.clip(x, 0, 1), x.clip(min=0), np.clip(x, None, B), x.clip(-1, max=1)),
    "nan_to_num": lambda x: np.nan_to_num(np.log(x), nan=1.0, neginf=-5.0),
    "take": lambda x: (np.take(x, K, 1), np.take(x, 3), x.take([1, 1]), np.take(x, K)),
    "along": lambda x: np.take_along_axis(x, np.argmax(x, 1, keepdims=True), 1),
    "close": lambda x: (np.isclose(x, 0.0), np.allclose(x, x), np.array_equal(x, x)),
    "round": lambda x: (np.round(x), x.round(1), np.round(x * 100, -1), np.rint(x), np.fix(x)),
    # products
    "matmul": lambda x: (x @ x.T, x @ B, B @ x.T, np.matmul(C, x.T), C @ B, x[0] @ x[1], B @ x.T),
    "batched": lambda x: (np.matmul(C[:, None], x.T), C @ np.swapaxes(C[:1], 1, 2) + x[0, 0]),
    "dot": lambda x: (np.dot(x, x.T), np.dot(x, B), np.dot(2.0, x), np.dot(C, x.T), x.dot(B)),
    "products": lambda x: (np.inner(x, x), np.outer(x[0], B), np.vdot(x, P), np.kron(x, P[:1, :2])),
    "tensordot": lambda x: (
        np.tensordot(C, x),
        np.tensordot(C, x, axes=([2], [1])),
        np.tensordot(x, B, 0),
    ),
    "einsum": lambda x: (
        np.einsum("ij,kj->ik", x, P),
        np.einsum("ij->j", x),
        np.einsum("ij,ij", x, P),
        np.einsum("bij,kj->bik", C, x),
        np.einsum("ii", x[:, :3]),
        np.einsum("ij,j,j->i", x, B, B),
        np.einsum("...j,j", C + x, B),
        np.einsum("ji", x),
        np.einsum("i,j->ij", B, x[0]),
    ),
    "vecdot": lambda x: (np.vecdot(x, P), np.trace(x), np.cross(x[:, :3], P[:, 1:])),
    "norm": lambda x: (
        np.linalg.norm(x),
        np.linalg.norm(x, axis=1),
        np.linalg.norm(x[0], 1),
        np.linalg.norm(x, np.inf, 0),
        np.linalg.norm(x[0], 3),
        np.linalg.norm(x, "fro"),
    ),
    # elementwise
    "angles": lambda x: (np.deg2rad(x), np.degrees(x), np.sinc(x), np.arctan2(x, P)),
    "logs": lambda x: (np.logaddexp(x, P), np.logaddexp2(x, 1.0), np.log1p(P * x * x), np.expm1(x)),
    "powers": lambda x: (x**2, P**x, x**3, P**0.5, 2.0**x, np.float_power(P, x), x**-1, x**0),
    "quotients": lambda x: (
        x / P,
        x // 0.7,
        x % 0.7,
        np.fmod(x, 0.7),
        np.reciprocal(P * x),
        1 / P + x,
    ),
    "signs": lambda x: (abs(x), np.sign(x), np.copysign(P, x), np.fabs(x), -x, +x, np.signbit(x)),
    "limits": lambda x: (np.maximum(x, 0), np.fmin(x, P), np.heaviside(x, 0.5), np.hypot(x, P)),
    "tests": lambda x: (
        np.isnan(x),
        np.isfinite(x),
        ~(x > 0),
        (x > 0) & (x < 1) | (x == 3),
        x != P,
    ),
    "trig": lambda x: tuple(f(x) for f in (np.sin, np.cos, np.tan, np.arctan, np.sinh, np.arcsinh)),
    "floors": lambda x: (np.floor(x), np.ceil(x), np.trunc(x), np.cbrt(x), np.square(x)),
    "dtype_argument": lambda x: (np.add(x, 1, dtype=np.float32), np.sin(x, out=np.zeros((3, 4)))),
    "samples": lambda x: (
        np.trapezoid(x),
        np.trapezoid(x[0], B),
        np.gradient(x),
        np.gradient(x[0], 2.0),
    ),
    "covariances": lambda x: (
        np.cov(x),
        np.cov(x, rowvar=False, ddof=0),
        np.cov(x[0], x[1], bias=True),
        np.cov(x[0]),
        np.cov(x[:2], C[0, :2] * x[0, 0]),
    ),
    "correlations": lambda x: (
        np.corrcoef(np.sin(x)),
        np.corrcoef(np.cos(3 * x), rowvar=False),
        np.corrcoef(x[0]),
        np.corrcoef(x[0], np.sin(x[1])),
    ),
    "histograms": lambda x: (
        *np.histogram(x, 5),
        *np.histogram(x, 4, weights=P),
        *np.histogram(x, weights=x * x, density=True),
        *np.histogram(x, 3, range=(-1.0, 2.0), weights=x),
        *np.histogram(x, 3, range=(-2, 2)),
        *np.histogram(0 * x, 3),
    ),
    # indexing
    "basic": lambda x: (x[1], x[-1, ::2], x[..., 1], x[:, None], x[1:, -2], x[::-1, 3:0:-2], x[5:]),
    "ellipsis": lambda x: (x[1, 2], x[1, 2, ...], x[...], x[()], x[..., None]),
    "arrays": lambda x: (x[[0, 2]], x[K % 3], x[[0, 1], [1, 2]], x[:, K], x[[[0], [1]], [0, 2]]),
    "mixed": lambda x: (C[0, :, K] + x[0, 0], C[:, K % 3, 1] * x[0, 1], C[K % 2, :, K] + x[0, :3]),
    "masks": lambda x: (
        x[np.arange(12).reshape(3, 4) % 3 == 0],
        x[np.arange(3) > 0],
        x[:, np.array([True, False, True, False])],
    ),
    "traced_indices": lambda x: (
        x[np.argmax(x, 0), 1],
        x[np.argmax(x[:, 0])],
        x[0][np.argmin(x[0])],
    ),
}


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated")  # from NumPy 2.5 on
@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    check(CALLS[name], A.copy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "name", ["sum", "mean", "var", "extrema", "powers", "where", "clip", "norm"]
)
def test_calls_in_single_precision(name):
    check(CALLS[name], A.astype(np.float32), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["sum", "mean", "joins", "reshape", "basic", "truth", "scans"])
def test_calls_of_integers(name):
    check(CALLS[name], I.copy(), rtol=1e-12)


def test_empty_and_zero_dimensional_arrays():
    check(lambda x: (np.sum(x), x * 2, np.concatenate([x, x]), x.reshape(3, 0)), np.zeros((0, 3)))
    check(lambda x: (np.sum(x), x + 1, x[...], x.reshape(1), np.exp(x), x.ravel()), np.array(0.5))


# promotion

_KINDS = (
    True, 3, 0.5, np.bool_(True), np.int8(2), np.uint8(3), np.int32(2), np.int64(2), np.uint64(2),
    np.float32(0.5), np.float64(0.5), np.array([1, 2], np.int16), np.array([1.5, 2], np.float32),
    np.array([1, 2]), np.array([1.0, 2.0]), np.array(2.0, np.float32), np.array([True, False]),
)  # fmt: skip
_OPERATORS = {
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "subtract": lambda a, b: a - b,
    "less": lambda a, b: a < b,
    "maximum": np.maximum,
    "where": lambda a, b: np.where(True, a, b),
    "array": lambda a, b: np.stack([a, b]) if np.ndim(a) == np.ndim(b) else a * b,
}


@pytest.mark.parametrize("name", _OPERATORS)
def test_promotion_is_numpys(name):
    function = _OPERATORS[name]
    for a, b in itertools.product(_KINDS, _KINDS):
        if not any(
            isinstance(x, np.ndarray | np.generic | float) and x is not True for x in (a, b)
        ):
            continue
        try:
            with np.errstate(all="ignore"):
                want = function(a, b)
        except TypeError:
            with pytest.raises((GradcError, TypeError)):
                record(function, a, b)
            continue
        if np.asarray(want).dtype == np.float16:
            continue
        try:
            check(function, a, b)
        except GradcError as error:
            assert "no common type" in str(error) or "float16" in str(error), (a, b)


def test_python_floats_stay_weak():
    check(lambda x, s: (x * s, s * 2, s + s, np.exp(s), s < 1, -s), np.ones(2, np.float32), 0.5)


def test_small_python_integers_must_fit():
    with pytest.raises(GradcError, match="out of bounds"):
        record(lambda x: x + 300, np.ones(2, np.uint8))


def outputs_by_position(x):
    y = np.zeros(3)
    np.sin(x, y)
    np.add(y, x, x)
    np.deg2rad(x, y)
    return x, y


def test_outputs_given_by_position():
    check(outputs_by_position, np.arange(3.0))


def test_sums_of_nothing_on_a_logarithmic_scale():
    empty = np.array([-np.inf, -np.inf, 0.0])
    check(lambda x, y: (np.logaddexp(x, y), np.logaddexp2(x, y)), empty, empty[::-1].copy())
    check(lambda x: np.logaddexp(x, -np.inf), empty)
    first = gradc.grad(lambda x: np.logaddexp(x, 0.5), backend="numpy")
    assert gradc.grad(first, backend="numpy")(0.5) == 0.25
