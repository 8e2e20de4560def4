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
    with pytest.raises(GradcError, match=r"memory layout|under another name") as caught:
        gradc.compile(function, unroll=0)(X.copy(), M.copy())
    assert f"in {function.__name__}" in str(caught.value)


@pytest.mark.parametrize("function", [exchanged_without_an_alias, arguments_exchanged])
def test_what_no_other_name_shows_is_recorded(function: Callable[..., Any]) -> None:
    found = gradc.compile(function, unroll=0)(X.copy(), M.copy())
    np.testing.assert_allclose(found, function(X.copy(), M.copy()), rtol=1e-14)
