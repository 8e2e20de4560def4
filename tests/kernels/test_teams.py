"""Turns of an outer loop in teams: shared rows come from far memory once for four turns."""

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.kernels.nest import Accumulate, Loop, Ref
from gradc.kernels.teams import NEAR, TURNS
from gradc.kernels.verify import problems
from gradc.kernels.walk import loads, statements
from gradc.options import Options
from tests.kernels.simulate import simulate


def unit_of(function, argnums, *args):
    transformed = gradc.compile(gradc.value_and_grad(function, argnums=argnums), unroll=0)
    unit = lower(transformed.artifact(*args).program, Options())
    assert list(problems(unit)) == []
    return unit


def against_numpy(function, argnums, *args):
    transformed = gradc.value_and_grad(function, argnums=argnums)
    got = gradc.compile(transformed, unroll=0)(*args)
    want = gradc.compile(transformed, unroll=0, backend="numpy")(*args)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-11)
    for a, b in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11)


def loops(unit):
    return [s for stage in unit.stages for s in statements(stage.body) if isinstance(s, Loop)]


def teams(unit):
    """Return the loops over teams: loops of the user's with four turns in one."""
    return [
        loop
        for loop in loops(unit)
        if loop.symbol.role == "team" or (loop.step == TURNS and loop.symbol.role != "index")
    ]


def nests(team):
    """Return the loops inside a loop over teams that hold a loop themselves."""
    return [
        s for s in team.body if isinstance(s, Loop) and any(isinstance(i, Loop) for i in s.body)
    ]


def traffic(loop):
    """Count the elements that one turn of an innermost loop reads, and those that it writes."""
    read = {ref for s in loop.body for ref in loads(s)}
    added = {s.target for s in loop.body if isinstance(s, Accumulate) and isinstance(s.target, Ref)}
    return len(read | added), len(added)


def operands(n, m, *more):
    rng = np.random.default_rng(n * m)
    shapes = [(n, m), (n, n), *more]
    return tuple(rng.standard_normal(shape) for shape in shapes)


def growing(A, C):
    C = C.copy()
    for i in range(A.shape[0]):
        C[i, : i + 1] *= 1.2
        for k in range(A.shape[1]):
            C[i, : i + 1] += 1.5 * A[i, k] * A[: i + 1, k]
    return np.sum(np.sin(C))


def shrinking(A, C):
    C = C.copy()
    n = A.shape[0]
    for i in range(n):
        for k in range(A.shape[1]):
            C[i, i:] += A[i, k] * A[i:, k]
    return np.sum(np.sin(C))


def downwards(A, C):
    C = C.copy()
    for i in range(A.shape[0] - 1, -1, -1):
        for k in range(A.shape[1]):
            C[i, : i + 1] += A[i, k] * A[: i + 1, k]
    return np.sum(np.sin(C))


def whole_rows(A, C):
    C = C.copy()
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            C[i] += np.tanh(A[i, k]) * A[:, k]
    return np.sum(np.sin(C))


PROGRAMS = [growing, shrinking, downwards, whole_rows]
SIZES = [(48, 96), (49, 96), (50, 97), (51, 100)]


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_values(program, n, m):
    assert 8 * n * m > NEAR
    against_numpy(program, (0, 1), *operands(n, m))


@pytest.mark.parametrize("program", PROGRAMS)
def test_loops_are_what_their_interpretation_says(program):
    args = operands(18, 250)
    unit = unit_of(program, (0, 1), *args)
    assert teams(unit)
    value, first, second = simulate(unit, args)
    want, grads = gradc.value_and_grad(program, argnums=(0, 1), backend="numpy")(*args)
    np.testing.assert_allclose(value, want, rtol=1e-11)
    np.testing.assert_allclose(first, grads[0], rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(second, grads[1], rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("program", PROGRAMS)
def test_shared_rows_are_read_once_for_four_turns(program):
    found = teams(unit_of(program, (0, 1), *operands(48, 96)))
    assert len(found) == 2
    adjoint = found[1]
    shared = max(nests(adjoint), key=lambda nest: len(nest.body))
    (inner,) = [s for s in shared.body if isinstance(s, Loop)]
    # A, its adjoint and four rows of each kind of the turns themselves, for eight multiply-adds
    assert traffic(inner) == (2 + 2 * TURNS, 1 + TURNS)


def test_turns_left_over_run_one_by_one():
    unit = unit_of(growing, (0, 1), *operands(50, 96))
    (value, _) = teams(unit)
    rest = next(one for one in loops(unit) if one is not value and one.start == value.stop)
    assert (rest.stop, rest.step) == (50, 1)


# where it stays as it is


def needs_the_row_before(A, C):
    C = C.copy()
    for i in range(1, A.shape[0]):
        for k in range(A.shape[1]):
            C[i, :i] += A[i, k] * A[:i, k] * C[i - 1, 0]
    return np.sum(np.sin(C))


def hands_on_a_row(A, C):
    row = A[0] * 1.0
    C = C.copy()
    for i in range(A.shape[0]):
        row = 0.5 * row + A[i]
        for k in range(A.shape[1]):
            C[i, : i + 1] += row[k] * A[: i + 1, k]
    return np.sum(np.sin(C))


def rows_that_others_wrote(A, C):
    A = A.copy()
    for i in range(A.shape[0]):
        A[i] += 0.1 * (C[i, :i] @ A[:i])
    return np.sum(np.sin(A))


@pytest.mark.parametrize("program", [needs_the_row_before, hands_on_a_row, rows_that_others_wrote])
def test_turns_that_need_each_other_stay_in_order(program):
    args = operands(48, 96)
    args = (args[0] / 20, args[1] / 20)
    assert teams(unit_of(program, (0,), *args)) == []
    against_numpy(program, (0, 1), *args)


def test_rows_that_are_near_anyway_stay():
    assert teams(unit_of(growing, (0, 1), *operands(32, 40))) == []
