"""The lists of one loop that it makes longer (see ``growing.py``)."""

from collections.abc import Callable, Iterable
from dataclasses import field
from functools import partial
from typing import Any

from gradc.capture.cells import Boxes, Cells
from gradc.capture.context import GONE, demand
from gradc.capture.growing import Growing, GrowingList, Widened, check_apart, new_list
from gradc.capture.regions import Plan, Turn, record
from gradc.capture.sharing import arrays_in
from gradc.capture.twins import root_of
from gradc.ir import Symbol
from gradc.records import dataclass

__all__ = ["Lists", "Widened", "growing_in"]


@dataclass(slots=True)
class Lists:
    """The lists.

    Parameters
    ----------
    cells : Cells
        The variables of the loop.
    all : list of GrowingList
    shared : dict
        Names that hold an array that was appended last, with the list and the place from its end.
    """

    cells: Cells
    all: list[GrowingList] = field(default_factory=list)
    shared: dict[str, tuple[GrowingList, int]] = field(default_factory=dict)

    def allocate(self) -> None:
        """Make the arrays for what is appended."""
        for one in self.all:
            one.allocate()

    def run(self, turn: Turn, index: Any, body: Callable[[], Any], others: Iterable[str]) -> Any:
        """Run the body for one turn, with the lists in place of the real ones."""
        held = [Growing(one) for one in self.all]
        for one, growing in zip(self.all, held, strict=True):
            one.turn = index.dim
            self._put(one, growing)
        try:
            status = body()
            if any(
                self.cells.get(one.name) is not g for one, g in zip(self.all, held, strict=True)
            ):
                demand("a list changes from turn to turn and its name gets another value")
        finally:
            for one in self.all:
                self._put(one, one.real)
        self._check_copies(turn)
        self._check(turn, held, others)
        for one, growing in zip(self.all, held, strict=True):
            one.leave(growing.new)
        return status

    def _put(self, one: GrowingList, value: Any) -> None:
        self.cells.cells[one.name].cell_contents = value

    def _check_copies(self, turn: Turn) -> None:
        """Refuse writes into arrays of before the loop that stand in front of what it appends."""
        real = (item for one in self.all if one.offset for item in one.real)
        roots = (
            root_of(handle) for item in real for handle in arrays_in(item) if handle is not None
        )
        if any(id(root) in turn.trace.mutated for root in roots):
            demand("an array in a list that becomes longer is written")

    def _check(self, turn: Turn, held: list[Growing], others: Iterable[str]) -> None:
        """See to it that nobody writes into an array that was appended."""
        self.shared.clear()
        appended: dict[int, tuple[GrowingList, int, Any]] = {}
        for one, growing in zip(self.all, held, strict=True):
            for handle in check_apart(growing.new):
                places = [k for k, item in enumerate(growing.new) if item is handle]
                back = places[0] - len(growing.new) if places else 0
                if id(root_of(handle)) in appended:
                    demand("an array is appended to two lists")
                appended[id(root_of(handle))] = one, back, handle
        for name in others:
            value = self.cells.get(name)
            roots = [id(root_of(h)) for h in arrays_in(value) if h is not None]
            for found in (appended[root] for root in roots if root in appended):
                if found[1] == 0 or value is not found[2]:
                    demand(f"{name} shares memory with what is appended to a list")
                self.shared[name] = found[0], found[1]
        if self.shared and any(map(_is_written, turn.entered.values())):
            demand("an array that was appended to a list is written afterwards")

    def finish(self, symbol: Symbol) -> None:
        """Append to the real lists what all turns have appended."""
        for one in self.all:
            one.finish(symbol)
        for name, (one, back) in self.shared.items():
            self.cells.set(
                name, (one.real.new if isinstance(one.real, Growing) else one.real)[back]
            )


def _is_written(value: Any) -> bool:
    handles = [handle for handle in arrays_in(value) if handle is not None]
    return any(handle._version or handle._trace is GONE for handle in handles)


def growing_in(cells: Cells, body: Callable[[], Any], count: int) -> Lists | None:
    """Return the lists that a turn makes longer; None where it is left.

    Parameters
    ----------
    cells : Cells
        The variables of the loop.
    body : function
        Runs the first turn; returns a status.
    count : int
        The turns.
    """
    names = [n for n in cells.cells if n not in cells.bound and not n.startswith("_gradc_")]
    real = {n: cells.get(n) for n in names if type(cells.get(n)) in (list, Growing)}
    real = {name: value for name, value in real.items() if _is_alone(name, value, cells)}
    found: list[GrowingList] = []
    first = record("loop", cells, (), partial(_first, cells, real, body, count, found), Plan())
    return Lists(cells, found) if first.status == 0 and type(first.status) is int else None


def _is_alone(name: str, value: Any, cells: Cells) -> bool:
    """Tell whether nothing but its variable leads to a list."""
    others = [cells.get(n) for n in cells.cells if n != name and not n.startswith("_gradc_")]
    box = value.new if isinstance(value, Growing) else value
    return id(box) not in Boxes([*others, *cells.closures], cells.cells.values()).copies


def _first(
    cells: Cells,
    real: dict[str, Any],
    body: Callable[[], Any],
    count: int,
    found: list[GrowingList],
    turn: Turn,
) -> Any:
    """Run the first turn with copies of the lists."""
    copies = {}
    for name, value in real.items():
        copies[name] = list(value) if type(value) is list else value.branch()
        cells.cells[name].cell_contents = copies[name]
    try:
        status = body()
        for name, copy in copies.items():
            before, after = _content(real[name]), _content(copy)
            kept = all(a is b for a, b in zip(before, after, strict=False))
            if cells.get(name) is copy and kept and len(after) > len(before):
                found.append(new_list(name, real[name], count, after[len(before) :]))
    finally:
        for name, value in real.items():
            cells.cells[name].cell_contents = value
    return status


def _content(value: Any) -> list[Any]:
    return value.new if isinstance(value, Growing) else value
