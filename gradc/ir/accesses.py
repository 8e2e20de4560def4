"""Elements that no later write of a loop touches: they are read from the final array, not a tape.

Elements that no earlier write has touched are those of the array as it was before the loop.

A loop that updates an array has a chain of versions of it in each turn: the carry, what each
``index_put`` or inner loop makes of it, and the carry of the next turn.  A read of one version is
final if every write after it, in this turn and in later turns, provably goes elsewhere: along some
axis, the positions of the write lie all below or all above those of the read.
"""

from collections.abc import Sequence
from typing import TypeAlias

from gradc.ir.dims import Dim, Symbol, substitute
from gradc.ir.graph import Graph
from gradc.ir.node import At, IndexSpec, Node, Slice
from gradc.ir.ranges import Range, is_nonnegative, renamed
from gradc.records import dataclass

__all__ = ["Access", "Chain", "Interval", "Turns", "box_read", "chains", "disjoint", "reads_of"]

Interval: TypeAlias = tuple[Dim, Dim]


@dataclass(frozen=True, slots=True)
class Access:
    """The positions that are read or written along each axis, for all values of inner indices."""

    box: tuple[Interval, ...]
    inner: tuple[Range, ...] = ()

    def at(self, symbol: Symbol, value: Dim) -> "Access":
        """Replace a symbol."""

        def put(dim: Dim) -> Dim:
            return substitute(dim, {symbol: value})

        box = tuple((put(a), put(b)) for a, b in self.box)
        return Access(box, tuple(Range(r.symbol, put(r.low), put(r.high)) for r in self.inner))

    def apart(self) -> "Access":
        """Rename the inner indices, so that they differ from those of another access."""
        result = self
        for found in self.inner:
            fresh = renamed(found.symbol)
            result = result.at(found.symbol, fresh.expr())
            inner = tuple(
                r._replace(symbol=fresh) if r.symbol == found.symbol else r for r in result.inner
            )
            result = Access(result.box, inner)
        return result


@dataclass(frozen=True, slots=True)
class Chain:
    """The versions of one carry in a turn, and what is written between one and the next.

    ``writes[n]`` leads from ``versions[n]`` to ``versions[n + 1]``.
    """

    versions: tuple[int, ...]
    writes: tuple[tuple[Access, ...], ...]


@dataclass(frozen=True, slots=True)
class Turns:
    """The index of a loop, its ranges around it, and the direction."""

    index: Symbol
    count: Dim
    reverse: bool
    around: tuple[Range, ...]

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The ranges of the indices around the body, its own last."""
        return (*self.around, Range(self.index, 0, self.count - 1))

    def survives(self, chain: Chain, version: int, read: Access) -> bool:
        """Tell whether no write after a version reaches what is read of it."""
        place = chain.versions.index(version)
        now = [write for step in chain.writes[place:] for write in step]
        every = [write for step in chain.writes for write in step]
        later = renamed(renamed(self.index))
        here = self.index.expr()
        span = Range(later, 0, here - 1) if self.reverse else Range(later, here + 1, self.count - 1)
        return all(disjoint(read, write.apart(), self.ranges) for write in now) and all(
            disjoint(read, write.apart().at(self.index, later.expr()), (*self.ranges, span))
            for write in every
        )

    def untouched(self, chain: Chain, version: int, read: Access) -> bool:
        """Tell whether no write before a version reaches what is read of it."""
        place = chain.versions.index(version)
        now = [write for step in chain.writes[:place] for write in step]
        every = [write for step in chain.writes for write in step]
        earlier = renamed(renamed(self.index))
        here = self.index.expr()
        low, high = (here + 1, self.count - 1) if self.reverse else (0, here - 1)
        span = Range(earlier, low, high)
        return all(disjoint(read, write.apart(), self.ranges) for write in now) and all(
            disjoint(read, write.apart().at(self.index, earlier.expr()), (*self.ranges, span))
            for write in every
        )


def disjoint(read: Access, write: Access, ranges: Sequence[Range]) -> bool:
    """Tell whether what is read and what is written provably have no element in common."""
    everything = (*ranges, *read.inner, *write.inner)
    return any(
        is_nonnegative(lo - high - 1, everything) or is_nonnegative(low - hi - 1, everything)
        for (low, high), (lo, hi) in zip(read.box, write.box, strict=True)
    )


def chains(graph: Graph, captures: int, carries: int) -> list[Chain | None]:
    """Return the chain of each carry of a loop's body; None if it is not updated by parts."""
    starts, ends = graph.inputs[captures : captures + carries], graph.outputs[:carries]
    return [_chain(graph, a, b) for a, b in zip(starts, ends, strict=True)]


def _chain(graph: Graph, start: int, end: int) -> Chain | None:
    versions, writes = [end], []
    while versions[-1] != start:
        step = _step(graph, graph[versions[-1]])
        if step is None:
            return None
        before, written = step
        versions.append(before)
        writes.append(written)
    return Chain(tuple(versions[::-1]), tuple(writes[::-1]))


def _step(graph: Graph, node: Node) -> tuple[int, tuple[Access, ...]] | None:
    """Return the version before a node and what the node writes into it."""
    if node.op.name in ("index_put", "index_add") and len(node.operands) == 2:
        access = _access(node.params["spec"])
        return None if access is None else (node.operands[0], (access,))
    if node.op.name != "project":
        return None
    source, item = graph[node.operands[0]], node.params["item"]
    if source.op.name == "cond":
        return _step_through_branches(source, item)
    if source.op.name != "loop":
        return None
    slot = len(source.operands) - source.params["carries"] + item
    body = source.regions[0]
    inner = _chain(body, body.inputs[slot], body.outputs[item])
    if inner is None:
        return None
    span = Range(source.params["index"], 0, source.params["count"] - 1)
    writes = [Access(w.box, (span, *w.inner)) for step in inner.writes for w in step]
    return source.operands[slot], tuple(writes)


def _step_through_branches(node: Node, item: int) -> tuple[int, tuple[Access, ...]] | None:
    """Return the capture that both branches update, and what either writes into it."""
    for slot, operand in enumerate(node.operands[1:]):
        found = [_chain(r, r.inputs[slot], r.outputs[item]) for r in node.regions]
        if all(chain is not None for chain in found):
            steps = [step for chain in found if chain is not None for step in chain.writes]
            return operand, tuple(write for step in steps for write in step)
    return None


def _access(spec: IndexSpec) -> Access | None:
    box = box_read(spec)
    return None if box is None else Access(box)


def box_read(spec: IndexSpec) -> tuple[Interval, ...] | None:
    """Return the first and the last position along each axis; None for arrays of indices."""
    box: list[Interval] = []
    for item in spec:
        if isinstance(item, At):
            box.append((item.position, item.position))
        elif isinstance(item, Slice):
            last = item.start + (item.length - 1) * item.step
            box.append((item.start, last) if item.step > 0 else (last, item.start))
        else:
            return None
    return tuple(box)


def reads_of(graph: Graph, id: int, user: Node, slot: int) -> list[Access] | None:
    """Return what a node reads of its operand ``slot``; None if that is not by slices only."""
    if user.op.name == "index" and slot == 0 and len(user.operands) == 1:
        access = _access(user.params["spec"])
        return None if access is None else [access]
    if user.op.name not in ("loop", "cond"):
        return None
    if user.op.name == "loop" and slot >= len(user.operands) - user.params["carries"]:
        return None
    if user.op.name == "cond" and slot == 0:
        return None
    found: list[Access] = []
    for region in user.regions:
        inside = _reads_inside(region, region.inputs[slot - (user.op.name == "cond")])
        if inside is None:
            return None
        found += inside
    if user.op.name == "loop":
        span = Range(user.params["index"], 0, user.params["count"] - 1)
        found = [Access(read.box, (span, *read.inner)) for read in found]
    return found


def _reads_inside(region: Graph, id: int) -> list[Access] | None:
    live = region.live()
    if id in region.outputs:
        return None
    found: list[Access] = []
    for child, slot in region.uses(id):
        if not live[child]:
            continue
        reads = reads_of(region, id, region[child], slot)
        if reads is None:
            return None
        found += reads
    return found
