"""What only C gains by, once no derivative will be taken any more."""

from collections.abc import Callable
from dataclasses import replace

from gradc.ir import Graph, Node, Program, Value
from gradc.ir.rebuild import copy_node, rebuild
from gradc.passes.factors import OF_FACTORS, by_factors
from gradc.passes.powers import whole_power
from gradc.passes.simplify import simplify
from gradc.passes.vectorize import vectorized

__all__ = ["for_c"]

_FORMS: dict[str, Callable[[Node, tuple[Value, ...]], Value | None]] = {
    "power": whole_power,
    **dict.fromkeys(("solve", *OF_FACTORS), by_factors),
}
"""By op: what makes another form of a node, from its operands; None where it stays."""


def for_c(program: Program, *, sparing: bool = False) -> Program:
    """Return the program as it is lowered to loops.

    Maps with large products are products of matrices (with ``sparing`` only as far as that keeps
    nothing more), systems go by factors of their matrices, and whole powers are multiplied out.
    """
    program = vectorized(program, heavy=True, sparing=sparing)
    if not _has_forms(program.graph):
        return program
    graph, count = _in_forms(program.graph)
    return replace(program, graph=simplify(graph, final=True)) if count else program


def _has_forms(graph: Graph) -> bool:
    return any(node.op.name in _FORMS or any(map(_has_forms, node.regions)) for node in graph.nodes)


def _in_forms(graph: Graph) -> tuple[Graph, int]:
    """Return a graph with other forms of its nodes, and of how many."""
    counts = [0]

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        form = _FORMS.get(node.op.name)
        made = form(node, operands) if form is not None else None
        if made is not None:
            counts[0] += 1
            return made
        if not node.regions:
            return copy_node(target, node, operands)
        inner = [_in_forms(region) for region in node.regions]
        counts[0] += sum(count for _, count in inner)
        regions = tuple(region for region, _ in inner)
        ids = tuple(v.id for v in operands)
        return target.value(target.add(node.op, ids, node.params, regions))

    return rebuild(graph, visit), counts[0]
