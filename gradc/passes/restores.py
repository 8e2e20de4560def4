"""Arrays that are cleared in one box and get back what was there are not cleared.

The adjoint of ``x[box] -= v`` reads ``x_bar[box]``, clears it, and adds the same to it again::

    u  = x[box]
    x1 = index_put(x, 0, box)           x1 = x
    x2 = index_add(x1, u + w, box)      x2 = index_add(x1, w, box)

Only adjoints are treated so, as in `gradc.passes.restore`: what the user clears and adds keeps its
order of additions and the sign of its zeros.
"""

from gradc.ir import Graph, Node, Value, op_named
from gradc.ir.rebuild import copy_input, copy_node, transfer
from gradc.passes.boxes import box_of, disjoint
from gradc.passes.restore import is_cleared
from gradc.records import dataclass

__all__ = ["keep_restored"]


@dataclass(slots=True)
class _Restored:
    """``put`` clears what ``add`` adds again, with ``rest`` besides."""

    put: int
    add: int
    rest: list[int]


def keep_restored(body: Graph) -> Graph:
    """Return the body of a loop without clearing what is added again."""
    users = _users(body)
    found = [one for node in body.nodes if (one := _restored(body, node, users))]
    return _rebuilt(body, found) if found else body


def _users(body: Graph) -> dict[int, list[int]]:
    users: dict[int, list[int]] = {node.id: [] for node in body.nodes}
    for node, live in zip(body.nodes, body.live(), strict=True):
        for operand in node.operands if live else ():
            users[operand].append(node.id)
    for id in body.outputs:
        users[id].append(-1)
    return users


def _restored(body: Graph, put: Node, users: dict[int, list[int]]) -> _Restored | None:
    """Look for what is added again among the additions that follow."""
    if put.op.name != "index_put" or put.type.dtype.kind != "f":
        return None
    spec, at = put.params["spec"], put.id
    if not is_cleared(body.value(at), spec):
        return None
    while len(users[at]) == 1 and users[at][0] >= 0:
        node = body[users[at][0]]
        if node.operands[0] != at or at in node.operands[1:]:
            return None
        if node.op.name != "index_add":
            if not _beside(node, put):
                return None
        elif node.params["spec"] == spec and len(node.operands) == 2:
            rest = _without(body, node.operands[1], put)
            if rest is not None:
                return _Restored(put.id, node.id, rest)
        at = node.id
    return None


def _beside(node: Node, put: Node) -> bool:
    """Tell whether a node writes somewhere else than ``put``."""
    if node.op.name != "index_put" or len(node.operands) != 2:
        return False
    one, other = box_of(node.params["spec"]), box_of(put.params["spec"])
    return one is not None and other is not None and disjoint(one, other)


def _without(body: Graph, value: int, put: Node) -> list[int] | None:
    """Return the terms of a sum but for what ``put`` clears; None if it is not among them."""
    found, rest, open_ = False, list[int](), [value]
    while open_:
        id = open_.pop()
        node = body[id]
        if not found and _is_cleared(node, put):
            found = True
        elif node.op.name == "add" and node.type == body[value].type:
            open_ += reversed(node.operands)
        else:
            rest.append(id)
    return rest if found else None


def _is_cleared(node: Node, put: Node) -> bool:
    same = node.op.name == "index" and node.params["spec"] == put.params["spec"]
    return same and node.operands == put.operands[:1]


def _rebuilt(body: Graph, found: list[_Restored]) -> Graph:
    puts = {one.put for one in found}
    adds = {one.add: one for one in found}
    result = Graph(body.name)
    images = {id: copy_input(body, id, result) for id in body.inputs}

    def add_rest(node: Node, total: Value) -> Value:
        rest = [images[id] for id in adds[node.id].rest]
        if not rest:
            return total
        value = rest[0]
        for more in rest[1:]:
            value = value + more
        return op_named("index_add")(total, value, spec=node.params["spec"])

    def visit(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
        if node.id in puts:
            return operands[0]
        return add_rest(node, operands[0]) if node.id in adds else copy_node(target, node, operands)

    names = {id: name for id, name in body.names.items() if id not in puts}
    before, body.names = body.names, names
    transfer(body, result, images, body.live(), visit)
    body.names = before
    result.outputs = [images[id].id for id in body.outputs]
    return result
