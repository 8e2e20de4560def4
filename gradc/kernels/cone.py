"""What a root reads: the stored values at the leaves of its inlined expressions."""

from collections.abc import Iterator

from gradc.ir import At, Kind, NewAxis, Node, Shape, Slice
from gradc.kernels.index import View, domain_of, long_axes, row_major_strides
from gradc.kernels.placement import Form, Placement

__all__ = ["gathers", "iteration_shape", "reads"]


def iteration_shape(p: Placement, id: int) -> Shape:
    """Return the extents that the nest of a root walks over."""
    node = p.node(id)
    if p.form[id] is not Form.REDUCE:
        return node.type.shape
    plan = p.contractions.get(id)
    if plan is None:
        return p.node(node.operands[0]).type.shape
    return tuple(plan.extents[label] for label in plan.loops)


def reads(p: Placement, id: int) -> dict[int, bool]:
    """Return the stored nodes that a root, or an expression that may become one, reads.

    The value tells whether every read is pointwise: at the very index of the root's own loops.
    """
    copied = p.copies.get(id)
    if copied is not None:
        return {copied.base: _is_identity(p, id, copied)}
    found: dict[int, bool] = {}
    seen: set[tuple[int, bool]] = set()
    stack = list(_starts(p, id))
    while stack:
        item = stack.pop()
        if item in seen:
            continue
        seen.add(item)
        operand, pointwise = item
        view = p.views.get(operand)
        if view is None:
            stack.extend(_below(p, p.node(operand), pointwise))
            continue
        same = pointwise and _is_identity(p, operand, view)
        found[view.base] = found.get(view.base, True) and same
    return found


def gathers(p: Placement, id: int) -> list[int]:
    """Return the nodes with index arrays that the nest of a root evaluates."""
    found: dict[int, None] = {}
    seen: set[int] = set()
    stack = [id]
    while stack:
        here = stack.pop()
        node = p.node(here)
        if here in seen or (here != id and here in p.views):
            continue
        seen.add(here)
        if node.op.kind is Kind.INDEX:
            found[here] = None
        stack.extend(p.terms.get(here, node.operands))
    return list(found)


def _starts(p: Placement, id: int) -> Iterator[tuple[int, bool]]:
    node, form = p.node(id), p.form.get(id, Form.MAP)
    if form is Form.ASSEMBLE:
        yield from ((term, False) for term in p.terms[id])
    elif form is Form.MAP:
        yield from _below(p, node, True)
    elif form is Form.REDUCE and id in p.contractions:
        yield from _below_contraction(p, node)
    else:
        yield from ((operand, form is Form.REDUCE) for operand in node.operands)


def _below(p: Placement, node: Node, pointwise: bool) -> Iterator[tuple[int, bool]]:
    """Yield the operands of an inlined node, and whether they are read at the same index."""
    if node.op.kind is Kind.CONTRACTION:
        for operand, same in _below_contraction(p, node):
            yield operand, pointwise and same
        return
    same = pointwise and _keeps_index(p, node)
    for operand in node.operands:
        yield operand, same


def _below_contraction(p: Placement, node: Node) -> Iterator[tuple[int, bool]]:
    plan = p.contractions[node.id]
    order = plan.loops if p.form.get(node.id) is Form.REDUCE else plan.out
    loops = [label for label in order if plan.extents[label] != 1]
    for operand, labels in zip(node.operands, (plan.a, plan.b), strict=True):
        yield operand, [label for label in labels if plan.extents[label] != 1] == loops


def _is_identity(p: Placement, id: int, view: View) -> bool:
    """Tell whether a view shows its base element by element, but for axes of length 1."""
    if view.base == id:
        return True
    shape, base = p.node(id).type.shape, p.node(view.base).type.shape
    if view.offset != 0 or domain_of(shape) != domain_of(base):
        return False
    whole = row_major_strides(shape)
    return all(view.strides[axis] == whole[axis] for axis in long_axes(shape))


def _keeps_index(p: Placement, node: Node) -> bool:
    if node.op.kind is Kind.ELEMENTWISE:
        return True
    if node.op.kind not in (Kind.MOVEMENT, Kind.INDEX) or len(node.operands) != 1:
        return False
    shape = p.node(node.operands[0]).type.shape
    if domain_of(shape) != domain_of(node.type.shape):
        return False
    if node.op.name == "index":
        return all(_is_whole(item) for item in node.params["spec"])
    if node.op.name == "transpose":
        order = [axis for axis in node.params["axes"] if shape[axis] != 1]
        return order == sorted(order)
    return node.op.name in ("broadcast_to", "reshape")


def _is_whole(item: object) -> bool:
    if isinstance(item, Slice):
        return item.start == 0 and item.step == 1
    return isinstance(item, NewAxis) or (isinstance(item, At) and item.position == 0)
