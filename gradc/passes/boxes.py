"""Static slices with step 1 and fixed positions, as boxes that can be compared and cut."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gradc.ir import At, Dim, IndexSpec, Slice

__all__ = ["Box", "box_of", "common", "disjoint", "moved", "outside", "shape_of", "spec_of"]


class Box(NamedTuple):
    """Half-open ranges by axis, and which axes are dropped."""

    ranges: tuple[tuple[int, int], ...]
    dropped: tuple[bool, ...]


def box_of(spec: IndexSpec) -> Box | None:
    """Read a spec of plain slices and positions as a box; None for anything else."""
    ranges: list[tuple[int, int]] = []
    dropped: list[bool] = []
    for item in spec:
        if isinstance(item, Slice) and item.step == 1:
            start, length = item.start, item.length
        elif isinstance(item, At):
            start, length = item.position, 1
        else:
            return None
        if not isinstance(start, int) or not isinstance(length, int):
            return None
        ranges.append((start, start + length))
        dropped.append(isinstance(item, At))
    return Box(tuple(ranges), tuple(dropped))


def spec_of(box: Box) -> IndexSpec:
    """Return the spec that shows a box."""
    return tuple(
        At(lo) if drop else Slice(lo, hi - lo)
        for (lo, hi), drop in zip(box.ranges, box.dropped, strict=True)
    )


def shape_of(box: Box) -> list[Dim]:
    """Return the shape of what a box shows."""
    return [hi - lo for (lo, hi), drop in zip(box.ranges, box.dropped, strict=True) if not drop]


def moved(box: Box, by: Sequence[int]) -> Box:
    """Shift a box."""
    ranges = tuple((lo + d, hi + d) for (lo, hi), d in zip(box.ranges, by, strict=True))
    return Box(ranges, box.dropped)


def disjoint(a: Box, b: Box) -> bool:
    """Tell whether two boxes have no element in common."""
    return common(a, b) is None


def common(a: Box, b: Box) -> Box | None:
    """Return the part of ``a`` that lies in ``b``; None for nothing."""
    ranges = tuple(
        (max(alo, blo), min(ahi, bhi))
        for (alo, ahi), (blo, bhi) in zip(a.ranges, b.ranges, strict=True)
    )
    return Box(ranges, a.dropped) if all(lo < hi for lo, hi in ranges) else None


def outside(a: Box, b: Box) -> Iterator[Box]:
    """Yield boxes that together are the part of ``a`` outside ``b``."""
    inner = common(a, b)
    if inner is None:
        yield a
        return
    ranges = list(a.ranges)
    for axis, ((lo, hi), (start, stop)) in enumerate(zip(a.ranges, inner.ranges, strict=True)):
        for low, high in ((lo, start), (stop, hi)):
            if low < high:
                yield Box((*ranges[:axis], (low, high), *ranges[axis + 1 :]), a.dropped)
        ranges[axis] = (start, stop)
