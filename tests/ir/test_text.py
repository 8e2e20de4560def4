"""Dumps of graphs."""

import numpy as np

from gradc.ir import ArrayType, Graph, Origin
from gradc.ir.text import dump
from tests.ir.test_regions import prefix_products

DUMP = """\
graph f(%0 x: f8[3], %1 y: f8[3])
  %2 = multiply(%0, %1): f8[3]  # h
  %3 = constant(value=2.0): f8[]
  %4 = broadcast_to(%3, shape=(3,)): f8[3]
  %5 = multiply(%2, %4): f8[3]  # adjoint of %2
  %6 = negative(%5): f8[3]  # g, tangent of %0
  return %6, %2"""

LOOP = """\
    graph body(%0 x: f8[3], %1 s: f8[], %2 y: f8[3])
      %3 = index(%0, spec=(i,)): f8[]"""


def test_dump():
    graph = Graph("f")
    x, y = graph.input("x", ArrayType.of("f8", 3)), graph.input("y", ArrayType.of("f8", 3))
    h = x * y
    graph.rename(h.id, "h")
    two = graph.literal(2.0, x.dtype).broadcast_to((3,))
    with graph.at(Origin(None, adjoint_of=h.id)):
        bar = h * two
    with graph.at(Origin(None, tangent_of=x.id)):
        dot = -bar
    graph.rename(dot.id, "g")
    _ = x - y
    graph.outputs = [dot.id, h.id]
    assert dump(graph) == DUMP


def test_large_constants_are_cut():
    graph = Graph("f")
    graph.outputs = [graph.constant(np.arange(1000.0)).id]
    assert len(dump(graph)) < 200


def test_regions_are_indented():
    text = dump(prefix_products(3))
    assert LOOP in text
    assert text.count("return") == 2
    assert "return" in text.splitlines()[-1]
