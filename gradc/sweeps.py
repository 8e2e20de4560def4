"""Jacobians as maps over the vectors of a basis: one sweep is the body of the loop.

    residuals = forward part                       what a sweep reads, computed once
    for k in range(rows):                          reverse mode
        J[k] = pull(residuals, e_k)
    for k in range(columns):                       forward mode
        J[..., k] = push(residuals, e_k)

``e_k`` is an array of zeros with a one at element ``k``.
"""

from collections.abc import Sequence
from math import prod

from gradc.autodiff import Split, forward, reverse_seeded, split
from gradc.derivatives import memory_budget
from gradc.ir import ArrayType, At, Dim, Graph, Value, op_named
from gradc.ir.rebuild import inline
from gradc.maps import Element, free_index, map_rows
from gradc.passes import simplify

__all__ = ["map_sweeps"]


def map_sweeps(
    graph: Graph, wrt: Sequence[int], *, taken: set[str], over_rows: bool, as_rows: bool = False
) -> Graph:
    """Return the graph of the Jacobians of the first output.

    Parameters
    ----------
    graph : Graph
        One output.
    wrt : sequence of int
        Positions of the inputs to differentiate by: an output for each.
    taken : set of str
        Names of the indices of the loops around.
    over_rows : bool
        Reverse mode, one turn for each element of the output; otherwise forward mode, one turn for
        each element of an input.
    as_rows : bool
        The Jacobian is symmetric: leave the columns where the rows stand.
    """
    target = Graph(graph.name)
    inputs = [
        target.input(graph[id].params["name"], graph[id].type, graph[id].origin)
        for id in graph.inputs
    ]
    made = graph[graph.outputs[0]].type
    if over_rows:
        joint = reverse_seeded(graph, wrt, memory_budget())
        rows = _mapped(target, inputs, joint.graph, made, taken)
        for position, found in zip(wrt, rows, strict=True):
            inner = graph[graph.inputs[position]].type.shape
            target.outputs.append(found.reshape((*made.shape, *inner)).id)
        return target
    for position in wrt:
        kind = graph[graph.inputs[position]].type
        joint = forward(graph, [position])
        (columns,) = _mapped(target, inputs, joint.graph, kind, taken)
        if not as_rows:
            columns = columns.transpose([*range(1, made.ndim + 1), 0])
        target.outputs.append(columns.reshape((*made.shape, *kind.shape)).id)
    return target


def _mapped(
    target: Graph, inputs: Sequence[Value], joint: Graph, seed: ArrayType, taken: set[str]
) -> list[Value]:
    """Add a loop over the elements of a seed, the last input; return rows of derivatives."""
    joint = simplify(joint)
    parts = split(joint, 1, [len(joint.inputs) - 1])
    residuals = inline(parts.forward, target, inputs)[1:]
    index = free_index(parts.backward, taken)
    body = _sweep(parts, seed, index.expr())
    operands = [Element(value) for value in residuals]
    return map_rows(target, body, operands, prod(seed.extents), index)


def _sweep(parts: Split, seed: ArrayType, here: Dim) -> Graph:
    """Return the backward part with a vector of the basis as its seed."""
    source = parts.backward
    body = Graph(source.name)
    images = [
        body.input(source[id].params["name"], source[id].type, source[id].origin)
        for id in source.inputs[:-1]
    ]
    zeros = body.literal(0.0, seed.dtype).broadcast_to((prod(seed.extents),))
    one = body.literal(1.0, seed.dtype)
    basis = op_named("index_put")(zeros, one, spec=(At(here),)).reshape(seed.shape)
    body.outputs = [value.id for value in inline(source, body, [*images, basis])]
    return body
