"""Give memory to the values that need it."""

from gradc.ir import Program
from gradc.ir.types import TupleType
from gradc.kernels.fuse import Group
from gradc.kernels.lower_regions_parts import updated_operands
from gradc.kernels.nest import Buffer
from gradc.kernels.placement import SWEEPS, Form, is_scalar
from gradc.kernels.state import State

__all__ = ["lay_out", "lay_out_part"]


def lay_out(state: State, groups: list[Group]) -> list[tuple[Buffer, int]]:
    """Fill ``state.buffers``; return (output, node) pairs that no root writes itself.

    Results are written where they belong; a scatter into a value that nobody else reads works in
    place.
    """
    _note_outside(state, groups)
    _inputs(state)
    late = _outputs(state)
    for id in sorted(state.placement.form, reverse=True):
        if id not in state.buffers and _needs_memory(state, id):
            state.buffers[id] = state.temporary(id)
        if state.placement.form[id] is Form.SCATTER:
            _write_in_place(state, state.placement.node(id).operands[0], id)
        elif state.placement.form[id] is Form.REGION:
            _results(state, id)
    return late


def lay_out_part(state: State, groups: list[Group]) -> None:
    """Fill ``state.buffers`` of a loop body or branch, whose inputs have theirs already."""
    _note_outside(state, groups)
    place = state.placement
    for id in state.program.graph.outputs:
        base = place.views[id].base if id in place.views else id
        state.outside.update({base} & place.form.keys())
    for id in sorted(state.heirs):
        base = state.heirs[id]
        if base not in state.buffers:
            state.buffers[base] = state.temporary(base)
        state.buffers[id] = state.buffers[base]
    for id in sorted(place.form, reverse=True):
        wide = id in place.outputs and bool(place.node(id).type.shape)
        if id not in state.buffers and (wide or _needs_memory(state, id)):
            state.buffers[id] = state.temporary(id)
        if place.form[id] is Form.REGION:
            _results(state, id)


def _results(state: State, id: int) -> None:
    """Give memory to the results of a region; at the outermost level also to what they start as."""
    place = state.placement
    node = place.node(id)
    assert isinstance(node.type, TupleType)
    projects = {place.node(c).params["item"]: c for c in place.consumers[id]}
    slots = updated_operands(node, state.regions)
    for item, kind in enumerate(node.type.items):
        if not kind.shape:
            continue
        result = projects.get(item)
        found = state.buffers.get(result) if result is not None else None
        if found is None:
            base = node.operands[slots[item]] if item in slots else id
            found = Buffer("temporary", kind, state.name(base), node=base)
            if not isinstance(kind.size, int):
                found = Buffer("temporary", kind, "", node=base, most=state.most(kind.size))
        state.results[id, item] = found
        if item in slots and not state.inside:
            base = node.operands[slots[item]]
            if node.operands.count(base) == 1:
                _write_in_place(state, base, id, found)


def _note_outside(state: State, groups: list[Group]) -> None:
    for group in groups:
        inside = {member.id for member in group.members}
        for member in group.members:
            state.outside.update(base for base in member.reads if base not in inside)


def _inputs(state: State) -> None:
    program = state.program
    for place, (id, port) in enumerate(zip(program.graph.inputs, program.inputs, strict=True)):
        state.buffers[id] = Buffer("input", port.type, port.name, place, id)


def _outputs(state: State) -> list[tuple[Buffer, int]]:
    program: Program = state.program
    late: list[tuple[Buffer, int]] = []
    for place, (id, port) in enumerate(zip(program.graph.outputs, program.outputs, strict=True)):
        source = state.placement.written.get(id, id)
        buffer = Buffer("output", port.type, port.name, place, source)
        if source in state.placement.form and source not in state.buffers:
            state.buffers[source] = buffer
        else:
            late.append((buffer, source))
    return late


def _needs_memory(state: State, id: int) -> bool:
    place = state.placement
    if place.form[id] is Form.REGION or (
        place.form[id] is Form.PROJECT and not place.node(id).type.shape
    ):
        return False
    if place.form[id] not in SWEEPS or id in place.memory:
        return True
    return id in state.outside and not is_scalar(place.node(id).type)


def _write_in_place(state: State, base: int, id: int, memory: Buffer | None = None) -> None:
    """Let a value that only one node needs be made in the memory of what that node makes of it."""
    place = state.placement
    if base in place.form and place.private(base) and base not in state.buffers:
        state.buffers[base] = memory or state.buffers[id]
