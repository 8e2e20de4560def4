"""Truth values that are made beside sums in lanes are numbers in short arrays."""

import re

import numpy as np
import pytest

import gradc

N = 70


def tree(s, u, p):
    """A sum over who won a maximum, dear to compute twice, and then shifted sums by it."""
    v = np.maximum(1.0 - s * np.arange(N + 1) / N, 0.0)
    for i in range(N - 1, -1, -1):
        v = u * (p * v[1:] + (1 - p) * v[:-1])
        v = np.maximum(v, 1.0 - s * u ** (2.0 * np.arange(i + 1) - i))
    return v[0]


def test_no_bytes_are_written_in_lanes():
    found = gradc.value_and_grad(tree, argnums=(0, 1, 2), backend="c")
    expected = gradc.value_and_grad(tree, argnums=(0, 1, 2), backend="numpy")
    for s in (0.8, 1.1):
        value, grads = found(s, 1.01, 0.4)
        one, other = expected(s, 1.01, 0.4)
        assert value == pytest.approx(one, rel=1e-12)
        np.testing.assert_allclose(grads, other, rtol=1e-9)
    text = found.source("c", 0.8, 1.01, 0.4).partition("/* adjoint */")[2]
    made = re.findall(r"(\w+)\[i\w* \+ lane\] = \w+ \? 1\.0 : 0\.0;", text)
    assert len(made) >= 1
    for name in made:
        assert f"uint8_t *{name} " not in text
        assert re.search(rf"\b{name}\[i\w*\] != 0\.0", text)


def test_long_arrays_stay_bytes(monkeypatch):
    monkeypatch.setattr("gradc.kernels.widen.MOST", N - 2)
    text = gradc.value_and_grad(tree, argnums=(0, 1, 2)).source("c", 0.8, 1.01, 0.4)
    assert not re.search(r"\[i\w* \+ lane\] = \w+ \? 1\.0 : 0\.0;", text)
