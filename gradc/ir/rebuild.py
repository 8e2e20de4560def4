"""Copy a graph into another one, changing nodes on the way: what every pass is made of."""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from gradc.ir.bind import bind, bind_params
from gradc.ir.dims import Dim, Symbol
from gradc.ir.graph import Graph
from gradc.ir.node import UNKNOWN, Node, Origin
from gradc.ir.op import Kind
from gradc.ir.value import Value

__all__ = [
    "Visit",
    "bound",
    "copy_input",
    "copy_node",
    "inline",
    "needed",
    "rebuild",
    "redirect",
    "transfer",
]

Visit: TypeAlias = Callable[[Graph, Node, tuple[Value, ...]], Value]
Fetch: TypeAlias = Callable[[Node, int], Value | None]


def copy_input(source: Graph, id: int, target: Graph) -> Value:
    """Add an input like one of another graph: of its name there, its type and its origin."""
    node = source[id]
    return target.input(source.names.get(id, node.params["name"]), node.type, node.origin)


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
    fetch: Fetch | None = None,
) -> dict[int, Value]:
    """Copy the wanted nodes of ``source`` into ``target``.

    ``images`` maps nodes that already have a counterpart (inputs, say) and is completed.  Names and
    origins go along; an origin that points at a primal node is turned to that node's image.
    ``fetch(node, slot)`` may give another operand than the image of the one that is there.
    """
    before = target.origin
    for node, keep in zip(source.nodes, wanted, strict=True):
        if not keep or node.id in images:
            continue
        if fetch is None:
            operands = tuple([images[i] for i in node.operands])
        else:
            operands = tuple([fetch(node, k) or images[i] for k, i in enumerate(node.operands)])
        _copy_one(source, node, target, images, operands, visit)
    target.origin = before
    return images


def _copy_one(
    source: Graph,
    node: Node,
    target: Graph,
    images: dict[int, Value],
    operands: tuple[Value, ...],
    visit: Visit,
) -> None:
    target.origin = _moved(node.origin, images)
    image = visit(target, node, operands)
    images[node.id] = image
    name = source.names.get(node.id)
    if name is not None:
        target.rename(image.id, name)


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


def redirect(graph: Graph, replaced: Mapping[int, int]) -> Graph:
    """Return the graph with some nodes replaced by others, which may come later.

    Nodes keep their order as far as operands come before their users.
    """
    operands = [[replaced.get(i, i) for i in node.operands] for node in graph.nodes]
    outputs = [replaced.get(id, id) for id in graph.outputs]
    result = Graph(graph.name)
    images: dict[int, Value] = {}
    for id in graph.inputs:
        node = graph[id]
        images[id] = result.input(node.params["name"], node.type, node.origin)
    for id in _in_order(operands, outputs):
        if id not in images:
            fetched = tuple([images[i] for i in operands[id]])
            _copy_one(graph, graph[id], result, images, fetched, copy_node)
    result.origin = Origin()
    result.outputs = [images[id].id for id in outputs]
    return result


def _in_order(operands: Sequence[Sequence[int]], outputs: Sequence[int]) -> Iterator[int]:
    """Yield what the outputs need, operands first, lower numbers first where there is a choice."""
    seen, waiting = set(outputs), list(dict.fromkeys(outputs))
    users: dict[int, list[int]] = {}
    left: dict[int, int] = {}
    while waiting:
        id = waiting.pop()
        left[id] = len(operands[id])
        for operand in operands[id]:
            users.setdefault(operand, []).append(id)
            if operand not in seen:
                seen.add(operand)
                waiting.append(operand)
    ready = [id for id, count in left.items() if not count]
    heapq.heapify(ready)
    while ready:
        id = heapq.heappop(ready)
        yield id
        for user in users.get(id, ()):
            left[user] -= 1
            if not left[user]:
                heapq.heappush(ready, user)


def bound(graph: Graph, symbols: Mapping[Symbol, Dim]) -> Graph:
    """Return the graph with symbols replaced, in the types of inputs and in regions as well."""

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        ids = tuple(v.id for v in operands)
        regions = tuple(bound(region, symbols) for region in node.regions)
        return target.value(target.add(node.op, ids, bind_params(node.params, symbols), regions))

    result = Graph(graph.name)
    images: dict[int, Value] = {}
    for id in graph.inputs:
        node = graph[id]
        images[id] = result.input(node.params["name"], bind(node.type, symbols), node.origin)
    transfer(graph, result, images, graph.live(), visit)
    result.outputs = [images[id].id for id in graph.outputs]
    return result


def _moved(origin: Origin, images: dict[int, Value]) -> Origin:
    """Let an origin point at the image of the node it points at."""
    if not origin.derived:
        return origin
    return origin._replace(
        adjoint_of=_image(origin.adjoint_of, images), tangent_of=_image(origin.tangent_of, images)
    )


def _image(id: int | None, images: dict[int, Value]) -> int | None:
    if id is None:
        return None
    image = images.get(id)
    return UNKNOWN if image is None else image.id


def needed(graph: Graph, outputs: Iterable[int], known: Collection[int] = ()) -> list[bool]:
    """Tell which nodes some values of a graph are made from; ``known`` ones ask for nothing."""
    found = [False] * len(graph)
    for id in outputs:
        found[id] = True
    for node in reversed(graph.nodes):
        if found[node.id] and node.id not in known:
            for operand in node.operands:
                found[operand] = True
    return found
