"""What is known about loop indices, and what follows from it for extents and positions.

A fact says that an index runs from 0 to ``count - 1`` and that its loop has a turn at all (the code
inside it is running).  Inequalities are proved by putting the bounds in, innermost index first.
"""

from collections.abc import Sequence

from gradc.ir import Dim, Symbol
from gradc.ir.dims import DimExpr, substitute
from gradc.records import dataclass

__all__ = ["Fact", "ceil_div", "greatest", "is_negative", "not_negative", "turns_of"]


@dataclass(frozen=True, slots=True)
class Fact:
    """``0 <= symbol <= count - 1``; ``count`` may hold indices of loops around it.

    The loop may be recorded anew, up to ``spare`` turns at once.
    """

    symbol: Symbol
    count: Dim
    spare: int = 1


def not_negative(dim: Dim, facts: Sequence[Fact]) -> bool:
    """Tell whether ``dim >= 0`` can be proved; the facts stand outermost first."""
    if isinstance(dim, int):
        return dim >= 0
    if _least(dim, facts):
        return True
    return any(
        isinstance(fact.count, DimExpr) and _least(dim - (fact.count - 1), facts) for fact in facts
    )


def is_negative(dim: Dim, facts: Sequence[Fact]) -> bool:
    """Tell whether ``dim < 0`` can be proved."""
    return not_negative(dim * -1 - 1, facts)


def _least(dim: Dim, facts: Sequence[Fact]) -> bool:
    """Put the bound that makes the expression smallest in for each index, innermost first."""
    for fact in reversed(facts):
        if isinstance(dim, int):
            return dim >= 0
        slope = _slope(dim, fact.symbol)
        if slope is None:
            return False
        bound: Dim = 0 if slope >= 0 else fact.count - 1
        dim = substitute(dim, {fact.symbol: bound})
    return isinstance(dim, int) and dim >= 0


def greatest(dim: Dim, facts: Sequence[Fact]) -> int | None:
    """Return a number that an expression never exceeds; None when none can be told."""
    for fact in reversed(facts):
        if isinstance(dim, int):
            break
        slope = _slope(dim, fact.symbol)
        if slope is None:
            return None
        dim = substitute(dim, {fact.symbol: fact.count - 1 if slope >= 0 else 0})
    return dim if isinstance(dim, int) else None


def _slope(dim: DimExpr, symbol: Symbol) -> int | None:
    """Return a number with the sign of the coefficient of an index; None when it is not plain.

    Products of indices count: every index is at least 0, so the sign is that of the factors when
    they agree.
    """
    factors = [f for monomial, f in dim.terms if any(s == symbol for s, _ in monomial)]
    mixed = any(f > 0 for f in factors) and any(f < 0 for f in factors)
    return None if mixed else sum(factors)


def ceil_div(dim: Dim, step: int) -> Dim | None:
    """Return ``ceil(dim / step)`` for a positive step; None when it is no polynomial."""
    if step == 1:
        return dim
    if isinstance(dim, int):
        return -(-dim // step)
    quotient: Dim = 0
    for monomial, factor in dim.terms:
        if not monomial:
            quotient = quotient + -(-factor // step)
            continue
        if factor % step:
            return None
        quotient = quotient + DimExpr(((monomial, factor // step),))
    return quotient


def turns_of(start: Dim, stop: Dim, step: int, facts: Sequence[Fact]) -> Dim | None:
    """Return ``len(range(start, stop, step))``; None when that cannot be told."""
    if isinstance(start, int) and isinstance(stop, int):
        return len(range(start, stop, step))
    gap = stop - start if step > 0 else start - stop
    if not_negative(gap * -1, facts):
        return 0
    # ceil(gap / step) is right as soon as gap > -step, and clamps to 0 only below
    return ceil_div(gap, abs(step)) if not_negative(gap + abs(step) - 1, facts) else None
