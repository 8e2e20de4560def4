"""Computing before repeating."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import ArrayType, Graph
from gradc.ir.verify import verify
from gradc.passes import simplify
from gradc.passes.sink import sink_broadcast
from tests.passes.cases import Case, compare, graph_of, rewritten, term


def spread(x, *shape):
    return ops.broadcast_to(x, shape=shape)


SCALAR, ROW, COLUMN = (ArrayType.of("f8", *s) for s in ((), (3,), (4, 1)))
CASES = [
    Case(
        "sink_broadcast",
        lambda s: ops.exp(spread(s, 4, 3)),
        lambda s: spread(ops.exp(s), 4, 3),
        (SCALAR,),
    ),
    Case(
        "sink_broadcast",
        lambda a, b: spread(a, 4, 3) * spread(b, 4, 3),
        lambda a, b: spread(a * b, 4, 3),
        (ROW, SCALAR),
    ),
    Case(
        "sink_broadcast",
        lambda a, b: spread(a, 2, 4, 3) - spread(b, 2, 4, 3),
        lambda a, b: spread(spread(a, 4, 3) - spread(b, 4, 3), 2, 4, 3),
        (ROW, COLUMN),
    ),
    Case(
        "sink_broadcast",
        lambda a: spread(a, 4, 3).cast(np.dtype("f4")),
        lambda a: spread(a.cast(np.dtype("f4")), 4, 3),
        (ROW,),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_sinking(case):
    before = graph_of(case.before, case.types)
    after, fired = rewritten(before, [])
    assert fired["sink_broadcast"]
    assert term(after) == term(graph_of(case.after, case.types))
    compare(case, before, after)


@pytest.mark.parametrize(
    ("build", "types"),
    [
        (lambda a, x: spread(a, 4, 3) * x, (ROW, ArrayType.of("f8", 4, 3))),
        (lambda a, b: spread(a, 4, 3) * spread(b, 4, 3), (ROW, COLUMN)),
        (lambda s, x: s * x.sum((0,)), (SCALAR, ROW)),
        (lambda a, x: spread(a, 4, 3).sum((1,)), (COLUMN, ROW)),
    ],
)
def test_what_gains_nothing_stays(build, types):
    before = graph_of(build, types)
    _, fired = rewritten(before, [])
    assert not fired["sink_broadcast"]


def test_a_chain_sinks_to_the_end():
    graph = graph_of(lambda s: ops.tanh(ops.exp(spread(s, 4, 3)) * 2.0) + 1.0, (SCALAR,))
    found = verify(simplify(graph))
    assert [node.type.shape for node in found.nodes].count((4, 3)) == 1
    assert found[found.outputs[0]].op.name == "broadcast_to"


def test_only_elementwise_ops_take_part():
    graph = Graph("f")
    x = graph.input("x", ROW)
    out = spread(x, 4, 3).sum((0,))
    assert sink_broadcast(graph, out.node, graph.values(out.node.operands)) is None
