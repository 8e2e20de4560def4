"""Corpus: shapes, layouts, gathers, joins and masks."""

import numpy as np

from tests.programs import normals, program


@program(normals((2, 3, 4)))
def reshapes(x):
    return x.reshape(6, 4) * 2, x.reshape(-1), np.reshape(x, (4, -1)), x.ravel(), x.flatten()


@program(normals((3, 4)))
def fortran_order(x):
    return x.reshape(-1, order="F") * np.arange(12.0), np.ravel(x, order="F"), x.T.reshape(2, 6)


@program(normals((2, 3, 4)))
def transposes(x):
    return x.T, x.transpose(1, 0, 2), np.moveaxis(x, 0, -1), x.swapaxes(0, 2), np.transpose(x)


@program(normals((1, 3, 1, 2)))
def axes_of_length_one(x):
    return np.squeeze(x), x.squeeze(axis=0), np.expand_dims(x[0], 1), x[..., None], x[:, None]


@program(normals((4, 6)))
def basic_slices(x):
    return x[1:3], x[:, ::2], x[::-1, ::-1], x[-1], x[..., 2], x[1:-1, 1:-1], x[2, 3], x[3:1]


@program(normals((3, 4)))
def new_axes(x):
    return x[:, None, :] * x[None, :, :] + x[:, 1][:, np.newaxis]


@program(lambda r: (r.standard_normal((5, 3)), np.array([4, 0, 0, -1])))
def gather_rows(table, index):
    return table[index] * 2, np.take(table, index, axis=0), table[index, 1], table[[1, 2]]


@program(lambda r: (r.standard_normal((4, 5)), np.array([[0, 3], [1, 1]])))
def gather_matrix_of_indices(x, index):
    return x[index], x[:, index], x[index, index], np.take(x, index)


@program(lambda r: (r.standard_normal((3, 4)), r.integers(0, 4, (3, 2))))
def take_along_axis(x, index):
    return np.take_along_axis(x, index, axis=1)


@program(normals((3, 4)))
def gather_by_argmax(x):
    best = np.argmax(x, axis=1)
    return x[np.arange(3), best] ** 2


@program(normals((2, 3), (2, 3)))
def joins(a, b):
    return (
        np.concatenate([a, b]),
        np.concatenate((a, b), axis=1),
        np.stack([a, b]),
        np.stack([a, b], axis=-1),
        np.vstack([a, b[0]]),
        np.hstack([a, b]),
        np.column_stack([a, b[:, 0]]),
    )


@program(normals((6, 4)))
def splits(x):
    top, bottom = np.split(x, 2)
    a, b, c = np.array_split(x, 3, axis=0)
    left, right = np.split(x, [1], axis=1)
    return top * bottom, a + b - c, left * right


@program(normals(5))
def flips_and_rolls(x):
    return np.flip(x) * x, np.roll(x, 2) - x, x[::-1] * 2


@program(normals((3, 4)))
def rolls_of_matrices(x):
    laplace = np.roll(x, 1, 0) + np.roll(x, -1, 0) + np.roll(x, 1, 1) + np.roll(x, -1, 1) - 4 * x
    return laplace * x, np.flip(x, axis=1)


@program(normals((2, 3)))
def repeats_and_tiles(x):
    return np.repeat(x, 2, axis=0), np.tile(x, (2, 2)), np.repeat(x[0], 3), x.repeat(2)


@program(normals(3, (2, 1)))
def explicit_broadcasts(x, y):
    a, b = np.broadcast_arrays(x, y)
    return np.broadcast_to(x, (2, 3)) * y + a * b, np.atleast_2d(x), np.atleast_1d(x[0])


@program(normals((4, 4)))
def triangles(x):
    return np.tril(x) @ np.triu(x, 1), x * np.eye(4), np.diag(x[0])


@program(normals(4))
def where(x):
    return np.where(x > 0, x * x, np.exp(x)), np.where(x < 0.2, 0.0, x)


@program(normals((3, 4)))
def leaky_relu_and_elu(x):
    leaky = np.where(x > 0, x, 0.1 * x)
    elu = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
    return leaky * elu


@program(lambda r: (r.standard_normal(6),))
def safe_root_under_a_mask(x):
    return np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0)


@program(lambda r: (np.array([-0.7, 0.3, 2.0]),), "real")
def roots_in_the_branches_taken(x):
    """Without masks of NaN under the root: `np.where` and `np.select` choose."""
    with np.errstate(invalid="ignore"):
        s = np.sqrt(x)
    below = np.where(x < 0, x**2, np.where(x < 1, s, s**3))
    return below + np.select([x < 0, x < 1], [x, s * x], np.log(s)), np.where(np.isnan(s), 0, s)


@program(normals(7))
def select_of_three(x):
    return np.select([x < -0.5, x < 0.5], [-x, x**2], 3 * x)


@program(normals((3, 4)))
def arrays_from_traced_numbers(x):
    rotation = np.array([[np.cos(x[0, 0]), -np.sin(x[0, 0])], [np.sin(x[0, 0]), np.cos(x[0, 0])]])
    return (
        rotation @ np.array([x[1, 1], 2.0]),
        np.array([x[0], x[1]]),
        np.asarray([x[0, 1], x[2, 3]]),
    )


@program(normals((2, 3)))
def constructors(x):
    grid = np.linspace(0, 1, 3)
    ramp = np.arange(3.0)
    base = np.ones((2, 3)) + np.zeros_like(x) + np.full((2, 3), 2.5) + np.full_like(x, 3)
    return base * x + grid - ramp, np.ones_like(x) * x[0, 0], np.eye(3) @ x[0], np.identity(2) @ x


@program(normals(3, 4))
def meshgrid(x, y):
    a, b = np.meshgrid(x, y)
    c, d = np.meshgrid(x, y, indexing="ij")
    return a * b, c - d


@program(normals((5, 5)))
def convolution_by_slices(image):
    kernel = np.array([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]) / 16
    out = 0.0
    for i in range(3):
        for j in range(3):
            out = out + kernel[i, j] * image[i : i + 3, j : j + 3]
    return out


@program(normals((6, 6), (2, 3, 3)))
def convolution_with_channels(image, kernels):
    rows = [
        np.sum(image[None, i : i + 3, j : j + 3] * kernels, axis=(1, 2))
        for i in range(4)
        for j in range(4)
    ]
    return np.maximum(np.stack(rows).reshape(4, 4, 2), -9.0)


@program(normals((1, 6, 6, 2)))
def max_pool(x):
    windows = x.reshape(1, 3, 2, 3, 2, 2)
    return windows.max(axis=(2, 4))


@program(lambda r: (r.standard_normal((4, 4)), np.array([0, 2])))
def submatrix(x, keep):
    return x[np.ix_(keep, keep)], x[keep][:, keep] * 2, x[1:, keep]


@program(normals((3, 4)))
def shape_queries(x):
    n, m = x.shape
    scale = x.size + x.ndim + len(x) + np.size(x, 0) + np.shape(x)[1] + np.ndim(x)
    return x.sum() * scale / (n * m)


@program(normals((4, 3)))
def iteration_over_rows(x):
    total = 0.0
    for row in x:
        total = total + row @ row
    for k, value in enumerate(x[:, 0]):
        total = total + k * value**2
    return total, [row * 2 for row in x], sum(x), max(3, 2)


@program(normals((2, 3)))
def unpacking(x):
    a, b = x
    (c, d, e), first = a, b[0]
    first_of_x, *rest = x
    return a * b + c * d * e * first, first_of_x, rest[0]


@program(normals((4, 4)))
def mask_times_value(x):
    causal = np.tril(np.ones((4, 4), dtype=bool))
    return np.where(causal, x, -1e9).max(axis=1), x[causal[0].nonzero()[0]]


@program(lambda r: (r.standard_normal(6), np.array([True, False, True, True, False, True])))
def constant_mask(x, mask):
    return np.where(mask, x, 0.0) * 2, x * ~mask


@program(normals((3, 0), (0, 2)))
def empty_products(a, b):
    return a @ b + 1.0, np.concatenate([b, np.ones((1, 2))]), a.sum(axis=1)
