"""Rules follow chains of writes and joins in a loop: chains are as long as loops unrolled."""

import pytest

from gradc import ops
from gradc.ir import ArrayType, At, Graph, Slice
from gradc.ir.verify import verify
from gradc.passes import simplify

LONG = 3000


def written(graph):
    """Write element by element, and read the first after the last."""
    x = graph.input("x", ArrayType.of("f8", LONG))
    y = x
    for k in range(LONG - 1, 0, -1):
        y = ops.index_put(y, ops.sin(ops.index(x, spec=(At(k),))), spec=(At(k),))
    return x, ops.index(y, spec=(At(0),))


def joined(graph):
    """Append element by element, and read the first after the last."""
    x = graph.input("x", ArrayType.of("f8", 1))
    y = x
    for _ in range(LONG):
        y = ops.concatenate(y, ops.sin(x), axis=0)
    return x, ops.index(y, spec=(Slice(0, 1),))


@pytest.mark.parametrize("build", [written, joined])
def test_a_read_goes_through_a_long_chain(build):
    graph = Graph("chain")
    _, out = build(graph)
    graph.outputs = [out.id]
    result = simplify(graph, final=True)
    verify(result)
    assert not {"index_put", "concatenate"} & {node.op.name for node in result.nodes}
    assert len(result.nodes) <= 2
