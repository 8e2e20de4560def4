"""Arrays made of no argument: which are told by a formula, and that it gives their very bits."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS

N = 12


def second_difference(n):
    return np.diag(np.full(n, -2.0)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)


def edged(shape, number, *boxes):
    array = np.full(shape, number)
    for place, values in boxes:
        array[place] = values
    return array


FORMULAS = {
    "eye": lambda n: np.eye(n),
    "scaled eye": lambda n: 0.1 * np.eye(n),
    "shifted eye": lambda n: np.eye(n, n + 3, 2),
    "eye of integers": lambda n: np.eye(n, dtype=np.int32),
    "eye of truth values": lambda n: np.eye(n, dtype=bool),
    "eye of singles": lambda n: np.eye(n, dtype=np.float32),
    "second difference": second_difference,
    "tri": lambda n: np.tri(n),
    "strictly lower": lambda n: np.tril(np.ones((n, n)), -1),
    "upper": lambda n: 2.5 * np.triu(np.ones((n, n + 2))),
    "mask": lambda n: np.triu(np.ones((n, n), dtype=bool), 1),
    "linspace": lambda n: np.linspace(-1.0, 2.0, n * n),
    "falling": lambda n: np.linspace(0.0, -3.0, n * n),
    "arange with a step": lambda n: np.arange(0.25, 0.25 + 0.5 * n * n, 0.5),
    "arange of integers": lambda n: np.arange(5, 5 + 3 * n * n, 3),
    "turned around": lambda n: np.arange(n * n)[::-1],
    "meshgrid": lambda n: np.meshgrid(np.arange(n), np.linspace(0.0, 1.0, n * n))[1],
    "tiled": lambda n: np.tile(np.array([1.0, -2.0, 5.0]), (n * n, 1)),
    "zeros": lambda n: np.zeros((n, n)),
    "minus zeros": lambda n: np.full((n, n), -0.0),
    "a number and one more": lambda n: np.concatenate([np.ones(2 * n * n), [2.0]]),
    "one corner": lambda n: edged((2 * n, 2 * n), np.inf, ((0, 0), 0.0)),
    "two edges": lambda n: edged(
        (2 * n, 3 * n), -0.0, (0, np.arange(3.0 * n)), ((slice(None), 0), -np.arange(2.0 * n))
    ),
    "all edges": lambda n: 1.0 - np.pad(np.ones((2 * n, 2 * n)), 1),
    "edges of a cube": lambda n: edged((n, n, n), 3, ((slice(None), -1), 7), (0, 5)),
    "a source": lambda n: edged((2 * n, 2 * n), 0.0, ((slice(5, 8), slice(6, 8)), 1.5)),
    "ends of the trapezoid rule": lambda n: edged(2 * n * n, 0.1, ([0, -1], 0.05)),
    "infinite": lambda n: np.where(np.eye(n) == 1, np.inf, 0.0),
}
TABLES = {
    "sines": lambda n: np.sin(np.arange(n * n)).reshape(n, n),
    "not a number": lambda n: np.where(np.eye(n) == 1, np.nan, 0.0),
    "eye with minus zeros": lambda n: np.where(np.eye(n) == 0, -0.0, 1.0),
    "eye but for one": lambda n: np.eye(n) + (np.arange(n * n).reshape(n, n) == 17),
    "other numbers on the diagonal": lambda n: np.diag(np.arange(1.0, n + 1)),
    "tri with a hole": lambda n: np.tri(n) * (np.arange(n * n).reshape(n, n) != n),
    "nearly a ramp": lambda n: np.where(np.arange(n * n) == 9, 9.0000001, np.arange(n * n)),
    "squares": lambda n: np.arange(n * n) ** 2,
    "two far elements": lambda n: edged((2 * n, 2 * n), 0.0, ([3, 20], 1.0)),
}


def text(make, n, backend="numpy"):
    compiled = gradc.compile(lambda x: x * make(n), backend=backend)
    return compiled.source(backend, np.float64(2.0))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [*FORMULAS, *TABLES])
def test_the_bits_are_those_of_the_array(name, backend):
    make = (FORMULAS | TABLES)[name]

    @gradc.compile(backend=backend)
    def same(x):
        return make(N) if make(N).dtype.kind != "f" else make(N) * x

    found, wanted = same(np.float64(1.0)), make(N)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape) or found.dtype == np.float64
    np.testing.assert_array_equal(found, wanted)
    if wanted.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_as_short_for_many_elements(name):
    make = FORMULAS[name]
    few, many = (len(text(make, n)) for n in (N, 4 * N))
    assert many <= 1.5 * few


@pytest.mark.parametrize("name", TABLES)
def test_other_arrays_are_stored(name):
    assert "table_" in text(TABLES[name], N)


def test_small_arrays_stay_tables():
    """Their zeros are known then, and products with them are unrolled."""
    assert "np.arange" not in text(np.eye, 3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_derivative_by_a_matrix_plus_a_multiple_of_the_identity(backend):
    def loss(scale, a):
        return np.sum(np.linalg.solve(a + scale * np.eye(N), np.ones(N)) ** 2)

    a = np.random.default_rng(3).standard_normal((N, N))
    a = a @ a.T
    gradc.check_grads(loss, (2.0, a), backend=backend)


def test_a_matrix_that_each_turn_multiplies_is_made_once():
    def diffuse(u):
        matrix = second_difference(N)
        for _ in range(20):
            u = u + 0.1 * (matrix @ u)
        return np.sum(u**2)

    lowered = gradc.grad(diffuse, backend="numpy").artifact(np.arange(float(N))).program.graph
    loops = [node for node in lowered.nodes if node.regions]
    assert len(loops) == 2
    for loop in loops:
        assert "contract" in {node.op.name for node in loop.regions[0].nodes}
        assert "select" not in {node.op.name for node in loop.regions[0].nodes}
