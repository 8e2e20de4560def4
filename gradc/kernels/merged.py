"""Labels of a product that are one axis in memory, so that one call does for all of them."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from gradc.ir import Dim
from gradc.kernels.contraction import Contraction, Labels
from gradc.records import dataclass

__all__ = ["Merged", "Strides", "merge"]

Strides: TypeAlias = Mapping[int, Dim]


@dataclass(frozen=True, slots=True)
class Merged:
    """Labels that walk memory as one axis in both arrays they belong to, and the labels left."""

    extent: Dim
    strides: tuple[Dim, Dim]
    rest: Labels


def merge(plan: Contraction, labels: Labels, first: Strides, second: Strides) -> Merged:
    """Join labels to one axis, as long as both arrays allow; of equal ones, the innermost."""
    order = [label for label in labels if plan.extents[label] != 1]
    if not order:
        return Merged(1, (1, 1), ())
    runs = [_run(plan, last, order, (first, second)) for last in reversed(order)]
    sizes = [plan.size(tuple(run)) for run in runs]
    known = [size for size in sizes if isinstance(size, int)]
    best = sizes.index(max(known)) if len(known) == len(sizes) else 0
    last, rest = runs[best][-1], tuple(label for label in order if label not in runs[best])
    return Merged(sizes[best], (first[last], second[last]), rest)


def _run(
    plan: Contraction, last: int, labels: Sequence[int], arrays: Sequence[Strides]
) -> list[int]:
    """Return the labels, outermost first, that go on where the turns of the one after them end."""
    run = [last]
    while True:
        found = (
            label
            for label in labels
            if label not in run
            and all(s[label] == s[run[0]] * plan.extents[run[0]] for s in arrays)
        )
        label = next(found, None)
        if label is None:
            return run
        run.insert(0, label)
