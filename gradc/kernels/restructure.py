"""Loops inside loops in the order that memory likes, side by side loops as one.

From the inside out: loops that stand side by side are merged, a loop with inner loops is turned
around where that makes the innermost loop contiguous, and what came out of that is merged again.
"""

from collections.abc import Sequence
from dataclasses import replace

from gradc.kernels.dependence import Span, span_of
from gradc.kernels.interchange import SWEPT, interchange
from gradc.kernels.jam import adds_rows
from gradc.kernels.merge import is_innermost, merge_loops
from gradc.kernels.nest import If, Loop, Stmt, While
from gradc.kernels.promote import promote

__all__ = ["promoted", "restructure"]


def restructure(body: list[Stmt], around: Sequence[Span] = ()) -> list[Stmt]:
    """Return the statements with their loops reordered and merged; ``around`` are loops outside."""
    result: list[Stmt] = []
    for statement in body:
        if isinstance(statement, Loop) and abs(statement.step) == 1 and not is_innermost(statement):
            result += _turned(statement, around)
        else:
            if isinstance(statement, If):
                statement.then = restructure(statement.then, around)
                statement.otherwise = restructure(statement.otherwise, around)
            elif isinstance(statement, While):
                statement.body = restructure(statement.body, around)
            result.append(statement)
    return merge_loops(result, around) if around else result


def _turned(loop: Loop, around: Sequence[Span]) -> list[Stmt]:
    inside = [*around, span_of(loop)]
    body = restructure(loop.body, inside)
    whole = replace(loop, body=body)
    if loop.symbol.role == "index":
        return [whole]
    return interchange(whole, around) or [whole]


def promoted(body: list[Stmt], around: Sequence[Span] = ()) -> list[Stmt]:
    """Return the statements with fixed elements of innermost loops in scalars.

    Rows that are added four at a time keep them to themselves, see `gradc.kernels.jam`.
    """
    result: list[Stmt] = []
    for statement in body:
        if not isinstance(statement, Loop) or _stays(statement):
            result.append(statement)
        elif not is_innermost(statement):
            statement.body = promoted(statement.body, [*around, span_of(statement)])
            result.append(statement)
        elif statement.symbol.role in ("index", SWEPT) and around:
            result += promote(statement, around)
        else:
            result.append(statement)
    return result


def _stays(loop: Loop) -> bool:
    rows = loop.symbol.role in ("index", SWEPT) and adds_rows(loop)
    return abs(loop.step) != 1 or rows
