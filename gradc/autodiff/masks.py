"""Masked cotangents: ``select(c, g, 0)`` stays masked whatever linear step comes next.

Multiplying one by a partial derivative ``p`` gives ``select(c, g * p, 0)``, so an infinite ``p``
in the branch of ``np.where`` that was not taken leaves no NaN behind.  A mask under a mask becomes
one mask, and a sum of masked terms is masked where none of them counts: otherwise the zeros of the
one would meet the infinite ``p`` as soon as a value is used in two branches.
"""

from collections.abc import Callable
from functools import reduce
from typing import TypeAlias

from gradc.ir import Kind, Value, op_named

__all__ = ["Mask", "add_masked", "change_masked", "literal", "mask_of", "unit_mask"]

Mask: TypeAlias = tuple[Value, Value, bool]
"""``select(c, g, 0)`` as (c, g, True), and ``select(c, 0, g)`` as (c, g, False)."""
_Literals: TypeAlias = dict[tuple[int, bool], Value]
"""Conditions that hold together: graph id and whether it is taken as it is -> condition."""


def mask_of(ct: Value) -> Mask | None:
    """Read a masked cotangent; None for any other."""
    node = ct.node
    if node.op.name != "select":
        return None
    condition, a, b = ct.graph.values(node.operands)
    if literal(b) == 0:
        return condition, a, True
    if literal(a) == 0:
        return condition, b, False
    return None


def unit_mask(partial: Value) -> tuple[Value, bool] | None:
    """Read ``select(c, 1, 0)`` as (c, True) and ``select(c, 0, 1)`` as (c, False)."""
    mask = mask_of(partial)
    return (mask[0], mask[2]) if mask and literal(mask[1]) == 1 else None


def literal(value: Value) -> float | None:
    """Return the number that all elements of a value are known to be."""
    node = value.node
    while node.op.name in ("broadcast_to", "reshape"):
        node = value.graph[node.operands[0]]
    if node.op.kind is not Kind.CONSTANT or not node.type.size:
        return None
    array = node.params["value"].array
    first = array.flat[0]
    return first.item() if array.size == 1 or (array == first).all() else None


def change_masked(ct: Value, change: Callable[[Value], Value]) -> Value:
    """Apply a linear change under the masks of ``ct``, if it has any."""
    mask = mask_of(ct)
    if mask is None:
        return change(ct)
    condition, inner, taken = mask
    if mask_of(inner) is not None:
        holds, inner = _together(ct)
        condition, taken = _all(holds), True
    changed = change(inner)
    zero = changed.full_like(0.0)
    return op_named("select")(condition, *((changed, zero) if taken else (zero, changed)))


def add_masked(a: Value, b: Value) -> Value:
    """Add two cotangents; the sum is zero by its mask where both of them are."""
    if mask_of(a) is None or mask_of(b) is None:
        return a + b
    (ours, inner), (theirs, other) = _together(a), _together(b)
    if ours.keys() == theirs.keys():
        return _under(_all(ours), inner + other)
    common = {key: ours[key] for key in ours if key in theirs}
    left = {key: ours[key] for key in ours if key not in common}
    right = {key: theirs[key] for key in theirs if key not in common}
    if left and right and not _opposite(left, right):
        return _under(_all(common, op_named("logical_or")(_all(left), _all(right))), a + b)
    return _under(_all(common), a + b) if common else a + b


def _together(ct: Value) -> tuple[_Literals, Value]:
    """Return the conditions of all masks around a cotangent, and what is inside."""
    holds: _Literals = {}
    while (mask := mask_of(ct)) is not None:
        condition, ct, taken = mask
        holds[condition.id, taken] = condition
    return holds, ct


def _all(holds: _Literals, *more: Value) -> Value:
    terms = [c if taken else op_named("logical_not")(c) for (_, taken), c in holds.items()]
    return reduce(op_named("logical_and"), (*terms, *more))


def _opposite(left: _Literals, right: _Literals) -> bool:
    """Tell whether one is a single condition and the other the same one not taken."""
    if len(left) != 1 or len(right) != 1:
        return False
    (((ours, taken),), ((theirs, other),)) = (left, right)
    return ours == theirs and taken is not other


def _under(condition: Value, value: Value) -> Value:
    return op_named("select")(condition, value, value.full_like(0.0))
