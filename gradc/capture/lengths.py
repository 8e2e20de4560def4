"""Arrays that a loop makes longer or shorter by the same in each turn.

What a turn hands to the next has one type for all turns, so such an array is carried in one of the
greatest length.  A turn takes the part that is in use, and puts back what it made::

    for i in range(n):                  for i in range(n):
        v = v[1:] - v[:-1]                  part = whole[: n + 1 - i].copy()
                                            whole[: n - i] = part[1:] - part[:-1]
                                        v = whole[:1].copy()

The copy makes no difference unless the array has other names that see a write into it; then the
loop is run turn by turn.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from gradc.capture.carries import Mismatch, Tree, observe
from gradc.capture.cells import Cells
from gradc.capture.context import current, demand
from gradc.capture.dispatch import apply
from gradc.capture.mutation import read
from gradc.capture.positions import Position, as_dim
from gradc.capture.sharing import arrays_in
from gradc.capture.tracer import Kind, Tracer
from gradc.capture.twins import root_of
from gradc.records import dataclass
from gradc.trees import LEAF

__all__ = ["Lengths", "changing"]

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Whole:
    """The array of the greatest length, and what of it is in use.

    Parameters
    ----------
    array : Tracer
        Nobody else holds it.
    memory : Tracer
        The array of before the loop that it was copied from, or is a view of.
    start : tuple of int
        The shape before the first turn.
    steps : tuple of int
        What each turn adds to it.
    """

    array: Tracer
    memory: Tracer
    start: Shape
    steps: Shape

    def used(self, turn: Any) -> tuple[slice, ...]:
        """Return the subscript of what is in use when a turn begins."""
        return tuple(slice(size) for size in self.shape(turn))

    def shape(self, turn: Any) -> tuple[Any, ...]:
        """Return the shape when a turn begins."""
        return tuple(a + turn * step for a, step in zip(self.start, self.steps, strict=True))


@dataclass(slots=True)
class Lengths:
    """The names of a loop whose arrays change their lengths.

    Parameters
    ----------
    cells : Cells
        The variables of the loop.
    wholes : dict
        The arrays of the greatest length, by name.
    """

    cells: Cells
    wholes: dict[str, _Whole] = field(default_factory=dict)
    _parts: dict[str, tuple[Tracer, int]] = field(default_factory=dict)

    def enter(self, turn: Position) -> None:
        """Hand each name the part that is in use."""
        for name, whole in self.wholes.items():
            part = apply(np.array, (whole.array[whole.used(turn)],), {})
            self._parts[name] = part, read(part).id
            self.cells.set(name, part)

    def leave(self, turn: Position, others: Iterable[str]) -> None:
        """Put back what the names hold now.

        Parameters
        ----------
        turn : Position
        others : iterable of str
            The other variables that live on after a turn.
        """
        written = current().mutated
        held = [root for name in others for root in _roots(self.cells.get(name))]
        for name, whole in self.wholes.items():
            value, (part, content) = self.cells.get(name), self._parts[name]
            root = _checked(name, value, whole, turn)
            stale = read(part).id != content or id(whole.memory) in written
            if stale or any(root is other for other in held):
                demand(f"{name} changes its length, and a write into it may show in another array")
            held.append(root)
            whole.array[whole.used(turn + 1)] = value

    def finish(self, count: int) -> None:
        """Give the names what the last turn left."""
        for name, whole in self.wholes.items():
            self.cells.set(name, apply(np.array, (whole.array[whole.used(count)],), {}))


def changing(
    cells: Cells, starts: Mapping[str, Any], ends: Mapping[str, Tree | None], count: int
) -> Lengths:
    """Return the names whose arrays change their lengths.

    Parameters
    ----------
    cells : Cells
    starts, ends : dict
        Values before the first turn, and what is known of those after it.
    count : int
        The turns.
    """
    found = {}
    for name, value in starts.items():
        start, end = _shape(observe(value)), _shape(ends[name])
        if start is None or end is None or start == end or len(start) != len(end):
            continue
        steps = tuple(b - a for a, b in zip(start, end, strict=True))
        last = tuple(a + count * step for a, step in zip(start, steps, strict=True))
        if min(last) >= 0:
            whole = _whole(name, value, tuple(map(max, start, last)), start)
            found[name] = _Whole(whole, root_of(_array(value)), start, steps)
    return Lengths(cells, found)


def _array(value: Any) -> Tracer:
    """Return an array as the trace knows it."""
    return value if isinstance(value, Tracer) else current().recorder.array(value)


def _shape(tree: Tree | None) -> Shape | None:
    """Return the shape of an array; None for anything else."""
    if tree is None or tree.tree != LEAF:
        return None
    (leaf,) = tree.leaves
    if leaf.type is None or leaf.kind is not Kind.ARRAY:
        return None
    sizes = tuple(size for size in leaf.type.shape if isinstance(size, int))
    return sizes if len(sizes) == len(leaf.type.shape) else None


def _whole(name: str, value: Any, shape: Shape, start: Shape) -> Tracer:
    """Return a new array that begins with a value."""
    whole: Tracer = apply(np.array, (value,), {})
    if shape != start:
        whole = apply(np.zeros, (shape, whole._type.dtype), {})
        whole[tuple(map(slice, start))] = value
    whole._name = name
    return whole


def _checked(name: str, value: Any, whole: _Whole, turn: Position) -> Tracer:
    """Return whose memory an array lies in; refuse one that did not change as in the first turn."""
    if not isinstance(value, Tracer) or value._kind is not Kind.ARRAY:
        raise Mismatch(f"{name} is an array in some turns only")
    found, root = value._type, root_of(value)
    if found.dtype != whole.array._type.dtype:
        raise Mismatch(f"{name} is {found} after a turn and {whole.array._type.dtype} before it")
    if found.shape != tuple(map(as_dim, whole.shape(turn + 1))):
        raise Mismatch(f"the length of {name} changes from turn to turn, not always by the same")
    if not current().owns(root) or value._undecided or root._undecided:
        demand(f"{name} changes its length and shares memory with another array")
    return root


def _roots(value: Any) -> Iterator[Tracer]:
    return (root_of(handle) for handle in arrays_in(value) if handle is not None)
