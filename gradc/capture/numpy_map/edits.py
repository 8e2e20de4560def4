"""Elements left out, put between others or gathered in windows; counts; running extrema."""

import operator
import string
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from gradc.capture.convert import as_handle, has_traced, operand, unwrap
from gradc.capture.folding import call, handles
from gradc.capture.tracer import static

_INT = np.dtype(np.int64)


def _flat(a: Any, axis: Any) -> tuple[Any, int]:
    x = as_handle(a)
    if axis is None:
        return call(np.ravel, x), 0
    return x, normalize_axis_index(axis, x.ndim)


def _known(obj: Any, what: str) -> Any:
    if has_traced(obj):
        raise TypeError(f"argument {what} must be known while the function is recorded")
    return unwrap(obj)


@handles(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """Leave elements out."""
    x, axis = _flat(arr, axis)
    kept = np.delete(np.arange(static(x.shape[axis])), _known(obj, "obj"))
    return call(np.take, x, kept, axis=axis)


@handles(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """Put elements between others: where each comes from is found on their numbers."""
    x, axis = _flat(arr, axis)
    count, obj = static(x.shape[axis]), _known(obj, "obj")
    more = as_handle(values).astype(x.dtype)
    places = len(np.insert(np.zeros(count), obj, 0)) - count
    if x.ndim > 1 and more.ndim == x.ndim - 1 and np.ndim(obj) == 0:
        more = call(np.expand_dims, more, axis)
    number = places
    if x.ndim == 1 and more.size not in (0, 1) and np.size(obj) == 1:
        number = static(more.size)
    elif more.ndim not in (0, 1 if x.ndim == 1 else x.ndim):
        raise TypeError("argument values must be a number or have the dimensions of the array")
    shape = (*x.shape[:axis], number, *x.shape[axis + 1 :])
    order = np.insert(np.arange(count), obj, count + np.arange(number))
    whole = call(np.concatenate, [x, call(np.broadcast_to, more, shape)], axis=axis)
    return call(np.take, whole, order, axis=axis)


@handles(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    """Count whole numbers; a number that `minlength` has no place for is an error when it runs."""
    numbers, length = as_handle(x), operator.index(minlength)
    if length <= 0:
        raise TypeError("argument minlength must say how many numbers there are to count")
    numbers = call(np.where, numbers < 0, length, numbers)
    shares = call(np.ones, numbers.shape, dtype=_INT)
    if weights is not None:
        shares = as_handle(weights).astype(np.float64)
    counts = call(np.zeros, length, dtype=shares.dtype)
    add_at: Any = (np.add, "at")
    call(add_at, counts, numbers, shares)
    return counts


@handles(np.diag_indices_from)
def diag_indices_from(arr: Any) -> Any:
    """Return the places of the diagonal."""
    x = as_handle(arr)
    if x.ndim < 2 or len(set(x.shape)) != 1:
        raise ValueError("a diagonal is that of an array with axes of one length")
    return tuple(as_handle(k) for k in np.diag_indices(static(x.shape[0]), x.ndim))


@handles(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """Gather windows: their axes come last."""
    if subok or writeable:
        raise TypeError("argument writeable is not supported")
    done = as_handle(x)
    widths = window_shape if isinstance(window_shape, list | tuple) else (window_shape,)
    axes = range(done.ndim) if axis is None else np.atleast_1d(axis)
    for width, where in zip(widths, axes, strict=True):
        place = normalize_axis_index(int(where), as_handle(x).ndim)
        starts = static(done.shape[place]) - operator.index(width) + 1
        if starts <= 0:
            raise ValueError(f"a window of {width} does not fit {done.shape[place]} elements")
        spots = np.arange(starts)[:, None] + np.arange(width)
        done = call(np.moveaxis, call(np.take, done, spots, axis=place), place + 1, -1)
    return done


@handles(np.rollaxis, views=True)
def rollaxis(a: Any, axis: Any, start: Any = 0) -> Any:
    """Move an axis before another one."""
    x = as_handle(a)
    axis = normalize_axis_index(axis, x.ndim)
    start = start + x.ndim if start < 0 else start
    return call(np.moveaxis, x, axis, start - 1 if axis < start else start)


def _running(ufunc: np.ufunc) -> Callable[..., Any]:
    """Find running extrema: windows that double, so that few steps reach all elements before."""

    def handler(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        if dtype is not None or out is not None:
            raise TypeError("arguments dtype and out are not supported")
        x = as_handle(array)
        axis = normalize_axis_index(axis, x.ndim)
        done, step = call(np.moveaxis, x, axis, 0), 1
        while step < static(x.shape[axis]):
            joined = call(ufunc, done[step:], done[:-step])
            done, step = call(np.concatenate, [done[:step], joined]), 2 * step
        return call(np.copy, call(np.moveaxis, done, 0, axis))

    return handler


for _ufunc in (np.maximum, np.minimum):
    handles((_ufunc, "accumulate"))(_running(_ufunc))


class Joiner:
    """``np.r_`` and ``np.c_``: arrays and numbers between brackets, put together."""

    def __init__(self, plain: Any, columns: bool) -> None:
        self.plain, self.columns = plain, columns

    def __getitem__(self, key: Any) -> Any:
        """Join parts; a slice is a range of numbers."""
        parts = key if isinstance(key, tuple) else (key,)
        if not has_traced(list(parts)):
            return self.plain[unwrap(key)]
        if any(isinstance(part, str) for part in parts):
            raise TypeError("text between the brackets is not supported")
        arrays = [self._part(part) for part in parts]
        return call(np.concatenate, arrays, axis=-1 if self.columns else 0)

    def _part(self, part: Any) -> Any:
        x = as_handle(self.plain[part] if isinstance(part, slice) else operand(part))
        if self.columns and x.ndim < 2:
            return call(np.reshape, x, (-1, 1))
        return call(np.atleast_1d, x)


JOINERS = {id(np.r_): Joiner(np.r_, False), id(np.c_): Joiner(np.c_, True)}


def spelled(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return operands of ``einsum`` with lists of numbers as subscripts in its other notation."""
    arrays, lists = operands[0:-1:2], operands[1::2]
    target = operands[-1] if len(operands) % 2 else None

    def text(labels: Any) -> str:
        return "".join("..." if k is Ellipsis else string.ascii_letters[k] for k in labels)

    subscripts = ",".join(map(text, lists))
    return (subscripts if target is None else f"{subscripts}->{text(target)}", *arrays)
