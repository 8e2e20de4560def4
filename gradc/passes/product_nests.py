"""Nests of loops over elements that are products of matrices.

    for i in range(n):
        for j in range(m):
            c[i, j] = beta * c[i, j]
            for k in range(r):                      ->      c = beta * c + a @ b
                c[i, j] += a[i, k] * b[k, j]

Every loop of a nest is taken for all its turns at once, inner ones first, and what comes of it is
kept where a product of matrices is in it and no value much larger than what the loops work on.
A sum is then added up in another order, as that of rows and matrices is, and nothing else changes.

A carry that is zero before each turn (the adjoint of a buffer that every turn writes anew) is no
carry: it is assumed where the first turn has it and some turn clears, and seen at the end.
"""

import math
from collections.abc import Iterator, Sequence

from gradc.ir import DimExpr, Graph, IndexSpec, NewAxis, Node, Slice, Value, op_named
from gradc.ir.dims import product
from gradc.ir.rebuild import copy_input, copy_node, transfer
from gradc.passes.batched import Batch, NotBatchedError
from gradc.passes.labels import with_few_labels
from gradc.passes.rewrite import literal
from gradc.passes.simplify import simplify
from gradc.passes.upwards import upwards
from gradc.passes.whole_loops import whole_loop
from gradc.passes.window_batches import is_tile

__all__ = ["as_products"]

ROOM = 4
"""How much larger than all that the loops work on a value may be."""
SIDE = 4
"""Rows, columns and terms that a product of matrices has at least."""
WORK = 1 << 10
"""Multiplications that it has at least."""
_ANY = 1 << 48
"""Elements of values on the way: a product of all indices is not made in the end."""


def as_products(node: Node, operands: Sequence[Value]) -> Graph | None:
    """Return a function of the loop's operands that gives its carries; None if it stays a loop."""
    try:
        if not _is_nest(node):
            return None
        made = with_few_labels(_flat_loop(node, known := _numbers(operands)))
    except NotBatchedError:
        return None
    return _without_zeros(made, known) if _pays(made) else None


def _is_nest(node: Node) -> bool:
    """Tell whether loops of known lengths, and nothing else with a region, are inside of loops.

    Parts of matrices that lie side by side need but one loop.
    """
    inner = list(_loops(node))
    counts = (one.params.get("count") for one in inner)
    if not all(isinstance(count, int) and count > 1 for count in counts):
        return False
    return len(inner) > 1 or _has_tiles(node.regions[0])


def _has_tiles(body: Graph) -> bool:
    """Tell whether turns read or write parts of arrays that lie side by side."""
    items = (item for node in body.nodes for item in node.params.get("spec", ()))
    moving = (one for one in items if isinstance(one, Slice) and isinstance(one.start, DimExpr))
    return any(is_tile(one, Batch.run_of) for one in moving)


def _loops(node: Node) -> Iterator[Node]:
    yield node
    for region in node.regions:
        for one in region.nodes:
            if one.regions:
                yield from _loops(one)


def _pays(graph: Graph) -> bool:
    """Tell whether a product of matrices is left, and nothing much larger than what is given."""
    live = graph.live()
    nodes = [node for node in graph.nodes if live[node.id]]
    given = max(_elements(graph[id]) for id in (*graph.inputs, *graph.outputs))
    if any(node.regions or _elements(node) > ROOM * given for node in nodes):
        return False
    return any(node.op.name == "contract" and _of_matrices(graph, node) for node in nodes)


def _without_zeros(graph: Graph, known: dict[int, float]) -> Graph:
    """Let a product of matrices that is added to zeros be the sum: it starts from zero itself."""
    result = Graph(graph.name)
    images = _inputs(graph, result, known)

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "add":
            for start, other in (operands, operands[::-1]):
                if _is_same(0.0, literal(start)) and _is_product(other):
                    return other
        return copy_node(target, node, operands)

    transfer(graph, result, images, graph.live(), visit)
    result.outputs = [images[id].id for id in graph.outputs]
    return result


def _is_product(value: Value) -> bool:
    node = value.node
    while node.op.name == "transpose":
        node = value.graph[node.operands[0]]
    return node.op.name == "contract" and _of_matrices(value.graph, node)


def _elements(node: Node) -> int:
    size = node.type.size
    return size if isinstance(size, int) else _ANY


def _of_matrices(graph: Graph, node: Node) -> bool:
    """Tell whether a product has rows and columns of its own, and enough of both."""
    a, b, out = (set(node.params[f"{name}_labels"]) for name in ("a", "b", "out"))
    extents = dict(zip(node.params["a_labels"], graph[node.operands[0]].type.shape, strict=True))
    extents |= zip(node.params["b_labels"], graph[node.operands[1]].type.shape, strict=True)
    sides = [product(extents[x] for x in labels) for labels in (a - b, b - a, (a & b) - out)]
    work = product(extents.values())
    known = isinstance(work, int) and all(isinstance(side, int) for side in sides)
    return known and work >= WORK and all(side >= SIDE for side in sides)  # type: ignore[operator]


def _flat_loop(node: Node, known: dict[int, float]) -> Graph:
    """Return the function of one loop; ``known`` operands, by slot, have one number everywhere."""
    first = len(node.operands) - node.params["carries"]
    started = {slot for slot in known if slot >= first}
    if not _clears(node, {known[slot] for slot in started}):
        return _flat_turns(node, {s: v for s, v in known.items() if s < first})
    return _flat_turns(node, known)


def _clears(node: Node, numbers: set[float]) -> bool:
    """Tell whether some turn writes one of these numbers."""
    return any(
        literal(region.value(one.operands[1])) in numbers
        for loop in _loops(node)
        for region in loop.regions
        for one in region.nodes
        if one.op.name == "index_put"
    )


def _flat_turns(node: Node, known: dict[int, float]) -> Graph:
    """Return the function of a loop whose carries in ``known`` may be the same in every turn."""
    node = upwards(node)
    body = _flat_body(node.regions[0], known)
    first = len(node.operands) - node.params["carries"]
    left = {first + k: literal(body.value(id)) for k, id in enumerate(body.outputs)}
    steady = {s: v for s, v in known.items() if s < first or _is_same(v, left[s])}
    if len(steady) < len(known):
        return _flat_turns(node, steady)
    made = Graph(body.name)
    operands = tuple(copy_input(body, id, made) for id in body.inputs)
    found = whole_loop(made, node, body, operands, _ANY, tiles=True)
    if found is None:
        raise NotBatchedError
    made.outputs = [value.id for value in found]
    return simplify(made, final=True)


def _is_same(a: float, b: float | None) -> bool:
    return b is not None and a == b and math.copysign(1.0, a) == math.copysign(1.0, b)


def _flat_body(region: Graph, known: dict[int, float]) -> Graph:
    """Return a turn without loops in it, what follows on a write joined to it."""
    result = Graph(region.name)
    images = _inputs(region, result, known)
    made: dict[int, list[Value]] = {}

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "project" and node.operands[0] in made:
            item: int = node.params["item"]
            return made[node.operands[0]][item]
        if node.regions:
            flat = _flat_loop(node, _numbers(operands))
            made[node.id] = _inlined(flat, target, operands)
            return operands[0]
        return _joined(target, node, operands)

    transfer(region, result, images, region.live(), visit)
    result.outputs = [images[id].id for id in region.outputs]
    return simplify(result, final=True)


def _inputs(graph: Graph, target: Graph, known: dict[int, float]) -> dict[int, Value]:
    """Copy the inputs of a graph; those that are known are numbers."""
    images = {id: copy_input(graph, id, target) for id in graph.inputs}
    for slot, number in known.items():
        kind = graph[graph.inputs[slot]].type
        images[graph.inputs[slot]] = target.literal(number, kind.dtype).broadcast_to(kind.shape)
    return images


def _numbers(operands: Sequence[Value]) -> dict[int, float]:
    """Return the operands, by slot, that have one number everywhere."""
    numbers = {slot: literal(value) for slot, value in enumerate(operands)}
    return {slot: number for slot, number in numbers.items() if number is not None}


def _inlined(graph: Graph, target: Graph, operands: tuple[Value, ...]) -> list[Value]:
    images = dict(zip(graph.inputs, operands, strict=True))
    transfer(graph, target, images, graph.live(), _joined)
    return [images[id] for id in graph.outputs]


def _joined(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
    """Add an operation; one on a part of an array that was just written is one on that part."""
    reads = node.op.name == "index"
    if not (reads or node.op.name in ("index_put", "index_add")):
        return copy_node(target, node, operands)
    spec = node.params["spec"]
    if len(operands) != 2 - reads or any(isinstance(item, NewAxis) for item in spec):
        return copy_node(target, node, operands)
    x = operands[0]
    put = x.node.op.name == "index_put"
    if (put or x.node.op.name == "index_add") and x.node.params["spec"] == spec:
        base, *values = target.values(x.node.operands)
        if len(values) == 1:
            return _on_part(node, put, base, values[0], operands[1:])
    if node.op.name == "index_put":
        return _written(x, operands[1], node)
    return copy_node(target, node, operands)


def _on_part(node: Node, put: bool, base: Value, value: Value, new: tuple[Value, ...]) -> Value:
    """Read or write a part of an array after a value was put there or added to it."""
    spec = node.params["spec"]
    if node.op.name == "index":
        return value if put else node.op(base, spec=spec) + value
    if node.op.name == "index_add":
        return op_named("index_put" if put else "index_add")(base, value + new[0], spec=spec)
    return _written(base, new[0], node)


def _written(x: Value, value: Value, node: Node) -> Value:
    """Write a part of an array; ``x[s] = x[s] + v`` adds."""
    spec, inner = node.params["spec"], value.node
    if inner.op.name in ("add", "subtract") and value.dtype.kind == "f":
        a, b = value.graph.values(inner.operands)
        if _reads(a, x, spec):
            return op_named("index_add")(x, b if inner.op.name == "add" else -b, spec=spec)
        if inner.op.name == "add" and _reads(b, x, spec):
            return op_named("index_add")(x, a, spec=spec)
    return op_named("index_put")(x, value, spec=spec)


def _reads(value: Value, x: Value, spec: IndexSpec) -> bool:
    node = value.node
    return node.op.name == "index" and node.operands == (x.id,) and node.params["spec"] == spec
