"""Loops and branches in printed NumPy source."""

import numpy as np
import pytest

from gradc.emit.numpy_source import print_numpy
from gradc.ir import Graph
from gradc.ir.interpret import interpret
from gradc.passes import simplify
from tests import graphs
from tests.emit.region_graphs import CORPUS, arguments
from tests.emit.test_numpy_source import run
from tests.ir import test_regions

IR_GRAPHS = {
    "prefix_products": lambda: test_regions.prefix_products(7),
    "reversed prefix products": lambda: test_regions.prefix_products(7, reverse=True),
    "empty prefix products": lambda: test_regions.prefix_products(0),
    "halving": lambda: test_regions.halving(100),
}
ALL = {**CORPUS, **IR_GRAPHS}


def agree(graph: Graph, handed: list[np.ndarray]) -> str:
    """Run the source twice; compare with the interpreter, and look for shared memory."""
    text = print_numpy(graphs.program(graph)).text
    before = [np.array(a) for a in handed]
    for _ in range(2):
        found = run(text, graph.name, *handed)
        found = found if len(graph.outputs) != 1 else (found,)
        for number, (mine, theirs) in enumerate(zip(found, interpret(graph, *before), strict=True)):
            mine = np.asarray(mine)
            assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape), text
            np.testing.assert_array_equal(mine, theirs, err_msg=text)
            for other in (*handed, *found[:number]):
                assert not np.shares_memory(mine, np.asarray(other)), text
        for mine, kept in zip(handed, before, strict=True):
            np.testing.assert_array_equal(mine, kept, err_msg=f"an argument was written to\n{text}")
    return text


@pytest.mark.parametrize("simplified", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_source_does_what_the_graph_does(name, simplified):
    graph = ALL[name]()
    graph = simplify(graph, final=True) if simplified else graph
    for seed in range(3):
        agree(graph, arguments(graph, seed))
