"""Calls made in C: the same results and the same refusals as those made in Python."""

import gc
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gradc
from gradc.api import MISS, Function
from gradc.dispatch import made_in_c
from gradc.errors import ArgumentError, GradcError, IndexBoundsError
from gradc.runtime.call import caller
from gradc.runtime.native_calls import MAX_BUFFERS, MAX_SCRATCH, STATE
from gradc.runtime.plan import BufferSlot, CallPlan
from gradc.runtime.quick import Manner
from gradc.runtime.results import LARGE
from tests.backends import HAS_COMPILER
from tests.runtime.conftest import Make

pytestmark = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")

CODES = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]
SHAPES = [(), (0,), (1,), (3,), (2, 3), (2, 0, 3), (1, 1, 1, 2)]


def in_c(run):
    return type(run).__name__ == "NativeCall"


def ready(function, *args, **options):
    """Compile a function and call it until calls are made in C."""
    compiled = gradc.compile(function, backend="c", **options)
    for _ in range(2):
        compiled(*args)
    assert in_c(compiled.quick)
    return compiled


@pytest.fixture(scope="module")
def copying(make: Make):
    """Return, for a dtype and a shape, a call that copies its argument."""
    made = {}

    def get(code, shape):
        if (code, shape) not in made:
            slots = BufferSlot("x", code, shape), BufferSlot("y", code, shape, "result")
            body = f"memcpy(b[1], b[0], {slots[0].nbytes});"
            call = make(body, CallPlan("copy", slots[:1], slots[1:]), "#include <string.h>\n")
            made[code, shape] = call.native([False], Manner(miss=MISS))
            assert in_c(made[code, shape])
        return made[code, shape]

    return get


def test_the_library_is_there():
    assert STATE.load(made_in_c), STATE.reason
    assert type(Function.__call__).__name__ == "method_descriptor"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("code", CODES)
def test_exactly_what_the_plan_says_goes_in(copying, code, shape):
    run = copying(code, shape)
    x = np.random.default_rng(1).integers(0, 2, shape).astype(code)
    x = np.asarray(x)
    frozen = x.copy()
    frozen.flags.writeable = False
    for good in (x, frozen, np.concatenate([x.ravel(), x.ravel()])[x.size :].reshape(shape)):
        (got,) = run((good,))
        assert type(got) is np.ndarray
        assert (got.dtype, got.shape, got.flags.carray) == (x.dtype, shape, True)
        assert got.flags.owndata
        np.testing.assert_array_equal(got, x)
        assert got is not good
    assert run([x])[0].tobytes() == x.tobytes()


def _others(x):
    """Return what is not exactly ``x``: name and value."""

    class Own(np.ndarray):
        pass

    code, raw = x.dtype.str[1:], np.zeros(x.nbytes + 1, np.uint8)
    shifted = raw[1:].view(x.dtype).reshape(x.shape) if x.dtype.itemsize > 1 else None
    yield "none", None
    yield "list", x.tolist()
    yield "subclass", x.view(Own)
    yield "record", np.zeros(x.shape, [("a", x.dtype)])
    yield "object", x.astype(object)
    yield "rank", x[None]
    yield "scalar", x.ravel()[0] if x.size else 1.0
    yield from ((other, x.astype(other)) for other in (*CODES, "f2", "c16") if other != code)
    if x.dtype.itemsize > 1:
        yield "swapped", x.astype(x.dtype.newbyteorder())
    if x.dtype.itemsize > 1 and x.size:
        yield "unaligned", shifted
    if x.ndim and x.size:
        yield "longer", np.concatenate([x, x])
        yield "strided", np.repeat(x, 2, axis=-1)[..., ::2] if x.shape[-1] > 1 else None
        yield "backwards", x[::-1] if x.shape[0] > 1 else None
        yield "broadcast", np.broadcast_to(x[:1], x.shape) if x.shape[0] > 1 else None
    if x.ndim == 2:
        yield "fortran", np.asfortranarray(x)
        yield "turned", x.reshape(x.shape[::-1])
        yield "masked", np.ma.masked_array(x)
        yield "matrix", x.view(np.matrix)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("code", CODES)
def test_everything_else_misses(copying, code, shape, tally):
    run, x = copying(code, shape), np.ones(shape, code)
    tried = 0
    for name, value in _others(x):
        if value is x:
            continue
        assert run((value,)) is MISS, name
        tried += 1
    assert run(()) is MISS
    assert run((x, x)) is MISS
    tally("arguments that miss", tried + 2)


@pytest.mark.parametrize("code", CODES)
def test_scalars_are_numpys(make: Make, code):
    slots = BufferSlot("x", code, ()), BufferSlot("y", code, (), "result", scalar=True)
    body = f"memcpy(b[1], b[0], {slots[0].nbytes});"
    call = make(body, CallPlan("copy", slots[:1], slots[1:]), "#include <string.h>\n")
    run = call.native([False], Manner((0,)))
    for value in (0, 1, 77):
        x = np.array(value).astype(code)
        got = run((x,))
        assert type(got) is type(x[()])
        assert got == x[()]


def test_python_floats_are_told_from_other_numbers():
    compiled = ready(lambda x, a: x * a, np.arange(3.0), 2.0)
    x = np.arange(3.0)
    for good in (0.5, 1e307, -0.0, 5e-324):
        np.testing.assert_array_equal(compiled.quick((x, good)), x * good)
    for bad in (np.float64(2.0), 2, True, np.array(2.0), np.float32(2.0), "2.0", 2j):
        assert compiled.quick((x, bad)) is MISS
    np.testing.assert_array_equal(compiled(x, np.float64(3.0)), x * 3.0)


def nested(x, y):
    return {"a": [x + y, (x * y,)], "b": (), "c": None}, x - y


def test_results_come_in_their_tree():
    x, y = np.arange(3.0), np.full(3, 2.0)
    compiled = ready(nested, x, y)
    (got, last), (want, other) = compiled(x, y), nested(x, y)
    assert list(got) == list(want)
    assert (got["b"], got["c"], type(got["a"]), type(got["a"][1])) == ((), None, list, tuple)
    np.testing.assert_array_equal(got["a"][0], want["a"][0])
    np.testing.assert_array_equal(got["a"][1][0], want["a"][1][0])
    np.testing.assert_array_equal(last, other)
    assert compiled(x, y)[0] is not got
    assert compiled(x, y)[0]["a"] is not got["a"]


@pytest.mark.parametrize("depth", [31, 33])
def test_very_deep_results_stay_in_python(depth):
    def deep(x):
        result = x * 2.0
        for _ in range(depth):
            result = [result]
        return result

    compiled = gradc.compile(deep, backend="c")
    x = np.ones(2)
    for _ in range(3):
        got = compiled(x)
    assert in_c(compiled.quick) == (depth < 32)
    for _ in range(depth):
        (got,) = got
    np.testing.assert_array_equal(got, 2 * x)


def test_results_that_only_python_arranges():
    def twice(x):
        y = x * 2.0
        return y, y, 7

    compiled = gradc.compile(twice, backend="c")
    x = np.arange(3.0)
    for _ in range(4):
        first, second, number = compiled(x)
        np.testing.assert_array_equal(first, x * 2.0)
        np.testing.assert_array_equal(second, x * 2.0)
        assert number == 7


def test_names_and_wrong_counts_reach_the_checked_call():
    x = np.arange(3.0)
    compiled = ready(lambda x, y: x - y, x, x)
    np.testing.assert_array_equal(compiled(y=x, x=2 * x), x)
    np.testing.assert_array_equal(compiled(2 * x, y=x), x)
    for args, names in [((x,), {}), ((x, x, x), {}), ((), {}), ((x, x), {"z": x})]:
        with pytest.raises((TypeError, GradcError)):
            compiled(*args, **names)
    with pytest.raises(TypeError):
        compiled(x, object())
    np.testing.assert_array_equal(compiled(x, x), x - x)


def test_other_types_make_another_version_and_come_back():
    compiled = ready(lambda x: x * 2, np.ones(3))
    assert compiled(np.ones(4)).shape == (4,)
    assert compiled(np.ones(3, np.float32)).dtype == np.float32
    for _ in range(2):
        assert compiled(np.ones(3)).shape == (3,)
    assert in_c(compiled.quick)


def test_inside_a_trace_it_is_recorded():
    x = np.arange(1.0, 4.0)
    inner = ready(lambda x: np.sum(x * x), x)
    seen = []

    def outer(x):
        y = inner(x)
        seen.append(isinstance(y, np.ndarray))
        return y * 3.0

    np.testing.assert_array_equal(gradc.grad(outer)(x), 6.0 * x)
    assert seen == [False]


def test_a_thread_that_traces_leaves_the_others_alone():
    x = np.arange(3.0)
    compiled = ready(lambda x: x + 1.0, x)
    inside, go_on = threading.Event(), threading.Event()

    def waits(x):
        inside.set()
        assert go_on.wait(60)
        return compiled(x) * 2.0

    with ThreadPoolExecutor(1) as pool:
        traced = pool.submit(gradc.compile(waits), x)
        assert inside.wait(60)
        got = compiled(x)
        go_on.set()
        np.testing.assert_array_equal(got, x + 1.0)
        np.testing.assert_array_equal(traced.result(), (x + 1.0) * 2.0)


def test_a_method_and_a_function_of_functions():
    class Model:
        scale = 3.0

        @gradc.compile(backend="c")
        def __call__(self, x):
            return x * 3.0

    x = np.arange(3.0)
    for _ in range(3):
        np.testing.assert_array_equal(Model()(x), 3.0 * x)
    compiled = ready(lambda x: x * 3.0, x)
    np.testing.assert_array_equal([*map(compiled, [x, 2 * x])], [3 * x, 6 * x])
    np.testing.assert_array_equal(Function.__call__(compiled, x), 3 * x)
    with pytest.raises(TypeError):
        Function.__call__(len, x)


def test_a_failure_is_raised_and_nothing_is_lost():
    x, outside, inside = np.arange(3.0), np.array([7]), np.array([1])
    compiled = ready(lambda x, i: x[i], x, inside)
    before = sys.getrefcount(x), sys.getrefcount(outside)
    for _ in range(100):
        with pytest.raises(IndexBoundsError):
            compiled.quick((x, outside))
    assert (sys.getrefcount(x), sys.getrefcount(outside)) == before
    np.testing.assert_array_equal(compiled.quick((x, inside)), [1.0])


def test_an_error_of_a_condition_is_raised(make: Make):
    slot = BufferSlot("x", "f8", (2,))
    call = make("(void)b;", CallPlan("nothing", (slot,), ()))

    def fits(args):
        assert type(args) is tuple
        if args[0][0] > 1:
            raise ZeroDivisionError
        return args[0][1]

    run = call.native([False], Manner((None,), miss=MISS, fits=fits))
    assert run((np.array([0.0, 1.0]),)) is None
    assert run([np.array([0.0, 1.0])]) is None
    assert run((np.array([0.0, 0.0]),)) is MISS
    with pytest.raises(ZeroDivisionError):
        run((np.array([2.0, 0.0]),))


def test_counts_of_references_stay(tally):
    x, y = np.arange(3.0), np.ones(3)
    compiled = ready(nested, x, y)
    swapped = x.astype(">f8")
    held = (x, y, x.dtype, MISS, compiled, compiled.quick, type(compiled.quick))

    def rounds(many):
        for _ in range(many):
            compiled(x, y)
            compiled.quick((x, y))
            compiled.quick((x, swapped))

    rounds(100)
    gc.collect()
    before, blocks = [sys.getrefcount(one) for one in held], sys.getallocatedblocks()
    rounds(5000)
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == before
    assert abs(sys.getallocatedblocks() - blocks) < 200
    tally("calls in C counted", 15_000)


def test_a_call_in_a_circle_is_collected():
    """What the conditions refer to may lead to the call again, and hears from it at its end."""

    class Circle:
        def __init__(self):
            self.run = STATE.parts.call(
                0, 0, (), (), 0, self.fits, self.fits, MISS, [], self, None, (), ()
            )

        def fits(self, *args):
            return True

        def __del__(self):
            ended.append(self.run(()))

    ended = []
    for _ in range(10):
        Circle()
    gc.collect()
    assert ended == [MISS] * 10


def test_the_lock_is_released_while_a_kernel_runs(make: Make):
    body = (
        "volatile double *flag = b[0]; double *seen = b[1]; seen[0] = flag[0] = 1.0;"
        " for (int64_t k = 0; flag[0] == 1.0; k++) if (k > INT64_C(4000000000)) return 3;"
        " seen[0] = flag[0];"
    )
    slots = BufferSlot("flag", "f8", (1,)), BufferSlot("seen", "f8", (1,), "result")
    call = make(body, CallPlan("wait", slots[:1], slots[1:], checks={3: "nobody came"}))
    run, flag = call.native([False], Manner()), np.zeros(1)

    def write():
        while flag[0] != 1.0:
            pass
        flag[0] = 5.0

    other = threading.Thread(target=write)
    other.start()
    (seen,) = run((flag,))
    other.join()
    assert seen[0] == 5.0


def test_scratch_is_aligned_and_apart(make: Make):
    """Two threads are in the kernel at once, each with scratch of its own."""
    body = (
        "const double *x = b[0]; double *y = b[1], *s = b[2];"
        " if ((uintptr_t)s % 64 != 0) return 1;"
        " for (int i = 0; i < 512; i++) s[i] = x[i] * x[i];"
        " for (int i = 0; i < 512; i++) y[i] = s[511 - i] + 1.0;"
    )
    slots = BufferSlot("x", "f8", (512,)), BufferSlot("y", "f8", (512,), "result")
    call = make(body, CallPlan("flip", slots[:1], slots[1:], arena_bytes=4096))
    run = call.native([False], Manner())

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(2000):
            x = rng.random(512)
            if not np.array_equal(run((x,))[0], (x * x)[::-1] + 1.0):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def _plan(**changes):
    x = BufferSlot("x", "f8", (4,))
    y = BufferSlot("y", "f8", (4,), "result")
    return CallPlan(**{"symbol": "plan", "inputs": (x,), "outputs": (y,)} | changes)


@pytest.mark.parametrize(
    "plan",
    [
        _plan(arena_bytes=MAX_SCRATCH + 1),
        _plan(donated=((0, 0),)),
        _plan(write_back=((0, 0),)),
        _plan(outputs=(BufferSlot("y", "f8", (LARGE // 8,), "result"),)),
        _plan(inputs=tuple(BufferSlot(f"x{k}", "f8", (1,)) for k in range(MAX_BUFFERS))),
    ],
    ids=["scratch", "donated", "written", "large", "many"],
)
def test_other_plans_stay_in_python(make: Make, plan):
    call = make("(void)b;", plan)
    floats = [False] * len(plan.inputs)
    assert call.native(floats, Manner()) is None
    entry = call._entry
    small = caller(entry, _plan())
    assert in_c(small.native([False], Manner()))


def test_floats_of_other_types_stay_in_python(make: Make):
    single = BufferSlot("x", "f4", ())
    call = make("(void)b;", _plan(inputs=(single,)))
    assert call.native([True], Manner()) is None
    assert in_c(call.native([False], Manner()))


def test_a_call_without_a_kernel_misses():
    run = STATE.parts.call(0, 0, (), (), 0, None, ArgumentError, MISS, [], None, None, (), ())
    assert run(()) is MISS
    for wrong in ((), ((), ()), (3,)):
        with pytest.raises(TypeError):
            run(*wrong)
    with pytest.raises(TypeError):
        run(args=())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this machine")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_goes_on():
    x = np.arange(3.0)
    compiled = ready(lambda x: x * 2.0, x)
    child = os.fork()
    if child == 0:
        good = all(np.array_equal(compiled(x * k), 2.0 * k * x) for k in range(100))
        os._exit(0 if good and in_c(compiled.quick) else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(compiled(x), 2.0 * x)
