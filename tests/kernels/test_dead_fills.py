"""Fills that nobody sees are left out, all others stay."""

from typing import Any

import numpy as np
import pytest

from gradc.ir import ArrayType, Dim, Symbol
from gradc.kernels.dead_fills import drop_dead_fills
from gradc.kernels.nest import Buffer, Fill, Load, Loop, Number, Ref, Stmt, Store

TURN, AXIS = Symbol("k", "turn0"), Symbol("i", "index")
k, i = TURN.expr(), AXIS.expr()
ZERO = Number(0.0, np.dtype(float))
TRIANGLE: Any = k * (k + 1)


def memory(size: int, kind: Any = "temporary") -> Buffer:
    return Buffer(kind, ArrayType(float, (size,)))


def rows(
    buffer: Buffer, offset: Dim, length: Dim, turns: int = 5, value: Any = ZERO, step: int = 1
) -> list[Stmt]:
    """Fill, then write ``offset .. offset + length`` in each of some turns."""
    inner = Loop(AXIS, 0, length, [Store(Ref(buffer, offset + i), value)])
    first, last = (0, turns) if step > 0 else (turns - 1, -1)
    return [Fill(buffer, ZERO), Loop(TURN, first, last, [inner], step)]


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(
    ("size", "offset", "length"),
    [(20, k * 4, 4), (30, TRIANGLE, 2 * k + 2), (20, 16 - 4 * k, 4)],
    ids=["rows", "triangle", "from the end"],
)
def test_written_in_full(size, offset, length, step):
    fill, loop = rows(memory(size), offset, length, step=step)
    assert drop_dead_fills([fill, loop]) == [loop]


@pytest.mark.parametrize(
    ("size", "offset", "length"),
    [(21, k * 4, 4), (20, k * 4, 3), (31, TRIANGLE, 2 * k + 2), (24, k * 4 + 4, 4), (5, k, 0)],
    ids=["one more", "gaps", "triangle", "starts late", "nothing"],
)
def test_written_in_part(size, offset, length):
    body = rows(memory(size), offset, length)
    assert drop_dead_fills(list(body)) == body


def test_read_before_it_is_written():
    buffer = memory(20)
    body = rows(buffer, k * 4, 4, value=Load(Ref(buffer, 19 - k * 4 - i)))
    assert drop_dead_fills(list(body)) == body
    body = rows(buffer, k * 4, 4)
    other = Store(Ref(memory(1), 0), Load(Ref(buffer, 3)))
    assert drop_dead_fills([body[0], other, body[1]]) == [body[0], other, body[1]]


def test_results():
    fill, loop = rows(memory(20, "output"), k * 4, 4)
    assert drop_dead_fills([fill, loop]) == [loop]


def test_inside_loops():
    fill, loop = rows(memory(20), k * 4, 4)
    outer = Loop(Symbol("t", "turn1"), 0, 3, [fill, loop])
    assert drop_dead_fills([outer]) == [outer]
    assert outer.body == [loop]
