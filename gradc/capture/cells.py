"""What the body of a loop or a branch shares with the function around it: variables, containers.

A body is a closure, so the function's variables are cells that can be read, set and emptied.
Containers that the body could reach are compared before and after: an element that is replaced, as
in ``h[k] = ...`` on a list of arrays, becomes one more variable; whoever appends to a list needs a
turn of Python for each turn of the loop.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from gradc.capture.held import Held, held_by, is_library, is_spent_by_reading, led_to
from gradc.capture.tracer import Tracer

__all__ = ["CHANGED", "UNBOUND", "Appended", "Boxes", "Cells", "Element", "repair_of"]


class Appended(list[Any]):
    """Stands for a list that a loop makes longer; ``new`` is what was appended to it."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[Any] = []


class _Unbound:
    """The content of an empty cell."""

    def __repr__(self) -> str:
        return "nothing"


UNBOUND = _Unbound()
CHANGED = "a list, a dict or an object changes"
_MANY = 10_000
_ATOMS = frozenset(
    (int, float, bool, str, bytes, complex, type(None), Tracer, ModuleType, _Unbound, np.ndarray)
)


Element: TypeAlias = tuple[Any, Any]
"""A list or a dict, and the index or the key of what it holds there."""


class Cells:
    """The cells of some closures, by name.

    Parameters
    ----------
    closures : sequence of functions
    bound : iterable of str
        Names that the closures bind.
    """

    def __init__(self, closures: Sequence[FunctionType], bound: Iterable[str]) -> None:
        self.cells: dict[str, CellType] = {}
        self.closures = tuple(closures)
        for closure in closures:
            names = closure.__code__.co_freevars
            self.cells.update(zip(names, closure.__closure__ or (), strict=True))
        self.bound = tuple(name for name in bound if name in self.cells)
        self.elements: dict[str, Element] = {}

    def get(self, name: str) -> Any:
        """Return a variable, ``UNBOUND`` when it has no value."""
        if name in self.elements:
            box, key = self.elements[name]
            return box[key]
        return _content(self.cells[name])

    def set(self, name: str, value: Any) -> None:
        """Set a variable; ``UNBOUND`` takes its value away."""
        if name in self.elements:
            box, key = self.elements[name]
            box[key] = value
            return
        cell = self.cells[name]
        if value is not UNBOUND:
            cell.cell_contents = value
        elif self.get(name) is not UNBOUND:
            del cell.cell_contents

    def values(self) -> dict[str, Any]:
        """Return the variables that the closures bind, and the elements that they replace."""
        return {name: self.get(name) for name in (*self.bound, *self.elements)}

    def restore(self, values: dict[str, Any]) -> None:
        """Set them all."""
        for name, value in values.items():
            self.set(name, value)

    def adopt(self, elements: Iterable[Element]) -> None:
        """Count elements of containers as variables as well."""
        known = {(id(box), key) for box, key in self.elements.values()}
        for box, key in elements:
            if (id(box), key) not in known:
                self.elements[self._name_of(box, key)] = (box, key)

    def _name_of(self, box: Any, key: Any) -> str:
        """Return how the user would write an element."""
        owners = (name for name in self.cells if _box_of(self.get(name)) is box)
        owner = next(owners, "element")
        attribute = owner in self.cells and self.get(owner) is not box
        name = f"{owner}.{key}" if attribute else f"{owner}[{key!r}]"
        return name if name not in self.elements else f"{name}_{len(self.elements)}"

    def shared(self) -> list[CellType]:
        """Return the cells that are read and set by name."""
        return [self.cells[name] for name in self.bound]

    def reachable(self) -> Iterator[Any]:
        """Return the values of all variables that the closures see, and the closures themselves."""
        for name in self.cells:
            if not name.startswith("_gradc_"):
                yield self.get(name)
        yield from self.closures


class Boxes:
    """The containers that can be reached from some values, as they are now.

    Variables that functions among them close over count as well, but for those in ``known``, and
    so do the variables of modules that they name.

    Attributes
    ----------
    spent : object
        An iterator among the values: nobody can tell how far it is nor set it back.
    """

    def __init__(self, values: Iterable[Any], known: Iterable[CellType] = ()) -> None:
        self.copies: dict[int, tuple[Any, Any]] = {}
        self.cells: list[tuple[CellType, Any]] = []
        self.held: list[Held] = []
        self.globals: list[tuple[dict[str, Any], str, Any]] = []
        self.spent: Any = None
        self._apart = set(map(id, known))
        seen: dict[int, Any] = {}
        pending = list(values)
        while pending and len(seen) < _MANY:
            value = pending.pop()
            if id(value) not in seen and type(value) not in _ATOMS:
                seen[id(value)] = value
                pending += self._look_at(value)

    def _look_at(self, value: Any) -> Iterator[Any]:
        """Note what a value holds; yield what it leads to."""
        box = _box_of(value)
        if box is not None:
            self.copies[id(box)] = (box, box.copy())
            yield box
        if isinstance(value, Appended):
            return
        self.held += held_by(value)
        if is_spent_by_reading(value):
            self.spent = value
        elif isinstance(value, FunctionType):
            yield from self._variables_of(value)
        yield from led_to(value)

    def _variables_of(self, function: FunctionType) -> Iterator[Any]:
        """Note the variables that a function uses and does not own; yield what they hold."""
        names = function.__code__.co_freevars
        pairs = zip(names, function.__closure__ or (), strict=True)
        fresh = [c for n, c in pairs if id(c) not in self._apart and not n.startswith("_gradc_")]
        self._apart.update(map(id, fresh))
        for cell in fresh:
            self.cells.append((cell, _content(cell)))
            yield self.cells[-1][1]
        if is_library(function.__module__ or ""):
            return
        variables = function.__globals__
        for name in _names_in(function.__code__) & variables.keys():
            if type(variables[name]) is not ModuleType:
                self.globals.append((variables, name, variables[name]))
                yield variables[name]

    def changed(self) -> bool:
        """Tell whether a container or a variable holds anything else than before."""
        return (
            any(not _same(box, copy) for box, copy in self.copies.values())
            or any(_content(cell) is not content for cell, content in self.cells)
            or any(variables.get(name) is not value for variables, name, value in self.globals)
            or any(not _same(take(), content) for take, _, content in self.held)
        )

    def replaced(self) -> list[Element]:
        """Return the elements that are not what they were, of containers that did not grow."""
        found: list[Element] = []
        for box, copy in self.copies.values():
            if isinstance(box, list) and len(box) == len(copy):
                found += [(box, k) for k, old in enumerate(copy) if box[k] is not old]
            elif isinstance(box, dict) and list(box) == list(copy):
                found += [(box, key) for key, old in copy.items() if box[key] is not old]
        return found

    def holds(self, element: Element) -> bool:
        """Tell whether there is such an element."""
        box, key = element
        if id(box) not in self.copies:
            return False
        return key < len(box) if isinstance(box, list) else key in box

    def forget(self, elements: Iterable[Element]) -> None:
        """Take elements for unchanged: somebody else looks after them."""
        for box, key in elements:
            if self.holds((box, key)):
                self.copies[id(box)][1][key] = box[key]

    def restore(self) -> None:
        """Give all containers their old content."""
        for box, copy in self.copies.values():
            if not _same(box, copy):
                box.clear()
                box.extend(copy) if isinstance(box, list) else box.update(copy)
        for cell, content in self.cells:
            if content is not UNBOUND:
                cell.cell_contents = content
        for variables, name, value in self.globals:
            if variables.get(name) is not value:
                variables[name] = value
        for take, put, content in self.held:
            if not _same(take(), content):
                put(content)


def repair_of(reason: str, otherwise: str) -> str:
    """Return what to do about code that cannot stay a loop or a branch for some reason."""
    if CHANGED not in reason:
        return otherwise
    return "write into an array made before it (y[i] = ...) instead of a list, a dict or an object"


_named: dict[int, tuple[CodeType, frozenset[str]]] = {}
"""By identity, since two codes are compared by all that they do."""


def _names_in(code: CodeType) -> frozenset[str]:
    """Return the names of global variables that code may use, and of attributes."""
    found = _named.get(id(code))
    if found is None:
        inner = (c for c in code.co_consts if isinstance(c, CodeType))
        names = frozenset(code.co_names).union(*map(_names_in, inner))
        found = _named[id(code)] = (code, names)
    return found[1]


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return UNBOUND


def _box_of(value: Any) -> Any:
    """Return the mutable container of a value: itself, or an object's attributes."""
    if type(value) in (list, dict, set):
        return value
    if isinstance(value, Appended):
        return value.new
    if isinstance(value, Tracer | ModuleType | FunctionType | type | tuple):
        return None
    module = type(value).__module__.partition(".")[0]
    if module in ("builtins", "numpy", "gradc"):
        return None
    attributes = getattr(value, "__dict__", None)
    return attributes if type(attributes) is dict else None


def _same(box: Any, copy: Any) -> bool:
    if len(box) != len(copy):
        return False
    if isinstance(box, set | bytes):
        return bool(box == copy)
    if isinstance(box, dict):
        return all(a is b and box[a] is copy[b] for a, b in zip(box, copy, strict=True))
    return all(a is b for a, b in zip(box, copy, strict=True))
