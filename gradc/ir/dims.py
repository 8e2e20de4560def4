"""Array extents: plain integers, or integer polynomials over symbols.

    Dim     = int | DimExpr
    DimExpr = sum of coefficient * monomial,   monomial = sorted product of Symbol powers

A symbol is a size known only at the call (``n``) or a loop index (``i``).  An expression without
symbols is always folded to ``int``, so ``isinstance(d, int)`` asks "is it known now?".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Dim", "DimExpr", "Shape", "Symbol", "known", "product", "static_shape", "substitute"]


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """A named integer; ``role`` is ``"size"`` or ``"index"``."""

    name: str
    role: str = "size"

    def expr(self) -> "DimExpr":
        """Return the symbol as an expression."""
        return DimExpr(((((self, 1),), 1),))


_Monomial: TypeAlias = tuple[tuple[Symbol, int], ...]


@dataclass(frozen=True, slots=True)
class DimExpr:
    """An integer polynomial with a symbol at least; sorted terms, so equal means identical."""

    terms: tuple[tuple[_Monomial, int], ...]

    def __add__(self, other: "Dim") -> "Dim":
        """Add term by term."""
        table = dict(self.terms)
        for monomial, factor in _terms(other):
            table[monomial] = table.get(monomial, 0) + factor
        return _canonical(table)

    def __mul__(self, other: "Dim") -> "Dim":
        """Multiply out."""
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
        return "".join(_term_text(m, f, i == 0) for i, (m, f) in enumerate(self.terms))


Dim: TypeAlias = int | DimExpr
Shape: TypeAlias = tuple[Dim, ...]


def _terms(dim: Dim) -> Iterable[tuple[_Monomial, int]]:
    return dim.terms if isinstance(dim, DimExpr) else (((), int(dim)),)


def _merge(left: _Monomial, right: _Monomial) -> _Monomial:
    powers = dict(left)
    for symbol, power in right:
        powers[symbol] = powers.get(symbol, 0) + power
    return tuple(sorted(powers.items()))


def _canonical(table: Mapping[_Monomial, int]) -> Dim:
    kept = {m: f for m, f in table.items() if f}
    if not any(kept):
        return kept.get((), 0)
    return DimExpr(tuple(sorted(kept.items(), key=lambda item: (len(item[0]) == 0, item))))


def _term_text(monomial: _Monomial, factor: int, first: bool) -> str:
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
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, factor in dim.terms:
        term: Dim = factor
        for symbol, power in monomial:
            for _ in range(power):
                term = term * values.get(symbol, symbol.expr())
        total = total + term
    return total
