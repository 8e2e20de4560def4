"""Hostile arguments: each gives NumPy's answer or an ArgumentError that names it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from gradc.errors import ArgumentError
from gradc.runtime.call import Caller
from gradc.runtime.plan import BufferSlot, CallPlan

Make = Callable[..., Caller]

CODES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
OTHERS = ("f2", "c16", "g", "O", "U3", "S2", "M8[s]", "m8[s]", [("a", "f8")], "V4")
SHAPES = ((), (0,), (1,), (7,), (3, 0), (3, 4), (2, 3, 4))
COPY = "const char *x = b[0]; char *y = b[1]; for (size_t i = 0; i < {size}; i++) y[i] = x[i];"


def copier(make: Make, code: str, shape: tuple[int, ...]) -> Caller:
    source, target = BufferSlot("x", code, shape), BufferSlot("y", code, shape, "result")
    size = max(source.nbytes, 0)
    body = COPY.replace("{size}", f"(size_t){size}")
    return make(body, CallPlan("copy", (source,), (target,)))


def filled(dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    return (np.arange(np.prod(shape, dtype=int)) % 100).astype(dtype).reshape(shape)


def layouts(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the same values as laid out in every way that NumPy knows."""
    yield array
    yield np.array(array, order="F")
    yield np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array
    yield np.flip(np.flip(array).copy())
    yield array.T.copy().T
    yield array.astype(array.dtype.newbyteorder("S"))
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:]
    unaligned = np.ndarray(array.shape, array.dtype, raw.data)
    unaligned[...] = array
    yield unaligned
    frozen = array.copy()
    frozen.flags.writeable = False
    yield frozen
    if array.size:
        same = np.broadcast_to(array.flat[0], array.shape)
        yield same


@pytest.mark.parametrize("shape", SHAPES)
def test_layouts(make: Make, shape: tuple[int, ...]) -> None:
    for code in CODES:
        call = copier(make, code, shape)
        for value in layouts(filled(code, shape)):
            result = call([value])[0]
            np.testing.assert_array_equal(result, value)
            assert (result.dtype, result.shape) == (np.dtype(code), shape)
            assert result.dtype.isnative
            assert not np.shares_memory(result, value)


def test_other_dtypes_and_shapes_are_refused(make: Make) -> None:
    call = copier(make, "f8", (3, 4))
    for dtype in (*CODES[:-1], *OTHERS):
        with pytest.raises(ArgumentError, match=r"argument x must be f8\[3, 4\], got "):
            call([np.zeros((3, 4), dtype)])
    for shape in ((4, 3), (3,), (3, 4, 1), (1, 3, 4), (12,), (), (0, 4)):
        with pytest.raises(ArgumentError, match=r"got f8\["):
            call([np.zeros(shape)])
    with pytest.raises(ArgumentError):
        call([np.lib.stride_tricks.as_strided(np.zeros(1), (2**31, 4), (0, 0))])


class Odd(np.ndarray):
    """A subclass with a meaning of its own."""


STRANGE = [
    None, [1.0, 2.0, 3.0], (1.0, 2.0, 3.0), "abc", b"abc", {}, object(), 1 + 2j, range(3),
    np.float64, np.zeros((1, 3)).view(np.matrix), np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]),
    memoryview(b"abc"), np.rec.array([(1.0,)] * 3, dtype=[("a", "f8")]), np.zeros(3).view(Odd),
    1.0, True, 3, lambda: 1,
]  # fmt: skip


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: type(value).__name__)
def test_strange_things(make: Make, value: object) -> None:
    with pytest.raises(ArgumentError, match=r"argument x must be f8\[3\], got"):
        copier(make, "f8", (3,))([value])


def test_messages_name_wanted_and_given(make: Make) -> None:
    with pytest.raises(ArgumentError) as caught:
        copier(make, "f8", (3,))([np.zeros(3, "f4")])
    assert str(caught.value) == ("argument x must be f8[3], got f4[3]\n  pass x.astype(np.float64)")
    with pytest.raises(ArgumentError) as caught:
        copier(make, "f8", (3,))([None])
    assert str(caught.value) == (
        "argument x must be f8[3], got None\n  pass np.asarray(x, dtype=np.float64)"
    )


@pytest.mark.parametrize(
    ("code", "value"),
    [("f8", 1.5), ("f8", 3), ("f4", 0.1), ("i8", 7), ("u1", 255), ("b1", True), ("f8", np.nan),
     ("f8", np.float64(2.5)), ("i4", np.int32(-3)), ("b1", np.True_), ("f4", 1e300)],
)  # fmt: skip
def test_numbers(make: Make, code: str, value: Any) -> None:
    result = copier(make, code, ())([value])[0]
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(result, np.array(value, code))
    assert result.shape == ()


@pytest.mark.parametrize(
    ("code", "value"),
    [("i8", 1.5), ("f8", True), ("b1", 1), ("u1", 256), ("u1", -1), ("i8", 2**63), ("f8", 10**400),
     ("f8", np.float32(1)), ("i8", np.int32(1)), ("f8", 1j), ("f8", None), ("i1", 10**5000)],
    ids=range(12),
)  # fmt: skip
def test_numbers_that_do_not_fit(make: Make, code: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=rf"argument x must be {code}\[\], got"):
        copier(make, code, ())([value])


def test_special_values_pass_unchanged(make: Make) -> None:
    raw = np.array([0x7FF8000000000123, 0x8000000000000000, 1, 0xFFF0000000000000], np.uint64)
    result = copier(make, "f8", (4,))([raw.view(np.float64)])[0]
    np.testing.assert_array_equal(result.view(np.uint64), raw)


def test_memmap_and_dlpack(make: Make, tmp_path: Any) -> None:
    call = copier(make, "f8", (3,))
    stored = np.memmap(tmp_path / "x", np.float64, "w+", shape=(3,))
    stored[:] = 4.0
    result = call([stored])[0]
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, [4.0, 4.0, 4.0])

    class Foreign:
        def __init__(self, array: np.ndarray) -> None:
            self.array = array

        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    np.testing.assert_array_equal(call([Foreign(np.arange(3.0))])[0], [0.0, 1.0, 2.0])
    with pytest.raises(ArgumentError):
        call([Foreign(np.arange(3))])

    class Broken:
        def __dlpack__(self, **options: Any) -> Any:
            raise RuntimeError("elsewhere")

        def __dlpack_device__(self) -> Any:
            return (2, 0)

    with pytest.raises(ArgumentError, match="DLPack"):
        call([Broken()])


def test_dtypes_that_are_equal_but_not_identical(make: Make) -> None:
    value = np.arange(3.0).astype(np.dtype(np.float64, metadata={"unit": "m"}))
    np.testing.assert_array_equal(copier(make, "f8", (3,))([value])[0], value)
    value = np.arange(3).astype(np.longlong)
    np.testing.assert_array_equal(copier(make, "i8", (3,))([value])[0], value)
