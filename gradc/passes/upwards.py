"""Loops that count down through their arrays, counted the other way."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from gradc.ir import DimExpr, Graph, Node, Symbol
from gradc.ir.rebuild import bound

__all__ = ["upwards"]


def upwards(node: Node) -> Node:
    """Return a loop whose index, if it stands with a minus in every place, stands with a plus.

    ``x[n - 1 - k]`` for k from 0 is ``x[k]`` for k from n - 1: the turns keep their order.
    """
    index, count = node.params["index"], node.params["count"]
    falls = {
        factor < 0
        for place in _places(node.regions[0])
        for monomial, factor in place.terms
        if any(symbol == index for symbol, _ in monomial)
    }
    if falls != {True}:
        return node
    body = bound(node.regions[0], {index: count - 1 - index.expr()})
    params = {**node.params, "reverse": not node.params["reverse"]}
    return Node(node.id, node.op, node.operands, params, (body,), node.type, node.origin)


def _places(graph: Graph) -> Iterator[DimExpr]:
    """Yield the integer expressions of a graph, those of inner regions included."""
    for node in graph.nodes:
        yield from _expressions(node.params)
        for region in node.regions:
            yield from _places(region)


def _expressions(value: Any) -> Iterator[DimExpr]:
    if isinstance(value, DimExpr):
        yield value
    elif isinstance(value, Mapping):
        yield from _expressions(tuple(value.values()))
    elif is_dataclass(value) and not isinstance(value, type | Symbol):
        yield from _expressions(tuple(getattr(value, field.name) for field in fields(value)))
    elif isinstance(value, tuple):
        for item in value:
            yield from _expressions(item)
