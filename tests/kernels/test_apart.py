"""Loops are marked apart only where no turn comes to an element that another one writes."""

import numpy as np
import pytest

from gradc.ir import ArrayType, Symbol
from gradc.kernels.apart import mark_apart
from gradc.kernels.nest import Accumulate, Buffer, Load, Loop, Number, Ref, Stage, Store

I = Symbol("i", "index")  # noqa: E741
HERE = I.expr()
K = Symbol("k", "turn0")
TURN = K.expr()


def is_marked(*offsets, length=40):
    """Tell whether a loop that adds to elements of one buffer, from another one, is marked."""
    target, source = (Buffer("temporary", ArrayType.of("f8", 4000)) for _ in range(2))
    value = Load(Ref(source, HERE))
    loop = Loop(I, 0, length, [Accumulate(Ref(target, o), "sum", value) for o in offsets])
    mark_apart([Stage([loop])])
    return loop.apart


@pytest.mark.parametrize(
    ("offsets", "apart"),
    [
        ([HERE], True),
        ([HERE, HERE + 40], True),
        ([HERE, HERE + 39], False),
        ([HERE * 50, HERE * 50 + 1], True),
        ([HERE * 50, HERE * 50 + 50], False),
        ([HERE * 50, HERE * 50 + 100], False),
        ([HERE * 50, HERE * 50 + 39 * 50], False),
        ([HERE * 50, HERE * 50 + 40 * 50], True),
        ([HERE * -50 + 3000, HERE * -50 + 3050], False),
    ],
)
def test_steps_count(offsets, apart):
    assert is_marked(*offsets) is apart


def test_what_is_read_a_turn_later_counts():
    target, source = (Buffer("temporary", ArrayType.of("f8", 4000)) for _ in range(2))
    first = Store(Ref(target, HERE * 50 + 50), Load(Ref(source, HERE)))
    second = Store(Ref(source, HERE), Load(Ref(target, HERE * 50)))
    loop = Loop(I, 0, 40, [first, second])
    mark_apart([Stage([loop])])
    assert not loop.apart


@pytest.mark.parametrize(
    ("gap", "apart"),
    [
        (40 * TURN + 40, True),
        (-40 * TURN - 40, True),
        (40 * TURN, False),
        (41 * TURN + 39, False),
        (HERE + 40 * TURN + 40, False),
        (40 * Symbol("n", "size").expr(), False),
    ],
)
def test_rows_at_a_distance_that_varies(gap, apart):
    """Only the run knows how far two rows of a buffer are from each other."""
    target = Buffer("output", ArrayType.of("f8", 4000))
    value = Number(1.0, np.dtype(float))
    rows = [Accumulate(Ref(target, o), "sum", value) for o in (HERE, HERE + gap)]
    loop = Loop(I, 0, 40, list(rows))
    mark_apart([Stage([Loop(K, 0, 9, [loop])])])
    assert loop.apart is apart
