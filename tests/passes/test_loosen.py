"""What is the same in every turn leaves the loop, with loops and arrays around it; values stay."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import reverse
from gradc.ir import Graph
from gradc.ir.interpret import interpret
from gradc.ir.rebuild import inline
from gradc.ir.verify import verify
from gradc.passes import simplify
from gradc.passes.loosen import loosen
from tests.random_turns import graph_of
from tests.region_graphs import add, branch, build, draw, get, loop, loops_of, put, whilst, zeros

SEEDS = range(150)


def same(graph: Graph, other: Graph, seed: int = 3) -> None:
    at = draw(seed, *(graph[id].type.shape for id in graph.inputs))
    for a, b in zip(interpret(graph, *at), interpret(other, *at), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=f"seed {seed}")


def lean(program, *shapes) -> Graph:
    graph = build(program, *shapes)
    result = verify(simplify(graph))
    same(graph, result)
    return result


def names(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def outermost(graph: Graph) -> list:
    return [node for node in graph.nodes if node.regions]


# arrays that each turn writes afresh


def turns_of(turn, *, reverse=False):
    """Three turns that carry p (of 5 elements) and s, where p is made from x only."""

    def program(x, s):
        start = zeros(x, 5)
        return loop("t", 3, turn, [x], [start, s], reverse=reverse)

    return lean(program, (5,), ())


def scan(p, x, *, start=0, count=4, reverse=False):
    """Write each element of p from the one before it."""

    def inner(j, x, p):
        at = count - 1 - j if reverse else j
        return put(p, 1.0 / (get(p, at + start) + get(x, at)), at + start + 1)

    return loop("j", count, inner, [x], [p], reverse=reverse)[0]


def used(p, s, *entries):
    return p, s * 0.5 + get(p, *entries)


def test_an_array_that_each_turn_writes_afresh_is_no_carry():
    graph = turns_of(lambda t, x, p, s: used(scan(put(p, one(x), 0), x), s, t))
    inner, outer = outermost(graph)
    assert inner.params["count"] == 4
    assert outer.params["carries"] == 1
    assert loops_of(outer.regions[0]) == []


def test_a_loop_that_runs_backwards_writes_in_the_same_order():
    graph = turns_of(lambda t, x, p, s: used(scan(put(p, one(x), 0), x, reverse=True), s, t))
    assert len(outermost(graph)) == 2


def one(x):
    return x.graph.literal(1.0, x.dtype)


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(lambda t, x, p, s: used(scan(p, x), s, t), id="what is never written"),
        pytest.param(
            lambda t, x, p, s: used(scan(put(p, one(x), 0), x), s, 4), id="the last element"
        ),
    ],
)
def test_elements_that_no_turn_writes_may_be_read(turn):
    assert len(outermost(turns_of(turn))) == 2


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(
            lambda t, x, p, s: used(scan(put(p, get(p, 4), 0), x), s, t), id="read before written"
        ),
        pytest.param(
            lambda t, x, p, s: used(scan(put(p, one(x), 0), x, start=1, count=3), s, t),
            id="a gap",
        ),
        pytest.param(lambda t, x, p, s: used(add(p, get(x, 0), 0), s, t), id="added to"),
        pytest.param(lambda t, x, p, s: used(put(p, get(x, 0), t), s, 4), id="shows the index"),
        pytest.param(
            lambda t, x, p, s: used(put(put(p, get(x, (0, 3)), (0, 3, 2)), get(p, 3), 1), s, 1),
            id="another element",
        ),
    ],
)
def test_what_depends_on_the_turn_before_stays(turn):
    (node,) = outermost(turns_of(turn))
    assert node.params["carries"] == 2


def test_a_write_that_may_not_happen_counts_for_nothing():
    def turn(t, x, p, s):
        p = branch(ops.greater(s, 1.0), lambda x, p: put(p, get(x, 0), 0), lambda x, p: p, [x, p])[
            0
        ]
        return used(p, s, 0)

    (node,) = outermost(turns_of(turn))
    assert node.params["carries"] == 2


# loops taken apart


def two(t, x, y, q):
    """Carry p, which is the same for each t, and q, which is not."""

    def inner(j, x, y, p, q):
        p = 1.0 / (get(x, j) + p)
        return p, q * p + get(y, j)

    return loop("j", 5, inner, [x, y], [get(x, 0), q])[1]


def test_the_steady_carry_of_a_loop_leaves_it():
    graph = lean(
        lambda x, y, q: loop("t", 3, lambda t, x, y, q: two(t, x, y, q), [x, y], [q])[0],
        (5,),
        (5,),
        (),
    )
    inner, outer = outermost(graph)
    assert "divide" in names(inner.regions[0])
    (rest,) = loops_of(outer.regions[0])
    assert "divide" not in names(rest.regions[0])
    assert rest.params["carries"] == 1


def test_what_takes_a_few_operations_is_made_again():
    def turn(t, x, q):
        def inner(j, x, q):
            return q * (get(x, j) * 2.0 + 1.0)

        return loop("j", 5, inner, [x], [q])[0]

    graph = lean(lambda x, q: loop("t", 3, turn, [x], [q])[0], (5,), ())
    assert len(outermost(graph)) == 1


def test_dear_work_of_each_inner_turn_is_done_once():
    def turn(t, x, q):
        return loop("j", 5, lambda j, x, q: q * ops.exp(get(x, j)), [x], [q])[0]

    graph = lean(lambda x, q: loop("t", 3, turn, [x], [q])[0], (5,), ())
    inner, outer = outermost(graph)
    assert "exp" in names(inner.regions[0])
    assert "exp" not in names(loops_of(outer.regions[0])[0].regions[0])


def test_rows_do_not_grow_beyond_what_the_loop_is_given():
    def turn(t, x, q):
        def inner(j, x, q):
            return q * ops.exp(x * (1.0 * get(x, j)).broadcast_to((300,)))

        return loop("j", 200, inner, [x], [q])[0]

    graph = lean(lambda x, q: loop("t", 2, turn, [x], [q])[0], (300,), (300,))
    assert len(outermost(graph)) == 1


def test_whole_loops_leave_a_loop_that_surely_runs():
    def turn(t, x, q):
        p = loop("j", 4, lambda j, x, p: ops.sin(p) * get(x, j), [x], [get(x, 0)])[0]
        return q * p

    graph = lean(lambda x, q: loop("t", 3, turn, [x], [q])[0], (5,), ())
    inner, outer = outermost(graph)
    assert inner.params["count"] == 4
    assert loops_of(outer.regions[0]) == []


def unsure(read):
    """A loop that runs i times around one that is the same in each turn; return the inner ones."""

    def program(x, q):
        def outer(i, x, q):
            def turn(t, x, q):
                p = loop("j", 4, lambda j, x, p: ops.sin(p) * read(x, i, j), [x], [get(x, 0)])
                return q * p[0]

            return loop("t", i, turn, [x], [q])

        return loop("i", 3, outer, [x], [q])[0]

    graph = lean(program, (5,), ())
    return [[n.params["index"].name for n in loops_of(g)] for g in (graph, *inner_of(graph, "i"))]


def inner_of(graph, name):
    return [n.regions[0] for n in loops_of(graph) if n.params["index"].name == name]


def test_what_cannot_fail_leaves_a_loop_that_may_not_run():
    assert unsure(lambda x, i, j: get(x, j)) == [["j", "i", "t"], ["t"]]


def test_what_may_fail_stays_in_a_loop_that_may_not_run():
    assert unsure(lambda x, i, j: get(x, i + j - 1)) == [["i", "t", "j"], ["t", "j"]]


def test_work_leaves_a_loop_with_a_condition():
    def program(x, y):
        def body(x, y, s):
            def inner(j, x, p, s):
                p = 1.0 / (get(x, j) + p)
                return p, s * p + 1.0

            return loop("j", 5, inner, [x], [get(x, 0), s])[1] * ops.exp(get(x, 1))

        return whilst(lambda x, y, s: ops.less(s, y), body, [x, y], [y * 0.1], limit=50)[0]

    graph = lean(program, (5,), ())
    first, outer = outermost(graph)
    assert first.op.name == "loop"
    assert "divide" not in names(loops_of(outer.regions[1])[0].regions[0])


def test_routines_stay_in_a_loop_that_may_not_run():
    def program(a, y):
        def body(a, s):
            return s + 1.0 + ops.square(ops.det(a))

        return whilst(lambda a, s: ops.less(s, 5.0), body, [a], [y], limit=50)[0]

    (node,) = outermost(lean(program, (3, 3), ()))
    assert "det" in names(node.regions[1])


# whole arrays


def grid(x):
    """Return the differences of all pairs of elements."""
    n = x.shape[0]
    return x.reshape((n, 1)).broadcast_to((n, n)) - x.reshape((1, n)).broadcast_to((n, n))


def tabled(table, n=6):
    def turn(t, x, q):
        return ops.contract(table(x), q, a_labels=(0, 1), b_labels=(1,), out_labels=(0,))

    graph = lean(lambda x, q: loop("t", 3, turn, [x], [q])[0], (n,), (n,))
    return names(outermost(graph)[-1].regions[0])


def test_a_table_of_dear_functions_is_made_once():
    assert tabled(lambda x: ops.exp(grid(x))) == ["input", "input", "contract"]


def test_a_table_of_cheap_functions_is_made_again():
    assert "subtract" in tabled(lambda x: grid(x) * 2.0)


def test_divisions_are_kept_where_they_stay_near():
    assert "divide" not in tabled(lambda x: 1.0 / (grid(x) + 5.0))
    assert "divide" in tabled(lambda x: 1.0 / (grid(x) + 5.0), 200)


def test_an_outer_product_is_made_again():
    def table(x):
        return ops.contract(x, x, a_labels=(0,), b_labels=(1,), out_labels=(0, 1))

    assert tabled(table).count("contract") == 2


def test_a_product_of_matrices_is_made_once():
    def table(x):
        wide = ops.maximum(grid(x), 0.25)
        return ops.contract(wide, wide, a_labels=(0, 2), b_labels=(1, 2), out_labels=(0, 1))

    assert tabled(table).count("contract") == 1


# random graphs


def test_random_graphs_keep_their_values(monkeypatch):
    seen = {"free": 0, "divided": 0}

    def watched(node, body, captures, carries):
        made, free = loosen(node, body, captures, carries)
        seen["free"] += len(free)
        seen["divided"] += made is not body
        return made, free

    monkeypatch.setattr("gradc.passes.regions.loosen", watched)
    for seed in SEEDS:
        graph = graph_of(seed)
        same(graph, verify(simplify(graph)), seed)
    assert seen["free"] > len(SEEDS) / 4
    assert seen["divided"] > len(SEEDS) / 2


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_keep_their_derivatives(seed):
    def total(graph):
        result = Graph("total")
        inputs = [result.input(graph[i].params["name"], graph[i].type) for i in graph.inputs]
        values = inline(graph, result, inputs)
        found = values[0].sum()
        for value in values[1:]:
            found = found + (value * value).sum()
        result.outputs = [found.id]
        return result

    graph = total(graph_of(seed))
    plain = reverse(graph, [0, 1]).graph
    same(plain, simplify(reverse(simplify(graph), [0, 1]).graph), seed)
