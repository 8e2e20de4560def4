"""Turn nests around so that the innermost loop walks through memory step by step.

    for j:                                  for j: s[j] = 0
        s = 0                               for k:
        for k: s += a[k] * B[k, j]    ->        for j: s[j] += a[k] * B[k, j]
        c[j] = s                            for j: c[j] = s[j]

The turn of the outer loop is taken apart into blocks of plain statements and inner loops.  Each
becomes a loop of its own; or, where the inner loops need what blocks of other turns make, they
share an outer loop over blocks j and inner turns k alike::

    for j:                                  for k:
        s = y[j]                                y[k] = y[k] / L[k, k]
        for k < j: s -= L[j, k] * y[k]  ->      for j > k: y[j] -= L[j, k] * y[k]
        y[j] = s / L[j, j]

What is right is asked of ``dependence``; what pays is counted in strides.
"""

from collections.abc import Iterator, Sequence

from gradc.ir import Dim, DimExpr, Symbol, substitute
from gradc.kernels.columns import recurs
from gradc.kernels.dependence import Span, Unit, is_legal, span_of, touches
from gradc.kernels.expand import array_of, locals_made, locals_used, with_memory
from gradc.kernels.extremes import extremes
from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Declare,
    Let,
    Local,
    Loop,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.walk import loads, map_statement, replace_symbols, scalars_read
from gradc.records import dataclass

__all__ = ["SWEPT", "interchange", "strides", "with_turns_inside"]

SWEPT = "swept"
"""Role of the symbols of inner loops that were outer ones."""
WORTH = 16
"""Greatest length from which the new inner loop is worth it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A block of plain statements, or an inner loop."""

    body: list[Stmt]
    loop: Loop | None = None

    @property
    def statements(self) -> list[Stmt]:
        """What the part consists of, the loop itself included."""
        return self.body if self.loop is None else [self.loop]


def interchange(loop: Loop, around: Sequence[Span]) -> list[Stmt] | None:
    """Return statements in place of a loop with inner loops; None where it stays as it is."""
    loop = _facing(loop)
    parts = _parts(loop)
    if parts is None or not _pays(loop, parts, around):
        return None
    whole = _Nest(loop, parts, around)
    return whole.apart() or whole.together()


def with_turns_inside(loop: Loop, around: Sequence[Span]) -> list[Stmt] | None:
    """Return nests with the turns of a loop inside its inner loops; None where that is not right.

    Strides do not count: the caller knows why it is wanted.
    """
    parts = _parts(loop)
    bounds = {s.symbol: (s.low, s.high) for s in around}
    length = extremes(abs_length(loop), bounds)
    if parts is None or length is None or length[1] < WORTH:
        return None
    return _Nest(loop, parts, around).apart()


def _facing(loop: Loop) -> Loop:
    """Return the loop with its symbol counted from the other end where inner ranges shrink."""
    turn, low, high = span_of(loop)
    edges = [e for s in loop.body if isinstance(s, Loop) for e in span_of(s)[1:]]
    if abs(loop.step) != 1 or not any(_slope(edge, turn) == -1 for edge in edges):
        return loop
    change = replace_symbols({turn: low + high - turn.expr()})
    body = [map_statement(s, change) for s in loop.body]
    start, stop = (high, low - 1) if loop.step > 0 else (low, high + 1)
    return Loop(turn, start, stop, body, -loop.step, loop.node)


def _parts(loop: Loop) -> list[_Part] | None:
    """Take a turn apart; None where it holds anything but plain statements and plain loops."""
    parts: list[_Part] = []
    for statement in loop.body:
        if isinstance(statement, Loop):
            if abs(statement.step) != 1 or not all(map(_is_plain, statement.body)):
                return None
            parts.append(_Part(statement.body, statement))
        elif not _is_plain(statement):
            return None
        elif parts and parts[-1].loop is None:
            parts[-1].body.append(statement)
        else:
            parts.append(_Part([statement]))
    known = abs(loop.step) == 1 and any(part.loop is not None for part in parts)
    return parts if known and _may_move(loop, parts) else None


def _may_move(loop: Loop, parts: Sequence[_Part]) -> bool:
    """Tell whether of the scalars of the outside the turns change only some that they add to."""
    changed: set[Local] = set()
    summed: set[Local] = set()
    for statement in (s for part in parts for s in part.body):
        if isinstance(statement, Assign):
            changed.add(statement.local)
        elif isinstance(statement, Accumulate) and isinstance(statement.target, Local):
            (summed if statement.how == "sum" else changed).add(statement.target)
    made = locals_made(loop.body)
    return changed <= made and not (summed - made) & set(scalars_read(loop.body))


def _is_plain(statement: Stmt) -> bool:
    lanes = isinstance(statement, Declare) and statement.lanes
    return isinstance(statement, Let | Declare | Store | Accumulate | Assign) and not lanes


# what pays


def strides(body: Sequence[Stmt], symbol: Symbol) -> int:
    """Count the references that a loop over a symbol does not walk through step by step."""
    return sum(not _is_near(ref, symbol) for ref in _references(body))


def _references(body: Sequence[Stmt]) -> Iterator[Ref]:
    for statement in body:
        yield from loads(statement)
        if isinstance(statement, Store):
            yield statement.ref
        elif isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
            yield statement.target


def _is_near(ref: Ref, symbol: Symbol) -> bool:
    if ref.gathers:
        return False
    if not isinstance(ref.offset, DimExpr) or symbol not in ref.offset.symbols:
        return True
    step = substitute(ref.offset, {symbol: symbol.expr() + 1}) - ref.offset
    return step in (1, -1)


def _pays(loop: Loop, parts: Sequence[_Part], around: Sequence[Span]) -> bool:
    """Tell whether the loop is a better innermost one than those inside it."""
    bounds = {s.symbol: (s.low, s.high) for s in around}
    length = extremes(abs_length(loop), bounds)
    if length is None or length[1] < WORTH:
        return False
    inner = [part.loop for part in parts if part.loop is not None]
    now = sum(strides(one.body, one.symbol) for one in inner)
    then = sum(strides(one.body, loop.symbol) for one in inner)
    return then < now and not _waits(loop, inner)


def _waits(loop: Loop, inner: Sequence[Loop]) -> bool:
    """Tell whether turns of the loop wait for each other, and turns of the inner ones do not.

    What lies apart in memory costs vector code less than waiting does.
    """
    return recurs(loop) and not any(map(recurs, inner))


def abs_length(loop: Loop) -> Dim:
    """Return the number of turns of a loop with steps of 1 or -1."""
    return (loop.stop - loop.start) * loop.step


# the new nests


class _Nest:
    """One loop with what is inside it, its scalars in memory where parts share them."""

    def __init__(self, loop: Loop, parts: Sequence[_Part], around: Sequence[Span]) -> None:
        self.loop, self.around = loop, around
        self.span = span_of(loop)
        self.most = self._most()
        self.parts = self._expanded(parts)
        self.inner = Symbol(loop.symbol.name, SWEPT)

    def _most(self) -> int:
        bounds = {s.symbol: (s.low, s.high) for s in self.around}
        found = extremes(abs_length(self.loop), bounds)
        assert found is not None
        return max(found[1], 0)

    def _expanded(self, parts: Sequence[_Part]) -> list[_Part]:
        """Put the scalars that one part makes and another one uses into arrays."""
        table: dict[Local, Ref] = {}
        position = self.loop.symbol.expr() - self.span.low
        for part in parts:
            made = locals_made(part.statements)
            others = [s for p in parts if p is not part for s in p.statements]
            shared = made & locals_used(others)
            for local in sorted(shared, key=lambda one: (one.node, one.name)):
                table[local] = array_of(local, self.most, position)
        return [_Part([with_memory(s, table) for s in part.body], part.loop) for part in parts]

    def _unit(self, part: _Part, place: int, after: tuple[Dim, ...]) -> Unit:
        """Return a part as what is moved as a whole."""
        spans, turn = [self.span], self.loop.symbol.expr() * self.loop.step
        inner: Dim = 0
        if part.loop is not None:
            spans.append(span_of(part.loop))
            inner = part.loop.symbol.expr() * part.loop.step
        return Unit(touches(part.body), tuple(spans), (turn, place, inner), after)

    def apart(self) -> list[Stmt] | None:
        """Return a nest for each part, inner loops outside; None where that is not right."""
        swapped = [None if p.loop is None else _swapped(self.loop, p.loop) for p in self.parts]
        if any(p.loop and not s for p, s in zip(self.parts, swapped, strict=True)):
            return None
        turn, units = self.loop.symbol.expr(), []
        for place, part in enumerate(self.parts):
            after: tuple[Dim, ...] = (place, turn * self.loop.step, 0)
            if part.loop is not None:
                after = (place, part.loop.symbol.expr() * part.loop.step, turn)
            units.append(self._unit(part, place, after))
        if not is_legal(units, self.around):
            return None
        body: list[Stmt] = []
        for part, ranges in zip(self.parts, swapped, strict=True):
            if part.loop is None or ranges is None:
                body.append(self._blocks(part))
            else:
                body.append(self._outer(part.loop, ranges, [self._swept(part, ranges)]))
        return body

    def _blocks(self, part: _Part) -> Stmt:
        loop = self.loop
        return _fresh(Loop(loop.symbol, loop.start, loop.stop, part.body, loop.step, loop.node))

    def _outer(self, loop: Loop, ranges: "_Ranges", body: list[Stmt]) -> Loop:
        low, high = ranges.outer
        if loop.step < 0:
            return Loop(loop.symbol, high, low - 1, body, -1, loop.node)
        return Loop(loop.symbol, low, high + 1, body, 1, loop.node)

    def _swept(self, part: _Part, ranges: "_Ranges") -> Loop:
        """Return the new inner loop of a part."""
        change = replace_symbols({self.loop.symbol: self.inner.expr()})
        body = [map_statement(s, change) for s in part.body]
        low, high = ranges.inner
        return Loop(self.inner, low, high + 1, body, 1, self.loop.node)

    def together(self) -> list[Stmt] | None:
        """Return one outer loop for blocks and inner turns alike; None where that is not right."""
        first = next((k for k, part in enumerate(self.parts) if part.loop is not None), 0)
        for leading in dict.fromkeys((first, 0)):
            for blocks_first in (True, False):
                found = self._embedded(leading, blocks_first)
                if found is not None:
                    return found
        return None

    def _embedded(self, leading: int, blocks_first: bool) -> list[Stmt] | None:
        """Return loops for the leading blocks, and one for all the rest."""
        low, high = self.span.low, self.span.high
        turn, step = self.loop.symbol.expr(), self.loop.step
        units: list[Unit] = []
        inner: list[Stmt] = []
        blocks: list[Stmt] = []
        for place, part in enumerate(self.parts):
            if place < leading:
                units.append(self._unit(part, place, (place, turn * step, 0, 0)))
            elif part.loop is None:
                late = 0 if blocks_first else len(self.parts)
                units.append(self._unit(part, place, (leading, turn * step, late + place, 0)))
                blocks += part.body
            else:
                ranges = _swapped(self.loop, part.loop)
                if ranges is None or not ranges.within(low, high):
                    return None
                here = part.loop.symbol.expr()
                late = len(self.parts) if blocks_first else 0
                after = (leading, here * step, late + place, turn)
                units.append(self._unit(part, place, after))
                change = replace_symbols({part.loop.symbol: turn})
                inner.append(map_statement(self._swept(part, ranges), change))
        if not is_legal(units, self.around):
            return None
        body = [*blocks, *inner] if blocks_first else [*inner, *blocks]
        loop = self.loop
        whole = Loop(loop.symbol, loop.start, loop.stop, body, loop.step, loop.node)
        return [*(self._blocks(part) for part in self.parts[:leading]), whole]


def _fresh(loop: Loop) -> Loop:
    """Return a copy whose statements are shared with no other loop."""
    copy = map_statement(loop, replace_symbols({}))
    assert isinstance(copy, Loop)
    return copy


@dataclass(frozen=True, slots=True)
class _Ranges:
    """First and last values: of the inner symbol over all turns, and of the turns for one value.

    ``shift`` is None for rectangles; else inner values end (``growing``) or begin where the turn
    plus ``shift`` is.
    """

    outer: tuple[Dim, Dim]
    inner: tuple[Dim, Dim]
    growing: bool = True
    shift: Dim | None = None

    def within(self, low: Dim, high: Dim) -> bool:
        """Tell whether a loop from low to high meets all values, and no more where it must not."""
        if self.shift is None:
            return self.outer == (low, high)
        if not isinstance(self.shift, int):
            return False
        if self.growing:
            return self.outer[0] == low and self.shift <= 0
        return self.outer[1] == high and self.shift >= 0


def _swapped(loop: Loop, inner: Loop) -> _Ranges | None:
    """Return the ranges of two loops whose order is changed; None where they are no intervals."""
    turn, low, high = span_of(loop)
    _, first, last = span_of(inner)
    moving = [_slope(edge, turn) for edge in (first, last)]
    if moving == [0, 0]:
        return _Ranges((first, last), (low, high))
    here = inner.symbol.expr()
    if moving == [0, 1]:
        # first <= k <= j + shift, so that j >= k - shift
        shift = last - turn.expr()
        if first - shift == low or _exceeds(first - shift, low):
            return _Ranges((first, high + shift), (here - shift, high), True, shift)
    if moving == [1, 0]:
        # j + shift <= k <= last, so that j <= k - shift
        shift = first - turn.expr()
        if last - shift == high or _exceeds(high, last - shift):
            return _Ranges((low + shift, last), (low, here - shift), False, shift)
    return None


def _exceeds(a: Dim, b: Dim) -> bool:
    gap = a - b
    return isinstance(gap, int) and gap >= 0


def _slope(dim: Dim, symbol: Symbol) -> Dim:
    if isinstance(dim, int) or symbol not in dim.symbols:
        return 0
    return substitute(dim, {symbol: symbol.expr() + 1}) - dim
