"""Products of what a loop is given, made before it as one product of matrices.

    for t in range(n):                          rows = x @ w.T
        h = np.tanh(w @ x[t] + u @ h)     ->    for t in range(n):
                                                    h = np.tanh(rows[t] + u @ h)

Each turn read the whole matrix for one multiplication an element.  Products by parts of a matrix
whose lengths vary are parts of a product by the whole one (``ragged_products``); so they are before
a derivative is taken, which is a product of matrices then as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradc.ir import At, Graph, IndexSpec, Node, Program, Slice, Value, op_named
from gradc.ir.bind import symbols_in
from gradc.ir.rebuild import copy_input, copy_node, needed, rebuild, transfer
from gradc.ops.regions import make_loop
from gradc.passes.deferred import LITTLE, ROOM, TURNS, elements, is_given, pays
from gradc.passes.ragged_products import with_whole_products
from gradc.passes.simplify import simplify
from gradc.passes.whole_loops import whole_loop

__all__ = ["beforehand", "parts_beforehand"]


def beforehand(program: Program) -> Program:
    """Return the program with products of matrices before its loops."""
    graph, count = _beforehand(program.graph)
    return replace(program, graph=simplify(graph, final=True)) if count else program


def parts_beforehand(graph: Graph) -> Graph:
    """Return a graph with products by parts of varying lengths before its loops."""
    found, count = _beforehand(graph, parts=True)
    return simplify(found) if count else graph


def _beforehand(graph: Graph, *, parts: bool = False) -> tuple[Graph, int]:
    """Return a graph with products taken out of its loops, and out of how many."""
    results: dict[int, list[Value]] = {}
    counts = [0]

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "project" and node.operands[0] in results:
            item: int = node.params["item"]
            return results[node.operands[0]][item]
        if not node.regions:
            return copy_node(target, node, operands)
        inner = [_beforehand(region, parts=parts) for region in node.regions]
        counts[0] += sum(count for _, count in inner)
        regions = tuple(region for region, _ in inner)
        node = Node(node.id, node.op, node.operands, node.params, regions, node.type, node.origin)
        node, found = _chosen(node, parts=parts) if node.op.name == "loop" else (node, [])
        rows = _all_rows(target, node, found, operands) if found else None
        if rows is not None:
            results[node.id] = _rest(node, found, operands, rows)
            counts[0] += 1
            return operands[0]
        ids = tuple(v.id for v in operands)
        return target.value(target.add(node.op, ids, node.params, regions))

    return rebuild(graph, visit), counts[0]


def _chosen(node: Node, *, parts: bool) -> tuple[Node, list[int]]:
    """Return a loop and the products of a turn that are better made for all turns."""
    whole = with_whole_products(node)
    if whole is not None:
        found = [id for id in _found(whole[0]) if id in whole[1] or not parts]
        if not whole[1].isdisjoint(found):
            return whole[0], found
    return node, [] if parts else _found(node)


def _captures(node: Node) -> int:
    carries: int = node.params["carries"]
    return len(node.operands) - carries


def _found(node: Node) -> list[int]:
    """Return the products of a turn that are better made for all turns."""
    body, count, first = node.regions[0], node.params["count"], _captures(node)
    if not isinstance(count, int) or count < TURNS:
        return []
    live = body.live()
    found = [
        one.id
        for one in body.nodes
        if live[one.id]
        and one.op.name == "contract"
        and one.type.dtype.kind == "f"
        and all(is_given(body, first, i) for i in one.operands)
        and any(node.params["index"] in symbols for symbols in _symbols(body, one))
        and pays(body, one, ())
    ]
    room = max(LITTLE, ROOM * max((elements(body[id]) for id in body.inputs), default=0))
    return found if count * sum(elements(body[id]) for id in found) <= room else []


def _symbols(body: Graph, node: Node) -> Iterator[frozenset[object]]:
    """Yield the symbols of a node and of what its operands are taken by."""
    for id in node.operands:
        while body[id].operands:
            yield symbols_in(body[id].params)
            (id, *_) = body[id].operands


def _place(node: Node, id: int) -> IndexSpec:
    own = At(node.params["index"].expr())
    return (own, *(Slice(0, extent) for extent in node.regions[0][id].type.shape))


def _all_rows(
    target: Graph, node: Node, found: Sequence[int], operands: Sequence[Value]
) -> list[Value] | None:
    """Return the products of all turns, one row for each; None if they have no such form."""
    body, first = node.regions[0], _captures(node)
    turn = Graph(body.name)
    images = {id: copy_input(body, id, turn) for id in body.inputs[:first]}
    kinds = [body[id].type for id in found]
    shapes = [(node.params["count"], *kind.extents) for kind in kinds]
    rows = [
        turn.input("rows", kind.with_shape(shape))
        for kind, shape in zip(kinds, shapes, strict=True)
    ]
    transfer(body, turn, images, needed(body, list(found)))
    for id, array in zip(found, rows, strict=True):
        put = op_named("index_put")(array, images[id], spec=_place(node, id))
        turn.outputs.append(put.id)
    params = {**node.params, "carries": len(found)}
    loop = Node(node.id, node.op, (), params, (turn,), node.type, node.origin)
    blank = [target.blank(s, kind.dtype) for s, kind in zip(shapes, kinds, strict=True)]
    return whole_loop(target, loop, turn, (*operands[:first], *blank))


def _rest(
    node: Node, found: Sequence[int], operands: Sequence[Value], rows: Sequence[Value]
) -> list[Value]:
    """Add the loop that reads the rows."""
    body, first = node.regions[0], _captures(node)
    turn = Graph(body.name)
    images = {id: copy_input(body, id, turn) for id in body.inputs[:first]}
    for id, array in zip(found, rows, strict=True):
        given = turn.input(body.names.get(id, "rows"), array.type)
        images[id] = op_named("index")(given, spec=_place(node, id))
    for id in body.inputs[first:]:
        images[id] = copy_input(body, id, turn)
    transfer(body, turn, images, body.live())
    turn.outputs = [images[id].id for id in body.outputs]
    loop = {name: node.params[name] for name in ("index", "count", "reverse")}
    return make_loop(turn, [*operands[:first], *rows], operands[first:], **loop)
