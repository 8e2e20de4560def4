"""Work that may be done though the program might not come to it: it ends, and cannot fail."""

from collections.abc import Iterable, Sequence

from gradc.ir import ArrayType, Graph, Kind, Node, Slice, TupleType
from gradc.ir.accesses import box_read
from gradc.ir.ranges import Range, is_nonnegative

__all__ = ["quiet_nodes"]

_SURE = {
    Kind.CONSTANT,
    Kind.CONTRACTION,
    Kind.CREATION,
    Kind.ELEMENTWISE,
    Kind.MOVEMENT,
    Kind.REDUCTION,
    Kind.SCAN,
}


def quiet_nodes(graph: Graph, ids: Iterable[int], ranges: Sequence[Range] = ()) -> set[int]:
    """Return those of some nodes that are quiet, and made from quiet ones among them only.

    Extents must be known; elements that are read and written must exist for all values of the
    indices, whose ranges are given.
    """
    wanted, found = set(ids), set[int]()
    for node in graph.nodes:
        made = node.id in wanted and found.issuperset(node.operands)
        if made and (node.op.kind is Kind.INPUT or _is_quiet(graph, node, ranges)):
            found.add(node.id)
    return found


def _is_quiet(graph: Graph, node: Node, ranges: Sequence[Range]) -> bool:
    if not _is_known(node.type):
        return False
    if node.op.kind is Kind.INDEX:
        return _is_inside(graph, node, ranges)
    if node.op.name == "loop":
        count, (body,) = node.params["count"], node.regions
        inside = (*ranges, Range(node.params["index"], 0, count - 1))
        everything = range(len(body))
        return isinstance(count, int) and len(quiet_nodes(body, everything, inside)) == len(body)
    return node.op.kind in _SURE or node.op.name == "project"


def _is_known(kind: ArrayType) -> bool:
    parts = kind.items if isinstance(kind, TupleType) else (kind,)
    return all(isinstance(extent, int) for part in parts for extent in part.shape)


def _is_inside(graph: Graph, node: Node, ranges: Sequence[Range]) -> bool:
    """Tell whether an index without arrays names elements that exist."""
    spec = node.params["spec"]
    box, extents = box_read(spec), graph[node.operands[0]].type.shape
    slices = (item for item in spec if isinstance(item, Slice))
    if box is None or not all(isinstance(item.length, int) for item in slices):
        return False
    return all(
        is_nonnegative(low, ranges) and is_nonnegative(extent - 1 - high, ranges)
        for (low, high), extent in zip(box, extents, strict=True)
    )
