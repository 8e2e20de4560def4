"""What a drawing of a graph shows: which nodes, with which words and colours.

Numbers, spread out or not, are drawn once for each use.  A graph of more than `LARGEST` nodes is
drawn by its named values: an edge then stands for all unnamed steps between two of them.
"""

from collections.abc import Sequence

import numpy as np

from gradc.ir import Graph, Kind, Node
from gradc.records import dataclass
from gradc.view.formula import Formulas, label_nodes
from gradc.view.text import place, short

__all__ = ["LARGEST", "Box", "Edge", "Picture", "picture"]

LARGEST = 150
_WORD = 22


@dataclass(frozen=True, slots=True)
class Box:
    """One node: its lines of text, its role (a colour) and what a pointer over it tells.

    ``role`` is ``"input"``, ``"constant"``, ``"primal"``, ``"tangent"`` or ``"adjoint"``; the first
    line is the user's name when ``named``.
    """

    key: str
    lines: tuple[str, ...]
    role: str
    named: bool
    output: bool
    title: str


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge between boxes, by number; ``slot`` is None for an only operand."""

    start: int
    end: int
    slot: int | None


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in topological order, edges, and a note on what was left out."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    note: str = ""


def picture(graph: Graph, *, largest: int | None = LARGEST) -> Picture:
    """Choose what to draw; ``largest=None`` draws every live node."""
    live = [node for node, keep in zip(graph.nodes, graph.live(), strict=True) if keep]
    live = [node for node in live if node.id in graph.outputs or _number(graph, node.id) is None]
    if largest is None or len(live) <= largest:
        return _whole(graph, live)
    shown = _landmarks(graph, live, largest)
    note = f"{len(live):,} nodes; shown are {len(shown):,} named values and ends"
    return _outline(graph, live, shown, note)


def _number(graph: Graph, id: int) -> np.ndarray | None:
    """Return the number that all elements of a value are known to be."""
    node = graph[id]
    while node.op.name in ("broadcast_to", "reshape"):
        node = graph[node.operands[0]]
    if node.op.kind is not Kind.CONSTANT or node.type.size != 1:
        return None
    number: np.ndarray = node.params["value"].array.reshape(())
    return number


def _whole(graph: Graph, live: Sequence[Node]) -> Picture:
    drawn = _Drawing(graph)
    for node in live:
        starts = [drawn.operand(node, slot) for slot in range(len(node.operands))]
        slots = [None] if len(starts) == 1 else range(len(starts))
        drawn.box(node, list(zip(starts, slots, strict=True)))
    return drawn.picture("")


def _landmarks(graph: Graph, live: Sequence[Node], largest: int) -> set[int]:
    """Choose outputs, inputs and named values, as many as may be drawn, evenly spread."""
    labels = label_nodes(graph)
    ends = [*graph.outputs, *graph.inputs][:largest]
    named = [node.id for node in live if node.id in labels and node.id not in ends]
    room = largest - len(set(ends))
    step = max(1, -(-len(named) // room)) if room > 0 else len(named) + 1
    return {*ends, *named[::step]}


def _outline(graph: Graph, live: Sequence[Node], shown: set[int], note: str) -> Picture:
    drawn = _Drawing(graph)
    behind: dict[int, frozenset[int]] = {}
    for node in live:
        sources = frozenset().union(*(behind.get(id, frozenset()) for id in node.operands))
        if node.id in shown:
            drawn.box(node, [(drawn.at[id], None) for id in sorted(sources)])
            behind[node.id] = frozenset((node.id,))
        else:
            behind[node.id] = sources
    return drawn.picture(note)


class _Drawing:
    """Collects boxes and edges."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.labels = label_nodes(graph)
        self.formulas = Formulas(graph, self.labels)
        self.boxes: list[Box] = []
        self.edges: list[Edge] = []
        self.at: dict[int, int] = {}

    def box(self, node: Node, operands: Sequence[tuple[int, int | None]]) -> None:
        self.at[node.id] = len(self.boxes)
        self.edges += [Edge(start, len(self.boxes), slot) for start, slot in operands]
        name = self.labels.get(node.id, "")
        word = "" if node.op.kind is Kind.INPUT else node.op.name
        lines = tuple(_cut(line) for line in (name, word, str(node.type)) if line)
        where = place(node.origin.span)
        title = f"%{node.id} {name} = {self.formulas.of(node.id)}  {node.type}  {where}".rstrip()
        output = node.id in self.graph.outputs
        self.boxes.append(Box(f"n{node.id}", lines, _role(node), bool(name), output, title))

    def operand(self, user: Node, slot: int) -> int:
        """Return the box of an operand; a number gets one of its own."""
        id = user.operands[slot]
        number = _number(self.graph, id)
        if id in self.at or number is None:
            return self.at[id]
        text = short(number)
        title = f"{text}  {self.graph[id].type}"
        self.boxes.append(Box(f"c{user.id}_{slot}", (text,), "constant", False, False, title))
        return len(self.boxes) - 1

    def picture(self, note: str) -> Picture:
        return Picture(tuple(self.boxes), tuple(self.edges), note)


def _role(node: Node) -> str:
    if node.op.kind is Kind.INPUT:
        return "input"
    if node.op.kind is Kind.CONSTANT:
        return "constant"
    if node.origin.adjoint_of is not None:
        return "adjoint"
    return "primal" if node.origin.tangent_of is None else "tangent"


def _cut(text: str) -> str:
    return text if len(text) <= _WORD else text[: _WORD - 1] + "…"
