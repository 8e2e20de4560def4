"""Names that hold the same memory when a turn of a loop, or a side of a branch, ends.

Each name is carried as an array of its own.  After ``b = a`` a write through one of the two shows
in the other: they get the same array again where both always are the whole of it; where they may
be, or one is a view of the other, a later write into either is refused.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from gradc.capture.context import Trace
from gradc.capture.tracer import Kind, Tracer
from gradc.capture.twins import doubt, root_of, sources_of
from gradc.trees import flatten, unflatten

if TYPE_CHECKING:
    from gradc.capture.carries import Tree

__all__ = [
    "Group",
    "Spot",
    "array_at",
    "arrays_in",
    "doubtful",
    "groups_of",
    "is_one",
    "leave_in_doubt",
    "share",
]

Spot: TypeAlias = tuple[str, int]
"""A name, and which leaf of its value."""

Group: TypeAlias = dict[Spot, Tracer]
"""Arrays that share memory, by where they are held."""


def arrays_in(value: Any) -> list[Tracer | None]:
    """Return the array handles among the leaves of a value."""
    leaves = flatten(value)[0]
    return [x if isinstance(x, Tracer) and x._kind is Kind.ARRAY else None for x in leaves]


def array_at(values: Mapping[str, Any], spot: Spot) -> Tracer | None:
    """Return the array handle that a name holds in one place; None where there is none."""
    found = arrays_in(values[spot[0]])
    return found[spot[1]] if spot[1] < len(found) else None


def groups_of(after: "dict[str, Tree]", same: dict[str, Any]) -> list[Group]:
    """Return what shares memory at an end.

    Parameters
    ----------
    after : dict of Tree
        What names hold that were bound anew.
    same : dict
        The values of names that hold what they did before.
    """
    found: dict[int, Group] = {}
    for spot, handle in _ends(after, same):
        found.setdefault(id(root_of(handle)), {})[spot] = handle
    return [group for group in found.values() if len(group) > 1]


def _ends(after: "dict[str, Tree]", same: dict[str, Any]) -> Iterator[tuple[Spot, Tracer]]:
    for name, tree in after.items():
        for k, leaf in enumerate(tree.leaves):
            if leaf.handle is not None and leaf.handle._kind is Kind.ARRAY:
                yield (name, k), leaf.handle
    for name, value in same.items():
        for k, handle in enumerate(arrays_in(value)):
            if handle is not None:
                yield (name, k), handle


def is_one(group: Mapping[Spot, Tracer | None]) -> bool:
    """Tell whether it is one array under several names."""
    return len(set(map(id, group.values()))) == 1


def doubtful(groups: Iterable[Group], after: "dict[str, Tree]", trace: Trace) -> set[Spot]:
    """Return where a write may or may not show in what lives on.

    Parameters
    ----------
    groups : iterable of Group
    after : dict of Tree
        What names hold at the end.
    trace : Trace
        That of the turn or the side: what it made and no name holds is gone.
    """
    found = {spot for group in groups if not is_one(group) for spot in group}
    ends = list(_ends(after, {}))
    held: dict[int, set[Spot]] = {}
    for spot, handle in ends:
        held.setdefault(id(root_of(handle)), set()).add(spot)
    for spot, handle in ends:
        if handle._undecided or root_of(handle)._undecided:
            for other in sources_of(handle):
                root = root_of(other)
                if not trace.owns(root) or held.get(id(root), set()) - {spot}:
                    found.add(spot)
    return found


def leave_in_doubt(values: dict[str, Any], spots: Iterable[Spot]) -> None:
    """Refuse later writes into some arrays, each of which may share memory with the others."""
    handles = [array_at(values, spot) for spot in sorted(spots) if spot[0] in values]
    arrays = [handle for handle in handles if handle is not None]
    for k, handle in enumerate(arrays):
        handle._undecided = True
        for other in arrays[:k]:
            doubt(handle, other)


def share(values: dict[str, Any], groups: Iterable[Group]) -> None:
    """Give the names of each group one array.

    Parameters
    ----------
    values : dict
        What names hold from now on, as arrays of their own; changed.
    groups : iterable of Group
        Each one array under several names.
    """
    for group in groups:
        spots = [spot for spot in group if spot[0] in values]
        for spot in spots[1:]:
            handle = array_at(values, spots[0])
            leaves, tree = flatten(values[spot[0]])
            leaves[spot[1]] = handle
            values[spot[0]] = unflatten(tree, leaves)
