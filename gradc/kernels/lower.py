"""From a program to loops: place, fuse, lower, schedule, plan memory.

lower(program, options) -> Unit
"""

from collections.abc import Callable

from gradc.ir import Program
from gradc.kernels.all_turns import combine_once
from gradc.kernels.buffers import plan_buffers
from gradc.kernels.cone import gathers
from gradc.kernels.fuse import Group, fuse
from gradc.kernels.gather import index_checks
from gradc.kernels.layout import lay_out
from gradc.kernels.lower_contract import lower_matmul
from gradc.kernels.lower_loops import lower_nest
from gradc.kernels.lower_regions import lower_project, lower_region
from gradc.kernels.lower_regions_parts import flatten
from gradc.kernels.lower_routine import lower_routine
from gradc.kernels.lower_scan import lower_arg, lower_scan
from gradc.kernels.lower_scatter import lower_assembly, lower_join, lower_scatter, write_whole
from gradc.kernels.nest import Buffer, Stage, Stmt, Unit
from gradc.kernels.overwrite import overwrite
from gradc.kernels.place import place
from gradc.kernels.placement import Form
from gradc.kernels.schedule import schedule
from gradc.kernels.slender import long_axis_last
from gradc.kernels.state import State
from gradc.kernels.steps import in_steps
from gradc.kernels.threads import share_loops
from gradc.kernels.tiles import in_tiles
from gradc.options import Options

__all__ = ["lower"]

_LOWER: dict[Form, Callable[[State, Group], list[Stmt]]] = {
    Form.MAP: lower_nest,
    Form.REDUCE: lower_nest,
    Form.MATMUL: lower_matmul,
    Form.SCAN: lower_scan,
    Form.ARG: lower_arg,
    Form.SCATTER: lower_scatter,
    Form.ASSEMBLE: lower_assembly,
    Form.JOIN: lower_join,
    Form.ROUTINE: lower_routine,
    Form.REGION: lower_region,
    Form.PROJECT: lower_project,
}


def lower(program: Program, options: Options) -> Unit:
    """Return the loops that compute a program.

    Pure and deterministic; time and space are linear in the number of nodes.
    """
    laid = long_axis_last(program)
    program, regions = flatten(laid.program)
    placement = place(program, forced=laid.copies, slender=laid.products)
    groups = fuse(placement)
    state = State(program, placement, regions=regions, body=_body)
    ports = lay_out(state, groups)
    stages = [stage for group in groups if (stage := _stage(state, group)).body]
    stages += [_late(state, *port) for port in ports]
    stages = overwrite(program, share_loops(schedule(in_tiles(stages, laid.products))))
    stages = in_steps(combine_once(stages))
    buffers, plan = plan_buffers(program, stages)
    return Unit(program, buffers, stages, plan, state.failures)


def _stage(state: State, group: Group) -> Stage:
    nodes = tuple(member.id for member in group.members)
    return Stage(_body(state, group), nodes, _section(state, nodes))


def _body(state: State, group: Group) -> list[Stmt]:
    body = _LOWER[group.members[0].form](state, group)
    return [*_checks(state, group), *body]


def _late(state: State, buffer: Buffer, id: int) -> Stage:
    """Write a result that no root writes itself."""
    return Stage(write_whole(state, buffer, id, id), (id,), _section(state, (id,)))


def _checks(state: State, group: Group) -> list[Stmt]:
    """Check the index arrays that the members use for the first time."""
    place = state.placement
    found: list[Stmt] = []
    for member in group.members:
        for gather in gathers(place, member.id):
            found += index_checks(state, place.node(gather))
    return found


def _section(state: State, nodes: tuple[int, ...]) -> str:
    graph = state.program.graph
    kinds = {graph[id].origin.adjoint_of is not None for id in nodes}
    if len(kinds) == 2:
        return "primal and adjoint"
    return "adjoint" if kinds == {True} else "primal"
