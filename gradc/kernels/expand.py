"""Scalars of a turn as elements of an array over the turns, so that parts of a turn can be moved.

for j:                          for j:
s = 0                           s[j] = 0
for k: s += a[j, k]     ->      for k: s[j] += a[j, k]
b[j] = s                        b[j] = s[j]
"""

from collections.abc import Mapping, Sequence

from gradc.ir import ArrayType, Dim
from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Buffer,
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
from gradc.kernels.walk import (
    map_statement,
    replace_symbols,
    scalars_read,
    statements,
    with_operands,
)

__all__ = ["array_of", "locals_made", "locals_used", "with_memory"]


def locals_made(body: Sequence[Stmt]) -> set[Local]:
    """Return the scalars that statements make."""
    return {s.local for s in statements(body) if isinstance(s, Let | Declare)}


def locals_used(body: Sequence[Stmt]) -> set[Local]:
    """Return the scalars that statements read or change."""
    found = set(scalars_read(body))
    for statement in statements(body):
        if isinstance(statement, Assign):
            found.add(statement.local)
        elif isinstance(statement, Accumulate) and isinstance(statement.target, Local):
            found.add(statement.target)
    return found


def array_of(local: Local, most: int, position: Dim) -> Ref:
    """Return the element of a fresh array that stands for a scalar."""
    kind = ArrayType(local.dtype, (most,))
    return Ref(Buffer("temporary", kind, local.name, node=local.node), position)


def with_memory(statement: Stmt, table: Mapping[Local, Ref]) -> Stmt:
    """Copy a statement with scalars replaced by elements of memory."""
    if isinstance(statement, Loop):
        body = [with_memory(s, table) for s in statement.body]
        return Loop(
            statement.symbol, statement.start, statement.stop, body, statement.step, statement.node
        )
    if isinstance(statement, Let | Declare) and statement.local in table:
        ref = table[statement.local]
        return Store(ref, _expr(statement.value, table), statement.local.node)
    if isinstance(statement, Assign) and statement.local in table:
        return Store(table[statement.local], _expr(statement.value, table), statement.local.node)
    return _simple(statement, table)


def _simple(statement: Stmt, table: Mapping[Local, Ref]) -> Stmt:
    match statement:
        case Let(local, value):
            return Let(local, _expr(value, table))
        case Declare(local, value, lanes):
            return Declare(local, _expr(value, table), lanes)
        case Assign(local, value):
            return Assign(local, _expr(value, table))
        case Store(ref, value, node):
            return Store(_ref(ref, table), _expr(value, table), node)
        case Accumulate(target, how, value, node):
            moved = target
            if isinstance(target, Ref):
                moved = _ref(target, table)
            elif isinstance(target, Local):
                moved = table.get(target, target)
            return Accumulate(moved, how, _expr(value, table), node)
    return map_statement(statement, replace_symbols({}))


def _ref(ref: Ref, table: Mapping[Local, Ref]) -> Ref:
    return Ref(ref.buffer, ref.offset, tuple((_expr(e, table), d) for e, d in ref.gathers))


def _expr(expr: Expr, table: Mapping[Local, Ref]) -> Expr:
    """Rewrite an expression."""
    if isinstance(expr, Local):
        return Load(table[expr]) if expr in table else expr
    if isinstance(expr, Load):
        return Load(_ref(expr.ref, table))
    return with_operands(expr, lambda part: _expr(part, table))
