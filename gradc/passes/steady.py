"""What is the same in every turn of a loop, found through inner loops as well.

A value is steady if it is computed from steady values and does not show the index.  An inner loop
may be steady in some of its carries only::

    for j in range(n):
        p = f(p, a[j])           steady if a and the first p are
        q = g(p, q, x[j])        not steady if x is not
"""

from collections.abc import Iterable, Sequence
from dataclasses import field

from gradc.ir import Graph, Kind, Node, Symbol
from gradc.ir.bind import symbols_in
from gradc.records import dataclass

__all__ = ["Steady", "shows", "steady_carries", "steady_in"]


@dataclass(slots=True)
class Steady:
    """What is steady in a graph.

    Parameters
    ----------
    nodes : set of int
        Nodes that are steady, region nodes with all their results.
    items : dict of int to set of int
        The steady results of loops that have others as well.
    """

    nodes: set[int]
    items: dict[int, set[int]] = field(default_factory=dict)

    def flags(self, ids: Sequence[int]) -> list[bool]:
        """Tell of each node whether it is steady."""
        return [id in self.nodes for id in ids]


def steady_in(graph: Graph, known: Iterable[int], index: Symbol, *, partly: bool = True) -> Steady:
    """Return what is steady in a graph with some steady inputs.

    Without ``partly`` a loop that has results which are not steady has none that are.
    """
    found = Steady(set(known))
    for node in graph.nodes:
        if node.op.kind is Kind.INPUT:
            continue
        same = all(found.flags(node.operands)) and not shows(node, index)
        if same or _is_steady_item(node, found):
            found.nodes.add(node.id)
        elif partly and node.op.name == "loop" and index not in symbols_in(node.params):
            items, _ = steady_carries(node, found.flags(node.operands), index)
            if items:
                found.items[node.id] = items
    return found


def _is_steady_item(node: Node, found: Steady) -> bool:
    return node.op.name == "project" and (
        node.params["item"] in found.items.get(node.operands[0], ())
    )


def shows(node: Node, index: Symbol) -> bool:
    """Tell whether an index occurs in a node, or in its regions."""
    pending = [node]
    while pending:
        one = pending.pop()
        if index in symbols_in(one.params) or index in symbols_in(one.type):
            return True
        for region in one.regions:
            pending += region.nodes
    return False


def steady_carries(
    node: Node, flags: Sequence[bool], index: Symbol, *, partly: bool = True
) -> tuple[set[int], Steady]:
    """Return which carries of an inner loop are steady, and what is in its body.

    ``flags`` tell of each operand whether it is steady; ``index`` is that of the loop around.
    """
    body, first = node.regions[0], len(node.operands) - node.params["carries"]
    items = {k for k in range(node.params["carries"]) if flags[first + k]}
    while True:
        taken = [s for s, flag in enumerate(flags) if flag and (s < first or s - first in items)]
        inside = steady_in(body, [body.inputs[s] for s in taken], index, partly=partly)
        kept = {k for k in items if body.outputs[k] in inside.nodes}
        if kept == items:
            return items, inside
        items = kept
