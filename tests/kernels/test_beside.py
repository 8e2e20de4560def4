"""Loops over recurrences that run beside each other go inside them; values stay."""

import importlib
from collections import Counter

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


def test_random_sweeps(monkeypatch):
    """By columns or element by element, backwards, shifted, added to; some nests are turned."""
    monkeypatch.setattr("gradc.kernels.columns.LEAST", 2)
    monkeypatch.setattr("gradc.kernels.interchange.WORTH", 2)
    seen = Counter[str]()
    _watch(monkeypatch, "gradc.kernels.beside.with_turns_inside", seen)
    _watch(monkeypatch, "gradc.kernels.columns._turned", seen)
    for seed in range(300):
        print("seed", seed)
        rng = np.random.default_rng(seed)
        rows, columns = (int(n) for n in rng.integers(5, 9, 2))
        program = _Sweeps(rng, rows, columns).program
        unit_of(program, *draw((rows, columns), (rows, columns)))
    assert seen["with_turns_inside"] >= 20
    assert seen["_turned"] >= 20


def _watch(monkeypatch: pytest.MonkeyPatch, where: str, seen: Counter[str]) -> None:
    """Count the calls of a function that find something."""
    module, name = where.rsplit(".", 1)
    plain = getattr(importlib.import_module(module), name)

    def watched(*arguments):
        found = plain(*arguments)
        seen[name] += found is not None
        return found

    monkeypatch.setattr(where, watched)


class _Sweeps:
    """Sweeps over two matrices and an argument, some turns of all of them."""

    def __init__(self, rng: np.random.Generator, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.by_columns = bool(rng.random() < 0.5)
        self.turns = int(rng.integers(1, 4))
        self.steps = [self._step(rng) for _ in range(int(rng.integers(1, 4)))]

    @staticmethod
    def _step(rng: np.random.Generator) -> dict:
        return {
            "target": int(rng.integers(2)),
            "sources": [
                (int(rng.integers(3)), int(rng.choice([0, 0, 1, 2])), int(rng.integers(3)))
                for _ in range(2)
            ],
            "into": add if rng.random() < 0.25 else put,
            "reverse": bool(rng.random() < 0.3),
            "back": bool(rng.random() < 0.25),
            "row": int(rng.integers(3)),
            "whole": bool(rng.random() < 0.15),
        }

    def program(self, x, y):
        first = x.graph.literal(0.0, x.dtype).broadcast_to((self.rows, self.columns))
        p, q = loop(self.turns, [x], [first, x * 2.0], self._turn, name="t")
        return [p * 1.5, q + y]

    def _turn(self, t, x, *arrays):
        for step in self.steps:
            if step["whole"]:
                mixed = arrays[1 - step["target"]] * 0.9 + x
                arrays = [mixed if k == step["target"] else a for k, a in enumerate(arrays)]
            else:
                arrays = (self._columns if self.by_columns else self._elements)(step, x, arrays)
        return arrays

    def _columns(self, step, x, arrays):
        length = self.rows - 2

        def down(row):
            return (row + length - 1, length, -1) if step["back"] else (row, length)

        def turn(j, x, *arrays):
            return self._written(step, [x, *arrays], lambda row, column: (down(row), j + column))

        return loop(self.columns - 2, [x], arrays, turn, name="j", reverse=step["reverse"])

    def _elements(self, step, x, arrays):
        def turn(i, x, *arrays):
            def inner(j, x, *arrays):
                return self._written(step, [x, *arrays], lambda row, col: (i + row, j + col))

            arrays = list(arrays)
            if step["back"]:
                target, edge = step["target"], (i + step["row"], 0)
                arrays[target] = put(arrays[target], get(x, i, 0), *edge)
            return loop(self.columns - 2, [x], arrays, inner, name="j", reverse=step["reverse"])

        return loop(self.rows - 2, [x], arrays, turn, name="i")

    @staticmethod
    def _written(step, given, place):
        parts = [get(given[k], *place(row, column)) * 0.4 for k, column, row in step["sources"]]
        made = given[1:]
        target = made[step["target"]]
        made[step["target"]] = step["into"](target, parts[0] + parts[1], *place(step["row"], 1))
        return made
