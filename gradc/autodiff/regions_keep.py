"""What a loop keeps for its reverse: the fewest bytes from which the rest is computed again.

The values that the reverse body reads are computed again from what is there anyway (captures, the
index, elements of final arrays) where that is possible.  What depends on carries, or is dear to
compute, must be kept at some point on the way: a minimum cut of the body, with bytes for
capacities, says where.  Of equal cuts the later one is taken, which repeats less.
"""

from collections.abc import Collection, Mapping, Sequence

from gradc.autodiff.minimum_cut import source_side
from gradc.ir import Dim, Graph, Kind, TupleType, substitute
from gradc.ir.ranges import Range, least
from gradc.records import dataclass

__all__ = ["bytes_of", "choose_kept", "most"]

_DEAR = frozenset((Kind.REGION, Kind.ROUTINE, Kind.SCAN, Kind.OTHER))
_GUESS = 64
_LARGEST_CUT = 4096


def choose_kept(
    graph: Graph,
    needed: Collection[int],
    free: Collection[int],
    carried: Collection[int],
    ranges: Sequence[Range] = (),
    inner: Collection[int] = (),
) -> list[int]:
    """Return the nodes to keep, in order.

    Parameters
    ----------
    graph : Graph
        The body with its reverse.
    needed : collection of int
        What the reverse reads.
    free : collection of int
        Nodes that are there anyway, or are read from final arrays.
    carried : collection of int
        Inputs that are lost after the turn.
    ranges : sequence of Range
        The indices that extents may depend on, outermost first.
    inner : collection of int
        Nodes that are computed again in any case (``again``).
    """
    found = _Search(graph, frozenset(free), frozenset(inner))
    behind = found.behind(needed)
    sources = {id for id in behind if id in carried or found.is_dear(id)} - set(free)
    if not sources:
        return []
    if len(behind) > _LARGEST_CUT:
        return sorted(_frontier(found, behind, needed, sources))
    sizes = {id: _typical(graph[id].type.nbytes, ranges) for id in behind}
    return sorted(_cut(found, sizes, needed, sources))


def bytes_of(graph: Graph, ids: Collection[int], ranges: Sequence[Range]) -> int:
    """Return what some values of one turn take at most, with a guess for what is not known."""
    return sum(most(graph[id].type.nbytes, ranges) for id in ids)


@dataclass(frozen=True, slots=True)
class _Search:
    """What is known about the nodes of a body: there anyway, never kept, too dear to repeat."""

    graph: Graph
    free: frozenset[int]
    inner: frozenset[int]

    def behind(self, needed: Collection[int]) -> list[int]:
        """Return the needed nodes and what they are computed from, as far as nothing is known."""
        seen = set(needed)
        for id in range(max(needed, default=-1), -1, -1):
            if id in seen and id not in self.free and not self.is_dear(id):
                seen.update(self.graph[id].operands)
        return sorted(seen)

    def is_dear(self, id: int) -> bool:
        """Tell whether a node costs more to compute again than to read."""
        node = self.graph[id]
        if id in self.inner or (node.regions and node.origin.again):
            return False
        if node.op.kind is Kind.CONTRACTION:
            summed = {*node.params["a_labels"], *node.params["b_labels"]}
            return len(summed) > len(node.params["out_labels"])
        if node.op.name == "project" and self.graph[node.operands[0]].origin.again:
            return False
        return node.op.kind in _DEAR or isinstance(node.type, TupleType)


def _cut(
    found: _Search, sizes: Mapping[int, int], needed: Collection[int], sources: Collection[int]
) -> list[int]:
    graph = found.graph
    edges: list[tuple[object, object, int | None]] = []
    for id, size in sizes.items():
        never = id in found.inner or isinstance(graph[id].type, TupleType)
        edges.append(((id, 0), (id, 1), None if never else (size << 24) + len(graph) - id))
        if id in sources:
            edges.append(("lost", (id, 0), None))
        elif id not in found.free:
            edges += [((operand, 1), (id, 0), None) for operand in graph[id].operands]
        if id in needed:
            edges.append(((id, 1), "read", None))
    lost = source_side(edges, "lost", "read")
    return [id for id in sizes if (id, 0) in lost and (id, 1) not in lost]


def _frontier(
    found: _Search, behind: Sequence[int], needed: Collection[int], sources: Collection[int]
) -> list[int]:
    """Keep every needed value that depends on something lost: for bodies too large for a cut."""
    graph, lost, wanted = found.graph, set(sources), set(needed)
    for id in behind:
        if id not in found.free and any(i in lost for i in graph[id].operands):
            lost.add(id)
    for id in reversed(behind):
        if id in wanted and id in found.inner:
            wanted.remove(id)
            wanted.update(graph[id].operands)
    return [id for id in wanted if id in lost]


def _typical(dim: Dim, ranges: Sequence[Range]) -> int:
    """Return what lies between the least and the greatest value of a dim."""
    greatest, smallest = most(dim, ranges), least(dim, ranges)
    return (greatest + max(smallest, 1)) // 2 if isinstance(smallest, int) else greatest


def most(dim: Dim, ranges: Sequence[Range]) -> int:
    """Return what a dim is at most, with a guess for what is not known."""
    found = least(-dim, ranges)
    size = substitute(dim, {r.symbol: r.high for r in ranges}) if found is None else -found
    if not isinstance(size, int):
        size = substitute(size, dict.fromkeys(size.symbols, _GUESS))
    assert isinstance(size, int)
    return max(size, 1)
