"""The chain rule applied to one function, told in the user's names and with numbers.

For every named value: its adjoint as the sum of its children's contributions, and along each
contribution the local derivatives up to the next named value::

    z = w * x + b                        neuron.py:4   f8[]   value 0
      z_bar = a_bar * (a * (1 - a))      via a = 1 / (1 + np.exp(-z))   -0.25
              a * (1 - a)                local derivative                0.25
      total                                                             -0.25

The record is what `autodiff.adjoint` writes down on the joint graph before simplification.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradc.autodiff.adjoint import Adjoints, Term
from gradc.ir import ArrayType, Graph, Partials, Value
from gradc.ir.interpret import interpret_all
from gradc.ir.rebuild import transfer
from gradc.records import dataclass
from gradc.spans import Span
from gradc.view.formula import Formulas, label_nodes
from gradc.view.text import place, short, table

__all__ = ["Contribution", "Explained", "Step", "explain", "explained"]

_PATH = 12
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Step:
    """One local derivative on the way from a value to a child: a formula and its value."""

    formula: str
    value: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one child adds to an adjoint.

    Parameters
    ----------
    formula : str
        The contribution in named values: ``a_bar * (a * (1 - a))``.
    via : str
        The child: ``a = 1 / (1 + np.exp(-z))``, or ``seed``.
    steps : tuple of Step
        Local derivatives that are not 1, up to the next named value.
    value : ndarray or None
        Its value, when arguments were given.
    """

    formula: str
    via: str
    steps: tuple[Step, ...]
    value: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """A named value, its adjoint and what that is made of."""

    name: str
    formula: str
    type: ArrayType
    span: Span | None
    contributions: tuple[Contribution, ...]
    value: np.ndarray | None = None
    adjoint: np.ndarray | None = None


def explain(graph: Graph, adjoints: Adjoints, arguments: Sequence[Any] | None = None) -> str:
    """Return the report as text, from the outputs back to the inputs.

    Parameters
    ----------
    graph : Graph
        The joint graph, before simplification.
    adjoints : Adjoints
        The summands of every adjoint on that graph.
    arguments : sequence of arrays, optional
        One for each input of the graph; with them the report holds numbers.
    """
    return "\n".join("\n".join(_block(found)) for found in explained(graph, adjoints, arguments))


def explained(
    graph: Graph, adjoints: Adjoints, arguments: Sequence[Any] | None = None
) -> list[Explained]:
    """Return the same as records, one for each named value that has an adjoint."""
    return _Explainer(graph, adjoints).run(arguments)


class _Explainer:
    """Works on a copy of the graph, to which local derivatives are added."""

    def __init__(self, graph: Graph, adjoints: Adjoints) -> None:
        self.graph, self.adjoints = _copy(graph), adjoints
        self.outputs = set(graph.outputs)
        self.labels = label_nodes(graph, adjoints.totals)
        self.formulas = Formulas(self.graph, self.labels)
        self.values: list[np.ndarray | None] = []

    def run(self, arguments: Sequence[Any] | None) -> list[Explained]:
        totals = self.adjoints.totals
        named = sorted((id for id in totals if id in self.labels), reverse=True)
        paths = {id: [self._path(id, term) for term in self.adjoints.terms[id]] for id in named}
        self.values = self._evaluate(named, paths, arguments)
        return [self._explained(id, paths[id]) for id in named]

    def _path(self, id: int, term: Term) -> "_Path":
        """Follow a contribution through unnamed values to the next named one."""
        steps: list[Value | float] = []
        plain = True
        child, slot = term.child, term.slot
        for _ in range(_PATH):
            plain &= isinstance(self.graph[child].op.derivative, Partials)
            step = self._local(child, slot)
            if step is not None:
                steps.append(step)
            terms = self.adjoints.terms.get(child, [])
            if child in self.labels or child in self.outputs or len(terms) != 1:
                break
            child, slot = terms[0].child, terms[0].slot
        return _Path(term, child, plain, tuple(steps))

    def _local(self, child: int, slot: int) -> Value | float | None:
        """Return the local derivative of an elementwise child, None where it is 1 or none."""
        node = self.graph[child]
        if not isinstance(node.op.derivative, Partials):
            return None
        found = node.op.derivative.fn(self.graph.value(child), *self.graph.values(node.operands))
        partial: Value | float | None = found[slot]
        return None if isinstance(partial, int | float) and partial == 1 else partial

    def _evaluate(
        self, named: list[int], paths: "dict[int, list[_Path]]", arguments: Sequence[Any] | None
    ) -> list[np.ndarray | None]:
        if arguments is None:
            return [None] * len(self.graph)
        wanted = set(named)
        for id in named:
            wanted.add(self.adjoints.totals[id].id)
            for path in paths[id]:
                wanted.add(path.term.value.id)
                wanted |= {step.id for step in path.steps if isinstance(step, Value)}
        self.graph.outputs = sorted(wanted)
        return interpret_all(self.graph, arguments)

    def _explained(self, id: int, paths: "list[_Path]") -> Explained:
        node, total = self.graph[id], self.adjoints.totals[id].id
        found = [self._contribution(id, path, total) for path in paths]
        if id in self.outputs:
            seed = "seed" if found else self.formulas.of(total)
            value = None if found else self.values[total]
            found.insert(0, Contribution(seed, "seed", (), value))
        return Explained(
            self.labels[id],
            self.formulas.of(id),
            node.type,
            node.origin.span,
            tuple(found),
            self.values[id],
            self.values[total],
        )

    def _contribution(self, id: int, path: "_Path", total: int) -> Contribution:
        steps = tuple(self._step(step) for step in path.steps)
        steps += self._product(id, path, steps)
        via, value = self.formulas.of(path.child), path.term.value.id
        label = self.labels.get(path.child)
        own = value == total and self.labels.get(value) == f"{self.labels[id]}_bar"
        text = self.formulas.of(value) if own else self.formulas.name(value)
        return Contribution(
            text, _cut(f"{label} = {via}" if label else via), steps, self.values[value]
        )

    def _step(self, step: Value | float) -> Step:
        if isinstance(step, Value):
            return Step(self.formulas.name(step.id), self.values[step.id])
        return Step(
            f"{step:g}", np.asarray(step) if any(v is not None for v in self.values) else None
        )

    def _product(self, id: int, path: "_Path", steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Return the product of several local derivatives, where elements meet one to one."""
        if len(steps) < 2 or not path.elementwise:
            return ()
        name = self.formulas.name(path.child)
        formula = f"d {name} / d {self.labels[id]}" if path.child in self.labels else "product"
        values = [step.value for step in steps if step.value is not None]
        with np.errstate(all="ignore"):
            whole = np.asarray(math.prod(values)) if len(values) == len(steps) else None
        return (Step(formula, whole),)


@dataclass(frozen=True, slots=True)
class _Path:
    """A contribution, the next named value on its way, and the local derivatives up to there."""

    term: Term
    child: int
    elementwise: bool
    steps: tuple[Value | float, ...]


def _copy(graph: Graph) -> Graph:
    """Copy a graph node by node, so that every id stays what it was."""
    copy = Graph(graph.name)
    transfer(graph, copy, {}, [True] * len(graph))
    copy.inputs = list(graph.inputs)
    return copy


def _block(found: Explained) -> list[str]:
    """Return the lines about one named value."""
    head = found.name if found.formula == found.name else f"{found.name} = {found.formula}"
    parts = [head, place(found.span), str(found.type)]
    if found.value is not None:
        parts.append(f"value {short(found.value)}")
    rows = list(_rows(found))
    return ["   ".join(part for part in parts if part), *table(rows, margin="  "), ""]


def _rows(found: Explained) -> Iterator[tuple[str, str, str]]:
    name = f"{found.name}_bar"
    lead = f"{name} = "
    for number, part in enumerate(found.contributions):
        via = part.via if part.via == "seed" else f"via {part.via}"
        yield (
            (lead if number == 0 else "+ ".rjust(len(lead))) + part.formula,
            via,
            _number(part.value),
        )
        for step in part.steps:
            yield " " * len(lead) + step.formula, "local derivative", _number(step.value)
    if found.adjoint is not None:
        yield "total", "", _number(found.adjoint)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _number(value: np.ndarray | None) -> str:
    return "" if value is None else short(value)
