"""Values written into a copy: index_put, index_add, sums of paddings."""

from gradc.ir import Array, Dim, Kind, Node
from gradc.kernels.fuse import Group
from gradc.kernels.gather import pick, wrapped
from gradc.kernels.index import IndexTuple, index_basic, row_major, row_major_strides
from gradc.kernels.loops import walk
from gradc.kernels.lower_scan import value_at
from gradc.kernels.nest import Accumulate, Buffer, Copy, Expr, Fill, Number, Ref, Stmt, Store
from gradc.kernels.scope import Scope
from gradc.kernels.state import State, number

__all__ = ["lower_assembly", "lower_scatter", "write_whole"]


def write_whole(state: State, target: Buffer, id: int, node: int) -> list[Stmt]:
    """Write all elements of a value into a buffer of the same shape, unless they are there."""
    place = state.placement
    view, kind = place.views.get(id), place.node(id).type
    if view is not None:
        base = place.node(view.base)
        if base.op.kind is Kind.CONSTANT and place.is_uniform(view.base):
            value = state.load(view.base, 0)
            assert isinstance(value, Number)
            return [Fill(target, value, node)]
        whole = view.offset == 0 and view.strides == row_major_strides(kind.shape)
        if whole and kind.size == base.type.size and view.base not in state.scalars:
            source = state.buffer(view.base)
            return [] if source is target else [Copy(target, source, node)]

    def turn(scope: Scope, index: IndexTuple) -> list[Stmt]:
        value = value_at(scope, id, index)
        return [Store(Ref(target, row_major(index, kind.shape)), value, node)]

    return walk(state, kind.shape, turn)


def lower_scatter(state: State, group: Group) -> list[Stmt]:
    """Copy the array unless it can be changed in place, then write or add the values in C order."""
    node = state.placement.node(group.members[0].id)
    base, value, *_ = node.operands
    target = state.buffer(node.id)

    def turn(scope: Scope, index: IndexTuple) -> list[Stmt]:
        ref = _target(state, node, target, index)
        element = value_at(scope, value, index)
        if node.op.name == "index_put":
            return [Store(ref, element, node.id)]
        return [Accumulate(ref, "sum", element, node.id)]

    shape = state.placement.node(value).type.shape
    return [*write_whole(state, target, base, node.id), *walk(state, shape, turn)]


def _target(state: State, node: Node, target: Buffer, index: IndexTuple) -> Ref:
    """Return the element that an index of the written value goes to."""
    spec, shape = node.params["spec"], node.type.shape
    if not any(isinstance(item, Array) for item in spec):
        return Ref(target, row_major(index_basic(index, spec), shape))
    arrays = node.operands[2:]
    shapes = tuple(state.placement.node(a).type.shape for a in arrays)
    picked = pick(spec, shapes, index)
    strides = row_major_strides(shape)
    offset = row_major(picked.fixed, shape)
    gathers: list[tuple[Expr, Dim]] = []
    for axis, slot, at in picked.arrays:
        view = state.placement.views[arrays[slot]]
        position = wrapped(state, arrays[slot], view.at(at), view.base, shape[axis])
        if isinstance(position, Number):
            offset = offset + strides[axis] * position.value
        else:
            gathers.append((position, strides[axis]))
    return Ref(target, offset, tuple(gathers))


def lower_assembly(state: State, group: Group) -> list[Stmt]:
    """Add the terms of a sum into memory, each paddings' inside only."""
    id = group.members[0].id
    target = state.buffer(id)
    terms = state.placement.terms[id]
    first = next((k for k, term in enumerate(terms) if not _is_padding(state, term)), None)
    if first is None:
        body: list[Stmt] = [Fill(target, number(0, target.type.dtype), id)]
    else:
        body = write_whole(state, target, terms[first], id)
    for k, term in enumerate(terms):
        if k != first:
            body += _add_term(state, target, term, id)
    return body


def _is_padding(state: State, term: int) -> bool:
    place = state.placement
    return place.node(term).op.name == "pad" and term not in place.form


def _add_term(state: State, target: Buffer, term: int, id: int) -> list[Stmt]:
    place = state.placement
    node = place.node(term)
    inside = _is_padding(state, term)
    source = node.operands[0] if inside else term
    shape = place.node(source).type.shape
    low = node.params["low"] if inside else (0,) * len(shape)

    def turn(scope: Scope, index: IndexTuple) -> list[Stmt]:
        at = tuple(a + i for a, i in zip(low, index, strict=True))
        offset = row_major(at, place.node(id).type.shape)
        return [Accumulate(Ref(target, offset), "sum", value_at(scope, source, index), id)]

    return walk(state, shape, turn)
