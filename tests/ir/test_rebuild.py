"""Copies of graphs: all inputs, live nodes, names and origins."""

import numpy as np

from gradc import ops
from gradc.ir import UNKNOWN, ArrayType, Graph, Origin
from gradc.ir.interpret import interpret
from gradc.ir.rebuild import copy_node, inline, rebuild, redirect
from gradc.ir.text import dump
from gradc.ir.verify import verify
from tests.ir.test_regions import prefix_products

F8 = ArrayType.of("f8", 2)


def sample() -> Graph:
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    dead = x * 5.0
    h = x * y
    graph.rename(h.id, "h")
    with graph.at(Origin(None, adjoint_of=h.id)):
        bar = h * 2.0
    with graph.at(Origin(None, adjoint_of=dead.id)):
        lost = bar + 1.0
    with graph.at(Origin(None, tangent_of=x.id)):
        dot = -lost
    graph.outputs = [dot.id, h.id, x.id]
    return graph


def test_rebuild_keeps_inputs_and_live_nodes():
    graph = sample()
    graph.input("unused", F8)
    copy = verify(rebuild(graph))
    assert [copy[i].params["name"] for i in copy.inputs] == ["x", "y", "unused"]
    assert sum(graph.live()) + 1 == len(copy)
    assert copy.names[copy.outputs[1]] == "h"
    assert copy.outputs[2] == copy.inputs[0]
    arrays = np.array([1.0, 2.0]), np.array([3.0, -1.0]), np.zeros(2)
    for mine, theirs in zip(interpret(copy, *arrays), interpret(graph, *arrays), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert dump(rebuild(copy)) == dump(copy)


def test_origins_point_at_images():
    copy = rebuild(sample())
    dot, h, x = (copy[i] for i in copy.outputs)
    assert dot.origin.tangent_of == x.id
    (lost,) = dot.operands
    assert copy[lost].origin.adjoint_of == UNKNOWN, "its primal node is gone"
    bar = copy[copy[lost].operands[0]]
    assert bar.origin.adjoint_of == h.id


def test_visit_may_replace_nodes():
    def visit(graph, node, operands):
        if node.op.name == "multiply":
            return ops.add(*operands)
        return copy_node(graph, node, operands)

    graph = sample()
    copy = verify(rebuild(graph, visit))
    assert "multiply" not in dump(copy)
    assert copy.names[copy.outputs[1]] == "h"
    assert interpret(copy, np.ones(2), np.ones(2))[1].tolist() == [2.0, 2.0]


def test_inline_replaces_inputs():
    inner = sample()
    outer = Graph("g")
    a = outer.input("a", F8)
    results = inline(inner, outer, [a, a * 2.0])
    outer.outputs = [r.id for r in results]
    assert results[2] == a
    verify(outer)
    first, h, _ = interpret(outer, np.array([1.0, 3.0]))
    np.testing.assert_array_equal(h, [2.0, 18.0])
    np.testing.assert_array_equal(first, -(2.0 * h + 1.0))
    assert len(outer.inputs) == 1
    before = len(outer)
    assert inline(inner, outer, [a, a * 2.0]) == results, "twice the same is once"
    assert len(outer) == before


def test_inline_of_an_unused_input_and_of_regions():
    outer = Graph("g")
    x = outer.input("x", ArrayType.of("f8", 4))
    outer.outputs = [r.id for r in inline(prefix_products(4), outer, [x])]
    verify(outer)
    values = np.array([2.0, 3.0, 0.5, 4.0])
    np.testing.assert_array_equal(interpret(outer, values)[1], np.cumprod(values))
    idle = Graph("idle")
    idle.input("x", F8)
    assert inline(idle, outer, [x]) == []


def test_redirect_of_a_graph_that_returns_a_value_twice():
    graph = Graph("twice")
    x = graph.input("x", ArrayType.of("f8", 3))
    old, new = x * 2.0, x * 3.0
    last = x + old * 5.0
    graph.outputs = [last.id, last.id]
    found = redirect(graph, {old.id: new.id})
    assert found.outputs[0] == found.outputs[1]
    np.testing.assert_array_equal(interpret(found, np.ones(3))[0], np.full(3, 16.0))
