"""One loop where two loops side by side sweep the same rows; statements between them go first.

for k < i: x_bar[k] += L[i, k] * t          for k < i:
u = t * t                             ->        x_bar[k] += L[i, k] * t
for k < i: L_bar[i, k] += t * x[k]              L_bar[i, k] += t * x[k]

Nests side by side that sweep the same box are one in the same way: a tape is then written where the
value is computed.
"""

from collections.abc import Sequence
from dataclasses import replace

from gradc.kernels.apart import turns_are_apart
from gradc.kernels.dependence import Span, Unit, is_legal, ordered, span_of, touches
from gradc.kernels.expand import locals_made, locals_used
from gradc.kernels.merge_nests import Nest, copied_in_turns, joined_nests, nest_of, same_turns
from gradc.kernels.nest import Accumulate, Assign, Copy, Declare, Let, Loop, Stmt, Store
from gradc.kernels.once import made_once
from gradc.kernels.walk import map_statement, replace_symbols, uses

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
        elif result and isinstance(statement, Copy):
            found = _merged_copy(result, statement, around)
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
    if not same_turns(first, second) or not _shared(first, second):
        return None
    if not all(map(_is_plain, between)) or not _may_go_first(between, first, around):
        return None
    change = replace_symbols({second.symbol: first.symbol.expr()})
    tail = [map_statement(s, change) for s in second.body]
    body = made_once([*first.body, *tail])
    if len(body) > MOST or not _may_join(first, tail, around):
        return None
    whole = replace(first, body=body, apart=first.apart and second.apart)
    if turns_are_apart(first) and turns_are_apart(second) and not turns_are_apart(whole):
        return None  # what one turn writes the next one would read: no vector code
    return [*before[:place], *between, whole]


def _merged_nests(before: list[Stmt], second: Loop, around: Sequence[Span]) -> list[Stmt] | None:
    """Merge a nest with the one right before it; None where that is not possible."""
    first = before[-1]
    a = _nest(first) if isinstance(first, Loop) else None
    b = _nest(second) if a is not None else None
    if a is None or b is None or not _shared(a.loops[-1], b.loops[-1]):
        return None
    if len(a.body) + len(b.body) > MOST:
        return None
    whole = joined_nests(a, second, around)
    return None if whole is None else [*before[:-1], whole]


def _merged_copy(before: list[Stmt], copy: Copy, around: Sequence[Span]) -> list[Stmt] | None:
    """Copy each element where the loop or nest right before it makes it."""
    first = before[-1]
    second = copied_in_turns(first, copy) if isinstance(first, Loop) else None
    if second is None:
        return None
    join = _merged_into if is_innermost(second) else _merged_nests
    return join(before, second, around)


def _nest(loop: Loop) -> Nest | None:
    """Return a loop as a nest whose innermost loop is plain."""
    found = nest_of(loop)
    return found if found is not None and is_innermost(found.loops[-1]) else None


def _is_plain(statement: Stmt) -> bool:
    lanes = isinstance(statement, Declare) and statement.lanes
    return isinstance(statement, Let | Declare | Store | Accumulate | Assign) and not lanes


def is_innermost(statement: Stmt) -> bool:
    """Tell whether a statement is a loop, with steps of 1 or -1, of plain statements."""
    plain = isinstance(statement, Loop) and abs(statement.step) == 1
    return plain and all(map(_is_plain, statement.body))  # type: ignore[union-attr]


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
