"""Making arrays, copying and converting them.

Arrays made from constants are evaluated while recording; what they are made from may also be traced
(``np.full(3, x)``, ``np.linspace(0, x)``).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gradc.capture.context import current, demand
from gradc.capture.convert import (
    array_of,
    as_handle,
    cast_to,
    fresh,
    has_traced,
    own,
    result,
    unwrap,
    value_of,
)
from gradc.capture.folding import SIZED, call, handles, opaque
from gradc.capture.layout import like_operands
from gradc.capture.mutation import (
    Diagonal,
    layout_of,
    make_view,
    read,
    settle,
    write,
    write_concrete,
)
from gradc.capture.numpy_map.selection import promoted
from gradc.capture.positions import as_dim, as_user
from gradc.capture.ranges import not_negative
from gradc.capture.tracer import Kind, Tracer, is_concrete, make_concrete, wrap
from gradc.capture.turns import make_range
from gradc.ir import SUPPORTED_DTYPES, Dim, DimExpr, known, op_named, static_shape


def _check_order(order: Any) -> None:
    if order not in (None, "K", "C", "A"):
        raise TypeError(f"argument order={order!r} is not supported")


@handles(np.array, views=True)
def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    like: Any = None,
) -> Tracer:
    """Make an array of nested lists, numbers or arrays; a fresh one unless ``copy`` says else."""
    _check_order(order)
    if copy is False and not isinstance(object, Tracer | np.ndarray):
        raise ValueError("unable to avoid a copy of what is no array: use np.asarray")
    if isinstance(object, Tracer | np.ndarray) and not copy:
        x = as_handle(object)
    elif not has_traced(object):
        x = own(np.array(unwrap(object), dtype))
    else:
        x = _kept_order(array_of(object), object)
    x = _as_type(x, dtype)
    while x.ndim < ndmin:
        x = call(np.expand_dims, x, 0)
    return x


def _kept_order(copy: Tracer, original: Any) -> Tracer:
    if isinstance(original, Tracer) and original.ndim > 1:
        copy._layout = like_operands([layout_of(original)], original.shape)
    return copy


def _as_type(x: Tracer, dtype: Any) -> Tracer:
    if dtype is None or x.dtype == np.dtype(dtype):
        return x if x._kind is Kind.ARRAY else fresh(read(x))
    return fresh(cast_to(read(x), np.dtype(dtype)))


@handles(np.ascontiguousarray, views=True)
def ascontiguousarray(a: Any, dtype: Any = None, *, like: Any = None) -> Tracer:
    """Return the array itself where it lies in C order, else a copy that does."""
    x = call(np.atleast_1d, call(np.asarray, a, dtype))
    return call(np.reshape, x.ravel(), x.shape) if layout_of(x) is not None else x  # type: ignore[no-any-return]


@handles(np.asarray, np.asanyarray, views=True)
def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    copy: Any = None,
    device: Any = None,
    like: Any = None,
) -> Tracer:
    """Return an array: the same one when it is one already."""
    _check_order(order)
    if isinstance(a, np.ndarray):
        a = as_handle(a)
    same = isinstance(a, Tracer) and a._kind is Kind.ARRAY and not copy
    if same and (dtype is None or a.dtype == np.dtype(dtype)):
        return a  # type: ignore[no-any-return]
    return call(np.array, a, dtype)  # type: ignore[no-any-return]


@handles(np.copy)
def copy_(a: Any, order: str = "K", subok: bool = False) -> Tracer:
    """Return a copy with the axis order of the original."""
    return _kept_order(fresh(read(as_handle(a))), a)


@handles(np.ndarray.copy)
def copy_method(a: Any, order: str = "C") -> Any:
    """Return a copy, in C order."""
    x = as_handle(a)
    if order not in ("C", "K"):
        raise TypeError(f"argument order={order!r} is not supported")
    if order == "K":
        return call(np.copy, x)
    return wrap(read(x), Kind.SCALAR if x._kind is not Kind.ARRAY else Kind.ARRAY)


def _number_of(kind: Any) -> Callable[[Any], Any]:
    """Return the handler of a type of numbers: it converts, and keeps the shape of an array."""

    def handler(x: Any = 0, /) -> Any:
        return result(cast_to(value_of(x), np.dtype(kind)))

    return handler


for _kind in SUPPORTED_DTYPES:
    handles(_kind.type)(_number_of(_kind))


@handles(np.ndarray.astype, np.astype)
def astype(
    a: Any,
    dtype: Any,
    order: str = "K",
    casting: str = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> Any:
    """Return the array cast to another dtype."""
    _check_order(order)
    x = as_handle(a)
    if not copy and x.dtype == np.dtype(dtype):
        return x
    if not np.can_cast(x.dtype, dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"Cannot cast array data from {x.dtype} to {dtype} by the rule {casting!r}")
    value = cast_to(read(x), np.dtype(dtype))
    done = wrap(value, Kind.ARRAY if x._kind is Kind.ARRAY else Kind.SCALAR)
    return _kept_order(done, x)


@handles(np.ndarray.fill, views=True)
def fill(a: Tracer, value: Any) -> None:
    """Set every element."""
    a[...] = value


@handles(np.copyto, views=True)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Copy values into an array."""
    if not isinstance(dst, Tracer):
        raise TypeError("argument dst must be an array of the function")
    source = as_handle(src)
    if not isinstance(src, int | float) and not np.can_cast(source.dtype, dst.dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"Cannot cast array data from {source.dtype} to {dst.dtype} ({casting})")
    settle(dst)
    if where is True:
        dst[...] = source
        return
    if is_concrete(dst) and not has_traced((source, where)):
        write_concrete(dst, np.broadcast_to(unwrap(where), static_shape(dst.shape)), unwrap(source))
        return
    mask = value_of(where, np.dtype(bool)).broadcast_to(dst.shape)
    new = cast_to(read(source), dst.dtype).broadcast_to(dst.shape)
    write(dst, op_named("select")(mask, new, read(dst)))


# filled arrays


def symbolic(function: Any, shape: Any, fill_value: Any = None, dtype: Any = float) -> Tracer:
    """``np.zeros``, ``np.ones``, ``np.empty`` or ``np.full`` of a size that holds a loop index."""
    dims: list[Dim] = []
    for n in shape if isinstance(shape, tuple | list) else (shape,):
        dim = as_dim(n) if not isinstance(n, DimExpr) else n
        if dim is None:
            demand("a size is a traced value")
        dims.append(dim)
        if not not_negative(dim, current().facts):
            demand(f"whether the size {dim} is negative is not known")
    number = {np.zeros: 0, np.empty: 0, np.ones: 1}.get(function, fill_value)
    return fresh(value_of(number, np.dtype(dtype)).broadcast_to(tuple(dims)))


def symbolic_range(*args: Any, dtype: Any = None) -> Tracer:
    """``np.arange`` of loop indices."""
    numbers = make_range(*args)
    graph = current().graph
    counted = graph.value(graph.add(op_named("iota"), (), {"length": numbers.length}))
    steps: Tracer = fresh(counted) * numbers.step + as_user(numbers.start)
    return steps if dtype is None else call(np.ndarray.astype, steps, dtype)


SIZED.update({f: partial(symbolic, f) for f in (np.zeros, np.ones, np.empty, np.full)})
SIZED[np.arange] = symbolic_range


def _like(function: Any, a: Any, dtype: Any, shape: Any, *fill_value: Any) -> Tracer:
    x = as_handle(a)
    if shape is None and not all(map(known, x.shape)):
        number = fill_value[0] if fill_value else None
        return symbolic(function, x.shape, number, dtype or x.dtype)
    made = own(function(x.shape if shape is None else shape, *fill_value, dtype=dtype or x.dtype))
    if shape is None and x.ndim > 1 and (x._view is not None or x._layout is not None):
        made._layout = like_operands([layout_of(x)], x.shape)
    return made  # type: ignore[no-any-return]


def _enter_like(like: Any, function: Any) -> None:
    def handler(
        a: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> Tracer:
        _check_order(order)
        return _like(function, a, dtype, shape)

    handles(like, views=True)(handler)


_enter_like(np.zeros_like, np.zeros)
_enter_like(np.ones_like, np.ones)
_enter_like(np.empty_like, np.zeros)


@handles(np.full_like, views=True)
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Tracer:
    """Return an array like another one, filled with a value."""
    _check_order(order)
    x = as_handle(a)
    kind = np.dtype(dtype) if dtype is not None else x.dtype
    return call(np.full, x.shape if shape is None else shape, fill_value, dtype=kind)  # type: ignore[no-any-return]


@handles(np.empty, views=True)
def empty(*args: Any, **kwargs: Any) -> Tracer:
    """Return zeros: what ``np.empty`` holds is not defined."""
    return opaque(np.zeros, args, kwargs)  # type: ignore[no-any-return]


@handles(np.full)
def full(
    shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *, device: Any = None
) -> Tracer:
    """Fill with a traced value."""
    if order != "C" or has_traced(shape):
        raise TypeError("argument order or a traced shape is not supported")
    value = value_of(fill_value)
    extents = tuple(unwrap(shape)) if isinstance(shape, list | tuple) else (int(shape),)
    value = cast_to(value, value.dtype if dtype is None else np.dtype(dtype))
    return fresh(value.broadcast_to(extents))


@handles(np.linspace)
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """Return evenly spaced numbers between traced ends."""
    if retstep or axis != 0:
        raise TypeError("argument retstep or axis is not supported")
    parts = (num - 1) if endpoint else num
    begin = call(np.multiply, call(np.asarray, start), 1.0)
    end = call(np.multiply, call(np.asarray, stop), 1.0)
    rank = max(np.ndim(begin), np.ndim(end))
    kind = promoted(begin, end, 0.0)
    steps = make_concrete(np.arange(num, dtype=kind).reshape((num, *[1] * rank)))
    delta = end - begin
    done = steps * (delta / parts) + begin if parts else steps * delta + begin
    if endpoint and num > 1:
        done[-1, ...] = end
    return done if dtype is None else done.astype(dtype)


# matrices


@handles(np.diag, views=True)
def diag(v: Any, k: int = 0) -> Tracer:
    """Make a diagonal matrix, or take a diagonal."""
    x = as_handle(v)
    if x.ndim == 2:
        return call(np.diagonal, x, k)  # type: ignore[no-any-return]
    if x.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    if is_concrete(x):
        return own(np.diag(unwrap(x), k))  # type: ignore[no-any-return]
    size = len(x) + abs(k)
    rows = np.arange(len(x)) + max(-k, 0)
    made = make_concrete(np.zeros((size, size), x.dtype))
    made[make_concrete(rows), make_concrete(rows + k)] = x
    return made


@handles(np.diagonal, views=True)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tracer:
    """Take a diagonal; it cannot be written."""
    x = as_handle(a)
    moved = call(np.moveaxis, x, (axis1, axis2), (0, 1))
    view = make_view(moved, Diagonal(offset), writable=False)
    return call(np.moveaxis, view, 0, -1)  # type: ignore[no-any-return]


@handles(np.trace)
def trace(
    a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    """Sum a diagonal."""
    return call(np.sum, call(np.diagonal, a, offset, axis1, axis2), axis=-1, dtype=dtype, out=out)


def _triangle(keep: Any, name: str) -> Any:
    def handler(m: Any, k: int = 0) -> Any:
        x = as_handle(m)
        rows, columns = static_shape(x.shape[-2:])
        mask = value_of(make_concrete(keep(np.tri(rows, columns, k) != 0)))
        value = read(x)
        zero = value_of(np.zeros((), x.dtype)[()]).broadcast_to(x.shape)
        return fresh(op_named("select")(mask.broadcast_to(x.shape), value, zero))

    return handler


tril = handles(np.tril)(_triangle(lambda mask: mask, "tril"))


@handles(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """Keep the upper triangle."""
    return _triangle(np.logical_not, "triu")(m, k - 1)


@handles(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    """Return coordinate matrices."""
    arrays = [call(np.ravel, x) for x in xi]
    rank = len(arrays)
    places = list(range(rank))
    if indexing == "xy" and rank > 1:
        places[0], places[1] = 1, 0
    shaped = [
        call(np.reshape, x, tuple(len(x) if i == place else 1 for i in range(rank)))
        for x, place in zip(arrays, places, strict=True)
    ]
    if not sparse:
        shaped = list(call(np.broadcast_arrays, *shaped))
    return tuple(call(np.copy, x) for x in shaped) if copy else tuple(shaped)


@handles(np.isscalar, views=True)
def isscalar(element: Any) -> bool:
    """Tell whether NumPy would see a number."""
    if isinstance(element, Tracer):
        return element._kind is not Kind.ARRAY
    return bool(np.isscalar(element))
