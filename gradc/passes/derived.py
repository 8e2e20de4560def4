"""Rewrites for derivatives only, whose last bits and signs of zero are nobody's.

What the user wrote is computed as NumPy computes it; what the chain rule made of it may be put
shorter: ``0.25 * (2.0 * t)`` is ``0.5 * t``, and what is summed is divided once.
"""

import math

from gradc.ir import Graph, Value, op_named
from gradc.passes.rewrite import literal, rule

__all__: list[str] = []


@rule("multiply", final=True)
def multiply_numbers(x: Value, y: Value) -> Value | None:
    """``c`` * (d * x) -> (c * d) * x."""
    for outer, inner in ((literal(x), y), (literal(y), x)):
        if outer is None or inner.node.op.name != "multiply" or not _is_derived(inner):
            continue
        a, b = inner.graph.values(inner.node.operands)
        for number, rest in ((literal(a), b), (literal(b), a)):
            if number is not None and _is_plain(outer * number, inner):
                return (outer * number) * rest
    return None


@rule("add", final=True)
def add_what_masks_leave(x: Value, y: Value) -> Value | None:
    """``where(m, a, 0)`` + where(m, 0, b) -> where(m, a, b)."""
    if not (_is_derived(x) and _is_derived(y) and x.node.op.name == y.node.op.name == "select"):
        return None
    mask, a, nothing = x.graph.values(x.node.operands)
    other, none, b = y.graph.values(y.node.operands)
    if mask != other:
        return None
    if literal(nothing) == 0 and literal(none) == 0:
        return op_named("select")(mask, a, b)
    return op_named("select")(mask, none, nothing) if literal(a) == 0 and literal(b) == 0 else None


@rule("reduce_sum", final=True)
def divide_the_sum(x: Value, axes: tuple[int, ...]) -> Value | None:
    """sum(a * (b / c)) -> sum(a * b) / c for a c that is the same along the summed axes."""
    if not _is_derived(x) or x.node.op.name != "multiply":
        return None
    factors = x.graph.values(x.node.operands)
    for quotient, other in (factors, factors[::-1]):
        if quotient.node.op.name != "divide" or not _is_derived(quotient):
            continue
        numerator, divisor = x.graph.values(quotient.node.operands)
        same = _along(divisor, axes)
        if same is not None:
            kept = [1 if axis in axes else d for axis, d in enumerate(x.shape)]
            rest = [d for axis, d in enumerate(x.shape) if axis not in axes]
            summed = (other * numerator).sum(axes)
            return (summed.reshape(kept if same.ndim else ()) / same).reshape(rest)
    return None


def _along(x: Value, axes: tuple[int, ...]) -> Value | None:
    """Return what a value repeats when it is the same along some axes and nowhere else.

    It has an axis of length 1 for each of them, or no axis at all.
    """
    if x.node.op.name != "broadcast_to":
        return None
    inner = x.graph.value(x.node.operands[0])
    kept = tuple(1 if axis in axes else d for axis, d in enumerate(x.shape))
    whole = inner.ndim == 0 and len(axes) == x.ndim
    return inner if whole or inner.shape == kept else None


def _is_derived(x: Value) -> bool:
    """Tell whether both a value and the one that is being made of it belong to a derivative."""
    graph: Graph = x.graph
    return x.dtype.kind == "f" and graph.origin.derived and x.node.origin.derived


def _is_plain(number: float, like: Value) -> bool:
    """Tell whether a number neither overflows nor loses digits in the dtype of a value."""
    least, most = (1e-30, 1e30) if like.dtype.itemsize == 4 else (1e-290, 1e290)
    return math.isfinite(number) and least < abs(number) < most
