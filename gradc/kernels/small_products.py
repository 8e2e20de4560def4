"""Small products that share a nest are made one by one, each by rows that are added up.

    for i: for j: for k:                    for i: for j: for k: c[i, k] += a[i, j] * b[j, k]
        c[i, k] += a[i, j] * b[j, k]   ->   for j: for i: for k: d[j, k] += e[i, j] * f[i, k]
        d[j, k] += e[i, j] * f[i, k]

What they read is near in any case.  But a nest whose sums are the same in all turns of its middle
loop can add several rows at a time (``jam``), and need not wait for each.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from gradc.ir import DimExpr, Symbol
from gradc.kernels.contraction import LOOP_FLOPS
from gradc.kernels.jam import LEAST
from gradc.kernels.nest import Accumulate, Expr, Let, Local, Loop, Ref, Stmt
from gradc.kernels.walk import loads, with_operands

__all__ = ["chain", "length_of", "one_by_one"]


def chain(statement: Stmt) -> list[Loop]:
    """Return loops of known lengths, each alone in the one before."""
    loops: list[Loop] = []
    while isinstance(statement, Loop) and statement.symbol.role == "index":
        if statement.start != 0 or statement.step != 1 or not isinstance(statement.stop, int):
            return []
        loops.append(statement)
        if len(statement.body) != 1:
            break
        (statement,) = statement.body
    return loops


def length_of(loop: Loop) -> int:
    """Return the turns of a loop of known length from 0."""
    assert isinstance(loop.stop, int)
    return loop.stop


def one_by_one(statement: Stmt) -> list[Stmt]:
    """Return a nest for each product of a nest of small ones; others as they are."""
    loops = chain(statement)
    if len(loops) != 3 or prod(map(length_of, loops)) > LOOP_FLOPS:
        return [statement]
    sums = _sums(loops[-1])
    orders = [_order(loops, one) for one in sums]
    if len(loops[-1].body) < 2 or not sums or not all(orders):
        return [statement]
    return [_nest(order, one) for order, one in zip(orders, sums, strict=True) if order]


def _sums(loop: Loop) -> list[Accumulate]:
    """Return what a loop adds to memory of its own that it does not read, scalars put in."""
    known: dict[Local, Expr] = {}
    found: list[Accumulate] = []
    for statement in loop.body:
        if isinstance(statement, Let):
            known[statement.local] = _put_in(statement.value, known)
        elif isinstance(statement, Accumulate) and _is_sum(statement):
            found.append(replace(statement, value=_put_in(statement.value, known)))
        else:
            return []
    written = [one.target.buffer for one in found if isinstance(one.target, Ref)]
    read = {ref.buffer for one in found for ref in loads(one)}
    return found if len(set(written)) == len(written) and read.isdisjoint(written) else []


def _is_sum(statement: Accumulate) -> bool:
    target = statement.target
    plain = isinstance(target, Ref) and not target.gathers
    return plain and statement.how == "sum"


def _put_in(expr: Expr, known: dict[Local, Expr]) -> Expr:
    """Replace scalars by what they are; expressions are small, so recursion is safe."""
    if isinstance(expr, Local):
        return known.get(expr, expr)
    return with_operands(expr, lambda part: _put_in(part, known))


def _order(loops: Sequence[Loop], one: Accumulate) -> list[Loop]:
    """Return the loops, the one that a sum does not depend on in the middle; [] without one."""
    assert isinstance(one.target, Ref)
    first, second, inner = loops
    turning = [_holds(one.target, loop.symbol) for loop in loops]
    if turning == [True, False, True]:
        order = [first, second, inner]
    elif turning == [False, True, True]:
        order = [second, first, inner]
    else:
        return []
    return order if length_of(order[1]) >= LEAST else []


def _holds(ref: Ref, symbol: Symbol) -> bool:
    return isinstance(ref.offset, DimExpr) and symbol in ref.offset.symbols


def _nest(order: Sequence[Loop], one: Accumulate) -> Stmt:
    body: list[Stmt] = [one]
    for loop in reversed(order):
        body = [replace(loop, body=body)]
    return body[0]
