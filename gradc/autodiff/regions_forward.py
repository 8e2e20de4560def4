"""Forward mode of regions: the same region over values and tangents together.

The new region makes what the old one made, then the tangents, so the old one is needed no more.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from gradc.autodiff.activity import Part
from gradc.ir import UNKNOWN, Graph, Node, Origin, TupleType, Value, op_named
from gradc.ir.rebuild import inline, rebuild, redirect

__all__ = ["push_region"]

Push: TypeAlias = Callable[
    [Graph, Mapping[int, Value], Sequence[int]], tuple[dict[int, Value], dict[int, int]]
]


def push_region(
    graph: Graph, node: Node, dots: Mapping[int, Value], part: Part, push: Push
) -> Value:
    """Append the region over values and tangents.

    Returns
    -------
    Value
        A region with the results of ``node``, then the tangents of the active ones.
    """
    slots = [slot for slot, flag in enumerate(part.operands) if flag]
    moved = {slot: _dot(graph, node.operands[slot], dots) for slot in slots}
    if node.op.name == "cond":
        return _push_cond(graph, node, moved, part, push)
    captures = len(node.operands) - node.params["carries"]
    active = [k for k, flag in enumerate(part.items) if flag]
    for item in active:
        slot = captures + item
        moved.setdefault(slot, graph.value(node.operands[slot]).full_like(0.0))
    order = [*(s for s in moved if s < captures), *(captures + k for k in active)]
    body = _with_tangents(node.regions[-1], order, active, push)
    operands = _woven(list(node.operands), [moved[s].id for s in order], captures, order)
    body.inputs = _woven(
        body.inputs[: len(node.operands)], body.inputs[len(node.operands) :], captures, order
    )
    params = {**node.params, "carries": node.params["carries"] + len(active)}
    tests = [_test(region, body, captures, order) for region in node.regions[:-1]]
    return graph.value(graph.add(node.op, tuple(operands), params, (*tests, body)))


def _dot(graph: Graph, id: int, dots: Mapping[int, Value]) -> Value:
    return dots[id] if id in dots else graph.value(id).full_like(0.0)


def _woven(
    values: Sequence[int], tangents: Sequence[int], captures: int, order: Sequence[int]
) -> list[int]:
    """Put tangents of captures after the captures, those of carries after the carries."""
    invariant = sum(slot < captures for slot in order)
    return [*values[:captures], *tangents[:invariant], *values[captures:], *tangents[invariant:]]


def _with_tangents(region: Graph, slots: Sequence[int], items: Sequence[int], push: Push) -> Graph:
    """Return a body with further inputs, tangents of some inputs, and further outputs."""
    graph = rebuild(region)
    made = list(graph.outputs)
    seeds: dict[int, Value] = {}
    for slot in slots:
        id = graph.inputs[slot]
        name = f"{graph.names.get(id, 'x')}_dot"
        seeds[id] = graph.input(name, graph[id].type, Origin(None, tangent_of=id))
    found, replaced = push(graph, seeds, [made[item] for item in items])
    for item in items:
        dot = found.get(made[item])
        if dot is None:
            with graph.at(Origin(None, tangent_of=UNKNOWN)):
                dot = graph.value(made[item]).full_like(0.0)
        graph.outputs.append(dot.id)
    return redirect(graph, replaced)


def _test(test: Graph, body: Graph, captures: int, order: Sequence[int]) -> Graph:
    """Return the test as a graph of all inputs of the body."""
    result = Graph(test.name)
    inputs = [result.input(body.names[id], body[id].type, body[id].origin) for id in body.inputs]
    carries = len(test.inputs) - captures
    start = captures + sum(slot < captures for slot in order)
    operands = [*inputs[:captures], *inputs[start : start + carries]]
    result.outputs = [value.id for value in inline(test, result, operands)]
    return result


def _push_cond(
    graph: Graph, node: Node, moved: Mapping[int, Value], part: Part, push: Push
) -> Value:
    items = [k for k, flag in enumerate(part.items) if flag]
    slots = [slot - 1 for slot in moved]
    regions = tuple(_with_tangents(region, slots, items, push) for region in node.regions)
    operands = (*node.operands, *(dot.id for dot in moved.values()))
    results = TupleType.of_items(regions[0][id].type for id in regions[0].outputs)
    return graph.value(graph.add(op_named("cond"), operands, {"results": results}, regions))
