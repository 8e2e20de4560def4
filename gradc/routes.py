"""How an object from outside is found again: a variable, then attributes and items.

Public::

    variable(variables, name) -> Route      # a global
    content(cell) -> Route                  # a closed-over variable
    fixed(value) -> Route                   # always the same object
    is_itself(value) -> bool                # an argument that is compiled for is such a one
    attribute(read, name), item(read, key)  # of what is found by a route or another function
    route(leaves) -> object                 # now; the leaves of the call's arguments are not needed
    Pin(route, value)                       # what is asked first: is this very object still there?

Calls made in C walk routes as well: ``Route.parts`` is what they read.
"""

from collections.abc import Callable, Sequence
from types import CellType
from typing import Any, TypeAlias

from gradc.records import dataclass

__all__ = [
    "Leaves",
    "Pin",
    "Reader",
    "Route",
    "attribute",
    "content",
    "fixed",
    "is_itself",
    "item",
    "variable",
]

Leaves: TypeAlias = Sequence[Any]
Reader: TypeAlias = Callable[[Leaves], Any]
"""Finds a value again; takes the flat leaves of the call's arguments."""

ATTRIBUTE, ITEM = 0, 1


class Route:
    """The way to an object.

    Parameters
    ----------
    owner : dict, cell, function or None
        Where it starts: at ``owner[name]``, at a cell's content, at a function's code, at ``name``.
    name : object
        None for a cell and for a function.
    steps : tuple
        One after the other what is read, and its kind: ``ATTRIBUTE`` or ``ITEM``.
    """

    __slots__ = ("name", "owner", "steps")

    def __init__(self, owner: Any, name: Any, steps: tuple[Any, ...] = ()) -> None:
        self.owner, self.name, self.steps = owner, name, steps

    @property
    def parts(self) -> tuple[Any, Any, tuple[Any, ...]]:
        """Return owner, name and steps."""
        return self.owner, self.name, self.steps

    def then(self, kind: int, key: Any) -> "Route":
        """Return the way that goes one step further."""
        return Route(self.owner, self.name, (*self.steps, kind, key))

    def __call__(self, leaves: Any) -> Any:
        """Return the object that is there now."""
        if self.owner is None:
            value = self.name
        elif isinstance(self.owner, dict):
            value = self.owner[self.name]
        elif isinstance(self.owner, CellType):
            value = self.owner.cell_contents
        else:
            value = self.owner.__code__
        kinds = iter(self.steps)
        for kind, key in zip(kinds, kinds, strict=True):
            value = value[key] if kind == ITEM else getattr(value, key)
        return value


def variable(variables: dict[str, Any], name: str) -> Route:
    """Return the way to a global variable."""
    return Route(variables, name)


def content(cell: CellType) -> Route:
    """Return the way to what a cell holds."""
    return Route(cell, None)


def fixed(value: Any) -> Route:
    """Return the way to an object that is kept."""
    return Route(None, value)


def is_itself(value: Any) -> bool:
    """Tell whether an object equals no other one, so that its identity says which it is."""
    kind: Any = type(value)
    return kind.__eq__ is object.__eq__


def attribute(read: Reader, name: str) -> Reader:
    """Return the way to an attribute of what ``read`` finds."""
    if isinstance(read, Route):
        return read.then(ATTRIBUTE, name)
    return lambda leaves: getattr(read(leaves), name)


def item(read: Reader, key: Any) -> Reader:
    """Return the way to an element of the container that ``read`` finds."""
    if isinstance(read, Route):
        return read.then(ITEM, key)
    return lambda leaves: read(leaves)[key]


@dataclass(frozen=True, slots=True)
class Pin:
    """What holds where a guard holds, mostly: the object is the very one of then."""

    route: Route
    value: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """Return what a call in C asks."""
        return (*self.route.parts, self.value)
