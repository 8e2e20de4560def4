"""Corpus: views, aliases and writes in place, before, inside and after loops."""

import numpy as np

from tests.programs import normals, program


@program(normals((4, 5)), "kept")
def a_view_made_before_the_loop(x):
    y = x.copy()
    inner = y[1:-1]
    for _ in range(3):
        inner *= 0.5
        inner += y[2:] * x[1:3]
    return y


@program(normals((4, 5)), "kept")
def a_view_made_in_each_turn(x):
    y = x.copy()
    for j in range(1, 5):
        column = y[:, j]
        column += y[:, j - 1] * column
    return y


@program(normals(6), "kept")
def a_view_read_after_the_loop(x):
    y = np.zeros(6)
    head, tail = y[:3], y[3:]
    for i in range(6):
        y[i] = x[i] * y[i - 1] + x[0]
    return head * tail


@program(normals(6), "kept")
def a_view_written_after_the_loop(x):
    y = x * 2
    odd = y[1::2]
    for i in range(1, 6):
        y[i] += y[i - 1] ** 2
    odd *= x[:3]
    return y


@program(normals(6), "kept")
def a_view_left_by_the_last_turn(x):
    y = x.copy()
    for i in range(4):
        part = y[i : i + 2]
        part *= 1.5
    return y * np.sum(part)


@program(normals(6), "kept")
def strided_views(x):
    y = x.copy()
    even, odd = y[::2], y[1::2]
    for _ in range(3):
        odd -= 0.5 * even
        even += 0.25 * odd * odd
    return y


@program(normals(6), "kept")
def backward_views(x):
    y = x.copy()
    back = y[::-1]
    for i in range(1, 6):
        back[i] += back[i - 1] * y[i]
    return y


@program(normals((3, 4)), "kept")
def transposed_view(x):
    y = x.copy()
    t = y.T
    for j in range(1, 4):
        t[j] = t[j - 1] * t[j] + y[0, 0]
    return y


@program(normals((3, 4)), "kept")
def flat_view(x):
    y = x.copy()
    flat = y.reshape(-1)
    for i in range(1, 12):
        flat[i] = flat[i] + 0.5 * flat[i - 1] * y[0, 1]
    return y


@program(normals(12), "kept")
def shaped_view(x):
    y = x.copy()
    grid = y.reshape(3, 4)
    for i in range(1, 3):
        for j in range(1, 4):
            grid[i, j] += grid[i - 1, j] * grid[i, j - 1]
    return y


@program(normals((3, 4)), "kept")
def view_of_a_view(x):
    y = x.copy()
    block = y[1:, ::2]
    row = block[1]
    for k in range(2):
        row[k] = block[0, k] ** 2
        block[0] += row
    return y


@program(normals((2, 3, 4)), "kept")
def a_plane_and_its_rows(x):
    y = x.copy()
    for k in range(4):
        plane = y[..., k]
        for i in range(2):
            row = plane[i]
            row[1:] += row[:-1] * plane[1 - i, 0]
    return y


@program(normals((3, 4)), "kept")
def axes_added_to_a_view(x):
    y = x.copy()
    wide = y[:, None, :]
    for i in range(3):
        wide[i, 0] *= y[i - 1]
        y[i, np.newaxis] += wide[0]
    return y


@program(normals(4), "kept")
def two_names_of_one_array(x):
    a = x * 2
    b = a
    for i in range(1, 4):
        a[i] = b[i - 1] * x[i]
        b[0] += a[i]
    return a * b


@program(normals(4), "kept")
def alias_broken_by_a_new_value(x):
    a = x * 2
    b = a
    for _ in range(3):
        a = a + b
        b[0] = b[0] * 1.5
    return a, b


@program(normals(4, 4), "kept")
def the_same_array_twice(x, y):
    def mix(target, source):
        for i in range(1, 4):
            target[i] += source[i - 1] * target[0]

    a = x * y
    mix(a, a)
    mix(a, y)
    return a


@program(normals(5), "kept")
def overlapping_arguments(x):
    def shift(target, source):
        target += 0.5 * source
        target[0] = source[-1] * target[1]

    y = x.copy()
    for _ in range(3):
        shift(y[1:], y[:-1])
    return y


@program(normals(4), "kept", "writes")
def an_argument_written_in_a_loop(x):
    for i in range(1, 4):
        x[i] += x[i - 1] * x[i]
    return np.sum(x * x)


@program(normals((3, 3)), "kept", "writes")
def a_view_of_an_argument_written_in_a_loop(x):
    for row in x:
        row *= row[0]
    return np.sum(x[1] * x[2])


@program(normals(4, 4), "kept")
def buffers_change_places(x, w):
    a, b = x.copy(), np.zeros(4)
    for _ in range(5):
        b[1:-1] = w[1:-1] * (a[:-2] + a[2:])
        a, b = b, a
    return a


@program(normals(5), "kept")
def both_buffers_after_the_swap(x):
    a, b = x.copy(), np.ones(5)
    for i in range(3):
        b[i] = a[i + 1] * a[i]
        a[i] = b[i + 1] * 0.5
        a, b = b, a
    return a * 2 + b * x


@program(normals((4, 4)), "kept")
def rows_change_places(x):
    y = x.copy()
    for i in range(3):
        y[[i, i + 1]] = y[[i + 1, i]]
        y[i] *= y[i + 1, 0]
    return y


@program(normals((4, 4)), "kept")
def rows_swapped_by_tuples(x):
    y = x.copy()
    for i in range(3):
        y[i], y[i + 1] = y[i + 1] * 2, y[i].copy()
    return y


@program(normals(6), "kept")
def elements_swapped(x):
    y = x.copy()
    for i in range(3):
        y[i], y[5 - i] = y[5 - i] * y[i], y[i]
    return y


@program(normals(5, 5), "kept")
def out_into_a_view(x, w):
    y = np.zeros((3, 5))
    for i in range(3):
        np.multiply(x, w + i, out=y[i])
        np.add(y[i], y[i - 1], out=y[i])
    return y


@program(normals(5), "kept")
def out_into_a_strided_view(x):
    y = np.ones(10)
    for _ in range(3):
        np.sin(x * y[1::2], out=y[::2])
        np.subtract(y[::2], x, out=y[1::2])
    return y


@program(normals((3, 4), (4,)), "kept")
def out_of_a_product(a, x):
    y = np.zeros(3, a.dtype)
    for _ in range(3):
        np.dot(a, x, out=y)
        x = np.tanh(x + y[0])
    return y


@program(normals(5))
def a_view_of_what_a_loop_exchanges(x):
    a, c, total = x * 1.0, np.zeros(5), 0.0
    b = a[1:]
    for _ in range(6):
        total = total * 0.9 + b[-1] ** 2
        c[-1] = c[-1] * 0.7 + c[0]
        c, a = a, c
    return total


@program(normals((3, 4)))
def a_row_of_what_a_loop_exchanges(x):
    old, new, total = x * 1.0, np.zeros((3, 4)), 0.0
    row = old[1].reshape(2, 2)
    for _ in range(7):
        new[1:] = 0.5 * old[:-1] + new[1:]
        total += np.sum(row * row)
        old, new = new, old
    return total
