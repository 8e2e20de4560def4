"""Boxes against the sets of positions that they stand for."""

from itertools import product

import pytest

from gradc.ir import At, Slice, Symbol
from gradc.passes.boxes import Box, box_of, common, disjoint, moved, outside, shape_of, spec_of

RANGES = [(0, 0), (0, 2), (1, 3), (1, 4), (3, 4)]
PLANES = [Box(ranges, (False, True)) for ranges in product(RANGES, [(0, 1), (1, 3), (0, 3)])]


def positions(box):
    return set(product(*(range(lo, hi) for lo, hi in box.ranges)))


@pytest.mark.parametrize("a", PLANES)
def test_parts_of_a_plane(a):
    """What is common and what is outside make up the whole, without an element twice."""
    for b in (Box(box.ranges, (True, False)) for box in PLANES):
        both, rest = common(a, b), list(outside(a, b))
        assert (both is None) == disjoint(a, b) == (not positions(a) & positions(b))
        assert both is None or positions(both) == positions(a) & positions(b)
        parts = [positions(box) for box in rest]
        assert set().union(*parts) == positions(a) - positions(b)
        assert sum(map(len, parts)) == len(positions(a) - positions(b))
        kept = [box.dropped for box in (*rest, *([both] if both else []))]
        assert set(kept) <= {a.dropped}


def test_specs_and_boxes_say_the_same():
    spec = (Slice(1, 3), At(2), Slice(4, 0))
    box = Box(((1, 4), (2, 3), (4, 4)), (False, True, False))
    assert box_of(spec) == box
    assert spec_of(box) == spec
    assert shape_of(box) == [3, 0]
    assert moved(box, (1, -2, 3)) == Box(((2, 5), (0, 1), (7, 7)), box.dropped)


@pytest.mark.parametrize(
    "item",
    [Slice(1, 2, 2), Slice(Symbol("n").expr(), 2), Slice(1, Symbol("n").expr())],
    ids=["a step", "a start", "a length"],
)
def test_other_slices_are_no_boxes(item):
    assert box_of((Slice(0, 1), item)) is None
