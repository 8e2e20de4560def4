"""Lanes of a sum that every turn of a loop adds to are combined once, after the last turn.

    for t:                                            lanes[16] = 0
        s = 0; lanes[16] = 0                          for t:
        for i: lanes[l] += x[t, i]            ->          for i: lanes[l] += x[t, i]
        s += combined lanes                           total += combined lanes
        total += s

The order of the additions is another one, and fixed as before.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from gradc.kernels.nest import (
    Accumulate,
    Combine,
    Declare,
    Expr,
    Lane,
    Local,
    Loop,
    Number,
    Stage,
    Stmt,
)
from gradc.kernels.walk import expressions, nested, statements, subexpressions

__all__ = ["combine_once"]


def combine_once(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages with lanes combined after the loops whose turns all add to them."""
    return [replace(stage, body=_within(stage.body)) for stage in stages]


def _within(body: list[Stmt]) -> list[Stmt]:
    """Return statements with what can go behind their loops behind them, inner loops first."""
    result: list[Stmt] = []
    for statement in body:
        for inner in nested(statement):
            inner[:] = _within(inner)
        plain = isinstance(statement, Loop) and not statement.chunk and statement.node >= 0
        result += _behind(statement) if plain else [statement]  # type: ignore[arg-type]
    return result


def _behind(loop: Loop) -> list[Stmt]:
    """Return a loop with lanes made before it, and combined after it."""
    loop.body = _added_directly(loop.body)
    uses = _uses(loop.body)
    read = _combinations(loop)
    made = {s.local for s in loop.body if isinstance(s, Declare)}
    before: list[Stmt] = []
    after: list[Stmt] = []
    for statement in loop.body:
        lanes = _combined(statement)
        if lanes is None or lanes not in made:
            continue
        assert isinstance(statement, Accumulate)
        total = statement.target
        start = next(s for s in loop.body if isinstance(s, Declare) and s.local is lanes)
        once = uses[total] == 1 == read[lanes]
        if total not in made and once and _is_zero(start):
            before.append(start)
            after.append(statement)
    moved = {*map(id, before), *map(id, after)}
    loop.body = [s for s in loop.body if id(s) not in moved]
    return [*before, loop, *after]


def _combinations(loop: Loop) -> Counter[Local]:
    """Count how often lanes are combined."""
    return Counter(
        part.local
        for statement in statements(loop.body)
        for whole in expressions(statement)
        for part in subexpressions(whole)
        if isinstance(part, Combine)
    )


def _combined(statement: Stmt) -> Local | None:
    """Return the lanes whose sum a statement adds to a number."""
    if not isinstance(statement, Accumulate) or statement.how != "sum":
        return None
    lanes = isinstance(statement.target, Local) and isinstance(statement.value, Combine)
    return statement.value.local if lanes else None  # type: ignore[union-attr]


def _is_zero(start: Declare) -> bool:
    return isinstance(start.value, Number) and start.value.value == 0


def _added_directly(body: list[Stmt]) -> list[Stmt]:
    """Leave out numbers that begin with 0 and only hand on the one thing that is added to them."""
    uses, made = _uses(body), {s.local for s in body if isinstance(s, Declare)}
    single: set[object] = {
        s.local
        for s in body
        if isinstance(s, Declare) and not s.lanes and _is_zero(s) and uses[s.local] == 2
    }
    given: dict[object, Expr] = {
        s.target: s.value
        for s in body
        if isinstance(s, Accumulate) and _combined(s) is not None and s.target in single
    }
    handed = {
        s.value
        for s in body
        if isinstance(s, Accumulate)
        and s.how == "sum"
        and s.value in given
        and isinstance(s.target, Local)
        and s.target not in made
    }
    result: list[Stmt] = []
    for statement in body:
        if isinstance(statement, Declare) and statement.local in handed:
            continue
        if isinstance(statement, Accumulate) and statement.target in handed:
            continue
        if isinstance(statement, Accumulate) and statement.value in handed:
            statement = replace(statement, value=given[statement.value])
        result.append(statement)
    return result


def _uses(body: Sequence[Stmt]) -> Counter[object]:
    """Count how often statements read or change each number, its declaration set aside."""
    found: Counter[object] = Counter()
    for statement in statements(list(body)):
        for whole in expressions(statement):
            found.update(map(_named, subexpressions(whole)))
        if isinstance(statement, Accumulate):
            found[_named(statement.target)] += 1
        elif not isinstance(statement, Declare):
            found[getattr(statement, "local", None)] += 1
    return found


def _named(part: Expr | object) -> object:
    return part.local if isinstance(part, Lane | Combine) else part
