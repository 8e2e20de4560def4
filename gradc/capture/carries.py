"""What one turn hands to the next: types of the values of names, and how they are joined."""

from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from gradc.capture.cells import UNBOUND, Appended
from gradc.capture.context import Trace, current, demand
from gradc.capture.convert import cast_to, value_of
from gradc.capture.layout import UNKNOWN
from gradc.capture.mutation import layout_of, read
from gradc.capture.positions import Position, tracer_of
from gradc.capture.tracer import Kind, Tracer, is_concrete, wrap
from gradc.capture.unsized import Unsized
from gradc.ir import ArrayType, Dim, DimExpr, Value
from gradc.records import dataclass
from gradc.trees import TreeDef, flatten, leaf_paths, structure_difference, unflatten

__all__ = ["Leaf", "Mismatch", "Tree", "initial", "join", "observe"]

_WEAK = {bool: np.dtype(bool), int: np.dtype(np.int64), float: np.dtype(np.float64)}


class Mismatch(Exception):
    """Two values that must agree do not; the text names the component."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of a value: traced (``type`` is set) or known while recording.

    Parameters
    ----------
    type : ArrayType or None
    kind : Kind
        What NumPy would have handed out.
    value : object
        The graph value, or the object itself.
    handle : Tracer, optional
        The handle it was read from.
    dim : Dim, optional
        The expression, when it is an integer known only as one.
    """

    type: ArrayType | None
    kind: Kind
    value: Any
    handle: Tracer | None = None
    dim: Dim | None = None

    def __str__(self) -> str:
        """Write the type, or the object."""
        return str(self.type) if self.type is not None else repr(self.value)


@dataclass(frozen=True, slots=True)
class Tree:
    """A value as its leaves."""

    tree: TreeDef
    leaves: tuple[Leaf, ...]

    @property
    def traced(self) -> list[Leaf]:
        """The leaves that are values of the graph."""
        return [leaf for leaf in self.leaves if leaf.type is not None]

    def build(self, values: list[Value]) -> Any:
        """Return a value like this one made of graph values, one for each traced leaf."""
        given = iter(values)
        leaves = [
            leaf.value if leaf.type is None else _handle(next(given), leaf) for leaf in self.leaves
        ]
        return unflatten(self.tree, leaves)


def _handle(value: Value, leaf: Leaf) -> Tracer:
    tracer = wrap(value, leaf.kind)
    if leaf.handle is not None and leaf.handle.ndim > 1 and layout_of(leaf.handle) is not None:
        tracer._layout = UNKNOWN
    return tracer


# looking


def observe(value: Any) -> Tree | None:
    """Describe a value in the current trace; None for a variable without a value."""
    if value is UNBOUND:
        return None
    leaves, tree = flatten(value)
    return Tree(tree, tuple(map(_leaf, leaves)))


def _leaf(x: Any) -> Leaf:
    if isinstance(x, Unsized):
        demand(f"{x.what} lives from turn to turn")
    if isinstance(x, Appended):
        demand("a list changes from turn to turn and is held under another name")
    if type(x) is Position:
        handle = tracer_of(x.dim)
        return Leaf(handle._type, Kind.PYTHON, read(handle), None, x.dim)
    if isinstance(x, np.ndarray):
        x = current().recorder.array(x)
    if not isinstance(x, Tracer) or (is_concrete(x) and not x.ndim and x._kind is not Kind.ARRAY):
        return Leaf(None, Kind.PYTHON, x)
    value = read(x)
    return Leaf(value.type, x._kind, value, x)


# joining


def join(path: str, before: Tree, after: Tree) -> Tree:
    """Return what both are: the more general type of each leaf."""
    if before.tree != after.tree:
        raise Mismatch(structure_difference(path, before.tree, after.tree))
    paths = leaf_paths(before.tree, path)
    return Tree(before.tree, tuple(map(_join_leaf, paths, before.leaves, after.leaves)))


def _join_leaf(path: str, a: Leaf, b: Leaf) -> Leaf:
    if a.type is None and b.type is None:
        return _join_known(path, a, b)
    if a.type is None or b.type is None:
        known, traced = (a, b) if a.type is None else (b, a)
        return _join_number(path, known, traced, a, b)
    if a.type.shape != b.type.shape:
        _refuse(path, a, b)
    weak = a.kind is Kind.PYTHON and b.kind is Kind.PYTHON
    if a.type.dtype == b.type.dtype:
        layouts = a if a.handle is not None and layout_of(a.handle) is not None else b
        return replace(layouts, kind=max(a.kind, b.kind))
    if not weak:
        _refuse(path, a, b)
    dtype = np.result_type(a.type.dtype, b.type.dtype)
    return Leaf(ArrayType(dtype, a.type.shape), Kind.PYTHON, None)


def _join_known(path: str, a: Leaf, b: Leaf) -> Leaf:
    if a.value is b.value or (type(a.value) is type(b.value) and _equal(a.value, b.value)):
        return a
    kinds = [_WEAK.get(type(x.value)) for x in (a, b)]
    if any(kinds) and (isinstance(a.value, np.generic) or isinstance(b.value, np.generic)):
        weak, strong = (a, b) if kinds[0] is not None else (b, a)
        return _join_number(
            path, weak, Leaf(ArrayType(strong.value.dtype, ()), Kind.SCALAR, None), a, b
        )
    if kinds[0] is None or kinds[1] is None:
        if type(a.value) is not type(b.value) or not isinstance(a.value, np.generic):
            _refuse(path, a, b)
        return Leaf(ArrayType(a.value.dtype, ()), Kind.SCALAR, None)
    return Leaf(ArrayType(np.result_type(*kinds), ()), Kind.PYTHON, None)


def _equal(a: Any, b: Any) -> bool:
    return isinstance(a, int | float | str | bytes | np.generic) and repr(a) == repr(b)


def _join_number(path: str, known: Leaf, traced: Leaf, a: Leaf, b: Leaf) -> Leaf:
    """Give a number the type of what it meets, when that holds it exactly."""
    assert traced.type is not None
    number = known.value
    own = _WEAK.get(type(number)) or getattr(number, "dtype", None)
    if own is None or traced.type.shape:
        _refuse(path, a, b)
    if traced.kind is Kind.PYTHON and type(number) in _WEAK:
        dtype = np.result_type(own, traced.type.dtype)
        return replace(traced, type=ArrayType(dtype, ()))
    weak = type(number) in _WEAK
    order = "biuf"
    fits = order.index(own.kind) <= order.index(traced.type.dtype.kind)
    if not fits or not (weak or own == traced.type.dtype):
        _refuse(path, a, b)
    with np.errstate(all="ignore"):
        cast = np.asarray(number).astype(traced.type.dtype)
    if cast != number and number == number:
        _refuse(path, a, b)
    return replace(traced, kind=max(known.kind, traced.kind))


def _refuse(path: str, a: Leaf, b: Leaf) -> NoReturn:
    raise Mismatch(f"{path} is {a} on one side and {b} on the other")


# values


def initial(leaf: Leaf, spec: Leaf) -> Value:
    """Return a leaf as a value of the type that was agreed on, in the current trace."""
    assert spec.type is not None
    value = value_of(leaf.value, spec.type.dtype) if leaf.type is None else leaf.value
    return cast_to(value, spec.type.dtype)


def depends_on(dim: Any, trace: Trace) -> bool:
    """Tell whether an extent holds the index of this very loop."""
    return bool(
        isinstance(dim, DimExpr)
        and trace.facts
        and trace.parent is not None
        and {f.symbol for f in trace.facts[len(trace.parent.facts) :]} & dim.symbols
    )
