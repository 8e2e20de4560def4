"""Compare derivatives with what they should be, by numbers alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc.errors import DerivativeError

__all__ = ["compare_directional", "directional_difference"]

Function = Callable[..., Any]


def directional_difference(
    function: Function, arguments: Sequence[np.ndarray], direction: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the derivative of ``function`` along ``direction`` by differences.

    Ridders' extrapolation of central differences (C. Ridders, Advances in Engineering Software 4,
    1982): steps are halved and a polynomial in the squared step is extrapolated to zero; the entry
    with the least change between columns is returned.
    """
    step, best, least = 1e-2, None, np.inf
    previous: list[np.ndarray] = []
    for _ in range(8):
        row = [_central(function, arguments, direction, step)]
        for column, older in enumerate(previous):
            factor = 4.0 ** (column + 1)
            row.append((factor * row[column] - older) / (factor - 1.0))
            change = float(np.max(np.abs(row[-1] - older), initial=0.0))
            if change <= least:
                best, least = row[-1], change
        previous, step = row, step / 2.0
    return np.asarray(best)


def _central(
    function: Function, arguments: Sequence[np.ndarray], direction: Sequence[np.ndarray], h: float
) -> np.ndarray:
    ahead = function(*[a + h * d for a, d in zip(arguments, direction, strict=True)])
    behind = function(*[a - h * d for a, d in zip(arguments, direction, strict=True)])
    return np.asarray(np.subtract(ahead, behind) / (2.0 * h))


def compare_directional(found: Any, expected: Any, rtol: float, what: str) -> None:
    """Raise ``DerivativeError`` unless two directional derivatives agree.

    The error is relative to the largest entry of ``expected``, or to 1 when that is smaller.
    """
    found, expected = np.asarray(found), np.asarray(expected)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    error = float(np.max(np.abs(found - expected), initial=0.0)) / scale
    if not error <= rtol:
        raise DerivativeError(
            f"{what} is off by {error:.2e} (relative), more than {rtol:.0e}",
            operands=[("gradc", f"{found}"), ("differences", f"{expected}")],
            repair="if the function is smooth here, please report it with this function",
        )
