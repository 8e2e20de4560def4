"""Rewrite nests for speed: one loop instead of two where memory allows, reductions in lanes."""

from gradc.kernels.blocks import run_in_blocks
from gradc.kernels.collapse import collapse
from gradc.kernels.lanes import use_lanes
from gradc.kernels.nest import If, Loop, Stage, Stmt, While

__all__ = ["schedule"]


def schedule(stages: list[Stage]) -> list[Stage]:
    """Return the stages with their loops rewritten."""
    return [
        Stage(_rewrite(stage.body), stage.nodes, stage.section) for stage in run_in_blocks(stages)
    ]


def _rewrite(body: list[Stmt]) -> list[Stmt]:
    result: list[Stmt] = []
    for statement in body:
        if isinstance(statement, Loop) and statement.symbol.role == "index":
            result += _loop(collapse(statement))
        elif isinstance(statement, Loop | While):
            statement.body = _rewrite(statement.body)
            result.append(statement)
        elif isinstance(statement, If):
            statement.then, statement.otherwise = map(
                _rewrite, (statement.then, statement.otherwise)
            )
            result.append(statement)
        else:
            result.append(statement)
    return result


def _loop(loop: Loop) -> list[Stmt]:
    if any(isinstance(s, Loop) for s in loop.body):
        inner = _rewrite(loop.body)
        return [Loop(loop.symbol, loop.start, loop.stop, inner, loop.step)]
    return use_lanes(loop)
