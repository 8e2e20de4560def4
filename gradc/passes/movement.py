"""Identities of ops that only move elements."""

from typing import Any

from gradc.ir import Shape, Value, op_named
from gradc.passes.rewrite import rule

__all__: list[str] = []


def _operand(x: Value, name: str) -> Value | None:
    """Return the operand of ``x`` when it is that op, None otherwise."""
    return x.graph.value(x.node.operands[0]) if x.node.op.name == name else None


@rule("broadcast_to")
def broadcast_twice(x: Value, shape: Shape) -> Value | None:
    """One broadcast does the work of two, or of none."""
    if x.shape == shape:
        return x
    inner = _operand(x, "broadcast_to")
    return inner.broadcast_to(shape) if inner is not None else None


@rule("broadcast_to")
def broadcast_one_element(x: Value, shape: Shape) -> Value | None:
    """Broadcast a single element as a scalar."""
    return x.reshape(()).broadcast_to(shape) if x.ndim and x.size == 1 else None


@rule("reshape")
def reshape_twice(x: Value, shape: Shape) -> Value | None:
    """One reshape does the work of two, or of none."""
    if x.shape == shape:
        return x
    inner = _operand(x, "reshape")
    return inner.reshape(shape) if inner is not None else None


@rule("reshape")
def reshape_broadcast(x: Value, shape: Shape) -> Value | None:
    """Broadcast anew what is a reshaped broadcast of one element, or only has more axes of 1."""
    inner = _operand(x, "broadcast_to")
    if inner is None:
        return None
    if inner.size == 1:
        return inner.reshape(()).broadcast_to(shape)
    if tuple(d for d in shape if d != 1) != tuple(d for d in x.shape if d != 1):
        return None
    aligned = (1,) * (x.ndim - inner.ndim) + inner.shape
    kept = iter([d for d, wide in zip(aligned, x.shape, strict=True) if wide != 1])
    narrow = tuple(1 if wide == 1 else next(kept) for wide in shape)
    return inner.reshape(narrow).broadcast_to(shape)


@rule("transpose")
def transpose_twice(x: Value, axes: tuple[int, ...]) -> Value | None:
    """One permutation does the work of two, or of none."""
    if axes == tuple(range(x.ndim)):
        return x
    inner = _operand(x, "transpose")
    if inner is not None:
        first = x.node.params["axes"]
        return inner.transpose([first[a] for a in axes])
    inner = _operand(x, "broadcast_to")
    if inner is not None:
        aligned = inner.reshape((1,) * (x.ndim - inner.ndim) + inner.shape)
        return aligned.transpose(axes).broadcast_to([x.shape[a] for a in axes])
    return None


@rule("transpose")
def transpose_as_reshape(x: Value, axes: tuple[int, ...]) -> Value | None:
    """Make a permutation that only moves axes of length 1 a reshape."""
    long = [a for a in axes if x.shape[a] != 1]
    return x.reshape([x.shape[a] for a in axes]) if long == sorted(long) else None


@rule("reduce_sum")
def sum_of_broadcast(x: Value, axes: tuple[int, ...]) -> Value | None:
    """Make the sum of n equal terms n times one of them."""
    inner = _operand(x, "broadcast_to")
    if inner is None or x.dtype.kind != "f":
        return None
    lead = x.ndim - inner.ndim
    copied = [a for a in axes if a < lead or inner.shape[a - lead] != x.shape[a]]
    count: Any = 1
    for axis in copied:
        count = count * x.shape[axis]
    if not copied or not isinstance(count, int) or count == 0:
        return None
    rest = inner.reshape((1,) * lead + inner.shape).broadcast_to(
        [1 if a in copied else d for a, d in enumerate(x.shape)]
    )
    scaled = rest * float(count)
    summed = scaled.sum([a for a in axes if a not in copied])
    return summed.reshape([d for a, d in enumerate(x.shape) if a not in axes])


@rule("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_any", "reduce_all")
def reduce_nothing(x: Value, axes: tuple[int, ...]) -> Value | None:
    """Reducing over axes of length 1 is a reshape."""
    if any(x.shape[a] != 1 for a in axes):
        return None
    return x.reshape([d for a, d in enumerate(x.shape) if a not in axes])


@rule("concatenate")
def concatenate_one(*xs: Value, axis: int) -> Value | None:
    """Empty parts add nothing, and one part is itself."""
    filled = [x for x in xs if x.shape[axis] != 0]
    if len(filled) == 1:
        return filled[0]
    if filled and len(filled) < len(xs):
        return op_named("concatenate")(*filled, axis=axis)
    return None
