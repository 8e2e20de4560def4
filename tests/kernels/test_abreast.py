"""Four turns of an outer loop at once: what they share is read and written once for them."""

import numpy as np
import pytest

import gradc
from gradc.kernels.abreast import TURNS
from gradc.kernels.lower import lower
from gradc.kernels.nest import Accumulate, Lane, Loop, Ref
from gradc.kernels.verify import problems
from gradc.kernels.walk import loads, statements
from gradc.options import Options


def unit_of(function, argnums, *args):
    transformed = gradc.value_and_grad(function, argnums=argnums)
    unit = lower(transformed.artifact(*args).program, Options())
    assert list(problems(unit)) == []
    return unit


def against_numpy(function, argnums, *args):
    got = gradc.value_and_grad(function, argnums=argnums)(*args)
    want = gradc.value_and_grad(function, argnums=argnums, backend="numpy")(*args)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-11)
    for a, b in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def abreast(unit):
    """Return the loops over four turns that hold an inner loop."""
    return [
        s
        for stage in unit.stages
        for s in statements(stage.body)
        if isinstance(s, Loop) and s.step == TURNS and any(isinstance(i, Loop) for i in s.body)
    ]


def innermost(loop):
    """Return the innermost loops inside a loop."""
    inside = [s for s in statements(loop.body) if isinstance(s, Loop)]
    return [s for s in inside if not any(isinstance(i, Loop) for i in s.body)]


def traffic(loop):
    """Count the references to memory in one turn: those that are read, those that are written."""
    read = {ref for s in loop.body for ref in loads(s)}
    added = {s.target for s in loop.body if isinstance(s, Accumulate) and isinstance(s.target, Ref)}
    return len(read | added), len(added)


# rows of a triangle


def products_of_rows(A, C):
    C = C.copy()
    n, m = A.shape
    for i in range(n):
        C[i, : i + 1] *= 1.2
        for k in range(m):
            C[i, : i + 1] += 1.5 * A[i, k] * A[: i + 1, k]
    return np.sum(np.sin(C))


def operands(n, m):
    rng = np.random.default_rng(n * m)
    return rng.standard_normal((n, m)), rng.standard_normal((n, n))


@pytest.mark.parametrize(("n", "m"), [(41, 48), (16, 17), (50, 150), (20, 98), (7, 33), (43, 49)])
def test_values(n, m):
    against_numpy(products_of_rows, (0, 1), *operands(n, m))


def test_shared_rows_are_touched_once_for_four():
    value, adjoint = abreast(unit_of(products_of_rows, (0, 1), *operands(20, 98)))
    (lanes, rest) = innermost(value)
    for loop in (lanes, rest):
        assert len(loop.body) == TURNS
        assert all(isinstance(s.target, Lane) for s in loop.body)
        assert traffic(loop) == (TURNS + 1, 0)
    (both,) = innermost(adjoint)
    assert traffic(both) == (2 * TURNS + 2, TURNS + 1)
    assert both.apart


def test_turns_left_over_are_the_loop_as_it_was():
    unit = unit_of(products_of_rows, (0, 1), *operands(20, 98))
    for stage in unit.stages:
        for outer in (s for s in statements(stage.body) if isinstance(s, Loop)):
            for place, loop in enumerate(outer.body):
                if isinstance(loop, Loop) and loop.step == TURNS:
                    after = outer.body[place + 1]
                    assert isinstance(after, Loop)
                    assert (after.start, after.step) == (loop.stop, 1)


# where it stays as it is


def each_row_needs_the_last(A):
    A = A.copy()
    for i in range(1, A.shape[0]):
        A[i] += 0.5 * np.sum(A[i - 1] * A[i]) * A[0]
    return np.sum(A)


def short_rows(A, x):
    return np.sum(np.sin(A @ x))


@pytest.mark.parametrize(
    ("function", "shapes"),
    [(each_row_needs_the_last, [(40, 50)]), (short_rows, [(100, 7), (7,)])],
)
def test_others_stay(function, shapes):
    rng = np.random.default_rng(3)
    args = [rng.standard_normal(shape) / 10 for shape in shapes]
    argnums = tuple(range(len(args)))
    assert abreast(unit_of(function, (0,), *args)) == []
    against_numpy(function, argnums, *args)


@pytest.mark.parametrize("m", [7, 8, 9, 11, 64])
@pytest.mark.parametrize("n", [16, 40, 151])
def test_matrix_and_vector(m, n):
    rng = np.random.default_rng(m * n)
    A, x = rng.standard_normal((m, n)), rng.standard_normal(n)
    against_numpy(short_rows, (0, 1), A, x)
