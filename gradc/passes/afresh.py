"""Carries that every turn writes afresh: what a turn reads of them it has written itself.

    for t in range(T):
        p[1:, 0] = 0.0
        for j in range(n):
            p[1:, j + 1] = f(p[1:, j])
        use(p)

A turn of the loop over t reads elements of ``p`` that it has written before, and such as no turn
ever writes.  So it makes no difference whether it starts from what the turn before left, or from
the array as it was before the loop.  Where what is written is the same in each turn as well, the
array needs no carry at all.

Proved by boxes: every write that surely happens adds a box to what has been written, an inner loop
adds what its earlier turns have written, and boxes that touch grow together.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import TypeAlias

from gradc.ir import At, Dim, Graph, IndexSpec, Node, Slice, substitute
from gradc.ir.accesses import Access, Interval, box_read, chains, disjoint
from gradc.ir.bind import symbols_in
from gradc.ir.ranges import Range, is_nonnegative, least, slope
from gradc.records import dataclass

__all__ = ["afresh"]

Box: TypeAlias = tuple[Interval, ...]
Boxes: TypeAlias = tuple[Box, ...]
Ranges: TypeAlias = tuple[Range, ...]

_MOST = 32
"""Boxes that another one is put together with; fewer are proved to be written than are."""


def afresh(body: Graph, captures: int, turns: Range) -> set[int]:
    """Return the carries of a loop's body that each turn writes afresh, by item."""
    count = len(body.outputs)
    found = set()
    for item, chain in enumerate(chains(body, captures, count)):
        if chain is None or len(chain.versions) < 2:
            continue
        writes = [write for step in chain.writes for write in step]
        if not writes or any(turns.symbol in symbols_in((w.box, w.inner)) for w in writes):
            continue
        walk = _Walk(writes)
        start, end = body.inputs[captures + item], body.outputs[item]
        never = tuple(_never(body[start], writes))
        if walk.follow(body, start, end, never, (turns,)) is not None:
            found.add(item)
    return found


@dataclass(slots=True)
class _Versions:
    """What has been written, when a graph starts, into each version of the array in it."""

    nodes: dict[int, Boxes]
    items: dict[tuple[int, int], Boxes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Follows one array through a turn; ``writes`` are all that a turn may write into it.

    Without ``checks`` reads are not looked at: only what is written is asked for.
    """

    writes: Sequence[Access]
    checks: bool = True

    def follow(
        self, graph: Graph, start: int, end: int | None, written: Boxes, ranges: Ranges
    ) -> Boxes | None:
        """Return what has been written at the end; None where a read is not proved.

        ``end`` is the output that carries the array on; None if it is only read.
        """
        if end is not None and graph.outputs.count(end) > 1:
            return None
        live, versions = graph.live(), _Versions({start: written})
        for node in graph.nodes:
            if live[node.id] and not self._visit(graph, node, versions, ranges):
                return None
        left = (id for id in graph.outputs if id != end and id in versions.nodes)
        if not all(self._reads(_whole(graph[id]), versions.nodes[id], ranges) for id in left):
            return None
        return () if end is None else versions.nodes.get(end)

    def _visit(self, graph: Graph, node: Node, versions: _Versions, ranges: Ranges) -> bool:
        """Note what a node writes; tell whether all that it reads is proved."""
        if node.op.name == "project":
            found = versions.items.get((node.operands[0], node.params["item"]))
            if found is not None:
                versions.nodes[node.id] = found
            return True
        for slot, operand in enumerate(node.operands):
            written = versions.nodes.get(operand)
            if written is not None and not self._use(graph, node, slot, written, ranges, versions):
                return False
        return True

    def _use(
        self,
        graph: Graph,
        node: Node,
        slot: int,
        written: Boxes,
        ranges: Ranges,
        versions: _Versions,
    ) -> bool:
        name = node.op.name
        if name in ("index_put", "index_add") and slot == 0 and len(node.operands) == 2:
            box = _exact(node.params["spec"])
            if box is None or (name == "index_add" and not self._reads(box, written, ranges)):
                return False
            versions.nodes[node.id] = _joined(written, (box,), ranges)
            return True
        if name == "index" and slot == 0 and len(node.operands) == 1:
            read = box_read(node.params["spec"])
            return read is not None and self._reads(read, written, ranges)
        if name == "loop":
            return self._loop(node, slot, written, ranges, versions)
        if name in ("cond", "while_loop"):
            return self._region(node, slot, written, ranges)
        return self._reads(_whole(graph[node.operands[slot]]), written, ranges)

    def _region(self, node: Node, slot: int, written: Boxes, ranges: Ranges) -> bool:
        """Look into a branch, or a loop with a condition, that only reads the array."""
        place = slot - (node.op.name == "cond")
        if place < 0 or slot >= len(node.operands) - node.params.get("carries", 0):
            return False
        return all(
            self.follow(r, r.inputs[place], None, written, ranges) is not None for r in node.regions
        )

    def _loop(
        self, node: Node, slot: int, written: Boxes, ranges: Ranges, versions: _Versions
    ) -> bool:
        (body,), index, count = node.regions, node.params["index"], node.params["count"]
        item = slot - (len(node.operands) - node.params["carries"])
        start, turns = body.inputs[slot], Range(index, 0, count - 1)
        inside = (*ranges, turns)
        if item < 0:
            return self.follow(body, start, None, written, inside) is not None
        end = body.outputs[item]
        made = _Walk((), checks=False).follow(body, start, end, (), inside)
        if made is None:
            return False
        here = index.expr()
        spans = (here + 1, count - 1) if node.params["reverse"] else (0, here - 1)
        before = Range(index, *spans)
        earlier = _joined(written, _swept(made, before, inside), inside)
        if self.follow(body, start, end, earlier, inside) is None:
            return False
        versions.items[node.id, item] = _joined(written, _swept(made, turns, ranges), ranges)
        return True

    def _reads(self, read: Box, written: Boxes, ranges: Ranges) -> bool:
        """Tell whether what is read has been written in this turn, or never is."""
        if not self.checks or any(_inside(read, box, ranges) for box in written):
            return True
        return all(disjoint(Access(read), write.apart(), ranges) for write in self.writes)


def _whole(node: Node) -> Box:
    return tuple((0, extent - 1) for extent in node.type.shape)


def _never(array: Node, writes: Sequence[Access]) -> Iterator[Box]:
    """Yield what lies before and behind all writes, along each axis."""
    whole = _whole(array)
    for axis, extent in enumerate(array.type.shape):
        first = [least(write.box[axis][0], write.inner) for write in writes]
        last = [least(-1 * write.box[axis][1], write.inner) for write in writes]
        lows = [n for n in first if isinstance(n, int)]
        highs = [-n for n in last if isinstance(n, int)]
        if len(lows) == len(highs) == len(writes) and isinstance(extent, int):
            for ends in ((0, min(lows) - 1), (max(highs) + 1, extent - 1)):
                yield (*whole[:axis], ends, *whole[axis + 1 :])


def _exact(spec: IndexSpec) -> Box | None:
    """Return the box that a spec names all elements of; None if it leaves some out."""
    if any(not isinstance(i, At) and not (isinstance(i, Slice) and abs(i.step) == 1) for i in spec):
        return None
    return box_read(spec)


def _inside(inner: Box, outer: Box, ranges: Ranges) -> bool:
    return all(
        (low is lo or is_nonnegative(low - lo, ranges))
        and (hi is high or is_nonnegative(hi - high, ranges))
        for (low, high), (lo, hi) in zip(inner, outer, strict=True)
    )


def _swept(boxes: Iterable[Box], turns: Range, ranges: Ranges) -> Boxes:
    """Return what all turns of a range write together, as far as that is a box."""
    found = (_sweep(box, turns, ranges) for box in boxes)
    return tuple(box for box in found if box is not None)


def _sweep(box: Box, turns: Range, ranges: Ranges) -> Box | None:
    """Return the union of a box over some turns, where turns lie one behind the other.

    It must be empty for no turns, so that boxes are as long as they move in a turn.
    """
    moving = [axis for axis, pair in enumerate(box) if turns.symbol in symbols_in(pair)]
    if len(moving) != 1:
        sure = not moving and is_nonnegative(turns.high - turns.low, ranges)
        return box if sure else None
    (axis,) = moving
    low, high = box[axis]
    step = slope(low, turns.symbol)
    if step is None or abs(step) != high - low + 1:
        return None
    first, last = (turns.low, turns.high) if step > 0 else (turns.high, turns.low)
    ends = (substitute(low, {turns.symbol: first}), substitute(high, {turns.symbol: last}))
    return (*box[:axis], ends, *box[axis + 1 :])


def _joined(boxes: Boxes, more: Iterable[Box], ranges: Ranges) -> Boxes:
    """Add boxes to others, and what they make together with those that they touch."""
    found = dict.fromkeys(boxes)
    for box in more:
        for other in list(found)[:_MOST]:
            for both in _together(other, box, ranges):
                found[both] = None
                box = both if _inside(box, both, ranges) else box
        found[box] = None
    return tuple(found)


def _together(a: Box, b: Box, ranges: Ranges) -> Iterator[Box]:
    """Yield boxes that lie in the union of two and reach through both, along an axis."""
    both = [_common(one, other, ranges) for one, other in zip(a, b, strict=True)]
    for axis, (one, other) in enumerate(zip(a, b, strict=True)):
        rest = [c for k, c in enumerate(both) if c is not None and k != axis]
        if len(rest) == len(both) - 1:
            for (low, high), (start, stop) in ((one, other), (other, one)):
                if _follows(low, high, start, stop, ranges):
                    yield (*rest[:axis], (low, stop), *rest[axis:])


def _common(a: Interval, b: Interval, ranges: Ranges) -> Interval | None:
    """Return that of two intervals that lies in the other one, if one does."""
    if a == b or _inside((a,), (b,), ranges):
        return a
    return b if _inside((b,), (a,), ranges) else None


def _follows(low: Dim, high: Dim, start: Dim, stop: Dim, ranges: Ranges) -> bool:
    """Tell whether the second interval goes on where the first ends, or before that."""
    return (
        is_nonnegative(start - low, ranges)
        and is_nonnegative(high + 1 - start, ranges)
        and is_nonnegative(stop - high, ranges)
    )
