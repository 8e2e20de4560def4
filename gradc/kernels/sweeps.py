"""Nests that write shifted boxes of one buffer become one sweep, the edges apart.

The adjoint of a stencil adds the same values to the memory of the operand once for each neighbour:
as many passes that read and write, none of which a compiler joins.  In the coordinates of the
buffer (``boxes``) they are one sum for each element::

    y[1:]  += a * x                 for the inside:  y[i] = y[i] + a * x[i - 1] + b * x[i]
    y[:-1] += b * x                 at the edges:    what there is of it

Every element gets the same values in the same order as before, so results do not change by a bit.
The inside of an axis is a loop without conditions; near the edges of the innermost axis the few
elements are written out, near those of the other axes the nests run one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import field
from itertools import pairwise

from gradc.ir import op_named
from gradc.kernels.boxes import Box, box_of
from gradc.kernels.loops import axis_symbol
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Break,
    Buffer,
    Check,
    Copy,
    Declare,
    Expr,
    Fill,
    Let,
    Load,
    Local,
    Loop,
    Round,
    Stmt,
    Store,
)
from gradc.kernels.walk import (
    expressions,
    map_statement,
    replace_symbols,
    statements,
    subexpressions,
    uses,
)
from gradc.records import dataclass

__all__ = ["join_sweeps"]

THIN = 8
"""Shorter stretches of an axis are edges."""
WINDOW = 24
"""How many statements back a nest looks for others of its buffer."""
TERMS = 4
"""Terms of a sum in one expression."""


@dataclass(slots=True, eq=False)
class _Run:
    """Statements that stay together, with what they touch.

    ``boxes`` holds the nests of one buffer; None for a statement that is something else.
    """

    statements: list[Stmt]
    boxes: list[Box] | None
    read: set[Buffer] = field(default_factory=set)
    written: set[Buffer] = field(default_factory=set)
    made: set[Local] = field(default_factory=set)
    used: set[Local] = field(default_factory=set)
    fixed: bool = False

    def note(self, statement: Stmt) -> None:
        """Note what a statement touches, all inside included."""
        for inner in statements([statement]):
            for buffer, written in uses(inner):
                (self.written if written else self.read).add(buffer)
            self.made |= _made(inner)
            self.used |= _used(inner)
            self.fixed |= isinstance(inner, Check | Break | Round)

    def free_of(self, other: "_Run") -> bool:
        """Tell whether two runs may change places."""
        if self.fixed or other.fixed or self.made & other.used or other.made & self.used:
            return False
        theirs = other.read | other.written
        return not (self.written & theirs or other.written & self.read)

    def take(self, other: "_Run") -> None:
        """Append the nests of another run."""
        assert self.boxes is not None and other.boxes is not None
        self.statements += other.statements
        self.boxes += other.boxes
        self.read |= other.read
        self.written |= other.written
        self.made |= other.made
        self.used |= other.used


def _made(statement: Stmt) -> set[Local]:
    """Return the locals that a statement makes or changes."""
    if isinstance(statement, Let | Declare | Assign):
        return {statement.local}
    changed = isinstance(statement, Accumulate) and isinstance(statement.target, Local)
    return {statement.target} if changed else set()  # type: ignore[union-attr, arg-type]


def _used(statement: Stmt) -> set[Local]:
    parts = (part for expr in expressions(statement) for part in subexpressions(expr))
    return {part for part in parts if isinstance(part, Local)}


def join_sweeps(body: Sequence[Stmt]) -> list[Stmt]:
    """Return the statements with the nests of one buffer joined where that saves passes."""
    runs: list[_Run] = []
    for statement in body:
        box = box_of(statement) if isinstance(statement, Loop | Fill | Copy) else None
        run = _Run([statement], [box] if box else None)
        run.note(statement)
        if box is None or not _joins(runs, run, box):
            runs.append(run)
    return [statement for run in runs for statement in _written(run)]


def _joins(runs: list[_Run], run: _Run, box: Box) -> bool:
    """Put a nest to an earlier one of the same buffer, moving either past what is between."""
    for back, other in enumerate(reversed(runs[-WINDOW:])):
        if not other.boxes or other.boxes[0].buffer is not box.buffer:
            continue
        if other.boxes[0].ref != box.ref:
            return False
        between = runs[len(runs) - back :]
        if all(run.free_of(one) for one in between):
            other.take(run)
        elif all(other.free_of(one) for one in between):
            other.take(run)
            runs.remove(other)
            runs.append(other)
        else:
            return False
        return True
    return False


def _written(run: _Run) -> list[Stmt]:
    if run.boxes is None or len(run.boxes) < 2:
        return run.statements
    sweep = _Sweep(run.boxes)
    joined = sweep.lines(0, run.boxes)
    return joined if sweep.saved else run.statements


class _Sweep:
    """Writes the loops of a run; ``saved`` tells whether any loop does the work of several."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.rank = len(boxes[0].ranges)
        self.saved = False

    def lines(self, axis: int, boxes: Sequence[Box], *, inside: bool = False) -> list[Stmt]:
        """Return the statements for the boxes along one axis and those inside it.

        ``inside`` tells whether a loop is around them, so that columns are swept as rows are.
        """
        symbol, found = axis_symbol(axis), list[Stmt]()
        innermost = axis == self.rank - 1
        for start, stop, long in _pieces(axis, boxes, innermost):
            parts = [part for box in boxes if (part := box.clipped(axis, start, stop))]
            if not parts:
                continue
            if innermost:
                column = inside and stop - start == 1
                self.saved |= (long or column) and len(parts) > 1
                found += _loop(axis, start, stop, _joined(parts))
            elif long:
                inner = self.lines(axis + 1, parts, inside=True)
                found.append(Loop(symbol, start, stop, inner))
            elif all(box.ranges[axis] == (start, stop) for box in boxes):
                found += _loop(axis, start, stop, self.lines(axis + 1, parts, inside=inside))
            else:
                found += [one for part in parts for one in _alone(part, axis)]
        return found


def _pieces(axis: int, boxes: Sequence[Box], innermost: bool) -> Iterator[tuple[int, int, bool]]:
    """Cut an axis where a box begins or ends; short pieces of an outer axis stay together.

    Yields the ends, and whether it is one long piece.
    """
    cuts = sorted({end for box in boxes for end in box.ranges[axis]})
    start = cuts[0]
    for low, high in pairwise(cuts):
        long = high - low >= THIN
        if innermost:
            yield low, high, long
        elif long:
            if start < low:
                yield start, low, False
            yield low, high, True
            start = high
    if not innermost and start < cuts[-1]:
        yield start, cuts[-1], False


def _alone(box: Box, axis: int) -> list[Stmt]:
    """Return the loops of one box, from an axis inwards."""
    body: list[Stmt] = [_copied(statement) for statement in box.body]
    for inner in reversed(range(axis, len(box.ranges))):
        body = _loop(inner, *box.ranges[inner], body)
    return body


def _copied(statement: Stmt) -> Stmt:
    return map_statement(statement, replace_symbols({}))


def _loop(axis: int, start: int, stop: int, body: list[Stmt]) -> list[Stmt]:
    """Return a loop, or its body where there is one turn only."""
    if not body:
        return []
    symbol = axis_symbol(axis)
    if stop - start > 1:
        return [Loop(symbol, start, stop, body)]
    return [map_statement(statement, replace_symbols({symbol: start})) for statement in body]


def _joined(boxes: Sequence[Box]) -> list[Stmt]:
    """Return the statements for one element that several boxes write to."""
    if not boxes:
        return []
    ref, dtype = boxes[0].ref, boxes[0].buffer.type.dtype
    body: list[Stmt] = []
    total: Expr | None = None
    terms = 0
    for box in boxes:
        body += [_copied(statement) for statement in box.body[:-1]]
        write = box.write
        if isinstance(write, Store):
            total, terms = write.value, 1
            continue
        if total is None and len(boxes) == 1:
            return [*body, _copied(write)]
        if terms == TERMS and total is not None:
            local = Local(dtype)
            body.append(Let(local, total))
            total, terms = local, 1
        args = (Load(ref) if total is None else total, write.value)
        total, terms = Apply(op_named("add"), args, dtype, dtype), terms + 1
    assert total is not None
    return [*body, Store(ref, total, boxes[-1].write.node)]
