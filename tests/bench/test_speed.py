"""Times to track from one commit to the next, never asserted.

``python -m pytest tests/bench/test_speed.py --benchmark-enable --benchmark-autosave`` measures and
keeps; ``--benchmark-compare`` puts two runs side by side.  Otherwise each is called once.
"""

import numpy as np
import pytest

import gradc
from tests.bench.models import MODELS
from tests.trees import inner


@pytest.mark.parametrize("name", MODELS)
def test_value_and_gradient(benchmark, name):
    """The gradient in a direction is the difference of two values, to a few digits."""
    model = MODELS[name]
    arguments = model.make()
    run = gradc.value_and_grad(model.function, argnums=model.argnums)
    _, found = benchmark(run, *arguments)
    rng = np.random.default_rng(12)
    step = [rng.standard_normal(np.shape(arguments[k])) * 1e-6 for k in model.argnums]

    def moved(sign):
        there = list(arguments)
        for k, change in zip(model.argnums, step, strict=True):
            there[k] = there[k] + sign * change
        return run(*there)[0]

    slope = (moved(1.0) - moved(-1.0)) / 2
    expected = inner(found, step)
    scale = sum(np.sum(np.abs(a * b)) for a, b in zip(found, step, strict=True))
    assert abs(slope - expected) <= 1e-5 * scale


@pytest.mark.parametrize("name", MODELS)
def test_value(benchmark, name):
    model = MODELS[name]
    arguments = model.make()
    value = benchmark(gradc.compile(model.function), *arguments)
    assert np.isfinite(value)
