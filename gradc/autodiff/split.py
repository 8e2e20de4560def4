"""Cut a joint graph into a forward part, a backward part, and the residuals between them."""

from collections.abc import Sequence

from gradc.ir import Graph, Kind, Node, Value
from gradc.ir.rebuild import copy_node, transfer
from gradc.records import dataclass

__all__ = ["Split", "split"]


@dataclass(frozen=True, slots=True)
class Split:
    """Two graphs that together compute what the joint graph does.

    ``forward``: inputs of the primal -> values, then residuals.
    ``backward``: residuals, then seeds -> derivatives.  Inputs of the primal that the backward part
    reads are residuals as well.
    """

    forward: Graph
    backward: Graph
    values: int
    residuals: tuple[Node, ...]


def split(joint: Graph, values: int, seeds: Sequence[int]) -> Split:
    """Split at what depends on the inputs ``seeds``; the first ``values`` outputs are primal.

    A broadcast is not stored: the backward part repeats it from its operand; what lies behind a
    barrier is computed there as well.
    """
    barriers = [node.id for node in joint.nodes if node.op.name == "barrier"]
    late = _depends(joint, [*barriers, *(joint.inputs[position] for position in seeds)])
    live = joint.live()
    derivatives = joint.outputs[values:]
    again = _repeated(joint, late, live, derivatives)
    needed = _residuals(joint, late, live, again, derivatives)
    seed_ids = {joint.inputs[position] for position in seeds}
    early = [id for id in joint.inputs if id not in seed_ids]
    forward = _part(joint, early, [n.id for n in joint.nodes if live[n.id] and not late[n.id]])
    forward.graph.outputs = [forward.image(id) for id in (*joint.outputs[:values], *needed)]
    backward = _part(
        joint,
        [*needed, *(joint.inputs[position] for position in seeds)],
        [n.id for n in joint.nodes if live[n.id] and (late[n.id] or again[n.id])],
    )
    backward.graph.outputs = [backward.image(id) for id in derivatives]
    return Split(forward.graph, backward.graph, values, tuple(joint[id] for id in needed))


@dataclass(slots=True)
class _Part:
    graph: Graph
    images: dict[int, Value]

    def image(self, id: int) -> int:
        return self.images[id].id


def _part(joint: Graph, inputs: Sequence[int], ids: Sequence[int]) -> _Part:
    """Copy some nodes into a graph of their own, with ``inputs`` as its inputs."""
    graph = Graph(joint.name)
    images: dict[int, Value] = {}
    for position, id in enumerate(inputs):
        name = joint.names.get(id, f"r{position}")
        images[id] = graph.input(name, joint[id].type, joint[id].origin)
    wanted = [False] * len(joint)
    for id in ids:
        wanted[id] = id not in images
    transfer(joint, graph, images, wanted, copy_node)
    return _Part(graph, images)


def _depends(graph: Graph, ids: Sequence[int]) -> list[bool]:
    hit = [False] * len(graph)
    for id in ids:
        hit[id] = True
    for node in graph.nodes:
        hit[node.id] = hit[node.id] or any(hit[i] for i in node.operands)
    return hit


def _repeated(
    graph: Graph, late: list[bool], live: list[bool], outputs: Sequence[int]
) -> list[bool]:
    """Tell which early nodes the backward part computes again instead of reading them."""
    again = [False] * len(graph)
    wanted = [False] * len(graph)
    for id in outputs:
        wanted[id] = True
    for node in reversed(graph.nodes):
        if not live[node.id]:
            continue
        cheap = node.op.kind is Kind.CONSTANT or node.op.name == "broadcast_to"
        again[node.id] = wanted[node.id] and not late[node.id] and cheap
        if late[node.id] or again[node.id]:
            for operand in node.operands:
                wanted[operand] = True
    return again


def _residuals(
    graph: Graph, late: list[bool], live: list[bool], again: list[bool], outputs: Sequence[int]
) -> list[int]:
    """Return what the backward part reads of the forward part, in order."""
    read = set(outputs)
    for node in graph.nodes:
        if live[node.id] and (late[node.id] or again[node.id]):
            read.update(node.operands)
    return sorted(i for i in read if not late[i] and not again[i])
