"""Derivatives of loops and branches: against differences, both modes, second order."""

import numpy as np
import pytest

from gradc.autodiff.check import directional_difference
from gradc.autodiff.derive import reverse
from gradc.ir import Graph
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests.region_graphs import draw
from tests.region_programs import PROGRAMS, graph_of

NAMES = list(PROGRAMS)


def arguments(name: str, seed: int = 5, dtype: str = "f8") -> list[np.ndarray]:
    return draw(seed, *PROGRAMS[name][1], dtype=dtype)


def gradient(graph: Graph) -> tuple[Graph, int]:
    joint = reverse(graph, range(len(graph.inputs)))
    return verify(joint.graph), joint.values


def directional(graph: Graph, at, direction) -> float:
    return directional_difference(lambda *x: interpret(graph, *x)[0], at, direction)


def check(graph: Graph, found, at) -> None:
    for seed in (1, 2):
        direction = [d - 1.0 for d in draw(seed, *(a.shape for a in at))]
        wanted = directional(graph, at, direction)
        ours = sum(float((g * d).sum()) for g, d in zip(found, direction, strict=True))
        assert ours == pytest.approx(float(wanted), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_reverse(name):
    graph, at = verify(graph_of(name)), arguments(name)
    joint, values = gradient(graph)
    results = interpret(joint, *at)
    np.testing.assert_array_equal(results[0], interpret(graph, *at)[0])
    check(graph, results[values:], at)


@pytest.mark.parametrize("name", NAMES)
def test_reverse_of_simplified(name):
    graph, at = verify(simplify(graph_of(name))), arguments(name)
    joint, values = gradient(graph)
    check(graph, interpret(verify(simplify(joint)), *at)[values:], at)
