"""Statements that touch other memory than before, and are the same otherwise."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from gradc.ir import Symbol
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Choose,
    Copy,
    Declare,
    Expr,
    Fill,
    If,
    Let,
    Load,
    Loop,
    Ref,
    Stmt,
    Store,
)

__all__ = ["RefMap", "with_refs"]

RefMap: TypeAlias = Callable[[Ref], Ref]

_AT = Symbol("at", "index")


def with_refs(body: Sequence[Stmt], change: RefMap) -> list[Stmt]:
    """Return statements with every reference sent through ``change``.

    Whole buffers that are filled or copied become loops where ``change`` moves them.
    """
    return [_statement(statement, change) for statement in body]


def _statement(statement: Stmt, change: RefMap) -> Stmt:
    match statement:
        case Loop():
            return replace(statement, body=with_refs(statement.body, change))
        case If(condition, then, otherwise, node):
            parts = with_refs(then, change), with_refs(otherwise, change)
            return If(_expr(condition, change), *parts, node)
        case Let() | Declare() | Assign():
            return replace(statement, value=_expr(statement.value, change))
        case Store(ref, value, node):
            return Store(_ref(ref, change), _expr(value, change), node)
        case Accumulate(target, how, value, node):
            moved = _ref(target, change) if isinstance(target, Ref) else target
            return Accumulate(moved, how, _expr(value, change), node)
        case Fill() | Copy():
            return _whole(statement, change)
    return statement


def _whole(statement: Fill | Copy, change: RefMap) -> Stmt:
    target = statement.buffer if isinstance(statement, Fill) else statement.target
    touched = [target] if isinstance(statement, Fill) else [target, statement.source]
    old = [Ref(buffer, _AT.expr()) for buffer in touched]
    new = [change(ref) for ref in old]
    if new == old:
        return statement
    value = statement.value if isinstance(statement, Fill) else Load(new[1])
    store: Stmt = Store(new[0], value, statement.node)
    return Loop(_AT, 0, target.type.size, [store], apart=True)


def _ref(ref: Ref, change: RefMap) -> Ref:
    gathers = tuple((_expr(e, change), stride) for e, stride in ref.gathers)
    return change(Ref(ref.buffer, ref.offset, gathers))


def _expr(expr: Expr, change: RefMap) -> Expr:
    """Rewrite an expression; expressions are small, so recursion is safe."""
    if isinstance(expr, Load):
        return Load(_ref(expr.ref, change))
    if isinstance(expr, Apply):
        return replace(expr, args=tuple(_expr(part, change) for part in expr.args))
    if isinstance(expr, Choose):
        parts = (expr.condition, expr.a, expr.b)
        return Choose(*(_expr(part, change) for part in parts))
    return expr
