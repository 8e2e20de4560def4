"""Calls made in C whose arguments are trees, NumPy scalars and values fixed at compile time."""

import gc
import sys
import threading
from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import gradc
from gradc.api import MISS
from gradc.runtime.plan import BufferSlot, CallPlan
from gradc.runtime.quick import Form, Manner
from tests.backends import HAS_COMPILER
from tests.runtime.conftest import Make
from tests.runtime.test_native_calls import CODES, in_c, ready

pytestmark = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")

W, B, X = np.arange(3.0), np.full(3, 0.5), np.array([1.0, -2.0, 3.0])


def layer(p, x):
    return {"y": p["w"] * x + p["b"], "w": p["w"] * 2.0}


def same(got, want):
    """Compare two trees to the last bit, with their types."""
    if isinstance(want, dict):
        assert type(got) is type(want)
        assert list(got) == list(want)
        got, want = [*got.values()], [*want.values()]
    if isinstance(want, tuple | list):
        assert (type(got), len(got)) == (type(want), len(want))
        for mine, other in zip(got, want, strict=True):
            same(mine, other)
    else:
        np.testing.assert_array_equal(got, want, strict=True)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (layer, ({"w": W, "b": B}, X)),
        (lambda p, x: [w * x + b for w, b in p], ([(W, B), (B, W)], X)),
        (lambda p: p["a"][0]["c"] + p["a"][1], ({"a": ({"c": W}, X), "d": ()},)),
        (lambda p, x: p[0] * x if p[1] is None else p[1], ([W, None], X)),
        (lambda x, n: x * n, (X, 3)),
        (lambda n, x, mode, flag: x * n if mode == "times" and flag else x, (2, X, "times", True)),
        (lambda x, none: x if none is None else -x, (X, None)),
        (lambda p, rate: p["w"] * rate, ({"w": W, "n": 4}, 0.25)),
        (lambda x, a: x * a, (X, np.float64(1.5))),
        (lambda p: p["x"] * p["a"], ({"x": X, "a": np.float32(1.5)},)),
    ],
    ids=[
        "dict",
        "pairs",
        "deep",
        "hole",
        "int",
        "mode",
        "none",
        "fixed inside",
        "scalar",
        "single",
    ],
)
def test_results_are_those_of_numpy(function, args):
    compiled = ready(function, *args)
    want = function(*args)
    for _ in range(3):
        same(compiled(*args), want)
    assert compiled.quick(args) is not MISS


Pair = namedtuple("Pair", "w b")


class Own(dict):
    pass


@pytest.mark.parametrize(
    "other",
    [
        {"b": B, "w": W},
        {"w": W},
        {"w": W, "b": B, "c": X},
        {"w": W, "c": B},
        {"w": W, "b": [B]},
        {"w": W, "b": None},
        {"w": W, "b": B.astype(np.float32)},
        {"w": W, "b": 0.5},
        {"w": W, 1: B},
        OrderedDict(w=W, b=B),
        Own(w=W, b=B),
        [W, B],
        Pair(W, B),
        W,
        None,
        {},
    ],
    ids=repr,
)
def test_another_tree_misses(other):
    compiled = ready(layer, {"w": W, "b": B}, X)
    quick = compiled.quick
    before = [sys.getrefcount(one) for one in (W, B, X)]
    for _ in range(20):
        assert quick((other, X)) is MISS
        assert quick((other,)) is MISS
    assert [sys.getrefcount(one) for one in (W, B, X)] == before
    same(compiled({"w": W, "b": B}, X), layer({"w": W, "b": B}, X))


def test_keys_are_compared_by_what_they_say():
    compiled = ready(layer, {"w": W, "b": B}, X)
    other = {"".join(["", "w"]): W, sys.intern("b"): B}
    assert compiled.quick((other, X)) is not MISS


@pytest.mark.parametrize("sequence", [tuple, list])
def test_tuples_are_told_from_lists(sequence):
    compiled = ready(lambda p: p[0] + p[1], sequence([W, B]))
    other = list if sequence is tuple else tuple
    assert compiled.quick((other([W, B]),)) is MISS
    assert compiled.quick((sequence([W]),)) is MISS
    assert compiled.quick((sequence([W, B, B]),)) is MISS
    assert compiled.quick(([W, B],)) is not MISS or sequence is tuple


def test_another_fixed_value_is_compiled_anew():
    compiled = ready(lambda x, n: x * n, X, 2)
    assert compiled.quick((X, 2)) is not MISS
    for other in (3, True, 2.0, np.int64(2), "2", None, [2], 2**70):
        assert compiled.quick((X, other)) is MISS
    for n in (2, 3, 2, 4, 3, 2):
        np.testing.assert_array_equal(compiled(X, n), X * n)
    flag = ready(lambda x, on: x if on else -x, X, True)
    assert flag.quick((X, 1)) is MISS
    np.testing.assert_array_equal(flag(X, False), -X)


@pytest.mark.parametrize("code", CODES)
def test_numpy_scalars_go_in(make: Make, code):
    slots = BufferSlot("x", code, ()), BufferSlot("y", code, (), "result", scalar=True)
    body = f"memcpy(b[1], b[0], {slots[0].nbytes});"
    call = make(body, CallPlan("copy", slots[:1], slots[1:]), "#include <string.h>\n")
    run = call.native([False], Manner((0,), miss=MISS, numbers=frozenset({0})))
    kind = np.dtype(code).type
    for value in (0, 1, 77):
        got = run((kind(value),))
        assert (type(got), got) == (kind, kind(value))
    for other in (1, 1.0, True, np.array(1, code), *(np.ones(1, c)[0] for c in CODES if c != code)):
        assert run((other,)) is MISS
    assert call.quick([False], Manner((0,), numbers=frozenset({0}))) is None


def test_conditions_are_asked_of_the_inputs():
    factor = 2.0

    def scaled(p, x):
        return p["w"] * x * factor

    compiled = ready(scaled, {"w": W}, X)
    np.testing.assert_array_equal(compiled({"w": W}, X), W * X * 2.0)
    factor = 5.0
    np.testing.assert_array_equal(compiled({"w": W}, X), W * X * 5.0)


def test_a_list_that_is_emptied_meanwhile(make: Make):
    """The kernel waits until another thread has taken the arrays out of their list."""
    body = (
        "volatile double *flag = b[0]; const double *x = b[1]; double *y = b[2]; flag[0] = 1.0;"
        " for (int64_t k = 0; flag[0] == 1.0; k++) if (k > INT64_C(4000000000)) return 3;"
        " for (int k = 0; k < 1000; k++) y[k] = x[k];"
    )
    inputs = BufferSlot("flag", "f8", (1,)), BufferSlot("x", "f8", (1000,))
    plan = CallPlan("wait", inputs, (BufferSlot("y", "f8", (1000,), "result"),), checks={3: "late"})
    forms = ((Form.INPUT, 0), (Form.LIST, (Form.INPUT, 1)))
    run = make(body, plan).native([False] * 2, Manner(forms=forms))
    flag, held = np.zeros(1), [np.arange(1000.0)]

    def empty():
        while flag[0] != 1.0:
            pass
        held.clear()
        gc.collect()
        taken.extend(np.full(1000, -1.0) for _ in range(10))
        flag[0] = 5.0

    taken = []
    other = threading.Thread(target=empty)
    other.start()
    (got,) = run((flag, held))
    other.join()
    np.testing.assert_array_equal(got, np.arange(1000.0))


def test_references_stay():
    tree = {"w": W, "b": B}
    compiled = ready(layer, tree, X)
    held = (tree, W, B, X, compiled.quick)

    def rounds(many):
        for _ in range(many):
            compiled(tree, X)
            compiled.quick(({"w": W}, X))
            compiled.quick(({"w": W, "b": X[:2]}, X))

    rounds(100)
    gc.collect()
    before, blocks = [sys.getrefcount(one) for one in held], sys.getallocatedblocks()
    rounds(3000)
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == before
    assert abs(sys.getallocatedblocks() - blocks) < 200


def test_what_only_python_takes_apart():
    """Named tuples go the longer way."""
    point = Pair(W, B)
    compiled = gradc.compile(lambda p, x: p.w * x + p.b, backend="c")
    for _ in range(4):
        np.testing.assert_array_equal(compiled(point, X), W * X + B)
    assert not in_c(compiled.quick)


def test_functions_are_told_apart_by_their_identity():
    chosen = gradc.compile(lambda x, f: f(x), backend="c")
    for f in (np.abs, np.negative, np.abs):
        for _ in range(3):
            np.testing.assert_array_equal(chosen(X, f), f(X))
        assert in_c(chosen.quick)


def test_without_the_library_trees_take_the_checked_call(calls_in_python):
    compiled = gradc.compile(layer, backend="c")
    for _ in range(4):
        same(compiled({"w": W, "b": B}, X), layer({"w": W, "b": B}, X))
    assert compiled.quick is None
