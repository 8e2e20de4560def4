"""A body with its reverse, cut in two: what runs forward, and what runs backward on kept values."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gradc.autodiff.regions_final import Chain, Turns, chains, reads_of
from gradc.ir import Graph, IndexSpec

__all__ = ["Final", "Pulled", "find_final"]


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


@dataclass(slots=True)
class Final:
    """What the reverse of a body reads from the carries as the loop leaves them.

    Parameters
    ----------
    parts : dict of int to (int, spec)
        Nodes that are a part of the final value of a carry.
    slots : dict of (int, int) to int
        Operands, by node and slot, that may be the final value of a carry.
    """

    parts: dict[int, tuple[int, IndexSpec]] = field(default_factory=dict)
    slots: dict[tuple[int, int], int] = field(default_factory=dict)


def find_final(pulled: Pulled, carries: int, turns: Turns) -> Final:
    """Return what the reverse may read from final values."""
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
    if reads is None or not all(turns.survives(chain, version, read) for read in reads):
        return
    if late:
        found.slots.setdefault(use, item)
    elif user.op.name == "index":
        found.parts.setdefault(user.id, (item, user.params["spec"]))


def _note_written(graph: Graph, item: int, chain: Chain, turns: Turns, found: Final) -> None:
    """Note the values that are stored in a carry and stay there."""
    for place, version in enumerate(chain.versions[1:]):
        node = graph[version]
        if node.op.name != "index_put" or len(node.operands) != 2:
            continue
        value = node.operands[1]
        (write,) = chain.writes[place]
        if graph[value].operands and turns.survives(chain, version, write):
            found.parts.setdefault(value, (item, node.params["spec"]))
