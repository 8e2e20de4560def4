"""Temporary matrices that recurrences walk through column by column lie in memory by columns.

    for j:                                      for j:
        for i: q[i, j + 1] = f(q[i, j])    ->       for i: q'[j + 1, i] = f(q'[j, i])

The turns of the loop over j depend on each other, those of the loop over i do not, so that the
inner loop is the one that becomes vector code: where nobody but gradc sees the matrix, it is the
transposed one that is kept, and what the inner loop touches lies side by side.

The elements of an array with more axes are columns by its last axis, rows by the others.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace

from gradc.ir import Dim, DimExpr, Symbol, substitute
from gradc.kernels.extremes import Bounds, extremes
from gradc.kernels.loops import axis_symbol
from gradc.kernels.nest import (
    Accumulate,
    Buffer,
    Call,
    Copy,
    Fill,
    Load,
    Loop,
    MatMul,
    Ref,
    Stage,
    Stmt,
    Store,
    While,
)
from gradc.kernels.retarget import with_refs
from gradc.kernels.walk import loads, nested, statements, uses
from gradc.records import dataclass

__all__ = ["lay_columns", "recurs"]

LEAST = 16
"""Shorter columns stay as they are."""
NARROW = 4
"""Shorter rows stay as they are."""
PAGE, LINE = 4096, 64
"""Bytes: places a multiple of the first apart share a place in a cache, which loads the second."""
MOST = 1024
"""Pairs of elements of one matrix that are compared; more are no plain recurrence."""


def lay_columns(stages: list[Stage]) -> list[Stage]:
    """Return the stages with some temporary matrices transposed."""
    facts = _Facts()
    for stage in stages:
        facts.visit(stage.body, {}, (), 1)
    turned = {b: _turned(b) for b, votes in facts.votes.items() if votes > 0}
    turned = {b: new for b, new in turned.items() if b not in facts.barred}
    if not turned:
        return stages
    places = {key: place for key, place in facts.places.items() if key[0] in turned}
    return [replace(s, body=_moved(s.body, turned, places)) for s in stages]


def _is_matrix(buffer: Buffer) -> bool:
    """Tell whether a buffer may be turned at all."""
    shape = buffer.type.shape
    if buffer.kind != "temporary" or buffer.most >= 0 or len(shape) < 2:
        return False
    if not all(isinstance(extent, int) for extent in shape):
        return False
    rows, width = _extents(buffer)
    return rows >= LEAST and width >= NARROW


def _extents(buffer: Buffer) -> tuple[int, int]:
    """Return how many rows and columns a buffer has."""
    *rows, width = (int(extent) for extent in buffer.type.shape)  # type: ignore[arg-type]
    return math.prod(rows), width


def _turned(buffer: Buffer) -> Buffer:
    *rows, width = buffer.type.shape
    if _apart(buffer) != _extents(buffer)[0]:
        rows = [_apart(buffer)]
    return replace(buffer, type=buffer.type.with_shape((width, *rows)))


def _apart(buffer: Buffer) -> int:
    """Return how far apart the columns of a turned buffer start: not by what caches divide by."""
    rows, _ = _extents(buffer)
    size = buffer.type.dtype.itemsize
    return rows if rows * size % PAGE else rows + LINE // size


@dataclass(slots=True)
class _Facts:
    """What loops do with matrices.

    ``votes`` are turns of innermost loops that walk down a column in a recurrence, less those that
    walk along a row; ``barred`` are matrices that must stay; ``places`` are rows and columns of
    offsets.
    """

    votes: dict[Buffer, int] = field(default_factory=dict)
    barred: set[Buffer] = field(default_factory=set)
    places: dict[tuple[Buffer, Dim], tuple[Dim, Dim]] = field(default_factory=dict)
    recurrent: dict[Loop, bool] = field(default_factory=dict)

    def visit(
        self, body: Sequence[Stmt], bounds: Bounds, loops: tuple[Loop, ...], turns: int
    ) -> None:
        """Note what statements do inside some loops, which run a number of turns in all."""
        for statement in body:
            if isinstance(statement, Loop):
                inside = {**bounds, statement.symbol: _ends(statement)}
                found = extremes((statement.stop - statement.start) * statement.step, bounds)
                more = max(found[1], 1) if found else 1
                self.visit(statement.body, inside, (*loops, statement), turns * more)
                continue
            for ref in _references(statement):
                self._note(ref, bounds, loops, turns)
            if isinstance(statement, Call | MatMul):
                self.barred.update(buffer for buffer, _ in uses(statement))
            elif isinstance(statement, Copy):
                for buffer in (statement.target, statement.source):
                    self._vote(buffer, -turns * _size(buffer))
            for inner in nested(statement):
                self.visit(inner, bounds, () if isinstance(statement, While) else loops, turns)

    def _vote(self, buffer: Buffer, turns: int) -> None:
        self.votes[buffer] = self.votes.get(buffer, 0) + turns

    def _note(self, ref: Ref, bounds: Bounds, loops: tuple[Loop, ...], turns: int) -> None:
        buffer = ref.buffer
        if buffer in self.barred or not _is_matrix(buffer):
            return
        place = None if ref.gathers else _place(ref.offset, buffer, bounds)
        if place is None or self.places.setdefault((buffer, ref.offset), place) != place:
            self.barred.add(buffer)
            return
        if not loops:
            return
        row, column = (_holds(dim, loops[-1].symbol) for dim in place)
        if column and not row:
            self._vote(buffer, -turns)
        elif row and not column and self._waits(column=place[1], loops=loops[:-1]):
            self._vote(buffer, turns)

    def _waits(self, column: Dim, loops: tuple[Loop, ...]) -> bool:
        """Tell whether a loop that goes from column to column, or the one around, recurs."""
        return any(
            self._recurs(loop) for loop in loops if loop is loops[-1] or _holds(column, loop.symbol)
        )

    def _recurs(self, loop: Loop) -> bool:
        if loop not in self.recurrent:
            self.recurrent[loop] = recurs(loop)
        return self.recurrent[loop]


def _ends(loop: Loop) -> tuple[Dim, Dim]:
    """Return the least and the greatest value of a loop's symbol, for steps of 1 and -1."""
    return (loop.stop + 1, loop.start) if loop.step < 0 else (loop.start, loop.stop - 1)


def _size(buffer: Buffer) -> int:
    size = buffer.type.size
    return size if isinstance(size, int) else 0


def _references(statement: Stmt) -> Iterator[Ref]:
    """Yield what a statement reads, and the element that it writes."""
    yield from loads(statement)
    if isinstance(statement, Store):
        yield statement.ref
    elif isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
        yield statement.target


def _holds(dim: Dim, symbol: Symbol) -> bool:
    return isinstance(dim, DimExpr) and symbol in dim.symbols


def recurs(loop: Loop) -> bool:
    """Tell whether a turn of a loop reads an element that another one, some turns away, writes.

    Sums that are only added to do not count: nobody waits for them.
    """
    if _hands_on(loop):
        return True
    read: dict[Buffer, set[Dim]] = {}
    written: dict[Buffer, set[Dim]] = {}
    added: dict[Buffer, set[Dim]] = {}
    for statement in statements(loop.body):
        for ref in loads(statement):
            read.setdefault(ref.buffer, set()).add(ref.offset)
        if isinstance(statement, Store):
            written.setdefault(statement.ref.buffer, set()).add(statement.ref.offset)
        elif isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
            added.setdefault(statement.target.buffer, set()).add(statement.target.offset)
    return any(
        _turns_between(a, b, loop)
        for table, other in ((written, read), (written, added), (added, read))
        for buffer, offsets in table.items()
        if len(offsets) * len(other.get(buffer, ())) <= MOST
        for a in offsets
        for b in other.get(buffer, ())
    )


def _hands_on(loop: Loop) -> bool:
    """Tell whether turns read, and then write, elements that are the same in all turns."""
    read, known = set[tuple[Buffer, Dim]](), set[tuple[Buffer, Dim]]()
    for statement in statements(loop.body):
        for ref in loads(statement):
            if not _holds(ref.offset, loop.symbol) and (ref.buffer, ref.offset) not in known:
                read.add((ref.buffer, ref.offset))
        if isinstance(statement, Store):
            place = statement.ref.buffer, statement.ref.offset
            if place in read:
                return True
            known.add(place)
    return False


def _turns_between(a: Dim, b: Dim, loop: Loop) -> bool:
    """Tell whether an offset is where another one was, or will be, some turns away."""
    step = substitute(a, {loop.symbol: loop.symbol.expr() + 1}) - a
    gap, turns = a - b, (loop.stop - loop.start) * loop.step
    if not isinstance(step, int) or not isinstance(gap, int) or step == 0 or gap == 0:
        return False
    return gap % step == 0 and not (isinstance(turns, int) and abs(gap // step) >= turns)


def _place(offset: Dim, buffer: Buffer, bounds: Bounds) -> tuple[Dim, Dim] | None:
    """Return the row and the column of an offset; None where they cannot be told apart."""
    rows, width = _extents(buffer)
    near: Dim = 0
    number = 0
    for monomial, factor in offset.terms if isinstance(offset, DimExpr) else (((), offset),):
        if not isinstance(factor, int):
            return None
        if not monomial:
            number = factor
            continue
        rest = factor % width
        rest = rest - width if 2 * rest > width else rest
        near = near + (DimExpr(((monomial, rest),)) if rest else 0)
    least = extremes(near, bounds)
    if least is None:
        return None
    start = number - (number + least[0]) // width * width
    column = near + start
    far = offset - column
    row = _divided(far, width)
    if least[1] + start >= width or row is None:
        return None
    found = extremes(row, bounds)
    return (row, column) if found is not None and found[0] >= 0 and found[1] < rows else None


def _divided(dim: Dim, by: int) -> Dim | None:
    """Return a multiple of a number, divided by it."""
    if isinstance(dim, int):
        return dim // by if dim % by == 0 else None
    if any(factor % by for _, factor in dim.terms):
        return None
    return DimExpr(tuple((monomial, factor // by) for monomial, factor in dim.terms))


# rewriting


def _moved(
    body: Sequence[Stmt],
    turned: dict[Buffer, Buffer],
    places: dict[tuple[Buffer, Dim], tuple[Dim, Dim]],
) -> list[Stmt]:
    def ref(old: Ref) -> Ref:
        new = turned.get(old.buffer)
        if new is None:
            return old
        row, column = places[old.buffer, old.offset]
        return Ref(new, column * _apart(old.buffer) + row)

    return [_statement(statement, turned, ref) for statement in body]


def _statement(statement: Stmt, turned: dict[Buffer, Buffer], ref: Callable[[Ref], Ref]) -> Stmt:
    def simple(inner: Stmt) -> Stmt:
        if isinstance(inner, Fill) and inner.buffer in turned:
            return replace(inner, buffer=turned[inner.buffer])
        if isinstance(inner, Copy):
            return _copied(inner, turned)
        return inner

    return with_refs(statement, ref, simple)


def _copied(copy: Copy, turned: dict[Buffer, Buffer]) -> Stmt:
    """Return a copy, as a nest where one side of it is turned."""
    sides = (copy.target, copy.source)
    if all(side in turned for side in sides):
        return replace(copy, target=turned[copy.target], source=turned[copy.source])
    if not any(side in turned for side in sides):
        return copy
    buffer = next(side for side in sides if side in turned)
    rows, width = _extents(buffer)
    row, column = axis_symbol(0).expr(), axis_symbol(1).expr()
    target, source = (
        Ref(turned[side], column * _apart(buffer) + row)
        if side in turned
        else Ref(side, row * width + column)
        for side in sides
    )
    store = Store(target, Load(source), copy.node)
    inner = Loop(axis_symbol(1), 0, width, [store], node=copy.node)
    return Loop(axis_symbol(0), 0, rows, [inner], node=copy.node)
