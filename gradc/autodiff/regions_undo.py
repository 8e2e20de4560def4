"""Arrays that a loop overwrites by parts, restored by the reverse rather than kept turn by turn.

Where the reverse of a turn reads a whole version of a carried array, keeping it would take the
array once for every turn.  If the turn makes its versions by storing into parts::

    v1 = index_put(v0, part, spec)       kept: index(v0, spec), what is overwritten
    v0 = index_put(v1, kept, spec)       in the reverse, from the array as the loop leaves it

the reverse loop carries the array and puts back what was overwritten.  That is exact, whatever the
numbers are.  An update such as ``a -= r * q`` is *not* undone by ``a += r * q``: what is left after
a cancellation has lost digits, and no bound on the loss is known before the program runs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from gradc.autodiff.regions_keep import bytes_of, choose_kept
from gradc.autodiff.regions_split import Final, Pulled
from gradc.ir import Graph, Node, Origin, Value, op_named
from gradc.ir.ranges import Range
from gradc.records import dataclass

__all__ = ["Undo", "choose_undone"]

_UPDATES = ("index_put", "index_add")
_GAIN = 2


@dataclass(frozen=True, slots=True)
class Undo:
    """A carried array that the reverse restores.

    Parameters
    ----------
    item : int
        The carry.
    versions : tuple of int
        Its versions in a turn, the carry itself first.
    parts : tuple of int
        What each step from one version to the next overwrites.
    arrays : tuple of tuple of int
        The index arrays of each step.
    """

    item: int
    versions: tuple[int, ...]
    parts: tuple[int, ...]
    arrays: tuple[tuple[int, ...], ...]

    def restore(self, graph: Graph, last: Value, images: Mapping[int, Value]) -> list[Value]:
        """Return all versions in the reverse body, from the last one and what was overwritten."""
        found = [last]
        steps = list(zip(self.versions[1:], self.parts, self.arrays, strict=True))
        for version, part, arrays in reversed(steps):
            spec = graph[version].params["spec"]
            at = [images[id] for id in arrays]
            found.append(op_named("index_put")(found[-1], images[part], *at, spec=spec))
        return found[::-1]


def choose_undone(
    pulled: Pulled,
    carries: int,
    final: Final,
    needed: Collection[int],
    ranges: Sequence[Range],
    inner: Collection[int],
    known: Collection[int] = (),
) -> tuple[list[int], tuple[Undo, ...]]:
    """Return what a body keeps, and the arrays that are restored because that keeps much less.

    What is ``known`` is neither kept nor computed from what is.
    """
    graph = pulled.graph
    carried = graph.inputs[pulled.taken - carries : pulled.taken]
    free, undone = {*final.parts, *known}, list[Undo]()
    kept = choose_kept(graph, needed, free, carried, ranges, inner)
    for item, end in enumerate(graph.outputs[:carries]):
        one = _undo(graph, item, carried[item], end, {v for u in undone for v in u.versions})
        if one is None or {*one.versions}.isdisjoint(kept):
            continue
        asked = {*needed, *(id for step in one.arrays for id in step)}
        fewer = choose_kept(graph, asked, free | {*one.versions}, carried, ranges, inner)
        parts = [_part(graph, a, graph[b]) for a, b in pairwise(one.versions)]
        added = bytes_of(graph, {*parts} - {*fewer}, ranges)
        saved = bytes_of(graph, kept, ranges) - bytes_of(graph, fewer, ranges)
        if _GAIN * added <= saved:
            undone.append(replace(one, parts=tuple(parts)))
            free |= {*one.versions}
            kept, needed = fewer, asked
    parts = [part for one in undone for part in one.parts]
    return list(dict.fromkeys([*kept, *parts])), tuple(undone)


def _undo(graph: Graph, item: int, start: int, end: int, others: Collection[int]) -> Undo | None:
    """Return how a carry is restored; None if a turn makes it in another way than by stores.

    Where the stores go must not depend on arrays that are themselves restored.
    """
    versions, arrays = [end], list[tuple[int, ...]]()
    while versions[-1] != start:
        node = graph[versions[-1]]
        if node.op.name not in _UPDATES:
            return None
        versions.append(node.operands[0])
        arrays.append(node.operands[2:])
    if not arrays or _reach(graph, arrays) & {*versions, *others}:
        return None
    return Undo(item, tuple(versions[::-1]), (), tuple(arrays[::-1]))


def _reach(graph: Graph, arrays: Sequence[tuple[int, ...]]) -> set[int]:
    """Return what index arrays are made of."""
    found: set[int] = set()
    stack = [id for step in arrays for id in step]
    while stack:
        id = stack.pop()
        if id not in found:
            found.add(id)
            stack.extend(graph[id].operands)
    return found


def _part(graph: Graph, before: int, node: Node) -> int:
    """Return the part of a version that a node overwrites."""
    with graph.at(Origin(node.origin.span)):
        part = op_named("index")(
            graph.value(before), *graph.values(node.operands[2:]), spec=node.params["spec"]
        ).id
    if before in graph.names:
        graph.names.setdefault(part, f"{graph.names[before]}_part")
    return part
