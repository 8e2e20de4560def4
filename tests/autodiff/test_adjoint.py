"""The sum-over-children rule, term by term."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import adjoints
from gradc.autodiff.adjoint import Term
from gradc.errors import DerivativeError
from gradc.ir import Array, ArrayType, Graph, Kind, Op, Origin
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests.autodiff.support import F8, SCALAR, term


def inputs(graph, *wanted, kind=F8):
    return [graph.input(name, kind) for name in wanted]


def test_a_sum_over_children_and_slots():
    graph = Graph("f")
    x, y, g = inputs(graph, "x", "y", "g")
    product = x * x
    total = product + x * y
    record = adjoints(graph, {total.id: g}, [x.id])
    assert record.terms[x.id] == [
        Term(product.id, 0, record.terms[x.id][0].value),
        Term(product.id, 1, record.terms[x.id][1].value),
        Term((x * y).id, 0, record.terms[x.id][2].value),
    ]
    assert [term(t.value) for t in record.terms[x.id]] == [
        *("multiply(g, x)", "multiply(g, x)", "multiply(g, y)"),
    ]
    assert term(record.totals[x.id]) == ("add(add(multiply(g, x), multiply(g, x)), multiply(g, y))")
    assert record.totals[total.id] == record.totals[product.id] == g
    verify(graph)


def test_the_seed_is_a_term_of_its_own():
    graph = Graph("f")
    x, g, k = inputs(graph, "x", "g", "k")
    y = ops.sin(x)
    z = ops.exp(y)
    record = adjoints(graph, {y.id: g, z.id: k}, [x.id])
    assert term(record.totals[y.id]) == "add(g, multiply(k, exp(sin(x))))"
    assert len(record.terms[y.id]) == 1
    assert record.terms[z.id] == []


def test_a_chain_has_one_term_at_each_step():
    graph = Graph("f")
    x, g = inputs(graph, "x", "g")
    y = ops.exp(x)
    z = ops.negative(y)
    record = adjoints(graph, {z.id: g}, [x.id])
    assert [len(record.terms[v.id]) for v in (x, y, z)] == [1, 1, 0]
    assert term(record.totals[x.id]) == "multiply(negative(g), exp(x))"


def test_a_broadcast_is_summed():
    graph = Graph("f")
    s, g = graph.input("s", SCALAR), graph.input("g", F8)
    x = graph.input("x", F8)
    y = s * x
    record = adjoints(graph, {y.id: g}, [s.id])
    assert term(record.totals[s.id]) == "reduce_sum(multiply(g, x))"
    assert record.totals[s.id].type == SCALAR


def added_for(wrt):
    """Return the record and the nodes that stay for the adjoints of some of x and w."""
    graph = Graph("f")
    x, w, g = inputs(graph, "x", "w", "g")
    h = ops.exp(w) * ops.sin(x)
    before = len(graph)
    record = adjoints(graph, {h.id: g}, [(x, w)[i].id for i in wrt])
    graph.outputs = [record.totals[(x, w)[i].id].id for i in wrt]
    added = [node.id for node, live in zip(graph.nodes, graph.live(), strict=True) if live]
    return record, [term(graph.value(id)) for id in added if id >= before]


def test_frozen_arguments_cost_nothing():
    record, added = added_for([0])
    assert added == [
        *("multiply(g, exp(w))", "cos(x)", "multiply(multiply(g, exp(w)), cos(x))"),
    ]
    assert 1 not in record.totals
    record, added = added_for([])
    assert record.totals == {}
    assert added == []


def test_a_zero_is_never_stored():
    graph = Graph("f")
    x, y, g = inputs(graph, "x", "y", "g")
    z = ops.floor(x) * y + ops.stop_gradient(x)
    before = len(graph)
    record = adjoints(graph, {z.id: g}, [x.id])
    assert x.id not in record.totals
    assert len(graph) == before, "nothing that ends in a zero is computed"
    record = adjoints(graph, {z.id: g}, [x.id, y.id])
    assert set(record.totals) == {y.id, (ops.floor(x) * y).id, z.id}


def test_nodes_off_the_path_have_no_adjoint():
    graph = Graph("f")
    x, g = inputs(graph, "x", "g")
    side = ops.exp(x)
    out = ops.sin(x)
    _ = side * out
    record = adjoints(graph, {out.id: g}, [x.id])
    assert side.id not in record.totals
    assert set(record.totals) == {x.id, out.id}


def test_integer_operands_get_nothing():
    graph = Graph("f")
    x, g = inputs(graph, "x", "g")
    at = graph.input("at", ArrayType.of("i8", 3))
    y = ops.index(x, at, spec=(Array(0),))
    record = adjoints(graph, {y.id: g}, [x.id, at.id])
    assert set(record.totals) == {x.id, y.id}


def test_adjoint_nodes_say_whose_they_are():
    graph = Graph("f")
    x, g = inputs(graph, "x", "g")
    h = ops.exp(x)
    graph.rename(h.id, "h")
    out = h * h * 3.0
    record = adjoints(graph, {out.id: g}, [x.id])
    primal = out.id
    assert graph.names[record.totals[h.id].id] == "h_bar"
    assert graph.names[record.totals[x.id].id] == "x_bar"
    assert record.totals[h.id].node.origin.adjoint_of == h.id
    assert all(n.origin == Origin() for n in graph.nodes[: primal + 1])
    assert all(n.origin.adjoint_of is not None for n in graph.nodes[primal + 1 :])


def test_a_seed_keeps_its_own_name():
    graph = Graph("f")
    x, g = inputs(graph, "x", "g")
    y = ops.add(x, x)
    graph.rename(y.id, "y")
    adjoints(graph, {y.id: g}, [x.id])
    assert graph.names[g.id] == "g"


def test_an_op_without_derivative_is_refused_where_it_stands():
    graph = Graph("f")
    x, g = inputs(graph, "x", "g")
    opaque = Op("opaque", Kind.ELEMENTWISE, ("x",), lambda x: x, lambda x: x, "{x}")
    y = opaque(x)
    with pytest.raises(DerivativeError, match="opaque has no derivative"):
        adjoints(graph, {y.id: g}, [x.id])
    assert len(adjoints(graph, {y.id: g}, []).totals) == 0


def test_long_chains_do_not_recurse():
    graph = Graph("f")
    x, g = inputs(graph, "x", "g")
    y = x
    for _ in range(20_000):
        y = ops.sin(y)
    record = adjoints(graph, {y.id: g}, [x.id])
    assert len(record.totals) == 20_001


def test_a_dropped_term_is_caught():
    """Negative control: the numbers notice when one child of the sum is left out."""
    graph = Graph("f")
    x, g = inputs(graph, "x", "g")
    out = x * ops.sin(x)
    record = adjoints(graph, {out.id: g}, [x.id])
    first, second = (t.value for t in record.terms[x.id])
    graph.outputs = [record.totals[x.id].id, first.id, second.id]
    values = interpret(simplify(graph), np.array([0.5, 1.0, 2.0]), np.ones(3))
    expected = np.sin([0.5, 1, 2]) + np.array([0.5, 1, 2]) * np.cos([0.5, 1, 2])
    np.testing.assert_allclose(values[0], expected)
    for part in values[1:]:
        assert not np.allclose(part, expected)
