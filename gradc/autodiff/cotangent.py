"""The pullback of one node, and how cotangents are added, scaled and masked.

``ZERO`` is symbolic: it is never stored, and whatever is multiplied by it is never computed.

A masked cotangent ``select(c, g, 0)`` stays masked: see ``masks.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, overload

from gradc.autodiff.masks import add_masked, change_masked, literal, mask_of, unit_mask
from gradc.autodiff.regions import Recipe, pull_item, pull_region
from gradc.autodiff.steep import Steep
from gradc.errors import DerivativeError
from gradc.ir import (
    Graph,
    Linear,
    Node,
    Partials,
    Slice,
    TupleType,
    Value,
    ZeroDerivative,
    is_float,
    op_named,
)

__all__ = [
    "ZERO",
    "Cotangent",
    "Items",
    "add_terms",
    "pullback",
    "refuse",
    "scale",
]

Cotangent: TypeAlias = Value | None
ZERO: Cotangent = None
Items: TypeAlias = tuple[Cotangent, ...]
"""The cotangent of a region: one for each result."""


@overload
def add_terms(terms: Sequence[Cotangent]) -> Cotangent: ...
@overload
def add_terms(terms: Sequence[Cotangent | Items]) -> Cotangent | Items: ...
def add_terms(terms: Sequence[Cotangent | Items]) -> Cotangent | Items:
    """Add cotangents, leaving out symbolic zeros; those of a region result by result."""
    total: Any = ZERO
    for term in terms:
        if total is None:
            total = term
        elif isinstance(term, tuple):
            total = tuple(add_terms(pair) for pair in zip(total, term, strict=True))
        elif term is not None:
            total = add_masked(total, term)
    return total  # type: ignore[no-any-return]


def pullback(
    graph: Graph,
    id: int,
    ct: Value | Items,
    recipes: Mapping[int, Recipe] | None = None,
    steep: Steep = lambda id: True,
) -> Sequence[Cotangent | Items]:
    """Return what the cotangent of a node gives to each of its operands.

    A region has a tuple of cotangents, and a recipe that says how its reverse goes.  Masks go along
    to operands that are ``steep``.
    """
    if isinstance(ct, tuple):
        found = pull_region(graph, graph[id], ct, (recipes or {})[id])
        operands = graph.values(graph[id].operands)
        return [_settled(c, v) for c, v in zip(found, operands, strict=True)]
    node = graph[id]
    operands = graph.values(node.operands)
    if operands and isinstance(operands[0].type, TupleType):
        return pull_item(node, ct, len(operands[0].type.items))
    rule = node.op.derivative
    if not operands or isinstance(rule, ZeroDerivative):
        return (ZERO,) * len(operands)
    if isinstance(rule, Partials):
        partials = rule.fn(graph.value(id), *operands)
        padded = steep(id) and ct.node.op.name == "pad"
        found = [(_scale_padded if padded else scale)(ct, p) for p in partials]
    elif isinstance(rule, Linear):
        found = _transposed(node, rule.transpose, ct, graph.value(id), operands, steep)
    elif rule is None:
        raise refuse(graph, node)
    else:
        found = _transposed(node, rule.vjp, ct, graph.value(id), operands, steep)
    return [_settled(c, v) for c, v in zip(found, operands, strict=True)]


def refuse(graph: Graph, node: Node) -> DerivativeError:
    """Return the error for a node whose op has no derivative."""
    return DerivativeError(
        f"{node.op.name} has no derivative",
        span=node.origin.span,
        operands=[(graph.names.get(i, f"operand {i}"), str(graph[i].type)) for i in node.operands],
        repair="take it out of the differentiated part, for instance with gradc.stop_gradient",
    )


def scale(ct: Cotangent, partial: Value | float | None) -> Cotangent:
    """Multiply a cotangent by a local derivative, keeping masks."""
    if ct is None or partial is None:
        return ZERO
    if isinstance(partial, int | float):
        return ct if partial == 1 else change_masked(ct, lambda g: _times(g, float(partial)))
    mask = unit_mask(partial)
    if mask is not None:
        condition, taken = mask
        zero = ct.full_like(0.0)
        return op_named("select")(condition, *((ct, zero) if taken else (zero, ct)))
    return change_masked(ct, lambda g: g * partial)


def _scale_padded(ct: Value, partial: Value | float | None) -> Cotangent:
    """Multiply what is not padding: zeros beside it stay zeros by any partial."""
    if not isinstance(partial, Value):
        return scale(ct, partial)
    inner, low = ct.graph.value(ct.node.operands[0]), ct.node.params["low"]
    spec = tuple(Slice(start, extent) for start, extent in zip(low, inner.shape, strict=True))
    scaled = scale(inner, op_named("index")(partial, spec=spec))
    return None if scaled is None else op_named("pad")(scaled, **ct.node.params)


def _times(value: Value, factor: float) -> Value:
    return -value if factor == -1.0 else value * factor


def _transposed(
    node: Node,
    rule: Callable[..., Sequence[Cotangent]],
    ct: Value,
    out: Value,
    operands: Sequence[Value],
    steep: Steep,
) -> list[Cotangent]:
    """Apply the pullback of an op, to the mask as well where elements only move."""

    def apply(value: Value) -> list[Cotangent]:
        return list(rule(value, out, *operands, **node.params))

    name, mask = node.op.name, mask_of(ct)
    moves = name in _MOVES or (name in _STEPS and any(steep(x.id) for x in operands))
    if mask is None or not moves or not any(x.node.operands or steep(x.id) for x in operands):
        return apply(ct)
    condition, inner, taken = mask
    if not taken:
        condition = op_named("logical_not")(condition)
    moved: list[Value | None] = (
        [_moved_mask(node, condition, operands[0])]
        if name in _MOVES
        else _stepped_masks(node, apply, condition, ct)
    )
    found = apply(ct if name in _MANY else inner)
    pairs = zip(found, moved, strict=False)
    return [under(where, bar) for bar, where in pairs] + found[len(moved) :]


_MOVES = frozenset(("cast", "reshape", "transpose", "broadcast_to"))
_STEPS = frozenset(("concatenate", "pad", "index", "index_put", "index_add", "reduce_sum"))
_MANY = frozenset(("broadcast_to", "index"))
"""Moves in which several elements may come from one: the sum is of those that count."""


def under(condition: Value | None, ct: Cotangent) -> Cotangent:
    """Return a cotangent that is zero where a condition does not hold."""
    if ct is None or condition is None:
        return ct
    return op_named("select")(condition, ct, ct.full_like(0.0))


def _moved_mask(node: Node, condition: Value, operand: Value) -> Value:
    """Carry the mask of a cotangent through a movement."""
    if node.op.name == "cast":
        return condition
    if node.op.name == "reshape":
        return condition.reshape(operand.shape)
    if node.op.name == "transpose":
        axes = node.params["axes"]
        return condition.transpose([axes.index(i) for i in range(len(axes))])
    return _any_of_broadcast(condition, operand)


def _stepped_masks(
    node: Node, apply: Callable[[Value], list[Cotangent]], condition: Value, ct: Value
) -> list[Value | None]:
    """Carry the mask of a cotangent through a linear op, to where any element of it arrives."""
    if _moves_truth(node):
        return apply(condition)
    arrived = apply(condition.cast(ct.dtype))
    return [None if x is None else op_named("not_equal")(x, x.full_like(0.0)) for x in arrived]


def _moves_truth(node: Node) -> bool:
    """Tell whether the pullback of an op needs no zeros of the cotangent's dtype."""
    if node.op.name != "index":
        return node.op.name in ("concatenate", "pad", "reduce_sum")
    slices = [item for item in node.params["spec"] if isinstance(item, Slice)]
    return len(node.operands) == 1 and all(abs(item.step) == 1 for item in slices)


def _any_of_broadcast(condition: Value, operand: Value) -> Value:
    """Tell where at least one copy of a broadcast element counts."""
    lead = condition.ndim - operand.ndim
    axes = [
        axis
        for axis in range(condition.ndim)
        if axis < lead or operand.shape[axis - lead] != condition.shape[axis]
    ]
    if axes:
        condition = op_named("reduce_any")(condition, axes=tuple(axes))
    return condition.reshape(operand.shape)


def _settled(ct: Cotangent, operand: Value) -> Cotangent:
    """Drop cotangents of values that carry no derivative, and those that are plainly zero."""
    if ct is None or not is_float(operand.dtype) or literal(ct) == 0:
        return ZERO
    if ct.type != operand.type:
        raise AssertionError(f"cotangent {ct!r} does not fit {operand!r}")
    return ct
