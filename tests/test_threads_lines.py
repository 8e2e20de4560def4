"""How long the C is where threads share loops: a frame and a few lines a loop, whatever the sizes.

Which loops are shared follows from their work; what is said about each does not.
"""

import numpy as np
import pytest

import gradc
from gradc.kernels import threads
from tests.capture import loop_kernels

FRAME = 90
"""Lines for all shared loops of a function: what is lent, the structure, three short functions."""
LOOP = 10
"""Lines for each of them; sums of the chunks included, on average."""
DIGITS = 4
"""Lines that break where sizes have more digits."""

cases = pytest.mark.parametrize("case", loop_kernels.CASES, ids=lambda case: case.function.__name__)


def lines_and_loops(case: loop_kernels.Kernel, turns: int, n: int) -> tuple[int, int]:
    """Count the lines of C of value and gradient, and the loops that threads share."""
    shapes = case.shapes(turns, n)
    arguments = [np.zeros(s) if isinstance(s, tuple) else s for s in shapes]
    transformed = gradc.value_and_grad(case.function, argnums=case.argnums, backend="numpy")
    text = transformed.artifact(*arguments).source("c")
    return len(text.splitlines()), text.count("gradc_parallel_for(env")


@cases
def test_a_frame_and_a_few_lines_a_loop(case, monkeypatch):
    found = [lines_and_loops(case, n, n) for n in (160, 320, 640)]
    monkeypatch.setattr(threads, "LEAST_WORK", 1 << 62)
    serial = [lines_and_loops(case, n, n)[0] for n in (160, 320, 640)]
    assert max(serial) - min(serial) <= DIGITS
    for lines, loops in found:
        assert lines <= serial[-1] + (FRAME + LOOP * loops if loops else DIGITS)


@cases
def test_the_same_loops_take_the_same_lines(case, monkeypatch):
    """Every loop that may be shared is, at all sizes."""
    monkeypatch.setattr(threads, "LEAST_WORK", 1 << 14)
    found = [lines_and_loops(case, n, n) for n in (320, 640, 1280)]
    loops = {loops for _, loops in found}
    for count in loops:
        lines = [lines for lines, shared in found if shared == count]
        assert max(lines) - min(lines) <= DIGITS
    assert len(loops) <= 2, "more loops reach the threshold, others need more chunks than pay"


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in loop_kernels.CASES
        if not all(isinstance(s, tuple) for s in case.shapes(9, 9))
    ],
    ids=lambda case: case.function.__name__,
)
def test_more_turns_change_no_line(case):
    assert lines_and_loops(case, 10, 320) == lines_and_loops(case, 1000, 320)
