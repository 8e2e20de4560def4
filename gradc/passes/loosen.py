"""The body of a loop made ready for moving out of it what is the same in every turn."""

from collections.abc import Iterable, Sequence

from gradc.ir import Graph, Node, Symbol
from gradc.ir.ranges import Range
from gradc.passes.afresh import afresh
from gradc.passes.fission import divide_loops
from gradc.passes.quiet import quiet_nodes
from gradc.passes.steady import steady_in

__all__ = ["loosen", "turn_of"]


def loosen(
    node: Node, body: Graph, captures: Sequence[int], carries: Iterable[int]
) -> tuple[Graph, set[int]]:
    """Return the body with its inner loops taken apart, and the carries that it needs no more.

    Such a carry comes out of every turn as the same array, and a turn may as well start from the
    array as it was before the loop.

    A loop that may not run, with a condition or a count that is not known, keeps its carries, and
    is taken apart only where something can be moved that cannot fail.

    Parameters
    ----------
    node : Node
        The loop.
    body : Graph
        Its body, with inputs and outputs as they are in the node.
    captures : sequence of int
        The inputs of the body that are captures.
    carries : iterable of int
        The items that are carries.
    """
    index, first = turn_of(node), len(body.inputs) - len(body.outputs)
    known = [body.inputs[position] for position in captures]
    count = node.params.get("count", 1)
    span = Range(index, 0, count - 1)
    if not isinstance(node.params.get("count"), int):
        made = divide_loops(body, known, index, (span,))
        return made if _has_quiet_loop(made, captures, index) else body, set()
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


def turn_of(node: Node) -> Symbol:
    """Return the index of a loop, or a symbol that occurs nowhere for a loop without one."""
    found = node.params.get("index")
    return Symbol("turn", "none") if found is None else found


def _has_quiet_loop(body: Graph, captures: Sequence[int], index: Symbol) -> bool:
    """Tell whether an inner loop is the same in each turn, and cannot fail."""
    known = [body.inputs[position] for position in captures]
    steady = steady_in(body, known, index, partly=False)
    return any(body[id].regions for id in quiet_nodes(body, steady.nodes))


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
