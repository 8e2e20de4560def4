"""Small pieces that derivative rules are written with."""

import numpy as np

from gradc.ir.dims import Dim
from gradc.ir.node import IndexItem, Slice
from gradc.ir.op import Kind, op_named
from gradc.ir.value import Value

__all__ = [
    "before",
    "choose",
    "constant_array",
    "constant_number",
    "flip",
    "is_constant",
    "is_greater",
    "is_zero",
    "mask",
    "shift",
    "take_slice",
    "without_zeros",
]

_TRANSPARENT = frozenset(("broadcast_to", "cast", "reshape", "transpose", "stop_gradient"))


def is_constant(x: Value) -> bool:
    """Tell whether the value is a literal, perhaps broadcast or cast."""
    node = x.node
    while node.op.name in _TRANSPARENT:
        node = x.graph[node.operands[0]]
    return node.op.kind is Kind.CONSTANT


def constant_array(x: Value) -> np.ndarray | None:
    """Return what a literal or a range is, moved or sliced at most; None for anything else."""
    chain = []
    node = x.node
    while len(node.operands) == 1 and node.op.name in (*_TRANSPARENT, "index"):
        chain.append(node)
        node = x.graph[node.operands[0]]
    if node.op.name not in ("constant", "iota"):
        return None
    if not all(isinstance(d, int) for step in (node, *chain) for d in step.type.shape):
        return None
    array = np.asarray(node.op.evaluate(**node.params))
    for step in reversed(chain):
        array = np.asarray(step.op.evaluate(array, **step.params))
    return array


def constant_number(x: Value) -> float | int | None:
    """Return the one number that a literal holds at every place, None for anything else."""
    node = x.node
    while node.op.name in _TRANSPARENT:
        node = x.graph[node.operands[0]]
    if node.op.kind is not Kind.CONSTANT or not node.type.size:
        return None
    array = node.params["value"].array
    first = array.flat[0]
    same = array.size == 1 or (array == first).all()
    return first.astype(x.dtype).item() if same else None


def choose(condition: Value, a: Value | float, b: Value | float, like: Value) -> Value:
    """``np.where(condition, a, b)``, where numbers take the dtype of ``like``."""
    a, b = (like.graph.literal(v, like.dtype) if isinstance(v, int | float) else v for v in (a, b))
    return op_named("select")(condition, a, b)


def mask(condition: Value, like: Value) -> Value:
    """Return 1 where the condition holds, else 0, in the dtype of ``like``."""
    return choose(condition, 1.0, 0.0, like)


def is_greater(x: Value, y: Value | float) -> Value:
    """``x > y``."""
    return op_named("greater")(x, y)


def is_zero(x: Value) -> Value:
    """``x == 0``."""
    return op_named("equal")(x, 0.0)


def without_zeros(x: Value) -> Value:
    """``x`` with zeros made infinite: what is divided by it becomes 0 there, in every order."""
    return choose(is_zero(x), float("inf"), x, x)


def take_slice(x: Value, axis: int, start: Dim, length: Dim, step: int = 1) -> Value:
    """Take ``length`` elements from ``start`` along one axis."""
    spec: list[IndexItem] = [Slice(0, d) for d in x.shape]
    spec[axis] = Slice(start, length, step)
    return op_named("index")(x, spec=tuple(spec))


def flip(x: Value, axis: int) -> Value:
    """Reverse one axis."""
    extent = x.shape[axis]
    return x if extent in (0, 1) else take_slice(x, axis, extent - 1, extent, -1)


def shift(x: Value, axis: int, by: int) -> Value:
    """Move elements towards higher positions along one axis; zeros come in, the last fall out."""
    kept = take_slice(x, axis, 0, x.shape[axis] - by)
    low = tuple(by if i == axis else 0 for i in range(x.ndim))
    return op_named("pad")(kept, low=low, high=(0,) * x.ndim)


def before(products: Value, axis: int) -> Value:
    """Turn running products into those of the elements before each one; 1 for the first."""
    extent = products.shape[axis]
    if extent in (0, 1):
        return products.full_like(1.0)
    kept = take_slice(products, axis, 0, extent - 1)
    first = products.graph.literal(1.0, products.dtype)
    one = first.broadcast_to(tuple(1 if i == axis else d for i, d in enumerate(products.shape)))
    return op_named("concatenate")(one, kept, axis=axis)
