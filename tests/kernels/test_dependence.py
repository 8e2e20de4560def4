"""Orders of loops: what may change places and what may not."""

import pytest

from gradc.ir import ArrayType, Dim, Symbol
from gradc.kernels.dependence import Span, Touch, Unit, is_legal
from gradc.kernels.nest import Buffer

OUTER, ROW, INNER = Symbol("i", "turn0"), Symbol("j", "turn1"), Symbol("k", "index")
i, j, k = OUTER.expr(), ROW.expr(), INNER.expr()
N = 9
MATRIX = Buffer("temporary", ArrayType(float, (N, N)))
VECTOR = Buffer("temporary", ArrayType(float, (N,)))
AROUND = [Span(OUTER, 0, N - 1)]


def at(row: Dim, column: Dim, how: str) -> Touch:
    return Touch(MATRIX, row * N + column, how)


def swapped(*touches: Touch, inner: Span, turn: int = 1) -> bool:
    """Ask whether ``for j < i: for k`` may become ``for k: for j``."""
    spans = (Span(ROW, 0, i - 1), inner)
    return is_legal([Unit(touches, spans, (j * turn, 0, k), (k, 0, j))], AROUND)


SQUARE, TRIANGLE = Span(INNER, 0, N - 1), Span(INNER, 0, j - 1)


@pytest.mark.parametrize(
    ("touches", "inner", "legal"),
    [
        ([at(j, k, "write")], SQUARE, True),
        ([at(0, k, "write")], SQUARE, True),
        ([at(0, k, "sum")], SQUARE, True),
        ([at(0, 0, "write")], SQUARE, False),
        ([at(0, 0, "sum")], SQUARE, True),
        ([at(0, 0, "sum"), at(0, 0, "read")], SQUARE, False),
        ([at(j, k, "write"), at(j - 1, k, "read")], SQUARE, True),
        ([at(j, k, "write"), at(j - 1, k + 1, "read")], Span(INNER, 0, N - 2), False),
        ([at(j, k, "write"), at(k, j, "read")], TRIANGLE, True),
        ([at(j, k, "write"), at(i, k, "read")], TRIANGLE, True),
        ([Touch(MATRIX, None, "write")], SQUARE, False),
        ([Touch(MATRIX, None, "read")], SQUARE, True),
        ([Touch(VECTOR, j * k, "write")], SQUARE, False),
    ],
)
def test_interchange(touches, inner, legal):
    assert swapped(*touches, inner=inner) is legal


def apart(first: list[Touch], second: list[Touch], turn: int = 1) -> bool:
    """Ask whether two statements of one loop may become two loops."""
    span = (Span(ROW, 0, N - 2),)
    units = [
        Unit(tuple(first), span, (j * turn, 0), (0, j * turn)),
        Unit(tuple(second), span, (j * turn, 1), (1, j * turn)),
    ]
    return is_legal(units, [])


def test_distribution():
    write, ahead = Touch(VECTOR, j, "write"), Touch(VECTOR, j + 1, "read")
    assert apart([write], [Touch(VECTOR, j, "read")])
    assert not apart([write], [ahead])
    assert apart([ahead], [write])
    assert not apart([ahead], [write], turn=-1)
    assert apart([write], [Touch(MATRIX, j, "write")])


def test_rows_are_told_from_rows():
    """Element (j, k) is never element (i, k') for j < i, whatever the columns."""
    write, read = at(j, k, "write"), at(i, N - 1 - k, "read")
    assert swapped(write, read, inner=SQUARE)
    assert not swapped(write, at(j - 1, N - 1 - k, "read"), inner=SQUARE)
