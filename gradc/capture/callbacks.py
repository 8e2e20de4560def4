"""NumPy functions that call the user's, or that are loops: they are recorded as such a loop."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from gradc.capture.convert import as_handle
from gradc.capture.dispatch import label, on_missing
from gradc.capture.folding import call, handles
from gradc.capture.hooks import as_written, call_function
from gradc.capture.tracer import Tracer, static
from gradc.ir import broadcast_shapes

# what is written here as a loop is recorded as the user's own code


@as_written
def _each_row(function: Any, rows: Any, out: Any) -> Any:
    for k in range(1, len(rows[0])):
        out[k] = function(*[row[k] for row in rows])
    return out


@as_written
def _slid(out: Any, padded: Any, kernel: Any) -> Any:
    for j in range(len(kernel)):
        out += padded[j : j + len(out)] * kernel[j]
    return out


@as_written
def _updated(out: Any, indices: Any, values: Any, function: Any) -> Any:
    for k in range(len(values)):
        place = tuple(index[k] for index in indices)
        out[place] = function(out[place], values[k])
    return out


@as_written
def _reduced(items: Any, function: Any) -> Any:
    total = items[0]
    for k in range(1, len(items)):
        total = function(total, items[k])
    return total


def _mapped(function: Any, rows: list[Tracer]) -> Any:
    """Apply a function to each row, into an array of the type of what the first one gives."""
    count = static(rows[0].shape[0])
    if not count:
        raise ValueError("cannot call a function on inputs of size 0")
    first = as_handle(call_function(function, *[row[0] for row in rows]))
    out = call(np.zeros, (count, *first.shape), first.dtype)
    out[0] = first
    return call_function(_each_row, function, rows, out)


# the user's functions


@handles(np.apply_along_axis, views=True)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Apply a function to the slices along an axis."""
    x = as_handle(arr)
    axis = normalize_axis_index(axis, x.ndim)
    last = call(np.moveaxis, x, axis, -1)
    rows = call(np.copy, call(np.reshape, last, (-1, x.shape[axis])))
    done = _mapped(lambda row: call_function(func1d, row, *args, **kwargs), [rows])
    inner = tuple(range(done.ndim - 1))
    whole = call(np.reshape, done, (*last.shape[:-1], *done.shape[1:]))
    rest = x.ndim - 1
    return call(np.moveaxis, whole, [rest + i for i in inner], [axis + i for i in inner])


def _vectorized(made: np.vectorize, *args: Any, **kwargs: Any) -> Any:
    """Apply a function element by element."""
    given = (made.otypes, made.excluded, made.signature)
    if kwargs or any(given):
        raise TypeError("argument otypes, excluded, signature or a keyword is not supported")
    arrays = [as_handle(a) for a in args]
    shape = broadcast_shapes(*(x.shape for x in arrays))
    flat = [call(np.reshape, call(np.broadcast_to, x, shape), (-1,)) for x in arrays]
    done = call(np.reshape, _mapped(made.pyfunc, flat), shape)
    return done if done.ndim else done[()]


def _find(function: Any) -> Callable[..., Any] | None:
    return partial(_vectorized, function) if isinstance(function, np.vectorize) else None


on_missing(_find, first=True)


@handles(np.piecewise, views=True)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kwargs: Any) -> Any:
    """Use one function where one condition holds, and others elsewhere."""
    a = as_handle(x)
    conditions = list(condlist) if isinstance(condlist, list | tuple) else [condlist]
    conditions = [as_handle(c).astype(bool) for c in conditions]
    if len(funclist) == len(conditions) + 1:
        some = conditions[0]
        for other in conditions[1:]:
            some = call(np.logical_or, some, other)
        conditions.append(call(np.logical_not, some))
    if len(funclist) != len(conditions):
        raise ValueError(f"with {len(conditions)} condition(s), as many functions are expected")
    done = call(np.zeros_like, a)
    for condition, function in zip(conditions, funclist, strict=True):
        if callable(function):
            done[condition] = call_function(function, a[condition], *args, **kwargs)
        else:
            done[condition] = function
    return done


# loops


def _correlated(a: Tracer, v: Tracer, mode: Any) -> Any:
    """Slide the shorter one, ``v``, along the other."""
    n, m = static(a.shape[0]), static(v.shape[0])
    if not m:
        raise ValueError("v cannot be empty")
    before, after = {"valid": (0, 0), "same": (m // 2, (m - 1) // 2), "full": (m - 1, m - 1)}[mode]
    dtype = np.result_type(a.dtype, v.dtype)
    padded = call(np.pad, a.astype(dtype), (before, after))
    out = call(np.zeros, n + before + after - m + 1, dtype)
    return call_function(_slid, out, padded, v)


def _rows_of(a: Any, v: Any, mode: Any) -> tuple[Tracer, Tracer, str]:
    names = ("valid", "same", "full")
    mode = names[mode] if isinstance(mode, int) else mode
    if mode not in names:
        raise ValueError(f"mode must be one of {', '.join(names)}")
    x, y = call(np.atleast_1d, as_handle(a)), call(np.atleast_1d, as_handle(v))
    if x.ndim > 1 or y.ndim > 1:
        raise ValueError("object too deep for desired array")
    return x, y, mode


@handles(np.convolve)
def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    """Return the sums of products of two sequences, one of them running backwards."""
    x, y, mode = _rows_of(a, v, mode)
    if static(y.shape[0]) > static(x.shape[0]):
        x, y = y, x
    return _correlated(x, y[::-1], mode)


@handles(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    """Return the sums of products of two sequences."""
    x, y, mode = _rows_of(a, v, mode)
    if static(y.shape[0]) > static(x.shape[0]):
        return call(np.copy, _correlated(y, x, mode)[::-1])
    return _correlated(x, y, mode)


def _at(ufunc: np.ufunc) -> Callable[..., None]:
    def handler(a: Any, indices: Any, b: Any) -> None:
        x = as_handle(a)
        given = indices if isinstance(indices, tuple) else (indices,)
        places = [as_handle(i) for i in given]
        if any(i.dtype.kind not in "iu" for i in places):
            raise TypeError("argument indices must be integers or arrays of them")
        shape = broadcast_shapes(*(i.shape for i in places))
        flat = [call(np.reshape, call(np.broadcast_to, i, shape), (-1,)) for i in places]
        rest = x.shape[len(places) :]
        values = call(np.broadcast_to, as_handle(b), (*shape, *rest))
        kind = ufunc.resolve_dtypes((x.dtype, values.dtype, None))[-1]
        if not np.can_cast(kind, x.dtype, "same_kind"):
            raise TypeError(f"cannot cast {kind} to {x.dtype}, which {label(ufunc)} writes into")
        call_function(_updated, x, flat, call(np.reshape, values, (-1, *rest)), ufunc)

    return handler


for _one in (np.maximum, np.minimum, np.multiply, np.divide):
    handles((_one, "at"), views=True)(_at(_one))


def _reduce(ufunc: np.ufunc) -> Callable[..., Any]:
    def handler(array: Any, axis: Any = 0, dtype: Any = None, *, keepdims: Any = False) -> Any:
        x = as_handle(array)
        if dtype is not None or (axis is None and x.ndim > 1) or isinstance(axis, tuple):
            raise TypeError("argument dtype or several axes are not supported")
        axis = normalize_axis_index(axis or 0, x.ndim)
        items = call(np.moveaxis, x, axis, 0)
        if not static(items.shape[0]):
            raise ValueError(f"zero-size array to reduction operation {ufunc.__name__}")
        floats = items if x.dtype.kind == "f" else items.astype(np.float64)
        done = call_function(_reduced, floats, ufunc)
        return call(np.expand_dims, done, axis) if keepdims else done

    return handler


for _two in (np.logaddexp, np.logaddexp2, np.hypot):
    handles((_two, "reduce"))(_reduce(_two))
