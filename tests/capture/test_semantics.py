"""Mutation, views and aliases mean what they mean in NumPy."""

import numpy as np
import pytest

from tests.capture.support import check

X = np.arange(12.0).reshape(3, 4)
V = np.linspace(-1.0, 2.0, 6)


def store_int(x):
    y = x.copy()
    y[1] = 5.0
    y[-1, 2] = x[0, 0]
    return y


def alias_sees_write(x):
    a = x + 0.0
    b = a
    a += 1
    a[0] = 0.0
    return b


def scalar_rebinds(x):
    total = np.sum(x)
    before = total
    total += 1
    return before, total


def row_view(x):
    y = x * 1.0
    row = y[1]
    row *= 10
    row[2] = -1
    return y, row


def view_reads_through(x):
    y = x * 1.0
    part = y[1:, ::2]
    y[2, 0] = 100.0
    return part + 0


def chain_of_views(x):
    y = x * 1.0
    v = y.T[::-1][1:3, :2]
    v += 100
    y[0] = 7
    v[0, 0] = -3
    return y, v


def reshape_view(x):
    y = x * 1.0
    flat = y.reshape(-1)
    flat[3:6] = 0
    y[2, 3] = 9
    return y, flat


def ravel_of_transpose_copies(x):
    y = x * 1.0
    flat = y.T.ravel()
    flat[0] = 99
    return y, flat


def reshape_of_slice(x):
    y = x * 1.0
    a = y[:, 1:3].reshape(-1)
    b = y[1:].reshape(-1)
    a[0] = -5
    b[0] = -6
    return y, a, b


def reshape_fortran(x):
    y = x * 1.0
    f = y.reshape((4, 3), order="F")
    f[0, 0] = 77
    return y, f


def elementwise_keeps_order(x):
    y = x.T + 1.0
    flat = y.T.reshape(-1)
    flat[1] = -1
    return y


def squeeze_and_newaxis(x):
    y = x * 1.0
    a = y[None, :, None]
    b = np.squeeze(a)
    b[0, 0] = 3
    a[0, 1, 0, 1] = 4
    return y


def split_parts_are_views(x):
    y = x * 1.0
    a, b = np.split(y, 2, axis=1)
    a[:] = 0
    b += 1
    return y


def augmented_subscripts(x):
    y = x.copy()
    y[0] += 1
    y[:, 1] *= 2
    y[1, 2] -= 3
    y[[0, 2]] /= 4
    y[[0, 0]] += 1
    y[..., 0] **= 2
    return y


def duplicates(x):
    y = x.copy()
    y[[0, 0, 1]] = np.array([1.0, 2.0, 3.0])[:, None]
    np.add.at(y, ([0, 0], [1, 1]), 5.0)
    return y


def swap_rows(x):
    y = x.copy()
    y[[0, 1]] = y[[1, 0]]
    y[0], y[1] = y[1].copy(), y[0].copy()
    return y


def out_argument(x):
    out = np.zeros((3, 4))
    alias = out[0]
    np.add(x, 1.0, out=out)
    np.multiply(out, 2.0, out=out, where=x > 3)
    return out, alias


def fill_and_copyto(x):
    y = x.copy()
    y.fill(3)
    np.copyto(y, x, where=x > 5)
    z = np.empty_like(y)
    z[...] = 1
    return y, z


def mask_constant(x):
    y = x.copy()
    y[np.array([True, False, True])] = 0
    m = np.arange(12).reshape(3, 4) % 2 == 0
    y[m] = y[m] * 2
    return y, x[m]


def mask_traced(x):
    y = x.copy()
    y[y > 5] = 0
    y[y < 2] += 10
    y[x > 8] = np.sin(x[x > 8]) * 2
    y[y[:, 0] > 3] = x[0]
    return y


def created_then_written(x):
    out = np.zeros(4)
    view = out[1:]
    for i in range(3):
        out[i] = x[i, i] * 2
    out[3] = 1.5
    return out, view


def constants_stay_concrete(x):
    table = np.zeros(5)
    for i in range(1, 5):
        table[i] = table[i - 1] + i
    table += 1
    table[1:] *= 2
    np.subtract(table, 1, out=table, where=np.arange(5) > 3)
    n = int(table[1]) // 2
    return x[:n] * table[4]


def written_argument(x):
    x[0] = 1
    x[1:] *= 2
    return x.sum()


def fibonacci(x):
    a, b = x[0], x[1]
    for _ in range(5):
        a, b = b, a + b
    return b


def copies(x):
    y = np.array(x)
    z = np.asarray(x)
    y[0] = 1
    z = z + y
    w = x.astype(np.float32)
    w[0, 0] = 1 / 3
    return y, z, w


def diagonal_reads_through(x):
    y = x * 1.0
    d = np.diagonal(y)
    y[1, 1] = -1
    return d * 2, np.diag(y), np.trace(y)


def broadcast_reads_through(x):
    y = x[0] * 1.0
    wide = np.broadcast_to(y, (2, 4))
    y[0] = 8
    return wide + 0


def traced_row_view(x):
    y = x * 1.0
    i = np.argmax(x[:, 0])
    row = y[i]
    row += 1
    y[i, 0] = 5
    return y, row


def container_of_parts(x):
    h = [x[i] for i in range(3)]
    h[1] = h[1] * 2
    h[2] += 1
    return h, x


@pytest.mark.parametrize(
    "function", [f for n, f in list(globals().items()) if getattr(f, "__module__", "") == __name__
                 and not n.startswith("test")], ids=lambda f: f.__name__,
)  # fmt: skip
def test_programs(function):
    check(function, X)


def test_read_only_views_are_refused():
    def write(x):
        np.broadcast_to(x, (2, 4))[0] = 1

    with pytest.raises(ValueError, match="read-only"):
        check(write, X[0])


def test_undecided_aliases_are_refused():
    def write(x):
        y = x.T + x.reshape(4, 3)
        flat = y.reshape(-1)
        flat[0] = 1
        return y

    with pytest.raises(NotImplementedError, match="changes another array"):
        check(write, X)


def test_nested_functions_with_nonlocal():
    def outer(x):
        total = x * 0.0

        def add(v):
            nonlocal total
            total = total + v

        for i in range(3):
            add(x * i)
        return total

    check(outer, X)
