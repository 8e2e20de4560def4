"""Arrays that a loop overwrites by parts, restored by the reverse rather than kept turn by turn.

Where the reverse of a turn reads a whole version of a carried array, keeping it would take the
array once for every turn.  If the turn makes its versions by storing into parts::

    v1 = index_put(v0, part, spec)       kept: index(v0, spec), what is overwritten
    v0 = index_put(v1, kept, spec)       in the reverse, from the array as the loop leaves it

the reverse loop carries the array and puts back what was overwritten.  That is exact, whatever the
numbers are.  An update such as ``a -= r * q`` is *not* undone by ``a += r * q``: what is left after
a cancellation has lost digits, and no bound on the loss is known before the program runs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gradc.autodiff.regions_final import chains
from gradc.autodiff.regions_keep import bytes_of, choose_kept
from gradc.autodiff.regions_ranges import Range
from gradc.autodiff.regions_split import Final, Pulled
from gradc.ir import Graph, Node, Origin, Value, op_named

__all__ = ["Undo", "choose_undone"]

_UPDATES = ("index_put", "index_add")
_GAIN = 2


@dataclass(frozen=True, slots=True)
class Undo:
    """A carried array that the reverse restores.

    Parameters
    ----------
    item : int
        The carry.
    versions : tuple of int
        Its versions in a turn, the carry itself first.
    parts : tuple of int
        What each step from one version to the next overwrites.
    """

    item: int
    versions: tuple[int, ...]
    parts: tuple[int, ...]

    def restore(self, graph: Graph, last: Value, parts: Sequence[Value]) -> list[Value]:
        """Return all versions in the reverse body, from the last one and what was overwritten."""
        found = [last]
        steps = list(zip(self.versions[1:], parts, strict=True))
        for version, part in reversed(steps):
            spec = graph[version].params["spec"]
            found.append(op_named("index_put")(found[-1], part, spec=spec))
        return found[::-1]


def choose_undone(
    pulled: Pulled,
    carries: int,
    final: Final,
    needed: Collection[int],
    ranges: Sequence[Range],
    inner: Collection[int],
) -> tuple[list[int], tuple[Undo, ...]]:
    """Return what a body keeps, and the arrays that are restored because that keeps much less."""
    graph = pulled.graph
    carried = graph.inputs[pulled.taken - carries : pulled.taken]
    free, undone = set[int](final.parts), list[Undo]()
    kept = choose_kept(graph, needed, free, carried, ranges, inner)
    for item, chain in enumerate(chains(graph, pulled.taken - carries, carries)):
        if chain is None or _none_of(chain.versions, kept) or not _is_stored(graph, chain.versions):
            continue
        fewer = choose_kept(graph, needed, free | {*chain.versions}, carried, ranges, inner)
        parts = [_part(graph, a, graph[b]) for a, b in pairwise(chain.versions)]
        both = list(dict.fromkeys([*fewer, *parts]))
        if _GAIN * bytes_of(graph, both, ranges) <= bytes_of(graph, kept, ranges):
            undone.append(Undo(item, chain.versions, tuple(parts)))
            free |= {*chain.versions}
            kept = fewer
    parts = [part for one in undone for part in one.parts]
    return list(dict.fromkeys([*kept, *parts])), tuple(undone)


def _none_of(versions: Sequence[int], kept: Collection[int]) -> bool:
    return not {*versions}.intersection(kept)


def _is_stored(graph: Graph, versions: Sequence[int]) -> bool:
    return len(versions) > 1 and all(graph[id].op.name in _UPDATES for id in versions[1:])


def _part(graph: Graph, before: int, node: Node) -> int:
    """Return the part of a version that a node overwrites."""
    with graph.at(Origin(node.origin.span)):
        part = op_named("index")(graph.value(before), spec=node.params["spec"]).id
    if before in graph.names:
        graph.names.setdefault(part, f"{graph.names[before]}_part")
    return part
