"""Stores of an element plus something are sums into it: ``a[i] = a[i] + x`` is ``a[i] += x``.

The value is the same; but sums into one element may change places, which stores may not.
"""

from gradc.ir import op_named
from gradc.kernels.expand import locals_used
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Expr,
    If,
    Let,
    Load,
    Loop,
    Ref,
    Stmt,
    Store,
    While,
)
from gradc.kernels.walk import subexpressions

__all__ = ["as_sums"]


def as_sums(body: list[Stmt]) -> list[Stmt]:
    """Return the statements with such stores inside loops as sums."""
    return [_inside(s) if isinstance(s, Loop | While | If) else s for s in body]


def _inside(statement: Loop | While | If) -> Stmt:
    if isinstance(statement, If):
        statement.then = _all(statement.then)
        statement.otherwise = _all(statement.otherwise)
    else:
        statement.body = _all(statement.body)
    return statement


def _all(body: list[Stmt]) -> list[Stmt]:
    """Rewrite one list; a scalar that is only made to be stored next is put into its store."""
    result: list[Stmt] = []
    for statement in as_sums(body):
        if isinstance(statement, Store):
            last = result[-1] if result else None
            if isinstance(last, Let) and statement.value is last.local:
                whole = _as_sum(Store(statement.ref, last.value, statement.node))
                others = [s for s in body if s is not statement]
                if isinstance(whole, Accumulate) and last.local not in locals_used(others):
                    result[-1] = whole
                    continue
            statement = _as_sum(statement)
        result.append(statement)
    return result


def _as_sum(store: Store) -> Stmt:
    value, ref = store.value, store.ref
    if ref.gathers or ref.buffer.type.dtype.kind != "f" or not isinstance(value, Apply):
        return store
    if value.op.name == "subtract" and _is(value.args[0], ref):
        minus = Apply(op_named("negative"), (value.args[1],), value.dtype, value.dtype)
        return _sum(store, minus)
    if value.op.name == "add":
        for own, other in (value.args, value.args[::-1]):
            if _is(own, ref):
                return _sum(store, other)
    return store


def _sum(store: Store, value: Expr) -> Stmt:
    if any(_is(part, store.ref) for part in subexpressions(value)):
        return store
    return Accumulate(store.ref, "sum", value, store.node)


def _is(expr: Expr, ref: Ref) -> bool:
    return isinstance(expr, Load) and expr.ref == ref
