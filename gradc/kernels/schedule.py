"""Rewrite nests for speed: one loop instead of two where memory allows, reductions in lanes."""

from dataclasses import replace

from gradc.kernels.abreast import run_abreast
from gradc.kernels.apart import mark_apart
from gradc.kernels.batch import in_lanes
from gradc.kernels.beside import run_beside
from gradc.kernels.blocks import run_in_blocks
from gradc.kernels.collapse import collapse
from gradc.kernels.columns import lay_columns
from gradc.kernels.dead_fills import drop_dead_fills
from gradc.kernels.direct import write_directly
from gradc.kernels.extremes import Bounds
from gradc.kernels.interchange import SWEPT
from gradc.kernels.jam import jam_rows
from gradc.kernels.lanes import use_lanes
from gradc.kernels.nest import If, Loop, Stage, Stmt, While
from gradc.kernels.own_blocks import shrink_blocks
from gradc.kernels.own_rows import shrink_rows
from gradc.kernels.recurrences import shorten_recurrence
from gradc.kernels.restructure import promoted, restructure
from gradc.kernels.row_fills import fill_by_rows
from gradc.kernels.running_sums import in_running_lanes, running_sums
from gradc.kernels.small_columns import copy_columns
from gradc.kernels.strips import run_in_strips
from gradc.kernels.sums import as_sums
from gradc.kernels.sweeps import join_sweeps
from gradc.kernels.teams import run_in_teams
from gradc.kernels.unread import drop_unread
from gradc.kernels.widen import widen_truths

__all__ = ["schedule"]


def schedule(stages: list[Stage]) -> list[Stage]:
    """Return the stages with their loops rewritten."""
    stages = [
        Stage(join_sweeps(drop_dead_fills(stage.body)), stage.nodes, stage.section)
        for stage in _near(lay_columns(run_beside(write_directly(stages))))
    ]
    ordered = [
        Stage(_ordered(stage.body), stage.nodes, stage.section) for stage in in_lanes(stages)
    ]
    ordered = widen_truths(drop_unread(ordered))
    found = [
        Stage(_rewrite(stage.body, {}), stage.nodes, stage.section)
        for stage in run_in_teams(ordered)
    ]
    found = [Stage(fill_by_rows(stage.body), stage.nodes, stage.section) for stage in found]
    return mark_apart(found)


def _near(stages: list[Stage]) -> list[Stage]:
    """Keep what several stages share in the caches, and what no other needs small."""
    return shrink_rows(shrink_blocks(run_in_blocks(run_in_strips(stages))))


def _ordered(body: list[Stmt]) -> list[Stmt]:
    return promoted(copy_columns(restructure(_joined(as_sums(running_sums(body))))))


def _joined(body: list[Stmt]) -> list[Stmt]:
    """Join sweeps inside the statements that are no nests themselves."""
    for statement in body:
        if isinstance(statement, If):
            statement.then = _joined(join_sweeps(statement.then))
            statement.otherwise = _joined(join_sweeps(statement.otherwise))
        elif isinstance(statement, While) or (
            isinstance(statement, Loop) and statement.symbol.role != "index"
        ):
            statement.body = _joined(join_sweeps(statement.body))
    return body


def _rewrite(body: list[Stmt], bounds: Bounds) -> list[Stmt]:
    result: list[Stmt] = []
    for statement in body:
        if isinstance(statement, Loop) and statement.symbol.role == "index":
            result += _loop(collapse(statement), bounds)
        elif isinstance(statement, Loop) and statement.symbol.role == SWEPT:
            result += _loop(statement, bounds)
        elif isinstance(statement, Loop | While):
            statement.body = _rewrite(statement.body, _inside(statement, bounds))
            result += _users(statement, bounds) if isinstance(statement, Loop) else [statement]
        elif isinstance(statement, If):
            statement.then = _rewrite(statement.then, bounds)
            statement.otherwise = _rewrite(statement.otherwise, bounds)
            result.append(statement)
        else:
            result.append(statement)
    return result


def _users(loop: Loop, bounds: Bounds) -> list[Stmt]:
    """Rewrite a loop of the user."""
    return in_running_lanes(loop, bounds) or shorten_recurrence(loop)


def _loop(loop: Loop, bounds: Bounds) -> list[Stmt]:
    if any(isinstance(s, Loop) for s in loop.body):
        rows = jam_rows(loop)
        parts = rows if len(rows) > 1 or rows[0] is not loop else run_abreast(loop, bounds)
        return [_nested(s, bounds) if isinstance(s, Loop) else s for s in parts]
    return use_lanes(loop, bounds)


def _nested(loop: Loop, bounds: Bounds) -> Loop:
    return replace(loop, body=_rewrite(loop.body, _inside(loop, bounds)))


def _inside(loop: Loop | While, bounds: Bounds) -> Bounds:
    """Return the bounds that hold in a loop's body."""
    if isinstance(loop, While):
        return bounds
    first, last = (loop.stop + 1, loop.start) if loop.step < 0 else (loop.start, loop.stop - 1)
    return {**bounds, loop.symbol: (first, last)}
