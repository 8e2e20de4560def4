"""Random programs of the kind of an explicit solver: a time loop of statements over shifted slices.

``program(seed)`` returns a loss over two grids, with what it does as text, so that a failure can be
read.  Boundaries may be left alone, copied from the inside or wrapped around;
statements go from one grid to the other or stay in one; some are not linear; some stride.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

__all__ = ["Stencil", "program"]

Index = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Stencil:
    """A loss of two grids, their values, and what it does in words."""

    loss: Callable[[Any, Any], Any]
    arguments: tuple[np.ndarray, np.ndarray]
    text: str


@dataclass(frozen=True, slots=True)
class _Statement:
    """``target[inside] = sum of weight * source[shifted inside]``, through a bend."""

    target: int
    source: int
    inside: Index
    terms: tuple[tuple[float, Index], ...]
    bend: str
    adds: bool


def program(seed: int, least: int = 5, most: int = 12) -> Stencil:
    """Return the random program of a seed; grids have sides between the two numbers."""
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    radius = int(rng.integers(1, 3)) if rank < 3 else 1
    sides = tuple(int(n) for n in rng.integers(2 * radius + least - 2, most + 1, size=rank))
    turns = int(rng.integers(1, 4))
    body = [_statement(rng, sides, radius) for _ in range(int(rng.integers(1, 4)))]
    edge = ("none", "copy", "wrap")[int(rng.integers(3))]
    arguments = rng.uniform(0.5, 1.5, sides), rng.uniform(0.5, 1.5, sides)

    def loss(a: Any, b: Any) -> Any:
        grids = [a.copy(), b.copy()]
        for _ in range(turns):
            for one in body:
                _run(grids, one)
            _edges(grids[body[-1].target], edge)
        return np.sum(grids[0] * grids[0]) + np.sum(grids[1])

    return Stencil(loss, arguments, f"seed {seed}: sides {sides}, {turns} turns, {edge}, {body}")


def _statement(rng: np.random.Generator, sides: tuple[int, ...], radius: int) -> _Statement:
    step = tuple(2 if rng.random() < 0.1 else 1 for _ in sides)
    inside = tuple(slice(radius, n - radius, s) for n, s in zip(sides, step, strict=True))
    around = list(product(range(-radius, radius + 1), repeat=len(sides)))
    count = int(rng.integers(2, min(7, len(around)) + 1))
    chosen = rng.choice(len(around), size=count, replace=False)
    terms = tuple(
        (float(np.round(rng.uniform(-0.4, 0.6), 2)), _shifted(inside, around[k])) for k in chosen
    )
    bend = ("none", "none", "square", "sin", "product")[int(rng.integers(5))]
    target, source = (int(k) for k in rng.integers(2, size=2))
    return _Statement(target, source, inside, terms, bend, bool(rng.random() < 0.3))


def _shifted(inside: Index, by: tuple[int, ...]) -> Index:
    return tuple(slice(s.start + d, s.stop + d, s.step) for s, d in zip(inside, by, strict=True))


def _run(grids: list[Any], one: _Statement) -> None:
    source, target = grids[one.source], grids[one.target]
    total = 0.1 * source[one.inside]
    for weight, where in one.terms:
        part = source[where]
        total = total + weight * (part * part if one.bend == "square" else part)
    if one.bend == "sin":
        total = np.sin(total)
    elif one.bend == "product":
        total = total * grids[1 - one.source][one.inside]
    if one.adds:
        target[one.inside] += 0.5 * total
    else:
        target[one.inside] = total


def _edges(grid: Any, edge: str) -> None:
    if edge == "copy":
        grid[0] = grid[1]
        grid[-1] = grid[-2]
    elif edge == "wrap":
        grid[0] = grid[-2]
        grid[-1] = grid[1]
