"""One loop where two loops side by side sweep the same rows; statements between them go first.

for k < i: x_bar[k] += L[i, k] * t          for k < i:
u = t * t                             ->        x_bar[k] += L[i, k] * t
for k < i: L_bar[i, k] += t * x[k]              L_bar[i, k] += t * x[k]
"""

from collections.abc import Sequence
from dataclasses import replace

from gradc.kernels.dependence import Span, Unit, is_legal, ordered, span_of, touches
from gradc.kernels.expand import locals_made, locals_used
from gradc.kernels.nest import Accumulate, Assign, Declare, Let, Loop, Stmt, Store
from gradc.kernels.walk import map_statement, replace_symbols, uses

__all__ = ["is_innermost", "merge_loops"]

MOST = 12
"""Statements that a merged loop may hold."""


def merge_loops(body: list[Stmt], around: Sequence[Span]) -> list[Stmt]:
    """Return the statements with innermost loops merged where that is right and saves a sweep."""
    result: list[Stmt] = []
    for statement in body:
        found = _merged_into(result, statement, around) if is_innermost(statement) else None
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
