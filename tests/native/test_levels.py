"""How much a compiler is asked to do depends on what a unit holds."""

import numpy as np
import pytest

import gradc
from gradc.native.cache import Cache
from gradc.native.compiler import find_toolchain
from gradc.options import Options
from gradc.printing import native_unit

_FEWER = "--param=max-completely-peel-times=8"


def sweeps(count):
    def run(x):
        for k in range(count):
            x = np.cumsum(np.tanh(x)) * (0.5 + k)
        return np.sum(x)

    return run


def scalar(x):
    return np.sin(x) * x


def valley(x):
    """Large enough for threads, the last of which gets less."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def triangle(x):
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i, :i] @ x[:i, i]
    return total


@pytest.mark.parametrize(
    ("function", "x", "level"),
    [
        (scalar, 1.0, 1),
        (sweeps(2), np.ones(50), 4),
        (sweeps(30), np.ones(50), 2),
        (triangle, np.ones((50, 50)), 4),
        (valley, np.ones(1_000_000), 4),
        (lambda x: np.sum(x @ x), np.ones((50, 50)), 4),
    ],
)
def test_levels(function, x, level: int) -> None:
    artifact = gradc.value_and_grad(
        function, backend="numpy", regions=function is triangle
    ).artifact(x)
    assert native_unit(artifact.program, (), Options()).optimise == level


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_only_many_loops_are_written_out_less(cache: Cache, level: int) -> None:
    toolchain = find_toolchain(cache)
    assert (_FEWER in toolchain.flags(level)) == (
        level == 2 and "Free Software" in toolchain.version
    )


@pytest.mark.parametrize("level", [2, 4])
def test_what_short_arithmetic_needs_is_asked_for(cache: Cache, level: int) -> None:
    toolchain = find_toolchain(cache)
    flags = toolchain.flags(level)
    if "Free Software" in toolchain.version:
        assert {"-ftree-vectorize", "-fpeel-loops", "-fno-trapping-math"} <= {*flags}
        assert "-O2" in flags or "-fexpensive-optimizations" in flags
    else:
        assert "-O3" in flags


def test_many_loops_stay_right() -> None:
    x = np.linspace(-1.0, 1.0, 50)
    got, want = (
        gradc.value_and_grad(sweeps(30), backend=backend, regions=False)(x)
        for backend in ("c", "numpy")
    )
    np.testing.assert_allclose(got[0], want[0], rtol=1e-12)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-9, atol=1e-12)
