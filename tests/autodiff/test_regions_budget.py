"""Loops that run again to keep less: the same gradients, in fewer bytes."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff.derive import reverse
from gradc.autodiff.regions_budget import segment_lengths, segments_bytes
from gradc.autodiff.regions_bytes import inner_bytes
from gradc.ir import Graph, Value
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests.region_graphs import branch, build, draw, get, loop, matvec, put, whilst

N = 4


def smooth(rng: np.random.Generator, x: Value, w: Value, i) -> Value:
    """Make a vector of another one, its size kept in bounds."""
    kind = rng.integers(6)
    if kind == 0:
        return ops.sin(x) + 0.5 * x
    if kind == 1:
        return ops.tanh(matvec(w, x))
    if kind == 2:
        return put(x, ops.sin(get(x, 1) * get(x, 2)), int(rng.integers(N)))
    if kind == 3:
        return put(x, ops.sin(get(x, (1, 2))) * get(x, 0), (2, 2))
    if kind == 4 and i is not None:
        return x * 0.9 + ops.sin(x) * ops.cos(x * 0.1)
    return ops.sin(x * get(x, int(rng.integers(N))))


def nested(rng: np.random.Generator, x: Value, w: Value, depth: int, i) -> Value:
    """Make a vector by a loop, a loop with a condition or a branch."""
    kind = rng.integers(5)
    again = [bool(flag) for flag in rng.random(2) < 0.3]
    seed = int(rng.integers(1 << 30))

    def body(i, w, x):
        inner = np.random.default_rng(seed)
        return chain(inner, x, w, depth + 1, i)

    if kind < 3 or depth > 2:
        count = int([3, 5, 7, 12][rng.integers(4)])
        return loop(f"i{depth}", count, body, [w], [x], reverse=again[0])[0]
    if kind == 3:
        turns = int(rng.integers(1, 9))

        def go(w, x, n):
            return ops.less(n, turns)

        def turn(w, x, n):
            return body(None, w, x), n + 1

        zero = x.graph.literal(0, np.dtype("i8"))
        return whilst(go, turn, [w], [x, zero], limit=9)[0]
    condition = ops.less(get(x, 0), 0.3)
    return branch(
        condition, lambda w, x: body(None, w, x), lambda w, x: ops.sin(x) * 0.7, [w, x]
    )[0]  # fmt: skip


def chain(rng: np.random.Generator, x: Value, w: Value, depth: int, i) -> Value:
    for _ in range(int(rng.integers(1, 4))):
        x = smooth(rng, x, w, i)
    if depth < 3 and rng.random() < 0.8 - 0.2 * depth:
        x = nested(rng, x, w, depth, i)
        x = smooth(rng, x, w, i)
    return x


def program(seed: int) -> Graph:
    def built(x, w):
        rng = np.random.default_rng(seed)
        x = nested(rng, x, w, 0, None)
        x = nested(rng, x, w, 0, None)
        return (x * x).sum()

    return simplify(verify(build(built, (N,), (N, N))))


def inputs(seed: int) -> list[np.ndarray]:
    x, w = draw(seed, (N,), (N, N))
    return [x, w * 0.4]


def gradient(graph: Graph, budget: int | None) -> Graph:
    joint = reverse(graph, [0, 1], budget=budget)
    result = simplify(verify(joint.graph))
    result.outputs = result.outputs[joint.values :]
    return verify(result)


@pytest.mark.parametrize("seed", range(24))
def test_random_programs_have_the_same_gradients_in_less(seed):
    print(f"seed {seed}")
    graph, at = program(seed), inputs(seed)
    plain = gradient(graph, None)
    wanted, most = interpret(plain, *at), inner_bytes(plain, {})
    for budget in (0, most // 3):
        found = gradient(graph, budget)
        assert inner_bytes(found, {}) <= most
        for one, other in zip(interpret(found, *at), wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def along(gradients: Graph) -> Graph:
    """Return the scalar product of gradients and fixed directions."""
    graph = simplify(gradients)
    total = None
    for id in graph.outputs:
        value = graph.value(id)
        weight = np.linspace(-1.0, 1.0, max(int(value.size), 1)).reshape(value.shape)
        term = (value * graph.constant(weight)).sum()
        total = term if total is None else total + term
    assert total is not None
    graph.outputs = [total.id]
    return graph


@pytest.mark.parametrize("seed", [1, 3, 4, 5, 7])
def test_second_order(seed):
    print(f"seed {seed}")
    graph, at = program(seed), inputs(seed)
    plain = gradient(graph, None)
    budget = inner_bytes(plain, {}) // 3
    wanted = interpret(gradient(along(plain), None), *at)
    found = interpret(gradient(along(gradient(graph, budget)), budget), *at)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)


def chained(count: int, reverse: bool) -> Graph:
    def body(i, x):
        return ops.sin(x * 1.1) + 0.01 * x

    def built(x):
        return loop("i", count, body, [], [x], reverse=reverse)[0].sum()

    return build(built, (N,))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("count", [97, 100, 1000])
def test_bytes_fall_with_the_budget(count, backwards):
    graph, row = chained(count, backwards), 8 * N
    at = draw(3, (N,))
    wanted = None
    for budget, most in ((None, count), (3 * count**0.5, 3 * count**0.5), (0, 6 * np.log2(count))):
        joint = reverse(graph, [0], budget=None if budget is None else int(budget * row))
        found = simplify(joint.graph)
        assert inner_bytes(found, {}) <= most * row
        (result,) = interpret(found, *at)[joint.values :]
        wanted = result if wanted is None else wanted
        np.testing.assert_array_equal(result, wanted)


def test_segments_have_one_length_where_that_fits():
    assert segment_lengths(10_000, 8, 8, 2000) == [100]
    (length,) = segment_lengths(10_000, 8, 8, 300 * 8)
    assert 10_000 % length == 0
    first, second = segment_lengths(9973, 8, 8, 70 * 8)
    assert first % second == 0
    assert segments_bytes(9973, 8, 8, [first, second]) <= 70 * 8


def test_a_tape_of_a_loop_with_a_condition_is_not_kept_in_every_turn_of_another():
    def built(x):
        def turn(x, n):
            return ops.sin(x), n + 1

        def body(i, x):
            zero = x.graph.literal(0, np.dtype("i8"))
            return whilst(lambda x, n: ops.less(n, 3), turn, [], [x, zero], limit=1000)[0]

        return loop("i", 50, body, [], [x])[0].sum()

    graph = build(built, (N,))
    joint = simplify(reverse(graph, [0]).graph)
    assert inner_bytes(joint, {}) == (50 + 1000) * 8 * N


def test_loops_share_a_budget():
    def built(x):
        def body(i, x):
            return ops.sin(x * 1.1)

        (x,) = loop("i", 100, body, [], [x])
        (x,) = loop("j", 10, body, [], [x])
        return x.sum()

    row = 8 * N
    joint = simplify(reverse(build(built, (N,)), [0], budget=40 * row).graph)
    assert inner_bytes(joint, {}) <= 40 * row
