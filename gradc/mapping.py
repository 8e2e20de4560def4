"""``vmap``: a function of one element as a function of all, as a loop with independent turns.

The function is recorded once, for one element, and becomes the body of a counted loop that reads
its element from each mapped array and puts its results into their rows.  No operation has a rule
for batches: loops, branches and derivatives inside are what they are, and the derivative of the
loop sums what the turns give to the arrays they share.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.capture.context import current, fail
from gradc.capture.convert import as_handle, value_of
from gradc.capture.positions import is_position
from gradc.capture.trace import Subgraph, is_traced_leaf, subtrace
from gradc.capture.tracer import Kind, Tracer, wrap
from gradc.errors import ArgumentError, UnsupportedError
from gradc.ir import Dim, Value, op_named
from gradc.mapping_axes import spread
from gradc.maps import Element, free_index, map_rows
from gradc.passes import simplify
from gradc.records import dataclass
from gradc.rules import AnyFunction, Map
from gradc.scans import result_types
from gradc.trees import flatten, leaf_paths, unflatten

__all__ = ["mapped"]


def mapped(rule: Map, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record a loop over the elements in the current trace."""
    leaves, tree = flatten((args, kwargs))
    axes = _axes(rule, args, kwargs)
    paths = _paths(rule.fn, args, kwargs)
    given = [
        _Given.of(leaf, axis, path) for leaf, axis, path in zip(leaves, axes, paths, strict=True)
    ]
    count = _count(given)
    sub = _one(rule.fn, unflatten(tree, [one.element() for one in given]))
    body = simplify(sub.graph)
    operands = [Element(value_of(g.leaf), g.axis) for g in given if is_traced_leaf(g.leaf)]
    operands += [Element(value) for value in sub.captures]
    trace = current()
    trace.mark()
    index = free_index(body, {fact.symbol.name for fact in trace.facts})
    rows = iter(map_rows(trace.graph, body, operands, count, index))
    types = result_types(sub)
    results = [
        next(rows) if leaf.output >= 0 else _repeated(leaf.static, count) for leaf in sub.results
    ]
    placed = [
        _placed(value, axis, kind.ndim)
        for value, axis, kind in zip(
            results, spread(rule.out_axes, sub.out_tree, "out_axes"), types, strict=True
        )
    ]
    return unflatten(sub.out_tree, [wrap(value, Kind.ARRAY) for value in placed])


def _axes(rule: Map, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[int | None]:
    """Return the axis of each leaf; arguments by name are mapped along their first."""
    chosen = rule.in_axes
    if isinstance(chosen, list | tuple) and len(chosen) != len(args):
        raise ArgumentError(
            f"in_axes speaks of {len(chosen)} arguments, and there are {len(args)}",
            repair="give one entry for each positional argument, or a single axis for all",
        )
    if not isinstance(chosen, list | tuple):
        chosen = [chosen] * len(args)
    found: list[int | None] = []
    for axes, arg in zip(chosen, args, strict=True):
        found += spread(axes, flatten(arg)[1], "in_axes")
    return found + [0] * len(flatten(kwargs)[0])


def _one(fn: AnyFunction, call: Any) -> Subgraph:
    """Record the function for one element."""
    recorder = current().recorder
    since = len(recorder.inputs)
    args, kwargs = call
    sub = subtrace(fn, args, kwargs, many=True)
    if any(role == "random" for role, _ in recorder.inputs[since:]):
        fail(
            UnsupportedError,
            "a function under vmap draws random numbers, which would be the same for all",
            repair="draw them before, for all elements, and pass them as a mapped argument",
        )
    return sub


@dataclass(frozen=True, slots=True)
class _Given:
    """One leaf of the arguments and the axis it is mapped along."""

    leaf: Any
    axis: int | None
    path: str

    @classmethod
    def of(cls, leaf: Any, axis: int | None, path: str) -> "_Given":
        """Check a leaf against its axis."""
        if axis is None:
            return cls(leaf, None, path)
        shape = leaf.shape if isinstance(leaf, Tracer | np.ndarray) else ()
        if isinstance(axis, bool) or not -len(shape) <= axis < len(shape):
            kind = as_handle(leaf)._type if is_traced_leaf(leaf) else type(leaf).__name__
            raise ArgumentError(
                f"vmap cannot map {path} along axis {axis}: it is {kind}",
                repair=f"give in_axes None for {path}, or pass an array with that axis",
            )
        return cls(as_handle(leaf), axis % len(shape), path)

    @property
    def extent(self) -> Dim:
        return as_handle(self.leaf)._type.shape[self.axis or 0]

    def element(self) -> Any:
        """Return what stands for one element while its types are found."""
        if self.axis is None:
            return self.leaf
        value = value_of(self.leaf)
        kept = tuple(d for k, d in enumerate(value.type.shape) if k != self.axis)
        one = value.graph.literal(0, value.dtype).broadcast_to(kept)
        return wrap(one, Kind.ARRAY if kept else Kind.SCALAR)


def _paths(fn: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    try:
        names = list(inspect.signature(fn).parameters)
    except (TypeError, ValueError):
        names = []
    names += [f"argument_{k}" for k in range(len(names), len(args))]
    paths: list[str] = []
    for name, value in [*zip(names, args, strict=False), *kwargs.items()]:
        paths += leaf_paths(flatten(value)[1], name)
    return paths


def _count(given: Sequence[_Given]) -> Dim:
    """Return the number of elements, which all mapped arguments agree on."""
    extents = {one.path: one.extent for one in given if one.axis is not None}
    if not extents:
        raise ArgumentError(
            "vmap has no argument to map: in_axes is None for all of them",
            repair="give in_axes a number for an argument at least",
        )
    counts = set(extents.values())
    if len(counts) > 1:
        listed = ", ".join(f"{path} has {extent}" for path, extent in extents.items())
        raise ArgumentError(
            f"vmap needs the same number of elements in each mapped argument: {listed}",
            repair="pass arrays of one length, or give in_axes None for those that are shared",
        )
    return counts.pop()


def _repeated(static: Any, count: Dim) -> Value:
    """Return a result that is known while recording, once for each element."""
    if not isinstance(static, bool | int | float | np.generic | np.ndarray) and not is_position(
        static
    ):
        raise ArgumentError(
            f"a function under vmap returns {static!r}, which cannot be one of many",
            repair="return arrays and numbers",
        )
    value = value_of(static)
    return value.broadcast_to((count, *value.type.shape))


def _placed(rows: Value, axis: int | None, ndim: int) -> Value:
    """Move the rows to where out_axes wants them."""
    if axis is None or not -ndim - 1 <= axis <= ndim:
        raise ArgumentError(
            f"out_axes {axis} is no axis of a result of {ndim + 1} axes",
            repair=f"give a number from {-ndim - 1} to {ndim}",
        )
    axis %= ndim + 1
    order = list(range(1, ndim + 1))
    order.insert(axis, 0)
    return rows if axis == 0 else op_named("transpose")(rows, axes=tuple(order))
