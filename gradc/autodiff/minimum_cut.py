"""The minimum cut of a small network, by Dinic's algorithm.

networkx has one too, but to ask for it imports all of networkx, which takes longer than to compile
most functions.
"""

from collections.abc import Hashable, Iterable

__all__ = ["source_side"]


def source_side(
    edges: Iterable[tuple[Hashable, Hashable, int | None]], source: Hashable, sink: Hashable
) -> set[Hashable]:
    """Return the nodes on the source's side of a minimum cut; of several cuts the last one.

    Parameters
    ----------
    edges : iterable of (from, to, capacity)
        The network; without a capacity an edge cannot be cut.
    source, sink : hashable
        What is to be parted.

    Raises
    ------
    ValueError
        When only edges that cannot be cut lead from the source to the sink.
    """
    network = _Network(edges)
    start, end = network.number(source), network.number(sink)
    while True:
        levels = network.levels(start, end)
        if levels[end] < 0:
            break
        network.fill(levels, start, end)
    behind = network.reaching(end)
    return {node for node, number in network.numbers.items() if not behind[number]}


class _Network:
    """Edges in pairs: number ``e ^ 1`` is the way back of ``e``; ``room`` is what still fits."""

    def __init__(self, edges: Iterable[tuple[Hashable, Hashable, int | None]]) -> None:
        self.numbers: dict[Hashable, int] = {}
        self.out: list[list[int]] = []
        self.to: list[int] = []
        self.room: list[int] = []
        self.sent = 0
        given = list(edges)
        self.endless = 1 + sum(capacity or 0 for _, _, capacity in given)
        for a, b, capacity in given:
            self._add(self.number(a), self.number(b), capacity)

    def number(self, node: Hashable) -> int:
        if node not in self.numbers:
            self.numbers[node] = len(self.out)
            self.out.append([])
        return self.numbers[node]

    def _add(self, a: int, b: int, capacity: int | None) -> None:
        for here, there, room in ((a, b, capacity), (b, a, 0)):
            self.out[here].append(len(self.to))
            self.to.append(there)
            self.room.append(self.endless if room is None else room)

    def levels(self, start: int, end: int) -> list[int]:
        """Return the number of edges from the start to each node, -1 where there is no way."""
        levels = [-1] * len(self.out)
        levels[start], waiting = 0, [start]
        for here in waiting:
            for edge in self.out[here]:
                there = self.to[edge]
                if self.room[edge] and levels[there] < 0:
                    levels[there] = levels[here] + 1
                    waiting.append(there)
            if levels[end] >= 0:
                break
        return levels

    def fill(self, levels: list[int], start: int, end: int) -> None:
        """Send all that fits along shortest ways."""
        untried = [list(edges) for edges in self.out]
        way: list[int] = []
        here = start
        while True:
            if here == end:
                self._send(way)
                way, here = [], start
            elif untried[here]:
                edge = untried[here][-1]
                if self.room[edge] and levels[self.to[edge]] == levels[here] + 1:
                    way.append(edge)
                    here = self.to[edge]
                else:
                    untried[here].pop()
            elif way:
                here = self.to[way.pop() ^ 1]
                untried[here].pop()
            else:
                return

    def _send(self, way: list[int]) -> None:
        amount = min(self.room[edge] for edge in way)
        self.sent += amount
        if self.sent >= self.endless:  # more than all edges that can be cut let through
            raise ValueError("there is no cut: a way holds only edges that cannot be cut")
        for edge in way:
            self.room[edge] -= amount
            self.room[edge ^ 1] += amount

    def reaching(self, end: int) -> list[bool]:
        """Tell for each node whether more could be sent from it to the end."""
        seen = [False] * len(self.out)
        seen[end], waiting = True, [end]
        for here in waiting:
            for edge in self.out[here]:
                there = self.to[edge]
                if self.room[edge ^ 1] and not seen[there]:
                    seen[there] = True
                    waiting.append(there)
        return seen
