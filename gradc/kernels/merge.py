"""One loop where two loops side by side sweep the same rows; statements between them go first.

for k < i: x_bar[k] += L[i, k] * t          for k < i:
u = t * t                             ->        x_bar[k] += L[i, k] * t
for k < i: L_bar[i, k] += t * x[k]              L_bar[i, k] += t * x[k]

Nests side by side that sweep the same box are one in the same way: a tape is then written where the
value is computed.
"""

from collections.abc import Sequence
from dataclasses import replace

from gradc.ir import Dim
from gradc.kernels.dependence import Span, Touch, Unit, is_legal, ordered, span_of, touches
from gradc.kernels.expand import locals_made, locals_used
from gradc.kernels.nest import Accumulate, Assign, Declare, Let, Loop, Stmt, Store
from gradc.kernels.walk import map_statement, replace_symbols, uses
from gradc.records import dataclass

__all__ = ["is_innermost", "merge_loops"]

MOST = 12
"""Statements that a merged loop may hold."""


def merge_loops(body: list[Stmt], around: Sequence[Span]) -> list[Stmt]:
    """Return the statements with loops and nests merged where that is right and saves a sweep."""
    result: list[Stmt] = []
    for statement in body:
        found = None
        if is_innermost(statement):
            found = _merged_into(result, statement, around)
        elif result and isinstance(statement, Loop):
            found = _merged_nests(result, statement, around)
        if found is None:
            result.append(statement)
        else:
            result = found
    return result


def _merged_into(before: list[Stmt], second: Stmt, around: Sequence[Span]) -> list[Stmt] | None:
    """Merge a loop with the last loop before it; None where that is not possible."""
    place = next((k for k in range(len(before) - 1, -1, -1) if isinstance(before[k], Loop)), None)
    if place is None or not isinstance(second, Loop):
        return None
    first, between = before[place], before[place + 1 :]
    if not is_innermost(first) or not isinstance(first, Loop):
        return None
    if not _same_turns(first, second) or not _shared(first, second):
        return None
    if not all(map(_is_plain, between)) or not _may_go_first(between, first, around):
        return None
    change = replace_symbols({second.symbol: first.symbol.expr()})
    tail = [map_statement(s, change) for s in second.body]
    if len(first.body) + len(tail) > MOST or not _may_join(first, tail, around):
        return None
    whole = replace(first, body=[*first.body, *tail], apart=first.apart and second.apart)
    return [*before[:place], *between, whole]


@dataclass(frozen=True, slots=True)
class _Nest:
    """Loops one in the other, with scalars made between them, and what the innermost one does."""

    loops: tuple[Loop, ...]
    lets: tuple[tuple[Let, ...], ...]
    body: list[Stmt]

    @property
    def spans(self) -> tuple[Span, ...]:
        """The values of the symbols, outermost first."""
        return tuple(map(span_of, self.loops))

    @property
    def turns(self) -> tuple[Dim, ...]:
        """The time of a turn."""
        return tuple(loop.symbol.expr() * loop.step for loop in self.loops)

    def touched(self) -> tuple[Touch, ...]:
        """Return what one turn of the innermost loop touches."""
        return ordered(touches([*(let for row in self.lets for let in row), *self.body]))

    def joined(self, other: "_Nest") -> Loop:
        """Return one nest that does the work of both."""
        body = [*self.body, *other.body]
        for loop, mine, theirs in zip(
            reversed(self.loops), reversed(self.lets), reversed(other.lets), strict=True
        ):
            whole = replace(loop, body=[*mine, *theirs, *body])
            body = [whole]
        return whole


def _nest(loop: Loop) -> _Nest | None:
    """Return a loop as a nest of two loops or more; None where it is no such thing."""
    loops, lets = [loop], list[tuple[Let, ...]]()
    while not is_innermost(loops[-1]):
        if not loops[-1].body or abs(loops[-1].step) != 1 or loops[-1].apart:
            return None
        *front, inner = loops[-1].body
        if not isinstance(inner, Loop):
            return None
        if not all(isinstance(s, Let) for s in front):
            return None
        lets.append(tuple(s for s in front if isinstance(s, Let)))
        loops.append(inner)
    return _Nest(tuple(loops), (*lets, ()), loops[-1].body)


def _merged_nests(before: list[Stmt], second: Loop, around: Sequence[Span]) -> list[Stmt] | None:
    """Merge a nest with the one right before it; None where that is not possible."""
    first = before[-1]
    a = _nest(first) if isinstance(first, Loop) and not is_innermost(first) else None
    b = _nest(second) if a is not None else None
    if a is None or b is None or len(a.loops) != len(b.loops):
        return None
    change = replace_symbols(
        {old.symbol: new.symbol.expr() for old, new in zip(b.loops, a.loops, strict=True)}
    )
    moved = _nest_of(map_statement(second, change), a)
    if moved is None or not _shared(a.loops[-1], moved.loops[-1]):
        return None
    if len(a.body) + len(moved.body) > MOST or locals_made([first]) & locals_used([second]):
        return None
    units = [
        Unit(a.touched(), a.spans, (0, *a.turns), (*a.turns, 0)),
        Unit(moved.touched(), a.spans, (1, *a.turns), (*a.turns, 1)),
    ]
    return [*before[:-1], a.joined(moved)] if is_legal(units, around) else None


def _nest_of(moved: Stmt, like: _Nest) -> _Nest | None:
    """Return a nest in the symbols of another one, if its loops run over the same box."""
    found = _nest(moved) if isinstance(moved, Loop) else None
    if found is None or not all(map(_same_turns, found.loops, like.loops)):
        return None
    return found


def _is_plain(statement: Stmt) -> bool:
    lanes = isinstance(statement, Declare) and statement.lanes
    return isinstance(statement, Let | Declare | Store | Accumulate | Assign) and not lanes


def is_innermost(statement: Stmt) -> bool:
    """Tell whether a statement is a loop, with steps of 1 or -1, of plain statements."""
    plain = isinstance(statement, Loop) and abs(statement.step) == 1
    return plain and all(map(_is_plain, statement.body))  # type: ignore[union-attr]


def _same_turns(a: Loop, b: Loop) -> bool:
    return (a.start, a.stop, a.step) == (b.start, b.stop, b.step)


def _shared(a: Loop, b: Loop) -> bool:
    """Tell whether two loops touch a common buffer."""
    left = {buffer for s in a.body for buffer, _ in uses(s)}
    return any(buffer in left for s in b.body for buffer, _ in uses(s))


def _may_go_first(moved: list[Stmt], loop: Loop, around: Sequence[Span]) -> bool:
    """Tell whether statements that follow a loop may stand before it."""
    if not moved:
        return True
    if locals_made(loop.body) & locals_used(moved):
        return False
    turn = loop.symbol.expr() * loop.step
    units = [
        Unit(touches(loop.body), (span_of(loop),), (0, turn), (1, turn)),
        Unit(touches(moved), (), (1, 0), (0, 0)),
    ]
    return is_legal(units, around)


def _may_join(first: Loop, tail: list[Stmt], around: Sequence[Span]) -> bool:
    """Tell whether each turn of the second loop may run right after the same turn of the first."""
    turn, span = first.symbol.expr() * first.step, span_of(first)
    units = [
        Unit(ordered(touches(first.body)), (span,), (0, turn), (turn, 0)),
        Unit(ordered(touches(tail)), (span,), (1, turn), (turn, 1)),
    ]
    return is_legal(units, around)
