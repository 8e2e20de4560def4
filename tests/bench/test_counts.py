"""What the models cost, counted: loops over memory, loads, stores, calls, bytes, lines.

Times vary with the machine; these do not.  A number that grows says that fusion got worse.
"""

import numpy as np
import pytest

import gradc
from gradc.kernels.cost import count
from gradc.kernels.lower import lower
from gradc.kernels.nest import Loop, Unit
from gradc.kernels.walk import loads, statements
from gradc.options import Options
from gradc.passes.for_c import for_c
from tests.bench.models import MODELS

FULL_SWEEPS = {"logistic": 3, "call-option": 1, "recurrent-1024": 2, "rosenbrock-1e6": 2}
"""Outermost loops over the largest argument: the main one, and others for what is left over."""

COSTS = {
    # most sweeps, loads, stores, calls of math functions, products, bytes of scratch memory;
    # loops that threads share count what each chunk adds up, and a last short chunk as a whole one
    "neuron": (0, 6, 4, 1, 0, 0),
    "rosenbrock-10": (2, 81, 11, 0, 0, 0),
    "rosenbrock-1000": (2, 5_994, 1_001, 0, 0, 0),
    "rosenbrock-1e6": (3, 6_003_802, 1_001_489, 0, 0, 8_192),
    "logistic": (7, 3_329_384, 285_024, 30_240, 0, 67_904),
    "network-small": (7, 4_672, 2_146, 512, 2, 19_136),
    "network-large": (10, 398_336, 199_691, 65_536, 5, 2_410_560),
    "mixture": (16, 5_008_003, 764_776, 29_000, 0, 2_952_000),
    "recurrent-64": (18, 37_128, 12_573, 3_528, 0, 15_488),
    "recurrent-1024": (18, 601_608, 200_733, 57_288, 0, 230_528),
    "call-option": (5, 51_665_507, 26_208_772, 6_451_201, 0, 528_384),
    "diffusion": (5, 33_781_200, 10_139_201, 0, 0, 640_000),
    "gauss-seidel": (4, 1_609_540, 868_961, 0, 0, 116_160),
    "elimination": (9, 930_960, 475_561, 120, 0, 117_120),
    "substitution": (5, 636_400, 322_001, 0, 0, 6_400),
}


def artifact(name, *arguments):
    model = MODELS[name]
    gradient = gradc.value_and_grad(model.function, argnums=model.argnums)
    return gradient.artifact(*(arguments or model.make()))


def lowered(name) -> Unit:
    return lower(for_c(artifact(name).program), Options())


@pytest.mark.parametrize("name", FULL_SWEEPS)
def test_sweeps_over_the_data(name):
    unit = lowered(name)
    largest = max((b for b in unit.buffers if b.kind == "input"), key=lambda b: b.type.size)
    loops = [s for stage in unit.stages for s in stage.body if isinstance(s, Loop)]
    found = sum(
        any(r.buffer is largest for s in statements([one]) for r in loads(s)) for one in loops
    )
    assert found <= FULL_SWEEPS[name]


@pytest.mark.parametrize("name", MODELS)
def test_costs(name):
    cost = count(lowered(name))
    found = cost.sweeps, cost.loads, cost.stores, cost.calls, cost.products, cost.arena
    kinds = ("sweeps", "loads", "stores", "calls", "products", "arena")
    more = {k: (a, b) for k, a, b in zip(kinds, found, COSTS[name], strict=True) if a > b}
    assert not more, "found, and the most there were before"


def test_code_does_not_grow_with_the_characters():
    names = "recurrent-64", "recurrent-1024"
    lines = [len(artifact(name).source("c").splitlines()) for name in names]
    assert max(lines) <= 1.25 * min(lines)


@pytest.mark.parametrize("sizes", [(1_000, 10_000), (1_000_000, 3_000_000)])
def test_code_does_not_grow_with_the_data(sizes):
    """Nor but for what has threads share large loops."""
    texts = [artifact("rosenbrock-1000", np.ones(n)).source("c") for n in sizes]
    lines = [len(text.splitlines()) for text in texts]
    assert max(lines) <= 1.25 * min(lines)
    assert {"gradc_parallel_for" in text for text in texts} == {sizes[0] == 1_000_000}


def test_code_does_not_grow_with_the_paths():
    numbers = MODELS["call-option"].make()[:3]
    lines = [
        len(artifact("call-option", *numbers, np.ones((64, n))).source("c").splitlines())
        for n in (10_000, 100_000)
    ]
    assert max(lines) <= 1.25 * min(lines)


def test_a_loop_over_layers_leaves_the_loop_over_time_alone():
    graph = artifact("recurrent-1024").program.graph
    assert sum(node.op.name == "loop" for node in graph.nodes) == 2
    assert len(graph.nodes) < 120
