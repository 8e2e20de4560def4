"""Move statements from a whole vector to a strip of it.

An element of a vector of length n lies at ``outer + i * stride + inner``, outer a multiple of
``n * stride``; in memory for w elements it lies at ``outer / n * w + k * stride + inner``.
"""

from collections.abc import Callable
from dataclasses import replace

from gradc.ir import Dim, DimExpr, Symbol, substitute
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Buffer,
    Choose,
    Declare,
    Expr,
    Index,
    Let,
    Load,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.strip_parts import Strips
from gradc.records import dataclass

__all__ = ["Moves", "move"]


@dataclass(frozen=True, slots=True)
class Moves:
    """Where things go: the buffers that shrink, the first element of the strip, its width."""

    strips: Strips
    shrunk: dict[Buffer, Buffer]
    start: Dim
    width: int


def move(statement: Stmt, moves: Moves, symbol: Symbol | None, here: Dim) -> Stmt:
    """Return a statement of element ``symbol`` as one of element ``here`` of the strip."""

    def dim(value: Dim) -> Dim:
        if symbol is None or isinstance(value, int) or symbol not in value.symbols:
            return value
        return substitute(value, {symbol: moves.start + here})

    def ref(old: Ref) -> Ref:
        small = moves.shrunk.get(old.buffer)
        if small is None:
            gathers = tuple((expr(e), dim(stride)) for e, stride in old.gathers)
            return Ref(old.buffer, dim(old.offset), gathers)
        return Ref(small, _shrink(old.offset, moves, old.buffer, symbol, here))

    def expr(value: Expr) -> Expr:
        return _expression(value, ref, dim)

    match statement:
        case Let() | Declare() | Assign():
            return replace(statement, value=expr(statement.value))
        case Store(target, value, node):
            return Store(ref(target), expr(value), node)
        case Accumulate(target, how, value, node):
            moved = ref(target) if isinstance(target, Ref) else target
            return Accumulate(moved, how, expr(value), node)
    raise AssertionError(statement)


def _expression(value: Expr, ref: Callable[[Ref], Ref], dim: Callable[[Dim], Dim]) -> Expr:
    """Rewrite an expression; expressions are small, so recursion is safe."""
    if isinstance(value, Load):
        return Load(ref(value.ref))
    if isinstance(value, Index):
        return Index(dim(value.dim))
    if isinstance(value, Apply):
        args = tuple(_expression(a, ref, dim) for a in value.args)
        return replace(value, args=args)
    if isinstance(value, Choose):
        parts = (value.condition, value.a, value.b)
        return Choose(*(_expression(part, ref, dim) for part in parts))
    return value


def _shrink(offset: Dim, moves: Moves, buffer: Buffer, symbol: Symbol | None, here: Dim) -> Dim:
    assert symbol is not None
    length, stride = moves.strips.length, moves.strips.own[buffer]
    outer: Dim = 0
    terms = offset.terms if isinstance(offset, DimExpr) else (((), offset),)
    for monomial, factor in terms:
        if monomial == ((symbol, 1),):
            continue
        part: Dim = DimExpr(((monomial, 1),)) if monomial else 1
        outer = outer + part * (factor // length * moves.width)
    return outer + here * stride
