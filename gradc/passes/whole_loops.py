"""A loop as operations on all its turns at once, if turns do nothing but write rows and add up."""

from typing import TypeAlias

from gradc.ir import (
    Array,
    At,
    Dim,
    Graph,
    IndexSpec,
    NewAxis,
    Node,
    Slice,
    Symbol,
    Value,
    op_named,
)
from gradc.ir.rebuild import needed, transfer
from gradc.passes.batched import Batch, NotBatchedError
from gradc.passes.totals import total
from gradc.passes.window_batches import add_to_windows, is_tile, write_tiles, written

__all__ = ["whole_loop", "writes_of"]

MOST_ELEMENTS = 1 << 24
"""Elements of a batch of values; a loop with more stays one."""


def whole_loop(
    target: Graph,
    node: Node,
    body: Graph,
    operands: tuple[Value, ...],
    most: int = MOST_ELEMENTS,
    *,
    tiles: bool = False,
) -> list[Value] | None:
    """Return the results of a loop computed at once; None where it stays a loop.

    ``most`` is how many elements a value for all turns may have while they are made; ``tiles``
    that windows which lie side by side are axes of their own.
    """
    count, index = node.params["count"], node.params["index"]
    if not isinstance(count, int) or count < 2:
        return None
    first = len(operands) - node.params["carries"]
    batch = Batch(target, index, count, most, tiles=tiles)
    images = dict(zip(body.inputs, operands, strict=True))
    last = 0 if node.params["reverse"] else count - 1
    try:
        carries = [_Carry.of(body, first + k, out, batch) for k, out in enumerate(body.outputs)]
        wanted = needed(body, [i for carry in carries for i in carry.reads])
        transfer(body, target, images, wanted, lambda g, n, v: batch.visit(g, n, v))
        return [
            carry.finish(batch, images, start, last)
            for carry, start in zip(carries, operands[first:], strict=True)
        ]
    except NotBatchedError:
        return None


_Write: TypeAlias = tuple[Node, int]
_WRITES = ("index_put", "index_add", "add")


class _Carry:
    """What the turns do to one carry: write at the index, add, or leave another value.

    ``writes`` are nodes and what they write or add, the last one first; there are none where the
    ``value`` is left.
    """

    def __init__(self, writes: list[_Write], value: int = -1) -> None:
        self.writes, self.value = writes, value

    @classmethod
    def of(cls, body: Graph, place: int, output: int, batch: Batch) -> "_Carry":
        """Read how a carry is made; refuse turns that depend on each other.

        A turn may read its own row before it writes it: that is the row before the loop.
        """
        carried = body.inputs[place]
        users = [user for user, _ in body.uses(carried)]
        if not users and output not in body.inputs[len(body.inputs) - len(body.outputs) :]:
            return cls([], output)
        writes = writes_of(body, carried, output)
        nodes = [node for node, _ in writes]
        others = [body[user] for user in users if user != nodes[-1].id]
        once = len(users) - len(others) == 1 and body.outputs.count(output) == 1
        if not once or body.uses(output):
            raise NotBatchedError
        if others and len({_row(one, batch) for one in (*nodes, *others)}) != 1:
            raise NotBatchedError
        return cls(writes)

    @property
    def reads(self) -> list[int]:
        """What all turns together need of a turn."""
        return [value for _, value in self.writes] or [self.value]

    def finish(self, batch: Batch, images: dict[int, Value], start: Value, last: int) -> Value:
        """Return the carry after the last turn, whose index is given."""
        if not self.writes:
            return self._left(batch, images[self.value], last)
        for node, id in reversed(self.writes):
            start = _after(node, start, batch.whole(id, images[id]), batch)
        return start

    def _left(self, batch: Batch, value: Value, last: int) -> Value:
        """Return what the last turn leaves."""
        if self.value not in batch.many:
            return value
        rest = (Slice(0, extent) for extent in value.shape[1:])
        return op_named("index")(value, spec=(At(last), *rest))


def writes_of(body: Graph, carried: int, output: int) -> list[_Write]:
    """Return what writes or adds to a carry in a turn, the last first; several only add."""
    writes: list[_Write] = []
    at = output
    while at != carried:
        node = body[at]
        if len(node.operands) != 2 or (at != output and len(body.uses(at)) != 1):
            raise NotBatchedError
        before, value = node.operands
        if node.op.name == "add" and value == carried:
            before, value = value, before
        if node.op.name not in _WRITES or (node.op.name == "add" and before != carried):
            raise NotBatchedError
        writes.append((node, value))
        at = before
    puts = any(node.op.name == "index_put" for node, _ in writes)
    if not writes or (puts and len(writes) > 1):
        raise NotBatchedError
    return writes


def _after(node: Node, start: Value, value: Value, batch: Batch) -> Value:
    """Return an array after all turns have written a value, or added it."""
    if node.op.name == "add":
        return start + total(value)
    spec, name = node.params["spec"], node.op.name
    place = _place_of(spec, batch.index)
    if place is None:
        if name != "index_add":
            raise NotBatchedError
        return op_named(name)(start, total(value), spec=spec)
    if isinstance(spec[place], Slice):
        done = write_tiles(name, start, value, spec, place, batch.run_of) if batch.tiles else None
        if done is not None:
            return done
        plain = name == "index_add" and not any(isinstance(i, Array | NewAxis) for i in spec)
        if plain:
            done = add_to_windows(start, value, spec, place, batch.count, batch.run_of)
        if done is None:
            raise NotBatchedError
        return done
    return _written(name, start, value, spec, place, batch.count)


def _row(node: Node, batch: Batch) -> tuple[int, Dim, Dim]:
    """Return the axis and the place where a turn reads or writes its own row, or rows."""
    spec: IndexSpec = node.params.get("spec", ())
    place = _place_of(spec, batch.index)
    if place is None or any(isinstance(one, Array | NewAxis) for one in spec):
        raise NotBatchedError
    item = spec[place]
    if isinstance(item, At):
        return place, item.position, 0
    if batch.tiles and isinstance(item, Slice) and is_tile(item, batch.run_of):
        return place, item.start, item.length
    raise NotBatchedError


def _place_of(spec: IndexSpec, index: Symbol) -> int | None:
    """Return which item of a spec names the index; there must be no other."""
    found = [
        k for k, item in enumerate(spec) if isinstance(item, At | Slice) and index in _symbols(item)
    ]
    if not found:
        return None
    if len(found) > 1:
        raise NotBatchedError
    return found[0]


def _symbols(item: At | Slice) -> frozenset[Symbol]:
    dims: tuple[Dim, ...] = (item.position,) if isinstance(item, At) else (item.start, item.length)
    return frozenset(s for dim in dims for s in getattr(dim, "symbols", ()))


def _written(
    name: str, start: Value, value: Value, spec: IndexSpec, place: int, count: int
) -> Value:
    """Write all rows at once; the axis of the turns goes where the spec has it."""
    item = spec[place]
    assert isinstance(item, At)
    run = Batch.run_of(item.position, count)
    before = sum(1 for other in spec[:place] if not isinstance(other, At))
    axes = [*range(1, before + 1), 0, *range(before + 1, value.ndim)]
    placed = value.transpose(axes)
    wide = (*spec[:place], run, *spec[place + 1 :])
    return written(name, start, placed, wide)
