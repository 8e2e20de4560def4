"""Names that hold one array: a write through one of them shows in the other, or is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc

X = np.linspace(1.0, 2.0, 6)

RIGHT: list[Callable[..., Any]] = []
REFUSED: list[Callable[..., Any]] = []


def right(function: Callable[..., Any]) -> Callable[..., Any]:
    RIGHT.append(function)
    return function


def refused(function: Callable[..., Any]) -> Callable[..., Any]:
    REFUSED.append(function)
    return function


# two names of one array when a loop ends


@right
def bound_in_each_turn(x):
    a = x * 1.0
    b = a
    for _ in range(4):
        a = a * 0.5 + 1
        b = a
    b[0] = 5.0
    return np.sum(a)


@right
def bound_around_in_each_turn(x):
    a = x * 1.0
    b = c = a
    for _ in range(4):
        b = c * 0.5 + 1
        a = b
        c = a
    a[0] = 5.0
    return np.sum(b) + np.sum(c)


@right
def an_element_of_a_list(x):
    a = x * 1.0
    held = [a, a]
    for _ in range(4):
        a = a * 0.5 + 1
        held[0] = a
    held[0][0] = 5.0
    return np.sum(a)


@right
def in_each_turn_of_two_loops(x):
    a, b, total = x * 1.0, x * 1.0, 0.0
    for _ in range(4):
        for _ in range(4):
            a = a * 0.5 + 1
            b = a
        b[0] = 5.0
        total = total + np.sum(a)
    return total


@right
def before_and_after_a_while(x):
    a = x * 1.0
    b = a
    while abs(np.sum(a)) < 50:
        a = a * 1.5
        b = a
    b[0] = 100.0
    return np.sum(a)


@refused
def only_after_a_turn_of_a_while(x):
    a, b = x * 1.0, x * 3.0
    while np.sum(a) < 50:
        a = a * 1.5
        b = a
    b[0] = 100.0
    return np.sum(a)


@refused
def a_view_at_the_end_of_each_turn(x):
    a = x * 1.0
    b = a
    for _ in range(4):
        a = a * 0.5 + 1
        b = a[::-1]
    b[0] = 5.0
    return np.sum(a)


@refused
def a_view_at_the_end_of_an_inner_turn(x):
    a, b = x * 1.0, x * 1.0
    for _ in range(4):
        for _ in range(4):
            a = a * 0.5 + 1
            b = a[::-1]
    b[0] = 9.0
    return np.sum(a)


# a name that a branch may have bound anew


@refused
def perhaps_still_the_array_of_before(x):
    a = x * 1.0
    b = a
    for k in range(4):
        if x[k] > 1.3:
            b = b + 0.1
    b[0] = 7.0
    return np.sum(a) + np.sum(b) * 2


@refused
def the_array_of_before_is_written(x):
    a = x * 1.0
    b = a
    for k in range(4):
        if x[k] > 1.3:
            b = b + 0.1
    a[0] = 7.0
    return np.sum(a) + np.sum(b) * 2


@refused
def perhaps_another_array_that_is_there(x):
    a, other = x * 1.0, x * 3.0
    b = a
    for _ in range(4):
        if x[0] < 0.1:
            b = other
        a[0] += 1.0
    return np.sum(b) * 3 + np.sum(other) + np.sum(a)


@right
def one_array_on_either_side(x):
    if x[0] > 0:
        a = x * 2
        b = a
    else:
        a = x * 3
        b = a
    a[0] = 5.0
    return np.sum(b)


@refused
def one_array_on_one_side(x):
    if x[0] > 0:
        a = x * 2
        b = a
    else:
        a = x * 3
        b = a * 1.0
    a[0] = 5.0
    return np.sum(b)


@refused
def a_view_on_one_side(x):
    a, b = x * 1.0, x * 4.0
    if x[0] > 0:
        a = x * 2
        b = a[1:]
    else:
        b = b[1:]
    a[2] = 5.0
    return np.sum(b)


# what a loop writes into before it binds the name anew


@right
def a_view_of_what_was_bound_is_written(x):
    a = x * 1.0
    b, c = a, np.zeros(6)
    for _ in range(4):
        c[0] += 1.0
        c = b[::-1]
        b = b * 0.5
    return np.sum(a) + np.sum(c) * 2 + np.sum(b)


@refused
def written_by_a_loop_in_a_branch(x):
    a = x * 1.0
    b = a
    if a[0] > 0.5:
        for _ in range(4):
            a[-1] *= 0.7
            a = a + 0.1
    return np.sum(a) * 3 + np.sum(b)


@right
def written_by_a_loop_in_a_branch_and_not_held(x):
    a = x * 1.0
    if a[0] > 0.5:
        for _ in range(4):
            a[-1] *= 0.7
            a = a + 0.1
    a[2] = 5.0
    return np.sum(a) * 3


@right
def kept_or_replaced_and_only_read(x):
    best, low = x * 1.0, np.sum(x)
    start = best
    for k in range(5):
        trial = best * (1.1 - 0.05 * k) - 0.1
        if np.sum(trial) < low:
            best = trial
            low = np.sum(trial)
    return np.sum(best**2) + np.sum(start)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("function", RIGHT)
def test_a_write_shows_in_the_other(function: Callable[..., Any], sign: float) -> None:
    for unroll in (0, 3):
        found = gradc.compile(function, backend="numpy", unroll=unroll)(sign * X)
        np.testing.assert_allclose(found, function(sign * X), rtol=1e-13)


@pytest.mark.parametrize("function", REFUSED)
def test_what_is_not_known_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(gradc.GradcError) as caught:
        gradc.compile(function, backend="numpy", unroll=0)(X)
    assert "changes another array" in str(caught.value) or "another name" in str(caught.value)
    assert "copy" in str(caught.value)
