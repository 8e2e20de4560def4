"""Long loops as loops over segments: what multi-level checkpointing runs.

    for i in range(N): body      =>      for b in range(K): for j in range(M): body[i = b M + j]
                                         for j in range(R): body[i = K M + j]        N = K M + R
    while test: body             =>      while test: n = 0; while test and n < M: body; n += 1

The inner loop is marked to be run again: its reverse keeps nothing from one segment to the next, so
the outer loop keeps the carries at the start of each segment only.  Segments are cut in turn where
that is asked for.  The numbers of these marks are negative: how such a loop runs is settled.
"""

from collections.abc import Sequence
from itertools import count as counting

from gradc.ir import INT64, ArrayType, Graph, Node, Origin, Symbol, op_named
from gradc.ir.bind import symbols_in
from gradc.ir.node import fresh_again
from gradc.ir.rebuild import bound, copy_input, inline
from gradc.ops.regions import project

__all__ = ["segments", "while_segments"]


def segments(node: Node, lengths: Sequence[int], around: Sequence[Symbol]) -> list[Node]:
    """Return a counted loop as a loop over segments, and one over the turns that are left.

    ``lengths`` are turns of a segment, of a segment in a segment, and so on: each divides the one
    before.  The nodes belong to no graph; the second begins with the results of the first.
    """
    total, index, reverse = node.params["count"], node.params["index"], node.params["reverse"]
    blocks, rest = divmod(total, lengths[0])
    found = [_over_segments(node, blocks, lengths, rest if reverse else 0, around)]
    if rest:
        start = 0 if reverse else blocks * lengths[0]
        left = bound(node.regions[0], {index: index.expr() + start})
        found.append(_with(node, (left,), count=rest))
    return found


def _over_segments(
    node: Node, blocks: int, lengths: Sequence[int], first: int, around: Sequence[Symbol]
) -> Node:
    index = node.params["index"]
    block = _fresh(index, {*around, *_indices(node.regions[0])})
    position = block.expr() * lengths[0] + index.expr() + first
    inner = _with(node, (bound(node.regions[0], {index: position}),), count=lengths[0])
    if len(lengths) > 1:
        more = lengths[0] // lengths[1]
        inner = _over_segments(inner, more, lengths[1:], 0, [*around, block])
    return _with(node, (_around(inner),), index=block, count=blocks)


def while_segments(node: Node, lengths: Sequence[int]) -> Node:
    """Return a loop with a condition as one over segments of so many turns at most."""
    limit = -(-node.params["limit"] // lengths[0])
    inner = _with(node, node.regions, limit=lengths[0])
    if len(lengths) > 1:
        inner = while_segments(inner, lengths[1:])
    turns = inner.params["limit"]
    counted = _counted(inner.regions[0], below=turns), _counted(inner.regions[1])
    body = _around(_with(inner, counted), counts=True)
    whole = node.params.get("whole", node.params["limit"])
    return _with(node, (node.regions[0], body), limit=limit, whole=whole)


def _counted(graph: Graph, below: int | None = None) -> Graph:
    """Return a body that also counts; with ``below``, a test that also asks for the count."""
    result = Graph(graph.name)
    operands = [copy_input(graph, id, result) for id in graph.inputs]
    made = result.input("made", ArrayType(INT64, ()))
    outputs = inline(graph, result, operands)
    if below is None:
        outputs.append(made + 1)
    else:
        outputs = [op_named("logical_and")(outputs[0], op_named("less")(made, below))]
    result.outputs = [value.id for value in outputs]
    return result


def _around(node: Node, *, counts: bool = False) -> Graph:
    """Return a body that runs a loop, marked to be run again as it is."""
    own = node.regions[-1]
    body = Graph(own.name)
    taken = own.inputs[:-1] if counts else own.inputs
    operands = [copy_input(own, id, body) for id in taken]
    with body.at(Origin(node.origin.span, again=-fresh_again())):
        if counts:
            operands.append(body.literal(0, INT64))
        carries = node.params["carries"] + counts
        params = {**node.params, "carries": carries}
        ids = tuple(value.id for value in operands)
        image = body.value(body.add(node.op, ids, params, node.regions))
        results = [project(image, item=k) for k in range(node.params["carries"])]
    body.outputs = [value.id for value in results]
    return body


def _with(node: Node, regions: tuple[Graph, ...], **params: object) -> Node:
    """Return the loop with other regions and parameters."""
    changed = {**node.params, **params}
    return Node(-1, node.op, node.operands, changed, regions, node.type, node.origin)


def _fresh(index: Symbol, taken: set[Symbol]) -> Symbol:
    """Return a symbol for the segments that no loop around or inside has."""
    names = (f"{index.name}_block{n or ''}" for n in counting())
    return next(s for name in names if (s := Symbol(name, index.role)) not in taken)


def _indices(graph: Graph) -> set[Symbol]:
    """Return the indices of all loops inside."""
    found: set[Symbol] = set()
    for node in graph.nodes:
        found |= symbols_in(node.params)
        if "index" in node.params:
            found.add(node.params["index"])
        for region in node.regions:
            found |= _indices(region)
    return found
