"""Evaluate a graph node by node with NumPy: the oracle that shares nothing with the printers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.ir.graph import Graph
from gradc.ir.op import Kind

__all__ = ["interpret", "interpret_all"]


def interpret_all(graph: Graph, arguments: Sequence[Any]) -> list[np.ndarray | None]:
    """Return the value of every node that the outputs need, None for the others."""
    live = graph.live()
    given = dict(zip(graph.inputs, arguments, strict=True))
    values: list[np.ndarray | None] = [None] * len(graph)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node.op.kind is Kind.INPUT:
                if node.id in given:
                    values[node.id] = np.asarray(given[node.id], dtype=node.type.dtype)
            elif live[node.id]:
                operands = [values[i] for i in node.operands]
                result = node.op.evaluate(*operands, **node.params)
                values[node.id] = np.asarray(result)
    return values


def interpret(graph: Graph, *arguments: Any) -> list[np.ndarray]:
    """Return the outputs of the graph for arguments given in input order."""
    values = interpret_all(graph, arguments)
    return [values[id] for id in graph.outputs]  # type: ignore[misc]
