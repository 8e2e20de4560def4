"""Memory that only the turns of one loop touch, each its own row of it, shrinks to one row.

    for row < n:                                        for row < n:
        for j: t[row, j] = f(x[row, j])         ->          for j: t[j] = f(x[row, j])
        for j: s[row] += t[row, j] * y[j]                   for j: s[row] += t[j] * y[j]

Every row is written by the turn that reads it, so the next turn may have its memory.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from gradc.ir import ArrayType
from gradc.kernels.blocks import ROW, windows_of
from gradc.kernels.nest import Buffer, Loop, Ref, Stage, Stmt
from gradc.kernels.retarget import with_refs
from gradc.kernels.walk import statements, uses

__all__ = ["shrink_rows", "touched"]


def shrink_rows(stages: list[Stage]) -> list[Stage]:
    """Return the stages with the temporaries of loops over rows made smaller."""
    total = Counter(touched([s for stage in stages for s in stage.body]))
    return [
        replace(stage, body=[_shrunk(s, total) if _is_rows(s) else s for s in stage.body])
        for stage in stages
    ]


def touched(body: list[Stmt]) -> Iterator[Buffer]:
    """Yield the buffers that statements touch, as often as they do."""
    return (buffer for statement in statements(body) for buffer, _ in uses(statement))


def _is_rows(statement: Stmt) -> bool:
    return isinstance(statement, Loop) and statement.symbol == ROW and statement.step == 1


def _shrunk(loop: Stmt, total: Counter[Buffer]) -> Stmt:
    assert isinstance(loop, Loop)
    inside, found = Counter(touched([loop])), dict[Buffer, Buffer]()
    for buffer, window in windows_of(loop).items():
        own = buffer.kind == "temporary" and buffer.most < 0 and inside[buffer] == total[buffer]
        if own and window is not None and 0 <= window[1] <= window[2] < window[0]:
            kind = ArrayType(buffer.type.dtype, (window[0],))
            found[buffer] = Buffer("temporary", kind, buffer.name, node=buffer.node, passing=True)
    if not found:
        return loop

    def change(ref: Ref) -> Ref:
        if ref.buffer not in found:
            return ref
        row = found[ref.buffer]
        return replace(ref, buffer=row, offset=ref.offset - ROW.expr() * row.type.size)

    return with_refs(loop, change, lambda statement: statement)
