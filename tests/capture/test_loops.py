"""Loops and branches stay what they are, and mean what they mean in plain Python."""

import numpy as np
import pytest

from gradc.options import Options
from tests.capture.control_programs import PROGRAMS
from tests.capture.stencils import KERNELS
from tests.capture.support import check, check_loops, count

UNROLLED = {"appended", "stacked_list", "growing", "static_while", "recursion", "layers"}
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
