"""Evaluate a graph node by node with NumPy: the oracle that shares nothing with the printers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradc.errors import LimitError
from gradc.ir.bind import bind, bind_params
from gradc.ir.dims import Symbol
from gradc.ir.graph import Graph
from gradc.ir.node import Node
from gradc.ir.op import Kind

__all__ = ["interpret", "interpret_all"]

Symbols = Mapping[Symbol, int]


def interpret_all(
    graph: Graph, arguments: Sequence[Any], symbols: Symbols | None = None
) -> list[Any]:
    """Return the value of every node that the outputs need, None for the others.

    ``symbols`` are the values of sizes and loop indices; a region gives a tuple.
    """
    live = graph.live()
    symbols = symbols or {}
    given = dict(zip(graph.inputs, arguments, strict=True))
    values: list[Any] = [None] * len(graph)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node.op.kind is Kind.INPUT:
                if node.id in given:
                    values[node.id] = np.asarray(given[node.id], dtype=node.type.dtype)
            elif live[node.id]:
                operands = [values[i] for i in node.operands]
                values[node.id] = _evaluate(node, operands, symbols)
    return values


def interpret(graph: Graph, *arguments: Any) -> list[np.ndarray]:
    """Return the outputs of the graph for arguments given in input order."""
    return _outputs(graph, arguments, {})


def _outputs(graph: Graph, arguments: Sequence[Any], symbols: Symbols) -> list[Any]:
    values = interpret_all(graph, arguments, symbols)
    return [values[id] for id in graph.outputs]


def _evaluate(node: Node, operands: list[Any], symbols: Symbols) -> Any:
    if node.regions:
        return tuple(_REGIONS[node.op.name](node, operands, symbols))
    params = bind_params(node.params, symbols) if symbols else node.params
    return np.asarray(node.op.evaluate(*operands, **params))


def _run_loop(node: Node, operands: list[Any], symbols: Symbols) -> list[Any]:
    """Turn after turn, with the index bound to its value."""
    split = len(operands) - node.params["carries"]
    captures, carried = operands[:split], operands[split:]
    turns = range(bind(node.params["count"], symbols))
    for turn in reversed(turns) if node.params["reverse"] else turns:
        inner = {**symbols, node.params["index"]: turn}
        carried = _outputs(node.regions[0], [*captures, *carried], inner)
    return carried


def _run_while(node: Node, operands: list[Any], symbols: Symbols) -> list[Any]:
    split = len(operands) - node.params["carries"]
    captures, carried = operands[:split], operands[split:]
    test, body = node.regions
    for turn in range(node.params["limit"] + 1):
        if not _outputs(test, [*captures, *carried], symbols)[0]:
            return carried
        if turn < node.params["limit"]:
            carried = _outputs(body, [*captures, *carried], symbols)
    whole = node.params.get("whole", node.params["limit"])
    raise LimitError(f"the loop runs more than {whole} times", span=node.origin.span)


def _run_cond(node: Node, operands: list[Any], symbols: Symbols) -> list[Any]:
    condition, *captures = operands
    return _outputs(node.regions[0 if condition else 1], captures, symbols)


_REGIONS = {"loop": _run_loop, "while_loop": _run_while, "cond": _run_cond}
