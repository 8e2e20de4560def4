"""Derivatives put shorter; what the user wrote stays as it is."""

import numpy as np
import pytest

import gradc
from gradc import ops
from gradc.ir import ArrayType, Origin
from gradc.ops.rules import choose
from tests.passes.cases import F8, Case, check, graph_of, registered, rewritten

DERIVED = Origin(None, adjoint_of=0)


def where(x, y, a, b):
    return choose(ops.greater(x, y), a, b, x)


def derived(build):
    """Build as part of a derivative."""

    def inside(*values):
        with values[0].graph.at(DERIVED):
            return build(*values)

    return inside


CASES = [
    Case(
        "multiply_numbers",
        derived(lambda x, y: 0.3 * (y * 0.7)),
        derived(lambda x, y: (0.3 * 0.7) * y),
        ulps=2,
    ),
    Case(
        "add_what_masks_leave",
        derived(
            lambda x, y: choose(ops.greater(x, y), x, 0.0, x) + choose(ops.greater(x, y), 0.0, y, x)
        ),
        derived(lambda x, y: where(x, y, x, y)),
        ulps=1,
    ),
    Case(
        "add_what_masks_leave",
        derived(
            lambda x, y: choose(ops.greater(x, y), 0.0, x, x) + choose(ops.greater(x, y), y, 0.0, x)
        ),
        derived(lambda x, y: where(x, y, y, x)),
        ulps=1,
    ),
    Case(
        "divide_the_sum",
        derived(lambda x, y, c: (x * (y / c.broadcast_to((2, 3)))).sum((1,))),
        derived(lambda x, y, c: ((x * y).sum((1,)).reshape((2, 1)) / c).reshape((2,))),
        types=(ArrayType.of("f8", 2, 3), ArrayType.of("f8", 2, 3), ArrayType.of("f8", 2, 1)),
        ulps=4,
    ),
    Case(
        "divide_the_sum",
        derived(lambda x, y, c: ((y / c.broadcast_to((3,))) * x).sum((0,))),
        derived(lambda x, y, c: (x * y).sum((0,)) / c),
        types=(F8, F8, ArrayType.of("f8")),
        ulps=4,
    ),
]


def test_a_divisor_that_differs_along_the_sum_stays_in_it():
    kind = ArrayType.of("f8", 2, 3)
    build = derived(lambda x, y, c: (x * (y / c.broadcast_to((2, 3)))).sum((0,)))
    graph = graph_of(build, (kind, kind, ArrayType.of("f8", 2, 1)))
    assert not rewritten(graph, registered("divide_the_sum"))[1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case))
def test_rule(case):
    check(case)


X = np.array([-1.5, -0.5, 0.25, 2.0])


def source(loss, *arguments):
    return gradc.grad(loss, backend="numpy").source("numpy", *arguments)


def huber(x):
    a = np.abs(x)
    return np.mean(np.where(a < 1.0, 0.5 * x**2, a - 0.5))


def mirrored(x):
    return np.sum(np.where(x > 0.0, np.where(x > 1.0, x, 2.0 * x), x * x))


def softmax(x):
    e = np.exp(x - np.max(x))
    return np.sum(x * (e / np.sum(e)))


LOSSES = {
    "softmax": softmax,
    "mean of squares": lambda x: np.mean((x - 1.0) ** 2),
    "scaled three times": lambda x: np.sum(0.3 * (0.7 * (1.1 * x**2))),
    "huber": huber,
    "mirrored": mirrored,
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_right_to_second_order(name):
    gradc.check_grads(LOSSES[name], (X,), order=2, backend="numpy")


def test_numbers_are_multiplied_beforehand():
    assert "0.5 * (x - 1.0)" in source(LOSSES["mean of squares"], X)


def test_numbers_of_the_user_stay_apart():
    """NumPy rounds twice, and so does the value."""

    def twice(x):
        return 0.3 * (0.7 * x)

    compiled = gradc.compile(twice, backend="numpy")
    assert "0.3 * (0.7 * x)" in compiled.source("numpy", X)
    np.testing.assert_array_equal(compiled(X), twice(X))


def test_numbers_that_would_overflow_stay_apart():
    def loss(x):
        return np.sum(1e-200 * (1e-200 * x**2)) * 1e300

    found = gradc.grad(loss, backend="numpy")(X)
    np.testing.assert_allclose(found, 2e-100 * X, rtol=1e-12)


def test_two_sides_of_a_mask_are_one():
    text = source(huber, X)
    assert text.count("np.where") == 1
    np.testing.assert_allclose(gradc.grad(huber, backend="numpy")(X), np.clip(X, -1, 1) / 4)


def test_a_single_number_is_no_product_of_arrays():
    def half_square(x):
        return 0.5 * x @ x

    assert "einsum(" not in source(half_square, X)
