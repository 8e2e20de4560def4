"""What the NumPy printer decides before it writes: order, and who is a statement.

*Transparent* nodes cost nothing and are written out wherever they are read: a broadcast, or a
reshape that only inserts axes.  What reads a transparent node reads its operand, so an operand
under a transparent node that is read twice is itself read twice and becomes a statement.
"""

from collections.abc import Iterable
from enum import IntEnum

from gradc.emit.numpy_memory import is_filled
from gradc.ir import Graph, Kind, Node, Shape
from gradc.records import dataclass

__all__ = [
    "Plan",
    "Section",
    "expanded_axes",
    "leads_with_ones",
    "make_plan",
]


class Section(IntEnum):
    """The parts of a function's body, in order."""

    PRIMAL = 0
    TANGENT = 1
    ADJOINT = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """The printer's decisions.

    Parameters
    ----------
    order : list of Node
        Live nodes section by section, in topological order.
    section : list of Section
        By node.
    reads : list of int
        How often the text of each node is wanted.
    transparent : list of bool
        Which nodes are written out wherever they are read.
    keeps : list of bool
        Which reshapes are a reduction with ``keepdims``.
    """

    order: list[Node]
    section: list[Section]
    reads: list[int]
    transparent: list[bool]
    keeps: list[bool]


def make_plan(graph: Graph, *, sections: bool = True) -> Plan:
    """Decide order and sections, and count who reads whom; a region has one section."""
    live = graph.live()
    nodes = [node for node in graph.nodes if live[node.id]]
    users = [0] * len(graph)
    for node in nodes:
        for operand in node.operands:
            users[operand] += 1
    transparent, keeps = [False] * len(graph), [False] * len(graph)
    started = _started(nodes)
    for node in nodes:
        keeps[node.id] = _keeps_axes(graph, node, users)
        again = node.id in started and users[node.id] > 1 and is_filled(graph, node)
        transparent[node.id] = again or (not keeps[node.id] and _is_transparent(graph, node))
    section = _sections(graph, nodes) if sections else [Section.PRIMAL] * len(graph)
    order = sorted(nodes, key=lambda node: section[node.id])
    return Plan(order, section, _reads(graph, nodes, transparent), transparent, keeps)


def _started(nodes: Iterable[Node]) -> set[int]:
    """Return the arrays that something writes to: filled ones are made anew for each."""
    found: set[int] = set()
    for node in nodes:
        if node.regions:
            found.update(node.operands)
        elif node.op.name in ("index_put", "index_add"):
            found.add(node.operands[0])
    return found


def _sections(graph: Graph, nodes: Iterable[Node]) -> list[Section]:
    """Put each node into its own section, but never before an operand's."""
    section = [Section.PRIMAL] * len(graph)
    for node in nodes:
        if node.operands:
            own = _own_section(node)
            section[node.id] = max(own, *(section[i] for i in node.operands))
    return section


def _own_section(node: Node) -> Section:
    if node.origin.adjoint_of is not None:
        return Section.ADJOINT
    return Section.PRIMAL if node.origin.tangent_of is None else Section.TANGENT


def _is_transparent(graph: Graph, node: Node) -> bool:
    if node.id in graph.names:
        return False
    return node.op.name == "broadcast_to" or expanded_axes(graph, node) is not None


def _keeps_axes(graph: Graph, node: Node, users: list[int]) -> bool:
    """Tell whether a reshape is the ``keepdims=True`` of a reduction that only it reads."""
    if expanded_axes(graph, node) is None:
        return False
    inner = graph[node.operands[0]]
    axes = inner.params.get("axes") if inner.op.kind is Kind.REDUCTION else None
    if axes is None or inner.id in graph.names or users[inner.id] != 1:
        return False
    before = graph[inner.operands[0]].type.shape
    return node.type.shape == tuple(1 if i in axes else dim for i, dim in enumerate(before))


def _reads(graph: Graph, nodes: list[Node], transparent: list[bool]) -> list[int]:
    reads = [0] * len(graph)
    for id in graph.outputs:
        reads[id] += 1
    for node in reversed(nodes):
        weight = reads[node.id] if transparent[node.id] else 1
        for operand in node.operands:
            reads[operand] += weight
    return reads


def expanded_axes(graph: Graph, node: Node) -> tuple[int, ...] | None:
    """Return the axes of length 1 that a reshape inserts; None if it does anything else."""
    if node.op.name != "reshape":
        return None
    before, after = graph[node.operands[0]].type.shape, node.type.shape
    if len(after) <= len(before):
        return None
    axes, taken = [], 0
    for axis, dim in enumerate(after):
        if taken < len(before) and dim == before[taken]:
            taken += 1
        elif dim == 1:
            axes.append(axis)
        else:
            return None
    return tuple(axes) if taken == len(before) else None


def leads_with_ones(before: Shape, after: Shape) -> bool:
    """Tell whether ``after`` only has more axes of length 1 in front, as broadcasting adds."""
    extra = len(after) - len(before)
    return extra >= 0 and after[extra:] == before and all(dim == 1 for dim in after[:extra])
