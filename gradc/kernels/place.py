"""Decide which values are stored and which are inlined where they are used.

Kept are results, reductions, products, scans, scatters, what several users need and is dear to
compute again, and what something must reach by address.  Views are never stored; cheap elementwise
values are computed again by each user; paddings and joined arrays are taken apart where they meet
an elementwise use (``pieces`` counts them), so that adjoints of slices become gathers.
"""

from collections.abc import Callable, Collection, Mapping

from gradc.errors import UnsupportedError
from gradc.ir import Array, At, DimExpr, Kind, Node, Program, Slice, product
from gradc.kernels.contraction import (
    LOOP_FLOPS,
    Contraction,
    analyse,
    is_short_sum,
    prefers_matmul,
)
from gradc.kernels.index import (
    View,
    domain_of,
    row_major_strides,
    splits_only,
    view_of,
)
from gradc.kernels.merged import merge
from gradc.kernels.placement import Form, Placement, is_scalar, op_cost

__all__ = ["place"]

RECOMPUTE = 12
"""Work, loads included, up to which a value is computed again rather than stored."""
CHEAP = 3
"""Work that may be repeated for every repetition of a broadcast."""
STRIDED = 3
"""Work of reading one element of a vector whose elements lie apart."""
PIECES = 10
"""Paddings that one nest may take apart."""


def place(
    program: Program,
    given: Mapping[int, View] | None = None,
    forced: Collection[int] = (),
    slender: Collection[int] = (),
) -> Placement:
    """Place every live node, operands before users.

    ``given`` are the views that inputs stand for, ``forced`` nodes to be kept in any case,
    ``slender`` products that are loops along a long axis (`gradc.kernels.slender`).
    """
    p = Placement.of(program)
    p.given, p.slender = given or {}, slender
    for node in p.nodes:
        _VISIT[node.op.kind](p, node)
        if node.id in p.outputs and node.op.kind not in (Kind.INPUT, Kind.CONSTANT):
            _result(p, node)
        elif node.id in forced:
            p.keep(node.id)
    return p


def _result(p: Placement, node: Node) -> None:
    """Store a result, unless it is a root with another shape, which can write it itself."""
    view = p.views.get(node.id)
    if view is not None and node.id not in p.form and view.base in p.form:
        base = p.node(view.base).type
        whole = view.offset == 0 and view.strides == row_major_strides(node.type.shape)
        taken = view.base in p.outputs or view.base in p.written.values()
        if whole and base.size == node.type.size and not taken:
            p.written[node.id] = view.base
            return
    p.keep(node.id)


def _input(p: Placement, node: Node) -> None:
    own = View(node.id, 0, row_major_strides(node.type.shape))
    p.views[node.id] = p.given.get(node.id, own)
    p.cost[node.id], p.pieces[node.id] = 1, 0


def _constant(p: Placement, node: Node) -> None:
    _input(p, node)
    if p.is_uniform(node.id):
        p.views[node.id] = View(node.id, 0, (0,) * node.type.ndim)
        p.cost[node.id] = 0


def _inline(p: Placement, node: Node, cost: int, pieces: int) -> None:
    p.cost[node.id], p.pieces[node.id] = cost, pieces


def _settle(p: Placement, *ids: int) -> None:
    """Store operands whose pieces the user cannot take apart."""
    for id in ids:
        if p.pieces[id]:
            p.keep(id)


# elementwise


def _elementwise(p: Placement, node: Node) -> None:
    pieces = sum(p.pieces[i] for i in node.operands)
    if node.op.name == "add" and pieces and _assembles(p, node, pieces):
        _assemble(p, node)
        return
    if pieces > PIECES:
        _settle(p, *node.operands)
        pieces = 0
    cost = op_cost(node.op, node.type.dtype.kind) + sum(p.cost[i] for i in node.operands)
    _inline(p, node, cost, pieces)
    if _worth_keeping(p, node):
        p.keep(node.id)


def _worth_keeping(p: Placement, node: Node) -> bool:
    users = p.consumers[node.id]
    if is_scalar(node.type):
        return len(users) > 1 or any(not is_scalar(p.node(u).type) for u in users)
    return len(users) > 1 and p.cost[node.id] > RECOMPUTE


def _assembles(p: Placement, node: Node, pieces: int) -> bool:
    """Tell whether the sum is better written as additions into zeros."""
    if pieces > PIECES:
        return True
    return any(p.form.get(i) is Form.ASSEMBLE and p.private(i) for i in node.operands)


def _assemble(p: Placement, node: Node) -> None:
    """Collect the addends of a sum of paddings."""
    terms: list[int] = []
    stack = list(reversed(node.operands))
    while stack:
        id = stack.pop()
        part = p.node(id)
        if p.form.get(id) is Form.ASSEMBLE and p.private(id):
            terms = [*terms, *p.terms.pop(id)] if terms else p.terms.pop(id)
            del p.form[id], p.views[id]
        elif id not in p.form and part.op.name == "add" and p.pieces[id]:
            stack.extend(reversed(part.operands))
        else:
            terms.append(id)
            inside = part.op.name == "pad" and id not in p.form
            _settle(p, part.operands[0] if inside else id)
    p.keep(node.id, Form.ASSEMBLE)
    p.terms[node.id] = terms


# movement


def _movement(p: Placement, node: Node) -> None:
    if node.op.name in ("pad", "concatenate") and not _known_pieces(p, node):
        _settle(p, *node.operands)
        p.keep(node.id, Form.JOIN)
    elif node.op.name == "pad":
        _pad(p, node)
    elif node.op.name == "concatenate":
        _concatenate(p, node)
    else:
        _view(p, node)


def _known_pieces(p: Placement, node: Node) -> bool:
    """Tell whether a padding or joined array is cut at known places."""
    shapes = [node.type.shape, *(p.node(operand).type.shape for operand in node.operands)]
    return all(is_static(shape) for shape in shapes) and is_static(node.params.get("low", ()))


def is_static(dims: object) -> bool:
    """Tell whether extents or an index are known before the call."""
    if isinstance(dims, tuple):
        return all(is_static(item) for item in dims)
    if isinstance(dims, Slice):
        return is_static((dims.start, dims.length))
    return not isinstance(dims.position if isinstance(dims, At) else dims, DimExpr)


def _view(p: Placement, node: Node) -> None:
    """Place an op that only maps indices."""
    source = node.operands[0]
    if source not in p.views:
        _force_source(p, node, source)
    view = p.views.get(source)
    if view is None:
        _inline(p, node, p.cost[source], p.pieces[source])
        return
    shape = p.node(source).type.shape
    own = view_of(node, shape, view)
    if own is None:
        assert source not in p.form, f"no view of contiguous memory for {node}"
        p.keep(source)
        own = view_of(node, shape, p.views[source])
    assert own is not None
    p.views[node.id] = own
    _inline(p, node, STRIDED if _is_column(own, node) else p.cost[source], 0)


def _is_column(view: View, node: Node) -> bool:
    """Tell whether a vector's elements lie apart."""
    axes = [(s, d) for s, d in zip(view.strides, node.type.shape, strict=True) if d != 1]
    return len(axes) == 1 and axes[0][0] not in (0, 1, -1)


def _force_source(p: Placement, node: Node, source: int) -> None:
    """Store the inlined operand of a view where computing it through the view is dear or hard."""
    shape = p.node(source).type.shape
    wider = domain_of(node.type.shape) != domain_of(shape) and node.op.name == "broadcast_to"
    hard = node.op.name == "reshape" and not splits_only(shape, node.type.shape)
    broken = p.pieces[source] > 0 and not _keeps_axes(node)
    dear = p.cost[source] > (CHEAP if wider else RECOMPUTE) and (wider or p.shared(node.id))
    if hard or broken or dear or (wider and is_scalar(p.node(source).type)):
        p.keep(source)


def _keeps_axes(node: Node) -> bool:
    """Tell whether the op sends each axis to one axis, with steps of 1 at most."""
    if node.op.name == "index":
        spec = node.params["spec"]
        if not is_static(spec):
            return False
        return all(item.step in (1, -1) for item in spec if isinstance(item, Slice))
    return node.op.name in ("transpose", "broadcast_to")


def _pad(p: Placement, node: Node) -> None:
    source = node.operands[0]
    _inline(p, node, p.cost[source], 1 + p.pieces[source])
    if p.shared(node.id) or p.pieces[node.id] > PIECES:
        p.keep(node.id)


def _concatenate(p: Placement, node: Node) -> None:
    pieces = len(node.operands) + sum(p.pieces[i] for i in node.operands)
    if pieces > PIECES:
        _settle(p, *node.operands)
    _inline(p, node, max(p.cost[i] for i in node.operands), pieces)
    if p.shared(node.id) or pieces > PIECES // 2:
        p.keep(node.id)


# indexing


def _index(p: Placement, node: Node) -> None:
    if node.op.name != "index":
        _scatter(p, node)
    elif any(isinstance(item, Array) for item in node.params["spec"]):
        _gather(p, node)
    else:
        _view(p, node)


def _gather(p: Placement, node: Node) -> None:
    for operand in node.operands:
        p.keep_in_memory(operand)
    _inline(p, node, 4, 0)
    if p.shared(node.id) or is_scalar(node.type):
        p.keep(node.id)


def _scatter(p: Placement, node: Node) -> None:
    base, value, *arrays = node.operands
    _settle(p, base, value)
    for operand in arrays:
        p.keep_in_memory(operand)
    p.keep(node.id, Form.SCATTER)
    p.memory.add(node.id)


# sweeps of their own


def _reduction(p: Placement, node: Node) -> None:
    arg = node.op.name.startswith("arg")
    if arg:
        _settle(p, *node.operands)
    p.keep(node.id, Form.ARG if arg else Form.REDUCE)


def _scan(p: Placement, node: Node) -> None:
    _settle(p, *node.operands)
    p.keep(node.id, Form.SCAN)


def _contraction(p: Placement, node: Node) -> None:
    plan = p.contractions[node.id] = analyse(p.program.graph, node)
    library = node.id not in p.slender and prefers_matmul(plan, node)
    if library and _has_matrices(p, node, plan):
        p.keep(node.id, Form.MATMUL)
        p.memory.add(node.id)
        return
    domain = domain_of(tuple(plan.extents[label] for label in plan.loops))
    for operand in node.operands:
        _settle(p, operand)
        narrow = domain_of(p.node(operand).type.shape) != domain
        if operand not in p.views and p.cost[operand] > (CHEAP if narrow else RECOMPUTE):
            p.keep(operand)
    if plan.k and domain and not is_short_sum(plan, node):
        p.keep(node.id, Form.REDUCE)
        return
    _inline(p, node, len(plan.terms()) * (1 + sum(p.cost[i] for i in node.operands)), 0)
    if _worth_keeping(p, node):
        p.keep(node.id)


def _has_matrices(p: Placement, node: Node, plan: Contraction) -> bool:
    """Make both operands addressable, unless one only repeats an element along an axis."""
    for operand, labels in zip(node.operands, (plan.a, plan.b), strict=True):
        view = p.views.get(operand)
        if view is not None and any(
            stride == 0 and plan.extents[label] != 1
            for stride, label in zip(view.strides, labels, strict=True)
        ):
            return False
    for operand in node.operands:
        p.keep_in_memory(operand)
    _join_runs(p, node, plan)
    return True


def _join_runs(p: Placement, node: Node, plan: Contraction) -> None:
    """Copy operands whose axes are no runs, where a call for each run would do very little."""
    views = [p.views[operand] for operand in node.operands]
    a, b = (
        dict(zip(labels, view.strides, strict=True))
        for labels, view in zip((plan.a, plan.b), views, strict=True)
    )
    c = dict(zip(plan.out, row_major_strides(node.type.shape), strict=True))
    runs = merge(plan, plan.m, a, c), merge(plan, plan.n, b, c), merge(plan, plan.k, a, b)
    work = product(run.extent for run in runs)
    if not isinstance(work, int) or work > LOOP_FLOPS or not any(run.rest for run in runs):
        return
    for operand, own, strides in zip(node.operands, (plan.m, plan.n), (a, b), strict=True):
        if p.views[operand].base == operand:
            continue  # memory of its own, which a copy would not change
        if any(merge(plan, labels, strides, strides).rest for labels in (own, plan.k)):
            p.keep(operand)
            p.memory.add(operand)


def _creation(p: Placement, node: Node) -> None:
    _inline(p, node, 1, 0)


def _region(p: Placement, node: Node) -> None:
    for operand in node.operands:
        if operand not in p.views:
            p.keep(operand)
    p.keep(node.id, Form.REGION)


def _routine(p: Placement, node: Node) -> None:
    """Make every operand contiguous memory, which a support function can walk over."""
    for operand in node.operands:
        view, source = p.keep_in_memory(operand), p.node(operand)
        whole = row_major_strides(source.type.shape)
        if view.strides != whole and source.op.kind is Kind.CONSTANT:
            p.views[operand] = View(operand, 0, whole)  # a table, though all elements are the same
        elif view.strides != whole:
            p.keep(operand)
            p.memory.add(operand)
    p.keep(node.id, Form.ROUTINE)
    p.memory.add(node.id)


def _other(p: Placement, node: Node) -> None:
    if node.op.name != "project":
        _refuse(p, node)
    p.keep(node.id, Form.PROJECT)


def _refuse(p: Placement, node: Node) -> None:
    raise UnsupportedError(
        f"{node.op.name} has no C form",
        span=node.origin.span,
        repair='use backend="numpy" for this function',
    )


_VISIT: dict[Kind, Callable[[Placement, Node], None]] = {
    Kind.INPUT: _input,
    Kind.CONSTANT: _constant,
    Kind.ELEMENTWISE: _elementwise,
    Kind.MOVEMENT: _movement,
    Kind.INDEX: _index,
    Kind.REDUCTION: _reduction,
    Kind.SCAN: _scan,
    Kind.CONTRACTION: _contraction,
    Kind.CREATION: _creation,
    Kind.REGION: _region,
    Kind.ROUTINE: _routine,
    Kind.OTHER: _other,
}
