"""Calls without conversions: written for one signature, small arrays copied, large ones lent."""

import linecache
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gradc
from gradc.api import MISS
from gradc.errors import ArgumentError, IndexBoundsError
from gradc.runtime.quick import SMALL


@pytest.fixture(params=["C", "Python"], autouse=True)
def way(request):
    """Make the calls of each test in C, then in Python."""
    if request.param == "Python":
        request.getfixturevalue("calls_in_python")
    return request.param


def affine(w, b, x):
    y = np.tanh(w * x + b)
    return {"sum": np.sum(y), "all": [y, y * 2.0]}


def ready(function, *args):
    """Compile a function and call it until the short way is written."""
    compiled = gradc.compile(function)
    for _ in range(2):
        compiled(*args)
    assert compiled.quick is not None
    return compiled


@pytest.mark.parametrize("n", [0, 1, SMALL // 8, SMALL // 8 + 1, 5000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_results_are_those_of_the_checked_call(n, dtype):
    rng = np.random.default_rng(n)
    w, x = (rng.uniform(-3, 3, n).astype(dtype) for _ in range(2))
    b = np.array(2, dtype)
    compiled = ready(affine, w, b, x)
    got, want = compiled.quick((w, b, x)), gradc.compile(affine)(w, b, x)
    assert list(got) == list(want)
    assert type(got["sum"]) is type(want["sum"])
    for mine, theirs in zip([got["sum"], *got["all"]], [want["sum"], *want["all"]], strict=True):
        assert np.asarray(mine).dtype == np.asarray(theirs).dtype
        np.testing.assert_array_equal(mine, theirs)


def test_results_are_fresh():
    x = np.ones(4)
    compiled = ready(affine, x, np.array(0.5), x)
    first, second = (compiled(x, np.array(0.5), x) for _ in range(2))
    assert not np.shares_memory(first["all"][0], second["all"][0])
    kept = first["all"][0].copy()
    compiled(x * 3.0, np.array(-1.0), x)
    np.testing.assert_array_equal(first["all"][0], kept)


@pytest.mark.parametrize(
    "bad",
    [
        (np.ones(4, np.float32), np.array(0.5), np.ones(4)),
        (np.ones(5), np.array(0.5), np.ones(4)),
        (np.ones((4, 1)), np.array(0.5), np.ones(4)),
        (np.ones(4), np.ones(1), np.ones(4)),
        (np.ones(4), 0.5, np.ones(4)),
        (np.ones(8)[::2], np.array(0.5), np.ones(4)),
        (np.ones(4).astype(">f8"), np.array(0.5), np.ones(4)),
        (np.ones(4), np.array(0.5)),
    ],
    ids=["dtype", "length", "rank", "no number", "python", "strided", "swapped", "count"],
)
def test_other_arguments_are_left_to_the_checked_call(bad):
    compiled = ready(affine, np.ones(4), np.array(0.5), np.ones(4))
    assert compiled.quick(bad) is MISS


def test_threads_do_not_meet():
    def shifted(x, by):
        return np.cumsum(x) + by

    compiled = ready(shifted, np.ones(50), np.array(1.0))

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(300):
            x, by = rng.standard_normal(50), np.array(rng.standard_normal())
            np.testing.assert_allclose(compiled(x, by), np.cumsum(x) + by, rtol=1e-12, atol=1e-13)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_two_signatures_in_turn_write_two_functions():
    compiled = gradc.compile(lambda x: x * 2.0)
    one, two = np.ones(3), np.ones(4)
    for _ in range(3):
        compiled(one), compiled(two)
    before = len(linecache.cache)
    for _ in range(20):
        np.testing.assert_array_equal(compiled(one), one * 2.0)
        np.testing.assert_array_equal(compiled(two), two * 2.0)
    assert len(linecache.cache) == before


def test_a_number_that_the_function_closes_over_is_still_watched():
    factor = 2.0

    def scaled(x):
        return x * factor

    x = np.ones(3)
    compiled = ready(scaled, x)
    factor = 5.0
    np.testing.assert_array_equal(compiled(x), 5.0 * x)


def test_a_failure_leaves_the_short_way_open():
    def taken(x, i):
        return x[i]

    x = np.arange(3.0)
    compiled = ready(taken, x, np.array([1]))
    for _ in range(3):
        with pytest.raises(IndexBoundsError):
            compiled(x, np.array([7]))
        np.testing.assert_array_equal(compiled(x, np.array([2])), [2.0])


def test_bound_results_are_the_same_objects():
    compiled = gradc.compile(lambda x: (x + 1.0, (x * 2.0,)))
    x = np.ones(3)
    run = compiled.bind(x)
    first = run()
    x[:] = 4.0
    assert run() is first
    np.testing.assert_array_equal(first[0], x + 1.0)
    np.testing.assert_array_equal(first[1][0], x * 2.0)


def test_bound_results_in_a_list_are_a_list_of_their_own():
    compiled = gradc.compile(lambda x: [x + 1.0])
    run = compiled.bind(np.ones(3))
    first = run()
    first.clear()
    assert len(run()) == 1


def test_arguments_written_in_place_take_the_checked_call():
    def doubled(x):
        x *= 2.0
        return x.sum()

    compiled = gradc.compile(doubled)
    x = np.ones(3)
    for _ in range(3):
        compiled(x)
    assert compiled.quick is None
    np.testing.assert_array_equal(x, np.full(3, 8.0))
    with pytest.raises(ArgumentError):
        compiled.artifact(x).caller([x.astype(np.float32)])
