"""Corpus: loop kernels that write element by element, at sizes that unroll."""

import numpy as np

from tests.programs import normals, program


def dominant(n):
    return lambda r: (r.standard_normal((n, n)) + 4 * n * np.eye(n), r.standard_normal(n))


@program(lambda r: (dominant(5)(r)[0],), "loop")
def lu(a):
    a = a.copy()
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[:j, j]
            a[i, j] /= a[j, j]
        for j in range(i, n):
            a[i, j] -= a[i, :i] @ a[:i, j]
    return a


@program(lambda r: (dominant(4)(r)[0],), "loop")
def cholesky(m):
    a = m @ m.T
    n = a.shape[0]
    lower = np.zeros_like(a)
    for j in range(n):
        lower[j, j] = np.sqrt(a[j, j] - np.sum(lower[j, :j] ** 2))
        for i in range(j + 1, n):
            lower[i, j] = (a[i, j] - lower[i, :j] @ lower[j, :j]) / lower[j, j]
    return lower


@program(dominant(5), "loop")
def forward_substitution(a, b):
    x = np.zeros_like(b)
    for i in range(len(b)):
        x[i] = (b[i] - a[i, :i] @ x[:i]) / a[i, i]
    return x


@program(dominant(4), "loop")
def gaussian_elimination(a, b):
    a, b = a.copy(), b.copy()
    n = len(b)
    for k in range(n - 1):
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            a[i, k:] -= factor * a[k, k:]
            b[i] -= factor * b[k]
    for i in range(n - 1, -1, -1):
        b[i] = (b[i] - a[i, i + 1 :] @ b[i + 1 :]) / a[i, i]
    return b


@program(normals((6, 6)), "loop")
def seidel(a):
    a = a.copy()
    n = a.shape[0]
    for _ in range(2):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = np.sum(a[i - 1 : i + 2, j - 1 : j + 2]) / 9.0
    return a


@program(lambda r: (0.2 * r.standard_normal(6) / np.arange(1.0, 7.0),), "loop")
def durbin(r):
    n = r.shape[0]
    y = np.zeros(n)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, n):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + r[:k][::-1] @ y[:k]) / beta
        y[:k] += alpha * y[:k][::-1]
        y[k] = alpha
    return y


@program(normals((5, 5)), "loop")
def adi(u):
    u = u.copy()
    n = u.shape[0]
    v, p, q = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    a, b = -2.0, 5.0
    for _ in range(2):
        v[0, 1:-1] = 1.0
        p[1:-1, 0] = 0.0
        q[1:-1, 0] = v[0, 1:-1]
        for j in range(1, n - 1):
            den = a * p[1:-1, j - 1] + b
            p[1:-1, j] = -a / den
            q[1:-1, j] = (u[j, :-2] - u[j, 1:-1] + u[j, 2:] - a * q[1:-1, j - 1]) / den
        v[n - 1, 1:-1] = 1.0
        for j in range(n - 2, 0, -1):
            v[j, 1:-1] = p[1:-1, j] * v[j + 1, 1:-1] + q[1:-1, j]
        u[1:-1, 1:-1] = v[1:-1, 1:-1].T
    return u


@program(normals((6,)), "loop")
def jacobi(a):
    b = np.zeros_like(a)
    a = a.copy()
    for _ in range(3):
        b[1:-1] = 0.33333 * (a[:-2] + a[1:-1] + a[2:])
        a[1:-1] = 0.33333 * (b[:-2] + b[1:-1] + b[2:])
    return a


@program(normals((4, 5, 3)), "loop")
def horizontal_diffusion(field):
    lap = 4.0 * field[1:-1, 1:-1] - field[2:, 1:-1] - field[:-2, 1:-1]
    lap -= field[1:-1, 2:] + field[1:-1, :-2]
    flux = lap[1:] - lap[:-1]
    flux = np.where(flux * (field[2:-1, 1:-1] - field[1:-2, 1:-1]) > 0, 0.0, flux)
    out = field.copy()
    out[2:-1, 1:-1] -= 0.5 * flux
    return out


@program(normals((4, 4), (4, 3)), "loop")
def symmetric_rank_update(c, a):
    c = c * 1.2
    for i in range(4):
        c[i, : i + 1] += 1.5 * (a[: i + 1] @ a[i])
    return c


@program(normals((4, 4), (4, 4)), "loop")
def triangular_product(a, b):
    b = b.copy()
    for i in range(4):
        for j in range(4):
            b[i, j] += np.dot(a[i + 1 :, i], b[i + 1 :, j])
    return b * 0.7


@program(normals((5, 3)), "loop", "blas")
def modified_gram_schmidt(a):
    a = a.copy()
    q = np.zeros((5, 3))
    r = np.zeros((3, 3))
    for k in range(3):
        r[k, k] = np.sqrt(np.sum(a[:, k] * a[:, k]))
        q[:, k] = a[:, k] / r[k, k]
        for j in range(k + 1, 3):
            r[k, j] = q[:, k] @ a[:, j]
            a[:, j] -= q[:, k] * r[k, j]
    return q, r


@program(normals((4, 4)), "loop", "real")
def floyd_warshall(weights):
    path = np.abs(weights) + 0.1
    for k in range(4):
        path = np.minimum(path, path[:, k][:, None] + path[k][None, :])
    return path


@program(normals((4, 5)), "loop")
def dynamic_time_warping(cost):
    n, m = cost.shape
    d = np.full((n + 1, m + 1), 1e3)
    d[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best = np.minimum(np.minimum(d[i - 1, j], d[i, j - 1]), d[i - 1, j - 1])
            d[i, j] = cost[i - 1, j - 1] ** 2 + best
    return d[n, m]


@program(normals((3, 5)), "loop")
def viterbi_scores(scores):
    best = scores[0]
    for row in scores[1:]:
        best = np.max(best[:, None] + np.outer(row, row), axis=0)
    return best


@program(normals(8), "loop")
def prefix_sums_by_doubling(x):
    y = x.copy()
    shift = 1
    while shift < len(y):
        y[shift:] = y[shift:] + y[:-shift]
        shift *= 2
    return y


@program(normals(8), "loop")
def butterfly_transform(x):
    y = x.copy()
    h = 1
    while h < 8:
        for i in range(0, 8, 2 * h):
            a, b = y[i : i + h].copy(), y[i + h : i + 2 * h].copy()
            y[i : i + h] = a + b
            y[i + h : i + 2 * h] = a - b
        h *= 2
    return y


@program(normals(5), "loop")
def bubble_sort_network(x):
    y = x.copy()
    for i in range(5):
        for j in range(4 - i):
            low, high = np.minimum(y[j], y[j + 1]), np.maximum(y[j], y[j + 1])
            y[j], y[j + 1] = low, high
    return y * np.arange(5)


@program(normals(4, 3), "loop")
def convolution_sum(x, k):
    out = np.zeros(6)
    for i in range(4):
        for j in range(3):
            out[i + j] += x[i] * k[j]
    return out


@program(normals(6), "loop")
def thomas_algorithm(d):
    n = d.shape[0]
    c, x = np.zeros(n), d.copy()
    c[0] = 0.25
    x[0] = x[0] * 0.25
    for i in range(1, n):
        m = 1.0 / (4.0 - c[i - 1])
        c[i] = m
        x[i] = (x[i] + x[i - 1]) * m
    for i in range(n - 2, -1, -1):
        x[i] += c[i] * x[i + 1]
    return x


@program(normals((3, 3), 3), "loop")
def gauss_seidel_sweeps(m, b):
    a = m + 9 * np.eye(3)
    x = np.zeros(3)
    for _ in range(3):
        for i in range(3):
            x[i] += (b[i] - a[i] @ x) / a[i, i]
    return x
