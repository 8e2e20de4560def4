"""Check that a graph is well formed: run between passes in tests and in debug mode."""

from gradc.errors import GradcError
from gradc.ir.graph import Graph
from gradc.ir.node import Node
from gradc.ir.op import Kind
from gradc.ir.types import BOOL, ArrayType, TupleType

__all__ = ["verify"]


def verify(graph: Graph) -> Graph:
    """Return the graph unchanged; raise ``GradcError`` on the first broken rule.

    Rules: ids are positions; operands come before users; arity fits; types are what ``infer`` says;
    inputs and outputs exist; the networkx mirror holds the same records and edges.
    """
    for position, node in enumerate(graph.nodes):
        _check_node(graph, position, node)
    for id in (*graph.inputs, *graph.outputs):
        _require(0 <= id < len(graph), f"%{id} is not a node of {graph.name}")
    for id in graph.inputs:
        _require(graph[id].op.kind is Kind.INPUT, f"%{id} is listed as an input")
    _check_mirror(graph)
    return graph


def _check_node(graph: Graph, position: int, node: Node) -> None:
    _require(node.id == position, f"{node!r} stands at {position}")
    _require(all(0 <= i < position for i in node.operands), f"{node!r} uses a later node")
    arity = node.op.arity
    _require(arity is None or arity == len(node.operands), f"{node!r} takes {arity} operands")
    inferred = node.op.infer(*[graph[i].type for i in node.operands], **node.params)
    _require(inferred == node.type, f"{node!r} should have type {inferred}")
    if node.regions:
        _check_regions(graph, node)


def _check_regions(graph: Graph, node: Node) -> None:
    """Check that regions are well formed and take and give what the node says."""
    results = node.type.items if isinstance(node.type, TupleType) else ()
    given = [graph[i].type for i in node.operands]
    if node.op.name == "cond":
        given = given[1:]
    for region in node.regions:
        verify(region)
        taken = [region[i].type for i in region.inputs]
        _require(taken == given, f"{node!r} hands {given} to a region that takes {taken}")
        is_test = node.op.name == "while_loop" and region is node.regions[0]
        made = tuple(region[i].type for i in region.outputs)
        wanted = (ArrayType(BOOL, ()),) if is_test else results
        _require(made == wanted, f"a region of {node!r} gives {made}, not {wanted}")


def _check_mirror(graph: Graph) -> None:
    mirror = graph.nx
    _require(mirror.number_of_nodes() == len(graph), "the networkx graph misses nodes")
    edges = sum(len(node.operands) for node in graph.nodes)
    _require(mirror.number_of_edges() == edges, "the networkx graph misses edges")
    for node in graph.nodes:
        _require(mirror.nodes[node.id]["node"] is node, f"{node!r} is not the networkx record")
        for slot, operand in enumerate(node.operands):
            _require(mirror.has_edge(operand, node.id, slot), f"{node!r} lacks edge {slot}")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise GradcError(f"malformed graph: {message}")
