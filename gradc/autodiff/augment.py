"""Regions made ready for reverse mode: what each needs from its forward part is kept.

Before adjoints are taken, every active loop is replaced by one that also carries tapes, arrays with
one row for each turn, and the reverse of every active region is prepared beside it as a recipe.
What a body's reverse reads is, in this order: computed again from captures and the index; read from
the arrays as the loop leaves them, where no later write touches it; or taped (``regions_keep``).
A body that is linear in what is active reads nothing, so nothing is kept and nothing runs twice.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from gradc.autodiff.activity import Part, activity
from gradc.autodiff.adjoint import adjoints
from gradc.autodiff.regions import CondRecipe, Recipe
from gradc.autodiff.regions_budget import WHILE_BYTES, Plan, plan_loop
from gradc.autodiff.regions_masks import shares_of
from gradc.autodiff.regions_parts import head_of, reverse_of
from gradc.autodiff.regions_split import Pulled
from gradc.autodiff.steep import Steep, steep_nodes
from gradc.ir import Graph, Node, Origin, Value
from gradc.ir.node import fresh_again
from gradc.ir.ranges import Range
from gradc.ir.rebuild import copy_node, rebuild
from gradc.ops.regions import project

__all__ = ["augment"]

Around: TypeAlias = tuple[Range, ...]

_SOON = 128
"""Turns at most of a loop with a condition that keeps its tapes as a counted loop does."""


def augment(
    primal: Graph,
    wrt: Sequence[int],
    outputs: Sequence[int],
    around: Around = (),
    budget: int | None = None,
    *,
    inside: bool = False,
    finals: bool = True,
    before: Collection[int] = (),
) -> tuple[Graph, dict[int, Recipe]]:
    """Copy a graph, its active regions made ready; return it with their recipes.

    Parameters
    ----------
    primal : Graph
        The graph, or the body of a region.
    wrt, outputs : sequence of int
        Positions among inputs and outputs.
    around : tuple of Range
        Indices of the loops around the graph.
    budget : int, optional
        Bytes that the tapes of all loops in the graph should take at most.
    inside : bool
        The graph is a body: what a loop with a condition keeps is not kept once more for each turn
        of the loop around, for it has room for its limit of turns, unless that is small.
    finals : bool
        Reverses of loops may read arrays as they are at the ends of the loop.
    before : collection of int
        Inputs that are steep; none of a loop's body, which adds shares up without their masks.
    """
    ends = [primal.outputs[position] for position in outputs]
    parts = activity(primal, [primal.inputs[position] for position in wrt], ends).parts
    shares = _shares(primal, parts, around, budget, finals=finals)
    recipes, steep = dict[int, Recipe](), steep_nodes(primal, before)

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        part = parts.get(node.id)
        if part is None:
            return copy_node(target, node, operands)
        if node.op.name == "cond":
            image = copy_node(target, node, operands)
            recipes[image.id] = _reverse_cond(node, part, around, steep, inside, finals)
            return image
        if inside and _is_endless(node) and not node.origin.again:
            target.origin = target.origin._replace(again=fresh_again())
        plan = _plan(node, part, around, shares.get(node.id), finals=finals)
        return _attach(target, node, operands, plan, recipes)

    return rebuild(primal, visit), recipes


def _is_endless(node: Node) -> bool:
    """Tell whether a loop is one of which nobody knows that it ends soon."""
    return node.op.name == "while_loop" and node.params["limit"] > _SOON


def _plan(
    node: Node,
    part: Part,
    around: Around,
    budget: int | None,
    *,
    finals: bool,
) -> Plan:
    def pull(body: Graph, part: Part, inside: Around, left: int | None, finals: bool) -> Pulled:
        slots = _slots(part.operands, part.items)
        return _pull(body, slots, part.items, inside, left, finals=finals)

    return plan_loop(node, part, around, budget, pull, finals=finals)


def _attach(
    target: Graph,
    node: Node,
    operands: tuple[Value, ...],
    plan: Plan,
    recipes: dict[int, Recipe],
) -> Value:
    """Add the loops of a plan, each beginning where the one before ends."""
    carries = node.params["carries"]
    captures = operands[: len(operands) - carries]
    image = None
    for loop in plan.loops:
        if image is not None:
            operands = (*captures, *(project(image, item=k) for k in range(carries)))
        image = loop.attach(target, operands)
        recipes[image.id] = loop.recipe
    assert image is not None
    return image


def _shares(
    primal: Graph,
    parts: Mapping[int, Part],
    around: Around,
    budget: int | None,
    *,
    finals: bool,
) -> dict[int, int | None]:
    """Return the bytes that each active loop of a graph may keep, the modest ones served first."""
    active = [primal[id] for id in parts if primal[id].op.name in ("loop", "while_loop")]
    loops = [node for node in active if node.origin.again >= 0]
    found: dict[int, int | None] = {
        node.id: WHILE_BYTES if node.op.name == "while_loop" else None for node in loops
    }
    found |= {node.id: budget for node in active if node.origin.again < 0}
    if budget is None:
        return found
    wants = {
        node.id: _plan(node, parts[node.id], around, None, finals=finals).nbytes for node in loops
    }
    for place, id in enumerate(sorted(wants, key=wants.__getitem__)):
        share = max(budget, 0) // (len(wants) - place)
        found[id] = share
        budget -= min(wants[id], share)
    return found


def _slots(operands: Sequence[bool], items: Sequence[bool]) -> list[int]:
    """Return the active carries and then the active captures, as inputs of the body."""
    captures = len(operands) - len(items)
    carried = [captures + k for k, flag in enumerate(items) if flag]
    return [*carried, *(k for k, flag in enumerate(operands[:captures]) if flag)]


def _pull(
    body: Graph,
    wrt: Sequence[int],
    items: Sequence[bool],
    around: Around,
    budget: int | None = None,
    *,
    finals: bool,
    before: Collection[int] = (),
) -> Pulled:
    """Pull cotangents of some outputs of a body back to some of its inputs."""
    outputs = [number for number, flag in enumerate(items) if flag]
    graph, recipes = augment(
        body, wrt, outputs, around, budget, inside=True, finals=finals, before=before
    )
    cts: list[int] = []
    seeds: dict[int, Value] = {}
    for number in outputs:
        id = graph.outputs[number]
        name = f"{_name(graph, number, len(body.outputs))}_bar"
        ct = graph.input(name, graph[id].type, Origin(None, adjoint_of=id))
        seeds[id] = seeds[id] + ct if id in seeds else ct
        cts.append(ct.id)
    inputs = [graph.inputs[position] for position in wrt]
    record = adjoints(graph, seeds, inputs, recipes, before=before)
    bars = [record.totals.get(id) or _zeros(graph, id) for id in inputs]
    return Pulled(graph, len(body.inputs), len(body.outputs), tuple(cts), tuple(b.id for b in bars))


def _name(graph: Graph, number: int, made: int) -> str:
    """Return the user's name of an output, or of the carry that it is the next value of."""
    names, id = graph.names, graph.outputs[number]
    carry = graph.inputs[len(graph.inputs) - made + number] if made <= len(graph.inputs) else id
    return names.get(carry, names.get(id, f"c{number}"))


def _zeros(graph: Graph, id: int) -> Value:
    with graph.at(Origin(None, adjoint_of=id)):
        return graph.value(id).full_like(0.0)


def _reverse_cond(
    node: Node, part: Part, around: Around, steep: Steep, inside: bool, finals: bool
) -> CondRecipe:
    """Prepare the reverse of a branch, which computes again what it needs from the captures."""
    wrt = [slot - 1 for slot, flag in enumerate(part.operands) if flag]
    before = [slot for slot, id in enumerate(node.operands[1:]) if steep(id)]
    sides = [
        _pull(region, wrt, part.items, around, finals=finals, before=before)
        for region in node.regions
    ]
    pulled, shares = shares_of(sides, [slot in before for slot in wrt])
    head = head_of(pulled, around, parts=inside)
    first, second = map(reverse_of, pulled, head.read, (head, head))
    items = tuple(number for number, flag in enumerate(part.items) if flag)
    captures = tuple(slot + 1 for slot in wrt)
    return CondRecipe((first, second), head, items, captures, shares)
