"""Which axes one product of matrices takes, and which are loops around it."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import Slice
from gradc.kernels.nest import Loop, MatMul
from gradc.kernels.walk import statements
from tests.kernels.build import check, part

RNG = np.random.default_rng(5)


def products(unit):
    """Return for each product its sides, and the turns of the loops around all of them."""
    everything = [s for stage in unit.stages for s in statements(stage.body)]
    found = [(s.m, s.n, s.k) for s in everything if isinstance(s, MatMul)]
    return found, [s.stop for s in everything if isinstance(s, Loop)]


@pytest.mark.parametrize(("rows", "turns"), [(6, 50), (50, 6)])
def test_the_longest_axis_is_in_the_product(rows, turns):
    """Rows of one turn lie apart, turns too: whichever are more."""

    def by_turns(a, b):
        window = part(a, Slice(0, rows), Slice(0, turns), Slice(0, 20))
        return ops.contract(window, b, a_labels=(0, 1, 2), b_labels=(2, 3), out_labels=(1, 0, 3))

    unit = check(by_turns, RNG.random((rows, turns + 2, 20)), RNG.random((20, 10)))
    assert products(unit) == ([(50, 10, 20)], [6])


def test_axes_in_another_order_are_one_where_memory_has_them_so():
    def backwards(a, b):
        return ops.contract(a, b, a_labels=(0, 1, 2), b_labels=(0, 1, 3), out_labels=(2, 3))

    a, b = RNG.random((9, 8, 11)), RNG.random((9, 8, 12))
    assert products(check(backwards, a, b)) == ([(11, 12, 72)], [])


def test_short_runs_are_copied_for_one_product():
    """Sums along short rows that lie apart: a call for each of them would do very little."""

    def by_windows(a, b):
        window = part(a, Slice(0, 30), Slice(1, 20), Slice(0, 6))
        return ops.contract(window, b, a_labels=(0, 1, 2), b_labels=(0, 1, 3), out_labels=(2, 3))

    unit = check(by_windows, RNG.random((30, 22, 6)), RNG.random((30, 20, 5)))
    found, _ = products(unit)
    assert found == [(6, 5, 600)]
    long = check(by_windows, RNG.random((30, 22, 6)), RNG.random((30, 20, 50)))
    assert products(long)[0] == [(6, 50, 30)]


@pytest.mark.parametrize(("columns", "calls"), [(8, 0), (9, 1)])
def test_narrow_matrices_are_written_out(columns, calls):
    def narrow(a, b):
        return ops.tanh(ops.contract(a, b, a_labels=(0, 1), b_labels=(2, 1), out_labels=(0, 2)))

    unit = check(narrow, RNG.random((200, 8)), RNG.random((columns, 8)))
    assert len(products(unit)[0]) == calls
    assert len(unit.stages) == 1 + calls
