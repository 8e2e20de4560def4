"""Cut a long function without loops into steps, which a compiler takes one by one.

Public: ``in_steps(stages) -> list[Stage]``.

A compiler's time to give out registers grows with the square of what one function computes: a
straight line of 8,000 operations takes it minutes.  So a long one becomes several functions.  What
a later step reads of an earlier one waits in memory, where most of it would have waited anyhow::

    step 1:  t_1 = sin(x[0]); ...; kept[0] = t_1
    step 2:  t_1 = kept[0]; ...

A place in ``kept`` is used again when nobody reads it any more.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gradc.ir.types import ArrayType
from gradc.kernels.angles import side_by_side
from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Buffer,
    Check,
    Declare,
    Let,
    Load,
    Local,
    Ref,
    Stage,
    Stmt,
    Store,
)
from gradc.kernels.walk import is_straight, scalars_read, statements, statements_in

__all__ = ["STEP", "in_steps"]

STEP = 400
"""Most statements of one step, but for those that may not be parted."""


def in_steps(stages: list[Stage]) -> list[Stage]:
    """Return the stages, cut into steps where they are a long straight line.

    One that may stop in the middle stays whole: every step would have to say so.
    """
    count = sum(1 for _ in statements_in(stages))
    if 2 * count < 3 * STEP or not is_straight(stages) or _stops(stages):
        return stages
    flat = [(stmt, number) for number, stage in enumerate(stages) for stmt in stage.body]
    flat = side_by_side(flat)  # in one step, or the library would be called twice
    body = [stmt for stmt, _ in flat]
    starts = _starts(body, -(-count // -(-count // STEP)))
    return _joined(stages, flat, starts, _Kept(body, starts))


def _stops(stages: Iterable[Stage]) -> bool:
    return any(isinstance(stmt, Check) for stmt in statements_in(stages))


def _starts(body: list[Stmt], share: int) -> list[int]:
    """Return where steps begin: nowhere between the first and the last change of a scalar."""
    ends = _last_writes(body)
    starts, length, open_until = [0], 0, -1
    for place, stmt in enumerate(body):
        if length >= share and place > open_until:
            starts.append(place)
            length = 0
        length += sum(1 for _ in statements([stmt]))
        if isinstance(stmt, Declare):
            open_until = max(open_until, ends[stmt.local])
    return starts


def _last_writes(body: list[Stmt]) -> dict[Local, int]:
    """Return the statement that changes a scalar for the last time."""
    found: dict[Local, int] = {}
    for place, outer in enumerate(body):
        for stmt in statements([outer]):
            if isinstance(stmt, Declare | Assign):
                found[stmt.local] = place
            elif isinstance(stmt, Accumulate) and isinstance(stmt.target, Local):
                found[stmt.target] = place
    return found


class _Kept:
    """Which scalars of a step later ones read, and where they wait in the meantime."""

    def __init__(self, body: list[Stmt], starts: list[int]) -> None:
        made: dict[Local, int] = {}
        ends = _last_writes(body)
        self.reads: dict[int, list[Local]] = {}
        last: dict[Local, int] = {}
        for place, stmt in enumerate(body):
            step = bisect_right(starts, place) - 1
            read = dict.fromkeys(scalars_read([stmt]))
            self.reads[place] = [one for one in read if made.get(one, step) < step]
            last.update(dict.fromkeys(self.reads[place], step))
            if isinstance(stmt, Let | Declare):
                made[stmt.local] = step
                ends.setdefault(stmt.local, place)
        self._give_places(made, last, len(starts))
        self._done: dict[int, list[Local]] = defaultdict(list)
        for local in self._places:
            self._done[ends[local]].append(local)

    def _give_places(self, made: dict[Local, int], last: dict[Local, int], count: int) -> None:
        """Give each scalar a place in the memory of its type, free again after its last step."""
        kept: dict[int, list[Local]] = defaultdict(list)
        self._places: dict[Local, int] = {}
        free: dict[np.dtype, list[int]] = defaultdict(list)
        sizes: dict[np.dtype, int] = defaultdict(int)
        leaving: dict[int, list[Local]] = defaultdict(list)
        for local in (one for one in made if one in last):
            kept[made[local]].append(local)
            leaving[last[local]].append(local)
        for step in range(count):
            for local in leaving[step - 1]:
                free[local.dtype].append(self._places[local])
            for local in kept[step]:
                room = free[local.dtype]
                self._places[local] = room.pop() if room else sizes[local.dtype]
                sizes[local.dtype] = max(sizes[local.dtype], self._places[local] + 1)
        self._buffers = {
            dtype: Buffer("temporary", ArrayType.of(dtype, size), "kept")
            for dtype, size in sizes.items()
        }

    def writes(self, place: int) -> list[Stmt]:
        """Return what a statement is followed by: what it gave its last value is kept."""
        return [Store(self.place(one), one, one.node) for one in self._done.get(place, ())]

    def place(self, local: Local) -> Ref:
        """Return the element in which a scalar waits."""
        return Ref(self._buffers[local.dtype], self._places[local])


def _joined(
    stages: list[Stage], flat: list[tuple[Stmt, int]], starts: list[int], kept: _Kept
) -> list[Stage]:
    """Return the stages of all steps; each fetches what it reads, and keeps what is read later."""
    result: list[Stage] = []
    for step, (start, stop) in enumerate(zip(starts, [*starts[1:], len(flat)], strict=True)):
        fetched: set[Local] = set()
        parts: dict[int, list[Stmt]] = {}
        for place in range(start, stop):
            stmt, number = flat[place]
            body = parts.setdefault(number, [])
            fresh = [local for local in kept.reads[place] if local not in fetched]
            fetched.update(fresh)
            body += [Let(local, Load(kept.place(local))) for local in fresh]
            body += [stmt, *kept.writes(place)]
        result += [replace(stages[k], body=part, step=step + 1) for k, part in parts.items()]
    return result
