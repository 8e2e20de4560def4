"""The body of a loop as straight code: short loops written out, small arrays as scalars.

    for k < 3: p[k] = x[3 i + k] - c[k]          p_0 = x[3 i] - c[0]
    s = 0                                   ->   p_1 = x[3 i + 1] - c[1]
    for k < 3: s += p[k] * p[k]                  p_2 = x[3 i + 2] - c[2]
                                                 s = p_0 * p_0 + p_1 * p_1 + p_2 * p_2

Only memory that belongs to one turn is turned into scalars: every element is written before it is
read.  The order of all operations stays as it is.
"""

from collections.abc import Callable, Mapping

import numpy as np

from gradc.ir import Dim, Symbol, op_named
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Buffer,
    Choose,
    Copy,
    Declare,
    Expr,
    Fill,
    Index,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Ref,
    Stmt,
    Store,
)
from gradc.kernels.walk import replace_symbols

__all__ = ["MOST_STATEMENTS", "straighten"]

MOST_TURNS = 32
"""Turns of an inner loop that are written out."""
MOST_STATEMENTS = 1200
"""Statements of a body that is worth straightening."""

_COMBINE = {"sum": "add", "prod": "multiply"}


def straighten(body: list[Stmt], is_private: Callable[[Buffer], bool]) -> list[Stmt] | None:
    """Return the statements of a body without loops; None where it has to stay as it is.

    Parameters
    ----------
    body : list of Stmt
    is_private : callable
        Whether nothing outside of the body uses a buffer.
    """
    straight = _Straight(is_private)
    try:
        straight.run(body, {})
    except _NotStraightError:
        return None
    return straight.result


class _NotStraightError(Exception):
    """The body has something in it that no straight code stands for."""


class _Straight:
    """Statements so far, and what stands for scalars and for elements of small arrays."""

    def __init__(self, is_private: Callable[[Buffer], bool]) -> None:
        self.is_private = is_private
        self.result: list[Stmt] = []
        self.locals: dict[Local, Expr] = {}
        self.mutable: set[Expr] = set()
        self.elements: dict[tuple[Buffer, int], Expr] = {}

    def run(self, body: list[Stmt], values: Mapping[Symbol, Dim]) -> None:
        """Append the statements with some loop indices known."""
        for statement in body:
            self._one(statement, values)
            if len(self.result) > MOST_STATEMENTS:
                raise _NotStraightError

    def _one(self, statement: Stmt, values: Mapping[Symbol, Dim]) -> None:
        match statement:
            case Loop():
                self._loop(statement, values)
            case Let(local, value):
                self.locals[local] = self._named(local, self._expr(value, values))
            case Declare(local, value, 0):
                self._declare(local, self._expr(value, values))
            case Assign(local, value):
                self.result.append(Assign(self._target(local), self._expr(value, values)))
            case Store(ref, value, node):
                self._store(self._ref(ref, values), self._expr(value, values), node)
            case Accumulate():
                self._accumulate(statement, values)
            case Fill() | Copy():
                self._whole(statement)
            case _:
                raise _NotStraightError

    def _declare(self, local: Local, value: Expr) -> None:
        fresh = Local(local.dtype, local.name, local.node)
        self.result.append(Declare(fresh, value))
        self.locals[local] = fresh
        self.mutable.add(fresh)

    def _whole(self, statement: Fill | Copy) -> None:
        """Write all elements of a small array."""
        target = statement.buffer if isinstance(statement, Fill) else statement.target
        for k in range(self._size(target)):
            value: Expr = (
                statement.value
                if isinstance(statement, Fill)
                else self._load(Ref(statement.source, k))
            )
            self._store(Ref(target, k), value, statement.node)

    def _loop(self, loop: Loop, values: Mapping[Symbol, Dim]) -> None:
        change = replace_symbols(values)
        start, stop = change(loop.start), change(loop.stop)
        if not isinstance(start, int) or not isinstance(stop, int):
            raise _NotStraightError
        turns = range(start, stop, loop.step)
        if len(turns) > MOST_TURNS:
            raise _NotStraightError
        for k in turns:
            self.run(loop.body, {**values, loop.symbol: k})

    def _size(self, buffer: Buffer) -> int:
        """Return the elements of a small array of this turn."""
        size = buffer.type.size
        if not self.is_private(buffer) or not isinstance(size, int) or size > MOST_TURNS**2:
            raise _NotStraightError
        return size

    def _named(self, local: Local, value: Expr) -> Expr:
        """Return a scalar with that value: the value itself where it is one."""
        if isinstance(value, Local | Number) and value not in self.mutable:
            return value
        fresh = Local(local.dtype, local.name, local.node)
        self.result.append(Let(fresh, value))
        return fresh

    def _target(self, local: Local) -> Local:
        found = self.locals.get(local)
        if not isinstance(found, Local) or found not in self.mutable:
            raise _NotStraightError
        return found

    def _store(self, ref: Ref, value: Expr, node: int) -> None:
        if not self.is_private(ref.buffer):
            self.result.append(Store(ref, value, node))
            return
        scalar = Local(ref.buffer.type.dtype, "", node)
        self.elements[self._place(ref)] = self._named(scalar, value)

    def _place(self, ref: Ref) -> tuple[Buffer, int]:
        if ref.gathers or not isinstance(ref.offset, int):
            raise _NotStraightError
        return ref.buffer, ref.offset

    def _accumulate(self, statement: Accumulate, values: Mapping[Symbol, Dim]) -> None:
        value, target = self._expr(statement.value, values), statement.target
        if isinstance(target, Local):
            kept: Local | Ref = self._target(target)
        elif isinstance(target, Ref):
            kept = self._ref(target, values)
            if self.is_private(kept.buffer):
                old = self._load(kept)
                self._store(kept, self._combined(statement, old, value), statement.node)
                return
        else:
            raise _NotStraightError
        self.result.append(Accumulate(kept, statement.how, value, statement.node))

    def _combined(self, statement: Accumulate, old: Expr, value: Expr) -> Expr:
        name = _COMBINE.get(statement.how)
        dtype = self._dtype(statement)
        if name is None:
            raise _NotStraightError
        return Apply(op_named(name), (old, value), dtype, dtype)

    def _dtype(self, statement: Accumulate) -> np.dtype:
        assert isinstance(statement.target, Ref)
        return statement.target.buffer.type.dtype

    # expressions

    def _ref(self, ref: Ref, values: Mapping[Symbol, Dim]) -> Ref:
        change = replace_symbols(values)
        gathers = tuple((self._expr(e, values), change(stride)) for e, stride in ref.gathers)
        return Ref(ref.buffer, change(ref.offset), gathers)

    def _load(self, ref: Ref) -> Expr:
        if not self.is_private(ref.buffer):
            return Load(ref)
        found = self.elements.get(self._place(ref))
        if found is None:
            raise _NotStraightError
        return found

    def _expr(self, expr: Expr, values: Mapping[Symbol, Dim]) -> Expr:
        """Rewrite an expression; expressions are small, so recursion is safe."""
        match expr:
            case Local():
                return self.locals.get(expr, expr)
            case Load(ref):
                return self._load(self._ref(ref, values))
            case Index(dim):
                return Index(replace_symbols(values)(dim))
            case Apply(op, args, dtype, operand_dtype, params):
                inner = tuple(self._expr(a, values) for a in args)
                return Apply(op, inner, dtype, operand_dtype, params)
            case Choose(condition, a, b):
                return Choose(*(self._expr(e, values) for e in (condition, a, b)))
            case Number():
                return expr
        raise _NotStraightError
