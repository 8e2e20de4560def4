"""Shifts that a value does not depend on: the largest element in a softmax or a log-sum-exp.

    top + log(sum(exp(x - top)))                exp(x - top) / sum(exp(x - top))

are the same whatever ``top`` is: it only keeps ``exp`` from overflowing.  So their derivative by
``top`` is zero.  The chain rule finds that zero up to rounding, by counting the elements that are
the largest; here it is proved beforehand, and ``top`` is a constant for differentiation.

The proof adds an unknown ``c`` to ``top``, one for each of its elements.  Each value made of it

    stays as it is,          grows by ``size * c``,          or is multiplied by ``exp(size * c)``,

where ``c`` is the one that belongs to the value's own indices.  If all that leaves the graph stays
as it is, the shift makes no difference.  A value that changes in another way ends the attempt.
"""

import heapq
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

from gradc.autodiff.activity import carries
from gradc.ir import Dim, Graph, Node, Value, op_named
from gradc.ir.rebuild import copy_node, rebuild
from gradc.ops.rules import constant_number
from gradc.records import dataclass

__all__ = ["without_shifts"]

Axes: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class _Change:
    """What ``c`` does to a value.

    Parameters
    ----------
    size : Fraction
        ``size * c`` is added to it, or ``exp(size * c)`` multiplied.
    axes : tuple
        For each axis of the value, which axis of the shift it is; None where ``c`` is the same.
    scales : bool
        It is multiplied.
    plain : bool
        It is the shift itself, moved or negated.
    """

    size: Fraction
    axes: Axes
    scales: bool = False
    plain: bool = False

    def but(self, size: Fraction | float) -> "_Change | None":
        """Return a change of another size; None is no change."""
        size = Fraction(size)
        return _Change(size, self.axes, self.scales, self.plain) if size else None

    def moved(self, axes: Axes) -> "_Change":
        """Return the change of the same elements elsewhere."""
        return _Change(self.size, axes, self.scales, self.plain)


class _Unproved(Exception):
    """A value changes in another way."""


def without_shifts(graph: Graph) -> Graph:
    """Return the graph with such shifts as constants for differentiation, in regions as well."""
    regions = {n.id: tuple(map(without_shifts, n.regions)) for n in graph.nodes if n.regions}
    changed = {id for id, made in regions.items() if made != graph[id].regions}
    shifts = {node.id for node in graph.nodes if _makes_no_difference(graph, node)}
    if not shifts and not changed:
        return graph

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.id in changed:
            ids = tuple([v.id for v in operands])
            made = regions[node.id]
            return target.value(target.add(node.op, ids, node.params, made, known=node.type))
        copied = copy_node(target, node, operands)
        return op_named("stop_gradient")(copied) if node.id in shifts else copied

    return rebuild(graph, visit)


def _makes_no_difference(graph: Graph, node: Node) -> bool:
    if node.op.name not in ("reduce_max", "reduce_min") or not carries(node):
        return False
    proof = _Proof(graph, node)
    try:
        proof.follow()
    except _Unproved:
        return False
    return proof.is_taken_off and proof.changes.keys().isdisjoint(graph.outputs)


class _Proof:
    """Follows a shift through what is made of it.

    It must be taken off the very value that it was found in: an argument that acted through the
    shift alone would look as if the user had cut it off.
    """

    def __init__(self, graph: Graph, shift: Node) -> None:
        self.graph = graph
        self.source = shift.operands[0]
        axes = tuple(None if extent == 1 else k for k, extent in enumerate(shift.type.shape))
        self.changes = {shift.id: _Change(Fraction(1), axes, plain=True)}
        self.is_taken_off = False

    def follow(self) -> None:
        """Find the change of each value."""
        waiting = [child for id in self.changes for child, _ in self.graph.uses(id)]
        heapq.heapify(waiting)
        seen = set(self.changes)
        while waiting:
            id = heapq.heappop(waiting)
            if id in seen:
                continue
            seen.add(id)
            change = self._of(self.graph[id])
            if change is not None:
                self.changes[id] = change
                for child, _ in self.graph.uses(id):
                    heapq.heappush(waiting, child)

    def _of(self, node: Node) -> _Change | None:
        if not node.regions and not carries(node):
            return None  # constant for differentiation, whatever it is made of
        rule = _RULES.get(node.op.name)
        if rule is None:
            raise _Unproved
        return rule(self, node, [self.changes.get(id) for id in node.operands])

    def takes_off(self, node: Node, slot: int) -> None:
        """Note that the shift meets a value that does not change."""
        self.is_taken_off |= node.operands[slot] == self.source

    def number(self, node: Node, slot: int) -> Fraction | None:
        """Return the number that an operand is at every place."""
        found = constant_number(self.graph.value(node.operands[slot]))
        return None if found is None or not math.isfinite(found) else Fraction(found)

    def shape(self, node: Node, slot: int = 0) -> tuple[Dim, ...]:
        """Return the shape of an operand."""
        return self.graph[node.operands[slot]].type.shape


_Found: TypeAlias = Sequence[_Change | None]
_Rule: TypeAlias = Callable[[_Proof, Node, _Found], _Change | None]


def _kept(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    return found[0]


def _sum(sign: int) -> _Rule:
    def rule(proof: _Proof, node: Node, found: _Found) -> _Change | None:
        a, b = found
        if a is not None and b is not None:
            return _together(a, b, sign)
        here = a or b
        if here is None or here.scales:
            raise _Unproved
        if here.plain:
            proof.takes_off(node, 1 if a is not None else 0)
        size = here.size if a is not None else sign * here.size
        return _Change(size, here.axes)

    return rule


def _together(a: _Change, b: _Change, sign: int) -> _Change | None:
    """Return the change of a sum or a difference of two values that change."""
    if a.axes != b.axes or a.scales != b.scales:
        raise _Unproved
    if not a.scales:
        return _Change(a.size + sign * b.size, a.axes) if a.size + sign * b.size else None
    if a.size != b.size:
        raise _Unproved
    return a


def _negative(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    (a,) = found
    return a if a is None or a.scales else a.but(-a.size)


def _product(sign: int) -> _Rule:
    """Change ``a * b`` or ``a / b``: factors multiply, a step only by a number."""

    def rule(proof: _Proof, node: Node, found: _Found) -> _Change | None:
        a, b = found
        if all(one is None or one.scales for one in found):
            if a is None:
                return None if b is None else b.but(sign * b.size)
            if b is None:
                return a
            if a.axes != b.axes:
                raise _Unproved
            return a.but(a.size + sign * b.size)
        if a is not None and b is None:
            number = proof.number(node, 1)
            if number and not a.scales:
                return a.but(a.size * number**sign)
        if b is not None and a is None and sign > 0:
            number = proof.number(node, 0)
            if number and not b.scales:
                return b.but(b.size * number)
        raise _Unproved

    return rule


def _power_of(exponent: Fraction) -> _Rule:
    def rule(proof: _Proof, node: Node, found: _Found) -> _Change | None:
        (a,) = found
        return a if a is None else _scaling(a).but(a.size * exponent)

    return rule


def _power(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    base, exponent = found
    number = proof.number(node, 1)
    if base is None or exponent is not None or number is None:
        raise _Unproved
    return _scaling(base).but(base.size * number)


def _scaling(a: _Change) -> _Change:
    if not a.scales:
        raise _Unproved
    return a


def _exp(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    (a,) = found
    if a is None or a.scales:
        raise _Unproved
    return _Change(a.size, a.axes, scales=True)


def _log(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    (a,) = found
    return a if a is None else _Change(_scaling(a).size, a.axes)


def _same(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    """Choose one of two values that change alike."""
    a, b = found
    if a is None or b is None or (a.size, a.axes, a.scales) != (b.size, b.axes, b.scales):
        raise _Unproved
    return _Change(a.size, a.axes, a.scales)


def _select(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    _, a, b = found
    for slot, here, other in ((2, a, b), (1, b, a)):
        if other is None and here is not None and here.scales and proof.number(node, slot) == 0:
            return here
    return _same(proof, node, (a, b))


def _reduced(steps: bool) -> _Rule:
    def rule(proof: _Proof, node: Node, found: _Found) -> _Change | None:
        (a,) = found
        gone: tuple[int, ...] = node.params["axes"]
        if a is None or not (a.scales or steps) or any(a.axes[k] is not None for k in gone):
            raise _Unproved
        axes = tuple(axis for k, axis in enumerate(a.axes) if k not in gone)
        return _Change(a.size, axes, a.scales)

    return rule


def _broadcast(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    (a,) = found
    lead = len(node.params["shape"]) - len(proof.shape(node))
    return a if a is None else a.moved((None,) * lead + a.axes)


def _reshaped(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    (a,) = found
    if a is None:
        return None
    shape: tuple[Dim, ...] = node.type.shape
    before = [(d, axis) for d, axis in zip(proof.shape(node), a.axes, strict=True) if d != 1]
    if all(axis is None for axis in a.axes):
        return a.moved((None,) * len(shape))
    if [d for d, _ in before] != [d for d in shape if d != 1]:
        raise _Unproved
    kept = iter(before)
    return a.moved(tuple(None if d == 1 else next(kept)[1] for d in shape))


def _transposed(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    (a,) = found
    return a if a is None else a.moved(tuple(a.axes[k] for k in node.params["axes"]))


def _contracted(proof: _Proof, node: Node, found: _Found) -> _Change | None:
    names = node.params["a_labels"], node.params["b_labels"]
    out: tuple[int, ...] = node.params["out_labels"]
    size, where = Fraction(0), dict[int, int]()
    for change, labels in zip(found, names, strict=True):
        if change is None:
            continue
        pairs = zip(labels, _scaling(change).axes, strict=True)
        axes = {label: axis for label, axis in pairs if axis is not None}
        if not axes.keys() <= set(out) or (size and axes != where):
            raise _Unproved
        size, where = size + change.size, axes
    return _Change(size, tuple(where.get(n) for n in out), scales=True) if size else None


_RULES: dict[str, _Rule] = {
    "absolute": lambda proof, node, found: None if found[0] is None else _scaling(found[0]),
    "add": _sum(1),
    "barrier": _kept,
    "broadcast_to": _broadcast,
    "cast": _kept,
    "contract": _contracted,
    "divide": _product(-1),
    "exp": _exp,
    "log": _log,
    "maximum": _same,
    "minimum": _same,
    "multiply": _product(1),
    "negative": _negative,
    "power": _power,
    "reciprocal": _power_of(Fraction(-1)),
    "reduce_max": _reduced(steps=True),
    "reduce_min": _reduced(steps=True),
    "reduce_sum": _reduced(steps=False),
    "reshape": _reshaped,
    "select": _select,
    "sqrt": _power_of(Fraction(1, 2)),
    "square": _power_of(Fraction(2)),
    "subtract": _sum(-1),
    "transpose": _transposed,
}
