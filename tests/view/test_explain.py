"""The chain rule as a report: the founding documents' neuron, sums over children, deep chains."""

import numpy as np
import pytest

import gradc
from gradc import ops
from gradc.autodiff.derive import reverse
from gradc.ir import ArrayType, Graph
from gradc.view.explain import explain, explained
from gradc.view.formula import Formulas, label_nodes
from gradc.view.norms import norms, step_norms
from gradc.view.text import plain
from tests import graphs

NEURON = [0.5, 2.0, 0.0, 1.0]


def by_name(graph, wrt, arguments=None):
    joint = reverse(graph, wrt)
    return {found.name: found for found in explained(joint.graph, joint.adjoints, arguments)}


def test_neuron_text(golden):
    joint = reverse(graphs.neuron(), [0, 2])
    golden("neuron.txt", explain(joint.graph, joint.adjoints, NEURON))


def test_neuron_text_without_numbers(golden):
    joint = reverse(graphs.neuron(), [0])
    golden("neuron_plain.txt", explain(joint.graph, joint.adjoints))


def test_softmax_text(golden):
    joint = reverse(graphs.softmax_loss(), [0])
    golden("softmax_loss.txt", explain(joint.graph, joint.adjoints))


def test_three_factors_of_the_neuron():
    found = by_name(graphs.neuron(), [0], NEURON)
    a = 1.0 / (1.0 + np.exp(-1.0))
    factors = {"a": 2 * (a - 1.0), "z": a * (1 - a), "w": 2.0}
    for name, factor in factors.items():
        (part,) = found[name].contributions
        assert part.steps[0].value == pytest.approx(factor, rel=1e-15)
    assert found["a"].contributions[0].steps[0].formula == "2 * (a - y)"
    assert found["z"].contributions[0].steps[0].formula == "a * (1 - a)"
    assert found["w"].contributions[0].steps[0].formula == "x"
    assert found["w"].adjoint == pytest.approx(-0.211508, abs=5e-7)


def test_contributions_add_up():
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8", 3))
    u = graphs.named(x * 3.0, "u")
    v = graphs.named(ops.sin(u) + u, "v")
    graph.outputs = [graphs.named((v * v).sum(), "L").id]
    data = np.array([0.1, 0.2, 0.3])
    found = by_name(graph, [0], [data])
    parts = [part.value for part in found["u"].contributions]
    value = np.sin(3 * data) + 3 * data
    np.testing.assert_allclose(parts, [2 * value * np.cos(3 * data), 2 * value])
    np.testing.assert_allclose(np.sum(parts, axis=0), found["u"].adjoint)
    assert [p.via for p in found["v"].contributions] == ["L = np.sum(v * v)"] * 2


def test_steps_multiply_to_the_derivative_of_the_child():
    graph = Graph("f")
    z = graphs.named(graph.input("x", ArrayType.of("f8")) * 1.5, "z")
    a = graphs.named(1.0 / (1.0 + ops.exp(-z)), "a")
    graph.outputs = [(a * 3.0).id]
    found = by_name(graph, [0], [0.4])
    (part,) = found["z"].contributions
    value = 1.0 / (1.0 + np.exp(-0.6))
    assert part.steps[-1].formula == "d a / d z"
    assert part.steps[-1].value == pytest.approx(value * (1 - value), rel=1e-14)
    assert [step.formula for step in part.steps[:2]] == ["-1", "np.exp(-z)"]


def test_loss_that_is_used_again_has_a_seed_and_children():
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8"))
    y = graphs.named(x * x, "y")
    graph.outputs = [ops.sin(y).id]
    found = by_name(graph, [0], [0.5])
    assert [p.via for p in found["y"].contributions] == ["np.sin(y)"]
    assert found["x"].adjoint == pytest.approx(2 * 0.5 * np.cos(0.25))


def test_repeated_names_are_numbered():
    found = by_name(graphs.chain(3), [0], [0.5, 0.3])
    assert set(found) == {"h", "h_1", "h_2", "h_3"}
    assert found["h_2"].contributions[0].via == "h_3 = np.tanh(w * h_2)"


def test_the_graph_is_left_as_it_was():
    joint = reverse(graphs.neuron(), [0])
    before, outputs = len(joint.graph), list(joint.graph.outputs)
    explain(joint.graph, joint.adjoints, NEURON)
    norms(joint.graph, joint.adjoints, NEURON)
    assert (len(joint.graph), joint.graph.outputs) == (before, outputs)


def test_formulas_are_short_and_run_deep():
    graph = Graph("f")
    value = graph.input("x", ArrayType.of("f8"))
    for _ in range(5000):
        value = ops.sin(value + 1.0)
    formulas = Formulas(graph, label_nodes(graph))
    assert len(formulas.of(value.id)) < 100
    assert "%" in formulas.of(value.id)


@pytest.mark.parametrize(
    ("start", "factor", "word"), [(0.5, 0.3, "vanishing"), (1e-6, 1.9, "exploding")]
)
def test_norms_of_a_deep_chain(start, factor, word):
    joint = reverse(graphs.chain(30), [0])
    rows = step_norms(joint.graph, joint.adjoints, [start, factor], "h")
    assert [row.step for row in rows] == list(range(31))
    h, values = start, [start]
    for _ in range(30):
        h = np.tanh(factor * h)
        values.append(h)
    for row, before in zip(rows[1:], values[-2::-1], strict=True):
        local = factor * (1 - np.tanh(factor * before) ** 2)
        assert row.ratio == pytest.approx(local, rel=1e-12)
        assert row.value == pytest.approx(before)
    assert word in norms(joint.graph, joint.adjoints, [start, factor])


def test_norms_of_a_steady_chain():
    joint = reverse(graphs.chain(4), [0])
    text = norms(joint.graph, joint.adjoints, [0.01, 1.0])
    assert text.splitlines()[-1].startswith("steady: from 1 at step 0")


def test_norms_text(golden):
    joint = reverse(graphs.chain(5), [0])
    golden("norms.txt", norms(joint.graph, joint.adjoints, [0.5, 0.25]))


def test_norms_do_not_overflow():
    graph = Graph("f")
    x = graph.input("x", ArrayType.of("f8", 4))
    y = graphs.named(x * 1e200, "y")
    graph.outputs = [graphs.named((y * 1e-200).sum(), "L").id]
    joint = reverse(graph, [0])
    rows = {r.name: r for r in step_norms(joint.graph, joint.adjoints, [np.full(4, 2.0)])}
    assert rows["y"].value == pytest.approx(4e200)
    assert rows["y"].adjoint == pytest.approx(2e-200)


def test_hostile_names_stay_on_their_line():
    names = ("w\nb", "x\u202e", "b\x1b[31m", "y", "z\r", "a", "loss")
    joint = reverse(graphs.neuron(names), [0])
    text = explain(joint.graph, joint.adjoints, NEURON)
    assert all(plain(line) == line for line in text.split("\n"))
    assert "w b_bar" in text


def test_turns_of_a_loop_are_shown_apart():
    def chain(h, w):
        for _ in range(5):
            h = np.tanh(w * h)
        return h

    text = gradc.grad(chain).norms(0.5, 0.3)
    assert [f"h_{k}" in text for k in range(1, 6)] == [True] * 5
    assert "h_5_bar" in gradc.grad(chain).explain(0.5, 0.3)


def test_a_loop_with_a_condition_is_shown_whole():
    def doubled(x):
        while x < 100.0:
            x = x * x + 1.0
        return x

    assert "while_loop" in gradc.grad(doubled).explain(1.5)
    assert "450.9" in gradc.grad(doubled).norms(1.5)
