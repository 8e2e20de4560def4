"""Rewrites for derivatives only, whose last bits and signs of zero are nobody's.

What the user wrote is computed as NumPy computes it; what the chain rule made of it may be put
shorter: ``0.25 * (2.0 * t)`` is ``0.5 * t``.
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


def _is_derived(x: Value) -> bool:
    """Tell whether both a value and the one that is being made of it belong to a derivative."""
    graph: Graph = x.graph
    return x.dtype.kind == "f" and graph.origin.derived and x.node.origin.derived


def _is_plain(number: float, like: Value) -> bool:
    """Tell whether a number neither overflows nor loses digits in the dtype of a value."""
    least, most = (1e-30, 1e30) if like.dtype.itemsize == 4 else (1e-290, 1e290)
    return math.isfinite(number) and least < abs(number) < most
