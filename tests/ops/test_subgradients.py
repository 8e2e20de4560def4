"""The table of derivatives at kinks: one row, one test."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import ArrayType, Graph
from tests.ops.graphs import gradients, jvp, run, second_order, vjp

INF = np.inf


def slopes(op, *arrays, **params):
    arrays = tuple(np.asarray(a, float) for a in arrays)
    with np.errstate(all="ignore"):
        shape = np.shape(op.evaluate(*arrays, **params))
    return vjp(op, arrays, params, np.ones(shape))


def slope_with_constant(op, x, number, *, constant_first=False, dtype="f8"):
    """Derivative by x of ``op(x, number)`` where the number is a literal."""
    x = np.asarray(x, dtype)
    graph = Graph()
    value = graph.input("x", ArrayType.like(x))
    out = op(number, value) if constant_first else op(value, number)
    ct = value.full_like(1.0)
    graph.outputs = [gradients(graph, out, ct, [value.id])[0].id]
    (found,) = run(graph, x)
    assert found.dtype == x.dtype
    return found.tolist()


ONE_OPERAND = [
    (ops.absolute, 0.0, 0.0),
    (ops.absolute, -0.0, 0.0),
    (ops.sqrt, 0.0, 0.0),
    (ops.sqrt, INF, 0.0),
    (ops.sign, 0.0, None),
    (ops.floor, 1.0, None),
    (ops.ceil, 1.0, None),
    (ops.trunc, 1.0, None),
    (ops.rint, 0.5, None),
    (ops.cbrt, 0.0, INF),
    (ops.log, 0.0, INF),
    (ops.sigmoid, 0.0, 0.25),
    (ops.sigmoid, -800.0, 0.0),
    (ops.tanh, 40.0, 0.0),
]


@pytest.mark.parametrize(("op", "x", "wanted"), ONE_OPERAND, ids=lambda v: getattr(v, "name", v))
def test_one_operand(op, x, wanted):
    (found,) = slopes(op, x)
    assert found is wanted or found == wanted


TWO_OPERANDS = [
    (ops.maximum, (1.0, 1.0), (0.5, 0.5)),
    (ops.maximum, (2.0, 1.0), (1.0, 0.0)),
    (ops.minimum, (1.0, 1.0), (0.5, 0.5)),
    (ops.minimum, (2.0, 1.0), (0.0, 1.0)),
    (ops.fmax, (1.0, 1.0), (0.5, 0.5)),
    (ops.fmax, (np.nan, 1.0), (0.0, 1.0)),
    (ops.fmin, (1.0, np.nan), (1.0, 0.0)),
    (ops.hypot, (0.0, 0.0), (0.0, 0.0)),
    (ops.hypot, (3.0, -4.0), (0.6, -0.8)),
    (ops.arctan2, (0.0, 0.0), (0.0, 0.0)),
    (ops.power, (0.0, 0.0), (0.0, 0.0)),
    (ops.power, (0.0, 1.0), (1.0, 0.0)),
    (ops.power, (0.0, 2.0), (0.0, 0.0)),
    (ops.power, (0.0, 3.0), (0.0, 0.0)),
    (ops.power, (-2.0, 3.0), (12.0, 0.0)),
    (ops.power, (2.0, 0.0), (0.0, np.log(2.0))),
    (ops.copysign, (0.0, -1.0), (0.0, None)),
    (ops.heaviside, (0.0, 0.5), (None, 1.0)),
    (ops.heaviside, (2.0, 0.5), (None, 0.0)),
    (ops.logaddexp, (-INF, -INF), (0.0, 0.0)),
    (ops.logaddexp, (-INF, 1.0), (0.0, 1.0)),
]


@pytest.mark.parametrize(
    ("op", "operands", "wanted"), TWO_OPERANDS, ids=lambda v: getattr(v, "name", str(v))
)
def test_two_operands(op, operands, wanted):
    found = slopes(op, *operands)
    assert [f if f is None else float(f) for f in found] == list(wanted)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize(
    ("op", "x", "number", "wanted"),
    [
        (ops.maximum, [-2.0, 0.0, 0.5, 3.0], 0.0, [0, 0, 1, 1]),
        (ops.fmax, [-2.0, 0.0, 0.5, 3.0], 0.0, [0, 0, 1, 1]),
        (ops.minimum, [-2.0, 1.0, 3.0], 1.0, [1, 0, 0]),
        (ops.fmin, [-2.0, 1.0, 3.0], 1.0, [1, 0, 0]),
    ],
    ids=["relu", "fmax", "clip above", "fmin"],
)
def test_nothing_flows_at_a_tie_with_a_constant(op, x, number, wanted, dtype):
    assert slope_with_constant(op, x, number, dtype=dtype) == wanted
    assert slope_with_constant(op, x, number, constant_first=True, dtype=dtype) == wanted


@pytest.mark.parametrize(
    ("exponent", "x", "wanted"),
    [
        (0.0, [0.0, 2.0], [0.0, 0.0]),
        (1.0, [0.0, 2.0], [1.0, 1.0]),
        (2.0, [0.0, -3.0], [0.0, -6.0]),
        (3.0, [0.0, -1.0], [0.0, 3.0]),
        (-1.0, [2.0, -2.0], [-0.25, -0.25]),
        (-2.0, [2.0, -1.0], [-0.25, 2.0]),
        (0.5, [0.0, 4.0], [0.0, 0.25]),
        (1.5, [0.0, 4.0], [0.0, 3.0]),
    ],
)
def test_powers_with_a_constant_exponent(exponent, x, wanted):
    assert slope_with_constant(ops.power, x, exponent) == wanted


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0, 4.0])
def test_second_derivatives_of_whole_powers_at_zero(exponent):
    graph = Graph()
    x = graph.input("x", ArrayType.of("f8", 1))
    (first,) = gradients(graph, x**exponent, x.full_like(1.0), [x.id])
    (second,) = gradients(graph, first, x.full_like(1.0), [x.id])
    graph.outputs = [second.id]
    assert run(graph, np.zeros(1))[0].tolist() == [2.0 if exponent == 2.0 else 0.0]


@pytest.mark.parametrize("op", [ops.sqrt, ops.absolute])
def test_second_derivatives_stay_finite_at_the_kink(op):
    zero = (np.zeros(1),)
    first, second = second_order(op, zero, {}, np.ones(1), [np.ones(1)])
    assert first[0].tolist() == [0.0]
    assert second[0].tolist() == [0.0]


def test_hypot_has_finite_second_derivatives_at_the_origin():
    zero = np.zeros(1)
    _, second = second_order(ops.hypot, (zero, zero), {}, np.ones(1), [np.ones(1)] * 2)
    assert [s.tolist() for s in second] == [[0.0], [0.0]]


@pytest.mark.parametrize(
    ("x", "wanted"),
    [
        ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0]),
        ([2.0, 0.0, 4.0], [0.0, 8.0, 0.0]),
        ([0.0, 3.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_prod_is_right_with_zeros(x, wanted):
    assert slopes(ops.reduce_prod, x, axes=(0,))[0].tolist() == wanted


def _hessian(op, x, params, weights):
    """Rows: gradient of each entry of the gradient of ``<weights, op(x)>``."""
    rows = []
    for unit in np.eye(x.size):
        _, second = second_order(op, (x,), params, weights, [unit.reshape(x.shape)])
        rows.append(second[0].ravel())
    return np.array(rows)


@pytest.mark.parametrize("x", [[2.0, 0.0, 4.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
def test_the_hessian_of_prod_is_right_with_zeros(x):
    x = np.array(x)
    wanted = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            if i != j:
                (k,) = {0, 1, 2} - {i, j}
                wanted[i, j] = x[k]
    found = _hessian(ops.reduce_prod, x, {"axes": (0,)}, np.float64(1.0))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("x", [[2.0, 0.0, 4.0, 5.0], [0.0, 3.0, 0.0, 2.0], [0.0, 0.0, 0.0, 1.0]])
def test_cumprod_is_right_with_zeros_to_second_order(x):
    """Against central differences of the gradient, itself against products of the others."""
    x, weights = np.array(x), np.array([1.0, -2.0, 3.0, 0.5])
    params = {"axis": 0}

    def gradient(at):
        return second_order(ops.cumprod, (at,), params, weights, [np.ones(4)])[0][0]

    wanted = np.array(
        [sum(weights[k] * np.prod(np.delete(x[: k + 1], i)) for k in range(i, 4)) for i in range(4)]
    )
    np.testing.assert_allclose(gradient(x), wanted, atol=1e-14)
    hessian = _hessian(ops.cumprod, x, params, weights)
    for j, unit in enumerate(np.eye(4)):
        column = (gradient(x + 1e-4 * unit) - gradient(x - 1e-4 * unit)) / 2e-4
        np.testing.assert_allclose(hessian[:, j], column, atol=1e-8)


@pytest.mark.parametrize("op", [ops.reduce_max, ops.reduce_min])
def test_extremes_share_evenly_among_ties(op):
    sign = 1.0 if op is ops.reduce_max else -1.0
    x = sign * np.array([[3.0, 1.0, 3.0], [2.0, 2.0, 2.0]])
    (found,) = slopes(op, x, axes=(1,))
    np.testing.assert_allclose(found, [[0.5, 0.0, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    (found,) = slopes(op, x, axes=(0, 1))
    assert found.sum() == 1.0


@pytest.mark.parametrize("op", [ops.reduce_max, ops.reduce_min])
def test_extremes_move_as_the_mean_of_ties(op):
    sign = 1.0 if op is ops.reduce_max else -1.0
    x = sign * np.array([[3.0, 1.0, 3.0], [2.0, 2.0, 2.0]])
    dot = np.array([[1.0, 100.0, 4.0], [1.0, 2.0, 6.0]])
    assert jvp(op, (x,), {"axes": (1,)}, [dot]).tolist() == [2.5, 3.0]
    assert jvp(op, (x,), {"axes": (0, 1)}, [dot]).tolist() == 2.5


def test_the_branch_not_taken_gets_exactly_nothing():
    """Even an infinite cotangent stays out."""
    condition = np.array([True, False])
    found = vjp(ops.select, (condition, np.ones(2), np.ones(2)), {}, np.array([INF, INF]))
    assert found[0] is None
    assert [f.tolist() for f in found[1:]] == [[INF, 0.0], [0.0, INF]]


def test_stop_gradient_stops():
    assert slopes(ops.stop_gradient, [1.0, 2.0]) == [None]


def test_casts_pass_a_derivative_between_floats_only():
    x = np.array([0.5, 2.5])
    (found,) = vjp(ops.cast, (x,), {"dtype": np.dtype("f4")}, np.ones(2, "f4"))
    assert found.dtype == np.float64
    assert vjp(ops.cast, (np.array([1, 2]),), {"dtype": np.dtype("f8")}, np.ones(2)) == [None]


@pytest.mark.parametrize("dtype", ["i8", "?"])
def test_casts_to_whole_numbers_pass_nothing(dtype):
    x, params = np.array([0.5, 2.5]), {"dtype": np.dtype(dtype)}
    assert vjp(ops.cast, (x,), params, np.ones(2, dtype)) == [None]
    assert jvp(ops.cast, (x,), params, [np.ones(2)]) is None


def test_a_constant_exponent_gets_no_derivative():
    graph = Graph()
    x = graph.input("x", ArrayType.of("f8", 2))
    exponents = graph.constant(np.array([2.0, 3.0]))
    by_base, by_exponent = ops.power.derivative.fn(x**exponents, x, exponents)
    assert by_exponent is None
    graph.outputs = [by_base.id]
    assert run(graph, np.array([5.0, 2.0]))[0].tolist() == [10.0, 12.0]


def test_a_constant_exponent_of_0_1_or_2_needs_no_power():
    graph = Graph()
    x = graph.input("x", ArrayType.of("f8", 3))
    partials = [ops.power.derivative.fn(x, x, x.full_like(n)) for n in (0.0, 1.0)]
    assert partials == [(None, None), (1.0, None)]
    ops.power.derivative.fn(x, x, x.full_like(2.0))
    assert all(node.op is not ops.power for node in graph.nodes)


def test_the_mixed_derivative_of_a_power_at_exponent_0():
    """Of ``y * x ** (y - 1)`` by y, which is ``1 / x`` at 0."""
    x, y = np.array([2.0, 4.0]), np.zeros(2)
    weights = [np.ones(2), np.zeros(2)]
    first, second = second_order(ops.power, (x, y), {}, np.ones(2), weights)
    assert first[0].tolist() == [0.0, 0.0]
    assert second[1].tolist() == [0.5, 0.25]


def test_the_mixed_derivative_of_0_to_the_power_0_is_finite():
    """The base is taken as 1 there, so that ``y * 1 ** (y - 1)`` has the slope 1."""
    zero = np.zeros(1)
    _, second = second_order(ops.power, (zero, zero), {}, np.ones(1), [np.ones(1), zero])
    assert second[1].tolist() == [1.0]
