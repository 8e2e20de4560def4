"""Write an array where it is copied to, when that is known before it is made.

    for k:                                          for k:
        for i: for j: won[i, j] = p[i, j] < t           for i: for j: tape[k, i, j] = p[i, j] < t
        for i: for j: tape[k, i, j] = won[i, j]     ->

What an inner loop keeps for its reverse is handed to the tape of the loop around it, once for each
loop around: as many passes over memory that do nothing else.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from gradc.ir import Dim, DimExpr
from gradc.kernels.collapse import collapse
from gradc.kernels.dead_fills import Run, run_written
from gradc.kernels.nest import Buffer, Call, Copy, Fill, Load, Loop, MatMul, Ref, Stage, Stmt, Store
from gradc.kernels.private import count_uses
from gradc.kernels.retarget import with_refs
from gradc.kernels.walk import nested, statements, statements_in, uses
from gradc.records import dataclass

__all__ = ["write_directly"]


@dataclass(frozen=True, slots=True)
class _Move:
    """``target[start + i] = source[i]`` for all elements of the source."""

    source: Buffer
    target: Buffer
    start: Dim

    def change(self, ref: Ref) -> Ref:
        """Return where an element of the source is from now on."""
        if ref.buffer is not self.source:
            return ref
        return Ref(self.target, ref.offset + self.start, ref.gathers)


def write_directly(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages with arrays in loops written where they would be copied to."""
    everywhere = Counter(b for s in statements_in(stages) for b, _ in uses(s))
    return [replace(stage, body=_inside(stage.body, everywhere)) for stage in stages]


def _inside(body: list[Stmt], everywhere: Counter[Buffer]) -> list[Stmt]:
    """Return statements with all loops in them changed, inner ones first."""
    for statement in body:
        for inner in nested(statement):
            inner[:] = _inside(inner, everywhere)
            if isinstance(statement, Loop):
                inner[:] = _changed(inner, everywhere)
    return body


def _changed(body: list[Stmt], everywhere: Counter[Buffer]) -> list[Stmt]:
    place = 0
    while place < len(body):
        move = _move_of(body[place])
        if move is not None and _may_move(move, body, place, everywhere):
            everywhere[move.target] += everywhere[move.source] - 2
            everywhere[move.source] = 0
            rest = [*body[:place], *body[place + 1 :]]
            body = [_moved(s, move) for s in rest if not _is_fill(s, move.source)]
        else:
            place += 1
    return body


def _is_fill(statement: Stmt, buffer: Buffer) -> bool:
    return isinstance(statement, Fill) and statement.buffer is buffer


def _moved(statement: Stmt, move: _Move) -> Stmt:
    if not any(buffer is move.source for s in statements([statement]) for buffer, _ in uses(s)):
        return statement
    return with_refs(statement, move.change, lambda whole: whole)


def _move_of(statement: Stmt) -> _Move | None:
    """Return what a loop moves if it does nothing but copy all elements of a temporary."""
    if not isinstance(statement, Loop) or statement.step != 1 or statement.start != 0:
        return None
    flat = collapse(statement)
    only = flat.body[0] if len(flat.body) == 1 else None
    if not isinstance(only, Store) or not isinstance(only.value, Load):
        return None
    source, target, here = only.value.ref, only.ref, flat.symbol.expr()
    start = target.offset - here
    if source.gathers or target.gathers or source.offset != here:
        return None
    if isinstance(start, DimExpr) and flat.symbol in start.symbols:
        return None
    same = source.buffer.type.dtype == target.buffer.type.dtype
    whole = flat.start == 0 and flat.stop == source.buffer.type.size
    return _Move(source.buffer, target.buffer, start) if same and whole else None


def _may_move(move: _Move, body: Sequence[Stmt], place: int, everywhere: Counter[Buffer]) -> bool:
    """Tell whether nothing else sees the source or, in a turn, the target, before the copy.

    All of the source must be written in a turn before it is read: it is not what the last turn
    left.
    """
    source, target = move.source, move.target
    if source.kind != "temporary" or source is target:
        return False
    here = count_uses(body)
    if here[source] != everywhere[source] or here[target] != 1:
        return False
    touching = [s for s in body[:place] if count_uses([s])[source] and not _is_fill(s, source)]
    fills = [k for k, s in enumerate(body) if _is_fill(s, source)]
    if not touching or any(k > body.index(touching[0]) for k in fills):
        return False
    first = touching[0]
    written = [w for s in statements([first]) for b, w in uses(s) if b is source]
    if written != [True] or run_written(first, source) != Run(0, source.type.size):
        return False
    plain = not any(
        isinstance(s, Copy | MatMul | Call) and source in {b for b, _ in uses(s)}
        for s in statements(body)
    )
    known = move.start.symbols if isinstance(move.start, DimExpr) else frozenset()
    return plain and not any(s.symbol in known for s in statements(body) if isinstance(s, Loop))
