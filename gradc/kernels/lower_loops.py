"""One nest for a group: elementwise values and reductions over one domain, in one sweep.

    declare accumulators
    for i:                        hoisted locals, accumulators of reductions over the inner loops
        for j:                    locals, stores, accumulations
        store what was reduced over j

Each axis is cut where a padding, a joined array or a shorter member begins or ends; a piece of
length 1 is no loop.  A reduction whose reduced axes are innermost uses a scalar, any other adds
into the memory of its result.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gradc.ir import Dim, DimExpr, Symbol, op_named
from gradc.kernels.fuse import Group, Sweep
from gradc.kernels.index import IndexTuple, long_axes, row_major
from gradc.kernels.loops import axis_symbol, static
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Declare,
    Expr,
    Fill,
    How,
    Let,
    Local,
    Loop,
    Number,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.placement import Form, is_scalar
from gradc.kernels.scope import Entry, Key, Level, Scope
from gradc.kernels.segments import bounds, cuts
from gradc.kernels.state import State, number
from gradc.records import dataclass

__all__ = ["lower_nest", "start_value"]


def start_value(how: How, dtype: np.dtype) -> Number:
    """Return what a reduction starts from."""
    if how in ("sum", "any"):
        return number(0, dtype)
    if how in ("prod", "all"):
        return number(1, dtype)
    if dtype.kind == "f":
        return Number(-np.inf if how == "max" else np.inf, dtype)
    if dtype.kind == "b":
        return Number(how == "min", dtype)
    limits = np.iinfo(dtype)
    return Number(int(limits.min if how == "max" else limits.max), dtype)


@dataclass(slots=True, eq=False)
class Fold:
    """A reduction in a nest: what is reduced, and where it is kept."""

    sweep: Sweep
    how: How
    dtype: np.dtype
    reduced: frozenset[int]
    result: tuple[int, ...]
    depth: int = 0
    local: Local | None = None


def lower_nest(state: State, group: Group) -> list[Stmt]:
    """Return the statements of a group of sweeps."""
    return _Nest(state, group).build()


class _Nest:
    """Builds the loops of one group.

    ``axes`` gives, for each member, the nest's axis of each of its own axes (None for ones);
    ``at`` the current position along each axis: a symbol, or a number in a piece of length 1.
    """

    def __init__(self, state: State, group: Group) -> None:
        self.state = state
        self.group = group
        self.rank = len(group.shape)
        self.at: list[Dim] = [axis_symbol(axis).expr() for axis in range(self.rank)]
        self.ranges = {
            axis_symbol(axis): (0, state.most(extent)) for axis, extent in enumerate(group.shape)
        }
        self.maps = [m for m in group.members if m.form is Form.MAP]
        self.folds = [self._fold(m) for m in group.members if m.form is Form.REDUCE]
        self.order = self._loop_order()
        self.depths = {axis_symbol(axis): d + 1 for d, axis in enumerate(self.order)}
        self.pieces = self._pieces()
        for fold in self.folds:
            fold.depth = self._fold_depth(fold)

    # what the members are

    def _fold(self, sweep: Sweep) -> Fold:
        node = self.state.placement.node(sweep.id)
        plan = self.state.placement.contractions.get(sweep.id)
        lanes = {axis: place for place, axis in enumerate(long_axes(sweep.shape))}
        if plan is None:
            reduced = {lanes[a] for a in node.params["axes"] if a in lanes}
            result = tuple(a for a in range(len(sweep.shape)) if a not in node.params["axes"])
            how: How = node.op.name.removeprefix("reduce_")  # type: ignore[assignment]
            if node.type.dtype.kind == "b" and how in ("max", "min"):
                how = "any" if how == "max" else "all"
        else:
            place = {label: axis for axis, label in enumerate(plan.loops)}
            reduced = {lanes[place[label]] for label in plan.k if place[label] in lanes}
            result = tuple(place[label] for label in plan.out)
            how = "any" if node.type.dtype.kind == "b" else "sum"
        return Fold(sweep, how, node.type.dtype, frozenset(reduced), result)

    def _index(self, sweep: Sweep) -> IndexTuple:
        """Return the member's own index at the current point."""
        positions = iter(self.at)
        return tuple(0 if extent == 1 else next(positions) for extent in sweep.shape)

    def _own(self) -> dict[int, IndexTuple]:
        return {m.id: self._index(m) for m in self.maps}

    def _operands(self, fold: Fold) -> list[tuple[int, IndexTuple]]:
        """Return the operands of a reduction at the current point."""
        node = self.state.placement.node(fold.sweep.id)
        plan = self.state.placement.contractions.get(fold.sweep.id)
        index = self._index(fold.sweep)
        if plan is None:
            return [(node.operands[0], index)]
        at = dict(zip(plan.loops, index, strict=True))
        return [
            (operand, tuple(at[label] for label in labels))
            for operand, labels in zip(node.operands, (plan.a, plan.b), strict=True)
        ]

    def _result_offset(self, fold: Fold) -> Dim:
        index = self._index(fold.sweep)
        shape = self.state.placement.node(fold.sweep.id).type.shape
        return row_major(tuple(index[axis] for axis in fold.result), shape)

    def _result_ref(self, fold: Fold) -> Ref:
        return Ref(self.state.buffer(fold.sweep.id), self._result_offset(fold))

    # loops

    def _scope(self, levels: Sequence[Level]) -> Scope:
        return Scope(self.state, self._own(), levels, self.depths, self.ranges)

    def _loop_order(self) -> tuple[int, ...]:
        """Put the axis innermost along which most references are contiguous."""
        axes = tuple(range(self.rank))
        if self.rank < 2:
            return axes
        self.depths = {axis_symbol(axis): axis + 1 for axis in axes}
        votes = [0] * self.rank
        for offset in self._offsets():
            for axis in axes:
                votes[axis] += _vote(offset, axis_symbol(axis))
        inner = max(axes, key=lambda axis: (votes[axis], axis))
        return (*(axis for axis in axes if axis != inner), inner)

    def _offsets(self) -> list[Dim]:
        """Return the offset of every element that one turn reads or writes."""
        scope = self._scope([Level() for _ in range(self.rank + 1)])
        found = scope.discover(self._targets(scope))
        offsets: list[Dim] = [index for _, index in found if isinstance(index, DimExpr)]
        offsets += [self._result_offset(fold) for fold in self.folds]
        for sweep in self.maps:
            if sweep.id in self.state.buffers:
                offsets.append(row_major(self._index(sweep), sweep.shape))
        return offsets

    def _targets(self, scope: Scope) -> list[Key]:
        keys: list[Key] = [(sweep.id, self._index(sweep)) for sweep in self.maps]
        for fold in self.folds:
            keys += [scope.resolve(*operand) for operand in self._operands(fold)]
        return keys

    def _pieces(self) -> list[list[tuple[Dim, Dim]]]:
        """Cut every axis where something changes; an extent that depends on a loop is one piece."""
        starts = [(sweep.id, self._index(sweep)) for sweep in self.maps]
        starts += [operand for fold in self.folds for operand in self._operands(fold)]
        kept = frozenset(sweep.id for sweep in self.maps)
        found = cuts(self.state.placement, starts, kept)
        result: list[list[tuple[Dim, Dim]]] = []
        for axis, extent in enumerate(self.group.shape):
            if not isinstance(extent, int):
                result.append([(0, extent)])
                continue
            stop = static(extent)
            edges = {0, stop, *(self._extent(m, axis) for m in self.group.members)}
            edges |= {e for e in found.get(axis_symbol(axis), ()) if 0 < e < stop}
            result.append([piece for piece in pairwise(sorted(edges)) if piece[0] < piece[1]])
        return result

    def _extent(self, sweep: Sweep, axis: int) -> int:
        return static(sweep.shape[long_axes(sweep.shape)[axis]])

    def _fold_depth(self, fold: Fold) -> int:
        """Return how many loops are open where the reduction's scalar is declared."""
        depth = self.rank
        while depth and self.order[depth - 1] in fold.reduced:
            depth -= 1
        return depth

    def _active(self, sweep: Sweep, depth: int) -> bool:
        """Tell whether the current piece of the open loops belongs to the member."""
        return all(
            bounds(self.at[axis], self.ranges)[1] < self._extent(sweep, axis)
            for axis in self.order[:depth]
            if isinstance(self.group.shape[axis], int)
        )

    def build(self) -> list[Stmt]:
        """Return the statements of the nest."""
        fills = [self._fill(fold) for fold in self.folds if self._in_memory(fold)]
        return [*fills, *self._open(0, [])]

    def _in_memory(self, fold: Fold) -> bool:
        """Tell whether the reduction adds into the memory of its result."""
        if not fold.reduced:
            return False
        outer = frozenset(self.order[: fold.depth])
        empty = any(extent == 0 for extent in self.group.shape)
        kept = fold.sweep.id in self.state.buffers
        return bool(outer & fold.reduced) or fold.depth == self.rank or (empty and kept)

    def _fill(self, fold: Fold) -> Stmt:
        id = fold.sweep.id
        return Fill(self.state.buffer(id), start_value(fold.how, fold.dtype), id)

    def _open(self, depth: int, levels: list[Level]) -> list[Stmt]:
        """Return the statements inside ``depth`` open loops."""
        level = Level()
        levels = [*levels, level]
        here = [f for f in self.folds if f.depth == depth and self._active(f.sweep, depth)]
        if depth == self.rank:
            tail = self._turn(levels)
            return [*level.statements, *tail]
        heads: list[Stmt] = [self._declare(fold) for fold in here]
        loops = self._loops(depth, levels)
        tails = [statement for fold in here for statement in self._finish(fold)]
        return [*level.statements, *heads, *loops, *tails]

    def _loops(self, depth: int, levels: list[Level]) -> list[Stmt]:
        axis = self.order[depth]
        symbol, before = axis_symbol(axis), self.at[axis]
        found: list[Stmt] = []
        whole = self.ranges[symbol]
        for start, stop in self.pieces[axis]:
            if isinstance(start, int) and isinstance(stop, int):
                self.ranges[symbol] = (start, stop)
            if stop - start == 1:
                self.at[axis] = start
                found += self._open(depth + 1, levels)
            else:
                body = self._open(depth + 1, levels)
                found += [Loop(symbol, start, stop, body)] if body else []
            self.at[axis] = before
        self.ranges[symbol] = whole
        return found

    # one turn

    def _turn(self, levels: list[Level]) -> list[Stmt]:
        """Return what happens at the innermost point."""
        scope = self._scope(levels)
        maps = [sweep for sweep in self.maps if self._active(sweep, self.rank)]
        folds = [fold for fold in self.folds if self._active(fold.sweep, self.rank)]
        keys: list[Key] = [(sweep.id, self._index(sweep)) for sweep in maps]
        for fold in folds:
            keys += [scope.resolve(*operand) for operand in self._operands(fold)]
        entries = iter(scope.values(keys))
        result: list[Stmt] = []
        for sweep in maps:
            entry = next(entries)
            value = scope.argument(entry, self.rank)
            result += self._keep(sweep.id, value, row_major(self._index(sweep), sweep.shape))
        for fold in folds:
            factors = [next(entries) for _ in self._operands(fold)]
            result += self._add(scope, fold, factors)
        return result

    def _keep(self, id: int, value: Expr, offset: Dim) -> list[Stmt]:
        """Store a value, and make a scalar known to the stages that follow."""
        state = self.state
        before: list[Stmt] = []
        if not self.rank and id in state.outside:
            if not isinstance(value, Local | Number):
                local = Local(state.dtype(id), state.name(id), id)
                before.append(Let(local, value))
                value = local
            state.scalars[id] = value
        if id not in state.buffers:
            return before
        return [*before, Store(Ref(state.buffers[id], offset), value, id)]

    def _add(self, scope: Scope, fold: Fold, factors: list[Entry]) -> list[Stmt]:
        args = [scope.argument(entry, self.rank) for entry in factors]
        id = fold.sweep.id
        value = args[0] if len(args) == 1 else _product(args[0], args[1], fold.dtype)
        if not fold.reduced:
            return self._keep(id, value, self._result_offset(fold))
        target = fold.local if fold.depth < self.rank else self._result_ref(fold)
        assert target is not None
        return [Accumulate(target, fold.how, value, id)]

    def _declare(self, fold: Fold) -> Stmt:
        fold.local = Local(fold.dtype, self.state.name(fold.sweep.id), fold.sweep.id)
        return Declare(fold.local, start_value(fold.how, fold.dtype))

    def _finish(self, fold: Fold) -> list[Stmt]:
        """Keep a reduction whose inner loops are done."""
        state, id = self.state, fold.sweep.id
        assert fold.local is not None
        if is_scalar(state.placement.node(id).type):
            state.scalars[id] = fold.local
        if id not in state.buffers:
            return []
        if self._in_memory(fold):
            return [Accumulate(self._result_ref(fold), fold.how, fold.local, id)]
        return [Store(self._result_ref(fold), fold.local, id)]


def _product(a: Expr, b: Expr, dtype: np.dtype) -> Expr:
    return Apply(op_named("multiply"), (a, b), dtype, dtype)


def _vote(offset: Dim, symbol: Symbol) -> int:
    """Say how well a reference suits an innermost loop over a symbol.

    The same element in all turns, or the next one in memory, is good; anything else is dear.
    """
    if not isinstance(offset, DimExpr):
        return 0
    stride = dict(offset.terms).get(((symbol, 1),), 0)
    return 2 if stride in (0, 1, -1) else -3
