"""For every rewrite rule: what it takes, what it makes of it, and numbers to tell them apart."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradc.ir import ArrayType, Graph, Kind, Value
from gradc.ir.interpret import interpret
from gradc.ir.rebuild import rebuild, transfer
from gradc.ir.verify import verify
from gradc.passes.rewrite import RULES, RewritingGraph, Rule
from tests.ops.graphs import generator

F8 = ArrayType.of("f8", 3)
Build = Callable[..., Value]


@dataclass(frozen=True)
class Case:
    """A rule (or pass), a graph that it fires on, and the graph that it should become.

    ``ulps`` allows results to differ by so many units in the last place.  Such a rule changes the
    order of a sum, so the bound holds for ordinary numbers of one sign; in general it is relative
    to the sum of the magnitudes.
    """

    rule: str
    before: Build
    after: Build
    types: tuple[ArrayType, ...] = (F8, F8)
    ulps: int = 0

    def __str__(self) -> str:
        return f"{self.rule}-{','.join(map(str, self.types))}"


def graph_of(build: Build, types: tuple[ArrayType, ...]) -> Graph:
    graph = Graph("f")
    values = [graph.input("xyzw"[n], kind) for n, kind in enumerate(types)]
    graph.outputs = [build(*values).id]
    return verify(rebuild(graph))


def registered(*names: str) -> list[Rule]:
    return [rule for rule in RULES if rule.name in names]


def rewritten(graph: Graph, rules: list[Rule]) -> tuple[Graph, Counter[str]]:
    """Apply some rules only (folding and sinking are always on)."""
    target = RewritingGraph(graph.name, rules)
    images = {}
    for id in graph.inputs:
        images[id] = target.input(graph[id].params["name"], graph[id].type)
    transfer(graph, target, images, graph.live())
    target.outputs = [images[id].id for id in graph.outputs]
    return verify(rebuild(target)), target.fired


def term(graph: Graph, id: int | None = None) -> str:
    """Write what a node computes as one expression over the inputs."""
    node = graph[graph.outputs[0] if id is None else id]
    if node.op.kind is Kind.INPUT:
        return str(node.params["name"])
    if node.op.kind is Kind.CONSTANT:
        return f"{node.params['value']}:{node.type}"
    parts = [term(graph, i) for i in node.operands]
    parts += [repr(node).split(f"{p}=", 1)[1].rsplit("): ")[0] for p in list(node.params)[:1]]
    return f"{node.op.name}({', '.join(parts)})"


SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308, 2.3e-308]
SPECIAL += [1e-45, 3e38, -3e38, 1e-38, 300.0, -1.0, 1.0, 2.0, 0.5, 3e9, -1e19]


def draw(rng: np.random.Generator, kind: ArrayType, special: float) -> np.ndarray:
    """Draw numbers, a share of which are the awkward ones."""
    shape, dtype = kind.extents, kind.dtype
    if dtype.kind == "b":
        return np.asarray(rng.integers(0, 2, shape)).astype(dtype)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        ends = rng.choice([info.min, info.max, 0, 1], shape)
        small = rng.integers(0, 5, shape)
        return np.where(rng.random(shape) < special, ends, small).astype(dtype)
    ordinary = rng.standard_normal(shape) * 2.0 ** rng.integers(-3, 4, shape)
    mixed = np.where(rng.random(shape) < special, rng.choice(SPECIAL, shape), ordinary)
    with np.errstate(all="ignore"):
        return np.asarray(mixed).astype(dtype)


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Compare dtype, shape and bits; a NaN is a NaN, whatever its sign and payload."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    if one.dtype.kind != "f":
        return bool(np.array_equal(one, other))
    nans = np.isnan(one)
    if not np.array_equal(nans, np.isnan(other)):
        return False
    zero = one.dtype.type(0)
    return np.where(nans, zero, one).tobytes() == np.where(nans, zero, other).tobytes()


def ulps_apart(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest distance in units in the last place of the larger number."""
    size = np.spacing(np.maximum(np.abs(one), np.abs(other)))
    with np.errstate(all="ignore"):
        distance = np.abs(one - other) / size
    return float(np.max(np.where(one == other, 0.0, distance), initial=0.0))


def compare(case: Case, one: Graph, other: Graph, rounds: int = 40) -> None:
    """Compare two graphs on random instances."""
    rng = generator("passes", str(case))
    for number in range(rounds):
        special = 0.0 if case.ulps else 0.6 * (number % 2)
        arrays = [draw(rng, kind, special) for kind in case.types]
        if case.ulps:
            arrays = [np.abs(array) for array in arrays]
        (a,), (b,) = interpret(one, *arrays), interpret(other, *arrays)
        if case.ulps and a.dtype.kind == "f":
            assert ulps_apart(a, b) <= case.ulps, (arrays, a, b)
        else:
            assert same_bits(a, b), (arrays, a, b)


def check(case: Case) -> None:
    """Check that a rule fires, makes what it should, and changes no number."""
    before = graph_of(case.before, case.types)
    found, fired = rewritten(before, registered(case.rule))
    assert fired[case.rule], "the rule does not fire"
    expected, _ = rewritten(graph_of(case.after, case.types), [])
    assert term(found) == term(expected)
    compare(case, before, found)
