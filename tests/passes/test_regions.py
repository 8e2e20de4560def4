"""Lean regions: what is dropped, moved out, dissolved and added in place, and that values stay."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import At, Graph
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests.region_graphs import branch, build, draw, get, loop, loops_of, put, whilst, zeros
from tests.region_programs import PROGRAMS, graph_of

PLACE = (At(1),)


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_stay(name):
    graph, at = graph_of(name), draw(7, *PROGRAMS[name][1])
    lean = verify(simplify(graph))
    for one, other in zip(interpret(graph, *at), interpret(lean, *at), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


def lean(program, *shapes) -> Graph:
    graph = build(program, *shapes)
    result = verify(simplify(graph))
    at = draw(9, *shapes)
    for one, other in zip(interpret(graph, *at), interpret(result, *at), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)
    return result


def names(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def test_carries_that_nobody_needs_are_dropped():
    def program(x):
        return loop("i", 3, lambda i, s, t: (s * 2.0, t + s), [], [x, x])[0]

    (node,) = loops_of(lean(program, ()))
    assert node.params["carries"] == 1


def test_carries_that_do_not_change_become_captures():
    def program(x, y):
        s, t = loop("i", 3, lambda i, s, t: (s * t, t), [], [x, y])
        return s + t

    (node,) = loops_of(lean(program, (), ()))
    assert node.params["carries"] == 1
    assert len(node.operands) == 2


def test_what_stays_the_same_is_computed_before_the_loop():
    def program(x, y):
        return loop("i", 3, lambda i, x, s: s * ops.exp(ops.sin(x)), [x], [y])[0]

    graph = lean(program, (), ())
    (node,) = loops_of(graph)
    assert "exp" in names(graph)
    assert names(node.regions[0]) == ["input", "input", "multiply"]


def test_what_depends_on_the_index_stays():
    def program(x, y):
        return loop("i", 3, lambda i, x, s: s * ops.exp(get(x, i)), [x], [y])[0]

    (node,) = loops_of(lean(program, (3,), ()))
    assert "exp" in names(node.regions[0])


def test_reads_are_not_moved_out_of_a_loop_that_may_not_run():
    def program(x, y):
        def outer(i, x, y):
            return loop("j", i, lambda j, x, y: y * get(x, i - 1), [x], [y])

        return loop("i", 3, outer, [x], [y])[0]

    inner = loops_of(lean(program, (3,), ()))[1]
    assert "index" in names(inner.regions[0])


@pytest.mark.parametrize("turns", [0, 1])
def test_loops_of_no_or_one_turn_are_dissolved(turns):
    def program(x, y):
        return loop("i", turns, lambda i, x, s: s * get(x, i + 1), [x], [y])[0]

    assert loops_of(lean(program, (3,), ())) == []


def test_an_inner_loop_that_shows_the_outer_index_is_bound_when_that_is_dissolved():
    def program(x, y):
        def outer(i, x, y):
            return loop("j", i + 2, lambda j, x, y: y * get(x, i + j), [x], [y])

        return loop("i", 1, outer, [x], [y])[0]

    (node,) = loops_of(lean(program, (3,), ()))
    assert node.params["count"] == 2


def test_branches_keep_what_they_need():
    def program(x, y):
        def then(x, y, z):
            return ops.sin(x), y

        return branch(ops.greater(x, 0.0), then, lambda x, y, z: (z, x), [x, y, x])[0]

    (node,) = loops_of(lean(program, (), ()))
    assert len(node.operands) == 2
    assert len(node.type.items) == 1


def test_the_test_of_a_loop_keeps_what_it_asks():
    def program(x, y, z):
        def test(x, y, z, s, t):
            return ops.less(t, y)

        def body(x, y, z, s, t):
            return s * x, t + 1.0

        return whilst(test, body, [x, y, z], [x, x], limit=20)[0]

    (node,) = loops_of(lean(program, (), (), ()))
    assert node.params["carries"] == 2
    assert len(node.operands) == 4


def sums(term):
    """Add a term to a carried array in each of three turns."""

    def program(x, y):
        return loop("i", 3, lambda i, x, y: term(i, x, y), [x], [y])[0]

    return lean(program, (3,), (3,))


def test_paddings_are_added_in_place():
    def term(i, x, y):
        v = ops.pad(ops.sin(get(x, i)).reshape((1,)), low=(i,), high=(2 - i,))
        return v + y

    (node,) = loops_of(sums(term))
    assert names(node.regions[0])[-1] == "index_add"
    assert "pad" not in names(node.regions[0])


def test_several_terms_and_a_dense_one():
    def term(i, x, y):
        v = ops.sin(get(x, i))
        wide = ops.pad(v.reshape((1,)), low=(i,), high=(2 - i,))
        stored = put(zeros(x, 3), v, i)
        return (wide + x * y) + (stored + y)

    (node,) = loops_of(sums(term))
    assert names(node.regions[0]).count("index_add") == 2
    assert names(node.regions[0]).count("add") == 1


def test_an_inner_sum_starts_from_the_outer_one():
    def term(i, x, y):
        def inner(j, x, z):
            return ops.index_add(z, get(x, j), spec=PLACE)

        (z,) = loop("j", 3, inner, [x], [zeros(x, 3)])
        return y + z

    outer, inner = loops_of(sums(term))
    assert "add" not in names(outer.regions[0])
    assert outer.regions[0][inner.operands[-1]].op.name == "input"


def test_a_sum_that_is_read_on_its_way_is_left_alone():
    def term(i, x, y):
        def inner(j, x, z):
            return ops.index_add(z, get(z, j) + get(x, j), spec=PLACE)

        (z,) = loop("j", 3, inner, [x], [zeros(x, 3)])
        return y + z

    outer, _ = loops_of(sums(term))
    assert "add" in names(outer.regions[0])
