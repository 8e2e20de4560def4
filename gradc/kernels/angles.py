"""The sine and the cosine of one value, computed at one place.

Public: ``side_by_side(body) -> list[Stmt]``.

A compiler makes one call of both, if it sees both::

    s = sin(a)                s = sin(a)
    ...                  ->   c = cos(a)
    y = b * cos(a)            ...
                              y = b * c
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Buffer,
    Declare,
    Expr,
    Let,
    Load,
    Local,
    Stmt,
    Store,
)
from gradc.kernels.walk import expressions, statements, subexpressions, uses, with_operands

__all__ = ["side_by_side"]

_BOTH = ("sin", "cos")
_Moved: TypeAlias = dict[tuple[str, Expr], Local]


class _First(NamedTuple):
    """Which function of a value is computed first, and by which statement."""

    name: str
    place: int


def side_by_side(flat: list[tuple[Stmt, int]]) -> list[tuple[Stmt, int]]:
    """Return the statements of a straight line with both functions of a value next to each other.

    Each comes with the number of its stage.  Values that may change in between stay.
    """
    body = [stmt for stmt, _ in flat]
    made = {stmt.local for stmt in body if isinstance(stmt, Let)}
    written = {buffer for one in statements(body) for buffer, writes in uses(one) if writes}
    first: dict[Expr, _First] = {}
    moved: _Moved = {}
    after: dict[int, list[Stmt]] = {}
    result: list[Stmt] = []
    for place, stmt in enumerate(body):
        for call in _calls(stmt):
            name, value = call.op.name, call.args[0]
            if not _stays(value, made, written):
                continue
            known = first.setdefault(value, _First(name, place))
            if known.name != name and (name, value) not in moved and known.place < place:
                local = moved[name, value] = Local(call.dtype)
                after.setdefault(known.place, []).append(Let(local, call))
        result.append(_replaced(stmt, moved))
    return [
        (one, flat[place][1])
        for place, stmt in enumerate(result)
        for one in (stmt, *after.get(place, ()))
    ]


def _calls(stmt: Stmt) -> Iterator[Apply]:
    """Yield the sines and cosines that a statement computes itself."""
    for whole in expressions(stmt):
        for part in subexpressions(whole):
            if isinstance(part, Apply) and part.op.name in _BOTH:
                yield part


def _stays(value: Expr, made: set[Local], written: set[Buffer]) -> bool:
    """Tell whether an expression has one value wherever it stands."""
    if isinstance(value, Load):
        return value.ref.buffer not in written and not value.ref.gathers
    return isinstance(value, Local) and value in made


def _replaced(stmt: Stmt, moved: _Moved) -> Stmt:
    """Copy a statement that takes what is computed elsewhere already."""
    if not any((call.op.name, call.args[0]) in moved for call in _calls(stmt)):
        return stmt

    def change(expr: Expr) -> Expr:
        if isinstance(expr, Apply) and expr.op.name in _BOTH:
            known = moved.get((expr.op.name, expr.args[0]))
            if known is not None:
                return known
        return with_operands(expr, change)

    if isinstance(stmt, Let | Declare | Assign | Store | Accumulate):
        return replace(stmt, value=change(stmt.value))
    return stmt
