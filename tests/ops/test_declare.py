"""Declarations and the table of NumPy callables."""

import numpy as np
import pytest

from gradc import ops
from gradc.errors import GradcError
from gradc.ir import ArrayType, Graph, Kind
from gradc.ops.declare import elementwise
from gradc.ops.rules import constant_array, constant_number, is_constant


def test_each_numpy_callable_records_one_op():
    table = {function: op for op in ops.registry() for function in op.traces}
    assert table[np.exp] is ops.exp
    assert table[np.abs] is ops.absolute
    assert table[np.mod] is ops.remainder
    assert len(table) == sum(len(op.traces) for op in ops.registry())


def test_a_name_can_be_taken_once():
    with pytest.raises(GradcError, match="an op named 'exp' exists"):
        elementwise("exp", "x", numpy="{x}", c="{x}", evaluate=np.exp)


def test_a_c_template_is_spread_over_the_kinds_it_names():
    assert set(ops.add.c) == {"f", "i", "u", "b"}
    assert ops.add.c["i"] == ops.add.c["u"]
    assert set(ops.exp.c) == {"f"}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_but_regions_has_an_op(kind):
    present = any(op.kind is kind for op in ops.registry())
    assert present or kind in (Kind.REGION, Kind.OTHER)


def _constant(graph):
    return graph.literal(2.0, np.dtype("f8")).broadcast_to((3,))


def test_constants_are_seen_through_broadcasts_and_casts():
    graph = Graph()
    x = graph.input("x", ArrayType.of("f8", 3))
    two = _constant(graph)
    assert is_constant(two.cast(np.dtype("f4")).reshape((3, 1)))
    assert constant_number(two) == 2.0
    assert constant_array(two).tolist() == [2.0, 2.0, 2.0]
    for other in (x, two * 2.0):
        assert not is_constant(other)
        assert constant_number(other) is constant_array(other) is None


def test_ranges_count_as_known_arrays():
    graph = Graph()
    steps = graph.value(graph.add(ops.iota, (), {"length": 3}))
    assert constant_array(steps.reshape((3, 1))).tolist() == [[0], [1], [2]]


def test_a_constant_of_different_numbers_is_not_one_number():
    graph = Graph()
    assert constant_number(graph.constant(np.array([1.0, 2.0]))) is None
    assert constant_number(graph.constant(np.array([1.5, 1.5]))) == 1.5
