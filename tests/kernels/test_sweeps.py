"""Nests that write shifted boxes of one buffer run as one sweep, bit for bit as before."""

from collections.abc import Callable

import numpy as np
import pytest

from gradc.ir import Value
from gradc.ir.interpret import interpret
from gradc.kernels.boxes import box_of
from gradc.kernels.cost import count
from gradc.kernels.lower import lower
from gradc.kernels.nest import Accumulate, Loop, Store, Unit
from gradc.kernels.verify import verify
from gradc.kernels.walk import statements
from gradc.options import Options
from tests.kernels.region_build import add, get, loop, program, put
from tests.kernels.simulate import simulate


def unit_of(function: Callable[..., object], *arguments: np.ndarray) -> Unit:
    unit = lower(program(function, arguments), Options())
    verify(unit)
    return unit


def both(
    function: Callable[..., object], arguments: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> tuple[Unit, Unit]:
    """Return the unit as it is and with every nest alone, after comparing what they give."""
    joined = unit_of(function, *arguments)
    with monkeypatch.context() as patch:
        patch.setattr("gradc.kernels.schedule.join_sweeps", list)
        alone = unit_of(function, *arguments)
    found, expected = simulate(joined, arguments), simulate(alone, arguments)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(
        found, interpret(program(function, arguments).graph, *arguments), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-13)
    return joined, alone


def spread(n: int) -> Callable[[Value, Value], list[Value]]:
    """Add every inner element to its neighbours on both sides and to its own place."""

    def turn(i: object, x: Value, y: Value) -> list[Value]:
        for k, start in enumerate((0, 2, 1)):
            y = add(y, get(x, (1, n - 2)) * float(k + 2), (start, n - 2))
        return [y]

    return lambda x, y: loop(3, [x], [y], turn)


def test_three_additions_are_one_sweep(monkeypatch):
    rng = np.random.default_rng(1)
    joined, alone = both(spread(20), [rng.random(20), rng.random(20)], monkeypatch)
    (turn,) = (s for s in joined.stages[-1].body if isinstance(s, Loop))
    (sweep,) = (s for s in turn.body if isinstance(s, Loop))
    assert (sweep.start, sweep.stop) == (2, 18)
    assert len([s for s in turn.body if isinstance(s, Store | Accumulate)]) == 4
    assert count(joined).stores < 0.5 * count(alone).stores


def test_short_arrays_are_left_alone(monkeypatch):
    rng = np.random.default_rng(2)
    joined, _ = both(spread(6), [rng.random(6), rng.random(6)], monkeypatch)
    (turn,) = (s for s in joined.stages[-1].body if isinstance(s, Loop))
    loops = [s for s in turn.body if isinstance(s, Loop)]
    assert sum(len(one.body) for one in loops) == 3
    assert {(one.start, one.stop) for one in loops} == {(0, 4)}


def test_what_reads_between_keeps_its_place(monkeypatch):
    """A sum that reads the array half way sees half of the additions."""

    def turn(i, x, y, z):
        y = add(y, get(x, (1, 18)), (0, 18))
        z = z + y
        y = add(y, get(x, (1, 18)) * 3.0, (2, 18))
        return [y, z]

    rng = np.random.default_rng(3)
    arrays = [rng.random(20) for _ in range(3)]
    both(lambda x, y, z: loop(4, [x], [y, z], turn), arrays, monkeypatch)


@pytest.mark.parametrize("column", [False, True])
def test_additions_to_one_row_or_column_are_one_sweep(column, monkeypatch):
    """Each turn adds a row of values to three places of a row, or of a column."""

    def turn(i, x, y):
        for k, start in enumerate((0, 2, 1)):
            part = get(x, i, (1, 18)) * float(k + 2)
            y = add(y, part, *(((start, 18), i) if column else (i, (start, 18))))
        return [y]

    rng = np.random.default_rng(5)
    arrays = [rng.random((20, 20)), rng.random((20, 20))]
    joined, alone = both(lambda x, y: loop(20, [x], [y], turn), arrays, monkeypatch)
    assert count(joined).stores < 0.6 * count(alone).stores


@pytest.mark.parametrize("seed", range(60))
def test_random_writes(seed, monkeypatch):
    """Additions and writes to random boxes of two arrays that read each other and a third."""
    monkeypatch.setattr("gradc.kernels.sweeps.THIN", 2)
    rng = np.random.default_rng(seed)
    print("seed", seed)
    rank = int(rng.integers(1, 4))
    sides = [int(n) for n in rng.integers(5, 9, rank)]
    thin = rng.random() < 0.3
    steps = [_step(rng, sides, thin=thin) for _ in range(int(rng.integers(2, 9)))]

    def turn(i, x, *arrays):
        arrays = list(arrays)
        for target, source, where, shown, adds in steps:
            part = get((x, *arrays)[source], *shown) * 0.25
            arrays[target] = (add if adds else put)(arrays[target], part, *where)
        return arrays

    arguments = [rng.random(sides) for _ in range(3)]
    both(lambda x, y, z: loop(2, [x], [y, z], turn), arguments, monkeypatch)


def _step(
    rng: np.random.Generator, sides: list[int], *, thin: bool
) -> tuple[int, int, list, list, bool]:
    """Draw one write; where they are ``thin`` all of them are as long as one along an axis."""
    short = rng.random() < 0.3
    lengths = [int(rng.integers(1 if short else n - 3, n + 1)) for n in sides]
    lengths[-1] = 1 if thin and len(sides) > 1 else lengths[-1]
    where, shown = (
        [(int(rng.integers(0, n - k + 1)), k) for n, k in zip(sides, lengths, strict=True)]
        for _ in range(2)
    )
    return int(rng.integers(2)), int(rng.integers(3)), where, shown, bool(rng.random() < 0.7)


def test_boxes_are_read_in_the_coordinates_of_their_buffer():
    def turn(i, x, y):
        return [add(y, get(x, (1, 9), (2, 8)), (3, 9), (0, 8))]

    rng = np.random.default_rng(4)
    unit = unit_of(lambda x, y: loop(2, [x], [y], turn), rng.random((12, 10)), rng.random((12, 10)))
    (turns,) = (s for s in unit.stages[-1].body if isinstance(s, Loop))
    (box,) = (box for s in turns.body if (box := box_of(s)))
    assert box.ranges == ((3, 12), (0, 8))
    (read,) = (s.value for s in statements(box.body) if isinstance(s, Accumulate))
    assert str(box.ref.offset) == "10*i + j"
    assert str(read.ref.offset) == "-18 + 10*i + j" or str(read.ref.offset) == "10*i + j - 18"


def test_rows_that_nobody_writes_are_left_out(monkeypatch):
    """The first rows twice, the last rows twice, nothing between them."""

    def turn(i, x, y):
        for row, column in ((0, 0), (0, 2), (19, 0), (19, 2)):
            y = add(y, get(x, (row, 1), (1, 28)) * 2.0, (row, 1), (column, 28))
        return [y]

    rng = np.random.default_rng(8)
    both(lambda x, y: loop(2, [x], [y], turn), [rng.random((20, 30)) for _ in "xy"], monkeypatch)
