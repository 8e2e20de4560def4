"""Turns of a loop of known length, and how many of them lie between two elements."""

from gradc.ir import Dim, substitute
from gradc.kernels.nest import Loop, Ref

__all__ = ["apart_by", "slope", "turns_of"]


def turns_of(loop: Loop) -> int | None:
    """Return the turns of a loop with steps of 1 or -1; None where they are not known."""
    length: Dim = (loop.stop - loop.start) * loop.step
    return length if abs(loop.step) == 1 and isinstance(length, int) else None


def slope(ref: Ref, loop: Loop) -> int | None:
    """Return how far an element moves in one turn; None where that is not one number."""
    if ref.gathers:
        return None
    later = substitute(ref.offset, {loop.symbol: loop.symbol.expr() + loop.step})
    step = later - ref.offset
    return step if isinstance(step, int) else None


def apart_by(ref: Ref, own: Ref, loop: Loop) -> int | None:
    """Return how many turns later ``own`` is the element that ``ref`` is now.

    Never is told as more turns than the loop has; None where it is not known.
    """
    step, turns, gap = slope(own, loop), turns_of(loop), ref.offset - own.offset
    if not step or turns is None or slope(ref, loop) != step or not isinstance(gap, int):
        return None
    return gap // step if gap % step == 0 else turns
