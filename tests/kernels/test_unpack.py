"""Truth values of a tape are numbers before a loop adds up with them in lanes."""

import re

import numpy as np
import pytest

import gradc

RNG = np.random.default_rng(11)


def bouncing(y, p):
    v = np.zeros_like(y)
    for _ in range(30):
        v = v - 0.3 * p[0]
        y = y + 0.1 * v
        hit = y < 0
        v = np.where(hit, -p[1] * v, v)
        y = np.where(hit, -y, y)
    return np.sum(y * y) + np.sum(v * v)


def shrinking(x, k):
    x = x.copy()
    n = x.shape[0]
    for t in range(n - 1):
        x[: n - 1 - t] = np.where(x[: n - 1 - t] > 0.4, k[0] * x[1 : n - t] + k[1], 0.7)
    return x[0] + np.sum(x * x)


@pytest.mark.parametrize("loss", [bouncing, shrinking])
@pytest.mark.parametrize("n", [50, 67])
def test_c_gives_what_numpy_gives(loss, n):
    arguments = RNG.random(n), RNG.random(3)
    found = gradc.value_and_grad(loss, argnums=(0, 1), backend="c")
    expected = gradc.value_and_grad(loss, argnums=(0, 1), backend="numpy")(*arguments)
    value, grads = found(*arguments)
    assert value == pytest.approx(expected[0], rel=1e-12)
    for one, other in zip(grads, expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    text = found.source("c", *arguments)
    lanes = re.findall(r"for \(int64_t lane = 0; lane < 16.*?\n +\}\n", text, re.DOTALL)
    assert len(lanes) >= 1
    assert re.search(r"\brow\[", text)
    assert not any(re.search(r"_tape\S* != 0 ", one) for one in lanes)


def test_short_rows_are_read_as_they_are():
    text = gradc.value_and_grad(bouncing).source("c", np.ones(20), np.ones(3))
    assert not re.search(r"\brow\[", text)
