"""Shape rules: what is refused and in which words, and symbolic extents."""

import numpy as np
import pytest

from gradc import ops
from gradc.errors import DTypeError, ShapeError
from gradc.ir import ArrayType, Graph, Symbol
from gradc.ir.interpret import interpret_all
from tests.ops.graphs import pull, run

F3, F4, F23 = ArrayType.of("f8", 3), ArrayType.of("f8", 4), ArrayType.of("f8", 2, 3)
I3, B3 = ArrayType.of("i8", 3), ArrayType.of("?", 3)
N = Symbol("n").expr()


@pytest.mark.parametrize(
    ("op", "types", "params", "error", "words"),
    [
        (ops.add, (F3, F4), {}, ShapeError, "add needs equal shapes, got f8[3] and f8[4]"),
        (ops.add, (F3, I3), {}, DTypeError, "add needs equal dtypes, got f8[3] and i8[3]"),
        (ops.exp, (I3,), {}, DTypeError, "exp takes floating-point numbers, got i8[3]"),
        (
            *(ops.bitwise_or, (F3, F3), {}, DTypeError),
            "bitwise_or takes integers or truth values, got f8[3]",
        ),
        (
            *(ops.select, (F3, F3, F3), {}, DTypeError),
            "select needs a condition of truth values, got f8[3]",
        ),
        (
            *(ops.select, (B3, F4, F4), {}, ShapeError),
            "select needs equal shapes, got bool[3] and f8[4]",
        ),
        (
            *(ops.cast, (F3,), {"dtype": np.dtype("c16")}, DTypeError),
            "gradc has no arrays of dtype complex128",
        ),
        (ops.reduce_sum, (F3,), {"axes": (1,)}, ShapeError, "reduce_sum of f8[3] has no axis 1"),
        (
            *(ops.reduce_sum, (F23,), {"axes": (1, 0)}, ShapeError),
            "reduce_sum needs sorted, different axes, got (1, 0)",
        ),
        (ops.reduce_any, (F3,), {"axes": (0,)}, DTypeError, "reduce_any does not take f8[3]"),
        (
            *(ops.reduce_max, (ArrayType.of("f8", 0, 2),), {"axes": (0,)}, ShapeError),
            "reduce_max of f8[0, 2] has no elements to choose from",
        ),
        (
            *(ops.argmin, (ArrayType.of("f8", 0),), {"axis": 0}, ShapeError),
            "argmin of f8[0] has no elements to choose from",
        ),
        (
            ops.cumsum,
            (F3,),
            {"axis": -1, "reverse": False},
            ShapeError,
            "cumsum of f8[3] has no axis -1",
        ),
        (ops.cumprod, (B3,), {"axis": 0}, DTypeError, "cumprod takes numbers, got bool[3]"),
        (ops.broadcast_to, (F3,), {"shape": (4,)}, ShapeError, "f8[3] does not broadcast to (4,)"),
        (
            ops.broadcast_to,
            (F23,),
            {"shape": (3,)},
            ShapeError,
            "f8[2, 3] does not broadcast to (3,)",
        ),
        (ops.reshape, (F3,), {"shape": (2, 2)}, ShapeError, "f8[3] has 3 elements, (2, 2) needs 4"),
        (
            *(ops.transpose, (F23,), {"axes": (0, 0)}, ShapeError),
            "(0, 0) is no permutation of the axes of f8[2, 3]",
        ),
        (
            *(ops.pad, (F3,), {"low": (), "high": ()}, ShapeError),
            "pad of f8[3] needs 1 widths before and after",
        ),
        (
            *(ops.pad, (F3,), {"low": (-1,), "high": (0,)}, ShapeError),
            "pad widths must not be negative, got (-1,) and (0,)",
        ),
        (
            *(ops.concatenate, (F23, F3), {"axis": 0}, ShapeError),
            "f8[2, 3] and f8[3] do not join along axis 0",
        ),
        (
            *(ops.concatenate, (F3, I3), {"axis": 0}, DTypeError),
            "concatenate needs equal dtypes, got f8[3] and i8[3]",
        ),
        (ops.iota, (), {"length": -1}, ShapeError, "iota needs a length, got -1"),
    ],
    ids=lambda v: getattr(v, "name", None),
)
def test_what_does_not_fit_is_refused(op, types, params, error, words):
    with pytest.raises(error) as caught:
        op.infer(*types, **params)
    assert str(caught.value) == words


def test_an_extreme_over_no_elements_is_fine_when_nothing_is_asked_for():
    empty = ArrayType.of("f8", 0, 0)
    assert ops.reduce_max.infer(empty, axes=(0,)).shape == (0,)
    assert ops.argmax.infer(ArrayType.of("f8", 3, 0), axis=0).shape == (0,)


@pytest.mark.parametrize(
    ("op", "params", "shape"),
    [
        (ops.exp, {}, (N, 3)),
        (ops.reduce_sum, {"axes": (1,)}, (N,)),
        (ops.reduce_max, {"axes": (0,)}, (3,)),
        (ops.argmax, {"axis": 1}, (N,)),
        (ops.cumsum, {"axis": 0, "reverse": False}, (N, 3)),
        (ops.broadcast_to, {"shape": (2, N, 3)}, (2, N, 3)),
        (ops.reshape, {"shape": (3 * N,)}, (3 * N,)),
        (ops.transpose, {"axes": (1, 0)}, (3, N)),
        (ops.pad, {"low": (1, 0), "high": (N, 0)}, (2 * N + 1, 3)),
        (ops.reduce_prod, {"axes": (0,)}, (3,)),
        (ops.cumprod, {"axis": 0}, (N, 3)),
    ],
    ids=lambda v: getattr(v, "name", None),
)
def test_symbolic_extents_pass_through_values_and_pullbacks(op, params, shape):
    graph = Graph()
    x = graph.input("x", ArrayType.of("f8", N, 3))
    out = op(x, **params)
    assert out.shape == shape
    if op.derivative is not None:
        ct = graph.input("ct", out.type)
        (term,) = pull(graph, out.id, ct)
        assert (term if hasattr(term, "type") else ct).shape == x.shape


def test_concatenation_adds_symbolic_extents():
    x, y = ArrayType.of("f8", N), ArrayType.of("f8", 2)
    assert ops.concatenate.infer(x, y, axis=0).shape == (N + 2,)
    assert ops.concatenate.infer(x, x, axis=0).shape == (2 * N,)


def test_a_running_product_of_symbolic_length_has_the_same_derivative():
    """The sum over pairs, which serves lengths that are not known, against the sweeps."""
    from gradc.ops.scans import _recurrence_by_pairs, recurrence

    rng = np.random.default_rng(7)
    a, b = rng.standard_normal((2, 2, 6, 3))
    graph = Graph()
    x, y = graph.input("a", ArrayType.like(a)), graph.input("b", ArrayType.like(b))
    graph.outputs = [recurrence(x, y, 1).id, _recurrence_by_pairs(x, y, 1).id]
    sweeps, pairs = run(graph, a, b)
    wanted, h = np.empty_like(b), 0.0
    for i in range(6):
        h = wanted[:, i] = a[:, i] * h + b[:, i]
    np.testing.assert_allclose(sweeps, wanted, rtol=1e-12)
    np.testing.assert_allclose(pairs, wanted, rtol=1e-12)
    graph, kind = Graph(), ArrayType.of("f8", 2, N, 3)
    h = recurrence(graph.input("a", kind), graph.input("b", kind), 1)
    graph.outputs = [h.id]
    unknown = interpret_all(graph, [a, b], {Symbol("n"): 6})[h.id]
    np.testing.assert_allclose(unknown, wanted, rtol=1e-12)
