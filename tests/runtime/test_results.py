"""Large results: their memory serves again, and never while somebody holds it."""

import gc
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import gradc
from gradc.runtime import results
from gradc.runtime.plan import BufferSlot
from gradc.runtime.results import Results
from tests.backends import HAS_COMPILER

N = 1000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take 8 kB for large."""
    monkeypatch.setattr(results, "LARGE", 8 * N)
    monkeypatch.setattr(results, "_kept", [])
    yield


def made(*lengths: int) -> Results:
    return Results([BufferSlot("r", "f8", (n,), "result") for n in lengths])


def address(array: np.ndarray) -> int:
    return array.ctypes.data


def test_dropped_memory_serves_again() -> None:
    maker = made(N)
    first = address(maker.fresh()[0])
    assert [address(maker.fresh()[0]) for _ in range(5)] == [first] * 5
    assert address(maker.taker(0)()) == first


@pytest.mark.parametrize("hold", [lambda a: a, lambda a: a[3:5], lambda a: a.reshape(10, -1).T,
                                  lambda a: memoryview(a), lambda a: {"x": [a]}])  # fmt: skip
def test_held_memory_is_left_alone(hold) -> None:
    maker = made(N)
    (array,) = maker.fresh()
    array[:] = 1.0
    kept = hold(array)
    del array
    (other,) = maker.fresh()
    other[:] = 2.0
    view = np.asarray(kept["x"][0] if isinstance(kept, dict) else kept)
    assert np.all(view == 1.0)


def test_small_results_are_arrays_of_their_own() -> None:
    maker = made(N - 1, 0, N)
    first, second, third = maker.fresh()
    assert first.flags.owndata
    assert second.flags.owndata
    assert not third.flags.owndata
    assert [maker.taker(k) is None for k in range(3)] == [True, True, False]


def test_results_of_one_call_lie_apart() -> None:
    maker = made(N, N)
    for _ in range(3):
        first, second = maker.fresh()
        assert not np.shares_memory(first, second)


def test_no_more_is_kept_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "LIMIT", 3 * 8 * N)
    makers = [made(N) for _ in range(5)]
    for maker in makers:
        maker.fresh()
    owners = [maker._memories[0].owners for maker in makers]
    assert list(map(len, owners)) == [0, 0, 1, 1, 1]
    assert made(4 * N).taker(0) is None


def test_two_of_each_are_kept_and_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    maker = made(N)
    held = [maker.fresh()[0] for _ in range(5)]
    assert len({address(array) for array in held}) == 5
    (memory,) = maker._memories
    assert [address(owner) for owner in memory.owners] == [address(a) for a in (held[4], held[3])]
    monkeypatch.setattr(results, "LIMIT", 2 * 8 * N - 1)
    alone = made(N)
    held = [alone.fresh()[0] for _ in range(3)]
    assert len(alone._memories[0].owners) == 1
    assert memory.owners == ()


def test_nothing_is_kept_without_its_plan() -> None:
    maker = made(N)
    maker.fresh()
    (ref,) = results._kept
    del maker
    gc.collect()
    assert ref() is None


def test_without_a_common_lock_nothing_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_COUNTS", False)
    assert made(N).taker(0) is None


def test_threads_never_share() -> None:
    maker = made(N)
    wrong = []

    def work(number: int) -> None:
        for turn in range(300):
            (array,) = maker.fresh()
            array[:] = number + 10 * turn
            if not np.all(array == number + 10 * turn):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
def test_an_optimiser_runs_in_the_memory_of_one_gradient() -> None:
    f = gradc.value_and_grad(lambda x: np.sum(x**4), backend="c")
    x = np.linspace(-1.0, 1.0, N)
    kept = [f(x)[1] for _ in range(3)]
    assert len({address(g) for g in kept}) == 3
    np.testing.assert_array_equal(kept[0], kept[2])
    places = set()
    for _ in range(10):
        g = f(x)[1]
        places.add(address(g))
        x = x - 0.01 * g
        del g
    assert len(places) == 1
    for _ in range(10):
        g = f(x)[1]
        places.add(address(g))
        x = x - 0.01 * g
    assert len(places) == 2
    np.testing.assert_allclose(f(x)[1], 4 * x**3)


@pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
def test_arguments_that_are_written_to() -> None:
    def push(x, y):
        x *= 2.0
        return x + y

    f = gradc.compile(push, backend="c")
    x, y = np.ones(N), np.ones(N)
    first = f(x, y)
    second = f(x, y)
    assert first[0] == 3.0
    assert second[0] == 5.0
    assert x[0] == 4.0
