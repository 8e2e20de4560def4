"""Reductions in sixteen lanes: a fixed order of additions that vectorises.

total = 0                       total = 0
for i < n: total += f(i)        lanes[16] = 0
for i < n - n % 16 step 16:
for l < 16: lanes[l] += f(i + l)
for l < n % 16: lanes[l] += f(n - n % 16 + l)
total += combined lanes
"""

from collections.abc import Iterator

from gradc.ir import Dim, Symbol
from gradc.kernels.lower_loops import start_value
from gradc.kernels.nest import (
    LANES,
    Accumulate,
    Combine,
    Declare,
    Expr,
    How,
    Lane,
    Let,
    Local,
    Loop,
    Stmt,
    Store,
)
from gradc.kernels.walk import expressions, map_statement, replace_symbols, subexpressions

__all__ = ["use_lanes"]

_LANED = ("sum", "prod", "max", "min")
LANE = Symbol("lane", "index")


def use_lanes(loop: Loop) -> list[Stmt]:
    """Return the loop with every reduction into a scalar spread over lanes."""
    totals = _totals(loop)
    if not totals or not _long(loop):
        return [loop]
    length = loop.stop - loop.start
    assert isinstance(length, int)
    lanes = {local: Local(local.dtype, local.name, local.node) for local in totals}
    rest = length % LANES
    split = loop.stop - rest
    here = loop.symbol.expr() + LANE.expr()
    main = Loop(LANE, 0, LANES, _turn(loop, here, lanes))
    result: list[Stmt] = [
        Declare(lanes[local], start_value(how, local.dtype), LANES) for local, how in totals.items()
    ]
    result.append(Loop(loop.symbol, loop.start, split, [main], LANES))
    if rest:
        result.append(Loop(LANE, 0, rest, _turn(loop, LANE.expr() + split, lanes)))
    result += [
        Accumulate(local, how, Combine(how, lanes[local]), local.node)
        for local, how in totals.items()
    ]
    return result


def _totals(loop: Loop) -> dict[Local, How]:
    """Return the scalars that the loop reduces into, if nothing in the loop reads them."""
    if not all(isinstance(s, Let | Store | Accumulate) for s in loop.body):
        return {}
    read = {e for s in loop.body for whole in expressions(s) for e in _locals(whole)}
    return {
        s.target: s.how
        for s in loop.body
        if isinstance(s, Accumulate)
        and isinstance(s.target, Local)
        and s.how in _LANED
        and s.target.dtype.kind == "f"
        and s.target not in read
    }


def _locals(expr: Expr) -> Iterator[Local]:
    return (part for part in subexpressions(expr) if isinstance(part, Local))


def _long(loop: Loop) -> bool:
    length = loop.stop - loop.start
    return loop.step == 1 and isinstance(length, int) and length >= LANES


def _turn(loop: Loop, here: Dim, lanes: dict[Local, Local]) -> list[Stmt]:
    change = replace_symbols({loop.symbol: here})
    result: list[Stmt] = []
    for statement in loop.body:
        moved = map_statement(statement, change)
        if isinstance(moved, Accumulate) and moved.target in lanes:
            target = Lane(lanes[moved.target], LANE)
            moved = Accumulate(target, moved.how, moved.value, moved.node)
        result.append(moved)
    return result
