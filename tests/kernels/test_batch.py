"""Loops over a batch: straight bodies, small arrays as scalars, sixteen turns at once."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir.interpret import interpret
from gradc.kernels.lower import lower
from gradc.kernels.nest import LANES, Loop
from gradc.kernels.verify import verify
from gradc.kernels.walk import statements
from gradc.options import Options
from tests.kernels.region_build import draw, get, loop, program, put, zeros
from tests.kernels.simulate import simulate


def lowered(function, *arguments):
    """Lower a function and compare what the loops give with the interpreter."""
    made = program(function, arguments)
    unit = lower(made, Options())
    verify(unit)
    for want, have in zip(
        interpret(made.graph, *arguments), simulate(unit, arguments), strict=True
    ):
        np.testing.assert_allclose(have, want, rtol=1e-13)
    return unit


def batches(unit):
    """Return the loops over blocks of lanes."""
    every = [s for stage in unit.stages for s in statements(stage.body)]
    return [s for s in every if isinstance(s, Loop) and s.symbol.name == "batch"]


def temporaries(unit):
    return [b.name for b in unit.buffers if b.kind == "temporary"]


def rotated(n, work=4):
    """Return a program that turns rows of three numbers into rows of two."""

    def function(x):
        def turn(i, x, y):
            a, b = get(x, i, 0), get(x, i, 2)
            for _ in range(work):
                a, b = ops.sin(a) * b, ops.cos(a) + b
            pair = ops.concatenate(a.reshape((1,)), b.reshape((1,)), axis=0)
            return [put(y, pair, i, (0, 2))]

        return loop(n, [x], [zeros(x.graph, n, 2)], turn)

    return function


@pytest.mark.parametrize("n", [64, 70, 79])
def test_rows_in_lanes(n):
    unit = lowered(rotated(n), draw(n, 3))
    (batch,) = batches(unit)
    assert batch.step == LANES
    assert batch.stop == n - n % LANES
    _, computed, _ = batch.body
    assert all(isinstance(part, Loop) and part.stop == LANES for part in batch.body)
    assert all(name.endswith("_lanes") for name in temporaries(unit))
    assert len(computed.body) > 8


def test_few_turns_stay():
    assert not batches(lowered(rotated(63), draw(63, 3)))


def test_little_work_stays():
    assert not batches(lowered(rotated(64, work=0), draw(64, 3)))


def test_turns_that_depend_on_each_other_stay():
    def function(x):
        def turn(i, x, y):
            before = get(y, i, 1)
            for _ in range(4):
                before = ops.sin(before) * get(x, i, 0)
            return [put(y, before, i + 1, 1)]

        return loop(70, [x], [zeros(x.graph, 71, 2)], turn)

    assert not batches(lowered(function, draw(70, 3)))


def test_a_sum_over_the_turns_stays():
    def function(x):
        def turn(i, x, total):
            a = get(x, i, 0)
            for _ in range(4):
                a = ops.sin(a) * get(x, i, 1)
            return [total + a]

        return loop(70, [x], [x.graph.literal(0.0, np.dtype(float))], turn)

    assert not batches(lowered(function, draw(70, 3)))


def test_overlapping_writes_stay():
    """Turn i writes elements i and i + 1: the order of turns counts."""

    def function(x):
        def turn(i, x, y):
            a = get(x, i, 0)
            for _ in range(4):
                a = ops.sin(a) * get(x, i, 2)
            return [put(put(y, a, i, 0), a * a, i + 1, 0)]

        return loop(70, [x], [zeros(x.graph, 71, 1)], turn)

    assert not batches(lowered(function, draw(70, 3)))


def test_small_sums_and_products_of_a_turn():
    def function(x, w):
        def turn(i, x, w, y):
            row = get(x, i, (0, 5))
            hidden = ops.tanh(ops.contract(w, row, a_labels=(0, 1), b_labels=(1,), out_labels=(0,)))
            total = (hidden * hidden).sum([0])
            scaled = hidden * total.broadcast_to((3,))
            return [put(y, ops.sin(scaled), i, (0, 3))]

        return loop(80, [x, w], [zeros(x.graph, 80, 3)], turn)

    unit = lowered(function, draw(80, 5), draw(3, 5, seed=4))
    assert len(batches(unit)) == 1
    assert all(name.endswith("_lanes") for name in temporaries(unit))


def test_shared_elements_are_read_where_they_are():
    def function(x, w):
        def turn(i, x, w, y):
            a = get(x, i, 1)
            for k in range(4):
                a = ops.sin(a * get(w, k))
            return [put(y, a, i)]

        return loop(64, [x, w], [zeros(x.graph, 64)], turn)

    unit = lowered(function, draw(64, 3), draw(4))
    assert len(batches(unit)) == 1
    assert len(temporaries(unit)) == 1
