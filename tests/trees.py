"""Trees of arrays for tests, independent of gradc's own: leaves, maps and inner products."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np


def leaves(tree: Any) -> list[Any]:
    """List the leaves of a tree of tuples, lists, dicts, named tuples and dataclasses."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    if isinstance(tree, list | tuple):
        return [leaf for item in tree for leaf in leaves(item)]
    if dataclasses.is_dataclass(tree):
        names = [f.name for f in dataclasses.fields(tree)]
        return [leaf for name in names for leaf in leaves(getattr(tree, name))]
    return [] if tree is None else [tree]


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply a function to the leaves of trees of one structure."""
    if isinstance(tree, dict):
        return {k: tree_map(function, v, *(o[k] for o in others)) for k, v in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(tree_map(function, *row) for row in zip(tree, *others, strict=True)))
    if isinstance(tree, list | tuple):
        return type(tree)(tree_map(function, *row) for row in zip(tree, *others, strict=True))
    if dataclasses.is_dataclass(tree):
        names = [f.name for f in dataclasses.fields(tree)]
        parts = {
            n: tree_map(function, getattr(tree, n), *(getattr(o, n) for o in others)) for n in names
        }
        return dataclasses.replace(tree, **parts)
    return None if tree is None else function(tree, *others)


def is_float(x: Any) -> bool:
    """Is a leaf made of floats?"""
    return isinstance(x, float) or getattr(getattr(x, "dtype", None), "kind", "") == "f"


def copied(tree: Any) -> Any:
    """Copy the arrays of a tree."""
    return tree_map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, tree)


def inner(a: Any, b: Any) -> float:
    """Return the sum of products of the leaves of two trees."""
    pairs = zip(leaves(a), leaves(b), strict=True)
    return float(sum(np.sum(np.asarray(x) * np.asarray(y)) for x, y in pairs))
