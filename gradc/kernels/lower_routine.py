"""Calls of support functions that work on whole arrays: sorting and linear algebra."""

from gradc.ir import ArrayType
from gradc.kernels.extremes import capacity
from gradc.kernels.fuse import Group
from gradc.kernels.nest import Buffer, Call, Ref, Stmt
from gradc.kernels.state import State

__all__ = ["lower_routine"]


def lower_routine(state: State, group: Group) -> list[Stmt]:
    """Return the call of a node's routine, with the memory that it works in."""
    place = state.placement
    node = place.node(group.members[0].id)
    routine = node.op.routine
    assert routine is not None, f"{node} has no routine"
    types = [place.node(operand).type for operand in node.operands]
    views = [place.views[operand] for operand in node.operands]
    scratch = [_memory(state, kind, node.id) for kind in routine.scratch(*types, **node.params)]
    code = state.fail(routine.refuses, node.origin.span, "linalg") if routine.refuses else 0
    return [
        Call(
            node.op,
            types[0].dtype,
            tuple(routine.counts(*types, **node.params)),
            tuple(Ref(state.buffer(view.base), view.offset) for view in views),
            tuple(Ref(buffer, 0) for buffer in (state.buffer(node.id), *scratch)),
            code,
            node.id,
            routine.product(*types, **node.params) if routine.product else None,
        )
    ]


def _memory(state: State, kind: ArrayType, id: int) -> Buffer:
    most = -1 if isinstance(kind.size, int) else capacity(kind.shape, state.bounds)
    return Buffer("temporary", kind, "work", node=id, most=most)
