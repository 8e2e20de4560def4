"""Cotangents: sums, scaling, masks that stay masks."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import adjoints, reverse
from gradc.autodiff.cotangent import ZERO, add_terms, pullback, scale
from gradc.errors import DerivativeError
from gradc.ir import Array, ArrayType, Graph, Kind, Linear, Op
from gradc.ir.interpret import interpret
from gradc.passes import simplify
from tests.autodiff.support import F8, names, term


@pytest.fixture
def graph():
    return Graph("f")


def test_zeros_vanish_from_sums(graph):
    x, y = graph.input("x", F8), graph.input("y", F8)
    assert add_terms([]) is ZERO
    assert add_terms([ZERO, ZERO]) is ZERO
    assert add_terms([ZERO, x, ZERO]) == x
    assert term(add_terms([x, ZERO, y, x])) == "add(add(x, y), x)"
    assert len(graph) == 4


def test_scaling(graph):
    g, p = graph.input("g", F8), graph.input("p", F8)
    assert scale(ZERO, p) is ZERO
    assert scale(g, None) is ZERO
    assert scale(g, 1) == scale(g, 1.0) == g
    assert term(scale(g, -1.0)) == "negative(g)"
    assert term(scale(g, 2)) == "multiply(g, 2.0)"
    assert term(scale(g, p)) == "multiply(g, p)"


def test_a_mask_stays_outside(graph):
    g, p = graph.input("g", F8), graph.input("p", F8)
    c = graph.input("c", ArrayType.of("?", 3))
    zero = g.full_like(0.0)
    taken, other = ops.select(c, g, zero), ops.select(c, zero, g)
    assert term(scale(taken, p)) == "select(c, multiply(g, p), 0.0)"
    assert term(scale(other, p)) == "select(c, 0.0, multiply(g, p))"
    assert term(scale(taken, -1.0)) == "select(c, negative(g), 0.0)"
    assert term(scale(ops.select(c, g, p), p)) == "multiply(select(c, g, p), p)"


def test_a_partial_that_is_a_mask_selects(graph):
    """``g * (c ? 1 : 0)`` would make a NaN of an infinite g where c does not hold."""
    g, c = graph.input("g", F8), graph.input("c", ArrayType.of("?", 3))
    one, zero = g.full_like(1.0), g.full_like(0.0)
    assert term(scale(g, ops.select(c, one, zero))) == "select(c, g, 0.0)"
    assert term(scale(g, ops.select(c, zero, one))) == "select(c, 0.0, g)"


THROUGH = {
    "multiply": lambda x: ops.sqrt(x) * 3.0,
    "chain": lambda x: ops.exp(ops.negative(ops.sqrt(x))),
    "broadcast_to": lambda x: ops.sqrt(x).broadcast_to((4, 3)),
    "broadcast of one": lambda x: ops.sqrt(x).reshape((1, 3)).broadcast_to((4, 3)),
    "reshape": lambda x: ops.sqrt(x).reshape((3, 1)),
    "transpose": lambda x: ops.sqrt(x).reshape((1, 3)).transpose((1, 0)),
    "cast": lambda x: ops.sqrt(x).cast(np.dtype("f4")).cast(np.dtype("f8")),
    "cast down": lambda x: ops.sqrt(x).cast(np.dtype("f4")),
    "all": lambda x: ops.sqrt(x).cast(np.dtype("f4")).reshape((3, 1)).transpose((1, 0)) * 2.0,
}


def masked_loss(through):
    """Sum of np.where(x > 0, f(sqrt(x)), 0): the slope of the root is infinite at 0."""
    graph = Graph("f")
    x = graph.input("x", F8)
    inner = through(x)
    condition = ops.greater(x, 0.0)
    shape = inner.shape
    if len(shape) == 2 and shape[1] == 1:
        condition = condition.reshape(shape)
    else:
        condition = condition.broadcast_to(shape)
    chosen = ops.select(condition, inner, inner.full_like(0.0))
    graph.outputs = [chosen.sum().id]
    return graph


@pytest.mark.parametrize("name", THROUGH)
@pytest.mark.parametrize("final", [False, True])
def test_the_branch_not_taken_leaves_no_nan(name, final):
    joint = reverse(masked_loss(THROUGH[name]), [0]).graph
    slope = interpret(simplify(joint, final=final), np.array([0.0, 4.0, -1.0]))[1]
    assert np.isfinite(slope).all(), slope
    assert slope[0] == slope[2] == 0.0
    assert slope[1] != 0.0


def test_without_the_mask_there_would_be_a_nan():
    """Negative control: zero times an infinite partial is what the masks are for."""
    graph = Graph("f")
    x = graph.input("x", F8)
    root = ops.sqrt(x)
    flag = ops.cast(ops.greater(x, 0.0), dtype=x.dtype)
    graph.outputs = [(root * flag).sum().id]
    values = interpret(reverse(graph, [0]).graph, np.array([0.0, 4.0, -1.0]))[1]
    assert np.isnan(values).any()


def test_nested_masks(graph):
    x = graph.input("x", F8)
    inner = ops.select(ops.greater(x, 0.0), ops.log(x), x.full_like(0.0))
    outer = ops.select(ops.greater(x, 1.0), inner * ops.sqrt(x - 1.0), x.full_like(0.0))
    graph.outputs = [outer.sum().id]
    values = interpret(simplify(reverse(graph, [0]).graph), np.array([0.0, 1.0, -2.0]))[1]
    np.testing.assert_array_equal(values, 0.0)


def test_pullbacks_fit_their_operands(graph):
    x, g = graph.input("x", F8), graph.input("g", ArrayType.of("f8", 2, 3))
    y = x.broadcast_to((2, 3))
    (back,) = pullback(graph, y.id, g)
    assert back is not ZERO
    assert back.type == x.type


def test_literal_zeros_are_dropped(graph):
    x, g = graph.input("x", F8), graph.input("g", F8)
    y = x + x.full_like(0.0)
    (back,) = pullback(graph, ops.cast(y, dtype=x.dtype).id, g.full_like(0.0))
    assert back is ZERO
    assert list(pullback(graph, y.id, g)) == [g, g]


def test_pieces_without_slope(graph):
    x, g = graph.input("x", F8), graph.input("g", F8)
    before = len(graph) + 1
    assert list(pullback(graph, ops.sign(x).id, g)) == [ZERO]
    assert len(graph) == before
    at = graph.input("at", ArrayType.of("i8", 3))
    chosen = ops.index_add(x, g, at, spec=(Array(0),))
    backs = pullback(graph, chosen.id, g)
    assert backs[2] is ZERO


def test_a_wrong_pullback_is_caught(graph):
    """Negative control: a transposed rule that forgets to transpose does not pass unseen."""
    wrong = Op(
        "halved",
        Kind.MOVEMENT,
        ("x",),
        lambda x: x.with_shape((2,)),
        lambda x: x[:2],
        "{x}[:2]",
        derivative=Linear(lambda ct, out, x: (ct,)),
    )
    x = graph.input("x", F8)
    y = wrong(x)
    with pytest.raises(AssertionError, match="does not fit"):
        adjoints(graph, {y.id: y.full_like(1.0)}, [x.id])


def test_refusal_names_operands(graph):
    opaque = Op("opaque", Kind.OTHER, ("x",), lambda x: x, lambda x: x, "{x}")
    x = graph.input("x", F8)
    with pytest.raises(DerivativeError, match="opaque") as caught:
        pullback(graph, opaque(x).id, x)
    assert "x: f8[3]" in str(caught.value)
    assert "stop_gradient" in str(caught.value)
    assert names(graph)[-1] == "opaque"
