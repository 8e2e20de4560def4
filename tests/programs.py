"""Whole programs as a user writes them: plain NumPy functions with inputs to run them on.

The corpus stands in the modules ``tests/programs_*.py``; ``PROGRAMS`` lists all of it.  A program
draws its inputs from a seed of its own, so it does not depend on its neighbours.

Tags
----
real
    not analytic, or not written for complex input: differences are the oracle
flat
    no derivative: integer or boolean results only
writes
    writes into its arguments
loop
    a Python loop over array elements, at a size that unrolls
kept
    loops stay loops, however short; none with a condition makes more than 100 turns
blas
    products whose last bits depend on the order in which NumPy adds, and gradc may choose another
single
    computes in single precision on the way
"""

import importlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.trees import leaves

MODULES = (
    "arithmetic", "reductions", "arrays", "writes", "language", "models", "science", "loops",
    "control", "turns", "carries", "branches", "exits",
    "helpers", "aliases", "places", "runtime", "lengths", "sizes", "classes", "collected",
)  # fmt: skip

PROGRAMS: list["Program"] = []
SIZED: list[Any] = []
"""Programs with a size: ``programs_sizes.Sized``."""


@dataclass(frozen=True)
class Program:
    """A function, its inputs and what to ask of it."""

    name: str
    fn: Callable[..., Any]
    make: Callable[[np.random.Generator], tuple[Any, ...]]
    argnums: tuple[int, ...]
    tags: frozenset[str] = field(default_factory=frozenset)

    def arguments(self, salt: int = 0) -> tuple[Any, ...]:
        """Return fresh inputs, the same at every call."""
        seed = zlib.crc32(self.name.encode()) + salt
        return self.make(np.random.default_rng(seed))

    @property
    def options(self) -> dict[str, Any]:
        """Return what it is compiled with."""
        return {"unroll": 0, "max_turns": 100} if "kept" in self.tags else {}

    def __str__(self) -> str:
        return self.name


def program(
    make: Callable[[np.random.Generator], tuple[Any, ...]],
    *tags: str,
    argnums: tuple[int, ...] | None = None,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function to the corpus; by default every argument made of floats is differentiated."""

    def add(fn: Callable[..., Any]) -> Callable[..., Any]:
        title = name or fn.__name__
        assert all(title != known.name for known in PROGRAMS), title
        chosen = argnums
        if chosen is None:
            inputs = make(np.random.default_rng(0))
            chosen = tuple(k for k, x in enumerate(inputs) if _is_float(x))
        PROGRAMS.append(Program(title, fn, make, chosen, frozenset(tags)))
        return fn

    return add


def _is_float(tree: Any) -> bool:
    found = leaves(tree)
    return bool(found) and all(
        isinstance(x, float) or getattr(getattr(x, "dtype", None), "kind", "") == "f" for x in found
    )


def normals(*shapes: tuple[int, ...] | int) -> Callable[[np.random.Generator], tuple[Any, ...]]:
    """Draw one standard normal array for each shape; ``()`` draws a Python float."""

    def make(r: np.random.Generator) -> tuple[Any, ...]:
        return tuple(
            float(r.standard_normal()) if s == () else r.standard_normal(s) for s in shapes
        )

    return make


def positives(*shapes: tuple[int, ...] | int) -> Callable[[np.random.Generator], tuple[Any, ...]]:
    """Draw one array from [0.5, 2) for each shape; ``()`` draws a Python float."""

    def make(r: np.random.Generator) -> tuple[Any, ...]:
        return tuple(
            float(r.uniform(0.5, 2.0)) if s == () else r.uniform(0.5, 2.0, s) for s in shapes
        )

    return make


def load() -> list[Program]:
    """Import all modules of the corpus and return its programs."""
    for module in MODULES:
        importlib.import_module(f"tests.programs_{module}")
    return PROGRAMS
