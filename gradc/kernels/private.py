"""Arrays that a turn of a loop fills before it reads them, and that nothing else sees.

Each turn could have an array of its own; so nothing that turns do to it keeps them in their order.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gradc.ir import Dim
from gradc.kernels.dependence import Touch, touches
from gradc.kernels.extremes import Bounds, extremes
from gradc.kernels.nest import Buffer, Loop, Stmt, Store
from gradc.kernels.walk import loads, statements, uses

__all__ = ["count_uses", "private_arrays"]


def count_uses(body: Iterable[Stmt]) -> Counter[Buffer]:
    """Count how often statements touch each array, all inside included."""
    return Counter(buffer for s in statements(list(body)) for buffer, _ in uses(s))


def private_arrays(loop: Loop, bounds: Bounds, everywhere: Counter[Buffer]) -> set[Buffer]:
    """Return the arrays that belong to one turn of a loop.

    ``bounds`` hold in a turn; ``everywhere`` are the uses in the whole program.
    """
    here = count_uses(loop.body)
    return {
        buffer
        for buffer, count in here.items()
        if buffer.kind == "temporary"
        and buffer.most < 0
        and everywhere[buffer] == count
        and _is_filled_first(buffer, loop.body, bounds)
    }


def _is_filled_first(buffer: Buffer, body: Sequence[Stmt], bounds: Bounds) -> bool:
    """Tell whether all that is touched was written by the first statement that touches any."""
    for place, statement in enumerate(body):
        if not any(b is buffer for s in statements([statement]) for b, _ in uses(s)):
            continue
        filled = _filled(buffer, statement)
        if filled is None:
            return False
        rest = body[place + 1 :]
        return all(_inside(offset, filled, limits) for offset, limits in _met(buffer, rest, bounds))
    return False


def _filled(buffer: Buffer, statement: Stmt) -> tuple[int, int] | None:
    """Return the first and the last element that a statement writes, all between them included."""
    if not isinstance(statement, Loop) or abs(statement.step) != 1:
        return None
    if any(ref.buffer is buffer for s in statements(statement.body) for ref in loads(s)):
        return None
    for inner in statement.body:
        if isinstance(inner, Store) and inner.ref.buffer is buffer and not inner.ref.gathers:
            shift = inner.ref.offset - statement.symbol.expr()
            low, high = statement.start, statement.stop - 1
            if statement.step < 0:
                low, high = statement.stop + 1, statement.start
            ends = (low + shift, high + shift)
            return ends if all(isinstance(end, int) for end in ends) else None  # type: ignore[return-value]
    return None


def _met(
    buffer: Buffer, body: Sequence[Stmt], bounds: Bounds
) -> Iterator[tuple[Dim | None, Bounds]]:
    """Yield the offsets at which statements touch an array, with the bounds that hold there."""
    for statement in body:
        if isinstance(statement, Loop):
            ends = (statement.start, statement.stop - 1)
            if statement.step < 0:
                ends = (statement.stop + 1, statement.start)
            yield from _met(buffer, statement.body, {**bounds, statement.symbol: ends})
        else:
            found: tuple[Touch, ...] = touches([statement])
            yield from ((t.offset, bounds) for t in found if t.memory is buffer)


def _inside(offset: Dim | None, filled: tuple[int, int], bounds: Bounds) -> bool:
    found = None if offset is None else extremes(offset, bounds)
    return found is not None and filled[0] <= found[0] and found[1] <= filled[1]
