"""Do the turns of a loop depend on each other?  If not, threads may share them.

    for i: y[i] = f(x[i - 1], x[i])             no turn touches what another one writes
    for i: total += f(x[i])                     but for adding to one place: each thread to its own
    for i: for j: column[j] += x[i, j]          the same, for a row of memory
    for i: for j: own[j] = ... own[k] ...       but for memory that each turn fills anew
    for i: x[i] = f(x[i - 1])                   they do

The elements that a turn touches in one buffer lie in a *window*, which moves on with the turns: if
it moves by its length at least, no two turns meet.  What is not as plain as that is asked of
``dependence``, pair by pair.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import NamedTuple

from gradc.ir import Dim, DimExpr, Symbol, substitute
from gradc.kernels.affine import System, linear
from gradc.kernels.dependence import Span, Touch, may_meet, touches
from gradc.kernels.dependence import inside as conditions
from gradc.kernels.extremes import Bounds, extremes
from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Buffer,
    Combine,
    Copy,
    Declare,
    Fill,
    If,
    Lane,
    Let,
    Local,
    Loop,
    Round,
    Stmt,
    Store,
)
from gradc.kernels.walk import expressions, nested, statements, subexpressions
from gradc.kernels.walk import uses as uses_of
from gradc.records import dataclass

__all__ = ["Sums", "bounds_of", "count_uses", "sums_between_turns"]

_PAIRS = 300
"""Pairs of touches from which on the answer is that turns depend on each other."""
_PLAIN = (Accumulate, Assign, Copy, Declare, Fill, If, Let, Loop, Round, Store)
_EACH = Symbol("each", "index")
_FOLDS = ("sum", "prod", "max", "min", "any", "all")


@dataclass(slots=True)
class Sums:
    """What all turns of a loop combine their values into, and how.

    ``memory`` gives for each buffer the first element, as seen from inside the loops around, and
    the number of elements.  ``scratch`` are buffers that each turn fills before it reads them.
    """

    scalars: dict[Local, str] = field(default_factory=dict)
    memory: dict[Buffer, tuple[str, Dim, int]] = field(default_factory=dict)
    scratch: list[Buffer] = field(default_factory=list)

    @property
    def adds(self) -> bool:
        """Whether turns combine anything."""
        return bool(self.scalars or self.memory)


class _At(NamedTuple):
    """A touch, the bounds of the symbols where it is, and whether it depends on a condition."""

    touch: Touch
    bounds: Bounds
    chosen: bool


class _Window(NamedTuple):
    """Elements ``turn * stride + outer + low`` to ``... + high``."""

    stride: int
    outer: Dim
    low: int
    high: int


def bounds_of(loop: Loop) -> tuple[Dim, Dim]:
    """Return the least and the greatest value of a loop's symbol."""
    if loop.step < 0:
        return loop.stop + 1, loop.start
    length = loop.stop - loop.start
    if isinstance(length, int):
        return loop.start, loop.start + (length - 1) // loop.step * loop.step
    return loop.start, loop.stop - 1


def sums_between_turns(loop: Loop, around: Bounds, uses: Mapping[Buffer, int]) -> Sums | None:
    """Return what turns share beside what they only read; None where they depend on each other.

    ``around`` are the bounds of the loops outside; ``uses`` says how many statements of the whole
    unit touch a buffer.
    """
    if loop.step < 0 or not all(isinstance(s, _PLAIN) for s in statements(loop.body)):
        return None
    scalars = _scalars(loop.body)
    if scalars is None:
        return None
    found, inside = Sums(scalars), count_uses(loop.body)
    by_buffer: dict[Buffer, list[_At]] = {}
    for at in _touched(loop.body, {**around, loop.symbol: bounds_of(loop)}):
        assert isinstance(at.touch.memory, Buffer)
        by_buffer.setdefault(at.touch.memory, []).append(at)
    for buffer, touched in by_buffer.items():
        if all(at.touch.how == "read" for at in touched) or _are_apart(loop, touched):
            continue
        shared = _shared(loop, touched)
        if shared is not None:
            found.memory[buffer] = shared
        elif (buffer.passing or inside[buffer] == uses[buffer]) and _is_scratch(loop, touched):
            found.scratch.append(buffer)
        else:
            return None
    return found


def count_uses(body: Iterable[Stmt]) -> Counter[Buffer]:
    """Count for each buffer how often statements touch it."""
    return Counter(
        buffer for statement in statements(list(body)) for buffer, _ in uses_of(statement)
    )


# scalars


def _scalars(body: Sequence[Stmt]) -> dict[Local, str] | None:
    """Return the scalars from outside that are combined with values; None if used otherwise."""
    own = {s.local for s in statements(body) if isinstance(s, Let | Declare)}
    found: dict[Local, str] = {}
    read: set[Local] = set()
    for statement in statements(body):
        for expr in expressions(statement):
            for part in subexpressions(expr):
                local = _local(part)
                if local is not None and local not in own:
                    read.add(local)
                    if not isinstance(part, Local):
                        return None
        if isinstance(statement, Assign) and statement.local not in own:
            return None
        if isinstance(statement, Accumulate):
            local = _local(statement.target) if not _is_ref(statement) else None
            if local is None or local in own:
                continue
            if found.setdefault(local, statement.how) != statement.how:
                return None
    return None if read & found.keys() else found


def _is_ref(statement: Accumulate) -> bool:
    return not isinstance(statement.target, Local | Lane)


def _local(part: object) -> Local | None:
    if isinstance(part, Lane | Combine):
        return part.local
    return part if isinstance(part, Local) else None


# memory


def _touched(body: Sequence[Stmt], bounds: Bounds, chosen: bool = False) -> Iterator[_At]:
    """Yield what statements do to memory, with the bounds of all symbols there."""
    for statement in body:
        within = bounds
        if isinstance(statement, Round):
            bounds = {**bounds, statement.symbol: (0, statement.dim)}
        elif isinstance(statement, Loop):
            within = {**bounds, statement.symbol: bounds_of(statement)}
        for part in nested(statement):
            yield from _touched(part, within, chosen or isinstance(statement, If))
        if isinstance(statement, Fill | Copy):
            yield from _whole(statement, bounds, chosen)
        elif not isinstance(statement, Loop):
            alone = If(statement.condition, []) if isinstance(statement, If) else statement
            for touch in touches([alone]):
                if isinstance(touch.memory, Buffer):
                    yield _At(touch, bounds, chosen)


def _whole(statement: Fill | Copy, bounds: Bounds, chosen: bool) -> Iterator[_At]:
    """Yield what is done to whole buffers."""
    filled = statement.buffer if isinstance(statement, Fill) else statement.target
    bounds = {**bounds, _EACH: (0, filled.type.size - 1)}
    yield _At(Touch(filled, _EACH.expr(), "write"), bounds, chosen)
    if isinstance(statement, Copy):
        yield _At(Touch(statement.source, _EACH.expr(), "read"), bounds, chosen)


def _is_scratch(loop: Loop, touched: Sequence[_At]) -> bool:
    """Tell whether every turn fills a temporary before it reads it.

    The very first turn does, or the program would read what nobody wrote; so all do if all touch
    the same elements in the same order, in whichever turns of the loops around.
    """
    for at in touched:
        if at.touch.offset is None or (at.chosen and at.touch.how != "read"):
            return False
        inner = list(at.bounds)[list(at.bounds).index(loop.symbol) + 1 :]
        turning = at.bounds.keys() - set(inner)
        offset, bounds = _from_zero(at.touch.offset, at.bounds, inner)
        ends = [end for symbol in inner for end in bounds[symbol]]
        if any(isinstance(end, DimExpr) and end.symbols & turning for end in (offset, *ends)):
            return False
    buffer = touched[0].touch.memory
    return isinstance(buffer, Buffer) and buffer.kind == "temporary"


def _are_apart(loop: Loop, touched: Sequence[_At]) -> bool:
    """Tell whether no two turns touch the same element of one buffer."""
    windows = [_window(loop, at) for at in touched]
    known = [window for window in windows if window is not None]
    if len(known) == len(windows) and len({(w.stride, w.outer) for w in known}) == 1:
        length = max(w.high for w in known) - min(w.low for w in known) + 1
        if abs(known[0].stride) * loop.step >= length:
            return True
    return _never_meet(loop, touched)


def _window(loop: Loop, at: _At) -> _Window | None:
    """Return the elements that a touch may be of in one turn."""
    if at.touch.offset is None:
        return None
    place = list(at.bounds).index(loop.symbol)
    outside, inside = list(at.bounds)[:place], list(at.bounds)[place + 1 :]
    offset, bounds = _from_zero(at.touch.offset, at.bounds, inside)
    stride, outer, rest = 0, _ZERO, _ZERO
    for monomial, factor in offset.terms if isinstance(offset, DimExpr) else ():
        symbols = {symbol for symbol, _ in monomial}
        if monomial == ((loop.symbol, 1),):
            stride = factor
        elif loop.symbol in symbols or not isinstance(factor, int):
            return None
        elif symbols and symbols <= set(outside):
            outer = outer + DimExpr(((monomial, factor),))
        else:
            rest = rest + (DimExpr(((monomial, factor),)) if symbols else factor)
    ends = extremes(offset if isinstance(offset, int) else rest, bounds)
    if ends is None or not isinstance(stride, int):
        return None
    return _Window(stride, outer, *ends)


_ZERO: Dim = 0


def _from_zero(offset: Dim, bounds: Bounds, inside: Sequence[Symbol]) -> tuple[Dim, Bounds]:
    """Let the symbols of inner loops count from 0 where they begin at an outer one."""
    moved = dict(bounds)
    for symbol in reversed(inside):
        low, high = moved[symbol]
        if isinstance(low, int):
            continue
        table = {symbol: symbol.expr() + low}
        offset = substitute(offset, table)
        for other, (least, most) in moved.items():
            moved[other] = substitute(least, table), substitute(most, table)
        moved[symbol] = 0, high - low
    return offset, moved


def _shared(loop: Loop, touched: Sequence[_At]) -> tuple[str, Dim, int] | None:
    """Return how all turns combine values into one stretch of memory, and which."""
    hows = {at.touch.how for at in touched}
    windows = [_window(loop, at) for at in touched]
    if len(hows) > 1 or not hows <= set(_FOLDS) or loop.symbol.role != "index":
        return None
    known = [window for window in windows if window is not None]
    if len(known) < len(windows) or len({(w.stride, w.outer) for w in known}) > 1:
        return None
    if known[0].stride:
        return None
    low, high = min(w.low for w in known), max(w.high for w in known)
    return hows.pop(), known[0].outer + low, high - low + 1


def _never_meet(loop: Loop, touched: Sequence[_At]) -> bool:
    """Ask for each pair of touches whether those of two turns may be of one element."""
    found = list({(at.touch, tuple(at.bounds.items())): at for at in touched}.values())
    written = [at for at in found if at.touch.how != "read"]
    if any(at.touch.offset is None for at in found) or len(written) * len(found) > _PAIRS:
        return False
    pairs = [pair for a in written for b in found for pair in ((a, b), (b, a))]
    distinct = {(id(a), id(b)): (a, b) for a, b in pairs}.values()
    return not any(_meet(loop, a, b) for a, b in distinct)


def _meet(loop: Loop, first: _At, second: _At) -> bool:
    """Tell whether a touch of one turn and one of a later turn may be of the same element."""
    mine = list(second.bounds)[list(second.bounds).index(loop.symbol) :]
    table = {symbol: Symbol(symbol.name, symbol.role + "'").expr() for symbol in mine}
    spans = [Span(symbol, *pair) for symbol, pair in first.bounds.items()]
    for symbol in mine:
        low, high = second.bounds[symbol]
        moved = Symbol(symbol.name, symbol.role + "'")
        spans.append(Span(moved, substitute(low, table), substitute(high, table)))
    later = linear(table[loop.symbol] - loop.symbol.expr() - loop.step)
    assert later is not None
    a, b = first.touch, second.touch
    assert a.offset is not None and b.offset is not None
    system = System([*conditions(spans), later])
    return may_meet(a.offset, substitute(b.offset, table), a.memory, system)
