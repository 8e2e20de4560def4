"""Corpus: what is written in loops, through every kind of subscript, in arrays held by anything."""

import numpy as np

from tests.programs import normals, program


@program(normals(5), "kept")
def every_augmented_operator(x):
    y = x * 1.0
    for i in range(5):
        y[i] += 2.0
        y[i] -= x[i - 1]
        y[i] *= x[i]
        y[i] /= 3.0 + i
        y[i] **= 2
    return y


@program(normals((3, 4)), "kept")
def augmented_slices(x):
    y = x.copy()
    for i in range(3):
        y[i:] *= 0.5
        y[:, i] += x[:, i + 1]
        y[i, ::-1] -= y[i] ** 2
    return y


@program(normals(5), "kept")
def slices_that_grow(x):
    y = np.zeros(5)
    for i in range(5):
        y[: i + 1] += x[i] * x[: i + 1]
    return y


@program(normals(5), "kept")
def slices_that_shrink(x):
    y = x.copy()
    for i in range(5):
        y[i:] = y[i:] * y[i] + np.sum(x[: 5 - i])
    return y


@program(normals(6), "kept")
def slices_that_turn_round(x):
    y = x.copy()
    for k in range(1, 6):
        y[:k] += 0.3 * y[:k][::-1] * x[k]
        y[k] = y[:k] @ x[k - 1 :: -1] if k > 1 else y[k]
    return y


@program(normals(7), "kept")
def slices_that_move(x):
    y = np.zeros(7)
    for i in range(5):
        y[i : i + 3] += x[i : i + 3] ** 2 * x[i]
    return y


@program(normals(8), "kept")
def strided_slices_that_move(x):
    y = x.copy()
    for i in range(4):
        y[i::4] *= x[i]
        y[i] += np.sum(y[i::2])
    return y


@program(normals(6), "kept")
def negative_slices(x):
    total = 0.0
    for i in range(1, 6):
        total = total + np.sum(x[-i:] ** 2) * np.sum(x[:-i])
    return total


@program(normals((5, 5)), "kept")
def blocks_that_shrink(a):
    a = a + 6 * np.eye(5)
    for k in range(4):
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return a


@program(lambda r: (r.standard_normal(5), np.array([0, 3, 3, 1])), "kept")
def fancy_writes_in_a_loop(x, where):
    y = x.copy()
    for _ in range(3):
        y[where] = y[where] * x[:4]
        y[where] += 1.0
    return y


@program(lambda r: (r.standard_normal(5), np.array([0, 3, 3, 1])), "kept")
def add_at_in_a_loop(x, where):
    y = np.zeros(5)
    for i in range(3):
        np.add.at(y, where, x[i] * x[:4])
        np.subtract.at(y, where[:2], y[2] + x[i])
    return y


@program(lambda r: (r.standard_normal((4, 3)), np.array([2, 0]), np.array([1, 1])), "kept")
def pairs_of_index_arrays(x, rows, columns):
    y = x.copy()
    for i in range(3):
        y[rows, columns] += x[i, :2] * i
        y[rows] *= 1.1
        y[i, columns] = y[3, columns] * 2
    return y


@program(lambda r: (r.standard_normal((4, 3)), np.array([2, 0, 2])), "kept")
def index_array_beside_the_index(x, columns):
    y = np.zeros((4, 3))
    for i in range(4):
        y[i, columns] = x[i] * x[i - 1, columns]
    return y


@program(normals(6), "kept", "real")
def masks_written_in_a_loop(x):
    y = x.copy()
    for _ in range(3):
        y[y < 0] *= -0.5
        y[y > 1] = x[0]
        y[x > y] += 0.25
    return y


@program(lambda r: (r.standard_normal(5), np.array([True, False, True, True, False])), "kept")
def known_mask_in_a_loop(x, mask):
    y = x.copy()
    for i in range(3):
        y[mask] *= x[i]
        y[~mask] += np.where(mask, y, x)[i]
    return y


@program(normals((4, 3)), "kept", "real")
def masked_rows_in_a_loop(x):
    y = x.copy()
    for i in range(4):
        y[i][y[i] < 0] = 0.0
        row = y[i - 1]
        row[row > 0.5] += x[i, 0]
    return y


@program(normals((3, 3)), "kept")
def the_diagonal(x):
    y = x.copy()
    i = np.arange(3)
    for k in range(3):
        y[i, i] *= x[k, 0]
        y[i, (i + 1) % 3] += y[k, k]
    return y


@program(normals(5), "kept")
def a_copy_is_no_view(x):
    y = x.copy()
    z = y[[0, 1, 2]]
    w = y[1:4].copy()
    for i in range(3):
        z[i] *= y[i + 1]
        w[i] += z[i]
        y[i] = w[i - 1]
    return y, z, w


@program(normals((3, 4)), "kept")
def an_array_in_a_list(x):
    rows = [x[i] * 1.0 for i in range(3)]
    for i in range(1, 3):
        for j in range(4):
            rows[i][j] += rows[i - 1][j] * x[0, j]
    return np.stack(rows)


@program(normals(4), "kept")
def an_array_in_a_dict(x):
    state = {"v": np.zeros(4), "x": x.copy()}
    for _ in range(4):
        state["v"] *= 0.9
        state["v"] -= 0.1 * state["x"] ** 3
        state["x"] += state["v"]
    return state["x"], state["v"]


class Particle:
    """State in attributes, moved by a method."""

    def __init__(self, place, speed):
        self.place, self.speed = place, speed

    def move(self, step):
        self.speed = self.speed - step * self.place
        self.place = self.place + step * self.speed


@program(normals(3, 3), "kept")
def an_object_that_changes(x, v):
    particle = Particle(x, v)
    for _ in range(4):
        particle.move(0.2)
    return particle.place * particle.speed


class Field:
    """An object that writes into its own array."""

    def __init__(self, values):
        self.values = values.copy()

    def smooth(self):
        self.values[1:-1] += 0.25 * (self.values[:-2] - 2 * self.values[1:-1] + self.values[2:])


@program(normals(6), "kept")
def an_object_that_writes(x):
    field = Field(x**2)
    for _ in range(4):
        field.smooth()
    return field.values


@program(normals(5), "kept")
def replaced_then_written(x):
    y = x.copy()
    for i in range(4):
        y = y * 1.1
        y[i] += y[i + 1] ** 2
    return y


@program(normals(5), "kept")
def written_then_replaced(x):
    y = x.copy()
    for _ in range(4):
        y[0] = 0.5
        y = y + 0.1 * np.roll(y, 1) * x
    return y


@program(normals((4, 3)), "kept")
def a_row_kept_from_turn_to_turn(x):
    y = x.copy()
    previous = np.zeros(3)
    for i in range(4):
        y[i] += previous
        previous = y[i] * x[i]
    return y, previous


@program(normals((4, 3)), "kept")
def a_view_kept_from_turn_to_turn(x):
    y = x.copy()
    previous = y[0]
    for i in range(1, 4):
        y[i] += previous * 2
        previous = y[i]
    return y


@program(normals(6), "kept")
def a_scalar_view(x):
    y = x.copy()
    for i in range(1, 6):
        cell = y[i, ...]
        cell += y[i - 1] * x[i]
    return y


@program(normals(4), "kept")
def a_zero_dimensional_buffer(x):
    total = np.zeros(())
    for v in x:
        total += v * v
        total[...] = total * 0.9
    return total


@program(normals((4, 4)), "kept")
def broadcast_writes(x):
    y = np.empty((4, 4))
    y[:] = x[0]
    for i in range(1, 4):
        y[i:] = y[i - 1] * x[i]
        y[:, i] = x[i, 0]
    return y


@program(normals((2, 5)), "kept")
def concatenated_and_split(x):
    h = x[0]
    for _ in range(3):
        both = np.concatenate([h, x[1]])
        left, right = both[:5], both[5:]
        h = np.tanh(left * right)
    return h


@program(normals((2, 4)), "kept")
def unpacked_into_views(x):
    y = x.copy()
    a, b = y
    for i in range(1, 4):
        a[i] += b[i - 1] * a[i - 1]
        b[i] *= y[0, i]
    return y


@program(normals((3, 3)), "kept")
def swapped_axes(x):
    y = x.copy()
    t = np.swapaxes(y, 0, 1)
    for i in range(3):
        for j in range(i):
            y[i, j] += t[i, j] * 0.5
            t[i, j] *= y[j, j]
    return y


@program(normals(6), "kept")
def fill_copy_and_sort_of_buffers(x):
    y = np.empty(6)
    for i in range(3):
        y.fill(1.0 + i)
        y[i:] += x[i:]
        np.copyto(y[:2], x[2:4] * y[3])
    return y


@program(normals((3, 3)), "kept")
def a_slice_assigned_from_itself(x):
    y = x.copy()
    for _ in range(2):
        y[1:] = y[:-1] * 2
        y[:, :-1] += y[:, 1:]
        y[::-1] = y.copy() * x
    return y


@program(normals((4, 5)), "kept")
def copies_of_rows_at_run_time(x):
    g = x.copy()
    w = np.zeros(5)
    for i in range(4):
        w = g[(i + 2) % 4].copy()
        w[1:4] += w[0] * x[0, 1]
    return g * 2 + w


@program(normals(5), "kept", "real")
def bound_anew_or_written(x):
    v = x.copy()
    view = v[::-1]
    if x[0] > 0:
        v[1:] *= x[0]
    elif x[1] > x[2]:
        v = np.roll(v, 1)
    return v * view


@program(normals(5), "kept", "real")
def an_alias_when_a_side_was_not_taken(x):
    v = x.copy()
    view = v[::-1]
    if x[0] > x[1]:
        v = v * 2
    v[0] = x[2] ** 2
    view[1] *= 3.0
    return v * x, view


@program(normals(5), "kept")
def an_alias_written_while_its_name_is_bound_anew(x):
    w = x.copy()
    view = w[1:]
    s = 0.0
    for i in range(4):
        view[i] *= x[i]
        s = s + np.sum(w**2)
        w = w * 0.5
    return s + w + np.sum(view)
