"""Rows added up four at a time: the sum is read and written once for four of them.

    for i < n: for j < m: g[j] += c[i] * X[i, j]
    ->
    for i < n step 4: for j < m: g[j] += (c0 * X[i, j] + c1 * X[i + 1, j]) + (c2 * ... + c3 * ...)

The order of the additions is fixed by the sizes.
"""

from collections.abc import Callable
from dataclasses import replace

from gradc.ir import Dim, DimExpr, Symbol, op_named
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Choose,
    Expr,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Stmt,
)
from gradc.kernels.walk import expressions, map_statement, replace_symbols, subexpressions

__all__ = ["adds_rows", "jam_rows"]

ROWS = 4
LEAST = 8
"""Rows from which it is worth more code."""
LONGEST = 4
"""Sums in one loop that still leave registers for the rows."""


def jam_rows(loop: Loop) -> list[Stmt]:
    """Return the loop, and one for the rows that are left over; or the loop as it is."""
    if not adds_rows(loop):
        return [loop]
    (inner,) = loop.body
    length = loop.stop - loop.start
    assert isinstance(inner, Loop)
    assert isinstance(length, int)
    rest = length % ROWS
    stop = loop.stop - rest
    result: list[Stmt] = [replace(loop, stop=stop, body=_turn(loop.symbol, inner), step=ROWS)]
    if rest:
        result.append(replace(loop, start=stop))
    return result


def adds_rows(loop: Loop) -> bool:
    """Tell whether a loop adds up rows, and so many of them that four at a time pay."""
    length = loop.stop - loop.start
    inner = loop.body[0] if len(loop.body) == 1 else None
    if not isinstance(length, int) or length < LEAST or loop.step != 1:
        return False
    return isinstance(inner, Loop) and _shares_sums(loop.symbol, inner)


def _shares_sums(row: Symbol, inner: Loop) -> bool:
    """Tell whether the inner loop adds to sums that all rows share, and reads none of them."""
    if inner.step != 1 or _holds(inner.start, row) or _holds(inner.stop, row):
        return False
    targets = set()
    for statement in inner.body:
        if not isinstance(statement, Accumulate) or statement.how != "sum":
            return False
        target = statement.target
        if not isinstance(target, Ref) or target.gathers or target.buffer.type.dtype.kind != "f":
            return False
        if _holds(target.offset, row) or not _holds(target.offset, inner.symbol):
            return False
        targets.add(target.buffer)
    read = {e.ref.buffer for s in inner.body for e in _loads(s)}
    return len(targets) == len(inner.body) <= LONGEST and not targets & read


def _loads(statement: Stmt) -> list[Load]:
    parts = (part for expr in expressions(statement) for part in subexpressions(expr))
    return [part for part in parts if isinstance(part, Load)]


def _holds(dim: Dim, symbol: Symbol) -> bool:
    return isinstance(dim, DimExpr) and symbol in dim.symbols


def _turn(row: Symbol, inner: Loop) -> list[Stmt]:
    """Return what is read once for four rows, and the loop that adds them up."""
    known: dict[Expr, Local] = {}
    lets: list[Stmt] = []

    def keep(load: Load) -> Expr:
        if load.ref.gathers or _holds(load.ref.offset, inner.symbol):
            return load
        if load not in known:
            known[load] = Local(load.ref.buffer.type.dtype)
            lets.append(Let(known[load], load))
        return known[load]

    body: list[Stmt] = []
    for statement in inner.body:
        assert isinstance(statement, Accumulate)
        values = [_value(statement, row, k, keep) for k in range(ROWS)]
        body.append(replace(statement, value=_sum(values, statement)))
    return [*lets, replace(inner, body=body)]


def _value(statement: Stmt, row: Symbol, k: int, keep: Callable[[Load], Expr]) -> Expr:
    """Return what row number ``k`` adds."""
    moved = map_statement(statement, replace_symbols({row: row.expr() + k}))
    assert isinstance(moved, Accumulate)
    return _kept(moved.value, keep)


def _kept(value: Expr, keep: Callable[[Load], Expr]) -> Expr:
    """Replace loads; expressions are small, so recursion is safe."""
    if isinstance(value, Load):
        return keep(value)
    if isinstance(value, Apply):
        return replace(value, args=tuple(_kept(arg, keep) for arg in value.args))
    if isinstance(value, Choose):
        parts = (value.condition, value.a, value.b)
        return Choose(*(_kept(part, keep) for part in parts))
    return value


def _sum(values: list[Expr], statement: Accumulate) -> Expr:
    target = statement.target
    assert isinstance(target, Ref)
    dtype = target.buffer.type.dtype
    left, right = (
        Apply(op_named("add"), (a, b), dtype, dtype) for a, b in (values[:2], values[2:])
    )
    return Apply(op_named("add"), (left, right), dtype, dtype)
