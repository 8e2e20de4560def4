"""How many turns a loop makes at most, where the number itself is known only when the code runs.

``range(max(0, i - 2), min(n, i + 3))`` has at most five turns: what a minimum stays below is below
each of its operands, and so on through sums, differences and maxima.  A bound is a polynomial of
loop indices; those that stand on both sides of a difference cancel.
"""

from collections.abc import Sequence

from gradc.capture.ranges import Fact, greatest
from gradc.ir import Dim, Node, Value

__all__ = ["most_turns"]

_DEPTH = 30
_MANY = 8
"""Bounds at most that are kept of one value."""


def most_turns(count: Value, facts: Sequence[Fact]) -> int | None:
    """Return what a whole number of the graph never exceeds, None when nothing can be told."""
    found = [greatest(dim, facts) for dim in _above(count, _DEPTH, 1)]
    known = [bound for bound in found if bound is not None]
    return max(min(known), 1) if known else None


def _above(value: Value, depth: int, sign: int) -> list[Dim]:
    """Return what ``sign * value`` never exceeds."""
    node, graph = value.node, value.graph
    operands = [Value(graph, id) for id in node.operands]
    if depth == 0 or node.type.dtype.kind != "i" or node.type.shape:
        return []
    number = _number(node)
    if number is not None:
        return [number * sign]
    name = node.op.name
    if name == "cast" and operands[0].dtype.kind == "i":
        return _above(operands[0], depth - 1, sign)
    if name in ("minimum", "maximum"):
        a, b = (_above(x, depth - 1, sign) for x in operands)
        return _either(a, b) if (name == "minimum") is (sign > 0) else _both(a, b)
    if name in ("add", "subtract"):
        other = sign if name == "add" else -sign
        return _sums(_above(operands[0], depth - 1, sign), _above(operands[1], depth - 1, other))
    if name == "select":
        return _both(*(_above(x, depth - 1, sign) for x in operands[1:]))
    if name == "floor_divide" and sign > 0:
        by = _number(operands[1].node)
        found = _above(operands[0], depth - 1, 1)
        if not isinstance(by, int) or by < 1:
            return []
        return [x // by for x in found if isinstance(x, int)]
    return []


def _number(node: Node) -> Dim | None:
    """Return what a node is, as a number or an expression of loop indices."""
    if node.op.name == "dim_value":
        dim: Dim = node.params["dim"]
        return dim
    if node.op.name != "constant":
        return None
    array = node.params["value"].array
    return int(array) if array.dtype.kind in "iu" else None


def _either(a: list[Dim], b: list[Dim]) -> list[Dim]:
    return list(dict.fromkeys([*a, *b]))[:_MANY]


def _both(a: list[Dim], b: list[Dim]) -> list[Dim]:
    """Return what bounds both: the same bound of the two, or the larger of two numbers."""
    same = [x for x in a if x in b]
    numbers = [max(x, y) for x in a for y in b if isinstance(x, int) and isinstance(y, int)]
    return list(dict.fromkeys([*same, *numbers]))[:_MANY]


def _sums(a: list[Dim], b: list[Dim]) -> list[Dim]:
    return list(dict.fromkeys([x + y for x in a for y in b]))[:_MANY]
