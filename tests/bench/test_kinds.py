"""What gradients of loop kernels cost, counted, of kinds that are no model of their own."""

import numpy as np
import pytest

import gradc
from gradc.kernels.cost import count
from gradc.kernels.lower import lower
from gradc.options import Options
from gradc.passes.for_c import for_c


def correlation(data):
    """A symmetric matrix, filled by a row and a column a turn."""
    width = data.shape[1]
    found = np.eye(width)
    for i in range(width - 1):
        found[i + 1 : width, i] = found[i, i + 1 : width] = data[:, i] @ data[:, i + 1 : width]
    return np.sum(found * found)


def shortest_paths(lengths):
    path = lengths.copy()
    for k in range(path.shape[0]):
        path[:] = np.minimum(path, np.add.outer(path[:, k], path[k, :]))
    return np.sum(path)


KINDS = {
    # most loads and stores
    "correlation": (correlation, (40, 40), 17_000, 14_500),
    "shortest paths": (shortest_paths, (40, 40), 720_000, 334_000),
}


@pytest.mark.parametrize("kind", KINDS)
def test_costs(kind):
    function, shape, loads, stores = KINDS[kind]
    found = gradc.value_and_grad(function).artifact(np.random.default_rng(3).random(shape))
    cost = count(lower(for_c(found.program), Options()))
    assert cost.loads <= loads
    assert cost.stores <= stores
