"""Corpus: arrays that a loop makes longer or shorter, and names that share their memory."""

import numpy as np

from tests.programs import normals, positives, program


@program(positives(4), "kept")
def option_on_a_tree(p):
    up, rate = 1.0 + 0.1 * p[0], 0.5 + 0.1 * p[1]
    values = np.maximum(1.5 - p[2] * up ** np.arange(9, -10, -2), 0.0)
    for i in range(8, -1, -1):
        price = p[2] * up ** np.arange(i, -i - 1, -2)
        values = np.maximum(0.99 * (rate * values[:-1] + (1 - rate) * values[1:]), 1.5 - price)
    return values[0] * p[3]


@program(normals((6, 2), ()), "kept")
def point_of_a_curve(points, t):
    for _ in range(5):
        points = (1 - t) * points[:-1] + t * points[1:]
    return points[0]


@program(normals(9), "kept")
def table_of_differences(y):
    total = 0.0
    for k in range(8):
        y = np.diff(y)
        total += y[0] * y[-1] / (k + 1)
    return total


@program(normals(9, 1), "kept")
def value_between_nodes(y, q):
    nodes = np.linspace(0.0, 1.0, 9)
    for k in range(1, 9):
        left, right = nodes[:-k], nodes[k:]
        y = ((q[0] - right) * y[:-1] + (left - q[0]) * y[1:]) / (left - right)
    return y[0]


@program(normals((9, 10), (3, 3)), "kept")
def valid_convolutions(x, w):
    for _ in range(3):
        rows, columns, y = x.shape[0] - 2, x.shape[1] - 2, 0.0
        for a in range(3):
            for b in range(3):
                y = y + w[a, b] * x[a : a + rows, b : b + columns]
        x = np.tanh(y)
    return np.sum(x * x)


@program(normals(7), "kept")
def a_queue_is_used_up(x):
    rest, total = x * 1.0, 0.0
    for _ in range(7):
        total = total * 0.9 + rest[0] ** 2
        rest = rest[1:]
    return total + len(rest)


@program(normals(4), "kept")
def a_path_is_kept_row_by_row(x):
    path, state = x[None] * 1.0, x
    for _ in range(6):
        state = state + 0.1 * np.sin(state)
        path = np.vstack([path, state[None]])
    return np.sum(path**2 * np.arange(7)[:, None])


@program(normals(7), "kept")
def appended_to_what_was_appended(x):
    found = x[:1] * 1.0
    for k in range(7):
        found = np.append(found, found[k] * 0.5 + x[k] * found[0])
    return np.sum(found**2) + found[3]


@program(normals(8), "kept")
def two_that_feed_each_other(x):
    a, b = x * 1.0, x**2
    for _ in range(5):
        a, b = a[1:] + b[:-1] * 0.1, np.sin(b[:-1]) - a[1:] * 0.2
    return np.sum(a * b)


@program(normals(8), "kept")
def one_grows_as_the_other_shrinks(x):
    left, right = x * 1.0, x[:1] ** 2
    for _ in range(6):
        right = np.concatenate([right, left[:1] * right[-1:]])
        left = left[1:] * 0.9
    return np.sum(right) * np.sum(left)


@program(normals(8), "kept")
def sizes_are_read_on_the_way(x):
    total = 0.0
    for _ in range(6):
        total += np.mean(x) / len(x) + x[-1] * x.shape[0] + x.size
        x = x[1:] * x[:-1]
    return total


@program(normals(8), "kept")
def shorter_on_both_sides_of_a_branch(x):
    for _ in range(6):
        if x[0] > 0.2:
            x = x[1:] * 0.9
        elif x[1] > 0.1:
            x = x[:-1] - 0.5 * x[1:]
        else:
            x = x[:-1] * 1.1
    return np.sum(x**2)


@program(normals(12), "kept")
def shorter_in_two_loops(x):
    for _ in range(3):
        for _ in range(3):
            x = x[1:] * x[:-1] * 0.5 + x[1:]
    return np.sum(x**2)


@program(normals((3, 8)), "kept")
def each_row_down_to_one_number(a):
    total = 0.0
    for row in a:
        v = row
        for _ in range(7):
            v = v[1:] * v[:-1] * 0.3 + v[1:]
        total = total + v[0] ** 2
    return total


# a write shows in every array that shares the memory


@program(normals(8))
def shorter_and_written_before(x):
    v = x * 1.0
    start = v
    for _ in range(5):
        v[0] = v[0] * 2 + v[1]
        v = v[1:] * v[:-1] + v[1:]
    return np.sum(v) + np.sum(start**2)


@program(normals(8), "kept")
def shorter_and_written_after(x):
    v = x * 1.0
    for _ in range(5):
        v = v[1:] * v[:-1] + v[1:]
        v[0] = v[0] * 2
    return np.sum(v)


@program(normals(8))
def a_queue_is_written(x):
    v, total = x * 1.0, 0.0
    everything = v
    for _ in range(6):
        total = total * 0.9 + v[0] ** 2
        v = v[1:]
        v[0] += 0.1 * np.sin(total)
    return total + np.sum(everything**2)


@program(normals(8))
def the_last_one_has_another_name(x):
    v, last = x * 1.0, np.zeros(8)
    for _ in range(5):
        v = v[1:] * 0.5 + v[:-1]
        last = v
    last[0] = 3.0
    return np.sum(v**3) + np.sum(last**2)


@program(normals(8))
def the_one_before_is_written(x):
    v = x * 1.0
    old = v
    for _ in range(5):
        old[1] = old[1] * 1.5
        old = v
        v = v[1:] * 0.5 + v[:-1]
    return np.sum(v) + np.sum(old**2)


@program(normals(8), "kept")
def written_when_all_is_done(x):
    v = x * 1.0
    for _ in range(5):
        v = v[1:] * v[:-1]
    w = v
    w[0] = 2.0
    return np.sum(v * x[:3])


@program(normals(8))
def what_is_used_up_is_written_by_its_first_name(x):
    everything = x * 1.0
    rest, total = everything, 0.0
    for k in range(7):
        total = total * 0.9 + rest[0] ** 2
        everything[k + 1] += 0.5 * everything[k]
        rest = rest[1:]
    return total


@program(normals(8))
def rows_of_what_is_written(x):
    table = np.zeros((3, 8))
    table[0] = x
    v, total = table[0], 0.0
    for _ in range(5):
        table[0] *= 0.9
        total += np.sum(v) ** 2
        v = v[1:]
    return total + np.sum(v)
