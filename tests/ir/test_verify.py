"""Each rule of a well-formed graph, broken once."""

import pytest

from gradc import ops
from gradc.errors import GradcError
from gradc.ir import ArrayType, Graph, Node
from gradc.ir.verify import verify
from tests.ir.test_regions import prefix_products

F8 = ArrayType.of("f8", 2)


def sample() -> Graph:
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    graph.outputs = [ops.exp(x * y).id]
    return graph


def replace(graph: Graph, at: int, **changes) -> None:
    node = graph[at]
    fields = {name: getattr(node, name) for name in Node.__slots__} | changes
    graph.nodes[at] = Node(**fields)


BREAKAGES = {
    "stands at": lambda g: replace(g, 2, id=7),
    "later node": lambda g: replace(g, 2, operands=(0, 3)),
    "takes 2 operands": lambda g: replace(g, 2, operands=(0,)),
    "should have type": lambda g: replace(g, 2, type=ArrayType.of("f8", 3)),
    "is not a node": lambda g: g.outputs.append(9),
    "listed as an input": lambda g: g.inputs.append(2),
    "is not the networkx record": lambda g: (g.nx, replace(g, 2)),
    "lacks edge": lambda g: (g.nx, g.nx.remove_edge(0, 2), g.nx.add_edge(0, 2, 5)),
    "misses edges": lambda g: (g.nx, g.nx.remove_edge(0, 2)),
}


def test_a_good_graph_passes_unchanged():
    graph = sample()
    assert verify(graph) is graph
    verify(prefix_products(3))


@pytest.mark.parametrize("message", BREAKAGES)
def test_a_broken_rule_is_named(message):
    graph = sample()
    BREAKAGES[message](graph)
    with pytest.raises(GradcError, match=message) as caught:
        verify(graph)
    assert str(caught.value).startswith("malformed graph: ")


def test_a_region_is_checked_inside():
    graph = prefix_products(3)
    body = next(node for node in graph.nodes if node.regions).regions[0]
    broken = next(node.id for node in body.nodes if node.op.name == "multiply")
    replace(body, broken, type=F8)
    with pytest.raises(GradcError, match="should have type"):
        verify(graph)
