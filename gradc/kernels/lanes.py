"""Reductions in sixteen lanes: a fixed order of additions that vectorises.

total = 0                       total = 0
for i < n: total += f(i)        lanes[16] = 0
for i < n - n % 16 step 16:
for l < 16: lanes[l] += f(i + l)
for l < n % 16: lanes[l] += f(n - n % 16 + l)
total += combined lanes

A length that depends on a loop around is split where it is rounded down to a multiple of sixteen.
"""

from collections.abc import Iterator

from gradc.ir import Dim, DimExpr, Symbol
from gradc.kernels.extremes import Bounds, extremes
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
    Round,
    Stmt,
    Store,
)
from gradc.kernels.unpack import unpack_bytes
from gradc.kernels.walk import expressions, loads, map_statement, replace_symbols, subexpressions

__all__ = ["use_lanes"]

_LANED = ("sum", "prod", "max", "min")
LANE = Symbol("lane", "index")
WHOLE = Symbol("whole", "whole")
WORTH = 48
"""Greatest length from which a sum whose length varies is worth its lanes."""


def use_lanes(loop: Loop, bounds: Bounds) -> list[Stmt]:
    """Return the loop with every reduction into a scalar spread over lanes."""
    totals = _totals(loop)
    if not totals or not _long(loop, bounds):
        return [loop]
    dtype = next(iter(totals)).dtype
    rows, loop = unpack_bytes(loop, _most(loop, bounds), dtype)
    result: list[Stmt] = [*rows]
    length = loop.stop - loop.start
    lanes = {local: Local(local.dtype, local.name, local.node) for local in totals}
    rest: Dim
    if isinstance(length, int):
        rest = length % LANES
    else:
        result.append(Round(WHOLE, length, LANES))
        rest = length - WHOLE.expr()
    split = loop.stop - rest
    here = loop.symbol.expr() + LANE.expr()
    main = Loop(LANE, 0, LANES, _turn(loop, here, lanes), apart=loop.apart)
    result += [
        Declare(lanes[local], start_value(how, local.dtype), LANES) for local, how in totals.items()
    ]
    result.append(Loop(loop.symbol, loop.start, split, [main], LANES))
    if rest:
        tail = _turn(loop, LANE.expr() + split, lanes)
        result.append(Loop(LANE, 0, rest, tail, apart=loop.apart))
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


def _long(loop: Loop, bounds: Bounds) -> bool:
    length = loop.stop - loop.start
    if loop.step != 1 or isinstance(length, int):
        return loop.step == 1 and isinstance(length, int) and length >= LANES
    found = extremes(length, bounds)
    return found is not None and found[1] >= WORTH and _walks_memory(loop)


def _most(loop: Loop, bounds: Bounds) -> int | None:
    """Return the greatest length of a loop."""
    found = extremes(loop.stop - loop.start, bounds)
    return None if found is None else found[1]


def _walks_memory(loop: Loop) -> bool:
    """Tell whether everything the loop reads lies next to what the turn before read."""
    for statement in loop.body:
        for ref in loads(statement):
            if ref.gathers or not isinstance(ref.offset, DimExpr):
                return False
            steps = [(m, factor) for m, factor in ref.offset.terms if loop.symbol in dict(m)]
            if any(m != ((loop.symbol, 1),) or abs(factor) != 1 for m, factor in steps):
                return False
    return True


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
