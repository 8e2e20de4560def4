"""What only the blocks of one stage touch has the room of a block, however many rows there are."""

import numpy as np
import pytest

import gradc
from gradc.kernels.blocks import BLOCK
from gradc.kernels.lower import lower
from gradc.kernels.nest import Loop
from gradc.kernels.verify import problems
from gradc.kernels.walk import statements
from gradc.options import Options


def logistic(w, X, y):
    m = y * (X @ w)
    return np.mean(np.log1p(np.exp(-m)))


def two_products(w, X, y):
    m = X @ w
    return np.sum(np.tanh(m) * (X @ (w * w)) * y)


def data(n, d=40):
    rng = np.random.default_rng(n)
    X = rng.standard_normal((n, d)) / d
    return rng.standard_normal(d), X, rng.choice([-1.0, 1.0], n)


def unit_of(function, *args):
    program = gradc.value_and_grad(function).artifact(*args).program
    unit = lower(program, Options())
    assert list(problems(unit)) == []
    return unit


def in_blocks(unit):
    found = (s for stage in unit.stages for s in statements(stage.body))
    return [s for s in found if isinstance(s, Loop) and s.symbol == BLOCK]


@pytest.mark.parametrize("function", [logistic, two_products])
@pytest.mark.parametrize("n", [2_000, 20_000, 20_001, 20_011, 200_000, 200_013])
def test_no_temporary_grows_with_the_rows(function, n):
    unit = unit_of(function, *data(n))
    assert in_blocks(unit)
    sizes = [b.type.size for b in unit.buffers if b.kind == "temporary"]
    assert max(sizes) <= 64 * 1024 < 200_000
    assert unit.plan.arena_bytes < (1 << 18)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("function", [logistic, two_products])
@pytest.mark.parametrize("n", [2_000, 2_003, 20_000, 20_001, 20_011])
def test_the_same_as_numpy(function, n, threads):
    args = data(n)
    value, slope = gradc.value_and_grad(function, threads=threads)(*args)
    want, steep = gradc.value_and_grad(function, backend="numpy")(*args)
    np.testing.assert_allclose(value, want, rtol=1e-11)
    np.testing.assert_allclose(slope, steep, rtol=1e-10, atol=1e-13)


def test_rows_that_are_returned_keep_their_memory():
    def with_rows(w, X, y):
        m = X @ w
        return np.sum(np.tanh(m) * y), m

    args = data(20_000)
    function = gradc.value_and_grad(with_rows, has_aux=True)
    (value, m), slope = function(*args)
    (want, n), steep = gradc.value_and_grad(with_rows, has_aux=True, backend="numpy")(*args)
    np.testing.assert_allclose(value, want, rtol=1e-11)
    np.testing.assert_allclose(m, n, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(slope, steep, rtol=1e-10, atol=1e-13)


def test_rows_that_a_later_stage_reads_keep_their_memory():
    def normed(w, X, y):
        m = X @ w
        return np.sum((m / np.sum(m * m)) * np.tanh(m) * y)

    args = data(20_000)
    unit = unit_of(normed, *args)
    assert any(b.type.size == 20_000 for b in unit.buffers if b.kind == "temporary")
    value, slope = gradc.value_and_grad(normed)(*args)
    want, steep = gradc.value_and_grad(normed, backend="numpy")(*args)
    np.testing.assert_allclose(value, want, rtol=1e-11)
    np.testing.assert_allclose(slope, steep, rtol=1e-9, atol=1e-13)
