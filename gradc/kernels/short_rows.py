"""Work in rows that fill one wide register and a ragged part of another one.

Vector code for fourteen numbers in registers of eight is one step and six numbers left over, which
compilers do in halves and one by one; in registers of four it is three steps and two numbers.
"""

from collections.abc import Iterable

import numpy as np

from gradc.kernels.cost import turns_of, work
from gradc.kernels.extremes import Bounds
from gradc.kernels.independent import bounds_of
from gradc.kernels.nest import Accumulate, Loop, Stage, Stmt, Store
from gradc.kernels.walk import loads, nested, statements

__all__ = ["has_short_rows"]

WIDE, HALF = 8, 4
"""Numbers of double precision in a register of 512 bits, and in half of it."""
_CALL = 64
"""Operations that a call of a vector function counts for, which halves would take twice as long."""
_RAGGED = (2, 3)
"""What is left over of halves where it was measured to matter; one number is not."""


def has_short_rows(stages: Iterable[Stage]) -> bool:
    """Tell whether half of the work of innermost loops is in ragged rows of double precision."""
    short, total = 0, 0
    for stage in stages:
        a, b = _work(stage.body, {}, 1)
        short, total = short + a, total + b
    return 2 * short > total


def _work(body: list[Stmt], bounds: Bounds, times: int) -> tuple[int, int]:
    """Return the work in ragged rows, and in all innermost loops."""
    short, total = 0, 0
    for statement in body:
        inside, turns = bounds, times
        if isinstance(statement, Loop):
            if not any(isinstance(s, Loop) for s in statements(statement.body)):
                amount = times * work(statement, bounds, _CALL)
                short, total = short + amount * _is_ragged(statement), total + amount
                continue
            inside = {**bounds, statement.symbol: bounds_of(statement)}
            turns = times * turns_of(statement, bounds)
        for inner in nested(statement):
            a, b = _work(inner, inside, turns)
            short, total = short + a, total + b
    return short, total


def _is_ragged(loop: Loop) -> bool:
    length = loop.stop - loop.start
    if not isinstance(length, int) or abs(loop.step) != 1:
        return False
    length = abs(length)
    return WIDE < length < 2 * WIDE and length % HALF in _RAGGED and _is_double(loop)


def _is_double(loop: Loop) -> bool:
    """Tell whether a loop works on double precision only."""
    found = {ref.buffer for s in loop.body for ref in loads(s)}
    for statement in loop.body:
        target = statement.target if isinstance(statement, Accumulate) else None
        ref = statement.ref if isinstance(statement, Store) else target
        buffer = getattr(ref, "buffer", None)
        found |= {buffer} if buffer is not None else set()
    return {buffer.type.dtype for buffer in found} == {np.dtype(np.float64)}
