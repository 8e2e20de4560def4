"""Runs a unit statement by statement on NumPy scalars: slow, and as simple as the grammar.

Temporaries live in one byte arena at the planned offsets, so a plan that overlaps shows as a wrong
result; the arena starts as 0xA5 bytes, so that reading what was never written shows too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.ir import Dim, DimExpr, Symbol, substitute
from gradc.kernels.nest import (
    LANES,
    Accumulate,
    Apply,
    Assign,
    Break,
    Buffer,
    Check,
    Choose,
    Combine,
    Copy,
    Declare,
    Expr,
    Fill,
    If,
    Index,
    Lane,
    Least,
    Let,
    Load,
    Local,
    Loop,
    MatMul,
    Matrix,
    Number,
    Ref,
    Round,
    Stmt,
    Store,
    Unit,
    While,
)

_COMBINE: dict[str, Any] = {
    "sum": np.add,
    "prod": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "any": np.logical_or,
    "all": np.logical_and,
}


class Left(Exception):
    """A loop with a condition ends."""


class CheckFailed(Exception):
    """A unit left with a status code."""


def simulate(unit: Unit, arguments: Sequence[Any]) -> list[np.ndarray]:
    """Return the outputs of a unit."""
    machine = _Machine(unit, arguments)
    with np.errstate(all="ignore"):
        for stage in unit.stages:
            machine.run(stage.body)
    return [machine.outputs[i] for i in range(len(unit.program.outputs))]


class _Machine:
    def __init__(self, unit: Unit, arguments: Sequence[Any]) -> None:
        self.symbols: dict[Symbol, int] = {}
        self.locals: dict[Local, Any] = {}
        self.memory: dict[Buffer, np.ndarray] = {}
        self.outputs: dict[int, np.ndarray] = {
            place: np.full(port.type.extents, 77, port.type.dtype)
            for place, port in enumerate(unit.program.outputs)
        }
        arena = np.full(unit.plan.arena_bytes, 0xA5, np.uint8)
        for buffer in unit.buffers:
            if buffer.kind == "input":
                given = np.asarray(arguments[buffer.position], buffer.type.dtype)
                memory = np.array(given).reshape(-1)
            elif buffer.kind == "output":
                memory = self.outputs[buffer.position].reshape(-1)
            elif buffer.kind == "constant":
                memory = np.array(buffer.data).reshape(-1)
            else:
                start = unit.plan.offsets[buffer]
                assert start % 64 == 0
                memory = arena[start : start + int(buffer.room) * buffer.type.dtype.itemsize].view(
                    buffer.type.dtype
                )
            self.memory[buffer] = memory

    # dims and expressions

    def dim(self, dim: Dim) -> int:
        if not isinstance(dim, DimExpr):
            return dim
        total = substitute(dim, self.symbols)
        assert isinstance(total, int)
        return total

    def place(self, ref: Ref) -> int:
        offset = self.dim(ref.offset)
        for expr, stride in ref.gathers:
            offset += int(self.value(expr)) * self.dim(stride)
        assert 0 <= offset < max(len(self.memory[ref.buffer]), 1), (ref, offset)
        return offset

    def value(self, expr: Expr) -> Any:
        match expr:
            case Number(value, dtype):
                return dtype.type(value)
            case Local():
                return self.locals[expr]
            case Load(ref):
                return self.memory[ref.buffer][self.place(ref)]
            case Lane(local, symbol):
                return self.locals[local][self.symbols[symbol]]
            case Index(dim):
                return np.int64(self.dim(dim))
            case Choose(condition, a, b):
                return self.value(a if self.value(condition) else b)
            case Combine(how, local):
                return _tree(_COMBINE[how], list(self.locals[local]))
            case Apply(op, args, dtype, operand_dtype, params):
                values = [self.value(a) for a in args]
                assert values[0].dtype == operand_dtype, (op, values[0].dtype, operand_dtype)
                result = op.evaluate(*values, **dict(params))
                assert np.asarray(result).dtype == dtype, (op, np.asarray(result).dtype, dtype)
                return dtype.type(result)
        raise AssertionError(expr)

    # statements

    def run(self, body: Sequence[Stmt]) -> None:
        for statement in body:
            self.step(statement)

    def step(self, statement: Stmt) -> None:  # noqa: C901
        match statement:
            case Loop(symbol, _, _, body):
                for turn in self.turns(statement):
                    self.symbols[symbol] = turn
                    self.run(body)
            case While(body, limit, code):
                self.repeat(body, limit, code)
            case Round(symbol, dim, step):
                self.symbols[symbol] = self.dim(dim) // step * step
            case Least(symbol, a, b):
                self.symbols[symbol] = min(self.dim(a), self.dim(b))
            case Break(condition):
                if not self.value(condition):
                    raise Left
            case Let(local, value) | Assign(local, value):
                self.locals[local] = self.typed(local.dtype, value)
            case Declare(local, value, lanes):
                start = self.typed(local.dtype, value)
                assert lanes in (0, LANES)
                self.locals[local] = np.full(lanes, start) if lanes else start
            case Store(ref, value):
                new = self.typed(ref.buffer.type.dtype, value)
                self.memory[ref.buffer][self.place(ref)] = new
            case Accumulate(target, how, value):
                self.accumulate(target, how, self.value(value))
            case If(condition, then, otherwise):
                self.run(then if self.value(condition) else otherwise)
            case Check(value, extent, code):
                if not 0 <= self.value(value) < self.dim(extent):
                    raise CheckFailed(code)
            case Fill(buffer, number):
                self.memory[buffer][: self.dim(buffer.type.size)] = self.typed(
                    buffer.type.dtype, number
                )
            case Copy(target, source):
                assert target.type.dtype == source.type.dtype
                size = self.dim(target.type.size)
                assert size == self.dim(source.type.size)
                self.memory[target][:size] = self.memory[source][:size]
            case MatMul():
                self.multiply(statement)
            case _:
                raise AssertionError(statement)

    def turns(self, loop: Loop) -> Sequence[int]:
        """Return the turns in order; chunks that may run in any order run from the last on."""
        found = range(self.dim(loop.start), self.dim(loop.stop), loop.step)
        if not loop.chunk:
            return found
        starts = reversed(range(0, len(found), loop.chunk))
        return [turn for at in starts for turn in found[at : at + loop.chunk]]

    def repeat(self, body: Sequence[Stmt], limit: int, code: int) -> None:
        place = next(k for k, s in enumerate(body) if isinstance(s, Break)) + 1
        for turn in range(limit + 1):
            try:
                self.run(body[:place])
            except Left:
                return
            if turn == limit:
                raise CheckFailed(code)
            self.run(body[place:])

    def typed(self, dtype: np.dtype, value: Expr) -> Any:
        result = self.value(value)
        assert result.dtype == dtype, (value, result.dtype, dtype)
        return result

    def accumulate(self, target: Local | Lane | Ref, how: str, value: Any) -> None:
        combine = _COMBINE[how]
        if isinstance(target, Local):
            self.locals[target] = _kept(combine, self.locals[target], value)
        elif isinstance(target, Lane):
            lanes, place = self.locals[target.local], self.symbols[target.symbol]
            lanes[place] = _kept(combine, lanes[place], value)
        else:
            memory, place = self.memory[target.buffer], self.place(target)
            memory[place] = _kept(combine, memory[place], value)

    def multiply(self, s: MatMul) -> None:
        m, n, k = self.dim(s.m), self.dim(s.n), self.dim(s.k)
        a, b, c = self.matrix(s.a, m, k), self.matrix(s.b, k, n), self.matrix(s.c, m, n)
        c[...] = a @ b + (c if s.accumulate else 0)

    def matrix(self, matrix: Matrix, rows: int, columns: int) -> np.ndarray:
        memory = self.memory[matrix.ref.buffer]
        size, start = memory.dtype.itemsize, self.place(matrix.ref)
        strides = (self.dim(matrix.row), self.dim(matrix.column))
        last = start + (rows - 1) * strides[0] + (columns - 1) * strides[1]
        assert 0 <= last < len(memory)
        return np.lib.stride_tricks.as_strided(
            memory[start:], (rows, columns), tuple(size * s for s in strides)
        )


def _kept(combine: Any, old: Any, new: Any) -> Any:
    assert old.dtype == new.dtype
    return old.dtype.type(combine(old, new))


def _tree(combine: Any, lanes: list[Any]) -> Any:
    width = len(lanes) // 2
    while width:
        lanes = [combine(lanes[i], lanes[i + width]) for i in range(width)]
        width //= 2
    return lanes[0]
