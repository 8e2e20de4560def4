"""Small products along a long axis in registers: several rows of the result, sixteen columns each.

    y = 0                                     for i < 10 step 5: for p < n step 16:
    for j < 10: for i < 10: for p < n:            y_0[16], ..., y_4[16] = 0
        y[i, p] += q[i, j] * c[j, p]    ->        for j < 10: for l < 16:
                                                      y_0[l] += q[i, j] * c[j, p + l]; ...
                                                  for l < 16: y[i, p + l] = y_0[l]; ...

    for i < 10: for j < 10:                   for i < 10 step 2: for j < 10 step 2:
        s = 0                                     s_00[16], s_01[16], s_10[16], s_11[16] = 0
        for p < n: s += a[i, p] * b[j, p]  ->     for p < n step 16: for l < 16:
        r[i, j] = s                                   s_00[l] += a[i, p + l] * b[j, p + l]; ...
                                                  r[i, j] = combined s_00; ...

What is read serves several sums, which are written once.  The first form keeps the order of every
sum, the second one adds in lanes as other long sums do; both are fixed by the sizes.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import product as combinations

from gradc.ir import Dim, DimExpr, Symbol
from gradc.kernels.copies import Changes
from gradc.kernels.lanes import LANE
from gradc.kernels.nest import (
    LANES,
    Accumulate,
    Buffer,
    Combine,
    Declare,
    Expr,
    Fill,
    Index,
    Lane,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Ref,
    Stage,
    Stmt,
    Store,
)
from gradc.kernels.promote import with_scalars
from gradc.kernels.walk import loads, statements, subexpressions, uses
from gradc.records import dataclass

__all__ = ["in_tiles", "tile_sizes"]

ROWS = (4, 8)
"""Rows of a result that are added up at once, at least and at most."""
SIDES = ((2, 5), (2, 2))
"""Rows of the two factors of sums along the long axis: as many sums as their product."""


def in_tiles(stages: list[Stage], products: Collection[int]) -> list[Stage]:
    """Return the stages with the loops of some products in tiles."""
    if not products:
        return stages
    return [Stage(_Tiles(s.body, products).result(), s.nodes, s.section) for s in stages]


def tile_sizes(extent: int, most: int, least: int) -> list[int]:
    """Cut an extent into equal tiles, or else into tiles of two lengths, the longer ones first."""
    for size in range(min(extent, most), least - 1, -1):
        if extent % size == 0:
            return [size] * (extent // size)
    count = -(-extent // most)
    size, longer = divmod(extent, count)
    return [size + 1] * longer + [size] * (count - longer)


class _Tiles:
    """Looks for nests in the statements of one stage."""

    def __init__(self, body: list[Stmt], products: Collection[int]) -> None:
        self.body = body
        self.products = products
        self.zeros = {s.buffer for s in body if isinstance(s, Fill) and not s.value.value}
        self.written: set[Buffer] = set()

    def result(self) -> list[Stmt]:
        """Return the statements, without the zeros that nobody reads any more."""
        body = self._rewrite(self.body, ())
        return [s for s in body if not (isinstance(s, Fill) and s.buffer in self.written)]

    def _rewrite(self, body: list[Stmt], around: tuple[Loop, ...]) -> list[Stmt]:
        result: list[Stmt] = []
        for statement in body:
            if not isinstance(statement, Loop):
                result.append(statement)
                continue
            nest = _nest(statement)
            if nest is not None and nest.add.node in self.products and nest.fits():
                result += self._tiled(nest, around)
            else:
                inner = self._rewrite(statement.body, (*around, statement))
                result.append(replace(statement, body=inner))
        return result

    def _tiled(self, nest: "_Nest", around: tuple[Loop, ...]) -> list[Stmt]:
        if nest.store is None:
            assert isinstance(nest.add.target, Ref)
            buffer = nest.add.target.buffer
            alone = sum(b is buffer and w for s in statements(self.body) for b, w in uses(s)) == 2
            if buffer in self.zeros and alone and nest.covers(around):
                self.written.add(buffer)
                return nest.rows(whole=True)
            return nest.rows(whole=False)
        return nest.sums()


@dataclass(slots=True, eq=False)
class _Nest:
    """Loops inside each other with one sum in the innermost of them, the long one.

    ``lets`` are what the loops around that one know, ``own`` what it knows itself; ``store`` is
    what becomes of a sum in a scalar.
    """

    loops: list[Loop]
    add: Accumulate
    lets: list[Let] = field(default_factory=list)
    own: list[Let] = field(default_factory=list)
    store: Store | None = None

    @property
    def long(self) -> Loop:
        return self.loops[-1]

    @property
    def length(self) -> int:
        assert isinstance(self.long.stop, int)
        return self.long.stop

    @property
    def target(self) -> Ref:
        """The element that is added to, or that a sum is stored in."""
        ref = self.store.ref if self.store is not None else self.add.target
        assert isinstance(ref, Ref)
        return ref

    def _free(self) -> list[Loop]:
        return [one for one in self.loops[:-1] if _stride(self.target, one.symbol)]

    def fits(self) -> bool:
        """Tell whether it is one of the two forms."""
        inside: list[Stmt] = [*self.lets, *self.own, self.add]
        read = {ref.buffer for statement in inside for ref in loads(statement)}
        if self.target.gathers or self.target.buffer in read or self.length < LANES:
            return False
        if self.store is None:
            free = self._free()
            return bool(free) and len(free) < len(self.loops) - 1 and self._is_row()
        return len(self._free()) == len(self.loops) - 1 >= 1

    def _is_row(self) -> bool:
        return _stride(self.target, self.long.symbol) == 1

    def covers(self, around: Sequence[Loop]) -> bool:
        """Tell whether the elements added to are all elements of the buffer, each of them once."""
        expected: Dim = 1
        found = [(_stride(self.target, one.symbol), one) for one in (*around, *self.loops)]
        steps = sorted(((step, one.stop) for step, one in found if step), key=lambda pair: pair[0])
        for step, stop in steps:
            if step != expected:
                return False
            expected = expected * stop
        rest = {s for s in _symbols(self.target.offset)} - {one.symbol for _, one in found}
        plain = all(one.start == 0 and one.step == 1 for _, one in found)
        return not rest and plain and expected == self.target.buffer.type.size

    def rows(self, *, whole: bool) -> list[Stmt]:
        """Return rows of the result in tiles; ``whole`` where they are written first here."""
        free = self._free()
        tiled = free.pop()
        summed = [one for one in self.loops[:-1] if one is not tiled and one not in free]
        body = self._cut([(tiled, ROWS)], lambda tile: tile.row_parts(summed, whole), {}, {})
        return _around(free, body)

    def sums(self) -> list[Stmt]:
        """Return sums along the long axis in tiles."""
        outer = self.loops[:-1]
        tiled = [(outer.pop(), sizes) for sizes in SIDES if outer]
        return _around(outer, self._cut(tiled, _Tile.sum_parts, {}, {}))

    def _cut(
        self,
        tiled: Sequence[tuple[Loop, tuple[int, int]]],
        parts: Callable[["_Tile"], list[Stmt]],
        sizes: Mapping[Symbol, int],
        fixed: Mapping[Symbol, int],
    ) -> list[Stmt]:
        """Return loops over tiles, the first one outside, with the parts of a tile inside."""
        if not tiled:
            return parts(_Tile(self, sizes, fixed))
        (loop, limits), *rest = tiled
        body: list[Stmt] = []
        for start, stop, size in _runs(loop, limits):
            within = {**sizes, loop.symbol: size}
            if stop is None:
                body += self._cut(rest, parts, within, {**fixed, loop.symbol: start})
            else:
                inside = self._cut(rest, parts, within, fixed)
                body.append(replace(loop, start=start, stop=stop, step=size, body=inside))
        return body


class _Tile:
    """Several turns of one or two loops at once: ``sizes`` of them, from ``fixed`` places on."""

    def __init__(
        self, nest: _Nest, sizes: Mapping[Symbol, int], fixed: Mapping[Symbol, int]
    ) -> None:
        self.nest = nest
        self.symbols = list(sizes)
        self.turns = list(combinations(*(range(size) for size in sizes.values())))
        self.first = {s: fixed[s] if s in fixed else s.expr() for s in sizes}
        self.locals: dict[tuple[Local, tuple[int, ...]], Local] = {}
        self.depends: dict[Local, tuple[bool, ...]] = {}

    def row_parts(self, summed: Sequence[Loop], whole: bool) -> list[Stmt]:
        """Return the loop over columns, and what is left over of them."""
        nest = self.nest
        rest = nest.length % LANES
        split = nest.length - rest
        here = nest.long.symbol.expr() + LANE.expr()
        body = self._columns(summed, here, LANES, whole)
        result: list[Stmt] = [replace(nest.long, stop=split, step=LANES, body=body)]
        return result + (self._columns(summed, LANE.expr() + split, rest, whole) if rest else [])

    def _columns(self, summed: Sequence[Loop], here: Dim, count: int, whole: bool) -> list[Stmt]:
        """Return what is done for some columns."""
        totals = self._totals()
        declared: list[Stmt] = [Declare(t, Number(0, t.dtype), LANES) for t in totals]
        inner = [*self._lets(self.nest.lets, None), *_hoisted(self._lanes(totals, here, count))]
        ends: list[Stmt] = []
        for turn, total in zip(self.turns, totals, strict=True):
            ref = self._ref(turn, here)
            value, node = Lane(total, LANE), self.nest.add.node
            ends.append(Store(ref, value, node) if whole else Accumulate(ref, "sum", value, node))
        return [*declared, *_around(summed, inner), Loop(LANE, 0, count, ends, apart=True)]

    def sum_parts(self) -> list[Stmt]:
        """Return sums in lanes and where they go."""
        nest, totals = self.nest, self._totals()
        rest = nest.length % LANES
        split = nest.length - rest
        body: list[Stmt] = [Declare(t, Number(0, t.dtype), LANES) for t in totals]
        body += self._lets(nest.lets, None)
        here = nest.long.symbol.expr() + LANE.expr()
        *before, inner = _hoisted(self._lanes(totals, here, LANES))
        body += [*before, replace(nest.long, stop=split, step=LANES, body=[inner])]
        if rest:
            body += _hoisted(self._lanes(totals, LANE.expr() + split, rest))
        for turn, total in zip(self.turns, totals, strict=True):
            body.append(Store(self._ref(turn, 0), Combine("sum", total), nest.add.node))
        return body

    def _totals(self) -> list[Local]:
        """Return fresh sums, one for each turn, and forget the scalars of other columns."""
        self.locals.clear()
        node = self.nest.add.node
        dtype, name = self.nest.target.buffer.type.dtype, self.nest.target.buffer.name
        return [Local(dtype, name, node) for _ in self.turns]

    def _ref(self, turn: tuple[int, ...], here: Dim) -> Ref:
        store = Store(self.nest.target, Number(0, self.nest.target.buffer.type.dtype))
        moved = self._changes(turn, here).copy(store)
        assert isinstance(moved, Store)
        return moved.ref

    def _lanes(self, totals: list[Local], here: Dim, count: int) -> Loop:
        own = {let.local for let in self.nest.own}
        self.locals = {key: local for key, local in self.locals.items() if key[0] not in own}
        body = self._lets(self.nest.own, here)
        for turn, total in zip(self.turns, totals, strict=True):
            add = self._changes(turn, here).copy(replace(self.nest.add, target=total))
            assert isinstance(add, Accumulate)
            body.append(replace(add, target=Lane(total, LANE)))
        return Loop(LANE, 0, count, body, apart=True)

    def _lets(self, lets: Sequence[Let], here: Dim | None) -> list[Stmt]:
        """Return the scalars that turns need: each once for all turns in which it is the same."""
        result: list[Stmt] = []
        for let in lets:
            self.depends[let.local] = self._dependence(let.value)
            for turn in self.turns:
                key = self._key(let.local, turn)
                if key not in self.locals:
                    self.locals[key] = Local(let.local.dtype, let.local.name, let.local.node)
                    result.append(self._changes(turn, here).copy(let))
        return result

    def _dependence(self, value: Expr) -> tuple[bool, ...]:
        """Tell of which of the tiled loops a value depends on the turn."""
        found = [False] * len(self.symbols)
        for part in subexpressions(value):
            inherited = self.depends.get(part) if isinstance(part, Local) else None
            for k, symbol in enumerate(self.symbols):
                found[k] |= inherited[k] if inherited else _mentions(part, symbol)
        return tuple(found)

    def _key(self, local: Local, turn: tuple[int, ...]) -> tuple[Local, tuple[int, ...]]:
        pairs = zip(turn, self.depends[local], strict=True)
        return local, tuple(k if depends else -1 for k, depends in pairs)

    def _changes(self, turn: tuple[int, ...], here: Dim | None) -> Changes:
        symbols = {s: self.first[s] + k for s, k in zip(self.symbols, turn, strict=True)}
        if here is not None:
            symbols[self.nest.long.symbol] = here
        names = {local: self.locals.get(self._key(local, turn), local) for local in self.depends}
        return Changes(symbols, names, {})


def _hoisted(lanes: Loop) -> list[Stmt]:
    """Return a loop over lanes with the elements that are the same in all lanes known before it.

    It is also what keeps gcc from jamming turns of the loop around, which takes the sums out of
    their registers.
    """
    fixed: dict[Ref, Local] = {}
    for statement in lanes.body:
        for ref in loads(statement):
            if not ref.gathers and LANE not in _symbols(ref.offset) and ref not in fixed:
                fixed[ref] = Local(ref.buffer.type.dtype, "", ref.buffer.node)
    lets: list[Stmt] = [Let(local, Load(ref)) for ref, local in fixed.items()]
    return [*lets, replace(lanes, body=[with_scalars(s, fixed) for s in lanes.body])]


def _nest(loop: Loop) -> _Nest | None:
    """Read loops inside each other; None where they hold anything else."""
    loops, lets = [loop], list[Let]()
    while True:
        if not _is_plain(loops[-1]):
            return None
        body = loops[-1].body
        inner = [s for s in body if isinstance(s, Loop)]
        if not inner:
            break
        lets += [s for s in body if isinstance(s, Let)]
        others: list[Stmt] = [s for s in body if not isinstance(s, Let | Loop)]
        loops.append(inner[0])
        if len(inner) > 1:
            return None
        if others:
            return _with_scalar(loops, lets, others)
    found = _sum_of(loops[-1].body)
    return None if found is None else _Nest(loops, found[1], lets, found[0])


def _with_scalar(loops: list[Loop], lets: list[Let], others: list[Stmt]) -> _Nest | None:
    """Read the innermost loop of a sum that is a scalar while it runs."""
    match others:
        case [Declare(local, Number(0), 0), Store(_, Local() as stored) as store]:
            found = _sum_of(loops[-1].body) if _is_plain(loops[-1]) else None
            if found is not None and found[1].target is local is stored:
                return _Nest(loops, found[1], lets, found[0], store)
    return None


def _sum_of(body: Sequence[Stmt]) -> tuple[list[Let], Accumulate] | None:
    *lets, last = body
    if not isinstance(last, Accumulate) or last.how != "sum":
        return None
    known = [s for s in lets if isinstance(s, Let)]
    return (known, last) if len(known) == len(lets) else None


def _is_plain(loop: Loop) -> bool:
    return loop.start == 0 and loop.step == 1 and isinstance(loop.stop, int)


def _stride(ref: Ref, symbol: Symbol) -> int:
    """Return how far one turn of a loop moves a reference."""
    if not isinstance(ref.offset, DimExpr):
        return 0
    found = dict(ref.offset.terms).get(((symbol, 1),), 0)
    return found if isinstance(found, int) else 0


def _symbols(dim: Dim) -> Collection[Symbol]:
    return dim.symbols if isinstance(dim, DimExpr) else ()


def _mentions(part: Expr, symbol: Symbol) -> bool:
    if isinstance(part, Load):
        return symbol in _symbols(part.ref.offset)
    return isinstance(part, Index) and symbol in _symbols(part.dim)


def _runs(loop: Loop, sizes_of: tuple[int, int]) -> Iterator[tuple[int, int | None, int]]:
    """Yield where tiles of one size begin and end; no end where there is one only."""
    assert isinstance(loop.stop, int)
    least, most = sizes_of
    sizes, start = tile_sizes(loop.stop, most, least), 0
    for size in dict.fromkeys(sizes):
        count = sizes.count(size)
        yield start, (start + size * count if count > 1 else None), size
        start += size * count


def _around(loops: Sequence[Loop], body: list[Stmt]) -> list[Stmt]:
    for loop in reversed(loops):
        body = [replace(loop, body=body)]
    return body
