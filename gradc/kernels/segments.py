"""Where paddings and joined arrays change along the axes of a nest."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TypeAlias

from gradc.ir import Dim, DimExpr, Kind, Node, Symbol
from gradc.kernels.index import IndexTuple, through
from gradc.kernels.placement import Placement

__all__ = ["Ranges", "bounds", "cuts", "part_of"]

Ranges: TypeAlias = Mapping[Symbol, tuple[int, int]]
"""Half-open bounds of symbols."""


def bounds(dim: Dim, ranges: Ranges) -> tuple[int, int]:
    """Return the least and the greatest value of an affine dim."""
    if isinstance(dim, int):
        return dim, dim
    low = high = 0
    for monomial, factor in dim.terms:
        if not monomial:
            low, high = low + factor, high + factor
            continue
        ((symbol, power),) = monomial
        assert power == 1
        first, stop = ranges[symbol]
        ends = (first * factor, (stop - 1) * factor)
        low, high = low + min(ends), high + max(ends)
    return low, high


def part_of(
    p: Placement, node: Node, index: IndexTuple, ranges: Ranges
) -> tuple[int, IndexTuple] | None:
    """Return the operand and index that a padding or joined array shows here; None for zero."""
    if node.op.name == "concatenate":
        return _joined(p, node, index, ranges)
    inner = tuple(i - low for i, low in zip(index, node.params["low"], strict=True))
    shape = p.node(node.operands[0]).type.shape
    for position, extent in zip(inner, shape, strict=True):
        least, greatest = bounds(position, ranges)
        assert isinstance(extent, int)
        if greatest < 0 or least >= extent:
            return None
    return node.operands[0], inner


def _starts(p: Placement, node: Node) -> list[int]:
    axis = node.params["axis"]
    lengths = [p.node(operand).type.extents[axis] for operand in node.operands]
    return [0, *accumulate(lengths)]


def _joined(p: Placement, node: Node, index: IndexTuple, ranges: Ranges) -> tuple[int, IndexTuple]:
    axis = node.params["axis"]
    starts = _starts(p, node)
    least, _ = bounds(index[axis], ranges)
    which = min(bisect_right(starts, max(least, 0)), len(node.operands)) - 1
    moved = (*index[:axis], index[axis] - starts[which], *index[axis + 1 :])
    return node.operands[which], moved


def cuts(
    p: Placement, starts: Sequence[tuple[int, IndexTuple]], kept: frozenset[int]
) -> dict[Symbol, set[int]]:
    """Return the positions along each symbol where some padding below the starts begins or ends.

    ``kept`` are the roots of the nest: their own paddings are taken apart, stored ones are not.
    """
    found: dict[Symbol, set[int]] = {}
    seen: set[tuple[int, IndexTuple]] = set()
    stack = list(starts)
    while stack:
        item = stack.pop()
        if item in seen:
            continue
        seen.add(item)
        id, index = item
        if id in p.copies or (id in p.views and id not in kept):
            continue
        node = p.node(id)
        for axis, edges in _edges(p, node):
            _cut(found, index[axis], edges)
        stack.extend(_below(p, node, index))
    return found


def _edges(p: Placement, node: Node) -> Iterator[tuple[int, Sequence[int]]]:
    if node.op.name == "concatenate":
        yield node.params["axis"], _starts(p, node)
    elif node.op.name == "pad":
        extents = p.node(node.operands[0]).type.extents
        for axis, (low, extent) in enumerate(zip(node.params["low"], extents, strict=True)):
            yield axis, (int(low), int(low) + extent)


def _cut(found: dict[Symbol, set[int]], position: Dim, edges: Sequence[int]) -> None:
    """Note where ``position`` reaches an edge."""
    if not isinstance(position, DimExpr):
        return
    shift = 0
    for monomial, factor in position.terms:
        if monomial:
            ((symbol, _),) = monomial
            sign = factor
        else:
            shift = factor
    assert sign in (1, -1), f"{position} does not walk in steps of one"
    places = (edge - shift if sign > 0 else shift - edge + 1 for edge in edges)
    found.setdefault(symbol, set()).update(places)


def _below(p: Placement, node: Node, index: IndexTuple) -> Iterator[tuple[int, IndexTuple]]:
    if node.op.kind is Kind.ELEMENTWISE:
        yield from ((operand, index) for operand in node.operands)
    elif node.op.name == "pad":
        low = node.params["low"]
        yield node.operands[0], tuple(i - d for i, d in zip(index, low, strict=True))
    elif node.op.name == "concatenate":
        axis, starts = node.params["axis"], _starts(p, node)
        for operand, start in zip(node.operands, starts, strict=False):
            yield operand, (*index[:axis], index[axis] - start, *index[axis + 1 :])
    elif node.op.kind is Kind.MOVEMENT or (node.op.name == "index" and len(node.operands) == 1):
        moved = through(node, p.node(node.operands[0]).type.shape, index)
        if moved is not None:
            yield node.operands[0], moved
