"""Corpus: loops as scientists write them, whose code must not grow with their turns.

Each program has a size; the tests record it at two sizes and compare.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.programs import program

SIZED: list["Sized"] = []


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
