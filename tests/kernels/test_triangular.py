"""Loops over triangles: what they keep, and how their loops walk through memory."""

from typing import Any

import numpy as np
import pytest

import gradc
from gradc.kernels.lower import lower
from gradc.kernels.nest import Unit
from gradc.kernels.verify import verify
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
        ("lu", 220, 220 * 220 * 8, 4096),
        ("durbin", 1000, 1000 * 999 // 2 * 8, 6 * VECTOR),
        ("trisolv", 2000, 0, 5 * 8 * 2048),
        ("reversed_prefixes", 1000, 1000 * 999 * 8, 6 * VECTOR),
    ],
)
def test_arena_bytes(name, size, kept, room):
    """The matrix for lu, triangles of what is overwritten, and a few vectors."""
    bytes = unit_of(name, size).plan.arena_bytes
    assert kept <= bytes <= kept + room
