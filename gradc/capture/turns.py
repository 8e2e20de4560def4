"""What a ``for`` loop runs over, when its number of turns is known before its body runs."""

from collections.abc import Iterator
from typing import Any

from gradc.capture.context import current, demand, maybe_current
from gradc.capture.positions import Position, as_dim, as_user, is_position
from gradc.capture.ranges import not_negative, turns_of
from gradc.capture.tracer import Tracer
from gradc.ir import Dim

__all__ = [
    "Joined",
    "SymbolicRange",
    "first_of",
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


def make_range(*args: Any) -> Any:
    """``range`` for plain integers and loop indices."""
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
    return None


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
    if isinstance(items, Joined):
        return tuple(item_of(part, turn) for part in items.parts)
    return items[turn]


def first_of(items: Any) -> Any:
    """Return what the first turn gets."""
    if isinstance(items, Joined):
        return tuple(map(first_of, items.parts))
    return items[0]


def rest_of(items: Any) -> Any:
    """Return the items without the first."""
    return Joined(tuple(map(rest_of, items.parts))) if isinstance(items, Joined) else items[1:]
