"""Which nodes take part, and why an argument has no derivative."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import Cut
from gradc.autodiff.activity import active_nodes, find_cut, reached
from gradc.ir import ArrayType, Graph
from tests.autodiff.support import F8
from tests.graphs import user_line

I8 = np.dtype("i8")
PATHS = {
    Cut.ABSENT: lambda x, y: y,
    Cut.INTEGER: lambda x, y: y * x.cast(I8).cast(y.dtype),
    Cut.STOPPED: lambda x, y: y * ops.stop_gradient(ops.exp(x)),
    Cut.CONSTANT: lambda x, y: y + ops.floor(x),
}


def cut_of(build):
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    with graph.at(user_line(3)):
        graph.outputs = [build(x, y).sum().id]
    return find_cut(graph, x.id, graph.outputs)


@pytest.mark.parametrize("cut", PATHS, ids=lambda cut: cut.name)
def test_cuts(cut):
    found, node = cut_of(PATHS[cut])
    assert found is cut
    if cut is Cut.ABSENT:
        assert node is None
    else:
        assert node.op.name == {"INTEGER": "cast", "STOPPED": "stop_gradient"}.get(
            cut.name, "floor"
        )
        assert node.origin.span.line == 3


def test_the_worst_cut_is_reported():
    every = lambda x, y: sum((PATHS[c](x, y) for c in list(PATHS)[1:]), start=y)  # noqa: E731
    assert cut_of(every)[0] is Cut.INTEGER
    two = lambda x, y: PATHS[Cut.STOPPED](x, y) + PATHS[Cut.CONSTANT](x, y)  # noqa: E731
    assert cut_of(two)[0] is Cut.STOPPED


def test_a_cut_off_the_path_does_not_count():
    def build(x, y):
        _ = x.cast(I8)
        return ops.stop_gradient(x) + y

    assert cut_of(build)[0] is Cut.STOPPED


def test_the_first_node_that_stops_is_named():
    def build(x, y):
        return ops.sign(ops.floor(ops.exp(x))) * y

    assert cut_of(build)[1].op.name == "floor"


def test_reached_and_active():
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    a, b = ops.exp(x), ops.sin(y)
    c = a * b
    whole = c.cast(I8)
    side = ops.sin(a)
    smooth, used = reached(graph, [x.id]), reached(graph, [x.id], through_all=True)
    assert [smooth[v.id] for v in (x, y, a, b, c, whole)] == [True, False, True, False, True, False]
    assert used[whole.id]
    assert active_nodes(graph, [x.id], [c.id]) == [x.id, a.id, c.id]
    assert side.id in active_nodes(graph, [x.id], [c.id, side.id])
    assert active_nodes(graph, [x.id], [b.id]) == []
    assert active_nodes(graph, [x.id], [whole.id]) == []


def test_an_integer_input_is_not_reached_further():
    graph = Graph("f")
    k = graph.input("k", ArrayType.of("i8", 3))
    y = ops.add(k, k)
    assert active_nodes(graph, [k.id], [y.id]) == []
