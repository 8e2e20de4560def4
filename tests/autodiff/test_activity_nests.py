"""The work of finding out what takes part grows with the depth of a nest, not with its power."""

import numpy as np
import pytest

from gradc import ops
from gradc.autodiff import activity
from gradc.ir import ArrayType, Graph
from tests.region_graphs import loop

F8 = ArrayType(np.dtype("f8"), ())


def nest(depth, a, b, c):
    """Each level hands the change of one carry on to the next, so that all must settle."""
    if depth == 0:
        return [b, ops.sin(a) * c, b + c]
    return loop(f"i{depth}", 3, lambda _, *given: nest(depth - 1, *given), [], [c, a, b])


@pytest.fixture
def looked_at(monkeypatch):
    """Count how often a graph is gone through."""
    found = []

    class Counted(activity._Reach):
        def __init__(self, graph, *rest):
            found.append(graph)
            super().__init__(graph, *rest)

    monkeypatch.setattr(activity, "_Reach", Counted)
    return found


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_no_region_is_asked_the_same_again(depth, looked_at):
    graph = Graph("f")
    first = [graph.input(name, F8) for name in "abc"]
    graph.outputs = [v.id for v in nest(depth, *first)]
    found = activity.activity(graph, graph.inputs[:1], graph.outputs)
    assert found.parts
    assert len(looked_at) <= 16 * (depth + 1)
