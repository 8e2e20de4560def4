"""All modes of one program in one compiled function, so that a test costs one compilation."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import gradc
from tests.programs import Program
from tests.trees import copied, is_float, leaves, tree_map


def weighted_sum(tree: Any) -> Any:
    """Return a sum of all floating-point results with weights, so that each of them counts."""
    total = 0.0
    for leaf in leaves(tree):
        if is_float(leaf) or getattr(getattr(leaf, "dtype", None), "kind", "") == "c":
            weights = np.cos(np.arange(float(np.size(leaf))) + 0.5)
            total = total + np.sum(leaf * weights.reshape(np.shape(leaf)))
    return total


def loss_of(program: Program) -> Callable[..., Any]:
    """Return the program as a function to one number, by all its arguments."""

    def loss(*arguments):
        return weighted_sum(program.fn(*arguments))

    return loss


def moving(program: Program, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments that are differentiated."""
    return tuple(arguments[k] for k in program.argnums)


def loss_of_moving(program: Program, arguments: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Return the loss as a function of the tuple of arguments that are differentiated."""

    def loss(moved):
        changed = list(arguments)
        for k, x in zip(program.argnums, moved, strict=True):
            changed[k] = x
        return weighted_sum(program.fn(*changed))

    return loss


def direction(program: Program, arguments: tuple[Any, ...], seed: int) -> tuple[Any, ...]:
    """Draw a tangent for each argument that is differentiated, of its type."""
    rng = np.random.default_rng(seed)

    def draw(x: Any) -> Any:
        drawn = rng.standard_normal(np.shape(x))
        return float(drawn) if isinstance(x, float) else drawn.astype(x.dtype)

    return tree_map(draw, moving(program, arguments))


@dataclass(frozen=True)
class Derived:
    """What a program's derivative modes give."""

    value: Any
    gradient: Any
    tangent: Any
    hessian_u: Any
    hessian_v: Any


def derivatives(program: Program, backend: str) -> Callable[..., Derived]:
    """Return one compiled function with value, gradient, tangent and two Hessian products.

    It takes the arguments, then two directions.
    """

    def every_mode(arguments, u, v):
        loss = loss_of_moving(program, arguments)
        point = moving(program, arguments)
        value, gradient = gradc.value_and_grad(loss)(point)
        tangent = gradc.jvp(loss, (point,), (u,))[1]
        hessian_u = gradc.jvp(gradc.grad(loss), (point,), (u,))[1]
        hessian_v = gradc.jvp(gradc.grad(loss), (point,), (v,))[1]
        return value, gradient, tangent, hessian_u, hessian_v

    compiled = gradc.compile(every_mode, backend=backend, **program.options)
    return lambda *given: Derived(*compiled(*given))


@cache
def derived(program: Program, backend: str) -> Derived:
    """Return all derivatives of a program at its inputs; kept for the comparison of backends."""
    arguments = program.arguments()
    u, v = (direction(program, arguments, seed) for seed in (1, 2))
    return derivatives(program, backend)(copied(arguments), u, v)


def in_single_precision(tree: Any) -> Any:
    """Turn the double precision leaves of a tree into single precision."""

    def lower(x: Any) -> Any:
        is_double = getattr(x, "dtype", None) == np.float64
        return x.astype(np.float32) if is_double else x

    return tree_map(lower, tree)
