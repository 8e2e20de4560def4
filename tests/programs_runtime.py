"""Corpus: integers known only when the code runs, as bounds, starts and indices; random draws."""

import numpy as np

from tests.programs import normals, program


@program(lambda r: (r.standard_normal(6), np.int64(4)), "kept")
def a_bound_from_an_argument(x, n):
    total = 0.0
    for i in range(n):
        total = total * 0.5 + x[i] ** 2
    return total


@program(lambda r: (r.standard_normal(8), np.int64(2), np.int64(7)), "kept")
def both_bounds_from_arguments(x, a, b):
    y = x.copy()
    for i in range(a, b):
        y[i] += y[i - 1] * y[i]
    return y


@program(lambda r: (r.standard_normal(8), np.array(7), np.array(1)), "kept")
def downwards_between_arguments(x, a, b):
    y = x.copy()
    for i in range(a, b, -2):
        y[i] = y[i] * y[i - 1]
    return y


@program(lambda r: (r.standard_normal(6), np.int64(0)), "kept")
def a_bound_of_zero(x, n):
    total = x[0] * 2.0
    for i in range(n):
        total = total * x[i]
    return total


@program(lambda r: (r.standard_normal((5, 5)), np.int32(4)), "kept")
def a_triangle_of_an_argument(a, n):
    total = 0.0
    for i in range(n):
        for j in range(i):
            total = total + a[i, j] * a[j, i]
    return total


@program(normals(6), "kept", "real")
def a_bound_from_data(x):
    total = 0.0
    for i in range(np.argmax(x) + 1):
        total = total + x[i] ** 2
    return total


@program(normals(6), "kept", "real")
def the_element_at_the_maximum(x):
    k = np.argmax(x)
    y = x.copy()
    y[k] = y[k] ** 2 * x[0]
    return y * x[k - 1]


@program(normals(8), "kept", "real")
def a_window_at_the_maximum(x):
    k = np.argmax(x[:5])
    return np.sum(x[k : k + 3] ** 2)


@program(normals(8), "kept", "real")
def a_window_written_at_the_maximum(x):
    y = x.copy()
    k = np.argmax(x[:5])
    y[k : k + 2] = x[k + 1 : k + 3] * 2
    return y


@program(lambda r: (r.standard_normal(8), np.int64(3)), "kept")
def a_window_at_an_argument(x, k):
    w = x[k : k + 4]
    return np.cumsum(w) * w


@program(lambda r: (r.standard_normal((4, 5)), np.int64(2), np.array(-1)), "kept")
def rows_and_columns_at_arguments(a, i, j):
    y = a.copy()
    y[i] *= a[:, j].sum()
    y[:, j] += a[i, 0]
    return y * y[i, j]


@program(lambda r: (r.standard_normal((4, 5)), r.integers(0, 4, 6)), "kept")
def rows_taken_by_integers(a, picks):
    h = np.zeros(5)
    for k in range(6):
        h = np.sin(h + a[picks[k]])
    return h


@program(lambda r: (r.standard_normal((4, 5)), np.array([1, 3, 4, 5])), "kept")
def rows_of_several_lengths(a, lengths):
    total = 0.0
    for i in range(4):
        for j in range(lengths[i]):
            total = total + a[i, j] ** 2 * (j + 1)
    return total


@program(
    lambda r: (
        r.standard_normal(7),
        r.standard_normal(4),
        np.array([0, 2, 3, 5, 7]),
        np.array([0, 3, 1, 0, 2, 1, 3]),
    ),
    "kept",
)
def sparse_product(data, x, starts, columns):
    y = np.zeros(4)
    for i in range(4):
        for k in range(starts[i], starts[i + 1]):
            y[i] += data[k] * x[columns[k]]
    return y


@program(lambda r: (r.standard_normal(5), np.array([2, 0, 4, 1, 3])), "kept")
def a_linked_list(x, after):
    total, k = 0.0, 0
    for _ in range(5):
        total = total * 0.5 + x[k]
        k = after[k]
    return total


@program(lambda r: (r.standard_normal(6), np.array([4, 2, 5, 5, 1, 3])), "kept")
def a_chain_until_it_repeats(x, after):
    total, k, turns = x[0], 0, 0
    while after[k] != k and turns < 4:
        k = after[k]
        total = total * x[k] + 1.0
        turns += 1
    return total


@program(normals(6), "kept", "real")
def counters_as_indices(x):
    y = np.zeros(6)
    low, high = 0, 5
    for i in range(6):
        if x[i] < 0:
            y[low] = x[i] ** 2
            low += 1
        else:
            y[high] = x[i]
            high -= 1
    return y * low


@program(lambda r: (r.standard_normal(6), r.standard_normal(4), np.sort(r.random(4))), "kept")
def interpolation(x, y, at):
    out = np.zeros(4)
    for i in range(4):
        k = int(at[i].real * 5)
        w = at[i] * 5 - k
        out[i] = (1 - w) * x[k] + w * x[k + 1] + y[i]
    return out


@program(normals(5, 6), "kept", "real")
def searched_in_a_table(x, table):
    table = np.cumsum(np.abs(table) + 0.1)
    total = 0.0
    for v in x:
        k = 0
        while k < 5 and table[k] < np.abs(v):
            k += 1
        total = total + table[k] * v
    return total


@program(lambda r: (r.standard_normal(5),), "kept")
def a_random_walk(x):
    rng = np.random.default_rng(3)
    for _ in range(6):
        x = x + 0.1 * np.sin(x) * rng.standard_normal(5)
    return x


@program(lambda r: (r.standard_normal(5),), "kept", "real")
def draws_of_several_kinds(x):
    rng = np.random.default_rng(4)
    start = rng.normal()
    y = np.zeros(5)
    for i in range(5):
        y[i] = x[i] ** 2 * rng.normal() + rng.uniform(size=3).sum() * x[0] + start
    return y + rng.integers(0, 9) * x


@program(lambda r: (r.standard_normal(3),), "kept", "real")
def draws_in_nested_loops(x):
    rng = np.random.default_rng(5)
    for _ in range(3):
        x = x * rng.uniform(0.5, 1.5)
        for i in range(2):
            x = x + rng.normal(i * 0.1, 1.0, size=3) * x[0]
    return x


@program(lambda r: (r.standard_normal(4),), "kept", "real")
def draws_with_traced_parameters(x):
    rng = np.random.default_rng(6)
    total = 0.0
    for i in range(4):
        total = np.tanh(total) + rng.normal(x[i], np.exp(x[i - 1]))
    return total


@program(lambda r: (r.standard_normal((6, 3)),), "kept")
def stochastic_rows(a):
    rng = np.random.default_rng(7)
    w = np.zeros(3)
    for _ in range(5):
        row = a[rng.integers(0, 6)]
        w = w + 0.1 * row * (1.0 - row @ w)
    return w


@program(lambda r: (r.standard_normal(3),), "kept")
def a_generator_made_inside(x):
    rng = np.random.default_rng(11)
    for _ in range(3):
        x = x * (1 + 0.1 * rng.standard_normal(3))
    return x
