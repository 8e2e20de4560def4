"""Which loops threads share: those that do enough work, and whose turns are independent."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import ops
from gradc.ir import Slice, Symbol
from gradc.kernels import threads
from gradc.kernels.independent import count_uses, sums_between_turns
from gradc.kernels.lower import lower
from gradc.kernels.nest import Buffer, Loop, Stmt, Unit
from gradc.kernels.verify import verify
from gradc.kernels.walk import statements
from gradc.options import Options
from tests.emit.c_units import Maker, load, number, store
from tests.kernels.build import check, part, program_of
from tests.kernels.simulate import simulate
from tests.large_programs import CORPUS

ROW, COLUMN = Symbol("i", "index"), Symbol("j", "index")


def shared(unit: Unit) -> list[Loop]:
    return [
        s
        for stage in unit.stages
        for s in statements(stage.body)
        if isinstance(s, Loop) and s.chunk
    ]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads share small loops, so that tests are quick."""
    monkeypatch.setattr(threads, "LEAST_WORK", 60)
    monkeypatch.setattr(threads, "CHUNK_WORK", 12)
    monkeypatch.setattr(threads, "FEW_TURNS", 2)


def sums(body: list[Stmt], start: int = 0, stop: int = 20) -> Any:
    loop = Loop(ROW, start, stop, body)
    return sums_between_turns(loop, {}, count_uses([loop]))


def made() -> tuple[Buffer, Buffer, Buffer]:
    maker = Maker()
    return (
        maker.input("x", "f8", 20, 20),
        maker.output("y", "f8", 20, 20),
        maker.temporary("z", "f8", 20),
    )


# turns that depend on each other, and turns that do not


def test_each_turn_writes_its_own_row():
    x, y, _ = made()
    row = ROW.expr() * 20 + COLUMN.expr()
    found = sums([Loop(COLUMN, 0, 20, [store(y, row, load(x, row - 20))])], 1)
    assert found is not None
    assert not found.adds
    assert not found.scratch


@pytest.mark.parametrize("shift", [-20, 20, -1, 1])
def test_a_turn_reads_what_another_one_writes(shift: int):
    _, y, _ = made()
    row = ROW.expr() * 20 + COLUMN.expr()
    body = [Loop(COLUMN, 1, 19, [store(y, row, load(y, row + shift))])]
    assert (sums(body, 1, 19) is None) == (abs(shift) == 20)


def test_rows_of_another_parity():
    """Windows overlap, but no element is met twice: what only the systems can tell."""
    _, y, _ = made()
    assert sums([store(y, ROW.expr() * 2, load(y, ROW.expr() * 2 + 1))]) is not None
    assert sums([store(y, ROW.expr() * 2, load(y, ROW.expr() * 2 + 2))]) is None


def test_writes_that_go_backwards():
    _, y, _ = made()
    assert sums([store(y, 19 - ROW.expr(), number(1.0))]) is not None
    assert sums([store(y, ROW.expr() * 0 + 3, number(1.0))]) is None


def test_positions_that_are_data():
    x, y, _ = made()
    at = load(x, ROW.expr())
    assert sums([store(y, 0, number(1.0))]) is None
    gathered = store(y, 0, number(1.0))
    gathered.ref = type(gathered.ref)(y, 0, ((at, 1),))
    assert sums([gathered]) is None


def test_memory_that_each_turn_fills_anew():
    x, y, z = made()
    fill = Loop(COLUMN, 0, 20, [store(z, COLUMN.expr(), load(x, ROW.expr() * 20 + COLUMN.expr()))])
    use = Loop(
        COLUMN, 0, 20, [store(y, ROW.expr() * 20 + COLUMN.expr(), load(z, 19 - COLUMN.expr()))]
    )
    found = sums([fill, use])
    assert found is not None
    assert found.scratch == [z]


def test_memory_that_grows_with_the_turns_is_no_scratch():
    x, y, z = made()
    grow = Loop(COLUMN, 0, ROW.expr() + 1, [store(z, COLUMN.expr(), load(x, COLUMN.expr()))])
    use = store(y, ROW.expr(), load(z, 0))
    assert sums([grow, use]) is None


def test_memory_that_somebody_reads_later_is_no_scratch():
    x, _, z = made()
    fill = Loop(COLUMN, 0, 20, [store(z, COLUMN.expr(), load(x, ROW.expr() * 20 + COLUMN.expr()))])
    loop = Loop(ROW, 0, 20, [fill])
    later = store(z, 0, load(z, 1))
    assert sums_between_turns(loop, {}, count_uses([loop, later])) is None


# programs


@pytest.mark.parametrize("name", CORPUS)
def test_loops_that_are_shared(name: str):
    one = CORPUS[name]
    f = gradc.compile(one.function) if one.plain else gradc.value_and_grad(one.function)
    unit = lower(f.artifact(*one.arguments).program, Options())
    assert len(shared(unit)) == one.shared
    verify(unit)


def test_the_threshold_is_one_of_work():
    def f(x):
        return ops.sin(x) * 2.0

    few = threads.LEAST_WORK // 40
    assert not shared(lower(program_of(f, [np.zeros(few)]), Options()))
    assert len(shared(lower(program_of(f, [np.zeros(40 * few)]), Options()))) == 1


@pytest.mark.parametrize("turns", [10, 1000])
def test_what_is_done_once_beside_a_loop_over_time_is_not_shared(turns: int):
    """Two copies, a fill and a sum of the whole grid are no more than two of its turns."""

    def smoothed(x):
        y = x.copy()
        for _ in range(turns):
            y[1:-1] = 0.3 * (y[2:] + y[:-2]) + 0.4 * x[1:-1] * np.exp(-y[1:-1])
        return np.sum(y * y)

    x = np.ones((1500, 700))
    unit = lower(gradc.value_and_grad(smoothed).artifact(x).program, Options())
    stages = [s for stage in unit.stages for s in stage.body]
    alone = [s for s in stages if isinstance(s, Loop) and s.chunk]
    assert alone == []
    assert len(shared(unit)) >= 2


def test_many_sweeps_of_the_same_size_are_all_shared():
    def swept(*arrays):
        return tuple(ops.exp(x) for x in arrays)

    count = 2 * threads.REST
    unit = lower(program_of(swept, [np.zeros(40_000 + k) for k in range(count)]), Options())
    assert count - 2 <= len(shared(unit)) <= count


def test_the_option_changes_no_loop():
    program = program_of(ops.exp, [np.zeros(100_000)])
    texts = {str(lower(program, Options(threads=n)).stages[0].body[0].chunk) for n in (1, 2, 7)}
    assert len(texts) == 1


SMALL: dict[str, Callable[..., Any]] = {
    "map": lambda x: ops.exp(x) * 2.0,
    "total": lambda x: (x * x).sum(),
    "columns": lambda x: ops.exp(x).sum(axes=(0,)),
    "rows": lambda x: ops.exp(x).sum(axes=(1,)),
    "extremes": lambda x: (ops.reduce_max(x, axes=(0,)), ops.reduce_min(x * 2.0, axes=(0, 1))),
    "edges": lambda x: part(x, Slice(1, 6), Slice(0, 23)) - part(x, Slice(0, 6), Slice(0, 23)),
}


@pytest.mark.parametrize("rows", [7, 16, 33, 61])
@pytest.mark.parametrize("name", SMALL)
def test_chunks_in_any_order(eager: None, name: str, rows: int):
    """The simulator runs chunks from the last to the first."""
    x = np.random.default_rng(rows).standard_normal((rows, 23))
    assert shared(check(SMALL[name], x))


def test_zeros_keep_their_sign(eager: None):
    """Sums in chunks start from what adds nothing, not even a sign."""

    def columns(x):
        return x.sum(axes=(0,))

    for x in (np.full((40, 9), -0.0), np.zeros((40, 9))):
        program = program_of(columns, [x])
        (found,) = simulate(lower(program, Options()), [x])
        want = sum(x, start=np.zeros(9))
        np.testing.assert_array_equal(np.signbit(found), np.signbit(want))
