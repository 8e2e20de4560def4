"""Transposes of reading and writing parts of arrays."""

import math
from collections.abc import Sequence

import numpy as np

from gradc.ir.dims import Dim
from gradc.ir.node import At, IndexItem, IndexSpec, NewAxis, Slice
from gradc.ir.op import op_named
from gradc.ir.types import ArrayType
from gradc.ir.value import Value
from gradc.ops.index_spec import is_basic
from gradc.ops.rules import choose, constant_array

__all__ = ["add_transpose", "index_transpose", "put_transpose"]


def index_transpose(
    ct: Value, out: Value, x: Value, *arrays: Value, spec: IndexSpec
) -> list[Value | None]:
    """Put the cotangent back where its elements came from, among zeros."""
    nothing: list[Value | None] = [None] * len(arrays)
    if arrays:
        back = op_named("index_add")(x.full_like(0.0), ct, *arrays, spec=spec)
    elif all(abs(item.step) == 1 for item in spec if isinstance(item, Slice)):
        back = _padded(ct, x, spec)
    else:
        back = op_named("index_put")(x.full_like(0.0), ct, spec=spec)
    return [back, *nothing]


def _padded(ct: Value, x: Value, spec: IndexSpec) -> Value:
    """Turn reversed axes round, then pad with zeros: reads only, no scattered writes."""
    on_axes = [item for item in spec if not isinstance(item, NewAxis)]
    ct = _turned(ct, spec)
    ct = ct.reshape(tuple(item.length if isinstance(item, Slice) else 1 for item in on_axes))
    low = tuple(_lowest(item) for item in on_axes)
    high = tuple(d - a - c for d, a, c in zip(x.shape, low, ct.shape, strict=True))
    if all(width == 0 for width in (*low, *high)):
        return ct
    return op_named("pad")(ct, low=low, high=high)


def _turned(ct: Value, spec: IndexSpec) -> Value:
    kept = [item for item in spec if not isinstance(item, At)]
    if not any(isinstance(item, Slice) and item.step < 0 for item in kept):
        return ct
    turn = [_turn(item, dim) for item, dim in zip(kept, ct.shape, strict=True)]
    return op_named("index")(ct, spec=tuple(turn))


def _turn(item: IndexItem, extent: Dim) -> Slice:
    if isinstance(item, Slice) and item.step < 0 and extent != 0:
        return Slice(extent - 1, extent, -1)
    return Slice(0, extent)


def _lowest(item: IndexItem) -> Dim:
    """Return the smallest position that an item of a basic index with steps 1 or -1 names."""
    if isinstance(item, At):
        return item.position
    assert isinstance(item, Slice)
    if item.length == 0:
        return 0
    return item.start if item.step > 0 else item.start - (item.length - 1)


def put_transpose(
    ct: Value, out: Value, x: Value, v: Value, *arrays: Value, spec: IndexSpec
) -> list[Value | None]:
    """Give ``v`` what was stored last and ``x`` what was not overwritten."""
    kept = op_named("index_put")(ct, v.full_like(0.0), *arrays, spec=spec)
    taken = op_named("index")(ct, *arrays, spec=spec)
    if not is_basic(spec):
        taken = _winners_only(taken, x, arrays, spec)
    return [kept, taken, *([None] * len(arrays))]


def _winners_only(taken: Value, x: Value, arrays: Sequence[Value], spec: IndexSpec) -> Value:
    """Leave zero where a later write went to the same place."""
    known = [constant_array(array) for array in arrays]
    sized = all(isinstance(dim, int) for dim in (*x.shape, *taken.shape))
    if sized and all(array is not None for array in known):
        won = _winners(x.type, taken.type, known, spec)
        if won.all():
            return taken
        return choose(x.graph.constant(won), taken, 0.0, taken)
    graph = x.graph
    put, index = op_named("index_put"), op_named("index")
    numbers = graph.value(graph.add(op_named("iota"), (), {"length": taken.size}))
    numbers = numbers.reshape(taken.shape)
    nobody = graph.literal(-1, numbers.dtype).broadcast_to(x.shape)
    last = index(put(nobody, numbers, *arrays, spec=spec), *arrays, spec=spec)
    return choose(op_named("equal")(last, numbers), taken, 0.0, taken)


def _winners(
    x: ArrayType, v: ArrayType, arrays: Sequence[np.ndarray | None], spec: IndexSpec
) -> np.ndarray:
    """Return which elements of ``v`` are still there in the end, by trying it."""
    numbers = np.arange(math.prod(v.extents)).reshape(v.extents)
    nobody = np.full(x.extents, -1)
    written = op_named("index_put").evaluate(nobody, numbers, *arrays, spec=spec)
    return np.asarray(op_named("index").evaluate(written, *arrays, spec=spec) == numbers)


def add_transpose(
    ct: Value, out: Value, x: Value, v: Value, *arrays: Value, spec: IndexSpec
) -> list[Value | None]:
    """Give ``x`` everything and ``v`` what lies where it was added."""
    return [ct, op_named("index")(ct, *arrays, spec=spec), *([None] * len(arrays))]
