"""Regions without ballast: what loops and branches carry, capture and compute in vain.

Carries that nobody needs are dropped, carries that never change become captures, what does not
change from turn to turn is computed before the loop, loops of no or one turn are dissolved, and
sums into carried arrays are made in place (``updates``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any

from gradc.ir import Graph, Kind, Node, Symbol, TupleType, Value, op_named
from gradc.ir.bind import bind_params
from gradc.ir.rebuild import bound, copy_input, copy_node, inline, needed, transfer
from gradc.passes.clears import take_apart
from gradc.passes.counting import counted
from gradc.passes.loosen import loosen, turn_of
from gradc.passes.quiet import quiet_nodes
from gradc.passes.restores import keep_restored
from gradc.passes.rewrite import literal
from gradc.passes.steady import steady_in
from gradc.passes.updates import update_in_place
from gradc.passes.worth import is_dear, matrices_of_formulas, turned_for_systems
from gradc.records import dataclass

__all__ = ["has_regions", "tidy_regions"]


def has_regions(graph: Graph) -> bool:
    """Tell whether a graph holds loops or branches."""
    return any(node.regions for node in graph.nodes)


def tidy_regions(graph: Graph) -> Graph:
    """Return an equivalent graph with leaner regions."""
    return _Tidy(graph).run()


class _Tidy:
    """Rebuilds one graph; ``results`` holds what stands for the results of each region."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.live = graph.live()
        self.used: dict[int, set[int]] = {}
        self.results: dict[int, dict[int, Value]] = {}
        for node in graph.nodes:
            if node.op.name == "project" and self.live[node.id]:
                self.used.setdefault(node.operands[0], set()).add(node.params["item"])

    def run(self) -> Graph:
        """Return the new graph."""
        result = Graph(self.graph.name)
        images: dict[int, Value] = {}
        for id in self.graph.inputs:
            images[id] = copy_input(self.graph, id, result)
        transfer(self.graph, result, images, self.live, self._visit)
        result.outputs = [images[id].id for id in self.graph.outputs]
        return result

    def _visit(self, target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "project":
            return self.results[node.operands[0]][node.params["item"]]
        if not node.regions:
            return copy_node(target, node, operands)
        regions = [tidy_regions(region) for region in node.regions]
        used = self.used.get(node.id, set())
        tidy = _tidy_cond if node.op.name == "cond" else _tidy_loop
        self.results[node.id] = tidy(target, node, regions, list(operands), used)
        return operands[0]


@dataclass(slots=True)
class _Loop:
    """A loop while it is taken apart: operands and the inputs of the body that stand for them.

    Carries that are ``free`` start each turn as they are before the loop, and are left the same by
    each.
    The test of a loop with a condition has the same inputs as the body, by position.
    """

    node: Node
    body: Graph
    test: Graph | None
    captures: list[tuple[int, Value]]
    carries: dict[int, tuple[int, Value]]
    free: dict[int, tuple[int, Value]] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether it is certain that the body runs."""
        return isinstance(self.node.params.get("count"), int)

    def live_inputs(self, items: Iterable[int]) -> list[bool]:
        """Tell which inputs some outputs of the body, and the test, need."""
        reached = needed(self.body, [self.body.outputs[item] for item in items])
        flags = [reached[id] for id in self.body.inputs]
        if self.test is not None:
            asked = needed(self.test, self.test.outputs)
            flags = [a or asked[id] for a, id in zip(flags, self.test.inputs, strict=True)]
        return flags


def _tidy_loop(
    target: Graph, node: Node, regions: list[Graph], operands: list[Value], used: set[int]
) -> dict[int, Value]:
    """Add a lean loop; return what stands for the results that are used."""
    count = node.params.get("count")
    captures = len(operands) - node.params["carries"]
    if count == 0:
        return {item: operands[captures + item] for item in used}
    if count == 1:
        once = bound(regions[0], {node.params["index"]: 0})
        results = inline(once, target, operands)
        return {item: results[item] for item in used}
    loop = _Loop(
        node,
        regions[-1],
        regions[0] if len(regions) > 1 else None,
        list(enumerate(operands[:captures])),
        {k: (captures + k, v) for k, v in enumerate(operands[captures:])},
    )
    found = _settle_carries(loop, used)
    if not loop.carries:
        return found
    if loop.test is not None:
        numbers = counted(loop.body, loop.test, loop.carries, dict(loop.captures))
        if numbers is not None:
            return {**found, **{k: v for k, v in numbers.items() if k in used}}
    _loosen(loop)
    made = _add_lean(target, loop)
    return {**found, **{k: v for k, v in made.items() if k in used}}


def _settle_carries(loop: _Loop, used: set[int]) -> dict[int, Value]:
    """Drop carries that nobody needs; make captures of those that do not change."""
    needed = set(used)
    while True:
        flags = loop.live_inputs(needed)
        more = {k for k, (position, _) in loop.carries.items() if flags[position]} | needed
        if more == needed:
            break
        needed = more
    found: dict[int, Value] = {}
    for item, (position, value) in list(loop.carries.items()):
        if item not in needed:
            del loop.carries[item]
        elif loop.body.outputs[item] == loop.body.inputs[position]:
            del loop.carries[item]
            loop.captures.append((position, value))
            found[item] = value
    loop.captures = [(k, value) for k, value in loop.captures if flags[k]]
    return {item: value for item, value in found.items() if item in used}


def _loosen(loop: _Loop) -> None:
    """Take inner loops apart, and set carries free."""
    captures = [position for position, _ in loop.captures]
    body, free = loosen(loop.node, loop.body, captures, loop.carries)
    loop.body = body
    for item in sorted(free):
        loop.free[item] = loop.carries.pop(item)
        loop.captures.append(loop.free[item])


def _add_lean(target: Graph, loop: _Loop) -> dict[int, Value]:
    """Add the loop with what is left of it."""
    hoisted = _hoist(target, loop)
    left = {item: hoisted[loop.body.outputs[item]] for item in loop.free}
    if not loop.carries:
        return left
    body, taken = _lean_body(loop, hoisted)
    body = update_in_place(body, len(taken))
    body = keep_restored(body)
    body = take_apart(body, _zero_inputs(loop, len(taken)))
    regions = (body,) if loop.test is None else (_lean_test(loop, taken, body), body)
    operands = [*(value for _, value in taken), *(value for _, value in loop.carries.values())]
    params = {**loop.node.params, "carries": len(loop.carries)}
    image = target.value(target.add(loop.node.op, tuple(v.id for v in operands), params, regions))
    project = op_named("project")
    return {**left, **{item: project(image, item=k) for k, item in enumerate(loop.carries)}}


def _zero_inputs(loop: _Loop, captures: int) -> set[int]:
    """Return the inputs of the lean body whose carries start from zeros."""
    starts = [value for _, value in loop.carries.values()]
    return {captures + k for k, value in enumerate(starts) if literal(value) == 0}


def _hoist(target: Graph, loop: _Loop) -> dict[int, Value]:
    """Compute before the loop what is the same in every turn and worth it there."""
    body = loop.body
    moved = _moved(loop)
    images = {body.inputs[position]: value for position, value in loop.captures}
    reached = needed(body, moved)
    transfer(body, target, images, reached)
    return {id: images[id] for id in moved}


def _moved(loop: _Loop) -> list[int]:
    """Return the nodes that are moved before the loop, and that it reads from there."""
    body, index = loop.body, loop.node.params.get("index")
    there = {body.inputs[position] for position, _ in loop.captures}
    free = {body.inputs[position] for position, _ in loop.free.values()}
    steady = _steady(loop, there)
    wanted = needed(body, [body.outputs[item] for item in (*loop.carries, *loop.free)])
    matrices, turned = matrices_of_formulas(body), turned_for_systems(body)
    moved: list[int] = []
    for node in body.nodes:
        if node.op.kind is Kind.CONSTANT:
            there.add(node.id)
        elif wanted[node.id] and node.operands and node.id not in turned:
            moves = node.id in steady and (_is_whole(body, node, free) or is_dear(body, node))
            moves = moves or node.id in matrices
            simple = there.issuperset(node.operands)
            if moves or (simple and _may_move(body, node, index, loop.runs)):
                there.add(node.id)
                moved.append(node.id)
    return moved


def _steady(loop: _Loop, known: set[int]) -> set[int]:
    """Return what is the same in every turn; only what cannot fail if the loop may not run."""
    found = steady_in(loop.body, known, turn_of(loop.node), partly=False).nodes
    return found if loop.runs else quiet_nodes(loop.body, found)


def _is_whole(body: Graph, node: Node, free: set[int]) -> bool:
    """Tell whether a node is a result of a loop or branch, or updates an array that is free.

    What is written into such an array is noted in ``free``.
    """
    if node.op.name in ("index_put", "index_add") and node.operands[0] in free:
        free.add(node.id)
        return True
    if node.op.name != "project":
        return False
    free.add(node.id)
    return True


def _may_move(graph: Graph, node: Node, index: Symbol | None, runs: bool) -> bool:
    """Tell whether a node means the same before the loop, and whether it is worth it there."""
    if node.regions or node.op.name in ("project", "broadcast_to", "index_put", "index_add"):
        return False
    if index is not None and bind_params(node.params, {index: -1}) != dict(node.params):
        return False
    dims = (*node.type.shape, *(d for i in node.operands for d in graph[i].type.shape))
    if index is not None and any(index in getattr(d, "symbols", ()) for d in dims):
        return False
    if not runs and (
        node.op.kind in (Kind.INDEX, Kind.ROUTINE) or not all(isinstance(d, int) for d in dims)
    ):
        return False
    size: Any = node.type.size
    sizes: list[Any] = [graph[i].type.size for i in node.operands]
    known = [s for s in sizes if isinstance(s, int)]
    return size in sizes or (isinstance(size, int) and bool(known) and size <= max(known))


def _lean_body(loop: _Loop, hoisted: dict[int, Value]) -> tuple[Graph, list[tuple[int, Value]]]:
    """Return the body without what was hoisted, and its captures: (node of the old body, value)."""
    old, body = loop.body, Graph(loop.body.name)
    carried = {old.inputs[position] for position, _ in loop.carries.values()}
    made = [old.outputs[item] for item in loop.carries]
    wanted = needed(old, made, hoisted)
    images: dict[int, Value] = {}
    by_value: dict[Value, Value] = {}
    taken: list[tuple[int, Value]] = []
    asked = _asked(loop)
    sources = {old.inputs[position]: value for position, value in loop.captures}
    for id, value in (*sources.items(), *hoisted.items()):
        if not (wanted[id] or id in asked):
            continue
        if value not in by_value:
            name = old.names.get(id, "h")
            by_value[value] = body.input(name, old[id].type, old[id].origin)
            taken.append((id, value))
        images[id] = by_value[value]
    for id in old.inputs:
        if id in carried:
            images[id] = copy_input(old, id, body)
    transfer(old, body, images, wanted)
    body.outputs = [images[id].id for id in made]
    return body, taken


def _asked(loop: _Loop) -> set[int]:
    """Return the inputs of the body that the test needs as well."""
    if loop.test is None:
        return set()
    reached = needed(loop.test, loop.test.outputs)
    pairs = zip(loop.body.inputs, loop.test.inputs, strict=True)
    return {id for id, other in pairs if reached[other]}


def _lean_test(loop: _Loop, taken: Sequence[tuple[int, Value]], body: Graph) -> Graph:
    """Return the test for the inputs of the new body."""
    test = loop.test
    assert test is not None
    result = Graph(test.name)
    inputs = [copy_input(body, id, result) for id in body.inputs]
    by_value = {value: inputs[k] for k, (_, value) in enumerate(taken)}
    images: dict[int, Value] = {}
    for position, value in loop.captures:
        if value in by_value:
            images[test.inputs[position]] = by_value[value]
    for k, (position, _) in enumerate(loop.carries.values()):
        images[test.inputs[position]] = inputs[len(taken) + k]
    wanted = needed(test, test.outputs)
    transfer(test, result, images, wanted)
    result.outputs = [images[id].id for id in test.outputs]
    return result


def _tidy_cond(
    target: Graph, node: Node, regions: list[Graph], operands: list[Value], used: set[int]
) -> dict[int, Value]:
    """Add a branch that gives what is used and captures what it needs."""
    items = sorted(used)
    condition, *captured = operands
    live = [needed(r, [r.outputs[item] for item in items]) for r in regions]
    flags = [
        any(reached[r.inputs[slot]] for reached, r in zip(live, regions, strict=True))
        for slot in range(len(captured))
    ]
    taken = dict.fromkeys(v for v, flag in zip(captured, flags, strict=True) if flag)
    kept = {value: k for k, value in enumerate(taken)}
    lean = []
    for region, reached in zip(regions, live, strict=True):
        result = Graph(region.name)
        inputs = [_slot_input(region, captured, value, result) for value in kept]
        images = {
            region.inputs[slot]: inputs[kept[value]]
            for slot, value in enumerate(captured)
            if value in kept
        }
        transfer(region, result, images, reached)
        result.outputs = [images[region.outputs[item]].id for item in items]
        lean.append(keep_restored(update_in_place(result, 0)))
    kind = TupleType.of_items(lean[0][id].type for id in lean[0].outputs)
    ids = (condition.id, *(value.id for value in kept))
    image = target.value(target.add(node.op, ids, {"results": kind}, tuple(lean)))
    return {item: op_named("project")(image, item=k) for k, item in enumerate(items)}


def _slot_input(region: Graph, captured: Sequence[Value], value: Value, result: Graph) -> Value:
    return copy_input(region, region.inputs[list(captured).index(value)], result)
