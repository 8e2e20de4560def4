"""Can linear conditions over integers hold at once?  The question behind every reordering of loops.

Conditions are ``form >= 0`` and ``form == 0`` with linear forms over symbols.  Symbols are
eliminated one after the other (Fourier and Motzkin), with constants rounded towards what integers
allow.  The answer "no" is certain; "yes" may be wrong, and costs a reordering that was right.
"""

from collections.abc import Iterable, Mapping
from math import gcd
from typing import NamedTuple

from gradc.ir import Dim, DimExpr, Symbol

__all__ = ["Form", "System", "linear"]

_MOST = 400
"""Conditions from which on the answer is "yes"."""


class Form(NamedTuple):
    """``sum of factor * symbol + constant``."""

    factors: Mapping[Symbol, int]
    constant: int

    def minus(self, other: "Form") -> "Form":
        """Subtract another form."""
        return _combined(self, 1, other, -1)


def linear(dim: Dim) -> Form | None:
    """Return a dim as a linear form; None where it is not linear."""
    if isinstance(dim, int):
        return Form({}, dim)
    return _linear(dim)


def _linear(dim: DimExpr) -> Form | None:
    factors: dict[Symbol, int] = {}
    constant = 0
    for monomial, factor in dim.terms:
        if not isinstance(factor, int):
            return None
        if not monomial:
            constant = factor
        elif len(monomial) == 1 and monomial[0][1] == 1:
            factors[monomial[0][0]] = factor
        else:
            return None
    return Form(factors, constant)


def _combined(a: Form, p: int, b: Form, q: int) -> Form:
    factors = {s: f * p for s, f in a.factors.items()}
    for symbol, factor in b.factors.items():
        total = factors.get(symbol, 0) + factor * q
        if total:
            factors[symbol] = total
        else:
            factors.pop(symbol, None)
    return Form(factors, a.constant * p + b.constant * q)


class System:
    """Conditions that shall hold at once."""

    def __init__(self, least_zero: Iterable[Form] = (), zero: Iterable[Form] = ()) -> None:
        self.least_zero = list(least_zero)
        self.zero = list(zero)

    def and_also(self, least_zero: Iterable[Form] = (), zero: Iterable[Form] = ()) -> "System":
        """Return the system with further conditions."""
        return System([*self.least_zero, *least_zero], [*self.zero, *zero])

    def possible(self) -> bool:
        """Tell whether the conditions may hold at once; False is certain."""
        rows = self._without_equations()
        while rows:
            rows = _distinct(rows)
            if rows is None:
                return False
            symbol = _cheapest(rows)
            if symbol is None or len(rows) > _MOST:
                return True
            rows = _eliminated(rows, symbol)
        return rows is not None

    def _without_equations(self) -> list[Form] | None:
        """Solve the equations for symbols of factor 1; the others become two conditions each."""
        rows, left = list(self.least_zero), list(self.zero)
        while left:
            here = left.pop()
            common = gcd(*here.factors.values()) if here.factors else 0
            if (not common and here.constant) or (common and here.constant % common):
                return None
            unit = next((s for s, f in here.factors.items() if abs(f) == 1), None)
            if unit is None:
                rows += [here, Form({s: -f for s, f in here.factors.items()}, -here.constant)]
                continue
            rows = [_replaced(row, unit, here) for row in rows]
            left = [_replaced(row, unit, here) for row in left]
        return rows


def _replaced(row: Form, symbol: Symbol, equation: Form) -> Form:
    """Eliminate a symbol that has factor 1 or -1 in an equation."""
    factor = row.factors.get(symbol, 0)
    return _combined(row, 1, equation, -factor * equation.factors[symbol]) if factor else row


def _distinct(rows: Iterable[Form]) -> list[Form] | None:
    """Return the strictest condition for each combination of symbols; None if one cannot hold."""
    strictest: dict[frozenset[tuple[Symbol, int]], int] = {}
    for row in rows:
        if not row.factors:
            if row.constant < 0:
                return None
            continue
        common = gcd(*row.factors.values())
        key = frozenset((s, f // common) for s, f in row.factors.items())
        constant = row.constant // common
        strictest[key] = min(constant, strictest.get(key, constant))
    return [Form(dict(key), constant) for key, constant in strictest.items()]


def _cheapest(rows: list[Form]) -> Symbol | None:
    """Return the symbol whose elimination makes the fewest conditions."""
    above: dict[Symbol, int] = {}
    below: dict[Symbol, int] = {}
    for row in rows:
        for symbol, factor in row.factors.items():
            side = below if factor > 0 else above
            side[symbol] = side.get(symbol, 0) + 1
    found = sorted({*above, *below})
    return min(found, key=lambda s: above.get(s, 0) * below.get(s, 0), default=None)


def _eliminated(rows: list[Form], symbol: Symbol) -> list[Form]:
    below = [row for row in rows if row.factors.get(symbol, 0) > 0]
    above = [row for row in rows if row.factors.get(symbol, 0) < 0]
    rest = [row for row in rows if symbol not in row.factors]
    return rest + [
        _combined(low, -high.factors[symbol], high, low.factors[symbol])
        for low in below
        for high in above
    ]
