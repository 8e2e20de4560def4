"""``gradc.loop``, ``while_loop``, ``cond`` and ``scan``: kept in the graph, in every mode."""

from functools import partial

import numpy as np
import pytest

import gradc
from gradc import ArgumentError, DTypeError, ShapeError, TraceError
from tests.backends import BACKENDS
from tests.capture.support import count
from tests.modes import direction, loss_of_moving, moving
from tests.programs import load
from tests.trees import copied, inner, leaves

X = np.linspace(0.5, 1.5, 5)
KEPT = [
    p
    for p in load()
    if p.fn.__module__ == "tests.programs_control"
    and p.name not in ("no_turn_at_all", "branch_known_while_recording")
]
backends = pytest.mark.parametrize("backend", BACKENDS)


def has_regions(graph):
    return any(data["node"].regions for _, data in graph.nodes(data=True))


@backends
@pytest.mark.parametrize("program", KEPT, ids=str)
def test_kept_programs(program, backend):
    """Values against Python; reverse against forward; the second order against differences."""
    compiled = gradc.compile(program.fn, backend=backend, unroll=0)
    arguments = program.arguments()
    assert has_regions(compiled.graph(*arguments))
    for found, wanted in zip(
        leaves(compiled(*copied(arguments))), leaves(program.fn(*arguments)), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)

    loss = loss_of_moving(program, arguments)
    point, u = moving(program, arguments), direction(program, arguments, 1)
    compile_kept = partial(gradc.compile, backend=backend, unroll=0)

    def modes(point, u):
        gradient = gradc.grad(loss)(point)
        tangent = gradc.jvp(loss, (point,), (u,))[1]
        return gradient, tangent, gradc.jvp(gradc.grad(loss), (point,), (u,))[1]

    gradient, tangent, second = compile_kept(modes)(point, u)
    np.testing.assert_allclose(inner(gradient, u), tangent, rtol=1e-9)
    h = 1e-5
    ahead, behind = (
        compile_kept(gradc.grad(loss))(tuple(p + s * d for p, d in zip(point, u, strict=True)))
        for s in (h, -h)
    )
    for a, b, exact in zip(ahead, behind, second, strict=True):
        np.testing.assert_allclose(
            exact, (a - b) / (2 * h), rtol=1e-4, atol=1e-5 * np.max(np.abs(exact), initial=1)
        )


@pytest.mark.parametrize("program", KEPT, ids=str)
def test_outside_of_recordings_they_are_python(program):
    assert all(isinstance(x, float | int | np.ndarray | np.generic) for x in plain(program))


def plain(program):
    return leaves(program.fn(*program.arguments()))


def test_python_functions_see_python_values():
    seen = []
    gradc.loop(0, 2, lambda i, s: seen.append(i), None)
    gradc.while_loop(lambda s: s < 2, lambda s: seen.append(s) or s + 1, 0)
    gradc.scan(lambda s, x: (seen.append(x), None), None, length=1)
    assert seen == [0, 1, 0, 1, None]


def test_arrays_shared_between_components_are_carried_apart():
    def turn(i, s):
        v = np.sin(s["now"]) + i
        return {"now": v, "old": s["now"], "same": v, "part": v[:2]}

    def program(x):
        return gradc.loop(0, 9, turn, {"now": x, "old": x, "same": x, "part": x[:2]})

    compiled = gradc.compile(program, unroll=0, backend="numpy")
    assert has_regions(compiled.graph(X))
    for found, wanted in zip(leaves(compiled(X)), leaves(program(X)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


def scanned(n):
    graph = gradc.compile(
        lambda w, x: gradc.scan(lambda h, row: (np.tanh(w * h + row), h @ row), w, x), unroll=0
    ).artifact(np.ones(3), np.ones((n, 3)))
    return count(graph.program.graph), len(graph.source("c").splitlines())


def test_size_does_not_depend_on_the_number_of_turns():
    assert scanned(10) == scanned(1000)


def grows(s):
    return s[0], np.concatenate([s[1], s[1]])


CHANGES = {
    "while, shape": (
        lambda x: gradc.while_loop(lambda s: s[1].sum() < 90, grows, (x, x)),
        TraceError,
        r"state\[1\] is f8\[5\] on one side and f8\[10\] on the other",
    ),
    "while, dtype": (
        lambda x: gradc.while_loop(
            lambda s: np.sum(s["n"]) < x[0], lambda s: {"n": s["n"] + x}, {"n": np.arange(5)}
        ),
        TraceError,
        r"state\['n'\] is i8\[5\] on one side and f8\[5\] on the other",
    ),
    "while, structure": (
        lambda x: gradc.while_loop(
            lambda s: s[1]["a"] < 9 * x[0], lambda s: (s[0], {"b": 1.0}), (x, {"a": x[1]})
        ),
        TraceError,
        r"state\[1\] is a dict with the keys 'a' on one side and a dict with the keys 'b'",
    ),
    "cond, shape": (
        lambda x: gradc.cond(x[0] > 1, lambda v: (v, v[0]), lambda v: (v[:2], v[0]), x),
        TraceError,
        r"\[0\] is f8\[5\] on one side and f8\[2\] on the other",
    ),
    "cond, structure": (
        lambda x: gradc.cond(x[0] > 1, lambda v: [v, v], lambda v: [v], x),
        TraceError,
        r"is a list of 2 on one side and a list of 1 on the other",
    ),
    "scan, shape": (
        lambda x: gradc.scan(lambda s, e: ({"a": np.append(s["a"], e)}, e), {"a": x}, x),
        ShapeError,
        r"state\['a'\] is f8\[5\] before a turn and f8\[6\] after it",
    ),
    "scan, dtype": (
        lambda x: gradc.scan(lambda s, e: ((s[0] + e,), e), (np.zeros(3, int),), x),
        DTypeError,
        r"state\[0\] is i8\[3\] before a turn and f8\[3\] after it",
    ),
    "scan, structure": (
        lambda x: gradc.scan(lambda s, e: ((s[0], [e]), e), (x, e_of(x)), x),
        ArgumentError,
        r"state\[1\] is one value on one side and a list of 1 on the other",
    ),
    "scan, no pair": (
        lambda x: gradc.scan(lambda s, e: s, x, x),
        ArgumentError,
        r"must return \(state, result\)",
    ),
    "scan, lengths": (
        lambda x: gradc.scan(lambda s, e: (s, e), x, (x, x[1:])),
        ArgumentError,
        r"one length, at least 1, got \['4', '5'\]",
    ),
    "scan, nothing": (
        lambda x: gradc.scan(lambda s, e: (s, e), x),
        ArgumentError,
        "got neither xs nor length",
    ),
    "loop, left by a traced test": (
        lambda x: gradc.loop(0, np.sum(x).astype(int), lambda i, s: np.append(s, x), x),
        TraceError,
        r"state is f8\[5\] on one side and f8\[10\] on the other",
    ),
}


def e_of(x):
    return x[0]


@pytest.mark.parametrize("case", CHANGES, ids=str)
def test_what_changes_is_named(case):
    function, kind, message = CHANGES[case]
    with pytest.raises(kind, match=message) as caught:
        gradc.compile(function, backend="numpy")(X)
    assert "test_control.py" in str(caught.value)


def test_a_result_is_promoted_and_not_cut():
    """The first state is an int, the second a float: the rows hold both."""

    def sums(x):
        return gradc.scan(lambda total, v: (total + v, total), 0, x)

    last, rows = gradc.compile(sums, backend="numpy")(X)
    np.testing.assert_allclose(rows, np.cumsum(X) - X)
    np.testing.assert_allclose(last, np.sum(X))
    np.testing.assert_allclose(sums(X)[1], np.cumsum(X) - X)


def test_a_body_whose_types_change_runs_turn_by_turn():
    def grown(x):
        return gradc.loop(0, 3, lambda i, s: np.append(s, i * x), x)

    np.testing.assert_array_equal(gradc.compile(grown, backend="numpy")(X), grown(X))
