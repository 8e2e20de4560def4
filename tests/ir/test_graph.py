"""Nodes are added once, in order, and the networkx mirror follows."""

import networkx
import numpy as np
import pytest

from gradc import ops
from gradc.errors import DTypeError, ShapeError
from gradc.ir import ArrayType, Graph, Origin
from gradc.ir.verify import verify
from tests.ir.test_regions import halving

F8 = ArrayType.of("f8", 3)


def test_the_same_operation_is_the_same_node():
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    assert (x * y).id == (x * y).id
    assert (x * y).id != (y * x).id
    assert x.sum((0,)) == x.sum((0,))
    assert ops.cumsum(x, axis=0, reverse=True) != ops.cumsum(x, axis=0, reverse=False)
    count = len(graph)
    _ = x * y
    assert len(graph) == count


def test_constants_are_told_apart_by_bits():
    graph, f8, f4 = Graph("f"), np.dtype("f8"), np.dtype("f4")
    zeros = [graph.literal(z, f8) for z in (0.0, -0.0, 0)]
    assert zeros[0] != zeros[1]
    assert zeros[0] == zeros[2]
    assert graph.literal(0.0, f4) != zeros[0]
    assert graph.literal(np.nan, f8) == graph.literal(np.nan, f8)
    assert graph.constant([0.0]) != zeros[0]
    assert graph.is_constant(zeros[0].id)


def test_inputs_of_one_name_stay_two():
    graph = Graph("f")
    a, b = graph.input("x", F8), graph.input("x", F8)
    assert a != b
    assert graph.inputs == [a.id, b.id]
    assert [graph[i].params["position"] for i in graph.inputs] == [0, 1]


def test_uses_name_child_and_slot():
    graph = Graph("f")
    x = graph.input("x", F8)
    square = x * x
    again = square + x
    assert graph.uses(x.id) == [(square.id, 0), (square.id, 1), (again.id, 1)]
    assert graph.uses(again.id) == []
    late = -x
    assert graph.uses(x.id)[-1] == (late.id, 0), "the mirror is brought up to date"


def test_the_mirror_is_a_networkx_graph_of_records():
    graph = Graph("f")
    x = graph.input("x", F8)
    y = x * x + 1.0
    mirror = graph.nx
    assert isinstance(mirror, networkx.MultiDiGraph)
    assert mirror is graph.nx
    assert mirror.number_of_edges(x.id, (x * x).id) == 2
    assert mirror.nodes[y.id] == {"node": y.node}
    assert list(mirror.nodes) == list(range(len(graph)))
    assert networkx.is_directed_acyclic_graph(mirror)


def test_live_is_what_outputs_need():
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    used, unused = x * 2.0, y * 3.0
    graph.outputs = [used.id]
    live = graph.live()
    assert live[x.id]
    assert live[used.id]
    assert not live[y.id]
    assert not live[unused.id]
    graph.outputs = []
    assert not any(graph.live())


def test_origin_is_of_the_first_who_adds():
    graph = Graph("f")
    x = graph.input("x", F8)
    with graph.at(Origin(None, adjoint_of=x.id)):
        y = -x
        with graph.at(Origin(None, tangent_of=x.id)):
            z = -y
        w = y * z
    assert y.node.origin == w.node.origin == Origin(None, x.id)
    assert z.node.origin.tangent_of == x.id
    assert graph.origin == Origin()
    assert not (x + x).node.origin.derived
    with graph.at(Origin(None, adjoint_of=0)):
        assert (x + x).node.origin == Origin()


def test_origin_is_restored_after_an_error():
    graph = Graph("f")
    with pytest.raises(RuntimeError), graph.at(Origin(None, 3)):
        raise RuntimeError
    assert graph.origin == Origin()


def test_the_first_name_stays():
    graph = Graph("f")
    x = graph.input("x", F8)
    graph.rename(x.id, "y")
    graph.rename((x * x).id, "h")
    graph.rename((x * x).id, "g")
    assert graph.names == {x.id: "x", (x * x).id: "h"}


def test_a_refused_operation_leaves_the_graph_as_it_was():
    graph = Graph("f")
    x, k = graph.input("x", F8), graph.input("k", ArrayType.of("i8", 3))
    before = len(graph)
    with pytest.raises(ShapeError):
        graph.value(x.id).reshape((4,))
    with pytest.raises(DTypeError):
        ops.bitwise_and(x, k)
    assert len(graph) == before
    verify(graph)


def test_every_region_is_its_own_node():
    graph = halving(10)
    loop = next(node for node in graph.nodes if node.regions)
    twin = graph.add(loop.op, loop.operands, loop.params, loop.regions)
    assert twin != loop.id
