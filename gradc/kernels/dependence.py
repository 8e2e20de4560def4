"""May loops be run in another order?  Two runs of statements that touch one element say no.

A *unit* is what is moved as a whole: some statements, run once for each point of its domain.  Its
time, before and after, is a tuple of dims that is compared from left to right.  An order is legal
if of any two runs that touch the same element, one of them writing, the earlier one stays earlier;
two that both add to the element may change places.

Offsets are compared axis by axis where the parts that belong to an axis cannot reach its length.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from gradc.ir import Dim, Symbol, substitute
from gradc.kernels.affine import Form, System, linear
from gradc.kernels.index import row_major_strides
from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Buffer,
    Declare,
    Let,
    Local,
    Loop,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.walk import expressions, loads, statements, subexpressions, uses
from gradc.records import dataclass

__all__ = [
    "Span",
    "Touch",
    "Unit",
    "inside",
    "is_legal",
    "may_meet",
    "ordered",
    "span_of",
    "touches",
]

Time: TypeAlias = tuple[Dim, ...]


class Span(NamedTuple):
    """A symbol that runs from ``low`` to ``high``, both included."""

    symbol: Symbol
    low: Dim
    high: Dim


class Touch(NamedTuple):
    """A read or write of one element; ``offset`` None is any element, ``how`` says what is done."""

    memory: Buffer | Local
    offset: Dim | None
    how: str


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """Statements that run once for each value of the symbols of ``spans``."""

    touches: tuple[Touch, ...]
    spans: tuple[Span, ...]
    before: Time
    after: Time


def span_of(loop: Loop) -> Span:
    """Return the values of a loop's symbol, for steps of 1 and -1."""
    if loop.step < 0:
        return Span(loop.symbol, loop.stop + 1, loop.start)
    return Span(loop.symbol, loop.start, loop.stop - 1)


def touches(body: Sequence[Stmt]) -> tuple[Touch, ...]:
    """Return what statements touch, but for scalars that they make for themselves."""
    found: dict[Touch, None] = {}
    own: set[Local] = set()
    for statement in statements(body):
        if isinstance(statement, Let | Declare):
            own.add(statement.local)
        found.update(dict.fromkeys(_touches(statement)))
    return tuple(touch for touch in found if touch.memory not in own)


def ordered(found: Sequence[Touch]) -> tuple[Touch, ...]:
    """Return touches with sums into memory as writes: for orders that change no bit of a sum."""
    return tuple(
        t._replace(how="write") if t.how != "read" and isinstance(t.memory, Buffer) else t
        for t in found
    )


def _touches(statement: Stmt) -> Iterator[Touch]:
    for ref in loads(statement):
        yield _at(ref, "read")
    for whole in expressions(statement):
        for part in subexpressions(whole):
            if isinstance(part, Local):
                yield Touch(part, 0, "read")
    yield from _changes(statement)


def _changes(statement: Stmt) -> Iterator[Touch]:
    if isinstance(statement, Store):
        yield _at(statement.ref, "write")
    elif isinstance(statement, Assign):
        yield Touch(statement.local, 0, "write")
    elif isinstance(statement, Accumulate):
        yield _added(statement)
    else:
        yield from (Touch(buffer, None, "write") for buffer, w in uses(statement) if w)


def _added(statement: Accumulate) -> Touch:
    target = statement.target
    if isinstance(target, Ref):
        return _at(target, statement.how)
    if isinstance(target, Local):
        return Touch(target, 0, statement.how)
    return Touch(target.local, None, statement.how)


def _at(ref: Ref, how: str) -> Touch:
    return Touch(ref.buffer, None if ref.gathers else ref.offset, how)


# systems


def inside(spans: Iterable[Span]) -> list[Form]:
    """Return the conditions that symbols are inside their spans."""
    found: list[Form] = []
    for symbol, low, high in spans:
        here = symbol.expr()
        found += [form for form in (linear(here - low), linear(high - here)) if form is not None]
    return found


def may_meet(a: Dim, b: Dim, memory: Buffer | Local, system: System) -> bool:
    """Tell whether two offsets may be the same where the conditions of a system hold."""
    gap = linear(a - b)
    if gap is None:
        return True
    shape = memory.type.shape if isinstance(memory, Buffer) else ()
    return system.and_also(zero=_by_axes(gap, shape, system)).possible()


def _by_axes(gap: Form, shape: Sequence[Dim], system: System) -> Iterator[Form]:
    """Yield equations, one for each axis that can be told apart, that together say no gap."""
    for stride in row_major_strides(tuple(shape)):
        if not isinstance(stride, int) or stride < 2:
            continue
        near = Form(
            {s: r for s, f in gap.factors.items() if (r := _nearest(f, stride))},
            _nearest(gap.constant, stride),
        )
        far = gap.minus(near)
        if not far.factors and not far.constant:
            continue
        over = Form(near.factors, near.constant - stride)
        under = Form({s: -f for s, f in near.factors.items()}, -near.constant - stride)
        if not any(system.and_also([side]).possible() for side in (over, under)):
            yield Form({s: f // stride for s, f in far.factors.items()}, far.constant // stride)
            gap = near
    yield gap


def _nearest(factor: int, stride: int) -> int:
    """Return what is left of a factor when the nearest multiple of a stride is taken away."""
    rest = factor % stride
    return rest - stride if 2 * rest > stride else rest


# orders


def is_legal(units: Sequence[Unit], around: Sequence[Span]) -> bool:
    """Tell whether all runs that must keep their order do; ``around`` are the loops outside."""
    outside = inside(around)
    images = [_renamed(unit) for unit in units]
    return not any(
        _breaks(first, second, outside)
        for first in units
        for second in images
        if _share(first, second)
    )


def _renamed(unit: Unit) -> Unit:
    """Return the unit with symbols of its own, so that two runs of it can be compared."""
    table = {s.symbol: Symbol(s.symbol.name, s.symbol.role + "'").expr() for s in unit.spans}

    def put(dim: Dim) -> Dim:
        return substitute(dim, table)

    spans = tuple(
        Span(Symbol(s.symbol.name, s.symbol.role + "'"), put(s.low), put(s.high))
        for s in unit.spans
    )
    moved = tuple(
        Touch(t.memory, None if t.offset is None else put(t.offset), t.how) for t in unit.touches
    )
    return Unit(moved, spans, tuple(map(put, unit.before)), tuple(map(put, unit.after)))


def _share(a: Unit, b: Unit) -> bool:
    return any(x.memory is y.memory and _exclusive(x, y) for x in a.touches for y in b.touches)


def _exclusive(a: Touch, b: Touch) -> bool:
    """Tell whether the order of two touches of one element matters."""
    return a.how != b.how or a.how == "write"


def _breaks(first: Unit, second: Unit, outside: list[Form]) -> bool:
    """Tell whether a run of the second that comes after one of the first may get before it."""
    base = System([*outside, *inside(first.spans), *inside(second.spans)])
    turned = [
        System(earlier.least_zero + wrong.least_zero, earlier.zero + wrong.zero)
        for earlier in _earlier(first.before, second.before, strictly=True)
        for wrong in _earlier(second.after, first.after, strictly=False)
    ]
    turned = [both for both in turned if base.and_also(both.least_zero, both.zero).possible()]
    if not turned:
        return False
    for a in first.touches:
        for b in second.touches:
            if a.memory is not b.memory or not _exclusive(a, b):
                continue
            if a.offset is None or b.offset is None:
                return True
            for both in turned:
                system = base.and_also(both.least_zero, both.zero)
                if may_meet(a.offset, b.offset, a.memory, system):
                    return True
    return False


def _earlier(a: Time, b: Time, *, strictly: bool) -> Iterator[System]:
    """Yield the cases in which one time is before another one (or the same)."""
    same: list[Form] = []
    for left, right in zip(a, b, strict=True):
        gap = linear(right - left)
        assert gap is not None
        if gap.factors or gap.constant > 0:
            yield System([Form(gap.factors, gap.constant - 1)], list(same))
        if not gap.factors and gap.constant:
            return
        same.append(gap)
    if not strictly:
        yield System([], same)
