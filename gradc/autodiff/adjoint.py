"""Reverse mode: the sum-over-children rule.

This module is the chain rule and nothing else.  What would bloat it lives beside it: local
derivatives in the op declarations, masks and zeros in ``cotangent``, which nodes take part in
``activity``, whole functions in ``derive``.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from typing import Any, NamedTuple

from gradc.autodiff.activity import active_nodes
from gradc.autodiff.cotangent import Items, add_terms, pullback
from gradc.autodiff.regions import Recipe
from gradc.autodiff.steep import steep_nodes
from gradc.ir import Graph, Origin, Value
from gradc.records import dataclass

__all__ = ["Adjoints", "Term", "adjoints"]


class Term(NamedTuple):
    """One summand of an adjoint: what came back through operand ``slot`` of ``child``."""

    child: int
    slot: int
    value: Value


@dataclass(slots=True)
class Adjoints:
    """Adjoints on the joint graph, with the summands they were made of.

    ``totals[x]`` is the cotangent of node ``x`` (absent where it is zero); ``terms[x]`` are its
    children's contributions.
    """

    totals: dict[int, Value] = field(default_factory=dict)
    terms: dict[int, list[Term]] = field(default_factory=dict)

    def keep(self, x: int, x_bar: Value | Items, terms: list[Term]) -> None:
        """Write down the adjoint of an array; that of a region is a tuple and has no name."""
        if not isinstance(x_bar, tuple):
            self.totals[x], self.terms[x] = x_bar, terms

    def moved(self, images: Mapping[int, Value]) -> "Adjoints":
        """Return the same record on a graph that another one was rebuilt to."""

        def term(one: Term) -> Term:
            return Term(images[one.child].id, one.slot, images[one.value.id])

        kept = [x for x, bar in self.totals.items() if x in images and bar.id in images]
        terms = {
            images[x].id: [term(t) for t in self.terms[x] if {t.child, t.value.id} <= images.keys()]
            for x in kept
        }
        return Adjoints({images[x].id: images[self.totals[x].id] for x in kept}, terms)


def adjoints(
    graph: Graph,
    seeds: Mapping[int, Value],
    wrt: Sequence[int],
    recipes: Mapping[int, Recipe] | None = None,
    *,
    before: Collection[int] = (),
) -> Adjoints:
    """Append the adjoint of every node between ``wrt`` and the seeded outputs.

        x_bar = seed(x) + sum over (child, slot) in uses(x) of pullback(child)[slot]

    Children come after their operands, so walking backwards meets every child before ``x``.  The
    adjoint of a region is a tuple, pulled back by its recipe (see ``augment``).  ``before`` are
    positions of inputs whose derivatives by what is before them may be infinite.
    """
    record, pulled = Adjoints(), dict[int, Sequence[Any]]()
    steep = steep_nodes(graph, before)
    for x in reversed(active_nodes(graph, wrt, seeds)):
        terms = [
            Term(child, slot, value)
            for child, slot in graph.uses(x)
            if child in pulled and (value := pulled[child][slot]) is not None
        ]
        with _backward(graph, x):
            x_bar = add_terms([seeds.get(x), *(term.value for term in terms)])
            if x_bar is not None:
                pulled[x] = pullback(graph, x, x_bar, recipes, steep)
                record.keep(x, x_bar, terms)
    _name(graph, record)
    return record


def _backward(graph: Graph, x: int) -> AbstractContextManager[None]:
    """Mark nodes added inside the block as adjoint to ``x``."""
    origin = graph[x].origin
    return graph.at(Origin(origin.span, adjoint_of=x, again=origin.again))


def _name(graph: Graph, record: Adjoints) -> None:
    """Call the adjoint of the user's ``h`` ``h_bar``, where it is a node of the backward part."""
    for x, x_bar in record.totals.items():
        name = graph.names.get(x)
        if name is not None and graph[x_bar.id].origin.adjoint_of is not None:
            graph.rename(x_bar.id, f"{name}_bar")
