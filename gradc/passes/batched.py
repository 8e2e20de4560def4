"""One operation for all turns of a loop: what depends on the turn has the turns as first axis.

Rules by kind: elementwise operations broadcast, axes of movements, reductions and scans move up by
one, products get one more label, and an index at the turn becomes a slice.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from gradc.ir import (
    INT64,
    Array,
    At,
    Dim,
    DimExpr,
    Graph,
    IndexSpec,
    Kind,
    NewAxis,
    Node,
    Slice,
    Symbol,
    Value,
    op_named,
)
from gradc.ir.bind import bind_params
from gradc.ir.rebuild import copy_node
from gradc.passes.window_batches import all_tiles, all_windows

__all__ = ["Batch", "NotBatchedError"]

_Rule: TypeAlias = "Callable[[Batch, Node, list[Value], list[bool]], Value]"


class NotBatchedError(Exception):
    """An operation of a loop body has no form for all turns at once."""


class Batch:
    """The turns of one loop.

    Parameters
    ----------
    target : Graph
        Where the operations for all turns go.
    index : Symbol
    count : int
        The index counts from 0 to ``count - 1``, in any order.
    most : int
        Elements of a value for all turns at most.
    tiles : bool
        Windows that lie side by side are axes of their own.
    """

    def __init__(
        self, target: Graph, index: Symbol, count: int, most: int, *, tiles: bool = False
    ) -> None:
        self.target, self.index, self.count, self.most = target, index, count, most
        self.tiles = tiles
        self.many: set[int] = set()

    def visit(self, target: Graph, node: Node, operands: Sequence[Value]) -> Value:
        """Add an operation; note whether its value depends on the turn."""
        flags = [id in self.many for id in node.operands]
        if not any(flags) and not self._names_index(node):
            if node.regions:
                raise NotBatchedError
            return copy_node(target, node, tuple(operands))
        size = node.type.size
        if not isinstance(size, int) or size * self.count > self.most:
            raise NotBatchedError
        rule = _RULES.get(node.op.name) or _KINDS.get(node.op.kind)
        if rule is None:
            raise NotBatchedError
        self.many.add(node.id)
        value = rule(self, node, list(operands), flags)
        assert value.shape == (self.count, *node.type.shape), node.op.name
        return value

    def _names_index(self, node: Node) -> bool:
        if any(self.index in getattr(dim, "symbols", ()) for dim in node.type.shape):
            raise NotBatchedError
        return not node.regions and bind_params(node.params, {self.index: 0}) != dict(node.params)

    def whole(self, id: int, value: Value) -> Value:
        """Return a value with the axis of the turns, whether it depends on them or not."""
        return value if id in self.many else self.spread(value)

    def spread(self, value: Value) -> Value:
        """Repeat a value for every turn."""
        return value.broadcast_to((self.count, *value.shape))

    def turns(self) -> Value:
        """Return the index of each turn."""
        id = self.target.add(op_named("iota"), (), {"length": self.count})
        return self.target.value(id)

    @staticmethod
    def run_of(position: Dim, count: int) -> Slice:
        """Return the positions of all turns as a slice, in the order of the index."""
        if not isinstance(position, DimExpr) or len(position.symbols) != 1:
            raise NotBatchedError
        (symbol,) = position.symbols
        terms = dict(position.terms)
        step = terms.pop(((symbol, 1),), 0)
        rest = terms.pop((), 0)
        if terms or not isinstance(step, int) or not isinstance(rest, int) or step == 0:
            raise NotBatchedError
        return Slice(rest, count, step)


# rules


def _elementwise(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    wide = [x if flag else batch.spread(x) for x, flag in zip(xs, many, strict=True)]
    return node.op(*wide, **node.params)


def _broadcast(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    shape = node.params["shape"]
    (x,) = xs
    ones = (1,) * (len(shape) - (x.ndim - 1))
    return x.reshape((batch.count, *ones, *x.shape[1:])).broadcast_to((batch.count, *shape))


def _reshape(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    return xs[0].reshape((batch.count, *node.params["shape"]))


def _transpose(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    return xs[0].transpose((0, *(axis + 1 for axis in node.params["axes"])))


def _pad(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    return op_named("pad")(xs[0], low=(0, *node.params["low"]), high=(0, *node.params["high"]))


def _concatenate(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    wide = [x if flag else batch.spread(x) for x, flag in zip(xs, many, strict=True)]
    return op_named("concatenate")(*wide, axis=node.params["axis"] + 1)


def _along(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    """Reductions and scans: their axes move up by one."""
    params: dict[str, Any] = dict(node.params)
    if "axes" in params:
        params["axes"] = tuple(axis + 1 for axis in params["axes"])
    else:
        params["axis"] = params["axis"] + 1
    return node.op(xs[0], **params)


def _contract(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    labels = [node.params["a_labels"], node.params["b_labels"]]
    turn = 1 + max((*labels[0], *labels[1], -1))
    a, b = ((turn, *own) if flag else own for own, flag in zip(labels, many, strict=True))
    out = (turn, *node.params["out_labels"])
    return op_named("contract")(*xs, a_labels=a, b_labels=b, out_labels=out)


def _dim_value(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    run = batch.run_of(node.params["dim"], batch.count)
    turns = batch.turns()
    if run.step != 1:
        turns = turns * batch.spread(batch.target.literal(run.step, INT64))
    if run.start == 0:
        return turns
    return turns + batch.spread(batch.target.literal(run.start, INT64))


def _index(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    spec: IndexSpec = node.params["spec"]
    places = _turning(batch, spec)
    arrays = any(isinstance(item, Array) for item in spec)
    x = xs[0]
    if arrays or any(many[1:]):
        return _gathered(batch, node, xs, many, places)
    if not many[0] and len(places) == 1:
        return _sliced(batch, x, spec, places[0])
    if any(isinstance(spec[k], Slice) for k in places):
        raise NotBatchedError
    if many[0] and not places:
        return op_named("index")(x, spec=(Slice(0, batch.count), *spec))
    if many[0] and places == [0]:
        paired, turns = _paired(batch, spec)
        return op_named("index")(x, *turns, spec=paired)
    raise NotBatchedError


def _turning(batch: Batch, spec: IndexSpec) -> list[int]:
    """Return the items of a spec that name the turn: positions and windows of one length."""
    places = []
    for k, item in enumerate(spec):
        if isinstance(item, Slice) and _names(item.length, batch):
            raise NotBatchedError
        if isinstance(item, At | Slice) and _names(_first(item), batch):
            places.append(k)
    return places


def _first(item: At | Slice) -> Dim:
    return item.position if isinstance(item, At) else item.start


def _names(dim: Dim, batch: Batch) -> bool:
    return batch.index in getattr(dim, "symbols", ())


def _sliced(batch: Batch, x: Value, spec: IndexSpec, place: int) -> Value:
    """Return ``x[..., i, ...]`` for all turns: a slice whose axis comes first."""
    item = spec[place]
    if isinstance(item, Slice):
        windows = all_tiles(x, spec, place, batch.count, batch.run_of) if batch.tiles else None
        windows = windows or all_windows(x, spec, place, batch.count, batch.run_of)
        if windows is None:
            raise NotBatchedError
        return windows
    assert isinstance(item, At)
    run = batch.run_of(item.position, batch.count)
    found = op_named("index")(x, spec=(*spec[:place], run, *spec[place + 1 :]))
    axis = sum(1 for other in spec[:place] if not isinstance(other, At))
    return found.transpose([axis, *(k for k in range(found.ndim) if k != axis)])


def _paired(batch: Batch, spec: IndexSpec) -> tuple[IndexSpec, tuple[Value, Value]]:
    """Return the spec that takes element ``position(i)`` of turn ``i``, and its index arrays."""
    item = spec[0]
    assert isinstance(item, At)
    if any(not isinstance(other, Slice) for other in spec[1:]):
        raise NotBatchedError
    run = batch.run_of(item.position, batch.count)
    turns = batch.turns()
    there = turns
    if run.step != 1:
        there = there * batch.spread(batch.target.literal(run.step, INT64))
    if run.start != 0:
        there = there + batch.spread(batch.target.literal(run.start, INT64))
    return (Array(0), Array(1), *spec[1:]), (turns, there)


def _gathered(
    batch: Batch, node: Node, xs: list[Value], many: list[bool], places: list[int]
) -> Value:
    """Return ``table[numbers]`` with one array of numbers of each turn and a shared table."""
    spec: IndexSpec = node.params["spec"]
    counted = [k for k, item in enumerate(spec) if isinstance(item, Array)]
    plain = all(isinstance(item, Array | Slice) for item in spec)
    if many[0] or places or not plain or len(counted) != 1 or len(xs) != 2:
        raise NotBatchedError
    found = op_named("index")(*xs, spec=spec)
    axis = counted[0]
    return found.transpose([axis, *(k for k in range(found.ndim) if k != axis)])


def _put(batch: Batch, node: Node, xs: list[Value], many: list[bool]) -> Value:
    spec: IndexSpec = node.params["spec"]
    if len(xs) != 2 or any(isinstance(item, Array | NewAxis) for item in spec):
        raise NotBatchedError
    places = _turning(batch, spec)
    x, value = (v if flag else batch.spread(v) for v, flag in zip(xs, many, strict=True))
    if not places:
        return node.op(x, value, spec=(Slice(0, batch.count), *spec))
    if places != [0] or isinstance(spec[0], Slice):
        raise NotBatchedError
    paired, turns = _paired(batch, spec)
    return node.op(x, value, *turns, spec=paired)


_RULES: dict[str, _Rule] = {
    "broadcast_to": _broadcast,
    "reshape": _reshape,
    "transpose": _transpose,
    "pad": _pad,
    "concatenate": _concatenate,
    "contract": _contract,
    "dim_value": _dim_value,
    "index": _index,
    "index_put": _put,
    "index_add": _put,
}
_KINDS: dict[Kind, _Rule] = {
    Kind.ELEMENTWISE: _elementwise,
    Kind.REDUCTION: _along,
    Kind.SCAN: _along,
}
