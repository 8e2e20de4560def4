"""Recurrences along a row: the element that the turn before wrote is added last, from a register.

for j: a[j] = (u[j] + a[j - 1] + a[j + 1]) / 3        before = a[-1]
                                                      for j: rest = u[j] + a[j + 1]
                                                             new = rest / 3 + before * (1 / 3)
                                                             a[j] = new; before = new

All but one multiplication and one addition of a turn then runs beside the turns before it.  Where
no turn reads what an earlier one wrote but for that one element, the rest of all turns is computed
first, many at once, and the chain is worked off four elements at a time: `gradc.kernels.chains`.
The order of the sum is this one in every build; it differs from the user's by rounding only.
"""

from collections import Counter
from dataclasses import field

import numpy as np

from gradc.ir import ArrayType, Dim, substitute
from gradc.kernels.carried import carry_before
from gradc.kernels.chains import Sweep, apply, chain, is_mild, sweep_of, times
from gradc.kernels.gather_rows import gather_rows
from gradc.kernels.nest import (
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
from gradc.kernels.spreads import spread_rows
from gradc.kernels.sums_of_one import Share, share_of
from gradc.kernels.walk import expressions, loads, subexpressions
from gradc.records import dataclass

__all__ = ["shorten_recurrence"]


def shorten_recurrence(loop: Loop) -> list[Stmt]:
    """Return an innermost loop with the way from turn to turn made short, if it has one."""
    row = _row(loop)
    share = None if row is None else row.share()
    if row is not None and share is not None and share.rest is not None:
        return row.written(share, share.rest)
    return spread_rows(loop) or gather_rows(loop) or carry_before(loop)


@dataclass(slots=True)
class _Row:
    """A loop that stores one element a turn; ``before`` is the one of the turn before."""

    loop: Loop
    store: Store
    lets: dict[Local, Let]
    uses: Counter[Expr]
    before: Ref
    taken: set[Local] = field(default_factory=set)

    def depends(self, expr: Expr) -> bool:
        """Tell whether an expression reads the element of the turn before."""
        stack, seen = [expr], set[Local]()
        while stack:
            for part in subexpressions(stack.pop()):
                if part == Load(self.before):
                    return True
                if isinstance(part, Local) and part in self.lets and part not in seen:
                    seen.add(part)
                    stack.append(self.lets[part].value)
        return False

    def opened(self, expr: Expr) -> Expr:
        """Return what a local that is used once stands for."""
        while isinstance(expr, Local) and expr in self.lets and self.uses[expr] == 1:
            self.taken.add(expr)
            expr = self.lets[expr].value
        return expr

    def share(self) -> Share | None:
        """Return the stored value as a rest and a share of the element before."""
        return share_of(self.store.value, Load(self.before), self.depends, self.opened)

    def written(self, share: Share, rest: Expr) -> list[Stmt]:
        """Return the loop in its new form, behind the first value of the register."""
        passes = self.in_passes(share, rest)
        if passes is not None:
            return passes
        dtype, node = self.store.ref.buffer.type.dtype, self.store.node
        before, early, new = Local(dtype, "before", node), Local(dtype, "", node), self._new(dtype)
        body: list[Stmt] = [*self.front(), Let(early, rest)]
        body.append(Let(new, apply("add", early, times(before, share.number), dtype)))
        body += [Store(self.store.ref, new, node), Assign(before, new)]
        loop = self.loop
        first = substitute(self.before.offset, {loop.symbol: loop.start})
        start = Declare(before, Load(Ref(self.before.buffer, first)))
        return [start, Loop(loop.symbol, loop.start, loop.stop, body, loop.step, loop.node)]

    def front(self) -> list[Stmt]:
        """Return the statements whose values the sum still asks for by name."""
        return [s for s in self.loop.body if isinstance(s, Let) and s.local not in self.taken]

    def in_passes(self, share: Share, rest: Expr) -> list[Stmt] | None:
        """Return a loop for the sums and one for the chain; None where they must take turns."""
        sweep = sweep_of(self.loop, self.store.ref)
        if sweep is None or not is_mild(share.factor):
            return None
        dtype, node = self.store.ref.buffer.type.dtype, self.store.node
        front = self.front()
        if not all(self._is_ahead(sweep, ref) for s in (*front, Let(self._new(dtype), rest))
                   for ref in loads(s)):  # fmt: skip
            return None
        rests = Buffer("temporary", ArrayType.of(dtype, sweep.count), "rest")
        symbol = self.loop.symbol
        place = symbol.expr() - sweep.low
        place = sweep.count - 1 - place if sweep.turned else place
        body = [*front, Store(Ref(rests, place), rest, node)]
        first = Load(sweep.at(sweep.position(-1)))
        return [
            Loop(symbol, sweep.low, sweep.low + sweep.count, body, node=self.loop.node, apart=True),
            *chain(sweep, share.number, first, lambda p: Load(Ref(rests, p)), sweep.at, node),
        ]

    def _is_ahead(self, sweep: Sweep, ref: Ref) -> bool:
        """Tell whether no earlier turn wrote what is read."""
        if ref.buffer is not sweep.buffer:
            return True
        distance = sweep.distance(ref)
        if distance is None:
            return False
        return abs(distance) >= sweep.count or (distance >= 0) is sweep.rises or distance == 0

    def _new(self, dtype: np.dtype) -> Local:
        value = self.store.value
        return value if isinstance(value, Local) and value in self.taken else Local(dtype, "")


def _row(loop: Loop) -> _Row | None:
    """Return the loop as a row, if it is one with a recurrence; its turns are at least one."""
    store = loop.body[-1] if loop.body else None
    front = loop.body[:-1]
    if not isinstance(store, Store) or not all(isinstance(s, Let) for s in front):
        return None
    if abs(loop.step) != 1:
        return None
    count: Dim = (loop.stop - loop.start) * loop.step
    dtype, offset = store.ref.buffer.type.dtype, store.ref.offset
    if dtype.kind != "f" or store.ref.gathers or not isinstance(count, int) or count < 1:
        return None
    earlier = substitute(offset, {loop.symbol: loop.symbol.expr() + -loop.step})
    before = Ref(store.ref.buffer, earlier)
    parts = [part for s in loop.body for e in expressions(s) for part in subexpressions(e)]
    if earlier == offset or sum(part == Load(before) for part in parts) != 1:
        return None
    lets = {s.local: s for s in front if isinstance(s, Let)}
    if any(local.dtype != dtype for local in lets):
        return None
    return _Row(loop, store, lets, Counter(p for p in parts if isinstance(p, Local)), before)
