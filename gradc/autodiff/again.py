"""What the backward part computes again: nodes that belong to one checkpointed call.

A node whose origin has a number in ``again`` belongs to a call of a checkpointed function, or to a
part of a loop that is run a second time.  Such a node is *inner* when only nodes of the same number
use it: inner nodes are never kept.  What goes in and what comes out may be.
"""

from collections.abc import Sequence

from gradc.ir import Graph, Kind, Node, Value
from gradc.ir.rebuild import copy_node, rebuild

__all__ = ["again_of", "inner_nodes", "marked"]

_GIVEN = (Kind.INPUT, Kind.CONSTANT)


def again_of(graph: Graph, node: Node) -> int:
    """Return the number of the call that a node belongs to; a result belongs where its region does.

    0 means that it belongs to none.
    """
    if node.op.name == "project":
        node = graph[node.operands[0]]
    return node.origin.again


def inner_nodes(graph: Graph, live: Sequence[bool], late: Sequence[bool]) -> set[int]:
    """Return the nodes that only nodes of the same number use.

    ``late`` are nodes of the backward part; what they use does not count, nor do users that are not
    ``live``.
    """
    numbers = [again_of(graph, node) for node in graph.nodes]
    found = {
        node.id
        for node in graph.nodes
        if numbers[node.id] and not late[node.id] and node.op.kind not in _GIVEN
    }
    found.difference_update(graph.outputs)
    for node in graph.nodes:
        if live[node.id] and not late[node.id]:
            found.difference_update(i for i in node.operands if numbers[i] != numbers[node.id])
    return found


def marked(graph: Graph, number: int) -> Graph:
    """Return a copy of a graph whose nodes all belong to one call."""

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        target.origin = target.origin._replace(again=number)
        return copy_node(target, node, operands)

    return rebuild(graph, visit)
