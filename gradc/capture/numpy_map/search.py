"""Looking values up in sorted tables."""

from typing import Any

import numpy as np

from gradc.capture.convert import as_handle, has_traced, operand, result, unwrap, value_of
from gradc.capture.folding import call, handles
from gradc.capture.tracer import Tracer, static

_FLOAT = np.dtype(np.float64)


@handles(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Find where values would be inserted, by halving: as many steps as the table has bits."""
    table, sought = as_handle(a), operand(v)
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right' (got {side!r})")
    if table.ndim != 1:
        raise ValueError("object too deep for desired array")
    if sorter is not None:
        table = table[as_handle(sorter)]
    length = static(table.shape[0])
    found = call(np.zeros, np.shape(sought), np.int64)
    step = 1 << length.bit_length() >> 1
    while step:
        ahead = found + step
        at = table[call(np.minimum, ahead, length) - 1]
        before = call(np.logical_and, ahead <= length, _is_before(at, sought, side))
        found = call(np.where, before, ahead, found)
        step >>= 1
    return found if found.ndim or (isinstance(sought, Tracer) and sought.ndim) else found[()]


def _is_before(at: Any, sought: Any, side: str) -> Any:
    """Tell which elements a value follows; NaN follows all others."""
    before = at <= sought if side == "right" else at < sought
    if as_handle(sought).dtype.kind != "f":
        return before
    missing = call(np.isnan, sought)
    if side == "left":
        missing = call(np.logical_and, missing, call(np.logical_not, call(np.isnan, at)))
    return call(np.logical_or, before, missing)


@handles(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """Return the numbers of the bins that values are in."""
    if has_traced(bins):
        raise TypeError("argument bins must be known while the function is recorded")
    edges = np.asarray(unwrap(bins))
    steps = np.diff(edges)
    side = "left" if right else "right"
    if (steps >= 0).all():
        return call(np.searchsorted, edges, x, side)
    if (steps <= 0).all():
        return len(edges) - call(np.searchsorted, edges[::-1], x, side)
    raise ValueError("bins must be monotonically increasing or decreasing")


@handles(np.interp)
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """Interpolate linearly in a table of increasing places."""
    if period is not None:
        raise TypeError("argument period is not supported")
    at = result(value_of(x, _FLOAT))
    places, heights = (result(value_of(t, _FLOAT)) for t in (xp, fp))
    if places.shape != heights.shape or places.ndim != 1:
        raise ValueError("fp and xp are not of the same length.")
    last = static(places.shape[0]) - 1
    if last < 0:
        raise ValueError("array of sample points is empty")
    inside = _between(at, places, heights, last) if last else heights[0]
    done = call(np.where, at >= places[last], heights[last], inside)
    done = call(np.where, at < places[0], heights[0] if left is None else left, done)
    done = call(np.where, at > places[last], heights[last] if right is None else right, done)
    if last:
        done = call(np.where, call(np.isnan, at), at, done)
    return done if done.ndim else done[()]


def _between(at: Any, places: Any, heights: Any, last: int) -> Any:
    place = call(np.searchsorted, places, at, "right") - 1
    k = call(np.clip, place, 0, last - 1)
    low, high = heights[k], heights[k + 1]
    slope = (high - low) / (places[k + 1] - places[k])
    value = slope * (at - places[k]) + low
    other = slope * (at - places[k + 1]) + high
    level = call(np.logical_or, at == places[k], call(np.logical_and, low == high, other != other))
    other = call(np.where, level, low, other)
    return call(np.where, call(np.isnan, value), other, value)
