"""Turns of an outer loop in teams of four, which read the rows that they share while they are near.

    for i < n:                             for i < n step 4:
        t[:] = f(i)                            t0[:] = f(i); t1[:] = f(i + 1); t2, t3
        for j < i:                             for j < i:
            c = C[i, j]                            c0 = C[i, j]; c1 = C[i + 1, j]; c2, c3
            for k: G[j, k] += c * t[k]             for k: G[j, k] += (c0 * t0[k] + ...) + (...)
        for k: G[i, k] += 2 * t[k]             for j from i to i + 1, ...: the corner, row by row
                                               for k: G[i, k] += 2 * t0[k]
                                               for k: G[i + 1, k] += 2 * t1[k]; ...

A turn is a list of parts: plain statements, loops, and loops with one inner loop.  A team does part
after part, and in the last kind all that its turns have in common at once, inner loop by inner
loop.  That is right where the parts may run for all turns one after the other, those nests with the
turns inside; for then every two runs that must keep their order do so in any team.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradc.ir import Dim, DimExpr, Symbol
from gradc.kernels.abreast import fresh, is_plain, only_inner, together
from gradc.kernels.copies import Changes
from gradc.kernels.dependence import Span, Unit, is_legal, span_of, touches
from gradc.kernels.expand import locals_made
from gradc.kernels.extremes import Bounds, extremes
from gradc.kernels.interchange import strides
from gradc.kernels.merge import is_innermost
from gradc.kernels.nest import LANES, Accumulate, Buffer, If, Loop, Ref, Stage, Stmt, While
from gradc.kernels.private import count_uses, private_arrays
from gradc.kernels.walk import loads, map_statement, replace_symbols, statements

__all__ = ["run_in_teams"]

TURNS = 4
LEAST = 4 * TURNS
"""Turns from which it is worth the code."""
NEAR = 1 << 15
"""Bytes that stay in the nearest cache by themselves."""


def run_in_teams(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages with the turns of loops in teams where they share rows."""
    everywhere = count_uses(s for stage in stages for s in stage.body)
    return [
        Stage(_within(stage.body, {}, everywhere), stage.nodes, stage.section) for stage in stages
    ]


def _within(body: list[Stmt], bounds: Bounds, everywhere: Counter[Buffer]) -> list[Stmt]:
    result: list[Stmt] = []
    for statement in body:
        if isinstance(statement, Loop) and abs(statement.step) == 1:
            _, low, high = span_of(statement)
            inside = {**bounds, statement.symbol: (low, high)}
            team = _Team(statement, inside, everywhere)
            if team.pays() and team.may(bounds):
                result += team.loops()
                continue
            statement.body = _within(statement.body, inside, everywhere)
        elif isinstance(statement, While):
            statement.body = _within(statement.body, bounds, everywhere)
        elif isinstance(statement, If):
            statement.then = _within(statement.then, bounds, everywhere)
            statement.otherwise = _within(statement.otherwise, bounds, everywhere)
        result.append(statement)
    return result


class _Team:
    """The turns of one loop."""

    def __init__(self, loop: Loop, bounds: Bounds, everywhere: Counter[Buffer]) -> None:
        self.loop, self.bounds = loop, bounds
        self.everywhere = everywhere
        self.parts = [_shifted(part, loop.symbol) for part in loop.body]
        self.symbol, self.first, self.last = self._counted()

    def _counted(self) -> tuple[Symbol, Dim, Dim]:
        """Return the symbol of the loop over teams, the first turn of a team, the last value."""
        loop, count = self.loop, self._teams()
        if loop.step > 0:
            return loop.symbol, loop.symbol.expr(), loop.start + (count - 1) * TURNS
        symbol = Symbol(loop.symbol.name, "team")
        return symbol, loop.start - symbol.expr() * TURNS, count - 1

    # whether

    def pays(self) -> bool:
        """Tell whether there are many turns, of known parts, that share rows in far memory."""
        if self._teams() * TURNS < LEAST:
            return False
        parts = self.parts
        if not all(is_plain(s) or is_innermost(s) or self._is_nest(s) for s in parts):
            return False
        nests = [s for s in parts if isinstance(s, Loop) and self._is_nest(s)]
        return any(map(self._shares, nests)) and all(map(self._is_cut, nests))

    def _is_nest(self, statement: Stmt) -> bool:
        if not isinstance(statement, Loop):
            return False
        inner = only_inner(statement)
        return inner is not None and not any(
            _holds(end, symbol)
            for end in (inner.start, inner.stop)
            for symbol in (statement.symbol, self.loop.symbol)
        )

    def _shares(self, nest: Loop) -> bool:
        """Tell whether the inner loop walks over rows that are the same for all turns, and many."""
        inner = only_inner(nest)
        assert inner is not None
        length = extremes(inner.stop - inner.start, self.bounds)
        if length is None or length[1] < LANES or strides(inner.body, inner.symbol):
            return False
        shared = {
            ref.buffer
            for ref in _references(inner.body)
            if _holds(ref.offset, nest.symbol)
            and _holds(ref.offset, inner.symbol)
            and not _holds(ref.offset, self.loop.symbol)
        }
        sizes = [buffer.type.nbytes for buffer in shared]
        return sum(size for size in sizes if isinstance(size, int)) > NEAR

    def _is_cut(self, nest: Loop) -> bool:
        """Tell whether what four turns of a nest have in common is an interval, maybe empty."""
        low, high = self._common(nest)
        first = self.loop.start if self.loop.step > 0 else 0
        bounds = {**self.bounds, self.symbol: (first, self.last)}
        gap = None if low is None or high is None else extremes(high - low, bounds)
        return gap is not None and gap[0] >= 0

    def may(self, around: Bounds) -> bool:
        """Tell whether parts may run for all turns, one after the other, nests turned around."""
        own: set[object] = {*locals_made(self.loop.body), *self.private()}
        units: list[Unit] = []
        turn, span = self.loop.symbol.expr() * self.loop.step, span_of(self.loop)
        for place, part in enumerate(self.parts):
            for below, (found, spans, here) in enumerate(_runs(part)):
                kept = tuple(t for t in touches(found) if t.memory not in own)
                x, y = here
                after: tuple[Dim, ...] = (place, turn, x, below, y)
                if isinstance(part, Loop) and self._is_nest(part):
                    after = (place, x, below, y, turn)
                units.append(Unit(kept, (span, *spans), (turn, place, x, below, y), after))
        return is_legal(units, [Span(s, low, high) for s, (low, high) in around.items()])

    def private(self) -> set[Buffer]:
        """Return the arrays that every turn may have for itself."""
        return private_arrays(self.loop, self.bounds, self.everywhere)

    # what instead

    def _teams(self) -> int:
        """Count the teams; none where the number of turns is not known."""
        count = (self.loop.stop - self.loop.start) * self.loop.step
        return max(count, 0) // TURNS if isinstance(count, int) else 0

    def _turns(self) -> list[Changes]:
        made = sorted(locals_made(self.loop.body), key=lambda one: (one.node, one.name))
        arrays = sorted(self.private(), key=lambda one: (one.node, one.name))
        return [
            Changes(
                {self.loop.symbol: self._turn(k)},
                {local: fresh(local) for local in made},
                {array: replace(array) for array in arrays} if k else {},
            )
            for k in range(TURNS)
        ]

    def _turn(self, k: int) -> Dim:
        return self.first + k * self.loop.step

    def loops(self) -> list[Stmt]:
        """Return the loop over teams, and the one over turns that are left over."""
        body: list[Stmt] = []
        turns = self._turns()
        for part in self.parts:
            if isinstance(part, Loop) and self._is_nest(part):
                body += self._nest(part, turns)
            else:
                body += [turn.copy(part) for turn in turns]
        loop, rest = self.loop, self.loop.start + self._teams() * TURNS * self.loop.step
        whole = Loop(self.symbol, 0, self._teams(), body, 1, loop.node)
        if loop.step > 0:
            whole = replace(loop, stop=rest, body=body, step=TURNS)
        return [whole, replace(loop, start=rest)] if rest != loop.stop else [whole]

    def _nest(self, nest: Loop, turns: Sequence[Changes]) -> list[Stmt]:
        """Return the edges before, what the turns have in common, and the edges after."""
        low, high = self._common(nest)
        assert low is not None
        assert high is not None
        inner = only_inner(nest)
        assert inner is not None
        copies = [turn.copy(nest) for turn in turns]
        alone = [copy for copy in copies if isinstance(copy, Loop)]
        before: list[Stmt] = [replace(c, stop=low) for c in alone if c.start != low]
        after: list[Stmt] = [replace(c, start=high) for c in alone if c.stop != high]
        shared = replace(nest, start=low, stop=high, body=together(nest.body, inner, turns))
        return [*before, shared, *after]

    def _common(self, nest: Loop) -> tuple[Dim | None, Dim | None]:
        """Return the greatest start and the least end of a nest in four turns."""
        ends: list[Dim | None] = []
        for edge, sign in ((nest.start, 1), (nest.stop, -1)):
            found = [Changes({self.loop.symbol: self._turn(k)}, {}, {}) for k in range(TURNS)]
            edges = [one.dim(edge) for one in found]
            gaps = [(edge - edges[0]) * sign for edge in edges]
            known = [gap for gap in gaps if isinstance(gap, int)]
            ends.append(edges[known.index(max(known))] if len(known) == TURNS else None)
        return ends[0], ends[1]


def _shifted(part: Stmt, turn: Symbol) -> Stmt:
    """Return a loop that gets shorter with the turns with its symbol counted from a fixed end.

    So it is done where fewer references hold the turn then.
    """
    if not isinstance(part, Loop) or part.step != 1 or _holds(part.start, turn):
        return part
    if part.stop - replace_symbols({turn: turn.expr() + 1})(part.stop) != 1:
        return part
    moved = map_statement(part, replace_symbols({part.symbol: part.symbol.expr() - turn.expr()}))
    assert isinstance(moved, Loop)
    then, now = (
        sum(_holds(ref.offset, turn) for ref in _references(one.body)) for one in (moved, part)
    )
    shift = turn.expr()
    return replace(moved, start=part.start + shift, stop=part.stop + shift) if then < now else part


def _runs(
    part: Stmt,
) -> Iterator[tuple[Sequence[Stmt], tuple[Span, ...], tuple[Dim, Dim]]]:
    """Yield what runs as a whole: the statements, the loops around them, their place in these."""
    if not isinstance(part, Loop):
        yield [part], (), (0, 0)
        return
    here = part.symbol.expr() * part.step
    if is_innermost(part):
        yield part.body, (span_of(part),), (here, 0)
        return
    for statement in part.body:
        if isinstance(statement, Loop):
            spans = (span_of(part), span_of(statement))
            yield statement.body, spans, (here, statement.symbol.expr())
        else:
            yield [statement], (span_of(part),), (here, 0)


def _references(body: Sequence[Stmt]) -> Iterator[Ref]:
    for statement in statements(body):
        yield from loads(statement)
        if isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
            yield statement.target


def _holds(dim: Dim, symbol: Symbol) -> bool:
    return isinstance(dim, DimExpr) and symbol in dim.symbols
