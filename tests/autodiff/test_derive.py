"""Whole graphs: outputs of the joint graph, seeds, cuts and orders above one."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import Cut, check_differentiable, forward, reverse, reverse_seeded
from gradc.autodiff.check import compare_directional, directional_difference
from gradc.errors import DerivativeError, DTypeError
from gradc.ir import UNKNOWN, ArrayType, Graph
from gradc.ir.interpret import interpret
from gradc.ir.text import dump
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests import graphs
from tests.autodiff.support import F8, SCALAR, random_graph, term


def test_outputs_are_values_then_cotangents():
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    graph.outputs = [(x * y).sum().id, ops.exp(x).id]
    joint = reverse(graph, [1, 0])
    assert joint.values == 2
    assert [joint.graph[i].type for i in joint.graph.outputs] == [SCALAR, F8, F8, F8]
    a, b = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    _, _, y_bar, x_bar = interpret(verify(joint.graph), a, b)
    np.testing.assert_array_equal(y_bar, a)
    np.testing.assert_array_equal(x_bar, b)


def test_another_output_may_be_the_loss():
    graph = Graph("f")
    x = graph.input("x", SCALAR)
    graph.outputs = [ops.exp(x).id, ops.square(x).id]
    joint = reverse(graph, [0], output=1)
    assert interpret(joint.graph, 3.0)[2] == 6.0


def test_the_seed_is_one_and_belongs_to_the_adjoint():
    graph = Graph("f")
    graph.outputs = [graph.input("x", SCALAR).id]
    joint = reverse(graph, [0])
    seed = joint.graph[joint.graph.outputs[1]]
    assert term(joint.graph.value(seed.id)) == "1.0"
    assert seed.origin.adjoint_of == joint.graph.inputs[0]


def test_seeds_are_inputs_one_for_each_real_output():
    graph = Graph("f")
    x = graph.input("x", F8)
    y = ops.sin(x)
    graph.outputs = [y.id, ops.argmax(x, axis=0).id, y.id]
    joint = reverse_seeded(graph, [0])
    added = [joint.graph[i] for i in joint.graph.inputs[1:]]
    assert [node.params["name"] for node in added] == ["ct_0", "ct_2"]
    assert all(node.origin.adjoint_of is not None for node in added)
    at, first, second = np.array([0.1, 0.2, 0.3]), np.ones(3), np.array([1.0, 2.0, 3.0])
    bar = interpret(joint.graph, at, first, second)[3]
    np.testing.assert_allclose(bar, (first + second) * np.cos(at), rtol=1e-15)


def test_an_argument_that_is_not_used_gets_zeros_and_a_reason():
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    graph.outputs = [(ops.stop_gradient(y) * 2.0).sum().id]
    joint = reverse(graph, [0, 1])
    assert [cut[0] for cut in joint.cuts] == [Cut.ABSENT, Cut.STOPPED]
    assert joint.cuts[0][1] == ""
    for bar in interpret(joint.graph, np.ones(3), np.ones(3))[1:]:
        np.testing.assert_array_equal(bar, 0.0)
    assert x.id not in joint.adjoints.totals


def test_a_used_argument_has_no_cut():
    joint = reverse(graphs.neuron(), [0, 1])
    assert joint.cuts == (None, None)


def test_cuts_name_the_line():
    graph = Graph("f")
    x = graph.input("x", F8)
    with graph.at(graphs.user_line(10)):
        steps = ops.floor(x)
    graph.outputs = [steps.sum().id]
    ((cut, where),) = reverse(graph, [0]).cuts
    assert cut is Cut.CONSTANT
    assert where.startswith("model.py:10")


def test_a_path_through_integers_is_an_error_with_the_line():
    graph = Graph("f")
    x = graph.input("x", F8)
    with graph.at(graphs.user_line(3)):
        whole = ops.argmax(x, axis=0)
    graph.outputs = [whole.cast(x.dtype).id]
    with pytest.raises(DerivativeError, match="argmax gives int64") as caught:
        reverse(graph, [0])
    assert "model.py:3" in str(caught.value)
    assert "no derivative by x" in str(caught.value)


def test_arguments_must_be_real():
    graph = Graph("f")
    graph.input("k", ArrayType.of("i8", 3))
    graph.input("x", F8)
    check_differentiable(graph, [1], ["x"])
    with pytest.raises(DTypeError, match=r"no derivative by n: it is i8\[3\]"):
        check_differentiable(graph, [0], ["n"])


def test_the_primal_is_not_changed():
    graph = graphs.softmax_loss()
    before = dump(graph)
    for transform in (reverse, reverse_seeded, forward):
        transform(graph, [0])
        assert dump(graph) == before


def test_forward_takes_tangents_as_inputs():
    joint = forward(graphs.neuron(), [0, 2])
    tangents = [joint.graph[i] for i in joint.graph.inputs[4:]]
    assert [node.params["name"] for node in tangents] == ["w_dot", "b_dot"]
    assert all(node.origin.tangent_of is not None for node in tangents)
    assert joint.adjoints.totals == {}


def test_a_zero_tangent_belongs_to_nothing():
    graph = Graph("f")
    _, y = graph.input("x", F8), graph.input("y", F8)
    graph.outputs = [ops.exp(y).id]
    joint = forward(graph, [0])
    assert joint.graph[joint.graph.outputs[1]].origin.tangent_of == UNKNOWN


@pytest.mark.parametrize("seed", range(12))
def test_against_differences(seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(100 + seed)
    graph = random_graph(rng, steps=8)
    graph.outputs = [(ops.sin(graph.value(graph.outputs[0]))).sum().id]
    joint = simplify(reverse(graph, [0, 1]).graph, final=True)
    arrays = [rng.uniform(0.4, 1.2, (2, 3)) for _ in range(2)]
    direction = [rng.standard_normal((2, 3)) for _ in range(2)]
    _, *bars = interpret(joint, *arrays)
    found = sum(float(np.sum(b * d)) for b, d in zip(bars, direction, strict=True))
    expected = directional_difference(lambda *a: interpret(graph, *a)[0], arrays, direction)
    compare_directional(found, expected, 1e-6, "the gradient")


def test_the_fourth_derivative():
    graph = Graph("f")
    x = graph.input("x", SCALAR)
    graph.outputs = [(ops.sin(x) * ops.exp(2.0 * x)).id]
    for order in range(4):
        joint = reverse(graph, [0]).graph
        joint.outputs = joint.outputs[1:]
        graph = simplify(joint)
        assert len(graph) < 60 * (order + 1) ** 2
    at = 0.4
    exact = np.exp(2 * at) * (-7 * np.sin(at) + 24 * np.cos(at))
    np.testing.assert_allclose(interpret(graph, at)[0], exact, rtol=1e-13)
