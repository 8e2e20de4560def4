"""Numbers that a loop of the user only adds to are sums in lanes, also in nests turned around."""

import numpy as np
import pytest

import gradc
from gradc.kernels.interchange import strides
from gradc.kernels.lower import lower
from gradc.kernels.nest import LANES, Assign, Declare, Loop, Stmt
from gradc.kernels.verify import problems
from gradc.kernels.walk import nested, statements
from gradc.options import Options


def unit_of(function, argnums, *args):
    program = gradc.value_and_grad(function, argnums=argnums).artifact(*args).program
    unit = lower(program, Options())
    assert list(problems(unit)) == []
    return unit


def against_numpy(function, argnums, *args):
    got = gradc.value_and_grad(function, argnums=argnums, backend="c")(*args)
    want = gradc.value_and_grad(function, argnums=argnums, backend="numpy")(*args)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-11)
    for a, b in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def all_statements(unit):
    return [s for stage in unit.stages for s in statements(stage.body)]


def in_lanes(unit):
    return sum(isinstance(s, Declare) and s.lanes == LANES for s in all_statements(unit))


def innermost(body: list[Stmt]) -> list[Loop]:
    found: list[Loop] = []
    for statement in body:
        inside = [loop for inner in nested(statement) for loop in innermost(inner)]
        found += inside
        if isinstance(statement, Loop) and not inside:
            found.append(statement)
    return found


def product_by_elements(C0, A, B):
    C = C0.copy()
    for i in range(C.shape[0]):
        for k in range(A.shape[1]):
            for j in range(C.shape[1]):
                C[i, j] += A[i, k] * B[k, j]
    return np.sum(C * C)


def symmetric_product(C0, A, B):
    C = C0.copy()
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            above = 0.0
            for k in range(i):
                C[k, j] += B[i, j] * A[i, k]
                above += B[k, j] * A[i, k]
            C[i, j] += B[i, j] * A[i, i] + above
    return np.sum(C * C)


def arrays(*shapes):
    rng = np.random.default_rng(7)
    return [rng.standard_normal(shape) for shape in shapes]


def test_the_adjoint_of_a_factor_is_summed_in_lanes():
    args = arrays((19, 37), (19, 21), (21, 37))
    assert in_lanes(unit_of(product_by_elements, (0, 1, 2), *args)) == 2
    against_numpy(product_by_elements, (0, 1, 2), *args)


def test_a_sum_over_all_turns_lets_a_nest_be_turned_around():
    args = arrays((33, 33), (33, 33), (33, 33))
    unit = unit_of(symmetric_product, (0, 1, 2), *args)
    loops = [loop for stage in unit.stages for loop in innermost(stage.body)]
    assert sum(strides(loop.body, loop.symbol) for loop in loops) == 0
    against_numpy(symmetric_product, (0, 1, 2), *args)


def sum_of_all(x, w):
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += np.sin(x[i, j]) * w[j]
    return total * total


def test_an_inner_loop_adds_to_the_sum_outside():
    args = arrays((20, 40), 40)
    unit = unit_of(sum_of_all, (0, 1), *args)
    assert not any(isinstance(s, Assign) for s in all_statements(unit))
    against_numpy(sum_of_all, (0, 1), *args)


# what is no such sum


def running_total(x):
    total, y = 0.0, np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        total += x[i]
        y[i] = total * total
    return np.sum(y) + total


def compensated(x):
    total, lost = 0.0, 0.0
    for i in range(x.shape[0]):
        y = x[i] - lost
        t = total + y
        lost = (t - total) - y
        total = t
    return total * total


def recurrence_beside_a_sum(x):
    total, y = 0.0, x.copy()
    for i in range(1, x.shape[0]):
        y[i] += 0.5 * y[i - 1]
        total += y[i]
    return total * total


def read_backwards(x):
    total, product = 0.0, 1.0
    for i in range(x.shape[0] - 1, -1, -1):
        product = product * (1.0 + 0.01 * x[i])
        total += product * x[i]
    return total


def reset_inside(x):
    last = 0.0
    for i in range(x.shape[0]):
        row = last
        for j in range(x.shape[1]):
            row += x[i, j]
        last = row if row < 1.0 else 0.0
    return last + np.sum(x * x)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (running_total, 50),
        (compensated, 50),
        (recurrence_beside_a_sum, 50),
        (read_backwards, 50),
        (reset_inside, (9, 33)),
    ],
)
def test_what_is_read_in_between_keeps_its_order(function, shape):
    (x,) = arrays(shape)
    got = gradc.value_and_grad(function, backend="c")(x)
    want = gradc.value_and_grad(function, backend="numpy")(x)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-11)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-9, atol=1e-12)
    assert got[0] == pytest.approx(function(x), rel=1e-11)
