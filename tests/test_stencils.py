"""Loops over stencils: right to second order in both backends, at the cost of the plain sweeps."""

from typing import Any

import numpy as np
import pytest

import gradc
from gradc.api import Function
from gradc.kernels.cost import count
from gradc.kernels.lower import lower
from gradc.kernels.nest import Copy, Fill, Loop, Unit
from gradc.kernels.verify import verify
from gradc.kernels.walk import statements
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
@pytest.mark.parametrize("seed", range(8))
def test_gradients_of_random_stencils(seed, backend, monkeypatch):
    _right(seed, backend, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(100, 160))
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


# what they cost


def jacobi_1d(a, b, turns):
    a, b = a.copy(), b.copy()
    for _ in range(turns):
        b[1:-1] = (a[:-2] + a[1:-1] + a[2:]) / 3.0
        a[1:-1] = (b[:-2] + b[1:-1] + b[2:]) / 3.0
    return np.sum(a)


def _five_points(a):
    return 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])


def jacobi_2d(a, b, turns):
    a, b = a.copy(), b.copy()
    for _ in range(turns):
        b[1:-1, 1:-1] = _five_points(a)
        a[1:-1, 1:-1] = _five_points(b)
    return np.sum(a)


def _heat(a):
    c = a[1:-1, 1:-1, 1:-1]
    return (
        c
        + 0.125 * (a[2:, 1:-1, 1:-1] - 2.0 * c + a[:-2, 1:-1, 1:-1])
        + 0.125 * (a[1:-1, 2:, 1:-1] - 2.0 * c + a[1:-1, :-2, 1:-1])
        + 0.125 * (a[1:-1, 1:-1, 2:] - 2.0 * c + a[1:-1, 1:-1, :-2])
    )


def heat_3d(a, b, turns):
    a, b = a.copy(), b.copy()
    for _ in range(turns):
        b[1:-1, 1:-1, 1:-1] = _heat(a)
        a[1:-1, 1:-1, 1:-1] = _heat(b)
    return np.sum(a)


def smoothed(u, c, turns):
    """One grid, in place, not linear."""
    u = u.copy()
    for _ in range(turns):
        u[1:-1, 1:-1] = u[1:-1, 1:-1] + c[1:-1, 1:-1] * (_five_points(u) - u[1:-1, 1:-1])
    return np.sum(u * u)


def waves(e, h, turns):
    """Two fields that change each other in place, by differences."""
    e, h = e.copy(), h.copy()
    for _ in range(turns):
        e[0] = 0.5
        e[1:] -= 0.5 * (h[1:] - h[:-1])
        h[:-1] -= 0.7 * (e[1:] - e[:-1])
    return np.sum(h * h)


def unit_of(loss: Any, *arguments: Any) -> Unit:
    program = gradc.value_and_grad(loss, argnums=(0, 1)).artifact(*arguments).program
    unit = lower(program, gradc.Options())
    verify(unit)
    return unit


def _grids(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.random(shape), rng.random(shape)


LINEAR = [
    (waves, (3200,)),
    (jacobi_1d, (3200,)),
    (jacobi_2d, (350, 350)),
    (heat_3d, (40, 40, 40)),
]


def _a_turn(loss: Any, *shape: int) -> float:
    """Return the elements that one turn reads and writes, for each cell of a grid."""
    pair = _grids(*shape)
    costs = [count(unit_of(loss, *pair, turns)) for turns in (60, 61)]
    few, many = (cost.loads + cost.stores for cost in costs)
    return float((many - few) / pair[0].size)


# Two sweeps forward and two back: for n neighbours n loads and a store each; one more in place.
@pytest.mark.parametrize(
    ("loss", "shape", "least", "most"),
    [
        (jacobi_1d, (3200,), 16, 16.1),
        (jacobi_2d, (350, 350), 24, 24.5),
        (heat_3d, (40, 40, 40), 30, 39),
        (waves, (3200,), 16, 22.1),
    ],
)
def test_a_turn_is_four_sweeps(loss, shape, least, most):
    assert 0.85 * least < _a_turn(loss, *shape) < most


@pytest.mark.parametrize(
    ("loss", "shape"),
    [(waves, (3200,)), (jacobi_1d, (3200,)), (jacobi_2d, (350, 350)), (heat_3d, (40, 40, 40))],
)
def test_linear_stencils_keep_nothing(loss, shape):
    """The arena holds two working copies and one sweep of an adjoint, whatever the turns."""
    arenas = set()
    for turns in (60, 80):
        unit = unit_of(loss, *_grids(*shape), turns)
        assert not [buffer for buffer in unit.buffers if buffer.name.endswith("tape")]
        arenas.add(unit.plan.arena_bytes)
    (arena,) = arenas
    assert arena <= 3 * 8 * np.prod(shape) + 3 * 64


@pytest.mark.parametrize(
    ("loss", "shape"),
    [(waves, (3200,)), (jacobi_1d, (3200,)), (jacobi_2d, (350, 350)), (heat_3d, (40, 40, 40))],
)
def test_no_grid_is_copied_or_cleared_in_a_turn(loss, shape):
    unit = unit_of(loss, *_grids(*shape), 60)
    turns = [s for stage in unit.stages for s in stage.body if isinstance(s, Loop)]
    inside = [s for loop in turns if loop.symbol.role != "index" for s in statements(loop.body)]
    assert inside
    assert not [s for s in inside if isinstance(s, Copy | Fill)]


def convolved(x, w, size):
    out = np.zeros((x.shape[0] - size + 1, x.shape[1] - size + 1, w.shape[3]))
    for i in range(size):
        for j in range(size):
            out += x[i : i + out.shape[0], j : j + out.shape[1]] @ w[i, j]
    return np.sum(out * out)


def test_windows_of_a_convolution_are_loops():
    """Neither code nor memory grows with the window, and no product of channels is stored."""
    lengths, arenas = [], []
    x = np.random.default_rng(6).random((68, 68, 3))
    for size in (5, 7):
        w = np.random.default_rng(7).random((size, size, 3, 8))
        inner = gradc.value_and_grad(lambda x, w, size=size: convolved(x, w, size), argnums=(0, 1))
        lengths.append(len(inner.source("c", x, w).splitlines()))
        arenas.append(lower(inner.artifact(x, w).program, gradc.Options()).plan.arena_bytes)
        value, (x_bar, w_bar) = inner(x, w)
        other, plain = gradc.value_and_grad(
            lambda x, w, size=size: convolved(x, w, size), argnums=(0, 1), backend="numpy"
        )(x, w)
        np.testing.assert_allclose(value, other, rtol=1e-12)
        for one, two in zip((x_bar, w_bar), plain, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-10)
    assert lengths[0] == lengths[1]
    assert max(arenas) < 4 * 8 * 64 * 64 * 8
