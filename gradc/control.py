"""Loops and branches as functions, for those who prefer them to statements.

They are plain Python, recorded as if they stood in the user's own function, and they run as they
are outside of recorded functions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc.capture.hooks import as_written
from gradc.capture.trees import flatten, unflatten
from gradc.errors import ArgumentError

__all__ = ["cond", "loop", "scan", "while_loop"]


@as_written
def loop(turns: Any, body: Callable[[Any, Any], Any], init: Any) -> Any:
    """Return the state after all turns of ``state = body(i, state)``.

    Parameters
    ----------
    turns : int or range
        How often, or over which integers.
    body : callable
        Takes the index and the state, returns the next state: the same tree of the same types.
    init : tree
        The first state.

    Examples
    --------
    >>> loop(3, lambda i, total: total + i, 0.5)
    3.5
    """
    state = init
    for i in range(turns) if isinstance(turns, int) else turns:
        state = body(i, state)
    return state


@as_written
def while_loop(test: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Any:
    """Return the first state for which the test fails.

    Examples
    --------
    >>> while_loop(lambda x: x > 1.0, lambda x: x / 2, 10.0)
    0.625
    """
    state = init
    while test(state):
        state = body(state)
    return state


@as_written
def cond(test: Any, then: Callable[..., Any], otherwise: Callable[..., Any], *operands: Any) -> Any:
    """Return ``then(*operands)`` where the test holds, ``otherwise(*operands)`` where not.

    Examples
    --------
    >>> cond(2.0 > 1.0, lambda x: x + 1, lambda x: -x, 5.0)
    6.0
    """
    return then(*operands) if test else otherwise(*operands)


@as_written
def scan(function: Callable[[Any, Any], Any], init: Any, xs: Any) -> Any:
    """Carry a state along the first axis of some arrays; return it, and what each turn gave.

    Parameters
    ----------
    function : callable
        Takes the state and one element, returns the next state and a result.
    init : tree
        The first state.
    xs : tree of arrays
        All of one length, at least 1.

    Examples
    --------
    >>> last, sums = scan(lambda total, x: (total + x, total + x), 0.0, np.arange(4.0))
    >>> last, sums
    (np.float64(6.0), array([0., 1., 3., 6.]))
    """
    leaves, tree = flatten(xs)
    count = _length(leaves)
    state, first = function(init, unflatten(tree, [x[0] for x in leaves]))
    parts, form = flatten(first)
    rows = [np.zeros((count, *np.shape(part)), np.asarray(part).dtype) for part in parts]
    for row, part in zip(rows, parts, strict=True):
        row[0] = part
    for i in range(1, count):
        state, result = function(state, unflatten(tree, [x[i] for x in leaves]))
        for row, part in zip(rows, flatten(result)[0], strict=True):
            row[i] = part
    return state, unflatten(form, rows)


def _length(leaves: list[Any]) -> int:
    counts = {len(x) for x in leaves}
    if len(counts) != 1 or not counts.copy().pop():
        raise ArgumentError(
            f"scan takes arrays of one length, at least 1, got {sorted(counts)}",
            repair="give all arrays the same first axis",
        )
    return counts.pop()
