"""Values are read from the arrays they were written into, where their neighbours are read too."""

import numpy as np

from gradc import ops
from gradc.ir import Graph
from gradc.ir.interpret import interpret
from gradc.kernels.readback import read_back
from tests.region_graphs import build, draw, get, put

INNER = (1, 6)
LEFT = (0, 6)


def changed(function) -> bool:
    graph = build(function, (8,), (8,))
    after = read_back(graph)
    at = draw(5, (8,), (8,))
    for one, other in zip(interpret(graph, *at), interpret(after, *at), strict=True):
        np.testing.assert_array_equal(one, other)
    return _reads(after) > _reads(graph)


def _reads(graph: Graph) -> int:
    return sum(node.op.name == "index" for node in graph.nodes)


def averages(a):
    return (get(a, INNER) + get(a, LEFT)) * 0.5


def test_a_neighbour_is_read_from_the_array():
    def program(a, b):
        v = averages(a)
        b = put(b, v, INNER)
        return put(a, (v + get(b, LEFT)) * 0.5, INNER), b

    assert changed(program)


def test_a_value_that_meets_no_other_read_stays():
    def program(a, b):
        v = averages(a)
        b = put(b, v, INNER)
        return put(a, ops.sin(v), INNER), b

    assert not changed(program)


def test_a_plain_copy_stays():
    def program(a, b):
        v = get(a, LEFT) * 2.0
        b = put(b, v, INNER)
        return put(a, v + get(b, LEFT), INNER), b

    assert not changed(program)


def test_what_was_made_before_the_write_stays():
    def program(a, b):
        v = averages(a)
        w = v * 3.0
        b = put(b, w, INNER)
        return put(a, v + get(b, LEFT), INNER), b

    assert not changed(program)


def test_what_lies_beside_a_write_is_read_from_the_newest_version():
    def program(a, b):
        part = get(b, INNER)
        c = put(b, get(a, (0, 1)), (0, 1))
        c = put(c, get(a, (1, 1)), (7, 1))
        return put(c, part - get(a, LEFT), INNER)

    after = read_back(build(program, (8,), (8,)))
    (last,) = (after[id] for id in after.outputs)
    (part, _) = (after[id] for id in after[last.operands[1]].operands)
    assert part.operands[0] == last.operands[0]
    changed(program)


def test_what_was_written_is_read_from_the_old_version():
    def program(a, b):
        part = get(b, INNER)
        c = put(b, get(a, (0, 1)), (1, 1))
        return put(c, part - get(a, LEFT), INNER)

    after = read_back(build(program, (8,), (8,)))
    (last,) = (after[id] for id in after.outputs)
    (part, _) = (after[id] for id in after[last.operands[1]].operands)
    assert after[part.operands[0]].op.name == "input"
