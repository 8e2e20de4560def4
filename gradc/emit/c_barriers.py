"""Where the text must keep a compiler from a transformation that it gets wrong.

gcc 12 vectorises ``for i: for j: total += x[c - j]`` across ``i`` and reads wrong elements: so it
does with any sum over two nested loops whose inner loop runs backwards through memory.
Such outer loops get a call of ``gradc_serial``, which costs nothing.

It also vectorises ``for i: a[5 * i + 6] += u[i]; a[5 * i + 1] += v[i]`` and loses what one turn and
another one do to the same element.  So it does with any loop that steps over elements of an array
and reaches what it writes from several turns; a loop around short loops counts as one, since those
are unrolled.  Such loops are kept as they are.

And it jams turns of ``for j: for lane: total[lane] += x[j, lane]``, which takes the totals out of
their registers: right, but half as fast.
"""

from collections.abc import Iterator
from typing import NamedTuple

from gradc.emit.c_chains import SHORT, adds_out_of_order
from gradc.emit.c_uses import child_blocks, children, operands
from gradc.ir.dims import DimExpr, Symbol
from gradc.kernels import nest
from gradc.kernels.affine import linear
from gradc.kernels.nest import Buffer, Expr, Local, Loop, Stmt

__all__ = ["needs_barrier"]


def needs_barrier(loop: Loop) -> bool:
    """Tell whether a compiler gets a loop wrong: a sum out of memory's order, or turns that meet.

    Or whether it takes sums in lanes out of their registers.
    """
    wrong = _sums_backwards(loop) or _turns_meet(loop) or adds_out_of_order(loop)
    return wrong or _adds_to_lanes(loop)


def _adds_to_lanes(loop: Loop) -> bool:
    """Tell whether turns, one by one, add to lanes from outside."""
    made = {stmt.local for stmt in loop.body if isinstance(stmt, nest.Declare)}
    return loop.step == 1 and any(
        isinstance(add, nest.Accumulate)
        and isinstance(add.target, nest.Lane)
        and add.target.local not in made
        for stmt in loop.body
        if isinstance(stmt, Loop)
        for add in stmt.body
    )


class _Reach(NamedTuple):
    """What stays in a loop of an offset, its step from turn to turn, and both ends of one turn."""

    written: bool
    fixed: tuple[tuple[Symbol, int], ...]
    step: int
    low: int
    high: int


def _turns_meet(loop: Loop) -> bool:
    """Tell whether turns that step over elements reach what other turns write."""
    ranges: dict[Symbol, tuple[int, int]] = {}
    for stmt in _walk(loop.body):
        if isinstance(stmt, Loop):
            start, stop = stmt.start, stmt.stop
            if not isinstance(start, int) or not isinstance(stop, int):
                return False
            if abs(stop - start) > SHORT:
                return False
            last = stop - 1 if stmt.step > 0 else stop + 1
            ranges[stmt.symbol] = (min(start, last), max(start, last))
    reached: dict[Buffer, list[_Reach]] = {}
    for ref, written in _accesses(loop.body):
        reach = _reach(ref, written, loop, ranges)
        if reach is not None:
            reached.setdefault(ref.buffer, []).append(reach)
    return any(_meet(a, b) for found in reached.values() for a in found for b in found if a.written)


def _reach(
    ref: nest.Ref, written: bool, loop: Loop, ranges: dict[Symbol, tuple[int, int]]
) -> _Reach | None:
    """Return what a reference reaches; None where that is not known."""
    form = linear(ref.offset)
    if form is None or ref.gathers:
        return None
    low = high = form.constant
    fixed, step = [], 0
    for symbol, factor in form.factors.items():
        if symbol == loop.symbol:
            step = factor * loop.step
        elif symbol in ranges:
            ends = sorted(factor * end for end in ranges[symbol])
            low, high = low + ends[0], high + ends[1]
        else:
            fixed.append((symbol, factor))
    return _Reach(written, tuple(sorted(fixed)), step, low, high)


def _meet(a: _Reach, b: _Reach) -> bool:
    """Tell whether two accesses that step over elements meet in different turns."""
    if abs(a.step) < 2 or (a.step, a.fixed) != (b.step, b.fixed):
        return False
    return max(a.high - b.low, b.high - a.low) >= abs(a.step)


def _accesses(body: list[Stmt]) -> Iterator[tuple[nest.Ref, bool]]:
    yield from ((ref, False) for ref in _reads(body))
    for stmt in _walk(body):
        if isinstance(stmt, nest.Store):
            yield stmt.ref, True
        elif isinstance(stmt, nest.Accumulate) and isinstance(stmt.target, nest.Ref):
            yield stmt.target, True


def _sums_backwards(loop: Loop) -> bool:
    """Tell whether a loop holds a loop that adds to a scalar from outside, reading backwards."""
    inside = {stmt.local for stmt in loop.body if isinstance(stmt, nest.Declare | nest.Let)}
    return any(
        isinstance(stmt, Loop)
        and any(_accumulated(stmt, inside))
        and any(_falls(ref.offset, stmt.symbol) for ref in _reads(stmt.body))
        for stmt in loop.body
    )


def _accumulated(loop: Loop, inside: set[Local]) -> Iterator[Local]:
    """Yield the scalars that the statements of a loop add to and that live longer than a turn."""
    for stmt in _walk(loop.body):
        target = stmt.target if isinstance(stmt, nest.Accumulate) else None
        if isinstance(target, Local) and target not in inside:
            yield target


def _falls(offset: object, symbol: Symbol) -> bool:
    """Tell whether an offset gets smaller as a loop goes on."""
    if not isinstance(offset, DimExpr):
        return False
    return any(
        factor < 0 and any(s == symbol for s, _ in monomial) for monomial, factor in offset.terms
    )


def _reads(body: list[Stmt]) -> Iterator[nest.Ref]:
    for stmt in _walk(body):
        waiting: list[Expr] = list(operands(stmt))
        while waiting:
            expr = waiting.pop()
            if isinstance(expr, nest.Load):
                yield expr.ref
            waiting += children(expr)


def _walk(body: list[Stmt]) -> Iterator[Stmt]:
    """Yield all statements, those inside blocks included."""
    waiting = list(body)
    while waiting:
        stmt = waiting.pop()
        yield stmt
        for block in child_blocks(stmt):
            waiting += block
