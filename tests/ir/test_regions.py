"""Loops and branches as nodes: built, verified, interpreted, simplified, dumped."""

import numpy as np
import pytest

from gradc import ops
from gradc.errors import GradcError, LimitError
from gradc.ir import ArrayType, At, Graph, Slice, Symbol
from gradc.ir.digest import digest
from gradc.ir.interpret import interpret
from gradc.ir.text import dump
from gradc.ir.verify import verify
from gradc.ops.regions import make_cond, make_loop, make_while
from gradc.passes import simplify

SCALAR = ArrayType.of("f8")


def prefix_products(n: int, *, reverse: bool = False) -> Graph:
    """Y[i] = x[i] * s; s = y[i], for i below n, or from the end."""
    i = Symbol("i", "index")
    body = Graph("body")
    x, s, y = (body.input(name, t) for name, t in zip("xsy", _types(n), strict=True))
    product = ops.index(x, spec=(At(i.expr()),)) * s
    body.outputs = [product.id, ops.index_put(y, product, spec=(At(i.expr()),)).id]
    graph = Graph("prefix_products")
    x = graph.input("x", ArrayType.of("f8", n))
    one, zeros = graph.literal(1.0, x.dtype), x.full_like(0.0)
    results = make_loop(body, [x], [one, zeros], index=i, count=n, reverse=reverse)
    graph.outputs = [r.id for r in results]
    return graph


def _types(n: int) -> tuple[ArrayType, ...]:
    return ArrayType.of("f8", n), SCALAR, ArrayType.of("f8", n)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_runs_turn_after_turn(reverse):
    x = np.random.default_rng(3).uniform(0.5, 1.5, 7)
    graph = verify(prefix_products(7, reverse=reverse))
    last, y = interpret(graph, x)
    expected = np.cumprod(x[::-1])[::-1] if reverse else np.cumprod(x)
    np.testing.assert_allclose(y, expected, rtol=1e-15)
    assert last == (y[0] if reverse else y[-1])
    again = interpret(verify(simplify(graph)), x)
    np.testing.assert_array_equal(again[1], y)


def test_a_loop_of_no_turns_gives_what_it_got():
    last, y = interpret(prefix_products(0), np.zeros(0))
    assert last == 1.0
    assert y.shape == (0,)


def test_growing_slices():
    """Sum over i of the sum of x[:i]: the extent of the slice is the index."""
    i = Symbol("i", "index")
    body = Graph("body")
    x, total = body.input("x", ArrayType.of("f8", 5)), body.input("total", SCALAR)
    head = ops.index(x, spec=(Slice(0, i.expr()),))
    assert str(head.type) == "f8[i]"
    body.outputs = [(total + head.sum()).id]
    graph = Graph("triangle")
    x = graph.input("x", ArrayType.of("f8", 5))
    (total,) = make_loop(body, [x], [graph.literal(0.0, x.dtype)], index=i, count=5)
    graph.outputs = [total.id]
    x = np.arange(1.0, 6.0)
    assert interpret(verify(simplify(graph)), x)[0] == sum(x[:k].sum() for k in range(5))


def halving(limit: int) -> Graph:
    test, body = Graph("test"), Graph("body")
    test.outputs = [ops.greater(test.input("x", SCALAR), 1.0).id]
    body.outputs = [(body.input("x", SCALAR) * 0.5).id]
    graph = Graph("halving")
    x = graph.input("x", SCALAR)
    graph.outputs = [make_while(test, body, [], [x], limit=limit)[0].id]
    return graph


def test_a_loop_with_a_condition():
    assert interpret(verify(halving(100)), 37.0)[0] == 37.0 / 64
    with pytest.raises(LimitError, match="more than 3 times"):
        interpret(halving(3), 37.0)


def test_a_branch():
    then, otherwise = Graph("then"), Graph("otherwise")
    then.outputs = [ops.sqrt(then.input("x", SCALAR)).id]
    otherwise.outputs = [(-otherwise.input("x", SCALAR)).id]
    graph = Graph("branch")
    x = graph.input("x", SCALAR)
    graph.outputs = [make_cond(ops.greater(x, 0.0), then, otherwise, [x])[0].id]
    verify(simplify(graph))
    assert (interpret(graph, 4.0)[0], interpret(graph, -3.0)[0]) == (2.0, 3.0)


def test_a_region_must_fit_its_node():
    graph = prefix_products(4)
    loop = next(node for node in graph.nodes if node.regions)
    loop.regions[0].outputs.reverse()
    with pytest.raises(GradcError, match="region of"):
        verify(graph)


def test_dump_and_digest_see_the_body():
    assert "index_put" in dump(prefix_products(4))
    assert digest(prefix_products(4)) == digest(prefix_products(4))
    assert digest(prefix_products(4)) != digest(prefix_products(4, reverse=True))
