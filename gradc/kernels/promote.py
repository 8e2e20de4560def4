"""Elements that an inner loop keeps coming back to are scalars while it runs.

for j: g[k] += t[j] * u[j]      ->      s = 0
for j: s += t[j] * u[j]
g[k] += s

for j: p[j] += a[k] * u[j]      ->      m = a[k]
for j: p[j] += m * u[j]
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gradc.ir import DimExpr, Symbol
from gradc.kernels.affine import System
from gradc.kernels.dependence import (
    Span,
    Touch,
    inside,
    may_meet,
    span_of,
    touches,
)
from gradc.kernels.extremes import extremes
from gradc.kernels.lower_loops import start_value
from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Declare,
    Expr,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.walk import loads, with_operands

__all__ = ["promote", "with_scalars"]


def promote(loop: Loop, around: Sequence[Span]) -> list[Stmt]:
    """Return an innermost loop of plain statements with its fixed elements in scalars."""
    known = _Fixed(loop, around)
    heads, body, tails = known.sums()
    whole = replace(loop, body=body)
    before, body = _Fixed(whole, around).values()
    whole = replace(loop, body=body)
    return [*before, *heads, whole, *tails]


class _Fixed:
    """The elements that are the same in all turns of a loop."""

    def __init__(self, loop: Loop, around: Sequence[Span]) -> None:
        self.loop = loop
        self.bounds = {s.symbol: (s.low, s.high) for s in around}
        self.system = System(inside([*around, span_of(loop)]))
        self.touches = touches(loop.body)

    def sums(self) -> tuple[list[Stmt], list[Stmt], list[Stmt]]:
        """Return what stands before, in and after the loop when sums are kept in scalars."""
        heads: list[Stmt] = []
        body: list[Stmt] = []
        tails: list[Stmt] = []
        for statement in self.loop.body:
            if isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
                ref, how = statement.target, statement.how
                if self._stays(ref) and self._alone(ref, how):
                    local = Local(ref.buffer.type.dtype, "", statement.node)
                    heads.append(Declare(local, start_value(how, local.dtype)))
                    body.append(Accumulate(local, how, statement.value, statement.node))
                    tails.append(Accumulate(ref, how, local, statement.node))
                    continue
            body.append(statement)
        return heads, body, tails

    def values(self) -> tuple[list[Stmt], list[Stmt]]:
        """Return what stands before and in the loop when what is read again is kept in scalars."""
        found: dict[Ref, Local] = {}
        for statement in self.loop.body:
            for ref in loads(statement):
                if ref not in found and self._stays(ref) and self._alone(ref, "read"):
                    found[ref] = Local(ref.buffer.type.dtype, "", ref.buffer.node)
        before: list[Stmt] = [Let(local, Load(ref)) for ref, local in found.items()]
        return before, [with_scalars(s, found) for s in self.loop.body]

    def _stays(self, ref: Ref) -> bool:
        """Tell whether a reference is one element, which exists even if there are no turns."""
        if ref.gathers or _moves(ref, self.loop.symbol):
            return False
        found, size = extremes(ref.offset, self.bounds), ref.buffer.type.size
        return found is not None and isinstance(size, int) and 0 <= found[0] <= found[1] < size

    def _alone(self, ref: Ref, how: str) -> bool:
        """Tell whether nothing else that is done in the loop meets the element."""
        return not any(
            touch.memory is ref.buffer and touch.how != how and self._meets(ref, touch)
            for touch in self.touches
        )

    def _meets(self, ref: Ref, touch: Touch) -> bool:
        if touch.offset is None:
            return True
        return may_meet(ref.offset, touch.offset, ref.buffer, self.system)


def _moves(ref: Ref, symbol: Symbol) -> bool:
    return isinstance(ref.offset, DimExpr) and symbol in ref.offset.symbols


def with_scalars(statement: Stmt, table: Mapping[Ref, Local]) -> Stmt:
    """Copy a simple statement with scalars in the place of the elements that it reads."""
    match statement:
        case Let(local, value):
            return Let(local, _expr(value, table))
        case Assign(local, value):
            return Assign(local, _expr(value, table))
        case Store(ref, value, node):
            return Store(ref, _expr(value, table), node)
        case Accumulate(target, how, value, node):
            return Accumulate(target, how, _expr(value, table), node)
    return statement


def _expr(expr: Expr, table: Mapping[Ref, Local]) -> Expr:
    """Rewrite an expression."""
    if isinstance(expr, Load):
        return table.get(expr.ref, expr)
    return with_operands(expr, lambda part: _expr(part, table))
