"""``for`` and list comprehensions: one loop, or several inside each other.

for i, j in product(a, b):          for i in a:
    ...                     ->          for j in b:
                                            ...
"""

from collections.abc import Sequence
from typing import Any

from gradc.capture.loops import NEXT, RETURN, run_for
from gradc.capture.turns import Joined, Nested

__all__ = ["collect", "for_loop"]

_RESULT = "_gradc_result"


def for_loop(
    items: Any,
    body: Any,
    bound: Sequence[str],
    live: Sequence[str],
    after: Sequence[str],
    index: str,
) -> Any:
    """Run a ``for`` loop; return its status.

    Parameters
    ----------
    items : object
        What it runs over.
    body : function
        Takes an item and returns a status.
    bound : sequence of str
        Names that the body binds.
    live, after : sequence of str
        Those among them that a turn reads before it binds them, and that are read after the loop.
    index : str
        The name of the loop variable.
    """
    items = items.handed_over() if isinstance(items, Joined) else items
    # without a return, whatever leaves the body is a break
    if not isinstance(items, Nested) or items.rest is not None or _RESULT in bound:
        return run_for(items, body, body, bound, live, after, index)
    around = tuple(dict.fromkeys((*live, *after)))

    def loop(outer: tuple[Any, ...]) -> Any:
        def turn(here: Any) -> Any:
            spot = (*outer, here)
            return body(items.item(spot)) * RETURN if len(spot) == items.depth else loop(spot)

        read = around if outer else after
        return run_for(items.level(outer), turn, body, bound, live, read, index)

    loop(())
    return NEXT


def collect(items: Any, body: Any, index: str) -> list[Any]:
    """Run a list comprehension; return the list.

    Parameters
    ----------
    items : object
        What it runs over.
    body : function
        Takes an item and returns an element.
    index : str
        The name of the loop variable.
    """
    found: list[Any] = []

    def turn(item: Any) -> int:
        found.append(body(item))
        return NEXT

    for_loop(items, turn, (), (), (), index)
    return found
