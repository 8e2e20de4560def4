"""Minimum cuts: the same sides as networkx finds, without importing it."""

import random
import subprocess
import sys

import networkx
import pytest

from gradc.autodiff.minimum_cut import source_side


def with_networkx(edges, source, sink):
    flow = networkx.DiGraph()
    flow.add_nodes_from((source, sink))
    for a, b, capacity in edges:
        flow.add_edge(a, b, **({} if capacity is None else {"capacity": capacity}))
    return networkx.minimum_cut(flow, source, sink)[1][0]


def network(rng: random.Random) -> list[tuple[object, object, int | None]]:
    """A random network of the kind that loops make: nodes with capacities, edges without."""
    count = rng.randrange(1, 30)
    edges: list[tuple[object, object, int | None]] = []
    for node in range(count):
        edges.append(((node, 0), (node, 1), rng.randrange(1, 6)))
        if rng.random() < 0.3:
            edges.append(("lost", (node, 0), None))
        operands = {rng.randrange(node) for _ in range(2)} if node else set()
        edges += [((operand, 1), (node, 0), None) for operand in sorted(operands)]
        if rng.random() < 0.3:
            edges.append(((node, 1), "read", None))
    return edges


@pytest.mark.parametrize("block", range(10))
def test_random_networks(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        edges = network(random.Random(seed))
        expected = with_networkx(edges, "lost", "read")
        assert source_side(edges, "lost", "read") == expected, f"seed {seed}"


def test_of_equal_cuts_the_last() -> None:
    edges = [("s", "a", 2), ("a", "b", 2), ("b", "t", 2)]
    assert source_side(edges, "s", "t") == {"s", "a", "b"}


def test_nothing_to_cut() -> None:
    assert source_side([("s", "a", 1)], "s", "t") == {"s", "a"}


def test_no_cut() -> None:
    edges = [("s", "a", None), ("a", "t", None), ("s", "b", 3), ("b", "a", None)]
    with pytest.raises(ValueError, match="there is no cut"):
        source_side(edges, "s", "t")


def test_many_levels() -> None:
    """A chain of ten thousand nodes is no matter of recursion."""
    edges = [(k, k + 1, 10_000 - k) for k in range(10_000)]
    assert source_side(edges, 0, 10_000) == set(range(10_000))


LOOP = """
import sys
import numpy as np
import gradc

def loss(x):
    for k in range(50):
        x = x * np.cos(x)
    return np.sum(x)

gradc.value_and_grad(loss, backend="c", unroll=0).source("c", np.ones(20))
print("networkx" in sys.modules)
"""


def test_a_loop_does_not_import_networkx(tmp_path) -> None:
    path = tmp_path / "loop.py"
    path.write_text(LOOP)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
