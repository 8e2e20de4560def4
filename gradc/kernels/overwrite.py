"""Let results lie in the memory of donated arguments.

    for i < n: w_new[i] = w[i] - lr * g[i]      ->      for i < n: w[i] = w[i] - lr * g[i]

A result may be written where an argument lies if nothing reads the argument afterwards: no later
stage, and in the stage that makes the result only the same element in the same turn.  Where that
is not so, or the function may still stop with an error (which must leave the argument as it was),
the result is made in working memory and copied when all is done.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from gradc.ir import Program
from gradc.kernels.inplace import accesses, can_share
from gradc.kernels.nest import (
    Buffer,
    Call,
    Check,
    Copy,
    Fill,
    MatMul,
    Matrix,
    Ref,
    Stage,
    Stmt,
    While,
)
from gradc.kernels.retarget import RefMap, with_refs
from gradc.kernels.walk import statements, statements_in, uses

__all__ = ["overwrite"]


def overwrite(program: Program, stages: list[Stage]) -> list[Stage]:
    """Return the stages with donated arguments and the results in their memory as one buffer."""
    late: list[Stage] = []
    for output, argument in program.donated:
        given, result = _find(stages, "input", argument), _find(stages, "output", output)
        if given is None or result is None:
            continue
        if not _may_overwrite(stages, given, result):
            made = Buffer("temporary", result.type, result.name, node=result.node)
            stages = _renamed(stages, result, made)
            late.append(Stage([Copy(result, made, result.node)], (result.node,), _last(stages)))
        stages = _renamed(stages, given, result)
    return [*stages, *late]


def _last(stages: Sequence[Stage]) -> str:
    return stages[-1].section


def _find(stages: Sequence[Stage], kind: str, position: int) -> Buffer | None:
    """Return the buffer of an argument or result; None where nothing touches it."""
    return next(
        (
            buffer
            for statement in statements_in(stages)
            for buffer, _ in uses(statement)
            if buffer.kind == kind and buffer.position == position
        ),
        None,
    )


def _may_overwrite(stages: Sequence[Stage], given: Buffer, result: Buffer) -> bool:
    read = [k for k, stage in enumerate(stages) if _touches(stage, given)]
    written = [k for k, stage in enumerate(stages) if _touches(stage, result)]
    if any(map(_may_stop, stages[written[0] :])):
        return False
    if not read or read[-1] < written[0]:
        return True
    both = accesses(stages[written[0]])
    return read[-1] == written[0] and can_share(both, given, result)


def _touches(stage: Stage, buffer: Buffer) -> bool:
    return any(found is buffer for s in statements(stage.body) for found, _ in uses(s))


def _may_stop(stage: Stage) -> bool:
    """Tell whether a stage may end the function with an error."""
    return any(
        isinstance(s, Check | While) or (isinstance(s, Call) and s.code != 0)
        for s in statements(stage.body)
    )


def _renamed(stages: Sequence[Stage], old: Buffer, new: Buffer) -> list[Stage]:
    def buffer(found: Buffer) -> Buffer:
        return new if found is old else found

    def change(ref: Ref) -> Ref:
        return replace(ref, buffer=buffer(ref.buffer))

    def whole(statement: Stmt) -> Stmt:
        return _whole(statement, buffer, change)

    return [
        replace(stage, body=[with_refs(s, change, whole) for s in stage.body]) for stage in stages
    ]


def _whole(statement: Stmt, buffer: Callable[[Buffer], Buffer], change: RefMap) -> Stmt:
    """Rename what statements on whole buffers touch."""

    def matrix(part: Matrix) -> Matrix:
        return replace(part, ref=change(part.ref))

    match statement:
        case Fill():
            return replace(statement, buffer=buffer(statement.buffer))
        case Copy():
            target, source = buffer(statement.target), buffer(statement.source)
            return replace(statement, target=target, source=source)
        case MatMul(a=a, b=b, c=c):
            return replace(statement, a=matrix(a), b=matrix(b), c=matrix(c))
        case Call():
            reads, writes = map(change, statement.reads), map(change, statement.writes)
            return replace(statement, reads=tuple(reads), writes=tuple(writes))
    return statement
