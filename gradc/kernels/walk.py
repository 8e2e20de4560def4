"""Walking and rewriting loop-level programs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from gradc.ir.dims import Dim, Symbol, substitute
from gradc.kernels.nest import (
    Accumulate,
    Apply,
    Assign,
    Break,
    Buffer,
    Call,
    Check,
    Choose,
    Copy,
    Declare,
    Expr,
    Fill,
    If,
    Index,
    Least,
    Let,
    Load,
    Local,
    Loop,
    MatMul,
    Matrix,
    Ref,
    Round,
    Stage,
    Stmt,
    Store,
    While,
)

__all__ = [
    "DimMap",
    "expressions",
    "is_shared",
    "is_straight",
    "loads",
    "map_statement",
    "nested",
    "replace_symbols",
    "scalars_read",
    "statements",
    "statements_in",
    "subexpressions",
    "uses",
    "uses_loan",
    "with_operands",
]

DimMap: TypeAlias = Callable[[Dim], Dim]


# reading


def nested(statement: Stmt) -> list[list[Stmt]]:
    """Return the statement lists inside a statement."""
    kind = type(statement)
    if kind is Loop or kind is While:
        return [statement.body]  # type: ignore[union-attr]
    return [statement.then, statement.otherwise] if isinstance(statement, If) else []


def statements(body: Sequence[Stmt]) -> Iterator[Stmt]:
    """Yield all statements, outer ones first, in textual order."""
    stack = list(reversed(body))
    while stack:
        statement = stack.pop()
        yield statement
        kind = type(statement)  # walked over many times: no question more than needed
        if kind is Loop or kind is While:
            stack.extend(reversed(statement.body))  # type: ignore[union-attr]
        elif isinstance(statement, If):
            stack.extend(reversed(statement.otherwise))
            stack.extend(reversed(statement.then))


def scalars_read(body: Sequence[Stmt]) -> Iterator[Local]:
    """Yield each scalar as often as statements read it, those inside them included."""
    for statement in statements(body):
        for whole in expressions(statement):
            for part in subexpressions(whole):
                if isinstance(part, Local):
                    yield part


def statements_in(stages: Iterable[Stage]) -> Iterator[Stmt]:
    """Yield all statements of some stages in textual order."""
    return (statement for stage in stages for statement in statements(stage.body))


def is_straight(stages: Iterable[Stage]) -> bool:
    """Tell whether nothing is run more than once: scalars and branches, no loop and no routine."""
    straight = Let | Declare | Assign | Store | Accumulate | Check | If
    return all(isinstance(s, straight) for s in statements_in(stages))


def uses_loan(stages: Iterable[Stage]) -> bool:
    """Tell whether there are products, or loops in chunks: what a caller may lend help for."""
    return any(isinstance(s, MatMul) or is_shared(s) for s in statements_in(stages))


def is_shared(statement: Stmt) -> bool:
    """Tell whether a statement is a loop in chunks, which threads share."""
    return isinstance(statement, Loop) and statement.chunk > 0


_OF_A_VALUE = frozenset({Let, Declare, Assign, Check})


def expressions(statement: Stmt) -> tuple[Expr, ...]:
    """Return the expressions that a statement evaluates itself."""
    kind = type(statement)
    if kind in _OF_A_VALUE:
        return (statement.value,)  # type: ignore[union-attr]
    if kind is Store or kind is Accumulate:
        value: Expr = statement.value  # type: ignore[union-attr]
        place = statement.ref if isinstance(statement, Store) else statement.target  # type: ignore[union-attr]
        gathers = place.gathers if isinstance(place, Ref) else ()
        return (value, *(e for e, _ in gathers)) if gathers else (value,)
    return (statement.condition,) if isinstance(statement, If | Break) else ()


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and everything inside it."""
    stack = [expr]
    while stack:
        here = stack.pop()
        yield here
        kind = type(here)  # asked for every part of every expression, many times over
        if kind is Apply:
            stack.extend(here.args[::-1])  # type: ignore[union-attr]
        elif kind is Load:
            if gathers := here.ref.gathers:  # type: ignore[union-attr]
                stack.extend(e for e, _ in gathers)
        elif isinstance(here, Choose):
            stack.extend((here.b, here.a, here.condition))


def loads(statement: Stmt) -> Iterator[Ref]:
    """Yield the references that a statement itself reads through expressions."""
    for expr in expressions(statement):
        for part in subexpressions(expr):
            if type(part) is Load:
                yield part.ref


def uses(statement: Stmt) -> Iterator[tuple[Buffer, bool]]:
    """Yield (buffer, is it written) for what one statement touches itself."""
    for ref in loads(statement):
        yield ref.buffer, False
    match statement:
        case Let() | Loop():
            return
        case Store(ref):
            yield ref.buffer, True
        case Accumulate(Ref() as ref):
            yield ref.buffer, True
        case Fill(buffer):
            yield buffer, True
        case Copy(target, source):
            yield source, False
            yield target, True
        case MatMul():
            yield statement.a.ref.buffer, False
            yield statement.b.ref.buffer, False
            yield statement.c.ref.buffer, True
        case Call():
            yield from ((ref.buffer, False) for ref in statement.reads)
            yield from ((ref.buffer, True) for ref in statement.writes)


# rewriting


def with_operands(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Copy an operation or a choice with its operands sent through ``change``.

    Anything else is returned as it is.  Expressions are small, so ``change`` may recur.
    """
    if isinstance(expr, Apply):
        args = tuple(change(arg) for arg in expr.args)
        return Apply(expr.op, args, expr.dtype, expr.operand_dtype, expr.params)
    if isinstance(expr, Choose):
        return Choose(change(expr.condition), change(expr.a), change(expr.b))
    return expr


def replace_symbols(values: Mapping[Symbol, Dim]) -> DimMap:
    """Return the function that replaces symbols in a dim."""

    def change(dim: Dim) -> Dim:
        if isinstance(dim, int) or not any(s in values for s in dim.symbols):
            return dim
        return substitute(dim, values)

    return change


def map_statement(statement: Stmt, change: DimMap) -> Stmt:
    """Copy a statement with every dim sent through ``change``."""
    if isinstance(statement, Loop):
        body = [map_statement(s, change) for s in statement.body]
        start, stop = change(statement.start), change(statement.stop)
        return replace(statement, start=start, stop=stop, body=body)
    if isinstance(statement, If):
        return If(
            _expr(statement.condition, change),
            [map_statement(s, change) for s in statement.then],
            [map_statement(s, change) for s in statement.otherwise],
            statement.node,
        )
    if isinstance(statement, While):
        body = [map_statement(s, change) for s in statement.body]
        return While(body, statement.limit, statement.code, statement.node)
    return _simple(statement, change)


def _simple(statement: Stmt, change: DimMap) -> Stmt:
    match statement:
        case Let(local, value):
            return Let(local, _expr(value, change))
        case Declare(local, value, lanes):
            return Declare(local, _expr(value, change), lanes)
        case Assign(local, value):
            return Assign(local, _expr(value, change))
        case Store(ref, value, node):
            return Store(_ref(ref, change), _expr(value, change), node)
        case Accumulate(target, how, value, node):
            moved = _ref(target, change) if isinstance(target, Ref) else target
            return Accumulate(moved, how, _expr(value, change), node)
        case Check(value, extent, code):
            return Check(_expr(value, change), change(extent), code)
        case Break(condition):
            return Break(_expr(condition, change))
        case Round() | Least() | MatMul() | Call():
            return _whole(statement, change)
    assert isinstance(statement, Fill | Copy)
    return statement


def _whole(statement: Round | Least | MatMul | Call, change: DimMap) -> Stmt:
    if isinstance(statement, Round):
        return replace(statement, dim=change(statement.dim))
    if isinstance(statement, Least):
        return replace(statement, a=change(statement.a), b=change(statement.b))
    if isinstance(statement, MatMul):
        return _matmul(statement, change)
    return replace(
        statement,
        counts=tuple(map(change, statement.counts)),
        reads=tuple(_ref(ref, change) for ref in statement.reads),
        writes=tuple(_ref(ref, change) for ref in statement.writes),
    )


def _matmul(statement: MatMul, change: DimMap) -> MatMul:
    def matrix(part: Matrix) -> Matrix:
        return Matrix(_ref(part.ref, change), change(part.row), change(part.column))

    m, n, k = change(statement.m), change(statement.n), change(statement.k)
    a, b, c = matrix(statement.a), matrix(statement.b), matrix(statement.c)
    return MatMul(m, n, k, a, b, c, statement.accumulate, statement.node)


def _ref(ref: Ref, change: DimMap) -> Ref:
    gathers = tuple((_expr(e, change), change(stride)) for e, stride in ref.gathers)
    return Ref(ref.buffer, change(ref.offset), gathers)


def _expr(expr: Expr, change: DimMap) -> Expr:
    """Rewrite an expression."""
    if isinstance(expr, Load):
        return Load(_ref(expr.ref, change))
    if isinstance(expr, Index):
        return Index(change(expr.dim))
    return with_operands(expr, lambda part: _expr(part, change))
