"""Trees: nested tuples, lists, dicts, named tuples and dataclasses with arrays as leaves.

    treedef = "*"                              a leaf
            | None                             None, a node without leaves
            | (type, names | None, treedef*)   a container; names: dict keys or field names

A treedef is a plain nested tuple, so it hashes and compares at the speed of C.  Dicts keep their
order of insertion.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

__all__ = [
    "LEAF",
    "TreeDef",
    "flatten",
    "leaf_paths",
    "map_tree",
    "structure_difference",
    "unflatten",
]

TreeDef: TypeAlias = Hashable
LEAF = "*"
_Add: TypeAlias = Callable[[Any], None]
_Walker: TypeAlias = Callable[[Any, _Add], TreeDef]


def flatten(tree: Any) -> tuple[list[Any], TreeDef]:
    """Return the leaves, in order, and the shape of the tree.

    Examples
    --------
    >>> flatten((1, {"a": 2}))
    ([1, 2], (<class 'tuple'>, None, '*', (<class 'dict'>, ('a',), '*')))
    """
    leaves: list[Any] = []
    return leaves, _walk(tree, leaves.append)


def unflatten(treedef: TreeDef, leaves: Iterable[Any]) -> Any:
    """Put leaves back into a tree of that shape."""
    return _build(treedef, iter(leaves))


def map_tree(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every leaf."""
    leaves, treedef = flatten(tree)
    return unflatten(treedef, map(function, leaves))


def leaf_paths(treedef: TreeDef, root: str = "") -> list[str]:
    """Return how messages name each leaf, such as ``params['w1']``."""
    found: list[str] = []
    _name(treedef, root, found.append)
    return found


# flattening: one walker for each type, found once


def _walk(tree: Any, add: _Add) -> TreeDef:
    kind = type(tree)
    walker = _WALKERS.get(kind)
    if walker is None:
        walker = _WALKERS[kind] = _walker_of(kind)
    return walker(tree, add)


def _walk_leaf(tree: Any, add: _Add) -> TreeDef:
    add(tree)
    return LEAF


def _walk_none(tree: Any, add: _Add) -> TreeDef:
    return None


def _walk_sequence(tree: Any, add: _Add) -> TreeDef:
    return (type(tree), None, *[_walk(child, add) for child in tree])


def _walk_dict(tree: Any, add: _Add) -> TreeDef:
    head: tuple[Any, ...] = (type(tree), tuple(tree))
    return head + tuple([_walk(child, add) for child in tree.values()])


def _walk_named_tuple(tree: Any, add: _Add) -> TreeDef:
    return (type(tree), tree._fields, *[_walk(child, add) for child in tree])


def _walk_dataclass(tree: Any, add: _Add) -> TreeDef:
    names = tuple(field.name for field in fields(tree))
    head: tuple[Any, ...] = (type(tree), names)
    return head + tuple([_walk(getattr(tree, name), add) for name in names])


_WALKERS: dict[type, _Walker] = {
    tuple: _walk_sequence,
    list: _walk_sequence,
    dict: _walk_dict,
    type(None): _walk_none,
}


def _walker_of(kind: type) -> _Walker:
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _walk_named_tuple
    return _walk_dataclass if is_dataclass(kind) else _walk_leaf


# building


def _build(treedef: TreeDef, leaves: Iterator[Any]) -> Any:
    if treedef == LEAF:
        return next(leaves)
    if treedef is None:
        return None
    kind, names, *children = _parts(treedef)
    values = [_build(child, leaves) for child in children]
    if names is None:
        return kind(values)
    if kind is dict:
        return dict(zip(names, values, strict=True))
    return kind(*values) if issubclass(kind, tuple) else _restore(kind, names, values)


def _parts(treedef: TreeDef) -> tuple[Any, ...]:
    assert isinstance(treedef, tuple)
    return treedef


def _restore(kind: type, names: Iterable[str], values: Iterable[Any]) -> Any:
    """Make a dataclass without its ``__init__``, which may check or convert what it is given."""
    result: Any = object.__new__(kind)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(result, name, value)
    return result


def _name(treedef: TreeDef, path: str, add: Callable[[str], None]) -> None:
    if treedef == LEAF:
        add(path)
    elif treedef is not None:
        kind, names, *children = _parts(treedef)
        for i, child in enumerate(children):
            _name(child, path + _step(kind, names, i), add)


def _step(kind: type, names: tuple[Any, ...] | None, i: int) -> str:
    if names is None:
        return f"[{i}]"
    return f"[{names[i]!r}]" if kind is dict else f".{names[i]}"


# comparing


def structure_difference(path: str, a: TreeDef, b: TreeDef) -> str:
    """Say where two different trees differ first: the component, and what it is in either.

    Examples
    --------
    >>> structure_difference("state", flatten((1, [2]))[1], flatten((1, [2, 3]))[1])
    'state[1] is a list of 1 on one side and a list of 2 on the other'
    """
    if isinstance(a, tuple) and isinstance(b, tuple) and a[:2] == b[:2] and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a[2:], b[2:], strict=True)):
            if x != y:
                return structure_difference(path + _step(a[0], a[1], i), x, y)
    return f"{path} is {_said(a)} on one side and {_said(b)} on the other"


def _said(treedef: TreeDef) -> str:
    """Describe the outermost container of a tree."""
    if treedef == LEAF:
        return "one value"
    if treedef is None:
        return "None"
    kind, names, *children = _parts(treedef)
    if kind is dict:
        return f"a dict with the keys {', '.join(map(repr, names)) or 'none'}"
    return f"a {kind.__name__} of {len(children)}"
