"""What the body of a loop or a branch shares with the function around it: variables, containers.

A body is a closure, so the function's variables are cells that can be read, set and emptied.
Containers that the body could reach are compared before and after: an element that is replaced, as
in ``h[k] = ...`` on a list of arrays, becomes one more variable; whoever appends to a list needs a
turn of Python for each turn of the loop.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import CellType, FunctionType, ModuleType
from typing import Any, TypeAlias

from gradc.capture.tracer import Tracer

__all__ = ["CHANGED", "UNBOUND", "Boxes", "Cells", "Element", "repair_of"]


class _Unbound:
    """The content of an empty cell."""

    def __repr__(self) -> str:
        return "nothing"


UNBOUND = _Unbound()
CHANGED = "a list, a dict or an object changes"
_MANY = 10_000


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
        """Return the values of all variables that the closures see."""
        for name in self.cells:
            if not name.startswith("_gradc_"):
                yield self.get(name)


class Boxes:
    """The containers that can be reached from some values, as they are now.

    Variables that functions among them close over count as well, but for those in ``known``.
    """

    def __init__(self, values: Iterable[Any], known: Iterable[CellType] = ()) -> None:
        self.copies: dict[int, tuple[Any, Any]] = {}
        self.cells: list[tuple[CellType, Any]] = []
        apart = set(map(id, known))
        seen: set[int] = set()
        pending = list(values)
        while pending and len(seen) < _MANY:
            value = pending.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            box = _box_of(value)
            if box is not None:
                self.copies[id(box)] = (box, box.copy())
                pending += box.values() if isinstance(box, dict) else box
            elif isinstance(value, tuple):
                pending += value
            elif isinstance(value, FunctionType):
                fresh = [c for c in value.__closure__ or () if id(c) not in apart]
                apart.update(map(id, fresh))
                self.cells += [(cell, _content(cell)) for cell in fresh]
                pending += [content for _, content in self.cells[len(self.cells) - len(fresh) :]]

    def changed(self) -> bool:
        """Tell whether a container or a variable holds anything else than before."""
        return any(not _same(box, copy) for box, copy in self.copies.values()) or any(
            _content(cell) is not content for cell, content in self.cells
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


def repair_of(reason: str, otherwise: str) -> str:
    """Return what to do about code that cannot stay a loop or a branch for some reason."""
    if CHANGED not in reason:
        return otherwise
    return "write into an array made before it (y[i] = ...) instead of a list, a dict or an object"


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return UNBOUND


def _box_of(value: Any) -> Any:
    """Return the mutable container of a value: itself, or an object's attributes."""
    if type(value) in (list, dict, set):
        return value
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
    if isinstance(box, set):
        return bool(box == copy)
    if isinstance(box, dict):
        return all(a is b and box[a] is copy[b] for a, b in zip(box, copy, strict=True))
    return all(a is b for a, b in zip(box, copy, strict=True))
