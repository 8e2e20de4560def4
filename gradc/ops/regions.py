"""Ops that hold graphs: loops, loops with a condition, branches.

    loop        operands: captures*, initial carries*     region: captures*, carries* -> carries*
    while_loop  operands: captures*, initial carries*     regions: test -> bool, body -> carries*
    cond        operands: condition, captures*            regions: captures* -> results*, twice

What a region uses from outside are its captures: operands of the node, inputs of the region.  The
results are a tuple; ``project`` picks one.  The index of a counted loop is a symbol that extents
and index specs of the region may hold; it counts 0, 1, ..., count - 1, or down when ``reverse`` is
set.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError
from gradc.ir import BOOL, Dim, Graph, Symbol, Value
from gradc.ir.op import Kind, Op
from gradc.ir.types import ArrayType, TupleType
from gradc.ops.declare import operation

__all__ = ["cond", "loop", "make_cond", "make_loop", "make_while", "project", "while_loop"]


def _by_interpreter(*operands: Any, **params: Any) -> np.ndarray:
    raise LookupError("a region is evaluated by gradc.ir.interpret")


def _no_text(*args: Any) -> str:
    raise LookupError("a region is printed as statements")


def _carried(types: Sequence[ArrayType], carries: int) -> TupleType:
    return TupleType.of_items(types[len(types) - carries :])


def _infer_loop(
    *types: ArrayType, index: Symbol, count: Dim, carries: int, reverse: bool
) -> ArrayType:
    return _carried(types, carries)


def _infer_while(
    *types: ArrayType, carries: int, limit: int, whole: int | None = None
) -> ArrayType:
    return _carried(types, carries)


def _infer_cond(condition: ArrayType, *types: ArrayType, results: TupleType) -> ArrayType:
    if condition.dtype != BOOL or condition.shape:
        raise DTypeError(f"a branch needs one truth value, got {condition}")
    return results


def _infer_project(source: ArrayType, item: int) -> ArrayType:
    if not isinstance(source, TupleType):
        raise DTypeError(f"project takes a tuple, got {source}")
    return source.items[item]


def _region(name: str, operands: str, infer: Any, params: tuple[str, ...], doc: str) -> Op:
    return operation(
        name,
        Kind.REGION,
        operands,
        infer=infer,
        evaluate=_by_interpreter,
        numpy=_no_text,
        params=params,
        doc=doc,
        tags=("statement",),
    )


loop = _region(
    "loop",
    "*operands",
    _infer_loop,
    ("index", "count", "carries", "reverse"),
    "A counted loop over carried values.",
)
while_loop = _region(
    "while_loop",
    "*operands",
    _infer_while,
    ("carries", "limit"),
    "A loop that runs while a test of the carried values holds, at most ``limit`` times; "
    "``whole`` is the limit of the loop of which it runs segments.",
)
cond = _region("cond", "condition, *operands", _infer_cond, ("results",), "One of two branches.")
project = operation(
    "project",
    Kind.OTHER,
    "source",
    infer=_infer_project,
    evaluate=lambda source, item: source[item],
    numpy=_no_text,
    params=("item",),
    doc="One result of a region.",
)


def make_loop(
    body: Graph,
    captures: Sequence[Value],
    initial: Sequence[Value],
    *,
    index: Symbol,
    count: Dim,
    reverse: bool = False,
) -> list[Value]:
    """Add a loop to the graph of its operands; return the carries after the last turn."""
    params = {"index": index, "count": count, "carries": len(initial), "reverse": reverse}
    return _projected(loop, [*captures, *initial], params, (body,), len(initial))


def make_while(
    test: Graph,
    body: Graph,
    captures: Sequence[Value],
    initial: Sequence[Value],
    *,
    limit: int,
) -> list[Value]:
    """Add a loop with a condition; return the carries for which the test fails first."""
    params = {"carries": len(initial), "limit": limit}
    return _projected(while_loop, [*captures, *initial], params, (test, body), len(initial))


def make_cond(
    condition: Value, then: Graph, otherwise: Graph, captures: Sequence[Value]
) -> list[Value]:
    """Add a branch; return its results."""
    results = TupleType.of_items(then[id].type for id in then.outputs)
    regions = (then, otherwise)
    return _projected(
        cond, [condition, *captures], {"results": results}, regions, len(results.items)
    )


def _projected(
    op: Op,
    operands: Sequence[Value],
    params: dict[str, Any],
    regions: tuple[Graph, ...],
    count: int,
) -> list[Value]:
    graph = operands[0].graph
    node = graph.value(graph.add(op, tuple(v.id for v in operands), params, regions))
    return [project(node, item=i) for i in range(count)]
