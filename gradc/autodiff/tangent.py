"""Forward mode: the mirror of the sum-over-children rule.

A sum over operands::

    y_dot = sum over (slot, x) in operands(y) of partial(y, slot) * x_dot
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from gradc.autodiff.activity import Part, activity
from gradc.autodiff.cotangent import ZERO, Cotangent, add_terms, refuse, scale
from gradc.autodiff.regions_forward import push_region
from gradc.ir import (
    Graph,
    Kind,
    Linear,
    Node,
    Origin,
    Partials,
    Value,
    ZeroDerivative,
    is_float,
    op_named,
)

__all__ = ["tangents", "tangents_and_copies"]


def tangents(graph: Graph, seeds: Mapping[int, Value], outputs: Sequence[int]) -> dict[int, Value]:
    """Append the tangent of every node between the seeded inputs and ``outputs``.

    Returns the tangents by node; absent means zero.
    """
    return tangents_and_copies(graph, seeds, outputs)[0]


def tangents_and_copies(
    graph: Graph, seeds: Mapping[int, Value], outputs: Sequence[int]
) -> tuple[dict[int, Value], dict[int, int]]:
    """Append tangents; return them, and what may stand for results of regions.

    A region that makes values and tangents makes the values of the old one again: the second result
    maps the old ones to those, for ``redirect``.
    """
    found: dict[int, Value] = dict(seeds)
    replaced: dict[int, int] = {}
    active = activity(graph, list(seeds), outputs)
    pushed: dict[int, Value] = {}
    for id in active.nodes:
        if id in found:
            continue
        node = graph[id]
        with _forward(graph, node):
            if node.regions:
                pushed[id] = push_region(graph, node, found, active.parts[id], tangents_and_copies)
                replaced |= _copies(graph, node, pushed[id])
                continue
            if node.op.name == "project":
                source, item = node.operands[0], node.params["item"]
                dot: Cotangent = _tangent_item(pushed[source], active.parts[source], item)
            else:
                dot = push(graph, node, [found.get(i) for i in node.operands])
        if dot is not None:
            found[id] = dot
            name = graph.names.get(id)
            if name is not None and graph[dot.id].origin.tangent_of is not None:
                graph.rename(dot.id, f"{name}_dot")
    return found, replaced


def _copies(graph: Graph, node: Node, pushed: Value) -> dict[int, int]:
    """Map the results of a region to the same results of the one with tangents."""
    return {
        child: op_named("project")(pushed, item=graph[child].params["item"]).id
        for child, _ in graph.uses(node.id)
    }


def _tangent_item(pushed: Value, part: Part, item: int) -> Value:
    place = len(part.items) + sum(part.items[:item])
    return op_named("project")(pushed, item=place)


def _forward(graph: Graph, node: Node) -> AbstractContextManager[None]:
    return graph.at(Origin(node.origin.span, tangent_of=node.id, again=node.origin.again))


def push(graph: Graph, node: Node, dots: Sequence[Cotangent]) -> Cotangent:
    """Return the tangent of a node from those of its operands."""
    rule = node.op.derivative
    operands = graph.values(node.operands)
    if isinstance(rule, ZeroDerivative) or not is_float(node.type.dtype):
        return ZERO
    if isinstance(rule, Partials):
        partials = rule.fn(graph.value(node.id), *operands)
        return add_terms([scale(dot, p) for dot, p in zip(dots, partials, strict=True)])
    if isinstance(rule, Linear):
        slots = rule.slots if rule.slots is not None else tuple(range(len(operands)))
        by_slot = {s: d for s in slots if (d := dots[s]) is not None}
        several = _each if node.op.kind is Kind.CONTRACTION else _together
        return several(node, slots, by_slot, operands)
    if rule is None:
        raise refuse(graph, node)
    return rule.jvp(dots, graph.value(node.id), *operands, **node.params)


def _each(
    node: Node, slots: Sequence[int], dots: Mapping[int, Value], operands: Sequence[Value]
) -> Cotangent:
    """Linear in each operand alone: one term for each operand that moves."""
    terms: list[Cotangent] = []
    for slot, dot in dots.items():
        changed = [dot if i == slot else x for i, x in enumerate(operands)]
        terms.append(node.op(*changed, **node.params))
    return add_terms(terms)


def _together(
    node: Node, slots: Sequence[int], dots: Mapping[int, Value], operands: Sequence[Value]
) -> Cotangent:
    """Linear in the operands together: apply the op to the tangents, zero where there is none."""
    if not dots:
        return ZERO
    changed = [dots.get(i, x.full_like(0.0)) if i in slots else x for i, x in enumerate(operands)]
    return node.op(*changed, **node.params)
