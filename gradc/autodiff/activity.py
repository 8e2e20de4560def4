"""Which nodes take part in a derivative, and why an argument may have none.

A region has several results and a body of its own, so it is reached result by result: a change of a
carry reaches whatever the body makes of it, in this turn or in any later one.

The same is asked of a region again and again, until carries settle, and so for each region inside
it: what has been found out is kept while a question is answered (``_Memo``), or the work would
double with each level of nesting, and more.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import field
from enum import Enum
from typing import TypeAlias

from gradc.ir import ZERO_DERIVATIVE, Graph, Node, TupleType, is_float
from gradc.records import dataclass

__all__ = ["Activity", "Cut", "Part", "active_nodes", "activity", "find_cut", "reached"]

Flags = tuple[bool, ...]
_Memo: TypeAlias = dict[tuple[object, ...], Flags]
"""Answers by what was asked; regions by identity, for they live as long as the question does."""


class Cut(Enum):
    """What stands between an argument and the loss."""

    ABSENT = "the loss does not use it"
    INTEGER = "it passes only through integers or truth values"
    STOPPED = "it passes only through stop_gradient"
    CONSTANT = "it passes only through piecewise constant functions"


@dataclass(frozen=True, slots=True)
class Part:
    """What of a region takes part: results with a cotangent, operands that receive one."""

    items: Flags
    operands: Flags


@dataclass(slots=True)
class Activity:
    """The active nodes of a graph in order, and the active part of each region among them."""

    nodes: list[int] = field(default_factory=list)
    parts: dict[int, Part] = field(default_factory=dict)


def carries(node: Node) -> bool:
    """Tell whether a derivative can pass from the operands of a node to its output."""
    return is_float(node.type.dtype) and node.op.derivative is not ZERO_DERIVATIVE


def reached(graph: Graph, wrt: Iterable[int], *, through_all: bool = False) -> list[bool]:
    """Tell which nodes a change of ``wrt`` reaches; a region, when it reaches a result.

    With ``through_all`` any use counts; without, only differentiable ones.
    """
    return _Reach(graph, wrt, through_all, {}).hit


class _Reach:
    """The nodes that a change reaches, and the results of regions among them."""

    def __init__(self, graph: Graph, wrt: Iterable[int], through_all: bool, memo: _Memo) -> None:
        self.hit = [False] * len(graph)
        self.memo = memo
        self.items: dict[int, Flags] = {}
        for id in wrt:
            self.hit[id] = True
        for node in graph.nodes:
            if not self.hit[node.id]:
                self.hit[node.id] = self._reaches(node, through_all)

    def _reaches(self, node: Node, through_all: bool) -> bool:
        if node.regions:
            into = tuple(self.hit[i] for i in node.operands)
            self.items[node.id] = items = _reached_items(node, into, through_all, self.memo)
            return any(items)
        if node.op.name == "project":
            item: int = node.params["item"]
            return self.items[node.operands[0]][item]
        return (through_all or carries(node)) and any(self.hit[i] for i in node.operands)


def _reached_items(node: Node, into: Flags, through_all: bool, memo: _Memo) -> Flags:
    """Return which results of a region a change of some operands reaches."""
    if not any(into):
        return (False,) * _results(node)
    if node.op.name == "cond":
        branches = [_reached_outputs(r, into[1:], through_all, memo) for r in node.regions]
        chosen = through_all and into[0]
        return tuple(chosen or any(pair) for pair in zip(*branches, strict=True))
    return carried_reach(node, into, memo, through_all=through_all)[len(into) - _results(node) :]


def carried_reach(node: Node, into: Flags, memo: _Memo, *, through_all: bool = False) -> Flags:
    """Return which inputs of a loop's body a change reaches, in any turn."""
    captures = len(into) - _results(node)
    while True:
        out = _reached_outputs(node.regions[-1], into, through_all, memo)
        if through_all and node.op.name == "while_loop":
            asked = any(_reached_outputs(node.regions[0], into, True, memo))
            out = tuple(asked or flag for flag in out)
        merged = (*into[:captures], *map(_either, into[captures:], out))
        if merged == into:
            return into
        into = merged


def _reached_outputs(region: Graph, into: Flags, through_all: bool, memo: _Memo) -> Flags:
    key = "outputs", id(region), into, through_all
    if key not in memo:
        wrt = [id for id, flag in zip(region.inputs, into, strict=True) if flag]
        hit = _Reach(region, wrt, through_all, memo).hit
        memo[key] = tuple(hit[id] for id in region.outputs)
    return memo[key]


def _either(a: bool, b: bool) -> bool:
    return a or b


def _results(node: Node) -> int:
    return len(node.type.items) if isinstance(node.type, TupleType) else 1


def active_nodes(graph: Graph, wrt: Sequence[int], seeds: Collection[int]) -> list[int]:
    """Return the nodes on a differentiable path from ``wrt`` to the seeds, in order."""
    return activity(graph, wrt, seeds).nodes


def activity(graph: Graph, wrt: Sequence[int], seeds: Collection[int]) -> Activity:
    """Return the nodes on a differentiable path from ``wrt`` to the seeds, regions by result."""
    return _activity(graph, wrt, seeds, {})


def _activity(graph: Graph, wrt: Sequence[int], seeds: Collection[int], memo: _Memo) -> Activity:
    forward = _Reach(graph, wrt, False, memo)
    needed = [False] * len(graph)
    items: dict[int, list[bool]] = {}
    for id in seeds:
        needed[id] = True
    found = Activity()
    for node in reversed(graph.nodes):
        if not (needed[node.id] and forward.hit[node.id]):
            continue
        if node.op.name == "project":
            _need_item(graph, node, forward, items)
        if node.regions:
            into = tuple(forward.hit[i] for i in node.operands)
            part = _part(node, into, tuple(items[node.id]), memo)
            found.parts[node.id] = part
            used = part.operands
        else:
            used = (True,) * len(node.operands)
        found.nodes.append(node.id)
        for operand, flag in zip(node.operands, used, strict=True):
            needed[operand] = needed[operand] or flag
    found.nodes.reverse()
    return found


def _need_item(graph: Graph, node: Node, forward: _Reach, items: dict[int, list[bool]]) -> None:
    """Note that a result of a region is needed."""
    source = graph[node.operands[0]]
    flags = items.setdefault(source.id, [False] * _results(source))
    item = node.params["item"]
    flags[item] = forward.items[source.id][item]


def _part(node: Node, into: Flags, items: Flags, memo: _Memo) -> Part:
    """Return the active part of a region for the results that are needed."""
    if node.op.name == "cond":
        branches = [_needed_inputs(r, into[1:], items, memo) for r in node.regions]
        operands = (False, *map(_either, *branches))
        return Part(items, operands)
    captures = len(into) - len(items)
    flow = carried_reach(node, into, memo)
    while True:
        wanted = _needed_inputs(node.regions[-1], flow, items, memo)
        merged = tuple(map(_either, items, wanted[captures:]))
        if merged == items:
            break
        items = merged
    alive = (*wanted[:captures], *items)
    return Part(items, tuple(a and b for a, b in zip(alive, into, strict=True)))


def _needed_inputs(region: Graph, into: Flags, items: Flags, memo: _Memo) -> Flags:
    """Return which inputs of a region lie on an active path to the outputs asked for."""
    key = "inputs", id(region), into, items
    if key not in memo:
        wrt = [id for id, flag in zip(region.inputs, into, strict=True) if flag]
        seeds = [id for id, flag in zip(region.outputs, items, strict=True) if flag]
        active = set(_activity(region, wrt, seeds, memo).nodes)
        memo[key] = tuple(id in active for id in region.inputs)
    return memo[key]


def find_cut(graph: Graph, input: int, outputs: Sequence[int]) -> tuple[Cut, Node | None]:
    """Say why ``input`` has no derivative, and at which node the path ends.

    The first node that stops the derivative on a path to the outputs is reported; integers count
    before ``stop_gradient``, and that before piecewise constant functions.
    """
    used = reached(graph, [input], through_all=True)
    if not any(used[id] for id in outputs):
        return Cut.ABSENT, None
    found: dict[Cut, Node] = {}
    _collect_cuts(graph, [input], outputs, found)
    for cut in (Cut.INTEGER, Cut.STOPPED, Cut.CONSTANT):
        if cut in found:
            return cut, found[cut]
    return Cut.CONSTANT, None


def _collect_cuts(
    graph: Graph, wrt: Sequence[int], outputs: Sequence[int], found: dict[Cut, Node]
) -> None:
    used = reached(graph, wrt, through_all=True)
    smooth = reached(graph, wrt)
    needed = [False] * len(graph)
    seen = [False] * len(graph)
    for id in outputs:
        needed[id] = True
    for node in reversed(graph.nodes):
        if not (needed[node.id] and used[node.id]):
            continue
        made = is_float(node.type.dtype)
        sees = not node.origin.derived and (not smooth[node.id] if made else seen[node.id])
        for operand in node.operands:
            needed[operand] = True
            seen[operand] |= sees
        if node.op.name == "project" or not any(smooth[i] for i in node.operands):
            continue
        if node.regions:
            _cuts_inside(node, tuple(smooth[i] for i in node.operands), found)
        elif not smooth[node.id]:
            found[_kind_of_cut(node, seen[node.id])] = node


def _cuts_inside(node: Node, into: Flags, found: dict[Cut, Node]) -> None:
    into = into[1:] if node.op.name == "cond" else carried_reach(node, into, {})
    for region in node.regions:
        wrt = [id for id, flag in zip(region.inputs, into, strict=True) if flag]
        _collect_cuts(region, wrt, region.outputs, found)


def _kind_of_cut(node: Node, seen: bool) -> Cut:
    """Say what stops a derivative.

    Masks and positions that no value of the user's function is made of (``seen``), but which a
    derivative reads, are constant: the rule that reads them says what holds where they change.
    """
    if node.op.name == "stop_gradient":
        return Cut.STOPPED
    constant = not seen or node.origin.derived or is_float(node.type.dtype)
    return Cut.CONSTANT if constant else Cut.INTEGER
