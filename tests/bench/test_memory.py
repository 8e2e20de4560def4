"""Bytes that a call takes beside its arguments: working memory, and what it returns."""

import resource

import numpy as np
import pytest

import gradc
from gradc.native import blas
from tests.backends import HAS_COMPILER
from tests.bench.models import MODELS
from tests.bench.test_counts import artifact

ROOM = {
    # most bytes of working memory that a call takes where products are the library's
    "neuron": 0,
    "rosenbrock-10": 0,
    "rosenbrock-1000": 0,
    "rosenbrock-1e6": 8_192,
    "logistic": 67_904,
    "network-small": 8_320,
    "network-large": 1_058_816,
    "mixture": 2_952_000,
    "recurrent-64": 15_488,
    "recurrent-1024": 230_528,
    "call-option": 528_384,
    "diffusion": 640_000,
    "gauss-seidel": 116_160,
    "elimination": 117_120,
    "substitution": 6_400,
}


@pytest.mark.parametrize("name", MODELS)
def test_working_memory(name):
    plan = artifact(name).caller.plan
    assert plan.lent_arena_bytes <= ROOM[name]
    if blas.environment().has_blas or not plan.environment:
        assert plan.arena_bytes == plan.lent_arena_bytes


@pytest.mark.parametrize("name", MODELS)
def test_results_are_the_value_and_one_array_for_each_argument(name):
    model = MODELS[name]
    arguments = model.make()
    plan = artifact(name).caller.plan
    wanted = [8 if np.asarray(arguments[0]).dtype != np.float32 else plan.outputs[0].nbytes]
    wanted += [np.asarray(arguments[k]).nbytes for k in model.argnums]
    assert [slot.nbytes for slot in plan.outputs] == wanted


def layers(W1, W2, W3, x):
    h = np.maximum(x @ W1, 0.0)
    h = np.maximum(h @ W2, 0.0)
    return np.sum((h @ W3) ** 2)


@pytest.mark.parametrize("clipped", [np.maximum, lambda h, low: np.maximum(low, h)])
def test_rectified_layers_keep_what_they_hand_on_and_nothing_else(clipped):
    """Where a unit was off shows in its output: the sums before it are overwritten."""

    def network(W1, W2, x):
        return np.sum(clipped(x @ W1, 0.0) @ W2)

    rng = np.random.default_rng(8)
    W1, W2, x = (rng.standard_normal(s) for s in ((70, 500), (500, 20), (60, 70)))
    plan = gradc.grad(network, argnums=(0, 1)).artifact(W1, W2, x).caller.plan
    hidden = 60 * 500 * 8
    assert hidden <= plan.lent_arena_bytes < 2.2 * hidden


def test_three_rectified_layers():
    rng = np.random.default_rng(9)
    shapes = (256, 1024), (1024, 512), (512, 64), (64, 256)
    W1, W2, W3, x = (rng.standard_normal(shape) for shape in shapes)
    plan = gradc.grad(layers, argnums=(0, 1, 2)).artifact(W1, W2, W3, x).caller.plan
    first, second = 64 * 1024 * 8, 64 * 512 * 8
    assert plan.lent_arena_bytes <= 2 * first + second


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def bowl(x, y):
    return np.sum(np.tanh(x * y) + np.sqrt(1.0 + x * x))


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
@pytest.mark.parametrize("n", [100_000, 1_000_000, 6_000_000])
@pytest.mark.parametrize("hold", [False, True])
def test_calls_touch_no_new_pages(n, hold):
    """Not even where the last gradient is dropped only when the next one is there."""
    x, y = np.linspace(-1.0, 1.0, n), np.linspace(0.5, 1.5, n)
    f = gradc.value_and_grad(bowl, argnums=(0, 1), backend="c")
    kept = None
    for _ in range(4):
        kept = f(x, y) if hold else f(x, y)[0]
    before = faults()
    for _ in range(10):
        kept = f(x, y) if hold else f(x, y)[0]
    assert faults() - before <= 20
    assert kept is not None


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
def test_donated_steps_touch_no_new_pages():
    step = gradc.compile(lambda w, g: w - 0.1 * g, donate=0, backend="c")
    w, g = np.ones(3_000_000), np.ones(3_000_000)
    for _ in range(3):
        w = step(w, g)
    before = faults()
    for _ in range(10):
        w = step(w, g)
    assert faults() - before <= 20
