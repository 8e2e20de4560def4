"""Products with repeated elements: a sum instead of a multiplication by an array of ones."""

from gradc.ir import Dim, Value, op_named
from gradc.passes.rewrite import literal, rule

__all__: list[str] = []

Labels = tuple[int, ...]


@rule("contract")
def contract_broadcast(
    a: Value, b: Value, a_labels: Labels, b_labels: Labels, out_labels: Labels
) -> Value | None:
    """Take an operand that only repeats along a label out of it."""
    swapped = False
    copied = _copied(a, a_labels)
    if not copied:
        a, b, a_labels, b_labels, swapped = b, a, b_labels, a_labels, True
        copied = _copied(a, a_labels)
    if not copied or a.dtype.kind != "f" or a.size == 0:
        return None
    extents = dict(zip((*a_labels, *b_labels), (*a.shape, *b.shape), strict=True))
    a, a_labels = _without(a, a_labels, copied)
    summed = [i for i, label in enumerate(b_labels) if label in copied and label not in out_labels]
    b = b.sum(summed)
    b_labels = tuple(label for i, label in enumerate(b_labels) if i not in summed)
    kept = tuple(label for label in out_labels if label in a_labels or label in b_labels)
    result = _product(a, b, a_labels, b_labels, kept, swapped)
    wide = tuple(extents[label] for label in out_labels)
    narrow = tuple(d if label in kept else 1 for label, d in zip(out_labels, wide, strict=True))
    return result.reshape(narrow).broadcast_to(wide)


@rule("contract")
def contract_number(
    a: Value, b: Value, a_labels: Labels, b_labels: Labels, out_labels: Labels
) -> Value | None:
    """Multiply by a literal number where nothing is added up."""
    if a_labels and b_labels:
        return None
    number, other, labels = (b, a, a_labels) if a_labels else (a, b, b_labels)
    if literal(number) is None or sorted(labels) != sorted(out_labels) or other.dtype.kind != "f":
        return None
    return other.transpose([labels.index(label) for label in out_labels]) * number


def _copied(x: Value, labels: Labels) -> set[int]:
    """Labels along which a broadcast repeats its operand."""
    if x.node.op.name != "broadcast_to":
        return set()
    inner = x.graph.value(x.node.operands[0])
    lead = x.ndim - inner.ndim
    return {
        label
        for axis, label in enumerate(labels)
        if axis < lead or inner.shape[axis - lead] != x.shape[axis]
    }


def _without(x: Value, labels: Labels, copied: set[int]) -> tuple[Value, Labels]:
    """Take the operand of a broadcast, without the repeated axes."""
    inner = x.graph.value(x.node.operands[0])
    kept = tuple(label for label in labels if label not in copied)
    return inner.reshape(
        [d for label, d in zip(labels, x.shape, strict=True) if label not in copied]
    ), kept


def _product(
    a: Value, b: Value, a_labels: Labels, b_labels: Labels, out: Labels, swapped: bool
) -> Value:
    """Multiply what is left; a label that only one operand has must stand in the result."""
    if not a_labels and b_labels == out:
        return b * a
    if swapped:
        a, b, a_labels, b_labels = b, a, b_labels, a_labels
    return op_named("contract")(a, b, a_labels=a_labels, b_labels=b_labels, out_labels=out)


@rule("reduce_sum", final=True)
def sum_of_repeated(x: Value, axes: tuple[int, ...]) -> Value | None:
    """Take the sum of a product of two operands that are repeated for each other as a contraction.

    sum over k of a[i, 1, k] * b[1, j, k]   ->   a @ b.T

    Nothing as large as the product is made, and it is known for a product of matrices.
    """
    node, shape = x.node, x.shape
    sizes = all(isinstance(extent, int) for extent in shape)
    if node.op.name != "multiply" or x.dtype.kind != "f" or not sizes or x.size == 0:
        return None
    a, b = (_bare(operand, shape) for operand in x.graph.values(node.operands))
    if not {*a[1]} - {*b[1]} or not {*b[1]} - {*a[1]}:
        return None
    summed = {axis for axis in axes if shape[axis] != 1}
    if not summed or not summed <= {*a[1]} & {*b[1]}:
        return None
    out = tuple(axis for axis, extent in enumerate(shape) if extent != 1 and axis not in summed)
    found = op_named("contract")(a[0], b[0], a_labels=a[1], b_labels=b[1], out_labels=out)
    return found.reshape([extent for axis, extent in enumerate(shape) if axis not in axes])


def _bare(x: Value, shape: tuple[Dim, ...]) -> tuple[Value, Labels]:
    """Return an operand without the axes along which it is repeated, and the axes it has."""
    inner = x.graph.value(x.node.operands[0]) if x.node.op.name == "broadcast_to" else x
    lead = len(shape) - inner.ndim
    kept = tuple(
        axis
        for axis in range(lead, len(shape))
        if shape[axis] != 1 and inner.shape[axis - lead] != 1
    )
    return inner.reshape([shape[axis] for axis in kept]), kept


@rule("reduce_sum", final=True)
def sum_before_product(x: Value, axes: tuple[int, ...]) -> Value | None:
    """Add up an operand instead of a product, along axes that only that operand has.

    sum over j, k of y[j, k] * q[k, i]   ->   sum over k of (sum over j of y[j, k]) * q[k, i]

    What is left of the product is smaller by the length of the axis.  Only adjoints are treated so:
    the order of their sums is nobody's.
    """
    negated = x.node.op.name == "negative"
    product = x.graph.value(x.node.operands[0]) if negated else x
    node = product.node
    if node.op.name != "contract" or node.origin.adjoint_of is None or x.dtype.kind != "f":
        return None
    a, b = product.graph.values(node.operands)
    a_labels, b_labels, out = (node.params[f"{name}_labels"] for name in ("a", "b", "out"))
    summed = {out[axis] for axis in axes}
    if summed & {*a_labels} & {*b_labels}:
        return None
    for side, labels in ((a, a_labels), (b, b_labels)):
        if summed & {*labels} and not _is_at_most(side, product):
            return None
    a, a_labels = _added_up(a, a_labels, summed)
    b, b_labels = _added_up(b, b_labels, summed)
    kept = tuple(label for label in out if label not in summed)
    swapped = not b_labels
    if swapped:
        a, b, a_labels, b_labels = b, a, b_labels, a_labels
    result = _product(a, b, a_labels, b_labels, kept, swapped)
    return -result if negated else result


def _is_at_most(x: Value, other: Value) -> bool:
    """Tell whether a value has as few elements as another one, both known."""
    sizes = (x.size, other.size)
    return all(isinstance(size, int) for size in sizes) and sizes[0] <= sizes[1]  # type: ignore[operator]


def _added_up(x: Value, labels: Labels, summed: set[int]) -> tuple[Value, Labels]:
    """Add up an operand along some labels."""
    axes = [axis for axis, label in enumerate(labels) if label in summed]
    rest = tuple(label for label in labels if label not in summed)
    return (x.sum(axes) if axes else x), rest
