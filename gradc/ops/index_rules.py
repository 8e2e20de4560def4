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
    if not any(map(_is_reversal, kept)):
        return ct
    turn = [
        Slice(extent - 1, extent, -1) if _is_reversal(item) else Slice(0, extent)
        for item, extent in zip(kept, ct.shape, strict=True)
    ]
    return op_named("index")(ct, spec=tuple(turn))


def _is_reversal(item: IndexItem) -> bool:
    """Tell whether an item with step 1 or -1 turns elements round: one or none stay as they are."""
    return isinstance(item, Slice) and item.step == -1 and item.length not in (0, 1)


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
    taken = op_named("index")(ct, *arrays, spec=spec)  # read first: then the rest may be in place
    if not is_basic(spec):
        taken = _winners_only(taken, ct, arrays, spec)
    kept = op_named("index_put")(ct, v.full_like(0.0), *arrays, spec=spec)
    return [kept, taken, *([None] * len(arrays))]


def _winners_only(taken: Value, whole: Value, arrays: Sequence[Value], spec: IndexSpec) -> Value:
    """Leave zero where a later write went to the same place; one place is written once."""
    if all(array.size == 1 for array in arrays):
        return taken
    known = [constant_array(array) for array in arrays]
    sized = all(isinstance(dim, int) for dim in (*whole.shape, *taken.shape))
    if sized and all(array is not None for array in known):
        won = _winners(whole.type, taken.type, known, spec)
        if won.all():
            return taken
        return choose(whole.graph.constant(won), taken, 0.0, taken)
    graph = whole.graph
    put, index = op_named("index_put"), op_named("index")
    numbers = graph.value(graph.add(op_named("iota"), (), {"length": taken.size}))
    numbers = numbers.reshape(taken.shape)
    nobody = graph.literal(-1, numbers.dtype).broadcast_to(whole.shape)
    last = index(put(nobody, numbers, *arrays, spec=spec), *arrays, spec=spec)
    return choose(op_named("equal")(last, numbers), taken, 0.0, taken)


def _winners(
    x: ArrayType, v: ArrayType, arrays: Sequence[np.ndarray | None], spec: IndexSpec
) -> np.ndarray:
    """Return which elements of ``v`` are still there in the end, by trying it."""
    numbers = np.arange(math.prod(v.extents)).reshape(v.extents)
    before = np.empty(x.extents, numbers.dtype)  # only what is written is read
    written = op_named("index_put").evaluate(before, numbers, *arrays, spec=spec)
    return np.asarray(op_named("index").evaluate(written, *arrays, spec=spec) == numbers)


def add_transpose(
    ct: Value, out: Value, x: Value, v: Value, *arrays: Value, spec: IndexSpec
) -> list[Value | None]:
    """Give ``x`` everything and ``v`` what lies where it was added."""
    return [ct, op_named("index")(ct, *arrays, spec=spec), *([None] * len(arrays))]
