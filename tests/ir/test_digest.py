"""Hashes depend on what a graph means and how its values are called, on nothing else."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gradc import ops
from gradc.ir import ArrayType, At, Graph, Origin, Slice, Symbol
from gradc.ir.digest import digest
from tests import graphs

F8 = ArrayType.of("f8", 4)


def build(change: str = "") -> Graph:
    graph = Graph("g" if change == "graph name" else "f")
    x = graph.input("x", ArrayType.of("f4" if change == "dtype" else "f8", 4))
    if change == "dead node":
        _ = ops.exp(x)
    factor = {"constant": 3.0, "sign of zero": -0.0}.get(change, 2.0)
    y = x * factor
    if change == "name":
        graph.rename(y.id, "h")
    section = Origin(None, adjoint_of=x.id) if change == "section" else Origin()
    with graph.at(section):
        z = ops.sin(y) if change != "op" else ops.cos(y)
        w = ops.subtract(*((z, y) if change == "operand order" else (y, z)))
        items = {"param": At(1), "param type": Slice(2, 1)}
        part = ops.index(w, spec=(items.get(change, At(2)),))
    graph.outputs = [part.id] if change != "outputs" else [part.id, part.id]
    return graph


CHANGES = ["graph name", "dtype", "constant", "name", "section", "op", "operand order", "param"]
CHANGES += ["param type", "outputs", "sign of zero"]


@pytest.mark.parametrize("change", CHANGES)
def test_what_counts(change):
    assert digest(build(change)) != digest(build())


def test_what_does_not_count():
    assert digest(build()) == digest(build())
    assert digest(build("dead node")) == digest(build())
    spans = [graphs.neuron() for _ in range(2)]
    for node in spans[1].nodes:
        node.origin = Origin()
    assert digest(spans[0]) == digest(spans[1])


def test_symbols_count():
    def sized(symbol: Symbol) -> str:
        graph = Graph("f")
        graph.outputs = [graph.input("x", ArrayType.of("f8", symbol.expr())).id]
        return digest(graph)

    assert len({sized(s) for s in (Symbol("n"), Symbol("m"), Symbol("n", "index"))}) >= 2
    assert sized(Symbol("n")) == sized(Symbol("n"))


def test_an_unknown_parameter_is_refused():
    graph = Graph("f")
    id = graph.constant(np.zeros(2)).id
    graph[id].params["value"] = object()
    graph.outputs = [id]
    with pytest.raises(TypeError, match="no canonical form"):
        digest(graph)


@pytest.mark.slow
def test_the_same_in_every_process():
    """String hashing is salted by process; the digest is not."""
    code = "from tests.ir.test_digest import build, digest; print(digest(build()))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {digest(build())}
