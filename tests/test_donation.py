"""``donate=``: results in the memory of arguments, the same numbers, in both backends."""

import json

import numpy as np
import pytest

import gradc
from gradc.errors import ArgumentError, GradcError
from gradc.runtime.plan import CallPlan
from tests.backends import BACKENDS

backends = pytest.mark.parametrize("backend", BACKENDS)


def step(w, g, lr):
    return w - lr * g


def momentum(params, velocity, x, y):
    def loss(params):
        return np.mean((np.tanh(x @ params["w"]) @ params["v"] - y) ** 2)

    value, slope = gradc.value_and_grad(loss)(params)
    velocity = {k: 0.9 * velocity[k] - 0.1 * slope[k] for k in params}
    return {k: params[k] + velocity[k] for k in params}, velocity, value


def weights(seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"w": (30, 40), "v": (40, 3)}
    params = {k: rng.standard_normal(shape) / 8 for k, shape in shapes.items()}
    velocity = {k: np.zeros(shape) for k, shape in shapes.items()}
    return params, velocity, rng.standard_normal((200, 30)), rng.standard_normal((200, 3))


# what comes back


@backends
@pytest.mark.parametrize("n", [1, 7, 128, 129, 5_000, 3_000_000])
def test_the_array_that_was_passed_comes_back_with_the_result_in_it(backend, n):
    rng = np.random.default_rng(n)
    w, g = rng.standard_normal(n), rng.standard_normal(n)
    plain = gradc.compile(step, backend=backend)
    given = gradc.compile(step, backend=backend, donate="w")
    for _ in range(4):  # the first calls are checked in full, the later ones are quick
        want, before = plain(w.copy(), g, 0.1), g.copy()
        found = given(w, g, 0.1)
        assert found is w
        np.testing.assert_array_equal(w, want)
        np.testing.assert_array_equal(g, before)


@backends
def test_a_whole_training_step(backend):
    plain, given = weights(), weights()
    first = gradc.compile(momentum, backend=backend)
    second = gradc.compile(momentum, backend=backend, donate=("params", "velocity"))
    for _ in range(3):
        params, velocity, value = first(*plain)
        plain = params, velocity, *plain[2:]
        found, speed, other = second(*given)
        assert other == value
        for k in params:
            assert found[k] is given[0][k]
            assert speed[k] is given[1][k]
            np.testing.assert_array_equal(found[k], params[k])
            np.testing.assert_array_equal(speed[k], velocity[k])


@backends
@pytest.mark.parametrize("donate", [0, "w", ("w",), [0], (-3,)])
def test_positions_and_names(backend, donate):
    w = np.ones(10)
    assert gradc.compile(step, backend=backend, donate=donate)(w, np.ones(10), 0.5) is w
    np.testing.assert_array_equal(w, 0.5)


@backends
def test_a_result_of_the_same_name_before_any_other(backend):
    def swapped(a, b):
        a, b = a + 1.0, b + 2.0
        return b, a

    a, b = np.zeros(500), np.zeros(500)
    first, second = gradc.compile(swapped, backend=backend, donate=("a", "b"))(a, b)
    assert first is b
    assert second is a
    np.testing.assert_array_equal(a, 1.0)
    np.testing.assert_array_equal(b, 2.0)


@backends
def test_a_gradient_in_the_memory_of_its_argument(backend):
    w = np.linspace(0.1, 2.0, 1000)
    want = np.cos(w) * w + np.sin(w)
    slope = gradc.grad(lambda w: np.sum(np.sin(w) * w), backend=backend, donate=0)(w)
    assert slope is w
    np.testing.assert_allclose(w, want, rtol=1e-12)


@backends
def test_bound_steps_go_on_where_the_last_one_ended(backend):
    w, g = np.ones(1000), np.ones(1000)
    run = gradc.compile(step, backend=backend, donate="w").bind(w, g, np.array(0.25))
    assert run() is w
    run()
    np.testing.assert_array_equal(w, 0.5)


@backends
def test_inside_another_function_it_means_nothing(backend):
    inner = gradc.compile(step, backend=backend, donate="w")
    w = np.ones(5)
    found = gradc.compile(lambda w, g: inner(w, g, 0.5) + w, backend=backend)(w, np.ones(5))
    np.testing.assert_array_equal(found, 1.5)
    np.testing.assert_array_equal(w, 1.0)


# where the argument is still read


def shifted(w):
    return np.concatenate([w[1:], w[:1]]) + w[::-1]


def crossed(a, b):
    return a + b * b, b - a


def normed(w):
    w = w / np.sqrt(np.sum(w * w))
    return w, np.sum(w * w[::-1])


def product(w, x):
    return w @ x


def sorted_rows(w):
    return np.sort(w, axis=1)[:, ::-1] * w


def smoothed(w):
    for _ in range(20):
        w[1:-1] = (w[:-2] + w[1:-1] + w[2:]) / 3.0
    return w * 1.0


SHAPES = {
    shifted: [(9,), (3000,)],
    crossed: [((9,), (9,)), ((4000,), (4000,))],
    normed: [(30,), (4000,)],
    product: [((8, 8), (8, 8)), ((60, 60), (60, 60))],
    sorted_rows: [(5, 7)],
}


@backends
@pytest.mark.parametrize(
    ("function", "shapes"), [(f, s) for f, all_ in SHAPES.items() for s in all_]
)
def test_an_argument_is_read_before_it_is_overwritten(backend, function, shapes):
    shapes = shapes if isinstance(shapes[0], tuple) else (shapes,)
    rng = np.random.default_rng(3)
    args = [rng.standard_normal(shape) for shape in shapes]
    names = tuple(range(len(args))) if function is crossed else 0
    want = function(*[a.copy() for a in args])
    found = gradc.compile(function, backend=backend, donate=names)(*args)
    found, want = (x if isinstance(x, tuple) else (x,) for x in (found, want))
    assert found[0] is args[0]
    for one, other in zip(found, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@backends
def test_an_argument_comes_back_as_it_is(backend):
    w = np.arange(2000.0)
    found = gradc.compile(lambda w: w, backend=backend, donate=0)(w)
    assert found is w
    np.testing.assert_array_equal(w, np.arange(2000.0))


@backends
def test_an_error_leaves_the_argument_alone(backend):
    def picked(w, at):
        w = w * 2.0
        return w, w[at]

    w = np.ones(3000)
    function = gradc.compile(picked, backend=backend, donate="w")
    with pytest.raises((GradcError, IndexError)):
        function(w, np.array([1, 5000]))
    np.testing.assert_array_equal(w, 1.0)
    function(w, np.array([1, 2]))
    np.testing.assert_array_equal(w, 2.0)


# what it saves


def test_no_memory_for_the_result_nor_for_a_copy():
    w, g = np.ones(100_000), np.ones(100_000)
    plain = gradc.compile(step, backend="c").artifact(w, g, 0.1).memory()
    given = gradc.compile(step, backend="c", donate="w").artifact(w, g, 0.1).memory()
    assert (plain.arena, plain.results) == (0, w.nbytes)
    assert (given.arena, given.results, given.peak) == (0, 0, 0)


def test_the_working_memory_of_what_cannot_be_done_in_place():
    w = np.ones(100_000)
    memory = gradc.compile(shifted, backend="c", donate=0).artifact(w).memory()
    assert memory.results == 0
    assert w.nbytes <= memory.arena < 2 * w.nbytes


def test_one_parameter_is_read_and_written():
    text = gradc.compile(step, backend="c", donate="w").source("c", np.ones(9), np.ones(9), 0.1)
    assert " * w   f8[9]  in, out\n" in text
    assert "int step(double *w, const double *g, const double *lr, void *arena);" in text
    assert "w[i] = w[i] - lr[0] * g[i];" in text


# what is refused


def refused(match, function, *args, **options):
    with pytest.raises(ArgumentError) as caught:
        gradc.compile(function, **options)(*args)
    assert match in str(caught.value)
    assert caught.value.repair


@backends
def test_what_cannot_be_donated(backend):
    w, g = np.ones(10), np.ones(10)
    options = {"backend": backend, "donate": "w"}
    frozen = w.copy()
    frozen.flags.writeable = False
    refused("read-only", step, frozen, g, 0.1, **options)
    refused("one after the other", step, np.ones(20)[::2], g, 0.1, **options)
    refused("very type", step, np.ones(10, ">f8"), g, 0.1, **options)
    refused("shares memory with g", step, w, w, 0.1, **options)
    refused("is no array", step, 1.0, g, 0.1, **options)
    refused("no result of this shape", lambda w: np.sum(w), w, **options)
    refused("no result of this shape", lambda w: w.astype(np.float32), w, **options)
    refused("no argument named 'v'", step, w, g, 0.1, backend=backend, donate="v")
    refused("overwrites w itself", smoothed, w, **options)
    np.testing.assert_array_equal(w, 1.0)


@backends
def test_overlaps_are_found_by_quick_calls_too(backend):
    memory = np.zeros(30)
    function = gradc.compile(step, backend=backend, donate="w")
    for _ in range(4):
        function(memory[:10], memory[10:20], 0.1)
    with pytest.raises(ArgumentError, match="shares memory with g"):
        function(memory[:10], memory[5:15], 0.1)
    every_other = memory[:20].reshape(10, 2)
    other = gradc.compile(lambda w, g: w + g, backend=backend, donate="w")
    other(memory[20:], memory[:20][::2], **{})
    with pytest.raises(ArgumentError, match="shares memory"):
        gradc.compile(lambda w, g: w * np.sum(g), backend=backend, donate="w")(
            memory[:10], every_other
        )


@backends
def test_a_closed_over_array_is_an_argument_like_any_other(backend):
    table = np.ones(10)
    function = gradc.compile(lambda w: w + table, backend=backend, donate=0)
    with pytest.raises(ArgumentError, match="shares memory with table"):
        function(table)
    assert function(np.ones(10))[0] == 2.0


@backends
def test_two_results_for_three_arguments(backend):
    def pair(a, b, c):
        return a + b, b + c

    arrays = [np.ones(4) for _ in range(3)]
    refused("donates c", pair, *arrays, backend=backend, donate=("a", "b", "c"))


@pytest.mark.parametrize("donate", [1.5, True, {"w"}, ("w", None)])
def test_options_that_name_no_arguments(donate):
    with pytest.raises(ArgumentError, match="names no arguments"):
        gradc.compile(step, donate=donate)


def test_builds_take_none(tmp_path):
    with pytest.raises(ArgumentError, match="takes no donate="):
        gradc.build(step, ("f8[4]", "f8[4]", "f8"), out=tmp_path, donate="w", libraries=False)


def test_a_plan_with_donations_is_read_back():
    w = np.ones(10)
    plan = gradc.compile(step, donate="w", backend="c").artifact(w, w.copy(), 0.1).caller.plan
    assert plan.donated == ((0, 0),)
    assert CallPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
