"""Carries of a loop with a condition that go up by the same number in each turn.

The reverse counts the turns down, so it knows them without a tape: what they were before the loop,
and the step times the number of the turn.
"""

from typing import NamedTuple

from gradc.autodiff.regions_split import Pulled
from gradc.ir.steps import step_of

__all__ = ["Counter", "find_counters"]


class Counter(NamedTuple):
    """A carry, its input of the body, and what is added to it in each turn."""

    item: int
    input: int
    step: int


def find_counters(pulled: Pulled, carries: int) -> tuple[Counter, ...]:
    """Return the carries that count."""
    graph = pulled.graph
    inputs = graph.inputs[pulled.taken - carries : pulled.taken]
    found = []
    for item, (start, end) in enumerate(zip(inputs, graph.outputs, strict=False)):
        step = step_of(graph, start, end)
        if step is not None:
            found.append(Counter(item, start, step))
    return tuple(found)
