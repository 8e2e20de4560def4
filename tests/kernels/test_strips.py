"""Loops over time of long vectors are run strip by strip where elements never meet."""

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.kernels.nest import Fill, Loop
from gradc.kernels.verify import problems
from gradc.kernels.walk import statements
from gradc.options import Options

N, TURNS = 4096 + 48, 12
KEPT = {"unroll": 0}


def paths(s, z):
    log, total = np.log(s) + np.zeros(z.shape[1]), np.zeros(z.shape[1])
    for t in range(z.shape[0]):
        log = log + 0.01 + s * z[t]
        total = total + np.exp(log)
    return np.mean(np.maximum(total - 13.0, 0.0))


def final_state(s, z):
    x, v = z[0] * 1.0, z[1] * s
    for t in range(z.shape[0]):
        v = v - 0.1 * np.sin(x)
        x = x + 0.1 * v + z[t]
    return x * v


def growing_step(s, z):
    x, step = z[0] * s, 0.01
    for t in range(z.shape[0]):
        x = x + step * np.cos(x * z[t])
        step = step * 1.1
    return np.sum(x * x) + step


def history(s, z):
    x, kept = z[0] * s, np.zeros_like(z)
    for t in range(z.shape[0]):
        x = np.tanh(x + z[t])
        kept[t] = x
    return kept


def running_cost(s, z):
    x, cost = z[0] * s, 0.0
    for t in range(z.shape[0]):
        x = x * 0.9 + np.sin(z[t])
        cost = cost + np.sum(x * x)
    return cost


STRIPPED = [paths, final_state, growing_step, history, running_cost]


def neighbours(s, z):
    x = z[0] * s
    for t in range(z.shape[0]):
        y = x * 0.5 + z[t]
        x = y + np.concatenate((y[1:], y[:1]))
    return np.sum(x)


def centred(s, z):
    x = z[0] * s
    for t in range(z.shape[0]):
        x = np.sin(x + z[t]) - np.mean(x)
    return np.sum(x)


def squared_cost(s, z):
    x, cost = z[0] * s, 1.0
    for t in range(z.shape[0]):
        x = np.cos(x + z[t])
        cost = cost * np.sum(x)
    return cost * 1e-20


MEETING = [neighbours, centred, squared_cost]


def arguments(n):
    return np.array(0.7), np.random.default_rng(n).standard_normal((TURNS, n)) * 0.3


def units(function, n, *, primal=False):
    args = arguments(n)
    made = function if primal else scalar(function)
    transformed = gradc.compile(made, **KEPT) if primal else gradc.value_and_grad(made, **KEPT)
    unit = lower(transformed.artifact(*args).program, Options())
    assert list(problems(unit)) == []
    return unit


def scalar(function):
    def loss(s, z):
        return np.sum(function(s, z) * 0.5)

    return loss


def strips(unit):
    return [s for st in unit.stages for s in statements(st.body) if is_strip(s)]


def is_strip(statement):
    return isinstance(statement, Loop) and statement.symbol.name == "strip"


@pytest.mark.parametrize("n", [N, 4099, 5000])
@pytest.mark.parametrize("function", STRIPPED, ids=lambda f: f.__name__)
def test_values(function, n):
    args = arguments(n)
    want = gradc.value_and_grad(scalar(function), argnums=(0, 1), backend="numpy", **KEPT)(*args)
    got = gradc.value_and_grad(scalar(function), argnums=(0, 1), **KEPT)(*args)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-12)
    for a, b in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(
        gradc.compile(function, **KEPT)(*args), function(*args), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("function", STRIPPED, ids=lambda f: f.__name__)
def test_gradient_is_one_sweep(function):
    unit = units(function, N)
    assert len(strips(unit)) == (2 if function is history else 1)
    inside = {id(s) for one in strips(unit) for s in statements([one])}
    long = [
        s
        for stage in unit.stages
        for s in statements(stage.body)
        if isinstance(s, Loop) and s.stop == N and id(s) not in inside
    ]
    assert not long
    assert all(s.apart for one in strips(unit) for s in statements([one]) if innermost(s))


def innermost(statement):
    return isinstance(statement, Loop) and not any(
        isinstance(s, Loop) for s in statements(statement.body)
    )


def test_tape_shrinks_to_a_strip():
    small, large = (units(paths, n).plan.arena_bytes for n in (64000, 640000))
    assert small == large  # of as many strips as there are chunks for threads
    assert large < 640000 * 8 // 4


@pytest.mark.parametrize("function", MEETING, ids=lambda f: f.__name__)
def test_elements_that_meet_stay_together(function):
    assert not strips(units(function, N))
    args = arguments(N)
    want = gradc.value_and_grad(function, backend="numpy", **KEPT)(*args)
    got = gradc.value_and_grad(function, **KEPT)(*args)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-11)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-9)


def test_short_vectors_stay_whole():
    assert not strips(units(paths, 128))


def test_no_fill_of_a_whole_vector_is_left():
    fills = [s for st in units(paths, N).stages for s in statements(st.body) if isinstance(s, Fill)]
    assert all(s.buffer.type.size < N * TURNS for s in fills)
