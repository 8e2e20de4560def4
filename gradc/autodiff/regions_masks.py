"""Which results of a branch's reverse count: a side that did not use a capture gives it no share.

    s = np.log(x)
    return s * y if x > 0 else y         # x == 0: the zero for s would meet 1 / x as a number

So the share of a steep capture is masked: by the condition where one side has none, otherwise by a
mask that each side's reverse gives beside its shares, as branches inside branches do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from gradc.autodiff.masks import literal, mask_of
from gradc.autodiff.regions_split import Pulled
from gradc.ir import BOOL, Graph, Origin, Value, op_named
from gradc.records import dataclass

__all__ = ["Shares", "shares_of"]

_Counts: TypeAlias = bool | Value


@dataclass(frozen=True, slots=True)
class Shares:
    """Where the shares of captures count.

    Parameters
    ----------
    sides : mapping of int to bool
        Shares that count on one side only, and which value of the condition that is.
    masks : mapping of int to int
        Shares with a mask, and the number of the result that is it.
    """

    sides: Mapping[int, bool]
    masks: Mapping[int, int]

    def settle(self, number: int, condition: Value, results: Sequence[Value]) -> Value:
        """Return a share, zero by a mask where it does not count."""
        bar = results[number]
        zero = bar.full_like(0.0)
        if number in self.masks:
            return op_named("select")(results[self.masks[number]], bar, zero)
        taken = self.sides.get(number)
        if taken is None:
            return bar
        return op_named("select")(
            condition.broadcast_to(bar.shape), *((bar, zero) if taken else (zero, bar))
        )


def shares_of(pulled: Sequence[Pulled], steep: Sequence[bool]) -> tuple[list[Pulled], Shares]:
    """Find where the shares of steep captures count; masks are more results of the reverses."""
    sides: dict[int, bool] = {}
    masks: dict[int, int] = {}
    more: list[list[int]] = [[] for _ in pulled]
    for number in (k for k, flag in enumerate(steep) if flag):
        found = [_counts(side, number) for side in pulled]
        if all(isinstance(one, bool) for one in found):
            if found[0] is not found[1]:
                sides[number] = found[0] is True
            continue
        masks[number] = len(steep) + len(masks)
        for side, one, ids in zip(pulled, found, more, strict=True):
            ids.append(_as_mask(side.graph, one, side.bars[number]))
    extended = [
        replace(side, bars=(*side.bars, *ids)) for side, ids in zip(pulled, more, strict=True)
    ]
    return extended, Shares(sides, masks)


def _counts(side: Pulled, number: int) -> _Counts:
    """Tell whether a share counts: where its mask holds, everywhere, or nowhere."""
    bar = side.graph.value(side.bars[number])
    if literal(bar) == 0:
        return False
    mask = mask_of(bar)
    if bar.node.op.name == "pad":
        inner = side.graph.value(bar.node.operands[0])
        everywhere = side.graph.literal(True, BOOL).broadcast_to(inner.shape)
        return op_named("pad")(everywhere, **bar.node.params)
    if mask is None:
        return True
    condition, _, taken = mask
    return condition if taken else op_named("logical_not")(condition)


def _as_mask(graph: Graph, counts: _Counts, bar: int) -> int:
    if isinstance(counts, Value):
        return counts.id
    with graph.at(Origin(None, adjoint_of=bar)):
        return graph.literal(counts, BOOL).broadcast_to(graph[bar].type.shape).id
