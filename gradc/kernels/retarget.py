"""Statements with other references: the same work on other memory."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Break,
    Check,
    Declare,
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
from gradc.kernels.walk import with_operands

__all__ = ["RefMap", "with_refs"]

RefMap: TypeAlias = Callable[[Ref], Ref]


def with_refs(statement: Stmt, change: RefMap, whole: Callable[[Stmt], Stmt]) -> Stmt:
    """Copy a statement with every reference sent through ``change``.

    Statements on whole buffers, calls among them, go through ``whole``.
    """
    match statement:
        case Loop() | While():
            return replace(statement, body=[with_refs(s, change, whole) for s in statement.body])
        case If():
            return replace(
                statement,
                condition=_expr(statement.condition, change),
                then=[with_refs(s, change, whole) for s in statement.then],
                otherwise=[with_refs(s, change, whole) for s in statement.otherwise],
            )
        case Let() | Declare() | Assign() | Check():
            return replace(statement, value=_expr(statement.value, change))
        case Break():
            return replace(statement, condition=_expr(statement.condition, change))
        case Store():
            return replace(
                statement, ref=_ref(statement.ref, change), value=_expr(statement.value, change)
            )
        case Accumulate():
            target = statement.target
            moved = _ref(target, change) if isinstance(target, Ref) else target
            return replace(statement, target=moved, value=_expr(statement.value, change))
    return whole(statement)


def _ref(ref: Ref, change: RefMap) -> Ref:
    gathers = tuple((_expr(e, change), stride) for e, stride in ref.gathers)
    return change(replace(ref, gathers=gathers) if gathers else ref)


def _expr(expr: Expr, change: RefMap) -> Expr:
    """Rewrite an expression."""
    if isinstance(expr, Load):
        return Load(_ref(expr.ref, change))
    return with_operands(expr, lambda part: _expr(part, change))
