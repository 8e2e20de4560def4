"""Loops and branches as loop-level programs: right, in place, independent of the trip count."""

import numpy as np
import pytest

from gradc.ir import Port, Program
from gradc.ir.interpret import interpret
from gradc.kernels.cost import count
from gradc.kernels.lower import lower
from gradc.kernels.nest import Buffer, Copy, Fill, Loop, Unit, While
from gradc.kernels.verify import verify
from gradc.kernels.walk import statements
from gradc.options import Options
from tests.emit.random_regions import N, random_program
from tests.kernels.region_corpus import CORPUS, Case, endless, loop, program
from tests.kernels.simulate import CheckFailed, simulate


def unit_of(case: Case) -> Unit:
    unit = lower(case.program, Options())
    verify(unit)
    return unit


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_values(case):
    unit = unit_of(case)
    expected = interpret(case.program.graph, *case.arguments)
    for want, have in zip(expected, simulate(unit, case.arguments), strict=True):
        assert (have.dtype, have.shape) == (want.dtype, want.shape)
        loose = 1e-5 if want.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(have, want, rtol=loose, atol=loose)


def inner(unit: Unit) -> list:
    """Return what stands inside the loops."""
    loops = [s for stage in unit.stages for s in stage.body if isinstance(s, Loop | While)]
    return [s for one in loops for s in statements(one.body)]


def case_of(name: str) -> Case:
    return next(case for case in CORPUS if case.name == name)


IN_PLACE = ["prefix", "suffix", "seidel", "lu", "lu_by_blocks", "triangular_solve", "jacobi"]
IN_PLACE += [
    "rows_swapped",
    "old_values_wanted_later",
    "branches_in_a_loop",
    "counting",
    "pointwise",
]


@pytest.mark.parametrize("name", IN_PLACE)
def test_no_array_is_copied_in_a_turn(name):
    assert not [s for s in inner(unit_of(case_of(name))) if isinstance(s, Copy | Fill)]


@pytest.mark.parametrize("name", ["seidel", "lu", "triangular_solve", "prefix", "pointwise"])
def test_a_carry_that_is_a_result_lives_there(name):
    unit = unit_of(case_of(name))
    assert not [buffer for buffer in unit.buffers if buffer.kind == "temporary"]
    assert unit.plan.arena_bytes == 0


def test_overlapping_slices_get_a_temporary_of_their_size_only():
    unit = unit_of(case_of("shifted"))
    (temporary,) = (buffer for buffer in unit.buffers if buffer.kind == "temporary")
    assert temporary.type.size == 8


def test_numbers_stay_locals():
    unit = unit_of(case_of("fibonacci"))
    assert {buffer.kind for buffer in unit.buffers} == {"input", "output"}


@pytest.mark.parametrize("name", ["whole_old_array", "stencil", "matrix_powers"])
def test_a_new_whole_array_is_copied_back(name):
    found = [s for s in inner(unit_of(case_of(name))) if isinstance(s, Copy)]
    assert found and all(isinstance(s.target, Buffer) for s in found)


def test_temporaries_that_grow_have_room_for_the_longest():
    unit = unit_of(case_of("padded_growing"))
    symbolic = [b for b in unit.buffers if not isinstance(b.type.size, int)]
    assert all(b.most >= 7 for b in symbolic)


def test_size_is_independent_of_the_turns():
    def turns(count):
        def f(x):
            return loop(count, [], [x], lambda i, x: [x * 0.5 + 1.0])

        unit = lower(program(f, (np.ones(4),)), Options())
        return sum(1 for stage in unit.stages for _ in statements(stage.body))

    assert turns(10) == turns(1_000_000)


def test_an_endless_loop_leaves_with_a_code():
    unit = unit_of(endless)
    with pytest.raises(CheckFailed):
        simulate(unit, endless.arguments)
    assert unit.failures[0][0] == "the loop runs more than 20 times"


def test_costs_multiply_the_turns():
    cost = count(unit_of(case_of("suffix")))
    assert (cost.stores, cost.flops) == (9 + 1, 9)
    assert count(unit_of(case_of("long_dots"))).flops > 70 * 35


def test_positions_of_wrong_data_leave_with_a_code():
    case = case_of("positions_of_data")
    unit = unit_of(case)
    with pytest.raises(CheckFailed):
        simulate(unit, (case.arguments[0], np.array([2, 0, 0, 9, 2, 1])))


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed):
    graph = random_program(seed)
    rng = np.random.default_rng(seed)
    arguments = (rng.uniform(-1, 1, N), rng.uniform(-1, 1, N), np.float64(0.3))
    inputs = tuple(Port(f"x{k}", graph[id].type) for k, id in enumerate(graph.inputs))
    outputs = tuple(Port(f"y{k}", graph[id].type, "result") for k, id in enumerate(graph.outputs))
    unit = lower(Program("random", graph, inputs, outputs), Options())
    verify(unit)
    expected = interpret(graph, *arguments)
    for want, have in zip(expected, simulate(unit, arguments), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-10, atol=1e-12)
