"""Programs with loops that are large enough for several threads, and how many of those each has.

Each entry is a function, its arguments, and the loops that threads share in the C of its value and
gradient: by the first argument, or of the function alone where ``plain`` is set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

N = 240_000
ROWS, COLUMNS = 1_200, 260


@dataclass(frozen=True)
class Large:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    shared: int
    plain: bool = False


def elementwise(x):
    return np.sum(np.exp(-x) * np.sin(x) + 1.0 / (1.0 + x * x))


def written(x):
    return np.tanh(x) * np.sqrt(1.0 + x * x)


def neighbours(x):
    return np.sum((x[1:] - x[:-1] ** 2) ** 2)


def broadcast(x, y):
    return np.sum(np.exp(-((x[:, None] - y[None, :]) ** 2)))


def columns(x):
    return np.sum(np.sum(x * x, axis=0) ** 3)


def softmax(x):
    shifted = x - np.max(x, axis=1, keepdims=True)
    weights = np.exp(shifted)
    return np.mean(np.log(np.sum(weights, axis=1)) * weights[:, 0])


def extremes(x):
    return np.max(x) - np.min(x) + np.max(np.abs(x)) + np.prod(1.0 + x * 1e-7)


def logistic(x, z):
    m = z @ x
    return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum(-m, 0.0)) + np.sum(x * x)


def heat(x):
    for _ in range(6):
        inside = x[1:-1, 1:-1]
        around = x[2:, 1:-1] + x[:-2, 1:-1] + x[1:-1, 2:] + x[1:-1, :-2]
        x[1:-1, 1:-1] = inside + 0.1 * (around - 4.0 * inside)
    return np.sum(x * x)


def paths(x, z):
    log_price = np.zeros(z.shape[1]) + x[0]
    total = np.zeros(z.shape[1])
    for t in range(z.shape[0]):
        log_price = log_price + x[1] + x[2] * z[t]
        total = total + np.exp(log_price)
    return np.mean(np.maximum(total / z.shape[0] - 1.0, 0.0))


def rows(x):
    y = np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        y[i] = np.sum(np.exp(x[i] * 0.1))
    return np.sum(y * y)


def single(x):
    return np.sum(np.log(1.0 + np.exp(x)))


def scan(x):
    return np.sum(np.cumsum(np.sin(x)) ** 2)


def named(chunk, part):
    """Names that the code around shared loops has too, and a number from outside them."""
    first = np.sum(part[:5]) * 0.1
    shared = np.max(np.exp(-chunk * first))
    env = np.tanh(part * shared + first)
    return np.sum(env * chunk) + shared


def frames(f_chunk, f_with, f_call):
    """Names that the functions around a function called ``f`` have."""
    f_part = np.sum(f_with[:5]) * f_call
    f_shared = np.exp(-f_chunk * f_part)
    f_arena = np.max(f_shared)
    return np.sum(np.tanh(f_shared * f_with + f_arena))


def small(x):
    return np.sum(np.exp(-x) * np.sin(x))


def recurrence(x):
    s = 0.0
    for i in range(x.shape[0]):
        s = 0.5 * s + np.sin(x[i])
    return s


def gathered(x, at):
    return np.sum(np.exp(x[at]) * x[at])


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


CORPUS = {
    one.function.__name__: one
    for one in (
        Large(elementwise, (_rng(1).random(N),), 1),
        Large(written, (_rng(2).standard_normal(N),), 1, plain=True),
        Large(neighbours, (_rng(3).standard_normal(N),), 1),
        Large(broadcast, (_rng(4).random(700), _rng(5).random(600)), 1),
        Large(columns, (_rng(6).random((ROWS, COLUMNS)),), 2),
        Large(softmax, (_rng(7).standard_normal((ROWS, COLUMNS)),), 3),
        Large(extremes, (_rng(8).standard_normal(N),), 2),
        Large(logistic, (_rng(9).standard_normal(50), _rng(10).standard_normal((9_000, 50))), 1),
        Large(heat, (_rng(11).random((310, 290)),), 3),
        Large(paths, (np.array([0.0, 0.01, 0.1]), _rng(12).standard_normal((12, 20_000))), 1),
        Large(rows, (_rng(13).random((ROWS, COLUMNS)),), 1),
        Large(single, (_rng(14).standard_normal(N).astype(np.float32),), 1),
        Large(scan, (_rng(15).standard_normal(N),), 1),
        Large(named, (_rng(20).random(N), _rng(21).random(N)), 3),
        Large(frames, (_rng(22).random(N), _rng(23).random(N), 0.3), 3),
        Large(small, (_rng(16).random(1_000),), 0),
        Large(recurrence, (_rng(17).random(50_000),), 0),
        Large(gathered, (_rng(18).random(5_000), _rng(19).integers(0, 5_000, N)), 1),
    )
}
