"""Arrays that are added to, read and cleared in one box are taken apart there."""

import numpy as np
import pytest

from gradc.ir import Graph, Slice, Value
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from gradc.passes.boxes import Box, box_of, common, outside
from tests.region_graphs import add, build, draw, get, loop, loops_of, put, zeros

INSIDE = ((1, 4), (1, 5))
SHIFTS = [((1 + d, 4), (1 + e, 5)) for d, e in ((0, 0), (-1, 0), (1, 0), (0, -1), (1, 1))]


def turn(i: object, x: Value, b: Value, a: Value) -> tuple[Value, Value]:
    """Add a value around its place, then read and clear the inside."""
    for k, where in enumerate(SHIFTS):
        b = add(b, get(x, *INSIDE) * float(k + 1), *where)
    read = get(b, *INSIDE) + get(a, *INSIDE)
    return put(b, zeros(b, 4, 5), *INSIDE), put(a, read, *INSIDE)


def whole(x: Value, b: Value) -> list[Value]:
    return loop("i", 3, turn, [x], [b, x])


def from_zeros(x: Value) -> list[Value]:
    return loop("i", 3, turn, [x], [zeros(x, 6, 7), x])


def body_of(graph: Graph) -> Graph:
    (node,) = loops_of(graph)
    return node.regions[0]


@pytest.mark.parametrize(("program", "count"), [(whole, 2), (from_zeros, 1)])
def test_the_inside_is_a_sum_of_its_own(program, count):
    shapes = [(6, 7)] * count
    graph = build(program, *shapes)
    lean = verify(simplify(graph))
    at = draw(3, *shapes)
    for one, other in zip(interpret(graph, *at), interpret(lean, *at), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)
    body = body_of(lean)
    sizes = [n.type.shape for n in body.nodes if n.op.name == "index_add"]
    assert (4, 5) in sizes, "what is read is summed in an array of its size"
    edge = [n for n in body.nodes if n.op.name == "index_add" and n.type.shape == (6, 7)]
    parts = [body[n.operands[1]].type.shape for n in edge]
    assert parts, "what leaves the box is added to the array"
    assert all(1 in shape for shape in parts), "and nothing but the edge is"


def test_a_box_that_stays_zero_is_never_touched():
    names = [n.op.name for n in body_of(simplify(build(from_zeros, (6, 7)))).nodes]
    assert names.count("index_put") == 1, "only the other array is written"
    names = [n.op.name for n in body_of(simplify(build(whole, (6, 7), (6, 7)))).nodes]
    assert names.count("index_put") == 2


def test_other_readers_keep_the_array_whole():
    def read_elsewhere(i, x, b, a):
        for where in SHIFTS:
            b = add(b, get(x, *INSIDE), *where)
        inside, other = get(b, *INSIDE), get(b, (0, 4), (0, 5))
        return put(b, zeros(b, 4, 5), *INSIDE), put(a, inside * other, *INSIDE)

    def program(x):
        return loop("i", 3, read_elsewhere, [x], [zeros(x, 6, 7), x])

    graph = build(program, (6, 7))
    lean = verify(simplify(graph))
    (at,) = draw(3, (6, 7))
    for one, other in zip(interpret(graph, at), interpret(lean, at), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)
    found = [n for n in body_of(lean).nodes if n.op.name == "index_add"]
    assert [n.type.shape for n in found] == [(6, 7)] * len(SHIFTS)


def test_the_parts_outside_a_box_are_all_there_is_outside():
    rng = np.random.default_rng(11)
    for _ in range(200):
        starts, lengths = rng.integers(0, 5, (2, 3)), rng.integers(1, 5, (2, 3))
        a, b = (
            box_of(tuple(Slice(int(s), int(n)) for s, n in zip(*one, strict=True)))
            for one in zip(starts, lengths, strict=True)
        )
        assert a is not None
        assert b is not None
        hit = np.zeros((10, 10, 10), int)
        for part in (*outside(a, b), *([both] if (both := common(a, b)) else [])):
            hit[_slices(part)] += 1
        expected = np.zeros_like(hit)
        expected[_slices(a)] = 1
        np.testing.assert_array_equal(hit, expected)
        assert all(common(part, b) is None for part in outside(a, b))


def _slices(box: Box) -> tuple[slice, ...]:
    return tuple(slice(low, high) for low, high in box.ranges)
