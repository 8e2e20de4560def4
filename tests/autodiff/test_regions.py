"""Derivatives of loops and branches: against differences, both modes, second order."""

import numpy as np
import pytest

from gradc.autodiff.check import directional_difference
from gradc.autodiff.derive import forward, reverse, reverse_seeded
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


def push(graph: Graph, at, direction) -> list[np.ndarray]:
    joint = forward(graph, range(len(graph.inputs)))
    found = interpret(verify(simplify(verify(joint.graph))), *at, *direction)
    np.testing.assert_allclose(found[0], interpret(graph, *at)[0], rtol=1e-14)
    return found[joint.values :]


@pytest.mark.parametrize("name", NAMES)
def test_forward(name):
    graph, at = graph_of(name), arguments(name)
    direction = [d - 1.0 for d in draw(3, *(a.shape for a in at))]
    (dot,) = push(graph, at, direction)
    assert float(dot) == pytest.approx(float(directional(graph, at, direction)), rel=1e-8, abs=1e-8)


def gradient_graph(graph: Graph, *, simplified: bool) -> Graph:
    """Return the graph of the gradients alone."""
    joint = reverse(simplify(graph) if simplified else graph, range(len(graph.inputs)))
    joint.graph.outputs = joint.graph.outputs[joint.values :]
    return simplify(joint.graph) if simplified else joint.graph


@pytest.mark.parametrize("simplified", [False, True], ids=["plain", "simplified"])
@pytest.mark.parametrize("name", NAMES)
def test_second_order(name, simplified):
    """Forward over reverse against differences of the gradient; reverse over reverse the same."""
    gradients, at = gradient_graph(graph_of(name), simplified=simplified), arguments(name)
    first, second = ([d - 1.0 for d in draw(s, *(a.shape for a in at))] for s in (3, 4))
    dots = push(gradients, at, first)
    along = sum(float((d * v).sum()) for d, v in zip(dots, second, strict=True))

    def slope(*x):
        found = interpret(gradients, *x)
        return sum(float((g * v).sum()) for g, v in zip(found, second, strict=True))

    wanted = float(directional_difference(slope, at, first))
    assert along == pytest.approx(wanted, rel=1e-7, abs=1e-7)
    back = sum(
        float((d * v).sum()) for d, v in zip(push(gradients, at, second), first, strict=True)
    )
    assert along == pytest.approx(back, rel=1e-9, abs=1e-9)
    pulled = reverse_seeded(gradients, range(len(at)))
    found = interpret(verify(pulled.graph), *at, *second)[pulled.values :]
    again = sum(float((d * v).sum()) for d, v in zip(found, first, strict=True))
    assert along == pytest.approx(again, rel=1e-9, abs=1e-9)
