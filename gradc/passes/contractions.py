"""Products with repeated elements: a sum instead of a multiplication by an array of ones."""

from gradc.ir import Value, op_named
from gradc.passes.rewrite import rule

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
