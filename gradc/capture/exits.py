"""Loops that are run turn by turn in Python although a traced condition leaves them.

    for layer in layers:          h = layer(h); left = err(h) < tol
        h = layer(h)        ->    if not left: h = layer(h); left = err(h) < tol
        if err(h) < tol:          if not left: ...
            break

Once a condition is known only when the code runs, each turn that follows is a branch.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, NoReturn

from gradc.capture.branches import join_sides
from gradc.capture.cells import Cells
from gradc.capture.conditional import NEXT, RETURN, goes_on, is_traced, left
from gradc.capture.tracer import Tracer
from gradc.capture.turns import item_of, items_now
from gradc.errors import TraceError

__all__ = ["MOST", "Body", "turn_by_turn", "unless_left"]

MOST = 64
"""Turns that may be branches."""


class Body(NamedTuple):
    """The body of a loop.

    Parameters
    ----------
    run : function
        Takes an item and returns a status.
    bound, read : sequence of str
        Names that it binds, and those among them that later turns read or what follows the loop.
    closure : function
        Whose variables these are.
    """

    run: Any
    bound: tuple[str, ...]
    read: tuple[str, ...]
    closure: Any


def turn_by_turn(items: Any, body: Body, refuse: Callable[[TraceError | None], NoReturn]) -> Any:
    """Run a body for each item; return the status.

    ``refuse`` says why a traced status cannot be followed: because too many turns are left, because
    an iterator makes its items as it goes and cannot be asked for them out of turn, or because a
    turn makes no branch, as an error says.
    """
    if items_now(items) is not None:
        return _by_number(items, body, refuse)
    turns = iter(items)
    for item in turns:
        status = body.run(item)
        if is_traced(status):
            if not isinstance(status, Tracer) or any(True for _ in turns):
                refuse(None)
            return left(status)
        if status:
            return RETURN if status == RETURN else NEXT
    return NEXT


def _by_number(items: Any, body: Body, refuse: Callable[[TraceError | None], NoReturn]) -> Any:
    """Run a body for items that stand in a row, each looked up in its turn as an iterator does."""
    turn = 0
    while turn < (items_now(items) or 0):
        status = body.run(item_of(items, turn))
        turn += 1
        if is_traced(status):
            if not isinstance(status, Tracer) or (items_now(items) or 0) - turn > MOST:
                refuse(None)
            return _in_branches(items, turn, body, status, refuse)
        if status:
            return RETURN if status == RETURN else NEXT
    return NEXT


def _in_branches(
    items: Any,
    turn: int,
    body: Body,
    status: Tracer,
    refuse: Callable[[TraceError | None], NoReturn],
) -> Any:
    """Run the turns from one on, each unless the loop is left before it."""
    own: Any = NEXT

    def run(item: Any) -> Any:
        nonlocal own
        own = body.run(item)
        return own

    while turn < (items_now(items) or 0) and (is_traced(own) or not own):
        another = partial(run, item_of(items, turn))
        try:
            status = unless_left(status, another, lambda: status, body)  # noqa: B023
        except TraceError as error:
            refuse(error)
        turn += 1
    return left(status)


def unless_left(status: Tracer, go_on: Any, leave: Any, body: Body) -> Any:
    """Go on where a traced status says that the loop was not left; return the joined status."""
    cells = Cells([body.closure], body.bound)
    return join_sides([go_on, leave], goes_on(status), cells, body.read)
