"""Corpus: arrays written in place, views, aliases, masks and duplicates."""

import numpy as np

from tests.programs import normals, program


@program(normals(4))
def fill_elements(x):
    out = np.zeros(4)
    for i in range(4):
        out[i] = x[i] ** 2
    out[1] += x[0] * out[2]
    return out


@program(normals((4, 4)))
def update_the_interior(x):
    y = x.copy()
    y[1:-1, 1:-1] += 0.5 * (x[:-2, 1:-1] + x[2:, 1:-1])
    y[0] = 0.0
    y[:, -1] *= 2
    return y


@program(normals((3, 4), 4))
def augmented_operators(x, v):
    y = x * 1.0
    y += v
    y -= 2
    y *= v
    y /= 1 + v * v
    y **= 2
    return y


@program(normals(5))
def views_share_memory(x):
    y = x * 2
    head = y[:3]
    head[1] = 7.0
    head += x[2:]
    y[0] = head[2] ** 2
    return y, head


@program(normals((3, 4)))
def views_of_views(x):
    y = np.array(x)
    block = y[1:, ::2]
    row = block[0]
    row[:] = row * x[0, :2]
    block[1] += row
    return y * x


@program(normals((2, 6)))
def reshape_view_written_through(x):
    y = x.copy()
    flat = y.reshape(-1)
    flat[3:9] *= 3.0
    cube = y.reshape(2, 3, 2)
    cube[:, 1, :] = flat[:2]
    return y


@program(normals((3, 2)))
def transpose_view_written_through(x):
    y = x + 0.0
    t = y.T
    t[0] = t[1] * t[0]
    t[1, ::-1] += 1.0
    return y, t.sum(axis=0)


@program(normals((2, 3)))
def ravel_is_a_view_here_and_a_copy_there(x):
    y = x.copy()
    y.ravel()[1] = 5.0
    y.T.ravel()[2] = 9.0
    z = y.flatten()
    z[0] = 0.0
    return y * x, z


@program(normals(6))
def reversed_and_strided_writes(x):
    y = np.zeros(6)
    y[::-1] = x
    y[1::2] -= x[:3]
    y[4::-2] *= 2.0
    y[-2:] = y[:2] * x[3]
    return y


@program(normals(4))
def overlapping_windows(x):
    y = x * x
    y[1:] += y[:-1]
    y[:-1] = y[1:] * 2
    return y


@program(normals(4))
def swap(x):
    y = x.copy()
    y[0], y[3] = y[3] * 2, y[0]
    y[[1, 2]] = y[[2, 1]]
    return y * x


@program(normals(3, 3))
def an_alias_is_the_same_array(a, b):
    c = a * b
    d = c
    d += 1.0
    c[0] = b[1] * d[2]
    return c * d


@program(normals(3))
def a_rebinding_is_another_array(x):
    a = x * 2
    b = a
    a = a + 1
    b[0] = x[1] * 3
    return a, b


@program(normals((3, 3)))
def an_array_in_a_list_is_shared(x):
    rows = [x[k] * 1.0 for k in range(3)]
    kept = rows[1]
    for row in rows:
        row[0] = row[1] * row[2]
    kept *= 2.0
    return np.stack(rows)


@program(normals(4, 4))
def output_arguments(x, y):
    out = np.empty(4)
    np.multiply(x, y, out=out)
    np.add(out, x, out=out)
    np.exp(out, out=out[:])
    return out


@program(normals(5))
def output_with_where(x):
    out = np.zeros(5)
    np.sqrt(x, out=out, where=x > 0)
    np.add(out, 1.0, out=out, where=x > 0.5)
    return out


@program(lambda r: (r.standard_normal(6), np.array([0, 2, 2, 5, 0, 2])))
def duplicates_add_up(x, where):
    bins = np.zeros(6)
    np.add.at(bins, where, x * x)
    return bins * x


@program(lambda r: (r.standard_normal(4), np.array([0, 2, 2, 1])))
def duplicates_without_add_at(x, where):
    y = np.zeros(4)
    y[where] += x
    z = np.zeros(4)
    z[where] = x * 2
    return y, z


@program(lambda r: (r.standard_normal((4, 3)), np.array([3, 1])))
def scatter_rows(x, rows):
    y = x.copy()
    y[rows] = x[:2] * 2
    y[rows, 1:] += 1.0
    y[rows, 0] = x[0, 0]
    return y


@program(normals((3, 4)))
def masked_writes(x):
    y = x.copy()
    y[y < 0] = 0.0
    y[x > 1] *= 0.5
    y[np.abs(x) < 0.1] += x[0, 0]
    return y


@program(lambda r: (r.standard_normal(6), np.array([True, False, True, True, False, False])))
def constant_mask_writes(x, mask):
    y = x * 1.0
    y[mask] = x[:3] * 2
    y[~mask] -= x[0]
    return y


@program(normals(5))
def masked_row_writes(x):
    y = np.ones((5, 2)) * x[:, None]
    y[x > 0] = np.array([1.0, 2.0])
    return y * x[:, None]


@program(normals((3, 3)))
def writes_to_the_diagonal(x):
    y = x @ x.T
    i = np.arange(3)
    y[i, i] += 1.0
    y[i, (i + 1) % 3] = x[0]
    return y


@program(normals(4), "writes")
def writes_into_its_argument(x):
    x[1:] *= 2.0
    x[0] = x[1] * x[2]
    return x.sum() ** 2


@program(normals((3, 3), 3), "writes")
def writes_through_a_view_of_its_argument(a, b):
    a.T[0] = b
    row = a[1]
    row += b[0] * row
    b[:] = a[2]
    return np.sum(a * a)


@program(lambda r: ({"w": r.standard_normal(3), "v": np.zeros(3)}, r.standard_normal(3)), "writes")
def optimiser_with_state_in_place(state, g):
    state["v"] *= 0.9
    state["v"] += g * g
    state["w"] -= 0.1 * state["v"]
    return np.sum(state["w"] ** 2)


@program(normals(4), "writes")
def returns_its_argument(x):
    x += 1.0
    return x


@program(normals((3, 4)))
def fill_and_copy(x):
    y = np.empty((3, 4))
    y.fill(2.0)
    z = y
    y[1] = x[0]
    w = z.copy()
    z[2] = x[1]
    return y * x, w


@program(lambda r: (r.standard_normal(4),), "real")
def integer_buffers(x):
    k = np.zeros(4, dtype=np.int64)
    k[1:3] = 2
    k[0] = x[0] * 0 + 3.7
    k += 1
    return k * x


@program(normals(4), "real", "single")
def single_precision_buffer(x):
    y = np.zeros(4, dtype=np.float32)
    y[:2] = x[:2]
    y[2:] += x[2:].astype(np.float32)
    return y


@program(normals((2, 3)))
def broadcast_in_an_assignment(x):
    y = np.zeros((4, 3))
    y[:2] = x
    y[2:] = x[0]
    y[:, 1] = 5.0
    y[3, :2] = x[1, 2]
    return y


@program(normals((2, 2)))
def zero_dimensional_buffer(x):
    total = np.zeros(())
    total += x[0, 0]
    total[...] = total * x[1, 1]
    total[()] += 2
    return total


@program(normals(6))
def a_row_of_a_copy_does_not_write(x):
    y = x.reshape(2, 3) * 1.0
    z = y[[0, 1]]
    z[0] = 0.0
    w = y + 0
    w[1] = 1.0
    return y * x.reshape(2, 3), z, w


@program(normals(5))
def views_seen_after_a_write(x):
    y = x.copy()
    a, b = y[:3], y[2:]
    a[2] = x[0] * x[1]
    c = b[0] * 2
    b[0] = x[4] ** 2
    return a * b, c


@program(normals((4,), (4,)))
def helper_that_writes(x, y):
    def scale(target, factor):
        target *= factor

    buffer = x + y
    scale(buffer, y[0])
    scale(buffer[1:3], 2.0)
    return buffer


@program(normals((4, 4)))
def constants_in_halves_of_rows_are_moved(x):
    """By gcc 12, half a row and half a row again."""
    p = np.zeros((4, 4))
    p[:, :2] = 2.0
    q = p.copy()
    q[3] = 0.0
    t = q.copy()
    t[3] += p[3]
    return t * x
