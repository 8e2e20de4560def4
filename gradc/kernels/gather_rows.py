"""Adjoints of sweeps along a row: first the recurrence, then what it spreads, gathered by element.

The reverse of ``a[i, j] = (a[i, j - 1] + a[i, j + 1] + a[i - 1, j] + ...) * c`` takes the adjoint
of an element and adds a share of it to each neighbour: as many sums in memory per turn, one of
which the next turn waits for.  Taken apart::

    for j down: v = g[j] * c                    for j down: v[j] = (g[j] + v[j + 1]) * c
                g[j] = v                 ->     for j: up[j] = up[j] + v[j + 1] + v[j] + v[j - 1]
                g[j + 1] += v                   for j: g[j] = v[j] + v[j - 1]
                g[j - 1] += v
                up[j + 1] += v ...

Every element gets the same values in the same order.  Beside a row of values lie zeros of the sign
that changes no sum, so the ends need no code of their own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradc.ir import ArrayType, Dim
from gradc.kernels.chains import apply, chain, is_mild, sweep_of, times
from gradc.kernels.nest import (
    Assign,
    Buffer,
    Declare,
    Expr,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.row_writes import Row, Write, row_of
from gradc.kernels.sums_of_one import Share, share_of
from gradc.kernels.walk import map_statement, replace_symbols, subexpressions, with_operands

__all__ = ["gather_rows"]


SPREAD = 2
"""Most turns between the first and the last that add to one element in one sweep."""


def gather_rows(loop: Loop) -> list[Stmt] | None:
    """Return the loops that stand for an innermost loop; None where it has to stay one."""
    row = row_of(loop)
    return None if row is None else _Gathered(row).statements()


class _Gathered:
    """Writes the loops of a row; ``values`` holds the base scalar of each turn."""

    def __init__(self, row: Row) -> None:
        self.row, self.loop = row, row.loop
        self.dtype = row.base.dtype
        self.low: Dim = row.loop.start if row.loop.step > 0 else row.loop.stop + 1
        self.factors = {w: self._factor(w) for w in row.writes}
        chained = [row.chain] if row.chain else []
        sign = next((f for w in (*chained, *row.writes) if (f := self.factors[w])), 1.0)
        self.positive = sign > 0
        kind = ArrayType(self.dtype, (row.turns + 2 * SPREAD,))
        self.values = Buffer("temporary", kind, row.base.name, node=row.base.node)

    def _factor(self, write: Write) -> float | None:
        """Return the number times the base that is written; None for another value."""
        share = self._share(write.value, self.row.base)
        return None if share is None else share.factor

    def _share(self, value: Expr, part: Load | Local) -> Share | None:
        """Return a value as a multiple of a part of it."""
        share = share_of(value, part, lambda e: part in list(subexpressions(e)), lambda e: e)
        return share if share is not None and share.rest is None else None

    def statements(self) -> list[Stmt]:
        """Return everything that the loop did."""
        in_order = sorted(self.row.writes, key=lambda w: -w.later)
        groups = self._groups([w for w in in_order if not self._is_lost(w)])
        padded = any(len(group) > 1 for group in groups)
        sums = [s for group in groups for s in self._sweep(group)]
        return [*(self._zeros() if padded else ()), *self._chain(), *sums]

    def _at(self, turn: Dim) -> Ref:
        """Return where the base of a turn is, by its value of the symbol."""
        return Ref(self.values, turn - self.low + SPREAD)

    def _zeros(self) -> Iterator[Stmt]:
        """Yield stores of zeros that add nothing, not even a sign, beside the row."""
        zero = Number(self.dtype.type(-0.0 if self.positive else 0.0), self.dtype)
        for k in range(SPREAD):
            yield Store(self._at(self.low - (k + 1)), zero)
            yield Store(self._at(self.low + self.row.turns + k), zero)

    # the recurrence

    def _chain(self) -> list[Stmt]:
        """Return the loop that computes the base of every turn."""
        row, here = self.row, self.loop.symbol.expr()
        if row.chain is None:
            return [replace(self.loop, body=[Store(self._at(here), row.first)])]
        return [*(self._ahead(row.chain) or self._registered(row.chain)), *self._end(row.chain)]

    def _ahead(self, link: Write) -> list[Stmt] | None:
        """Return the recurrence four elements at a time, where all factors are numbers."""
        own, linked = Load(self.row.own), self.factors[link]
        made, sweep = self._share(self.row.first, own), sweep_of(self.loop, self.row.own)
        if made is None or linked is None or sweep is None or not is_mild(made.factor * linked):
            return None
        factor = Share(None, made.factor * linked, self.dtype).number
        nothing = Number(self.dtype.type(-0.0 if made.factor * linked > 0 else 0.0), self.dtype)
        return chain(
            sweep,
            factor,
            nothing,
            lambda p: times(Load(sweep.at(p)), made.number),
            lambda p: self._at(sweep.value(p)),
            link.statement.node,
        )

    def _registered(self, chain: Write) -> list[Stmt]:
        """Return the loop with what the next turn gets, some other expression, in a register."""
        row = self.row
        coming, total = Local(self.dtype), Local(self.dtype)
        base = Local(self.dtype, row.base.name, row.base.node)
        body: list[Stmt] = [
            Let(total, apply("add", Load(row.own), coming, self.dtype)),
            Let(base, _put(row.first, Load(row.own), total)),
            Store(self._at(self.loop.symbol.expr()), base),
            Assign(coming, _put(chain.value, row.base, base)),
        ]
        nothing = Number(self.dtype.type(-0.0), self.dtype)
        return [Declare(coming, nothing), replace(self.loop, body=body)]

    def _end(self, chain: Write) -> list[Stmt]:
        """Return what the last turn adds beyond the row, if a store hides the other sums."""
        if not self._is_lost(chain):
            return []
        return [self._turn(chain, self.loop.stop - self.loop.step)]

    def _is_lost(self, write: Write) -> bool:
        """Tell whether the next turn takes the place of what is added."""
        stores = any(w.stores and w.ref == self.row.own for w in self.row.writes)
        return stores and write is self.row.chain

    # the sums

    def _groups(self, writes: Sequence[Write]) -> list[list[Write]]:
        """Return what is written to neighbours in one sweep, in the order of the sums."""
        groups: list[list[Write]] = []
        for write in writes:
            last = groups[-1] if groups else []
            if last and self._goes_with(write, last):
                last.append(write)
            else:
                groups.append([write])
        return groups

    def _goes_with(self, write: Write, group: Sequence[Write]) -> bool:
        first = group[0]
        away = first.later - write.later
        near = first.ref.buffer is write.ref.buffer and away.denominator == 1 and away <= SPREAD
        return near and all(self._adds(w) or (w is first and w.stores) for w in (*group, write))

    def _adds(self, write: Write) -> bool:
        """Tell whether a write adds nothing where the base is the zero beside the row."""
        factor = self.factors[write]
        return factor is not None and (factor > 0) == self.positive and not write.stores

    def _sweep(self, group: Sequence[Write]) -> list[Stmt]:
        """Return the loop over the elements that a group writes to, and what sticks out of it."""
        first, turns = group[0], self.row.turns
        shifts = [int(w.later - first.later) * self.loop.step for w in group]
        start, stop = self.low + min(shifts), self.low + turns + max(shifts)
        if len(group) == 1:
            return [self._alone(first)]
        edges: list[Stmt] = []
        if first.stores:
            start, stop = self.low, self.low + turns
            for write, shift in zip(group, shifts, strict=True):
                edges += [self._turn(write, turn) for turn in self._outside(shift)]
        total: Expr = self._moved(first.value, 0) if first.stores else Load(first.ref)
        for write, shift in zip(group, shifts, strict=True):
            if write is not first or not first.stores:
                total = apply("add", total, self._moved(write.value, shift), self.dtype)
        store = Store(first.ref, total, group[-1].statement.node)
        return [Loop(self.loop.symbol, start, stop, [store]), *edges]

    def _outside(self, shift: int) -> list[Dim]:
        """Return the turns whose element lies beyond the row when moved."""
        if shift > 0:
            return [self.low + self.row.turns - k for k in range(1, shift + 1)]
        return [self.low + k for k in range(-shift)]

    def _alone(self, write: Write) -> Stmt:
        body = [self._written(write)]
        return Loop(self.loop.symbol, self.low, self.low + self.row.turns, body)

    def _turn(self, write: Write, turn: Dim) -> Stmt:
        return map_statement(self._written(write), replace_symbols({self.loop.symbol: turn}))

    def _written(self, write: Write) -> Stmt:
        return replace(write.statement, value=self._moved(write.value, 0))

    def _moved(self, value: Expr, shift: int) -> Expr:
        """Return a value, which holds the base alone where it is moved, of an earlier turn."""
        here = self.loop.symbol.expr() - shift
        return _put(value, self.row.base, Load(self._at(here)))


def _put(expr: Expr, old: Expr, new: Expr) -> Expr:
    """Replace a part; expressions are small, so recursion is safe."""
    if expr == old:
        return new
    return with_operands(expr, lambda part: _put(part, old, new))
