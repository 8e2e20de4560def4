"""Who shares memory with whom in printed NumPy source, and what may be overwritten.

A *view* shares the memory of its operand; everything else makes memory of its own, its *root*.  An
array may be written to in place when its memory is its own and nothing reads it any more: not by
name, not through a view, not as the result of a region that may hand it on.

A result of a region is *linked* to an operand when the region updates that operand in place: the
operand's memory becomes the result's.
"""

import math
from collections.abc import Mapping, Sequence

from gradc.ir import Graph, Kind, Node

__all__ = ["Memory", "is_filled"]

Links = Mapping[int, int]
_VIEWS = frozenset({"reshape", "transpose", "broadcast_to", "stop_gradient", "barrier"})
_UPDATES = frozenset({"index_put", "index_add"})
_NEVER = -1


class Memory:
    """What the nodes of one graph share, in the order in which they are printed.

    Attributes
    ----------
    roots : dict
        By node: the nodes whose memory its value may share, itself included.
    links : dict
        By region node: the operand slots of the results that take over an operand's memory.
    last_use : dict
        By node: the position of the last statement that may hold its text.
    """

    def __init__(self, graph: Graph, order: Sequence[Node], transparent: Sequence[bool]) -> None:
        self._graph = graph
        self._transparent = transparent
        self._position = {node.id: n for n, node in enumerate(order)}
        self.roots: dict[int, frozenset[int]] = {}
        self.links: dict[int, Links] = {}
        self._inner: dict[int, tuple[Memory, ...]] = {}
        for node in order:
            if node.regions:
                inner = tuple(map(Memory.of_region, node.regions))
                self._inner[node.id], self.links[node.id] = inner, _links(node, inner)
            self.roots[node.id] = self._roots_of(node)
        self.last_use: dict[int, float] = dict.fromkeys(graph.outputs, math.inf)
        self._last_read: dict[int, float] = dict.fromkeys(graph.outputs, math.inf)
        for node in reversed(order):
            self._note_reads(node)

    @classmethod
    def of_region(cls, graph: Graph) -> "Memory":
        """Return the memory of a region, before anything is known of how it is printed."""
        live = graph.live()
        order = [node for node in graph.nodes if live[node.id]]
        return cls(graph, order, [False] * len(graph))

    # building

    def _roots_of(self, node: Node) -> frozenset[int]:
        if node.op.name == "project":
            return self._roots_of_result(node)
        if _is_view(self._graph, node):
            return self.roots[node.operands[0]]
        return frozenset((node.id,))

    def _roots_of_result(self, node: Node) -> frozenset[int]:
        """Return the operands that a result of a region may be; none where it is linked."""
        source, item = self._graph[node.operands[0]], node.params["item"]
        if item in self.links[source.id]:
            return frozenset((node.id,))
        found, common = _origins(source, self._inner[source.id], item)
        roots = frozenset().union(*(self.roots[source.operands[slot]] for slot in found))
        if common:
            roots |= {source.id}
        return roots or frozenset((node.id,))

    def _note_reads(self, node: Node) -> None:
        here = self._position[node.id]
        text = self.last_use.get(node.id, _NEVER) if self._transparent[node.id] else here
        through = self._last_read.get(node.id, _NEVER)
        read: float = here
        if _is_view(self._graph, node):
            read = through
        elif node.op.name == "project":
            alone = not node.type.shape or self.roots[node.id] == {node.id}
            read = _NEVER if alone else through
        elif node.regions:
            read = max(here, through)
        for operand in node.operands:
            self.last_use[operand] = max(self.last_use.get(operand, _NEVER), text)
            self._last_read[operand] = max(self._last_read.get(operand, _NEVER), read)

    # asking

    def shares(self, id: int, other: int) -> bool:
        """Tell whether two values may have memory in common."""
        return not self.roots[id].isdisjoint(self.roots[other])

    def is_own(self, id: int) -> bool:
        """Tell whether the memory of a value is made by its own node alone."""
        node = self._graph[id]
        made = node.op.kind not in (Kind.INPUT, Kind.CONSTANT)
        return made and bool(node.type.shape) and self.roots[id] == {id}

    def is_last_use(self, id: int, node: Node) -> bool:
        """Tell whether nothing after ``node`` mentions the value ``id``."""
        return self.last_use.get(id, _NEVER) <= self._position[node.id]

    def is_last_read(self, node: Node, slot: int) -> bool:
        """Tell whether a node may overwrite the memory of an operand, if that is its own.

        NumPy itself sees to ``y[1:] = y[:-1]``.
        """
        id = node.operands[slot]
        others = _without(node.operands, slot)
        if node.op.name in _UPDATES and len(others) == 1:
            others = ()
        if any(self.shares(id, other) for other in others):
            return False
        return self._last_read.get(id, _NEVER) <= self._position[node.id]

    def overwrites(self, id: int) -> bool:
        """Tell whether some node would overwrite the memory of the input ``id``."""
        if not self._graph[id].type.shape:
            return False
        return any(
            self._graph[user].operands[slot] == id and self.is_last_read(self._graph[user], slot)
            for user in self._position
            for slot in self._overwritten_slots(self._graph[user])
        )

    def _overwritten_slots(self, node: Node) -> Sequence[int]:
        if node.op.name in _UPDATES:
            return (0,)
        return tuple(self.links.get(node.id, {}).values())

    def updated(self, id: int) -> int | None:
        """Return the input that ``id`` is after updates, None if it is something else."""
        node = self._graph[id]
        while node.op.kind is not Kind.INPUT:
            slot = self._updated_slot(node)
            if slot is None:
                return None
            source = self._graph[node.operands[0]] if node.op.name == "project" else node
            node = self._graph[source.operands[slot]]
        return node.id

    def _updated_slot(self, node: Node) -> int | None:
        if node.op.name in _UPDATES:
            return 0
        if node.op.name != "project":
            return None
        return self.links[node.operands[0]].get(node.params["item"])


def _without(ids: tuple[int, ...], slot: int) -> tuple[int, ...]:
    return (*ids[:slot], *ids[slot + 1 :])


def _is_view(graph: Graph, node: Node) -> bool:
    if node.op.name == "index":
        numbers = all(not graph[id].type.shape for id in node.operands[1:])
        return bool(node.type.shape) and numbers  # NumPy copies for index arrays, not for numbers
    return node.op.name in _VIEWS and not is_filled(graph, node)


def is_filled(graph: Graph, node: Node) -> bool:
    """Tell whether the node is printed as ``np.full(shape, number)``."""
    if node.op.name != "broadcast_to":
        return False
    inner = graph[node.operands[0]]
    return inner.op.kind is Kind.CONSTANT and inner.type.size == 1 and inner.id not in graph.names


def _links(node: Node, inner: Sequence[Memory]) -> Links:
    """Find the results of a region that take over the memory of an operand."""
    if node.op.name == "cond":
        return _links_of_branches(node, inner)
    body, memory, carries = node.regions[-1], inner[-1], node.params["carries"]
    first = len(node.operands) - carries
    slots = {item: first + item for item in range(carries)}
    return {i: slot for i, slot in slots.items() if memory.overwrites(body.inputs[slot])}


def _links_of_branches(node: Node, memories: Sequence[Memory]) -> Links:
    """Link a result that both branches make of the same operand, if one writes to it."""
    found: dict[int, int] = {}
    for item in range(len(node.regions[0].outputs)):
        bases = [m.updated(r.outputs[item]) for m, r in zip(memories, node.regions, strict=True)]
        places = {
            None if base is None else region.inputs.index(base)
            for base, region in zip(bases, node.regions, strict=True)
        }
        place = places.pop()
        if places or place is None or place + 1 in found.values():
            continue
        inputs = [region.inputs[place] for region in node.regions]
        if any(m.overwrites(id) for m, id in zip(memories, inputs, strict=True)):
            found[item] = place + 1
    return found


def _origins(node: Node, inner: Sequence[Memory], item: int) -> tuple[set[int], bool]:
    """Return the operand slots whose memory a result may be, and if it shares any inside.

    A result that is a view of something made inside counts as shared: it may be a broadcast.
    """
    first = 1 if node.op.name == "cond" else 0
    carried = len(node.operands) - node.params.get("carries", 0)
    regions = node.regions if first else node.regions[-1:]
    memories = inner if first else inner[-1:]
    kept = not first and not _turns_at_least_once(node)
    slots: set[int] = set()
    common = False
    for region, memory in zip(regions, memories, strict=True):
        pending, seen = [item], set()
        while pending:
            one = pending.pop()
            seen.add(one)
            roots = memory.roots[region.outputs[one]]
            found = {n + first for n, id in enumerate(region.inputs) if id in roots}
            found |= {carried + one} if kept else set()
            slots |= found
            pending += [s - carried for s in found if s >= carried and s - carried not in seen]
            own = not region[region.outputs[one]].type.shape or memory.is_own(region.outputs[one])
            common |= not own or any(
                not roots.isdisjoint(memory.roots[other])
                for n, other in enumerate(region.outputs)
                if n != one
            )
    return slots, common


def _turns_at_least_once(node: Node) -> bool:
    count = node.params.get("count", 0)
    return isinstance(count, int) and count > 0
