"""Arrays are read as they are now, and not as they were, where that is the same.

A value that was written into an array is read from there by who reads its neighbours anyway:

``b[1:-1] = e(a); a[1:-1] = f(b[1:-1], b[:-2], b[2:])`` knows ``b[1:-1]`` to be ``e(a)``.  Inlined,
``e`` is computed twice, and the second sweep reads ``a``, which it writes: it must be made beside
``a`` and copied.  Read from ``b``, where it lies, neither is so.

What lies beside all that was written since is read from the newest version of an array, so that
``y[0] = c; y[1:] -= d`` does not ask for the old ``y[1:]`` to be kept aside.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from gradc.ir import Array, Graph, IndexSpec, Kind, Node, Value, op_named
from gradc.ir.rebuild import copy_input, transfer
from gradc.passes.boxes import Box, box_of, disjoint

__all__ = ["read_back"]

_Use: TypeAlias = tuple[int, int]
"""A node and one of its operands, by slot."""
_Read: TypeAlias = tuple[int, IndexSpec]
"""A part of an array."""

NEAR = 48
"""How many elementwise operations ahead two values are seen to meet."""


def read_back(graph: Graph) -> Graph:
    """Return an equivalent graph that reads values from the arrays they were written into."""
    puts = [node for node in graph.nodes if node.op.name == "index_put"]
    if not puts:
        return graph
    users = _users(graph)
    replaced = dict(_newer(graph, users))
    for put in puts:
        for user in _near_readers(graph, users, put):
            for slot, operand in enumerate(graph[user].operands):
                if operand == put.operands[1]:
                    replaced[user, slot] = put.id, put.params["spec"]
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


def _newer(graph: Graph, users: dict[int, list[int]]) -> Iterator[tuple[_Use, _Read]]:
    """Yield uses of a part of an array that a newer version shows as well."""
    for node in graph.nodes:
        box = box_of(node.params["spec"]) if node.op.name == "index" else None
        if box is None or not node.type.shape:
            continue
        versions = list(_versions(graph, users, node.operands[0], box))
        for user in users[node.id] if versions else ():
            known = [id for id in versions if id < user]
            for slot, operand in enumerate(graph[user].operands):
                if known and operand == node.id:
                    yield (user, slot), (known[-1], node.params["spec"])


def _versions(graph: Graph, users: dict[int, list[int]], array: int, box: Box) -> Iterator[int]:
    """Yield the arrays that a chain of writes beside a box makes of an array."""
    while True:
        puts = [id for id in users[array] if _writes_beside(graph[id], array, box)]
        if len(puts) != 1:
            return
        array = puts[0]
        yield array


def _writes_beside(node: Node, array: int, box: Box) -> bool:
    if node.op.name != "index_put" or node.operands[0] != array or len(node.operands) != 2:
        return False
    written = box_of(node.params["spec"])
    return written is not None and array != node.operands[1] and disjoint(written, box)


def _rebuilt(graph: Graph, replaced: dict[_Use, _Read]) -> Graph:
    result = Graph(graph.name)
    images = {id: copy_input(graph, id, result) for id in graph.inputs}

    def fetch(node: Node, slot: int) -> Value | None:
        found = replaced.get((node.id, slot))
        return op_named("index")(images[found[0]], spec=found[1]) if found else None

    transfer(graph, result, images, graph.live(), fetch=fetch)
    result.outputs = [images[id].id for id in graph.outputs]
    return result
