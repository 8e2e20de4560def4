"""Graphs as text, one node a line, for tests, logs and people."""

from gradc.ir.graph import Graph
from gradc.ir.node import Node
from gradc.ir.op import Kind

__all__ = ["dump"]


def dump(graph: Graph) -> str:
    """Return the live nodes as text.

    ``%3 = multiply(%1, %2): f8[4]  # h`` where ``h`` is the user's name; ``adjoint of %1`` marks
    nodes of the backward part.
    """
    live = graph.live()
    inputs = ", ".join(f"%{i} {graph.names.get(i, '')}: {graph[i].type}" for i in graph.inputs)
    lines = [f"graph {graph.name}({inputs})"]
    for node in graph.nodes:
        if live[node.id] and node.op.kind is not Kind.INPUT:
            lines.append("  " + _line(graph, node))
            lines += ["    " + row for r in node.regions for row in dump(r).splitlines()]
    lines.append("  return " + ", ".join(f"%{i}" for i in graph.outputs))
    return "\n".join(lines)


def _line(graph: Graph, node: Node) -> str:
    remarks = []
    if node.id in graph.names:
        remarks.append(graph.names[node.id])
    if node.origin.adjoint_of is not None:
        remarks.append(f"adjoint of %{node.origin.adjoint_of}")
    if node.origin.tangent_of is not None:
        remarks.append(f"tangent of %{node.origin.tangent_of}")
    return repr(node) + ("  # " + ", ".join(remarks) if remarks else "")
