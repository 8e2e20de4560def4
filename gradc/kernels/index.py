"""Index maps: which element of an operand a movement op reads.

An index is a tuple of ``Dim``, one for each axis; the functions here turn an index of a result into
an index of the operand.  A *view* is an affine map into the memory of a stored array, so chains of
movement ops compose into one offset polynomial.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from gradc.ir import At, Dim, IndexSpec, NewAxis, Node, Shape, Slice, product
from gradc.records import dataclass

__all__ = [
    "IndexTuple",
    "View",
    "broadcast_index",
    "domain_of",
    "index_basic",
    "long_axes",
    "row_major",
    "row_major_strides",
    "split_index",
    "splits_only",
    "through",
    "transpose_index",
    "view_of",
]

IndexTuple: TypeAlias = tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class View:
    """Element ``index`` of an array lies at ``offset + sum(index * strides)`` of node ``base``."""

    base: int
    offset: Dim
    strides: tuple[Dim, ...]

    def at(self, index: IndexTuple) -> Dim:
        """Return the offset of one element."""
        total = self.offset
        for position, stride in zip(index, self.strides, strict=True):
            if position != 0 and stride != 0:
                total = total + position * stride
        return total


def row_major(index: IndexTuple, shape: Shape) -> Dim:
    """Return the position in C order."""
    total: Dim = 0
    for position, extent in zip(index, shape, strict=True):
        total = position if total == 0 else total * extent + position
    return total


def row_major_strides(shape: Shape) -> tuple[Dim, ...]:
    """Return the element strides of a contiguous array in C order."""
    strides: list[Dim] = []
    step: Dim = 1
    for extent in reversed(shape):
        strides.append(step)
        step = step * extent
    return tuple(reversed(strides))


def long_axes(shape: Shape) -> tuple[int, ...]:
    """Return the axes whose extent is not 1."""
    return tuple(axis for axis, extent in enumerate(shape) if extent != 1)


def domain_of(shape: Shape) -> Shape:
    """Return the extents that make loops: all but the ones."""
    return tuple(extent for extent in shape if extent != 1)


# one op


def broadcast_index(index: IndexTuple, shape: Shape) -> IndexTuple:
    """Index the operand (of ``shape``) of a broadcast."""
    tail = index[len(index) - len(shape) :]
    return tuple(0 if e == 1 else i for i, e in zip(tail, shape, strict=True))


def transpose_index(index: IndexTuple, axes: Sequence[int]) -> IndexTuple:
    """Index the operand of a transposition."""
    result: list[Dim] = [0] * len(axes)
    for position, axis in zip(index, axes, strict=True):
        result[axis] = position
    return tuple(result)


def index_basic(index: IndexTuple, spec: IndexSpec) -> IndexTuple:
    """Index the operand of slices, positions and new axes."""
    given = iter(index)
    result: list[Dim] = []
    for item in spec:
        if isinstance(item, At):
            result.append(item.position)
        elif isinstance(item, NewAxis):
            next(given)
        elif isinstance(item, Slice):
            result.append(item.start + next(given) * item.step)
    return tuple(result)


def split_index(index: IndexTuple, target: Shape, source: Shape) -> IndexTuple | None:
    """Index the operand (of shape ``source``) of a reshape; None where that is not affine."""
    if product(source) == 0:
        return (0,) * len(source)
    groups = _groups(source, target)
    if groups is None:
        return None
    result: list[Dim] = [0] * len(source)
    for sources, targets in groups:
        position = row_major(tuple(index[t] for t in targets), tuple(target[t] for t in targets))
        if len(sources) == 1:
            result[sources[0]] = position
            continue
        if not isinstance(position, int):
            return None
        for axis in reversed(sources):
            extent = source[axis]
            if not isinstance(extent, int):
                return None
            position, result[axis] = divmod(position, extent)
    return tuple(result)


def splits_only(source: Shape, target: Shape) -> bool:
    """Tell whether each index of the reshaped array has an affine index of the operand."""
    if product(source) == 0:
        return True
    groups = _groups(source, target)
    return groups is not None and all(len(sources) == 1 for sources, _ in groups)


def through(node: Node, shape: Shape, index: IndexTuple) -> IndexTuple | None:
    """Index the operand (of ``shape``) of a movement op; None where that is not affine."""
    name, params = node.op.name, node.params
    if name == "broadcast_to":
        return broadcast_index(index, shape)
    if name == "transpose":
        return transpose_index(index, params["axes"])
    if name == "reshape":
        return split_index(index, node.type.shape, shape)
    if name == "index":
        return index_basic(index, params["spec"])
    return index


def _groups(source: Shape, target: Shape) -> list[tuple[list[int], list[int]]] | None:
    """Pair runs of axes whose extents have equal products; None for extents that do not tell."""
    sources, targets = list(long_axes(source)), list(long_axes(target))
    pairs: list[tuple[list[int], list[int]]] = []
    s = t = 0
    while s < len(sources) and t < len(targets):
        left, right = [sources[s]], [targets[t]]
        have, want = source[sources[s]], target[targets[t]]
        s, t = s + 1, t + 1
        while have != want:
            if not isinstance(have, int) or not isinstance(want, int):
                return None
            if have < want and s < len(sources):
                left.append(sources[s])
                have = have * source[sources[s]]
                s += 1
            elif want < have and t < len(targets):
                right.append(targets[t])
                want = want * target[targets[t]]
                t += 1
            else:
                return None
        pairs.append((left, right))
    return pairs if s == len(sources) and t == len(targets) else None


# views


def view_of(node: Node, shape: Shape, view: View) -> View | None:
    """Return the view that a movement op makes of a view with ``shape``; None needs a copy."""
    name, params = node.op.name, node.params
    if name == "broadcast_to":
        return _broadcast_view(node.type.shape, shape, view)
    if name == "transpose":
        return View(view.base, view.offset, tuple(view.strides[a] for a in params["axes"]))
    if name == "reshape":
        return _reshape_view(node.type.shape, shape, view)
    if name == "index":
        return _index_view(params["spec"], view)
    return view


def _broadcast_view(target: Shape, shape: Shape, view: View) -> View:
    lead: tuple[Dim, ...] = (0,) * (len(target) - len(shape))
    own = tuple(
        0 if extent == 1 and wide != 1 else stride
        for stride, extent, wide in zip(view.strides, shape, target[len(lead) :], strict=True)
    )
    return View(view.base, view.offset, lead + own)


def _index_view(spec: IndexSpec, view: View) -> View:
    offset = view.offset
    strides: list[Dim] = []
    given = iter(view.strides)
    for item in spec:
        if isinstance(item, NewAxis):
            strides.append(0)
            continue
        stride = next(given)
        if isinstance(item, At):
            offset = offset + stride * item.position
        elif isinstance(item, Slice):
            offset = offset + stride * item.start
            strides.append(stride * item.step)
    return View(view.base, offset, tuple(strides))


def _reshape_view(target: Shape, shape: Shape, view: View) -> View | None:
    if product(shape) == 0:
        return View(view.base, view.offset, row_major_strides(target))
    groups = _groups(shape, target)
    if groups is None:
        same = view.strides == row_major_strides(shape)
        return View(view.base, view.offset, row_major_strides(target)) if same else None
    strides: list[Dim] = [0] * len(target)
    for sources, targets in groups:
        if not _mergeable(sources, shape, view.strides):
            return None
        step: Any = view.strides[sources[-1]]
        for axis in reversed(targets):
            strides[axis] = step
            step = step * target[axis]
    return View(view.base, view.offset, tuple(strides))


def _mergeable(axes: Sequence[int], shape: Shape, strides: Sequence[Dim]) -> bool:
    """Tell whether the axes walk memory as one axis would."""
    return all(strides[outer] == strides[inner] * shape[inner] for outer, inner in pairwise(axes))
