"""Names that may hold one array or another after a branch or a loop: right, or refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import GradcError

X = np.random.default_rng(0).standard_normal(5)
M = np.random.default_rng(1).standard_normal((4, 5))


def a_row_taken_two_branches_deep(x, m):
    g, w = m.copy(), np.zeros(5)
    for i, row in enumerate(g):
        if x[i] > 0:  # noqa: SIM102
            if i < 2:
                w = g[1]
        row[-2:] *= 0.5
    return np.sum(w)


def a_row_taken_in_a_loop(x, m):
    g, w = m.copy(), np.zeros(5)
    for i in range(4):
        if x[i] > 0:
            w = g[1]
    g[1] *= 2
    return np.sum(w)


def a_row_from_a_loop_written(x, m):
    g, w = m.copy(), np.zeros(5)
    for i in range(4):
        if x[i] > 0:
            w = g[1]
    w *= 2
    return np.sum(g)


def exchanged_inside_and_written_outside(x, m):
    v, w = x.copy(), np.zeros(5)
    alias = v
    for i in range(4):
        for _ in v:
            v, w = w, v
        v[i : i + 2] = 0.5
    return np.sum(alias)


def an_argument_exchanged_and_written(x, m):
    v, w = x, m[0]
    for i in range(4):
        for _ in range(3):
            v, w = w, v
        v[i] = 0.5
    return np.sum(x) + np.sum(v)


def exchanged_without_an_alias(x, m):
    a, b = x.copy(), m[0].copy()
    for _ in range(3):
        for _ in range(4):
            a, b = b, a + b
        a[0] = 1.0
    return np.sum(a) + np.sum(b)


def arguments_exchanged(x, m):
    a, b = x, m[0]
    for _ in range(4):
        a, b = b, a + b
    return np.sum(a)


REFUSED = (
    a_row_taken_two_branches_deep,
    a_row_taken_in_a_loop,
    a_row_from_a_loop_written,
    exchanged_inside_and_written_outside,
    an_argument_exchanged_and_written,
)


@pytest.mark.parametrize("function", REFUSED)
def test_a_write_that_another_name_may_show_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(GradcError, match=r"changes another array|under another name") as caught:
        gradc.compile(function, unroll=0)(X.copy(), M.copy())
    assert f"in {function.__name__}" in str(caught.value)


@pytest.mark.parametrize("function", [exchanged_without_an_alias, arguments_exchanged])
def test_what_no_other_name_shows_is_recorded(function: Callable[..., Any]) -> None:
    found = gradc.compile(function, unroll=0)(X.copy(), M.copy())
    np.testing.assert_allclose(found, function(X.copy(), M.copy()), rtol=1e-14)


def steps_taken_or_not(x, m):
    y, t, h = x.copy(), 0.0, 0.1
    while t < 1.0:
        slope = -y * y
        error = np.max(np.abs(h * slope))
        if error < 0.3:
            y = y + h * slope
            t = t + h
        h = min(0.9 * h * 0.3 / (error + 0.1), 0.3)
    return np.sum(y) * h


def a_step_before_the_loop(x, m):
    y = x.copy()
    if x[0] > 0:
        y = y * 2.0
    for i in range(4):
        if m[i, 0] > 0:
            y = y + m[i]
    return np.sum(y)


@pytest.mark.parametrize("function", [steps_taken_or_not, a_step_before_the_loop])
def test_names_bound_anew_on_one_side_in_every_turn_are_recorded(function: Any) -> None:
    found = gradc.compile(function)(X.copy(), M.copy())
    np.testing.assert_allclose(found, function(X.copy(), M.copy()), rtol=1e-14)


def written_by_its_old_name(x, m):
    y, t = x.copy(), 0.0
    old = y
    while t < 1.0:
        if x[0] + t > 0.3:
            y = y + 1.0
            t = t + x[1] ** 2
        y[0] = y[0] * 0.5
        t = t + 0.25
    return np.sum(y) + 3.0 * np.sum(old)


def written_before_and_behind(x, m):
    y = x.copy()
    old = y
    if x[0] > 0:
        y = y * 2.0
    old[1] = 7.0
    for i in range(4):
        if m[i, 0] > 0:
            y = y + m[i]
        old[0] = old[0] + 1.0
    old[2] = 5.0
    return np.sum(y) + 3.0 * np.sum(old)


def a_part_of_it_written(x, m):
    y = x.copy()
    part = y[:2]
    if x[0] > 5:
        y = y * 2.0
    for i in range(4):
        if m[i, 0] > 0:
            y = y + m[i]
        part[0] = part[0] + i
    return np.sum(y) + np.sum(part)


SIGNS = [(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]


@pytest.mark.parametrize("signs", SIGNS)
@pytest.mark.parametrize(
    "function", [written_by_its_old_name, written_before_and_behind, a_part_of_it_written]
)
def test_writes_under_such_names_are_right_or_refused(function: Any, signs: Any) -> None:
    x, m = np.abs(X) * signs[0], np.abs(M)
    m[0], m[2] = m[0] * signs[1], m[2] * signs[2]
    for unroll in (0, 3):
        try:
            found = gradc.compile(function, unroll=unroll)(x.copy(), m.copy())
        except GradcError:
            continue
        np.testing.assert_allclose(found, function(x.copy(), m.copy()), rtol=1e-14)
