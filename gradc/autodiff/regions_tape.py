"""Tapes: arrays with one row for each turn of a loop.

A value whose first extent depends on the index is laid behind those of the turns before it, so that
rows of growing length take a triangle; another extent that depends on the index takes the room of
its largest value.  A carry that is needed both before and after a turn takes one tape with a row
more: what comes out of a turn is what goes into the next.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from gradc.errors import UnsupportedError
from gradc.ir import (
    Array,
    ArrayType,
    At,
    Dim,
    DimExpr,
    Graph,
    IndexItem,
    Node,
    Slice,
    Symbol,
    Value,
    op_named,
    substitute,
    summed,
)
from gradc.ir.ranges import upper_bound
from gradc.records import dataclass

__all__ = [
    "Row",
    "Tape",
    "counted_row",
    "counter_row",
    "make_tapes",
]

Row: TypeAlias = Callable[[int], tuple[IndexItem, tuple[Value, ...]]]


def counted_row(index: Symbol) -> Row:
    """Return how the row of a turn (and ones after it) is named by a loop's index."""
    return lambda ahead: (At(index.expr() + ahead), ())


def counter_row(turn: Value) -> Row:
    """Return how the row of a turn (and ones after it) is named by a counted number."""
    return lambda ahead: (Array(0), (turn + ahead if ahead else turn,))


@dataclass(frozen=True, slots=True)
class Tape:
    """One tape.

    Parameters
    ----------
    type : ArrayType
        Rows and the largest extents of a value.
    shape : tuple of Dim
        The extents of a value, which may depend on the index.
    written : int
        The node that is stored at each turn.
    ahead : int
        How many rows after the turn's own it goes.
    values : dict of int to int
        The nodes that are read, and how many rows after the turn's own each is.
    initial : int
        The operand that the row before the first turn holds; -1 if there is no such row.
    first : Dim
        Where that row is.
    packed : Dim or None
        Where the rows of a turn begin if values lie one behind the other along their first axis.
    """

    name: str
    type: ArrayType
    shape: tuple[Dim, ...]
    written: int
    ahead: int
    values: dict[int, int]
    initial: int = -1
    first: Dim = 0
    packed: Dim | None = None

    def start(self, graph: Graph, operands: Sequence[Value]) -> Value:
        """Return the tape before the loop, by its name."""
        tape = graph.blank(self.type.shape, self.type.dtype)
        if self.initial >= 0:
            spec = (At(self.first), *(Slice(0, d) for d in self.shape))
            tape = op_named("index_put")(tape, operands[self.initial], spec=spec)
        graph.names[tape.id] = self.name
        return tape

    def write(self, array: Value, value: Value, row: Row) -> Value:
        """Store the value of this turn."""
        spec, arrays = self._place(row, self.ahead)
        return op_named("index_put")(array, value, *arrays, spec=spec)

    def read(self, array: Value, id: int, row: Row) -> Value:
        """Read a value of this turn."""
        spec, arrays = self._place(row, self.values[id])
        return op_named("index")(array, *arrays, spec=spec)

    def _place(self, row: Row, ahead: int) -> tuple[tuple[IndexItem, ...], tuple[Value, ...]]:
        """Return where the value of a turn lies."""
        starts: tuple[Dim, ...] = (0,) * len(self.shape)
        if self.packed is not None:
            starts = (self.packed, *starts[1:])
            return tuple(map(Slice, starts, self.shape)), ()
        item, arrays = row(ahead)
        return (item, *map(Slice, starts, self.shape)), arrays


def make_tapes(
    graph: Graph, captures: int, carries: int, kept: Sequence[int], node: Node
) -> list[Tape]:
    """Return the tapes for what a body keeps."""
    left = dict.fromkeys(kept)
    tapes: list[Tape] = []
    counted = node.op.name == "loop"
    for item in range(carries) if counted else ():
        before, after = graph.inputs[captures + item], graph.outputs[item]
        if before != after and before in left and after in left:
            del left[before], left[after]
            tapes.append(_trajectory(graph, before, after, captures + item, node))
    for id in left:
        packed = _packed(graph, id, node) if counted else None
        if packed is None:
            rows = node.params["count"] if counted else node.params["limit"]
            packed = _tape(graph, id, _row_type(graph, id, node), rows, {id: 0}, id)
        tapes.append(packed)
    return tapes


def _packed(graph: Graph, id: int, node: Node) -> Tape | None:
    """Return the tape of a value whose first extent depends on the index; None for others."""
    shape, index, count = graph[id].type.shape, node.params["index"], node.params["count"]
    if not shape or not isinstance(shape[0], DimExpr) or index not in shape[0].symbols:
        return None
    start = summed(shape[0], index)
    if start is None:
        return None
    kind = _row_type(graph, id, node, packed=True)
    wide = kind.with_shape((substitute(start, {index: count}), *kind.shape[1:]))
    name = graph.names.get(id, "value")
    return Tape(f"{name}_tape", wide, shape, id, 0, {id: 0}, packed=start)


def _trajectory(graph: Graph, before: int, after: int, slot: int, node: Node) -> Tape:
    """Return the tape of a carry, one row longer than there are turns."""
    count, reverse = node.params["count"], node.params["reverse"]
    early, late = (1, 0) if reverse else (0, 1)
    tape = _tape(graph, before, graph[before].type, count + 1, {before: early, after: late}, after)
    return Tape(
        tape.name,
        tape.type,
        tape.shape,
        after,
        late,
        tape.values,
        slot,
        count if reverse else 0,
    )


def _tape(
    graph: Graph, id: int, kind: ArrayType, rows: Dim, values: dict[int, int], written: int
) -> Tape:
    wide = kind.with_shape((rows, *kind.shape))
    name = graph.names.get(id, "value")
    return Tape(f"{name}_tape", wide, graph[id].type.shape, written, 0, values)


def _row_type(graph: Graph, id: int, node: Node, *, packed: bool = False) -> ArrayType:
    """Return the type of a value with the largest extents it has in any turn.

    The first extent is not looked at where values are packed along it.
    """
    kind = graph[id].type
    if node.op.name != "loop":
        return kind
    shape: list[Dim] = []
    for axis, extent in enumerate(kind.shape):
        if packed and axis == 0:
            shape.append(extent)
            continue
        bound = upper_bound(extent, node.params["index"], node.params["count"])
        if bound is None:
            raise UnsupportedError(
                f"the reverse of this loop must keep an array of extent {extent}, "
                "whose largest value is not known",
                span=graph[id].origin.span or node.origin.span,
                repair="use slices whose lengths are linear in the loop's index",
            )
        shape.append(bound)
    return kind.with_shape(shape)
