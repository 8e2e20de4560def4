"""Run loops over time of long vectors strip by strip: a few elements through all turns at a time.

    for t: for i < n: x[i] = f(x[i]); tape[t, i] = x[i]      for b < n step B:
    for t down: for i < n: g += tape[t, i] * z[t, i]    ->     for t: for k < B: x[k], tape[t, k]
                                                               for t down: for k < B: g[lane] +=

Elements that never meet may go their way alone.  Then a strip with its part of the tape stays in
the nearest caches through forward and backward turns, and memory that nothing else touches shrinks
to one strip.  Sums over all elements are added up strip by strip, in lanes, in a fixed order.
"""

from collections.abc import Iterable
from dataclasses import replace

from gradc.ir import ArrayType, Dim, Symbol
from gradc.kernels.nest import (
    LANES,
    Accumulate,
    Buffer,
    Combine,
    Declare,
    Fill,
    Lane,
    Local,
    Loop,
    Number,
    Stage,
    Stmt,
)
from gradc.kernels.strip_facts import survey
from gradc.kernels.strip_moves import Moves, move
from gradc.kernels.strip_parts import Strips
from gradc.kernels.walk import statements, uses

__all__ = ["run_in_strips"]

CACHE_BYTES = 1 << 18
"""Memory that the turns touch from which strips pay."""
STRIP_BYTES = 3 << 14
"""Memory that belongs to one strip, where it can be chosen."""
LEAST, MOST = 64, 1024
"""Elements of a strip."""

_STRIP = Symbol("strip", "index")
_LANE = Symbol("lane", "index")


def run_in_strips(stages: list[Stage]) -> list[Stage]:
    """Return the stages with runs of them replaced by one that works strip by strip."""
    if not any(map(_turns, stages)):
        return stages
    result: list[Stage] = []
    place = 0
    while place < len(stages):
        found = _longest(stages, place)
        if found is None:
            result.append(stages[place])
            place += 1
        else:
            strips, end = found
            result.append(_stage(strips, _contracted(strips, stages, place, end)))
            place = end
    return result


def _turns(stage: Stage) -> bool:
    """Tell whether a stage may go over its elements more than once: in a loop of the user."""
    return any(
        isinstance(s, Loop) and s.node >= 0 and any(isinstance(inner, Loop) for inner in s.body)
        for s in statements(stage.body)
    )


def _longest(stages: list[Stage], place: int) -> tuple[Strips, int] | None:
    """Return the longest run from here that can be cut and gains by it, and where it ends."""
    best: tuple[Strips, int] | None = None
    for end in range(place + 1, len(stages) + 1):
        strips = survey(stages[place:end])
        if strips is None:
            break
        if strips.repeated:
            best = strips, end
    return best if best is not None and _pays(best[0]) else None


def _pays(strips: Strips) -> bool:
    """Tell whether the vectors are long, and the turns touch more than stays near by itself."""
    touched = {b for s in statements(strips.core) for b, _ in uses(s)}
    total = sum(_nbytes(buffer) for buffer in touched)
    return strips.length >= 4 * LEAST and total >= CACHE_BYTES


def _nbytes(buffer: Buffer) -> int:
    size = buffer.type.nbytes
    return size if isinstance(size, int) else 0


def _contracted(
    strips: Strips, stages: list[Stage], place: int, end: int
) -> dict[Buffer, Buffer | None]:
    """Return the buffers that only this run touches: they shrink to the elements of a strip."""
    others = [*stages[:place], *stages[end:]]
    outside = {b for stage in others for s in statements(stage.body) for b, _ in uses(s)}
    outside |= {b for s in (*strips.head, *strips.tail) for b, _ in uses(s)}
    fitting = (b for b in strips.own if b.kind == "temporary" and b not in outside)
    return dict.fromkeys(b for b in fitting if b.most < 0)


def _width(strips: Strips, own: Iterable[Buffer]) -> int:
    """Return how many elements a strip has; a divisor of the length where there is one."""
    share = sum(_nbytes(buffer) for buffer in own) // strips.length or 8
    most = max(LEAST, min(MOST, STRIP_BYTES // share // LANES * LANES))
    fitting = range(most, most // 2, -LANES)
    return next((w for w in fitting if strips.length % w == 0), most)


def _stage(strips: Strips, own: dict[Buffer, Buffer | None]) -> Stage:
    width = _width(strips, own)
    lanes = {total: Local(total.dtype, total.name, total.node) for total in strips.totals}
    shrunk = {b: _shrunk(b, strips.length, width) for b in own}
    body = list(strips.head)
    body += [s for s in strips.fills if s.buffer not in own]
    body += [Declare(lane, Number(0, lane.dtype), LANES) for lane in lanes.values()]
    whole = strips.length - strips.length % width
    body.append(
        Loop(_STRIP, 0, whole, _strip(strips, shrunk, lanes, _STRIP.expr(), width, width), width)
    )
    if whole < strips.length:
        rest = strips.length - whole
        body += _strip(strips, shrunk, lanes, whole, rest, width)
    for total, targets in strips.totals.items():
        sum_ = Combine("sum", lanes[total])
        body += [Accumulate(target, "sum", sum_, total.node) for target in targets]
    sections = {stage.section for stage in strips.stages}
    section = sections.pop() if len(sections) == 1 else "primal and adjoint"
    nodes = tuple(node for stage in strips.stages for node in stage.nodes)
    return Stage([*body, *strips.tail], nodes, section)


def _shrunk(buffer: Buffer, length: int, width: int) -> Buffer:
    size = buffer.type.size
    assert isinstance(size, int)
    kind = ArrayType(buffer.type.dtype, (size // length * width,))
    return Buffer("temporary", kind, buffer.name, node=buffer.node, passing=True)


def _strip(
    strips: Strips,
    shrunk: dict[Buffer, Buffer],
    lanes: dict[Local, Local],
    start: Dim,
    count: int,
    width: int,
) -> list[Stmt]:
    """Return what one strip of ``count`` elements does; memory has room for ``width``."""
    fills: list[Stmt] = [
        Fill(shrunk[s.buffer], s.value, s.node) for s in strips.fills if s.buffer in shrunk
    ]
    moves = Moves(strips, shrunk, start, width)
    return [*strips.renewed(), *fills, *_body(strips.core, moves, lanes, count)]


def _body(body: list[Stmt], moves: Moves, lanes: dict[Local, Local], count: int) -> list[Stmt]:
    result: list[Stmt] = []
    waiting: list[Loop] = []
    for statement in body:
        if moves.strips.is_lane(statement):
            assert isinstance(statement, Loop)
            waiting.append(statement)
            continue
        result += _elements(waiting, moves, lanes, count)
        waiting = []
        if isinstance(statement, Loop):
            inner = _body(statement.body, moves, lanes, count)
            result.append(replace(statement, body=inner))
        elif statement not in moves.strips.sums:
            result.append(move(statement, moves, None, 0))
    return result + _elements(waiting, moves, lanes, count)


def _elements(loops: list[Loop], moves: Moves, lanes: dict[Local, Local], count: int) -> list[Stmt]:
    """Return one loop over the elements of a strip that does what several did."""
    if not loops:
        return []
    symbol = loops[0].symbol
    adds = any(isinstance(s, Accumulate) and s.target in lanes for one in loops for s in one.body)
    if not adds:
        turn = _turn(loops, moves, lanes, symbol.expr())
        return [Loop(symbol, 0, count, turn, apart=True)]
    result: list[Stmt] = []
    whole = count - count % LANES
    if whole:
        turn = _turn(loops, moves, lanes, symbol.expr() + _LANE.expr())
        result.append(Loop(symbol, 0, whole, [Loop(_LANE, 0, LANES, turn, apart=True)], LANES))
    if whole < count:
        turn = _turn(loops, moves, lanes, _LANE.expr() + whole)
        result.append(Loop(_LANE, 0, count - whole, turn, apart=True))
    return result


def _turn(loops: list[Loop], moves: Moves, lanes: dict[Local, Local], here: Dim) -> list[Stmt]:
    result: list[Stmt] = []
    for loop in loops:
        for statement in loop.body:
            moved = move(statement, moves, loop.symbol, here)
            if isinstance(moved, Accumulate) and moved.target in lanes:
                assert isinstance(moved.target, Local)
                target = Lane(lanes[moved.target], _LANE)
                moved = Accumulate(target, moved.how, moved.value, moved.node)
            result.append(moved)
    return result
