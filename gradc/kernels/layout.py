"""Give memory to the values that need it."""

from gradc.ir import Program
from gradc.kernels.fuse import Group
from gradc.kernels.nest import Buffer
from gradc.kernels.placement import SWEEPS, Form, is_scalar
from gradc.kernels.state import State

__all__ = ["lay_out"]


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
            kind = state.placement.node(id).type
            state.buffers[id] = Buffer("temporary", kind, state.name(id), node=id)
        if state.placement.form[id] is Form.SCATTER:
            _write_in_place(state, id)
    return late


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
    if place.form[id] not in SWEEPS or id in place.memory:
        return True
    return id in state.outside and not is_scalar(place.node(id).type)


def _write_in_place(state: State, id: int) -> None:
    place = state.placement
    base = place.node(id).operands[0]
    if base in place.form and place.private(base) and base not in state.buffers:
        state.buffers[base] = state.buffers[id]
