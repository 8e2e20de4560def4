"""Slices whose length is data: sums over them are loops, and so are writes to them."""

import numpy as np
import pytest

import gradc
from gradc.errors import GradcError, TraceError

RNG = np.random.default_rng(29)
FIRST = np.array([0, 2, 2, 5, 9, 10])
COLUMNS = RNG.integers(0, 6, 10)
VALUES, X = RNG.standard_normal(10), RNG.standard_normal(6)
TABLE = RNG.standard_normal((6, 6))


def rows_times(first, columns, values, x):
    y = np.empty(first.size - 1)
    for i in range(first.size - 1):
        cols = columns[first[i] : first[i + 1]]
        y[i] = values[first[i] : first[i + 1]] @ x[cols]
    return np.sum(y * y)


def row_sums(first, columns, values, x):
    y = np.zeros(5)
    for i in range(5):
        part = values[first[i] : first[i + 1]]
        y[i] = np.sum(np.sin(part) * x[i] - part**2) + part.sum() + np.dot(part, part)
    return np.sum(y * y)


def columns_times(first, columns, values, x):
    y = np.zeros(6)
    for i in range(5):
        cols = columns[first[i] : first[i + 1]]
        y[cols] += values[first[i] : first[i + 1]] * x[i]
    return np.sum(y * y)


def updates(first, columns, values, x):
    v = values.copy()
    for i in range(5):
        v[first[i] : first[i + 1]] *= x[i]
        v[first[i] : first[i + 1]] += 0.5
        v[: first[i]] = v[: first[i]] * 1.1 - x[0]
    return np.sum(v * v)


def a_view_shows_writes(first, columns, values, x):
    v = values.copy()
    part, copied = v[first[0] : first[3]], v[first[0] : first[3]] * 1.0
    v *= x[1]
    part += 1.0
    return np.sum(part) + 3.0 * np.sum(copied) + np.sum(v * v)


def a_copy_is_its_own(first, columns, values, x):
    places = columns[first[2] : first[4]]
    taken = x[places]
    other = taken
    taken += 2.0
    return np.sum(other * other) + np.sum(x[places]) * values[0]


def ends_as_python_has_them(first, columns, values, x):
    k = first[1]
    total = np.sum(values[-k:]) + 2.0 * np.sum(values[k:-k]) + np.mean(values[: k + 1]) * x[0]
    total = total * x[2]
    return total + np.sum(values[k + 7 : k + k * 20]) ** 2 + np.sum(values[first[3] : first[1]])


def entries_of_a_row(first, columns, values, x):
    total = 0.0
    for i in range(5):
        cols = columns[first[i] : first[i + 1]]
        total = total + np.sum(TABLE_TIMES(x)[i, cols] * values[first[i] : first[i + 1]])
    return total


def TABLE_TIMES(x):
    return TABLE * x


def up_to_a_turn(first, columns, values, x):
    total = 0.0
    for i in range(5):
        total = total + np.sum(values[i : first[i + 1]]) * x[i]
    return total


PROGRAMS = [
    rows_times,
    row_sums,
    columns_times,
    updates,
    a_view_shows_writes,
    a_copy_is_its_own,
    ends_as_python_has_them,
    entries_of_a_row,
    up_to_a_turn,
]


@pytest.mark.parametrize("loss", PROGRAMS)
@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_values_and_gradients(loss, backend):
    gradient = gradc.value_and_grad(loss, argnums=(2, 3), backend=backend)
    value, found = gradient(FIRST, COLUMNS, VALUES, X)
    assert value == pytest.approx(loss(FIRST, COLUMNS, VALUES, X), rel=1e-13)
    dv, dx = RNG.standard_normal(10), RNG.standard_normal(6)
    h = 1e-6
    ahead, behind = (loss(FIRST, COLUMNS, VALUES + s * dv, X + s * dx) for s in (h, -h))
    along = float(np.sum(found[0] * dv) + np.sum(found[1] * dx))
    assert along == pytest.approx((ahead - behind) / (2 * h), rel=1e-6, abs=1e-8)


def test_the_sizes_are_read_at_the_call():
    compiled = gradc.compile(rows_times)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        first = np.array([0, *np.sort(rng.integers(0, 11, 4)), 10])
        at = first, rng.integers(0, 6, 10), VALUES, X
        assert compiled(*at) == pytest.approx(rows_times(*at), rel=1e-13)


def of_unequal_length(first, values):
    return np.sum(values[first[0] : first[1]] * values[first[1] : first[2]])


def returned(first, values):
    return values[first[0] : first[1]]


def counted(first, values):
    return len(values[first[0] : first[1]]) * values[0]


def with_an_array(first, values):
    return np.sum(values[first[0] : first[1]] * np.ones(2))


def sorted_(first, values):
    return np.sum(np.sort(values[first[0] : first[1]]))


def assigned_an_array(first, values):
    v = values.copy()
    v[first[0] : first[1]] = np.ones(2)
    return np.sum(v)


def from_turn_to_turn(first, values):
    part = values[first[0] : first[1]]
    for _ in range(20):
        part = part * 2.0
    return np.sum(part)


REFUSED = [of_unequal_length, returned, counted, with_an_array, sorted_, assigned_an_array]


@pytest.mark.parametrize("function", REFUSED)
def test_what_needs_the_length_is_refused(function):
    with pytest.raises(TraceError, match="the length of the slice is known only when the code"):
        gradc.compile(function)(FIRST, VALUES)


def test_a_stretch_is_no_carry():
    at = FIRST, VALUES
    try:
        found = gradc.compile(from_turn_to_turn)(*at)
    except GradcError:
        return
    assert found == pytest.approx(from_turn_to_turn(*at))


def test_where_of_whole_numbers_gives_whole_numbers():
    def function(x):
        y = np.zeros(6)
        for i in range(6):
            y[i] = np.where(x[i] > 0, i, 1) // 2
        return y

    np.testing.assert_array_equal(gradc.compile(function)(X), function(X))


def test_the_reverse_keeps_a_number_of_turns_and_counts_none():
    gradient = gradc.value_and_grad(rows_times, argnums=(2, 3))
    at = FIRST, COLUMNS, VALUES, X
    assert gradient.artifact(*at).memory().tape <= 8 * 5
    _, _, adjoint = gradient.source("c", *at).rpartition("/* adjoint */")
    assert adjoint.count("while (") == 1
