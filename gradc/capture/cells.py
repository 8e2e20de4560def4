"""What the body of a loop or a branch shares with the function around it: variables, containers.

A body is a closure, so the function's variables are cells that can be read, set and emptied.
Containers that the body could reach are compared before and after: whoever appends to a list needs
a turn of Python for each turn of the loop.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import CellType, FunctionType, ModuleType
from typing import Any

from gradc.capture.tracer import Tracer

__all__ = ["UNBOUND", "Boxes", "Cells"]


class _Unbound:
    """The content of an empty cell."""

    def __repr__(self) -> str:
        return "nothing"


UNBOUND = _Unbound()
_MANY = 10_000


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

    def get(self, name: str) -> Any:
        """Return a variable, ``UNBOUND`` when it has no value."""
        return _content(self.cells[name])

    def set(self, name: str, value: Any) -> None:
        """Set a variable; ``UNBOUND`` takes its value away."""
        cell = self.cells[name]
        if value is not UNBOUND:
            cell.cell_contents = value
        elif self.get(name) is not UNBOUND:
            del cell.cell_contents

    def values(self) -> dict[str, Any]:
        """Return the variables that the closures bind."""
        return {name: self.get(name) for name in self.bound}

    def restore(self, values: dict[str, Any]) -> None:
        """Set them all."""
        for name, value in values.items():
            self.set(name, value)

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

    def restore(self) -> None:
        """Give all containers their old content."""
        for box, copy in self.copies.values():
            if not _same(box, copy):
                box.clear()
                box.extend(copy) if isinstance(box, list) else box.update(copy)
        for cell, content in self.cells:
            if content is not UNBOUND:
                cell.cell_contents = content


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
