"""Pack all temporaries into one arena by the stages in which they are alive."""

from gradc.ir import Program
from gradc.kernels.inplace import accesses, can_share
from gradc.kernels.nest import (
    Buffer,
    BufferPlan,
    Stage,
)
from gradc.kernels.packing import packing
from gradc.kernels.walk import statements, uses

__all__ = ["ALIGNMENT", "lifetimes", "plan_buffers"]

ALIGNMENT = 64
"""Bytes; one cache line and the longest vector."""


def touched(stage: Stage) -> dict[Buffer, None]:
    """Return the buffers of a stage in the order of first use."""
    return {buffer: None for s in statements(stage.body) for buffer, _ in uses(s)}


def lifetimes(stages: list[Stage]) -> dict[Buffer, tuple[int, int]]:
    """Return the first and the last stage of every temporary, in the order of first use."""
    spans: dict[Buffer, tuple[int, int]] = {}
    for place, stage in enumerate(stages):
        for buffer in touched(stage):
            if buffer.kind == "temporary":
                first, _ = spans.get(buffer, (place, place))
                spans[buffer] = (first, place)
    return spans


def plan_buffers(program: Program, stages: list[Stage]) -> tuple[list[Buffer], BufferPlan]:
    """Return all buffers of a program, and where the temporaries lie."""
    spans = lifetimes(stages)
    arena = _Arena()
    closing: dict[int, list[Buffer]] = {}
    opening: dict[int, list[Buffer]] = {}
    for buffer, (first, last) in spans.items():
        opening.setdefault(first, []).append(buffer)
        closing.setdefault(last, []).append(buffer)
    for place, stage in enumerate(stages):
        fresh = opening.get(place, [])
        dying = [b for b in closing.get(place, []) if spans[b][0] < place]
        seen = accesses(stage) if fresh and dying else {}
        for buffer in fresh:
            heir = next((old for old in dying if can_share(seen, old, buffer)), None)
            if heir is None:
                arena.take(buffer)
            else:
                dying.remove(heir)
                arena.inherit(buffer, heir)
        for buffer in closing.get(place, []):
            arena.give_back(buffer)
    start = _up(arena.size)
    alone, lent = packing(stages)
    plan = BufferPlan(arena.offsets, start + alone, (start, alone), start + lent)
    return _all_buffers(program, stages), plan


def _all_buffers(program: Program, stages: list[Stage]) -> list[Buffer]:
    found: dict[Buffer, None] = {}
    for stage in stages:
        found.update(touched(stage))
    order = {"input": 0, "output": 1, "constant": 2, "temporary": 3}
    return sorted(found, key=lambda b: (order[b.kind], max(b.position, 0)))


def _up(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _nbytes(buffer: Buffer) -> int:
    size = buffer.room * buffer.type.dtype.itemsize
    assert isinstance(size, int)
    return _up(max(size, 1))


class _Arena:
    """Free ranges of bytes, best fit first."""

    def __init__(self) -> None:
        self.offsets: dict[Buffer, int] = {}
        self.size = 0
        self._free: list[tuple[int, int]] = []
        self._moved: set[Buffer] = set()

    def take(self, buffer: Buffer) -> None:
        """Place a buffer in the smallest free range that holds it."""
        need = _nbytes(buffer)
        fitting = [(length, start) for start, length in self._free if length >= need]
        if not fitting:
            self._extend(buffer, need)
            return
        length, start = min(fitting)
        self._free.remove((start, length))
        if length > need:
            self._free.append((start + need, length - need))
        self.offsets[buffer] = start

    def _extend(self, buffer: Buffer, need: int) -> None:
        last = next((r for r in self._free if sum(r) == self.size), None)
        start = self.size
        if last is not None:
            self._free.remove(last)
            start = last[0]
        self.size = start + need
        self.offsets[buffer] = start

    def inherit(self, buffer: Buffer, old: Buffer) -> None:
        """Place a buffer where another one ends its life."""
        self.offsets[buffer] = self.offsets[old]
        self._moved.add(old)

    def give_back(self, buffer: Buffer) -> None:
        """Free a buffer's range, joined with free neighbours."""
        if buffer in self._moved:
            return
        start, length = self.offsets[buffer], _nbytes(buffer)
        joined = [r for r in self._free if r[0] + r[1] == start or r[0] == start + length]
        for r in joined:
            self._free.remove(r)
        first = min([start, *(r[0] for r in joined)])
        self._free.append((first, length + sum(r[1] for r in joined)))
