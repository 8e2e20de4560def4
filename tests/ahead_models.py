"""Functions that the tests of ahead-of-time builds and of the command line compile.

Golden files name the lines of this file: add new functions at the end.
"""

import numpy as np

import gradc

SCALE = np.array([0.5, 2.0, 1.0])


def neuron(w, b, x, target):
    z = w * x + b
    a = 1.0 / (1.0 + np.exp(-z))
    return 0.5 * (a - target) ** 2


def logreg(w, x, y):
    z = x @ w
    return np.mean(np.logaddexp(0.0, z) - y * z) + 0.01 * np.sum(w * w)


def mlp(params, x, y):
    h = np.tanh(x @ params["w1"] + params["b1"])
    return np.mean((h @ params["w2"] - y) ** 2)


def pick(table, rows, w):
    chosen = table[rows]
    return np.sum(np.tanh(chosen @ w) ** 2)


def wide(a, b):
    return np.sum(np.tanh(a @ b))


def scaled(x, power, rate):
    return np.sum((SCALE * x) ** power) * rate


def noisy(x, rng):
    return np.sum(x * rng.normal(size=3))


def step(x):
    return np.sum(x * 2.0)


def shapes(x, pair):
    """Return a tree, and overwrite an argument."""
    low, high = pair
    x[0] = low
    return {"sum": np.sum(x), "parts": [x * high, (3, None)], "tie": 0.5}


def broken(x):
    return float(x[0])


@gradc.compile
def decorated(x):
    return np.sum(np.sin(x))


def wrong_derivative(x):
    return np.sum(np.where(x > 0, x, 0.0) + gradc.stop_gradient(x))


class Model:
    """A namespace with a function in it."""

    @staticmethod
    def energy(x, *, scale):
        return scale * np.sum(x**2)
