"""Loops over recurrences that run beside each other go inside them; values stay."""

import numpy as np
import pytest

from gradc import ops
from gradc.kernels.nest import Loop, Unit
from gradc.kernels.walk import statements
from tests.kernels.region_build import add, get, loop, put
from tests.kernels.test_columns import across, draw, matrices, unit_of

N = 20


def nests(unit: Unit) -> list[tuple[str, str]]:
    """Return the symbols of pairs of loops, one in the other."""
    return [
        (s.symbol.name, inner.symbol.name)
        for stage in unit.stages
        for s in statements(stage.body)
        if isinstance(s, Loop)
        for inner in s.body
        if isinstance(inner, Loop)
    ]


def rows_of(step, first):
    """Sweep each row i of a matrix of zeros from ``first`` on, element j + 1 from element j."""

    def program(x, y):
        def turn(i, x, y, q):
            def inner(j, x, y, q):
                return [put(q, step(i, j, x, y, q), i, j + 1)]

            q = put(q, first(i, x, q), i, 0)
            return loop(N - 1, [x, y], [q], inner, name="j")

        blank = x.graph.literal(0.0, x.dtype).broadcast_to((N, N))
        (q,) = loop(N, [x, y], [blank], turn, name="i")
        return [ops.exp(get(q, (0, N), N - 1))]

    return program


def test_a_loop_over_recurrences_goes_inside():
    step = rows_of(
        lambda i, j, x, y, q: get(q, i, j) * get(x, j, i) + get(y, j + 1, i),
        lambda i, x, q: get(x, 0, i),
    )
    lowered = unit_of(step, *draw((N, N), (N, N)))
    assert ("j", "i") in nests(lowered)
    assert ("i", "j") not in nests(lowered)
    assert across(lowered) == 0
    assert len(matrices(lowered)) == 1


def test_rows_that_depend_on_each_other_stay():
    def program(x, y):
        def turn(i, y, q):
            def inner(j, y, q):
                return [put(q, get(q, i + 1, j) * 0.5 + get(q, i, j + 1) * 0.25, i + 1, j + 1)]

            return loop(N - 1, [y], [q], inner, name="j")

        (q,) = loop(N - 1, [y], [x * 2.0], turn, name="i")
        return [ops.exp(get(q, (0, N), N - 1))]

    assert ("j", "i") not in nests(unit_of(program, *draw((N, N), (N, N))))


def test_sums_are_no_recurrences():
    """An inner loop that adds to one element stays innermost."""

    def program(x, y):
        def turn(i, x, q):
            return loop(N, [x], [q], lambda j, x, q: [add(q, ops.sin(get(x, i, j)), i)], name="j")

        (q,) = loop(N, [x], [get(y, 0, (0, N)) * 2.0], turn, name="i")
        return [ops.exp(q)]

    assert ("i", "j") in nests(unit_of(program, *draw((N, N), (N, N))))


@pytest.mark.parametrize("seed", range(60))
def test_random_sweeps(seed, monkeypatch):
    """Two inner loops that read and write two matrices, some rows of others, some backwards."""
    monkeypatch.setattr("gradc.kernels.columns.LEAST", 2)
    monkeypatch.setattr("gradc.kernels.interchange.WORTH", 2)
    rng = np.random.default_rng(seed)
    print("seed", seed)
    n = int(rng.integers(5, 8))
    plans = [_plan(rng) for _ in range(int(rng.integers(1, 4)))]

    def turn(i, x, *arrays):
        arrays = list(arrays)
        for plan in plans:
            if plan["edge"]:
                arrays[0] = put(arrays[0], get(x, i + 1, 0), i + 1, 0)
            arrays = _swept(n, plan, i, x, arrays)
        return arrays

    def program(x, y):
        made = loop(n - 2, [x], [x * 2.0, y * 1.5], turn, reverse=bool(seed % 3 == 0))
        return [made[0] * 1.5, made[1] + y]

    unit_of(program, *draw((n, n), (n, n)))


def _plan(rng: np.random.Generator) -> dict:
    return {
        "edge": bool(rng.random() < 0.5),
        "reverse": bool(rng.random() < 0.3),
        "target": int(rng.integers(2)),
        "sources": [
            (int(rng.integers(3)), int(rng.choice([0, 1, 1, 1, 2])), int(rng.integers(3)))
            for _ in range(2)
        ],
        "turned": bool(rng.random() < 0.4),
        "adds": bool(rng.random() < 0.3),
    }


def _swept(n, plan, i, x, arrays):
    """Add an inner loop; a place is a shift of the row and one of the column."""

    def inner(j, x, *arrays):
        arrays = list(arrays)
        value = None
        for source, row, column in plan["sources"]:
            place = (j + column, i + row) if plan["turned"] else (i + row, j + column)
            part = get([x, *arrays][source], *place) * 0.5
            value = part if value is None else value + part
        place = (j + 1, i + 1) if plan["turned"] else (i + 1, j + 1)
        into = add if plan["adds"] else put
        arrays[plan["target"]] = into(arrays[plan["target"]], value, *place)
        return arrays

    return loop(n - 2, [x], arrays, inner, name="j", reverse=plan["reverse"])
