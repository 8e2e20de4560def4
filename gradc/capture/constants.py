"""Arrays that the user's function makes of no argument: recorded by a formula where one is short.

    np.zeros((n, n))            a number, broadcast
    np.meshgrid(x, y)           what is the same along an axis, broadcast
    np.arange(n), linspace      start + step * index
    np.eye(n), np.diag(d, 1)    numbers on a few diagonals, zero elsewhere
    np.tri(n), np.triu(ones)    a number on one side of a diagonal, zero elsewhere
    d = np.full((n, n), np.inf); d[0] = 0.0
                                a number, and edges or a few elements put into it

Others are stored as they are.  A formula gives the very bits of the array; code that is generated
is then as short for a large array as for a small one.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from gradc.capture.context import current, fail
from gradc.errors import DTypeError
from gradc.ir import INT64, SUPPORTED_DTYPES, At, Graph, Slice, Value, op_named

__all__ = ["constant"]

_LEAST = 64
"""Elements from which on an array may be better told by a formula than by its elements."""
_DIAGONALS = 3
"""Diagonals at most that are told one by one: a second difference has three."""
_MANY = 256
"""Elements from which on an array of one number gets its other elements put into it."""
_OTHERS = 16
"""Elements inside the edges at most that are not that number, with those between them."""


def constant(array: np.ndarray) -> Value:
    """Return a constant of the current graph."""
    graph = current().graph
    if array.dtype not in SUPPORTED_DTYPES:
        _refuse_dtype(array.dtype)
    if array.size > 1:
        first = array[(0,) * array.ndim]
        if _is_same(array, np.broadcast_to(first, array.shape)):
            return graph.constant(first, array.dtype).broadcast_to(array.shape)
        for formula in _FORMULAS if array.size >= _LEAST else _FORMULAS[:1]:
            value = formula(graph, array)
            if value is not None:
                return value
    return graph.constant(array)


def _refuse_dtype(dtype: np.dtype) -> None:
    fail(
        DTypeError,
        f"dtype {dtype} is not supported",
        repair="use bool, an integer type, float32 or float64",
    )


def _is_same(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether two arrays have the same elements; zeros of other signs are others."""
    if not bool((a == b).all()):
        return False
    return a.dtype.kind != "f" or bool((np.signbit(a) == np.signbit(b)).all())


def _index(graph: Graph, length: int) -> Value:
    return graph.value(graph.add(op_named("iota"), (), {"length": length}))


def _counting(graph: Graph, array: np.ndarray) -> Value | None:
    if array.ndim != 1 or array.size < 16 or array.dtype.kind not in "iu" or array[0] != 0:
        return None
    if not bool((array == np.arange(array.size)).all()):
        return None
    return _index(graph, array.size).cast(array.dtype)


def _repeated(graph: Graph, array: np.ndarray) -> Value | None:
    """Record what an array repeats along some of its axes, and repeat it."""
    part = array
    for axis in range(array.ndim):
        one = part.take([0], axis=axis)
        if part.shape[axis] > 1 and _is_same(part, np.broadcast_to(one, part.shape)):
            part = one
    if part.size == array.size:
        return None
    whole = tuple(extent for extent in part.shape if extent != 1)
    return constant(part.reshape(whole)).reshape(part.shape).broadcast_to(array.shape)


def _ramp(graph: Graph, array: np.ndarray) -> Value | None:
    """Record ``start + step * index``, rounded as NumPy rounds it."""
    if array.ndim != 1 or array.dtype.kind not in "if" or not np.isfinite(array[[0, 1, -1]]).all():
        return None
    start, index = array[0], np.arange(array.size).astype(array.dtype)
    steps = [array[1] - start]
    if array.dtype.kind == "f":
        steps.append((array[-1] - start) / index[-1])
    for step in steps:
        ramp: Value | None = None
        if _is_same(index * step, array):
            ramp = _index(graph, array.size).cast(array.dtype) * step.item()
        elif _is_same(index * step + start, array):
            ramp = _index(graph, array.size).cast(array.dtype) * step.item() + start.item()
        if ramp is not None:
            return ramp
    return None


def _banded(graph: Graph, array: np.ndarray) -> Value | None:
    """Record numbers on a few diagonals, or one on a side of a diagonal; the rest is zero."""
    if array.ndim != 2:
        return None
    filled = ~_zeros(array)
    rows, columns = np.nonzero(filled)
    places = columns - rows
    diagonals = np.unique(places)
    if not diagonals.size:
        return None
    where = np.arange(array.shape[1]) - np.arange(array.shape[0])[:, None]
    if diagonals.size <= _DIAGONALS:
        return _diagonals(graph, array, where, diagonals.tolist())
    number = array[rows[0], columns[0]]
    for test, edge in (("less_equal", diagonals[-1]), ("greater_equal", diagonals[0])):
        side = getattr(np, test)(where, edge)
        if _is_same(array, np.where(side, number, np.zeros_like(number))):
            return _chosen(graph, array, [(test, int(edge), number)])
    return None


def _zeros(array: np.ndarray) -> np.ndarray:
    """Tell which elements are zero, and not minus zero."""
    zeros: np.ndarray = array == 0
    return zeros & ~np.signbit(array) if array.dtype.kind == "f" else zeros


def _diagonals(
    graph: Graph, array: np.ndarray, where: np.ndarray, diagonals: list[int]
) -> Value | None:
    numbers = []
    for k in diagonals:
        on = array[where == k]
        if not _is_same(on, np.broadcast_to(on[0], on.shape)):
            return None
        numbers.append(("equal", k, on[0]))
    return _chosen(graph, array, numbers)


def _chosen(graph: Graph, array: np.ndarray, numbers: list[tuple[str, int, Any]]) -> Value:
    """Record the number of the first test that the diagonal passes, else zero."""
    shape = array.shape
    row = _index(graph, shape[0]).reshape((shape[0], 1)).broadcast_to(shape)
    column = _index(graph, shape[1]).reshape((1, shape[1])).broadcast_to(shape)

    def passes(test: str, k: int) -> Value:
        edge = row + graph.literal(k, INT64) if k else row
        return op_named(test)(column, edge)

    test, k, number = numbers[0]
    if len(numbers) == 1 and number > 0 and np.isfinite(number):
        one = passes(test, k).cast(array.dtype)
        return one if number == 1 else one * number.item()
    found = graph.literal(0, array.dtype).broadcast_to(shape)
    for test, k, number in reversed(numbers):
        value = graph.constant(number, array.dtype).broadcast_to(shape)
        found = op_named("select")(passes(test, k), value, found)
    return found


def _edged(graph: Graph, array: np.ndarray) -> Value | None:
    """Record one number everywhere, then put other edges, and a few elements, into it."""
    if array.size < _MANY or min(array.shape) < 3:
        return None
    number = array[tuple(extent // 2 for extent in array.shape)]
    boxes = _boxes(~_equal(array, number))
    if boxes is None:
        return None
    found = graph.constant(number, array.dtype).broadcast_to(array.shape)
    for box in boxes:
        found = _put(found, array, box)
    return found


_Box: TypeAlias = tuple[slice, ...]


def _boxes(other: np.ndarray) -> list[_Box] | None:
    """Return the parts of the edges, and one small box, that hold all elements that are others."""
    boxes = []
    for axis in range(other.ndim):
        for edge in (slice(0, 1), slice(-1, None)):
            line: _Box = tuple(edge if k == axis else slice(None) for k in range(other.ndim))
            boxes += _hull(other & _only(other.shape, line))
            other = other & ~_only(other.shape, line)
    inside = _hull(other)
    if inside and other[inside[0]].size > _OTHERS:
        return None
    return boxes + inside


def _only(shape: tuple[int, ...], box: _Box) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[box] = True
    return mask


def _hull(mask: np.ndarray) -> list[_Box]:
    """Return the smallest box around what is true, or nothing where nothing is."""
    places = np.nonzero(mask)
    if not places[0].size:
        return []
    return [tuple(slice(int(at.min()), int(at.max()) + 1) for at in places)]


def _put(into: Value, array: np.ndarray, box: _Box) -> Value:
    """Put the elements of a box of an array into a value of its shape."""
    spec = tuple(
        At(one.start) if one.stop - one.start == 1 else Slice(one.start, one.stop - one.start)
        for one in box
    )
    axes = tuple(axis for axis, item in enumerate(spec) if isinstance(item, At))
    part = np.squeeze(array[box], axis=axes)
    return op_named("index_put")(into, constant(part), spec=spec)


def _equal(array: np.ndarray, number: np.generic) -> np.ndarray:
    """Tell which elements are a number, bit for bit but for what is not a number."""
    same: np.ndarray = array == number
    return same & (np.signbit(array) == np.signbit(number)) if array.dtype.kind == "f" else same


_FORMULAS: tuple[Callable[[Graph, np.ndarray], Value | None], ...] = (
    _counting, _repeated, _ramp, _banded, _edged,
)  # fmt: skip
