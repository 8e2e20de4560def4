"""Loops and branches in printed NumPy source."""

import numpy as np
import pytest

import gradc
from gradc import ops
from gradc.emit.numpy_memory import Memory
from gradc.emit.numpy_regions import RegionBody
from gradc.emit.numpy_source import print_numpy
from gradc.ir import At, Graph, Symbol
from gradc.ir.interpret import interpret
from gradc.passes import simplify
from tests import graphs
from tests.counting import calls_of
from tests.emit import loop_models
from tests.emit.random_regions import random_program
from tests.emit.region_graphs import CORPUS, arguments
from tests.emit.region_tools import SCALAR, add, loop, put, take, vector
from tests.emit.test_numpy_source import run
from tests.ir import test_regions

IR_GRAPHS = {
    "prefix_products": lambda: test_regions.prefix_products(7),
    "reversed prefix products": lambda: test_regions.prefix_products(7, reverse=True),
    "empty prefix products": lambda: test_regions.prefix_products(0),
    "halving": lambda: test_regions.halving(100),
}
ALL = {**CORPUS, **IR_GRAPHS}


def agree(graph: Graph, handed: list[np.ndarray]) -> str:
    """Run the source twice; compare with the interpreter, and look for shared memory."""
    text = print_numpy(graphs.program(graph)).text
    before = [np.array(a) for a in handed]
    for _ in range(2):
        found = run(text, graph.name, *handed)
        found = found if len(graph.outputs) != 1 else (found,)
        for number, (mine, theirs) in enumerate(zip(found, interpret(graph, *before), strict=True)):
            mine = np.asarray(mine)
            assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape), text
            np.testing.assert_array_equal(mine, theirs, err_msg=text)
            for other in (*handed, *found[:number]):
                assert not np.shares_memory(mine, np.asarray(other)), text
        for mine, kept in zip(handed, before, strict=True):
            np.testing.assert_array_equal(mine, kept, err_msg=f"an argument was written to\n{text}")
    return text


@pytest.mark.parametrize("simplified", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_source_does_what_the_graph_does(name, simplified):
    graph = ALL[name]()
    graph = simplify(graph, final=True) if simplified else graph
    for seed in range(3):
        agree(graph, arguments(graph, seed))


@pytest.mark.parametrize("start", range(0, 80, 20))
def test_random_programs(start):
    for seed in range(start, start + 20):
        print(f"seed {seed}")
        graph = random_program(seed)
        handed = arguments(graph, seed)
        agree(graph, handed)
        agree(simplify(graph, final=True), handed)


@pytest.mark.parametrize("name", ["recurrence", "lu", "clipped_root"])
def test_golden(name, golden):
    graph = simplify(getattr(loop_models, name)(), final=True)
    text = agree(graph, arguments(graph, 1))
    golden(f"{name}.py", text)


def test_a_reverse_loop_written_by_hand_is_the_derivative():
    graph = loop_models.recurrence()
    x, a = arguments(graph, 2)
    _, x_bar, a_bar = interpret(graph, x, a)
    for number in range(8):
        step = np.zeros(8)
        step[number] = 1e-6
        slope = (interpret(graph, x + step, a)[0] - interpret(graph, x - step, a)[0]) / 2e-6
        np.testing.assert_allclose(x_bar[number], slope, atol=1e-8)
    slope = (interpret(graph, x, a + 1e-6)[0] - interpret(graph, x, a - 1e-6)[0]) / 2e-6
    np.testing.assert_allclose(a_bar, slope, atol=1e-8)


def test_the_source_map_covers_loops():
    graph = simplify(loop_models.lu(), final=True)
    source = print_numpy(graphs.program(graph))
    loop = next(node.id for node in graph.nodes if node.regions)
    rows = source.text.splitlines()
    covered = [rows[line - 1].strip() for line in source.lines_of(loop)]
    assert any(row.startswith("for k in range(5):") for row in covered)
    assert len(covered) == 4
    inside = next(n for n, row in enumerate(rows, 1) if row.strip().startswith("a[k + 1:, k] ="))
    entry = source.at(inside)
    assert entry is not None
    assert entry.span is not None
    assert entry.span.line == 13


def test_a_limit_is_an_error_that_says_so():
    text = print_numpy(graphs.program(test_regions.halving(3))).text
    with pytest.raises(RuntimeError, match="the loop runs more than 3 times"):
        run(text, "halving", np.float64(37.0))
    assert run(text, "halving", np.float64(8.0)) == 1.0, "as often as the limit says"
    assert interpret(test_regions.halving(3), 8.0)[0] == 1.0


def test_arrays_are_copied_once():
    """In place: one copy for an argument, none for an array of the function's own."""
    counts = {"lu": 1, "doolittle": 1, "seidel": 1, "triangular": 0, "cond_in_loop": 0}
    for name, copies in counts.items():
        text = print_numpy(graphs.program(simplify(CORPUS[name](), final=True))).text
        assert text.count("copy(") == copies, text


def test_deep_nests():
    """Loops inside loops, to the depth that Python itself allows."""
    graph = Graph("nest")
    kind = vector(3)

    def nest(depth):
        def build(y):
            symbol = Symbol("i", "index")
            inner = (add(y, take(y, At(0)) * 0.5, At(symbol.expr() * 0 + 1)),)
            if depth:
                inner = tuple(loop(nest(depth - 1), [], [y], symbol, 1, y=kind))
            return inner

        return build

    y = graph.input("y", kind)
    graph.outputs = [v.id for v in nest(16)(y)]
    text = agree(graph, [np.ones(3)])
    assert text.count("for ") == 16
    assert len({line.split()[1] for line in text.splitlines() if "for " in line}) == 16


def test_long_bodies_take_linear_work():
    def calls(count):
        def body(y, s):
            for number in range(count // 4):
                s = ops.sin(s * take(y, At(0)))
                y = put(y, s, At(number % 3))
            return y, s

        symbol = Symbol("i", "index")
        graph = Graph("long")
        y, s = graph.input("y", vector(3)), graph.input("s", SCALAR)
        results = loop(body, [], [y, s], symbol, 2, y=vector(3), s=SCALAR)
        graph.outputs = [v.id for v in results]
        return calls_of(lambda: print_numpy(graphs.program(graph))) / count

    assert calls(10_000) < 1.3 * calls(1_000)


BREAKAGES = {
    "is_last_read": (Memory, lambda self, node, slot: True),
    "is_last_use": (Memory, lambda self, id, node: True),
    "is_own": (RegionBody, lambda self, id: True),
    "release": (RegionBody, lambda self, id, node, memory: None),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_broken_rule_of_sharing_is_caught(name, monkeypatch):
    """Negative control: without one of the rules, some program of the corpus goes wrong."""
    owner, broken = BREAKAGES[name]
    monkeypatch.setattr(owner, name, broken)
    wrong = 0
    for make in CORPUS.values():
        graph = make()
        try:
            agree(graph, arguments(graph, 0))
        except (AssertionError, ValueError, NameError):
            wrong += 1
    assert wrong


def test_a_table_above_the_function_shares_its_name_with_no_local_variable():
    def inside_comes_first(x):
        w = np.zeros(5)
        for i in range(5):
            w[i:] += np.max(x[i] + 0.013 * np.arange(5.0))
        return np.sum(w * np.cos(np.arange(5.0) + 1))

    def above_comes_first(x):
        w = np.zeros(5)
        for i in range(5):
            w += x[i] * np.cos(np.arange(5.0) + 1)
        for _ in range(5):
            w = w[np.array([0, 1, 1, 4, 0])] + x
        return w * np.cos(np.arange(5.0) + 1)

    x = np.random.default_rng(5).standard_normal(5)
    for function in (inside_comes_first, above_comes_first):
        compiled = gradc.compile(function, backend="numpy", unroll=0)
        np.testing.assert_allclose(compiled(x), function(x), rtol=1e-13)
