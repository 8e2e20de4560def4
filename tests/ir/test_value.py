"""Handles with NumPy's operators."""

import numpy as np
import pytest

from gradc.ir import ArrayType, Graph, Value
from gradc.ir.interpret import interpret

A, B = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([0.5, -1.0, 2.0])
BINARY = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y,
}


def run(build, *arrays):
    graph = Graph("f")
    values = [graph.input(f"x{k}", ArrayType.like(a)) for k, a in enumerate(arrays)]
    graph.outputs = [build(*values).id]
    return interpret(graph, *arrays)[0]


@pytest.mark.parametrize("name", BINARY)
def test_operators_broadcast_as_numpy(name):
    build = BINARY[name]
    np.testing.assert_array_equal(run(build, A, B), build(A, B))
    np.testing.assert_array_equal(run(build, A, A), build(A, A))


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_numbers_take_the_dtype_of_the_array(name, dtype):
    x = B.astype(dtype)
    for build in (lambda v: BINARY[name](v, 0.1), lambda v: BINARY[name](0.1, v)):
        found = run(build, x)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, build(x))


def test_numpy_scalars_count_as_numbers():
    assert run(lambda v: v * np.float64(2), B.astype("f4")).dtype == "f4"


def test_shapes():
    np.testing.assert_array_equal(run(lambda v: v.reshape((3, 2)), A), A.reshape(3, 2))
    np.testing.assert_array_equal(run(lambda v: v.transpose((1, 0)), A), A.T)
    np.testing.assert_array_equal(run(lambda v: v.sum(), A), A.sum())
    np.testing.assert_array_equal(run(lambda v: v.sum((1,)), A), A.sum(1))
    np.testing.assert_array_equal(run(lambda v: v.expand((0, 2)), B), B[None, :, None])
    np.testing.assert_array_equal(run(lambda v: v.broadcast_to((2, 3)), B), np.stack([B, B]))
    np.testing.assert_array_equal(run(lambda v: v.full_like(7.0), A), np.full((2, 3), 7.0))
    np.testing.assert_array_equal(run(lambda v: v.cast(np.dtype("i8")), A), A.astype(int))
    np.testing.assert_array_equal(run(lambda v: -v, A), -A)


def test_what_changes_nothing_adds_nothing():
    x = Graph("f").input("x", ArrayType.of("f8", 2, 3))
    unchanged = [
        x.reshape((2, 3)),
        x.broadcast_to((2, 3)),
        x.transpose((0, 1)),
        x.sum(()),
        x.cast(x.dtype),
    ]
    assert all(y == x for y in unchanged)
    assert len(x.graph) == 1


def test_equality_is_by_graph_and_node():
    first, second = Graph("f"), Graph("f")
    x, y = (g.input("x", ArrayType.of("f8", 2)) for g in (first, second))
    assert x == first.value(x.id)
    assert x != y
    assert x != x.id
    assert len({x, Value(first, x.id), y}) == 2
    assert repr(x * x) == "%1 = multiply(%0, %0): f8[2]"
    assert (x.ndim, x.size, x.shape, x.dtype) == (1, 2, (2,), np.float64)
