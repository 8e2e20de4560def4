"""Loops over triangles in both backends: values, gradients, second derivatives."""

from typing import Any

import numpy as np
import pytest

import gradc
from gradc.kernels import abreast, interchange, teams
from gradc.kernels.lower import lower
from gradc.options import Options
from tests.backends import BACKENDS
from tests.kernels.simulate import simulate
from tests.oracles import complex_step
from tests.random_triangles import random_triangle
from tests.triangular import TRIANGULAR

SIZE = 7
backends = pytest.mark.parametrize("backend", BACKENDS)
names = pytest.mark.parametrize("name", sorted(TRIANGULAR))


@pytest.fixture(autouse=True)
def turn_around_small_loops(monkeypatch, tmp_path):
    """Let loops be reordered at sizes where it does not pay, and compile into a folder apart."""
    monkeypatch.setattr(interchange, "WORTH", 1)
    for module in (abreast, teams):
        monkeypatch.setattr(module, "LEAST", module.TURNS)
        monkeypatch.setattr(module, "LANES", 1)
    monkeypatch.setattr(teams, "NEAR", 0)
    monkeypatch.setenv("GRADC_CACHE_DIR", str(tmp_path / "cache"))


def compiled(function: Any, backend: str) -> Any:
    """Compile with all loops kept."""
    return gradc.compile(function, backend=backend, unroll=0)


def close(found: Any, expected: Any, tolerance: float = 1e-11) -> None:
    for have, want in zip(found, expected, strict=True):
        scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
        np.testing.assert_allclose(have, want, rtol=0, atol=tolerance * scale)


@names
@backends
def test_value_and_gradient(name, backend):
    loss, make = TRIANGULAR[name]
    arguments = make(np.random.default_rng(3), SIZE)
    wanted = tuple(range(len(arguments)))
    value, grads = compiled(gradc.value_and_grad(loss, argnums=wanted), backend)(*arguments)
    close([value], [loss(*arguments)])
    close(grads, complex_step(loss, arguments, wanted))


@names
@backends
def test_second_derivative(name, backend):
    """A Hessian times a vector against differences of the gradient."""
    loss, make = TRIANGULAR[name]
    arguments = make(np.random.default_rng(4), SIZE)
    first = np.random.default_rng(5).standard_normal(arguments[0].shape)

    def slope(*args: Any) -> Any:
        return gradc.grad(loss)(*args)

    def product(v: Any, *args: Any) -> Any:
        return np.sum(slope(*args) * v)

    found = compiled(gradc.grad(product, argnums=1), backend)(first, *arguments)
    step, gradient = 1e-5, compiled(slope, "numpy")
    ahead, behind = (gradient(arguments[0] + s * first, *arguments[1:]) for s in (step, -step))
    close([found], [(ahead - behind) / (2 * step)], 1e-6)


def oracle(function: Any, arguments: Any) -> list[Any]:
    with np.errstate(all="ignore"):
        return [function(*arguments), *complex_step(function, arguments, (0, 1, 2))]


# Seed 19 leaves the range of numbers in plain NumPy.
@pytest.mark.parametrize("seed", [*range(19), *range(20, 25)])
def test_random_triangles_step_by_step(seed):
    """Loop programs run statement by statement, so that a read out of place is seen."""
    function, arguments, text = random_triangle(seed)
    expected = oracle(function, arguments)
    assert all(np.all(np.isfinite(x)) for x in expected), f"seed {seed}"
    both = compiled(gradc.value_and_grad(function, argnums=(0, 1, 2)), "numpy")
    unit = lower(both.artifact(*arguments).program, Options())
    print(f"seed {seed}\n{text}")
    close(simulate(unit, arguments), expected, 1e-9)


@pytest.mark.parametrize("seed", range(3000, 3010))
@backends
def test_random_triangles(seed, backend):
    function, arguments, text = random_triangle(seed)
    expected = oracle(function, arguments)
    both = compiled(gradc.value_and_grad(function, argnums=(0, 1, 2)), backend)
    value, grads = both(*arguments)
    print(f"seed {seed}\n{text}")
    close([value, *grads], expected, 1e-9)
