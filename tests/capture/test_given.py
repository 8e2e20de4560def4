"""Containers among the arguments: who changes one without returning it is refused."""

from dataclasses import dataclass

import numpy as np
import pytest

import gradc

X = np.ones(2)


@dataclass
class State:
    w: np.ndarray
    turns: float


def replaces(params, x):
    for name in params:
        params[name] = params[name] - 0.1 * x
    return np.sum(x)


def nested(params, x):
    params["m"]["w"] = params["m"]["w"] * 0.9
    return np.sum(x)


def appends(items, x):
    items.append(2 * x)
    return np.sum(x)


def takes_out(params, x):
    return params.pop("w") * x


def sets_attributes(state, x):
    state.turns += 1.0
    return np.sum(state.w * x)


def counts(state, x):
    state[1] += 1
    return np.sum(x) * state[1]


@pytest.mark.parametrize(
    ("fn", "argument", "what"),
    [
        (replaces, {"w": X}, "params['w']"),
        (nested, {"m": {"w": X}}, "params['m']['w']"),
        (appends, [X], "items"),
        (takes_out, {"w": X}, "params"),
        (sets_attributes, State(X, 0.0), "state.turns"),
        (counts, [X, 3], "state[1]"),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_changes_that_the_caller_would_not_see(fn, argument, what):
    with pytest.raises(gradc.UnsupportedError) as caught:
        gradc.compile(fn, backend="numpy")(argument, X)
    text = f"{fn.__name__} gives {what} a new value, which its caller would not see"
    assert caught.value.headline == text
    assert f"def {fn.__name__}(" in str(caught.value)


def returns_it(params, x):
    params["w"] = params["w"] * x
    params["more"] = [x]
    return {"all": (params, 1)}


def changes_a_copy(params, x):
    params = dict(params)
    params["w"] = x
    return params["w"] * 2


def writes_in_place(params, x):
    params["w"] -= x
    params["w"][0] = 5.0
    return np.sum(params["w"])


@pytest.mark.parametrize(
    "fn", [returns_it, changes_a_copy, writes_in_place], ids=lambda fn: fn.__name__
)
def test_changes_that_the_caller_sees(fn):
    ours, theirs = {"w": X + 1}, {"w": X + 1}
    got, want = gradc.compile(fn, backend="numpy")(ours, X), fn(theirs, X)
    assert repr(got) == repr(want)
    np.testing.assert_array_equal(ours["w"], theirs["w"] if fn is writes_in_place else X + 1)


def test_derivatives_leave_arguments_alone():
    def loss(params, x):
        params["w"] = params["w"] ** 2
        return np.sum(params["w"] * x)

    params = {"w": 3 * X}
    np.testing.assert_allclose(gradc.grad(loss, backend="numpy")(params, X)["w"], 6 * X)
    np.testing.assert_array_equal(params["w"], 3 * X)
