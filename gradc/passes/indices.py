"""Slices of slices, of paddings, of joined arrays and of arrays that were written into.

Only static slices with step 1 and fixed positions are compared, as boxes; everything else, index
arrays as well, is no box and left alone.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from gradc.ir import Dim, IndexSpec, NewAxis, Slice, Value, op_named
from gradc.passes.boxes import Box, box_of, disjoint, moved, shape_of, spec_of
from gradc.passes.rewrite import literal, rule

__all__: list[str] = []

_CHAIN = 10_000
"""How many writes back a read is followed; a pass stays linear in its graph."""


@rule("index")
def index_everything(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """``x[:]`` is x, and axes of length 1 may be dropped or added by a reshape."""
    if any(isinstance(item, NewAxis) for item in spec):
        plain = tuple(item for item in spec if not isinstance(item, NewAxis))
        if box_of(plain) is None:
            return None
        shape = [
            1 if isinstance(item, NewAxis) else item.length
            for item in spec
            if isinstance(item, NewAxis | Slice)
        ]
        return op_named("index")(x, spec=plain).reshape(shape)
    box = box_of(spec)
    if box is None or any(r != (0, d) for r, d in zip(box.ranges, x.shape, strict=True)):
        return None
    return x.reshape(shape_of(box))


@rule("index")
def index_of_index(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Make a slice of a slice one slice."""
    if x.node.op.name != "index":
        return None
    outer, inner = box_of(spec), box_of(x.node.params["spec"])
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
    return op_named("index")(source, spec=spec_of(Box(tuple(ranges), tuple(dropped))))


@rule("index")
def index_of_broadcast(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Make a slice of a broadcast a smaller broadcast of a slice."""
    box = box_of(spec)
    if box is None or x.node.op.name != "broadcast_to":
        return None
    if any(hi == lo for lo, hi in box.ranges):
        return None
    inner = x.graph.value(x.node.operands[0])
    aligned = inner.reshape((1,) * (x.ndim - inner.ndim) + inner.shape)
    ranges = tuple(r if d != 1 else (0, 1) for r, d in zip(box.ranges, aligned.shape, strict=True))
    part = op_named("index")(aligned, spec=spec_of(Box(ranges, box.dropped)))
    return part.broadcast_to(shape_of(box))


@rule("index")
def index_of_pad(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Make a slice of a padding a slice of the inside, or zeros."""
    box = box_of(spec)
    if box is None or x.node.op.name != "pad":
        return None
    low = x.node.params["low"]
    inner = x.graph.value(x.node.operands[0])
    if not all(isinstance(d, int) for d in (*low, *inner.shape)):
        return None
    extents = inner.type.extents
    inside = moved(box, [-d for d in low])
    whole = Box(tuple((0, d) for d in extents), box.dropped)
    if disjoint(inside, whole):
        return x.graph.literal(0, x.dtype).broadcast_to(shape_of(box))
    if all(lo >= 0 and hi <= d for (lo, hi), d in zip(inside.ranges, extents, strict=True)):
        return op_named("index")(inner, spec=spec_of(inside))
    return None


@rule("index")
def index_of_concatenate(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Take a slice that lies in one part from that part."""
    return _through(x, spec, _part)


@rule("index")
def index_of_put(x: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Read back what was written, or beside it."""
    return _through(x, spec, _beside)


_Step: TypeAlias = Callable[[Value, Box], tuple[Value, Box | None] | None]


def _through(x: Value, spec: IndexSpec, step: _Step) -> Value | None:
    """Follow a slice through a chain of arrays, in a loop: chains are as long as loops unrolled.

    A step gives the array before and the box there, or a value that is the slice and no box.
    """
    box = box_of(spec)
    if box is None:
        return None
    source = x
    for _ in range(_CHAIN):
        found = step(source, box)
        if found is None:
            break
        source, inner = found
        if inner is None:
            return source
        box = inner
    return None if source.id == x.id else op_named("index")(source, spec=spec_of(box))


def _part(x: Value, box: Box) -> tuple[Value, Box] | None:
    """Find the part of a joined array that holds the whole slice."""
    if x.node.op.name != "concatenate":
        return None
    axis = x.node.params["axis"]
    lo, hi = box.ranges[axis]
    start = 0
    for part in x.graph.values(x.node.operands):
        length = part.shape[axis]
        if not isinstance(length, int):
            return None
        if start <= lo and hi <= start + length and lo < hi:
            return part, moved(box, [-start if a == axis else 0 for a in range(x.ndim)])
        start += length
    return None


def _beside(x: Value, box: Box) -> tuple[Value, Box | None] | None:
    """Look whether the slice is what was written last, or none of it."""
    if x.node.op.name != "index_put":
        return None
    written = box_of(x.node.params["spec"])
    if written is None:
        return None
    base, value = x.graph.values(x.node.operands)  # a box has no index arrays
    if written == box:
        return value, None
    return (base, box) if disjoint(box, written) else None


@rule("index_put")
def put_everything(x: Value, v: Value, *arrays: Value, spec: IndexSpec) -> Value | None:
    """Forget what was there when all elements are written."""
    box = box_of(spec)
    if box is None:
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
    if number == 0 and not np.signbit(number):
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
