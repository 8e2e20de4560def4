"""Loops and branches as functions, for those who prefer them to statements.

They are plain Python, recorded as if they stood in the user's own function, and they run as they
are outside of recorded functions.  What is known while recording (the number of turns, a condition
that is a Python truth value, a short loop) may be unrolled or decided as a statement would be.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradc.capture.convert import as_handle
from gradc.capture.hooks import as_written, call_function
from gradc.capture.positions import is_position
from gradc.capture.tracer import Kind, Tracer
from gradc.errors import ArgumentError
from gradc.scans import settle_scan
from gradc.tracing import is_tracing
from gradc.trees import TreeDef, flatten, map_tree, unflatten

__all__ = ["cond", "loop", "scan", "while_loop"]


@as_written
def loop(lower: Any, upper: Any, body: Callable[[Any, Any], Any], init: Any) -> Any:
    """Return the state after ``state = body(i, state)`` for each ``i`` from lower to upper - 1.

    Parameters
    ----------
    lower, upper : int
        The bounds; the loop has no turn when ``upper <= lower``.  They may be computed from
        arguments.
    body : callable
        Takes the index and the state, returns the next state: the same tree of the same types.
        A body whose types change is run turn by turn where the bounds are known, as a ``for``
        statement is.
    init : tree
        The first state.

    Returns
    -------
    tree
        The last state.

    Raises
    ------
    TraceError
        While recording: a component of the state changes its type, its shape or its structure, and
        the loop cannot be unrolled.  The message names the component: ``state['h']``.

    Examples
    --------
    >>> loop(0, 3, lambda i, total: total + i, 0.5)
    3.5
    """
    state = init
    if _is_known(lower) and _is_known(upper):
        for i in range(lower, upper):
            state = _owned(body(i, state))
        return state
    i = lower
    while i < upper:
        state = _owned(body(i, state))
        i = i + 1
    return state


def _is_known(bound: Any) -> bool:
    """Tell whether a bound is known while recording, at least as an expression of indices."""
    return not isinstance(bound, Tracer) or is_position(bound)


@as_written
def while_loop(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init: Any) -> Any:
    """Return the first state for which the test fails.

    Parameters
    ----------
    cond_fun : callable
        Takes the state, returns one truth value.
    body_fun : callable
        Takes the state, returns the next state: the same tree of the same types.
    init : tree
        The first state.

    Returns
    -------
    tree
        The last state.

    Raises
    ------
    TraceError
        While recording: a component of the state changes its type, its shape or its structure; the
        message names it.
    LimitError
        The loop runs more than ``max_turns`` times (see :class:`gradc.Options`).

    Examples
    --------
    >>> while_loop(lambda x: x > 1.0, lambda x: x / 2, 10.0)
    0.625
    """
    state = init
    while cond_fun(state):
        state = _owned(body_fun(state))
    return state


def _owned(state: Any) -> Any:
    """Give each recorded array of a state memory of its own, so that it can be carried.

    A function hands on values: two names for one array, or a view of another, are two arrays.
    """
    return map_tree(_owned_leaf, state) if is_tracing() else state


def _owned_leaf(x: Any) -> Any:
    return x.copy() if isinstance(x, Tracer) and x._kind is Kind.ARRAY else x


@as_written
def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any
) -> Any:
    """Return ``true_fun(*operands)`` where the condition holds, ``false_fun(*operands)`` else.

    Only the branch taken runs, and only it has a derivative.

    Parameters
    ----------
    pred : bool
        One truth value.
    true_fun, false_fun : callable
        They return the same tree of the same types.
    *operands : tree
        What the branches take; they may also use variables around them.

    Raises
    ------
    TraceError
        While recording: the branches return different types, shapes or structures; the message
        names the component.

    Examples
    --------
    >>> cond(2.0 > 1.0, lambda x: x + 1, lambda x: -x, 5.0)
    6.0
    """
    return true_fun(*operands) if pred else false_fun(*operands)


def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None
) -> tuple[Any, Any]:
    """Carry a state along the first axis of some arrays; return it, and what each turn gave.

    Parameters
    ----------
    f : callable
        Takes the state and one element of ``xs``, returns the next state and a result: both the
        same trees of the same types in each turn.
    init : tree
        The first state.
    xs : tree of arrays, optional
        All of one length, at least 1; ``f`` gets None when there are none.
    length : int, optional
        The number of turns; needed when ``xs`` is None.

    Returns
    -------
    state : tree
        The last state.
    ys : tree of arrays
        The results, one row for each turn.

    Raises
    ------
    ArgumentError
        The lengths differ, or nothing tells the length.
    DTypeError, ShapeError
        While recording: a component of the state changes; the message names it.

    Examples
    --------
    >>> last, sums = scan(lambda total, x: (total + x, total + x), 0.0, np.arange(4.0))
    >>> last, sums
    (np.float64(6.0), array([0., 1., 3., 6.]))
    """
    leaves, tree = flatten(xs)
    count = _length(leaves, length)
    if not is_tracing():
        return _stacked(f, init, _elements(leaves, tree, count))
    handles = [as_handle(x) for x in leaves]
    first = unflatten(tree, [x[0] for x in handles])
    state, rows, form = settle_scan(f, init, first, count)
    made: tuple[Any, Any] = call_function(_turns, f, state, (handles, tree, count), rows, form)
    return made


@as_written
def _turns(f: Callable[[Any, Any], Any], state: Any, given: Any, rows: Any, form: Any) -> Any:
    leaves, tree, count = given
    for i in range(count):
        state, result = f(state, unflatten(tree, [x[i].copy() for x in leaves]))
        state = _owned(state)
        for row, part in zip(rows, flatten(result)[0], strict=True):
            row[i] = part
    return state, unflatten(form, rows)


def _elements(leaves: list[Any], tree: TreeDef, count: int) -> Iterator[Any]:
    arrays = [np.asarray(x) for x in leaves]
    return (unflatten(tree, [x[k].copy() for x in arrays]) for k in range(count))


def _stacked(f: Callable[[Any, Any], Any], state: Any, elements: Iterator[Any]) -> tuple[Any, Any]:
    results = []
    for element in elements:
        state, result = f(state, element)
        results.append(flatten(result))
    columns = zip(*(parts for parts, _ in results), strict=True)
    return state, unflatten(results[0][1], [np.stack(column) for column in columns])


def _length(leaves: list[Any], length: int | None) -> int:
    counts = {_extent(x) for x in leaves} | ({length} if length is not None else set())
    if len(counts) == 1 and isinstance(count := counts.pop(), int) and count > 0:
        return count
    got = f"got {sorted(map(str, counts))}" if counts else "got neither xs nor length"
    raise ArgumentError(
        f"scan takes arrays of one length, at least 1, {got}",
        repair="give all arrays the same first axis, or pass length= without arrays",
    )


def _extent(x: Any) -> Any:
    shape = np.shape(x)
    return shape[0] if shape else "a number"
