"""Corpus: loops and branches as functions, with trees as carries, nested and in each other."""

from typing import Any, NamedTuple

import numpy as np

import gradc
from tests.programs import normals, program


class Pair(NamedTuple):
    place: Any
    speed: Any


@program(normals(5))
def fixed_turns(x):
    return gradc.loop(0, 60, lambda i, h: 0.5 * np.sin(h) + x * i, x)


@program(normals(4))
def turns_that_use_the_index(x):
    return gradc.loop(1, 50, lambda i, h: h + x[i % 4] / (1.0 + i), 0.5)


@program(normals(6))
def no_turn_at_all(x):
    return gradc.loop(3, 3, lambda i, h: h * 2.0, x) * x


@program(lambda r: (r.standard_normal(4), np.int64(7)))
def turns_from_an_argument(x, n):
    return gradc.loop(0, n, lambda i, h: 0.5 * h * x + 1.0, x)


@program(normals((6, 6)))
def loops_in_loops(a):
    def column(i, s):
        return gradc.loop(0, i, lambda j, s: s + np.tanh(a[i, j]) * s, s)

    return gradc.loop(0, 6, column, a[0, 0])


@program(normals(3, 3))
def oscillator(x, v):
    def step(i, s):
        speed = s.speed - 0.05 * np.sin(s.place)
        return Pair(s.place + 0.05 * speed, speed)

    end = gradc.loop(0, 80, step, Pair(x, v))
    return end.place * end.speed


@program(lambda r: (r.uniform(2.0, 9.0, 3),), "real")
def halve_until_small(x):
    def test(s):
        return s["x"] @ s["x"] > 0.1

    def turn(s):
        return {"x": s["x"] * 0.5, "n": s["n"] + 1, "sum": s["sum"] + np.sum(s["x"] ** 3)}

    end = gradc.while_loop(test, turn, {"x": x, "n": 0, "sum": 0.0})
    return end["sum"] * end["n"], end["x"]


@program(lambda r: (r.uniform(1.0, 5.0, 2),), "real")
def newton_root(a):
    def turn(s):
        x, _ = s
        return x - (x**3 - a) / (3.0 * x**2), x

    return gradc.while_loop(lambda s: np.max(np.abs(s[0] - s[1])) > 1e-9, turn, (a, 2 * a))[0]


@program(normals(5), "real")
def branch_of_trees(x):
    def big(v):
        return {"a": np.exp(v), "b": (v[0], v[1:])}

    def small(v):
        return {"a": np.cos(v), "b": (v[1] * 2.0, v[:-1] ** 2)}

    return gradc.cond(np.sum(x) > 0.3, big, small, x)


@program(normals(5), "real")
def branch_in_a_loop(x):
    def turn(i, s):
        return gradc.cond(s > 1.0, lambda s: s * 0.5, lambda s: s + x[i % 5] ** 2, s)

    return gradc.loop(0, 40, turn, x[0])


@program(normals(5))
def branch_known_while_recording(x):
    return gradc.cond(x.ndim == 1, lambda v: v * 2.0, lambda v: v[0], x)


@program(normals((30, 3), 3, (3, 3)))
def recurrent_cells(xs, h, w):
    def cell(h, x):
        h = np.tanh(w @ h + x)
        return h, (h @ x, h)

    return gradc.scan(cell, h, xs)


@program(normals((20, 2), 20))
def scan_of_a_tree(a, b):
    def turn(s, row):
        total = s["total"] + np.sum(row["a"]) * row["b"]
        return {"total": total, "last": row["a"]}, {"here": total * total}

    return gradc.scan(turn, {"total": 0, "last": 0.0 * a[0]}, {"a": a, "b": b})


@program(normals(3))
def scan_without_arrays(x):
    return gradc.scan(lambda s, _: (0.9 * s + x, s), x, length=25)


@program(normals((6, 4)))
def scan_in_a_scan(a):
    def row(s, x):
        end, parts = gradc.scan(lambda t, y: (t * 0.5 + y, t * y), s, x)
        return end, np.sum(parts)

    return gradc.scan(row, 0.1, a)
