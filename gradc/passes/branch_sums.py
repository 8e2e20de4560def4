"""Sums into arrays, made inside the branches that give a term.

The reverse of a branch gives the adjoint of an array of which it reads an element: zeros but for
that element, and zeros alone where the other branch is taken.  The branch takes the sum so far
instead, and adds to it::

    x_bar + if(c, pad(v), zeros)                  if(c, x_bar + pad(v), x_bar)

so that nothing as large as the array is made, neither where there is something to add nor where
there is nothing.
"""

from collections.abc import Mapping, Sequence

from gradc.ir import Graph, Node, Value
from gradc.ir.rebuild import copy_input, transfer
from gradc.passes.rewrite import literal

__all__ = ["branch_origin", "is_zero", "with_sums"]


def is_zero(graph: Graph, id: int) -> bool:
    """Tell whether a value is zero everywhere."""
    return literal(graph.value(id)) == 0


def branch_origin(cond: Node, item: int) -> int | None:
    """Return the operand of which a result is a version whichever branch is taken, if there is one.

    A version is the array itself, or the array with something written or added to it.
    """
    found = {_origin(region, region.outputs[item]) for region in cond.regions}
    slot = found.pop()
    return None if found or slot is None else 1 + slot


def _origin(region: Graph, id: int) -> int | None:
    """Return the input of a branch, by position, of which a value is a version."""
    positions = {input: k for k, input in enumerate(region.inputs)}
    at: int | None = id
    while at is not None and at not in positions:
        at = _older(region, region[at], positions)
    return None if at is None else positions[at]


def _older(region: Graph, node: Node, positions: Mapping[int, int]) -> int | None:
    """Return the array that a node makes a version of."""
    if node.op.name in ("index_put", "index_add"):
        return node.operands[0]
    if node.op.name == "add" and node.type.shape:
        return next((i for i in node.operands if i in positions), None)
    if node.op.name != "project":
        return None
    source, item = region[node.operands[0]], node.params["item"]
    if source.op.name != "cond":
        place: int = len(source.operands) - source.params["carries"] + item
        return source.operands[place]
    slot = branch_origin(source, item)
    return None if slot is None else source.operands[slot]


def with_sums(cond: Node, sums: Mapping[int, Value], target: Graph) -> tuple[Graph, ...]:
    """Return the branches with one more input for each of some results, which is added to it.

    ``sums`` gives what is added to a result, for the types and names of the inputs.
    """
    return tuple(_with_sums(region, sums, target) for region in cond.regions)


def _with_sums(region: Graph, sums: Mapping[int, Value], outer: Graph) -> Graph:
    result = Graph(region.name)
    images = {id: copy_input(region, id, result) for id in region.inputs}
    totals = {item: result.input(_name(outer, v), v.type) for item, v in sums.items()}
    transfer(region, result, images, region.live())
    outputs: Sequence[Value] = [images[id] for id in region.outputs]
    result.outputs = [
        _sum(region, id, totals.get(item), value).id
        for item, (id, value) in enumerate(zip(region.outputs, outputs, strict=True))
    ]
    return result


def _name(outer: Graph, value: Value) -> str:
    return outer.names.get(value.id, "total")


def _sum(region: Graph, id: int, total: Value | None, value: Value) -> Value:
    if total is None:
        return value
    return total if is_zero(region, id) else total + value
