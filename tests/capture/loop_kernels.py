"""Loop kernels of fifteen kinds, at three sizes each: for counts that must not depend on sizes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Kernel:
    """A scalar function of arrays and numbers of turns.

    ``shapes`` gives the arguments of a size: a tuple is an array, a number is itself.
    """

    function: Callable[..., Any]
    argnums: tuple[int, ...]
    shapes: Callable[[int, int], tuple[Any, ...]]

    def inputs(self) -> Iterator[tuple[Any, ...]]:
        """Yield arguments of a tiny size, and of two large ones that no loop has a rest of."""
        rng = np.random.default_rng(1)
        for turns, n in ((4, 8), (160, 160), (320, 320)):
            yield tuple(
                rng.uniform(0.5, 1.0, s) if isinstance(s, tuple) else s
                for s in self.shapes(turns, n)
            )


CASES: list[Kernel] = []


def kernel(*argnums: int, shapes: Callable[[int, int], tuple[Any, ...]]) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        CASES.append(Kernel(function, argnums, shapes))
        return function

    return register


@kernel(0, 1, shapes=lambda t, n: ((n, n), (n,)))
def normal_equations(a, x):
    return np.sum((a @ x) @ a)


@kernel(0, 1, 2, shapes=lambda t, n: ((n, n + 1), (n + 1, n + 2), (n + 2, n)))
def products(a, b, c):
    return np.sum(a @ b @ c)


@kernel(0, 1, 2, shapes=lambda t, n: ((n, n), (n,), (n,)))
def updated(a, u, v):
    a = a + np.outer(u, v)
    return np.sum(a @ (u @ a + v))


@kernel(1, 2, shapes=lambda t, n: ((t, n), (n, n), (n,)))
def perceptron(x, w, b):
    z = np.maximum(x @ w + b, 0.0)
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    return np.sum((e / np.sum(e, axis=1, keepdims=True)) ** 2)


@kernel(0, 1, shapes=lambda t, n: ((2, n + t, n + t), (t, t)))
def convolved(x, w):
    n = x.shape[1] - w.shape[0]
    out = np.zeros((2, n, n))
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            out += x[:, i : i + n, j : j + n] * w[i, j]
    return np.sum(out * out)


@kernel(0, 1, shapes=lambda t, n: ((n, n), (n - 2, n - 2)))
def limited(f, c):
    d = f[1:, 1:-1] - f[:-1, 1:-1]
    flux = np.where(d * f[1:, 1:-1] > 0.3, 0.0, d)
    return np.sum(f[1:-1, 1:-1] - c * (flux[1:] - flux[:-1]))


@kernel(0, 1, shapes=lambda t, n: ((n,), (n,), t))
def line(a, b, turns):
    a, b = a.copy(), b.copy()
    for _ in range(turns):
        b[1:-1] = 0.33 * (a[:-2] + a[1:-1] + a[2:])
        a[1:-1] = 0.33 * (b[:-2] + b[1:-1] + b[2:])
    return np.sum(a)


@kernel(0, 1, shapes=lambda t, n: ((n, n), (n, n), t))
def plane(a, b, turns):
    a, b = a.copy(), b.copy()
    for _ in range(turns):
        b[1:-1, 1:-1] = 0.25 * (a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        a[1:-1, 1:-1] = 0.25 * (b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1])
    return np.sum(a)


@kernel(0, shapes=lambda t, n: ((n, n, n), t))
def space(a, turns):
    a = a.copy()
    for _ in range(turns):
        c = a[1:-1, 1:-1, 1:-1]
        a[1:-1, 1:-1, 1:-1] = c + 0.1 * (a[2:, 1:-1, 1:-1] - 2.0 * c + a[:-2, 1:-1, 1:-1])
    return np.sum(a)


@kernel(0, shapes=lambda t, n: ((n, n), t))
def relaxed(a, turns):
    a = a.copy()
    for _ in range(turns):
        for i in range(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                a[i, j] = 0.2 * (a[i - 1, j] + a[i, j - 1] + a[i, j] + a[i, j + 1] + a[i + 1, j])
    return np.sum(a)


@kernel(0, shapes=lambda t, n: ((n, n), t))
def swept(u, turns):
    """An implicit sweep in either direction: elimination, then substitution backwards."""
    u = u.copy()
    n = u.shape[0]
    p, q = np.zeros((n, n)), np.zeros((n, n))
    for _ in range(turns):
        for j in range(1, n - 1):
            p[1:-1, j] = 1.0 / (4.0 - p[1:-1, j - 1])
            q[1:-1, j] = (u[1:-1, j] + u[:-2, j] + q[1:-1, j - 1]) * p[1:-1, j]
        for j in range(n - 2, 0, -1):
            u[1:-1, j] = p[1:-1, j] * u[1:-1, j + 1] + q[1:-1, j]
    return np.sum(u)


@kernel(0, 1, shapes=lambda t, n: ((n, n), (n,)))
def substituted(a, b):
    x = np.zeros(b.shape[0])
    for i in range(b.shape[0]):
        x[i] = (b[i] - a[i, :i] @ x[:i]) / (8.0 + a[i, i])
    return np.sum(x)


@kernel(0, shapes=lambda t, n: ((n, n),))
def factorised(a):
    a = 1.0 * a
    for i in range(a.shape[0]):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[:j, j]
            a[i, j] /= a[j, j]
        for j in range(i, a.shape[0]):
            a[i, j] -= a[i, :i] @ a[:i, j]
    return np.sum(a)


@kernel(0, shapes=lambda t, n: ((n,),))
def levinson(r):
    y = np.zeros(r.shape[0])
    alpha, beta = -0.1 * r[0], 1.0
    y[0] = alpha
    for k in range(1, r.shape[0]):
        beta = beta * (1.0 - alpha * alpha)
        alpha = -(r[k] + r[:k][::-1] @ y[:k]) / beta
        y[:k] = y[:k] + alpha * y[:k][::-1]
        y[k] = alpha
    return np.sum(y)


@kernel(0, 1, shapes=lambda t, n: ((n, t), (n, n)))
def ranked(a, c):
    c = c.copy()
    for i in range(a.shape[0]):
        c[i, : i + 1] *= 1.2
        for k in range(a.shape[1]):
            c[i, : i + 1] += 1.5 * a[i, k] * a[: i + 1, k]
    return np.sum(c)
