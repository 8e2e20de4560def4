"""Derivatives of plain NumPy functions by numbers alone: nothing here uses gradc.

``complex_step`` is exact to rounding for analytic functions; ``along`` is Richardson's
extrapolation of central differences for the others.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.trees import copied, is_float, leaves, tree_map

Loss = Callable[..., Any]

_STEP = 1e-30


def complex_step(loss: Loss, arguments: tuple[Any, ...], argnums: tuple[int, ...]) -> list[Any]:
    """Return the gradient of a real scalar function: for each argument a tree like it."""
    return [_argument_gradient(loss, arguments, k) for k in argnums]


def _argument_gradient(loss: Loss, arguments: tuple[Any, ...], k: int) -> Any:
    lifted = tree_map(_complex, copied(arguments))
    count = len(leaves(lifted[k]))
    columns = iter([_leaf_gradient(loss, lifted, k, number) for number in range(count)])
    return tree_map(lambda _: next(columns), _sorted_dicts(arguments[k]))


def _leaf_gradient(loss: Loss, lifted: tuple[Any, ...], k: int, number: int) -> Any:
    shape = np.shape(leaves(lifted[k])[number])
    gradient = np.zeros(shape)
    for position in np.ndindex(shape):
        moved = copied(lifted)
        spot = iter(range(len(leaves(moved[k]))))

        def nudge(x: Any, spot: Any = spot, position: Any = position) -> Any:
            if next(spot) != number:
                return x
            x = np.array(x)
            x[position] += 1j * _STEP
            return x

        moved = (*moved[:k], tree_map(nudge, _sorted_dicts(moved[k])), *moved[k + 1 :])
        with complex_buffers():
            gradient[position] = np.imag(loss(*moved)) / _STEP
    return gradient


def _sorted_dicts(tree: Any) -> Any:
    """Order dicts by key, so that `tree_map` meets the leaves in the order of `leaves`."""
    if isinstance(tree, dict):
        return {key: _sorted_dicts(tree[key]) for key in sorted(tree)}
    if type(tree) in (list, tuple):
        return type(tree)(map(_sorted_dicts, tree))
    return tree


def _complex(x: Any) -> Any:
    if not is_float(x):
        return x
    return np.asarray(x, complex) if isinstance(x, np.ndarray) else complex(x)


@contextmanager
def complex_buffers() -> Iterator[None]:
    """Let the float buffers that a function makes itself hold complex numbers."""
    names = ("zeros", "ones", "empty", "full", "zeros_like", "empty_like")
    plain = {name: getattr(np, name) for name in names}

    def complex_by_default(make: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            made = make(*args, **kwargs)
            if "dtype" in kwargs or any(a is np.float64 for a in args):
                return made  # someone needs just that type: NumPy's own generators, for one
            return made.astype(complex) if made.dtype == np.float64 else made

        return wrapper

    try:
        for name, make in plain.items():
            setattr(np, name, complex_by_default(make))
        yield
    finally:
        for name, make in plain.items():
            setattr(np, name, make)


def along(loss: Loss, arguments: tuple[Any, ...], directions: tuple[Any, ...]) -> float:
    """Return the directional derivative of a real scalar function by differences.

    `directions` has a tree like each argument; leaves that stay put have a direction of ``None``.
    """

    def central(h: float) -> float:
        ahead, behind = (
            loss(*(_moved(a, d, s * h) for a, d in zip(arguments, directions, strict=True)))
            for s in (1, -1)
        )
        return float(ahead - behind) / (2 * h)

    best, least, previous, step = np.nan, np.inf, [], 1e-2
    for _ in range(7):
        row = [central(step)]
        for column, older in enumerate(previous):
            row.append(row[column] + (row[column] - older) / (4.0 ** (column + 1) - 1.0))
            change = abs(row[-1] - row[-2])
            if change <= least:
                best, least = row[-1], change
        previous, step = row, step / 2.0
    return best


def _moved(tree: Any, direction: Any, h: float) -> Any:
    if direction is None:
        return copied(tree)
    return tree_map(lambda x, d: x + h * d, tree, direction)
