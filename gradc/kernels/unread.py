"""Leave out what is written to memory that nobody reads.

Merging the loop that makes an array with the one that copies it leaves such an array behind.
"""

from collections.abc import Sequence
from dataclasses import replace

from gradc.kernels.nest import Buffer, Fill, Loop, Stage, Stmt, Store
from gradc.kernels.walk import nested, statements_in, uses

__all__ = ["drop_unread"]


def drop_unread(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages without plain stores to temporaries that no statement reads."""
    plain: set[Buffer] = set()
    read: set[Buffer] = set()
    for statement in statements_in(stages):
        target = _written(statement)
        for buffer, written in uses(statement):
            (plain if written and buffer is target else read).add(buffer)
    unread = {buffer for buffer in plain - read if buffer.kind == "temporary"}
    if not unread:
        return list(stages)
    return [replace(stage, body=_kept(stage.body, unread)) for stage in stages]


def _written(statement: Stmt) -> Buffer | None:
    """Return the memory that a statement writes and that is all it does."""
    if isinstance(statement, Store):
        return statement.ref.buffer
    return statement.buffer if isinstance(statement, Fill) else None


def _kept(body: Sequence[Stmt], unread: set[Buffer]) -> list[Stmt]:
    result: list[Stmt] = []
    for statement in body:
        if _written(statement) in unread:
            continue
        lists = nested(statement)
        for inner in lists:
            inner[:] = _kept(inner, unread)
        if not isinstance(statement, Loop) or statement.body:
            result.append(statement)
    return result
