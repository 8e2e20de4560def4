"""The text of a value where it is read.

A value is read by its name once it has a statement; before that it is *deferred*: an expression
waiting for its one reader.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from gradc.emit.numpy_expressions import ATOM, Expression, fill, op_template
from gradc.emit.numpy_literals import (
    array_literal,
    filled,
    number,
    shape_text,
    typed_number,
    unfilled,
)
from gradc.emit.numpy_plan import Plan, expanded_axes, leads_with_ones
from gradc.ir import BOOL, FLOAT64, INT64, Graph, Kind, Node, broadcast_shapes

__all__ = ["Deferred", "Operands"]

_DEFAULT_DTYPES = (FLOAT64, INT64, BOOL)


class Deferred(NamedTuple):
    """An expression that has no statement yet, and the nodes inside it."""

    expression: Expression
    nodes: tuple[int, ...]


class Operands:
    """What is known of each value's text so far.

    Attributes
    ----------
    names : dict
        Variables by node.
    deferred : dict
        Expressions by node.
    numbers : dict
        Inputs of a region that are one number outside.
    """

    __slots__ = ("_graph", "_transparent", "deferred", "names", "numbers")

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self._graph = graph
        self._transparent = plan.transparent
        self.names: dict[int, str] = {}
        self.deferred: dict[int, Deferred] = {}
        self.numbers: dict[int, np.generic] = {}

    def leaf(self, id: int) -> int:
        """Return the node whose text stands in the text of ``id``."""
        while self._transparent[id]:
            id = self._graph[id].operands[0]
        return id

    def waiting(self, ids: Iterable[int]) -> list[int]:
        """Return the deferred nodes that the texts of ``ids`` hold, the longest first."""
        leaves = dict.fromkeys(map(self.leaf, ids))
        found = [id for id in leaves if id in self.deferred]
        return sorted(found, key=lambda id: -len(self.deferred[id].expression.text))

    def scalar(self, id: int) -> np.generic | None:
        """Return the number that a node is, if it is a constant of one element without a name."""
        node = self._graph[id]
        if id in self.numbers:
            return self.numbers[id]
        if node.op.kind is not Kind.CONSTANT or node.type.size != 1 or id in self.names:
            return None
        value: np.generic = node.params["value"].array.reshape(())[()]
        return value

    def read(self, id: int) -> Expression:
        """Return the text of a value in full: its own shape and dtype."""
        if id in self.names:
            return Expression(self.names[id])
        if id in self.deferred:
            return self.deferred[id].expression
        if id in self.numbers:
            return typed_number(self.numbers[id])
        node = self._graph[id]
        if node.op.kind is not Kind.CONSTANT:
            return self._free(node)
        array = node.params["value"].array
        return array_literal(array) if array.shape else typed_number(array[()])

    def _free(self, node: Node) -> Expression:
        """Return the text of a transparent node."""
        return self.spread(node) if node.op.name == "broadcast_to" else self.expanded(node)

    def spread(self, node: Node) -> Expression:
        """Return the text of a broadcast that NumPy does not do by itself."""
        inner = node.operands[0]
        scalar = self.scalar(inner)
        if self._graph[inner].op.name == "blank":
            return unfilled(node.type)
        if scalar is not None:
            return filled(node.type.shape, scalar)
        return Expression(
            f"np.broadcast_to({self.read(inner).text}, {shape_text(node.type.shape)})"
        )

    def expanded(self, node: Node) -> Expression:
        """Return the text of a reshape that only inserts axes: ``x[:, None]``."""
        text, axes = self.read(node.operands[0]), expanded_axes(self._graph, node) or ()
        if len(axes) == node.type.ndim:
            return Expression(f"np.reshape({text.text}, {shape_text(node.type.shape)})")
        marks = ["None" if axis in axes else ":" for axis in range(node.type.ndim)]
        return Expression(f"{text.at_least(ATOM)}[{', '.join(marks)}]")

    def bare(self, id: int) -> int:
        """Return what is left of a value when NumPy does the broadcasting."""
        graph = self._graph
        while self._transparent[id]:
            node = graph[id]
            inner = node.operands[0]
            free = node.op.name == "broadcast_to"
            if not free and not leads_with_ones(graph[inner].type.shape, node.type.shape):
                return id
            id = inner
        return id

    def assigned(self, id: int) -> Expression:
        """Return the text of a value that is assigned to a part of an array of its dtype."""
        inner = self.bare(id)
        scalar = self.scalar(inner)
        return self.read(inner) if scalar is None else number(scalar)

    def render(self, node: Node) -> Expression:
        """Return the text of an operation in terms of its operands' texts."""
        graph = self._graph
        if node.op.kind is Kind.ELEMENTWISE:
            texts = self._elementwise(node)
        else:
            texts = [self.read(id) for id in node.operands]
        types = [graph[id].type for id in node.operands]
        return fill(op_template(node.op, types, node.params), texts)

    def _elementwise(self, node: Node) -> list[Expression]:
        """Return operand texts, leaving out the broadcasts that NumPy does by itself."""
        graph = self._graph
        bare = [self.bare(id) for id in node.operands]
        numbers = [self.scalar(id) for id in bare]
        sizes = zip(bare, numbers, strict=True)
        shapes = [graph[id].type.shape if n is None else () for id, n in sizes]
        if broadcast_shapes(*shapes) != node.type.shape:
            bare[0], numbers[0] = node.operands[0], None
        dtypes = [graph[id].type.dtype for id in bare]
        texts: list[Expression] = []
        for at, (id, scalar) in enumerate(zip(bare, numbers, strict=True)):
            others = [d for i, d in enumerate(dtypes) if i < at or numbers[i] is None]
            texts.append(self.read(id) if scalar is None else _literal(node, scalar, others))
        return texts


def _literal(node: Node, scalar: np.generic, others: list[np.dtype]) -> Expression:
    """Return a number; it may be Python's where it gets its dtype from others, or has it anyway."""
    has_it = node.op.name == "select" and scalar.dtype in _DEFAULT_DTYPES
    return number(scalar) if has_it or scalar.dtype in others else typed_number(scalar)
