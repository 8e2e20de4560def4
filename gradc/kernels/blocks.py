"""Run stages that walk over the same rows block by block, while a block is in the caches.

    for i < n: z[i] = X[i] @ w          for b < n step B:
    for i < n: c[i] = f(z[i])    ->         for i in b .. b + B: z[i] = X[i] @ w
    for i < n: g += c[i] * X[i]             for i in b .. b + B: c[i] = f(z[i])
                                            for i in b .. b + B: g += c[i] * X[i]

Two stages may be run so when every element that one of them writes and the other touches belongs to
one turn of the outer loop in both: turn i of the later stage then needs turn i of the earlier one
only.  It pays where what they share is larger than the nearest caches.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import TypeAlias

from gradc.ir import Dim, DimExpr, Symbol
from gradc.kernels.nest import (
    LANES,
    Accumulate,
    Assign,
    Buffer,
    Declare,
    Let,
    Local,
    Loop,
    Ref,
    Stage,
    Stmt,
    Store,
)
from gradc.kernels.walk import (
    loads,
    map_statement,
    nested,
    replace_symbols,
    scalars_read,
    statements,
    uses,
)
from gradc.records import dataclass

__all__ = ["BLOCK", "CACHE_BYTES", "ROW", "Window", "joined", "run_in_blocks", "windows_of"]

CACHE_BYTES = 1 << 18
"""Shared memory from which blocks pay."""
BLOCK_BYTES = 1 << 15
"""Shared memory that one block should touch."""
MOST_ROWS = 1024
WINDOW = 6
"""How far a stage may move forward."""

LARGE_BYTES = 1 << 22
"""Shared memory from which going row by row pays: more than stays in the caches by itself."""
TILED_BYTES = 1 << 20
"""The same where sums are in registers: then it is memory that is waited for."""
FEW_TURNS, MANY_TURNS = 4, 4 * LANES
"""Turns from which stages are merged: fewer suffice where sums are in registers."""
ROW_BYTES = 1 << 18
"""Longest row that is still there when the next stage comes to it."""

Window: TypeAlias = tuple[int, int, int]
"""How far one turn moves, and the first and last element of turn 0."""

BLOCK = Symbol("block", "index")
"""The index of loops over blocks: the first row of one."""
ROW = Symbol("row", "index")
"""The index of loops that do in each turn what several stages do with one row."""


@dataclass(slots=True, eq=False)
class Rows:
    """A stage as one outer loop with what stands before and after it.

    ``windows`` says, for each buffer, how far one turn moves and which elements a turn touches:
    (stride, least, greatest), or None where turns overlap; ``writes`` are the buffers it changes.
    ``late`` are the scalars known only after the loop, ``read`` those that the stage reads.
    """

    stage: Stage
    head: list[Stmt]
    loop: Loop
    tail: list[Stmt]
    windows: dict[Buffer, Window | None]
    writes: set[Buffer]
    outer: dict[Buffer, bool]
    late: set[Local] = field(init=False)
    read: set[Local] = field(init=False)

    def __post_init__(self) -> None:
        """Look through the statements once, not for every stage that may join."""
        self.late = _late_locals(self.loop, self.tail)
        self.read = set(scalars_read(self.stage.body))

    @property
    def turns(self) -> int:
        """Number of turns of the outer loop."""
        assert isinstance(self.loop.stop, int)
        return self.loop.stop


@dataclass(slots=True, eq=False)
class Facts:
    """A stage with the buffers it touches (and whether it writes them) and its scalars."""

    stage: Stage
    rows: Rows | None
    touched: dict[Buffer, bool]
    made: set[Local]
    read: set[Local]


def run_in_blocks(stages: list[Stage]) -> list[Stage]:
    """Return the stages with those merged where that saves passes over memory.

    A stage may move before up to ``WINDOW`` others that it does not depend on.
    """
    result: list[Stage] = []
    pending = deque(_facts(stage) for stage in stages)
    while pending:
        first = pending.popleft()
        if first.rows is None:
            result.append(first.stage)
            continue
        run, skipped = [first.rows], list[Facts]()
        while pending and len(skipped) < WINDOW:
            facts = pending.popleft()
            free = facts.rows is not None and not any(_depend(facts, one) for one in skipped)
            if free and facts.rows is not None and _fits(run, facts.rows):
                run.append(facts.rows)
            else:
                skipped.append(facts)
        pending.extendleft(reversed(skipped))
        result += _close(run)
    return result


def _facts(stage: Stage) -> Facts:
    touched: dict[Buffer, bool] = {}
    for statement in statements(stage.body):
        for buffer, written in uses(statement):
            touched[buffer] = touched.get(buffer, False) or written
    made = {s.local for s in stage.body if isinstance(s, Let | Declare)}
    return Facts(stage, _rows(stage), touched, made, set(scalars_read(stage.body)))


def _depend(later: Facts, earlier: Facts) -> bool:
    """Tell whether two stages must keep their order."""
    if earlier.made & later.read:
        return True
    both = later.touched.keys() & earlier.touched.keys()
    return any(later.touched[buffer] or earlier.touched[buffer] for buffer in both)


# reading a stage


def _rows(stage: Stage) -> Rows | None:
    """Take a stage apart; None where it is not a single outer loop."""
    places = [k for k, s in enumerate(stage.body) if nested(s)]
    if len(places) != 1:
        return None
    loop = stage.body[places[0]]
    if not isinstance(loop, Loop) or loop.symbol.role != "index":
        return None
    if loop.start != 0 or loop.step != 1:
        return None
    if not isinstance(loop.stop, int) or loop.stop < FEW_TURNS:
        return None
    head, tail = stage.body[: places[0]], stage.body[places[0] + 1 :]
    windows = windows_of(loop)
    writes = {b for s in statements(stage.body) for b, written in uses(s) if written}
    outer: dict[Buffer, bool] = {}
    for statement in (*head, *tail):
        for buffer, written in uses(statement):
            outer[buffer] = outer.get(buffer, False) or written
    return Rows(stage, head, loop, tail, windows, writes, outer)


def windows_of(loop: Loop) -> dict[Buffer, Window | None]:
    """Return for each buffer how far a turn moves, and the first and last element of turn 0.

    None stands for elements that turns may share.
    """
    windows: dict[Buffer, Window | None] = {}
    for ref, known in _references([loop], {}):
        window = _window(ref.offset, loop.symbol, known) if not ref.gathers else None
        windows[ref.buffer] = joined(windows.get(ref.buffer, window), window)
    for statement in statements([loop]):
        for buffer, _ in uses(statement):
            windows.setdefault(buffer, None)
    return windows


_Known = dict[Symbol, tuple[int, int]]


def _references(body: Iterable[Stmt], known: _Known) -> Iterator[tuple[Ref, _Known]]:
    """Yield the elements that statements touch, with the bounds of the inner loops."""
    for statement in body:
        for ref in loads(statement):
            yield ref, known
        if isinstance(statement, Store):
            yield statement.ref, known
        elif isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
            yield statement.target, known
        inside = known
        if isinstance(statement, Loop):
            if not isinstance(statement.start, int) or not isinstance(statement.stop, int):
                continue
            inside = {**known, statement.symbol: (statement.start, _last(statement))}
        for inner in nested(statement):
            yield from _references(inner, inside)


def _last(loop: Loop) -> int:
    """Return the greatest value of a symbol, or the least one of a loop that runs down."""
    assert isinstance(loop.start, int)
    assert isinstance(loop.stop, int)
    if loop.step < 0:
        return loop.stop + 1
    return loop.start + (loop.stop - 1 - loop.start) // loop.step * loop.step


def _window(offset: Dim, symbol: Symbol, known: _Known) -> Window | None:
    """Return (stride, least, greatest) of an affine offset at turn 0."""
    if not isinstance(offset, DimExpr):
        return 0, offset, offset
    stride = low = high = 0
    for monomial, factor in offset.terms:
        if monomial == ((symbol, 1),):
            stride = factor
            continue
        if any(power != 1 or s not in known for s, power in monomial) or len(monomial) > 1:
            return None
        ends = [factor * bound for s, _ in monomial for bound in known[s]] or [factor]
        low, high = low + min(ends), high + max(ends)
    return stride, low, high


def joined(a: Window | None, b: Window | None) -> Window | None:
    """Return the window of both; None where turns move differently."""
    if a is None or b is None or a[0] != b[0]:
        return None
    return a[0], min(a[1], b[1]), max(a[2], b[2])


# what goes together


def _fits(run: list[Rows], rows: Rows) -> bool:
    """Tell whether the stage shares memory with the run and needs its own turns only."""
    if rows.turns != run[0].turns:
        return False
    shared = {b for other in run for b in rows.windows.keys() & other.windows.keys()}
    if rows.turns < MANY_TURNS:
        tiles = any(map(_is_in_tiles, (*run, rows)))
        shared = {b for b in shared if tiles and _nbytes(b) >= TILED_BYTES}
    return bool(shared) and all(_independent(other, rows) for other in run)


def _independent(first: Rows, second: Rows) -> bool:
    if first.late & second.read:
        return False
    for buffer in first.windows.keys() & second.windows.keys():
        if buffer in first.writes or buffer in second.writes:
            window = joined(first.windows[buffer], second.windows[buffer])
            if window is None or window[2] - window[1] >= abs(window[0]):
                return False
    return not (_clash(first, second, first.tail) or _clash(second, first, second.head))


def _clash(owner: Rows, other: Rows, part: list[Stmt]) -> bool:
    """Tell whether statements around one loop touch what the other stage changes, or reverse."""
    for statement in part:
        for buffer, written in uses(statement):
            touched = buffer in other.windows or buffer in other.outer
            if touched and (written or buffer in other.writes):
                return True
    return False


def _late_locals(loop: Loop, tail: list[Stmt]) -> set[Local]:
    """Return the scalars that are known only after the loop."""
    late: set[Local] = set()
    for statement in statements([loop, *tail]):
        if isinstance(statement, Accumulate) and isinstance(statement.target, Local):
            late.add(statement.target)
        elif isinstance(statement, Assign):
            late.add(statement.local)
    late.update(s.local for s in tail if isinstance(s, Let))
    return late


# writing the merged stage


def _close(run: list[Rows]) -> list[Stage]:
    if len(run) < 2:
        return [rows.stage for rows in run]
    rows = _block_rows(run)
    if rows:
        return [_merged(run, rows)]
    return [_row_by_row(run)] if _long_rows(run) else [one.stage for one in run]


def _block_rows(run: list[Rows]) -> int:
    """Return the number of turns in a block; 0 where blocks do not pay."""
    total = _shared_bytes(run)
    if total < CACHE_BYTES:
        return 0
    turns = run[0].turns
    rows_fitting = BLOCK_BYTES * turns // total
    size = min(1 << max(0, rows_fitting.bit_length() - 1), MOST_ROWS)
    return _even(size, turns) if size >= LANES and turns >= 2 * size else 0


def _even(size: int, turns: int) -> int:
    """Return the size, or a smaller one after which no turns are left: less code to compile."""
    fitting = (s for s in range(size, size // 2 - 1, -LANES) if turns % s == 0)
    return next(fitting, size)


def _shared_bytes(run: list[Rows]) -> int:
    """Return the bytes of what several stages walk over."""
    seen: dict[Buffer, int] = {}
    for rows in run:
        for buffer in rows.windows:
            seen[buffer] = seen.get(buffer, 0) + 1
    shared = [buffer for buffer, count in seen.items() if count > 1]
    moved = [b for b in shared if any(_moves(rows.windows.get(b)) for rows in run)]
    return sum(_nbytes(buffer) for buffer in moved)


def _long_rows(run: list[Rows]) -> bool:
    """Tell whether one row each is worth a turn: too long for blocks, short enough for caches."""
    total = _shared_bytes(run)
    row = total // run[0].turns
    least = TILED_BYTES if any(map(_is_in_tiles, run)) else LARGE_BYTES
    return total >= least and row <= ROW_BYTES and all(map(_has_loop, run))


def _is_in_tiles(rows: Rows) -> bool:
    """Tell whether the stage holds sums in registers, see `gradc.kernels.tiles`."""
    return any(isinstance(s, Loop) and s.step == LANES for s in statements(rows.loop.body))


def _has_loop(rows: Rows) -> bool:
    return any(isinstance(s, Loop) for s in rows.loop.body)


def _row_by_row(run: list[Rows]) -> Stage:
    """Return one loop over rows that does in each turn what all stages do with the row."""
    body: list[Stmt] = []
    for rows in run:
        change = replace_symbols({rows.loop.symbol: ROW.expr()})
        body += [map_statement(s, change) for s in rows.loop.body]
    return _around(run, [Loop(ROW, 0, run[0].turns, body)])


def _nbytes(buffer: Buffer) -> int:
    size = buffer.type.nbytes
    assert isinstance(size, int)
    return size


def _moves(window: Window | None) -> bool:
    return window is not None and window[0] != 0


def _merged(run: list[Rows], size: int) -> Stage:
    turns = run[0].turns
    whole = turns - turns % size
    inside = [_part(rows, BLOCK.expr(), BLOCK.expr() + size) for rows in run]
    loops: list[Stmt] = [Loop(BLOCK, 0, whole, inside, size)]
    if whole < turns:
        loops += [_part(rows, whole, turns) for rows in run]
    return _around(run, loops)


def _around(run: list[Rows], loops: list[Stmt]) -> Stage:
    """Return a stage of loops with what stands before and after those that they replace."""
    body: list[Stmt] = [s for rows in run for s in rows.head]
    body += loops
    body += [s for rows in run for s in rows.tail]
    nodes = tuple(node for rows in run for node in rows.stage.nodes)
    sections = {rows.stage.section for rows in run}
    section = sections.pop() if len(sections) == 1 else "primal and adjoint"
    return Stage(body, nodes, section)


def _part(rows: Rows, start: Dim, stop: Dim) -> Stmt:
    same = replace_symbols({})
    body = [map_statement(s, same) for s in rows.loop.body]
    return Loop(rows.loop.symbol, start, stop, body)
