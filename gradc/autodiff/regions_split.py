"""A body with its reverse, cut in two: what runs forward, and what runs backward on kept values."""

from collections.abc import Iterable
from dataclasses import field
from typing import NamedTuple

from gradc.autodiff.regions_keep import bytes_of, most
from gradc.ir import Graph, IndexSpec, Node
from gradc.ir.accesses import Chain, Turns, chains, reads_of
from gradc.records import dataclass

__all__ = ["End", "Final", "Pulled", "find_final"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """A body with its reverse in one graph.

    Parameters
    ----------
    graph : Graph
        Inputs: those of the body, then cotangents; outputs: those of the body.
    taken, made : int
        How many inputs and outputs the body has.
    cts : tuple of int
        The cotangents that come in.
    bars : tuple of int
        The cotangents that go out.
    """

    graph: Graph
    taken: int
    made: int
    cts: tuple[int, ...]
    bars: tuple[int, ...]

    def live(self, outputs: Iterable[int]) -> list[bool]:
        """Tell which nodes some outputs need."""
        needed = [False] * len(self.graph)
        for id in outputs:
            needed[id] = True
        for node in reversed(self.graph.nodes):
            if needed[node.id]:
                for operand in node.operands:
                    needed[operand] = True
        return needed

    def late(self) -> list[bool]:
        """Tell which nodes depend on the cotangents."""
        hit = [False] * len(self.graph)
        for id in self.cts:
            hit[id] = True
        for node in self.graph.nodes:
            hit[node.id] = hit[node.id] or any(hit[i] for i in node.operands)
        return hit


class End(NamedTuple):
    """A carry as the loop leaves it; ``first``: as it was before the loop."""

    item: int
    first: bool = False


@dataclass(slots=True)
class Final:
    """What the reverse of a body reads from the carries as they are at the ends of the loop.

    Parameters
    ----------
    parts : dict of int to (End, spec)
        Nodes that are a part of the final value of a carry, or of the first one.
    slots : dict of (int, int) to End
        Operands, by node and slot, that may be the final value of a carry, or the first one.
    """

    parts: dict[int, tuple[End, IndexSpec]] = field(default_factory=dict)
    slots: dict[tuple[int, int], End] = field(default_factory=dict)


def find_final(pulled: Pulled, carries: int, turns: Turns) -> Final:
    """Return what the reverse may read from final values, and from those before the loop."""
    graph, found = pulled.graph, Final()
    late, live = pulled.late(), pulled.live(pulled.bars)
    for item, chain in enumerate(chains(graph, pulled.taken - carries, carries)):
        if chain is None:
            continue
        for version in chain.versions:
            for user, slot in graph.uses(version):
                if live[user]:
                    _note_read(graph, item, chain, version, (user, slot), late[user], turns, found)
        _note_written(graph, item, chain, turns, found)
    return found


def _note_read(
    graph: Graph,
    item: int,
    chain: Chain,
    version: int,
    use: tuple[int, int],
    late: bool,
    turns: Turns,
    found: Final,
) -> None:
    user = graph[use[0]]
    reads = reads_of(graph, version, user, use[1])
    if reads is None or not (late or user.op.name == "index"):
        return
    if all(turns.survives(chain, version, read) for read in reads):
        end = End(item)
    elif all(turns.untouched(chain, version, read) for read in reads) and (
        late or _is_worth_it(graph, user, turns)
    ):
        end = End(item, first=True)
    else:
        return
    if late:
        found.slots.setdefault(use, end)
    else:
        found.parts.setdefault(user.id, (end, user.params["spec"]))


def _is_worth_it(graph: Graph, part: Node, turns: Turns) -> bool:
    """Tell whether a good part of an array is read: it is kept as it was, at most once more.

    Often that costs nothing, since it is an argument.
    """
    array = bytes_of(graph, [part.operands[0]], turns.ranges)
    read = bytes_of(graph, [part.id], turns.ranges)
    count = most(turns.count, turns.around)
    return 2 * read * count >= array


def _note_written(graph: Graph, item: int, chain: Chain, turns: Turns, found: Final) -> None:
    """Note the values that are stored in a carry and stay there."""
    for place, version in enumerate(chain.versions[1:]):
        node = graph[version]
        if node.op.name != "index_put" or len(node.operands) != 2:
            continue
        value = node.operands[1]
        (write,) = chain.writes[place]
        if graph[value].operands and turns.survives(chain, version, write):
            found.parts.setdefault(value, (End(item), node.params["spec"]))
