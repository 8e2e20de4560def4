"""Values written into a copy: index_put, index_add, sums of paddings."""

from gradc.ir import Array, Dim, Kind, Node
from gradc.kernels.fuse import Group
from gradc.kernels.gather import pick, wrapped
from gradc.kernels.index import IndexTuple, index_basic, row_major, row_major_strides
from gradc.kernels.loops import walk
from gradc.kernels.lower_regions_checks import reads_are_safe
from gradc.kernels.lower_regions_place import Clash
from gradc.kernels.lower_scan import value_at
from gradc.kernels.nest import Accumulate, Buffer, Copy, Expr, Fill, Number, Ref, Stmt, Store
from gradc.kernels.scope import Scope
from gradc.kernels.state import State, number

__all__ = ["lower_assembly", "lower_join", "lower_scatter", "write_whole"]


def write_whole(state: State, target: Buffer, id: int, node: int) -> list[Stmt]:
    """Write all elements of a value into a buffer of the same shape, unless they are there."""
    place = state.placement
    view, kind = place.views.get(id), place.node(id).type
    if view is not None:
        base = place.node(view.base)
        if base.op.name == "blank":
            return []
        if base.op.kind is Kind.CONSTANT and place.is_uniform(view.base):
            value = state.load(view.base, 0)
            assert isinstance(value, Number)
            return [Fill(target, value, node)]
        whole = view.offset == 0 and view.strides == row_major_strides(kind.shape)
        stored = view.base in state.buffers or base.op.kind is Kind.CONSTANT
        if whole and kind.size == base.type.size and view.base not in state.scalars and stored:
            source = state.buffer(view.base)
            if source.type.size == target.type.size:
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
    found = walk(state, shape, turn)
    if node.id in state.heirs and shape:
        _check_in_place(state, node, found)
    return [*write_whole(state, target, base, node.id), *found]


def _check_in_place(state: State, node: Node, body: list[Stmt]) -> None:
    """Have the value kept, or the array copied, if a turn reads what another one writes."""
    value = node.operands[1]
    if reads_are_safe(body, state.buffer(node.id), state.bounds):
        return
    kept = value in state.placement.form
    raise Clash(set() if kept else {value}, {node.id} if kept else set())


def lower_join(state: State, group: Group) -> list[Stmt]:
    """Write the parts of a padding or of joined arrays one after the other."""
    node = state.placement.node(group.members[0].id)
    target, shape = state.buffer(node.id), node.type.shape
    starts: list[Dim] = list(node.params.get("low", (0,) * len(shape)))
    body: list[Stmt] = []
    if node.op.name == "pad":
        body.append(Fill(target, number(0, target.type.dtype), node.id))
    for operand in node.operands:
        kind = state.placement.node(operand).type

        def turn(
            scope: Scope, index: IndexTuple, operand: int = operand, low: list[Dim] = starts
        ) -> list[Stmt]:
            at = tuple(a + i for a, i in zip(low, index, strict=True))
            return [
                Store(Ref(target, row_major(at, shape)), value_at(scope, operand, index), node.id)
            ]

        body += walk(state, kind.shape, turn)
        if node.op.name == "concatenate":
            axis = node.params["axis"]
            starts = [*starts[:axis], starts[axis] + kind.shape[axis], *starts[axis + 1 :]]
    return body


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
