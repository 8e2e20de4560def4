"""Slices of slices, of paddings, of joined arrays and of arrays that were written into.

Only static slices with step 1 and fixed positions are compared; everything else is left alone.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from gradc.ir import At, Dim, IndexSpec, NewAxis, Slice, Value, op_named
from gradc.passes.rewrite import literal, rule

__all__: list[str] = []


class _Box(NamedTuple):
    """Half-open ranges by axis, and which axes are dropped."""

    ranges: tuple[tuple[int, int], ...]
    dropped: tuple[bool, ...]


def _box(spec: IndexSpec) -> _Box | None:
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
    return _Box(tuple(ranges), tuple(dropped))


def _spec(box: _Box) -> IndexSpec:
    return tuple(
        At(lo) if drop else Slice(lo, hi - lo)
        for (lo, hi), drop in zip(box.ranges, box.dropped, strict=True)
    )


def _shape(box: _Box) -> list[Dim]:
    return [hi - lo for (lo, hi), drop in zip(box.ranges, box.dropped, strict=True) if not drop]


def _moved(box: _Box, by: Sequence[int]) -> _Box:
    ranges = tuple((lo + d, hi + d) for (lo, hi), d in zip(box.ranges, by, strict=True))
    return _Box(ranges, box.dropped)


def _disjoint(a: _Box, b: _Box) -> bool:
    return any(
        ahi <= blo or bhi <= alo for (alo, ahi), (blo, bhi) in zip(a.ranges, b.ranges, strict=True)
    )


@rule("index")
def index_everything(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """``x[:]`` is x, and axes of length 1 may be dropped or added by a reshape."""
    if any(isinstance(item, NewAxis) for item in spec):
        plain = tuple(item for item in spec if not isinstance(item, NewAxis))
        if arrays or _box(plain) is None:
            return None
        shape = [
            1 if isinstance(item, NewAxis) else item.length
            for item in spec
            if isinstance(item, NewAxis | Slice)
        ]
        return op_named("index")(x, spec=plain).reshape(shape)
    box = _box(spec)
    if box is None or any(r != (0, d) for r, d in zip(box.ranges, x.shape, strict=True)):
        return None
    return x.reshape(_shape(box))


@rule("index")
def index_of_index(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Make a slice of a slice one slice."""
    if arrays or x.node.op.name != "index" or len(x.node.operands) > 1:
        return None
    outer, inner = _box(spec), _box(x.node.params["spec"])
    if outer is None or inner is None:
        return None
    source = x.graph.value(x.node.operands[0])
    steps = iter(zip(outer.ranges, outer.dropped, strict=True))
    ranges, dropped = [], []
    for (lo, hi), drop in zip(inner.ranges, inner.dropped, strict=True):
        if drop:
            ranges.append((lo, hi))
            dropped.append(True)
        else:
            (start, stop), gone = next(steps)
            ranges.append((lo + start, lo + stop))
            dropped.append(gone)
    return op_named("index")(source, spec=_spec(_Box(tuple(ranges), tuple(dropped))))


@rule("index")
def index_of_broadcast(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Make a slice of a broadcast a smaller broadcast of a slice."""
    box = _box(spec)
    if arrays or box is None or x.node.op.name != "broadcast_to":
        return None
    inner = x.graph.value(x.node.operands[0])
    aligned = inner.reshape((1,) * (x.ndim - inner.ndim) + inner.shape)
    ranges = tuple(
        r if d != 1 else (0, min(1, r[1] - r[0]))
        for r, d in zip(box.ranges, aligned.shape, strict=True)
    )
    if any(hi == lo for lo, hi in box.ranges):
        return None
    part = op_named("index")(aligned, spec=_spec(_Box(ranges, box.dropped)))
    return part.broadcast_to(_shape(box))


@rule("index")
def index_of_pad(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Make a slice of a padding a slice of the inside, or zeros."""
    box = _box(spec)
    if arrays or box is None or x.node.op.name != "pad":
        return None
    low = x.node.params["low"]
    inner = x.graph.value(x.node.operands[0])
    if not all(isinstance(d, int) for d in (*low, *inner.shape)):
        return None
    extents = inner.type.extents
    inside = _moved(box, [-d for d in low])
    whole = _Box(tuple((0, d) for d in extents), box.dropped)
    if _disjoint(inside, whole):
        return x.graph.literal(0, x.dtype).broadcast_to(_shape(box))
    if all(lo >= 0 and hi <= d for (lo, hi), d in zip(inside.ranges, extents, strict=True)):
        return op_named("index")(inner, spec=_spec(inside))
    return None


@rule("index")
def index_of_concatenate(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Take a slice that lies in one part from that part."""
    box = _box(spec)
    if arrays or box is None or x.node.op.name != "concatenate":
        return None
    axis = x.node.params["axis"]
    lo, hi = box.ranges[axis]
    start = 0
    for part in x.graph.values(x.node.operands):
        length = part.shape[axis]
        if not isinstance(length, int):
            return None
        if start <= lo and hi <= start + length and lo < hi:
            by = [-start if a == axis else 0 for a in range(x.ndim)]
            return op_named("index")(part, spec=_spec(_moved(box, by)))
        start += length
    return None


@rule("index")
def index_of_put(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Read back what was written, or beside it."""
    box = _box(spec)
    if arrays or box is None or x.node.op.name != "index_put" or len(x.node.operands) > 2:
        return None
    written = _box(x.node.params["spec"])
    if written is None:
        return None
    base, value = x.graph.values(x.node.operands)
    if written == box:
        return value
    return op_named("index")(base, spec=spec) if _disjoint(box, written) else None


@rule("index_put")
def put_everything(x: Value, v: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Forget what was there when all elements are written."""
    box = _box(spec)
    if arrays or box is None:
        return None
    if any(r != (0, d) for r, d in zip(box.ranges, x.shape, strict=True)):
        return None
    return v.reshape(x.shape)


@rule("pad")
def pad_nothing(x: Value, low: tuple[Dim, ...], high: tuple[Dim, ...]) -> Value | None:
    """Drop a padding by nothing, or of zeros with zeros; -0.0 is not what a padding is made of."""
    if all(d == 0 for d in (*low, *high)):
        return x
    number = literal(x)
    if number == 0 and math.copysign(1.0, number) > 0:
        shape = [a + b + d for a, b, d in zip(low, high, x.shape, strict=True)]
        return x.graph.literal(0, x.dtype).broadcast_to(shape)
    return None


@rule("pad")
def pad_twice(x: Value, low: tuple[Dim, ...], high: tuple[Dim, ...]) -> Value | None:
    """One padding does the work of two."""
    if x.node.op.name != "pad":
        return None
    inner = x.graph.value(x.node.operands[0])
    first = x.node.params
    return op_named("pad")(
        inner,
        low=tuple(a + b for a, b in zip(low, first["low"], strict=True)),
        high=tuple(a + b for a, b in zip(high, first["high"], strict=True)),
    )
