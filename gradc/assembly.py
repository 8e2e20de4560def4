"""Put the results of a call into the tree that the user's function returns, quickly."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradc.recorded import Calling, Kind, ResultLeaf
from gradc.routes import Route, is_itself
from gradc.runtime.quick import Form
from gradc.trees import LEAF, unflatten

__all__ = ["arrangement", "assembler", "forms", "is_fixed", "names_of", "scalars_of"]

Assemble = Callable[[Sequence[Any]], Any]


def assembler(recording: Calling, *, scalars: bool = True) -> Assemble:
    """Return a function from output arrays to the result, specialised for its tree.

    With ``scalars=False`` 0-d results stay arrays, which a bound call overwrites.
    """
    return _build(recording.out_tree, iter(recording.results), scalars)


def arrangement(recording: Calling) -> tuple[Any, ...] | None:
    """Return the result, in a tuple of one, with the numbers of outputs as leaves.

    None where it holds anything but tuples, lists, dicts with plain keys and arrays or scalars.
    """
    leaves = list(recording.results)
    if any(leaf.output < 0 or leaf.kind is Kind.PYTHON for leaf in leaves):
        return None
    outputs = [leaf.output for leaf in leaves]
    if len(set(outputs)) < len(outputs) or not _is_plain(recording.out_tree):
        return None
    return (unflatten(recording.out_tree, outputs),)


def forms(recording: Calling, leaves: Sequence[Any]) -> tuple[Any, ...] | None:
    """Return what each argument must be, in the words of ``runtime.quick.Form``.

    ``leaves`` are those of one call; arguments with names (``names_of``) are the last ones.  None
    where a leaf is neither an input nor a plain value nor an object known by its identity, or a
    container neither tuple, list nor dict; nor where guards ask for leaves that are no inputs; nor
    where something is drawn, or found by other ways than routes.
    """
    numbers = {one.leaf: k for k, one in enumerate(recording.inputs) if one.role == "argument"}
    tree: Any = recording.in_tree
    places = _places(recording)
    count = len(numbers) + len(places)
    if count < len(recording.inputs) or not isinstance(tree, tuple):
        return None
    forms = [
        (Form.INPUT, numbers[k]) if k in numbers else (Form.FIXED, leaf)
        for k, leaf in enumerate(leaves)
    ]
    fixed = [value for kind, value in forms if kind is Form.FIXED]
    plain = all(type(value) in _FIXED or is_itself(value) for value in fixed)
    if not plain or not _is_plain(tree):
        return None
    asked = all(guard.is_asked for guard in recording.guards)
    if not asked and [*numbers.items()] != [(k, k) for k in range(len(leaves))]:
        return None
    left = iter(forms)
    arguments = [*tree[2][2:], *tree[3][2:]]
    return (*(_form(child, left) for child in arguments), *places)


def names_of(recording: Calling) -> tuple[str, ...]:
    """Return the names of the last arguments, where ``forms`` are found."""
    tree: Any = recording.in_tree
    names: tuple[str, ...] = tree[3][1]
    return names


def _places(recording: Calling) -> list[tuple[Any, ...]]:
    """Return the forms of the arrays that are found by routes."""
    return [
        (Form.PLACE, k, *one.hidden.read.parts)
        for k, one in enumerate(recording.inputs)
        if one.hidden is not None and isinstance(one.hidden.read, Route)
    ]


_FIXED = (int, bool, str)
_CONTAINERS = {tuple: Form.TUPLE, list: Form.LIST, dict: Form.DICT}


def _form(tree: Any, forms: Iterator[tuple[Any, ...]]) -> tuple[Any, ...]:
    if tree == LEAF:
        return next(forms)
    if tree is None:
        return (Form.FIXED, None)
    kind, names = tree[:2]
    named = (names,) if kind is dict else ()
    return (_CONTAINERS[kind], *named, *[_form(child, forms) for child in tree[2:]])


def scalars_of(recording: Calling) -> frozenset[int]:
    """Return the outputs that go back as NumPy scalars."""
    return frozenset(leaf.output for leaf in recording.results if leaf.kind is Kind.SCALAR)


def is_fixed(tree: Any) -> bool:
    """Tell whether nobody can change a tree: it holds nothing but tuples and arrays."""
    if tree == LEAF or tree is None:
        return True
    return tree[0] is tuple and all(map(is_fixed, tree[2:]))


def _is_plain(tree: Any) -> bool:
    if tree == LEAF or tree is None:
        return True
    kind, names = tree[:2]
    if kind is dict and not all(type(name) is str for name in names):
        return False
    return kind in (tuple, list, dict) and all(map(_is_plain, tree[2:]))


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
