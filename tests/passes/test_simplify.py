"""The whole pass: fixed points, names, regions, its log and its speed."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import ArrayType, At, Graph, Symbol
from gradc.ir.interpret import interpret
from gradc.ir.text import dump
from gradc.ir.verify import verify
from gradc.ops.regions import make_loop
from gradc.passes import Step, simplify
from tests import graphs
from tests.counting import calls_of
from tests.passes.cases import graph_of
from tests.passes.test_rewrite import CASES

F8 = ArrayType.of("f8", 3)


@pytest.mark.parametrize("make", [graphs.neuron, graphs.softmax_loss, graphs.fill])
def test_programs_keep_their_values(make):
    graph = make()
    rng = np.random.default_rng(2)
    arrays = [
        rng.uniform(0.2, 1.0, graph[i].type.extents)
        if graph[i].type.dtype.kind == "f"
        else rng.integers(0, 3, graph[i].type.extents)
        for i in graph.inputs
    ]
    found = verify(simplify(graph))
    for one, other in zip(interpret(graph, *arrays), interpret(found, *arrays), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-15)
    assert set(found.names.values()) >= {graph.names[i] for i in graph.inputs}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_is_left_for_a_second_pass(case):
    once = simplify(graph_of(case.before, case.types), final=True)
    log: list[Step] = []
    again = simplify(once, final=True, log=log)
    assert dump(again) == dump(once), log


def test_inputs_outputs_and_names_stay():
    graph = Graph("f")
    x, _ = graph.input("x", F8), graph.input("unused", F8)
    h = x * 1.0
    graph.rename(h.id, "h")
    g = ops.negative(-ops.sin(x))
    graph.rename(g.id, "g")
    graph.outputs = [h.id, g.id, h.id]
    found = simplify(graph)
    assert [found.names[i] for i in found.inputs] == ["x", "unused"]
    assert found.outputs[0] == found.outputs[2] == found.inputs[0]
    assert found.names[found.outputs[1]] == "g"
    assert found.name == "f"


def test_the_log_counts_nodes_and_rules():
    graph = Graph("f")
    x = graph.input("x", F8)
    graph.outputs = [(ops.negative(-(x * 1.0)) + 2.0).id]
    log: list[Step] = []
    simplify(graph, log=log)
    (step,) = log
    assert (step.name, step.before, step.after) == ("simplify", 9, 4)
    assert dict(step.fired) == {"multiply_by_one": 1, "negate_twice": 1}


def looped() -> Graph:
    i = Symbol("i", "index")
    body = Graph("body")
    x, s = body.input("x", F8), body.input("s", ArrayType.of("f8"))
    term = ops.index(x, spec=(At(i.expr()),)) * 1.0
    body.outputs = [(s - (-term)).id]
    graph = Graph("f")
    x = graph.input("x", F8)
    (s,) = make_loop(body, [x], [graph.literal(0.0, x.dtype)], index=i, count=3)
    graph.outputs = [ops.negative(-s).id]
    return graph


def test_regions_are_simplified_inside():
    log: list[Step] = []
    found = verify(simplify(looped(), log=log))
    (body,) = next(node.regions for node in found.nodes if node.regions)
    assert [node.op.name for node in body.nodes] == ["input", "input", "index", "add"]
    assert dict(log[0].fired)["subtract_negative"] == 1
    assert dict(log[0].fired)["negate_twice"] == 1
    x = np.array([1.0, 2.0, 4.0])
    assert interpret(found, x)[0] == interpret(looped(), x)[0] == 7.0


def test_the_graph_that_comes_in_is_not_changed():
    graph = looped()
    before = dump(graph)
    simplify(graph, final=True, fast_math=True)
    assert dump(graph) == before


def test_work_is_linear():
    def calls(count: int) -> float:
        graph = Graph("chain")
        x = value = graph.input("x", F8)
        for _ in range(count // 4):
            value = ops.negative(-(value * 1.0)) + x
            value = ops.sin(value)
        graph.outputs = [value.id]
        return calls_of(lambda: simplify(graph)) / count

    assert calls(20_000) < 1.3 * calls(2_000)
