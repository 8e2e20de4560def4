"""Large contractions: strided matrix products inside loops over the other labels."""

from collections.abc import Mapping, Sequence

from gradc.ir import Dim
from gradc.kernels.contraction import Contraction
from gradc.kernels.fuse import Group
from gradc.kernels.index import row_major_strides
from gradc.kernels.loops import axis_symbol
from gradc.kernels.merged import Strides, merge
from gradc.kernels.nest import Fill, Loop, MatMul, Matrix, Ref, Stmt
from gradc.kernels.state import State, number

__all__ = ["lower_matmul"]


def lower_matmul(state: State, group: Group) -> list[Stmt]:
    """Return one strided product inside loops over what does not fit into it."""
    node = state.placement.node(group.members[0].id)
    plan = state.placement.contractions[node.id]
    views = [state.placement.views[operand] for operand in node.operands]
    a = dict(zip(plan.a, views[0].strides, strict=True))
    b = dict(zip(plan.b, views[1].strides, strict=True))
    c = dict(zip(plan.out, row_major_strides(node.type.shape), strict=True))
    m, n, k = merge(plan, plan.m, a, c), merge(plan, plan.n, b, c), merge(plan, plan.k, a, b)
    loops = [x for x in (*plan.batch, *m.rest, *n.rest, *k.rest) if plan.extents[x] != 1]
    at = {label: axis_symbol(place).expr() for place, label in enumerate(loops)}

    def ref(buffer_of: int, start: Dim, strides: Strides) -> Ref:
        return Ref(state.buffer(buffer_of), _offset(start, strides, at))

    target = state.buffer(node.id)
    product = MatMul(
        m.extent,
        n.extent,
        k.extent,
        Matrix(ref(views[0].base, views[0].offset, a), m.strides[0], k.strides[0]),
        Matrix(ref(views[1].base, views[1].offset, b), k.strides[1], n.strides[0]),
        Matrix(ref(node.id, 0, c), m.strides[1], n.strides[1]),
        accumulate=bool(k.rest),
        node=node.id,
    )
    body = _around(plan, loops, product)
    return [Fill(target, number(0, node.type.dtype), node.id), *body] if k.rest else body


def _offset(start: Dim, strides: Strides, at: Mapping[int, Dim]) -> Dim:
    for label, position in at.items():
        if label in strides:
            start = start + position * strides[label]
    return start


def _around(plan: Contraction, loops: Sequence[int], product: MatMul) -> list[Stmt]:
    body: list[Stmt] = [product]
    for place, label in reversed(list(enumerate(loops))):
        body = [Loop(axis_symbol(place), 0, plan.extents[label], body)]
    return body
