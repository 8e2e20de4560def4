"""Where the text must keep a compiler from a transformation that it gets wrong.

gcc 12 vectorises ``for i: for j: total += x[c - j]`` across ``i`` and reads wrong elements: so it
does with any sum over two nested loops whose inner loop runs backwards through memory.
Such outer loops get a call of ``gradc_serial``, which costs nothing.
"""

from collections.abc import Iterator

from gradc.emit.c_uses import child_blocks, children, operands
from gradc.ir.dims import DimExpr, Symbol
from gradc.kernels import nest
from gradc.kernels.nest import Expr, Local, Loop, Stmt

__all__ = ["needs_barrier"]


def needs_barrier(loop: Loop) -> bool:
    """Tell whether a loop holds a loop that adds to a scalar from outside, reading backwards."""
    inside = {stmt.local for stmt in loop.body if isinstance(stmt, nest.Declare | nest.Let)}
    return any(
        isinstance(stmt, Loop)
        and any(_accumulated(stmt, inside))
        and any(_falls(ref.offset, stmt.symbol) for ref in _reads(stmt.body))
        for stmt in loop.body
    )


def _accumulated(loop: Loop, inside: set[Local]) -> Iterator[Local]:
    """Yield the scalars that the statements of a loop add to and that live longer than a turn."""
    for stmt in _walk(loop.body):
        target = stmt.target if isinstance(stmt, nest.Accumulate) else None
        if isinstance(target, Local) and target not in inside:
            yield target


def _falls(offset: object, symbol: Symbol) -> bool:
    """Tell whether an offset gets smaller as a loop goes on."""
    if not isinstance(offset, DimExpr):
        return False
    return any(
        factor < 0 and any(s == symbol for s, _ in monomial) for monomial, factor in offset.terms
    )


def _reads(body: list[Stmt]) -> Iterator[nest.Ref]:
    for stmt in _walk(body):
        waiting: list[Expr] = list(operands(stmt))
        while waiting:
            expr = waiting.pop()
            if isinstance(expr, nest.Load):
                yield expr.ref
            waiting += children(expr)


def _walk(body: list[Stmt]) -> Iterator[Stmt]:
    """Yield all statements, those inside blocks included."""
    waiting = list(body)
    while waiting:
        stmt = waiting.pop()
        yield stmt
        for block in child_blocks(stmt):
            waiting += block
