"""Generated text, and the function cut out of it."""

import pytest

from gradc.emit.source import Source, SourceEntry

C = """\
static double helper(double x) {
    return x;
}

int f(
    const double *x) {
    double t;

    /* primal */
    t = x[0];
    return 0;
}

int f_call(void) {
    return f(0);
}
"""

PYTHON = """\
import numpy as np

TABLE = np.ones(3)


def f(x):
    # primal
    t = x + 1

    return t
"""


@pytest.mark.parametrize(
    ("text", "line", "first", "last"),
    [(C, 10, 5, 12), (C, 11, 5, 12), (PYTHON, 8, 6, 10), (PYTHON, 10, 6, 10)],
)
def test_function_alone(text, line, first, last):
    source = Source(text, (SourceEntry(line, line, (1,)),))
    lines = text.splitlines()[first - 1 : last]
    assert source.function == "\n".join(lines) + "\n"


def test_without_a_map_all_is_the_function():
    assert Source(C).function == C


def test_innermost_entry():
    wide, narrow = SourceEntry(1, 5, (1,)), SourceEntry(2, 3, (2,))
    source = Source(C, (wide, narrow))
    assert (source.at(1), source.at(3), source.at(6)) == (wide, narrow, None)
    assert source.lines_of(2) == [2, 3]
    assert str(source) == C
