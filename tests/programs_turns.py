"""Corpus: loops over everything that can be looped over, and what goes from turn to turn."""

import numpy as np

from tests.programs import normals, program


@program(normals(7), "kept")
def from_a_start_to_a_stop(x):
    y = np.zeros(7)
    for i in range(2, 6):
        y[i] = x[i] * y[i - 1] + x[i - 2]
    return y


@program(normals(9), "kept")
def by_steps_of_three(x):
    y = x.copy()
    for i in range(1, 9, 3):
        y[i] = y[i - 1] * y[i]
    return y


@program(normals(7), "kept")
def downwards(x):
    y = x.copy()
    for i in range(5, -1, -1):
        y[i] += y[i + 1] ** 2
    return y


@program(normals(8), "kept")
def downwards_by_two(x):
    y = x * 1.0
    for i in range(7, 1, -2):
        y[i] = y[i] * y[i - 1] - y[i - 2]
    return y


@program(normals(5), "kept")
def loops_without_turns(x):
    y = x.copy()
    for i in range(3, 3):
        y[i] = 0.0
    for i in range(0, -2):
        y[i] = 0.0
    return y


@program(normals(5), "kept")
def over_the_elements(x):
    total = 0.0
    for v in x:
        total += v * v * total + v
    return total


@program(normals((4, 3)), "kept")
def over_the_rows(a):
    h = np.zeros(3)
    for row in a:
        h = np.tanh(h + row)
    return h


@program(normals((4, 3)), "kept")
def over_the_columns(a):
    h = np.ones(4)
    for column in a.T:
        h = h * column + 1.0
    return h


@program(normals((2, 3, 4)), "kept")
def over_matrices_and_their_rows(a):
    h = np.zeros(4)
    for matrix in a:
        for row in matrix:
            h = np.sin(h) + row
    return h


@program(normals(6), "kept")
def over_a_slice(x):
    total = 1.0
    for v in x[1:5]:
        total = total * v + x[0]
    return total


@program(normals(6), "kept")
def over_a_reversed_array(x):
    total = 1.0
    for v in x[::-1]:
        total = np.cos(total * v)
    return total


@program(normals(6), "kept")
def reversed_range(x):
    total = 0.0
    for i in reversed(range(6)):
        total = np.sin(total + x[i] * i)
    return total


@program(normals(5), "kept")
def reversed_array(x):
    total = 1.0
    for v in reversed(x):
        total = total * v + 0.5
    return total


@program(normals(5), "kept")
def enumerated(x):
    y = np.zeros(5)
    for i, v in enumerate(x):
        y[i] = v**2 * (i + 1)
    return y


@program(normals(5), "kept")
def enumerated_from_one(x):
    total = 0.0
    for k, v in enumerate(x, 1):
        total += v**2 / k
    return total


@program(normals(5, (5, 3)), "kept")
def zipped(x, a):
    h = np.zeros(3)
    for v, row in zip(x, a, strict=True):
        h = np.tanh(v * row + h)
    return h


@program(normals(5, 7), "kept")
def zipped_to_the_shorter(x, y):
    total = 0.0
    for a, b in zip(x, y, strict=False):
        total = np.sin(total) + a * b
    return total


@program(normals(5, 4), "kept")
def neighbours_by_zip(x, w):
    total = 0.0
    for a, b in zip(x[:-1], x[1:], strict=True):  # noqa: RUF007
        total += (b - a) ** 2 * w[0]
    return total


@program(normals(4, 4), "kept")
def enumerated_zip(x, y):
    out = np.zeros(4)
    for i, (a, b) in enumerate(zip(x, y, strict=True)):
        out[i] = a * b * i + out[i - 1]
    return out


@program(normals(4, 4, 4), "kept")
def zip_of_three_with_a_range(x, y, z):
    total = 0.0
    for i, a, b, c in zip(range(4), x, y, z, strict=True):
        total = total + a * b * c * i
    return total


@program(normals((3, 2)), "kept")
def unpacked_rows(a):
    total = 0.0
    for u, v in a:
        total = total * u + v
    return total


@program(normals((5, 5)), "kept")
def lower_triangle(a):
    total = 0.0
    for i in range(5):
        for j in range(i):
            total += a[i, j] * a[j, i]
    return total


@program(normals((5, 5)), "kept")
def upper_triangle_from_the_end(a):
    y = a.copy()
    for i in range(3, -1, -1):
        for j in range(i + 1, 5):
            y[i, j] = y[i, j] + y[i + 1, j] * y[i, i]
    return y


@program(normals((6, 6)), "kept")
def a_band(a):
    total = 0.0
    for i in range(1, 5):
        for j in range(i - 1, i + 2):
            total = total + a[i, j] ** 2 * (j + 1)
    return total


@program(normals(5), "kept")
def three_loops_deep(x):
    total = 0.0
    for i in range(5):
        for j in range(i, 5):
            for k in range(i, j + 1):
                total += x[i] * x[j] * x[k]
    return total


@program(normals((5, 5)), "kept")
def diagonals(a):
    y = np.zeros(5)
    for d in range(5):
        for i in range(5 - d):
            y[d] += a[i, i + d] * a[i + d, i]
    return y


@program(normals((3, 4, 4), (5, 4, 4)), "kept")
def products_by_the_same_matrices_in_every_turn(a, b):
    places = np.array([2, 0, 1, 1, 4])
    found = np.zeros((5, 4, 4))
    for i in range(5):
        for j in range(3):
            part = b[places[i]] @ a[j]
            found[i] += part @ (a[j] * 0.5)
    return found


@program(normals((6, 20)), "kept")
def a_symmetric_matrix_by_rows_that_grow_shorter(x):
    found = np.zeros((20, 20))
    for i in range(19):
        found[i + 1 :, i] = found[i, i + 1 :] = x[:, i] @ x[:, i + 1 :]
    return found


@program(normals((20, 18), (18,)), "kept")
def products_by_rows_that_grow_longer(x, y):
    found = np.zeros((20, 20))
    for i in range(20):
        found[i, : i + 1] = x[: i + 1] @ (y * x[i])
    return found
