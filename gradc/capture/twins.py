"""A name that is bound anew on one side of a branch only: afterwards it holds one of two arrays.

    if test:                on this side v becomes another array
        v = v * 2
    v[0] = 1.0              writes into the old array, and its aliases show it, unless test holds

The joined array is a view of the old one through a selection, so that writes reach the old array
where the other side was taken, and writes through its aliases are seen there.
"""

from typing import Any

from gradc.capture.context import GONE, current
from gradc.capture.layout import UNKNOWN, Layout
from gradc.capture.mutation import layout_of, leave_undecided, read, write
from gradc.capture.tracer import Kind, Tracer, View, is_concrete, wrap
from gradc.ir import Shape, Value, op_named
from gradc.records import dataclass
from gradc.trees import flatten

__all__ = ["doubt", "join_memory", "origins_of", "root_of", "sources_of", "unsure"]


@dataclass(frozen=True, slots=True)
class Twin:
    """The step from the old array to the joined one; ``other`` holds the new array."""

    kept: Tracer
    other: Tracer

    def get(self, base: Value) -> Value:
        """Return the old array where it was kept."""
        return self._chosen(base, read(self.other))

    def put(self, base: Value, value: Value) -> Value:
        """Write into the one that it is."""
        write(self.other, value)
        return self._chosen(value, base)

    def _chosen(self, kept: Value, other: Value) -> Value:
        test = read(self.kept).reshape((1,) * len(kept.shape)).broadcast_to(kept.shape)
        return op_named("select")(test, kept, other)

    def layout(self, base: Layout, shape: Shape) -> Layout:
        """Return the layout when both arrays have it."""
        return base if base == layout_of(self.other) else UNKNOWN


def root_of(handle: Tracer) -> Tracer:
    """Return the array at the end of a chain of views."""
    return handle if handle._view is None else handle._view.root


def origins_of(handle: Tracer) -> list[Tracer]:
    """Return an array, and those that its name held before branches bound it anew on one side."""
    found = [handle]
    while handle._view is not None and isinstance(handle._view.step, Twin):
        handle = handle._view.base
        found.append(handle)
    return found


def join_memory(joined: Any, before: Any, kept: Value) -> None:
    """Let the arrays of a joined value share memory with the old ones where these were kept."""
    for new, old in zip(flatten(joined)[0], flatten(before)[0], strict=True):
        arrays = isinstance(new, Tracer) and isinstance(old, Tracer)
        if arrays and new._kind is Kind.ARRAY and old._kind is Kind.ARRAY:
            _attach(new, old, kept)


def _attach(new: Tracer, old: Tracer, kept: Value) -> None:
    root = root_of(old)
    if old._undecided or root._undecided or not (old._view is None or old._view.writable):
        new._undecided = True
        doubt(new, old)
        return
    if root._trace is GONE:
        return
    if is_concrete(old):
        write(root, read(root))
    other = wrap(read(new), Kind.ARRAY)
    other._layout = layout_of(new)
    new._view = View(old, Twin(wrap(kept, Kind.PYTHON), other), True)
    new._layout = None


def unsure(value: Any, *sides: Any) -> None:
    """Refuse later writes into arrays that may or may not be the same one.

    ``sides`` are the values that were chosen from, as they are outside.
    """
    trace = current()
    arrays = [side for side in sides if isinstance(side, Tracer) and side._kind is Kind.ARRAY]
    for leaf in flatten(value)[0]:
        if isinstance(leaf, Tracer):
            leaf._undecided = True
            for side in arrays:
                doubt(leaf, root_of(side))
    for side in arrays:
        if _lives(side, trace):
            leave_undecided(root_of(side))


def doubt(a: Tracer, b: Tracer) -> None:
    """Note that two arrays may be the same one."""
    doubts = current().recorder.doubts
    for one, other in ((a, b), (b, a)):
        doubts.setdefault(id(one), (one, []))[1].append(other)


def sources_of(handle: Tracer) -> list[Tracer]:
    """Return an array, those it is a view of, and those it may be instead."""
    doubts = current().recorder.doubts
    found: dict[int, Tracer] = {}
    pending = [handle]
    while pending:
        one = pending.pop()
        if id(one) not in found:
            found[id(one)] = one
            pending += [] if one._view is None else [one._view.base]
            pending += doubts[id(one)][1] if id(one) in doubts else []
    return list(found.values())


def _lives(handle: Tracer, trace: Any) -> bool:
    """Tell whether an array was made outside of the branches that have just ended."""
    home = root_of(handle)._home
    return home is None or home.open
