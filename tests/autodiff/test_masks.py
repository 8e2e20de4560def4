"""Masked cotangents: sums of them, masks under masks, and what they are for."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import reverse
from gradc.autodiff.masks import add_masked, change_masked
from gradc.ir import ArrayType, Graph
from gradc.ir.interpret import interpret
from gradc.passes import simplify
from tests.autodiff.support import F8, term

FLAG = ArrayType.of("?", 3)


@pytest.fixture
def values():
    graph = Graph("f")
    g, h = graph.input("g", F8), graph.input("h", F8)
    return g, h, graph.input("c", FLAG), graph.input("d", FLAG), g.full_like(0.0)


def test_sums_of_masked_terms_are_masked(values):
    g, h, c, d, zero = values
    same = add_masked(ops.select(c, g, zero), ops.select(c, h, zero))
    assert term(same) == "select(c, add(g, h), 0.0)"
    a, b = ops.select(c, g, zero), ops.select(d, zero, h)
    either = f"select(logical_or(c, logical_not(d)), add({term(a)}, {term(b)}), 0.0)"
    assert term(add_masked(a, b)) == either


def test_sums_that_count_everywhere_have_no_mask(values):
    g, h, c, _, zero = values
    masked, other = ops.select(c, g, zero), ops.select(c, zero, h)
    assert term(add_masked(h, masked)) == f"add(h, {term(masked)})"
    assert term(add_masked(masked, other)) == f"add({term(masked)}, {term(other)})"


def test_both_branches_under_one_mask(values):
    g, h, c, d, zero = values
    left = ops.select(c, ops.select(d, g, zero), zero)
    right = ops.select(c, zero, ops.select(d, h, zero))
    assert term(add_masked(left, right)) == f"select(d, add({term(left)}, {term(right)}), 0.0)"


def test_a_mask_under_a_mask_becomes_one(values):
    g, h, c, d, zero = values
    nested = ops.select(c, ops.select(d, zero, g), zero)
    changed = term(change_masked(nested, lambda x: x * h))
    assert changed == "select(logical_and(c, logical_not(d)), multiply(g, h), 0.0)"


def test_a_value_of_two_branches_leaves_no_nan():
    """The sum of ``s`` below 1 and ``s ** 2`` above, for the root ``s`` of positive x."""
    graph = Graph("f")
    x = graph.input("x", F8)
    s = ops.sqrt(x)
    upper = ops.select(ops.less(x, 1.0), s, s * s)
    graph.outputs = [ops.select(ops.less(x, 0.0), x.full_like(0.0), upper).sum().id]
    slope = interpret(simplify(reverse(graph, [0]).graph), np.array([-1.0, 0.25, 4.0]))[1]
    np.testing.assert_allclose(slope, [0.0, 1.0, 1.0])
