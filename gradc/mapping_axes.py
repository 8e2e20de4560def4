"""Axes of a map: a number or None for each leaf, given as a prefix of the tree."""

from typing import Any, NoReturn, TypeAlias

import numpy as np

from gradc.errors import ArgumentError
from gradc.trees import TreeDef, leaf_paths

__all__ = ["Axes", "spread"]

Axes: TypeAlias = Any
"""An axis, None, or a tuple, list or dict of those: a prefix of the tree it speaks of."""


def spread(axes: Axes, tree: TreeDef, what: str) -> list[int | None]:
    """Return an axis for each leaf of a tree.

    Examples
    --------
    >>> from gradc.trees import flatten
    >>> spread((0, None), flatten(({"a": 1.0, "b": 2.0}, 3.0))[1], "in_axes")
    [0, 0, None]
    """
    if axes is None:
        return [None] * len(leaf_paths(tree))
    if isinstance(axes, int | np.integer) and not isinstance(axes, bool):
        return [int(axes)] * len(leaf_paths(tree))
    if not isinstance(axes, tuple | list | dict) or not isinstance(tree, tuple):
        _refuse(axes, what)
    kind, names, *children = tree
    parts = list(axes.values()) if isinstance(axes, dict) else list(axes)
    if isinstance(axes, dict):
        if kind is not dict or set(axes) != set(names):
            _refuse(axes, what)
        parts = [axes[name] for name in names]
    if len(parts) != len(children):
        _refuse(axes, what)
    pairs = zip(parts, children, strict=True)
    return [axis for part, child in pairs for axis in spread(part, child, what)]


def _refuse(axes: Axes, what: str) -> NoReturn:
    raise ArgumentError(
        f"{what} does not fit the structure it speaks of: {axes!r}",
        repair="give a number or None, or a tuple, list or dict of those in the same structure",
    )
