"""Unpack a row of bytes into numbers before a loop over it that adds up in lanes.

                                                    for j < n: w[j] = won[t, j] ? 0 : 1
    for j < n:                                      for j < n:
        s += (won[t, j] ? 0 : 1) * y_bar[j]   ->        s += w[j] * y_bar[j]

A loop over sixteen lanes has too few turns for the bytes of a whole register, so compilers take
registers of sixteen bytes, which hold two numbers.  A loop of its own over the row fills whole
ones, and works out once what several statements make of the bytes.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradc.ir import ArrayType, Dim, DimExpr, Symbol, op_named
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Buffer,
    Choose,
    Expr,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.walk import subexpressions, with_operands

__all__ = ["unpack_bytes"]

LEAST, MOST = 32, 2048
"""Lengths of a row for which that pays: the numbers stay in the nearest cache."""
_BOOL = np.dtype(bool)


def unpack_bytes(loop: Loop, most: int | None, dtype: np.dtype) -> tuple[list[Loop], Loop]:
    """Return what goes first, to make numbers of a type of the bytes that it reads, and the loop.

    ``most`` is the greatest length of the loop, None where it is not known.
    """
    if most is None or not LEAST <= most <= MOST or loop.step != 1 or dtype.itemsize < 4:
        return [], loop
    rows = _Rows(loop, most, dtype)
    body = rows.read(loop.body)
    if not rows.made:
        return [], loop
    stores: list[Stmt] = [Store(rows.here(b), value, b.node) for value, b in rows.made.items()]
    return [replace(loop, body=stores, apart=True)], replace(loop, body=body)


class _Rows:
    """Reads the statements of a loop; ``made`` holds a row for each value that bytes alone make."""

    def __init__(self, loop: Loop, most: int, dtype: np.dtype) -> None:
        self.loop, self.most, self.dtype = loop, most, dtype
        self.made: dict[Expr, Buffer] = {}
        self.known: dict[Local, Expr] = {}
        self.written = {s.ref.buffer for s in loop.body if isinstance(s, Store)}

    def here(self, row: Buffer) -> Ref:
        """Return the element of a row that belongs to a turn."""
        return Ref(row, self.loop.symbol.expr() - self.loop.start)

    def read(self, body: Sequence[Stmt]) -> list[Stmt]:
        """Return the statements with numbers of the rows in place of bytes."""
        result: list[Stmt] = []
        for statement in body:
            if isinstance(statement, Let):
                value = self._inlined(statement.value)
                if self._is_bytes(value):
                    self.known[statement.local] = value
                else:
                    result.append(Let(statement.local, self._changed(value)))
            elif isinstance(statement, Store | Accumulate):
                value = self._changed(self._inlined(statement.value))
                result.append(replace(statement, value=value))
            else:
                result.append(statement)
        return result

    def _inlined(self, expr: Expr) -> Expr:
        if isinstance(expr, Local):
            return self.known.get(expr, expr)
        return with_operands(expr, self._inlined)

    def _changed(self, expr: Expr) -> Expr:
        if not self._is_bytes(expr) or _is_little(expr):
            return with_operands(expr, self._changed)
        kind = _dtype(expr)
        if kind not in (_BOOL, self.dtype):
            return with_operands(expr, self._changed)
        row = self._row(expr, kind)
        if kind != _BOOL:
            return Load(self.here(row))
        args = (Load(self.here(row)), Number(0.0, self.dtype))
        return Apply(op_named("not_equal"), args, _BOOL, self.dtype)

    def _row(self, expr: Expr, kind: np.dtype) -> Buffer:
        value = expr
        if kind == _BOOL:
            value = Choose(expr, Number(1.0, self.dtype), Number(0.0, self.dtype))
        if value not in self.made:
            node = next(p.ref.buffer.node for p in subexpressions(expr) if isinstance(p, Load))
            shape = ArrayType(self.dtype, (self.most,))
            self.made[value] = Buffer("temporary", shape, "row", node=node)
        return self.made[value]

    def _is_bytes(self, expr: Expr) -> bool:
        """Tell whether a value is made of bytes of the row and literals alone, of some bytes."""
        leaves = [p for p in subexpressions(expr) if not isinstance(p, Apply | Choose)]
        loads = [p for p in leaves if isinstance(p, Load)]
        return (
            bool(loads)
            and all(isinstance(p, Load | Number) for p in leaves)
            and all(self._is_of_row(p.ref) for p in loads)
        )

    def _is_of_row(self, ref: Ref) -> bool:
        buffer = ref.buffer
        plain = buffer.type.dtype.itemsize == 1 and not ref.gathers and buffer not in self.written
        return plain and _walks(ref.offset, self.loop.symbol)


def _walks(offset: Dim, symbol: Symbol) -> bool:
    """Tell whether an offset goes on by one with each turn."""
    if not isinstance(offset, DimExpr):
        return False
    factors = {monomial: factor for monomial, factor in offset.terms if symbol in dict(monomial)}
    return factors == {((symbol, 1),): 1}


def _is_little(expr: Expr) -> bool:
    """Tell whether an operation takes less than to store its result and read it again."""
    return isinstance(expr, Apply) and expr.op.name in ("add", "subtract", "multiply")


def _dtype(expr: Expr) -> np.dtype:
    if isinstance(expr, Load):
        return expr.ref.buffer.type.dtype
    if isinstance(expr, Choose):
        return _dtype(expr.a)
    assert isinstance(expr, Apply | Number)
    return expr.dtype
