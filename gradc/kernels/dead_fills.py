"""Leave out fills of memory that is written in full before it is read.

A tape starts as zeros in the graph.  Where the turns of a loop provably write it from the first
element to the last, the zeros are never seen:

    fill(tape, 0)                           for k < n:
    for k < n:                      ->          for i <= k: tape[(k + k * k) / 2 + i] = y[i]
        for i <= k: tape[(k + k * k) / 2 + i] = y[i]

The proof is that what one turn writes begins where the turn before has ended, or the reverse.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gradc.ir import Dim, Symbol, substitute
from gradc.kernels.nest import Buffer, Fill, Loop, Stmt, Store
from gradc.kernels.walk import nested, statements, uses

__all__ = ["Run", "drop_dead_fills", "run_written"]


class Run(NamedTuple):
    """Elements from ``start`` up to ``stop``, all of which are written."""

    start: Dim
    stop: Dim


def drop_dead_fills(body: list[Stmt]) -> list[Stmt]:
    """Return the statements without fills that nobody sees; inner lists are changed in place."""
    for statement in body:
        for inner in nested(statement):
            inner[:] = drop_dead_fills(inner)
    return [s for k, s in enumerate(body) if not (isinstance(s, Fill) and _dead(s, body[k + 1 :]))]


def _dead(fill: Fill, later: Sequence[Stmt]) -> bool:
    """Tell whether the first statement that touches the memory writes all of it."""
    buffer = fill.buffer
    if buffer.kind not in ("temporary", "output") or buffer.type.size == 0:
        return False
    for statement in later:
        touched = [
            written for s in statements([statement]) for b, written in uses(s) if b is buffer
        ]
        if touched:
            return touched == [True] and run_written(statement, buffer) == Run(0, buffer.type.size)
    return False


def run_written(statement: Stmt, buffer: Buffer) -> Run | None:
    """Return the run of elements that a statement writes; None where it is not one run."""
    if isinstance(statement, Store):
        ref = statement.ref
        here = ref.buffer is buffer and not ref.gathers
        return Run(ref.offset, ref.offset + 1) if here else None
    if not isinstance(statement, Loop) or abs(statement.step) != 1:
        return None
    for inner in statement.body:
        run = run_written(inner, buffer)
        if run is not None:
            return _joined(statement, run)
    return None


def _joined(loop: Loop, run: Run) -> Run | None:
    """Return the run of all turns, if each begins or ends where the turn before ended or began."""
    first, last = (loop.stop + 1, loop.start) if loop.step < 0 else (loop.start, loop.stop - 1)

    def at(turn: Dim, dim: Dim, symbol: Symbol = loop.symbol) -> Dim:
        return substitute(dim, {symbol: turn})

    following = loop.symbol.expr() + 1
    if at(following, run.start) == run.stop:
        return Run(at(first, run.start), at(last, run.stop))
    if at(following, run.stop) == run.start:
        return Run(at(last, run.start), at(first, run.stop))
    return None
