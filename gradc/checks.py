"""``check_grads``: compare gradc's derivatives of a function with differences."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc.autodiff.check import compare_directional, directional_difference
from gradc.capture.hooks import call_function
from gradc.transforms import jvp, vjp
from gradc.trees import flatten, unflatten

__all__ = ["check_grads"]


def check_grads(
    fn: Callable[..., Any],
    args: Sequence[Any],
    *,
    order: int = 2,
    rtol: float = 1e-6,
    seed: int = 0,
    **options: Any,
) -> None:
    """Check forward and reverse mode against differences, to the given order.

    Floating-point leaves of ``args`` are moved along a random direction; the derivative along it is
    compared with Ridders' extrapolated differences, forward mode with reverse mode by the identity
    ``<w, J v> = <J' w, v>``, and then the same is done for the derivative itself.

    Parameters
    ----------
    fn : callable
        Returns one array, or a tree of arrays.
    args : sequence
        Where to check; away from kinks.
    order : int
        How many times to differentiate.
    rtol : float
        Relative error allowed against the differences.
    seed : int
        Of the random directions.

    Raises
    ------
    DerivativeError
        When a derivative is off.
    """
    rng = np.random.default_rng(seed)
    leaves, tree = flatten(tuple(args))
    moving = [i for i, leaf in enumerate(leaves) if np.asarray(leaf).dtype.kind == "f"]
    start = [np.asarray(leaves[i], dtype=float) for i in moving]

    def of_leaves(*moved: Any) -> Any:
        changed = list(leaves)
        for i, leaf in zip(moving, moved, strict=True):
            changed[i] = leaf
        return call_function(fn, *unflatten(tree, changed))

    _check(of_leaves, start, order, rtol, rng, options, getattr(fn, "__name__", "the function"))


def _check(
    fn: Callable[..., Any],
    start: list[np.ndarray],
    order: int,
    rtol: float,
    rng: np.random.Generator,
    options: dict[str, Any],
    name: str,
) -> None:
    direction = [rng.standard_normal(a.shape) for a in start]
    value, pushed = jvp(fn, start, direction, **options)
    expected = directional_difference(lambda *x: _flat(fn(*x)), start, direction)
    compare_directional(_flat(pushed), expected, rtol, f"the derivative of {name}")
    weight = _like(value, rng)
    _, pullback = vjp(fn, *start, **options)
    pulled = sum(np.sum(a * b) for a, b in zip(pullback(weight), direction, strict=True))
    forward = np.sum(_flat(weight) * _flat(pushed))
    compare_directional(pulled, forward, 1e-10, f"reverse mode of {name} against forward mode")
    if order > 1:

        def derivative(*x: Any) -> Any:
            return jvp(fn, x, direction)[1]

        _check(derivative, start, order - 1, rtol, rng, options, f"the derivative of {name}")


def _flat(tree: Any) -> np.ndarray:
    """All floating-point numbers of a tree in one vector."""
    leaves = [np.ravel(np.asarray(leaf)) for leaf in flatten(tree)[0]]
    return np.concatenate([leaf for leaf in leaves if leaf.dtype.kind == "f"] or [np.zeros(0)])


def _like(tree: Any, rng: np.random.Generator) -> Any:
    leaves, shape = flatten(tree)
    return unflatten(shape, [rng.standard_normal(np.shape(leaf)) for leaf in leaves])
