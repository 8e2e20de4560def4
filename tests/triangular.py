"""Loops over triangles, as users write them: the rows, columns or slices grow from turn to turn.

Each entry makes its arguments from a generator and a size.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["TRIANGULAR", "Triangular"]


class Triangular(NamedTuple):
    """A loss and what makes its arguments, all of them differentiated."""

    loss: Callable[..., Any]
    arguments: Callable[[Any, int], tuple[np.ndarray, ...]]


TRIANGULAR: dict[str, Triangular] = {}


def _entry(arguments: Callable[[Any, int], tuple[np.ndarray, ...]]) -> Callable[..., Any]:
    def note(loss: Callable[..., Any]) -> Callable[..., Any]:
        TRIANGULAR[loss.__name__] = Triangular(loss, arguments)
        return loss

    return note


def _square(r: Any, n: int) -> np.ndarray:
    return r.standard_normal((n, n)) / np.sqrt(n) + 4.0 * np.eye(n)  # type: ignore[no-any-return]


def _squares(count: int) -> Callable[[Any, int], tuple[np.ndarray, ...]]:
    return lambda r, n: tuple(_square(r, n) for _ in range(count))


@_entry(_squares(1))
def lu(A):
    A = A.copy()
    N = A.shape[0]
    for i in range(N):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, N):
            A[i, j] -= A[i, :i] @ A[:i, j]
    return np.sum(A)


@_entry(lambda r, n: (np.tril(_square(r, n)), r.standard_normal(n)))
def trisolv(L, b):
    N = L.shape[0]
    x = np.zeros(N)
    for i in range(N):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return np.sum(x * x)


@_entry(lambda r, n: (0.2 * r.standard_normal(n) / np.arange(1.0, n + 1.0),))
def durbin(r):
    N = r.shape[0]
    y = np.zeros(N)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, N):
        beta = beta * (1.0 - alpha * alpha)
        alpha = -(r[k] + r[:k][::-1] @ y[:k]) / beta
        y[:k] = y[:k] + alpha * y[:k][::-1]
        y[k] = alpha
    return np.sum(y)


@_entry(lambda r, n: (r.standard_normal((n, n + 3)), r.standard_normal((n, n))))
def syrk(A, C):
    C = C.copy()
    N, M = A.shape
    for i in range(N):
        C[i, : i + 1] *= 1.2
        for k in range(M):
            C[i, : i + 1] += 1.5 * A[i, k] * A[: i + 1, k]
    return np.sum(C * C)


@_entry(_squares(1))
def cholesky(M):
    A = M @ M.T
    N = A.shape[0]
    for i in range(N):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[j, :j]
            A[i, j] /= A[j, j]
        A[i, i] -= A[i, :i] @ A[i, :i]
        A[i, i] = np.sqrt(A[i, i])
    return np.sum(np.tril(A))


@_entry(lambda r, n: (_square(r, n), r.standard_normal(n)))
def ludcmp(A, b):
    A = A.copy()
    N = A.shape[0]
    x, y = np.zeros(N), np.zeros(N)
    for i in range(N):
        for j in range(i):
            w = A[i, j] - A[i, :j] @ A[:j, j]
            A[i, j] = w / A[j, j]
        for j in range(i, N):
            A[i, j] = A[i, j] - A[i, :i] @ A[:i, j]
    for i in range(N):
        y[i] = b[i] - A[i, :i] @ y[:i]
    for i in range(N - 1, -1, -1):
        x[i] = (y[i] - A[i, i + 1 :] @ x[i + 1 :]) / A[i, i]
    return np.sum(x)


@_entry(_squares(1))
def gramschmidt(A):
    A = A.copy()
    M, N = A.shape
    Q, R = np.zeros((M, N)), np.zeros((N, N))
    for k in range(N):
        R[k, k] = np.sqrt(A[:, k] @ A[:, k])
        Q[:, k] = A[:, k] / R[k, k]
        for j in range(k + 1, N):
            R[k, j] = Q[:, k] @ A[:, j]
            A[:, j] -= Q[:, k] * R[k, j]
    return np.sum(Q) + np.sum(R)


@_entry(lambda r, n: (r.standard_normal((n + 2, n)),))
def covariance(data):
    N, M = data.shape
    data = data - np.mean(data, axis=0)
    cov = np.zeros((M, M))
    for i in range(M):
        for j in range(i, M):
            cov[i, j] = data[:, i] @ data[:, j] / (N - 1.0)
            cov[j, i] = cov[i, j]
    return np.sum(cov * cov)


@_entry(_squares(2))
def trmm(A, B):
    B = B.copy()
    M, N = B.shape
    for i in range(M):
        for j in range(N):
            B[i, j] += A[i + 1 :, i] @ B[i + 1 :, j]
    return np.sum(1.5 * B)


@_entry(_squares(3))
def symm(A, B, C):
    C = C.copy()
    M, N = C.shape
    temp = np.zeros(N)
    for i in range(M):
        for j in range(N):
            C[:i, j] += 1.5 * B[i, j] * A[i, :i]
            temp[j] = B[:i, j] @ A[i, :i]
        C[i, :] *= 1.2
        C[i, :] += 1.5 * B[i, :] * A[i, i] + 1.5 * temp
    return np.sum(C * C)


@_entry(_squares(2))
def syr2k(A, B):
    N, M = A.shape
    C = np.zeros((N, N))
    for i in range(N):
        for k in range(M):
            C[i, : i + 1] += A[: i + 1, k] * 1.5 * B[i, k] + B[: i + 1, k] * 1.5 * A[i, k]
    return np.sum(C * C)


@_entry(lambda r, n: (_square(r, n), r.standard_normal(n)))
def back_substitution_by_columns(U, b):
    b = b.copy()
    N = b.shape[0]
    for j in range(N - 1, -1, -1):
        b[j] = b[j] / U[j, j]
        for i in range(j):
            b[i] -= U[i, j] * b[j]
    return np.sum(b * b)


@_entry(lambda r, n: (r.standard_normal(n), r.standard_normal(n)))
def reversed_prefixes(x, y):
    x, N = x.copy(), x.shape[0]
    for k in range(1, N):
        x[:k] = np.sin(x[:k]) + 0.5 * y[:k][::-1]
        x[k] += x[:k][::-1] @ y[:k]
    return np.sum(x)
