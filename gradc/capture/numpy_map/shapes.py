"""Shape and layout: views where NumPy makes views, copies where it copies."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from gradc.capture import layout
from gradc.capture.context import current, fail
from gradc.capture.convert import as_handle, fresh
from gradc.capture.folding import call, handles
from gradc.capture.mutation import (
    Broadcast,
    Permute,
    Pick,
    Reshape,
    layout_of,
    leave_undecided,
    make_view,
    read,
)
from gradc.capture.positions import is_position
from gradc.capture.tracer import Tracer, describe, is_concrete, static
from gradc.errors import TraceError
from gradc.ir import NewAxis, Shape, Slice, broadcast_shapes, known

_WHOLE = slice(None)


def _copied(x: Tracer, shape: Shape) -> Tracer:
    """Reshape into new memory; when the layout is undecided, so is whether this is a copy."""
    done = fresh(read(x).reshape(shape))
    if layout_of(x) == layout.UNKNOWN:
        done._undecided = True
        leave_undecided(x if x._view is None else x._view.root)
    return done


def reshape_to(x: Tracer, shape: Shape) -> Tracer:
    """Reshape in C order to a shape without -1."""
    kind = layout.reshaped(layout_of(x), x.shape, shape)
    if kind is False or kind == layout.UNKNOWN:
        done = _copied(x, shape)
    else:
        done = make_view(x, Reshape(shape, kind))  # type: ignore[arg-type]
    if layout.decides(x.shape, shape) and not is_concrete(x):
        current().recorder.reshaped += (x if x._view is None else x._view.root, done)
    return done


def _completed(shape: Any, x: Tracer) -> Shape:
    wanted = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    for n in wanted:
        if isinstance(n, Tracer) and not is_concrete(n):
            fail(
                TraceError,
                "a size is known only when the code runs",
                operands=[describe(n)],
                repair="take sizes from shapes (x.shape[0]), or pass them as Python ints",
            )
    wanted = tuple(n if not isinstance(n, Tracer | np.integer) else int(n) for n in wanted)
    if -1 in wanted:
        rest = 1
        for n in wanted:
            rest *= 1 if n == -1 else n
        size = static(x.size)
        if wanted.count(-1) > 1 or rest == 0 or size % rest:
            raise ValueError(f"cannot reshape array of size {size} into shape {wanted}")
        wanted = tuple(size // rest if n == -1 else n for n in wanted)
    return wanted


@handles(np.reshape, views=True)
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: Any = None) -> Tracer:
    """Return the elements under another shape."""
    x = as_handle(a)
    wanted = _completed(shape, x)
    if order not in ("C", "F"):
        raise TypeError(f"argument order={order!r} is not supported")
    if order == "F":
        turned = call(np.reshape, call(np.transpose, x), wanted[::-1])
        return call(np.transpose, turned)  # type: ignore[no-any-return]
    total: Any = 1
    for n in wanted:
        total = total * n
    if known(total) and known(x.size) and total != x.size:
        raise ValueError(f"cannot reshape array of size {x.size} into shape {wanted}")
    return reshape_to(call(np.copy, x) if copy else x, wanted)


@handles(np.ravel, views=True)
def ravel(a: Any, order: str = "C") -> Tracer:
    """Return the elements in one dimension."""
    if order not in ("C", "F"):
        raise TypeError(f"argument order={order!r} is not supported")
    x = as_handle(a)
    return call(np.reshape, x, (x.size,), order=order)  # type: ignore[no-any-return]


@handles(np.ndarray.flatten)
def flatten(a: Any, order: str = "C") -> Tracer:
    """Return a one-dimensional copy."""
    return call(np.copy, call(np.ravel, a, order))  # type: ignore[no-any-return]


@handles(np.transpose, np.permute_dims, views=True)
def transpose(a: Any, axes: Any = None) -> Tracer:
    """Permute the axes."""
    x = as_handle(a)
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(axes)
    if len(order) != x.ndim:
        raise ValueError("axes don't match array")
    return make_view(x, Permute(tuple(normalize_axis_index(i, x.ndim) for i in order)))


@handles(np.matrix_transpose, np.linalg.matrix_transpose, views=True)
def matrix_transpose(x: Any, /) -> Tracer:
    """Swap the last two axes."""
    return call(np.swapaxes, x, -1, -2)  # type: ignore[no-any-return]


@handles(np.swapaxes, views=True)
def swapaxes(a: Any, axis1: int, axis2: int) -> Tracer:
    """Exchange two axes."""
    x = as_handle(a)
    order = list(range(x.ndim))
    i, j = normalize_axis_index(axis1, x.ndim), normalize_axis_index(axis2, x.ndim)
    order[i], order[j] = order[j], order[i]
    return make_view(x, Permute(tuple(order)))


@handles(np.moveaxis, views=True)
def moveaxis(a: Any, source: Any, destination: Any) -> Tracer:
    """Move axes to new places."""
    x = as_handle(a)
    froms = normalize_axis_tuple(source, x.ndim)
    to = normalize_axis_tuple(destination, x.ndim)
    order = [i for i in range(x.ndim) if i not in froms]
    for place, axis in sorted(zip(to, froms, strict=True)):
        order.insert(place, axis)
    return make_view(x, Permute(tuple(order)))


@handles(np.expand_dims, views=True)
def expand_dims(a: Any, axis: Any) -> Tracer:
    """Insert axes of length 1."""
    x = as_handle(a)
    axes = axis if isinstance(axis, list | tuple) else (axis,)
    places = normalize_axis_tuple(axes, x.ndim + len(axes))
    rest = iter(x.shape)
    spec = tuple(
        NewAxis() if i in places else Slice(0, next(rest)) for i in range(x.ndim + len(axes))
    )
    key = tuple(None if i in places else _WHOLE for i in range(len(spec)))
    return make_view(x, Pick(spec, key))


@handles(np.squeeze, views=True)
def squeeze(a: Any, axis: Any = None) -> Tracer:
    """Drop axes of length 1."""
    x = as_handle(a)
    if axis is None:
        axes = tuple(i for i, n in enumerate(x.shape) if n == 1)
    else:
        axes = normalize_axis_tuple(axis, x.ndim)
        if any(x.shape[i] != 1 for i in axes):
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshape_to(x, tuple(n for i, n in enumerate(x.shape) if i not in axes))


@handles(np.broadcast_to, views=True)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Tracer:
    """Return a read-only view of a larger shape."""
    x = as_handle(array)
    wanted = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    tail = wanted[len(wanted) - x.ndim :]
    if len(wanted) < x.ndim or any(n not in (1, m) for n, m in zip(x.shape, tail, strict=True)):
        raise ValueError(f"cannot broadcast an array of shape {x.shape} to {wanted}")
    return make_view(x, Broadcast(wanted), writable=False)


@handles(np.broadcast_arrays, views=True)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """Broadcast arrays against each other."""
    arrays = [as_handle(a) for a in args]
    shape = broadcast_shapes(*(x.shape for x in arrays))
    return tuple(x if x.shape == shape else call(np.broadcast_to, x, shape) for x in arrays)


@handles(np.atleast_1d, views=True)
def atleast_1d(*arys: Any) -> Any:
    """View inputs as arrays of at least one dimension."""
    return _each(arys, lambda x: reshape_to(x, (1,)) if x.ndim == 0 else x)


@handles(np.atleast_2d, views=True)
def atleast_2d(*arys: Any) -> Any:
    """View inputs as arrays of at least two dimensions."""
    return _each(arys, lambda x: reshape_to(x, (1, *_row(x))) if x.ndim < 2 else x)


def _row(x: Tracer) -> Shape:
    return x.shape or (1,)


@handles(np.atleast_3d, views=True)
def atleast_3d(*arys: Any) -> Any:
    """View inputs as arrays of at least three dimensions."""

    def widen(x: Tracer) -> Tracer:
        if x.ndim >= 3:
            return x
        return reshape_to(x, (*x.shape, 1) if x.ndim == 2 else (1, *_row(x), 1))

    return _each(arys, widen)


def _each(arrays: Any, change: Any) -> Any:
    done = tuple(change(as_handle(a)) for a in arrays)
    return done[0] if len(done) == 1 else done


# order along axes


@handles(np.flip, views=True)
def flip(m: Any, axis: Any = None) -> Tracer:
    """Reverse the order along axes (a view)."""
    x = as_handle(m)
    axes = range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim)
    key = tuple(slice(None, None, -1) if i in axes else _WHOLE for i in range(x.ndim))
    return x[key]  # type: ignore[no-any-return]


@handles(np.fliplr, views=True)
def fliplr(m: Any) -> Any:
    """Reverse the second axis."""
    return as_handle(m)[:, ::-1]


@handles(np.flipud, views=True)
def flipud(m: Any) -> Any:
    """Reverse the first axis."""
    return as_handle(m)[::-1, ...]


@handles(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Tracer:
    """Rotate elements along axes."""
    x = as_handle(a)
    if axis is None:
        return call(np.reshape, call(np.roll, call(np.ravel, x), shift, 0), x.shape)  # type: ignore[no-any-return]
    axes = normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
    if is_position(shift) or (isinstance(shift, Tracer) and not is_concrete(shift)):
        return _turned(x, shift, axes)
    shifts = np.broadcast_to(np.asarray(shift), (len(axes),)).tolist()
    for i, by in zip(axes, shifts, strict=True):
        x = _rolled(x, int(by), i)
    return x


def _turned(x: Tracer, by: Any, axes: tuple[int, ...]) -> Tracer:
    """Rotate by a number that is known only when the code runs."""
    if isinstance(by, Tracer) and (by.ndim or by.dtype.kind not in "iu"):
        fail(
            TraceError,
            "np.roll takes an integer that is known only when the code runs, and no other array",
            operands=[describe(by)],
            repair="roll along one axis after the other, each by an integer",
        )
    for axis in axes:
        extent = static(x.shape[axis])
        if extent:
            places = (np.arange(extent) - by) % extent
            x = call(np.take, x, places, axis=axis)
    return x


def _rolled(x: Tracer, by: int, axis: int) -> Tracer:
    extent = static(x.shape[axis])
    by = by % extent if extent else 0
    if by == 0:
        return call(np.copy, x)  # type: ignore[no-any-return]
    before = (_WHOLE,) * axis
    parts = [x[(*before, slice(extent - by, None))], x[(*before, slice(None, extent - by))]]
    return call(np.concatenate, parts, axis=axis)  # type: ignore[no-any-return]


@handles(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Tracer:
    """Repeat each element."""
    x = as_handle(a)
    if axis is None:
        x, axis = call(np.ravel, x), 0
    axis = normalize_axis_index(axis, x.ndim)
    counts = np.asarray(repeats)
    index = np.repeat(np.arange(static(x.shape[axis])), counts)
    return call(np.take, x, call(np.array, index), axis=axis)  # type: ignore[no-any-return]


@handles(np.tile)
def tile(A: Any, reps: Any) -> Tracer:
    """Lay copies side by side."""
    x = as_handle(A)
    counts = tuple(reps) if isinstance(reps, list | tuple) else (int(reps),)
    rank = max(len(counts), x.ndim)
    counts = (1,) * (rank - len(counts)) + counts
    shape = (1,) * (rank - x.ndim) + x.shape
    spread = tuple(n for pair in zip(counts, shape, strict=True) for n in pair)
    inner = tuple(n for extent in shape for n in (1, extent))
    wide = read(x).reshape(inner).broadcast_to(spread)
    return fresh(wide.reshape(tuple(c * n for c, n in zip(counts, shape, strict=True))))


# asking


@handles(np.shape, views=True)
def shape_(a: Any) -> Any:
    """Return the extents."""
    return as_handle(a).shape


@handles(np.ndim, views=True)
def ndim(a: Any) -> int:
    """Return the number of axes."""
    return as_handle(a).ndim


@handles(np.size, views=True)
def size(a: Any, axis: Any = None) -> Any:
    """Return the number of elements, or one extent."""
    x = as_handle(a)
    return x.size if axis is None else x.shape[normalize_axis_index(axis, x.ndim)]


@handles(np.iscomplexobj, views=True)
def iscomplexobj(x: Any) -> bool:
    """Complex numbers are not traced."""
    return as_handle(x).dtype.kind == "c"


@handles(np.isrealobj, views=True)
def isrealobj(x: Any) -> bool:
    """Complex numbers are not traced."""
    return as_handle(x).dtype.kind != "c"


@handles(np.may_share_memory, np.shares_memory, views=True)
def shares_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    """Tell whether two handles hang on one root."""
    x, y = as_handle(a), as_handle(b)
    roots = [h if h._view is None else h._view.root for h in (x, y)]
    return roots[0] is roots[1]
