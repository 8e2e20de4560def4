"""The body of a loop made ready for moving out of it what is the same in every turn."""

from collections.abc import Iterable, Sequence

from gradc.ir import Graph, Node, Symbol
from gradc.ir.ranges import Range
from gradc.passes.afresh import afresh
from gradc.passes.fission import divide_loops
from gradc.passes.steady import steady_in

__all__ = ["loosen"]


def loosen(
    node: Node, body: Graph, captures: Sequence[int], carries: Iterable[int]
) -> tuple[Graph, set[int]]:
    """Return the body with its inner loops taken apart, and the carries that it needs no more.

    Such a carry comes out of every turn as the same array, and a turn may as well start from the
    array as it was before the loop.

    Parameters
    ----------
    node : Node
        A loop that runs at least once.
    body : Graph
        Its body, with inputs and outputs as they are in the node.
    captures : sequence of int
        The inputs of the body that are captures.
    carries : iterable of int
        The items that are carries.
    """
    index, first = node.params["index"], len(body.inputs) - len(body.outputs)
    known = [body.inputs[position] for position in captures]
    span = Range(index, 0, node.params["count"] - 1)
    free = afresh(body, first, span) & set(carries)
    while True:
        free = _left_the_same(body, first, known, free, index)
        starts = [first + item for item in free]
        made = divide_loops(body, [*known, *(body.inputs[k] for k in starts)], index, (span,))
        there = [made.inputs[k] for k in (*captures, *starts)]
        steady = steady_in(made, there, index, partly=False)
        if all(made.outputs[item] in steady.nodes for item in free):
            return made, free
        free = {item for item in free if made.outputs[item] in steady.nodes}


def _left_the_same(
    body: Graph, first: int, known: Sequence[int], free: set[int], index: Symbol
) -> set[int]:
    """Return the carries among some that every turn leaves the same if all of them are."""
    while True:
        starts = [body.inputs[first + item] for item in free]
        steady = steady_in(body, [*known, *starts], index)
        kept = {item for item in free if body.outputs[item] in steady.nodes}
        if kept == free:
            return free
        free = kept
