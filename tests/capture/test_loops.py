"""Loops and branches stay what they are, and mean what they mean in plain Python."""

import numpy as np
import pytest

from gradc.options import Options
from tests.capture.control_programs import PROGRAMS
from tests.capture.stencils import KERNELS
from tests.capture.support import LOOPS, check, check_loops, count, play, record

UNROLLED = {"static_while", "recursion", "layers"}
"""Programs that need Python for their loops, or whose loops are on Python values."""


@pytest.mark.parametrize(("function", "args"), PROGRAMS, ids=lambda f: getattr(f, "__name__", ""))
def test_program(function, args):
    _, graph = check_loops(function, *args, rtol=1e-12)
    assert any(node.regions for node in graph.nodes) == (function.__name__ not in UNROLLED)


@pytest.mark.parametrize(("function", "args"), PROGRAMS, ids=lambda f: getattr(f, "__name__", ""))
def test_program_with_short_loops_unrolled(function, args):
    check(function, *args, options=Options(regions=True), rtol=1e-12)


def square(n):
    return np.random.default_rng(n).uniform(0.1, 1.0, (n, n)) + 4.0 * np.eye(n)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda f: f.__name__)
def test_kernel(kernel):
    _, graph = check_loops(kernel, square(7), rtol=1e-11)
    assert any(node.regions for node in graph.nodes)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda f: f.__name__)
def test_size_does_not_depend_on_the_number_of_turns(kernel):
    sizes = {count(check_loops(kernel, square(n), rtol=1e-10)[1]) for n in (6, 11)}
    assert len(sizes) == 1


# random numbers


def drawn(function, *args):
    """Compare three calls in a row with plain NumPy, each with a generator of its own."""

    def mine(x):
        return function(x, RNG)

    RNG.bit_generator.state = np.random.PCG64(7).state
    recording = record(mine, *args, options=LOOPS)
    assert any(node.regions for node in recording.graph.nodes)
    RNG.bit_generator.state = np.random.PCG64(7).state
    found = [play(recording, *args) for _ in range(3)]
    plain = np.random.Generator(np.random.PCG64(7))
    for one in found:
        np.testing.assert_allclose(one, function(*args, plain), rtol=1e-12)


RNG = np.random.Generator(np.random.PCG64(7))


def walk(x, rng):
    for _ in range(6):
        x = x + 0.1 * rng.standard_normal(5)
    return x


def two_draws_each_turn(x, rng):
    start = rng.normal()
    y = np.zeros(5)
    for i in range(5):
        y[i] = x[i] * rng.normal() + rng.uniform(size=3).sum() + start
    return y + rng.integers(0, 9)


def nested_draws(x, rng):
    for _ in range(3):
        x = x * rng.uniform(0.5, 1.5)
        for i in range(2):
            x = x + rng.normal(i * 0.1, 1.0, size=5)
    return x


@pytest.mark.parametrize("function", [walk, two_draws_each_turn, nested_draws])
def test_draws_come_in_the_order_of_numpy(function):
    drawn(function, np.linspace(0.0, 1.0, 5))


def helper_of_a_turn(x):
    for _ in range(5):
        u = 0.3 * x

        def step(q):
            z = q.copy()
            z[1:] += u[:-1]  # noqa: B023
            return z

        x = step(np.tanh(x))
    return x


def helper_of_the_turn_before(x):
    """What is called is what another turn has defined, with the number of that turn."""

    def step(q):
        return 2.0 * q

    for k in range(4):
        x = step(x)

        def step(q, k=k):
            return q * (k + 0.5)

    return x


def helper_of_some_turns(x):
    def step(q):
        return 2.0 * q

    for k in range(5):
        if k == 2:

            def step(q):
                return 3.0 * q + x  # noqa: B023

        x = step(0.1 * x)
    return step(x)


@pytest.mark.parametrize(
    ("function", "stays"),
    [(helper_of_a_turn, True), (helper_of_the_turn_before, False), (helper_of_some_turns, False)],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_functions_defined_in_a_turn(function, stays):
    _, graph = check_loops(function, np.linspace(0.1, 0.9, 6), rtol=1e-12)
    assert any(node.regions for node in graph.nodes) == stays


def settles(x):
    change = 1
    while change > 1e-3:
        y = 0.5 * np.sin(x)
        change = np.max(np.abs(y - x))
        x = y
    return x


def test_a_first_turn_that_is_made_in_any_case_is_no_copy_of_the_body():
    _, graph = check_loops(settles, np.linspace(0.1, 0.9, 6), rtol=1e-12)
    assert "sin" not in {node.op.name for node in graph.nodes}
