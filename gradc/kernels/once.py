"""Values that several statements of one turn make or read, made and read once.

y_1[i] = f(x[i])            const y_2 = f(x[i])
u = g(v[i])                 y_1[i] = y_2
s[i] = u             ->     u = g(v[i])
w = g(v[i])                 s[i] = u
t[i] = w * y_1[i]           t[i] = u * y_2
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Buffer,
    Declare,
    Expr,
    Let,
    Load,
    Local,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.walk import loads, subexpressions, uses, with_operands

__all__ = ["made_once"]

Names: TypeAlias = Mapping[Expr, Local]


def made_once(body: Sequence[Stmt]) -> list[Stmt]:
    """Return plain statements without scalars that another one holds already.

    A value that reads memory or a scalar which a statement between them writes is made again.
    """
    known: dict[Expr, Local] = {}
    names: dict[Expr, Local] = {}
    result: list[Stmt] = []
    for place, statement in enumerate(body):
        moved = _renamed(statement, names)
        if isinstance(moved, Let) and moved.value in known:
            names[moved.local] = known[moved.value]
            continue
        if _is_read_again(moved, body[place + 1 :]):
            assert isinstance(moved, Store)
            local = Local(moved.ref.buffer.type.dtype, moved.ref.buffer.name, moved.node)
            result.append(Let(local, moved.value))
            moved = replace(moved, value=local)
        result.append(moved)
        known, names = _still(known, moved), _still(names, moved)
        if isinstance(moved, Let):
            known[moved.value] = moved.local
        elif isinstance(moved, Store) and isinstance(moved.value, Local) and _is_float(moved.ref):
            names[Load(moved.ref)] = moved.value
    return result


def _is_float(ref: Ref) -> bool:
    return ref.buffer.type.dtype.kind == "f"


def _is_read_again(statement: Stmt, later: Sequence[Stmt]) -> bool:
    """Tell whether a later statement reads a number that is worked out and stored."""
    if not isinstance(statement, Store) or isinstance(statement.value, Local):
        return False
    return _is_float(statement.ref) and any(
        read == statement.ref for s in later for read in loads(s)
    )


def _renamed(statement: Stmt, names: Names) -> Stmt:
    """Copy a statement with other names for what it reads."""
    if not names:
        return statement
    match statement:
        case Let() | Declare() | Assign():
            return replace(statement, value=_expr(statement.value, names))
        case Store(ref, value, node):
            return Store(_ref(ref, names), _expr(value, names), node)
        case Accumulate(target, how, value, node):
            moved = _ref(target, names) if isinstance(target, Ref) else target
            return Accumulate(moved, how, _expr(value, names), node)
    return statement


def _ref(ref: Ref, names: Names) -> Ref:
    return replace(ref, gathers=tuple((_expr(e, names), d) for e, d in ref.gathers))


def _expr(expr: Expr, names: Names) -> Expr:
    """Rewrite an expression."""
    if expr in names:
        return names[expr]
    if isinstance(expr, Load):
        return Load(_ref(expr.ref, names))
    return with_operands(expr, lambda part: _expr(part, names))


def _still(known: Names, statement: Stmt) -> dict[Expr, Local]:
    """Return what is still known after a statement."""
    return {value: name for value, name in known.items() if not _changes(statement, value)}


def _changes(statement: Stmt, value: Expr) -> bool:
    """Tell whether a statement changes what a value is made of."""
    if isinstance(statement, Let):
        return False
    target: Buffer | Local | None = None
    if isinstance(statement, Assign):
        target = statement.local
    elif isinstance(statement, Accumulate) and isinstance(statement.target, Local):
        target = statement.target
    written = {buffer for buffer, w in uses(statement) if w}
    return any(
        part is target or (isinstance(part, Load) and part.ref.buffer in written)
        for part in subexpressions(value)
    )
