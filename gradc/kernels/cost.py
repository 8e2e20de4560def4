"""Counts that say what a unit will cost: never times."""

from gradc.ir import Dim
from gradc.kernels.extremes import Bounds, extremes
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Call,
    Copy,
    Fill,
    Least,
    Load,
    Loop,
    MatMul,
    Ref,
    Round,
    Stage,
    Stmt,
    Store,
    Unit,
)
from gradc.kernels.placement import MATH, op_cost
from gradc.kernels.walk import expressions, nested, subexpressions
from gradc.records import dataclass

__all__ = ["Cost", "count", "turns_of", "work"]

_CALL = 16
"""Operations that a math function counts for."""


@dataclass(slots=True)
class Cost:
    """What a unit does.

    Attributes
    ----------
    stages, sweeps : int
        Stages, and outermost loops, fills, copies and products in them.
    loads, stores : int
        Elements read and written by loops, fills and copies.
    calls, flops : int
        Math functions and other operations evaluated by loops; products count in ``flops``.
    products : int
        Matrix products.
    arena : int
        Bytes of temporary memory.
    """

    stages: int = 0
    sweeps: int = 0
    loads: int = 0
    stores: int = 0
    calls: int = 0
    flops: int = 0
    products: int = 0
    arena: int = 0


def count(unit: Unit) -> Cost:
    """Count what a unit does when its extents are known.

    A loop with a condition counts as one turn, and both branches of a condition count.
    """
    cost = Cost(stages=len(unit.stages), arena=unit.plan.arena_bytes)
    for stage in unit.stages:
        cost.sweeps += _sweeps(stage)
        _body(stage.body, 1, cost, {})
    return cost


def work(statement: Stmt, bounds: Bounds, call: int = _CALL) -> int:
    """Return about how many operations a statement does; ``bounds`` are those of loops around.

    A call of a math function counts for ``call`` of them.
    """
    cost = Cost()
    _body([statement], 1, cost, bounds)
    return cost.loads + cost.stores + cost.flops + call * cost.calls


def _sweeps(stage: Stage) -> int:
    return sum(isinstance(s, Loop | Fill | Copy | MatMul | Call) for s in stage.body)


def _body(body: list[Stmt], times: int, cost: Cost, bounds: Bounds) -> None:
    for statement in body:
        turns, inside = times, bounds
        if isinstance(statement, Round):
            bounds = {**bounds, statement.symbol: (0, statement.dim)}
        elif isinstance(statement, Least):
            bounds = {**bounds, statement.symbol: (statement.a, statement.a)}
        elif isinstance(statement, Loop):
            turns *= turns_of(statement, bounds)
            inside = {**bounds, statement.symbol: (statement.start, statement.stop - 1)}
        for inner in nested(statement):
            _body(inner, turns, cost, inside)
        _statement(statement, times, cost, bounds)


def turns_of(loop: Loop, bounds: Bounds) -> int:
    """Return the turns of a loop: the mean of the least and the greatest number where they vary.

    A loop without bounds counts as one turn.
    """
    found = extremes(loop.stop - loop.start, bounds)
    if found is None:
        return 1
    if loop.step < 0:
        found = -found[1], -found[0]
    least, greatest = (max(0, -(-length // abs(loop.step))) for length in found)
    return (least + greatest) // 2


def _statement(statement: Stmt, times: int, cost: Cost, bounds: Bounds) -> None:
    for expr in expressions(statement):
        for part in subexpressions(expr):
            cost.loads += times * isinstance(part, Load)
            if isinstance(part, Apply):
                _apply(part, times, cost)
    if isinstance(statement, Store):
        cost.stores += times
    elif isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
        cost.loads += times
        cost.stores += times
    elif isinstance(statement, Fill):
        cost.stores += times * _mean(statement.buffer.type.size, bounds)
    elif isinstance(statement, Copy):
        cost.loads += times * _mean(statement.target.type.size, bounds)
        cost.stores += times * _mean(statement.target.type.size, bounds)
    elif isinstance(statement, MatMul):
        cost.products += times
        cost.flops += 2 * times * _mean(statement.m * statement.n * statement.k, bounds)


def _mean(dim: Dim, bounds: Bounds) -> int:
    """Return the mean of the least and the greatest value of a size; 0 where it has no bounds."""
    least, greatest = extremes(dim, bounds) or (0, 0)
    return (least + greatest) // 2


def _apply(part: Apply, times: int, cost: Cost) -> None:
    functions = op_cost(part.op, part.operand_dtype.kind) // MATH
    cost.calls += times * functions
    cost.flops += times * (not functions)
