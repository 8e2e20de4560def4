"""``memory="64 MiB"``: gradients within a budget, the same numbers in both backends."""

import numpy as np
import pytest

import gradc
from gradc.errors import ArgumentError, LimitError
from tests.backends import BACKENDS

X = np.linspace(0.1, 0.9, 100)
W = np.linspace(0.5, 1.2, 100)

backends = pytest.mark.parametrize("backend", BACKENDS)


def chain(x, w):
    for t in range(2500):
        x = np.tanh(x * w) + 0.1 * x + 1e-4 * t
    return np.sum(x * x)


def halved(x):
    while np.sum(x) > 0.01:
        x = x * np.cos(x) * 0.99
    return np.sum(np.sqrt(x))


def rows(a, b):
    total = 0.0
    for i in range(211):
        b = np.sin(a[i % 7] * b) + 0.5 * b
        a[i % 7] = a[i % 7] * 0.99 + 0.01 * b
        total = total + b @ b
    return total


@backends
@pytest.mark.parametrize("memory", ["1 MiB", "100 kB", "40 kB", 30_000])
def test_a_chain_within_a_budget(backend, memory):
    plain = gradc.grad(chain, (0, 1), backend=backend)
    tight = gradc.grad(chain, (0, 1), backend=backend, memory=memory)
    found = tight.artifact(X, W).memory()
    assert found.peak <= gradc.Options(memory=memory).memory_bytes
    assert plain.artifact(X, W).memory().tape == 2500 * X.nbytes
    for one, other in zip(tight(X, W), plain(X, W), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@backends
def test_ten_thousand_turns_of_ten_thousand_numbers(backend):
    x, w = np.linspace(0.1, 0.9, 10_000), np.linspace(0.5, 1.2, 10_000)

    def long(x, w):
        for _t in range(10_000):
            x = x * w + 0.1 * x * x
        return np.sum(x)

    tight = gradc.grad(long, (0, 1), backend=backend, memory="64 MiB")
    found = tight.artifact(x, w * 0.8).memory()
    assert found.peak <= 64 << 20
    plain = gradc.grad(long, (0, 1), backend=backend)
    assert plain.artifact(x, w * 0.8).memory().tape == 800_000_000
    for one, other in zip(tight(x, w * 0.8), plain(x, w * 0.8), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_budget_that_suffices_changes_nothing():
    plain = gradc.grad(chain, (0, 1), backend="numpy")
    roomy = gradc.grad(chain, (0, 1), backend="numpy", memory="1 GiB")
    assert roomy.source("numpy", X, W) == plain.source("numpy", X, W)


@backends
def test_overwritten_rows_within_a_budget(backend):
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((7, 50)), rng.standard_normal(50)
    plain = gradc.value_and_grad(rows, (0, 1), backend=backend, unroll=0)
    tight = gradc.value_and_grad(rows, (0, 1), backend=backend, unroll=0, memory="60 kB")
    assert plain.artifact(a, b).memory().peak > 60_000 >= tight.artifact(a, b).memory().peak
    value, gradients = plain(a, b)
    again, others = tight(a, b)
    assert value == again
    for one, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@backends
def test_second_order_within_a_budget(backend):
    direction = np.cos(np.arange(100.0))
    plain = gradc.hvp(lambda x: chain(x, W), backend=backend)
    tight = gradc.hvp(lambda x: chain(x, W), backend=backend, memory="200 kB")
    assert tight.artifact((X,), (direction,)).memory().peak <= 200_000
    one, other = plain((X,), (direction,)), tight((X,), (direction,))
    np.testing.assert_allclose(one, other, rtol=1e-11)


@backends
def test_a_loop_with_a_condition_does_not_reserve_its_limit_of_turns(backend):
    gradient = gradc.grad(halved, backend=backend)
    found = gradient.artifact(X).memory()
    assert found.arena < 2 * 1001 * 3 * X.nbytes  # a million turns of it would take 800 MB
    few = gradc.grad(halved, backend=backend, max_turns=5000)
    assert few.artifact(X).memory().tape == 5000 * X.nbytes  # kept whole: nothing runs again
    np.testing.assert_array_equal(gradient(X), few(X))
    less = gradc.grad(halved, backend=backend, memory="150 kB")
    assert less.artifact(X).memory().peak <= 150_000
    np.testing.assert_array_equal(less(X), few(X))


def test_a_budget_that_no_schedule_fits_is_refused_with_one_that_does():
    with pytest.raises(LimitError, match=r"chain takes [0-9,]+ bytes at least") as caught:
        gradc.grad(chain, (0, 1), backend="numpy", memory="10 kB").artifact(X, W)
    assert caught.value.repair is not None
    least = int(caught.value.repair.partition("memory=")[2].partition(",")[0])
    found = gradc.grad(chain, (0, 1), backend="numpy", memory=least).artifact(X, W)
    assert found.memory().peak <= least


@pytest.mark.parametrize(
    ("text", "size"),
    [("64 MiB", 64 << 20), ("1.5GB", 1_500_000_000), ("10 kB", 10_000), ("8", 8), (12, 12)],
)
def test_sizes(text, size):
    assert gradc.Options(memory=text).memory_bytes == size


@pytest.mark.parametrize("text", ["much", "-1 MB", "64 MiBs", -5, 1.5, True])
def test_what_is_no_size(text):
    with pytest.raises(ArgumentError, match="is not a size"):
        gradc.Options(memory=text)


@backends
def test_an_endless_loop_names_the_limit_of_the_whole_loop(backend):
    def endless(x):
        while np.sum(x * x) >= 0.0:
            x = np.cos(x)
        return np.sum(x)

    gradient = gradc.grad(endless, backend=backend, max_turns=20_000, memory="400 kB")
    with pytest.raises(LimitError, match="the loop runs more than 20000 times"):
        gradient(X)
