"""Sums of two or three products are written out where they are used: no pass, no memory."""

import numpy as np
import pytest

from gradc import ops
from gradc.kernels.cost import count
from gradc.kernels.nest import Accumulate
from gradc.kernels.walk import statements
from tests.kernels.build import check, matmul


@pytest.mark.parametrize("inner", [1, 2, 3, 4])
def test_a_product_over_few_is_part_of_its_sweep(inner):
    rng = np.random.default_rng(inner)
    arguments = rng.random((20, inner)), rng.random((inner, 8)), rng.random((20, 8))
    unit = check(lambda a, b, c: ops.tanh(matmul(a, b) + c), *arguments)
    adds = [s for stage in unit.stages for s in statements(stage.body) if isinstance(s, Accumulate)]
    assert (not adds) == (inner < 4)
    assert (unit.plan.arena_bytes == 0) == (inner < 4)
    assert inner == 4 or count(unit).sweeps == 1


def test_operands_in_any_order_and_two_summed_labels():
    rng = np.random.default_rng(9)
    a, b = rng.random((7, 2, 1)), rng.random((1, 5, 2))

    def both(x, y):
        return ops.contract(x, y, a_labels=(0, 1, 2), b_labels=(2, 3, 1), out_labels=(3, 0))

    check(both, a, b)
    check(lambda x, y: both(x, y) * both(x * 2.0, y), a, b)


def test_a_result_that_is_dear_and_shared_is_stored_once():
    rng = np.random.default_rng(3)

    def program(a, b):
        y = matmul(ops.exp(a), b)
        return y * y + 1.0, ops.sin(y)

    unit = check(program, rng.random((30, 3)), rng.random((3, 6)))
    assert count(unit).calls <= 30 * 3 + 30 * 6, "each exp and each sin once"
