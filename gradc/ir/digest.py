"""A hash of what a graph means, for cache keys: the same in every process and Python version."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from gradc.ir.dims import Symbol
from gradc.ir.graph import Graph
from gradc.ir.node import Literal, Node
from gradc.ir.op import Op
from gradc.ir.types import ArrayType

__all__ = ["digest"]


def digest(graph: Graph) -> str:
    """Return the SHA-256 of the canonical form: live nodes, renumbered, without spans.

    Names count because they shape the generated source, and so do the C templates of the ops, which
    may be declared outside gradc.
    """
    sha = hashlib.sha256()
    for row in _rows(graph):
        sha.update(row.encode())
        sha.update(b"\n")
    return sha.hexdigest()


def _rows(graph: Graph) -> Iterator[str]:
    live = graph.live()
    number: dict[int, int] = {}
    declared: set[Op] = set()
    for id in graph.inputs:
        number[id] = len(number)
    yield f"graph {graph.name} {len(graph.inputs)}"
    for node in graph.nodes:
        if not live[node.id] and node.id not in number:
            continue
        number.setdefault(node.id, len(number))
        if node.op.c and node.op not in declared:
            declared.add(node.op)
            yield f"op {node.op.name} {node.op.c!r}"
        yield _row(graph, node, number)
        for region in node.regions:
            yield from _rows(region)
    yield "return " + " ".join(str(number[i]) for i in graph.outputs)


def _row(graph: Graph, node: Node, number: dict[int, int]) -> str:
    operands = " ".join(str(number[i]) for i in node.operands)
    params = " ".join(f"{k}={_canonical(v)}" for k, v in sorted(node.params.items()))
    name = graph.names.get(node.id, "")
    section = "adjoint" if node.origin.adjoint_of is not None else ""
    return f"{number[node.id]} {node.op.name} ({operands}) {params} {node.type} {name!r} {section}"


def _canonical(value: Any) -> str:
    """Text of a parameter that depends on nothing but its value."""
    if isinstance(value, Literal):
        return f"{value.dtype}{value.shape}{value.data.hex()}"
    if isinstance(value, tuple):
        return "(" + ",".join(_canonical(v) for v in value) + ")"
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, np.dtype | ArrayType | bool | int | Fraction | str) or value is None:
        return str(value)
    if isinstance(value, Symbol):
        return "Symbol" + _canonical((value.name, value.role))
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:
        return type(value).__name__ + _canonical(tuple(getattr(value, f) for f in fields))
    raise TypeError(f"a parameter of type {type(value).__name__} has no canonical form")
