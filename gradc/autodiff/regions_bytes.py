"""Bytes of tapes, as far as they are known before a program runs."""

from collections.abc import Iterator, Mapping, Sequence

from gradc.autodiff.regions_loop import Prepared
from gradc.ir import Dim, Graph, Kind, Node, Symbol, substitute
from gradc.ir.ranges import Range

__all__ = ["Most", "blank_carries", "inner_bytes", "known_bytes", "most_of", "own_bytes"]

Most = Mapping[Symbol, Dim]
"""The highest value of each loop index."""


def most_of(ranges: Sequence[Range]) -> dict[Symbol, Dim]:
    """Return the highest values of indices, outermost first."""
    found: dict[Symbol, Dim] = {}
    for symbol, _, high in ranges:
        found[symbol] = substitute(high, found)
    return found


def known_bytes(size: Dim, most: Most) -> int:
    """Return a size at most; what depends on sizes that are not known counts as nothing."""
    found = substitute(size, most)
    return max(found, 0) if isinstance(found, int) else 0


def own_bytes(loop: Prepared, most: Most) -> int:
    """Return the bytes of a loop's own tapes."""
    return sum(known_bytes(tape.type.nbytes, most) for tape in loop.tapes)


def inner_bytes(graph: Graph, most: Most) -> int:
    """Return the bytes of the tapes of all loops in a graph, at once those that follow each other.

    A tape that nothing reads does not count.
    """
    live, total = graph.live(), 0
    read = {
        (node.operands[0], node.params["item"])
        for node in graph.nodes
        if node.op.name == "project" and live[node.id]
    }
    for node in graph.nodes:
        if not (live[node.id] and node.regions):
            continue
        own = [graph[i] for item, i in blank_carries(graph, node) if (node.id, item) in read]
        total += sum(known_bytes(tape.type.nbytes, most) for tape in own)
        inside = dict(most)
        if node.op.name == "loop":
            inside[node.params["index"]] = substitute(node.params["count"] - 1, most)
        total += max(inner_bytes(region, inside) for region in node.regions)
    return total


def blank_carries(graph: Graph, node: Node) -> Iterator[tuple[int, int]]:
    """Yield the carries of a loop that begin as blank memory, and the operands they begin with."""
    if node.op.name != "cond":
        for item, operand in enumerate(node.operands[-node.params["carries"] :]):
            if _is_blank(graph, operand):
                yield item, operand


def _is_blank(graph: Graph, id: int) -> bool:
    """Tell whether an array is blank but for a first row."""
    node = graph[id]
    if node.op.name == "index_put":
        node = graph[node.operands[0]]
    if node.op.name == "broadcast_to":
        node = graph[node.operands[0]]
    return node.op.kind is Kind.CONSTANT and node.op.name == "blank"
