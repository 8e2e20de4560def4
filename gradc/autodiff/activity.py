"""Which nodes take part in a derivative, and why an argument may have none."""

from collections.abc import Collection, Iterable, Sequence
from enum import Enum

from gradc.ir import ZERO_DERIVATIVE, Graph, Node, is_float

__all__ = ["Cut", "active_nodes", "find_cut", "reached"]


class Cut(Enum):
    """What stands between an argument and the loss."""

    ABSENT = "the loss does not use it"
    INTEGER = "it passes only through integers or truth values"
    STOPPED = "it passes only through stop_gradient"
    CONSTANT = "it passes only through piecewise constant functions"


def carries(node: Node) -> bool:
    """Tell whether a derivative can pass from the operands of a node to its output."""
    return is_float(node.type.dtype) and node.op.derivative is not ZERO_DERIVATIVE


def reached(graph: Graph, wrt: Iterable[int], *, through_all: bool = False) -> list[bool]:
    """Tell which nodes a change of ``wrt`` reaches.

    With ``through_all`` any use counts; without, only differentiable ones.
    """
    hit = [False] * len(graph)
    for id in wrt:
        hit[id] = True
    for node in graph.nodes:
        if not hit[node.id] and (through_all or carries(node)):
            hit[node.id] = any(hit[i] for i in node.operands)
    return hit


def active_nodes(graph: Graph, wrt: Sequence[int], seeds: Collection[int]) -> list[int]:
    """Return the nodes on a differentiable path from ``wrt`` to the seeds, in order."""
    forward = reached(graph, wrt)
    needed = [False] * len(graph)
    for id in seeds:
        needed[id] = True
    active: list[int] = []
    for node in reversed(graph.nodes):
        if needed[node.id] and forward[node.id]:
            active.append(node.id)
            for operand in node.operands:
                needed[operand] = True
    return active[::-1]


def find_cut(graph: Graph, input: int, outputs: Sequence[int]) -> tuple[Cut, Node | None]:
    """Say why ``input`` has no derivative, and at which node the path ends.

    The first node that stops the derivative on a path to the outputs is reported; integers count
    before ``stop_gradient``, and that before piecewise constant functions.
    """
    used = reached(graph, [input], through_all=True)
    if not any(used[id] for id in outputs):
        return Cut.ABSENT, None
    smooth = reached(graph, [input])
    needed = [False] * len(graph)
    for id in outputs:
        needed[id] = True
    found: dict[Cut, Node] = {}
    for node in reversed(graph.nodes):
        if not (needed[node.id] and used[node.id]):
            continue
        for operand in node.operands:
            needed[operand] = True
        if not smooth[node.id] and any(smooth[i] for i in node.operands):
            found[_kind_of_cut(node)] = node
    for cut in (Cut.INTEGER, Cut.STOPPED, Cut.CONSTANT):
        if cut in found:
            return cut, found[cut]
    return Cut.CONSTANT, None


def _kind_of_cut(node: Node) -> Cut:
    if node.op.name == "stop_gradient":
        return Cut.STOPPED
    return Cut.CONSTANT if is_float(node.type.dtype) else Cut.INTEGER
