"""Full Jacobians: one sweep for each row or column, whichever are fewer, over one shared primal.

A few sweeps are written out one by one, with what is zero in each left out.  Many are a map over
the vectors of the basis (``gradc.maps``): one sweep as the body of a loop, so that the size of the
code does not depend on the size of the matrix.
"""

from collections.abc import Sequence
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from gradc.autodiff import forward, reverse
from gradc.capture.context import current
from gradc.capture.trace import inline_call
from gradc.derivatives import TracedCall, memory_budget, record
from gradc.errors import DerivativeError
from gradc.ir import At, Graph, Value, is_float, op_named
from gradc.ir.rebuild import inline, rebuild
from gradc.passes import simplify
from gradc.rules import Jacobian
from gradc.sweeps import map_sweeps
from gradc.trees import LEAF

__all__ = ["jacobian"]

FEW = 4
"""Rows or columns that are always derived one by one."""
SMALL = 200
"""Operations up to which more of them are."""


def jacobian(rule: Jacobian, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Record a Jacobian in the current trace."""
    traced = record(rule.fn, rule.argnums, args, kwargs)
    graph, wrt = traced.graph, traced.wrt
    _check_one_array(traced)
    rows = prod(_shape(graph, graph.outputs[0]))
    columns = sum(prod(_shape(graph, graph.inputs[i])) for i in wrt)
    few = min(rows, columns)
    if few <= FEW or few * len(graph) <= SMALL:
        sweep = _by_rows if rows <= columns else _by_columns
    else:
        taken = {fact.symbol.name for fact in current().facts}
        over_rows = rows <= columns and not rule.symmetric
        sweep = partial(map_sweeps, taken=taken, over_rows=over_rows, as_rows=rule.symmetric)
    joint = simplify(sweep(graph, wrt))
    return traced.tree(inline_call(joint, traced.operands))


def _check_one_array(traced: TracedCall) -> None:
    """Refuse a function that does not return one floating-point array."""
    if traced.sub.out_tree == LEAF and traced.types and is_float(traced.types[0].dtype):
        return
    raise DerivativeError(
        f"jacobian needs one floating-point array, which {traced.name} does not return",
        span=traced.span,
        repair="return one array, for instance by np.concatenate",
    )


def _shape(graph: Graph, id: int) -> tuple[int, ...]:
    return graph[id].type.extents


def _by_rows(graph: Graph, wrt: Sequence[int]) -> Graph:
    """Reverse mode, once for each element of the result."""
    shape = _shape(graph, graph.outputs[0])
    elements = simplify(_elements(graph, shape))
    target, inputs = _target(graph)
    count = len(elements.outputs)
    rows: list[list[Value]] = []
    for k in range(count):
        joint = reverse(elements, wrt, k, memory_budget())
        rows.append(inline(joint.graph, target, inputs)[joint.values :])
    for number, position in enumerate(wrt):
        inner = _shape(graph, graph.inputs[position])
        flat = [row[number].reshape((1, *inner)) for row in rows]
        target.outputs.append(_joined(target, flat, 0, (0, *inner)).reshape(shape + inner).id)
    return target


def _elements(graph: Graph, shape: tuple[int, ...]) -> Graph:
    """Return the graph with each element of its result as an output of its own."""
    split = rebuild(graph)
    whole = split.value(split.outputs[0])
    split.outputs = [
        op_named("index")(whole, spec=tuple(At(i) for i in place)).id if shape else whole.id
        for place in product(*map(range, shape))
    ]
    return split


def _by_columns(graph: Graph, wrt: Sequence[int]) -> Graph:
    """Forward mode, once for each element of the arguments."""
    shape = _shape(graph, graph.outputs[0])
    target, inputs = _target(graph)
    for position in wrt:
        inner = _shape(graph, graph.inputs[position])
        joint = forward(graph, [position])
        columns = []
        for k in range(prod(inner)):
            seed = np.zeros(inner, graph[graph.inputs[position]].type.dtype)
            seed.flat[k] = 1.0
            (dot,) = inline(joint.graph, target, [*inputs, target.constant(seed)])[joint.values :]
            columns.append(dot.reshape((*shape, 1)))
        whole = _joined(target, columns, len(shape), (*shape, 0))
        target.outputs.append(whole.reshape(shape + inner).id)
    return target


def _target(graph: Graph) -> tuple[Graph, list[Value]]:
    """Return a new graph with the same inputs, into which all sweeps go."""
    target = Graph(graph.name)
    return target, [
        target.input(graph[id].params["name"], graph[id].type, graph[id].origin)
        for id in graph.inputs
    ]


def _joined(target: Graph, parts: list[Value], axis: int, empty: tuple[int, ...]) -> Value:
    if not parts:
        return target.constant(np.zeros(empty))
    return parts[0] if len(parts) == 1 else op_named("concatenate")(*parts, axis=axis)
