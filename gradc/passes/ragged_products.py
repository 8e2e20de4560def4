"""Products that each turn makes with a part of a matrix, made with the whole matrix.

    for i in range(n):                          for i in range(n):
        c[i, i:] = x[:, i] @ x[:, i:]     ->        c[i, i:] = (x[:, i] @ x)[i:]

Those of all turns are one product of matrices then (``beforehand``), which is worth the elements
that nobody reads where the parts are a good share of the whole.
"""

from gradc.ir import Dim, DimExpr, Graph, IndexSpec, Node, Slice, Value, op_named, substitute
from gradc.ir.rebuild import copy_node, rebuild

__all__ = ["with_whole_products"]

SHARE = 3
"""How many times larger the whole may be than the parts of all turns together."""


def with_whole_products(node: Node) -> tuple[Node, set[int]] | None:
    """Return a loop whose turns multiply by whole matrices, and these products; None if none do."""
    wide: set[int] = set()

    def visit(target: Graph, one: Node, operands: tuple[Value, ...]) -> Value:
        whole = _whole(node, one, operands) if one.op.name == "contract" else None
        if whole is None:
            return copy_node(target, one, operands)
        wide.add(whole.node.operands[0])
        return whole

    turn = rebuild(node.regions[0], visit)
    if not wide:
        return None
    return Node(node.id, node.op, node.operands, node.params, (turn,), node.type, node.origin), wide


def _whole(loop: Node, node: Node, operands: tuple[Value, ...]) -> Value | None:
    """Return the part of a product by a whole matrix that is a product by a part of it."""
    for slot, key in enumerate(("a_labels", "b_labels")):
        part = operands[slot].node
        if part.op.name != "index" or len(part.operands) != 1:
            continue
        spec: IndexSpec = part.params["spec"]
        labels: tuple[int, ...] = node.params[key]
        base = operands[slot].graph.value(part.operands[0])
        kept = [item for item in spec if isinstance(item, Slice)]
        for label, item in zip(labels, kept, strict=False):
            axis = spec.index(item)
            if len(kept) == len(labels) and label in node.params["out_labels"]:
                extent = base.shape[axis]
                if labels.count(label) == 1 and _is_good_share(loop, item, extent):
                    return _by_whole(node, operands, slot, base, axis)
    return None


def _is_good_share(loop: Node, item: Slice, extent: Dim) -> bool:
    """Tell whether the lengths of all turns are known, vary, and are long together."""
    count, index = loop.params["count"], loop.params["index"]
    if not isinstance(item.length, DimExpr) or set(item.length.symbols) != {index}:
        return False
    if not isinstance(count, int) or not isinstance(extent, int):
        return False
    found = [substitute(item.length, {index: at}) for at in range(count)]
    total = sum(length for length in found if isinstance(length, int))
    return count * extent <= SHARE * total


def _by_whole(node: Node, operands: tuple[Value, ...], slot: int, base: Value, axis: int) -> Value:
    """Multiply by the whole axis of a matrix, and take the part of the product."""
    spec: IndexSpec = operands[slot].node.params["spec"]
    index, cut, everything = op_named("index"), spec[axis], Slice(0, base.shape[axis])
    wide = index(base, spec=(*spec[:axis], everything, *spec[axis + 1 :]))
    both = (wide, operands[1]) if slot == 0 else (operands[0], wide)
    made = node.op(*both, **node.params)
    kept = sum(isinstance(item, Slice) for item in spec[:axis])
    label = node.params["a_labels" if slot == 0 else "b_labels"][kept]
    taken = tuple(
        cut if one == label else Slice(0, extent)
        for one, extent in zip(node.params["out_labels"], made.shape, strict=True)
    )
    return index(made, spec=taken)
