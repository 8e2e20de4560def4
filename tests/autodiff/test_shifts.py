"""Shifts by the largest element: what is proved to make no difference, and what is not."""

import numpy as np
import pytest

import gradc
from gradc.autodiff import shifts


def log_sum_exp(x):
    top = np.max(x, axis=0)
    return np.sum((top + np.log(np.sum(np.exp(x - top), axis=0))) ** 2)


def log_sum_exp_of_all(x):
    top = x.max()
    return np.log(np.exp(x - top).sum()) + top


def softmax(x):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return np.sum((e / np.sum(e, axis=1, keepdims=True)) ** 3)


def log_softmax(x):
    s = x - x.max(axis=-1, keepdims=True)
    return -(s - np.log(np.exp(s).sum(axis=-1, keepdims=True)))[1, 0]


def weighted(x):
    """Attention in one sweep: both sums scale alike."""
    e = np.exp(x - np.max(x, axis=1)[:, None])
    return np.sum(np.sin((e @ x.T) / np.sum(e, axis=1)[:, None]))


def masked(x):
    e = np.where(x > -0.5, np.exp(x - np.max(x)), 0.0)
    return np.sum((e / e.sum()) ** 2)


def norm(x):
    """A shift of the logarithm is a factor of the value."""
    e = np.exp(2.0 * (x - np.max(x, axis=1)[:, None]))
    return np.sum(e / np.sqrt(np.sum(e**2, axis=1)[:, None]))


def smallest(x):
    low = np.min(x, axis=0)
    return np.sum(low - 0.5 * np.log(np.mean(np.exp(-2.0 * (x - low)), axis=0)))


def in_a_loop(x):
    total = 0.0
    for i in range(x.shape[0]):
        row = x[i]
        top = np.max(row)
        total = total + top + np.log(np.sum(np.exp(row - top)))
    return total


def twice(x):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    y = e / np.sum(e, axis=1, keepdims=True) + x
    top = np.max(y)
    return top + np.log(np.sum(np.exp(y - top)))


PROVED = (
    log_sum_exp, log_sum_exp_of_all, softmax, log_softmax, weighted, masked, norm, smallest,
    in_a_loop, twice,
)  # fmt: skip


def without_the_shift_back(x):
    top = np.max(x, axis=0)
    return np.sum(np.log(np.sum(np.exp(x - top), axis=0)))


def of_the_wrong_axis(x):
    """The rows' largest, subtracted from the columns."""
    square = x[:3, :3]
    e = np.exp(square - np.max(square, axis=1))
    return np.sum(e / np.sum(e, axis=1)[:, None])


def summed_over_its_axis(x):
    e = np.exp(x - np.max(x, axis=1)[:, None])
    return np.sum(e / np.sum(e, axis=0))


def of_half_the_size(x):
    e = np.exp(x - 0.5 * np.max(x))
    return np.max(x) + np.log(np.sum(e))


def of_another_power(x):
    e = np.exp(x - np.max(x))
    return np.sum(e / np.sum(e**2))


def also_returned(x):
    top = np.max(x)
    return top * (top + np.log(np.sum(np.exp(x - top))))


def in_another_function(x):
    top = np.max(x)
    return top + np.log(np.sum(np.cosh(x - top)))


def of_other_values(x):
    """Its argument acts through the shift alone: the derivative is zero, and no error."""
    top = np.max(x[:, 0])
    return top + np.log(np.sum(np.exp(x[:, 1] - top)))


def crossed(x):
    """Both scale by a number of their own."""
    e = np.exp(x[:3, :3] - np.max(x[:3, :3], axis=1)[:, None])
    return np.sum(e / e.T)


UNPROVED = (
    without_the_shift_back, of_the_wrong_axis, summed_over_its_axis, of_half_the_size,
    of_another_power, also_returned, in_another_function, of_other_values, crossed,
)  # fmt: skip


@pytest.fixture
def x():
    return np.random.default_rng(7).standard_normal((4, 3))


def along(loss, x, direction):
    h = 1e-6
    return (loss(x + h * direction) - loss(x - h * direction)) / (2 * h)


@pytest.mark.parametrize("loss", [*PROVED, *UNPROVED], ids=lambda loss: loss.__name__)
def test_the_gradient_is_right_to_second_order(loss, x):
    v = np.random.default_rng(8).standard_normal(x.shape)
    gradient = gradc.grad(loss, backend="numpy")
    assert np.sum(gradient(x) * v) == pytest.approx(along(loss, x, v), rel=1e-6, abs=1e-8)
    product = gradc.hvp(loss, (x,), (v,), backend="numpy")
    np.testing.assert_allclose(product, along(gradient, x, v), rtol=1e-5, atol=1e-7)
    tangent = gradc.jvp(loss, (x,), (v,), backend="numpy")[1]
    assert tangent == pytest.approx(np.sum(gradient(x) * v), rel=1e-12, abs=1e-12)


def shifts_of(graph):
    """Return how many values are constants for differentiation, in regions as well."""
    inside = sum(shifts_of(region) for node in graph.nodes for region in node.regions)
    return inside + sum(node.op.name == "stop_gradient" for node in graph.nodes)


@pytest.mark.parametrize("loss", [*PROVED, *UNPROVED], ids=lambda loss: loss.__name__)
def test_a_shift_is_constant_where_it_makes_no_difference(loss, x):
    graph = gradc.compile(loss, backend="numpy").artifact(x).program.graph
    found = shifts.without_shifts(graph)
    assert shifts_of(found) == (0 if loss in UNPROVED else 2 if loss is twice else 1)
    assert (found is graph) == (loss in UNPROVED)


def test_no_largest_element_is_counted(x):
    text = gradc.value_and_grad(softmax, backend="numpy").source("numpy", x)
    assert "==" not in text
    assert "==" in gradc.value_and_grad(also_returned, backend="numpy").source("numpy", x)


def test_ties_and_large_numbers(x):
    """Equal elements share as they do in exact arithmetic, and nothing overflows."""
    tied = np.array([[800.0, 800.0, 1.0], [-900.0, -900.0, -900.0]])
    np.testing.assert_allclose(
        gradc.grad(lambda x: np.sum(np.log(np.sum(np.exp(x - x.max()))) + x.max()))(tied),
        [[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]],
        atol=1e-15,
    )
