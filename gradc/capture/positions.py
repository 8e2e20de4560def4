"""The index of a loop that stays a loop: an integer known only as an expression.

``i - 1``, ``2 * i + 1`` and ``n - 1 - i`` stay exact expressions that subscripts and sizes take;
``i * 0.5`` or ``i % n`` become traced numbers; for ``i % 2`` the loop is recorded two turns at once
(``residues``).  Whoever needs the very number (``layers[i]``)
raises ``Unroll``: the loop is then run turn by turn in Python instead.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gradc.capture.context import current, demand
from gradc.capture.dispatch import apply
from gradc.capture.ranges import not_negative
from gradc.capture.residues import MOST, parts_of, want_parts
from gradc.capture.tracer import Kind, Tracer, wrap
from gradc.ir import Dim, Value, op_named
from gradc.ir.dims import DimExpr

__all__ = ["Position", "as_dim", "as_user", "is_position", "tracer_of"]


def tracer_of(dim: Dim) -> Tracer:
    """Return a traced number: it promotes as a Python int."""
    graph = current().graph
    return wrap(Value(graph, graph.add(op_named("dim_value"), (), {"dim": dim})), Kind.PYTHON)


def as_user(dim: Dim) -> Any:
    """Return what the user's code sees for an extent: an int or a position."""
    return dim if isinstance(dim, int) else Position(dim)


def is_position(x: Any) -> bool:
    """Tell whether it is an integer known only as an expression."""
    return type(x) is Position


def as_dim(x: Any) -> Dim | None:
    """Return the extent that a position or a plain integer stands for; None for anything else."""
    if type(x) is Position:
        return x.dim
    return int(x) if isinstance(x, int | np.integer) and not isinstance(x, bool) else None


def _exact(combine: Callable[[Any, Any], Any], ufunc: np.ufunc) -> tuple[Any, Any]:
    def forward(self: "Position", other: Any) -> Any:
        dim = as_dim(other)
        if dim is not None:
            return as_user(combine(self.dim, dim))
        return _traced(ufunc, self, other)

    def reflected(self: "Position", other: Any) -> Any:
        dim = as_dim(other)
        if dim is not None:
            return as_user(combine(dim, self.dim))
        return _traced(ufunc, other, self)

    return forward, reflected


def _inexact(ufunc: np.ufunc) -> tuple[Any, Any]:
    def forward(self: "Position", other: Any) -> Any:
        return _traced(ufunc, self, other)

    def reflected(self: "Position", other: Any) -> Any:
        return _traced(ufunc, other, self)

    return forward, reflected


def _traced(ufunc: np.ufunc, *operands: Any) -> Any:
    if not all(isinstance(x, Position | Tracer | int | float | np.generic) for x in operands):
        if any(isinstance(x, list | tuple | str | set | dict) for x in operands):
            demand("Python needs the loop index as a number")
        return NotImplemented
    plain = [tracer_of(x.dim) if type(x) is Position else x for x in operands]
    return apply(Tracer.operate, (ufunc, *plain), {})


def _compared(ufunc: np.ufunc, sign: int, strict: int) -> Any:
    """Decide ``a < b`` as ``b - a - 1 >= 0`` where that can be done; otherwise it is traced."""

    def compare(self: "Position", other: Any) -> Any:
        dim = as_dim(other)
        if dim is None:
            return _traced(ufunc, self, other)
        gap = (dim - self.dim) * sign
        facts = current().facts
        if not_negative(gap - strict, facts):
            return True
        if not_negative(gap * -1 - (1 - strict), facts):
            return False
        return _traced(ufunc, self, other)

    return compare


def _equal(ufunc: np.ufunc, when_equal: bool) -> Any:
    def compare(self: "Position", other: Any) -> Any:
        dim = as_dim(other)
        if dim is None:
            return _traced(ufunc, self, other)
        gap, facts = self.dim - dim, current().facts
        if gap == 0:
            return when_equal
        if not_negative(gap - 1, facts) or not_negative(gap * -1 - 1, facts):
            return not when_equal
        return _traced(ufunc, self, other)

    return compare


class Position:
    """An integer expression over loop indices.

    Parameters
    ----------
    dim : DimExpr
    """

    __slots__ = ("dim",)
    __array_priority__ = 1500.0

    def __init__(self, dim: DimExpr) -> None:
        self.dim = dim

    __add__, __radd__ = _exact(operator.add, np.add)
    __sub__, __rsub__ = _exact(lambda a, b: a + b * -1, np.subtract)
    __mul__, __rmul__ = _exact(operator.mul, np.multiply)
    __truediv__, __rtruediv__ = _inexact(np.divide)
    __pow__, __rpow__ = _inexact(np.power)
    _and, __rand__ = _inexact(np.bitwise_and)
    __or__, __ror__ = _inexact(np.bitwise_or)
    __xor__, __rxor__ = _inexact(np.bitwise_xor)
    _rest, __rmod__ = _inexact(np.remainder)
    _quotient, __rfloordiv__ = _inexact(np.floor_divide)
    __lt__ = _compared(np.less, 1, 1)
    __le__ = _compared(np.less_equal, 1, 0)
    __gt__ = _compared(np.greater, -1, 1)
    __ge__ = _compared(np.greater_equal, -1, 0)
    __eq__ = _equal(np.equal, True)
    __ne__ = _equal(np.not_equal, False)

    def __mod__(self, other: Any) -> Any:
        dim = as_dim(other)
        if dim is not None and self._within(dim):
            return self
        parts = self._parts(dim)
        return self._rest(other) if parts is None else parts[1]

    def __floordiv__(self, other: Any) -> Any:
        dim = as_dim(other)
        if dim is not None and self._within(dim):
            return 0
        parts = self._parts(dim)
        return self._quotient(other) if parts is None else as_user(parts[0])

    def __and__(self, other: Any) -> Any:
        return self % 2 if type(other) is int and other == 1 else self._and(other)

    def _parts(self, size: Dim | None) -> tuple[Dim, int] | None:
        """Return quotient and remainder; a loop around may be taken apart for them."""
        if not isinstance(size, int) or size < 2:
            return None
        parts = parts_of(self.dim, size)
        if parts is None and size <= MOST:
            want_parts(self.dim, size, current().facts)
        return parts

    def _within(self, end: Dim) -> bool:
        facts = current().facts
        return not_negative(self.dim, facts) and not_negative(end - self.dim - 1, facts)

    def __neg__(self) -> Any:
        return as_user(self.dim * -1)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        if not_negative(self.dim, current().facts):
            return self
        return abs(tracer_of(self.dim))

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __bool__(self) -> bool:
        decided = self != 0
        if isinstance(decided, bool):
            return decided
        demand("Python needs the truth of the loop index")

    def __index__(self) -> int:
        demand("Python needs the loop index as a number")

    __int__ = __trunc__ = __index__

    def __float__(self) -> float:
        demand("Python needs the loop index as a number")

    def __hash__(self) -> int:
        demand("the loop index is looked up in a dict or a set")

    def __str__(self) -> str:
        demand("Python writes the loop index as text")

    def __format__(self, spec: str) -> str:
        demand("Python writes the loop index as text")

    def __repr__(self) -> str:
        return f"Position({self.dim})"

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        demand("NumPy needs the loop index as a number")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [tracer_of(x.dim) if type(x) is Position else x for x in inputs]
        return apply(ufunc if method == "__call__" else (ufunc, method), plain, kwargs)

    def described(self) -> tuple[str, str]:
        """Return name and type for a message."""
        return str(self.dim), "a loop index"
