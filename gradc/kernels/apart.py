"""Find loops whose turns touch elements of their own, where a compiler could not tell.

Temporaries lie side by side in one arena.  A compiler that wants to run several turns at once must
ask at run time whether they overlap, and for short loops its question is too coarse: the answer is
the slow loop.  Here it is known, since every element that is written belongs to one turn.
"""

from itertools import combinations

from gradc.ir import Dim, DimExpr, Symbol, substitute
from gradc.kernels.extremes import Bounds, extremes
from gradc.kernels.nest import (
    Accumulate,
    Buffer,
    Lane,
    Let,
    Local,
    Loop,
    Ref,
    Stage,
    Stmt,
    Store,
)
from gradc.kernels.walk import loads, nested

__all__ = ["mark_apart", "turns_are_apart"]

LEAST = 8
"""Turns from which on a loop may be vector code: shorter ones are not marked."""


def mark_apart(stages: list[Stage]) -> list[Stage]:
    """Mark such loops, in place; return the stages."""
    for stage in stages:
        _mark(stage.body, {})
    return stages


def _mark(body: list[Stmt], bounds: Bounds) -> None:
    for statement in body:
        inside = bounds
        if isinstance(statement, Loop):
            inside = {**bounds, statement.symbol: _ends(statement)}
            statement.apart = statement.apart or _is_apart(statement, inside)
        for inner in nested(statement):
            _mark(inner, inside)


def _ends(loop: Loop) -> tuple[Dim, Dim]:
    """Return the least and the greatest value of a loop's symbol."""
    return (loop.stop + 1, loop.start) if loop.step < 0 else (loop.start, loop.stop - 1)


def _is_apart(loop: Loop, bounds: Bounds) -> bool:
    """Tell whether each turn works on elements of its own where a compiler could not see that.

    It could not where there are several temporaries, or rows of one buffer whose distance varies.
    """
    length = loop.stop - loop.start
    if (isinstance(length, int) and abs(length) < LEAST) or not _is_plain(loop):
        return False
    offsets, written = _touched(loop)
    several = sum(buffer.kind == "temporary" for buffer in offsets) > 1
    mine = several and any(buffer.kind == "temporary" for buffer in written)
    if not mine and not any(_vary(offsets[b]) for b in written):
        return False
    return all(_are_apart(offsets[b], loop.symbol, length, bounds) for b in written)


def _vary(found: set[Dim | None]) -> bool:
    """Tell whether the distance of offsets is known to the run only."""
    known = [offset for offset in found if offset is not None]
    return any(not isinstance(a - b, int) for a, b in combinations(known, 2))


def turns_are_apart(loop: Loop) -> bool:
    """Tell whether an innermost loop's turns meet in no element, sums in scalars set aside."""
    offsets, written = _touched(loop)
    length = loop.stop - loop.start
    return _is_plain(loop) and all(_are_apart(offsets[b], loop.symbol, length, {}) for b in written)


def _is_plain(loop: Loop) -> bool:
    return all(isinstance(s, Let | Store | Accumulate) for s in loop.body)


def _touched(loop: Loop) -> tuple[dict[Buffer, set[Dim | None]], set[Buffer]]:
    """Return the offsets that a loop touches in each buffer, and which buffers it writes."""
    offsets: dict[Buffer, set[Dim | None]] = {}
    written: set[Buffer] = set()
    for statement in loop.body:
        for ref in loads(statement):
            offsets.setdefault(ref.buffer, set()).add(None if ref.gathers else ref.offset)
        target = _target(statement)
        if isinstance(target, Ref):
            offsets.setdefault(target.buffer, set()).add(_own(target, loop.symbol))
            written.add(target.buffer)
    return offsets, written


def _target(statement: Stmt) -> Ref | Local | Lane | None:
    if isinstance(statement, Store):
        return statement.ref
    return statement.target if isinstance(statement, Accumulate) else None


def _own(ref: Ref, symbol: Symbol) -> Dim | None:
    """Return the offset of a reference that is another element in every turn."""
    if ref.gathers or not isinstance(ref.offset, DimExpr):
        return None
    turning = [
        monomial for monomial, _ in ref.offset.terms if any(s == symbol for s, _ in monomial)
    ]
    return ref.offset if turning == [((symbol, 1),)] else None


def _are_apart(found: set[Dim | None], symbol: Symbol, length: Dim, bounds: Bounds) -> bool:
    """Tell whether offsets are one, or no turn of the loop comes from one to another."""
    known = [offset for offset in found if offset is not None]
    if len(known) < len(found):
        return False
    pairs = combinations(known, 2)
    return all(_never_meet(a - b, symbol, _step(a, symbol), length, bounds) for a, b in pairs)


def _step(offset: Dim, symbol: Symbol) -> Dim:
    return substitute(offset, {symbol: symbol.expr() + 1}) - offset


def _never_meet(gap: Dim, symbol: Symbol, step: Dim, length: Dim, bounds: Bounds) -> bool:
    """Tell whether a gap is not as wide as some turns, fewer than the loop has."""
    if not (isinstance(step, int) and isinstance(length, int)) or step == 0:
        return False
    if isinstance(gap, int):
        return gap % step != 0 or abs(gap // step) >= abs(length)
    found, far = extremes(gap, bounds), abs(length * step)
    fixed = symbol not in gap.symbols
    return fixed and found is not None and (found[0] >= far or -found[1] >= far)
