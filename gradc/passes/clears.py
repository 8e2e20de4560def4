"""Arrays that are added to, then read and cleared in one box, are taken apart at that box.

So it is with the adjoint of an array that a loop writes a box of from its neighbours: what is added
inside the box is read once and gone, what is added outside stays::

    b1 = index_add(b, v, s)                 u  = b[box], plus v where s meets the box
    u  = b1[box] + w              becomes   b2 = b, plus v where s leaves the box
    b2 = index_put(b1, 0, box)              b2 = index_put(b2, 0, box)

``u`` starts from ``w``.  Where the carry is zero inside the box before each turn, ``b[box]`` and
the last line are gone as well, and nothing of the carry but its edge is ever touched.
"""

from collections.abc import Collection
from dataclasses import field

from gradc.ir import Graph, Node, Value, op_named
from gradc.ir.rebuild import copy_input, copy_node, transfer
from gradc.passes.boxes import Box, box_of, common, moved, outside, shape_of, spec_of
from gradc.passes.rewrite import literal
from gradc.records import dataclass

__all__ = ["take_apart"]


@dataclass(slots=True)
class _Cleared:
    """One array that is read and cleared.

    ``adds`` are the nodes that add to it, in order; ``reads`` the sum that starts with what is
    read (its inner sums last) or the reading itself; ``put`` the node that clears.
    """

    base: int
    adds: list[int]
    box: Box
    read: int
    sums: list[int]
    put: int
    zero: bool = False
    skipped: set[int] = field(default_factory=set)


def take_apart(body: Graph, zeros: Collection[int]) -> Graph:
    """Return the body of a loop with cleared arrays taken apart.

    ``zeros`` are the inputs, by position, that hold zeros before the first turn.
    """
    found = _Finder(body, zeros).run()
    return _Rebuilt(body, found).run() if found else body


class _Finder:
    """Looks for arrays that are added to, read and cleared."""

    def __init__(self, body: Graph, zeros: Collection[int]) -> None:
        self.body = body
        self.zeros = zeros
        self.users: dict[int, list[int]] = {node.id: [] for node in body.nodes}
        for node, live in zip(body.nodes, body.live(), strict=True):
            if live:
                for operand in node.operands:
                    self.users[operand].append(node.id)
        for id in body.outputs:
            self.users[id].append(-1)

    def run(self) -> list[_Cleared]:
        """Return what was found, no node in two of them."""
        taken: set[int] = set()
        result: list[_Cleared] = []
        for node in self.body.nodes:
            found = self._cleared(node) if node.op.name == "index_put" else None
            if found is not None and not taken & {found.put, *found.skipped}:
                taken |= {found.put, *found.skipped}
                result.append(found)
        return result

    def _cleared(self, put: Node) -> _Cleared | None:
        box = box_of(put.params["spec"]) if len(put.operands) == 2 else None
        if box is None or put.type.dtype.kind != "f" or not self.users[put.id]:
            return None
        array = put.operands[0]
        readers = [id for id in self.users[array] if id != put.id]
        if len(readers) != 1 or readers[0] < 0 or len(self.users[array]) != 2:
            return None
        read = self.body[readers[0]]
        if read.op.name != "index" or read.params["spec"] != put.params["spec"]:
            return None
        adds = self._adds(array)
        if not adds:
            return None
        base = self.body[adds[0]].operands[0]
        sums = self._sums(read.id)
        found = _Cleared(base, adds, box, read.id, sums, put.id, self._is_zero(base, put))
        found.skipped = {*adds, read.id, *sums}
        return found

    def _adds(self, array: int) -> list[int]:
        """Return the nodes that add to an array that nobody looks at in between."""
        adds: list[int] = []
        while self.body[array].op.name == "index_add":
            node = self.body[array]
            alone = not adds or len(self.users[array]) == 1
            if not alone or len(node.operands) != 2 or box_of(node.params["spec"]) is None:
                break
            adds.insert(0, array)
            array = node.operands[0]
        return adds

    def _sums(self, read: int) -> list[int]:
        """Return the sums that a value goes into, the last one first."""
        sums: list[int] = []
        at = read
        while len(self.users[at]) == 1 and self.users[at][0] >= 0:
            user = self.body[self.users[at][0]]
            if user.op.name != "add" or user.type != self.body[at].type:
                break
            at = user.id
            sums.insert(0, at)
        return sums

    def _is_zero(self, base: int, put: Node) -> bool:
        """Tell whether the box of a carry is zero before every turn."""
        body = self.body
        if literal(body.value(put.operands[1])) != 0 or base not in body.inputs:
            return False
        place = body.inputs.index(base)
        item = place - (len(body.inputs) - len(body.outputs))
        only = item >= 0 and body.outputs[item] == put.id and self.users[put.id] == [-1]
        return only and place in self.zeros and len(self.users[base]) == 1


class _Rebuilt:
    """Writes the body anew."""

    def __init__(self, body: Graph, found: list[_Cleared]) -> None:
        self.body = body
        self.by_read = {(one.sums[0] if one.sums else one.read): one for one in found}
        self.by_put = {one.put: one for one in found}
        self.hidden = {id for one in found for id in one.skipped} - self.by_read.keys()
        self.images: dict[int, Value] = {}

    def run(self) -> Graph:
        """Return the new body."""
        body, result = self.body, Graph(self.body.name)
        for id in body.inputs:
            self.images[id] = copy_input(body, id, result)
        wanted = [live and id not in self.hidden for id, live in enumerate(body.live())]
        transfer(body, result, self.images, wanted, self._visit, self._fetch)
        result.outputs = [self.images[id].id for id in body.outputs]
        return result

    def _fetch(self, node: Node, slot: int) -> Value | None:
        """Give something for an operand that is not made any more; nobody looks at it."""
        hidden = node.operands[slot] in self.hidden
        return next(iter(self.images.values())) if hidden else None

    def _visit(self, target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.id in self.by_read:
            return self._inside(self.by_read[node.id])
        if node.id in self.by_put:
            return self._edge(self.by_put[node.id], operands[1])
        return copy_node(target, node, operands)

    def _terms(self, one: _Cleared) -> list[tuple[Box, Value]]:
        """Return what is added, and where."""
        terms: list[tuple[Box, Value]] = []
        for id in one.adds:
            node = self.body[id]
            box = box_of(node.params["spec"])
            assert box is not None
            terms.append((box, self.images[node.operands[1]]))
        return terms

    def _inside(self, one: _Cleared) -> Value:
        """Return what is read of the box, with all that is added to it."""
        known = {one.read, *one.sums}
        starts = [
            self.images[i]
            for id in reversed(one.sums)
            for i in self.body[id].operands
            if i not in known
        ]
        whole: list[Value] = []
        parts: list[tuple[Box, Value]] = []
        for box, value in self._terms(one):
            inner = common(box, one.box)
            if inner is None:
                continue
            part = _part(value, box, inner)
            if inner.ranges == one.box.ranges:
                whole.append(part.reshape(shape_of(one.box)))
            else:
                parts.append((inner, part))
        if not one.zero:
            starts.insert(0, op_named("index")(self.images[one.base], spec=spec_of(one.box)))
        starts += whole
        total = starts[0] if starts else _zeros(self.images[one.base], one.box)
        for more in starts[1:]:
            total = total + more
        back = [-lo for lo, _ in one.box.ranges]
        for inner, part in parts:
            place = _kept(moved(inner, back), one.box.dropped)
            total = op_named("index_add")(total, part.reshape(shape_of(place)), spec=spec_of(place))
        return total

    def _edge(self, one: _Cleared, cleared: Value) -> Value:
        """Return the array with what is added outside the box, and the box cleared."""
        total = self.images[one.base]
        for box, value in self._terms(one):
            for outer in outside(box, one.box):
                part = _part(value, box, outer)
                total = op_named("index_add")(total, part, spec=spec_of(outer))
        if one.zero:
            return total
        return op_named("index_put")(total, cleared, spec=spec_of(one.box))


def _part(value: Value, box: Box, inner: Box) -> Value:
    """Return the part that goes to ``inner`` of a value that goes to ``box``."""
    if inner.ranges == box.ranges:
        return value
    low = [-lo for lo, _ in box.ranges]
    place = _kept(moved(inner, low), box.dropped)
    return op_named("index")(value, spec=spec_of(place))


def _kept(box: Box, dropped: tuple[bool, ...]) -> Box:
    """Leave out the axes that a value does not have."""
    kept = [r for r, gone in zip(box.ranges, dropped, strict=True) if not gone]
    return Box(tuple(kept), (False,) * len(kept))


def _zeros(like: Value, box: Box) -> Value:
    return like.graph.literal(0, like.dtype).broadcast_to(shape_of(box))
