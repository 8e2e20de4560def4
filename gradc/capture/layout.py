"""The memory layout NumPy would give an array, which decides whether a reshape is a view.

A layout is None (contiguous in C order), a tuple of strides counted in elements, or ``UNKNOWN``.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from gradc.ir import Array, At, Dim, IndexSpec, NewAxis, Slice, known

__all__ = [
    "UNKNOWN",
    "Layout",
    "c_strides",
    "decides",
    "given",
    "indexed",
    "is_given",
    "like_operands",
    "reshaped",
    "transposed",
]

UNKNOWN = "unknown"
Layout: TypeAlias = tuple[int, ...] | str | None
Shape: TypeAlias = tuple[Dim, ...]


def c_strides(shape: Shape) -> tuple[int, ...] | None:
    """Return the strides of a C-contiguous array; None when an extent decides that is symbolic."""
    strides: list[int] = []
    step = 1
    for axis in reversed(range(len(shape))):
        strides.append(step)
        extent = shape[axis]
        if axis and not isinstance(extent, int):
            return None
        step *= extent if isinstance(extent, int) else 1
    return tuple(reversed(strides))


def given(array: np.ndarray) -> Layout:
    """Return the layout of an array that is at hand."""
    size = array.itemsize
    if array.ndim < 2 or array.flags.c_contiguous:
        return None
    if any(stride % size for stride in array.strides):
        return UNKNOWN
    return _canonical(tuple(stride // size for stride in array.strides), array.shape)


def is_given(layout: Layout, array: Any) -> bool:
    """Tell whether an argument has a layout."""
    return not isinstance(array, np.ndarray) or given(array) == layout


def decides(shape: Shape, new_shape: Shape) -> bool:
    """Tell whether it is for the layout to decide if a reshape is a view."""
    if len(shape) < 2:
        return False
    return [n for n in shape if n != 1] != [n for n in new_shape if n != 1]


def _strides(layout: Layout, shape: Shape) -> tuple[int, ...] | None:
    return layout if isinstance(layout, tuple) else c_strides(shape) if layout is None else None


def _canonical(strides: tuple[int, ...], shape: Shape) -> Layout:
    """Name C-contiguous strides None; strides of axes of length 1 do not count."""
    expected = c_strides(shape)
    if expected is None:
        return UNKNOWN
    if 0 in shape:
        return None
    same = all(s == e for s, e, n in zip(strides, expected, shape, strict=True) if n != 1)
    if not same and not all(map(known, shape)):
        return UNKNOWN  # a single element would be contiguous
    return None if same else strides


def transposed(layout: Layout, shape: Shape, axes: Sequence[int]) -> Layout:
    """Return the layout after permuting axes."""
    strides = _strides(layout, shape)
    if strides is None:
        return UNKNOWN
    return _canonical(tuple(strides[a] for a in axes), tuple(shape[a] for a in axes))


def indexed(layout: Layout, shape: Shape, spec: IndexSpec) -> Layout:
    """Return the layout after basic indexing."""
    strides = _strides(layout, shape)
    if strides is None:
        return UNKNOWN
    kept: list[int] = []
    extents: list[Dim] = []
    axis = 0
    for item in spec:
        if isinstance(item, NewAxis):
            kept.append(0)
            extents.append(1)
            continue
        if isinstance(item, Slice):
            kept.append(strides[axis] * item.step)
            extents.append(item.length)
        else:
            assert isinstance(item, At | Array)  # one position, known now or at the call
        axis += 1
    return _canonical(tuple(kept), tuple(extents))


def reshaped(layout: Layout, shape: Shape, new_shape: Shape) -> Layout | bool:
    """Return the layout of a reshape that is a view, or False when NumPy has to copy.

    Follows NumPy's rule: split the old axes into groups that are contiguous in themselves.
    """
    if layout is None:
        return None
    if not isinstance(layout, tuple) or not all(map(known, (*shape, *new_shape))):
        return UNKNOWN
    old = [(n, s) for n, s in zip(shape, layout, strict=True) if n != 1]
    if 0 in shape:
        return None
    strides: list[int] = []
    position = 0
    remaining = [n for n in new_shape if n != 1]
    while remaining or position < len(old):
        group = _next_group(old, position, remaining)
        if group is None:
            return False
        position, taken, new = group
        strides += new
        remaining = remaining[taken:]
    full = iter(strides)
    return _canonical(tuple(0 if n == 1 else next(full) for n in new_shape), new_shape)


def _next_group(
    old: list[tuple[Dim, int]], position: int, remaining: Sequence[Dim]
) -> tuple[int, int, list[int]] | None:
    """Match the fewest leading old and new axes with equal products."""
    end, taken = position + 1, 1
    have, want = old[position][0], remaining[0]
    while have != want:
        if have < want:  # type: ignore[operator]
            have, end = have * old[end][0], end + 1
        else:
            want, taken = want * remaining[taken], taken + 1
    for k in range(position, end - 1):
        if old[k][1] != old[k + 1][0] * old[k + 1][1]:
            return None
    new: list[int] = []
    step = old[end - 1][1]
    for extent in reversed(remaining[:taken]):
        new.insert(0, step)
        step = step * extent  # type: ignore[assignment]
    return end, taken, new


def like_operands(layouts: Sequence[Layout], shape: Shape) -> Layout:
    """Return the layout of a fresh elementwise result: C order when all operands have it.

    NumPy keeps the axis order of the operands; where they all agree on another order the result is
    contiguous in that order, otherwise it is left undecided.
    """
    orders = {_order(layout, shape) for layout in layouts}
    if orders == {tuple(range(len(shape)))}:
        return None
    order = orders.pop() if len(orders) == 1 else None
    if order is None:
        return UNKNOWN
    inner = c_strides(tuple(shape[a] for a in order))
    if inner is None:
        return UNKNOWN
    strides = [0] * len(shape)
    for axis, stride in zip(order, inner, strict=True):
        strides[axis] = stride
    return _canonical(tuple(strides), shape)


def _order(layout: Layout, shape: Shape) -> tuple[int, ...] | None:
    """Return the axes from slowest to fastest; None when unknown or ambiguous."""
    if layout is None:
        return tuple(range(len(shape)))
    if not isinstance(layout, tuple):
        return None
    return tuple(sorted(range(len(shape)), key=lambda axis: (-abs(layout[axis]), axis)))
