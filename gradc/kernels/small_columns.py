"""Columns of small matrices that rows are multiplied by are copied side by side beforehand.

    for i: for j: for k: c[i, k] += a[i, j] * b[k, j]
    ->
    for j: for k: t[j, k] = b[k, j]
    for i: for j: for k: c[i, k] += a[i, j] * t[j, k]

The innermost loop walks through memory step by step then, so that it becomes vector code; the copy
is read once for every turn of the loop that the matrix does not depend on.

Sums too short for lanes of their own are made for all columns at once first::

    for i: for k:                               for i: for k: c[i, k] = 0
        s = 0                           ->      for i: for j: for k: c[i, k] += a[i, j] * b[k, j]
        for j: s += a[i, j] * b[k, j]
        c[i, k] = s
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from gradc.ir import ArrayType, Dim, DimExpr, Symbol, substitute
from gradc.kernels.nest import (
    LANES,
    Accumulate,
    Buffer,
    Choose,
    Declare,
    If,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Ref,
    Stmt,
    Store,
    While,
)
from gradc.kernels.retarget import with_refs
from gradc.kernels.small_products import chain, length_of, one_by_one
from gradc.kernels.walk import expressions, loads, subexpressions, uses

__all__ = ["copy_columns"]

LEAST = 4
"""Turns from which a loop is worth it: of the innermost one, and of those that read the copy."""
MOST = 4096
"""Elements of a copy at most."""


def copy_columns(body: list[Stmt]) -> list[Stmt]:
    """Return the statements with copies before the nests, inside other loops, that want them."""
    result: list[Stmt] = []
    for statement in body:
        if isinstance(statement, If):
            statement.then = copy_columns(statement.then)
            statement.otherwise = copy_columns(statement.otherwise)
        elif isinstance(statement, While) or (
            isinstance(statement, Loop) and statement.symbol.role != "index"
        ):
            statement.body = copy_columns(statement.body)
        for part in (one for whole in _without_sums(statement) for one in one_by_one(whole)):
            nest = _nest(part)
            result += [part] if nest is None else _copied(part, nest)
    return result


def _without_sums(statement: Stmt) -> list[Stmt]:
    """Return the nest that sets sums to zero and the one that adds up, where these are better."""
    loops = chain(statement)
    if len(loops) < 2 or length_of(loops[-1]) < LANES // 2:
        return [statement]
    match loops[-1].body:
        case [Declare(local, Number(0, _), 0), Loop() as inner, Store(ref, value)] if (
            value is local
        ):
            sums = chain(inner)
        case _:
            return [statement]
    if len(sums) != 1 or length_of(inner) >= LANES or not _adds_to(inner, local, ref):
        return [statement]
    *plain, last = inner.body
    assert isinstance(last, Accumulate)
    zero = Number(0, local.dtype)
    turn = [*plain, Accumulate(ref, "sum", last.value, last.node)]
    added: Stmt = replace(inner, body=[replace(loops[-1], body=turn)])
    nests = [_around(loops, Store(ref, zero, local.node)), _around(loops[:-1], added)]
    columns = _nest(nests[1])
    return nests if columns is not None and _wanted(columns) else [statement]


def _adds_to(loop: Loop, local: Local, ref: Ref) -> bool:
    """Tell whether a loop adds to one scalar, in its last statement, from other memory alone."""
    *plain, last = loop.body
    if not isinstance(last, Accumulate) or last.how != "sum" or last.target is not local:
        return False
    if ref.gathers or not all(isinstance(s, Let) for s in plain):
        return False
    return all(buffer is not ref.buffer for s in loop.body for buffer, _ in uses(s))


def _nest(statement: Stmt) -> list[Loop] | None:
    """Return loops of known lengths, each alone in the one before, around plain statements."""
    loops = chain(statement)
    if len(loops) < 3 or length_of(loops[-1]) < LEAST:
        return None
    return loops if all(isinstance(s, Let | Store | Accumulate) for s in loops[-1].body) else None


def _copied(statement: Stmt, nest: list[Loop]) -> list[Stmt]:
    """Return the copies and the nest that reads them."""
    copies: dict[Ref, Ref] = {}
    before: list[Stmt] = []
    for ref in _wanted(nest):
        around = _turning(nest, ref)
        own = Buffer("temporary", _type(ref, around), "columns", node=ref.buffer.node)
        copies[ref] = Ref(own, _place(around))
        before.append(_around(around, Store(copies[ref], Load(ref), ref.buffer.node)))
    if not copies:
        return [statement]
    return [*before, with_refs(statement, lambda ref: copies.get(ref, ref), lambda s: s)]


def _wanted(nest: Sequence[Loop]) -> list[Ref]:
    """Return what is worth a copy."""
    written = {b for s in nest[-1].body for b, is_written in uses(s) if is_written}
    found = dict.fromkeys(ref for ref in _columns(nest) if ref.buffer not in written)
    return [ref for ref in found if _pays(nest, _turning(nest, ref))]


def _turning(nest: Sequence[Loop], ref: Ref) -> list[Loop]:
    """Return the loops that a place depends on."""
    return [loop for loop in nest if _step(ref.offset, loop.symbol) != 0]


def _columns(nest: Sequence[Loop]) -> list[Ref]:
    """Return what the innermost loop reads, in every turn, with steps other than 1."""
    found: list[Ref] = []
    for statement in nest[-1].body:
        chosen = any(
            isinstance(part, Choose)
            for whole in expressions(statement)
            for part in subexpressions(whole)
        )
        found += [] if chosen else list(loads(statement))
    return [ref for ref in found if not ref.gathers and _is_column(ref, nest)]


def _is_column(ref: Ref, nest: Sequence[Loop]) -> bool:
    steps = [_step(ref.offset, loop.symbol) for loop in nest]
    return all(isinstance(step, int) for step in steps) and steps[-1] not in (-1, 0, 1)


def _step(offset: Dim, symbol: Symbol) -> Dim:
    if not isinstance(offset, DimExpr):
        return 0
    return substitute(offset, {symbol: symbol.expr() + 1}) - offset


def _pays(nest: Sequence[Loop], around: Sequence[Loop]) -> bool:
    """Tell whether several turns read each element of a small copy."""
    size, work = prod(map(length_of, around)), prod(map(length_of, nest))
    return size <= MOST and work >= LEAST * size


def _type(ref: Ref, around: Sequence[Loop]) -> ArrayType:
    return ref.buffer.type.with_shape(tuple(loop.stop for loop in around))


def _place(around: Sequence[Loop]) -> Dim:
    place: Dim = 0
    for loop in around:
        place = place * loop.stop + loop.symbol.expr()
    return place


def _around(around: Sequence[Loop], inside: Stmt) -> Stmt:
    body = [inside]
    for loop in reversed(around):
        body = [replace(loop, body=body)]
    return body[0]
