"""Compute at compile time what depends on literals only."""

import numpy as np

from gradc.ir import Graph, Kind, Node, Value
from gradc.ir.bind import symbols_in

__all__ = ["FOLD_LIMIT", "fold"]

FOLD_LIMIT = 4096
"""Elements of a folded result at most: larger ones are cheaper to compute than to carry as text."""

_KEEP = frozenset(("broadcast_to", "stop_gradient"))


def fold(graph: Graph, node: Node, operands: tuple[Value, ...]) -> Value | None:
    """Return the constant that a node is, or None.

    A broadcast is kept symbolic, so that a literal never becomes an array of equal numbers.
    """
    if not operands or node.op.name in _KEEP or node.regions:
        return None
    if any(v.node.op.kind is not Kind.CONSTANT for v in operands):
        return None
    size = node.type.size
    if not isinstance(size, int) or size > FOLD_LIMIT or symbols_in(node.params):
        return None
    with np.errstate(all="ignore"):
        result = node.op.evaluate(*[v.node.params["value"].array for v in operands], **node.params)
    return graph.constant(np.asarray(result, dtype=node.type.dtype).reshape(node.type.extents))
