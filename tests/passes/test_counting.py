"""Loops that only count are numbers."""

import numpy as np
import pytest

import gradc


def counts(n, k):
    m = 7
    while k < n:
        k += 1
        m += 3
    return k, m


def counts_down(n, k):
    m = 50
    while k < n:
        k += 1
        m = m - 2
    return m


def stops_at_something_else(n, k):
    m = 0
    while k < n and m < 5:
        k += 1
        m += 1
    return k, m


def in_steps_of_two(n, k):
    while k < n:
        k += 2
    return k


def the_limit_moves(n, k):
    while k < n:
        k += 1
        n -= 1
    return k, n


PROGRAMS = [counts, counts_down, stops_at_something_else, in_steps_of_two, the_limit_moves]


@pytest.mark.parametrize("function", PROGRAMS)
@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_values(function, backend):
    compiled = gradc.compile(function, backend=backend)
    for n, k in [(10, 3), (3, 10), (4, 4), (-2, -9), (30, 1)]:
        at = np.int64(n), np.int64(k)
        np.testing.assert_array_equal(compiled(*at), function(*at))


@pytest.mark.parametrize("function", PROGRAMS)
def test_which_dissolve(function):
    source = gradc.compile(function).source("c", np.int64(5), np.int64(2))
    assert ("while (" not in source) is (function in (counts, counts_down))
