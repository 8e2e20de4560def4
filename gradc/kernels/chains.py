"""Chains along a row: ``x[p] = t[p] + c * x[p - 1]``, four elements for each turn of the chain.

    r1 = t1 + t0 * c                    x0 = t0 + before * c
    r2 = t2 + r1 * c                    x1 = r1 + before * c**2
    r3 = t3 + r2 * c                    x2 = r2 + before * c**3
                                        x3 = r3 + before * c**4;  before = x3

What stands on the left waits for nothing, so one product and one sum are waited for in four
elements.  It is the recurrence unrolled three times with its products multiplied out, and differs
from it by rounding only.
"""

from collections.abc import Callable

import numpy as np

from gradc.ir import Dim, Symbol, op_named, substitute
from gradc.kernels.affine import linear
from gradc.kernels.nest import (
    Apply,
    Assign,
    Buffer,
    Declare,
    Expr,
    Let,
    Local,
    Loop,
    Number,
    Ref,
    Stmt,
    Store,
)
from gradc.records import dataclass

__all__ = ["SHORTEST", "Sweep", "apply", "chain", "is_mild", "sweep_of", "times"]

SHORTEST = 8
"""Elements from which a row is worked off in passes."""

_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Sweep:
    """The elements of a buffer that a loop visits, one a turn, by their position in memory.

    Position 0 is the lowest; ``stride`` is from one position to the next.
    """

    buffer: Buffer
    offset: Dim
    symbol: Symbol
    low: Dim
    count: int
    stride: int
    rises: bool
    """Whether positions rise from turn to turn."""
    turned: bool
    """Whether positions fall as the symbol rises."""

    def value(self, position: Dim) -> Dim:
        """Return the symbol's value at a position."""
        return self.low + (self.count - 1 - position if self.turned else position)

    def at(self, position: Dim) -> Ref:
        """Return the element at a position, which may be one outside of the row."""
        return Ref(self.buffer, substitute(self.offset, {self.symbol: self.value(position)}))

    def position(self, turn: Dim) -> Dim:
        """Return where a turn is."""
        return turn if self.rises else self.count - 1 - turn

    def distance(self, ref: Ref) -> int | None:
        """Return how many positions a reference lies beyond the own element of each turn.

        None where that is not the same in each turn, or not a whole number of them.
        """
        away = ref.offset - self.offset
        if ref.gathers or not isinstance(away, int) or away % self.stride:
            return None
        return away // self.stride


def sweep_of(loop: Loop, own: Ref) -> Sweep | None:
    """Return the sweep of a loop over ``own``; None where sizes or strides are not known."""
    count = (loop.stop - loop.start) * loop.step
    form = linear(own.offset)
    if abs(loop.step) != 1 or own.gathers or not isinstance(count, int) or form is None:
        return None
    factor = form.factors.get(loop.symbol, 0)
    if not factor or count < SHORTEST:
        return None
    low = loop.start if loop.step > 0 else loop.stop + 1
    turned = factor < 0
    rises = (loop.step > 0) is not turned
    return Sweep(own.buffer, own.offset, loop.symbol, low, count, abs(factor), rises, turned)


def is_mild(factor: float) -> bool:
    """Tell whether the fourth power of a factor is an ordinary number in single precision too."""
    return 1e-4 < abs(factor) < 1e4


def chain(
    sweep: Sweep,
    factor: Number | None,
    first: Expr,
    source: Callable[[Dim], Expr],
    target: Callable[[Dim], Ref],
    node: int = -1,
) -> list[Stmt]:
    """Return the statements that make ``x[p] = source(p) + factor * x[before p]`` in ``target``.

    ``first`` stands for the element before the first; no factor is a factor of one.
    """
    dtype = sweep.buffer.type.dtype
    before = Local(dtype, "before", node)
    powers = [_power(factor, k) for k in range(1, _AHEAD + 1)]
    whole = sweep.count // _AHEAD
    block = Symbol("block", "index")
    statements: list[Stmt] = [Declare(before, first)]
    places = [sweep.position(block.expr() * _AHEAD + k) for k in range(_AHEAD)]
    body: list[Stmt] = []
    sums: list[Expr] = []
    for place in places:
        local = Local(dtype, "")
        body.append(Let(local, source(place)))
        sums.append(local)
    for k in range(1, _AHEAD):
        local = Local(dtype, "")
        body.append(Let(local, apply("add", sums[k], times(sums[k - 1], factor), dtype)))
        sums[k] = local
    for place, total, power in zip(places, sums, powers, strict=True):
        local = Local(dtype, "", node)
        body.append(Let(local, apply("add", total, times(before, power), dtype)))
        body.append(Store(target(place), local, node))
    body.append(Assign(before, local))
    statements.append(Loop(block, 0, whole, body, node=node))
    for turn in range(whole * _AHEAD, sweep.count):
        place = sweep.position(turn)
        local = Local(dtype, "", node)
        total = apply("add", source(place), times(before, factor), dtype)
        statements += [Let(local, total), Store(target(place), local, node)]
        if turn + 1 < sweep.count:
            statements.append(Assign(before, local))
    return statements


def _power(factor: Number | None, exponent: int) -> Number | None:
    if factor is None:
        return None
    kind = factor.dtype.type
    return Number(kind(float(factor.value) ** exponent), factor.dtype)


def times(expr: Expr, factor: Number | None) -> Expr:
    """Multiply by a number; None stands for one."""
    return expr if factor is None else apply("multiply", expr, factor, factor.dtype)


def apply(name: str, a: Expr, b: Expr, dtype: np.dtype) -> Apply:
    """Return an operation of two numbers of one type."""
    return Apply(op_named(name), (a, b), dtype, dtype)
