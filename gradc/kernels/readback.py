"""A value that was written into an array is read from there by who reads its neighbours anyway.

``b[1:-1] = e(a); a[1:-1] = f(b[1:-1], b[:-2], b[2:])`` knows ``b[1:-1]`` to be ``e(a)``.  Inlined,
``e`` is computed twice, and the second sweep reads ``a``, which it writes: it must be made beside
``a`` and copied.  Read from ``b``, where it lies, neither is so.
"""

from collections.abc import Iterable

from gradc.ir import Array, Graph, Kind, Node, Value, op_named
from gradc.ir.rebuild import transfer

__all__ = ["read_back"]

NEAR = 48
"""How many elementwise operations ahead two values are seen to meet."""


def read_back(graph: Graph) -> Graph:
    """Return an equivalent graph that reads values from the arrays they were written into."""
    puts = [node for node in graph.nodes if node.op.name == "index_put"]
    if not puts:
        return graph
    users = _users(graph)
    replaced: dict[tuple[int, int], Node] = {}
    for put in puts:
        for user in _near_readers(graph, users, put):
            for slot, operand in enumerate(graph[user].operands):
                if operand == put.operands[1]:
                    replaced[user, slot] = put
    return _rebuilt(graph, replaced) if replaced else graph


def _users(graph: Graph) -> dict[int, list[int]]:
    users: dict[int, list[int]] = {node.id: [] for node in graph.nodes}
    for node, live in zip(graph.nodes, graph.live(), strict=True):
        if live:
            for operand in dict.fromkeys(node.operands):
                users[operand].append(node.id)
    return users


def _near_readers(graph: Graph, users: dict[int, list[int]], put: Node) -> list[int]:
    """Return the later users of a written value that meet other reads of the array."""
    spec = put.params["spec"]
    value = graph[put.operands[1]]
    if len(put.operands) != 2 or any(isinstance(item, Array) for item in spec):
        return []
    if not put.type.shape or not value.type.shape or not _is_work(graph, value):
        return []
    others = [id for id in users[value.id] if id > put.id and _is_elementwise(graph[id])]
    if not others:
        return []
    reads = [id for id in users[put.id] if graph[id].op.name == "index"]
    met = _ahead(graph, users, (user for id in reads for user in users[id]))
    return [id for id in others if met & _ahead(graph, users, (id,))]


def _is_elementwise(node: Node) -> bool:
    return node.op.kind is Kind.ELEMENTWISE


def _is_work(graph: Graph, value: Node) -> bool:
    """Tell whether a value takes more than one operation."""
    return _is_elementwise(value) and any(_is_elementwise(graph[i]) for i in value.operands)


def _ahead(graph: Graph, users: dict[int, list[int]], start: Iterable[int]) -> set[int]:
    """Return the next elementwise values made of some, themselves among them."""
    waiting = [id for id in start if _is_elementwise(graph[id])]
    seen: set[int] = set()
    while waiting and len(seen) < NEAR:
        id = waiting.pop(0)
        if id not in seen:
            seen.add(id)
            waiting += [user for user in users[id] if _is_elementwise(graph[user])]
    return seen


def _rebuilt(graph: Graph, replaced: dict[tuple[int, int], Node]) -> Graph:
    result = Graph(graph.name)
    images: dict[int, Value] = {}
    for id in graph.inputs:
        node = graph[id]
        name = graph.names.get(id, node.params["name"])
        images[id] = result.input(name, node.type, node.origin)

    def fetch(node: Node, slot: int) -> Value | None:
        put = replaced.get((node.id, slot))
        if put is None:
            return None
        return op_named("index")(images[put.id], spec=put.params["spec"])

    transfer(graph, result, images, graph.live(), fetch=fetch)
    result.outputs = [images[id].id for id in graph.outputs]
    return result
