"""Can linear conditions over integers hold at once?  The question behind every reordering of loops.

Conditions are ``form >= 0`` and ``form == 0`` with linear forms over symbols.  Symbols are
eliminated one after the other (Fourier and Motzkin), with constants rounded towards what integers
allow.  The answer "no" is certain; "yes" may be wrong, and costs a reordering that was right.
"""

from collections.abc import Iterable, Mapping
from math import gcd
from typing import NamedTuple, TypeAlias

from gradc.ir import Dim, DimExpr, Symbol

__all__ = ["Form", "System", "linear"]

_MOST = 400
"""Conditions from which on the answer is "yes"."""


_Row: TypeAlias = tuple[int, ...]
"""A condition: one factor for each symbol, then the constant."""


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
        forms = self._without_equations()
        if forms is None:
            return False
        columns = sorted({symbol for form in forms for symbol in form.factors})
        rows = [(*(f.factors.get(s, 0) for s in columns), f.constant) for f in forms]
        return _possible(rows, len(columns))

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


def _possible(rows: list[_Row], width: int) -> bool:
    """Eliminate one symbol after the other."""
    while rows:
        strictest = _distinct(rows)
        if strictest is None:
            return False
        rows = strictest
        column = _cheapest(rows, width)
        if column is None or len(rows) > _MOST:
            return True
        rows = _eliminated(rows, column)
    return True


def _distinct(rows: Iterable[_Row]) -> list[_Row] | None:
    """Return the strictest condition for each combination of symbols; None if one cannot hold."""
    strictest: dict[_Row, int] = {}
    for row in rows:
        *factors, constant = row
        common = gcd(*factors)
        if common == 0:
            if constant < 0:
                return None
            continue
        if common > 1:
            key, constant = tuple([f // common for f in factors]), constant // common
        else:
            key = tuple(factors)
        found = strictest.get(key)
        if found is None or constant < found:
            strictest[key] = constant
    return [(*key, constant) for key, constant in strictest.items()]


def _cheapest(rows: list[_Row], width: int) -> int | None:
    """Return the symbol whose elimination makes the fewest conditions."""
    best: tuple[int, int] | None = None
    columns = list(zip(*rows, strict=True))
    for number in range(width if rows else 0):
        column = columns[number]
        below = sum([f > 0 for f in column])
        above = sum([f < 0 for f in column])
        if (below or above) and (best is None or below * above < best[0]):
            best = below * above, number
    return None if best is None else best[1]


def _eliminated(rows: list[_Row], column: int) -> list[_Row]:
    below = [row for row in rows if row[column] > 0]
    above = [row for row in rows if row[column] < 0]
    made = [row for row in rows if not row[column]]
    for low in below:
        p = low[column]
        for high in above:
            q = -high[column]
            made.append(tuple([q * a + p * b for a, b in zip(low, high, strict=True)]))
    return made
