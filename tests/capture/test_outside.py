"""What a function leaves in objects from outside, and what it reads of them after changing them."""

import numpy as np
import pytest

import gradc
from gradc import TraceError

X = np.array([1.0, 2.0, 3.0])


class Model:
    def __init__(self):
        self.weights = np.ones(3)
        self.hidden = None
        self.kept = []
        self.layers = {"last": None}

    def forward(self, x):
        self.hidden = self.weights * x
        return np.sum(self.hidden**2)

    def append(self, x):
        self.kept.append(x * 2)
        return np.sum(self.kept[-1])

    def nest(self, x):
        self.layers["last"] = [(x * 2,)]
        return np.sum(self.layers["last"][0][0])

    def in_turns(self, x):
        total = 0.0
        for i in range(3):
            self.hidden = x[i] * 2
            total = total + self.hidden
        return total

    def fails(self, x):
        self.hidden = x * 2
        return float(np.sum(self.hidden))

    def borrow(self, x):
        before = self.weights
        self.weights = x
        result = np.sum(self.weights**2) + self.count()
        self.weights = before
        return result

    def count(self):
        return len(self.kept)


class Slots:
    __slots__ = ("hidden",)

    def __init__(self):
        self.hidden = None

    def forward(self, x):
        self.hidden = x * 2
        return np.sum(self.hidden)


STATE = None


def bind_global(x):
    global STATE
    STATE = x * 2
    return np.sum(STATE)


def makes_closure():
    last = None

    def forward(x):
        nonlocal last
        last = x * 2
        return np.sum(last)

    return forward, lambda: last


@pytest.mark.parametrize("how", ["forward", "append", "nest", "in_turns"])
@pytest.mark.parametrize("make", [gradc.compile, gradc.grad], ids=["compile", "grad"])
def test_a_value_left_in_an_attribute_is_refused_and_taken_back(how, make):
    model = Model()
    with pytest.raises(TraceError, match=r"self\.\w+.* outlives the call.*"):
        make(getattr(model, how))(X)
    assert (model.hidden, model.kept, model.layers) == (None, [], {"last": None})


def test_it_is_taken_back_where_recording_fails():
    model = Model()
    with pytest.raises(TraceError, match=r"float\(\)"):
        gradc.grad(model.fails)(X)
    assert model.hidden is None


def test_a_value_left_in_a_slot_a_global_and_a_closure():
    holder, (forward, last) = Slots(), makes_closure()
    for function in (holder.forward, bind_global, forward):
        with pytest.raises(TraceError, match="outlives the call"):
            gradc.grad(function)(X)
    assert (holder.hidden, STATE, last()) == (None, None, None)


def test_what_is_put_back_is_no_change():
    model = Model()
    np.testing.assert_array_equal(gradc.grad(model.borrow)(X), 2 * X)
    np.testing.assert_array_equal(model.weights, np.ones(3))


def changed_number(x):
    settings = {"scale": 1.0, "array": np.ones(3)}

    def inner(x):
        first = settings["scale"] * x[0]
        settings["scale"] = 2.0
        return first + settings["scale"] * x[1] + settings["array"] @ x

    return settings, inner


def test_a_container_is_read_as_the_function_has_changed_it():
    for backend in ("numpy", "auto"):
        _, plain = changed_number(X)
        _, recorded = changed_number(X)
        compiled = gradc.compile(recorded, backend=backend)
        for _ in range(3):
            assert compiled(X) == plain(X)


def memoize(function):
    known = {}

    def look_up(n):
        if n not in known:
            known[n] = function(n)
        return known[n]

    return look_up


def test_what_a_decorator_inside_remembers():
    def legendre(x):
        @memoize
        def value(n):
            if n < 2:
                return x if n else 1.0
            return ((2 * n - 1) * x * value(n - 1) - (n - 1) * value(n - 2)) / n

        return value(2) + value(4)

    x = 0.7
    slope = 3 * x + (35 * 4 * x**3 - 60 * x) / 8
    assert abs(gradc.grad(legendre)(x) - slope) < 1e-13


class Table:
    def __init__(self):
        self.known = {}

    def __call__(self, x):
        if len(x) not in self.known:
            self.known[len(x)] = np.arange(len(x)) * 2.0
        return np.sum(self.known[len(x)] * x)


def test_arrays_that_depend_on_no_argument_may_stay():
    table = Table()
    for size in (3, 4, 3):
        x = np.linspace(1.0, 2.0, size)
        np.testing.assert_array_equal(gradc.grad(table)(x), np.arange(size) * 2.0)
    assert {k: type(v) for k, v in table.known.items()} == {3: np.ndarray, 4: np.ndarray}
    np.testing.assert_array_equal(table.known[4], [0.0, 2.0, 4.0, 6.0])


class Pair:
    def __init__(self, first, second):
        self.first, self.second = first, second


def in_an_object(x):
    return Pair(x, x * 2)


def in_a_closure(x):
    y = x * 2
    return x, lambda t: t * y


def in_a_set_of_an_object(x):
    return [Pair(1, [(x * 2,)])]


@pytest.mark.parametrize("function", [in_an_object, in_a_closure, in_a_set_of_an_object])
def test_a_value_inside_an_object_that_is_returned(function):
    with pytest.raises(TraceError, match=rf"{function.__name__} returns a traced value inside an"):
        gradc.compile(function)(X)


def test_objects_without_traced_values_are_returned():
    numbers, pair = gradc.compile(lambda x: (x, Pair(1, len)))(X)
    np.testing.assert_array_equal(numbers, X)
    assert (pair.first, pair.second) == (1, len)


def test_a_value_is_no_key():
    def pick(x):
        return {0: x[0], 1: x[1]}[int(x[0])]

    with pytest.raises(TraceError, match=r"which key of a dict(.|\n)*\{0: x\[0\](.|\n)*np\.select"):
        gradc.grad(pick)(X)


def test_an_argument_that_is_left_to_its_default():
    def scaled(x, factor=2.0):
        return np.sum(x) * factor

    with pytest.raises(gradc.ArgumentError, match="factor is not given in this call; pass it"):
        gradc.grad(scaled, argnums="factor")(X)
    assert gradc.grad(scaled, argnums="factor")(X, factor=3.0) == 6.0
