"""The element that the turn before stored is kept in a register, where a recurrence stays as it is.

for j: a[j] = f(a[j - 1], ...)      ->      before = a[-1]
                                            for j: new = f(before, ...); a[j] = new; before = new

Nothing changes but that the turn waits for no memory.
"""

from collections.abc import Mapping
from dataclasses import replace

from gradc.ir import Dim, substitute
from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Declare,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.promote import with_scalars
from gradc.kernels.turns import turns_of
from gradc.kernels.walk import loads, uses

__all__ = ["carry_before"]


def carry_before(loop: Loop) -> list[Stmt]:
    """Return a loop with the elements that the turn before stored in registers."""
    starts: list[Stmt] = []
    for ref in [s.ref for s in loop.body if isinstance(s, Store)]:
        place = next(k for k, s in enumerate(loop.body) if isinstance(s, Store) and s.ref is ref)
        before = _before(loop, ref)
        if before is not None and _is_carried(loop, place, before):
            start, loop = _register(loop, place, before)
            starts.append(start)
    return [*starts, loop]


def _is_carried(loop: Loop, place: int, before: Ref) -> bool:
    """Tell whether a loop reads the element before, and one statement writes to its memory."""
    if not all(isinstance(s, Let | Store | Accumulate | Assign) for s in loop.body):
        return False
    writes = sum(b is before.buffer and w for s in loop.body for b, w in uses(s))
    early = [ref for s in loop.body[: place + 1] for ref in loads(s)]
    late = [ref for s in loop.body[place + 1 :] for ref in loads(s)]
    return writes == 1 and before in early and before not in late


def _register(loop: Loop, place: int, ref: Ref) -> tuple[Stmt, Loop]:
    """Return the first value of the register, and the loop that reads and sets it."""
    dtype, store = ref.buffer.type.dtype, loop.body[place]
    assert isinstance(store, Store)
    before = Local(dtype, "before", store.node)
    table: Mapping[Ref, Local] = {ref: before}
    body: list[Stmt] = []
    for statement in loop.body:
        moved = with_scalars(statement, table)
        if statement is store:
            assert isinstance(moved, Store)
            new = moved.value if isinstance(moved.value, Local) else Local(dtype, "", store.node)
            if new is not moved.value:
                body.append(Let(new, moved.value))
            body += [Store(store.ref, new, store.node), Assign(before, new)]
        else:
            body.append(moved)
    first = substitute(ref.offset, {loop.symbol: loop.start})
    return Declare(before, Load(Ref(ref.buffer, first))), replace(loop, body=body)


def _before(loop: Loop, ref: Ref) -> Ref | None:
    """Return the element that the turn before has stored."""
    turns = turns_of(loop)
    if turns is None or turns < 1 or ref.buffer.type.dtype.kind != "f" or ref.gathers:
        return None
    earlier: Dim = substitute(ref.offset, {loop.symbol: loop.symbol.expr() + -loop.step})
    return None if earlier == ref.offset else Ref(ref.buffer, earlier)
