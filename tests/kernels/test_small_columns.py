"""Columns of small matrices that rows are multiplied by are copied side by side; values stay."""

import numpy as np
import pytest

import gradc
from gradc.kernels.interchange import strides
from gradc.kernels.lower import lower
from gradc.kernels.nest import Accumulate, Loop, Unit
from gradc.kernels.walk import statements
from gradc.options import Options
from gradc.passes.vectorize import vectorized
from tests.backends import BACKENDS


def transfer(matrices, start, places):
    """A matrix that each turn multiplies by another one, which it looks up."""
    state = start.copy()
    for place in range(places.shape[0]):
        state = np.tanh(state @ matrices[places[place]])
    return np.sum(state**2)


def draw(n):
    rng = np.random.default_rng(4)
    return rng.random((5, n, n)) / n, rng.random((n, n)), rng.integers(0, 5, 7)


def lowered(n) -> Unit:
    found = gradc.grad(transfer, argnums=(0, 1)).artifact(*draw(n))
    return lower(vectorized(found.program, heavy=True), Options())


def innermost(unit: Unit) -> list[Loop]:
    return [
        s
        for stage in unit.stages
        for s in statements(stage.body)
        if isinstance(s, Loop) and not any(isinstance(one, Loop) for one in s.body)
    ]


def across(unit: Unit) -> int:
    """Count what innermost loops inside two others of a nest do not walk through step by step."""
    loops = [s for stage in unit.stages for s in statements(stage.body) if isinstance(s, Loop)]
    nests = [s for s in loops if s.symbol.role == "index" and _depth(s) == 3]
    return sum(strides(inner.body, inner.symbol) for nest in nests for inner in _inner(nest))


def _depth(loop: Loop) -> int:
    return 1 + max((_depth(s) for s in loop.body if isinstance(s, Loop)), default=0)


def _inner(loop: Loop) -> list[Loop]:
    return [s for s in statements([loop]) if isinstance(s, Loop) and _depth(s) == 1]


def columns(unit: Unit) -> int:
    return sum(buffer.name == "columns" for buffer in unit.buffers)


def test_products_by_transposed_matrices_walk_step_by_step():
    unit = lowered(8)
    assert columns(unit) > 0
    assert across(unit) == 0


def test_short_rows_are_read_where_they_are():
    assert columns(lowered(3)) == 0


def test_products_of_eight_columns_are_vector_code():
    adding = [s for s in innermost(lowered(8)) if any(isinstance(x, Accumulate) for x in s.body)]
    assert sum(s.apart for s in adding) >= 3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [3, 4, 8])
def test_values_stay(n, backend):
    matrices, start, places = draw(n)
    gradc.check_grads(
        lambda a, b: transfer(a, b, places), (matrices, start), order=1, backend=backend
    )
