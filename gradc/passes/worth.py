"""Work that is rather done once and kept, and work that is rather done again."""

from gradc.ir import Graph, Kind, Node

__all__ = ["CHEAP", "is_dear"]

CHEAP = (
    {"add", "subtract", "multiply", "negative", "square", "absolute", "maximum", "minimum"}
    | {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
    | {"logical_and", "logical_or", "logical_not", "select", "cast", "stop_gradient"}
)
"""Operations that take less time than reading their result from far away."""
_MIDDLING = CHEAP | {"divide", "reciprocal", "sqrt", "floor", "ceil", "trunc", "rint", "sign"}
_NEAR = 1 << 18
"""Bytes that are read again from a near cache."""
_FAR = 1 << 25
"""Bytes that are kept for the sake of functions that take many operations."""


def is_dear(graph: Graph, node: Node) -> bool:
    """Tell whether a value that turns share is worth its bytes, though made of smaller ones."""
    nbytes = node.type.nbytes
    if not isinstance(nbytes, int) or not node.type.shape or nbytes > _FAR:
        return False
    if node.op.kind is Kind.ELEMENTWISE:
        return node.op.name not in _MIDDLING or (node.op.name not in CHEAP and nbytes <= _NEAR)
    if node.op.kind is Kind.CONTRACTION:
        params = node.params
        return {*params["a_labels"], *params["b_labels"]} != set(params["out_labels"])
    sizes = [graph[i].type.nbytes for i in node.operands]
    if node.op.kind is Kind.REDUCTION:
        return all(isinstance(size, int) and nbytes < size for size in sizes)
    return node.op.kind in (Kind.ROUTINE, Kind.SCAN)
