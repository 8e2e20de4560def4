"""Values at one point of a loop nest, as scalar expressions.

A scope is asked for nodes at indices.  It follows views and paddings to what is really read, gives
every distinct (node, index) one value, and places values that several others use, or that the user
named, into locals of the outermost loop that knows their index.  Nothing here recurses over
operands: chains of any length are fine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, TypeAlias

import numpy as np

from gradc.ir import Array, Dim, DimExpr, Kind, Node, Symbol, op_named
from gradc.kernels.gather import pick, wrapped
from gradc.kernels.index import IndexTuple, View, through
from gradc.kernels.nest import Apply, Choose, Expr, Index, Let, Load, Local, Number, Ref, Stmt
from gradc.kernels.segments import Ranges, part_of
from gradc.kernels.state import State, number
from gradc.records import dataclass

__all__ = ["Entry", "Key", "Level", "Scope"]

Key: TypeAlias = tuple[int, Any]
"""(node, index tuple) of a computed value, (node, offset) of a loaded one, (-1, dtype) of zero."""

LONGEST = 10
"""Operations in one expression before it gets a local."""


@dataclass(slots=True, eq=False)
class Entry:
    """A value with the depth of the loop that it belongs to."""

    expr: Expr
    depth: int
    size: int
    dtype: np.dtype
    node: int

    @property
    def compound(self) -> bool:
        """Whether it is work, rather than a name, a number or a plain load."""
        return isinstance(self.expr, Apply | Choose) or (
            isinstance(self.expr, Load) and bool(self.expr.ref.gathers)
        )


@dataclass(slots=True, eq=False)
class Level:
    """Statements at the head of one loop body, and the values they made."""

    statements: list[Stmt] = field(default_factory=list)
    memo: dict[Key, Entry] = field(default_factory=dict)


class Scope:
    """The innermost point of a nest.

    Parameters
    ----------
    state : State
        What all groups share.
    own : mapping of int to index
        Roots of this nest, whose values are computed here instead of loaded.
    levels : list of Level
        One for each open loop, and one for the place before them all.
    depths : mapping of Symbol to int
        Which loop binds a symbol, counted from 1.
    ranges : mapping of Symbol to (int, int)
        Bounds that hold here.
    """

    def __init__(
        self,
        state: State,
        own: Mapping[int, IndexTuple],
        levels: Sequence[Level],
        depths: Mapping[Symbol, int],
        ranges: Ranges,
    ) -> None:
        self.state = state
        self.place = state.placement
        self.own = own
        self.levels = levels
        self.depths = depths
        self.ranges = ranges

    # names of values

    def resolve(self, id: int, index: IndexTuple) -> Key:
        """Follow views and paddings from a node at an index to what is computed or loaded."""
        place = self.place
        while True:
            view = place.views.get(id)
            if view is not None:
                return self._stored(view, index)
            node = place.node(id)
            if not _only_moves(node):
                return id, index
            step = self._behind(node, index)
            if step is None:
                return -1, node.type.dtype.str
            id, index = step

    def _stored(self, view: View, index: IndexTuple) -> Key:
        """Name an element of a view: computed in this nest, or loaded."""
        mine = self.own.get(view.base)
        return view.base, view.at(index) if mine is None else mine

    def _behind(self, node: Node, index: IndexTuple) -> tuple[int, IndexTuple] | None:
        if node.op.name in ("pad", "concatenate"):
            return part_of(self.place, node, index, self.ranges)
        source = node.operands[0]
        moved = through(node, self.place.node(source).type.shape, index)
        assert moved is not None, f"no affine way through {node}"
        return source, moved

    def operands(self, key: Key) -> list[Key]:
        """Return what a computed value is made of."""
        id, index = key
        if id < 0 or not isinstance(index, tuple):
            return []
        node = self.place.node(id)
        if node.op.kind is Kind.ELEMENTWISE:
            return [self.resolve(operand, index) for operand in node.operands]
        if node.op.kind is Kind.CONTRACTION:
            return self._factors(node, index)
        if id in self.place.copies:
            return [self._stored(self.place.copies[id], index)]
        if _only_moves(node):
            step = self._behind(node, index)
            return [self.resolve(*step) if step else (-1, node.type.dtype.str)]
        return []

    def _factors(self, node: Node, index: IndexTuple) -> list[Key]:
        plan = self.place.contractions[node.id]
        found: list[Key] = []
        for term in plan.terms():
            at = {**dict(zip(plan.out, index, strict=True)), **term}
            for operand, labels in zip(node.operands, (plan.a, plan.b), strict=True):
                found.append(self.resolve(operand, tuple(at.get(label, 0) for label in labels)))
        return found

    # values

    def known(self, key: Key) -> Entry | None:
        """Return the value if it was made here or in a loop around."""
        for level in self.levels:
            found = level.memo.get(key)
            if found is not None:
                return found
        return None

    def discover(self, targets: Sequence[Key]) -> dict[Key, list[Key]]:
        """Return the values still to be made for the targets, operands first."""
        done: dict[Key, list[Key]] = {}
        pending: dict[Key, list[Key]] = {}
        stack = list(reversed(targets))
        while stack:
            key = stack[-1]
            if key in done or self.known(key) is not None:
                stack.pop()
                continue
            needs = pending.get(key)
            if needs is None:
                needs = pending[key] = self.operands(key)
                stack.extend(reversed([need for need in needs if need not in done]))
                continue
            done[key] = needs
            stack.pop()
        return done

    def values(self, targets: Sequence[Key]) -> list[Entry]:
        """Make the targets; statements go to the levels."""
        todo = self.discover(targets)
        uses: dict[Key, int] = {}
        for key in (*targets, *(need for needs in todo.values() for need in needs)):
            uses[key] = uses.get(key, 0) + 1
        for key, needs in todo.items():
            self._make(key, needs, uses[key])
        return [self._entry(key) for key in targets]

    def argument(self, entry: Entry, depth: int) -> Expr:
        """Return the value for use at a depth; work that belongs further out is done there."""
        if entry.compound and entry.depth < depth:
            self._bind(entry)
        return entry.expr

    def _entry(self, key: Key) -> Entry:
        found = self.known(key)
        assert found is not None
        return found

    def _make(self, key: Key, needs: list[Key], uses: int) -> None:
        id, index = key
        entry = self._leaf(id, index) if not needs else self._apply(id, needs)
        if entry.compound and (uses > 1 or entry.size > LONGEST or self._is_named(id)):
            self._bind(entry)
        self.levels[max(entry.depth, self._index_depth(index))].memo[key] = entry

    def _is_named(self, id: int) -> bool:
        return bool(self.state.name(id))

    def _bind(self, entry: Entry) -> None:
        local = Local(entry.dtype, self.state.name(entry.node), entry.node)
        self.levels[entry.depth].statements.append(Let(local, entry.expr))
        entry.expr, entry.size = local, 1

    def depth(self, dim: Dim) -> int:
        """Return the number of loops that must be open to know a dim."""
        if not isinstance(dim, DimExpr):
            return 0
        return max((self.depths.get(symbol, 0) for symbol in dim.symbols), default=0)

    def _index_depth(self, index: Any) -> int:
        """Return how far in a value may be remembered: its paddings depend on the whole index."""
        if isinstance(index, tuple):
            return max((self.depth(position) for position in index), default=0)
        return 0 if isinstance(index, str) else self.depth(index)

    def _leaf(self, id: int, index: Any) -> Entry:
        if id < 0:
            dtype = np.dtype(index)
            return Entry(number(0, dtype), 0, 1, dtype, id)
        node = self.place.node(id)
        dtype = node.type.dtype
        if not isinstance(index, tuple):
            expr = self.state.load(id, index)
            depth = self.depth(index) if isinstance(expr, Load) else 0
            return Entry(expr, depth, 1, dtype, id)
        if node.op.kind is Kind.INDEX:
            return self._gather(node, index)
        position = index[0] if node.op.name == "iota" else node.params["dim"]
        return self._position(node, position)

    def _position(self, node: Node, position: Dim) -> Entry:
        dtype = node.type.dtype
        int64 = np.dtype(np.int64)
        expr: Expr = Index(position)
        if isinstance(position, int):
            expr = number(position, dtype)
        elif dtype != int64:
            expr = Apply(op_named("cast"), (expr,), dtype, int64, (("dtype", dtype),))
        return Entry(expr, self.depth(position), 1, dtype, node.id)

    def _gather(self, node: Node, index: IndexTuple) -> Entry:
        source, *arrays = node.operands
        shapes = tuple(self.place.node(a).type.shape for a in arrays)
        extents = self.place.node(source).type.shape
        view = self.place.views[source]
        picked = pick(node.params["spec"], shapes, index)
        offset, depth = view.at(picked.fixed), 0
        gathers: list[tuple[Expr, Dim]] = []
        for axis, slot, at in picked.arrays:
            where = self.place.views[arrays[slot]]
            position = where.at(at)
            value = wrapped(self.state, arrays[slot], position, where.base, extents[axis])
            depth = max(depth, self.depth(position))
            if isinstance(value, Number):
                offset = offset + view.strides[axis] * value.value
            else:
                gathers.append((value, view.strides[axis]))
        depth = max(depth, self.depth(offset))
        ref = Ref(self.state.buffer(view.base), offset, tuple(gathers))
        return Entry(Load(ref), depth, 2, node.type.dtype, node.id)

    def _apply(self, id: int, needs: list[Key]) -> Entry:
        node = self.place.node(id)
        entries = [self._entry(need) for need in needs]
        if _only_moves(node):
            return entries[0]
        kept = self._without_zeros(node, needs, entries)
        if kept is not None:
            return kept
        depth = max(entry.depth for entry in entries)
        args = tuple(self.argument(entry, depth) for entry in entries)
        size = 1 + sum(entry.size for entry in entries)
        return Entry(_operation(node, args, entries), depth, size, node.type.dtype, id)

    def _without_zeros(self, node: Node, needs: list[Key], entries: list[Entry]) -> Entry | None:
        """Drop the zeros of paddings from a sum or a difference."""
        if node.op.name == "add" and needs[0][0] == -1:
            return entries[1]
        if node.op.name in ("add", "subtract") and needs[1][0] == -1:
            return entries[0]
        return None


def _only_moves(node: Node) -> bool:
    if node.op.kind is Kind.INDEX:
        return node.op.name == "index" and not any(
            isinstance(item, Array) for item in node.params["spec"]
        )
    return node.op.kind is Kind.MOVEMENT


def _operation(node: Node, args: tuple[Expr, ...], entries: Sequence[Entry]) -> Expr:
    if node.op.kind is Kind.CONTRACTION:
        return _sum_of_products(args, node.type.dtype, entries[0].dtype)
    params = tuple(sorted(node.params.items()))
    return Apply(node.op, args, node.type.dtype, entries[0].dtype, params)


def _sum_of_products(args: tuple[Expr, ...], dtype: np.dtype, factor: np.dtype) -> Expr:
    """Multiply factors in pairs and add the products."""
    pairs = zip(args[::2], args[1::2], strict=True)
    first, *more = [Apply(op_named("multiply"), pair, dtype, factor) for pair in pairs]
    for one in more:
        first = Apply(op_named("add"), (first, one), dtype, dtype)
    return first
