"""The bodies of loops and branches beside the graph around them, in one numbering.

A region is a graph of its own.  To lower it with the same functions, its nodes are appended to a
copy of the outer graph, so that a node id says everywhere which node is meant; a part is a program
over that copy with its own inputs and outputs.  Index symbols get a role of their own, so that
neither a loop of the same name nor a loop over an axis is mistaken for it.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gradc.ir import Dim, Graph, Kind, Node, Program, Symbol
from gradc.ir.bind import bind, bind_params
from gradc.ir.node import Origin
from gradc.kernels.readback import read_back
from gradc.records import dataclass

__all__ = ["Region", "flatten", "updated_operands"]


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """The parts of a region node, and for a counted loop its index and number of turns.

    ``needed`` are the results that anybody reads; in place of another one a part gives some value
    that is there anyway.
    """

    parts: tuple[Program, ...]
    needed: frozenset[int]
    index: Symbol | None = None
    count: Dim = 0


def flatten(program: Program) -> tuple[Program, dict[int, Region]]:
    """Return the program over the joint numbering, and the region of each node that has one."""
    graph = program.graph
    if not any(node.regions for node in graph.nodes):
        return program, {}
    whole = Graph(graph.name)
    whole.nodes, whole.names = list(graph.nodes), dict(graph.names)
    whole.inputs, whole.outputs = list(graph.inputs), list(graph.outputs)
    regions: dict[int, Region] = {}
    waiting: deque[tuple[Node, Mapping[Symbol, Dim], Graph]] = deque()
    waiting.extend((node, {}, whole) for node in graph.nodes if node.regions)
    while waiting:
        node, symbols, around = waiting.popleft()
        index, inside = _renamed(node, symbols, len(regions))
        needed = _needed(node, around)
        parts = []
        for region in node.regions:
            part, inner = _append(whole, read_back(region), inside, node.origin)
            _drop_outputs(node, part, needed)
            parts.append(part)
            waiting.extend((one, inside, part.graph) for one in inner)
        count = node.params.get("count", 0)
        regions[node.id] = Region(tuple(parts), frozenset(needed), index, count)
    return replace(program, graph=whole), regions


def _needed(node: Node, around: Graph) -> set[int]:
    """Return the results of a region that the graph around it or later turns read."""
    reached = _reached(around, around.outputs)
    needed = {
        user.params["item"]
        for user in around.nodes
        if user.id in reached and user.op.name == "project" and user.operands[0] == node.id
    }
    if node.op.name == "cond":
        return needed
    *tests, body = node.regions
    first = len(body.inputs) - node.params["carries"]
    while True:
        read = _reached(body, [body.outputs[item] for item in needed])
        items = {k - first for k, id in enumerate(body.inputs) if id in read and k >= first}
        for test in tests:
            read = _reached(test, test.outputs)
            items |= {k - first for k, id in enumerate(test.inputs) if id in read and k >= first}
        if items <= needed:
            return needed
        needed |= items


def _reached(graph: Graph, ids: Iterable[int]) -> set[int]:
    """Return the nodes that some nodes are made of."""
    found: set[int] = set()
    stack = list(ids)
    while stack:
        id = stack.pop()
        if id not in found:
            found.add(id)
            stack.extend(graph[id].operands)
    return found


def _drop_outputs(node: Node, part: Program, needed: set[int]) -> None:
    """Let a part give something else in place of results that nobody reads."""
    graph = part.graph
    for item in range(len(graph.outputs)):
        if item in needed or len(graph.outputs) != len(node.type.items):  # type: ignore[attr-defined]
            continue
        if node.op.name == "cond":
            graph.outputs[item] = graph.outputs[min(needed)] if needed else graph.outputs[item]
        else:
            first = len(graph.inputs) - node.params["carries"]
            graph.outputs[item] = graph.inputs[first + item]


def _renamed(
    node: Node, symbols: Mapping[Symbol, Dim], number: int
) -> tuple[Symbol | None, Mapping[Symbol, Dim]]:
    index = node.params.get("index")
    if index is None:
        return None, symbols
    fresh = Symbol(index.name, f"turn{number}")
    return fresh, {**symbols, index: fresh.expr()}


def _append(
    whole: Graph, region: Graph, symbols: Mapping[Symbol, Dim], around: Origin
) -> tuple[Program, list[Node]]:
    """Copy a region's nodes behind all others; return the part and its nodes with regions."""
    first = len(whole.nodes)
    inner: list[Node] = []
    for node in region.nodes:
        params, kind = node.params, node.type
        if symbols and node.op.kind is not Kind.CONSTANT:
            params, kind = bind_params(params, symbols), bind(kind, symbols)
        operands = tuple(first + i for i in node.operands)
        origin = node.origin
        if around.adjoint_of is not None:
            origin = origin._replace(adjoint_of=around.adjoint_of)
        copy = Node(first + node.id, node.op, operands, params, node.regions, kind, origin)
        whole.nodes.append(copy)
        if node.regions:
            inner.append(copy)
    whole.names.update({first + id: name for id, name in region.names.items()})
    part = Graph(region.name)
    part.nodes, part.names = whole.nodes, whole.names
    part.inputs = [first + id for id in region.inputs]
    part.outputs = [first + id for id in region.outputs]
    return Program(region.name, part, (), ()), inner


def updated_operands(node: Node, regions: Mapping[int, Region]) -> dict[int, int]:
    """Return which operand (by slot) each result of a region is a new version of.

    A carry's is its initial value; a branch's is the capture that it writes into, if any.
    """
    if node.op.name != "cond":
        carries = node.params["carries"]
        first = len(node.operands) - carries
        return {item: first + item for item in range(carries)}
    found: dict[int, int] = {}
    for item in sorted(regions[node.id].needed):
        for part in regions[node.id].parts:
            graph = part.graph
            source = _written_from(graph, graph.outputs[item], regions)
            slot = graph.inputs.index(source) + 1 if source in graph.inputs else 0
            if slot and slot not in found.values() and graph[source].type.shape:
                found[item] = slot
                break
    return found


def _written_from(graph: Graph, id: int, regions: Mapping[int, Region]) -> int:
    """Follow writes into an array back to the array that was written into."""
    while True:
        node = graph[id]
        if node.op.name in ("index_put", "index_add"):
            id = node.operands[0]
        elif node.op.name == "project":
            source = graph[node.operands[0]]
            slot = updated_operands(source, regions).get(node.params["item"])
            if slot is None:
                return -1
            id = source.operands[slot]
        else:
            return id if node.op.kind is Kind.INPUT else -1
