"""A kernel bound to its arrays and called in C: the same as the one bound in Python."""

import gc
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

import gradc
from gradc import snapshots
from gradc.errors import GradcError, IndexBoundsError
from gradc.runtime import native_calls
from gradc.runtime.native_calls import STATE
from gradc.runtime.plan import BufferSlot, CallPlan
from tests.backends import HAS_COMPILER
from tests.runtime.conftest import Make

pytestmark = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")


def loss(x, y):
    return np.sum(np.sin(x) * y)


@pytest.fixture(scope="module")
def arrays():
    return np.linspace(0.1, 0.9, 7), np.linspace(1.0, 2.0, 7)


@pytest.fixture(scope="module")
def bound(arrays):
    run = gradc.value_and_grad(loss, argnums=(0, 1), backend="c").bind(*arrays)
    assert type(run).__name__ == "NativeBound"
    return run


def test_it_reads_the_same_arrays_and_overwrites_the_same_results(bound, arrays):
    x, y = arrays
    first = bound()
    value, (x_bar, y_bar) = first
    np.testing.assert_allclose(x_bar, np.cos(x) * y)
    x[0] += 0.5
    second = bound()
    assert second is first
    np.testing.assert_allclose(value, np.sum(np.sin(x) * y))
    np.testing.assert_allclose(y_bar, np.sin(x))


def test_it_equals_the_one_made_in_python_bit_for_bit(bound, arrays, monkeypatch):
    monkeypatch.setattr(native_calls.STATE, "parts", None)
    monkeypatch.setenv("GRADC_NATIVE_CALLS", "0")
    plain = gradc.value_and_grad(loss, argnums=(0, 1), backend="c").bind(*arrays)
    assert type(plain).__name__ == "function"
    (value, bars), (wanted, wanted_bars) = bound(), plain()
    for one, other in zip((value, *bars), (wanted, *wanted_bars), strict=True):
        assert one.tobytes() == other.tobytes()


def test_arguments_are_refused(bound):
    for args, names in (((1,), {}), ((), {"x": 1})):
        with pytest.raises(TypeError, match="takes no arguments"):
            bound(*args, **names)
    assert len(bound(**{})) == 2


def test_a_failure_is_raised_with_the_line():
    def pick(x, k):
        return np.sum(x[k])

    x, k = np.ones(3), np.array([0, 2])
    run = gradc.compile(pick, backend="c").bind(x, k)
    assert float(run()) == 2.0
    k[1] = 5
    with pytest.raises(IndexBoundsError, match=r"np\.sum"):
        run()
    k[1] = 1
    assert float(run()) == 2.0


def test_written_arguments_are_written_back():
    def scaled(x):
        x *= 2.0
        return np.sum(x)

    x = np.ones(3)
    run = gradc.compile(scaled, backend="c").bind(x)
    assert [float(run()), float(run())] == [6.0, 12.0]
    np.testing.assert_array_equal(x, np.full(3, 4.0))


def test_everything_it_needs_is_kept(tally):
    x, y = np.arange(3.0), np.ones(3)
    held = (x, y)
    before = [sys.getrefcount(one) for one in held]
    run = gradc.value_and_grad(loss, backend="c").bind(x, y)
    results = [np.array(one) for one in run()]
    gc.collect()
    blocks = sys.getallocatedblocks()
    for _ in range(5000):
        run()
    assert abs(sys.getallocatedblocks() - blocks) < 100
    assert [float(np.sum(one)) for one in run()] == [float(np.sum(one)) for one in results]
    del run
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == before
    tally("calls in C counted", 5000)


def test_one_in_a_circle_is_collected_and_refuses_afterwards():
    class Circle:
        def __init__(self):
            self.run = STATE.parts.bound(0, (), None, None, self)

        def __del__(self):
            try:
                self.run()
            except RuntimeError as error:
                ended.append(str(error))

    assert STATE.is_loaded
    ended: list[str] = []
    for _ in range(10):
        Circle()
    gc.collect()
    assert ended == ["this bound function was taken apart"] * 10


@pytest.mark.parametrize("wrong", [(), (0,), (0, [1], None, None, None), (0, ("a",), 0, 0, 0)])
def test_what_is_no_description_is_refused(wrong):
    with pytest.raises(TypeError):
        STATE.parts.bound(*wrong)


def test_the_lock_is_released_while_a_kernel_runs(make: Make):
    """The kernel waits for what another thread of Python writes."""
    slots = BufferSlot("x", "f8", (2,)), BufferSlot("y", "f8", (), "result")
    body = (
        "volatile double *x = b[0]; x[1] = 1.0;"
        " for (int64_t k = 0; x[0] == 0.0; k++) if (k > INT64_C(4000000000)) return 3;"
        " *(double *)b[1] = x[0];"
    )
    call = make(body, CallPlan("wait", slots[:1], slots[1:], checks={3: "nobody came"}))
    x = np.zeros(2)
    run = call.bind(x)
    assert type(run).__name__ == "NativeBound"
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(float(run()[0])))
    thread.start()
    while x[1] == 0.0:
        pass
    x[0] = 3.0
    thread.join()
    assert found == [3.0]


def test_a_failing_code_without_a_check_is_named(make: Make):
    slot = BufferSlot("y", "f8", (), "result")
    call = make("return 7;", replace(CallPlan("odd", (), (slot,)), checks={}))
    with pytest.raises(GradcError, match="odd failed with code 7"):
        call.bind()()


def test_long_lists_are_compared_in_c():
    identical = STATE.parts.identical
    assert snapshots.identical is identical
    one, two = object(), object()
    assert identical([one, two], (one, two))
    assert identical([], ())
    assert not identical([one, two], [two, one])
    assert not identical([one], [one, two])
    assert not identical([1.0], [float("1")])
    for wrong in ((), ([1],), ([1], {1}), (1, [1]), ([1], [1], [1])):
        with pytest.raises(TypeError):
            identical(*wrong)
