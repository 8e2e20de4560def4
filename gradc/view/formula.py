"""Nodes as formulas in the user's names, for reports and pictures.

Unlike generated code a formula need not run: broadcasts are left out, numbers are short, and a part
that would be too long is given by its number in the graph, as in ``%12``.
"""

from collections.abc import Mapping

from gradc.emit.numpy_expressions import NUMBER, UNARY, Expression, fill, op_template
from gradc.ir import Dim, Graph, Kind, Node, Shape, Value
from gradc.view.text import plain, short

__all__ = ["Formulas", "label_nodes"]

_LONGEST = 60
_SMALL = 4
_SHAPES = frozenset({"broadcast_to", "stop_gradient"})


def label_nodes(graph: Graph, adjoints: Mapping[int, Value] | None = None) -> dict[int, str]:
    """Name nodes apart: the user's names, numbered where one is used again, and ``_bar`` of them.

    Parameters
    ----------
    graph : Graph
        The joint graph.
    adjoints : mapping of int to Value
        The adjoint of each primal node.
    """
    labels: dict[int, str] = {}
    counts: dict[str, int] = {}
    bars = {bar.id for bar in (adjoints or {}).values()}
    for id in sorted(graph.names):
        name = plain(graph.names[id])
        if _may_be_named(graph, id) and (id not in bars or not graph[id].origin.derived):
            times = counts[name] = counts.get(name, -1) + 1
            labels[id] = f"{name}_{times}" if times else name
    for id, bar in (adjoints or {}).items():
        if id in labels and _may_be_named(graph, bar.id):
            labels.setdefault(bar.id, f"{labels[id]}_bar")
    return labels


def _may_be_named(graph: Graph, id: int) -> bool:
    """Tell whether a name says more than the value: not so for literals, spread out or not."""
    node = graph[id]
    while node.op.name == "broadcast_to":
        node = graph[node.operands[0]]
    return node.op.kind is not Kind.CONSTANT


class Formulas:
    """Formulas of the nodes of one graph, each made once."""

    __slots__ = ("_graph", "_known", "_labels")

    def __init__(self, graph: Graph, labels: Mapping[int, str]) -> None:
        self._graph = graph
        self._labels = labels
        self._known: dict[int, Expression] = {}

    def name(self, id: int) -> str:
        """Return the name of a node, or its formula where it has none."""
        return self._labels.get(id) or self.of(id)

    def of(self, id: int) -> str:
        """Return the operation that makes a node, in terms of named values."""
        return self._own(self._graph[id]).text

    def _own(self, node: Node) -> Expression:
        self._prepare(node)
        return self._formula(node)

    def _prepare(self, node: Node) -> None:
        """Make the formulas of all unnamed operands below a node, deepest first."""
        waiting = list(node.operands)
        while waiting:
            id = waiting[-1]
            inner = self._graph[id]
            unknown = (
                [] if id in self._labels else [i for i in inner.operands if not self._ready(i)]
            )
            if unknown and id not in self._known:
                waiting += unknown
                continue
            waiting.pop()
            if id not in self._labels and id not in self._known:
                self._known[id] = self._bounded(inner)

    def _ready(self, id: int) -> bool:
        return id in self._labels or id in self._known

    def _bounded(self, node: Node) -> Expression:
        found = self._formula(node)
        return found if len(found.text) <= _LONGEST else Expression(f"%{node.id}")

    def _operand(self, id: int) -> Expression:
        label = self._labels.get(id)
        return Expression(label) if label else self._known[id]

    def _same_but_ones(self, node: Node) -> bool:
        """Tell whether a node only puts in or takes out axes of length 1."""
        if node.op.name != "reshape":
            return False
        before = self._graph[node.operands[0]].type.shape
        return _without_ones(before) == _without_ones(node.type.shape)

    def _formula(self, node: Node) -> Expression:
        operands = [self._operand(id) for id in node.operands]
        if node.op.kind is Kind.CONSTANT:
            return _constant(node)
        if node.op.kind is Kind.INPUT:
            return Expression(self._labels.get(node.id) or plain(node.params["name"]))
        if node.op.name in _SHAPES or self._same_but_ones(node):
            return operands[0]
        if node.op.name == "project":
            return Expression(f"{operands[0].text}[{node.params['item']}]")
        if node.regions or node.op.name in ("index_put", "index_add"):
            return Expression(f"{node.op.name}({', '.join(o.text for o in operands)})")
        types = [self._graph[id].type for id in node.operands]
        return fill(op_template(node.op, types, node.params), operands)


def _without_ones(shape: Shape) -> list[Dim]:
    return [dim for dim in shape if dim != 1]


def _constant(node: Node) -> Expression:
    array = node.params["value"].array
    if array.size > _SMALL:
        return Expression(f"%{node.id}")
    text = short(array)
    return Expression(text, UNARY if text.startswith("-") else NUMBER)
