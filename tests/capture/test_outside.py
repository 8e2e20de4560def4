"""What a function takes from outside: arrays, numbers, containers, objects, random numbers."""

import copy
import functools

import numpy as np
import pytest

from gradc import capture
from gradc.errors import UnsupportedError
from tests.capture.support import check, play, record, same

X = np.linspace(0.5, 2.0, 6).reshape(2, 3)
WEIGHT = np.ones(3)
RATE = 0.5
TABLE = [(1, 2), (3, 4)]
PARAMS = {"w": np.full(3, 2.0), "layers": [np.ones(3), np.zeros(3)], "rate": 0.1}
RNG = np.random.default_rng(5)


class Config:
    def __init__(self):
        self.gain = 2.0
        self.offset = np.arange(3.0)


CONFIG = Config()


def test_a_global_array_is_read_at_each_call(monkeypatch):
    recording = check(lambda x: x * WEIGHT, X)
    assert [(i.name, i.role) for i in recording.inputs] == [("x", "argument"), ("WEIGHT", "hidden")]
    monkeypatch.setitem(globals(), "WEIGHT", np.full(3, 7.0))
    same(play(recording, X), X * 7.0)


def test_a_closed_over_array_is_read_at_each_call():
    w = np.ones(3)
    recording = record(lambda x: x + w, X)
    w[:] = 5
    same(play(recording, X), X + 5.0)


def test_an_array_seen_twice_is_one_input():
    w = np.ones(3)
    recording = check(lambda x: x * w + w.sum() * WEIGHT, X)
    assert [i.name for i in recording.inputs] == ["x", "w", "WEIGHT"]


def test_a_global_number_is_a_guard(monkeypatch):
    recording = record(lambda x: x * RATE, X)
    assert recording.fits([X])
    monkeypatch.setitem(globals(), "RATE", 0.25)
    assert not recording.fits([X])
    monkeypatch.setitem(globals(), "RATE", np.float32(0.5))
    assert not recording.fits([X])


def test_a_plain_container_is_guarded_by_value():
    recording = record(lambda x: sum(x * a + b for a, b in TABLE), X)
    assert recording.fits([X])
    TABLE[0] = (1, 5)
    assert not recording.fits([X])
    TABLE[0] = (1, 2)
    assert recording.fits([X])


def uses_params(x):
    for layer in PARAMS["layers"]:
        x = x * layer + PARAMS["w"]
    total = sum(v.sum() for k, v in PARAMS.items() if k == "w")
    return x * PARAMS["rate"] + total + np.stack(PARAMS["layers"])[0]


def test_arrays_in_containers_are_hidden_inputs():
    recording = check(uses_params, X)
    assert {i.name for i in recording.inputs} == {
        "x", "PARAMS['w']", "PARAMS['layers'][0]", "PARAMS['layers'][1]",
    }  # fmt: skip
    before = PARAMS["layers"][0]
    PARAMS["layers"][0] = np.full(3, 9.0)
    same(play(recording, X), uses_params(X))
    PARAMS["layers"].append(np.ones(3))
    assert not recording.fits([X])
    PARAMS["layers"].pop()
    PARAMS["layers"][0] = before


def test_attributes_of_a_global_object():
    recording = check(lambda x: x * CONFIG.gain + CONFIG.offset, X)
    assert [i.name for i in recording.inputs] == ["x", "CONFIG.offset"]
    CONFIG.gain = 3.0
    assert not recording.fits([X])
    CONFIG.gain = 2.0


def test_attributes_of_an_argument():
    config = copy.deepcopy(CONFIG)
    recording = record(lambda c, x: x * c.gain + c.offset, config, X)
    config.offset = np.ones(3)
    same(play(recording, config, X), X * 2.0 + 1.0)
    assert not recording.fits([copy.deepcopy(config), X])
    config.gain = 1.0
    assert not recording.fits([config, X])


class Net:
    def __init__(self, gain):
        self.gain = gain
        self.w = np.ones(3)
        self.calls = 0

    def forward(self, x):
        return x * self.gain + self.w

    def __call__(self, x):
        return self.forward(x) * 2.0


def test_the_owner_of_a_bound_method_is_watched():
    net = Net(2.0)
    for function in (net.forward, net):
        net.gain, net.w = 2.0, np.ones(3)
        recording = check(function, X)
        net.w = np.full(3, 4.0)
        same(play(recording, X), function(X))
        net.gain = 5.0
        assert not recording.fits([X])


def test_objects_made_inside_are_not_watched():
    def f(x):
        net = Net(3.0)
        net.gain = net.gain + 1
        return net(x) + net.gain

    check(f, X)


def test_arrays_that_travel_through_other_code_are_read_at_each_call():
    w = np.ones(3)
    stored = {"w": w, "pair": (w, w)}
    fetch = functools.lru_cache(lambda: w)
    bound = functools.partial(lambda a, x: a * 2.0 + x, w)

    def f(x):
        a, _ = stored["pair"]
        return fetch() * 2.0 + bound(x) + stored.get("w") * 3.0 + a * 5.0

    recording = check(f, X)
    w[:] = 10.0
    same(play(recording, X), f(X))


def test_array_defaults_are_hidden_inputs():
    def f(x, w=np.ones(3), k=2):  # noqa: B008
        return x * w * k

    recording = check(f, X)
    assert [i.role for i in recording.inputs] == ["argument", "hidden"]


def test_a_global_function_is_guarded(monkeypatch):
    recording = record(lambda x: uses_params(x), X)
    monkeypatch.setitem(globals(), "uses_params", lambda x: x)
    assert not recording.fits([X])


def test_a_closed_over_array_written_in_place_is_written_back():
    w = np.ones(3)

    def f(x):
        w[0] += x.sum()
        return w * 2

    recording = record(f, X)
    assert [(r.input, r.output) for r in recording.written] == [(1, 1)]
    got = play(recording, X)
    assert w[0] == 1 + X.sum()
    same(got, w * 2)


def test_results_known_while_recording_are_passed_through():
    got = play(record(lambda x: {"n": x.shape[0], "name": "a", "z": np.zeros(2), "x": x}, X), X)
    assert got["n"] == 2
    assert got["name"] == "a"
    assert isinstance(got["z"], np.ndarray)


# random numbers


def draws(x):
    a = RNG.standard_normal(3)
    b = RNG.normal(1.0, 2.0, size=(2, 3))
    c = RNG.normal(x, 0.1 * x)
    d = RNG.uniform(x[0], 4.0)
    k = RNG.integers(0, 3)
    e = RNG.exponential(x)
    f = RNG.gamma(2.0, x)
    return a + b, c, d, x[:, k], e, f, RNG.random() * 2, RNG.permutation(4), RNG.random(2)


def test_draws_are_made_anew_in_order():
    global RNG
    RNG = np.random.default_rng(5)
    recording = record(draws, X)
    assert RNG.bit_generator.state == np.random.default_rng(5).bit_generator.state
    first, second = play(recording, X), play(recording, X)
    RNG = np.random.default_rng(5)
    same(first, draws(X), rtol=1e-15)
    same(second, draws(X), rtol=1e-15)


def test_a_generator_as_argument():
    def f(x, rng):
        return x + rng.normal(size=3)

    recording = record(f, X, np.random.default_rng(1))
    got = play(recording, X, np.random.default_rng(2))
    same(got, X + np.random.default_rng(2).normal(size=3))


def test_a_generator_made_inside():
    def f(x):
        rng = np.random.default_rng(3)
        return x + rng.normal(size=3) + rng.normal(size=3)

    recording = record(f, X)
    same(play(recording, X), f(X))
    same(play(recording, X), f(X))


def test_the_legacy_global_state():
    def f(x):
        return x + np.random.normal(size=3) + np.random.rand(2, 3)  # noqa: NPY002

    recording = record(f, X)
    np.random.seed(4)  # noqa: NPY002
    got = play(recording, X)
    np.random.seed(4)  # noqa: NPY002
    same(got, f(X))


def test_reparameterisation_keeps_the_parameters_traced():
    recording = record(lambda m, s: m + 0 * s + RNG.normal(m, s), np.ones(3), np.ones(3))
    assert [i.role for i in recording.inputs] == ["argument", "argument", "random"]


def test_seeding_inside_is_refused():
    def f(x):
        np.random.seed(0)  # noqa: NPY002
        return x

    with pytest.raises(UnsupportedError, match="seed"):
        record(f, X)


# functions under transforms


def test_subtrace_and_inline_call():
    def outer(x, y):
        scale = np.exp(y)

        def inner(v, k):
            return {"a": np.sum(v * scale) * k, "b": 3}

        sub = capture.subtrace(inner, (x, 2.0))
        assert len(sub.captures) == 1
        assert [sub.graph[i].params["name"] for i in sub.graph.inputs] == ["v", "k", "scale"]
        values = capture.inline_call(sub.graph, [x, 2.0, *sub.captures])
        return sub.assemble(values)

    def plain(x, y):
        return {"a": np.sum(x * np.exp(y)) * 2.0, "b": 3}

    recording = record(outer, X, X)
    same(play(recording, X, X), plain(X, X))


def test_nested_subtraces_capture_through_each_other():
    def outer(x):
        def middle(v):
            def inner(w):
                return w * x + v

            sub = capture.subtrace(inner, (v,))
            (value,) = capture.inline_call(sub.graph, [v, *sub.captures])
            return sub.assemble([value])

        sub = capture.subtrace(middle, (x + 1,))
        values = capture.inline_call(sub.graph, [x + 1, *sub.captures])
        return sub.assemble(values)

    same(play(record(outer, X), X), (X + 1) * X + (X + 1))
