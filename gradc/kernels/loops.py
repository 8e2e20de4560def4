"""Loops over a shape, for the forms that are not fused."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from gradc.ir import Dim, Shape, Symbol
from gradc.kernels.index import IndexTuple, long_axes
from gradc.kernels.nest import Loop, Stmt
from gradc.kernels.scope import Level, Scope
from gradc.kernels.state import State

__all__ = ["Turn", "axis_symbol", "static", "walk"]

Turn: TypeAlias = Callable[[Scope, IndexTuple], list[Stmt]]

_NAMES = "ijklpq"


def axis_symbol(axis: int) -> Symbol:
    """Return the loop symbol of an axis: i, j, k, l, p, q, i6, i7, ..."""
    name = _NAMES[axis] if axis < len(_NAMES) else f"i{axis}"
    return Symbol(name, "index")


def static(extent: Dim) -> int:
    """Return an extent that must be known."""
    assert isinstance(extent, int), f"extent {extent} is not known"
    return extent


def walk(
    state: State,
    shape: Shape,
    turn: Turn,
    order: Sequence[int] | None = None,
    heads: Mapping[int, list[Stmt]] | None = None,
    tails: Mapping[int, Callable[[IndexTuple], list[Stmt]]] | None = None,
) -> list[Stmt]:
    """Return loops over a shape.

    Parameters
    ----------
    state : State
        What all groups share.
    shape : tuple of Dim
        Extents.
    turn : callable
        ``turn(scope, index)`` returns the statements of the innermost body.
    order : sequence of int
        Axes from the outermost to the innermost loop; those of extent 1 are left out.
    heads, tails : mapping
        Statements before and after the loop that is number ``depth``.
    """
    loops = [axis for axis in order or range(len(shape)) if shape[axis] != 1]
    symbols = {axis: axis_symbol(place) for place, axis in enumerate(long_axes(shape))}
    index = tuple(symbols[axis].expr() if axis in symbols else 0 for axis in range(len(shape)))
    levels = [Level() for _ in range(len(loops) + 1)]
    depths = {symbols[axis]: depth + 1 for depth, axis in enumerate(loops)}
    ranges = {symbols[axis]: (0, state.most(shape[axis])) for axis in loops}
    scope = Scope(state, {}, levels, depths, ranges)
    body = turn(scope, index)
    for depth in reversed(range(len(loops) + 1)):
        if depth < len(loops):
            axis = loops[depth]
            body = [Loop(symbols[axis], 0, shape[axis], body)]
        before = (heads or {}).get(depth, [])
        after = (tails or {}).get(depth)
        body = [*levels[depth].statements, *before, *body, *(after(index) if after else [])]
    return body
