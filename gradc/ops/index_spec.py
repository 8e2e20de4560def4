"""What an index specification selects: its shape, its NumPy key and its text."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError, IndexBoundsError, ShapeError
from gradc.ir.dims import Dim, Shape
from gradc.ir.node import Array, At, IndexItem, IndexSpec, NewAxis, Slice
from gradc.ir.op import broadcast_shapes
from gradc.ir.types import ArrayType

__all__ = ["indexed_shape", "is_basic", "locate", "result_items", "subscript"]

_WHOLE = slice(None)


def is_basic(spec: IndexSpec) -> bool:
    """Tell whether the index has no arrays, so that it names each element at most once."""
    return not any(isinstance(item, Array) for item in spec)


def result_items(spec: IndexSpec) -> tuple[int | None, ...]:
    """Return what the result's axes come from, in order.

    A number is the position in ``spec`` of a ``Slice`` or ``NewAxis``; None stands for all axes of
    the index arrays together.
    """
    rest = [i for i, item in enumerate(spec) if not isinstance(item, At)]
    places = [n for n, i in enumerate(rest) if isinstance(spec[i], Array)]
    if not places:
        return tuple(rest)
    adjacent = places[-1] - places[0] + 1 == len(places)
    first = places[0] if adjacent else 0
    kept = [i for i in rest if not isinstance(spec[i], Array)]
    return (*kept[:first], None, *kept[first:])


def indexed_shape(x: ArrayType, arrays: Sequence[ArrayType], spec: IndexSpec) -> Shape:
    """Return the shape of ``x[spec]``; raise where the index does not fit."""
    _check(x, arrays, spec)
    try:
        wide = broadcast_shapes(*(a.shape for a in arrays))
    except ValueError as error:
        raise ShapeError(f"index arrays: {error}") from None
    shape: list[Dim] = []
    for place in result_items(spec):
        if place is None:
            shape += wide
        else:
            item = spec[place]
            shape.append(item.length if isinstance(item, Slice) else 1)
    return tuple(shape)


def _check(x: ArrayType, arrays: Sequence[ArrayType], spec: IndexSpec) -> None:
    on_axes = [item for item in spec if not isinstance(item, NewAxis)]
    if len(on_axes) != x.ndim:
        raise ShapeError(f"an index of {x} needs {x.ndim} items, got {len(on_axes)}")
    slots = sorted(item.slot for item in on_axes if isinstance(item, Array))
    if slots != list(range(len(arrays))):
        raise ShapeError(f"an index with {len(arrays)} arrays names the slots {slots}")
    for array in arrays:
        if array.dtype.kind not in "iu":
            raise DTypeError(f"an index array holds integers, got {array}")
    for axis, item in enumerate(on_axes):
        _check_bounds(x, axis, item)


def _check_bounds(x: ArrayType, axis: int, item: IndexItem) -> None:
    for position in _ends(item):
        extent = x.shape[axis]
        inside = not isinstance(position, int) or position >= 0
        if isinstance(position, int) and isinstance(extent, int):
            inside = 0 <= position < extent
        if not inside:
            raise IndexBoundsError(f"index {position} is outside axis {axis} of {x}")


def _ends(item: IndexItem) -> Iterator[Dim]:
    """Return the first and the last position that an item names."""
    if isinstance(item, At):
        yield item.position
    elif isinstance(item, Slice) and item.length != 0:
        yield item.start
        yield item.start + (item.length - 1) * item.step


# evaluation


def locate(
    x: np.ndarray, arrays: Sequence[np.ndarray], spec: IndexSpec
) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return a view of ``x`` and a key, so that ``view[key]`` means ``x[spec]``."""
    if is_basic(spec):
        return x, (*(_key(item, arrays) for item in spec), ...)
    on_axes = [item for item in spec if not isinstance(item, NewAxis)]
    if any(isinstance(item, At) for item in spec):
        first: Any = tuple(item.position if isinstance(item, At) else _WHOLE for item in on_axes)
        x = x[first]
    return x, tuple(_key(item, arrays) for item in spec if not isinstance(item, At))


def _key(item: IndexItem, arrays: Sequence[np.ndarray]) -> Any:
    if isinstance(item, Array):
        return arrays[item.slot]
    if isinstance(item, At):
        return item.position
    return _as_slice(item) if isinstance(item, Slice) else None


def _as_slice(item: Slice) -> slice:
    if item.length == 0:
        return slice(0, 0)
    last: Any = item.start + (item.length - 1) * item.step
    if item.step > 0:
        return slice(item.start, last + 1, item.step)
    return slice(item.start, last - 1 if last > 0 else None, item.step)


# text


def subscript(spec: IndexSpec, shape: Shape, arrays: Sequence[str]) -> tuple[str, ...]:
    """Return what stands between brackets: ``("1:, None",)``; two if positions come first.

    ``x[0][:, i]`` and ``x[0, :, i]`` differ in NumPy, which counts a position as an index array
    when there is one; ``x[0, i]`` means the same either way.  A slice that runs backwards and may
    reach the front or be empty is taken forwards first: ``x[i - n:i][::-1]``, because the end -1
    would count from the back.
    """
    slips = _slips(spec, shape)
    if any(slips):
        ahead = _ahead(spec, shape, slips)
        lengths = tuple(item.length for item in ahead)
        turned = tuple(_turned(item) if s else item for item, s in zip(spec, slips, strict=True))
        return _subscript(ahead, shape, arrays), *subscript(turned, lengths, arrays)
    if is_basic(spec) or _in_one_run(spec) or not any(isinstance(item, At) for item in spec):
        return (_subscript(spec, shape, arrays),)
    on_axes = [item for item in spec if not isinstance(item, NewAxis)]
    first = tuple(
        item if isinstance(item, At) else Slice(0, dim)
        for item, dim in zip(on_axes, shape, strict=True)
    )
    left = [dim for item, dim in zip(on_axes, shape, strict=True) if not isinstance(item, At)]
    rest = tuple(item for item in spec if not isinstance(item, At))
    return _subscript(first, shape, arrays), _subscript(rest, tuple(left), arrays)


def _slips(spec: IndexSpec, shape: Shape) -> list[bool]:
    """Tell of each item whether its end may come out as -1, for some value of its symbols."""
    extents = iter(shape)
    return [not isinstance(item, NewAxis) and _may_slip(item, next(extents)) for item in spec]


def _may_slip(item: IndexItem, extent: Dim) -> bool:
    if not isinstance(item, Slice) or item.step > 0 or item.length == 0:
        return False
    last = item.start + (item.length - 1) * item.step
    if not isinstance(last, int):
        return True
    return last == 0 and extent - item.start != 1 and not _never_negative(item.start)


def _never_negative(dim: Dim) -> bool:
    """Tell whether all coefficients are positive; sizes and indices are."""
    return dim >= 0 if isinstance(dim, int) else all(factor >= 0 for _, factor in dim.terms)


def _ahead(spec: IndexSpec, shape: Shape, slips: Sequence[bool]) -> tuple[Slice, ...]:
    """Return the slices that run backwards as slices that run forwards, the rest in full."""
    on_axes = [pair for pair in zip(spec, slips, strict=True) if not isinstance(pair[0], NewAxis)]
    return tuple(
        _forwards(item) if isinstance(item, Slice) and slip else Slice(0, dim)
        for (item, slip), dim in zip(on_axes, shape, strict=True)
    )


def _forwards(item: Slice) -> Slice:
    return Slice(item.start + (item.length - 1) * item.step, item.length, -item.step)


def _turned(item: IndexItem) -> IndexItem:
    """Return the whole of an axis as long as a slice, backwards."""
    assert isinstance(item, Slice)
    return Slice(item.length - 1, item.length, -1)


def _in_one_run(spec: IndexSpec) -> bool:
    """Tell whether positions and index arrays stand next to each other."""
    counted = [i for i, item in enumerate(spec) if isinstance(item, At | Array)]
    return counted[-1] - counted[0] + 1 == len(counted)


def _subscript(spec: IndexSpec, shape: Shape, arrays: Sequence[str]) -> str:
    extents = iter(shape)
    texts = [
        "None" if isinstance(item, NewAxis) else _item_text(item, next(extents), arrays)
        for item in spec
    ]
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return ", ".join(texts) or "..."


def _item_text(item: IndexItem, extent: Dim, arrays: Sequence[str]) -> str:
    if isinstance(item, Array):
        return arrays[item.slot]
    if isinstance(item, At):
        last = item.position not in (0, 1) and extent - item.position == 1
        return "-1" if last else str(item.position)
    assert isinstance(item, Slice)
    return _slice_text(item, extent)


def _slice_text(item: Slice, extent: Dim) -> str:
    if item.length == 0:
        return "0:0"
    last = item.start + (item.length - 1) * item.step
    if item.step < 0:
        first = "" if extent - item.start == 1 else str(item.start)
        return f"{first}:{'' if last == 0 else last - 1}:{item.step}"
    first = "" if item.start == 0 else str(item.start)
    step = f":{item.step}" if item.step != 1 else ""
    return f"{first}:{_stop_text(item, last, extent)}{step}"


def _stop_text(item: Slice, last: Dim, extent: Dim) -> str:
    """Return where a slice stops, counted from the end where that is nearer."""
    if not isinstance(item.length, int) and item.step > 1:
        return str(item.start + item.length * item.step)
    left = extent - (last + 1)
    if isinstance(left, int) and 0 <= left < item.step:
        return ""
    if not isinstance(left, int) or not isinstance(item.start, int):
        return str(last + 1)
    near = not isinstance(extent, int) or 2 * left < extent
    return str(-left if near and left <= max(item.start, 1) else last + 1)
