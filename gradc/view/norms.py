"""How an adjoint shrinks or grows on its way back through a deep chain.

One row for each step, from the loss back: the norm of the value, the norm of its adjoint, and the
factor by which that norm changed since the step before.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.autodiff.adjoint import Adjoints
from gradc.ir import Graph
from gradc.ir.interpret import interpret_all
from gradc.records import dataclass
from gradc.view.formula import label_nodes
from gradc.view.text import place, table

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

    Inputs are steps only where a later value has the same name, as in ``h = np.tanh(w * h)``.
    """
    labels = label_nodes(graph, adjoints.totals)
    named = [id for id in sorted(adjoints.totals, reverse=True) if id in labels]
    wanted = _steps(graph, named, name)
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


def _steps(graph: Graph, named: Sequence[int], name: str | None) -> list[int]:
    """Choose the rows: by name, or all but the inputs that no later value shares its name with."""
    if name is not None:
        return [id for id in named if graph.names[id] == name]
    made = {graph.names[id] for id in named if id not in graph.inputs}
    return [id for id in named if graph.names[id] in made]


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
    """Say whether the gradient vanishes or explodes, between which steps, and by how much."""
    sizes = [row.adjoint for row in rows]
    fall, growth = _steepest(sizes, falling=True), _steepest(sizes, falling=False)
    found = []
    if fall is not None and sizes[fall[1]] <= _VANISHING * sizes[fall[0]]:
        found.append(_change("vanishing", rows, *fall))
    if growth is not None and not sizes[growth[1]] < _EXPLODING * sizes[growth[0]]:
        found.append(_change("exploding", rows, *growth))
    if not found and len(rows) > 1:
        found.append(_change("steady", rows, 0, len(rows) - 1))
    return found


def _steepest(sizes: Sequence[float], *, falling: bool) -> tuple[int, int] | None:
    """Return the two steps between which the norm falls (or grows) by the largest factor."""
    best, found, start = 1.0, None, 0
    for at, size in enumerate(sizes):
        before = sizes[start]
        if (size >= before) if falling else (size <= before):
            start = at
            continue
        factor = (size / before) if falling else (before / size)
        if factor < best:
            best, found = factor, (start, at)
    return found


def _change(word: str, rows: Sequence[StepNorm], start: int, end: int) -> str:
    first, last = rows[start], rows[end]
    text = f"{word}: from {first.adjoint:.4g} at step {first.step}"
    text += f" to {last.adjoint:.4g} at step {last.step}"
    if not first.adjoint or not last.adjoint or not np.isfinite(last.adjoint / first.adjoint):
        return text
    each = (last.adjoint / first.adjoint) ** (1 / (last.step - first.step))
    return f"{text}, a factor of {each:.4g} a step"
