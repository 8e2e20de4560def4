"""Index specs: NumPy's placement of axes, bounds, symbolic extents, duplicates."""

import numpy as np
import pytest

from gradc import ops
from gradc.errors import DTypeError, IndexBoundsError, ShapeError
from gradc.ir import Array, ArrayType, At, Graph, NewAxis, Slice, Symbol
from gradc.ops.index_spec import result_items, subscript
from tests.ops.graphs import apply, run, vjp

X = np.arange(24.0).reshape(2, 3, 4)
ROWS, J = np.array([0, 1, 1]), np.array([[0], [2]])
W2, W3, W4 = Slice(0, 2), Slice(0, 3), Slice(0, 4)


@pytest.mark.parametrize(
    ("spec", "arrays", "key"),
    [
        ((Array(0), W3, W4), (ROWS,), np.s_[ROWS]),
        ((W2, Array(0), W4), (ROWS,), np.s_[:, ROWS]),
        ((W2, Array(0), Array(1)), (ROWS, J), np.s_[:, ROWS, J]),
        ((Array(0), Array(1), W4), (ROWS, J), np.s_[ROWS, J]),
        ((Array(0), W3, Array(1)), (ROWS, J), np.s_[ROWS, :, J]),
        ((Array(0), NewAxis(), Array(1), W4), (ROWS, J), np.s_[ROWS, None, J]),
        ((W2, NewAxis(), Array(0), W4), (J,), np.s_[:, None, J]),
        ((NewAxis(), W2, Array(0), NewAxis(), W4), (J,), np.s_[None, :, J, None]),
        ((W2, Array(0), Slice(3, 4, -1)), (ROWS,), np.s_[:, ROWS, ::-1]),
    ],
)
def test_axes_stand_where_numpy_puts_them(spec, arrays, key):
    np.testing.assert_array_equal(apply(ops.index, X, *arrays, spec=spec), X[key])


@pytest.mark.parametrize(
    ("spec", "arrays", "wanted"),
    [
        ((At(1), W3, Array(0)), (ROWS,), X[1][:, ROWS]),
        ((Array(0), At(2), Array(1)), (ROWS, J), X[:, 2][ROWS, J]),
        ((Array(0), W3, At(3)), (ROWS,), X[:, :, 3][ROWS]),
    ],
)
def test_positions_come_before_index_arrays(spec, arrays, wanted):
    np.testing.assert_array_equal(apply(ops.index, X, *arrays, spec=spec), wanted)


def test_result_items_name_where_each_axis_comes_from():
    assert result_items((At(0), W3, NewAxis())) == (1, 2)
    assert result_items((W2, Array(0), Array(1))) == (0, None)
    assert result_items((Array(0), W3, Array(1))) == (None, 1)
    assert result_items((Array(0), At(0), Array(1), NewAxis())) == (None, 3)


@pytest.mark.parametrize("index", [3, -4])
def test_index_arrays_are_checked_when_they_are_used(index):
    with pytest.raises(IndexError):
        apply(ops.index, np.ones(3), np.array([index]), spec=(Array(0),))


def _infer(op, *types, spec):
    return op.infer(*types, spec=spec)


F3 = ArrayType.of("f8", 3)
I2 = ArrayType.of("i8", 2)


@pytest.mark.parametrize(
    ("spec", "arrays", "error", "words"),
    [
        ((At(3),), (), IndexBoundsError, "index 3 is outside axis 0 of f8[3]"),
        ((At(-1),), (), IndexBoundsError, "index -1 is outside axis 0 of f8[3]"),
        ((Slice(1, 3),), (), IndexBoundsError, "index 3 is outside axis 0 of f8[3]"),
        ((Slice(1, 3, -1),), (), IndexBoundsError, "index -1 is outside axis 0 of f8[3]"),
        ((), (), ShapeError, "an index of f8[3] needs 1 items, got 0"),
        ((Array(1),), (I2,), ShapeError, "an index with 1 arrays names the slots [1]"),
        ((Array(0),), (F3,), DTypeError, "an index array holds integers, got f8[3]"),
    ],
)
def test_what_does_not_fit_is_refused(spec, arrays, error, words):
    with pytest.raises(error) as caught:
        ops.index.infer(F3, *arrays, spec=spec)
    assert str(caught.value) == words


def test_index_arrays_must_broadcast():
    types = ArrayType.of("f8", 3, 3), I2, ArrayType.of("i8", 3)
    with pytest.raises(ShapeError, match="do not broadcast"):
        ops.index.infer(*types, spec=(Array(0), Array(1)))


def test_a_stored_value_has_exactly_the_shape_and_dtype_of_the_part():
    spec = (Slice(0, 2),)
    with pytest.raises(ShapeError, match=r"the indexed part of f8\[3\] is f8\[2\]"):
        ops.index_put.infer(F3, ArrayType.of("f8", 1), spec=spec)
    with pytest.raises(DTypeError, match="needs dtype float64"):
        ops.index_add.infer(F3, ArrayType.of("f4", 2), spec=spec)


def test_the_last_of_several_writes_wins_and_sums_count_all():
    i, v = np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0])
    spec = (Array(0),)
    assert apply(ops.index_put, np.zeros(3), v, i, spec=spec).tolist() == [3.0, 0.0, 2.0]
    assert apply(ops.index_add, np.zeros(3), v, i, spec=spec).tolist() == [4.0, 0.0, 2.0]


CT = np.array([1.0, 10.0, 100.0])


@pytest.mark.parametrize("known", [True, False], ids=["constant", "traced"])
def test_an_overwritten_value_gets_no_derivative(known):
    i = np.array([0, 2, -3])
    graph = Graph()
    x, v = graph.input("x", F3), graph.input("v", F3)
    where = graph.constant(i) if known else graph.input("i", ArrayType.like(i))
    out = ops.index_put(x, v, where, spec=(Array(0),))
    rule = out.node.op.derivative
    terms = rule.transpose(graph.constant(CT), out, x, v, where, spec=(Array(0),))
    graph.outputs = [terms[0].id, terms[1].id]
    arguments = [np.zeros(3), np.zeros(3)] + ([] if known else [i])
    kept, taken = run(graph, *arguments)
    assert kept.tolist() == [0.0, 10.0, 0.0]
    assert taken.tolist() == [0.0, 100.0, 1.0]


def test_constant_indices_without_duplicates_need_no_mask():
    graph = Graph()
    x, v = graph.input("x", F3), graph.input("v", F3)
    where = graph.constant(np.array([2, 0, 1]))
    out = ops.index_put(x, v, where, spec=(Array(0),))
    rule = out.node.op.derivative
    terms = rule.transpose(x, out, x, v, where, spec=(Array(0),))
    assert terms[1].node.op is ops.index


@pytest.mark.parametrize(
    ("spec", "op"),
    [
        ((Slice(1, 2),), ops.pad),
        ((At(1),), ops.pad),
        ((Slice(1, 2, -1),), ops.pad),
        ((Slice(0, 2, 2),), ops.index_put),
        ((Slice(2, 2, -2),), ops.index_put),
    ],
)
def test_the_transpose_of_reading_reads_where_it_can(spec, op):
    graph = Graph()
    x = graph.input("x", F3)
    out = ops.index(x, spec=spec)
    (back,) = ops.index.derivative.transpose(out, out, x, spec=spec)
    assert back.node.op is op


def test_the_transpose_of_a_reversal_is_a_reversal():
    graph = Graph()
    x = graph.input("x", F3)
    spec = (Slice(2, 3, -1),)
    out = ops.index(x, spec=spec)
    (back,) = ops.index.derivative.transpose(x, out, x, spec=spec)
    assert back == out


N, POS = Symbol("n").expr(), Symbol("i", "index").expr()


def test_extents_and_positions_may_be_symbolic():
    x = ArrayType.of("f8", N, 4)
    assert ops.index.infer(x, spec=(Slice(1, N - 2), At(POS))).shape == (N - 2,)
    assert ops.index.infer(x, I2, spec=(Array(0), W4)).shape == (2, 4)
    graph = Graph()
    value = graph.input("x", x)
    out = ops.index(value, spec=(Slice(1, N - 2), At(0)))
    (back,) = ops.index.derivative.transpose(out, out, value, spec=(Slice(1, N - 2), At(0)))
    assert back.shape == (N, 4)
    assert back.node.params == {"low": (1, 0), "high": (1, 3)}


@pytest.mark.parametrize(
    ("spec", "shape", "wanted"),
    [
        ((Slice(0, 5),), (5,), (":",)),
        ((Slice(1, 4),), (5,), ("1:",)),
        ((Slice(0, 4),), (5,), (":-1",)),
        ((Slice(0, 2),), (5,), (":2",)),
        ((Slice(1, 3),), (5,), ("1:-1",)),
        ((Slice(1, 2),), (5,), ("1:3",)),
        ((Slice(1, N - 2),), (N,), ("1:-1",)),
        ((Slice(0, N),), (N,), (":",)),
        ((Slice(POS, 2),), (N,), ("i:i + 2",)),
        ((Slice(4, 5, -1),), (5,), ("::-1",)),
        ((Slice(0, 3, 2),), (5,), ("::2",)),
        ((Slice(1, 2, 2),), (5,), ("1::2",)),
        ((Slice(0, 0),), (5,), ("0:0",)),
        ((At(4),), (5,), ("-1",)),
        ((At(0),), (1,), ("0",)),
        ((At(1), Slice(0, 3)), (2, 3), ("1",)),
        ((NewAxis(), Slice(0, 3)), (3,), ("None",)),
        ((Slice(0, 3), NewAxis()), (3,), (":, None",)),
        ((), (), ("...",)),
        ((Slice(0, 2), Array(0)), (2, 3), (":, k",)),
        ((At(1), Slice(0, 3), Array(0)), (2, 3, 4), ("1", ":, k")),
        ((Slice(0, 2), At(1), Array(0)), (2, 3, 4), (":, 1, k",)),
    ],
)
def test_subscripts_read_as_a_person_writes_them(spec, shape, wanted):
    assert subscript(spec, shape, ["k"]) == wanted


def test_gather_and_scatter_are_each_other_s_transpose():
    i = np.array([1, 1, 2])
    (back, none) = vjp(ops.index, (np.zeros(4), i), {"spec": (Array(0),)}, CT)
    assert none is None
    assert back.tolist() == [0.0, 11.0, 100.0, 0.0]


@pytest.mark.parametrize("known", [True, False], ids=["constant", "traced"])
@pytest.mark.parametrize(("size", "rows"), [(5, [0, 2, -5]), (2, [1, 0, -1, 1])])
def test_overwritten_rows_get_no_derivative(known, size, rows):
    i = np.array(rows)
    spec = (Array(0), Slice(1, 2))
    graph = Graph()
    x = graph.input("x", ArrayType.of("f8", size, 3))
    v = graph.input("v", ArrayType.of("f8", len(rows), 2))
    where = graph.constant(i) if known else graph.input("i", ArrayType.like(i))
    out = ops.index_put(x, v, where, spec=spec)
    ct = np.arange(1.0, 3.0 * size + 1).reshape(size, 3)
    terms = out.node.op.derivative.transpose(graph.constant(ct), out, x, v, where, spec=spec)
    graph.outputs = [terms[0].id, terms[1].id]
    arguments = [np.zeros((size, 3)), np.zeros((len(rows), 2))] + ([] if known else [i])
    kept, taken = run(graph, *arguments)
    expected = ct.copy()
    expected[i, 1:] = 0.0
    np.testing.assert_array_equal(kept, expected)
    last = {row % size: k for k, row in enumerate(rows)}
    wins = np.array([last[row % size] == k for k, row in enumerate(rows)])
    np.testing.assert_array_equal(taken, np.where(wins[:, None], ct[i, 1:], 0.0))


def test_the_mask_of_overwritten_values_is_made_at_the_call_where_a_size_is_not_known():
    n = Symbol("n", "size").expr()
    graph = Graph()
    x, v = graph.input("x", ArrayType(F3.dtype, (n,))), graph.input("v", F3)
    where = graph.constant(np.array([0, 2, 0]))
    out = ops.index_put(x, v, where, spec=(Array(0),))
    terms = out.node.op.derivative.transpose(x, out, x, v, where, spec=(Array(0),))
    assert [terms[0].shape, terms[1].shape] == [(n,), (3,)]


_PARTS = [At(1), Slice(0, 3), Slice(2, 3, -1), Slice(1, 2), Slice(2, 2, -1), Slice(1, 1, -1)]
_PARTS += [Slice(1, 0), Slice(1, 0, -1), Slice(0, 2, 2), Slice(2, 2, -2)]


@pytest.mark.parametrize("first", _PARTS)
@pytest.mark.parametrize("second", _PARTS)
def test_the_transpose_of_reading_puts_each_element_back(first, second):
    spec, whole = (first, NewAxis(), second), np.arange(9.0).reshape(3, 3)
    graph = Graph()
    x = graph.input("x", ArrayType.of("f8", 3, 3))
    out = ops.index(x, spec=spec)
    ct = graph.input("ct", out.type)
    (back,) = ops.index.derivative.transpose(ct, out, x, spec=spec)
    graph.outputs = [back.id]
    picked = ops.index.evaluate(whole, spec=spec)
    expected = np.where(np.isin(whole, picked), whole + 1.0, 0.0)
    np.testing.assert_array_equal(run(graph, whole, picked + 1.0)[0], expected)


@pytest.mark.parametrize(("length", "turns"), [(0, 0), (1, 0), (2, 1)])
def test_one_element_or_none_is_not_turned(length, turns):
    graph = Graph()
    x = graph.input("x", F3)
    out = ops.index(x, spec=(Slice(2, length, -1),))
    ct = graph.input("ct", out.type)
    ops.index.derivative.transpose(ct, out, x, spec=(Slice(2, length, -1),))
    assert sum(node.op is ops.index for node in graph.nodes[out.id + 1 :]) == turns


def test_the_transpose_of_reading_an_axis_without_elements():
    graph = Graph()
    x = graph.input("x", ArrayType.of("f8", 0, 3))
    spec = (Slice(0, 0), Slice(2, 3, -1))
    out = ops.index(x, spec=spec)
    (back,) = ops.index.derivative.transpose(out, out, x, spec=spec)
    assert back.shape == (0, 3)


@pytest.mark.parametrize("op", [ops.index_put, ops.index_add])
def test_index_arrays_get_no_derivative(op):
    graph = Graph()
    x, v = graph.input("x", ArrayType.of("f8", 4, 3)), graph.input("v", F3)
    arrays = [graph.constant(np.array([0, 2, 0])), graph.constant(np.array([1, 1, 2]))]
    spec = (Array(0), Array(1))
    out = op(x, v, *arrays, spec=spec)
    terms = out.node.op.derivative.transpose(x, out, x, v, *arrays, spec=spec)
    assert [term is None for term in terms] == [False, False, True, True]


def test_the_mask_of_overwritten_values_where_a_length_is_not_known():
    n = Symbol("n", "size").expr()
    graph = Graph()
    x = graph.input("x", ArrayType.of("f8", 4, 3))
    v = graph.input("v", ArrayType(F3.dtype, (2, n)))
    where = graph.constant(np.array([1, 1]))
    spec = (Array(0), Slice(0, n))
    out = ops.index_put(x, v, where, spec=spec)
    terms = out.node.op.derivative.transpose(x, out, x, v, where, spec=spec)
    assert [terms[0].shape, terms[1].shape] == [(4, 3), (2, n)]
