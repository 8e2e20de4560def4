"""What a function reads from outside, at calls made in C: fetched and compared there."""

import gc
import sys
import types

import numpy as np
import pytest

import gradc
from gradc.routes import Pin, Route, attribute, content, fixed, item, variable
from tests.backends import HAS_COMPILER

pytestmark = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")

WEIGHT = np.array([1.0, 2.0, 3.0])
RATE = 0.5
TABLE = {"w": np.array([1.0, 1.0, 2.0]), "layers": [np.ones(3)]}
X = np.array([0.5, 0.25, 2.0])


class Model:
    def __init__(self):
        self.weight, self.gain = np.array([1.0, 2.0, 3.0]), 2.0

    def loss(self, x):
        return np.sum(self.scaled(x) ** 2)

    def scaled(self, x):
        return x * self.weight * self.gain


MODEL = Model()


def of_a_global(x):
    return np.sum(x * WEIGHT) * RATE


def of_an_object(x):
    return MODEL.loss(x)


def of_a_table(x):
    return np.sum(x * TABLE["w"] + TABLE["layers"][0])


def closed_over():
    weight, rate = np.array([1.0, 2.0, 3.0]), 0.5

    def inside(x):
        return np.sum(x * weight) * rate

    def change(new, number=0.5):
        nonlocal weight, rate
        weight, rate = new, number

    return inside, change


def ready(function):
    """Compile a function and call it until calls are made in C."""
    compiled = gradc.compile(function, backend="c")
    for _ in range(3):
        assert compiled(X) == function(X)
    assert type(compiled.quick).__name__ == "NativeCall"
    return compiled


def goes_in_c(compiled, *args):
    """Tell whether a call of these arguments needs no Python."""
    return compiled.quick(args) is not gradc.api.MISS


@pytest.mark.parametrize("function", [of_a_global, of_an_object, of_a_table, MODEL.loss])
def test_nothing_of_it_needs_python(function):
    compiled = ready(function)
    assert goes_in_c(compiled, X)
    assert compiled(2 * X) == function(2 * X)


def test_an_array_that_is_written_into_and_one_put_in_its_place(monkeypatch):
    compiled = ready(of_a_global)
    monkeypatch.setitem(globals(), "WEIGHT", np.array([3.0, 2.0, 1.0]))
    assert compiled(X) == of_a_global(X)
    assert goes_in_c(compiled, X)
    WEIGHT[0] = 7.0
    assert compiled(X) == of_a_global(X)


@pytest.mark.parametrize(
    "other",
    [np.ones(3, np.float32), np.ones(3, int), np.ones(6)[::2], np.ones(1), np.ones((2, 3)), 2.0],
    ids=str,
)
def test_an_array_of_another_kind_is_seen(other, monkeypatch):
    compiled = ready(of_a_global)
    monkeypatch.setitem(globals(), "WEIGHT", other)
    assert not goes_in_c(compiled, X)
    for _ in range(3):
        assert compiled(X) == of_a_global(X)


def test_a_variable_that_is_gone(monkeypatch):
    compiled = ready(of_a_global)
    monkeypatch.delitem(globals(), "WEIGHT")
    assert not goes_in_c(compiled, X)
    with pytest.raises(NameError, match="WEIGHT"):
        compiled(X)


def test_cells():
    function, change = closed_over()
    compiled = ready(function)
    change(np.array([2.0, 2.0, 2.0]))
    assert goes_in_c(compiled, X)
    assert compiled(X) == function(X)
    change(np.array([2.0, 2.0, 2.0]), 0.25)
    assert not goes_in_c(compiled, X)
    assert compiled(X) == function(X)


def test_an_equal_number_is_another_object():
    """The pin fails, the guard holds: the same code runs, called by way of Python."""
    function, change = closed_over()
    compiled = ready(function)
    change(np.array([1.0, 2.0, 3.0]), float("0.5"))
    assert not goes_in_c(compiled, X)
    assert compiled(X) == function(X)
    assert sum(map(len, compiled._dispatch._versions.values())) == 1


def test_attributes_and_methods(monkeypatch):
    compiled = ready(of_an_object)
    monkeypatch.setattr(MODEL, "weight", np.array([0.0, 1.0, 0.0]))
    assert goes_in_c(compiled, X)
    assert compiled(X) == of_an_object(X)
    monkeypatch.setattr(MODEL, "gain", 3.0)
    assert compiled(X) == of_an_object(X)
    monkeypatch.setattr(Model, "scaled", lambda self, x: x)
    assert compiled(X) == of_an_object(X)
    monkeypatch.setitem(globals(), "MODEL", Model())
    assert compiled(X) == of_an_object(X)


def test_items(monkeypatch):
    compiled = ready(of_a_table)
    monkeypatch.setitem(TABLE, "w", np.zeros(3))
    assert goes_in_c(compiled, X)
    assert compiled(X) == of_a_table(X)
    monkeypatch.setitem(TABLE, "layers", [np.zeros(3), np.ones(3)])
    assert compiled(X) == of_a_table(X)


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_code_that_is_replaced(backend):
    """As tools do that reload a module while it is in use."""

    def helper(x):
        return x * 2.0

    def function(x):
        return np.sum(helper(x))

    compiled = gradc.value_and_grad(function, backend=backend)
    for _ in range(3):
        assert compiled(X)[0] == function(X)
    helper.__code__ = (lambda x: x * 3.0).__code__
    for _ in range(3):
        assert compiled(X)[0] == function(X)
    function.__code__ = (lambda x: np.sum(x) * (1.0 if helper else 0.0)).__code__.replace(
        co_freevars=("helper",)
    )
    for _ in range(3):
        assert compiled(X)[0] == np.sum(X)


def test_counts_of_references_stay(tally):
    compiled = ready(of_an_object)
    held = (MODEL, MODEL.weight, Model.scaled, X, None, compiled.quick)
    swapped = X.astype(">f8")

    def rounds(many):
        for _ in range(many):
            compiled(X)
            compiled.quick((X,))
            compiled.quick((swapped,))

    rounds(100)
    gc.collect()
    before, blocks = [sys.getrefcount(one) for one in held], sys.getallocatedblocks()
    rounds(5000)
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == before
    assert abs(sys.getallocatedblocks() - blocks) < 200
    tally("calls in C counted", 15_000)


def test_an_attribute_that_fails_is_a_miss():
    class Odd:
        on = True

        @property
        def weight(self):
            if not self.on:
                raise ZeroDivisionError
            return WEIGHT

    odd = Odd()

    def function(x):
        return np.sum(x * odd.weight)

    compiled = ready(function)
    odd.on = False
    assert not goes_in_c(compiled, X)
    with pytest.raises(ZeroDivisionError):
        compiled(X)


def test_routes_lead_where_they_say():
    space = types.SimpleNamespace(a=[1, {"k": "found"}])
    route = item(item(attribute(variable({"space": space}, "space"), "a"), 1), "k")
    assert isinstance(route, Route)
    assert route(()) == "found"
    assert item(fixed([5]), 0)(()) == 5
    assert attribute(lambda leaves: leaves[0], "a")([space]) is space.a
    cell = types.CellType(3)
    assert content(cell)(()) == 3
    assert Route(ready, None)(()) is ready.__code__
    assert Pin(route, "found").parts == (*route.parts, "found")


def named(x, y=None, scale=1.0, mode="plain", times=1):
    return np.sum(x * y) * scale * times + len(mode)


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ((X,), {"y": X + 1}),
        ((), {"x": X, "y": X + 1}),
        ((), {"y": X + 1, "x": X}),
        ((X, X), {"scale": 2.0}),
        ((X,), {"scale": 2.0, "y": X, "times": 3, "mode": "other"}),
    ],
    ids=str,
)
def test_arguments_with_names(args, names):
    compiled = gradc.compile(named, backend="c")
    for _ in range(3):
        assert compiled(*args, **names) == named(*args, **names)
    assert type(compiled.quick).__name__ == "NativeCall"
    assert compiled.quick(args) is gradc.api.MISS  # names are needed
    calls = counted(compiled)
    assert compiled(*args, **names) == named(*args, **names)
    assert calls == []
    other = names | {"mode": "a third"}
    assert compiled(*args, **other) == named(*args, **other)
    assert calls == ["called"]


def counted(compiled):
    """Return a list that grows with each call that Python makes."""
    calls, dispatch = [], compiled._dispatch

    def called(*args, **kwargs):
        calls.append("called")
        return dispatch(*args, **kwargs)

    compiled._dispatch = called
    return calls


def test_the_same_names_in_another_order_are_other_arguments():
    compiled = gradc.compile(named, backend="c")
    for _ in range(3):
        compiled(x=X, y=2 * X)
    calls = counted(compiled)
    assert compiled(y=X, x=3 * X) == named(3 * X, X)
    assert compiled(X, 2 * X) == named(X, 2 * X)
    assert len(calls) == 2


class Decorated:
    def __init__(self, gain):
        self.gain, self.weight = gain, np.array([1.0, 2.0, 3.0])

    @gradc.compile(backend="c")
    def loss(self, x, shift=0.0):
        return np.sum(self.weight * x) * self.gain + shift


def test_decorated_methods():
    one, two = Decorated(2.0), Decorated(3.0)
    for _ in range(3):
        assert one.loss(X) == 2.0 * np.sum(one.weight * X)
    calls = counted(Decorated.__dict__["loss"])
    assert one.loss(X) == 2.0 * np.sum(one.weight * X)
    assert calls == []
    assert two.loss(X) == 3.0 * np.sum(one.weight * X)
    assert one.loss(X, shift=1.0) == 1.0 + 2.0 * np.sum(one.weight * X)
    one.gain, one.weight = 5.0, np.ones(3)
    for _ in range(3):
        assert one.loss(X) == 5.0 * np.sum(X)
        assert two.loss(X) == 3.0 * np.sum(two.weight * X)


class Equal:
    """Objects that equal each other are told apart by what is read of them."""

    def __init__(self, gain):
        self.gain = gain

    def __eq__(self, other):
        return isinstance(other, Equal)

    def __hash__(self):
        return 1


def test_arguments_that_equal_each_other():
    compiled = gradc.compile(lambda one, x: np.sum(x) * one.gain, backend="c")
    for gain in (2.0, 3.0, 2.0, 4.0):
        one = Equal(gain)
        for _ in range(3):
            assert compiled(one, X) == np.sum(X) * gain
