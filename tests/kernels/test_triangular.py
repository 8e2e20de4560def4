"""Loops over triangles: what they keep, and how their loops walk through memory."""

from typing import Any

import numpy as np
import pytest

import gradc
from gradc.kernels.interchange import strides
from gradc.kernels.lower import lower
from gradc.kernels.nest import Loop, Stmt, Unit
from gradc.kernels.verify import verify
from gradc.kernels.walk import nested
from gradc.options import Options
from tests.triangular import TRIANGULAR


def unit_of(name: str, size: int) -> Unit:
    """Lower value and gradient with all loops kept."""
    loss, make = TRIANGULAR[name]
    arguments = make(np.random.default_rng(5), size)
    both = gradc.value_and_grad(loss, argnums=tuple(range(len(arguments))))
    compiled: Any = gradc.compile(both, backend="numpy", unroll=0)
    unit = lower(compiled.artifact(*arguments).program, Options())
    verify(unit)
    return unit


VECTOR = 8 * 1000 + 64
"""Bytes of one vector of durbin's, with its padding."""


@pytest.mark.parametrize(
    ("name", "size", "kept", "room"),
    [
        ("lu", 220, 220 * 220 * 8, 4 * 8 * 224),
        ("durbin", 1000, 1000 * 999 // 2 * 8, 6 * VECTOR),
        ("trisolv", 2000, 0, 5 * 8 * 2048),
        ("reversed_prefixes", 1000, 1000 * 999 * 8, 6 * VECTOR),
    ],
)
def test_arena_bytes(name, size, kept, room):
    """The matrix for lu, triangles of what is overwritten, and a few vectors."""
    bytes = unit_of(name, size).plan.arena_bytes
    assert kept <= bytes <= kept + room


def innermost(body: list[Stmt]) -> list[Loop]:
    """Return the loops that hold no other loop."""
    found: list[Loop] = []
    for statement in body:
        inside = [loop for inner in nested(statement) for loop in innermost(inner)]
        found += inside
        if isinstance(statement, Loop) and not inside:
            found.append(statement)
    return found


FAR = {"cholesky": 1, "covariance": 3, "gramschmidt": 17}
"""References to columns that a loop of its own reads or writes: there is nothing to turn around."""


@pytest.mark.parametrize("name", sorted(TRIANGULAR))
def test_innermost_loops_walk_through_memory(name):
    unit = unit_of(name, 40)
    loops = [loop for stage in unit.stages for loop in innermost(stage.body)]
    assert sum(strides(loop.body, loop.symbol) for loop in loops) == FAR.get(name, 0)
