"""The models in JAX: the same text where it is pure, and as its users write loops where not."""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from tests.bench import models
from tests.bench.models import Model

jax.config.update("jax_enable_x64", True)


def recurrent(weights, seq):
    def turn(h, pair):
        x, following = pair
        new = []
        for k in range(2):
            x = jnp.tanh(x * weights[k, 0] + h[k] * weights[k, 1] + weights[k, 2])
            new.append(x)
        return tuple(new), jnp.sum((x - following) ** 2)

    start = (jnp.zeros(seq.shape[1]),) * 2
    return jnp.sum(lax.scan(turn, start, (seq[:-1], seq[1:]))[1])


def call_option(S0, K, sigma, Z):
    vol = sigma * jnp.sqrt(1.0 / Z.shape[0])

    def turn(carry, z):
        log_s = carry[0] + vol * z
        return (log_s, carry[1] + jnp.exp(log_s)), None

    start = jnp.log(S0) + jnp.zeros(Z.shape[1]), jnp.zeros(Z.shape[1])
    total = lax.scan(turn, start, Z)[0][1]
    return jnp.mean(jnp.maximum(total / Z.shape[0] - K, 0.0))


def diffusion(source, steps):
    def turn(u, _):
        inner = u[1:-1, 1:-1] + 0.2 * (
            u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
        )
        return u.at[1:-1, 1:-1].set(inner) + 0.01 * source, None

    u = lax.scan(turn, jnp.zeros_like(source), None, length=steps)[0]
    return jnp.sum(u * u)


def gauss_seidel(A, sweeps):
    def sweep(A, _):
        def row(above, lines):
            own, below = lines
            fixed = own[1:-1] + above[1:-1] + below[1:-1] + own[2:]

            def cell(left, rest):
                new = (rest + left) / 5.0
                return new, new

            inner = lax.scan(cell, own[0], fixed)[1]
            new = own.at[1:-1].set(inner)
            return new, new

        inner = lax.scan(row, A[0], (A[1:-1], A[2:]))[1]
        return A.at[1:-1].set(inner), None

    A = lax.scan(sweep, A, None, length=sweeps)[0]
    return jnp.sum(A * A)


def elimination(A):
    n = A.shape[0]
    below = jnp.arange(n)

    def turn(A, k):
        factors = jnp.where(below > k, A[:, k] / A[k, k], 0.0)
        row = jnp.where(below > k, A[k], 0.0)
        A = A - factors[:, None] * row[None, :]
        return A.at[:, k].set(jnp.where(below > k, factors, A[:, k])), None

    A = lax.scan(turn, A, below)[0]
    return jnp.sum(jnp.log(jnp.abs(jnp.diag(A))))


def substitution(L, b):
    x = jax.scipy.linalg.solve_triangular(L, b, lower=True)
    return jnp.sum(x * x)


_OWN = {
    f.__name__: f
    for f in (recurrent, call_option, diffusion, gauss_seidel, elimination, substitution)
}


def compiled(model: Model) -> Callable[[], Any]:
    """Return a call of the value and gradient in JAX, waited for."""
    own = _OWN.get(model.function.__name__)
    function = own or FunctionType(model.function.__code__, vars(models) | {"np": jnp})
    arguments = model.make()
    static = tuple(i for i, value in enumerate(arguments) if isinstance(value, int))
    run = jax.jit(jax.value_and_grad(function, argnums=model.argnums), static_argnums=static)
    ready = [value if isinstance(value, int) else jnp.asarray(value) for value in arguments]
    return lambda: jax.block_until_ready(run(*ready))
