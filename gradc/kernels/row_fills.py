"""Large memory that starts as one value is filled row by row, where the row's turn comes.

    fill(g, 0)                              for i:
    for i:                          ->          for j < n: g[i, j] = 0
        for j < i: g[i, j] += ...               for j < i: g[i, j] += ...

Memory that no cache holds is then fetched once instead of twice: each row is filled just before
its turn, which is the only one to touch it.  Rows without a turn are filled where all rows were.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gradc.ir import Dim, Symbol
from gradc.kernels.extremes import extremes
from gradc.kernels.nest import Accumulate, Buffer, Fill, Loop, Ref, Round, Stmt, Store, While
from gradc.kernels.walk import loads, nested, statements, uses

__all__ = ["fill_by_rows"]

LARGE = 1 << 20
"""Bytes from which it is worth the code: more than what stays near."""
LEAST = 8
"""Elements of a row; shorter ones are not worth a loop each."""

_Bounds = Mapping[Symbol, tuple[Dim, Dim]]


class _Touch(NamedTuple):
    """An element that is read or written, and what is known of the symbols there."""

    offset: Dim
    bounds: _Bounds


class _Rows(NamedTuple):
    """The rows that have a turn, and the row of each turn."""

    rows: range
    row: Dim


_COLUMN = Symbol("column", "index")


def fill_by_rows(body: list[Stmt], around: _Bounds | None = None) -> list[Stmt]:
    """Return the statements with large fills moved into the loops, in place, that work on rows."""
    bounds = dict(around or {})
    result = list(body)
    for statement in body:
        inside = {**bounds, **_span(statement)}
        for inner in nested(statement):
            inner[:] = fill_by_rows(inner, {} if isinstance(statement, While) else inside)
    for fill in [s for s in body if isinstance(s, Fill) and _is_large(s.buffer)]:
        place = next(k for k, s in enumerate(result) if s is fill)
        loop = _worker(fill.buffer, result[place + 1 :])
        rows = None if loop is None else _rows(fill.buffer, loop, bounds)
        if loop is not None and rows is not None:
            loop.body.insert(0, _row(fill, rows.row))
            result[place : place + 1] = _others(fill, rows.rows)
    return result


def _is_large(buffer: Buffer) -> bool:
    size, shape = buffer.type.size, buffer.type.shape
    if not isinstance(size, int) or not size or len(shape) < 2 or buffer.most >= 0:
        return False
    if not isinstance(shape[0], int):
        return False
    return size * buffer.type.dtype.itemsize >= LARGE and _length(buffer) >= LEAST


def _worker(buffer: Buffer, later: Sequence[Stmt]) -> Loop | None:
    """Return the first statement that touches memory, if it is a loop."""
    for statement in later:
        if any(b is buffer for s in statements([statement]) for b, _ in uses(s)):
            return statement if isinstance(statement, Loop) else None
    return None


def _rows(buffer: Buffer, loop: Loop, bounds: _Bounds) -> _Rows | None:
    """Return the rows that have a turn, if every turn keeps to its own row."""
    if abs(loop.step) != 1:
        return None
    touched = list(_offsets(loop.body, buffer, {**bounds, **_span(loop)}))
    for sign in (1, -1):
        found = {_constant_row(one, loop.symbol, sign * _length(buffer)) for one in touched}
        first = found.pop()
        if not found and first is not None:
            return _placed(buffer, loop, sign, first)
    return None


def _constant_row(touch: _Touch | None, symbol: Symbol, step: int) -> int | None:
    """Return the row at turn 0 of what is touched, if rows follow the turns."""
    if touch is None:
        return None
    found = extremes(touch.offset - symbol.expr() * step, touch.bounds)
    if found is None or found[0] // abs(step) != found[1] // abs(step):
        return None
    return found[0] // abs(step)


def _placed(buffer: Buffer, loop: Loop, sign: int, first: int) -> _Rows | None:
    """Return the rows of all turns, where these are known to be rows of the memory."""
    low, high = _span(loop)[loop.symbol]
    if not isinstance(low, int) or not isinstance(high, int) or low > high:
        return None
    ends, size = sorted((first + sign * low, first + sign * high)), buffer.type.size
    assert isinstance(size, int)
    if ends[0] < 0 or ends[1] >= size // _length(buffer):
        return None
    return _Rows(range(ends[0], ends[1] + 1), loop.symbol.expr() * sign + first)


def _offsets(body: Sequence[Stmt], buffer: Buffer, bounds: _Bounds) -> Iterator[_Touch | None]:
    """Yield the offsets at which memory is touched, with what is known there; None for others."""
    for statement in body:
        bounds = {**bounds, **_span(statement)}
        touched = [*loads(statement), *_written(statement)]
        yield from (
            None if r.gathers else _Touch(r.offset, bounds) for r in touched if r.buffer is buffer
        )
        plain = {r.buffer for r in touched}
        if any(b is buffer and b not in plain for b, _ in uses(statement)):
            yield None
        for inner in nested(statement):
            yield from _offsets(inner, buffer, bounds)


def _written(statement: Stmt) -> list[Ref]:
    if isinstance(statement, Store):
        return [statement.ref]
    target = statement.target if isinstance(statement, Accumulate) else None
    return [target] if isinstance(target, Ref) else []


def _span(statement: Stmt) -> dict[Symbol, tuple[Dim, Dim]]:
    """Return the first and last value of the symbol that a statement sets."""
    if isinstance(statement, Round):
        return {statement.symbol: (0, statement.dim)}
    if not isinstance(statement, Loop):
        return {}
    if statement.step < 0:
        return {statement.symbol: (statement.stop + 1, statement.start)}
    return {statement.symbol: (statement.start, statement.stop - 1)}


def _length(buffer: Buffer) -> int:
    size, rows = buffer.type.size, buffer.type.shape[0]
    assert isinstance(size, int)
    assert isinstance(rows, int)
    return size // rows


def _row(fill: Fill, row: Dim) -> Stmt:
    """Return the loop that fills one row."""
    length = _length(fill.buffer)
    ref = Ref(fill.buffer, row * length + _COLUMN.expr())
    return Loop(_COLUMN, 0, length, [Store(ref, fill.value, fill.node)], node=fill.node)


def _others(fill: Fill, rows: range) -> list[Stmt]:
    """Return loops over the elements of the rows before and after those that have a turn."""
    length, size = _length(fill.buffer), fill.buffer.type.size
    found: list[Stmt] = []
    for start, stop in ((0, rows.start * length), (rows.stop * length, size)):
        if start != stop:
            body: list[Stmt] = [Store(Ref(fill.buffer, _COLUMN.expr()), fill.value, fill.node)]
            found.append(Loop(_COLUMN, start, stop, body, node=fill.node))
    return found
