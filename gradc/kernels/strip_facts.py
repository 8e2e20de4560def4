"""Find runs of stages whose elements never meet, so that they can be run strip by strip."""

from collections.abc import Iterator

from gradc.ir import DimExpr, Symbol
from gradc.kernels.collapse import collapse
from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Buffer,
    Declare,
    Fill,
    Let,
    Local,
    Loop,
    Ref,
    Stage,
    Stmt,
    Store,
)
from gradc.kernels.strip_parts import Strips, between, made_by, read_by
from gradc.kernels.strip_sums import sort_numbers
from gradc.kernels.walk import loads, nested, statements, statements_in, uses

__all__ = ["survey"]


def survey(stages: list[Stage]) -> Strips | None:
    """Return what there is to know about a run; None where it cannot be cut into strips."""
    length = _length(stages)
    if length is None:
        return None
    strips = Strips(stages, length)
    return strips if _split(strips) and _check(strips) else None


def _length(stages: list[Stage]) -> int | None:
    """Return the extent of the first loop over elements."""
    for statement in statements_in(stages):
        if isinstance(statement, Loop) and statement.node < 0:
            flat = collapse(statement)
            return flat.stop if isinstance(flat.stop, int) else None
    return None


# taking stages apart


def _split(strips: Strips) -> bool:
    for stage in strips.stages:
        if not all(_sort(strips, s) for s in stage.body):
            return False
    return bool(strips.core)


def _sort(strips: Strips, statement: Stmt) -> bool:
    """Put a statement of a stage where it belongs."""
    if isinstance(statement, Loop):
        strips.core.append(_flattened(statement))
        strips.note_late(statement)
        return not _overtakes(strips.tail, statement)
    if isinstance(statement, Fill):
        strips.fills.append(statement)
        touched = {b for s in (*strips.core, *strips.head) for b in _buffers(s)}
        return statement.buffer not in touched
    if not isinstance(statement, Let | Declare | Store | Accumulate | Assign):
        return False
    if isinstance(statement, Let | Declare) and not _needs_late(strips, statement):
        strips.head.append(statement)
    else:
        strips.tail.append(statement)
        strips.note_late(statement)
    return True


def _needs_late(strips: Strips, statement: Stmt) -> bool:
    """Tell whether a statement reads what the core or the tail make."""
    numbers = not strips.late.isdisjoint(read_by(statement))
    return numbers or any(ref.buffer in strips.changed for ref in loads(statement))


def _overtakes(tail: list[Stmt], loop: Loop) -> bool:
    """Tell whether a loop changes what statements read that would come after it instead."""
    numbers = {local for s in tail for local in read_by(s)}
    memory = {b for s in tail for b in _buffers(s)}
    written = {b for b, w in _deep_uses(loop) if w}
    return bool(numbers & made_by([loop], deep=True) or memory & written)


def _flattened(loop: Loop) -> Loop:
    """Merge nested loops over elements that walk memory as one would."""
    if loop.node < 0:
        return collapse(loop)
    body = [_flattened(s) if isinstance(s, Loop) else s for s in loop.body]
    return Loop(loop.symbol, loop.start, loop.stop, body, loop.step, loop.node)


def _buffers(statement: Stmt) -> set[Buffer]:
    return {b for b, _ in _deep_uses(statement)}


def _deep_uses(statement: Stmt) -> Iterator[tuple[Buffer, bool]]:
    return (use for s in statements([statement]) for use in uses(s))


# what must hold


def _check(strips: Strips) -> bool:
    last = made_by(strips.tail)
    written_last = {b for s in strips.tail for b, w in _deep_uses(s) if w}
    for statement in strips.core:
        if read_by(statement) & last or _buffers(statement) & written_last:
            return False
    written = {b for s in strips.core for b, w in _deep_uses(s) if w}
    same = _same_in_all(strips)
    if same is None:
        return False
    strips.own = dict.fromkeys(written - same, 0)
    return _loops(strips, strips.core, False) and sort_numbers(strips) and _fills(strips)


def _same_in_all(strips: Strips) -> set[Buffer] | None:
    """Return memory of numbers, which every strip writes anew; None where one could see another's.

    A strip finds there what the one before left, so nobody may read it before it is written.
    """
    same: set[Buffer] = set()
    for k, statement in enumerate(strips.core):
        fresh = {s.ref.buffer for s in between([statement]) if isinstance(s, Store)}
        read = {b for s in strips.core[: k + 1] for b, w in _deep_uses(s) if not w}
        if fresh & read:
            return None
        same |= fresh
    return same


def _fills(strips: Strips) -> bool:
    """Buffers that are set as a whole belong to the elements, or are not touched by them."""
    return all(isinstance(s.buffer.type.size, int) for s in strips.fills)


def _loops(strips: Strips, body: list[Stmt], inside: bool) -> bool:
    """Check loops over elements; other loops hold nothing but these and statements on numbers."""
    for statement in body:
        if strips.is_lane(statement):
            assert isinstance(statement, Loop)
            strips.repeated |= inside
            if not _elements(strips, statement):
                return False
        elif isinstance(statement, Loop):
            if statement.node < 0 or not _loops(strips, statement.body, True):
                return False
        elif not _on_numbers(strips, statement):
            return False
    return True


def _on_numbers(strips: Strips, statement: Stmt) -> bool:
    """Tell whether a statement between the loops leaves the vectors alone."""
    if not isinstance(statement, Let | Declare | Assign | Accumulate | Store):
        return False
    if isinstance(statement, Accumulate) and not isinstance(statement.target, Local):
        return False
    if isinstance(statement, Store) and statement.ref.buffer.kind != "temporary":
        return False
    return not any(ref.buffer in strips.own for ref in loads(statement))


def _elements(strips: Strips, loop: Loop) -> bool:
    """Check one loop over elements: each turn touches elements of its own of what is written."""
    made = made_by([s for s in loop.body if isinstance(s, Let)])
    for statement in loop.body:
        if not isinstance(statement, Let | Store | Accumulate) or nested(statement):
            return False
        if isinstance(statement, Accumulate) and isinstance(statement.target, Local):
            if statement.how != "sum" or statement.target in made:
                return False
            strips.totals.setdefault(statement.target, [])
        if isinstance(statement, Store) and statement.ref.buffer not in strips.own:
            return False
        for ref in _references(statement):
            if ref.buffer in strips.own and not _is_own(strips, ref, loop.symbol):
                return False
    return not _reads_totals(loop, strips)


def _reads_totals(loop: Loop, strips: Strips) -> bool:
    return any(local in strips.totals for s in loop.body for local in read_by(s))


def _references(statement: Stmt) -> Iterator[Ref]:
    yield from loads(statement)
    if isinstance(statement, Store):
        yield statement.ref
    elif isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
        yield statement.target


def _is_own(strips: Strips, ref: Ref, symbol: Symbol) -> bool:
    """Tell whether a reference is element ``symbol`` of a vector, whatever else is in it."""
    if ref.gathers or not isinstance(ref.offset, DimExpr):
        return False
    stride = 0
    for monomial, factor in ref.offset.terms:
        if monomial == ((symbol, 1),):
            stride = factor
        elif any(s == symbol for s, _ in monomial) or factor % strips.length:
            return False
    known = strips.own[ref.buffer]
    size = ref.buffer.room
    strips.own[ref.buffer] = stride
    whole = isinstance(size, int) and size % strips.length == 0
    return stride == 1 and known in (0, stride) and whole
