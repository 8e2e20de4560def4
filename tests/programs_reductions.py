"""Corpus: reductions, scans, products and matrix products in all their forms."""

import numpy as np

from tests.programs import normals, positives, program


@program(normals((3, 4)))
def sums_over_axes(x):
    total = x.sum() + np.sum(x * x)
    return total * np.sum(x, axis=0), x.sum(axis=1), np.sum(np.sin(x), -1), x.sum((0, 1))


@program(normals((2, 3, 4)))
def sums_over_tuples_of_axes(x):
    return np.sum(x**2, axis=(0, 2)), np.sum(x, (-1, 0)), x.sum(axis=()), x.sum(axis=1)


@program(normals((3, 4)))
def keepdims(x):
    return x - x.sum(axis=1, keepdims=True) * x.mean(axis=0, keepdims=True) + x.sum(keepdims=True)


@program(normals((3, 4)), "real")
def means_and_variances(x):
    y = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 0.1)
    return y * np.mean(x), np.var(x, axis=1, ddof=1), np.mean(x, axis=(0, 1)), np.var(x)


@program(positives((3, 5)), "real")
def standard_deviations(x):
    return np.std(x, axis=1), x.std(), np.std(x, axis=0, ddof=1, keepdims=True)


@program(normals((3, 4)))
def extremes(x):
    y = np.max(x, axis=0) * np.min(x, axis=1, keepdims=True)
    return y + x.max() - np.amin(x) + np.ptp(x, axis=0)


@program(positives((2, 3)))
def products(x):
    return np.prod(x), np.prod(x, axis=0), x.prod(axis=1, keepdims=True) * x


@program(normals((2, 5)))
def cumulative(x):
    return np.cumsum(x, axis=1) * x, np.cumsum(x), x.cumsum(axis=0)


@program(positives(6))
def cumulative_products(x):
    return np.cumprod(x) + np.cumprod(x[::-1])[::-1]


@program(normals((3, 6)))
def differences(x):
    return np.diff(x) ** 2, np.diff(x, axis=0), np.diff(x, n=2, axis=1)


@program(lambda r: (r.standard_normal((4, 3)), r.uniform(0.5, 1.0, 4)))
def weighted_average(x, w):
    return np.average(x, axis=0, weights=w)


@program(normals((3, 4)))
def masked_sum(x):
    return np.sum(x, where=x > 0), np.mean(x, axis=0), np.sum(x, axis=1, initial=2.0)


@program(normals((3, 4)), "flat")
def positions(x):
    return np.argmax(x), np.argmin(x, axis=1), x.argmax(axis=0), x.min(axis=0) == x


@program(normals((3, 4)), "flat")
def any_and_all(x):
    return np.any(x > 1), np.all(x > -9, axis=0), (x > 0).any(axis=1), np.count_nonzero(x > 0)


@program(normals((4, 5)))
def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


@program(normals((4, 5)))
def logsumexp(x):
    top = x.max(axis=1)
    return top + np.log(np.sum(np.exp(x - top[:, None]), axis=1))


@program(lambda r: (r.standard_normal((6, 4)), r.integers(0, 4, 6)))
def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -logp[np.arange(labels.size), labels].mean()


@program(normals((3, 8), 8, 8), "real")
def layer_norm(x, scale, shift):
    centred = x - np.mean(x, axis=-1, keepdims=True)
    return scale * centred / np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-5) + shift


@program(normals((5, 4), 4, 4))
def batch_norm(x, gamma, beta):
    mean = x.mean(axis=0)
    var = ((x - mean) ** 2).mean(axis=0)
    return gamma * (x - mean) / np.sqrt(var + 1e-3) + beta


@program(normals((3, 4), (4, 2), 2))
def dense(x, w, b):
    return np.tanh(x @ w + b)


@program(normals(4, (4, 3), 3, (3, 4)))
def products_with_vectors(x, w, y, v):
    return x @ w @ y, w @ y, x @ w, y @ v, np.dot(v, x), x @ x


@program(normals((2, 3, 4), (4, 5), (2, 4, 3)))
def batched_matmul(a, b, c):
    return np.matmul(a, b), a @ c, np.sum(c @ a)


@program(normals((3, 4), (3, 4), 5, 5), "real")
def dots(a, b, u, v):
    return np.dot(a, b.T), np.vdot(u, v), np.inner(a, b), np.outer(u, v), a.dot(b.T)


@program(normals((2, 3, 4), (4, 3, 5)), "blas")
def tensordot(a, b):
    return np.tensordot(a, b, axes=([2, 1], [0, 1])), np.tensordot(a, b, axes=1)


@program(normals((3, 4), (4, 5), (3, 5)), "blas")
def einsum(a, b, c):
    return np.einsum("ij,jk,ik->i", a, b, c), np.einsum("ij,jk", a, b), np.einsum("ij->j", a)


@program(normals((4, 4), (2, 4)), "blas")
def einsum_diagonals(a, x):
    return np.einsum("ii", a), np.einsum("ii->i", a) * x, np.einsum("bi,ij,bj->b", x, a, x)


@program(normals((4, 4)))
def traces(a):
    return np.trace(a) * np.trace(a @ a), np.diag(a), a.diagonal().sum(), a.trace()


@program(normals((3, 3), (3, 3)))
def chain_of_products(a, b):
    return a @ b @ a.T @ b + a.T


@program(normals((4, 3)))
def gram_matrix(x):
    return x.T @ x + np.sum(x @ x.T)


@program(normals((3, 4)), "real", "blas")
def norms(x):
    return np.linalg.norm(x), np.linalg.norm(x, axis=1), np.linalg.norm(x[0])


@program(normals(3, 3))
def cross_product(a, b):
    return np.cross(a, b)


@program(normals((2, 2), (2, 3)))
def kronecker(a, b):
    return np.kron(a, b)


@program(normals((20,)))
def ufunc_methods(x):
    return np.add.reduce(x), np.multiply.reduce(x[:4]), np.maximum.reduce(x), np.add.accumulate(x)


@program(normals(3, 4))
def ufunc_outer(x, y):
    return np.multiply.outer(x, y) + np.add.outer(x, y)


@program(lambda r: (np.array(1.5), 2.5))
def the_axis_of_a_number(x, y):
    z = np.sum(x, axis=0) + np.max(x, axis=-1) * np.prod(y, axis=0) + np.ptp(x, axis=0)
    scans = np.cumsum(x, axis=0), np.cumprod(x * 2, axis=-1)
    where = np.any(x > 1, axis=0), np.argmax(x, axis=0)
    return z, scans, where, np.nansum(x, axis=0), np.sum(x, axis=0, keepdims=True)
