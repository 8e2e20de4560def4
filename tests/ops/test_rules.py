"""The pieces that derivative rules are written with."""

import numpy as np
import pytest

from gradc import ops
from gradc.ir import Array, ArrayType, Graph, Slice
from gradc.ops.rules import before, constant_array, flip
from tests.ops.graphs import run


def test_what_a_constant_becomes_when_it_is_moved():
    graph = Graph()
    numbers = graph.constant(np.arange(6.0)).reshape((2, 3)).transpose((1, 0))
    part = ops.index(numbers, spec=(Slice(2, 3, -1), Slice(1, 1)))
    np.testing.assert_array_equal(constant_array(part), [[5.0], [4.0], [3.0]])


def test_what_is_computed_or_gathered_is_no_constant():
    graph = Graph()
    numbers, where = graph.constant(np.arange(3.0)), graph.constant(np.array([2, 0]))
    assert constant_array(ops.cos(numbers)) is None
    assert constant_array(ops.index(numbers, where, spec=(Array(0),))) is None


@pytest.mark.parametrize("extent", [0, 1])
def test_an_axis_too_short_to_turn_stays(extent):
    x = Graph().input("x", ArrayType.of("f8", 2, extent))
    assert flip(x, 1) == x


@pytest.mark.parametrize("extent", [0, 1, 2, 5])
def test_products_of_the_elements_before(extent):
    graph, x = Graph(), np.arange(2.0, 2.0 + extent)
    found = before(ops.cumprod(graph.input("x", ArrayType.like(x)), axis=0), 0)
    graph.outputs = [found.id]
    wanted = [np.prod(x[:i]) for i in range(extent)]
    assert run(graph, x)[0].tolist() == wanted
    assert (found.node.op is ops.concatenate) == (extent > 1)
