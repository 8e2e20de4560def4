"""Loops over a batch in lanes: sixteen turns at once, each scalar of the body a row of lanes.

    for i < n:                              for b < n - n % 16 step 16:
        c = cos(x[3 i])                         for l < 16: x_0[l] = x[3 (b + l)]
        y[5 i] = c * x[3 i]          ->         for l < 16: c = cos(x_0[l]); y_0[l] = c * x_0[l]
        ...                                     for l < 16: y[5 (b + l)] = y_0[l]
                                            for n - n % 16 <= i < n: as before

A compiler turns the middle loop into vector code; it cannot where elements of one turn lie next to
each other in memory, as in arrays of rows.  Turns must not depend on each other.  Each turn
computes what it did, in the same order.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import field, replace

from gradc.ir import ArrayType, Dim, DimExpr, Symbol
from gradc.kernels.nest import (
    LANES,
    Accumulate,
    Apply,
    Assign,
    Buffer,
    Choose,
    Declare,
    Expr,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Stage,
    Stmt,
    Store,
)
from gradc.kernels.placement import op_cost
from gradc.kernels.straighten import straighten
from gradc.kernels.walk import (
    expressions,
    loads,
    map_statement,
    nested,
    replace_symbols,
    statements,
    subexpressions,
    uses,
)
from gradc.records import dataclass

__all__ = ["in_lanes"]

LEAST_TURNS = 4 * LANES
WORTH = 3
"""Operations for each element that is moved between memory and lanes from which lanes pay."""

_BATCH = Symbol("batch", "index")
_LANE = Symbol("lane", "index")
_PART = Symbol("part", "index")


def in_lanes(stages: list[Stage]) -> list[Stage]:
    """Return the stages with their loops over batches in lanes where that pays."""
    total = Counter(buffer for stage in stages for buffer in _touched(stage.body))
    return [Stage(_rewrite(stage.body, total), stage.nodes, stage.section) for stage in stages]


def _touched(body: list[Stmt]) -> Iterator[Buffer]:
    return (buffer for statement in statements(body) for buffer, _ in uses(statement))


def _rewrite(body: list[Stmt], total: Counter[Buffer]) -> list[Stmt]:
    result: list[Stmt] = []
    for statement in body:
        found = _batch(statement, total) if isinstance(statement, Loop) else None
        if found is not None:
            result += found
            continue
        for inner in nested(statement):
            inner[:] = _rewrite(inner, total)
        result.append(statement)
    return result


def _batch(loop: Loop, total: Counter[Buffer]) -> list[Stmt] | None:
    """Return what stands for a loop over a batch; None where it stays a loop."""
    start, stop = loop.start, loop.stop
    if loop.step != 1 or not isinstance(start, int) or not isinstance(stop, int):
        return None
    nest = len(loop.body) == 1 and isinstance(loop.body[0], Loop)
    if stop - start < LEAST_TURNS or nest:
        return None
    inside = Counter(_touched(loop.body))

    def is_private(buffer: Buffer) -> bool:
        return buffer.kind == "temporary" and inside[buffer] == total[buffer]

    body = straighten(loop.body, is_private)
    if body is None or not _is_scalar_code(body):
        return None
    moved = _moves(body, loop.symbol)
    if moved is None or not moved.rows or not _pays(body, moved):
        return None
    whole = stop - (stop - start) % LANES
    result: list[Stmt] = [Loop(_BATCH, start, whole, _turns(body, loop.symbol, moved), LANES)]
    if whole < stop:
        result.append(Loop(loop.symbol, whole, stop, body))
    return result


def _is_scalar_code(body: list[Stmt]) -> bool:
    """Tell whether turns hand nothing on in scalars."""
    made: set[Local] = set()
    for statement in body:
        if isinstance(statement, Let | Declare):
            made.add(statement.local)
        elif isinstance(statement, Accumulate | Assign):
            target = statement.target if isinstance(statement, Accumulate) else statement.local
            if not (isinstance(target, Local) and target in made):
                return False
        elif not isinstance(statement, Store):
            return False
    return True


# memory


@dataclass(slots=True, eq=False)
class _Row:
    """Elements of one buffer that a turn reads or writes: ``stride * turn + offset`` for each."""

    stride: int
    written: bool
    offsets: list[Dim] = field(default_factory=list)
    lanes: Buffer | None = None


@dataclass(slots=True, eq=False)
class _Moves:
    """Buffers whose elements are taken to lanes and back."""

    rows: dict[Buffer, _Row]


def _moves(body: list[Stmt], index: Symbol) -> _Moves | None:
    """Return what goes through lanes; None where turns may depend on each other."""
    rows: dict[Buffer, _Row] = {}
    for ref, written in _references(body):
        apart = _apart(ref, index)
        if apart is None:
            return None
        stride, offset = apart
        row = rows.setdefault(ref.buffer, _Row(stride, written))
        if row.stride != stride or row.written != written:
            return None
        if offset not in row.offsets:
            row.offsets.append(offset)
    if not all(_is_separate(row) for row in rows.values() if row.written):
        return None
    return _Moves({b: row for b, row in rows.items() if row.stride not in (0, 1)})


def _references(body: list[Stmt]) -> Iterator[tuple[Ref, bool]]:
    for statement in body:
        for ref in loads(statement):
            yield ref, False
        if isinstance(statement, Store):
            yield statement.ref, True


def _apart(ref: Ref, index: Symbol) -> tuple[int, Dim] | None:
    """Return how far one turn moves, and where turn 0 is."""
    if ref.gathers:
        return None
    offset = ref.offset
    if not isinstance(offset, DimExpr):
        return 0, offset
    stride = 0
    for monomial, factor in offset.terms:
        if monomial == ((index, 1),):
            stride = factor
        elif any(symbol == index for symbol, _ in monomial):
            return None
    return stride, offset - index.expr() * stride


def _is_separate(row: _Row) -> bool:
    """Tell whether two turns write different elements."""
    far = [offset - row.offsets[0] for offset in row.offsets]
    known = [d for d in far if isinstance(d, int)]
    return len(known) == len(far) and max(known) - min(known) < abs(row.stride)


def _pays(body: list[Stmt], moved: _Moves) -> bool:
    work = sum(
        op_cost(part.op, part.operand_dtype.kind)
        for statement in body
        for expr in expressions(statement)
        for part in subexpressions(expr)
        if isinstance(part, Apply)
    )
    return work >= WORTH * sum(len(row.offsets) for row in moved.rows.values())


# lanes


def _turns(body: list[Stmt], index: Symbol, moved: _Moves) -> list[Stmt]:
    """Return what sixteen turns do: take elements to lanes, compute, put elements back."""
    here = _BATCH.expr() + _LANE.expr()
    taken: list[Stmt] = []
    placed: list[Stmt] = []
    for buffer, row in moved.rows.items():
        kind = ArrayType(buffer.type.dtype, (len(row.offsets), LANES))
        row.lanes = Buffer("temporary", kind, f"{buffer.name or 'row'}_lanes")
        row.offsets = _in_order(row.offsets)
        (placed if row.written else taken).extend(_transfers(buffer, row, row.lanes, here))
    change = replace_symbols({index: here})
    inner = [map_statement(_through_lanes(s, index, moved), change) for s in body]
    return [_lanes(part) for part in (taken, inner, placed) if part]


def _lanes(body: list[Stmt]) -> Stmt:
    return Loop(_LANE, 0, LANES, body)


def _in_order(offsets: list[Dim]) -> list[Dim]:
    """Sort offsets by their distance from the first, where that is known."""
    far = [(offset - offsets[0], offset) for offset in offsets]
    return [offset for _, offset in sorted(far, key=lambda pair: _known(pair[0]))]


def _known(far: Dim) -> int:
    return far if isinstance(far, int) else 0


def _transfers(buffer: Buffer, row: _Row, lanes: Buffer, here: Dim) -> Iterator[Stmt]:
    """Yield the copies between memory and lanes, runs of neighbours as loops."""
    first = 0
    while first < len(row.offsets):
        last = first + 1
        while last < len(row.offsets) and row.offsets[last] - row.offsets[first] == last - first:
            last += 1
        many = last - first > 1
        part: Dim = _PART.expr() if many else 0
        outside = Ref(buffer, here * row.stride + row.offsets[first] + part)
        inside = Ref(lanes, (part + first) * LANES + _LANE.expr())
        target, source = (outside, inside) if row.written else (inside, outside)
        copy = Store(target, Load(source))
        yield Loop(_PART, 0, last - first, [copy]) if many else copy
        first = last


def _through_lanes(statement: Stmt, index: Symbol, moved: _Moves) -> Stmt:
    """Return a statement that reads and writes lanes."""

    def ref(old: Ref) -> Ref:
        row = moved.rows.get(old.buffer)
        if row is None or row.lanes is None:
            return old
        apart = _apart(old, index)
        assert apart is not None
        return Ref(row.lanes, row.offsets.index(apart[1]) * LANES + _LANE.expr())

    def expr(old: Expr) -> Expr:
        if isinstance(old, Load):
            return Load(ref(old.ref))
        if isinstance(old, Apply):
            return replace(old, args=tuple(map(expr, old.args)))
        if isinstance(old, Choose):
            return Choose(expr(old.condition), expr(old.a), expr(old.b))
        return old

    assert isinstance(statement, Let | Declare | Assign | Accumulate | Store)
    changed = replace(statement, value=expr(statement.value))
    if isinstance(changed, Store):
        changed.ref = ref(changed.ref)
    return changed
