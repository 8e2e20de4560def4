"""Index arrays: NumPy's rule for their axes, wrapped positions, bounds."""

from typing import NamedTuple

import numpy as np

from gradc.errors import IndexBoundsError
from gradc.ir import (
    INT64,
    Array,
    At,
    Dim,
    IndexSpec,
    Kind,
    NewAxis,
    Node,
    Shape,
    Slice,
    Symbol,
    broadcast_shapes,
    op_named,
)
from gradc.kernels.index import IndexTuple, broadcast_index
from gradc.kernels.nest import Apply, Check, Choose, Expr, Index, Load, Loop, Number, Ref, Stmt
from gradc.kernels.state import State
from gradc.ops.index_spec import result_items

__all__ = ["Picked", "index_checks", "pick", "positions", "wrapped"]


class Picked(NamedTuple):
    """An element of an indexed array, axis by axis of the array.

    ``fixed`` holds the affine part of each position; ``arrays`` the (axis, operand slot, index of
    the index array) of the others, whose fixed part is 0.
    """

    fixed: IndexTuple
    arrays: tuple[tuple[int, int, IndexTuple], ...]


def pick(spec: IndexSpec, arrays: tuple[Shape, ...], index: IndexTuple) -> Picked:
    """Turn an index of ``x[spec]`` into positions in ``x``."""
    width = len(broadcast_shapes(*arrays))
    places: dict[int, Dim] = {}
    shared: IndexTuple = ()
    axis = 0
    for place in result_items(spec):
        if place is None:
            shared = index[axis : axis + width]
            axis += width
        else:
            places[place] = index[axis]
            axis += 1
    fixed: list[Dim] = []
    found: list[tuple[int, int, IndexTuple]] = []
    for place, item in enumerate(spec):
        if isinstance(item, Slice):
            fixed.append(item.start + places[place] * item.step)
        elif isinstance(item, At):
            fixed.append(item.position)
        elif isinstance(item, Array):
            at = broadcast_index(shared, arrays[item.slot])
            found.append((len(fixed), item.slot, at))
            fixed.append(0)
    return Picked(tuple(fixed), tuple(found))


def positions(spec: IndexSpec, shape: Shape) -> list[tuple[int, Dim]]:
    """Return (slot, extent of the axis it indexes) of every index array."""
    named = [item for item in spec if not isinstance(item, NewAxis)]
    return [
        (item.slot, extent)
        for item, extent in zip(named, shape, strict=True)
        if isinstance(item, Array)
    ]


def wrapped(state: State, operand: int, offset: Dim, base: int, extent: Dim) -> Expr:
    """Return a position with negative ones counted from the end, as a 64-bit integer."""
    node = state.program.graph[base]
    if node.op.kind is Kind.CONSTANT and isinstance(extent, int):
        return _constant_position(state, node, operand, offset, extent)
    value = state.load(base, offset)
    dtype = node.type.dtype
    if dtype != INT64:
        cast = op_named("cast")
        value = Apply(cast, (value,), INT64, dtype, (("dtype", INT64),))
    if dtype.kind == "u":
        return value
    zero, length = Number(0, INT64), _extent(extent)
    negative = Apply(op_named("less"), (value, zero), np.dtype(bool), INT64)
    return Choose(negative, Apply(op_named("add"), (value, length), INT64, INT64), value)


def _extent(extent: Dim) -> Expr:
    return Number(extent, INT64) if isinstance(extent, int) else Index(extent)


def _constant_position(state: State, node: Node, operand: int, offset: Dim, extent: Dim) -> Expr:
    """Wrap and check at compile time."""
    values = np.array(node.params["value"].array).astype(np.int64)
    assert isinstance(extent, int)
    bad = (values < -extent) | (values >= extent)
    if bad.any():
        name = state.name(operand) or "a constant"
        raise IndexBoundsError(
            f"index {values[bad][0]} is out of bounds for an axis of length {extent}",
            span=node.origin.span,
            repair=f"see the values of {name}",
        )
    values = np.where(values < 0, values + extent, values)
    flat = values.reshape(-1)
    if not flat.size:  # a loop without turns
        return Number(0, INT64)
    if isinstance(offset, int) or (flat.size and (flat == flat[0]).all()):
        return Number(int(flat[offset if isinstance(offset, int) else 0]), INT64)
    return Load(Ref(state.constant_index(node.id, values, extent), offset))


def index_checks(state: State, node: Node) -> list[Stmt]:
    """Return loops that check the index arrays of a gather or scatter, once for each array."""
    shape = state.program.graph[node.operands[0]].type.shape
    first = len(node.operands) - _array_count(node)
    checks: list[Stmt] = []
    for slot, extent in positions(node.params["spec"], shape):
        operand = node.operands[first + slot]
        base = state.placement.views[operand].base
        known = state.program.graph[base].op.kind is Kind.CONSTANT and isinstance(extent, int)
        if known or (operand, extent) in state.checked:
            continue
        state.checked.add((operand, extent))
        checks.append(_check(state, node, operand, extent))
    return checks


def _array_count(node: Node) -> int:
    return len(node.operands) - (1 if node.op.name == "index" else 2)


def _check(state: State, node: Node, operand: int, extent: Dim) -> Stmt:
    view = state.placement.views[operand]
    shape = state.program.graph[operand].type.shape
    symbols = [Symbol(f"i{axis}", "index") for axis in range(len(shape))]
    offset = view.at(tuple(s.expr() if e != 1 else 0 for s, e in zip(symbols, shape, strict=True)))
    value = wrapped(state, operand, offset, view.base, extent)
    message = f"an index is out of bounds for an axis of length {extent}"
    statement: Stmt = Check(value, extent, state.fail(message, node.origin.span))
    for symbol, length in reversed(list(zip(symbols, shape, strict=True))):
        if length != 1:
            statement = Loop(symbol, 0, length, [statement])
    return statement
