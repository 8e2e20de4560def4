"""Least and greatest values of index expressions over nested loops.

Bounds of an inner symbol may hold outer ones.  Inner symbols go first: where an expression grows or
falls with one for certain, the bound that counts takes its place, so that ``i * n + j`` with
``j < n - i`` keeps what i and j have to do with each other.
"""

from collections.abc import Mapping
from math import ceil, floor
from typing import TypeAlias

from gradc.ir import Dim, DimExpr, Shape, Symbol, substitute

__all__ = ["Bounds", "capacity", "extremes", "never_zero"]

_TRIED = 4096
"""Values of a symbol that are tried one by one."""

Bounds: TypeAlias = Mapping[Symbol, tuple[Dim, Dim]]
"""First and last value of each symbol, outer symbols first."""


def extremes(dim: Dim, bounds: Bounds) -> tuple[int, int] | None:
    """Return bounds of a dim; None where it holds symbols without bounds."""
    low, high = _extreme(dim, bounds, False), _extreme(dim, bounds, True)
    return None if low is None or high is None else (low, high)


def _extreme(dim: Dim, bounds: Bounds, greatest: bool) -> int | None:
    for symbol in reversed(list(bounds)):
        if isinstance(dim, int):
            return dim
        if symbol not in dim.symbols:
            continue
        rising = _rises(dim, symbol, bounds)
        if rising is None:
            return _of_one(dim, symbol, bounds, greatest)
        dim = substitute(dim, {symbol: bounds[symbol][rising == greatest]})
    return dim if isinstance(dim, int) else None


def _of_one(dim: DimExpr, symbol: Symbol, bounds: Bounds, greatest: bool) -> int | None:
    """Try all values of a symbol where there is no other one, and not many of them."""
    low, high = bounds[symbol]
    if dim.symbols != {symbol} or not isinstance(low, int) or not isinstance(high, int):
        return _interval(dim, bounds, greatest)
    if not low <= high <= low + _TRIED:
        return _interval(dim, bounds, greatest)
    found = [substitute(dim, {symbol: value}) for value in range(low, high + 1)]
    numbers = [value for value in found if isinstance(value, int)]
    return max(numbers) if greatest else min(numbers)


def _rises(dim: DimExpr, symbol: Symbol, bounds: Bounds) -> bool | None:
    """Tell whether a dim grows (True) or falls (False) with a symbol; None if that is not known."""
    step = substitute(dim, {symbol: symbol.expr() + 1}) - dim
    low, high = bounds[symbol]
    inside = {s: (low, high - 1) if s == symbol else pair for s, pair in bounds.items()}
    if isinstance(step, int) or symbol not in step.symbols:
        del inside[symbol]
    found = extremes(step, inside)
    if found is None or found[0] < 0 < found[1]:
        return None
    return found[0] >= 0


def _interval(dim: DimExpr, bounds: Bounds, greatest: bool) -> int | None:
    """Bound every term by itself."""
    total = 0
    for monomial, factor in dim.terms:
        ends = [factor]
        for symbol, power in monomial:
            inside = _of_symbol(symbol, bounds)
            if inside is None:
                return None
            ends = [end * edge**power for end in ends for edge in inside]
        total += max(ends) if greatest else min(ends)
    return floor(total) if greatest else ceil(total)


def _of_symbol(symbol: Symbol, bounds: Bounds) -> tuple[int, int] | None:
    if symbol not in bounds:
        return None
    outer: dict[Symbol, tuple[Dim, Dim]] = {}
    for other, pair in bounds.items():
        if other == symbol:
            break
        outer[other] = pair
    low, high = (extremes(edge, outer) for edge in bounds[symbol])
    return None if low is None or high is None else (low[0], max(low[0], high[1]))


def capacity(shape: Shape, bounds: Bounds) -> int:
    """Return the greatest number of elements of a shape."""
    total = 1
    for extent in shape:
        found = extremes(extent, bounds)
        assert found is not None, f"extent {extent} has no bound"
        total *= max(found[1], 0)
    return total


def never_zero(dim: Dim, bounds: Bounds, strides: Shape) -> bool:
    """Tell whether a difference of two offsets is proved not to be zero.

    It is where its sign is known, and where it is a multiple of a stride plus a rest that is
    smaller than the stride and not zero.
    """
    if _has_sign(dim, bounds, None):
        return True
    long = [stride for stride in strides if isinstance(stride, int) and stride > 1]
    return any(_has_sign(_remainder(dim, stride), bounds, stride) for stride in long)


def _has_sign(dim: Dim, bounds: Bounds, limit: int | None) -> bool:
    """Tell whether a dim is always positive or always negative, and nearer to zero than a limit."""
    found = extremes(dim, bounds)
    if found is None or found[0] <= 0 <= found[1]:
        return False
    return limit is None or max(abs(found[0]), abs(found[1])) < limit


def _remainder(dim: Dim, stride: int) -> Dim:
    """Drop the terms that are multiples of a stride."""
    if isinstance(dim, int):
        return dim % stride
    rest: Dim = 0
    for monomial, factor in dim.terms:
        if monomial and factor % stride:
            rest = rest + DimExpr(((monomial, factor),))
        elif not monomial:
            whole = round(factor / stride) * stride
            rest = rest + (factor - whole)
    return rest
