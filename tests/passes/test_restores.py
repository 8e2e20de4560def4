"""What is cleared and added again is not cleared."""

import numpy as np
import pytest

import gradc
from gradc.ir import Graph, Origin
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from gradc.passes.restores import keep_restored
from tests.region_graphs import add, build, draw, get, loop, loops_of, put, zeros

BOX, BESIDE, ACROSS = ((1, 4), (0, 6)), ((0, 1), (0, 6)), ((0, 4), (0, 6))


def names_in_the_loop(turn) -> list[str]:
    """Return the ops of the simplified body, after comparing values."""

    def program(x, y):
        return loop("i", 3, turn, [y], [x])

    graph = build(program, (6, 6), (4, 6))
    lean: Graph = verify(simplify(graph))
    at = draw(2, (6, 6), (4, 6))
    for one, other in zip(interpret(graph, *at), interpret(lean, *at), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)
    (node,) = loops_of(lean)
    return [inner.op.name for inner in node.regions[0].nodes]


def names_after_the_pass(turn) -> list[str]:
    """Return the ops of a body after this pass alone, before rules make one write of the two."""
    graph = build(lambda x, y: loop("i", 3, turn, [y], [x]), (6, 6), (4, 6))
    (node,) = loops_of(graph)
    body = node.regions[0]
    lean: Graph = verify(keep_restored(body))
    at = draw(2, *(body[id].type.extents for id in body.inputs))
    for one, other in zip(interpret(body, *at), interpret(lean, *at), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)
    return [inner.op.name for inner in lean.nodes]


def cleared(x):
    with x.graph.at(Origin(None, adjoint_of=x.id)):
        return put(x, zeros(x, 4, 6), *BOX)


def test_what_is_added_again_is_never_cleared():
    names = names_in_the_loop(
        lambda i, y, x: (add(add(cleared(x), y, *ACROSS), get(x, *BOX), *BOX),)
    )
    assert "index_put" not in names
    assert names.count("index_add") == 1


def test_what_is_added_besides_stays():
    def turn(i, y, x):
        return (add(cleared(x), (y * 2.0 + get(x, *BOX)) + y * y, *BOX),)

    names = names_after_the_pass(turn)
    assert "index_put" not in names
    assert names.count("index_add") == 1


def test_writes_beside_it_may_come_between():
    def turn(i, y, x):
        beside = put(cleared(x), get(y, (0, 1), (0, 6)), *BESIDE)
        return (add(beside, get(x, *BOX), *BOX),)

    assert names_in_the_loop(turn).count("index_put") == 1


@pytest.mark.parametrize(
    "turn",
    [
        lambda i, y, x: (add(cleared(x), get(x, *BOX) * 0.5, *BOX),),
        lambda i, y, x: (add(cleared(x), get(x, *ACROSS), *BOX),),
        lambda i, y, x: (add(put(cleared(x), y, *ACROSS), get(x, *BOX), *BOX),),
        lambda i, y, x: (add(cleared(x), get(x, *BOX), *BOX) * cleared(x),),
    ],
    ids=["scaled", "from elsewhere", "overwritten between", "read when cleared"],
)
def test_anything_else_is_cleared(turn):
    assert "index_put" in names_in_the_loop(turn)


@pytest.mark.parametrize("zero", [False, True])
def test_what_the_user_clears_and_adds_keeps_its_bits(zero):
    def program(x, w, v):
        x = x.copy()
        for _ in range(40):
            u = x[1:-1] + w + v
            x[1:-1] = 0.0
            np.add.at(x, slice(1, -1), u)
        return x

    rng = np.random.default_rng(3)
    args = [rng.standard_normal(n) for n in (50, 48, 48)]
    args = [np.full_like(a, -0.0) if zero else a for a in args]
    found = gradc.compile(program, backend="numpy")(*args)
    assert found.tobytes() == program(*args).tobytes()
