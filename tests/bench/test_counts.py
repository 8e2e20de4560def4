"""What the programs of the measuring kit cost, counted: loops over memory, bytes, lines.

Times vary with the machine; these do not.  A number that grows says that fusion got worse.
"""

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.kernels.nest import Loop
from gradc.kernels.walk import loads, statements
from gradc.options import Options

RNG = np.random.default_rng(0)


def logistic(w, X, y, lam):
    m = y * (X @ w)
    loss = np.maximum(-m, 0.0) + np.log1p(np.exp(-np.abs(m)))
    return np.mean(loss) + 0.5 * lam * np.sum(w * w)


def call_option(S0, K, sigma, Z):
    vol = sigma * np.sqrt(1.0 / Z.shape[0])
    log_s = np.log(S0) + np.zeros(Z.shape[1])
    total = np.zeros(Z.shape[1])
    for t in range(Z.shape[0]):
        log_s = log_s + vol * Z[t]
        total = total + np.exp(log_s)
    return np.mean(np.maximum(total / Z.shape[0] - K, 0.0))


def recurrent(weights, seq):
    h = [np.zeros(seq.shape[1]) for _ in range(2)]
    loss = 0.0
    for t in range(seq.shape[0] - 1):
        x = seq[t]
        for k in range(2):
            h[k] = np.tanh(x * weights[k, 0] + h[k] * weights[k, 1] + weights[k, 2])
            x = h[k]
        loss = loss + np.sum((x - seq[t + 1]) ** 2)
    return loss


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def market(paths, steps=64):
    numbers = (np.array(v) for v in (100.0, 98.0, 0.25))
    return (*numbers, RNG.standard_normal((steps, paths)))


def examples(rows, columns=100):
    X = RNG.standard_normal((rows, columns))
    return RNG.standard_normal(columns), X, RNG.choice([-1.0, 1.0], rows), np.array(0.1)


def sequence(turns):
    return RNG.standard_normal((2, 3, 14)), RNG.standard_normal((turns, 14))


CASES = {
    "logistic": (logistic, (0,), examples(10_000)),
    "call_option": (call_option, (0, 1, 2), market(100_000)),
    "recurrent": (recurrent, (0,), sequence(1024)),
    "rosenbrock": (rosenbrock, (0,), (RNG.standard_normal(100_000),)),
}

SWEEPS = {"logistic": 3, "call_option": 1, "recurrent": 2, "rosenbrock": 2}
"""Outermost loops over the largest argument: the main one, and others for what is left over."""

ARENA = {
    "logistic": 2 * 8 * 10_000 + 4096,
    "call_option": 1 << 16,
    "recurrent": 2 * 8 * 14 * 1024 + (1 << 13),
    "rosenbrock": 1 << 6,
}
"""Most bytes of scratch memory."""


def artifact(name):
    function, argnums, args = CASES[name]
    return gradc.value_and_grad(function, argnums=argnums).artifact(*args)


@pytest.mark.parametrize("name", CASES)
def test_sweeps(name):
    unit = lower(artifact(name).program, Options())
    largest = max((b for b in unit.buffers if b.kind == "input"), key=lambda b: b.type.size)
    loops = [s for stage in unit.stages for s in stage.body if isinstance(s, Loop)]
    found = sum(
        any(r.buffer is largest for s in statements([one]) for r in loads(s)) for one in loops
    )
    assert found <= SWEEPS[name]


@pytest.mark.parametrize("name", CASES)
def test_scratch_memory(name):
    assert lower(artifact(name).program, Options()).plan.arena_bytes <= ARENA[name]


@pytest.mark.parametrize(("make", "sizes"), [(sequence, (40, 1000)), (market, (10_000, 100_000))])
def test_code_does_not_grow_with_the_data(make, sizes):
    function = recurrent if make is sequence else call_option
    lines = []
    for size in sizes:
        source = gradc.value_and_grad(function).source("c", *make(size))
        lines.append(len(source.splitlines()))
    assert max(lines) <= 1.25 * min(lines)


def test_a_loop_over_layers_leaves_the_loop_over_time_alone():
    graph = artifact("recurrent").program.graph
    assert sum(node.op.name == "loop" for node in graph.nodes) == 2
    assert len(graph.nodes) < 120
