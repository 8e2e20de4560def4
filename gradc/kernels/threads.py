"""Mark the loops that several threads may share.

A loop whose turns do not depend on each other (``independent``) and that does enough work is cut
into chunks: ``Loop.chunk`` turns are one thread's share.  What all turns add up is added up by each
chunk for itself, and then chunk by chunk (``partial``).  Chunks follow from the sizes alone, so no
result depends on how many threads there are, or whether there are any.

Outer loops are asked first.  A loop that must run in order, such as one over time steps, may hold
loops that are shared; small loops stay as they are.
"""

from collections.abc import Mapping

from gradc.ir import Dim, Symbol
from gradc.kernels.cost import work
from gradc.kernels.extremes import Bounds, extremes
from gradc.kernels.independent import Sums, bounds_of, count_uses, sums_between_turns
from gradc.kernels.nest import (
    Buffer,
    Copy,
    Fill,
    If,
    Load,
    Loop,
    Ref,
    Round,
    Stage,
    Stmt,
    Store,
    While,
)
from gradc.kernels.partial import in_chunks

__all__ = ["LEAST_WORK", "share_loops"]

LEAST_WORK = 600_000
"""Operations of a loop from which it is worth waking threads: some ten microseconds."""
CHUNK_WORK = 80_000
"""Operations of one chunk, at least."""
MOST_CHUNKS = 64
FEW_TURNS = 8
"""A loop of fewer turns leaves the sharing to the loops in it, if those do enough work."""
LEAST_CHUNKS = 4
"""Fewer chunks are too few to keep threads busy."""
_PART_OF_WORK = 8
"""Adding up what chunks have added up may cost so small a part of the work."""
SCRATCH_CHUNKS, SCRATCH_BYTES = 16, 1 << 23
"""Chunks that have memory of their own are fewer, and so much they may have together."""
SCRATCH_NEAR = 1 << 19
"""What stays in the caches when one thread goes from chunk to chunk."""


def share_loops(stages: list[Stage]) -> list[Stage]:
    """Return the stages with large independent loops cut into chunks."""
    share = _Share(count_uses(s for stage in stages for s in stage.body))
    return [Stage(share.body(stage.body, {}), stage.nodes, stage.section) for stage in stages]


class _Share:
    """Goes through all loops; ``uses`` says how many statements touch a buffer."""

    def __init__(self, uses: Mapping[Buffer, int]) -> None:
        self.uses = uses

    def body(self, body: list[Stmt], around: Bounds) -> list[Stmt]:
        """Return statements with the loops among them and in them shared."""
        result: list[Stmt] = []
        for statement in body:
            if isinstance(statement, Round):
                around = {**around, statement.symbol: (0, statement.dim)}
            if isinstance(statement, Loop):
                result += self.loop(statement, around)
                continue
            if isinstance(statement, Fill | Copy):
                statement = _whole(statement)
            elif isinstance(statement, While):
                statement.body = self.body(statement.body, around)
            elif isinstance(statement, If):
                statement.then = self.body(statement.then, around)
                statement.otherwise = self.body(statement.otherwise, around)
            result.append(statement)
        return result

    def loop(self, loop: Loop, around: Bounds) -> list[Stmt]:
        """Return a loop in chunks, or with those inside it that are worth it in chunks."""
        total = work(loop, around)
        if total < LEAST_WORK:
            return [loop]
        turns = _turns(loop, around)
        if turns is not None and turns >= 2:
            inner = turns < FEW_TURNS and total >= turns * LEAST_WORK
            sums = None if inner else sums_between_turns(loop, around, self.uses)
            chunked = _chunked(loop, sums, turns, total) if sums is not None else []
            if chunked:
                return chunked
        loop.body = self.body(loop.body, {**around, loop.symbol: bounds_of(loop)})
        return [loop]


def _whole(statement: Fill | Copy) -> Stmt:
    """Return a fill or copy of a whole buffer as a loop in chunks, where it is large."""
    buffer = statement.buffer if isinstance(statement, Fill) else statement.target
    size = buffer.type.size
    if not isinstance(size, int) or size < LEAST_WORK:
        return statement
    i = Symbol("i", "index")
    value = (
        statement.value if isinstance(statement, Fill) else Load(Ref(statement.source, i.expr()))
    )
    store = Store(Ref(buffer, i.expr()), value, statement.node)
    return Loop(i, 0, size, [store], node=statement.node, chunk=_turns_of_chunk(size, size))


def _turns(loop: Loop, around: Bounds) -> int | None:
    """Return the greatest number of turns."""
    found = extremes(loop.stop - loop.start, around)
    return None if found is None else -(-found[1] // loop.step)


def _turns_of_chunk(turns: int, total: int, most: int = MOST_CHUNKS) -> int:
    """Return how many turns one chunk has."""
    chunks = max(2, min(most, turns, total // CHUNK_WORK))
    return -(-turns // chunks)


def _chunked(loop: Loop, sums: Sums, turns: int, total: int) -> list[Stmt]:
    """Return the loop in chunks; nothing where that may not be, or would cost too much."""
    if not (sums.adds or sums.scratch):
        loop.chunk = _turns_of_chunk(turns, total)
        return [loop]
    if sums.adds and loop.symbol.role != "index":
        return []  # in the user's own loops the order of a sum counts
    length: Dim = loop.stop - loop.start
    extra = sum(size for _, _, size in sums.memory.values())
    most = min(MOST_CHUNKS, total // (_PART_OF_WORK * 2 * max(extra, 1)))
    scratch = sum(_room(buffer) for buffer in sums.scratch)
    if scratch:
        near = max(LEAST_CHUNKS, SCRATCH_NEAR // scratch)
        most = min(most, SCRATCH_CHUNKS, near, SCRATCH_BYTES // scratch)
    if not isinstance(length, int) or most < LEAST_CHUNKS:
        return []
    return in_chunks(loop, sums, turns, _turns_of_chunk(turns, total, most))


def _room(buffer: Buffer) -> int:
    """Return the bytes of a buffer."""
    assert isinstance(buffer.room, int)
    return buffer.room * buffer.type.dtype.itemsize
