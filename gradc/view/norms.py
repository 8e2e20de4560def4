"""How an adjoint shrinks or grows on its way back through a deep chain.

One row for each step, from the loss back: the norm of the value, the norm of its adjoint, and the
factor by which that norm changed since the step before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc.autodiff.adjoint import Adjoints
from gradc.ir import Graph
from gradc.ir.interpret import interpret_all
from gradc.view.formula import label_nodes
from gradc.view.text import count_text, place, table

__all__ = ["StepNorm", "norms", "step_norms"]

_VANISHING = 1e-3
_EXPLODING = 1e3


@dataclass(frozen=True, slots=True)
class StepNorm:
    """One named value of the chain; ``step`` counts back from the loss."""

    step: int
    name: str
    where: str
    value: float
    adjoint: float
    ratio: float | None


def step_norms(
    graph: Graph, adjoints: Adjoints, arguments: Sequence[Any], name: str | None = None
) -> list[StepNorm]:
    """Return Euclidean norms along the way back; ``name`` keeps one of the user's names only.

    Inputs and outputs are left out unless they are asked for by name: they are not steps.
    """
    labels = label_nodes(graph, adjoints.totals)
    wanted = [id for id in sorted(adjoints.totals, reverse=True) if id in labels]
    wanted = [id for id in wanted if _is_step(graph, id, name)]
    bars = [adjoints.totals[id].id for id in wanted]
    values = _evaluate(graph, [*wanted, *bars], arguments)
    rows: list[StepNorm] = []
    for step, (id, bar) in enumerate(zip(wanted, bars, strict=True)):
        size = _norm(values[bar])
        ratio = size / rows[-1].adjoint if rows and rows[-1].adjoint else None
        where = place(graph[id].origin.span)
        rows.append(StepNorm(step, labels[id], where, _norm(values[id]), size, ratio))
    return rows


def norms(
    graph: Graph, adjoints: Adjoints, arguments: Sequence[Any], name: str | None = None
) -> str:
    """Return the table as text, ending with a verdict.

    Parameters
    ----------
    graph, adjoints
        The joint graph before simplification and its record.
    arguments : sequence of arrays
        One for each input of the graph.
    name : str, optional
        Only values that the user called so: the ``h`` of a repeated step.
    """
    rows = step_norms(graph, adjoints, arguments, name)
    head = ("step", "name", "line", "|value|", "|adjoint|", "ratio")
    cells = [_cells(row) for row in rows]
    return "\n".join([*table([head, *cells], right=(0, 3, 4, 5)), *_verdict(rows)]) + "\n"


def _is_step(graph: Graph, id: int, name: str | None) -> bool:
    if name is not None:
        return graph.names[id] == name
    return id not in graph.inputs and id not in graph.outputs


def _evaluate(
    graph: Graph, ids: Sequence[int], arguments: Sequence[Any]
) -> list[np.ndarray | None]:
    """Evaluate some nodes without changing the graph's outputs for good."""
    outputs, graph.outputs = graph.outputs, sorted(set(ids))
    try:
        return interpret_all(graph, arguments)
    finally:
        graph.outputs = outputs


def _norm(value: np.ndarray | None) -> float:
    """Return the Euclidean norm of all elements, without overflow on the way."""
    if value is None or not value.size:
        return 0.0
    flat = np.abs(value.astype(np.float64).ravel())
    top = float(flat.max())
    if top == 0.0 or not np.isfinite(top):
        return top
    return top * float(np.sqrt(np.sum(np.square(flat / top))))


def _cells(row: StepNorm) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.4g}"
    numbers = (f"{row.value:.4g}", f"{row.adjoint:.4g}", ratio)
    return (str(row.step), row.name, row.where, *numbers)


def _verdict(rows: Sequence[StepNorm]) -> list[str]:
    """Say whether the gradient vanishes or explodes, and by how much a step."""
    if len(rows) < 2:
        return []
    first, last, steps = rows[0].adjoint, rows[-1].adjoint, len(rows) - 1
    if not first or not np.isfinite(last):
        return [f"from {first:.4g} to {last:.4g} in {count_text(steps, 'step')}"]
    whole = last / first
    word = "vanishing" if whole < _VANISHING else "exploding" if whole > _EXPLODING else "steady"
    change = f"from {first:.4g} to {last:.4g} in {count_text(steps, 'step')}"
    return [f"{word}: {change}, a factor of {whole ** (1 / steps):.4g} a step"]
