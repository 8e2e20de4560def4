"""A new elementwise op takes one declaration, and gets everything from it."""

import numpy as np
import pytest

import gradc
from gradc.capture.dispatch import TABLE
from gradc.ir.op import REGISTRY
from gradc.ops.declare import elementwise, reals
from tests import test_registry
from tests.backends import BACKENDS

X = np.array([-1.5, 0.0, 0.5, 2.0])


def bell(x, w):
    """1 / (1 + (x w)^2): the plain NumPy function that users call."""
    return 1.0 / (1.0 + np.square(x * w))


@pytest.fixture
def op():
    """Declare it, and forget it after the test."""
    yield elementwise(
        "bell",
        "x, w",
        partials=lambda y, x, w: (-2.0 * x * w * w * y * y, -2.0 * x * x * w * y * y),
        numpy="1.0 / (1.0 + np.square({x} * {w}))",
        c="1.0@ / (1.0@ + ({x} * {w}) * ({x} * {w}))",
        evaluate=bell,
        traces=(bell,),
        samples=reals(-2, 2),
        doc="A bell of width 1/w.",
    )
    del REGISTRY["bell"]
    TABLE.pop(bell, None)


def loss(x, w):
    """A function of the new op that knows nothing of gradc."""
    return np.sum(bell(x, w) * x)


def by_hand(x, w):
    """The same without the op."""
    return np.sum(x / (1.0 + np.square(x * w)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_traces_and_prints(op, backend):
    compiled = gradc.compile(loss, backend=backend)
    np.testing.assert_allclose(compiled(X, 0.7), by_hand(X, 0.7), rtol=1e-14)
    nodes = [data["node"] for _, data in compiled.graph(X, 0.7).nodes(data=True)]
    assert [node.op for node in nodes].count(op) == 1
    assert "1.0 / (1.0 + np.square(x * w))" in compiled.source("numpy", X, 0.7)
    assert "1.0 / (1.0 + (x[i] * w[0]) * (x[i] * w[0]))" in compiled.source("c", X, 0.7)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("transform", [gradc.grad, gradc.jacobian, gradc.hessian])
def test_reverse_mode_and_order_two(op, transform, backend):
    for argument in ("x", "w"):
        found = transform(loss, argument, backend=backend)(X, 0.7)
        expected = transform(by_hand, argument, backend="numpy")(X, 0.7)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_forward_mode_and_order_two(op, backend):
    primals, tangents = (X, 0.7), (np.cos(X), -0.3)
    found = gradc.jvp(loss, primals, tangents, backend=backend)
    expected = gradc.jvp(by_hand, primals, tangents, backend="numpy")
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    found = gradc.hvp(loss, primals, tangents, backend=backend)
    expected = gradc.hvp(by_hand, primals, tangents, backend="numpy")
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_broadcasts_and_keeps_single_precision(op, backend):
    compiled = gradc.compile(lambda x, w: bell(x[:, None], w), backend=backend)
    x, w = X.astype("f4"), np.arange(3, dtype="f4")
    result = compiled(x, w)
    assert (result.dtype, result.shape) == (np.float32, (4, 3))
    np.testing.assert_allclose(result, bell(x[:, None], w), rtol=1e-6)


def test_passes_what_every_op_is_tested_for(op):
    """The tests of the registry, which take the op from its record alone."""
    test_registry.test_declared_in_full(op)
    test_registry.test_c_templates_name_only_what_exists(op)
    test_registry.test_evaluates_as_numpy_does(op)
    test_registry.test_infers_what_it_evaluates(op)
    test_registry.test_prints_numpy_that_means_the_same(op)
    test_registry.test_aligns_operands_that_broadcast(op)
    test_registry.test_partials_match_differences(op)
    test_registry.test_forward_and_reverse_mode_agree(op)
    test_registry.test_derivatives_of_derivatives(op)
    test_registry.test_derivatives_keep_float32(op)


def test_another_op_may_take_its_place(op):
    """What was remembered of an op goes with it."""
    twice = "({x} + {x}) * {w}"
    compiled = gradc.compile(loss, backend="numpy")
    compiled(X, 0.7)
    first = REGISTRY.pop("bell")
    again = elementwise("bell", "x, w", numpy=twice, c=twice, evaluate=bell, traces=(bell,))
    assert again is not first
    other = gradc.compile(lambda x: bell(x, x), backend="numpy")
    np.testing.assert_allclose(other(X), 2.0 * X * X)


def test_without_the_declaration_it_is_plain_numpy():
    assert "bell" not in REGISTRY
    np.testing.assert_allclose(gradc.compile(loss)(X, 0.7), by_hand(X, 0.7), rtol=1e-14)
