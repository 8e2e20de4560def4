"""Loops over stencils: right to second order in both backends, at the cost of the plain sweeps."""

from typing import Any

import numpy as np
import pytest

import gradc
from gradc.api import Function
from tests.backends import BACKENDS
from tests.oracles import along, complex_step
from tests.stencils import program


def _value_and_grad(loss: Any, backend: str) -> Function:
    return gradc.value_and_grad(loss, argnums=(0, 1), backend=backend)


def _right(seed: int, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradc.kernels.sweeps.THIN", 3)
    stencil = program(seed)
    value, found = _value_and_grad(stencil.loss, backend)(*stencil.arguments)
    np.testing.assert_allclose(value, stencil.loss(*stencil.arguments), err_msg=stencil.text)
    expected = complex_step(stencil.loss, stencil.arguments, (0, 1))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11, err_msg=stencil.text)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(12))
def test_gradients_of_random_stencils(seed, backend, monkeypatch):
    _right(seed, backend, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(100, 220))
def test_gradients_of_many_random_stencils(seed, backend, monkeypatch):
    _right(seed, backend, monkeypatch)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", [1, 4, 9, 13])
def test_second_derivatives_of_random_stencils(seed, backend, monkeypatch):
    monkeypatch.setattr("gradc.kernels.sweeps.THIN", 3)
    stencil = program(seed, most=8)
    a, b = stencil.arguments
    direction = np.random.default_rng(seed).uniform(-1.0, 1.0, a.shape)

    def slope(a: Any, b: Any) -> Any:
        return np.sum(gradc.grad(stencil.loss)(a, b) * direction)

    gradient = gradc.grad(stencil.loss, backend="numpy")
    found = gradc.grad(slope, backend=backend)(a, b)
    expected = along(lambda x: np.sum(gradient(x, b) * direction), (a,), (direction,))
    np.testing.assert_allclose(np.sum(found * direction), expected, rtol=1e-6, err_msg=stencil.text)
