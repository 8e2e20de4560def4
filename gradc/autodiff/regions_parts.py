"""What the reverse of a branch reads of its captures: whole arrays, or certain elements only.

Inside a loop an array that turns overwrite would have to be kept for each turn, so that branches
can be run again.  Where the branches read certain elements only, these are read beside the branch,
and kept.  They are read whichever branch is taken, so they must be there:

    x[i + 1, :]    where it exists for all values of the indices of loops around
    x[j, k]        positions that only the run knows, computed from captures: where one branch may
                   look outside the array when the other is taken, the nearest element is read
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from gradc.autodiff.regions_split import Pulled
from gradc.ir import Array, Dim, Graph, IndexItem, Kind, NewAxis, Node, Slice, Value, op_named
from gradc.ir.accesses import box_read
from gradc.ir.ranges import Range, holds_in_turns, is_nonnegative
from gradc.ir.rebuild import copy_input, copy_node, transfer
from gradc.records import dataclass

__all__ = ["Head", "fetched", "head_of", "reverse_of"]

_GIVEN = ("input", "constant", "dim_value", "cast", "select")
_SUMS = ("add", "subtract", "multiply", "negative", "minimum", "maximum")
_TESTS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
_NUMBERS = frozenset((*_GIVEN, *_SUMS, *_TESTS))
"""What is made of whole numbers at no cost, and never fails."""


@dataclass(slots=True)
class Head:
    """What the branches of a region read.

    Parameters
    ----------
    graph : Graph
        Inputs: the captures; outputs: what is read, in the order of the branches' inputs.
    read : tuple of dict of int to int
        For each branch, its nodes that are read, and the node that each of them is here.
    unsure : set of int
        Nodes that read where not every branch looks.
    """

    graph: Graph
    read: tuple[dict[int, int], ...]
    unsure: set[int] = field(default_factory=set)


def head_of(pulled: Sequence[Pulled], ranges: Sequence[Range], *, parts: bool) -> Head:
    """Return what the reverses of some branches read; with ``parts``, no more than that."""
    head = Head(Graph("read"), tuple({} for _ in pulled))
    first = pulled[0]
    for id in first.graph.inputs[: first.taken]:
        copy_input(first.graph, id, head.graph)
    copies = [_Copy(branch, head.graph, ranges) for branch in pulled]
    for slot, capture in enumerate(head.graph.inputs):
        partly = parts and all(copy.is_partly_read(slot) for copy in copies)
        for copy, read in zip(copies, head.read, strict=True):
            ids = copy.reads(slot)
            if partly:
                read |= {id: copy.image(id) for id in ids}
            elif ids:
                read[copy.graph.inputs[slot]] = capture
    head.graph.outputs = list(dict.fromkeys(id for read in head.read for id in read.values()))
    looked = [copy.places() for copy in copies]
    for id in head.graph.outputs:
        place = _place(head.graph, head.graph[id])
        if place is not None and not all(place in places for places in looked):
            head.unsure.add(id)
    return head


def reverse_of(pulled: Pulled, read: Mapping[int, int], head: Head) -> Graph:
    """Return the reverse of one branch as a graph of what the branches read and the cotangents."""
    graph, live = pulled.graph, pulled.live(pulled.bars)
    result = Graph(f"{graph.name}_reverse")
    given = {
        id: result.input(_name(head.graph, id), head.graph[id].type) for id in head.graph.outputs
    }
    images = {id: given[image] for id, image in read.items()}
    for id in pulled.cts:
        images[id] = result.input(graph.names[id], graph[id].type, graph[id].origin)
    wanted = [
        flag and node.op.kind is not Kind.INPUT
        for node, flag in zip(graph.nodes, live, strict=True)
    ]
    transfer(graph, result, images, wanted)
    result.outputs = [images[id].id for id in pulled.bars]
    return result


def fetched(head: Head, target: Graph, captures: Sequence[Value]) -> list[Value]:
    """Read what the branches need, beside them."""
    images = dict(zip(head.graph.inputs, captures, strict=True))

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        unsure = node.id in head.unsure and not _is_looked_at(target, node, operands)
        return copy_node(target, node, _nearest(node, operands) if unsure else operands)

    wanted = [
        live and node.op.kind is not Kind.INPUT
        for node, live in zip(head.graph.nodes, head.graph.live(), strict=True)
    ]
    transfer(head.graph, target, images, wanted, visit)
    return [images[id] for id in head.graph.outputs]


class _Copy:
    """Copies what a branch reads into a graph of the captures."""

    def __init__(self, pulled: Pulled, target: Graph, ranges: Sequence[Range]) -> None:
        self.pulled, self.graph, self.ranges = pulled, pulled.graph, ranges
        self.target = target
        self.live = pulled.live(pulled.bars)
        self.images = {
            id: target.value(image)
            for id, image in zip(self.graph.inputs, target.inputs, strict=False)
        }

    def reads(self, slot: int) -> list[int]:
        """Return the nodes that read a capture; itself, if that is a result."""
        id = self.graph.inputs[slot]
        found = [child for child, _ in self.graph.uses(id) if self.live[child]]
        return [id, *found] if id in self.pulled.bars else found

    def is_partly_read(self, slot: int) -> bool:
        """Tell whether all that is read of a capture can be read beside the branch."""
        return all(self._is_part(self.graph[id], slot) for id in self.reads(slot))

    def image(self, id: int) -> int:
        """Return a node as one of the target."""
        wanted = [False] * len(self.graph)
        waiting = [id]
        while waiting:
            behind = waiting.pop()
            wanted[behind] = True
            waiting += (i for i in self.graph[behind].operands if i not in self.images)
        return transfer(self.graph, self.target, self.images, wanted)[id].id

    def places(self) -> set[tuple[object, ...]]:
        """Return where the branch looks into arrays at positions that only the run knows."""
        found: set[tuple[object, ...]] = set()
        for node in self.graph.nodes:
            positions = _positions(node)
            if positions and all(map(self._is_number, positions)):
                shape = self.graph[node.operands[0]].type.shape
                found.add((shape, node.params["spec"], tuple(map(self.image, positions))))
        return found

    def _is_part(self, node: Node, slot: int) -> bool:
        if node.op.name != "index" or node.operands[0] != self.graph.inputs[slot]:
            return False
        items = [item for item in node.params["spec"] if not isinstance(item, NewAxis)]
        shape = self.graph[node.operands[0]].type.shape
        return all(map(self._is_number, _positions(node))) and all(
            self._is_inside(item, extent) for item, extent in zip(items, shape, strict=True)
        )

    def _is_inside(self, item: IndexItem, extent: Dim) -> bool:
        """Tell whether an item names elements that are there for all values of the indices."""
        if isinstance(item, Array):
            return isinstance(extent, int) and extent > 0
        ((low, high),) = box_read((item,)) or ()
        return (
            (not isinstance(item, Slice) or is_nonnegative(item.length, self.ranges))
            and holds_in_turns(low, self.ranges)
            and holds_in_turns(extent - 1 - high, self.ranges)
        )

    def _is_number(self, id: int) -> bool:
        """Tell whether a node is a whole number that is made of such alone."""
        node = self.graph[id]
        if node.type.shape or node.type.dtype.kind not in "iub" or node.op.name not in _NUMBERS:
            return False
        return all(map(self._is_number, node.operands))


def _positions(node: Node) -> tuple[int, ...]:
    """Return the operands of a read or write that say where it is."""
    if node.op.name == "index":
        return node.operands[1:]
    return node.operands[2:] if node.op.name in ("index_put", "index_add") else ()


def _place(graph: Graph, node: Node) -> tuple[object, ...] | None:
    """Return where a node looks into an array at positions that only the run knows."""
    positions = _positions(node)
    if not positions:
        return None
    return graph[node.operands[0]].type.shape, node.params["spec"], positions


def _is_looked_at(graph: Graph, node: Node, operands: Sequence[Value]) -> bool:
    """Tell whether another node of a graph looks at the same place of an array as large."""
    place = operands[0].shape, node.params["spec"], tuple(v.id for v in operands[1:])
    users = (graph[child] for child, _ in graph.uses(operands[1].id))
    return any(_place(graph, user) == place for user in users)


def _nearest(node: Node, operands: Sequence[Value]) -> tuple[Value, ...]:
    """Return the operands of a read with the nearest positions that are there."""
    array, *positions = operands
    found = list(positions)
    items = (item for item in node.params["spec"] if not isinstance(item, NewAxis))
    for item, extent in zip(items, array.shape, strict=True):
        if isinstance(item, Array):
            assert isinstance(extent, int)
            low = op_named("maximum")(positions[item.slot], -extent)
            found[item.slot] = op_named("minimum")(low, extent - 1)
    return (array, *found)


def _name(graph: Graph, id: int) -> str:
    """Return the name of what is read, or of the array that it is a part of."""
    node = graph[id]
    return graph.names.get(id) or graph.names.get(node.operands[0], "part")
