"""Nests as loops one in the other, with what stands before and after each, and two of them as one.

for i:                                          for i:
    s = 0                                           s = 0
    for j: s += w * y[i, j]                         for j:
    t[i] = s                          ->                s += w * y[i, j]
for i:                                                  y[i, j] = v * y[i, j]
    for j: y[i, j] = v * y[i, j]                    t[i] = s
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from gradc.ir import Dim
from gradc.kernels.dependence import Span, Unit, is_legal, ordered, span_of, touches
from gradc.kernels.expand import locals_made, locals_used
from gradc.kernels.nest import Accumulate, Copy, Declare, Let, Load, Local, Loop, Ref, Stmt, Store
from gradc.kernels.once import made_once
from gradc.kernels.walk import map_statement, replace_symbols
from gradc.records import dataclass

__all__ = ["Nest", "copied_in_turns", "joined_nests", "nest_of", "same_turns"]

Rows: TypeAlias = tuple[tuple[Stmt, ...], ...]


@dataclass(frozen=True, slots=True)
class Nest:
    """Loops one in the other; ``heads`` and ``tails`` stand in each before and after the next."""

    loops: tuple[Loop, ...]
    heads: Rows
    tails: Rows
    body: list[Stmt]

    @property
    def own(self) -> set[Local]:
        """The scalars that are made in it."""
        rows = [*self.heads, *self.tails]
        return locals_made([*(s for row in rows for s in row), *self.body])

    @property
    def adds_up(self) -> bool:
        """Whether something is done with what an inner loop made."""
        return any(self.tails)

    def units(self, number: int) -> Iterator[Unit]:
        """Yield what is done when: nest ``number`` of two before, each turn of both after."""
        own = self.own
        for depth, sides in enumerate(zip(self.heads, self.tails, strict=True), 1):
            for phase, part in zip((0, 2), sides, strict=True):
                if part:
                    yield self._unit(part, own, number, depth, phase)
        yield self._unit(self.body, own, number, len(self.loops), 0)

    def _unit(
        self, part: Sequence[Stmt], own: set[Local], number: int, depth: int, phase: int
    ) -> Unit:
        """Return statements inside ``depth`` loops; what they do with the nest's scalars is its."""
        found = tuple(t for t in ordered(touches(part)) if t.memory not in own)
        time: list[Dim] = []
        for place, loop in enumerate(self.loops, 1):
            time += [loop.symbol.expr() * loop.step, 1] if place < depth else [0, 0]
            if place == depth:
                time[-2:] = [loop.symbol.expr() * loop.step, phase]
        spans = tuple(map(span_of, self.loops[:depth]))
        return Unit(found, spans, (number, *time), (*time, number))

    def joined(self, other: "Nest") -> Loop:
        """Return one nest that does the work of both."""
        body = made_once([*self.body, *other.body])
        for depth in reversed(range(len(self.loops))):
            if depth < len(self.heads):
                heads = [*self.heads[depth], *other.heads[depth]]
                body = [*heads, *body, *self.tails[depth], *other.tails[depth]]
            body = [replace(self.loops[depth], body=body)]
        (whole,) = body
        assert isinstance(whole, Loop)
        return whole


def nest_of(loop: Loop) -> Nest | None:
    """Return a loop as a nest of two loops or more; None where it is no such thing."""
    loops, heads, tails = [loop], list[tuple[Stmt, ...]](), list[tuple[Stmt, ...]]()
    while any(isinstance(s, Loop) for s in loops[-1].body):
        outer = loops[-1]
        places = [k for k, s in enumerate(outer.body) if isinstance(s, Loop)]
        if len(places) > 1 or abs(outer.step) != 1 or outer.apart:
            return None
        front, back = outer.body[: places[0]], outer.body[places[0] + 1 :]
        if not all(map(_is_made, front)) or not all(map(_is_kept, back)):
            return None
        inner = outer.body[places[0]]
        assert isinstance(inner, Loop)
        heads.append(tuple(front))
        tails.append(tuple(back))
        loops.append(inner)
    return Nest(tuple(loops), tuple(heads), tuple(tails), loops[-1].body) if heads else None


def _is_made(statement: Stmt) -> bool:
    return isinstance(statement, Let) or (isinstance(statement, Declare) and not statement.lanes)


def _is_kept(statement: Stmt) -> bool:
    return isinstance(statement, Let | Store | Accumulate)


def joined_nests(first: Nest, second: Loop, around: Sequence[Span]) -> Loop | None:
    """Return one nest for two that run over the same box; None where the order would be wrong."""
    like = nest_of(second)
    if like is None or len(like.loops) != len(first.loops):
        return None
    pairs = zip(like.loops, first.loops, strict=True)
    change = replace_symbols({old.symbol: new.symbol.expr() for old, new in pairs})
    moved = map_statement(second, change)
    other = nest_of(moved) if isinstance(moved, Loop) else None
    if other is None or not all(map(same_turns, first.loops, other.loops)):
        return None
    if (first.adds_up and other.adds_up) or first.own & locals_used([second]):
        return None
    apart = first.loops[-1].apart and other.loops[-1].apart
    loops = (*first.loops[:-1], replace(first.loops[-1], apart=apart))
    first, other = replace(first, loops=loops), replace(other, loops=loops)
    units = [*first.units(0), *other.units(1)]
    return first.joined(other) if is_legal(units, around) else None


def copied_in_turns(loop: Loop, copy: Copy) -> Loop | None:
    """Return a copy in the loops that make each element of its source once; None if they do not."""
    loops, body = [loop], loop.body
    while any(isinstance(s, Loop) for s in body):
        inner = next(s for s in body if isinstance(s, Loop))
        loops.append(inner)
        body = inner.body
    here, size = _row_major(loops)
    stores = [s.ref for s in body if isinstance(s, Store) and s.ref.buffer is copy.source]
    if len(stores) != 1 or stores[0] != Ref(copy.source, here) or size != copy.source.type.size:
        return None
    moved: list[Stmt] = [Store(Ref(copy.target, here), Load(stores[0]), copy.node)]
    for one in reversed(loops):
        whole = replace(one, body=moved)
        moved = [whole]
    return whole


def _row_major(loops: Sequence[Loop]) -> tuple[Dim, Dim]:
    """Return the offset of a turn among all turns, and how many there are, from 0 on; -1: none."""
    here: Dim = 0
    size: Dim = 1
    for loop in loops:
        if loop.start != 0 or loop.step != 1:
            return 0, -1
        here, size = here * loop.stop + loop.symbol.expr(), size * loop.stop
    return here, size


def same_turns(a: Loop, b: Loop) -> bool:
    """Tell whether two loops run over the same values in the same order."""
    return (a.start, a.stop, a.step) == (b.start, b.stop, b.step)
