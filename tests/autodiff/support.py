"""Random graphs for the tests of derivatives, and the structure of adjoints as text."""

import numpy as np

from gradc import ops
from gradc.ir import ArrayType, At, Graph, Kind, Slice, Value

F8 = ArrayType.of("f8", 3)
SCALAR = ArrayType.of("f8")


def term(value: Value) -> str:
    """Write a value as an expression over inputs and named values."""
    graph, node = value.graph, value.node
    if node.op.kind is Kind.INPUT:
        return str(node.params["name"])
    if node.op.kind is Kind.CONSTANT:
        return str(node.params["value"])
    parts = [term(graph.value(i)) for i in node.operands]
    if node.op.name == "broadcast_to" and graph.is_constant(node.operands[0]):
        return parts[0]
    return f"{node.op.name}({', '.join(parts)})"


def names(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


_UNARY = [ops.sin, ops.tanh, ops.square, ops.negative, ops.arctan, ops.sigmoid]


def _next(rng: np.random.Generator, x: Value, y: Value) -> Value:
    """Make a value of type f8[2, 3] from two others."""
    choice = rng.integers(0, 13)
    if choice < 3:
        return [ops.add, ops.subtract, ops.multiply][choice](x, y)
    if choice < 6:
        return _UNARY[rng.integers(0, len(_UNARY))](x)
    makers = [
        lambda: x / (1.5 + ops.square(y)),
        lambda: x * y.sum((1,)).expand((1,)),
        lambda: x.transpose((1, 0)).reshape((2, 3)) + y,
        lambda: ops.contract(
            ops.contract(x, y, a_labels=(0, 1), b_labels=(2, 1), out_labels=(0, 2)),
            x,
            a_labels=(0, 2),
            b_labels=(2, 1),
            out_labels=(0, 1),
        ),
        lambda: ops.index_put(
            x, ops.index(y, spec=(At(1), Slice(2, 3, -1))), spec=(At(0), Slice(0, 3))
        ),
        lambda: ops.cumsum(x, axis=1, reverse=False) * 0.5,
        lambda: ops.select(ops.less(x, y), x, ops.sin(y)),
    ]
    return makers[choice - 6]()


def random_graph(rng: np.random.Generator, steps: int = 14) -> Graph:
    """Return a graph of two inputs f8[2, 3], one of them used in many places, and two outputs."""
    graph = Graph("random")
    pool = [graph.input(name, ArrayType.of("f8", 2, 3)) for name in ("x", "y")]
    for _ in range(steps):
        a, b = (pool[i] for i in rng.integers(0, len(pool), 2))
        pool.append(_next(rng, a, b))
    graph.outputs = [pool[-1].id, pool[-2].sum().id]
    return graph
