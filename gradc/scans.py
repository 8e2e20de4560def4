"""Types of a scan, found before its loop is recorded: those of the state, those of the results."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from gradc.capture.cells import Boxes
from gradc.capture.context import Unroll, current, fail
from gradc.capture.convert import value_of
from gradc.capture.trace import Subgraph, subtrace
from gradc.capture.tracer import Kind, Tracer, wrap
from gradc.errors import ArgumentError, DTypeError, ShapeError, TraceError
from gradc.ir import ArrayType
from gradc.trees import TreeDef, flatten, leaf_paths, structure_difference, unflatten

__all__ = ["result_types", "settle_scan"]


def settle_scan(
    f: Callable[[Any, Any], Any], init: Any, first: Any, count: int
) -> tuple[Any, list[Any], TreeDef]:
    """Return the state to start with, an array of zeros for each result, and their tree.

    A Python int in the state becomes a float where a turn makes it one.
    """
    state = init
    for _ in range(2):
        types, form = _one_turn(f, state, first)
        leaves, tree = flatten(state)
        state = unflatten(tree, _start(leaves, types[: len(leaves)], leaf_paths(tree, "state")))
    rows = [_rows(kind, count) for kind in types[len(leaves) :]]
    return state, rows, form


def _one_turn(
    f: Callable[[Any, Any], Any], state: Any, first: Any
) -> tuple[list[ArrayType], TreeDef]:
    """Return the types of state and result after a turn, and the tree of the result."""
    recorder = current().recorder
    since = len(recorder.inputs)
    boxes = Boxes([f])
    try:
        sub = subtrace(f, (state, first), trial=True)
    except Unroll as signal:
        fail(
            TraceError,
            f"the function of a scan cannot be recorded: {signal.reason}",
            repair="write a for statement, which can run turn by turn",
        )
    finally:
        boxes.restore()
        recorder.forget_draws(since)
    out = sub.out_tree
    if not (isinstance(out, tuple) and out[0] is tuple and len(out) == 4):
        fail(
            ArgumentError,
            "the function of a scan must return (state, result)",
            repair="return two things; the second may be None",
        )
    _check_structure(flatten(state)[1], out[2])
    return result_types(sub), out[3]


def result_types(sub: Subgraph) -> list[ArrayType]:
    """Return the types of the leaves of a recorded result."""
    graph = sub.graph
    return [
        graph[graph.outputs[leaf.output]].type if leaf.output >= 0 else _type_of(leaf.static)
        for leaf in sub.results
    ]


def _type_of(static: Any) -> ArrayType:
    array = np.asarray(static)
    return ArrayType(array.dtype, array.shape)


def _check_structure(before: TreeDef, after: TreeDef) -> None:
    if before != after:
        fail(
            ArgumentError,
            f"the state of a scan changes: {structure_difference('state', before, after)}",
            repair="return the state in the structure of the first one",
        )


def _start(leaves: Sequence[Any], types: Sequence[ArrayType], paths: Sequence[str]) -> list[Any]:
    return [
        _settled(leaf, kind, path) for leaf, kind, path in zip(leaves, types, paths, strict=True)
    ]


def _settled(leaf: Any, kind: ArrayType, path: str) -> Any:
    if isinstance(leaf, int) and not kind.shape and kind.dtype.kind == "f":
        return float(leaf)
    own = value_of(leaf).type
    if own.shape != kind.shape:
        _refuse(ShapeError, path, own, kind)
    if own.dtype == kind.dtype or isinstance(leaf, int | float):
        return leaf
    if not (isinstance(leaf, Tracer) and leaf._kind is Kind.PYTHON):
        _refuse(DTypeError, path, own, kind)
    return wrap(value_of(leaf, kind.dtype), Kind.SCALAR)


def _refuse(error: type, path: str, own: ArrayType, kind: ArrayType) -> NoReturn:
    fail(
        error,
        f"the state of a scan changes: {path} is {own} before a turn and {kind} after it",
        repair="start with a state of the type that each turn returns",
    )


def _rows(kind: ArrayType, count: int) -> Any:
    graph = current().graph
    return wrap(graph.literal(0, kind.dtype).broadcast_to((count, *kind.shape)), Kind.ARRAY)
