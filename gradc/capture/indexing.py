"""Subscripts: NumPy's indexing kinds as index specifications of the graph.

Basic indices (integers, slices, ``...``, ``newaxis``) give views; integer arrays give copies; a
mask known while recording becomes integer arrays; a traced mask can be assigned through.
"""

import operator
from dataclasses import field
from typing import Any

import numpy as np

from gradc.capture.context import demand, fail
from gradc.capture.convert import as_handle, cast_to, has_traced, own, unwrap, value_of
from gradc.capture.dispatch import TABLE
from gradc.capture.masked import Masked, masked_assign, masked_read
from gradc.capture.mutation import Pick, make_view, read, settle, write, write_concrete
from gradc.capture.positions import Position, is_position, tracer_of
from gradc.capture.proofs import proven_position, symbolic_slice
from gradc.capture.stretches import Stretch, looked_up, put, stretch_of
from gradc.capture.tracer import (
    Kind,
    Tracer,
    describe,
    is_concrete,
    shape_text,
    static,
    wrap,
)
from gradc.capture.windows import windowed
from gradc.errors import IndexBoundsError, ShapeError, UnsupportedError
from gradc.ir import (
    Array,
    At,
    Dim,
    IndexItem,
    IndexSpec,
    NewAxis,
    Shape,
    Slice,
    Value,
    broadcast_shapes,
    op_named,
    static_shape,
)
from gradc.records import dataclass

__all__ = ["Subscript", "add_at", "fitted", "parse"]

_INTP = np.dtype(np.int64)
_FULL = slice(None)


@dataclass(slots=True)
class Subscript:
    """A parsed index.

    Parameters
    ----------
    spec : tuple
        One item for each axis, ``newaxis`` items between them.
    arrays : list of Tracer
        Integer index arrays, by slot.
    view : bool
        Only integers and slices: the result shares memory.
    ellipsis : bool
        An ellipsis was written, so a 0-d result is an array.
    """

    spec: IndexSpec = ()
    arrays: list[Tracer] = field(default_factory=list)
    view: bool = True
    ellipsis: bool = False

    @property
    def values(self) -> tuple[Value, ...]:
        """The index arrays in the current graph, broadcast against each other."""
        return tuple(read(array) for array in self.arrays)


def parse(index: Any, shape: Shape) -> Subscript:
    """Turn a Python subscript of an array of that shape into a specification."""
    items = _expand([_item(part) for part in (index if type(index) is tuple else (index,))], shape)
    subscript = Subscript(ellipsis=_has_ellipsis(index))
    apart = _integers_apart(items)
    spec: list[IndexItem] = []
    axis = 0
    for item in items:
        if item is None:
            spec.append(NewAxis())
            continue
        spec.append(_axis_item(item, shape[axis], axis, subscript, apart))
        axis += 1
    subscript.spec = tuple(spec)
    _align(subscript)
    return subscript


def _has_ellipsis(index: Any) -> bool:
    return index is ... or (type(index) is tuple and any(part is ... for part in index))


def _item(part: Any) -> Any:
    """Reduce one part of a subscript to int, slice, None, Ellipsis, ndarray or traced handle."""
    if part is None or part is ...:
        return part
    if is_position(part):
        return part
    if isinstance(part, slice):
        return slice(*[_limit(s) for s in _limits(part)])
    if isinstance(part, bool | np.bool_):
        _refuse("a single boolean as an index", "index with a boolean array")
    if isinstance(part, int | np.integer):
        return int(part)
    handle = as_handle(part)
    if not is_concrete(handle):
        return _traced_item(handle)
    array = unwrap(handle)
    if array.size == 0 and isinstance(part, list):
        array = array.astype(_INTP)
    if array.dtype.kind not in "biu":
        _no_index(array.dtype)
    return int(array) if array.ndim == 0 and array.dtype.kind != "b" else array


def _limit(s: Any) -> Any:
    return s if s is None or is_position(s) else operator.index(s)


def _has_late_limit(index: Any) -> bool:
    """Tell whether a slice in a subscript has a limit that is known only when the code runs."""
    parts = index if type(index) is tuple else (index,)
    return any(
        isinstance(x, Tracer) and not is_concrete(x)
        for part in parts
        if isinstance(part, slice)
        for x in _limits(part)
    )


def _limits(part: slice) -> tuple[Any, Any, Any]:
    return part.start, part.stop, part.step


def _traced_item(handle: Tracer) -> Tracer:
    if handle.dtype.kind == "b":
        _refuse(
            "a boolean mask whose values are traced, used this way,",
            "use np.where(mask, a, b), or np.sum(x, where=mask): the number of True is not known",
        )
    if handle.dtype.kind not in "iu":
        _no_index(handle.dtype)
    return handle


def _no_index(dtype: np.dtype) -> None:
    fail(
        IndexBoundsError,
        f"arrays used as indices must be of integer or boolean type, got {dtype}",
        repair="convert the index with .astype(int)",
    )


def _refuse(what: str, repair: str) -> None:
    fail(UnsupportedError, f"{what} is not supported", repair=repair)


def _expand(items: list[Any], shape: Shape) -> list[Any]:
    """Replace masks by integer arrays, the ellipsis and what is left out by full slices."""
    flat: list[Any] = []
    for item in items:
        is_mask = isinstance(item, np.ndarray) and item.dtype.kind == "b"
        flat += _mask_indices(item, shape, flat) if is_mask else [item]
    used = sum(1 for item in flat if item is not None and item is not ...)
    if used > len(shape):
        fail(
            IndexBoundsError,
            f"too many indices: the array has {len(shape)} dimensions, {used} were indexed",
        )
    rest = [_FULL] * (len(shape) - used)
    if not any(item is ... for item in flat):
        return flat + rest
    at = next(i for i, item in enumerate(flat) if item is ...)
    if any(item is ... for item in flat[at + 1 :]):
        raise IndexError("an index can only have a single ellipsis ('...')")
    return flat[:at] + rest + flat[at + 1 :]


def _mask_indices(mask: np.ndarray, shape: Shape, before: list[Any]) -> list[Any]:
    if any(item is ... for item in before):
        _refuse("a mask after an ellipsis", "write the leading axes as slices")
    axis = sum(1 for item in before if item is not None)
    if mask.shape != tuple(shape[axis : axis + mask.ndim]):
        raise IndexError(f"boolean index of shape {mask.shape} does not match array {shape}")
    return list(mask.nonzero())


def _integers_apart(items: list[Any]) -> bool:
    """Tell whether integers count as index arrays: a slice stands between them and an array."""
    fancy = [isinstance(i, np.ndarray) or (isinstance(i, Tracer) and i.ndim > 0) for i in items]
    if not any(fancy):
        return False
    counted = [
        f or isinstance(i, int | Tracer | Position) for f, i in zip(fancy, items, strict=True)
    ]
    first, last = counted.index(True), len(counted) - counted[::-1].index(True)
    return not all(counted[first:last])


def _axis_item(item: Any, extent: Dim, axis: int, to: Subscript, apart: bool) -> IndexItem:
    if isinstance(item, slice):
        return _slice_item(item, extent)
    if is_position(item):
        position = proven_position(item.dim, extent)
        if position is not None and not apart:
            return At(position)
        item = tracer_of(item.dim)
    if isinstance(item, int):
        position = _in_bounds(item, extent, axis)
        if not apart:
            return At(position)
        item = np.array(position)
    if isinstance(item, np.ndarray):
        to.view = False
        item = own(_array_in_bounds(item, extent, axis))
    elif item.ndim:
        to.view = False
    to.arrays.append(item if item._kind is not Kind.ARRAY or is_concrete(item) else _kept(item))
    return Array(len(to.arrays) - 1)


def _kept(handle: Tracer) -> Tracer:
    """Return the index as it is now: later writes into it do not move a view."""
    return wrap(read(handle), Kind.SCALAR)


def _slice_item(item: slice, extent: Dim) -> Slice:
    limits = _limits(item)
    if limits == (None, None, None):
        return Slice(0, extent, 1)
    if not isinstance(extent, int) or any(map(is_position, limits)):
        return symbolic_slice(limits, extent)
    start, stop, step = item.indices(static(extent))
    return Slice(start, len(range(start, stop, step)), step)


def _in_bounds(position: int, extent: Dim, axis: int) -> Dim:
    if isinstance(extent, int) and not -extent <= position < extent:
        fail(
            IndexBoundsError,
            f"index {position} is out of bounds for axis {axis} with size {extent}",
        )
    if not isinstance(extent, int):
        proven = proven_position(position, extent)
        if proven is None:
            demand(f"whether {position} is inside an axis of length {extent} is not known")
        return proven
    return position + extent if position < 0 else position


def _array_in_bounds(array: np.ndarray, extent: Dim, axis: int) -> np.ndarray:
    size = static(extent)
    array = array.astype(_INTP)
    wrong = array[(array < -size) | (array >= size)]
    if wrong.size:
        _in_bounds(int(wrong.flat[0]), size, axis)
    return np.where(array < 0, array + size, array)


def _align(subscript: Subscript) -> None:
    """Broadcast index arrays against each other, as int64."""
    if not subscript.arrays:
        return
    shape = broadcast_shapes(*(a.shape for a in subscript.arrays))
    for slot, array in enumerate(subscript.arrays):
        if array.dtype == _INTP and array.shape == shape:
            continue
        if is_concrete(array):
            wide = np.broadcast_to(unwrap(array), static_shape(shape)).astype(_INTP)
            subscript.arrays[slot] = own(wide)
        else:
            value = cast_to(read(array), _INTP).broadcast_to(shape)
            subscript.arrays[slot] = wrap(value, Kind.SCALAR)


# reading


def _getitem(x: Tracer, index: Any) -> Any:
    if x._kind is not Kind.ARRAY:
        return _scalar_item(x, index)
    elements = _elements(x, index)
    if elements is not None:
        return elements
    x, index = windowed(x, index) if _has_late_limit(index) else (x, index)
    mask, lead = _traced_mask(index)
    if mask is not None:
        return masked_read(x, mask, lead)
    subscript = parse(index, x.shape)
    if is_concrete(x) and not subscript.view and not has_traced(subscript.arrays):
        return own(unwrap(x)[_plain_key(index)])
    if not subscript.view:
        return wrap(_picked(read(x), subscript), Kind.ARRAY)
    return _view_item(x, subscript, index)


def _is_unsized(index: Any, *values: Any) -> bool:
    """Tell whether a stretch is part of a subscript or a value, or may be what is asked for."""
    parts = index if type(index) is tuple else (index,)
    return _has_late_limit(index) or any(isinstance(x, Stretch) for x in (*parts, *values))


def _elements(x: Tracer, index: Any) -> Stretch | None:
    """Return the elements of a slice whose length is known only when the code runs."""
    if not _is_unsized(index):
        return None
    found = looked_up(x, index)
    return stretch_of(x, index) if found is None else found


def _view_item(x: Tracer, subscript: Subscript, index: Any) -> Any:
    is_scalar = not subscript.ellipsis and all(
        isinstance(item, At | Array) for item in subscript.spec
    )
    if subscript.arrays:
        if is_scalar:
            return wrap(_picked(read(x), subscript), Kind.SCALAR)
        return _moving_view(x, subscript)
    if is_concrete(x) and _has_position(index):
        if is_scalar:
            return wrap(_picked(read(x), subscript), Kind.SCALAR)
        return _moving_view(x, subscript)
    key = _plain_key(index)
    if is_scalar and len(subscript.spec) == x.ndim:
        if is_concrete(x):
            return unwrap(x)[key]
        return wrap(_picked(read(x), subscript), Kind.SCALAR)
    return make_view(x, Pick(subscript.spec, key))


def _has_position(index: Any) -> bool:
    parts = index if type(index) is tuple else (index,)
    return any(
        any(map(is_position, _limits(part))) if isinstance(part, slice) else is_position(part)
        for part in parts
    )


def _moving_view(x: Tracer, subscript: Subscript) -> Tracer:
    """Return a view at a traced position, such as a row ``x[i]``."""
    if is_concrete(x):
        write(x, read(x))
    return make_view(x, Pick(subscript.spec, None, tuple(subscript.arrays)))


def _picked(base: Value, subscript: Subscript) -> Value:
    return op_named("index")(base, *subscript.values, spec=subscript.spec)


def _scalar_item(x: Tracer, index: Any) -> Tracer:
    if index == ():
        return x
    if index is ... or index == (...,):
        return wrap(read(x), Kind.ARRAY)
    if index is None or index == (None,):
        return wrap(read(x).reshape((1,)), Kind.ARRAY)
    raise IndexError("invalid index to scalar variable.")


def _plain_key(index: Any) -> Any:
    parts = index if type(index) is tuple else (index,)
    return tuple(unwrap(part) if isinstance(part, Tracer | slice) else part for part in parts)


def _traced_mask(index: Any) -> tuple[Tracer | None, int]:
    """Return the mask, and how many full slices stand before it.

    There is one when the subscript is one traced boolean array and full slices.
    """
    parts = index if type(index) is tuple else (index,)
    lead = 0
    while lead < len(parts) and type(parts[lead]) is slice and parts[lead] == _FULL:
        lead += 1
    if not all(p is ... or (type(p) is slice and p == _FULL) for p in parts[lead + 1 :]):
        return None, 0
    first = parts[lead] if lead < len(parts) else None
    if isinstance(first, np.ndarray) and first.dtype.kind == "b":
        first = as_handle(first)
    is_mask = isinstance(first, Tracer) and first.dtype.kind == "b" and not is_concrete(first)
    return (first, lead) if is_mask else (None, 0)


# writing


def _setitem(x: Tracer, index: Any, value: Any) -> None:
    if x._kind is not Kind.ARRAY:
        raise TypeError("a NumPy scalar does not support item assignment")
    if _is_unsized(index, value) and put(x, index, value):
        return
    x, index = windowed(x, index) if _has_late_limit(index) else (x, index)
    mask, lead = _traced_mask(index)
    if mask is not None:
        masked_assign(x, mask, value, lead)
        return
    if isinstance(value, Masked):
        value.refuse("assigned through another subscript")
    subscript = parse(index, x.shape)
    if _is_same_part(x, subscript, value):
        return  # the end of ``x[i] += v``: the view has been written already
    settle(x)
    if is_concrete(x) and not has_traced(value) and not has_traced(subscript.arrays):
        write_concrete(x, _plain_key(index), unwrap(as_handle(value)))
        return
    write(x, _replaced(x, subscript, value))


def _is_same_part(x: Tracer, subscript: Subscript, value: Any) -> bool:
    if not isinstance(value, Tracer) or value._view is None or value._view.base is not x:
        return False
    step = value._view.step
    return isinstance(step, Pick) and step.spec == subscript.spec and not subscript.arrays


def _replaced(x: Tracer, subscript: Subscript, value: Any) -> Value:
    base = read(x)
    indices = subscript.values
    index = op_named("index")
    target = index.infer(base.type, *(i.type for i in indices), spec=subscript.spec).shape
    part = fitted(value_of(value, None), x, target)
    if all(i == Slice(0, n, 1) for i, n in zip(subscript.spec, base.shape, strict=False)) and (
        len(subscript.spec) == len(base.shape)
    ):
        return part
    return op_named("index_put")(base, part, *indices, spec=subscript.spec)


def fitted(value: Value, x: Tracer, target: Shape) -> Value:
    """Cast and broadcast what is assigned to the type and shape of the part it goes into."""
    extra = len(value.shape) - len(target)
    if extra > 0 and all(n == 1 for n in value.shape[:extra]):
        value = value.reshape(value.shape[extra:])
    if len(value.shape) > len(target) or not _broadcasts(value.shape, target):
        name, text = describe(x)
        fail(
            ShapeError,
            f"could not assign a value of shape {shape_text(value.shape)} to a part of shape "
            f"{shape_text(target)}",
            operands=[(name, text)],
            repair="reshape the value, or change the subscript",
        )
    return cast_to(value, x.dtype).broadcast_to(target)


def _broadcasts(shape: Shape, target: Shape) -> bool:
    tail = target[len(target) - len(shape) :]
    return all(a in (1, b) for a, b in zip(shape, tail, strict=True))


def add_at(x: Any, index: Any, value: Any) -> None:
    """``np.add.at``: add, counting an element as often as it is indexed."""
    if not isinstance(x, Tracer):
        raise TypeError("argument a must be an array of the function")
    x, index = windowed(x, index) if _has_late_limit(index) else (x, index)
    subscript = parse(index, x.shape)
    base = read(x)
    indices = subscript.values
    target = (
        op_named("index").infer(base.type, *(i.type for i in indices), spec=subscript.spec).shape
    )
    part = fitted(value_of(value, None), x, target)
    write(x, op_named("index_add")(base, part, *indices, spec=subscript.spec))


TABLE[operator.getitem] = _getitem
TABLE[operator.setitem] = _setitem
