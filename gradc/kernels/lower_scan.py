"""Running sums and products, and positions of extrema."""

from gradc.errors import UnsupportedError
from gradc.ir import BOOL, INT64, Dim, Node, op_named
from gradc.kernels.fuse import Group
from gradc.kernels.index import IndexTuple, row_major
from gradc.kernels.loops import static, walk
from gradc.kernels.lower_loops import start_value
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Declare,
    Expr,
    How,
    If,
    Index,
    Let,
    Load,
    Local,
    Number,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.scope import Scope
from gradc.kernels.state import State

__all__ = ["lower_arg", "lower_scan"]


def value_at(scope: Scope, id: int, index: IndexTuple) -> Expr:
    """Return one element of a node for use in the innermost loop."""
    entry = scope.values([scope.resolve(id, index)])[0]
    return scope.argument(entry, len(scope.levels) - 1)


def lower_scan(state: State, group: Group) -> list[Stmt]:
    """Write a cumulative sum or product, along the innermost axis or row by row."""
    node = state.placement.node(group.members[0].id)
    axis = node.params["axis"] % node.type.ndim
    inner = max((a for a, extent in enumerate(node.type.shape) if extent != 1), default=axis)
    if node.type.size == 0:
        return []
    if inner != axis and not isinstance(node.type.shape[axis], int):
        raise UnsupportedError(
            f"{node.op.name} along an axis whose length depends on a loop has no C form",
            span=node.origin.span,
            repair='move that axis to the end, or use backend="numpy"',
        )
    return _scan_line(state, node, axis) if inner == axis else _scan_rows(state, node, axis)


def _how(node: Node) -> How:
    return "sum" if node.op.name == "cumsum" else "prod"


def _turned(node: Node, axis: int, index: IndexTuple) -> IndexTuple:
    """Count from the end when the scan runs backwards."""
    if not node.params.get("reverse"):
        return index
    return (*index[:axis], node.type.shape[axis] - 1 - index[axis], *index[axis + 1 :])


def _scan_line(state: State, node: Node, axis: int) -> list[Stmt]:
    """Carry a scalar along the innermost axis."""
    dtype = node.type.dtype
    total = Local(dtype, state.name(node.id), node.id)
    buffer = state.buffer(node.id)

    def turn(scope: Scope, index: IndexTuple) -> list[Stmt]:
        at = _turned(node, axis, index)
        value = value_at(scope, node.operands[0], at)
        store = Store(Ref(buffer, row_major(at, node.type.shape)), total, node.id)
        return [Accumulate(total, _how(node), value, node.id), store]

    loops = sum(extent != 1 for extent in node.type.shape)
    head: list[Stmt] = [Declare(total, start_value(_how(node), dtype))]
    return walk(state, node.type.shape, turn, heads={max(loops - 1, 0): head})


def _scan_rows(state: State, node: Node, axis: int) -> list[Stmt]:
    """Add row after row, so that the innermost loop has no carried value."""
    shape = node.type.shape
    buffer = state.buffer(node.id)

    def first(scope: Scope, index: IndexTuple) -> list[Stmt]:
        at = _turned(node, axis, index)
        value = value_at(scope, node.operands[0], at)
        return [Store(Ref(buffer, row_major(at, shape)), value, node.id)]

    def later(scope: Scope, index: IndexTuple) -> list[Stmt]:
        before = _turned(node, axis, index)
        at = _turned(node, axis, _moved(index, axis))
        value = value_at(scope, node.operands[0], at)
        carried = Load(Ref(buffer, row_major(before, shape)))
        op = op_named("add" if _how(node) == "sum" else "multiply")
        new = Apply(op, (carried, value), node.type.dtype, node.type.dtype)
        return [Store(Ref(buffer, row_major(at, shape)), new, node.id)]

    top = (*shape[:axis], 1, *shape[axis + 1 :])
    rest = (*shape[:axis], static(shape[axis]) - 1, *shape[axis + 1 :])
    order = [axis, *(a for a in range(len(shape)) if a != axis)]
    found = walk(state, top, first)
    if rest[axis] == 1:
        return found + walk(state, rest, later)
    return found + walk(state, rest, later, order) if rest[axis] else found


def _moved(index: IndexTuple, axis: int) -> IndexTuple:
    return (*index[:axis], index[axis] + 1, *index[axis + 1 :])


def lower_arg(state: State, group: Group) -> list[Stmt]:
    """Find the first position of the greatest or least element; a NaN counts as both."""
    node = state.placement.node(group.members[0].id)
    source = state.placement.node(node.operands[0])
    shape, dtype = source.type.shape, source.type.dtype
    axis = node.params["axis"]
    axes = list(range(len(shape)))
    last = axes if axis is None else [axis % len(shape)]
    order = [a for a in axes if a not in last] + last
    best, where = Local(dtype, "best"), Local(INT64, "where", node.id)
    how: How = "max" if node.op.name == "argmax" else "min"

    def turn(scope: Scope, index: IndexTuple) -> list[Stmt]:
        position: Dim = row_major(index, shape) if axis is None else index[last[0]]
        found = Local(dtype)
        value = value_at(scope, source.id, index)
        better = _better(how, found, best)
        here: Expr = Number(position, INT64) if isinstance(position, int) else Index(position)
        return [Let(found, value), If(better, [Assign(best, found), Assign(where, here)])]

    def tail(index: IndexTuple) -> list[Stmt]:
        kept = tuple(i for a, i in enumerate(index) if a not in last)
        offset = row_major(kept, node.type.shape) if len(kept) == node.type.ndim else 0
        return [Store(Ref(state.buffer(node.id), offset), where, node.id)]

    depth = sum(shape[a] != 1 for a in order if a not in last)
    heads: list[Stmt] = [Declare(best, start_value(how, dtype)), Declare(where, Number(0, INT64))]
    return walk(state, shape, turn, order, {depth: heads}, {depth: tail})


def _better(how: How, found: Local, best: Local) -> Expr:
    """Return whether ``found`` is beyond ``best``, or the first NaN."""
    dtype = found.dtype

    def compare(name: str, a: Expr, b: Expr) -> Expr:
        return Apply(op_named(name), (a, b), BOOL, dtype)

    beyond = compare("greater" if how == "max" else "less", found, best)
    if dtype.kind != "f":
        return beyond
    fresh = (compare("not_equal", found, found), compare("equal", best, best))
    first = Apply(op_named("logical_and"), fresh, BOOL, BOOL)
    return Apply(op_named("logical_or"), (beyond, first), BOOL, BOOL)
