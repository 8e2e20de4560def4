"""Turns of an outer loop abreast: what they share is read and written once for four of them.

    for j < n:                               for j < n - n % 4 step 4:
        c = C[j]                                 c0 = C[j]; c1 = C[j + 1]; c2 = ...; c3 = ...
        for k: s[k] += c * A[j, k]      ->       for k: s[k] += (c0 * A[j, k] + c1 * ...) + (...)
               G[j, k] += c * t[k]                      G[j, k] += c0 * t[k]
                                                        G[j + 1, k] += c1 * t[k]; ...

The turns that are left over run one by one.  So it is done where the parts of a turn may run one
after the other for all turns, each with the inner loop outside: then every order of four is right
as well.  Sums that turns share are added up in an order that the sizes fix.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradc.ir import Dim, DimExpr, Symbol, op_named
from gradc.kernels.copies import Changes
from gradc.kernels.dependence import Span, Touch, Unit, is_legal, span_of, touches
from gradc.kernels.expand import locals_made
from gradc.kernels.extremes import Bounds, extremes
from gradc.kernels.interchange import strides
from gradc.kernels.nest import (
    LANES,
    Accumulate,
    Apply,
    Assign,
    Declare,
    Expr,
    Let,
    Local,
    Loop,
    Ref,
    Round,
    Stmt,
    Store,
)
from gradc.kernels.walk import loads

__all__ = ["fresh", "is_plain", "only_inner", "run_abreast", "together"]

TURNS = 4
LEAST = 2 * TURNS
"""Turns from which it is worth more code."""
MOST = 4
"""Statements of an inner loop that leave registers for four turns."""
SCALARS = 2
"""Sums in scalars of an inner loop that leave registers for four turns."""
WHOLE = Symbol("rows", "whole")


def run_abreast(loop: Loop, bounds: Bounds) -> list[Stmt]:
    """Return the loop with four turns in one, and one for the turns left over; or as it is."""
    inner = only_inner(loop)
    if inner is None or not _pays(loop, inner, bounds) or not _may(loop, inner, bounds):
        return [loop]
    length = loop.stop - loop.start
    heads: list[Stmt] = []
    rest: Dim
    if isinstance(length, int):
        rest = length % TURNS
    else:
        heads.append(Round(WHOLE, length, TURNS))
        rest = length - WHOLE.expr()
    split = loop.stop - rest
    made = sorted(locals_made(loop.body), key=lambda one: (one.node, one.name))
    turns = [
        Changes({loop.symbol: loop.symbol.expr() + k}, {one: fresh(one) for one in made}, {})
        for k in range(TURNS)
    ]
    body = together(loop.body, inner, turns)
    result = [*heads, replace(loop, stop=split, body=body, step=TURNS)]
    return [*result, replace(loop, start=split)] if rest else result


def only_inner(loop: Loop) -> Loop | None:
    """Return the only loop inside, if everything around and in it is plain."""
    inner = [s for s in loop.body if isinstance(s, Loop)]
    if loop.step != 1 or len(inner) != 1 or inner[0].step != 1:
        return None
    around = (s for s in loop.body if s is not inner[0])
    within = inner[0].body
    if not all(map(is_plain, around)) or not all(isinstance(s, Accumulate) for s in within):
        return None
    scalars = sum(isinstance(s, Accumulate) and not isinstance(s.target, Ref) for s in within)
    return inner[0] if len(within) <= MOST and scalars <= SCALARS else None


def is_plain(statement: Stmt) -> bool:
    """Tell whether a statement works on scalars and single elements."""
    lanes = isinstance(statement, Declare) and statement.lanes
    return isinstance(statement, Let | Declare | Store | Accumulate | Assign) and not lanes


def _pays(loop: Loop, inner: Loop, bounds: Bounds) -> bool:
    """Tell whether there are many turns, and the inner loop touches what they share, in steps."""
    if _holds(inner.start, loop.symbol) or _holds(inner.stop, loop.symbol):
        return False
    turns = extremes(loop.stop - loop.start, bounds)
    length = extremes(inner.stop - inner.start, bounds)
    if turns is None or turns[0] < 0 or turns[1] < LEAST or length is None or length[1] < LANES:
        return False
    refs = set(_references(inner.body))
    shared = [r for r in refs if _moves(r, inner.symbol) and not _moves(r, loop.symbol)]
    return bool(shared) and not strides(inner.body, inner.symbol)


def _references(body: Sequence[Stmt]) -> Iterator[Ref]:
    for statement in body:
        yield from loads(statement)
        if isinstance(statement, Accumulate) and isinstance(statement.target, Ref):
            yield statement.target


def _moves(ref: Ref, symbol: Symbol) -> bool:
    return bool(ref.gathers) or _holds(ref.offset, symbol)


def _holds(dim: Dim, symbol: Symbol) -> bool:
    return isinstance(dim, DimExpr) and symbol in dim.symbols


def _may(loop: Loop, inner: Loop, bounds: Bounds) -> bool:
    """Tell whether the parts of a turn may run for all turns, one part after the other."""
    around = [Span(symbol, low, high) for symbol, (low, high) in bounds.items()]
    own, turn = locals_made(loop.body), loop.symbol.expr()
    units: list[Unit] = []
    for place, statement in enumerate(loop.body):
        found = tuple(t for t in touches([statement]) if t.memory not in own)
        if statement is inner:
            found = tuple(t for t in touches(inner.body) if t.memory not in own)
            here = inner.symbol.expr()
            spans = (span_of(loop), span_of(inner))
            units.append(Unit(found, spans, (turn, place, here), (place, here, turn)))
        else:
            units.append(_around(found, loop, place))
    return is_legal(units, around)


def _around(found: tuple[Touch, ...], loop: Loop, place: int) -> Unit:
    turn = loop.symbol.expr()
    return Unit(found, (span_of(loop),), (turn, place, 0), (place, 0, turn))


def together(statements: Sequence[Stmt], inner: Loop, turns: Sequence[Changes]) -> list[Stmt]:
    """Return the statements of several turns: each once for every turn, the inner loop once."""
    result: list[Stmt] = []
    for statement in statements:
        if statement is inner:
            inside = [s for one in inner.body for s in _added_up(one, turns)]
            result.append(replace(inner, body=inside))
        else:
            result += [turn.copy(statement) for turn in turns]
    return result


def _added_up(statement: Stmt, turns: Sequence[Changes]) -> list[Stmt]:
    """Return what turns add: to one element at once, else to as many."""
    copies = [turn.copy(statement) for turn in turns]
    parts = [copy for copy in copies if isinstance(copy, Accumulate)]
    target = parts[0].target
    one = all(part.target == target for part in parts) and parts[0].how == "sum"
    if not one or not isinstance(target, Ref) or target.buffer.type.dtype.kind != "f":
        return copies
    values = [part.value for part in parts]
    while len(values) > 1:
        values = [_sum(a, b, target) for a, b in zip(values[::2], values[1::2], strict=True)]
    return [replace(parts[0], value=values[0])]


def _sum(a: Expr, b: Expr, target: Ref) -> Expr:
    dtype = target.buffer.type.dtype
    return Apply(op_named("add"), (a, b), dtype, dtype)


def fresh(local: Local) -> Local:
    """Return another scalar like this one."""
    return Local(local.dtype, local.name, local.node)
