"""Copies of statements with other scalars, other memory and other turns."""

from collections.abc import Mapping
from dataclasses import replace

from gradc.ir import Dim, Symbol
from gradc.kernels.nest import (
    Accumulate,
    Assign,
    Buffer,
    Declare,
    Expr,
    Let,
    Load,
    Local,
    Loop,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.walk import map_statement, replace_symbols, with_operands
from gradc.records import dataclass

__all__ = ["Changes"]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is replaced by what; plain statements and loops of them can be copied."""

    symbols: Mapping[Symbol, Dim]
    locals: Mapping[Local, Local]
    buffers: Mapping[Buffer, Buffer]

    def copy(self, statement: Stmt) -> Stmt:
        """Return a copy of a statement with everything replaced."""
        return self._renamed(map_statement(statement, replace_symbols(self.symbols)))

    def dim(self, dim: Dim) -> Dim:
        """Return a dim with the symbols replaced."""
        return replace_symbols(self.symbols)(dim)

    def _renamed(self, statement: Stmt) -> Stmt:
        match statement:
            case Loop():
                return replace(statement, body=[self._renamed(s) for s in statement.body])
            case Let(local, value):
                return Let(self._local(local), self._expr(value))
            case Declare(local, value, lanes):
                return Declare(self._local(local), self._expr(value), lanes)
            case Assign(local, value):
                return Assign(self._local(local), self._expr(value))
            case Store(ref, value, node):
                return Store(self._ref(ref), self._expr(value), node)
            case Accumulate(target, how, value, node):
                moved = self._local(target) if isinstance(target, Local) else target
                moved = self._ref(moved) if isinstance(moved, Ref) else moved
                return Accumulate(moved, how, self._expr(value), node)
        raise AssertionError(f"{type(statement).__name__} is no plain statement")

    def _local(self, local: Local) -> Local:
        return self.locals.get(local, local)

    def _ref(self, ref: Ref) -> Ref:
        gathers = tuple((self._expr(e), stride) for e, stride in ref.gathers)
        return Ref(self.buffers.get(ref.buffer, ref.buffer), ref.offset, gathers)

    def _expr(self, expr: Expr) -> Expr:
        """Rewrite an expression."""
        if isinstance(expr, Local):
            return self._local(expr)
        if isinstance(expr, Load):
            return Load(self._ref(expr.ref))
        return with_operands(expr, self._expr)
