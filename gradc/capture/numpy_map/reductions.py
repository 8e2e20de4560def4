"""Reductions and scans: sums, extrema, moments, cumulative sums."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from gradc.capture.convert import as_handle, cast_to, result, value_of
from gradc.capture.folding import call, handles
from gradc.capture.positions import as_user
from gradc.capture.tracer import Tracer
from gradc.capture.ufuncs import store_exactly
from gradc.ir import Shape, Value, op_named

_NO = np._NoValue
_INT = np.dtype(np.int64)
_BOOL = np.dtype(bool)


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the reduced axes, sorted."""
    if axis is None or _is_the_only(axis, ndim):
        return tuple(range(ndim))
    return tuple(sorted(normalize_axis_tuple(axis, ndim)))


def _is_the_only(axis: Any, ndim: int) -> bool:
    """Tell whether ufuncs take an axis for that of a number, which has none."""
    return not ndim and isinstance(axis, int | np.integer) and axis in (0, -1)


def kept_shape(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """Return the shape with the reduced axes as 1."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _finish(value: Value, shape: Shape, axes: tuple[int, ...], keepdims: Any, out: Any) -> Any:
    if keepdims is not _NO and keepdims:
        value = value.reshape(kept_shape(shape, axes))
    done = result(value)
    return done if out is None else store_exactly(out, done)


def _reduce(name: str, value: Value, axes: tuple[int, ...]) -> Value:
    return op_named(name)(value, axes=axes) if axes else value


def _masked(value: Value, where: Any, fill: Any) -> Value:
    if where is _NO or where is True:
        return value
    mask = value_of(where, _BOOL).broadcast_to(value.shape)
    return op_named("select")(mask, value, value_of(fill, value.dtype).broadcast_to(value.shape))


def _initial(value: Value, initial: Any, combine: str) -> Value:
    if initial is _NO or initial is None:
        return value
    return op_named(combine)(value, value_of(initial, value.dtype))


def _sum_dtype(dtype: np.dtype) -> np.dtype:
    """NumPy sums small integers as the platform's integer."""
    return np.add.reduce(np.empty(0, dtype)).dtype if dtype.kind in "biu" else dtype


def _sum_or_prod(reduction: str, combine: str, identity: int) -> Any:
    def handler(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = _NO,
        initial: Any = _NO,
        where: Any = _NO,
    ) -> Any:
        x = value_of(a)
        axes = axes_of(axis, len(x.shape))
        x = cast_to(x, _sum_dtype(x.dtype) if dtype is None else np.dtype(dtype))
        total = _reduce(reduction, _masked(x, where, identity), axes)
        return _finish(_initial(total, initial, combine), x.shape, axes, keepdims, out)

    return handler


sum_ = handles(np.sum)(_sum_or_prod("reduce_sum", "add", 0))
prod = handles(np.prod)(_sum_or_prod("reduce_prod", "multiply", 1))


def _extremum(reduction: str, combine: str) -> Any:
    def handler(
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = _NO,
        initial: Any = _NO,
        where: Any = _NO,
    ) -> Any:
        x = value_of(a)
        axes = axes_of(axis, len(x.shape))
        if where is not _NO and where is not True and initial is _NO:
            raise ValueError("a reduction with where= needs initial=")
        if initial is _NO and any(x.shape[i] == 0 for i in axes):
            raise ValueError(f"zero-size array to reduction operation {combine} without identity")
        filled = _masked(x, where, initial)
        if any(x.shape[i] == 0 for i in axes):
            shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
            least = value_of(initial, x.dtype).broadcast_to(shape)
        else:
            least = _initial(_reduce(reduction, filled, axes), initial, combine)
        return _finish(least, x.shape, axes, keepdims, out)

    return handler


max_ = handles(np.max, np.amax)(_extremum("reduce_max", "maximum"))
min_ = handles(np.min, np.amin)(_extremum("reduce_min", "minimum"))


def _truth(reduction: str, identity: bool) -> Any:
    def handler(
        a: Any, axis: Any = None, out: Any = None, keepdims: Any = _NO, *, where: Any = _NO
    ) -> Any:
        x = value_of(a, _BOOL)
        axes = axes_of(axis, len(x.shape))
        holds = _reduce(reduction, _masked(x, where, identity), axes)
        return _finish(holds, x.shape, axes, keepdims, out)

    return handler


any_ = handles(np.any)(_truth("reduce_any", False))
all_ = handles(np.all)(_truth("reduce_all", True))


@handles(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """Count the elements that are not zero."""
    return call(np.sum, value_as_bool(a), axis=axis, keepdims=keepdims, dtype=_INT)


def value_as_bool(a: Any) -> Tracer:
    """Return ``a != 0``."""
    return result(value_of(a, _BOOL))


# moments


def _float_of(dtype: np.dtype) -> np.dtype:
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _mean_dtype(dtype: np.dtype, wanted: Any) -> np.dtype:
    """Return what a mean is computed in; NumPy would do so in integers as well."""
    if wanted is None:
        return _float_of(dtype)
    chosen: np.dtype = np.dtype(wanted)
    if chosen.kind != "f":
        raise TypeError(f"argument dtype={chosen} of a mean is not supported")
    return chosen


def _count(x: Tracer, axis: Any, where: Any, keepdims: Any) -> Any:
    if where is not _NO and where is not True:
        mask = call(np.broadcast_to, where, x.shape)
        return call(np.sum, mask, axis=axis, dtype=_INT, keepdims=keepdims)
    total = 1
    for i in axes_of(axis, x.ndim):
        total = total * as_user(x.shape[i])
    return total


@handles(np.mean)
def mean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = _NO,
    *,
    where: Any = _NO,
) -> Any:
    """Return the arithmetic mean."""
    x = as_handle(a)
    kind = _mean_dtype(x.dtype, dtype)
    if not x.ndim and axis is not None:
        normalize_axis_tuple(axis, 0)
    total = call(np.sum, x, axis=axis, dtype=kind, keepdims=keepdims, where=where)
    done = _quotient(total, _count(x, axis, where, keepdims))
    return done if out is None else store_exactly(out, done)


def _quotient(total: Any, count: Any) -> Any:
    """Divide by a count without leaving the dtype of the total."""
    if isinstance(count, Tracer):
        return call(np.divide, total, result(value_of(count, total.dtype)))
    return call(np.divide, total, count)


@handles(np.var)
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = _NO,
    *,
    where: Any = _NO,
    correction: Any = _NO,
) -> Any:
    """Return the variance, with ``ddof`` taken off the count."""
    x = as_handle(a)
    ddof = ddof if correction is _NO else correction
    kind = _mean_dtype(x.dtype, dtype)
    centre = call(np.mean, x, axis=axis, dtype=kind, keepdims=True, where=where)
    deviation = call(np.subtract, x, centre)
    squares = call(np.multiply, deviation, deviation)
    total = call(np.sum, squares, axis=axis, dtype=kind, keepdims=keepdims, where=where)
    count = _count(x, axis, where, keepdims)
    if isinstance(count, Tracer):
        rest: Any = call(np.maximum, count - ddof, 0)
    else:
        rest = max(count - ddof, 0)
    done = _quotient(total, rest)
    return done if out is None else store_exactly(out, done)


@handles(np.std)
def std(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, *rest: Any, **more: Any
) -> Any:
    """Return the standard deviation."""
    done = call(np.sqrt, call(np.var, a, axis, dtype, None, *rest, **more))
    return done if out is None else store_exactly(out, done)


@handles(np.average)
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = _NO
) -> Any:
    """Return the weighted mean."""
    if returned:
        raise TypeError("argument returned=True is not supported")
    x = as_handle(a)
    if weights is None:
        return call(np.mean, x, axis=axis, keepdims=keepdims)
    w = as_handle(weights)
    if w.shape != x.shape:
        axes = normalize_axis_tuple(axis, x.ndim)
        w = call(np.reshape, w, tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))
        w = call(np.broadcast_to, w, x.shape)
    scale = call(np.sum, w, axis=axis, keepdims=keepdims)
    return call(np.sum, x * w, axis=axis, keepdims=keepdims) / scale


@handles(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _NO) -> Any:
    """Return maximum minus minimum."""
    high = call(np.max, a, axis=axis, keepdims=keepdims)
    done = high - call(np.min, a, axis=axis, keepdims=keepdims)
    return done if out is None else store_exactly(out, done)


# positions of extrema


def _position(name: str) -> Any:
    def handler(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = _NO) -> Any:
        x = value_of(a)
        shape = x.shape
        if axis is None or _is_the_only(axis, len(shape)):
            x, axis = x.reshape((x.size,)), 0
            axes = tuple(range(len(shape)))
        else:
            axis = normalize_axis_index(axis, len(shape))
            axes = (axis,)
        if x.shape[axis] == 0:
            raise ValueError(f"attempt to get {name} of an empty sequence")
        return _finish(op_named(name)(x, axis=axis), shape, axes, keepdims, out)

    return handler


argmax = handles(np.argmax)(_position("argmax"))
argmin = handles(np.argmin)(_position("argmin"))


# scans


def _scan(name: str) -> Any:
    def handler(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        x = value_of(a)
        if axis is None or _is_the_only(axis, len(x.shape)):
            x, axis = x.reshape((x.size,)), 0
        x = cast_to(x, _sum_dtype(x.dtype) if dtype is None else np.dtype(dtype))
        axis = normalize_axis_index(axis, len(x.shape))
        params = {"axis": axis, "reverse": False} if name == "cumsum" else {"axis": axis}
        done = result(op_named(name)(x, **params))
        return done if out is None else store_exactly(out, done)

    return handler


cumsum = handles(np.cumsum)(_scan("cumsum"))
cumprod = handles(np.cumprod)(_scan("cumprod"))


@handles(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = _NO, append: Any = _NO) -> Any:
    """Return differences of neighbours, n times."""
    x = as_handle(a)
    axis = normalize_axis_index(axis, x.ndim)
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if n == 0:
        return x
    ends = [_edge(prepend, x, axis), x, _edge(append, x, axis)]
    parts = [part for part in ends if part is not None]
    x = x if len(parts) == 1 else call(np.concatenate, parts, axis=axis)
    before = (slice(None),) * axis
    step = np.not_equal if x.dtype.kind == "b" else np.subtract
    for _ in range(n):
        x = call(step, x[(*before, slice(1, None))], x[(*before, slice(None, -1))])
    return x


def _edge(value: Any, x: Tracer, axis: int) -> Any:
    if value is _NO:
        return None
    handle = as_handle(value)
    return (
        call(np.broadcast_to, handle, kept_shape(x.shape, (axis,))) if not handle.ndim else handle
    )


# methods of ufuncs


def _along_first(function: Any) -> Any:
    def handler(array: Any, axis: Any = 0, *rest: Any, **more: Any) -> Any:
        return call(function, array, axis, *rest, **more)

    return handler


for _ufunc, _whole in (
    (np.add, np.sum),
    (np.multiply, np.prod),
    (np.logical_and, np.all),
    (np.logical_or, np.any),
    (np.maximum, np.max),
    (np.minimum, np.min),
):
    if _whole in (np.sum, np.prod):
        handles((_ufunc, "reduce"))(_along_first(_whole))
    else:
        handles((_ufunc, "reduce"))(
            lambda array, axis=0, dtype=None, *rest, _f=_whole, **more: call(
                _f, array, axis, *rest, **more
            )
        )
handles((np.add, "accumulate"))(_along_first(np.cumsum))
handles((np.multiply, "accumulate"))(_along_first(np.cumprod))
