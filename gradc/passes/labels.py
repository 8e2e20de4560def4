"""Products whose axes were split are products of what was split.

    contract(a[i, r, k, s], b[k, s, j])     ->      contract(a[ir, ks], b[ks, j])

Two labels that stand side by side wherever they stand are one.  Transposes of operands and of the
result are only another order of labels.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from gradc.ir import Graph, Kind, Node, Value, op_named
from gradc.ir.dims import product
from gradc.ir.rebuild import copy_node, rebuild
from gradc.passes.simplify import simplify

__all__ = ["with_few_labels"]

_Labels: TypeAlias = tuple[int, ...]


def with_few_labels(graph: Graph) -> Graph:
    """Return the graph, whose derivative is not wanted any more, with plainer products."""
    while True:
        merged = simplify(rebuild(rebuild(graph, _turned), _merged), final=True)
        if _labels(merged) >= _labels(graph):
            return merged
        graph = merged


def _labels(graph: Graph) -> int:
    """Count the axes that products have."""
    products = (node for node in graph.nodes if node.op.name == "contract")
    return sum(len(node.params[f"{name}_labels"]) for node in products for name in ("a", "b"))


def _turned(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
    """Add an operation; a transpose before or after a product is none."""
    if node.op.name == "transpose":
        return _transposed(operands[0], node.params["axes"])
    if node.op.name != "contract":
        return copy_node(target, node, operands)
    sides = [
        _unturned(x, node.params[name])
        for x, name in zip(operands, ("a_labels", "b_labels"), strict=True)
    ]
    labels = (sides[0][1], sides[1][1], node.params["out_labels"])
    return _contract([x for x, _ in sides], labels)


def _transposed(x: Value, axes: _Labels) -> Value:
    """Transpose a value where it is made, if it comes of a product."""
    node = x.node
    inner = x.graph.values(node.operands)
    if node.op.name == "contract":
        a, b, out = (node.params[f"{name}_labels"] for name in ("a", "b", "out"))
        return _contract(inner, (a, b, tuple(out[axis] for axis in axes)))
    if node.op.kind is Kind.ELEMENTWISE and any(_is_made(one) for one in inner):
        return node.op(*(_transposed(one, axes) for one in inner), **node.params)
    if node.op.name == "broadcast_to" and inner[0].size == 1:
        return inner[0].reshape(()).broadcast_to([x.shape[axis] for axis in axes])
    return x.transpose(axes)


def _is_made(x: Value) -> bool:
    """Tell whether a value is a product, or made from products element by element."""
    found = [x]
    while found:
        node = found.pop().node
        if node.op.name == "contract":
            return True
        if node.op.kind is Kind.ELEMENTWISE:
            found += x.graph.values(node.operands)
    return False


def _unturned(x: Value, labels: _Labels) -> tuple[Value, _Labels]:
    while x.node.op.name == "transpose":
        places = dict(zip(x.node.params["axes"], labels, strict=True))
        labels = tuple(places[axis] for axis in range(x.ndim))
        x = x.graph.value(x.node.operands[0])
    return x, labels


def _contract(operands: Sequence[Value], labels: Sequence[_Labels]) -> Value:
    a, b = operands
    names = ("a_labels", "b_labels", "out_labels")
    return op_named("contract")(a, b, **dict(zip(names, labels, strict=True)))


def _merged(target: Graph, node: Node, operands: tuple[Value, ...]) -> Value:
    """Add an operation; labels of a product that always stand side by side are one."""
    if node.op.name != "contract":
        return copy_node(target, node, operands)
    labels = [node.params[f"{name}_labels"] for name in ("a", "b", "out")]
    follower = _followers(labels)
    if not follower:
        return copy_node(target, node, operands)
    runs = [list(_runs(one, follower)) for one in labels]
    narrow = [
        x.reshape([product(x.shape[k] for k in run) for run in own])
        for x, own in zip(operands, runs, strict=False)
    ]
    heads = [tuple(one[run[0]] for run in own) for one, own in zip(labels, runs, strict=True)]
    return _contract(narrow, heads).reshape(node.type.shape)


def _followers(labels: Sequence[_Labels]) -> dict[int, int]:
    """Return which label follows on another one wherever one of the two stands."""
    after: dict[int, set[int | None]] = {}
    before: dict[int, set[int | None]] = {}
    for own in labels:
        for one, two in zip((None, *own), (*own, None), strict=True):
            if one is not None:
                after.setdefault(one, set()).add(two)
            if two is not None:
                before.setdefault(two, set()).add(one)
    return {
        one: two
        for one, (two, *more) in after.items()
        if two is not None and not more and before[two] == {one}
    }


def _runs(labels: _Labels, follower: dict[int, int]) -> Iterator[list[int]]:
    """Yield the axes of labels that are one, in order."""
    run: list[int] = []
    for axis, label in enumerate(labels):
        if run and follower.get(labels[axis - 1]) != label:
            yield run
            run = []
        run.append(axis)
    if run:
        yield run
