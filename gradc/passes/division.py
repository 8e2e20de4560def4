"""How a loop is cut in two: what the rest of it reads of the steady part, and from where."""

from collections.abc import Sequence
from dataclasses import field

from gradc.ir import Graph, Kind, Node
from gradc.ir.accesses import Chain, Turns, chains, reads_of
from gradc.ir.ranges import Range
from gradc.passes.steady import Steady
from gradc.passes.worth import CHEAP
from gradc.records import dataclass

__all__ = ["Division", "plan_division"]

_FEW = 6
"""Operations that are rather made again than read from a row."""
_MANY = 1000
_DEAR = 8
"""Elements of cheap work that an operation not among these counts for, and the least to move."""
_ROOM = 1 << 16
"""Bytes that rows may always take; more than that up to four times what the loop is given."""


@dataclass(slots=True)
class Division:
    """A loop, and where its rest gets steady values from.

    Parameters
    ----------
    node : Node
        The loop.
    items : set of int
        Its steady carries.
    steady : Steady
        What is steady in its body.
    turns : Turns
        Its index.
    copied : set of int
        Steady nodes of the body that the rest computes again.
    rows : dict of int to None
        Those that it reads from a row, in order.
    finals : dict of (int, int) to int
        Operands, by user and slot, that are read from a carry as the steady part leaves it.
    """

    node: Node
    items: set[int]
    steady: Steady
    turns: Turns
    copied: set[int] = field(default_factory=set)
    rows: dict[int, None] = field(default_factory=dict)
    finals: dict[tuple[int, int], int] = field(default_factory=dict)
    versions: dict[int, tuple[int, Chain]] = field(default_factory=dict)
    costs: dict[int, int] = field(default_factory=dict)

    @property
    def body(self) -> Graph:
        """The body."""
        return self.node.regions[0]

    @property
    def first(self) -> int:
        """The number of captures."""
        return len(self.body.inputs) - len(self.body.outputs)

    @property
    def rest(self) -> list[int]:
        """The carries that are not steady."""
        return [k for k in range(len(self.body.outputs)) if k not in self.items]

    def needed(self, outputs: Sequence[int]) -> list[bool]:
        """Tell which nodes of the body some of them need."""
        flags = [False] * len(self.body)
        for id in outputs:
            flags[id] = True
        for node in reversed(self.body.nodes):
            if flags[node.id]:
                for operand in node.operands:
                    flags[operand] = True
        return flags

    def moved(self) -> list[bool]:
        """Tell which nodes the steady part needs."""
        return self.needed([*(self.body.outputs[k] for k in self.items), *self.rows])

    def is_given(self, node: Node) -> bool:
        """Tell whether a node is a capture of the loop."""
        return node.op.kind is Kind.INPUT and node.params["position"] < self.first


def plan_division(
    node: Node, items: set[int], steady: Steady, around: Sequence[Range]
) -> Division | None:
    """Return how to cut a loop in two; None where that is no use."""
    params = node.params
    turns = Turns(params["index"], params["count"], params["reverse"], tuple(around))
    found = Division(node, items, steady, turns)
    if not found.rest:
        return None
    _note_versions(found)
    _note_costs(found)
    wanted = found.needed([found.body.outputs[k] for k in found.rest])
    for inner in found.body.nodes:
        if wanted[inner.id] and inner.id not in steady.nodes:
            _settle(found, _left(found, inner))
    made = (found.body.outputs[k] for k in found.rest)
    _settle(found, [id for id in made if id in steady.nodes])
    return found if _pays(found) and _fits(found) else None


def _note_versions(found: Division) -> None:
    """Note what each steady array is called while parts of it are written."""
    body = found.body
    for item, chain in enumerate(chains(body, found.first, len(body.outputs))):
        if item in found.items and chain is not None:
            for id in chain.versions:
                found.versions[id] = (item, chain)


def _note_costs(found: Division) -> None:
    """Note how many operations it takes to compute each steady value again."""
    for node in found.body.nodes:
        if node.id not in found.steady.nodes:
            continue
        own = 1 if node.op.name in CHEAP else 0
        slice_ = node.op.name == "index" and len(node.operands) == 1
        known = node.op.kind is Kind.CONSTANT or found.is_given(node)
        if not (known or own or slice_ or node.op.kind is Kind.MOVEMENT):
            own = _MANY
        left = (i for k, i in enumerate(node.operands) if _final(found, node, k) is None)
        found.costs[node.id] = min(_MANY, own + sum(found.costs[i] for i in left))


def _final(found: Division, node: Node, slot: int) -> int | None:
    """Return the carry that an operand may be read from after the last turn, if there is one."""
    version = node.operands[slot]
    if version not in found.versions:
        return None
    item, chain = found.versions[version]
    reads = reads_of(found.body, version, node, slot)
    if reads is None:
        return None
    return item if all(found.turns.survives(chain, version, read) for read in reads) else None


def _left(found: Division, node: Node) -> list[int]:
    """Note what a node of the rest reads from final arrays; return its other steady operands."""
    left = []
    for slot, operand in enumerate(node.operands):
        item = _final(found, node, slot)
        if item is not None:
            found.finals[node.id, slot] = item
        elif operand in found.steady.nodes:
            left.append(operand)
    return left


def _settle(found: Division, ids: Sequence[int]) -> None:
    """Decide where steady values come from; what is repeated, not its repetition, is kept."""
    pending = list(ids)
    while pending:
        node = found.body[pending.pop()]
        if node.id in found.copied or found.is_given(node):
            continue
        if found.costs[node.id] > _FEW and node.op.name != "broadcast_to":
            found.rows[node.id] = None
        else:
            found.copied.add(node.id)
            pending += _left(found, node)


def _pays(found: Division) -> bool:
    """Tell whether the steady part is worth a loop of its own."""
    moved, work = found.moved(), 0
    for node in found.body.nodes:
        if not moved[node.id] or not node.operands or found.body[node.id].op.name == "project":
            continue
        sizes = [node.type.size] if not node.regions else []
        sizes += [found.body[i].type.size for i in node.operands]
        size = max((s for s in sizes if isinstance(s, int)), default=_DEAR)
        if node.op.name == "index_put":
            work += _known(found.body[node.operands[1]].type.size)
        elif node.op.name in CHEAP:
            work += size
        elif node.op.kind not in (Kind.MOVEMENT, Kind.INDEX):
            work += _DEAR * size
    return work >= _DEAR


def _known(size: object) -> int:
    return size if isinstance(size, int) else _DEAR


def _fits(found: Division) -> bool:
    """Tell whether rows are arrays of known and bearable size."""
    sizes = [found.body[id].type.nbytes for id in found.rows]
    given = [found.body[id].type.nbytes for id in found.body.inputs]
    total = sum(size for size in sizes if isinstance(size, int))
    if not all(isinstance(size, int) for size in sizes):
        return False
    room = 4 * sum(size for size in given if isinstance(size, int))
    return total * int(found.node.params["count"]) <= max(_ROOM, room)
