"""Whether a nest may read the memory that it writes."""

from collections.abc import Iterator, Sequence

from gradc.ir import Dim, Symbol, substitute
from gradc.kernels.extremes import Bounds, never_zero
from gradc.kernels.index import row_major_strides
from gradc.kernels.nest import Accumulate, Buffer, Loop, Ref, Stmt, Store
from gradc.kernels.walk import loads, nested

__all__ = ["reads_are_safe"]

_Seen = tuple[Ref, dict[Symbol, tuple[Dim, Dim]]]


def reads_are_safe(body: Sequence[Stmt], target: Buffer, around: Bounds) -> bool:
    """Tell whether every read of ``target`` is of an element that no other turn writes.

    That is so where the read is at the very offset of the write, or where the two offsets are
    proved to differ for all turns of both.
    """
    reads, writes = list[_Seen](), list[_Seen]()
    for statement, bounds in _walk(body, {}):
        reads += [(ref, bounds) for ref in loads(statement) if ref.buffer is target]
        own = None
        if isinstance(statement, Store):
            own = statement.ref
        elif isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
            own = statement.target
        if own is not None and own.buffer is target:
            writes.append((own, bounds))
    strides = row_major_strides(target.type.shape)
    return all(_apart(read, write, around, strides) for read in reads for write in writes)


def _walk(
    body: Sequence[Stmt], bounds: dict[Symbol, tuple[Dim, Dim]]
) -> Iterator[tuple[Stmt, dict[Symbol, tuple[Dim, Dim]]]]:
    for statement in body:
        inside = bounds
        if isinstance(statement, Loop):
            inside = {**bounds, statement.symbol: (statement.start, statement.stop - 1)}
        yield statement, bounds
        for inner in nested(statement):
            yield from _walk(inner, inside)


def _apart(read: _Seen, write: _Seen, around: Bounds, strides: tuple[Dim, ...]) -> bool:
    (source, own), (target, others) = read, write
    if source.gathers or target.gathers:
        return False
    if source.offset == target.offset:
        return True
    fresh = {symbol: Symbol(symbol.name, "read") for symbol in own}
    moved = {symbol: new.expr() for symbol, new in fresh.items()}
    turned = {
        fresh[s]: (substitute(low, moved), substitute(high, moved))
        for s, (low, high) in own.items()
    }
    difference = substitute(source.offset, moved) - target.offset
    return never_zero(difference, {**around, **others, **turned}, strides)
