"""Put the results of a call into the tree that the user's function returns, quickly."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradc.recorded import Calling, Kind, ResultLeaf
from gradc.trees import LEAF, unflatten

__all__ = ["Assemble", "assembler", "is_fixed"]

Assemble = Callable[[Sequence[Any]], Any]


def assembler(recording: Calling, *, scalars: bool = True) -> Assemble:
    """Return a function from output arrays to the result, specialised for its tree.

    With ``scalars=False`` 0-d results stay arrays, which a bound call overwrites.
    """
    return _build(recording.out_tree, iter(recording.results), scalars)


def is_fixed(tree: Any) -> bool:
    """Tell whether nobody can change a tree: it holds nothing but tuples and arrays."""
    if tree == LEAF or tree is None:
        return True
    return tree[0] is tuple and all(map(is_fixed, tree[2:]))


def _build(tree: Any, leaves: Iterator[ResultLeaf], scalars: bool) -> Assemble:
    if tree == LEAF:
        return _leaf(next(leaves), scalars)
    if tree is None:
        return lambda results: None
    kind, names = tree[:2]
    parts = [_build(child, leaves, scalars) for child in tree[2:]]
    if kind is tuple and len(parts) == 2:
        first, second = parts
        return lambda results: (first(results), second(results))
    if kind is tuple or kind is list:
        return lambda results: kind([part(results) for part in parts])
    flat = (kind, names, *[LEAF] * len(parts))
    return lambda results: unflatten(flat, [part(results) for part in parts])


def _leaf(leaf: ResultLeaf, scalars: bool) -> Assemble:
    position = leaf.output
    if position < 0:
        static = leaf.static
        if isinstance(static, np.ndarray):
            return lambda results: static.copy()
        return lambda results: static
    if leaf.kind is Kind.ARRAY or not scalars:
        return lambda results: results[position]
    if leaf.kind is Kind.SCALAR:
        return lambda results: results[position][()]
    return lambda results: results[position].item()
