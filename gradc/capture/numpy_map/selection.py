"""Choosing between values: where, clip, select, take, comparisons of whole arrays."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from gradc.capture.convert import (
    as_handle,
    broadcast,
    fresh,
    operand,
    result,
    value_of,
)
from gradc.capture.folding import call, handles
from gradc.capture.indexing import add_at
from gradc.capture.tracer import Kind, Tracer, make_concrete, static, wrap
from gradc.capture.ufuncs import store
from gradc.errors import ShapeError
from gradc.ir import op_named

_BOOL = np.dtype(bool)
_NO = np._NoValue


def promoted(*operands: Any) -> np.dtype:
    """Return NumPy's common dtype; Python numbers are weak."""

    def kind(x: Any) -> Any:
        if isinstance(x, Tracer):
            return x.dtype if x._kind is not Kind.PYTHON else 0.0 if x.dtype.kind == "f" else 0
        return x if isinstance(x, int | float | np.generic) else np.asarray(x).dtype

    return np.result_type(*map(kind, operands))


@handles(np.where)
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """Choose between two values element by element."""
    if x is None or y is None:
        raise TypeError("argument x and y must be given: how many elements are True is not known")
    x, y = operand(x), operand(y)
    dtype = promoted(x, y)
    parts = [value_of(condition, _BOOL), value_of(x, dtype), value_of(y, dtype)]
    try:
        mask, a, b = broadcast(parts)
    except ValueError:
        raise ShapeError(
            "np.where cannot broadcast " + " against ".join(str(p.shape) for p in parts),
            repair="bring condition and values to matching shapes",
        ) from None
    return fresh(op_named("select")(mask, a, b))


@handles(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Take the choice of the first condition that holds."""
    dtype = promoted(*map(operand, choicelist), operand(default))
    chosen: Any = result(value_of(default, dtype))
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        chosen = call(np.where, condition, result(value_of(choice, dtype)), chosen)
    return chosen


@handles(np.clip)
def clip(
    a: Any,
    a_min: Any = _NO,
    a_max: Any = _NO,
    out: Any = None,
    *,
    min: Any = _NO,
    max: Any = _NO,
) -> Any:
    """Limit values to an interval."""
    if a_min is not _NO and a_max is not _NO and (min is not _NO or max is not _NO):
        raise ValueError("give either a_min and a_max, or min and max")
    low = min if a_min is _NO else a_min
    high = max if a_max is _NO else a_max
    done: Any = operand(a)
    if low is not _NO and low is not None:
        done = call(np.maximum, done, low)
    if high is not _NO and high is not None:
        done = call(np.minimum, done, high)
    return done if out is None else store(out, done)


@handles(np.nan_to_num)
def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """Replace NaN and infinities by numbers."""
    if not copy:
        raise TypeError("argument copy=False is not supported")
    a = as_handle(x)
    if a.dtype.kind != "f":
        return call(np.copy, a)
    limits = np.finfo(a.dtype)
    done: Any = a
    for test, number in (
        (call(np.isnan, a), nan),
        (call(np.equal, a, np.inf), limits.max if posinf is None else posinf),
        (call(np.equal, a, -np.inf), limits.min if neginf is None else neginf),
    ):
        done = call(np.where, test, a.dtype.type(number), done)
    return done if a.ndim else result(value_of(done))


# taking by index


@handles(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """Take elements along an axis."""
    if mode != "raise":
        raise TypeError(f"argument mode={mode!r} is not supported")
    x = as_handle(a)
    if axis is None:
        x, axis = call(np.ravel, x), 0
    axis = normalize_axis_index(axis, x.ndim)
    index = indices if isinstance(indices, int) else call(np.asarray, indices)
    done = x[(slice(None),) * axis + (index,)]
    if isinstance(done, Tracer) and done.ndim:
        done = call(np.copy, done)
    return done if out is None else store(out, done)


@handles(np.ix_)
def ix_(*args: Any) -> tuple[Any, ...]:
    """Make an open mesh of index arrays."""
    rank = len(args)
    parts = []
    for i, arg in enumerate(args):
        index = as_handle(arg)
        if index.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if index.dtype.kind == "b":
            (index,) = call(np.nonzero, index)
        shape = tuple(index.size if j == i else 1 for j in range(rank))
        parts.append(call(np.reshape, index, shape))
    return tuple(parts)


def _along_axis(x: Tracer, indices: Any, axis: int) -> tuple[Any, ...]:
    index = as_handle(indices)
    if index.ndim != x.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    parts: list[Any] = []
    for i, extent in enumerate(x.shape):
        if i == axis:
            parts.append(index)
            continue
        shape = tuple(-1 if j == i else 1 for j in range(x.ndim))
        parts.append(make_concrete(np.arange(static(extent)).reshape(shape)))
    return tuple(parts)


@handles(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """Take by an index array that matches the array."""
    x = as_handle(arr)
    if axis is None:
        return call(np.ravel, x)[as_handle(indices)]
    return x[_along_axis(x, indices, normalize_axis_index(axis, x.ndim))]


@handles(np.put_along_axis, views=True)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int) -> None:
    """Write by an index array that matches the array."""
    x = as_handle(arr)
    x[_along_axis(x, indices, normalize_axis_index(axis, x.ndim))] = values


@handles((np.add, "at"), views=True)
def add_at_(a: Any, indices: Any, b: Any = None) -> None:
    """Add, counting repeated indices."""
    add_at(a, indices, b)


@handles((np.subtract, "at"), views=True)
def subtract_at(a: Any, indices: Any, b: Any = None) -> None:
    """Subtract, counting repeated indices."""
    add_at(a, indices, call(np.negative, b))


# whole arrays


@handles(np.isclose)
def isclose(
    a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Compare within a tolerance."""
    x, y = _as_float(a), _as_float(b)
    near = call(np.absolute, x - y) <= atol + rtol * call(np.absolute, y)
    close = call(np.where, call(np.isfinite, y), near, call(np.equal, x, y))
    if equal_nan:
        close = close | (call(np.isnan, x) & call(np.isnan, y))
    return close if close.ndim else result(value_of(close))


def _as_float(x: Any) -> Tracer:
    handle = as_handle(x)
    return handle if handle.dtype.kind == "f" else handle.astype(np.float64)


@handles(np.allclose)
def allclose(
    a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Tell whether all elements are close."""
    return _python_bool(call(np.all, call(np.isclose, a, b, rtol, atol, equal_nan)))


def _python_bool(x: Any) -> Tracer:
    return wrap(value_of(x), Kind.PYTHON)


@handles(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """Tell whether shapes and elements are equal."""
    x, y = as_handle(a1), as_handle(a2)
    if x.shape != y.shape:
        return False
    same = call(np.equal, x, y)
    if equal_nan:
        same = same | (call(np.isnan, x) & call(np.isnan, y))
    return _python_bool(call(np.all, same))


@handles(np.round, np.around)
def round_(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """Round to the nearest, ties to even."""
    x = operand(a)
    if x.dtype.kind == "b":
        raise TypeError("truth values are not rounded: cast them first")
    if x.dtype.kind != "f":
        if decimals < 0:
            raise TypeError("argument decimals < 0 of integers is not supported")
        done: Any = call(np.copy, x) if x.ndim else x
    elif decimals == 0:
        done = call(np.rint, x)
    else:
        scale = x.dtype.type(10.0 ** abs(decimals))
        up, down = (np.multiply, np.divide) if decimals > 0 else (np.divide, np.multiply)
        done = call(down, call(np.rint, call(up, x, scale)), scale)
    return done if out is None else store(out, done)
