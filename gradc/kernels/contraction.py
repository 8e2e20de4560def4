"""What a contraction is: batched matrix product, or a loop nest over its labels."""

from itertools import product as combinations
from typing import TypeAlias

from gradc.ir import Dim, Graph, Node, product
from gradc.records import dataclass

__all__ = [
    "LOOP_FLOPS",
    "Contraction",
    "Labels",
    "analyse",
    "is_short_sum",
    "long_batch",
    "long_label",
    "prefers_matmul",
]

Labels: TypeAlias = tuple[int, ...]

LOOP_FLOPS = 4096
"""Products with at most this many multiplications are written as plain loops."""

SHORT_SUM = 3
"""Sums of at most so many products are written out."""
NARROW_SUM = 8
"""Sums that are written out for each of many rows that are multiplied by a narrow matrix."""
NARROW = 64
"""Greatest number of elements of that matrix."""

SLENDER = 32
"""Greatest extents of the small sides of products along one long axis."""
LONG = 128
"""Least extent of that axis."""

TINY = 4
"""Greatest sides of products that are computed for a whole batch at once."""
MANY = 1024
"""Least extent of that batch: what comes from elsewhere is copied."""


@dataclass(frozen=True, slots=True)
class Contraction:
    """Labels of a contraction by role, each in the order of the loops.

    ``batch`` is in both operands and the result, ``m`` in a and the result, ``n`` in b and the
    result, ``k`` in both operands only.  ``loops`` holds all labels in the order in which a plain
    loop nest walks them.
    """

    a: Labels
    b: Labels
    out: Labels
    batch: Labels
    m: Labels
    n: Labels
    k: Labels
    loops: Labels
    extents: dict[int, Dim]

    def size(self, labels: Labels) -> Dim:
        """Return the number of index tuples over some labels."""
        return product(self.extents[label] for label in labels)

    def terms(self) -> list[dict[int, Dim]]:
        """Return the position along the summed labels of every term of a short sum."""
        ranges = [range(int(self.extents[label])) for label in self.k]  # type: ignore[arg-type]
        return [dict(zip(self.k, place, strict=True)) for place in combinations(*ranges)]


def analyse(graph: Graph, node: Node) -> Contraction:
    """Classify the labels of a ``contract`` node."""
    a: Labels = tuple(node.params["a_labels"])
    b: Labels = tuple(node.params["b_labels"])
    out: Labels = tuple(node.params["out_labels"])
    left, right = (graph[i].type.shape for i in node.operands)
    extents = dict(zip((*a, *b), (*left, *right), strict=True))
    first, second = (b, a) if len(b) > len(a) else (a, b)
    loops = tuple(dict.fromkeys((*first, *second)))
    return Contraction(
        a,
        b,
        out,
        batch=tuple(label for label in out if label in a and label in b),
        m=tuple(label for label in out if label in a and label not in b),
        n=tuple(label for label in out if label in b and label not in a),
        k=tuple(label for label in dict.fromkeys(a) if label in b and label not in out),
        loops=loops,
        extents=extents,
    )


def prefers_matmul(plan: Contraction, node: Node) -> bool:
    """Tell whether it is a matrix product, and a large one."""
    if node.type.dtype.kind != "f" or len(set(plan.a)) < len(plan.a):
        return False
    if len(set(plan.b)) < len(plan.b):
        return False
    sizes = [plan.size(labels) for labels in (plan.m, plan.n, plan.k)]
    if not all(isinstance(size, int) for size in sizes):
        return False
    m, n, k = (int(size) for size in sizes)  # type: ignore[arg-type]
    if _is_narrow(m, n, k):
        return False
    return m > 1 and n > 1 and k >= 4 and m * n * k > LOOP_FLOPS


def is_short_sum(plan: Contraction, node: Node) -> bool:
    """Tell whether every element is a sum of a few products, with all of them at hand."""
    count = plan.size(plan.k)
    wide = any(plan.extents[label] != 1 for label in plan.out)
    if not wide or not isinstance(count, int) or node.type.dtype.kind != "f":
        return False
    if 1 <= count <= SHORT_SUM:
        return True
    m, n = plan.size(plan.m), plan.size(plan.n)
    return isinstance(m, int) and isinstance(n, int) and _is_narrow(m, n, count)


def _is_narrow(m: int, n: int, k: int) -> bool:
    """Tell whether many rows are multiplied by a matrix that stays in registers.

    A library is called for more than the products take, and what becomes of them is another sweep.
    """
    few, many = min(m, n), max(m, n)
    return few > 1 and few * k <= NARROW and k <= NARROW_SUM and many >= LONG


def long_label(plan: Contraction, node: Node) -> int | None:
    """Return the long axis of many small products, if that is what the contraction is.

    All other axes are short, but for those of the batch, of which there is at least one: a single
    product is large enough for a library.
    """
    if node.type.dtype.kind != "f" or not all(isinstance(e, int) for e in plan.extents.values()):
        return None
    if len(set(plan.a)) < len(plan.a) or len(set(plan.b)) < len(plan.b):
        return None
    sides = (*plan.m, *plan.n, *plan.k)
    label = max(sides, key=lambda one: int(plan.extents[one]), default=None)  # type: ignore[arg-type]
    if label is None or int(plan.extents[label]) < LONG or int(plan.size(plan.batch)) < 2:  # type: ignore[arg-type]
        return None
    if plan.k == (label,):
        short = [plan.size(plan.m), plan.size(plan.n)]
    elif label in plan.k or (label in plan.m and len(plan.m) > 1) or len(plan.n) > 1:
        return None
    else:
        short = [plan.size(plan.n if label in plan.m else plan.m), plan.size(plan.k)]
    return label if all(2 <= int(size) <= SLENDER for size in short) else None  # type: ignore[arg-type]


def long_batch(plan: Contraction, node: Node) -> int | None:
    """Return the long axis of a batch of tiny products, if that is what the contraction is."""
    sides = (plan.m, plan.n, plan.k)
    if node.type.dtype.kind != "f" or not all(isinstance(e, int) for e in plan.extents.values()):
        return None
    if len(plan.batch) != 1 or int(plan.extents[plan.batch[0]]) < MANY:  # type: ignore[arg-type]
        return None
    if any(len(labels) != 1 for labels in sides) or not plan.extents:
        return None
    tiny = all(2 <= int(plan.extents[one]) <= TINY for (one,) in sides)  # type: ignore[arg-type]
    return plan.batch[0] if tiny else None
