"""A value as ``rest + factor * x``, with a number as factor: what there is of one element in it."""

import math
from collections.abc import Callable

import numpy as np

from gradc.ir import op_named
from gradc.kernels.nest import Apply, Expr, Load, Local, Number
from gradc.records import dataclass

__all__ = ["Share", "share_of"]

_Test = Callable[[Expr], bool]
_Open = Callable[[Expr], Expr]


@dataclass(frozen=True, slots=True)
class Share:
    """``rest + factor * x``; no rest is zero."""

    rest: Expr | None
    factor: float
    dtype: np.dtype

    @property
    def number(self) -> Number | None:
        """Return the factor as a literal; None for one."""
        return None if self.factor == 1 else Number(self.dtype.type(self.factor), self.dtype)


def share_of(value: Expr, x: Load | Local, depends: _Test, opened: _Open) -> Share | None:
    """Return how a value depends on ``x``; None where that is not by sums and numbers alone.

    Parameters
    ----------
    value : Expr
    x : Load or Local
    depends : callable
        Whether an expression depends on ``x``.
    opened : callable
        What a scalar that nothing else uses stands for.
    """
    inside = opened(value)
    if inside == x:
        return Share(None, 1.0, x.dtype if isinstance(x, Local) else x.ref.buffer.type.dtype)
    if not isinstance(inside, Apply):
        return None
    inner = [a for a in inside.args if depends(a)]
    if len(inner) != 1:
        return None
    share = share_of(inner[0], x, depends, opened)
    return None if share is None else _outer(inside, inner[0], share)


def _outer(whole: Apply, inner: Expr, share: Share) -> Share | None:
    """Return the share in an operation from that in its operand."""
    name = whole.op.name
    if name == "negative":
        rest = None if share.rest is None else _op("negative", whole.dtype, share.rest)
        return Share(rest, -share.factor, share.dtype)
    if len(whole.args) != 2:
        return None
    left, right = whole.args
    first = left is inner
    other = right if first else left
    if name in ("add", "subtract"):
        return _sum(name, first, other, share)
    return _scaled(name, first, other, share)


def _sum(name: str, first: bool, other: Expr, share: Share) -> Share:
    """Return the share in a sum or a difference; ``first``: it is in the left operand."""
    rest, dtype = share.rest, share.dtype
    factor = share.factor if first or name == "add" else -share.factor
    if rest is None:
        alone = _op("negative", dtype, other) if first and name == "subtract" else other
        return Share(alone, factor, dtype)
    left, right = (rest, other) if first else (other, rest)
    return Share(_op(name, dtype, left, right), factor, dtype)


def _scaled(name: str, first: bool, other: Expr, share: Share) -> Share | None:
    """Return the share in a multiple; the number and its inverse must be far from overflow."""
    if not isinstance(other, Number) or other.dtype != share.dtype:
        return None
    number = float(other.value)
    if not math.isfinite(number) or not 1e-30 < abs(number) < 1e30:
        return None
    if name == "multiply":
        factor = share.factor * number
    elif name == "divide" and first:
        factor = share.factor / number
    else:
        return None
    rest = None if share.rest is None else _op(name, share.dtype, share.rest, other)
    return Share(rest, factor, share.dtype)


def _op(name: str, dtype: np.dtype, *args: Expr) -> Apply:
    return Apply(op_named(name), args, dtype, dtype)
