"""Recurrences that run beside each other: the loop over them goes inside.

    for i:                                      for j:
        for j: q[i, j + 1] = f(q[i, j])    ->       for i: q[i, j + 1] = f(q[i, j])

Each element of a recurrence waits for the one before it; those of different rows wait for nothing,
so that the new inner loop is the one that becomes vector code.  How the matrices lie is seen to
afterwards (``columns``), what is right is asked of ``interchange``.
"""

from collections.abc import Sequence
from dataclasses import replace

from gradc.kernels.columns import recurs
from gradc.kernels.dependence import Span, span_of
from gradc.kernels.interchange import with_turns_inside
from gradc.kernels.nest import If, Loop, Stage, Stmt, While

__all__ = ["run_beside"]


def run_beside(stages: list[Stage]) -> list[Stage]:
    """Return the stages with loops over recurrences inside them."""
    return [replace(stage, body=_moved(stage.body, ())) for stage in stages]


def _moved(body: Sequence[Stmt], around: tuple[Span, ...]) -> list[Stmt]:
    result: list[Stmt] = []
    for statement in body:
        if isinstance(statement, Loop) and abs(statement.step) == 1:
            inner = _moved(statement.body, (*around, span_of(statement)))
            result += _turned(replace(statement, body=inner), around)
        elif isinstance(statement, If):
            then, otherwise = (_moved(b, around) for b in (statement.then, statement.otherwise))
            result.append(replace(statement, then=then, otherwise=otherwise))
        elif isinstance(statement, While):
            result.append(replace(statement, body=_moved(statement.body, around)))
        else:
            result.append(statement)
    return result


def _turned(loop: Loop, around: tuple[Span, ...]) -> list[Stmt]:
    """Return the nests of a loop over recurrences; the loop itself if it is none."""
    inner = [s for s in loop.body if isinstance(s, Loop)]
    if not any(recurs(one) for one in inner) or recurs(loop):
        return [loop]
    return with_turns_inside(loop, around) or [loop]
