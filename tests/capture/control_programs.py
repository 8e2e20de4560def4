"""Small programs with loops, branches and writes in place, each run as plain NumPy as well."""

import math

import numpy as np

from tests.capture.branch_programs import (
    between,
    branch_assigns,
    branch_writes,
    chain,
    conditional_expression,
    early_return,
    forever,
    nested_break,
    newton,
    newton_from_a_number,
    short_circuit,
    static_while,
    while_with_counter,
    with_break,
    with_continue,
    with_return,
)


def vector(n=5):
    return np.random.default_rng(n).uniform(0.5, 1.5, n)


def matrix(m=4, n=5):
    return np.random.default_rng(m * n).uniform(0.5, 1.5, (m, n))


def running_total(x):
    total = 0.0
    for i in range(x.shape[0]):
        total = total + x[i] * i
    return total


def running_total_in_place(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i]
    return total


def over_elements(x):
    total = 0.0
    for v in x:
        total = total + v * v
    return total


def over_rows(a):
    h = np.zeros(a.shape[1])
    for row in a:
        h = np.tanh(h + row)
    return h


def enumerated(x):
    y = np.zeros(5)
    for i, v in enumerate(x):
        y[i] = v * (i + 1)
    return y


def zipped(x, a):
    y = np.zeros(5)
    for v, row in zip(x, a):  # noqa: B905
        y = y + v * row
    return y


def backwards(x):
    y = x.copy()
    for i in range(3, -1, -1):
        y[i] = y[i] + 0.5 * y[i + 1]
    return y


def steps(x):
    y = np.zeros_like(x)
    for i in range(0, 5, 2):
        y[i] = x[i] * 3
    return y


def triangle(a):
    total = 0.0
    for i in range(4):
        for j in range(i + 1):
            total = total + a[i, j]
    return total


def upper_triangle(a):
    total = 0.0
    for i in range(4):
        for j in range(i, 5):
            total = total + a[i, j] * j
    return total


def growing_slices(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = np.sum(x[: i + 1]) + np.max(x[i:])
    return y


def negative_slices(x):
    total = 0.0
    for i in range(1, 5):
        total = total + np.sum(x[-i:]) + np.sum(x[:-i])
    return total


def reversed_slices(x):
    total = 0.0
    for i in range(1, 5):
        total = total + x[:i][::-1] @ x[1 : i + 1]
    return total


def wrapping(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = x[i] - x[i - 1]
    return y


def modulo(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = x[(i + 1) % 5]
    return y


def constant_from_the_end(a):
    total = 0.0
    for i in range(4):
        total = total + a[-1, i] * a[i, -1]
    return total


def column_views(a):
    a = a.copy()
    for j in range(1, 5):
        column = a[:, j]
        column += a[:, j - 1]
    return a


def view_made_before(a):
    a = a.copy()
    inner = a[1:-1]
    for _ in range(3):
        inner *= 0.5
        inner += a[2:]
    return a


def rank_one(a):
    a = a.copy()
    for k in range(3):
        a[k + 1 :, k] = a[k + 1 :, k] / a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return a


def index_in_arithmetic(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = np.sin(0.5 * i) * x[i] + i**2 + i / 2 + i // 2
    return y


def index_comparison(x):
    total = 0.0
    for i in range(5):
        if i < 5:
            total = total + x[i]
        if i > 7:
            total = total - 100.0
    return total


def index_branch(x):
    total = 0.0
    for i in range(5):
        if i < 2:  # noqa: SIM108
            total = total + x[i]
        else:
            total = total - 2 * x[i]
    return total


def parity(x):
    total = 0.0
    for i in range(5):
        if i % 2 == 0:  # noqa: SIM108
            total = total + x[i]
        else:
            total = total * 0.5
    return total


def min_and_max(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = x[max(i - 1, 0)] + x[min(i + 1, 4)]
    return y


def pair(x):
    a, b = 0.0, 1.0
    for i in range(5):
        a, b = b, a + b * x[i]
    return a, b


def state_tuple(a):
    state = (np.zeros(5), np.ones(5))
    for i in range(4):
        h, c = state
        c = 0.5 * c + a[i]
        state = (np.tanh(c) * h + 1.0, c)
    return state


def state_dict(a):
    state = {"h": np.zeros(5), "n": 0}
    for i in range(4):
        state = {"h": state["h"] + a[i], "n": state["n"] + 1}
    return state["h"] * state["n"]


def counter(x):
    count = 0
    for i in range(5):
        if x[i] > 1.0:
            count = count + 1
    return count * x[0]


def counter_as_index(x):
    y = np.zeros(5)
    k = 0
    for i in range(5):
        if x[i] > 1.0:
            y[k] = x[i]
            k += 1
    return y


def last_value(x):
    for i in range(5):
        v = x[i] * 2
    return v + i


def layers(a):
    weights = [a[0], a[1], a[2]]
    h = a[3]
    for i in range(3):
        h = np.tanh(h * weights[i])
    return h


def appended(x):
    found = []
    for i in range(5):
        found.append(x[i] * i)  # noqa: PERF401
    return np.array(found)


def stacked_list(x):
    h, hs = x, []
    for _ in range(3):
        h = np.sin(h)
        hs.append(h)
    return np.stack(hs)


def growing(x):
    y = x
    for _ in range(3):
        y = np.concatenate([y, x])
    return y


def broadcast_start(a):
    total = 0
    for row in a:
        total = total + row
    return total


def step(h, v):
    if v > 1.0:
        return h + v
    return h * v


def calls(x):
    h = 0.0
    for v in x:
        h = step(h, v)
    return h


def nested_function(x):
    scale = 2.0
    y = np.zeros(5)

    def put(i, v):
        y[i] = v * scale

    for i in range(5):
        put(i, x[i])
        scale = scale * 1.1
    return y


def power(x, n):
    return x if n == 0 else np.sin(power(x, n - 1))


def recursion(x):
    return power(x, 4)


def python_math(x):
    total = 0.0
    for i in range(5):
        total += math.exp(-0.1 * i) * math.sqrt(x[i])
    return total


def times(x):
    dt, t, y = 0.1, 0.0, x[0]
    for _ in range(5):
        y = y + dt * (-y + np.cos(t))
        t += dt
    return y, t


def single_precision(x):
    x = x.astype(np.float32)
    total = 0.0
    for v in x:
        total = total + v
    return total


def clipped(a):
    a = a.copy()
    for i in range(4):
        for j in range(5):
            if a[i, j] > 1.0:
                a[i, j] = 1.0
    return a


def replaced_and_written(x):
    x = x.copy()
    for _ in range(4):
        x[0] = 0.0
        x = x + 0.1 * np.roll(x, 1)
    return x


def swapped(x):
    a, b = x.copy(), np.zeros(5)
    for _ in range(5):
        b[1:-1] = 0.5 * (a[:-2] + a[2:])
        a, b = b, a
    return a


def gather_rows(a):
    order = np.array([2, 0, 1])
    total = np.zeros(5)
    for i in range(3):
        total = total + a[order[i]]
    return total


def argument_written(x):
    for i in range(4):
        x[i + 1] += x[i]
    return np.sum(x)


def bisection(x):
    lo, hi = 0.0, 2.0
    for _ in range(30):
        mid = 0.5 * (lo + hi)
        if mid * mid > x[0]:
            hi = mid
        else:
            lo = mid
    return 0.5 * (lo + hi)


def shapes_of_parts(x):
    total = 0.0
    for i in range(1, 5):
        part = x[:i]
        total = total + np.sum(part) / len(part) + part.shape[0]
    return total


def sized_by_index(x):
    total = 0.0
    for i in range(1, 5):
        total = total + np.sum(np.ones(i) * x[:i])
    return total


def means(x):
    y = np.zeros(5)
    for i in range(5):
        y[i] = np.mean(x[: i + 1])
    return y


VECTOR = [
    running_total, running_total_in_place, over_elements, enumerated, backwards, steps,
    growing_slices, negative_slices, reversed_slices, wrapping, modulo, index_in_arithmetic,
    index_comparison, index_branch, parity, min_and_max, pair, counter, counter_as_index,
    last_value, appended, stacked_list, growing, early_return, branch_assigns, branch_writes, chain,
    conditional_expression, short_circuit,
    between, newton, newton_from_a_number, with_break, with_continue,
    with_return, forever, while_with_counter, static_while, calls, nested_function, recursion,
    python_math, times, single_precision, replaced_and_written, swapped, argument_written,
    bisection, shapes_of_parts, sized_by_index, means,
]  # fmt: skip
MATRIX = [
    over_rows, triangle, upper_triangle, constant_from_the_end, column_views, view_made_before,
    rank_one, state_tuple, state_dict, layers, broadcast_start, nested_break, clipped, gather_rows,
]  # fmt: skip
PROGRAMS = [(f, (vector(),)) for f in VECTOR] + [(f, (matrix(),)) for f in MATRIX]
PROGRAMS.append((zipped, (vector(4), matrix())))
