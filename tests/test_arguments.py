"""Compiled calls with every kind of argument: NumPy's answer, or an error that names it."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import GradcError
from tests.backends import BACKENDS
from tests.trees import leaves

pytestmark = pytest.mark.parametrize("backend", BACKENDS)

BASE = np.arange(12.0).reshape(3, 4) / 8.0 - 0.75
OTHER = np.linspace(0.0, 1.0, 4)
DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    MATRIX = np.asmatrix(BASE)


class Subclass(np.ndarray):
    pass


class Loaded:
    """Something that NumPy can read, but that is no array."""

    def __array__(self, dtype=None, copy=None):
        return np.array(BASE, dtype=dtype)


def unaligned(x: np.ndarray) -> np.ndarray:
    raw = np.zeros(x.nbytes + 1, np.uint8)
    moved = raw[1:].view(x.dtype).reshape(x.shape)
    moved[...] = x
    return moved


def strided(x: np.ndarray) -> np.ndarray:
    wide = np.zeros((2 * x.shape[0], 3 * x.shape[1]), x.dtype)
    wide[::2, ::3] = x
    return wide[::2, ::3]


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "c": np.copy,
    "fortran": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "strided": strided,
    "reversed": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "part of a row": lambda x: np.hstack([x, x])[:, : x.shape[1]],
    "unaligned": unaligned,
    "swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "read only": read_only,
    "repeated": lambda x: np.broadcast_to(x[:1], x.shape),
    "window": lambda x: np.lib.stride_tricks.sliding_window_view(x.ravel(), 4)[:3],
}
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


def mixed(x, y):
    return x * 2 + y, x.sum(axis=0), x[::-1], np.maximum(x, 0.5) + x


def loss(x, y):
    return np.sum(np.tanh(x * y) ** 2)


def overwrite(x, y):
    x[1:] *= 2
    x[0] += y
    return x.sum()


def same(found: Any, expected: Any, tolerance: float = 0.0) -> None:
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        assert type(a) is type(b)
        assert (np.shape(a), np.asarray(a).dtype) == (
            np.shape(b),
            np.asarray(b).dtype.newbyteorder("="),
        )
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@layouts
def test_layouts(backend: str, layout: Callable[[np.ndarray], np.ndarray]) -> None:
    x, y = layout(BASE), OTHER[::-1]
    before = x.copy()
    same(gradc.compile(mixed, backend=backend)(x, y), mixed(before, y), 1e-15)
    found = gradc.grad(loss, argnums=(0, 1), backend=backend)(x, y)
    same(found, gradc.grad(loss, argnums=(0, 1), backend=backend)(before, y.copy()))
    np.testing.assert_array_equal(x, before)
    assert not any(np.shares_memory(a, x) for a in leaves(found))


@layouts
def test_layouts_of_what_is_overwritten(
    backend: str, layout: Callable[[np.ndarray], np.ndarray]
) -> None:
    mine, expected = layout(BASE), BASE.copy() if layout is not LAYOUTS["window"] else None
    overwritten = gradc.compile(overwrite, backend=backend)
    if not mine.flags.writeable:
        with pytest.raises(ValueError, match="read-only"):
            overwrite(mine, OTHER)
        with pytest.raises(GradcError, match=r"(?s)writes to x.*read-only"):
            overwritten(mine, OTHER)
        return
    result = overwritten(mine, OTHER)
    assert result == pytest.approx(overwrite(expected, OTHER), rel=1e-14)
    np.testing.assert_allclose(mine, expected, rtol=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(backend: str, dtype: str) -> None:
    x = (BASE * 4 + 4).astype(dtype)

    def arithmetic(x, y):
        return x + x, x * y, x > 1, x.sum(), x.max(axis=1), x.mean(), x[1:, ::2], x // 1 + y

    compiled = gradc.compile(arithmetic, backend=backend)
    tolerance = 1e-6 if dtype == "f4" else 1e-15
    for other in (OTHER, OTHER.astype("f4"), np.float32(2), np.int8(2), 2, 2.0, True):
        same(compiled(x, other), arithmetic(x, other), 1e-6 if other is not OTHER else tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_derivative_by_whole_numbers_is_refused(backend: str, dtype: str) -> None:
    x = (BASE * 4 + 4).astype(dtype)
    gradient = gradc.grad(loss, backend=backend)
    if x.dtype.kind == "f":
        assert gradient(x, OTHER).dtype == x.dtype
        return
    with pytest.raises(gradc.DTypeError, match="no derivative by x"):
        gradient(x, OTHER)


REFUSED = {
    "half": BASE.astype("f2"),
    "long double": BASE.astype("g"),
    "complex": BASE + 0j,
    "objects": BASE.astype(object),
    "text": np.array(["a", "b"]),
    "dates": np.array(["2020-01-01"], dtype="M8[D]"),
    "records": np.zeros(3, dtype=[("a", "f8")]),
    "masked": np.ma.masked_array(BASE, BASE > 0),
    "matrix": MATRIX,
    "a complex number": 1j,
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_named(backend: str, value: Any) -> None:
    for use in (gradc.compile, gradc.grad):
        with pytest.raises(GradcError) as caught:
            use(loss, backend=backend)(value, OTHER)
        assert "x" in str(caught.value).splitlines()[0].split()
        assert caught.value.repair
        assert caught.value.span is not None


STRANGE = {
    "list": BASE.tolist(),
    "tuple": tuple(map(tuple, BASE)),
    "none": None,
    "text": "abc",
    "bytes": b"abc",
    "range": range(4),
    "dict": {"a": BASE},
    "generator": (i for i in range(3)),
    "function": np.sin,
    "class": float,
    "memory view": memoryview(BASE.copy()),
    "huge": 10**400,
    "loaded": Loaded(),
    "module": np,
    "wrong shape": np.zeros((3, 5)),
    "ellipsis": ...,
    "slice": slice(2),
}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_strange_things_never_crash(backend: str, value: Any) -> None:
    def scaled(x, y):
        return np.sum(x * y)

    def outcome(call: Callable[..., Any]) -> Any:
        try:
            return call(value, OTHER)
        except (GradcError, TypeError, ValueError, AttributeError, OverflowError) as error:
            return error

    found, expected = outcome(gradc.compile(scaled, backend=backend)), outcome(scaled)
    if isinstance(expected, Exception):
        assert isinstance(found, Exception)
    elif not isinstance(found, GradcError):
        same(found, expected, 1e-14)


@pytest.mark.parametrize("x", [2.5, np.float64(2.5), np.float32(2.5), 3, np.int64(3), True, -0.0])
def test_numbers(backend: str, x: Any) -> None:
    def scaled(x, y):
        return x * y, x + 1, y - x, np.sin(x)

    tolerance = 2e-7 if isinstance(x, np.float32) else 1e-15
    same(gradc.compile(scaled, backend=backend)(x, OTHER), scaled(x, OTHER), tolerance)
    same(gradc.compile(scaled, backend=backend)(OTHER, x), scaled(OTHER, x), tolerance)


@pytest.mark.parametrize(
    "shape", [(), (0,), (1,), (3, 0), (0, 4), (1, 1), (7,), (17, 1), (2, 3, 4)]
)
def test_shapes(backend: str, shape: tuple[int, ...]) -> None:
    def several(x):
        return np.exp(x), x.sum(), x.T * 2, x.reshape(-1), np.cumsum(x), x - x.sum(axis=())

    x = np.random.default_rng(3).standard_normal(shape)
    same(gradc.compile(several, backend=backend)(x), several(x), 1e-14)
    gradient = gradc.grad(lambda x: np.sum(x**3), backend=backend)(x)
    np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-15)
    assert np.shape(gradient) == shape


def test_one_function_serves_all_types_it_has_met(backend: str) -> None:
    compiled = gradc.compile(lambda x: x * 2, backend=backend)
    for _ in range(2):
        for x in (BASE, OTHER, OTHER.astype("f4"), 1.5, np.arange(3), BASE.T, np.float32(2)):
            same(compiled(x), x * 2)


SPECIAL = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -1e-310, 2.2e-308, 1.7e308, -1.0, 1.0, 1e-200]
)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_special_values(backend: str, dtype: str) -> None:
    def exact(x, y):
        with np.errstate(all="ignore"):
            return (
                *(x + y, x - y, x * y, x / y, -x, abs(x), np.sqrt(x), np.floor(x), np.sign(x)),
                *(np.maximum(x, y), np.minimum(x, y), np.fmax(x, y), x == y, x < y, np.isnan(x)),
                *(np.where(x > 0, x, y), np.copysign(x, y), np.isinf(x), x + 0.0, x * 1.0, 0 * x),
            )

    with np.errstate(all="ignore"):
        x = np.repeat(SPECIAL, SPECIAL.size).astype(dtype)
        y = np.tile(SPECIAL, SPECIAL.size).astype(dtype)
        found, expected = gradc.compile(exact, backend=backend)(x, y), exact(x, y)
    of_two_zeros = {9, 10, 11}  # NumPy's own answer depends on the processor
    for number, (a, b) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_array_equal(a, b, err_msg=str(number))
        if number in of_two_zeros:
            continue
        known = ~np.isnan(b)
        np.testing.assert_array_equal(
            np.signbit(a)[known], np.signbit(b)[known], err_msg=str(number)
        )


def test_nan_payloads_pass_through(backend: str) -> None:
    x = np.array([0x7FF8_0000_0000_1234, 0xFFF8_0000_0000_0001], np.uint64).view(np.float64)
    found = gradc.compile(lambda x: x[::-1], backend=backend)(x)
    np.testing.assert_array_equal(found.view(np.uint64), x[::-1].copy().view(np.uint64))


def test_memory_maps_and_subclasses(backend: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, BASE)
    compiled = gradc.compile(mixed, backend=backend)
    same(compiled(np.load(path, mmap_mode="r"), OTHER), mixed(BASE, OTHER), 1e-15)
    with pytest.raises(GradcError, match="argument x"):
        compiled(BASE.view(Subclass), OTHER)


def test_writing_into_overlapping_arguments_is_refused(backend: str) -> None:
    def swap(x, y):
        x += y
        y -= x
        return x * y

    compiled = gradc.compile(swap, backend=backend)
    for shift in range(7):
        memory = np.arange(13.0)
        x, y = memory[shift : shift + 5], memory[:5]
        a, b = x.copy(), y.copy()
        if shift < 5:
            with pytest.raises(gradc.ArgumentError, match="x, which shares memory with y"):
                compiled(x, y)
            np.testing.assert_array_equal(memory, np.arange(13.0))
        else:
            np.testing.assert_array_equal(compiled(x, y), swap(a, b))
            np.testing.assert_array_equal(x, a)


def test_reading_overlapping_arguments(backend: str) -> None:
    memory = np.arange(9.0)
    compiled = gradc.compile(lambda x, y: x * 3 + y, backend=backend)
    for shift in range(4):
        x, y = memory[shift : shift + 5], memory[:5]
        np.testing.assert_array_equal(compiled(x, y), x * 3 + y)
    np.testing.assert_array_equal(compiled(memory, memory), memory * 4)


def test_a_huge_array_by_strides_is_refused_or_served(backend: str) -> None:
    huge = np.broadcast_to(np.float64(1.0), (2**20, 2**20, 2**12))
    compiled = gradc.compile(lambda x: x[0, 0, :3] * 2, backend=backend)
    with pytest.raises((GradcError, MemoryError)):
        compiled(huge)


def test_wrong_numbers_of_arguments(backend: str) -> None:
    compiled = gradc.compile(mixed, backend=backend)
    for call in (lambda: compiled(BASE), lambda: compiled(BASE, OTHER, OTHER), lambda: compiled()):
        with pytest.raises(TypeError):
            call()
    same(compiled(y=OTHER, x=BASE), mixed(BASE, OTHER), 1e-15)
    same(compiled(BASE, y=OTHER), mixed(BASE, OTHER), 1e-15)


def test_results_are_fresh_and_writable(backend: str) -> None:
    def views(x):
        return x, x.T, x[0], np.broadcast_to(x[0], (2, 4)), np.zeros(3)

    compiled = gradc.compile(views, backend=backend)
    first, second = compiled(BASE), compiled(BASE)
    for a, b in zip(first, second, strict=True):
        assert a.flags.writeable
        assert not np.shares_memory(a, BASE)
        assert not np.shares_memory(a, b)
        a[...] = 7.0
    same(compiled(BASE), views(BASE))
