"""What must hold for every unit.

References are in bounds, values are written before they are read, and values that are alive
together share no memory.
"""

from collections.abc import Iterator, Mapping, Sequence

from gradc.errors import GradcError
from gradc.ir import Dim, DimExpr, Symbol, substitute
from gradc.kernels.buffers import ALIGNMENT, lifetimes
from gradc.kernels.extremes import extremes
from gradc.kernels.inplace import accesses, can_share
from gradc.kernels.nest import (
    Accumulate,
    Buffer,
    Call,
    Copy,
    Least,
    Loop,
    MatMul,
    Matrix,
    Ref,
    Round,
    Stmt,
    Store,
    Unit,
)
from gradc.kernels.walk import loads, nested, statements, statements_in, uses

__all__ = ["problems", "verify"]

_Bounds = dict[Symbol, tuple[Dim, Dim]]
_ROUNDED = ("whole", "chunk")
"""Roles of symbols that are multiples of a loop's step."""


def verify(unit: Unit) -> None:
    """Raise ``GradcError`` naming the first thing that is wrong with a unit."""
    for problem in problems(unit):
        raise GradcError(f"internal: {problem}")


def problems(unit: Unit) -> Iterator[str]:
    """Yield what is wrong with a unit whose extents are known."""
    yield from _order_problems(unit)
    for stage in unit.stages:
        yield from _bound_problems(stage.body, {})
    yield from _plan_problems(unit)


def _order_problems(unit: Unit) -> Iterator[str]:
    """Find what is read before anything is written to it, and what may not be written at all.

    Loops that are empty in the first turn of the loop around them may be taken to run later.
    """
    plain = list(statements_in(unit.stages))
    first = [statement for stage in unit.stages for statement in _in_first_turns(stage.body)]
    late, donated = _read_first(first), {output for output, _ in unit.program.donated}
    for buffer in _read_first(plain):
        holds = buffer.kind == "output" and buffer.position in donated
        if buffer in late and not holds:
            yield f"node {buffer.node} is read before it is written"
    for statement in plain:
        for buffer, writes in uses(statement):
            if writes and buffer.kind in ("input", "constant"):
                yield f"an {buffer.kind} is written"


def _read_first(order: Sequence[Stmt]) -> dict[Buffer, None]:
    """Return the temporaries and results that are read before they are written."""
    written: set[Buffer] = set()
    found: dict[Buffer, None] = {}
    for statement in order:
        for buffer, writes in uses(statement):
            own = buffer.kind in ("temporary", "output") and buffer.type.size != 0
            adds = isinstance(statement, Accumulate) and writes
            if own and buffer not in written and (not writes or adds):
                found[buffer] = None
            if writes:
                written.add(buffer)
    return found


def _in_first_turns(body: Sequence[Stmt], around: Loop | None = None) -> Iterator[Stmt]:
    """Yield all statements; loops that are empty in the first turn of the loop around come last."""
    later: list[Loop] = []
    rounded: dict[Symbol, Dim] = {}
    for statement in body:
        if isinstance(statement, Round):
            rounded[statement.symbol] = statement.dim
        if around and isinstance(statement, Loop) and _is_empty(statement, around, rounded):
            later.append(statement)
            continue
        yield statement
        for inner in nested(statement):
            yield from _in_first_turns(inner, statement if isinstance(statement, Loop) else None)
    for loop in later:
        yield from statements([loop])


def _is_empty(inner: Loop, around: Loop, rounded: Mapping[Symbol, Dim]) -> bool:
    """Tell whether a loop has no turns in the first turn of the loop around it."""
    length = substitute(inner.stop - inner.start, rounded) * (1 if inner.step > 0 else -1)
    length = substitute(length, {around.symbol: around.start})
    return isinstance(length, int) and length <= 0


# bounds


def _bound_problems(body: list[Stmt], ranges: _Bounds) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, Round):
            ranges = {**ranges, statement.symbol: (0, statement.dim)}
        elif isinstance(statement, Least):
            ranges = {**ranges, statement.symbol: (statement.b, statement.b)}
        inside = ranges
        if isinstance(statement, Loop):
            last = _last(statement, ranges)
            if last is None:
                continue
            inside = {**ranges, statement.symbol: last}
        for inner in nested(statement):
            yield from _bound_problems(inner, inside)
        for ref in _references(statement):
            yield from _reference(ref, ranges)
        if isinstance(statement, MatMul):
            yield from _product(statement, ranges)
        if isinstance(statement, Copy) and statement.target.type.size != statement.source.type.size:
            yield f"a copy of {statement.source.type} into {statement.target.type}"


def _last(loop: Loop, ranges: _Bounds) -> tuple[Dim, Dim] | None:
    """Return the bounds of a loop's symbol; None for a loop that does not run."""
    start, stop = (loop.stop + 1, loop.start + 1) if loop.step < 0 else (loop.start, loop.stop)
    if _bounds(stop - start, ranges)[1] <= 0:
        return None
    length = stop - start
    if isinstance(length, int) and loop.step > 1:
        return start, start + (length - 1) // loop.step * loop.step
    rounded = isinstance(length, DimExpr) and all(s.role in _ROUNDED for s in length.symbols)
    return start, stop - (loop.step if rounded else 1)


def _references(statement: Stmt) -> Iterator[Ref]:
    yield from loads(statement)
    if isinstance(statement, Store):
        yield statement.ref
    elif isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
        yield statement.target
    elif isinstance(statement, Call):
        yield from (*statement.reads, *statement.writes)


def _reference(ref: Ref, ranges: _Bounds) -> Iterator[str]:
    low, high = _bounds(ref.offset, ranges)
    size = ref.buffer.room
    if low < 0 or (isinstance(size, int) and high >= size):
        yield f"elements {low} to {high} of node {ref.buffer.node}, which has {size}"


def _product(product: MatMul, ranges: _Bounds) -> Iterator[str]:
    m, n, k = product.m, product.n, product.k
    for matrix, rows, columns in ((product.a, m, k), (product.b, k, n), (product.c, m, n)):
        yield from _matrix(matrix, rows, columns, ranges)


def _matrix(matrix: Matrix, rows: Dim, columns: Dim, ranges: _Bounds) -> Iterator[str]:
    if rows == 0 or columns == 0:
        return
    down, right = (rows - 1) * matrix.row, (columns - 1) * matrix.column
    for step in (0, down, right, down + right):
        yield from _reference(Ref(matrix.ref.buffer, matrix.ref.offset + step), ranges)


def _bounds(dim: Dim, ranges: _Bounds) -> tuple[int, int]:
    """Return the least and the greatest value of a dim."""
    found = extremes(dim, ranges)
    assert found is not None, f"{dim} has no bounds"
    return found


# memory


def _plan_problems(unit: Unit) -> Iterator[str]:
    spans = lifetimes(unit.stages)
    offsets, scratch = unit.plan.offsets, unit.plan.scratch
    placed = []
    for buffer, (first, last) in spans.items():
        nbytes = buffer.room * buffer.type.dtype.itemsize
        start, size = offsets[buffer], int(nbytes)  # type: ignore[arg-type]
        if start % ALIGNMENT or start + size > unit.plan.arena_bytes - scratch[1]:
            yield f"node {buffer.node} lies at byte {start}"
        placed.append((start, start + size, first, last, buffer))
    placed.sort(key=lambda item: item[:4])
    for index, one in enumerate(placed):
        for other in placed[index + 1 :]:
            if other[0] >= one[1]:
                break
            yield from _overlap(unit, one, other)


def _overlap(
    unit: Unit,
    one: tuple[int, int, int, int, Buffer],
    other: tuple[int, int, int, int, Buffer],
) -> Iterator[str]:
    """Complain about two buffers in the same bytes, unless the later one may replace the other."""
    old, new = (one, other) if one[3] <= other[2] else (other, one)
    if old[3] < new[2]:
        return
    handed_over = old[3] == new[2] and old[0] == new[0]
    if not (handed_over and can_share(accesses(unit.stages[new[2]]), old[4], new[4])):
        yield f"nodes {old[4].node} and {new[4].node} share memory while both are alive"
