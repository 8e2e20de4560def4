"""Sums over the turns of a loop, made where the values are made if that is cheaper.

sum over k of a[k, i] * b[k, j]     ->      a product of matrices, nothing as large as k, i, j
"""

from typing import TypeAlias

from gradc.ir import Dim, Value, op_named

__all__ = ["total"]

_Labels: TypeAlias = tuple[int, ...]
_Places: TypeAlias = list[int | None]


def total(value: Value) -> Value:
    """Sum over the turns: a product with the turn in both operands sums over it itself."""
    node = value.node
    operands = value.graph.values(node.operands)
    if not _sums_turns(value):
        return value.sum([0])
    if node.op.name in ("add", "subtract"):
        a, b = map(total, operands)
        return node.op(a, b)
    if node.op.name == "negative":
        return -total(operands[0])
    if node.op.name == "reshape":
        return total(operands[0]).reshape(value.shape[1:])
    if node.op.name == "transpose":
        return total(operands[0]).transpose([axis - 1 for axis in node.params["axes"][1:]])
    if node.op.name == "multiply":
        return _contracted(value)
    params = {**node.params, "out_labels": tuple(node.params["out_labels"][1:])}
    return node.op(*operands, **params)


def _sums_turns(value: Value) -> bool:
    """Tell whether a sum over the first axis is cheaper where the value is made."""
    node = value.node
    operands = value.graph.values(node.operands)
    if node.op.name in ("add", "subtract", "negative"):
        return value.dtype.kind == "f" and any(map(_sums_turns, operands))
    if node.op.name == "reshape":
        return operands[0].shape[:1] == value.shape[:1] and _sums_turns(operands[0])
    if node.op.name == "transpose":
        return node.params["axes"][0] == 0 and _sums_turns(operands[0])
    if node.op.name == "multiply":
        return _has_turns(value)
    if node.op.name != "contract":
        return False
    turn = node.params["out_labels"][0]
    return turn in node.params["a_labels"] and turn in node.params["b_labels"]


def _has_turns(product: Value) -> bool:
    """Tell whether both factors have the turns, and each of them is the same along some axis."""
    if product.dtype.kind != "f" or not all(isinstance(d, int) for d in product.shape):
        return False
    (_, a), (_, b) = (_bare(x) for x in product.graph.values(product.node.operands))
    return 0 in a and 0 in b and (product.ndim == 1 or bool({*a} ^ {*b}))


def _contracted(product: Value) -> Value:
    """Return the sum over the turns of a product of elements."""
    (a, a_labels), (b, b_labels) = (_bare(x) for x in product.graph.values(product.node.operands))
    shape = product.shape[1:]
    own = {*a_labels, *b_labels}
    out = tuple(axis for axis in range(1, product.ndim) if axis in own)
    found = op_named("contract")(a, b, a_labels=a_labels, b_labels=b_labels, out_labels=out)
    narrow = [d if axis in own else 1 for axis, d in enumerate(shape, 1)]
    return found.reshape(narrow).broadcast_to(shape)


def _bare(x: Value) -> tuple[Value, _Labels]:
    """Return a value without the axes along which it repeats itself, and where the others stand."""
    inner = x
    places: _Places = list(range(x.ndim))
    while True:
        step = _STEPS.get(inner.node.op.name)
        source = inner.graph.value(inner.node.operands[0]) if step is not None else inner
        found = step(inner, source, places) if step is not None else None
        if found is None:
            break
        inner, places = source, found
    kept = [k for k, place in enumerate(places) if place is not None]
    labels = tuple(place for place in places if place is not None)
    return inner.reshape([inner.shape[k] for k in kept]), labels


def _of_broadcast(x: Value, source: Value, places: _Places) -> _Places | None:
    own = places[x.ndim - source.ndim :]
    same = zip(own, source.shape, x.shape[x.ndim - source.ndim :], strict=True)
    return [place if a == b else None for place, a, b in same]


def _of_transpose(x: Value, source: Value, places: _Places) -> _Places | None:
    found: _Places = [None] * source.ndim
    for place, axis in zip(places, x.node.params["axes"], strict=True):
        found[axis] = place
    return found


def _of_reshape(x: Value, source: Value, places: _Places) -> _Places | None:
    """Follow a reshape that adds and drops axes of one element."""
    if _without_ones(x.shape) != _without_ones(source.shape):
        return None
    wide = iter([place for place, d in zip(places, x.shape, strict=True) if d != 1])
    return [next(wide) if d != 1 else None for d in source.shape]


def _without_ones(shape: tuple[Dim, ...]) -> list[Dim]:
    return [d for d in shape if d != 1]


_STEPS = {"broadcast_to": _of_broadcast, "transpose": _of_transpose, "reshape": _of_reshape}
