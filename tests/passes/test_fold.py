"""What depends on literals only is computed at compile time."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import REGISTRY, ArrayType, Graph, Kind
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from gradc.passes.fold import FOLD_LIMIT
from tests.ops.cases import cases
from tests.passes.cases import same_bits, term

SKIPPED = {"broadcast_to", "stop_gradient"}
FOLDABLE = [
    op
    for op in REGISTRY.values()
    if op.samples is not None and op.operands and op.name not in SKIPPED
]


@pytest.mark.parametrize("op", FOLDABLE, ids=lambda op: op.name)
def test_every_op_folds_to_what_it_evaluates(op):
    for case in list(cases(op))[:12]:
        graph = Graph("f")
        values = [graph.constant(array) for array in case.arrays]
        graph.outputs = [op(*values, **case.params).id]
        folded = verify(simplify(graph))
        kinds = {node.op.kind for node in folded.nodes}
        movement = {Kind.CONSTANT, Kind.MOVEMENT}
        assert kinds <= movement, (case, term(folded))
        (one,), (other,) = interpret(graph), interpret(folded)
        assert same_bits(one, other), case


def test_specials_fold_to_themselves():
    graph = Graph("f")
    x = graph.constant(np.array([-0.0, np.inf, np.nan, 5e-324]))
    half = graph.constant(np.full(4, 0.5))
    graph.outputs = [(x * half).id, (half / x).id, ops.log(x).id]
    folded = simplify(graph)
    assert len(folded) == 3
    for one, other in zip(interpret(graph), interpret(folded), strict=True):
        assert same_bits(one, other)


def test_broadcasts_and_stops_stay():
    graph = Graph("f")
    half = graph.literal(0.5, np.dtype("f8"))
    graph.outputs = [half.broadcast_to((1000, 1000)).id, ops.stop_gradient(half).id]
    folded = simplify(graph)
    assert [node.op.name for node in folded.nodes] == ["constant", "broadcast_to", "stop_gradient"]


def test_large_results_stay_computations():
    graph = Graph("f")
    column = graph.constant(np.arange(80.0).reshape(80, 1))
    row = graph.constant(np.arange(80.0))
    table = column.reshape((80,)) * row
    outer = ops.contract(
        column.reshape((80,)), row, a_labels=(0,), b_labels=(1,), out_labels=(0, 1)
    )
    graph.outputs = [table.id, outer.id]
    assert FOLD_LIMIT < 80 * 80
    names = [node.op.name for node in simplify(graph).nodes]
    assert "contract" in names
    assert "multiply" not in names


def test_inputs_and_creations_do_not_fold():
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8", 3))
    counter = graph.value(graph.add(ops.iota, (), {"length": 3}))
    graph.outputs = [(x + 1.0).id, ops.add(counter, counter).id]
    assert [node.op.name for node in simplify(graph).nodes][-1] == "add"
