"""Numbers that a loop only adds to are sums: they may be added up in lanes, as the others are.

    s = 0                                       s = 0
    for j:                                      for j:
        t = s + a[j] * b[j]           ->            s += a[j] * b[j]
        s = t

A sum that an inner loop starts from the outer one's, and hands back, is the outer one's as well.
Where the turns of a loop touch elements of their own besides, they run forwards in lanes.
"""

from collections import Counter
from dataclasses import replace

from gradc.kernels.apart import turns_are_apart
from gradc.kernels.extremes import Bounds
from gradc.kernels.lanes import use_lanes
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Declare,
    Expr,
    If,
    Let,
    Local,
    Loop,
    Stmt,
    While,
)
from gradc.kernels.walk import nested, scalars_read, statements

__all__ = ["in_running_lanes", "running_sums"]


def running_sums(body: list[Stmt]) -> list[Stmt]:
    """Return the statements with such numbers as sums, in place."""
    for statement in body:
        for inner in nested(statement):
            inner[:] = running_sums(inner)
        if isinstance(statement, Loop):
            statement.body = _handed_back(statement.body)
            statement.body = _summed(statement)
    return body


def in_running_lanes(loop: Loop, bounds: Bounds) -> list[Stmt] | None:
    """Return an innermost loop of the user with its sums in lanes; None where it has none."""
    sums = {
        s.target for s in loop.body if isinstance(s, Accumulate) and isinstance(s.target, Local)
    }
    if not sums or sums & set(scalars_read(loop.body)) or not turns_are_apart(loop):
        return None
    forwards = _forwards(loop)
    found = [] if forwards is None else use_lanes(forwards, bounds)
    return found if len(found) > 1 else None


def _forwards(loop: Loop) -> Loop | None:
    """Return a loop whose turns may run in any order from its lowest one on."""
    if abs(loop.step) != 1:
        return None
    low, end = (loop.start, loop.stop) if loop.step == 1 else (loop.stop + 1, loop.start + 1)
    return Loop(loop.symbol, low, end, loop.body, 1, loop.node, apart=True)


# numbers as sums


def _summed(loop: Loop) -> list[Stmt]:
    """Return a loop's statements with the numbers of the outside that they add to as sums."""
    made = {s.local for s in loop.body if isinstance(s, Let | Declare)}
    used = Counter(scalars_read(loop.body))
    result = loop.body
    for last in [s for s in loop.body if isinstance(s, Assign)]:
        if last.local not in made and last.local.dtype.kind == "f" and used[last.local] == 1:
            result = _as_sum(result, last, used)
    return result


def _as_sum(body: list[Stmt], last: Assign, used: Counter[Local]) -> list[Stmt]:
    """Rewrite ``t = s + x; s = t``, where nothing else in the loop knows s or t."""
    if sum(_sets(s, last.local) for s in statements(body)) != 1:
        return body
    place, value = body.index(last), last.value
    if isinstance(value, Local):
        if used[value] != 1:
            return body
        local = value
        place = next((k for k, s in enumerate(body) if _makes(s, local)), -1)
        let = body[place] if place >= 0 else last
        value = let.value if isinstance(let, Let) else value
    rest = _rest(value, last.local)
    if rest is None:
        return body
    new = Accumulate(last.local, "sum", rest, last.local.node)
    kept = [new if k == place else s for k, s in enumerate(body)]
    return [s for s in kept if s is not last]


def _makes(statement: Stmt, local: Local) -> bool:
    return isinstance(statement, Let) and statement.local is local


def _sets(statement: Stmt, local: Local) -> bool:
    if isinstance(statement, Accumulate):
        return statement.target is local
    return isinstance(statement, Assign) and statement.local is local


def _rest(value: Expr, carry: Local) -> Expr | None:
    """Return what is added to a carry; None where something else is done with it."""
    if not isinstance(value, Apply) or value.op.name != "add" or value.dtype != carry.dtype:
        return None
    left, right = value.args
    if carry not in (left, right):
        return None
    return right if left is carry else left


# sums that an inner loop takes over


def _handed_back(body: list[Stmt]) -> list[Stmt]:
    """Return the statements of a turn without second names of a sum of the outside."""
    used = Counter(scalars_read(body))
    result = body
    for last in [s for s in body if isinstance(s, Assign) and isinstance(s.value, Local)]:
        inner = last.value
        assert isinstance(inner, Local)
        first = next((s for s in body if isinstance(s, Declare) and s.local is inner), None)
        if first is None or first.lanes or first.value is not last.local or used[inner] != 1:
            continue
        if used[last.local] == 1 and _only_adds(result, first, last):
            result = [
                _renamed(s, inner, last.local) for s in result if s is not first and s is not last
            ]
    return result


def _only_adds(body: list[Stmt], first: Declare, last: Assign) -> bool:
    """Tell whether all that is done under an inner name is to add."""
    outer = [s for s in statements(body) if _sets(s, last.local)]
    inner = [s for s in statements(body) if _sets(s, first.local)]
    adding = all(isinstance(s, Accumulate) and s.how == "sum" for s in inner)
    return outer == [last] and adding and body.index(first) < body.index(last)


def _renamed(statement: Stmt, old: Local, new: Local) -> Stmt:
    if isinstance(statement, Accumulate) and statement.target is old:
        return replace(statement, target=new)
    if isinstance(statement, If):
        statement.then = [_renamed(s, old, new) for s in statement.then]
        statement.otherwise = [_renamed(s, old, new) for s in statement.otherwise]
    elif isinstance(statement, Loop | While):
        statement.body = [_renamed(s, old, new) for s in statement.body]
    return statement
