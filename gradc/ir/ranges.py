"""Bounds of integer polynomials over loop indices: what proofs about regions rest on."""

from collections.abc import Sequence
from typing import NamedTuple

from gradc.ir.dims import Dim, DimExpr, Symbol, substitute

__all__ = ["Range", "holds_in_turns", "is_nonnegative", "least", "renamed", "slope", "upper_bound"]


class Range(NamedTuple):
    """A symbol that runs from ``low`` to ``high``, both included; nothing if ``high < low``."""

    symbol: Symbol
    low: Dim
    high: Dim


def is_nonnegative(dim: Dim, ranges: Sequence[Range]) -> bool:
    """Tell whether ``dim >= 0`` is certain for all values of the symbols, outermost first.

    Symbols are replaced, from the innermost, by the end of their range where ``dim`` is least.
    Sizes are at least 0.  False means that it was not proved.
    """
    for symbol, low, high in reversed(ranges):
        if isinstance(dim, int):
            break
        rate = slope(dim, symbol)
        if rate is None:
            rate = _direction(dim, symbol, ranges)
        if rate is None:
            return False
        if rate:
            dim = substitute(dim, {symbol: low if rate > 0 else high})
    if isinstance(dim, int):
        return dim >= 0
    return all(
        factor >= 0 and all(symbol.role == "size" for symbol, _ in monomial)
        for monomial, factor in dim.terms
    )


def holds_in_turns(dim: Dim, ranges: Sequence[Range]) -> bool:
    """Tell whether ``dim >= 0`` is certain wherever there is a turn of all loops.

    Where the inner loop has a turn its range is not empty, which says something of the outer index.
    """
    spare = (r.high - r.low for r in ranges)
    return any(is_nonnegative(dim - more, ranges) for more in (0, *spare))


def slope(dim: Dim, symbol: Symbol) -> int | None:
    """Return the constant factor of a symbol that occurs in no product."""
    if isinstance(dim, int):
        return 0
    rate = 0
    for monomial, factor in dim.terms:
        for one, power in monomial:
            if one is symbol:
                if power != 1 or len(monomial) > 1:
                    return None
                rate = factor
    return rate


def least(dim: Dim, ranges: Sequence[Range]) -> Dim | None:
    """Return a bound of ``dim`` from below, for ranges that are not empty; None if not known."""
    for symbol, low, high in reversed(ranges):
        rate = slope(dim, symbol)
        if rate is None:
            return None
        dim = substitute(dim, {symbol: low if rate > 0 else high})
    return dim


def _direction(dim: Dim, symbol: Symbol, ranges: Sequence[Range]) -> int | None:
    """Return the sign of the step from one value of a symbol to the next, where it is one sign."""
    step = substitute(dim, {symbol: symbol.expr() + 1}) - dim
    inside = [r._replace(high=r.high - 1) if r.symbol == symbol else r for r in ranges]
    for sign in (1, -1):
        if is_nonnegative(step * sign, inside):
            return sign
    return None


def _grows(step: Dim) -> bool:
    """Tell whether a step is not negative whatever the symbols, which are not negative."""
    return step >= 0 if isinstance(step, int) else all(f > 0 for _, f in step.terms)


def upper_bound(dim: Dim, symbol: Symbol, count: Dim) -> Dim | None:
    """Return the largest value of ``dim`` for ``0 <= symbol < count``; None if not known.

    Where ``count`` is not known it may be a bit more, so that it is not negative for no turns.
    """
    if not isinstance(dim, DimExpr) or symbol not in dim.symbols:
        return dim
    loose = not isinstance(count, int)
    last: Dim = count if loose else max(count - 1, 0)  # type: ignore[type-var]
    rate = slope(dim, symbol)
    if rate is not None:
        found = substitute(dim, {symbol: last if rate > 0 else (-1 if loose else 0)})
    elif _grows(substitute(dim, {symbol: symbol.expr() + 1}) - dim):
        found = substitute(dim, {symbol: last})
    elif dim.symbols == {symbol} and isinstance(count, int):
        values = (substitute(dim, {symbol: turn}) for turn in range(count))
        found = max((value for value in values if isinstance(value, int)), default=0)
    else:
        return None
    return max(found, 0) if isinstance(found, int) else found


def renamed(symbol: Symbol) -> Symbol:
    """Return the same index for another turn."""
    return Symbol(symbol.name + "'", symbol.role)
