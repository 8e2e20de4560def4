"""Whole numbers that go up by the same number from turn to turn."""

from gradc.ir.graph import Graph
from gradc.ir.op import Kind

__all__ = ["step_of"]


def step_of(graph: Graph, start: int, end: int) -> int | None:
    """Return the number that is added to one value to make another, if that is how it is made."""
    node = graph[end]
    if node.op.name not in ("add", "subtract") or node.type.shape or node.type.dtype.kind != "i":
        return None
    others = [id for id in node.operands if id != start]
    if len(others) != 1 or (node.op.name == "subtract" and node.operands[0] != start):
        return None
    other = graph[others[0]]
    if other.op.kind is not Kind.CONSTANT or other.op.name == "blank":
        return None
    number = int(other.params["value"].array)
    return number if node.op.name == "add" else -number
