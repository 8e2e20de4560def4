"""Lanes whose last turns are not all there: what is left over of a row has no fixed length.

for (lane = 0; lane < n - whole; ++lane) total[lane] += x[whole + lane];
"""

from collections.abc import Iterable, Iterator

from gradc.kernels.nest import Accumulate, Lane, Local, Loop, Stage
from gradc.kernels.walk import statements_in

__all__ = ["ragged_lanes"]


def ragged_lanes(stages: Iterable[Stage]) -> set[Local]:
    """Return the locals to whose lanes a loop adds of which nobody knows the turns."""
    return set(_ragged(stages))


def _ragged(stages: Iterable[Stage]) -> Iterator[Local]:
    for loop in statements_in(stages):
        if isinstance(loop, Loop) and not isinstance(loop.stop - loop.start, int):
            for stmt in loop.body:
                if isinstance(stmt, Accumulate) and isinstance(stmt.target, Lane):
                    yield stmt.target.local
