"""Sums that a turn adds to several times, out of the order of memory: gcc 12 gets them wrong."""

import itertools
import linecache

import numpy as np
import pytest

import gradc
from tests.backends import BACKENDS


def added(x, order, total=0.0):
    for i in range(x.shape[0]):
        for column in order:
            total += x[i, column] * x[i, column]
    return total


def in_one_expression(x, order):
    total = 0.0
    for i in range(x.shape[0]):
        step = total
        for column in order:
            step = step + x[i, column]
        total = step
    return total


def into_elements(x, order):
    totals = np.zeros(2)
    for i in range(x.shape[0]):
        for column in order:
            totals[column % 2] += x[i, column]
    return totals[0] * totals[1]


def with_a_choice(x, order):
    total = 0.0
    for i in range(x.shape[0]):
        for column in order:
            total += x[i, column] if x[i, column] > 0.5 else 0.25
    return total


def beside_another_sum(x, order):
    total, other = 0.0, 0.0
    for i in range(x.shape[0]):
        for column in order:
            total += x[i, column]
            other += x[i, -1 - column] * 8.0
    return total * other


def by_a_table(x, order):
    total = 0.0
    places = np.array(order)
    for i in range(x.shape[0]):
        total += x[i, places].sum()
    return total


FORMS = [added, in_one_expression, into_elements, with_a_choice, beside_another_sum, by_a_table]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_order_of_the_columns(backend, columns, form):
    for rows, order in itertools.product([3, 16, 41], itertools.permutations(range(columns))):
        x = np.random.default_rng(rows).random((rows, columns))
        f = gradc.value_and_grad(lambda x, order=order: form(x, order), backend=backend)
        value, x_bar = f(x)
        assert value == pytest.approx(form(x, order), rel=1e-13), (rows, order)
        expected = gradc.grad(lambda x, order=order: form(x, order), backend="numpy")(x)
        np.testing.assert_allclose(x_bar, expected, rtol=1e-13, err_msg=f"{rows}, {order}")


def source(function, *arguments):
    return gradc.compile(function, backend="numpy", unroll=0).artifact(*arguments).source("c")


def test_only_sums_out_of_order_are_held_back():
    x = np.ones((8, 3))
    assert "gradc_serial();" in source(lambda x: added(x, (2, 0, 1)), x)
    assert "gradc_serial();" not in source(lambda x: added(x, (0, 1, 2)), x)
    assert "gradc_serial();" not in source(lambda x: added(x, (1,)), x)
    whole = np.ones((8, 3), np.int64)
    assert "gradc_serial();" not in source(lambda x: added(x, (2, 0, 1), 0), whole)


@pytest.mark.parametrize("backend", BACKENDS)
def test_constants_stand_before_the_lanes_that_need_them(backend):
    """A constant was written inside the loop that sets the lanes, and unknown behind it."""

    def f(x):
        above = np.concatenate([np.zeros((1, 17)), x])
        p = np.concatenate([above, np.zeros((3, 1))], axis=1)
        return np.max(p) + np.sum(p + p)

    x = np.random.default_rng(0).normal(size=(2, 17))
    assert gradc.compile(f, backend=backend)(x) == pytest.approx(f(x), rel=1e-14)


def test_what_doubles_from_scalar_to_scalar_is_not_written_out():
    """Sixty squares of squares read 2**60 elements, written out: this would not end."""
    lines = ["def doubled(x, y):", "    total = 0.0", "    for i in range(x.shape[0]):"]
    lines += ["        a_0 = x[i] + y[i]"]
    lines += [f"        a_{k + 1} = a_{k} * a_{k} + 0.25" for k in range(60)]
    lines += ["        total += a_60", "        total += a_59", "    return total"]
    text = "\n".join(lines) + "\n"
    linecache.cache["<doubled>"] = (len(text), None, text.splitlines(keepends=True), "<doubled>")
    names = {}
    exec(compile(text, "<doubled>", "exec"), names)
    x, y = np.linspace(-0.5, 0.5, 300), np.linspace(0.1, 0.2, 300)
    assert "gradc_serial();" in source(names["doubled"], x, y)
