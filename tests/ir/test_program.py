"""Programs and their residuals."""

import pytest

from gradc import ops
from gradc.ir import ArrayType, Graph, Origin, Port, Program, residuals
from tests import graphs


def joint() -> Program:
    graph, f8 = Graph("f"), ArrayType.of("f8", 3)
    x, y = graph.input("x", f8), graph.input("y", f8)
    kept, passed = ops.exp(x), ops.sin(x)
    out = kept * passed
    with graph.at(Origin(None, adjoint_of=out.id)):
        bar = kept * y * 2.0
        dead = passed * 3.0
    graph.outputs = [out.id, bar.id]
    assert not graph.live()[dead.id]
    return Program("f", graph, (Port("x", f8), Port("y", f8)), (Port("out", f8),))


def test_nodes_are_the_live_ones_in_order():
    program = joint()
    ids = [node.id for node in program.nodes]
    assert ids == sorted(ids)
    assert ids == [i for i, live in enumerate(program.graph.live()) if live]


def test_residuals_are_primal_values_that_the_adjoint_reads():
    (kept,) = residuals(joint())
    assert kept.op.name == "exp", "inputs, constants and dead readers do not count"


def test_residuals_of_a_neuron():
    program, _ = graphs.gradient(graphs.neuron(), [0, 2])
    names = {program.graph.names.get(node.id, node.op.name) for node in residuals(program)}
    assert names == {"a", "subtract"}


def test_programs_are_frozen():
    program = joint()
    with pytest.raises(AttributeError):
        program.name = "g"  # type: ignore[misc]
    assert program.inputs[0].role == "argument"
