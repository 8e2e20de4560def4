"""Memory that only the blocks of one stage touch, each its own rows, shrinks to one block.

    for b < n step B:                               for b < n step B:
        for i in b .. b + B: z[i] = X[i] @ w            for i in b .. b + B: z[i - b] = X[i] @ w
        for i in b .. b + B: c[i] = f(z[i])     ->      for i in b .. b + B: c[i - b] = f(z[i - b])
        for i in b .. b + B: g += c[i] * X[i]           for i in b .. b + B: g += c[i - b] * X[i]

Every row is written by the block that reads it, so the next block may have its memory.  What is
left over after the last whole block is shorter and has room there too.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from gradc.ir import ArrayType, Dim
from gradc.kernels.blocks import BLOCK, Window, joined, windows_of
from gradc.kernels.nest import Buffer, Loop, Ref, Stage, Stmt
from gradc.kernels.own_rows import touched
from gradc.kernels.retarget import with_refs

__all__ = ["shrink_blocks"]


def shrink_blocks(stages: list[Stage]) -> list[Stage]:
    """Return the stages with the temporaries of loops over blocks made smaller."""
    total = Counter(touched([s for stage in stages for s in stage.body]))
    return [replace(stage, body=_shrunk(stage.body, total)) for stage in stages]


def _shrunk(body: list[Stmt], total: Counter[Buffer]) -> list[Stmt]:
    place = next((k for k, s in enumerate(body) if _is_blocks(s)), None)
    if place is None:
        return body
    blocks = body[place]
    assert isinstance(blocks, Loop)
    rest = list(takewhile(lambda s: _goes_on(s, blocks), body[place + 1 :]))
    inside = Counter(touched([blocks, *rest]))
    own = {
        buffer: window[0]
        for buffer, window in _windows([*blocks.body, *rest]).items()
        if buffer.kind == "temporary" and buffer.most < 0 and inside[buffer] == total[buffer]
        if window is not None and 0 <= window[1] <= window[2] < window[0]
    }
    small = {buffer: _block_of(buffer, row * blocks.step) for buffer, row in own.items()}
    parts = _moved(blocks.body, BLOCK.expr(), own, small)
    left = _moved(rest, blocks.stop, own, small)
    return [*body[:place], replace(blocks, body=parts), *left, *body[place + 1 + len(rest) :]]


def _is_blocks(statement: Stmt) -> bool:
    """Tell whether a statement goes over blocks, all of whose parts are loops over their rows."""
    return (
        isinstance(statement, Loop)
        and statement.symbol == BLOCK
        and all(isinstance(part, Loop) for part in statement.body)
    )


def _goes_on(statement: Stmt, blocks: Loop) -> bool:
    """Tell whether a loop does what the last whole block leaves over."""
    return isinstance(statement, Loop) and statement.start == blocks.stop


def _windows(parts: Sequence[Stmt]) -> dict[Buffer, Window | None]:
    """Return for each buffer which of its elements belong to a row, in all parts the same."""
    found: dict[Buffer, Window | None] = {}
    for part in parts:
        assert isinstance(part, Loop)
        row = replace(part, start=0, stop=1)  # where turns begin does not matter to one of them
        for buffer, window in windows_of(row).items():
            found[buffer] = joined(found.get(buffer, window), window)
    return found


def _block_of(buffer: Buffer, size: int) -> Buffer:
    kind = ArrayType(buffer.type.dtype, (size,))
    return Buffer("temporary", kind, buffer.name, node=buffer.node, passing=True)


def _moved(
    body: Sequence[Stmt], start: Dim, own: dict[Buffer, int], small: dict[Buffer, Buffer]
) -> list[Stmt]:
    """Return statements with the rows of a block counted from its first one."""

    def change(ref: Ref) -> Ref:
        if ref.buffer not in own:
            return ref
        return replace(ref, buffer=small[ref.buffer], offset=ref.offset - start * own[ref.buffer])

    return [with_refs(statement, change, lambda whole: whole) for statement in body]
