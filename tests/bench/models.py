"""Plain NumPy functions of the kinds that people differentiate, with inputs: no gradc in here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Model:
    """A function, which arguments to differentiate, and what makes the arguments."""

    name: str
    function: Callable[..., Any]
    argnums: tuple[int, ...]
    make: Callable[[], tuple[Any, ...]]


def neuron(w, b, x, y):
    p = 1.0 / (1.0 + np.exp(-(w * x + b)))
    return (p - y) ** 2


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def logistic(w, X, y, lam):
    m = y * (X @ w)
    loss = np.maximum(-m, 0.0) + np.log1p(np.exp(-np.abs(m)))
    return np.mean(loss) + 0.5 * lam * np.sum(w * w)


def network(W1, b1, W2, b2, x, y):
    h = np.tanh(x @ W1 + b1)
    return np.mean((h @ W2 + b2 - y) ** 2)


def mixture(weights, means, Q, x):
    centred = x[None, :, :] - means[:, None, :]
    y = np.matmul(centred, np.swapaxes(Q, 1, 2))
    main = weights[:, None] - 0.5 * np.sum(y * y, axis=2)
    top = np.max(main, axis=0)
    return np.sum(top + np.log(np.sum(np.exp(main - top), axis=0)))


def recurrent(weights, seq):
    h = [np.zeros(seq.shape[1]) for _ in range(2)]
    loss = 0.0
    for t in range(seq.shape[0] - 1):
        x = seq[t]
        for k in range(2):
            h[k] = np.tanh(x * weights[k, 0] + h[k] * weights[k, 1] + weights[k, 2])
            x = h[k]
        loss = loss + np.sum((x - seq[t + 1]) ** 2)
    return loss


def call_option(S0, K, sigma, Z):
    vol = sigma * np.sqrt(1.0 / Z.shape[0])
    log_s = np.log(S0) + np.zeros(Z.shape[1])
    total = np.zeros(Z.shape[1])
    for t in range(Z.shape[0]):
        log_s = log_s + vol * Z[t]
        total = total + np.exp(log_s)
    return np.mean(np.maximum(total / Z.shape[0] - K, 0.0))


def diffusion(source, steps):
    u = np.zeros_like(source)
    for _ in range(steps):
        v = u.copy()
        u[1:-1, 1:-1] = v[1:-1, 1:-1] + 0.2 * (
            v[2:, 1:-1] + v[:-2, 1:-1] + v[1:-1, 2:] + v[1:-1, :-2] - 4.0 * v[1:-1, 1:-1]
        )
        u += 0.01 * source
    return np.sum(u * u)


def gauss_seidel(A, sweeps):
    A = A.copy()
    for _ in range(sweeps):
        for i in range(1, A.shape[0] - 1):
            for j in range(1, A.shape[1] - 1):
                A[i, j] = (A[i, j] + A[i - 1, j] + A[i + 1, j] + A[i, j - 1] + A[i, j + 1]) / 5.0
    return np.sum(A * A)


def elimination(A):
    A = A.copy()
    for k in range(A.shape[0]):
        for i in range(k + 1, A.shape[0]):
            A[i, k] /= A[k, k]
            A[i, k + 1 :] -= A[i, k] * A[k, k + 1 :]
    return np.sum(np.log(np.abs(np.diag(A))))


def substitution(L, b):
    x = np.zeros_like(b)
    for i in range(b.shape[0]):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return np.sum(x * x)


def _random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _scalars() -> tuple[Any, ...]:
    return tuple(np.array(v) for v in (0.7, -0.3, 1.9, 1.0))


def _vector(n: int) -> Callable[[], tuple[Any, ...]]:
    return lambda: (_random(1).standard_normal(n),)


def _examples() -> tuple[Any, ...]:
    rng = _random(2)
    X = rng.standard_normal((10_000, 100))
    return rng.standard_normal(100), X, rng.choice([-1.0, 1.0], 10_000), np.array(0.1)


def _layers(batch: int, inputs: int, hidden: int, outputs: int) -> Callable[[], tuple[Any, ...]]:
    def make() -> tuple[Any, ...]:
        draw = _random(3).standard_normal
        W1, W2 = draw((inputs, hidden)) / inputs**0.5, draw((hidden, outputs)) / hidden**0.5
        data = draw((batch, inputs)), draw((batch, outputs))
        return W1, draw(hidden), W2, draw(outputs), *data

    return make


def _points() -> tuple[Any, ...]:
    draw = _random(4).standard_normal
    return draw(25), draw((25, 10)), 0.3 * draw((25, 10, 10)), draw((1000, 10))


def _sequence(turns: int) -> Callable[[], tuple[Any, ...]]:
    return lambda: (_random(5).standard_normal((2, 3, 14)), _random(6).standard_normal((turns, 14)))


def _market() -> tuple[Any, ...]:
    numbers = (np.array(v) for v in (100.0, 98.0, 0.25))
    return (*numbers, _random(7).standard_normal((64, 100_000)))


def _dominant(n: int) -> tuple[Any, ...]:
    return (_random(8).standard_normal((n, n)) / n + 2.0 * np.eye(n),)


def _triangle(n: int) -> tuple[Any, ...]:
    return *_dominant(n), _random(9).standard_normal(n)


MODELS = {
    model.name: model
    for model in (
        Model("neuron", neuron, (0, 1, 2), _scalars),
        Model("rosenbrock-10", rosenbrock, (0,), _vector(10)),
        Model("rosenbrock-1000", rosenbrock, (0,), _vector(1000)),
        Model("rosenbrock-1e6", rosenbrock, (0,), _vector(1_000_000)),
        Model("logistic", logistic, (0,), _examples),
        Model("network-small", network, (0, 1, 2, 3), _layers(16, 10, 32, 1)),
        Model("network-large", network, (0, 1, 2, 3), _layers(128, 512, 512, 10)),
        Model("mixture", mixture, (0, 1, 2), _points),
        Model("recurrent-64", recurrent, (0,), _sequence(64)),
        Model("recurrent-1024", recurrent, (0,), _sequence(1024)),
        Model("call-option", call_option, (0, 1, 2), _market),
        Model("diffusion", diffusion, (0,), lambda: (_random(10).random((200, 200)), 50)),
        Model("gauss-seidel", gauss_seidel, (0,), lambda: (_random(11).random((120, 120)), 10)),
        Model("elimination", elimination, (0,), lambda: _dominant(120)),
        Model("substitution", substitution, (0, 1), lambda: _triangle(400)),
    )
}
"""All models by name."""
