"""What a loop keeps for its reverse: the fewest bytes from which the rest is computed again.

The values that the reverse body reads are computed again from what is there anyway (captures, the
index, elements of final arrays) where that is possible.  What depends on carries, or is dear to
compute, must be kept at some point on the way: a minimum cut of the body, with bytes for
capacities, says where.  Of equal cuts the later one is taken, which repeats less.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import networkx

from gradc.autodiff.regions_ranges import Range
from gradc.ir import Dim, Graph, Kind, Node, Symbol, TupleType, substitute

__all__ = ["choose_kept"]

_DEAR = frozenset((Kind.REGION, Kind.ROUTINE, Kind.SCAN, Kind.OTHER))
_GUESS = 64
_LARGEST_CUT = 4096


def choose_kept(
    graph: Graph,
    needed: Collection[int],
    free: Collection[int],
    carried: Collection[int],
    ranges: Sequence[Range] = (),
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
    """
    behind = _behind(graph, needed, free)
    sources = {id for id in behind if id in carried or _dear(graph, graph[id])} - set(free)
    if not sources:
        return []
    if len(behind) > _LARGEST_CUT:
        return sorted(_frontier(graph, behind, needed, sources, free))
    highest = _highest(ranges)
    sizes = {id: _bytes(graph[id], highest) for id in behind}
    return sorted(_cut(graph, sizes, needed, sources, free))


def _behind(graph: Graph, needed: Collection[int], free: Collection[int]) -> list[int]:
    """Return the needed nodes and what they are computed from, as far as nothing free is met."""
    seen = set(needed)
    for id in range(max(needed, default=-1), -1, -1):
        if id in seen and id not in free and not _dear(graph, graph[id]):
            seen.update(graph[id].operands)
    return sorted(seen)


def _dear(graph: Graph, node: Node) -> bool:
    """Tell whether a node costs more to compute again than to read."""
    if node.op.kind is Kind.CONTRACTION:
        summed = {*node.params["a_labels"], *node.params["b_labels"]}
        return len(summed) > len(node.params["out_labels"])
    return node.op.kind in _DEAR or isinstance(node.type, TupleType)


def _highest(ranges: Sequence[Range]) -> dict[Symbol, Dim]:
    """Return the highest value of each index, as far as that is known."""
    values: dict[Symbol, Dim] = {}
    for symbol, _, high in ranges:
        values[symbol] = substitute(high, values)
    return values


def _cut(
    graph: Graph,
    sizes: Mapping[int, int],
    needed: Collection[int],
    sources: Collection[int],
    free: Collection[int],
) -> list[int]:
    flow: Any = networkx.DiGraph()
    flow.add_node("lost")
    flow.add_node("read")
    for id, size in sizes.items():
        flow.add_edge((id, 0), (id, 1), capacity=(size << 24) + len(graph) - id)
        if id in sources:
            flow.add_edge("lost", (id, 0))
        elif id not in free:
            for operand in graph[id].operands:
                flow.add_edge((operand, 1), (id, 0))
        if id in needed:
            flow.add_edge((id, 1), "read")
    _, (lost, _) = networkx.minimum_cut(flow, "lost", "read")
    return [id for id in sizes if (id, 0) in lost and (id, 1) not in lost]


def _frontier(
    graph: Graph,
    behind: Sequence[int],
    needed: Collection[int],
    sources: Collection[int],
    free: Collection[int],
) -> list[int]:
    """Keep every needed value that depends on something lost: for bodies too large for a cut."""
    lost = set(sources)
    for id in behind:
        if id not in free and any(i in lost for i in graph[id].operands):
            lost.add(id)
    return [id for id in needed if id in lost]


def _bytes(node: Node, highest: Mapping[Symbol, Dim]) -> int:
    """Return the size of a value at most, with a guess for extents that are not known."""
    size = substitute(node.type.nbytes, highest)
    if not isinstance(size, int):
        size = substitute(size, dict.fromkeys(size.symbols, _GUESS))
    assert isinstance(size, int)
    return max(size, 1)
