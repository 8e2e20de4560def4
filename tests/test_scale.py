"""Long programs: no recursion, and work that grows with the number of operations and no faster."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from tests.counting import calls_of
from tests.oracles import complex_buffers

LONG = 100_000
SHORT, TEN_TIMES = 400, 4_000


def chain(length: int) -> Callable[[Any], Any]:
    """Return a function of so many operations, one after the other."""

    def run(x):
        for _ in range(length // 4):
            x = np.sin(x) * 1.5 + x * 0.25
        return x

    return run


def wide(length: int) -> Callable[[Any], Any]:
    """Return a function whose one argument is used so many times."""

    def run(x):
        total = 0.0
        for k in range(length // 3):
            total = total + np.cos(x * (k + 1.0))
        return total

    return run


def writes(length: int) -> Callable[[Any], Any]:
    """Return a function that writes an array element by element."""

    def run(x):
        y = np.zeros(16)
        for k in range(length // 6):
            y[k % 16] = np.sin(y[(k + 1) % 16]) + x
        return np.sum(y)

    return run


def aliases(length: int) -> Callable[[Any], Any]:
    """Return a function that reads through views of views of what it writes."""

    def run(x):
        y = x * np.ones(8)
        for k in range(length // 8):
            part = y[1:][:-1]
            part[k % 6] += y[0] * 0.5
        return np.sum(y)

    return run


PROGRAMS = pytest.mark.parametrize("program", [chain, wide, writes, aliases])


def everything(program: Callable[[int], Any], length: int) -> None:
    """Trace, differentiate and print a program in both languages."""
    gradient = gradc.value_and_grad(program(length), backend="numpy", regions=False)
    artifact = gradient.artifact(0.3)
    assert artifact.source("c").count("\n") > length / 20


@PROGRAMS
def test_work_grows_with_the_length(program: Callable[[int], Any]) -> None:
    everything(program, SHORT // 4)  # what is done once for all is done
    short, long = (calls_of(lambda n=n: everything(program, n)) for n in (SHORT, TEN_TIMES))
    assert long <= 13 * short, (short, long)


def sweeps(count: int) -> Callable[[Any], Any]:
    """Return a function of so many loops over an array that cannot be one."""

    def run(x):
        for k in range(count):
            x = np.cumsum(np.tanh(x)) * (0.5 + k)
        return np.sum(x)

    return run


def test_work_grows_with_the_loops() -> None:
    def lowered(count: int) -> None:
        gradient = gradc.value_and_grad(sweeps(count), backend="numpy", regions=False)
        assert gradient.artifact(np.ones(1000)).source("c").count("for (") > 2 * count

    lowered(5)  # both lengths below share enough memory to go in blocks
    short, long = (calls_of(lambda n=n: lowered(n)) for n in (20, 80))
    assert long <= 5.7 * short, (short, long)


@pytest.mark.slow
@PROGRAMS
def test_long_programs_stay_right(program: Callable[[int], Any]) -> None:
    run = program(3 * TEN_TIMES)
    value, slope = gradc.value_and_grad(run, backend="numpy", regions=False)(0.3)
    assert value == pytest.approx(run(0.3), rel=1e-12)
    if program is not chain:
        expected = np.imag(_complex(run)(0.3 + 1e-30j)) / 1e-30
        assert slope == pytest.approx(expected, rel=1e-9)


def _complex(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(x: complex) -> Any:
        with complex_buffers():
            return run(x)

    return call


@pytest.mark.slow
def test_a_hundred_thousand_operations() -> None:
    limit = sys.getrecursionlimit()
    gradient = gradc.grad(chain(LONG), backend="numpy", regions=False)
    artifact = gradient.artifact(0.3)
    assert len(artifact.program.nodes) > LONG
    assert np.isfinite(gradient(0.3))
    text = artifact.source("c")
    assert text.count("sin(") >= LONG / 4
    assert sys.getrecursionlimit() == limit


@pytest.mark.full
def test_work_for_each_operation_stays_the_same() -> None:
    short, long = (calls_of(lambda n=n: everything(chain, n)) / n for n in (1_000, 20_000))
    assert long <= 1.1 * short, (short, long)


def test_a_value_used_everywhere_is_no_exponential() -> None:
    def doubled(x):
        for _ in range(60):
            x = x + x
        return x

    gradient = gradc.grad(doubled, backend="numpy")
    assert gradient(1.0) == 2.0**60
    assert len(gradient.artifact(1.0).program.nodes) < 500


def test_deeply_nested_calls_and_trees() -> None:
    def nested(x, depth):
        return np.sin(nested(x, depth - 1)) if depth else x

    assert gradc.grad(lambda x: nested(x, 150), backend="numpy")(0.3) > 0
    tree: Any = 0.5
    for _ in range(100):
        tree = {"next": (tree,)}

    def deepest(tree):
        while isinstance(tree, dict):
            (tree,) = tree["next"]
        return tree**2

    found = gradc.grad(deepest, backend="numpy")(tree)
    while isinstance(found, dict):
        (found,) = found["next"]
    assert found == 1.0


def test_a_hundred_arguments() -> None:
    def total(*xs):
        return sum(k * x for k, x in enumerate(xs))

    found = gradc.grad(total, argnums=tuple(range(120)), backend="numpy")(*([1.0] * 120))
    assert found == tuple(float(k) for k in range(120))
