"""Layered layout of small directed graphs: who stands where, and along which points edges go.

Layers by longest path, order inside a layer by barycentres, positions by least squares under the
order (pool adjacent violators).  An edge over several layers goes through a *bend* in each.
"""

from collections.abc import Sequence
from dataclasses import field
from itertools import pairwise

from gradc.records import dataclass

__all__ = ["Layout", "arrange"]

_SWEEPS = 12
_GAP = 22.0
_BEND = 10.0
_STOREY = 44.0


@dataclass(slots=True)
class Layout:
    """Centres of the boxes and points of the edges, in pixels from the top left.

    Parameters
    ----------
    centres : list of (float, float)
        By node.
    routes : list of list of (float, float)
        By edge: from the lower border of one box to the upper border of another.
    width, height : float
        Extents of the drawing.
    """

    centres: list[tuple[float, float]]
    routes: list[list[tuple[float, float]]]
    width: float
    height: float


@dataclass(slots=True)
class _Work:
    """Nodes and bends, their layers and neighbours."""

    widths: list[float]
    heights: list[float]
    layers: list[list[int]]
    chains: list[list[int]]
    above: list[list[int]] = field(default_factory=list)
    below: list[list[int]] = field(default_factory=list)
    x: list[float] = field(default_factory=list)


def arrange(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out a graph whose edges all go from a lower to a higher number.

    Parameters
    ----------
    sizes : sequence of (float, float)
        Width and height of each node's box.
    edges : sequence of (int, int)
        Pairs of nodes; a pair may stand twice.
    """
    work = _with_bends(sizes, edges, _ranks(len(sizes), edges))
    for sweep in range(_SWEEPS):
        _sort_layers(work, down=sweep % 2 == 0)
    _place(work)
    return _finished(work, sizes, edges)


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return each node's layer: below its operands, and what has one user just above it.

    The latter holds for sources and for what is made of such nodes only.
    """
    rank = [0] * count
    for start, end in sorted(edges, key=lambda edge: edge[1]):
        rank[end] = max(rank[end], rank[start] + 1)
    users: list[set[int]] = [set() for _ in range(count)]
    tied = [False] * count
    for start, end in sorted(edges):
        users[start].add(end)
    for start, end in sorted(edges):
        tied[end] = tied[end] or tied[start] or len(users[start]) > 1
    for node in reversed(range(count)):
        if users[node] and not tied[node]:
            rank[node] = min(rank[user] for user in users[node]) - 1
    return rank


def _with_bends(
    sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]], rank: list[int]
) -> _Work:
    widths, heights = [w for w, _ in sizes], [h for _, h in sizes]
    layers: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for node, layer in enumerate(rank):
        layers[layer].append(node)
    work = _Work(widths, heights, layers, [])
    for start, end in edges:
        chain = [start]
        for layer in range(rank[start] + 1, rank[end]):
            chain.append(len(widths))
            layers[layer].append(len(widths))
            widths.append(_BEND)
            heights.append(0.0)
        work.chains.append([*chain, end])
    work.above = [[] for _ in widths]
    work.below = [[] for _ in widths]
    for chain in work.chains:
        for upper, lower in pairwise(chain):
            work.below[upper].append(lower)
            work.above[lower].append(upper)
    return work


def _sort_layers(work: _Work, *, down: bool) -> None:
    """Order each layer by the mean position of the neighbours in the layer before."""
    position: dict[int, float] = {}
    for layer in work.layers:
        position.update({node: at - len(layer) / 2 for at, node in enumerate(layer)})
    neighbours = work.above if down else work.below
    for layer in work.layers if down else reversed(work.layers):
        layer.sort(key=lambda node: _mean([position[n] for n in neighbours[node]], position[node]))
        position.update({node: at - len(layer) / 2 for at, node in enumerate(layer)})


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _place(work: _Work) -> None:
    """Draw every node towards its neighbours, keeping order and distance."""
    work.x = [0.0] * len(work.widths)
    for layer in work.layers:
        _settle(work, layer, [0.0] * len(layer))
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        for layer in work.layers if down else reversed(work.layers):
            _settle(work, layer, [_wish(work, node, down) for node in layer])
    for layer in work.layers:
        _settle(work, layer, [_wish(work, node, None) for node in layer])


def _wish(work: _Work, node: int, down: bool | None) -> float:
    above, below = work.above[node], work.below[node]
    chosen = [*above, *below] if down is None else (above if down else below)
    return _mean([work.x[n] for n in chosen or [*above, *below]], work.x[node])


def _settle(work: _Work, layer: Sequence[int], wishes: Sequence[float]) -> None:
    """Set positions nearest to the wishes, in order and at least a gap apart."""
    offsets, far = [], 0.0
    for at, node in enumerate(layer):
        if at:
            far += (work.widths[layer[at - 1]] + work.widths[node]) / 2 + _GAP
        offsets.append(far)
    blocks: list[tuple[float, int]] = []  # sum of wishes, count
    for wish, offset in zip(wishes, offsets, strict=True):
        total, count = wish - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    means = [total / count for total, count in blocks for _ in range(count)]
    for node, mean, offset in zip(layer, means, offsets, strict=True):
        work.x[node] = mean + offset


def _finished(
    work: _Work, sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]
) -> Layout:
    """Move the drawing to the origin and write the routes."""
    left = min((x - w / 2 for x, w in zip(work.x, work.widths, strict=True)), default=0.0)
    right = max((x + w / 2 for x, w in zip(work.x, work.widths, strict=True)), default=0.0)
    work.x = [x - left for x in work.x]
    y, tall, top = [0.0] * len(work.x), [0.0] * len(work.x), 0.0
    for layer in work.layers:
        height = max((work.heights[node] for node in layer), default=0.0)
        for node in layer:
            y[node], tall[node] = top + height / 2, height
        top += height + _STOREY
    leave, enter = _ports(work, sizes, edges)
    routes = []
    for at, chain in enumerate(work.chains):
        first, *bends, last = chain
        route = [(leave[at], y[first] + sizes[first][1] / 2)]
        for bend in bends:
            route += [(work.x[bend], y[bend] + side * tall[bend] / 2) for side in (-1, 1)]
        routes.append([*route, (enter[at], y[last] - sizes[last][1] / 2)])
    centres = list(zip(work.x, y, strict=True))[: len(sizes)]
    return Layout(centres, routes, right - left, max(top - _STOREY, 0.0))


def _ports(
    work: _Work, sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]
) -> tuple[dict[int, float], dict[int, float]]:
    """Spread the ends of edges along the borders of their boxes, by where they come from."""
    leaving: dict[int, list[tuple[float, int]]] = {}
    entering: dict[int, list[tuple[float, int]]] = {}
    for at, (start, end) in enumerate(edges):
        chain = work.chains[at]
        leaving.setdefault(start, []).append((work.x[chain[1]], at))
        entering.setdefault(end, []).append((work.x[chain[-2]], at))
    return _spread(work, sizes, leaving), _spread(work, sizes, entering)


def _spread(
    work: _Work, sizes: Sequence[tuple[float, float]], ends: dict[int, list[tuple[float, int]]]
) -> dict[int, float]:
    found = {}
    for node, group in ends.items():
        step = min(16.0, sizes[node][0] / (len(group) + 1))
        for at, (_, edge) in enumerate(sorted(group)):
            found[edge] = work.x[node] + (at - (len(group) - 1) / 2) * step
    return found
