"""Loop kernels in the manner of scientific NumPy: written in place, over slices and triangles."""

import numpy as np


def factorise(a):
    """LU factorisation in place."""
    a = a.copy()
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[:j, j]
            a[i, j] /= a[j, j]
        for j in range(i, n):
            a[i, j] -= a[i, :i] @ a[:i, j]
    return a


def sweep(a):
    """Gauss-Seidel sweeps."""
    a = a.copy()
    n = a.shape[0]
    for _ in range(3):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1] + a[i, j]) / 5.0
    return a


def average(a):
    """Two grids in turn."""
    a, b = a.copy(), a * 0.0
    for _ in range(4):
        b[1:-1, 1:-1] = 0.25 * (a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        a[1:-1, 1:-1] = 0.25 * (b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1])
    return a


def levinson(a):
    """Levinson-Durbin recursion."""
    r = 0.1 * a[0]
    n = r.shape[0]
    y = np.zeros(n)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, n):
        beta = beta * (1.0 - alpha * alpha)
        alpha = -(r[k] + r[:k][::-1] @ y[:k]) / beta
        y[:k] = y[:k] + alpha * y[:k][::-1]
        y[k] = alpha
    return y


def substitute(a):
    """Forward substitution."""
    n = a.shape[0]
    x = np.zeros(n)
    for i in range(n):
        x[i] = (a[0, i] - a[i, :i] @ x[:i]) / a[i, i]
    return x


def sweep_lines(u):
    """Forward and backward sweeps over the columns, in every time step."""
    u = u.copy()
    n = u.shape[0]
    p, q = np.zeros((n, n)), np.zeros((n, n))
    for _ in range(3):
        p[1:-1, 0] = 0.0
        q[1:-1, 0] = u[1:-1, 0]
        for j in range(1, n - 1):
            den = 3.0 - p[1:-1, j - 1]
            p[1:-1, j] = 1.0 / den
            q[1:-1, j] = (u[j, :-2] + u[j, 2:] + q[1:-1, j - 1]) / den
        u[1:-1, n - 1] = 1.0
        for j in range(n - 2, 0, -1):
            u[1:-1, j] = p[1:-1, j] * u[1:-1, j + 1] + q[1:-1, j]
    return u


def rank_k(a):
    """The lower triangle of a product."""
    c = a.copy()
    n, m = a.shape
    for i in range(n):
        c[i, : i + 1] *= 1.2
        for k in range(m):
            c[i, : i + 1] += 1.5 * a[i, k] * a[: i + 1, k]
    return c


def heat(a):
    """A three-dimensional stencil that names its middle."""
    a = np.outer(a, a[0]).reshape(*a.shape, a.shape[0])
    b = a.copy()
    for _ in range(3):
        c = a[1:-1, 1:-1, 1:-1]
        b[1:-1, 1:-1, 1:-1] = c + 0.1 * (a[2:, 1:-1, 1:-1] - 2.0 * c + a[:-2, 1:-1, 1:-1])
        d = b[1:-1, 1:-1, 1:-1]
        a[1:-1, 1:-1, 1:-1] = d + 0.1 * (b[1:-1, 2:, 1:-1] - 2.0 * d + b[1:-1, :-2, 1:-1])
    return a


KERNELS = [factorise, sweep, average, levinson, substitute, sweep_lines, rank_k, heat]
