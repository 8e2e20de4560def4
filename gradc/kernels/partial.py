"""Sums of a loop that is cut into chunks: each chunk adds up for itself, then all are added up.

    for i: total += f(x[i])     ->     for chunk:  own = -0.0
                                                   for i in the chunk: own += f(x[i])
                                                   partial[chunk] = own
                                       for chunk:  total += partial[chunk]

The order of every sum is fixed by the sizes.  Nothing is added but what was there: -0.0 plus a
value is the value, zeros with their sign included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from gradc.ir import ArrayType, Dim, Symbol
from gradc.kernels.independent import Sums
from gradc.kernels.lanes import LANE
from gradc.kernels.lower_loops import start_value
from gradc.kernels.nest import (
    LANES,
    Accumulate,
    Buffer,
    Declare,
    How,
    If,
    Lane,
    Least,
    Load,
    Local,
    Loop,
    Number,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.remap import with_refs
from gradc.kernels.walk import statements

__all__ = ["in_chunks"]

_CHUNK = Symbol("part", "chunk")
_LAST = Symbol("last", "chunk")
_AT = Symbol("at", "index")


def in_chunks(loop: Loop, sums: Sums, turns: int, grain: int) -> list[Stmt]:
    """Return a loop that combines values over its turns, in chunks of ``grain`` turns.

    ``sums`` says what it combines them into.
    """
    chunks = -(-turns // grain)
    parts = _Parts(chunks, loop)
    for local, how in sums.scalars.items():
        parts.scalar(local, cast(How, how))
    for buffer, (how, start, size) in sums.memory.items():
        parts.stretch(buffer, cast(How, how), start, size)
    for buffer in sums.scratch:
        parts.scratch(buffer)
    first = loop.start + _CHUNK.expr() * (grain * loop.step)
    last: Dim = first + grain * loop.step
    head: list[Stmt] = []
    length = loop.stop - loop.start
    if length != chunks * grain * loop.step:
        head.append(Least(_LAST, last, loop.stop))
        last = _LAST.expr()
    inner = replace(loop, start=first, stop=last, body=parts.moved(loop.body))
    body = [*head, *parts.before, inner, *parts.after]
    return [Loop(_CHUNK, 0, chunks, body, node=loop.node, chunk=1), *parts.together]


class _Parts:
    """Collects what stands before, in and after the loop of a chunk, and after all chunks."""

    def __init__(self, chunks: int, loop: Loop) -> None:
        self.before: list[Stmt] = []
        self.after: list[Stmt] = []
        self.together: list[Stmt] = []
        self._chunks = chunks
        self._laned = {
            s.target.local
            for s in statements(loop.body)
            if isinstance(s, Accumulate) and isinstance(s.target, Lane)
        }
        self._locals: dict[Local, Local] = {}
        self._buffers: dict[Buffer, tuple[Buffer, Dim]] = {}

    def scalar(self, local: Local, how: How) -> None:
        """Give every chunk a scalar (or lanes) of its own."""
        own = self._locals[local] = Local(local.dtype, local.name, local.node)
        lanes = LANES if local in self._laned else 0
        part = self._partial(local.dtype, max(lanes, 1))
        start = start_value(how, local.dtype) if lanes else _neutral(how, local.dtype)
        self.before.append(Declare(own, start, lanes))
        if not lanes:
            here = Ref(part, _CHUNK.expr())
            self.after.append(Store(here, own, local.node))
            self._combine([Accumulate(local, how, Load(here), local.node)])
            return
        here = Ref(part, _CHUNK.expr() * LANES + LANE.expr())
        store: Stmt = Store(here, Lane(own, LANE), local.node)
        self.after.append(Loop(LANE, 0, LANES, [store]))
        add: Stmt = Accumulate(Lane(local, LANE), how, Load(here), local.node)
        self._combine([Loop(LANE, 0, LANES, [add])])

    def stretch(self, buffer: Buffer, how: How, start: Dim, size: int) -> None:
        """Give every chunk a copy of some memory."""
        part = self._partial(buffer.type.dtype, size)
        self._buffers[buffer] = part, start - _CHUNK.expr() * size
        here = Ref(part, _CHUNK.expr() * size + _AT.expr())
        clear: Stmt = Store(here, _neutral(how, buffer.type.dtype), buffer.node)
        self.before.append(Loop(_AT, 0, size, [clear]))
        target = Ref(buffer, start + _AT.expr())
        add: Stmt = Accumulate(target, how, Load(here), buffer.node)
        self._combine([Loop(_AT, 0, size, [add], apart=buffer.kind == "temporary")])

    def scratch(self, buffer: Buffer) -> None:
        """Give every chunk memory of its own for what its turns write and read again."""
        size = buffer.room
        kind = ArrayType(buffer.type.dtype, (self._chunks, size))
        own = Buffer("temporary", kind, buffer.name, node=buffer.node)
        self._buffers[buffer] = own, -_CHUNK.expr() * size

    def moved(self, body: Sequence[Stmt]) -> list[Stmt]:
        """Return statements that work on what belongs to the chunk."""
        return list(self._moved(with_refs(body, self._ref)))

    def _ref(self, ref: Ref) -> Ref:
        if ref.buffer not in self._buffers:
            return ref
        part, start = self._buffers[ref.buffer]
        return Ref(part, ref.offset - start, ref.gathers)

    def _moved(self, body: Sequence[Stmt]) -> Iterator[Stmt]:
        for statement in body:
            if isinstance(statement, Accumulate):
                yield replace(statement, target=self._target(statement.target))
            elif isinstance(statement, Loop):
                yield replace(statement, body=self.moved(statement.body))
            elif isinstance(statement, If):
                then, otherwise = self.moved(statement.then), self.moved(statement.otherwise)
                yield replace(statement, then=then, otherwise=otherwise)
            else:
                yield statement

    def _target(self, target: Local | Lane | Ref) -> Local | Lane | Ref:
        if isinstance(target, Local):
            return self._locals.get(target, target)
        if isinstance(target, Lane):
            return Lane(self._locals.get(target.local, target.local), target.symbol)
        return target

    def _partial(self, dtype: np.dtype, size: int) -> Buffer:
        kind = ArrayType(dtype, (self._chunks, size) if size > 1 else (self._chunks,))
        return Buffer("temporary", kind, "partial")

    def _combine(self, body: list[Stmt]) -> None:
        self.together.append(Loop(_CHUNK, 0, self._chunks, body))


def _neutral(how: How, dtype: np.dtype) -> Number:
    """Return the value that changes nothing it is combined with."""
    if how == "sum" and dtype.kind == "f":
        return Number(-0.0, dtype)
    return start_value(how, dtype)
