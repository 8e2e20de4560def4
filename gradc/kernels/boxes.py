"""Nests that write one box of one buffer, in the coordinates of that buffer.

``for i < n: for j < m: y[(i + 1) * w + j] += e(i, j)`` adds to the box ``[1, n + 1) x [0, m)`` of
``y``; in the coordinates of ``y`` it is ``y[i * w + j] += e(i - 1, j)``.  Written so, nests that
differ by a shift can be compared, cut and run as one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from gradc.ir import Dim, DimExpr, Symbol
from gradc.kernels.index import long_axes, row_major_strides
from gradc.kernels.loops import axis_symbol
from gradc.kernels.nest import Accumulate, Buffer, Copy, Fill, Let, Load, Loop, Ref, Stmt, Store
from gradc.kernels.walk import loads, map_statement, replace_symbols
from gradc.records import dataclass

__all__ = ["Box", "box_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Statements for every element of a box; the last one stores or adds to the element.

    ``ranges`` are half-open, one for each long axis of the buffer; ``ref`` is the element at the
    symbols of the axes; no statement reads the buffer.
    """

    ref: Ref
    ranges: tuple[tuple[int, int], ...]
    body: tuple[Stmt, ...]

    @property
    def buffer(self) -> Buffer:
        """The memory that is written."""
        return self.ref.buffer

    @property
    def write(self) -> Store | Accumulate:
        """The statement that writes."""
        last = self.body[-1]
        assert isinstance(last, Store | Accumulate)
        return last

    def clipped(self, axis: int, start: int, stop: int) -> "Box | None":
        """Return the part between two positions along an axis; None for nothing."""
        low, high = self.ranges[axis]
        low, high = max(low, start), min(high, stop)
        if low >= high:
            return None
        return replace(self, ranges=(*self.ranges[:axis], (low, high), *self.ranges[axis + 1 :]))


def box_of(statement: Stmt) -> Box | None:
    """Read a statement as a box; None where it is something else."""
    if isinstance(statement, Fill | Copy):
        return _whole(statement)
    loops, body = _unnested(statement)
    write = body[-1] if body else None
    if isinstance(write, Store):
        ref = write.ref
    elif isinstance(write, Accumulate) and isinstance(write.target, Ref) and write.how == "sum":
        ref = write.target
    else:
        return None
    lets = all(isinstance(s, Let) for s in body[:-1])
    if not lets or ref.gathers or ref.buffer.type.dtype.kind != "f":
        return None
    if any(read.buffer is ref.buffer for s in body for read in loads(s)):
        return None
    return _aligned(ref, loops, body)


def _unnested(statement: Stmt) -> tuple[list[Loop], list[Stmt]]:
    """Take nested loops apart; what stands before an inner loop goes into it."""
    loops: list[Loop] = []
    body: list[Stmt] = [statement]
    while body and isinstance(body[-1], Loop):
        loop = body.pop()
        assert isinstance(loop, Loop)
        known = isinstance(loop.start, int) and isinstance(loop.stop, int) and loop.step == 1
        if not known or loop.symbol.role != "index":
            return [], []
        loops.append(loop)
        body += loop.body
    return loops, body


def _extents(buffer: Buffer) -> tuple[int, ...] | None:
    """Return the long extents of a buffer if all are known."""
    shape = buffer.type.shape
    found = tuple(shape[axis] for axis in long_axes(shape))
    known = all(isinstance(extent, int) and extent > 0 for extent in found)
    return found if known and found else None  # type: ignore[return-value]


def _element(buffer: Buffer, extents: Sequence[int], rest: Dim) -> Ref:
    offset = rest
    for axis, stride in enumerate(row_major_strides(tuple(extents))):
        offset = offset + axis_symbol(axis).expr() * stride
    return Ref(buffer, offset)


def _whole(statement: Fill | Copy) -> Box | None:
    buffer = statement.buffer if isinstance(statement, Fill) else statement.target
    extents = _extents(buffer)
    if extents is None or buffer.type.dtype.kind != "f":
        return None
    ref = _element(buffer, extents, 0)
    value = (
        statement.value if isinstance(statement, Fill) else Load(Ref(statement.source, ref.offset))
    )
    ranges = tuple((0, extent) for extent in extents)
    return Box(ref, ranges, (Store(ref, value, statement.node),))


def _aligned(ref: Ref, loops: Sequence[Loop], body: Sequence[Stmt]) -> Box | None:
    """Return the box with its statements in the coordinates of the buffer."""
    extents = _extents(ref.buffer)
    if extents is None:
        return None
    found = _decoded(ref.offset, loops, extents)
    if found is None:
        return None
    rest, ranges, moved = found
    target = _element(ref.buffer, extents, rest)
    change = replace_symbols(moved)
    statements = tuple(map_statement(s, change) for s in body)
    return Box(target, ranges, statements)


def _decoded(
    offset: Dim, loops: Sequence[Loop], extents: tuple[int, ...]
) -> tuple[Dim, tuple[tuple[int, int], ...], dict[Symbol, Dim]] | None:
    """Read an offset as a position along each axis.

    Returns what hangs on the loops around, the ranges, and each loop's symbol as a coordinate.
    """
    strides = [int(s) for s in row_major_strides(extents)]  # type: ignore[arg-type]
    split = _slopes(offset, [loop.symbol for loop in loops])
    if split is None:
        return None
    slopes, rest, start = split
    if len(slopes) != len(loops) or sorted(slopes.values()) != sorted(set(slopes.values())):
        return None
    by_stride = {slopes[loop.symbol]: loop for loop in loops}
    if not by_stride.keys() <= set(strides):
        return None
    for stride, loop in by_stride.items():
        start += stride * int(loop.start)  # type: ignore[arg-type]
    ranges: list[tuple[int, int]] = []
    moved: dict[Symbol, Dim] = {}
    for axis, (stride, low) in enumerate(zip(strides, _digits(start, strides), strict=True)):
        own = by_stride.get(stride)
        length = 1 if own is None else int(own.stop) - int(own.start)  # type: ignore[arg-type]
        outside = axis == 0 and isinstance(rest, DimExpr)
        if length < 1 or (not outside and low + length > extents[axis]) or low < 0:
            return None
        ranges.append((low, low + length))
        if own is not None:
            moved[own.symbol] = axis_symbol(axis).expr() + (own.start - low)
    return rest, tuple(ranges), moved


def _slopes(offset: Dim, symbols: Sequence[Symbol]) -> tuple[dict[Symbol, int], Dim, int] | None:
    """Split an affine offset: factors of the symbols, what holds other symbols, the number."""
    slopes: dict[Symbol, int] = {}
    rest: Dim = 0
    number = offset if isinstance(offset, int) else 0
    for monomial, factor in offset.terms if isinstance(offset, DimExpr) else ():
        own = [(symbol, power) for symbol, power in monomial if symbol in symbols]
        if not monomial:
            number = factor
        elif not own:
            rest = rest + DimExpr(((monomial, factor),))
        elif own == [(own[0][0], 1)] and len(monomial) == 1:
            slopes[own[0][0]] = factor
        else:
            return None
    return slopes, rest, number


def _digits(start: int, strides: Sequence[int]) -> Iterator[int]:
    """Yield the position along each axis of an element."""
    yield start // strides[0]
    for outer, inner in pairwise(strides):
        yield start % outer // inner
