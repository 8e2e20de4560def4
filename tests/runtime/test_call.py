import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gradc.errors import ArgumentError, GradcError, IndexBoundsError, LimitError
from gradc.runtime import workspace
from gradc.runtime.call import Caller, caller
from gradc.runtime.plan import BufferSlot, CallPlan, Check
from gradc.runtime.quick import Manner
from tests.native.kernels import unit

Make = Callable[..., Caller]

X8 = BufferSlot("x", "f8", (8,))
Y8 = BufferSlot("y", "f8", (8,), "result")
ADD = (
    "const double *x = b[0], *w = b[1]; double *y = b[2];"
    " for (int i = 0; i < 8; i++) y[i] = x[i] + w[i];"
)
ADD_PLAN = CallPlan("add", (X8, BufferSlot("w", "f8", (8,))), (Y8,))


@pytest.fixture
def add(make: Make) -> Caller:
    return make(ADD, ADD_PLAN)


def python_add(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return x + w


@pytest.fixture(params=["c", "python"])
def either(request: pytest.FixtureRequest, make: Make) -> Caller:
    return make(ADD, ADD_PLAN) if request.param == "c" else caller(python_add, ADD_PLAN)


def test_results_are_fresh(either: Caller) -> None:
    x = np.arange(8.0)
    first, second = either([x, x]), either([x, x])
    np.testing.assert_array_equal(first[0], 2 * x)
    assert not np.shares_memory(first[0], second[0])
    assert first[0].flags.writeable
    assert either.stats.copies == 0


def test_wrong_count(either: Caller) -> None:
    with pytest.raises(ArgumentError, match=r"add takes 2 arrays, got 1(.|\n)*pass x, w"):
        either([np.zeros(8)])


def test_layouts_are_copied_and_counted(either: Caller) -> None:
    x = np.arange(16.0)
    raw = np.zeros(65, np.uint8)[1:].view(np.float64)
    raw[:] = x[:8]
    for value in (x[::2], x[7::-1], np.broadcast_to(x[3], 8), x[:8].astype(">f8"), raw):
        before = either.stats.copies
        want = np.asarray(value, np.float64) + x[:8]
        np.testing.assert_array_equal(either([value, x[:8]])[0], want)
        assert either.stats.copies == before + 1
    frozen = x[:8].copy()
    frozen.flags.writeable = False
    before = either.stats.copies
    np.testing.assert_array_equal(either([frozen, frozen])[0], 2 * frozen)
    assert either.stats.copies == before


def test_scalars_and_written_arguments(make: Make) -> None:
    plan = CallPlan(
        "step",
        (X8, BufferSlot("rate", "f8", ())),
        (
            BufferSlot("total", "f8", (), "result", scalar=True),
            BufferSlot("x_1", "f8", (8,), "written"),
        ),
        write_back=((1, 0),),
    )
    body = (
        "const double *x = b[0], *r = b[1]; double *total = b[2], *y = b[3]; *total = 0.0;"
        " for (int i = 0; i < 8; i++) { y[i] = x[i] * *r; *total += y[i]; }"
    )
    step = make(body, plan)
    for x in (np.arange(8.0), np.arange(16.0)[::2], np.arange(8.0).astype(">f8")):
        want = x * 0.5
        results = step([x, 0.5])
        assert [type(result) for result in results] == [np.float64]
        assert results[0] == want.sum()
        np.testing.assert_array_equal(x, want)
    frozen = np.arange(8.0)
    frozen.flags.writeable = False
    with pytest.raises(ArgumentError, match=r"function writes to x, which is read-only\n.*x.copy"):
        step([frozen, 0.5])
    x = np.arange(8.0)
    bound = step.bind(x, 0.5)
    assert [bound()[0][()], bound()[0][()]] == [14.0, 7.0]
    np.testing.assert_array_equal(x, np.arange(8.0) / 4)


def test_checks_become_errors(make: Make) -> None:
    checks = {
        1: "index 9 is out of bounds\n  model.py:3",
        2: Check("too many turns", "limit"),
        3: Check("n must be positive", "value"),
    }
    plan = CallPlan("check", (BufferSlot("code", "i4", ()),), (), checks=checks)
    check = make("return *(const int32_t *)b[0];", plan)
    assert check([0]) == []
    for code, kind in ((1, IndexBoundsError), (2, LimitError), (3, ArgumentError), (7, GradcError)):
        with pytest.raises(kind):
            check([np.int32(code)])
        with pytest.raises(kind):
            check.bind(code)()
    with pytest.raises(IndexError, match=r"out of bounds\n  model\.py:3"):
        check([1])


@pytest.mark.usefixtures("calls_in_python")
def test_arena_is_aligned_and_kept(make: Make) -> None:
    plan = CallPlan("where", (), (BufferSlot("at", "i8", (), "result", scalar=True),), 1000)
    where = make("*(int64_t *)b[0] = (int64_t)(intptr_t)b[1];", plan)
    first = where([])[0]
    assert first % 64 == 0
    assert where([])[0] == first
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(where, []).result()[0] != first
    bound = where.bind()
    assert bound()[0] % 64 == 0
    assert bound()[0] != first
    workspace.release()
    assert where([])[0] % 64 == 0


@pytest.mark.usefixtures("calls_in_python")
@pytest.mark.parametrize("way", ["checked", "quick"])
def test_scratch_memory_stays_while_it_is_used(
    way: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the interpreter ends it takes what a thread has, though that thread still computes."""
    plan = CallPlan("none", (), (BufferSlot("y", "f8", (), "result"),), 1000)
    call = make("*(double *)b[0] = 1.0;", plan)
    memory: list[weakref.ref[np.ndarray]] = []
    alive = []

    def empty(*given: Any) -> np.ndarray:
        made = np.ndarray(*given)
        memory.append(weakref.ref(made))
        return made

    def entry(block: object, dims: object) -> int:
        workspace.release()
        alive.append(memory[-1]() is not None)
        return 0

    workspace.release()
    monkeypatch.setattr(workspace, "np", SimpleNamespace(empty=empty, uint8=np.uint8))
    monkeypatch.setattr(call, "_entry", entry)
    quick = call.quick((), Manner())
    assert quick is not None
    if way == "quick":
        quick(())
    else:
        call([])
    assert alive == [True]
    assert memory[-1]() is None


def test_threads_agree_with_serial(make: Make) -> None:
    body = (
        "const double *x = b[0]; double *y = b[1], *s = b[2];"
        " for (int i = 0; i < 512; i++) s[i] = x[i] * x[i];"
        " for (int i = 0; i < 512; i++) y[i] = s[511 - i] + 1.0;"
    )
    slots = BufferSlot("x", "f8", (512,)), BufferSlot("y", "f8", (512,), "result")
    flip = make(body, CallPlan("flip", slots[:1], slots[1:], arena_bytes=4096))

    def work(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        for _ in range(2000):
            x = rng.random(512)
            if not np.array_equal(flip([x])[0], (x * x)[::-1] + 1.0):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [True] * 8


def test_the_interpreter_runs_meanwhile(make: Make) -> None:
    """Two kernels wait for each other, which they can only if both run at once."""
    body = (
        "volatile int64_t *mine = b[0], *other = b[1]; *mine = 1;"
        " for (int64_t i = 0; i < 2000000000 && !*other; i++) { }"
        " *(int64_t *)b[2] = *other;"
    )
    flags = np.zeros((2, 1000), np.int64)  # large enough to be lent, not copied
    slots = tuple(BufferSlot(name, "i8", (1000,)) for name in "ab")
    meet = make(body, CallPlan("meet", slots, (BufferSlot("met", "i8", (), "result"),)))
    views = list(flags)
    with ThreadPoolExecutor(2) as pool:
        met = pool.map(meet, [views, views[::-1]])
        assert [int(result[0]) for result in met] == [1, 1]


def test_bind(either: Caller) -> None:
    x, w = np.arange(8.0), np.ones(8)
    bound = either.bind(x, w)
    first = bound()
    np.testing.assert_array_equal(first[0], x + 1)
    x[:] = 5
    assert bound()[0] is first[0]
    np.testing.assert_array_equal(first[0], 6)
    with pytest.raises(
        ArgumentError, match="x cannot be bound where it is: its elements do not lie"
    ):
        either.bind(np.arange(16.0)[::2], w)
    with pytest.raises(ArgumentError, match=r"w must be f8\[8\], got f8\[7\]"):
        either.bind(x, np.ones(7))


def test_bound_arrays_stay_alive(add: Caller) -> None:
    bound = add.bind(np.arange(8.0), np.ones(8))
    junk = [np.full(8, 9.0) for _ in range(100)]
    np.testing.assert_array_equal(bound()[0], np.arange(8.0) + 1)
    assert len(junk) == 100


def test_python_results_never_alias() -> None:
    constant = np.arange(8.0)
    constant.flags.writeable = False
    outputs = tuple(BufferSlot(name, "f8", (8,), "result") for name in "abcd")

    def lazy(x: np.ndarray) -> tuple[np.ndarray, ...]:
        return x, x[:], constant, np.broadcast_to(1.0, 8)

    x = np.arange(8.0)
    results = caller(lazy, CallPlan("lazy", (X8,), outputs))([x])
    for number, result in enumerate(results):
        assert result.flags.writeable
        assert result.flags.carray
        assert not any(np.shares_memory(result, other) for other in [x, *results[:number]])


def test_python_results_are_checked() -> None:
    for wrong in (lambda x: (x, x), lambda x: x[:3], lambda x: x.astype("f4")):
        with pytest.raises(GradcError, match="lazy returned"):
            caller(wrong, CallPlan("lazy", (X8,), (Y8,)))([np.zeros(8)])


def test_fork_then_call(add: Caller) -> None:
    x = np.arange(8.0)
    add([x, x])
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if np.array_equal(add([x, x])[0], 2 * x) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(add([x, x])[0], 2 * x)


def test_blas_through_the_environment(make: Make) -> None:
    header = Path(__file__).resolve().parents[2] / "templates/c/support/gradc_env.h"
    slots = BufferSlot("a", "f8", (5, 5)), BufferSlot("c", "f8", (5, 5), "result")
    body = (
        "const gradc_env *env = b[3]; if (!env || env->version != GRADC_ENV_VERSION) return 1;"
        " if (!env->dgemm) return 2;"
        " env->dgemm(GRADC_ROW_MAJOR, GRADC_NO_TRANS, GRADC_TRANS, 5, 5, 5, 1.0, b[0], 5, b[0], 5,"
        " 0.0, b[1], 5);"
    )
    square = make(
        body,
        CallPlan("square", slots[:1], slots[1:], environment=True),
        before=header.read_text(),
    )
    a = np.arange(25.0).reshape(5, 5)
    try:
        np.testing.assert_array_equal(square([a])[0], a @ a.T)
    except GradcError as error:
        assert "code 2" in str(error)


def test_nothing_leaks(add: Caller) -> None:
    x = np.arange(8.0)
    strided = np.arange(16.0)[::2]
    counts = []
    for _ in range(3):
        for _ in range(3000):
            add([x, strided])
        status = Path("/proc/self/statm").read_text().split()
        counts.append(int(status[1]) * os.sysconf("SC_PAGE_SIZE"))
    assert counts[-1] - counts[0] < 1_000_000
    assert threading.active_count() >= 1


def test_overhead_is_reported(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Print what a call costs here; no judgement, machines differ."""
    names = [BufferSlot(f"x{number}", "f8", (8,)) for number in range(5)]
    body = "((double *)b[5])[0] = ((double *)b[0])[0];"
    call = make(body, CallPlan("five", tuple(names), (Y8,)))
    arrays = [np.ones(8) for _ in names]
    bound = call.bind(*arrays)
    with capsys.disabled():
        print(f"\n5 arrays {_cost(lambda: call.call(arrays)):.2f} us, bound {_cost(bound):.2f} us")


def _cost(function: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(5000):
            function()
        best = min(best, time.perf_counter() - start)
    return best / 5000 * 1e6


def test_unit_helper_is_complete() -> None:
    assert unit("").text.count("kernel_call") == 1
