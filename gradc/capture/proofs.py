"""Subscripts with loop indices: what Python's rules for negative and large numbers come to.

Only what can be proved for every turn becomes a plain position or slice of the graph.  A single
position that may be negative is looked up when the code runs instead; a slice that cannot be told
makes the loop unroll.
"""

from typing import Any

from gradc.capture.context import current, demand
from gradc.capture.positions import as_dim
from gradc.capture.ranges import is_negative, not_negative, turns_of
from gradc.ir import Dim, Slice

__all__ = ["proven_position", "symbolic_slice"]


def proven_position(position: Dim, extent: Dim) -> Dim | None:
    """Return the position counted from the front when it lies inside for sure, otherwise None."""
    facts = current().facts
    if is_negative(position, facts):
        position = position + extent
    inside = not_negative(position, facts) and not_negative(extent - position - 1, facts)
    return position if inside else None


def symbolic_slice(limits: tuple[Any, Any, Any], extent: Dim) -> Slice:
    """Turn ``start:stop:step`` over an axis into a slice of the graph."""
    step = 1 if limits[2] is None else limits[2]
    if not isinstance(step, int):
        demand("the step of a slice depends on a loop index")
    if step == 0:
        raise ValueError("slice step cannot be zero")
    low, high = (0, extent) if step > 0 else (-1, extent - 1)
    first, last = (low, high) if step > 0 else (high, low)
    start = first if limits[0] is None else _limited(as_dim(limits[0]), extent, low, high)
    stop = last if limits[1] is None else _limited(as_dim(limits[1]), extent, low, high)
    length = turns_of(start, stop, step, current().facts)
    if length is None:
        demand(f"the length of the slice from {start} to {stop} is not known")
    return Slice(0, 0) if length == 0 else Slice(start, length, step)


def _limited(limit: Dim | None, extent: Dim, low: Dim, high: Dim) -> Dim:
    """Count from the end what is negative, then keep the limit between ``low`` and ``high``."""
    facts = current().facts
    assert limit is not None
    if is_negative(limit, facts):
        limit = limit + extent
    elif not not_negative(limit, facts):
        demand(f"whether {limit} is negative is not known")
    if not_negative(low - limit, facts):
        return low
    if not_negative(limit - high, facts):
        return high
    if not_negative(limit - low, facts) and not_negative(high - limit, facts):
        return limit
    demand(f"whether {limit} is inside an axis of length {extent} is not known")
