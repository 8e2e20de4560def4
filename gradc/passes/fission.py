"""Inner loops taken apart: what is the same in every turn of the loop around, and the rest.

    for t in range(T):                          for t in range(T):
        for j in range(n):                          for j in range(n):
            p = f(p, a[j])            becomes           p = f(p, a[j]);  rows[j] = p
            q = g(p, q, x[j])                       for j in range(n):
                                                        q = g(rows[j], q, x[j])

so that the first inner loop can be moved before the outer one.  What the rest reads of the steady
part is read from the arrays that this leaves, where no later turn overwrites it; computed again,
where that takes a few additions and products; or else kept in rows, one for each turn.
"""

from collections.abc import Iterable, Sequence

from gradc.ir import ArrayType, At, Graph, IndexSpec, Node, Slice, Symbol, Value, op_named
from gradc.ir.ranges import Range
from gradc.ir.rebuild import copy_input, copy_node, transfer
from gradc.ops.regions import make_loop
from gradc.passes.division import Division, plan_division
from gradc.passes.steady import steady_carries, steady_in

__all__ = ["divide_loops"]


def divide_loops(
    graph: Graph, known: Iterable[int], outer: Symbol, around: Sequence[Range]
) -> Graph:
    """Return a loop's body with its inner loops taken apart.

    Parameters
    ----------
    graph : Graph
        The body, or one inside it.
    known : iterable of int
        Its steady inputs.
    outer : Symbol
        The index of the loop that things are to be moved out of.
    around : sequence of Range
        The indices of the loops around the graph.
    """
    return _Divided(graph, known, outer, around).run()


class _Divided:
    """Rebuilds one graph."""

    def __init__(
        self, graph: Graph, known: Iterable[int], outer: Symbol, around: Sequence[Range]
    ) -> None:
        self.graph, self.outer, self.around = graph, outer, around
        self.steady = steady_in(graph, known, outer)
        self.results: dict[int, dict[int, Value]] = {}

    def run(self) -> Graph:
        """Return the new graph, or the old one if there is nothing to take apart."""
        graph = self.graph
        if not any(map(self._may_divide, graph.nodes)):
            return graph
        result, images = Graph(graph.name), {}
        for id in graph.inputs:
            images[id] = copy_input(graph, id, result)
        transfer(graph, result, images, graph.live(), self._visit)
        result.outputs = [images[id].id for id in graph.outputs]
        return result

    def _may_divide(self, node: Node) -> bool:
        counted = node.op.name == "loop" and isinstance(node.params["count"], int)
        return counted and node.id not in self.steady.nodes

    def _visit(self, target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "project" and node.operands[0] in self.results:
            return self.results[node.operands[0]][node.params["item"]]
        if not self._may_divide(node):
            return copy_node(target, node, operands)
        flags = self.steady.flags(node.operands)
        node = self._with_inner(node, flags)
        items, inside = steady_carries(node, flags, self.outer, partly=False)
        found = plan_division(node, items, inside, self.around)
        if found is None:
            return copy_node(target, node, operands)
        self.results[node.id] = _add_both(found, target, operands)
        return operands[0]

    def _with_inner(self, node: Node, flags: Sequence[bool]) -> Node:
        """Return a loop with the loops inside it taken apart."""
        items, _ = steady_carries(node, flags, self.outer)
        body, first = node.regions[0], len(node.operands) - node.params["carries"]
        known = [
            id
            for slot, id in enumerate(body.inputs)
            if flags[slot] and (slot < first or slot - first in items)
        ]
        span = Range(node.params["index"], 0, node.params["count"] - 1)
        inner = divide_loops(body, known, self.outer, (*self.around, span))
        if inner is body:
            return node
        return Node(node.id, node.op, node.operands, node.params, (inner,), node.type, node.origin)


def _add_both(found: Division, target: Graph, operands: Sequence[Value]) -> dict[int, Value]:
    """Add the two parts to a graph; return the results of the loop."""
    items = sorted(found.items)
    body, captures = _steady_part(found, items)
    blank = [target.blank(t.shape, t.dtype) for t in (_rows(found, id) for id in found.rows)]
    first = [*(operands[found.first + k] for k in items), *blank]
    params = {name: found.node.params[name] for name in ("index", "count", "reverse")}
    made = make_loop(body, [operands[k] for k in captures], first, **params)
    results = dict(zip(items, made, strict=False))
    rest, captures = _rest_part(found)
    given = [operands[k] for k in captures]
    given += [results[k] for k in _finals(found)] + made[len(items) :]
    first = [operands[found.first + k] for k in found.rest]
    results.update(zip(found.rest, make_loop(rest, given, first, **params), strict=True))
    return results


def _finals(found: Division) -> list[int]:
    """Return the steady carries that the rest reads as they are left."""
    return sorted(set(found.finals.values()))


def _rows(found: Division, id: int) -> ArrayType:
    """Return the type of an array with a value for each turn."""
    kind = found.body[id].type
    return kind.with_shape((found.node.params["count"], *kind.shape))


def _place(found: Division, id: int) -> IndexSpec:
    """Return where the value of a turn lies in its rows."""
    own = found.node.params["index"].expr()
    return (At(own), *(Slice(0, extent) for extent in found.body[id].type.shape))


def _captured(found: Division, wanted: Sequence[bool]) -> list[int]:
    return [k for k, id in enumerate(found.body.inputs[: found.first]) if wanted[id]]


def _steady_part(found: Division, items: Sequence[int]) -> tuple[Graph, list[int]]:
    """Return the body of the steady part, and which captures it has."""
    body, result, wanted = found.body, Graph(found.body.name), found.moved()
    captures = _captured(found, wanted)
    taken = [*captures, *(found.first + k for k in items)]
    images = {body.inputs[slot]: copy_input(body, body.inputs[slot], result) for slot in taken}
    rows = [result.input(_name(body, id), _rows(found, id)) for id in found.rows]
    transfer(body, result, images, wanted)
    result.outputs = [images[body.outputs[k]].id for k in items]
    for id, array in zip(found.rows, rows, strict=True):
        row = op_named("index_put")(array, images[id], spec=_place(found, id))
        result.outputs.append(row.id)
    return result, captures


def _rest_part(found: Division) -> tuple[Graph, list[int]]:
    """Return the body of the rest, and which captures it has before finals and rows."""
    body, result = found.body, Graph(found.body.name)
    made = [body.outputs[k] for k in found.rest]
    needed, steady = found.needed(made), found.steady.nodes
    own = [flag and id not in steady for id, flag in enumerate(needed)]
    wanted = [flag or id in found.copied for id, flag in enumerate(own)]
    read = {
        operand
        for node in body.nodes
        if wanted[node.id]
        for slot, operand in enumerate(node.operands)
        if (node.id, slot) not in found.finals
    }
    captures = [k for k, id in enumerate(body.inputs[: found.first]) if id in {*read, *made}]
    images = {body.inputs[k]: copy_input(body, body.inputs[k], result) for k in captures}
    finals = {k: copy_input(body, body.inputs[found.first + k], result) for k in _finals(found)}
    rows = [result.input(_name(body, id), _rows(found, id)) for id in found.rows]
    for k in found.rest:
        id = body.inputs[found.first + k]
        images[id] = copy_input(body, id, result)
    for id, array in zip(found.rows, rows, strict=True):
        images[id] = op_named("index")(array, spec=_place(found, id))

    def fetch(node: Node, slot: int) -> Value | None:
        item = found.finals.get((node.id, slot))
        return None if item is None else finals[item]

    transfer(body, result, images, wanted, fetch=fetch)
    result.outputs = [images[id].id for id in made]
    return result, captures


def _name(body: Graph, id: int) -> str:
    return f"{body.names.get(id, 'value')}_rows"
