"""Loops, loops with a condition and branches as statements around the stages of their bodies.

    carries: declare, or write the initial values into their memory
    for i:                  stages of the body, then the new carries where they are not there yet
    results: the carries' memory and locals

A carried array lives in one buffer.  The body writes into it in place where that is right
(``lower_regions_place``); else it makes the new value beside it and copies it at the end of a turn.
"""

from collections.abc import Callable, Sequence
from dataclasses import field

from gradc.ir import Dim, Kind, Node, Program
from gradc.ir.types import TupleType
from gradc.kernels.extremes import Bounds
from gradc.kernels.fuse import Group, fuse
from gradc.kernels.index import View, row_major_strides
from gradc.kernels.layout import lay_out_part
from gradc.kernels.lower_regions_parts import Region, updated_operands
from gradc.kernels.lower_regions_place import Clash, in_place
from gradc.kernels.lower_scan import value_at
from gradc.kernels.lower_scatter import write_whole
from gradc.kernels.nest import (
    Assign,
    Break,
    Buffer,
    Copy,
    Declare,
    Expr,
    If,
    Let,
    Local,
    Loop,
    Number,
    Ref,
    Stmt,
    Store,
    While,
)
from gradc.kernels.place import place
from gradc.kernels.scope import Level, Scope
from gradc.kernels.state import State, number
from gradc.records import dataclass

__all__ = ["lower_project", "lower_region"]


def lower_region(state: State, group: Group) -> list[Stmt]:
    """Return the statements of a loop or branch."""
    node = state.placement.node(group.members[0].id)
    return _LOWER[node.op.name](state, node, state.regions[node.id])


def lower_project(state: State, group: Group) -> list[Stmt]:
    """Write a scalar result of a region to memory where it is a result of the program."""
    id = group.members[0].id
    scalar, buffer = state.scalars.get(id), state.buffers.get(id)
    if scalar is not None and buffer is not None:
        return [Store(Ref(buffer, 0), scalar, id)]
    return []


# values around


def _scalar(state: State, id: int) -> tuple[list[Stmt], Expr]:
    """Return a number of the outside, and the statements that it takes."""
    level = Level()
    value = value_at(Scope(state, {}, [level], {}, {}), id, ())
    return level.statements, value


@dataclass(slots=True, eq=False)
class _Frame:
    """What a part is lowered into.

    Attributes
    ----------
    views, buffers, scalars : dict
        What the inputs are.
    targets : list
        Where each output goes: a mutable local, memory, or nowhere.
    carried : dict
        For an output in the memory of an input: that input.
    """

    views: dict[int, View] = field(default_factory=dict)
    buffers: dict[int, Buffer] = field(default_factory=dict)
    scalars: dict[int, Expr] = field(default_factory=dict)
    targets: list[Local | Buffer | None] = field(default_factory=list)
    carried: dict[int, int] = field(default_factory=dict)


def _capture(state: State, frame: _Frame, input: int, operand: int) -> None:
    """Let an input of a part show what an operand shows."""
    view = state.placement.views[operand]
    base = state.placement.node(view.base)
    known = state.scalars.get(view.base)
    constant = base.op.kind is Kind.CONSTANT
    if known is None and constant and state.placement.is_uniform(view.base):
        value = state.load(view.base, 0)
        assert isinstance(value, Number)
        known = value
    if known is not None:
        frame.scalars[input] = known
    if constant or known is None:
        frame.buffers[input] = state.buffer(view.base)
    frame.views[input] = View(input, view.offset, view.strides)


class _Results:
    """The carries or results of one region: where they live, and their first values."""

    def __init__(self, state: State, node: Node) -> None:
        assert isinstance(node.type, TupleType)
        self.state, self.node = state, node
        self.types = node.type.items
        users = state.placement.consumers[node.id]
        self.projects = {state.placement.node(c).params["item"]: c for c in users}
        self.slots = updated_operands(node, state.regions)
        needed = state.regions[node.id].needed
        self.places = [
            self._place(item) if item in needed else None for item in range(len(self.types))
        ]

    def _place(self, item: int) -> Local | Buffer:
        if self.types[item].shape:
            return self.state.results[self.node.id, item]
        made = self.state.regions[self.node.id].parts[-1].graph.outputs[item]
        project = self.projects.get(item, -1)
        name = self.state.name(project) or self.state.result_name(self.node.id, item)
        return Local(self.types[item].dtype, name, made)

    def start(self) -> list[Stmt]:
        """Return the statements that set the first values."""
        body: list[Stmt] = []
        for item, where in enumerate(self.places):
            operand = self.node.operands[self.slots[item]] if item in self.slots else None
            if isinstance(where, Buffer):
                if operand is not None:
                    body += write_whole(self.state, where, operand, self.node.id)
                continue
            if where is None:
                continue
            value: Expr = number(0, where.dtype)
            if operand is not None:
                before, value = _scalar(self.state, operand)
                body += before
            body.append(Declare(where, value))
        return body

    def publish(self) -> None:
        """Let the stages that follow know the numbers."""
        for item, id in self.projects.items():
            where = self.places[item]
            if isinstance(where, Local):
                self.state.scalars[id] = where

    def frame(self, part: Program, *, gives: bool = True) -> _Frame:
        """Return what the inputs and outputs of a part are."""
        frame = _Frame()
        inputs, outputs = part.graph.inputs, part.graph.outputs
        first = len(self.node.operands) - len(inputs)
        items = {slot: item for item, slot in self.slots.items()}
        for position, input in enumerate(inputs):
            item = items.get(first + position)
            if item is None:
                _capture(self.state, frame, input, self.node.operands[first + position])
                continue
            where = self.places[item]
            if isinstance(where, Local):
                frame.scalars[input] = where
            if not isinstance(where, Buffer):
                continue
            frame.buffers[input] = where
            if gives:
                frame.carried[outputs[item]] = input
        if gives:
            frame.targets = list(self.places)
        return frame


# one part


def _lower_part(
    state: State, part: Program, frame: _Frame, bounds: Bounds | None = None
) -> tuple[State, list[Stmt]]:
    """Return the statements of a part, with the state at its end."""
    forced, copied = set[int](), set[int]()
    while True:
        try:
            return _attempt(state, part, frame, bounds or {}, forced, copied)
        except Clash as clash:
            assert not (clash.forced <= forced and clash.copied <= copied), clash
            forced |= clash.forced
            copied |= clash.copied


def _attempt(
    state: State,
    part: Program,
    frame: _Frame,
    bounds: Bounds,
    forced: set[int],
    copied: set[int],
) -> tuple[State, list[Stmt]]:
    placement = place(part, frame.views, forced)
    plan = in_place(placement, part, state.regions, frame.carried, copied)
    groups = fuse(placement, plan.after)
    inner = State(
        part,
        placement,
        buffers=dict(frame.buffers),
        scalars=dict(frame.scalars),
        failures=state.failures,
        regions=state.regions,
        bounds={**state.bounds, **bounds},
        heirs=plan.heirs,
        inside=True,
        body=state.body,
    )
    lay_out_part(inner, groups)
    assert inner.body is not None
    body = [statement for group in groups for statement in inner.body(inner, group)]
    return inner, [*body, *_finish(inner, part, frame)]


def _finish(state: State, part: Program, frame: _Frame) -> list[Stmt]:
    """Put the outputs where they belong, all of them read before any is written."""
    numbers: list[tuple[Local, int]] = []
    arrays: list[tuple[Buffer, int]] = []
    for target, id in zip(frame.targets, part.graph.outputs, strict=False):
        if isinstance(target, Local) and state.scalars.get(id) is not target:
            numbers.append((target, id))
        elif isinstance(target, Buffer) and _memory(state, id) is not target:
            arrays.append((target, id))
    return [*_assign(state, numbers), *_store(state, arrays)]


def _memory(state: State, id: int) -> Buffer | None:
    """Return the memory that holds exactly a value, if any does."""
    view, kind = state.placement.views.get(id), state.placement.node(id).type
    if view is None or view.base in state.scalars or view.base not in state.buffers:
        return None
    buffer = state.buffers[view.base]
    whole = view.offset == 0 and view.strides == row_major_strides(kind.shape)
    return buffer if whole and buffer.type.size == kind.size else None


def _assign(state: State, pairs: Sequence[tuple[Local, int]]) -> list[Stmt]:
    body: list[Stmt] = []
    values: list[Expr] = []
    changing = {target for target, _ in pairs}
    for _, id in pairs:
        before, value = _scalar(state, id)
        body += before
        if len(pairs) > 1 and (value in changing or not isinstance(value, Local | Number)):
            fresh = Local(state.dtype(id), "", id)
            body.append(Let(fresh, value))
            value = fresh
        values.append(value)
    body += [Assign(target, value) for (target, _), value in zip(pairs, values, strict=True)]
    return body


def _store(state: State, pairs: Sequence[tuple[Buffer, int]]) -> list[Stmt]:
    before: list[Stmt] = []
    after: list[Stmt] = []
    changing = {target for target, _ in pairs}
    for target, id in pairs:
        view = state.placement.views.get(id)
        source = state.buffers.get(view.base) if view is not None else None
        if source not in changing:
            after += write_whole(state, target, id, id)
            continue
        kept = Buffer("temporary", target.type, state.name(id), node=id, most=target.most)
        before += write_whole(state, kept, id, id)
        after.append(Copy(target, kept, id))
    return [*before, *after]


# the three kinds


def _loop(state: State, node: Node, region: Region) -> list[Stmt]:
    results = _Results(state, node)
    head = results.start()
    index, count = region.index, region.count
    assert index is not None
    last: Dim = count - 1
    _, body = _lower_part(
        state, region.parts[0], results.frame(region.parts[0]), {index: (0, last)}
    )
    results.publish()
    if node.params["reverse"]:
        return [*head, Loop(index, last, -1, body, -1, node.id)]
    return [*head, Loop(index, 0, count, body, 1, node.id)]


def _while(state: State, node: Node, region: Region) -> list[Stmt]:
    results = _Results(state, node)
    head = results.start()
    test, turn = region.parts
    inner, body = _lower_part(state, test, results.frame(test, gives=False))
    before, condition = _scalar(inner, test.graph.outputs[0])
    body += before
    only = body[0] if len(body) == 1 else None
    if isinstance(only, Let) and only.local is condition:
        body, condition = [], only.value
    body.append(Break(condition))
    body += _lower_part(state, turn, results.frame(turn))[1]
    results.publish()
    limit = node.params["limit"]
    whole = node.params.get("whole", limit)
    code = state.fail(f"the loop runs more than {whole} times", node.origin.span, "limit")
    return [*head, While(body, limit, code, node.id)]


def _cond(state: State, node: Node, region: Region) -> list[Stmt]:
    results = _Results(state, node)
    head = results.start()
    before, condition = _scalar(state, node.operands[0])
    then, otherwise = (_lower_part(state, part, results.frame(part))[1] for part in region.parts)
    results.publish()
    if not then and not otherwise:
        return head
    return [*head, *before, If(condition, then, otherwise, node.id)]


_LOWER: dict[str, Callable[[State, Node, Region], list[Stmt]]] = {
    "loop": _loop,
    "while_loop": _while,
    "cond": _cond,
}
