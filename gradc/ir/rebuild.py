"""Copy a graph into another one, changing nodes on the way: what every pass is made of."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from gradc.ir.graph import Graph
from gradc.ir.node import UNKNOWN, Node, Origin
from gradc.ir.op import Kind
from gradc.ir.value import Value

__all__ = ["Visit", "copy_node", "inline", "rebuild", "transfer"]

Visit: TypeAlias = Callable[[Graph, Node, tuple[Value, ...]], Value]


def copy_node(graph: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
    """Add the same op to ``graph``."""
    ids = tuple([v.id for v in operands])
    return graph.value(graph.add(node.op, ids, node.params, node.regions, known=node.type))


def transfer(
    source: Graph,
    target: Graph,
    images: dict[int, Value],
    wanted: Iterable[bool],
    visit: Visit = copy_node,
) -> dict[int, Value]:
    """Copy the wanted nodes of ``source`` into ``target``.

    ``images`` maps nodes that already have a counterpart (inputs, say) and is completed.  Names and
    origins go along; an origin that points at a primal node is turned to that node's image.
    """
    before = target.origin
    for node, keep in zip(source.nodes, wanted, strict=True):
        if not keep or node.id in images:
            continue
        target.origin = _moved(node.origin, images)
        image = visit(target, node, tuple([images[i] for i in node.operands]))
        images[node.id] = image
        name = source.names.get(node.id)
        if name is not None:
            target.rename(image.id, name)
    target.origin = before
    return images


def rebuild(graph: Graph, visit: Visit = copy_node) -> Graph:
    """Return a new graph of the nodes that the outputs need, each sent through ``visit``.

    All inputs are kept, in order.
    """
    result = Graph(graph.name)
    images: dict[int, Value] = {}
    for id in graph.inputs:
        node = graph[id]
        images[id] = result.input(node.params["name"], node.type, node.origin)
    transfer(graph, result, images, graph.live(), visit)
    result.outputs = [images[id].id for id in graph.outputs]
    return result


def inline(graph: Graph, into: Graph, operands: Sequence[Value]) -> list[Value]:
    """Copy ``graph`` into another graph with its inputs replaced; return its outputs there."""
    images = dict(zip(graph.inputs, operands, strict=True))
    wanted = [
        live and node.op.kind is not Kind.INPUT
        for node, live in zip(graph.nodes, graph.live(), strict=True)
    ]
    transfer(graph, into, images, wanted)
    return [images[id] for id in graph.outputs]


def _moved(origin: Origin, images: dict[int, Value]) -> Origin:
    """Let an origin point at the image of the node it points at."""
    if not origin.derived:
        return origin
    return Origin(
        origin.span, _image(origin.adjoint_of, images), _image(origin.tangent_of, images)
    )


def _image(id: int | None, images: dict[int, Value]) -> int | None:
    if id is None:
        return None
    image = images.get(id)
    return UNKNOWN if image is None else image.id
