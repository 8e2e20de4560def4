"""Array extents: plain integers, or integer polynomials over symbols.

    Dim     = int | DimExpr
    DimExpr = sum of coefficient * monomial,   monomial = sorted product of Symbol powers

Coefficients are integers, or fractions where the whole takes integer values all the same, as the
number of elements of a triangle does: ``(n**2 - n) / 2``.

A symbol is a size known only at the call (``n``) or a loop index (``i``).  An expression without
symbols is always folded to ``int``, so ``isinstance(d, int)`` asks "is it known now?".
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import lcm
from typing import Any, TypeAlias

from gradc.records import dataclass

__all__ = [
    "Dim",
    "DimExpr",
    "Shape",
    "Symbol",
    "known",
    "product",
    "static_shape",
    "substitute",
    "summed",
]


class Symbol:
    """A named integer; ``role`` is ``"size"``, ``"index"`` or ``"map"``, the index of a map.

    There is one object for each name and role, so that equal ones are found without a look inside:
    nothing is compared and looked up as often while loops are put in order.
    """

    __slots__ = ("name", "role")
    name: str
    role: str

    def __new__(cls, name: str, role: str = "size") -> "Symbol":
        """Return the one object."""
        found = _symbols.get((name, role))
        if found is None:
            made = object.__new__(cls)
            object.__setattr__(made, "name", name)
            object.__setattr__(made, "role", role)
            found = _symbols.setdefault((name, role), made)
        return found

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: all who hold it would see it."""
        raise AttributeError(f"a symbol's {name} stays as it is")

    def __reduce__(self) -> tuple[type["Symbol"], tuple[str, str]]:
        """Copy and pickle by name and role."""
        return Symbol, (self.name, self.role)

    def __lt__(self, other: "Symbol") -> bool:
        """Order by name, then role."""
        return (self.name, self.role) < (other.name, other.role)

    def __gt__(self, other: "Symbol") -> bool:
        """Order by name, then role."""
        return (self.name, self.role) > (other.name, other.role)

    def __repr__(self) -> str:
        """Show both."""
        return f"Symbol(name={self.name!r}, role={self.role!r})"

    def expr(self) -> "DimExpr":
        """Return the symbol as an expression."""
        return DimExpr(((((self, 1),), 1),))


_symbols: dict[tuple[str, str], Symbol] = {}

_Monomial: TypeAlias = tuple[tuple[Symbol, int], ...]
_Factor: TypeAlias = Any
"""int, or Fraction: almost always int, and what reads dims may take it for one."""


@dataclass(frozen=True, slots=True)
class DimExpr:
    """A polynomial with a symbol at least; sorted terms, so equal means identical."""

    terms: tuple[tuple[_Monomial, _Factor], ...]

    def split(self) -> "tuple[Dim, Dim, int]":
        """Return integer polynomials a and b, and d, such that this is ``a + b / d``."""
        parts = [(m, f) for m, f in self.terms if isinstance(f, Fraction)]
        if not parts:
            return self, 0, 1
        divisor = lcm(*(f.denominator for _, f in parts))
        whole = _canonical({m: f for m, f in self.terms if not isinstance(f, Fraction)})
        return whole, _canonical({m: f * divisor for m, f in parts}), divisor

    def __add__(self, other: "Dim") -> "Dim":
        """Add term by term."""
        table = dict(self.terms)
        for monomial, factor in _terms(other):
            table[monomial] = table.get(monomial, 0) + factor
        return _canonical(table)

    def __mul__(self, other: "Dim") -> "Dim":
        """Multiply out."""
        if type(other) is int:
            return _canonical({monomial: factor * other for monomial, factor in self.terms})
        table: dict[_Monomial, int] = {}
        for left, a in self.terms:
            for right, b in _terms(other):
                monomial = _merge(left, right)
                table[monomial] = table.get(monomial, 0) + a * b
        return _canonical(table)

    def __neg__(self) -> "Dim":
        """Turn the sign of every term."""
        return self * -1

    def __sub__(self, other: "Dim") -> "Dim":
        """Subtract term by term."""
        return self + (other * -1)

    def __rsub__(self, other: int) -> "Dim":
        """Subtract from a number."""
        return (self * -1) + other

    __radd__ = __add__
    __rmul__ = __mul__

    @property
    def symbols(self) -> frozenset[Symbol]:
        """The symbols that occur."""
        return frozenset(symbol for monomial, _ in self.terms for symbol, _ in monomial)

    def __str__(self) -> str:
        """Write it as Python would take it."""
        whole, part, divisor = self.split()
        if divisor > 1:
            return f"({part})//{divisor}" + (f" + {whole}" if whole != 0 else "")
        return "".join(_term_text(m, f, i == 0) for i, (m, f) in enumerate(self.terms))


Dim: TypeAlias = int | DimExpr
Shape: TypeAlias = tuple[Dim, ...]


def _terms(dim: _Factor | DimExpr) -> Iterable[tuple[_Monomial, _Factor]]:
    if isinstance(dim, DimExpr):
        return dim.terms
    return (((), dim if type(dim) is int or isinstance(dim, Fraction) else int(dim)),)


def _merge(left: _Monomial, right: _Monomial) -> _Monomial:
    powers = dict(left)
    for symbol, power in right:
        powers[symbol] = powers.get(symbol, 0) + power
    return tuple(sorted(powers.items()))


def _canonical(table: Mapping[_Monomial, _Factor]) -> Dim:
    """Order the terms: a constant comes last, what is zero not at all."""
    kept = {m: f if type(f) is int else _plain(f) for m, f in table.items() if f}
    constant = kept.pop((), 0)
    if not kept:
        return constant
    terms = sorted(kept.items()) if len(kept) > 1 else kept.items()
    return DimExpr((*terms, ((), constant)) if constant else tuple(terms))


def _plain(factor: _Factor) -> _Factor:
    """Return a coefficient as an integer where it is one."""
    whole = isinstance(factor, Fraction) and factor.denominator == 1
    return factor.numerator if whole else factor


def _term_text(monomial: _Monomial, factor: _Factor, first: bool) -> str:
    sign = "-" if factor < 0 else ("" if first else "+")
    lead = f"{sign} " if sign and not first else sign
    names = "*".join(s.name if p == 1 else f"{s.name}**{p}" for s, p in monomial)
    size = abs(factor)
    body = names if size == 1 and names else (f"{size}*{names}" if names else str(size))
    return ("" if first else " ") + lead + body


def known(dim: Dim) -> bool:
    """Tell whether the extent is a plain integer."""
    return isinstance(dim, int)


def product(dims: Iterable[Dim]) -> Dim:
    """Multiply extents; the empty product is 1."""
    total: Dim = 1
    for dim in dims:
        total = total * dim
    return total


def static_shape(shape: Shape) -> tuple[int, ...]:
    """Return the shape as integers; raise ``ValueError`` when an extent is symbolic."""
    for dim in shape:
        if not isinstance(dim, int):
            raise ValueError(f"extent {dim} is not known before the call")
    return tuple(int(dim) for dim in shape)  # type: ignore[arg-type]


def substitute(dim: Dim, values: Mapping[Symbol, Dim]) -> Dim:
    """Replace symbols by extents."""
    if isinstance(dim, int) or not any(s in values for m, _ in dim.terms for s, _ in m):
        return dim
    total: Dim = 0
    for monomial, factor in dim.terms:
        term: Dim = factor
        for symbol, power in monomial:
            for _ in range(power):
                term = term * values.get(symbol, symbol.expr())
        total = total + term
    return total if isinstance(total, DimExpr) else _plain(total)


_POWER_SUMS = (
    (Fraction(1),),
    (Fraction(-1, 2), Fraction(1, 2)),
    (Fraction(1, 6), Fraction(-1, 2), Fraction(1, 3)),
    (Fraction(0), Fraction(1, 4), Fraction(-1, 2), Fraction(1, 4)),
)
"""``_POWER_SUMS[p][q]`` is the coefficient of ``n**(q + 1)`` in the sum of ``k**p`` for k < n."""


def summed(dim: Dim, symbol: Symbol) -> Dim | None:
    """Return the sum of ``dim`` over ``0 <= symbol < n``, with ``symbol`` in the place of n.

    None where the symbol's power is above 3.

    >>> k = Symbol("k", "index")
    >>> str(summed(k.expr() + 1, k))
    '(k**2 + k)//2'
    """
    total: Dim = 0
    for monomial, factor in _terms(dim):
        powers = dict(monomial)
        power = powers.pop(symbol, 0)
        if power >= len(_POWER_SUMS):
            return None
        rest = _canonical({tuple(powers.items()): factor})
        sums: dict[_Monomial, _Factor] = {
            ((symbol, q + 1),): c for q, c in enumerate(_POWER_SUMS[power])
        }
        total = total + _canonical(sums) * rest
    return total
