"""Which loops are run turn by turn while recording, although they could stay loops.

A loop that stays one gives code of a size that does not depend on its turns.  Turn by turn is
better only for a few turns of plain arithmetic: neighbouring turns fuse, and values that the
backward part needs are named instead of put on a tape.  Loops over numbers known while recording
(a table of weights, say) are run as Python, so that what they compute stays known.
"""

from typing import Any

from gradc.capture.by_index import needs_inputs
from gradc.capture.carries import observe
from gradc.capture.context import Trace, current
from gradc.capture.regions import Plan, Turn
from gradc.capture.tracer import Tracer, is_concrete
from gradc.ir import Dim, Graph, Kind, Node

__all__ = ["is_known", "is_left_by_index", "is_short", "is_small"]

_NODES = 2000
"""At most so many operations come of a loop, whatever number of turns is asked for."""

_LEFT = 200
"""The same for loops that are left in a turn known beforehand."""

_LISTED = 256
"""The same for loops that append to lists, which have to be put together from arrays again."""

_ELEMENTS = 16
"""Arrays up to this size, a 4 by 4 matrix, are written and added to in short loops."""


def is_short(count: Dim, trace: Trace, turns: int) -> bool:
    """Tell whether a loop is better run turn by turn.

    Parameters
    ----------
    count : Dim
        Its turns.
    trace : Trace
        What one turn records.
    turns : int
        The option ``unroll``: at most so many turns.
    """
    body = trace.graph
    if not isinstance(count, int) or count > turns or count * len(body.nodes) > _NODES:
        return False
    captured = {value.id for value in trace.captures.values()}
    carried = {node.id for node in body.nodes if node.op.kind is Kind.INPUT} - captured
    return not any(
        node.regions or _writes(body, node) or _adds(node, carried) for node in body.nodes
    )


def _adds(node: Node, carried: set[int]) -> bool:
    """Tell whether a node adds to what the turn before left in an array, as ``out += x`` does."""
    size = node.type.size
    small = isinstance(size, int) and size <= _ELEMENTS
    return (
        node.op.name in ("add", "subtract") and not small and not carried.isdisjoint(node.operands)
    )


def _writes(body: Graph, node: Node) -> bool:
    """Tell whether a node writes a slice, or into an array that is more than a handful."""
    if node.op.name != "index_put":
        return False
    if body[node.operands[1]].type.shape:
        return True
    size = node.type.size
    return not isinstance(size, int) or size > _ELEMENTS


def is_left_by_index(count: Dim, turn: Turn, turns: int) -> bool:
    """Tell whether a loop is left in a turn that Python knows when it runs the loop."""
    body, status = turn.trace.graph, turn.status
    if not turns or not isinstance(count, int) or count * len(body.nodes) > _LEFT:
        return False
    return not isinstance(status, Tracer) or not needs_inputs(body, status._id)


def is_small(count: Dim, trace: Trace, inside: bool) -> bool:
    """Tell whether what comes of a loop that makes lists is short in any case.

    ``inside`` says that it stands in another loop, whose turns may become many.
    """
    most = _LISTED // 4 if inside else _LISTED
    return isinstance(count, int) and count * len(trace.graph.nodes) <= most


def is_known(count: Dim, plan: Plan, turn: Turn, inputs: int, most: int | None = _NODES) -> bool:
    """Tell whether a loop has nothing but known numbers to work on, and is not too long.

    Parameters
    ----------
    count : Dim
        Its turns.
    plan, turn : Plan, Turn
        What it carries, and one turn of it.
    inputs : int
        Inputs of the function before the turn: a turn that draws random numbers has added some.
    most : int, optional
        At most so many operations.
    """
    body = turn.trace.graph
    if not isinstance(count, int) or (most is not None and count * len(body.nodes) > most):
        return False
    outer = current()
    return (
        len(outer.recorder.inputs) == inputs
        and not any(node.regions for node in body.nodes)
        and all(_is_constant(outer.graph, id) for id in turn.trace.captures)
        and all(map(is_concrete, plan.handles.values()))
        and all(_starts_known(turn.before[name]) for name in plan.names)
    )


def _is_constant(graph: Graph, id: int) -> bool:
    while graph[id].op.name in ("broadcast_to", "reshape"):
        id = graph[id].operands[0]
    return graph[id].op.kind is Kind.CONSTANT


def _starts_known(value: Any) -> bool:
    tree = observe(value)
    if tree is None:
        return True
    return all(leaf.type is None or _is_known_leaf(leaf.handle) for leaf in tree.leaves)


def _is_known_leaf(handle: Any) -> bool:
    return handle is not None and is_concrete(handle)
