"""Arrays that are restored in the reverse: what is kept is what was overwritten."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff.augment import augment
from gradc.autodiff.derive import forward, reverse
from gradc.autodiff.regions_bytes import inner_bytes
from gradc.ir import Array, Graph, Value
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests.autodiff.test_regions import check
from tests.region_graphs import add, build, dot, draw, get, loop, matvec, put, whilst

N, TURNS = 40, 30


def whole_read(i, w, a):
    """One element a turn, from all of them."""
    return put(a, ops.tanh(dot(w, a)) + 0.5 * get(a, i), i)


def two_writes(i, w, a):
    a = put(a, ops.sin(get(a, (i, 2)) * dot(w, a)), (i, 2))
    return add(a, 0.1 * ops.cos(get(a, (3, 2))) * dot(w, a), (1, 2))


def overlapping(i, w, a):
    """The second write lies on the first one."""
    a = put(a, ops.sin(dot(w, a)) * get(a, (2, 3)), (2, 3))
    return put(a, ops.cos(dot(w, a)) * get(a, (3, 2)), (3, 2))


BODIES = {"whole read": (whole_read, 1), "two writes": (two_writes, 4), "overlap": (overlapping, 5)}


def program(body, *, backwards: bool = False) -> Graph:
    def built(w, a):
        (a,) = loop("i", TURNS, body, [w], [a], reverse=backwards)
        return (a * a).sum()

    return build(built, (N,), (N,))


def inputs(seed: int) -> list[np.ndarray]:
    w, a = draw(seed, (N,), (N,))
    return [(w - 1.0) * 0.3, a - 0.7]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", BODIES)
def test_what_was_overwritten_is_kept_not_the_array(name, backwards):
    body, overwritten = BODIES[name]
    graph, at = program(body, backwards=backwards), inputs(1)
    joint = reverse(graph, [0, 1])
    found = verify(simplify(joint.graph))
    kept_beside = 4  # numbers a turn: results of dots, and of parts
    assert inner_bytes(found, {}) <= 8 * TURNS * (overwritten + kept_beside)
    check(graph, interpret(found, *at)[joint.values :], at)


@pytest.mark.parametrize("name", BODIES)
def test_restored_arrays_in_second_order(name):
    graph, at = program(BODIES[name][0]), inputs(2)
    joint = reverse(graph, [0, 1])
    gradient = simplify(joint.graph)
    gradient.outputs = gradient.outputs[joint.values :]
    first, second = (gradient.value(id) for id in gradient.outputs)
    total = (first * gradient.constant(np.cos(np.arange(N)))).sum() + (second * second).sum()
    gradient.outputs = [total.id]
    again = reverse(gradient, [0, 1])
    check(gradient, interpret(verify(simplify(again.graph)), *at)[again.values :], at)


def test_a_loop_with_a_condition_restores_too():
    def built(w, a):
        def turn(w, a, n):
            return put(a, ops.tanh(dot(w, a)) * 0.9, 3), n + 1

        zero = a.graph.literal(0, np.dtype("i8"))
        (a, _) = whilst(lambda w, a, n: ops.less(n, 7), turn, [w], [a, zero], limit=10)
        return (a * a).sum()

    graph, at = build(built, (N,), (N,)), inputs(3)
    joint = reverse(graph, [0, 1])
    found = verify(simplify(joint.graph))
    assert inner_bytes(found, {}) <= 8 * 10 * 3
    check(graph, interpret(found, *at)[joint.values :], at)


def test_restoring_is_exact():
    """The update cancels: undoing the subtraction would lose the digits of what was there."""

    def body(i, w, a):
        return put(a, get(a, i) - (get(a, i) - 1e-17) * 1.0 + 0.0 * dot(w, a), i)

    graph, at = program(body), inputs(4)
    joint = reverse(graph, [0, 1])
    check(graph, interpret(simplify(joint.graph), *at)[joint.values :], at)


def test_an_array_that_is_written_whole_is_kept():
    """Nothing is gained where each turn overwrites all of it."""

    def body(i, w, a):
        return put(a, ops.tanh(matvec(w, a)) * 0.5, (0, N))

    def built(w, a):
        return (loop("i", TURNS, body, [w], [a])[0] ** 2).sum()

    _, recipes = augment(build(built, (N, N), (N,)), [0, 1], [0])
    assert [recipe.restored for recipe in recipes.values()] == [()]
    _, recipes = augment(program(whole_read), [0, 1], [0])
    assert [recipe.restored for recipe in recipes.values()] == [(0,)]


def gathered(i, order, w, a):
    """The element that an index array names."""
    at = get(order, i)
    return ops.index_put(a, ops.tanh(dot(w, a)) + 0.3 * get(a, 2), at, spec=(Array(0),))


def named_by_a_value(i, order, w, a):
    """Where it goes depends on the array itself: it cannot be restored before that is known."""
    at = ops.less(dot(w, a), 0.0).cast(np.dtype("i8"))
    return ops.index_put(a, ops.tanh(dot(w, a)) + 0.3 * get(a, 2), at, spec=(Array(0),))


@pytest.mark.parametrize(("body", "restored"), [(gathered, (0,)), (named_by_a_value, ())])
def test_stores_by_index_arrays(body, restored):
    order = np.random.default_rng(5).integers(-N, N, TURNS)

    def built(w, a):
        (a,) = loop("i", TURNS, body, [a.graph.constant(order), w], [a])
        return (a * a).sum()

    graph, at = build(built, (N,), (N,)), inputs(6)
    _, recipes = augment(graph, [0, 1], [0])
    assert [recipe.restored for recipe in recipes.values()] == [restored]
    joint = reverse(graph, [0, 1])
    check(graph, interpret(verify(simplify(joint.graph)), *at)[joint.values :], at)


def random_body(seed: int):
    def body(i, w, a: Value):
        rng = np.random.default_rng(seed)
        for _ in range(int(rng.integers(1, 4))):
            start = [i, 2 * i - i, 5, N - 4 - i][rng.integers(4)]
            length = int(rng.integers(1, 4))
            part = get(a, (start, length))
            new = ops.sin(part * (1.0 + dot(w, a)))
            a = put(a, new, (start, length)) if rng.random() < 0.6 else add(a, new, (start, length))
        return a

    return body


@pytest.mark.parametrize("seed", range(20))
def test_random_updates(seed):
    print(f"seed {seed}")
    graph, at = program(random_body(seed), backwards=seed % 2 == 1), inputs(seed)
    joint = reverse(graph, [0, 1])
    found = verify(simplify(joint.graph))
    assert inner_bytes(found, {}) < 8 * TURNS * N
    results = interpret(found, *at)
    gradients, directions = results[joint.values :], inputs(seed + 100)
    pushed = forward(graph, [0, 1])
    wanted = interpret(pushed.graph, *at, *directions)[-1]
    ours = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    scale = sum(np.abs(g * d).sum() for g, d in zip(gradients, directions, strict=True))
    assert ours == pytest.approx(float(wanted), abs=1e-10 * max(float(scale), 1.0))
    tight = reverse(graph, [0, 1], budget=inner_bytes(found, {}) // 2)
    for one, other in zip(
        interpret(tight.graph, *at)[tight.values :],
        gradients,
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11 * np.abs(other).max())
