"""What a ``for`` loop runs over, when its number of turns is known before its body runs."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from gradc.capture.context import current, demand, fail, maybe_current
from gradc.capture.convert import cast_to
from gradc.capture.dispatch import apply
from gradc.capture.mutation import read
from gradc.capture.positions import Position, as_dim, as_user, is_position
from gradc.capture.ranges import not_negative, turns_of
from gradc.capture.rows import element, whole_run
from gradc.capture.tracer import Kind, Tracer, is_concrete, wrap
from gradc.errors import TraceError
from gradc.ir import INT64, Dim

__all__ = [
    "Alone",
    "CountedLater",
    "Joined",
    "Nested",
    "SymbolicRange",
    "backwards",
    "first_of",
    "is_late",
    "item_of",
    "length_of",
    "make_range",
    "rest_of",
]


class SymbolicRange:
    """``range`` of bounds that hold loop indices."""

    def __init__(self, start: Dim, stop: Dim, step: int) -> None:
        self.start, self.step = start, step
        length = turns_of(start, stop, step, current().facts)
        if length is None:
            demand(f"the number of turns from {start} to {stop} is not known")
        self.length: Dim = length

    def __len__(self) -> int:
        demand("Python needs the number of turns")

    def __iter__(self) -> Iterator[Any]:
        demand("Python runs over a range of loop indices")


class CountedLater:
    """``range`` of bounds that are known only when the code runs.

    Parameters
    ----------
    start, count : object
        Traced numbers, or plain ones.
    step : int
    """

    def __init__(self, start: Any, count: Any, step: int) -> None:
        self.start, self.count, self.step = start, count, step

    def __len__(self) -> int:
        self._refuse()

    def __iter__(self) -> Iterator[Any]:
        self._refuse()

    def _refuse(self) -> NoReturn:
        fail(
            TraceError,
            "the number of turns is known only when the code runs, and Python needs it here",
            repair="write it as a for loop over range alone, or give the bound as a Python int",
        )


def is_late(x: Any) -> bool:
    """Tell whether it is an integer known only when the code runs."""
    traced = isinstance(x, Tracer) and not is_concrete(x)
    return traced and not x.ndim and x.dtype.kind in "iu"


def _counted_later(start: Any, stop: Any, step: Any) -> CountedLater:
    if is_late(step) or is_position(step):
        fail(
            TraceError,
            "the step of a range is known only when the code runs",
            repair="give the step as a Python int",
        )
    if step == 0:
        raise ValueError("range() arg 3 must not be zero")
    first, last = _as_number(start), _as_number(stop)
    gap = last - first if step > 0 else first - last
    size = abs(step)
    turns = gap if size == 1 else (gap + (size - 1)) // size
    return CountedLater(first, apply(np.maximum, (turns, 0), {}), step)


def _as_number(x: Any) -> Any:
    """Return a bound as Python's arithmetic takes it, as it is now."""
    return wrap(cast_to(read(x), INT64), Kind.PYTHON) if isinstance(x, Tracer) else x


def make_range(*args: Any) -> Any:
    """``range`` for plain integers, loop indices and integers known only when the code runs."""
    if any(map(is_late, args)):
        start, stop = (0, args[0]) if len(args) == 1 else args[:2]
        return _counted_later(start, stop, args[2] if len(args) > 2 else 1)
    if not any(map(is_position, args)):
        return range(*args)
    limits = [as_dim(arg) for arg in args]
    if any(limit is None for limit in limits):
        demand("a bound of range is a traced value")
    start, stop = (0, limits[0]) if len(limits) == 1 else limits[:2]
    step = limits[2] if len(limits) > 2 else 1
    if not isinstance(step, int) or step == 0:
        demand("the step of a range depends on a loop index")
    return SymbolicRange(start, stop, step)  # type: ignore[arg-type]


class Joined:
    """``zip`` and ``enumerate`` of things that a loop may stay a loop over."""

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.parts = parts
        self.rest: Iterator[Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.rest is None:
            self.rest = zip(*self.parts, strict=False)
        return next(self.rest)

    def handed_over(self) -> "Joined":
        """Return the same items for a loop: how far it goes is not known here any more."""
        if self.rest is not None:
            return self
        mine = type(self)(self.parts)
        self.rest = iter(_refuse_again, None)
        return mine


def _refuse_again() -> NoReturn:
    fail(
        TraceError,
        "an iterator is used again that a loop has run over",
        repair="make a new zip, enumerate or reversed for each loop, or a list of it before both",
    )


class Alone(Joined):
    """An iterator over one thing."""

    def __next__(self) -> Any:
        return super().__next__()[0]


class Nested(Joined):
    """``itertools.product`` and its like: items of loops inside a loop.

    Parameters
    ----------
    depth : int
        How many loops.
    level : function
        Takes what the loops around stand at, a tuple; returns what the next one runs over.
    item : function
        Takes what all of them stand at; returns what a turn gets.
    """

    def __init__(
        self,
        depth: int,
        level: Callable[[tuple[Any, ...]], Any],
        item: Callable[[tuple[Any, ...]], Any],
    ) -> None:
        super().__init__(())
        self.depth, self.level, self.item = depth, level, item

    def __next__(self) -> Any:
        if self.rest is None:
            self.rest = self._flat(())
        return next(self.rest)

    def _flat(self, outer: tuple[Any, ...]) -> Iterator[Any]:
        if len(outer) == self.depth:
            yield self.item(outer)
            return
        for here in self.level(outer):
            yield from self._flat((*outer, here))

    def handed_over(self) -> "Nested":
        """Return the same items for a loop: how far it goes is not known here any more."""
        if self.rest is not None:
            return self
        mine = Nested(self.depth, self.level, self.item)
        self.rest = iter(_refuse_again, None)
        return mine


def backwards(items: Any) -> Any:
    """``reversed`` of what a loop may stay a loop over; None for anything else."""
    if isinstance(items, range) or (isinstance(items, Tracer) and items.ndim):
        return Alone((items[::-1],))
    if isinstance(items, SymbolicRange):
        back = object.__new__(SymbolicRange)
        back.start = items.start + (items.length - 1) * items.step
        back.step, back.length = -items.step, items.length
        return back
    if isinstance(items, CountedLater):
        last = items.start + (items.count - 1) * items.step
        return CountedLater(last, items.count, -items.step)
    return None


def length_of(items: Any) -> Dim | None:
    """Return the number of turns, None when only running over it tells."""
    if isinstance(items, range):
        return len(items)
    if isinstance(items, SymbolicRange):
        return items.length
    if isinstance(items, Tracer) and items.ndim:
        return items._type.shape[0]
    if isinstance(items, Joined) and items.rest is None:
        return _shortest([length_of(part) for part in items.parts])
    if type(items) is list and len(items) > _FEW and whole_run(items) is not None:
        return len(items)
    return None


_FEW = 8
"""Lists up to this length are run over in Python, although they are the rows of an array."""


def items_now(items: Any) -> int | None:
    """Return how many items there are at this moment, None where only an iterator tells."""
    if isinstance(items, Joined) and items.rest is None:
        numbers = [items_now(part) for part in items.parts]
        known = [number for number in numbers if number is not None]
        return min(known) if known and len(known) == len(numbers) else None
    number = len(items) if _is_row(items) else length_of(items)
    return number if isinstance(number, int) else None


def _is_row(items: Any) -> bool:
    """Tell whether items stand in a row, where each can be looked up by its number."""
    return type(items).__iter__ in _ROWS if hasattr(type(items), "__iter__") else False


_ROWS = (list.__iter__, tuple.__iter__, str.__iter__)


def _shortest(lengths: list[Dim | None]) -> Dim | None:
    if not lengths or any(n is None for n in lengths):
        return None
    shortest = lengths[0]
    for other in lengths[1:]:
        assert shortest is not None
        assert other is not None
        if isinstance(shortest, int) and isinstance(other, int):
            shortest = min(shortest, other)
            continue
        trace = maybe_current()
        facts = () if trace is None else trace.facts
        if not_negative(shortest - other, facts):
            shortest = other
        elif not not_negative(other - shortest, facts):
            return None
    return shortest


def item_of(items: Any, turn: Any) -> Any:
    """Return what one turn gets; ``turn`` is a position or a traced number."""
    if isinstance(items, range | SymbolicRange):
        if not isinstance(turn, Position):
            return turn * items.step + as_user(items.start)
        return as_user(turn.dim * items.step + items.start)
    if isinstance(items, CountedLater):
        return turn * items.step + items.start
    if isinstance(items, Alone):
        return item_of(items.parts[0], turn)
    if isinstance(items, Joined):
        return tuple(item_of(part, turn) for part in items.parts)
    if type(items) is list and not isinstance(turn, int):
        return element(whole_run(items) or _refuse_changed(), turn)
    return items[turn]


def _refuse_changed() -> NoReturn:
    demand("the list that it runs over changes")


def first_of(items: Any) -> Any:
    """Return what the first turn gets."""
    if isinstance(items, Alone):
        return first_of(items.parts[0])
    if isinstance(items, Joined):
        return tuple(map(first_of, items.parts))
    return items[0]


def rest_of(items: Any) -> Any:
    """Return the items without the first."""
    return type(items)(tuple(map(rest_of, items.parts))) if isinstance(items, Joined) else items[1:]
