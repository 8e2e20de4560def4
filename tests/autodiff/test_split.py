"""Forward part, residuals, backward part: together the joint graph."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import reverse, reverse_seeded, split
from gradc.ir import Graph, Kind
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests import graphs
from tests.autodiff.support import F8, SCALAR, names, random_graph


def parts(graph, wrt, *, seeded=True):
    """Split a joint graph; return it with its seeds' positions."""
    joint = reverse_seeded(graph, wrt) if seeded else reverse(graph, wrt)
    compact = simplify(joint.graph, final=True)
    seeds = range(len(graph.inputs), len(compact.inputs))
    return compact, split(compact, joint.values, list(seeds)), len(graph.inputs)


def run(compact, cut, inputs, arrays):
    """Run both parts and compare with the joint graph."""
    verify(cut.forward)
    verify(cut.backward)
    early = interpret(cut.forward, *arrays[:inputs])
    values, kept = early[: cut.values], early[cut.values :]
    assert len(kept) == len(cut.residuals)
    late = interpret(cut.backward, *kept, *arrays[inputs:])
    for one, other in zip(interpret(compact, *arrays), [*values, *late], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(25))
def test_both_parts_do_what_the_joint_graph_does(seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    compact, cut, inputs = parts(random_graph(rng), [0, 1])
    arrays = [rng.uniform(0.3, 1.5, compact[i].type.extents) for i in compact.inputs]
    run(compact, cut, inputs, arrays)


def test_residuals_are_what_the_backward_part_reads():
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    h = ops.exp(x)
    graph.rename(h.id, "h")
    graph.outputs = [(h * y).id]
    _, cut, _ = parts(graph, [0])
    assert [node.op.name for node in cut.residuals] == ["input", "exp"]
    assert [cut.backward.names[i] for i in cut.backward.inputs] == ["y", "h", "ct_0"]
    assert "exp" not in names(cut.backward)


def test_linear_functions_keep_nothing():
    graph = Graph("f")
    x = graph.input("x", F8)
    graph.outputs = [(x * 3.0).sum().id]
    compact, cut, inputs = parts(graph, [0])
    assert cut.residuals == ()
    run(compact, cut, inputs, [np.ones(3), np.float64(2.0)])


def test_broadcasts_are_repeated_not_kept():
    graph = Graph("f")
    s, x = graph.input("s", SCALAR), graph.input("x", F8)
    wide = ops.exp(s).broadcast_to((3,))
    graph.outputs = [(wide * ops.sin(x)).id]
    compact, cut, inputs = parts(graph, [0, 1])
    assert all(node.op.name != "broadcast_to" for node in cut.residuals)
    assert "broadcast_to" in names(cut.backward)
    assert {node.type for node in cut.residuals if node.op.name == "exp"} == {SCALAR}
    run(compact, cut, inputs, [np.float64(0.3), np.ones(3), np.ones(3)])


def test_constants_are_repeated_too():
    graph = Graph("f")
    x = graph.input("x", F8)
    graph.outputs = [(x * graph.constant([1.0, 2.0, 3.0])).id]
    _, cut, _ = parts(graph, [0])
    assert not any(node.op.kind is Kind.CONSTANT for node in cut.residuals)


def test_a_derivative_that_needs_no_seed_is_handed_over():
    """With a seed of 1 inside, the whole derivative is early: it is a residual itself."""
    compact, cut, inputs = parts(graphs.neuron(), [0, 2], seeded=False)
    assert len(cut.backward.inputs) == len(cut.residuals)
    run(compact, cut, inputs, [np.float64(v) for v in (0.3, 0.7, -0.2, 1.0)])


def test_values_come_first_and_dead_nodes_nowhere():
    graph = Graph("f")
    x = graph.input("x", F8)
    graph.outputs = [ops.sin(x).id, ops.exp(x).id]
    compact, cut, _ = parts(graph, [0])
    assert cut.values == 2
    assert [cut.forward[i].op.name for i in cut.forward.outputs[:2]] == ["sin", "exp"]
    live = sum(compact.live())
    assert len(cut.forward) + len(cut.backward) <= live + len(cut.residuals) + len(compact.inputs)


def test_forward_part_takes_all_primal_inputs_in_order():
    compact, cut, _ = parts(graphs.softmax_loss(), [0])
    assert [cut.forward.names[i] for i in cut.forward.inputs] == ["w", "x", "y"]
    assert len(compact.inputs) == 4
