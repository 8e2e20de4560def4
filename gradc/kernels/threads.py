"""Mark the loops that several threads may share.

A loop whose turns do not depend on each other (``independent``) and that does enough work is cut
into chunks: ``Loop.chunk`` turns are one thread's share.  What all turns add up is added up by each
chunk for itself, and then chunk by chunk (``partial``).  Chunks follow from the sizes alone, so no
result depends on how many threads there are, or whether there are any.

Outer loops are asked first.  A loop that must run in order, such as one over time steps, may hold
loops that are shared; small loops stay as they are, and so do those that are a small part of what
could be shared: the copies before a loop over time steps are no more than one of its turns.
"""

from collections.abc import Mapping

from gradc.ir import Dim, Symbol
from gradc.kernels.cost import turns_of, work
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
from gradc.records import dataclass

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
REST = 64
"""Of all that could be shared, so small a part together may stay with one thread."""
_PART_OF_WORK = 8
"""Adding up what chunks have added up may cost so small a part of the work."""
SCRATCH_CHUNKS, SCRATCH_BYTES = 16, 1 << 23
"""Chunks that have memory of their own are fewer, and so much they may have together."""
SCRATCH_SMALL = 1 << 12
"""Memory of a chunk that is no reason for fewer chunks."""
SCRATCH_NEAR = 1 << 19
"""What stays in the caches when one thread goes from chunk to chunk."""


def share_loops(stages: list[Stage]) -> list[Stage]:
    """Return the stages with large independent loops cut into chunks."""
    share = _Share(count_uses(s for stage in stages for s in stage.body))
    for stage in stages:
        share.find(stage.body, {}, 1)
    share.choose()
    return [Stage(share.body(stage.body), stage.nodes, stage.section) for stage in stages]


@dataclass(frozen=True, slots=True)
class _Found:
    """A statement that may be shared: about its work in all runs, and how it is cut."""

    statement: Loop | Fill | Copy
    work: int
    turns: int
    grain: int
    sums: Sums | None = None

    def shared(self) -> list[Stmt]:
        """Return the statement in chunks."""
        if not isinstance(self.statement, Loop):
            return [_whole(self.statement, self.turns, self.grain)]
        if self.sums is not None and (self.sums.adds or self.sums.scratch):
            return in_chunks(self.statement, self.sums, self.turns, self.grain)
        self.statement.chunk = self.grain
        return [self.statement]


class _Share:
    """Goes through all loops; ``uses`` says how many statements touch a buffer."""

    def __init__(self, uses: Mapping[Buffer, int]) -> None:
        self.uses = uses
        self.found: dict[int, _Found] = {}

    def find(self, body: list[Stmt], around: Bounds, times: int) -> None:
        """Find the statements among some, which run so many times, and in them to share."""
        for statement in body:
            if isinstance(statement, Round):
                around = {**around, statement.symbol: (0, statement.dim)}
            elif isinstance(statement, Loop):
                self._loop(statement, around, times)
            elif isinstance(statement, Fill | Copy):
                size = _buffer(statement).type.size
                if isinstance(size, int) and size >= LEAST_WORK:
                    grain = _turns_of_chunk(size, size)
                    self._note(_Found(statement, times * size, size, grain))
            elif isinstance(statement, While):
                self.find(statement.body, around, times * REST)
            elif isinstance(statement, If):
                self.find(statement.then, around, times)
                self.find(statement.otherwise, around, times)

    def _loop(self, loop: Loop, around: Bounds, times: int) -> None:
        """Find that a loop may be shared, or those inside it that are worth it."""
        total = work(loop, around)
        if total < LEAST_WORK:
            return
        turns = _turns(loop, around)
        if turns is not None and turns >= 2:
            inner = turns < FEW_TURNS and total >= turns * LEAST_WORK
            sums = None if inner else sums_between_turns(loop, around, self.uses)
            grain = None if sums is None else _grain(loop, sums, turns, total)
            if grain is not None:
                self._note(_Found(loop, times * total, turns, grain, sums))
                return
        inside = {**around, loop.symbol: bounds_of(loop)}
        self.find(loop.body, inside, times * _often(turns_of(loop, around)))

    def _note(self, found: _Found) -> None:
        self.found[id(found.statement)] = found

    def choose(self) -> None:
        """Forget the smallest statements, as long as they are a small part of all together."""
        rest = sum(found.work for found in self.found.values()) // REST
        for key, found in sorted(self.found.items(), key=lambda item: item[1].work):
            rest -= found.work
            if rest < 0:
                break
            del self.found[key]

    def body(self, body: list[Stmt]) -> list[Stmt]:
        """Return statements with what was found among them and in them shared."""
        result: list[Stmt] = []
        for statement in body:
            found = self.found.get(id(statement))
            if found is not None:
                result += found.shared()
                continue
            if isinstance(statement, Loop | While):
                statement.body = self.body(statement.body)
            elif isinstance(statement, If):
                statement.then = self.body(statement.then)
                statement.otherwise = self.body(statement.otherwise)
            result.append(statement)
        return result


def _often(turns: int) -> int:
    """Return what so many turns count for: all above a few the same, so the code is the same."""
    return turns if turns < FEW_TURNS else REST


def _buffer(statement: Fill | Copy) -> Buffer:
    return statement.buffer if isinstance(statement, Fill) else statement.target


def _whole(statement: Fill | Copy, size: int, grain: int) -> Stmt:
    """Return a fill or copy of a whole buffer as a loop in chunks."""
    i = Symbol("i", "index")
    value = (
        statement.value if isinstance(statement, Fill) else Load(Ref(statement.source, i.expr()))
    )
    store = Store(Ref(_buffer(statement), i.expr()), value, statement.node)
    return Loop(i, 0, size, [store], node=statement.node, chunk=grain)


def _turns(loop: Loop, around: Bounds) -> int | None:
    """Return the greatest number of turns."""
    found = extremes(loop.stop - loop.start, around)
    return None if found is None else -(-found[1] // loop.step)


def _turns_of_chunk(turns: int, total: int, most: int = MOST_CHUNKS) -> int:
    """Return how many turns one chunk has."""
    chunks = max(2, min(most, turns, total // CHUNK_WORK))
    return -(-turns // chunks)


def _grain(loop: Loop, sums: Sums, turns: int, total: int) -> int | None:
    """Return the turns of one chunk; None where that may not be, or would cost too much."""
    if not (sums.adds or sums.scratch):
        return _turns_of_chunk(turns, total)
    if sums.adds and loop.symbol.role != "index":
        return None  # in the user's own loops the order of a sum counts
    length: Dim = loop.stop - loop.start
    extra = sum(size for _, _, size in sums.memory.values())
    most = min(MOST_CHUNKS, total // (_PART_OF_WORK * 2 * max(extra, 1)))
    scratch = sum(_room(buffer) for buffer in sums.scratch)
    if scratch:
        near = max(LEAST_CHUNKS, SCRATCH_NEAR // scratch)
        own = scratch + 8 * extra
        few = MOST_CHUNKS if own <= SCRATCH_SMALL else SCRATCH_CHUNKS
        most = min(most, few, near, SCRATCH_BYTES // scratch)
    if not isinstance(length, int) or most < LEAST_CHUNKS:
        return None
    return _turns_of_chunk(turns, total, most)


def _room(buffer: Buffer) -> int:
    """Return the bytes of a buffer."""
    assert isinstance(buffer.room, int)
    return buffer.room * buffer.type.dtype.itemsize
