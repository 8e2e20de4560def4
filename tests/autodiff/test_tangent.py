"""Forward mode: the sum over operands, and the same slopes as reverse mode."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import forward, reverse_seeded, tangents
from gradc.ir import ArrayType, At, Graph, Slice
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify
from gradc.passes import simplify
from tests.autodiff.support import F8, names, random_graph, term


def test_a_sum_over_operands():
    graph = Graph("f")
    x, y, dx, dy = (graph.input(name, F8) for name in ("x", "y", "dx", "dy"))
    z = x * y
    found = tangents(graph, {x.id: dx, y.id: dy}, [z.id])
    assert term(found[z.id]) == "add(multiply(dx, y), multiply(dy, x))"
    alone = tangents(graph, {x.id: dx}, [z.id])
    assert term(alone[z.id]) == "multiply(dx, y)"


def test_linear_ops_are_applied_to_tangents():
    graph = Graph("f")
    x, v, dx = graph.input("x", F8), graph.input("v", ArrayType.of("f8", 2)), graph.input("dx", F8)
    part = ops.index_put(x, v, spec=(Slice(1, 2),))
    found = tangents(graph, {x.id: dx}, [part.id])
    assert term(found[part.id]) == "index_put(dx, 0.0)"
    both = ops.contract(x, x, a_labels=(0,), b_labels=(0,), out_labels=())
    found = tangents(graph, {x.id: dx}, [both.id])
    assert term(found[both.id]) == "add(contract(dx, x), contract(x, dx))"


def test_what_does_not_move_has_no_tangent():
    graph = Graph("f")
    x, y, dx = (graph.input(name, F8) for name in ("x", "y", "dx"))
    still, steps = ops.exp(y), ops.floor(x)
    out = still * steps + ops.stop_gradient(x)
    before = len(graph)
    assert tangents(graph, {x.id: dx}, [out.id]) == {x.id: dx}
    assert len(graph) == before


def test_tangents_are_named_and_marked():
    graph = Graph("f")
    x, dx = graph.input("x", F8), graph.input("dx", F8)
    h = ops.exp(x)
    graph.rename(h.id, "h")
    found = tangents(graph, {x.id: dx}, [h.id])
    assert graph.names[found[h.id].id] == "h_dot"
    assert found[h.id].node.origin.tangent_of == h.id


def test_masks_hold_in_forward_mode_too():
    graph = Graph("f")
    x = graph.input("x", F8)
    root = ops.select(ops.greater(x, 0.0), ops.sqrt(x), x.full_like(0.0))
    graph.outputs = [root.id]
    joint = simplify(forward(graph, [0]).graph)
    dot = interpret(joint, np.array([0.0, 4.0, -1.0]), np.array([0.0, 1.0, 1.0]))[1]
    assert dot[1] == 0.25
    assert np.isfinite(dot[2])


def test_zero_tangents_of_unmoved_outputs():
    graph = Graph("f")
    x, y = graph.input("x", F8), graph.input("y", F8)
    graph.outputs = [ops.exp(y).id, x.cast(np.dtype("i8")).id, ops.sin(x).id]
    joint = forward(graph, [0]).graph
    assert len(joint.outputs) == 3 + 2, "one for each floating-point output"
    values = interpret(joint, np.ones(3), np.ones(3), np.ones(3))
    np.testing.assert_array_equal(values[3], 0.0)
    np.testing.assert_array_equal(values[4], np.cos(np.ones(3)))


@pytest.mark.parametrize("seed", range(40))
def test_forward_and_reverse_agree_on_random_graphs(seed):
    """<w, J v> = <J' w, v> for random directions v and w."""
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    graph = verify(random_graph(rng))
    ahead, back = forward(graph, [0, 1]), reverse_seeded(graph, [0, 1])
    for joint in (ahead, back):
        verify(joint.graph)
    arrays = [rng.uniform(0.3, 1.5, (2, 3)) for _ in range(2)]
    v = [rng.standard_normal((2, 3)) for _ in range(2)]
    w = [rng.standard_normal((2, 3)), rng.standard_normal(())]
    for one, other in ((ahead.graph, back.graph), (simplify(ahead.graph), simplify(back.graph))):
        dots = interpret(one, *arrays, *v)[2:]
        bars = interpret(other, *arrays, *w)[2:]
        left = sum(float(np.sum(a * b)) for a, b in zip(w, dots, strict=True))
        right = sum(float(np.sum(a * b)) for a, b in zip(v, bars, strict=True))
        size = sum(float(np.sum(np.abs(a * b))) for a, b in zip(w, dots, strict=True)) + 1.0
        assert abs(left - right) <= 1e-10 * size


def test_the_identity_would_notice_a_wrong_sign():
    """Negative control of the test above."""
    rng = np.random.default_rng(1)
    graph = Graph("f")
    x = graph.input("x", F8)
    graph.outputs = [ops.negative(ops.sin(x)).id]
    wrong = Graph("g")
    wrong.input("x", F8)
    wrong.outputs = [ops.sin(wrong.value(0)).id]
    v, w, at = rng.standard_normal((3, 3))
    dots = interpret(forward(graph, [0]).graph, at, v)[1]
    bars = interpret(reverse_seeded(wrong, [0]).graph, at, w)[1]
    assert abs(np.sum(w * dots) - np.sum(v * bars)) > 1e-6


def test_positions_of_what_is_read():
    graph = Graph("f")
    x, dx = graph.input("x", F8), graph.input("dx", F8)
    y = ops.index(x, spec=(At(1),))
    found = tangents(graph, {x.id: dx}, [y.id])
    assert names(graph)[-1] == "index"
    assert found[y.id].shape == ()
