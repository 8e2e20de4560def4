"""Broadcasts pushed towards the results, so that nothing is computed twice."""

from gradc.ir import Graph, Kind, Node, Value, broadcast_shapes

__all__ = ["sink_broadcast"]


def sink_broadcast(graph: Graph, node: Node, operands: tuple[Value, ...]) -> Value | None:
    """Compute before repeating: ``op(broadcast(a), broadcast(b)) -> broadcast(op(a, b))``."""
    if node.op.kind is not Kind.ELEMENTWISE:
        return None
    sources = [_source(v) for v in operands]
    if any(s is None for s in sources):
        return None
    shape = broadcast_shapes(*(s.shape for s in sources if s is not None))
    if shape == node.type.shape:
        return None
    narrow = [s.broadcast_to(shape) for s in sources if s is not None]
    return node.op(*narrow, **node.params).broadcast_to(node.type.shape)


def _source(value: Value) -> Value | None:
    if value.node.op.name == "broadcast_to":
        return value.graph.value(value.node.operands[0])
    return value if value.ndim == 0 else None
