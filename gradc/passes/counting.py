"""Loops with a condition that do nothing but count: they dissolve into the number they come to.

Such a loop is left where the reverse of a loop only asks how many turns it made::

    while turn < count:
        turn, all = turn + 1, all + 2              all + 2 * max(count - turn, 0)
"""

from collections.abc import Mapping

from gradc.ir import Graph, Value, op_named
from gradc.ir.steps import step_of

__all__ = ["counted"]


def counted(
    body: Graph,
    test: Graph,
    carries: Mapping[int, tuple[int, Value]],
    captures: Mapping[int, Value],
) -> dict[int, Value] | None:
    """Return what the carries come to; None where the loop does more than count.

    Parameters
    ----------
    body, test : Graph
        The regions, with the same inputs by position.
    carries : mapping
        From results to the input and the value before the loop.
    captures : mapping
        From inputs to the values outside.
    """
    steps = {
        item: step_of(body, body.inputs[position], body.outputs[item])
        for item, (position, _) in carries.items()
    }
    found = _limit(test, captures)
    if found is None or any(step is None for step in steps.values()):
        return None
    place, limit = found
    starts = [value for item, (k, value) in carries.items() if k == place and steps[item] == 1]
    if not starts or limit.type != starts[0].type:
        return None
    zero = limit.graph.literal(0, limit.dtype)
    turns = op_named("maximum")(op_named("subtract")(limit, starts[0]), zero)
    return {
        item: value + turns.cast(value.dtype) * (steps[item] or 0)
        for item, (_, value) in carries.items()
    }


def _limit(test: Graph, captures: Mapping[int, Value]) -> tuple[int, Value] | None:
    """Return the input that is compared and what it stays below, if that is what is asked."""
    node = test[test.outputs[0]]
    if node.op.name != "less" or node.operands[0] not in test.inputs:
        return None
    place, other = test.inputs.index(node.operands[0]), node.operands[1]
    if other not in test.inputs:
        return None
    limit = captures.get(test.inputs.index(other))
    return None if limit is None else (place, limit)
