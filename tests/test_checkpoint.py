"""``gradc.checkpoint``: the same derivatives, computed from fewer kept values."""

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS
from tests.trees import leaves

RNG = np.random.default_rng(7)
X = RNG.standard_normal((300, 20))
WEIGHTS = [RNG.standard_normal((20, 20)) * 0.3 for _ in range(6)]
H, XS = RNG.standard_normal(20), RNG.standard_normal((400, 20))

backends = pytest.mark.parametrize("backend", BACKENDS)


def block(h, w):
    for _i in range(3):
        h = np.tanh(h @ w)
    return h


def net(f):
    def loss(x, weights):
        for w in weights:
            x = f(x, w)
        return np.sum(x * x)

    return loss


def step(h, x, w):
    gate = 1.0 / (1.0 + np.exp(-(w @ h)))
    return w.T @ np.tanh(gate * h + x) * 0.3 + 0.5 * h


def recurrent(f):
    def loss(h, w):
        for t in range(400):
            h = f(h, XS[t], w)
        return np.sum(h * h)

    return loss


def series(x):
    for _t in range(500):
        x = np.sin(x) + 0.1 * x
    return x


def branched(x, w):
    if x[0] > 0.0:
        x = np.sin(x @ w) * x
        x = x + w[0]
    else:
        x = np.cos(x @ w)
    return np.tanh(x)


def written(x, w):
    x = x.copy()
    x[1:] *= np.sin(x[:-1])
    x[0] = np.exp(x[1]) * w[0, 0]
    return np.sin(x @ w)


CASES = {
    "net": (block, net, (X, WEIGHTS)),
    "recurrent": (step, recurrent, (H, WEIGHTS[0])),
    "series": (series, lambda f: lambda x: np.sum(np.cos(f(x)) * f(2.0 * x)), (H,)),
    "branched": (branched, lambda f: lambda x, w: np.sum(f(f(x, w), w) ** 2), (H, WEIGHTS[0])),
    "written": (written, lambda f: lambda x, w: np.sum(f(f(x, w), w) ** 2), (H, WEIGHTS[0])),
    "in a branch": (
        step,
        lambda f: lambda h, w: np.sum(f(h, h, w) if np.sum(h) > 0.0 else f(h, 2.0 * h, w)),
        (H, WEIGHTS[0]),
    ),
}
SMALLER = ("net", "recurrent")


def same(found, wanted, tolerance=1e-12):
    for one, other in zip(leaves(found), leaves(wanted), strict=True):
        scale = max(1.0, float(np.max(np.abs(other))))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


@backends
@pytest.mark.parametrize("name", CASES)
def test_the_same_gradient(name, backend):
    fn, loss, args = CASES[name]
    argnums = tuple(range(len(args)))
    plain = gradc.value_and_grad(loss(fn), argnums, backend=backend)
    again = gradc.value_and_grad(loss(gradc.checkpoint(fn)), argnums, backend=backend)
    same(again(*args), plain(*args))
    if name in SMALLER:
        assert again.artifact(*args).memory().arena < 0.75 * plain.artifact(*args).memory().arena


@backends
@pytest.mark.parametrize("name", CASES)
def test_the_same_in_second_order_and_forward_mode(name, backend):
    fn, loss, args = CASES[name]
    first, rest = args[0], args[1:]
    direction = np.cos(np.arange(first.size)).reshape(first.shape)

    def plain(x):
        return loss(fn)(x, *rest)

    def again(x):
        return loss(gradc.checkpoint(fn))(x, *rest)

    found, wanted = (gradc.hvp(f, backend=backend)((first,), (direction,)) for f in (again, plain))
    same(found, wanted, 1e-10)
    found, wanted = (
        gradc.grad(lambda x, f=f: np.sum(gradc.grad(f)(x) * direction), backend=backend)(first)
        for f in (again, plain)
    )
    same(found, wanted, 1e-10)


@backends
def test_vjp_keeps_what_goes_in(backend):
    def blocks(f):
        return lambda x, w: f(f(x, w), w)

    plain, again = (blocks(f) for f in (block, gradc.checkpoint(block)))
    value, pull = gradc.vjp(plain, X, WEIGHTS[0], backend=backend)
    other, pull_again = gradc.vjp(again, X, WEIGHTS[0], backend=backend)
    same(other, value)
    same(pull_again(X), pull(X))


def test_a_checkpointed_turn_keeps_what_the_loop_carries():
    loss = recurrent(gradc.checkpoint(step))
    found = gradc.grad(loss, (0, 1), backend="numpy").artifact(H, WEIGHTS[0]).memory()
    (tape,) = found.tapes
    assert tape.name == "h_tape"
    assert tape.nbytes == 400 * H.nbytes


def test_what_is_sparing_keeps_no_factors_for_products_after_the_loop():
    loss = recurrent(step)
    plain = gradc.grad(loss, (0, 1), backend="numpy").artifact(H, WEIGHTS[0]).memory()
    budget = 3 * 400 * H.nbytes
    sparing = gradc.grad(loss, (0, 1), backend="numpy", memory=budget)
    found = sparing.artifact(H, WEIGHTS[0]).memory()
    assert plain.peak > budget >= found.peak
    assert [tape.name for tape in found.tapes] == ["h_tape", "gate_tape"]


def test_a_checkpointed_loop_runs_twice_and_keeps_nothing_meanwhile():
    def loss(x):
        return np.sum(gradc.checkpoint(series)(gradc.checkpoint(series)(x)))

    found = gradc.value_and_grad(loss, backend="numpy").artifact(H)
    assert found.memory().arena < 1.2 * 500 * H.nbytes  # one tape at a time, not two
    assert found.source("numpy").count("for t in range(500)") == 4


def test_calls_inside_are_part_of_the_call():
    inner = gradc.checkpoint(step)
    outer = gradc.checkpoint(lambda h, w: inner(inner(h, h, w), h, w))

    def loss(h, w):
        return np.sum(outer(h, w) ** 2)

    def plain(h, w):
        return np.sum(step(step(h, h, w), h, w) ** 2)

    same(gradc.grad(loss)(H, WEIGHTS[0]), gradc.grad(plain)(H, WEIGHTS[0]))


@backends
def test_it_is_a_compiled_function_of_its_own(backend):
    same(gradc.checkpoint(step, backend=backend)(H, H, WEIGHTS[0]), step(H, H, WEIGHTS[0]))


def test_decorator_and_bad_argument():
    @gradc.checkpoint
    def half(x):
        return x * 0.5

    assert half(np.ones(2)).tolist() == [0.5, 0.5]
    with pytest.raises(gradc.ArgumentError, match="checkpoint takes a function"):
        gradc.checkpoint(3.0)
