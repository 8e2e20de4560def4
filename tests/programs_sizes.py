"""Corpus: loops as scientists write them, whose code must not grow with their turns.

Each program has a size; the tests record it at two sizes and compare.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.programs import SIZED, program


class Sized(NamedTuple):
    """A program whose inputs have a size.

    Parameters
    ----------
    fn : function
    make : function
        Takes a random generator and a size; returns the inputs.
    """

    fn: Callable[..., Any]
    make: Callable[[np.random.Generator, int], tuple[Any, ...]]


def sized(make: Callable[..., tuple[Any, ...]], *tags: str) -> Callable[..., Any]:
    """Add a function to the corpus at size 5, and to the programs with a size."""

    def add(fn: Callable[..., Any]) -> Callable[..., Any]:
        SIZED.append(Sized(fn, make))
        return program(lambda r: make(r, 5), "kept", *tags)(fn)

    return add


def vector(r, n):
    return (r.uniform(0.5, 1.5, n),)


def vectors(r, n):
    return r.uniform(0.5, 1.5, n), r.uniform(0.5, 1.5, n)


def square(r, n):
    return (r.uniform(0.5, 1.5, (n, n)) + n * np.eye(n),)


def square_and_vector(r, n):
    return r.uniform(0.5, 1.5, (n, n)) + n * np.eye(n), r.uniform(0.5, 1.5, n)


# an array is written by elements and then bound to another


@sized(vector, "writes")
def elements_then_a_new_array(x):
    for _ in range(x.shape[0]):
        for j in range(x.shape[0]):
            x[j] = np.sin(x[j])
        x = x * 0.5
    return x


@sized(vector)
def elements_of_a_copy_then_a_new_array(x):
    y = x.copy()
    for i in range(len(x)):
        for j in range(1, len(x)):
            y[j] = np.sin(y[j - 1]) * x[i] + y[j]
        y = np.sqrt(y + 2.0)
    return y


@sized(vector, "writes")
def elements_then_a_copy(x):
    for _ in range(len(x)):
        for j in range(1, len(x)):
            x[j] = np.sin(x[j - 1]) + 0.5 * x[j]
        x = x.copy()
    return x


@sized(vector)
def elements_of_a_matrix_then_a_new_one(x):
    a = np.outer(x, x)
    for i in range(len(x)):
        for j in range(len(x)):
            for k in range(1, len(x)):
                a[j, k] = 0.5 * a[j, k - 1] + 0.1 * a[j, k] * x[i]
        a = a * 0.5
    return a


@sized(vector)
def exchanged_after_an_inner_loop(x):
    n = len(x)
    u, v = x.copy(), np.zeros(n)
    for _ in range(n):
        for j in range(1, n - 1):
            v[j] = u[j] + 0.1 * (u[j - 1] - 2 * u[j] + u[j + 1])
        u, v = v, u
    return u * u


@sized(vector)
def exchanged_after_a_slice(x):
    u, v = x.copy(), x.copy()
    for _ in range(len(x)):
        v[1:-1] = u[1:-1] + 0.1 * (u[:-2] - 2 * u[1:-1] + u[2:])
        u, v = v, u
    return u * u


@sized(vector)
def copied_after_an_inner_loop(x):
    n = len(x)
    u, v = x.copy(), np.zeros(n)
    for _ in range(n):
        for j in range(1, n - 1):
            v[j] = u[j] + 0.1 * (u[j - 1] - 2 * u[j] + u[j + 1])
        u = v.copy()
    return u * u


@sized(vectors, "writes")
def two_arrays_written_and_made_anew(x, y):
    n = len(x)
    for _ in range(n):
        for j in range(1, n - 1):
            x[j] = x[j] + 0.1 * y[j]
            y[j] = y[j] + 0.1 * x[j]
        x = x * 0.9
        y = y / np.sqrt(np.sum(y * y))
    return x, y


@sized(vector, "writes")
def one_element_then_a_new_array(x):
    for i in range(len(x)):
        x[i] = x[i] * 2
        x = x * 0.5
    return x


@sized(square, "writes")
def rows_then_a_product(a):
    for _ in range(a.shape[0]):
        for j in range(a.shape[0]):
            a[j, :] = a[j, :] / np.sqrt(1 + np.sum(a[j, :] ** 2))
        a = a.T @ a
        a = a / np.sum(a)
    return a


@sized(vector, "writes")
def another_name_of_the_argument_written(x):
    y = x
    for _ in range(len(x)):
        for j in range(len(x)):
            y[j] = np.sin(x[j])
        y = y * 0.5
    return y, x


@sized(vector, "writes")
def a_view_of_the_argument_written(x):
    y = x[:]
    for _ in range(len(x)):
        for j in range(len(x)):
            y[j] = np.sin(y[j])
        y = y * 0.5
    return y, x * 1.0


# loops inside loops, written as one


@sized(vector)
def a_product_of_ranges(x):
    total = 0.0
    for i, j in itertools.product(range(len(x)), repeat=2):
        if i != j:
            total = total + x[i] / (x[j] + i)
    return total


@sized(vector)
def a_product_of_ranges_left_in_the_middle(x):
    total = 0.0
    for i, j in itertools.product(range(len(x)), range(1, len(x))):
        total = total + x[i] * x[j]
        if total > 7.0:
            break
    return total * x[i] * x[j]


@sized(vector)
def a_product_of_arrays(x):
    total = 0.0
    for a, b in itertools.product(x, x[1:]):
        total = total * 0.9 + a * b
    return total


@sized(vector)
def combinations_of_indices(x):
    force = np.zeros(len(x))
    for i, j in itertools.combinations(range(len(x)), 2):
        d = x[j] - x[i]
        force[i] += d / (d * d + 0.1)
        force[j] -= d / (d * d + 0.1)
    return force


@sized(vector)
def combinations_of_three_elements(x):
    total = 0.0
    for a, b, c in itertools.combinations(x, 3):
        total = total + (a - b) ** 2 * c
    return total


@sized(vector)
def combinations_with_replacement_of_indices(x):
    k = np.zeros((len(x), len(x)))
    for i, j in itertools.combinations_with_replacement(range(len(x)), 2):
        k[i, j] = k[j, i] = np.exp(-((x[i] - x[j]) ** 2))
    return k


@sized(vector)
def all_indices_of_a_matrix(x):
    a, b = np.outer(x, x), np.zeros((len(x), len(x)))
    for i, j in np.ndindex(a.shape):
        b[i, j] = a[i, j] ** 2 * a[j, i]
    return b


@sized(vector)
def all_elements_of_a_matrix_by_their_indices(x):
    total = 0.0
    for (i, j), a in np.ndenumerate(np.outer(x, x)):
        total = total * 0.9 + a * a * (i + 2 * j)
    return total


@sized(vector)
def pairs_inside_a_time_loop(x):
    y = x.copy()
    for _ in range(len(x)):
        for i, j in itertools.product(range(len(x)), range(1, len(x))):
            y[i] = y[i] * 0.9 + 0.05 * y[j - 1]
        y = y / np.sum(y)
    return y


# rolled by the index of the loop


@sized(vector)
def rolled_by_the_index(x):
    total = np.zeros(len(x))
    for k in range(len(x)):
        total = total + x * np.roll(x, k) * 0.5**k
    return total


@sized(vector)
def rolled_along_axes_by_the_index(x):
    a = np.outer(x, x)
    total = np.zeros_like(a)
    for k in range(len(x)):
        total += np.roll(a, -k, axis=1) * np.roll(a, 2 * k, axis=(0, 1)) + np.roll(a, k)
    return total


# records


class Oscillator(NamedTuple):
    """Where it is and how fast."""

    place: Any
    speed: Any = 0.0


@sized(vector)
def a_named_tuple_with_replaced_fields(x):
    state = Oscillator(x[0])
    for force in x:
        state = state._replace(place=state.place + 0.1 * state.speed, speed=state.speed - force)
        state = Oscillator(state.place * 0.9, speed=state.speed - state.place)
    return state._asdict()["place"] * state.speed
