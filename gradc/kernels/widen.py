"""Truth values that one loop adds beside, and another one reads, are numbers in between.

    for j < n:                                         for j < n:
        won[j] = v[j] > x[j]                               won[j] = v[j] > x[j] ? 1.0 : 0.0
        s += won[j] ? 0 : y[j]                 ->          s += won[j] ? 0 : y[j]
    for j < n: y[j] = won[j] ? y[j] : 0                for j < n: y[j] = won[j] != 0.0 ? y[j] : 0

A loop over sixteen lanes that writes bytes is compiled for registers of sixteen bytes, which hold
two numbers.  The arrays are short, so that eight bytes instead of one stay in the nearest cache.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradc.ir import ArrayType, op_named
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Break,
    Buffer,
    Check,
    Choose,
    Declare,
    Expr,
    If,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Ref,
    Stage,
    Stmt,
    Store,
    While,
)
from gradc.kernels.walk import nested, statements_in, uses, with_operands
from gradc.records import dataclass

__all__ = ["widen_truths"]

MOST = 2048
"""Elements of an array up to which that pays."""
_BOOL, _NUMBER = np.dtype(bool), np.dtype(float)
_PLAIN = (Let, Declare, Assign, Store, Check, If, Break, Loop, While)
_ONE, _ZERO = Number(1.0, _NUMBER), Number(0.0, _NUMBER)


def widen_truths(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages with short arrays of truth values beside sums as arrays of numbers."""
    found = {b for s in statements_in(stages) if isinstance(s, Loop) for b in _beside_sums(s)}
    for statement in statements_in(stages) if found else ():
        adds = isinstance(statement, Accumulate) and not isinstance(statement.target, Ref)
        if not adds and not isinstance(statement, _PLAIN):
            found -= {buffer for buffer, _ in uses(statement)}
    if not found:
        return list(stages)
    change = _Widening({buffer: _wide(buffer) for buffer in found})
    return [replace(stage, body=list(map(change.statement, stage.body))) for stage in stages]


def _beside_sums(loop: Loop) -> set[Buffer]:
    """Return the short temporaries that a loop fills with truth values while it adds numbers up."""
    sums = any(
        isinstance(s, Accumulate) and isinstance(s.target, Local) and s.target.dtype == _NUMBER
        for s in loop.body
    )
    stored = {s.ref.buffer for s in loop.body if isinstance(s, Store)} if sums else set()
    return {b for b in stored if b.kind == "temporary" and b.type.dtype == _BOOL and _short(b)}


def _short(buffer: Buffer) -> bool:
    room = buffer.room
    return isinstance(room, int) and room <= MOST


def _wide(buffer: Buffer) -> Buffer:
    return replace(buffer, type=ArrayType(_NUMBER, buffer.type.shape))


@dataclass(slots=True)
class _Widening:
    """Copies statements with numbers in place of the truth values of some arrays."""

    wide: Mapping[Buffer, Buffer]

    def statement(self, statement: Stmt) -> Stmt:
        """Copy a statement; lists inside it are changed in place."""
        for inner in nested(statement):
            inner[:] = [self.statement(s) for s in inner]
        match statement:
            case Let() | Declare() | Assign() | Check():
                return replace(statement, value=self._expr(statement.value))
            case If() | Break():
                return replace(statement, condition=self._expr(statement.condition))
            case Store():
                return self._store(statement)
            case Accumulate(target, how, value, node):
                moved = self._ref(target) if isinstance(target, Ref) else target
                return Accumulate(moved, how, self._expr(value), node)
        return statement

    def _store(self, store: Store) -> Store:
        value = self._expr(store.value)
        if store.ref.buffer in self.wide:
            value = Choose(value, _ONE, _ZERO)
        return Store(self._ref(store.ref), value, store.node)

    def _ref(self, ref: Ref) -> Ref:
        gathers = tuple((self._expr(e), stride) for e, stride in ref.gathers)
        return Ref(self.wide.get(ref.buffer, ref.buffer), ref.offset, gathers)

    def _expr(self, expr: Expr) -> Expr:
        """Rewrite an expression."""
        if not isinstance(expr, Load):
            return with_operands(expr, self._expr)
        load = Load(self._ref(expr.ref))
        if expr.ref.buffer not in self.wide:
            return load
        return Apply(op_named("not_equal"), (load, _ZERO), _BOOL, _NUMBER)
