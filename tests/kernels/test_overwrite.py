"""Results in the memory of donated arguments: where that is right, and what is done where not."""

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.kernels.nest import Copy
from gradc.kernels.verify import problems
from gradc.kernels.walk import statements, uses
from gradc.options import Options
from tests.test_donation import crossed, momentum, product, shifted, step, weights

N = 4000


def unit_of(function, *args, donate=0):
    program = gradc.compile(function, donate=donate).artifact(*args).program
    unit = lower(program, Options())
    assert program.donated
    assert list(problems(unit)) == []
    return unit


def copies(unit):
    return sum(isinstance(s, Copy) for stage in unit.stages for s in statements(stage.body))


def buffers(unit):
    found = {b for st in unit.stages for s in statements(st.body) for b, _ in uses(s)}
    return sorted((b.kind, b.position) for b in found if b.kind != "temporary")


def test_element_by_element():
    unit = unit_of(step, np.ones(N), np.ones(N), 0.1)
    assert copies(unit) == 0
    assert buffers(unit) == [("input", 1), ("input", 2), ("output", 0)]


def test_after_everything_has_been_read():
    unit = unit_of(lambda w: w * np.sum(w * w), np.ones(N))
    assert copies(unit) == 0
    assert unit.plan.arena_bytes < 1024


@pytest.mark.parametrize(
    ("function", "args", "donate"),
    [
        (shifted, (np.ones(N),), 0),
        (product, (np.ones((60, 60)), np.ones((60, 60))), 0),
        (crossed, (np.ones(N), np.ones(N)), (0, 1)),
    ],
)
def test_other_elements_that_are_read_later(function, args, donate):
    assert copies(unit_of(function, *args, donate=donate)) >= 1


def test_what_may_stop_with_an_error():
    at = np.array([1, 2])
    unit = unit_of(lambda w, at: (w * 2.0, w[at]), np.ones(N), at)
    assert copies(unit) == 1
    unit = unit_of(lambda w, at: w * np.sum(w[at]), np.ones(N), at)
    assert copies(unit) == 0


def test_a_training_step_has_no_copies():
    unit = unit_of(momentum, *weights(), donate=("params", "velocity"))
    assert copies(unit) == 0


def test_results_that_are_the_same_value():
    unit = unit_of(lambda w: (w + 1.0, w + 1.0), np.ones(N))
    assert [kind for kind, _ in buffers(unit)] == ["output", "output"]
