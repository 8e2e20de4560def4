"""Two nested loops that walk memory as one loop would become one loop."""

from dataclasses import replace

from gradc.ir import Dim, DimExpr, Symbol
from gradc.kernels.nest import Accumulate, Index, Let, Loop, Ref, Stmt, Store
from gradc.kernels.walk import expressions, map_statement, replace_symbols, subexpressions

__all__ = ["collapse"]


def collapse(loop: Loop) -> Loop:
    """Merge a loop with the only loop inside it, as often as their references allow."""
    while len(loop.body) == 1 and isinstance(loop.body[0], Loop):
        inner = loop.body[0]
        if isinstance(inner.body[0] if inner.body else None, Loop):
            inner = collapse(inner)
        merged = _merge(loop, inner)
        if merged is None:
            return replace(loop, body=[inner])
        loop = merged
    return loop


def _merge(outer: Loop, inner: Loop) -> Loop | None:
    if outer.symbol.role != "index" or inner.symbol.role != "index":
        return None
    if not (_whole(outer) and _whole(inner)) or not isinstance(inner.stop, int):
        return None
    if not all(isinstance(s, Let | Store | Accumulate) for s in inner.body):
        return None
    if not all(_flat(dim, outer.symbol, inner) for s in inner.body for dim in _dims(s)):
        return None
    change = replace_symbols({outer.symbol: 0})
    body: list[Stmt] = [map_statement(s, change) for s in inner.body]
    return Loop(inner.symbol, 0, outer.stop * inner.stop, body)


def _whole(loop: Loop) -> bool:
    return loop.start == 0 and loop.step == 1


def _dims(statement: Stmt) -> list[Dim | None]:
    """Return the dims of a statement; None for one that must not change."""
    found: list[Dim | None] = []
    if isinstance(statement, Store):
        found.append(statement.ref.offset)
    if isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
        found.append(statement.target.offset)
    for expr in expressions(statement):
        for part in subexpressions(expr):
            if isinstance(part, Index):
                found.append(None)
            ref = getattr(part, "ref", None)
            if isinstance(ref, Ref):
                found.append(ref.offset)
    return found


def _flat(dim: Dim | None, outer: Symbol, inner: Loop) -> bool:
    """Tell whether one step of the outer loop is as far as a whole inner loop."""
    if dim is None:
        return False
    return _stride(dim, outer) == _stride(dim, inner.symbol) * inner.stop


def _stride(dim: Dim, symbol: Symbol) -> Dim:
    """Return the coefficient of a symbol in an affine dim."""
    total: Dim = 0
    if isinstance(dim, DimExpr):
        for monomial, factor in dim.terms:
            powers = dict(monomial)
            if powers.pop(symbol, 0):
                rest = DimExpr(((tuple(powers.items()), factor),)) if powers else factor
                total = total + rest
    return total
