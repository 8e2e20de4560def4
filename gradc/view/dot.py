"""Graphs as DOT text, for Graphviz and its relatives."""

from gradc.ir import Graph
from gradc.view.picture import Box, Edge, picture
from gradc.view.text import plain

__all__ = ["dot"]

_FILL = {
    "input": "#d9ead3",
    "constant": "#eeeeee",
    "primal": "#d6e4f5",
    "tangent": "#e6dcf5",
    "adjoint": "#fbe3cf",
}


def dot(graph: Graph) -> str:
    """Return the live nodes as a directed graph; primal and adjoint differ in colour.

    Edges carry the operand's slot where there are several operands.
    """
    drawn = picture(graph, largest=None)
    head = [
        f"digraph {_quoted(graph.name)} {{",
        '  node [shape=box, style="rounded,filled", fontname="monospace"];',
    ]
    boxes = [_box(box) for box in drawn.boxes]
    edges = [_edge(drawn.boxes[e.start], drawn.boxes[e.end], e) for e in drawn.edges]
    return "\n".join([*head, *boxes, *edges, "}"]) + "\n"


def _box(box: Box) -> str:
    label = "\\n".join(_escaped(line) for line in box.lines)
    border = ", penwidth=2" if box.output else ""
    title = _quoted(box.title)
    return f'  {box.key} [label="{label}", fillcolor="{_FILL[box.role]}", tooltip={title}{border}];'


def _edge(start: Box, end: Box, edge: Edge) -> str:
    label = "" if edge.slot is None else f' [label="{edge.slot}"]'
    return f"  {start.key} -> {end.key}{label};"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return plain(text).replace("\\", "\\\\").replace('"', '\\"')
