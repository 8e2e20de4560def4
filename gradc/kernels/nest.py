"""The loop-level program: what the C printer prints.

    Unit    = program, buffers, stages, plan
    Stage   = title, body: Stmt*, nodes                    one top-level nest or call
    Stmt    = Loop(symbol, start, stop, step, body)         step may be -1: then down to stop + 1
            | While(body, limit, code)                     until a Break; code after limit turns
            | Break(condition)                             leave the loop unless it holds
            | Round(symbol, dim, step)                     symbol = dim down to a multiple of step
            | Least(symbol, a, b)                          symbol = the smaller one of two dims
            | Let(local, value, node)                      const scalar of one iteration
            | Declare(local, value, lanes)                 mutable scalar, or array of lanes
            | Store(ref, value, node)                      buffer element = value
            | Accumulate(target, how, value)               target = how(target, value)
            | Assign(local, value)                         to a declared local
            | If(condition, then, otherwise)
            | Check(condition, code)                       return code unless it holds
            | Fill(buffer, value) | Copy(target, source)   whole contiguous buffers
            | MatMul(m, n, k, a, b, c, accumulate)         strided matrices, one product
            | Call(op, dtype, counts, reads, writes, code, product)  the op's routine; may fail
    Expr    = Load(ref) | Local | Lane(local, symbol) | Index(dim) | Number(value, dtype)
            | Apply(op, args, dtype) | Choose(condition, a, b) | Combine(how, local)
    Ref     = buffer, offset: Dim (elements), gathers: (Expr, stride)*

A local is known to the statements after it in its list and in what those contain; a local made in a
stage's own list is known to all later stages.  One local may be made in several lists that do not
contain each other (the main and the remaining turns of a split loop).

Offsets are integer polynomials over loop symbols (``Symbol(role="index")``) and size symbols, so
every reference is affine in the loops wherever the sizes are known.  Nothing here knows C.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from gradc.ir.dims import Dim, Symbol
from gradc.ir.op import Op
from gradc.ir.program import Program
from gradc.ir.types import ArrayType
from gradc.records import dataclass
from gradc.spans import Span

__all__ = [
    "Accumulate",
    "Apply",
    "Assign",
    "Break",
    "Buffer",
    "BufferPlan",
    "Call",
    "Check",
    "Choose",
    "Combine",
    "Copy",
    "Declare",
    "Expr",
    "Failure",
    "FailureKind",
    "Fill",
    "How",
    "If",
    "Index",
    "Lane",
    "Least",
    "Let",
    "Load",
    "Local",
    "Loop",
    "MatMul",
    "Matrix",
    "Number",
    "Ref",
    "Round",
    "Stage",
    "Stmt",
    "Store",
    "Unit",
    "While",
]

BufferKind = Literal["input", "output", "temporary", "constant"]
FailureKind = Literal["index", "linalg", "limit"]
How = Literal["sum", "prod", "max", "min", "any", "all"]
LANES = 16
"""Accumulators of one reduction; fixed, so that results do not depend on compiler or processor."""


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """Contiguous memory of one array, C order.

    ``name`` is a hint (the user's name or empty); ``position`` is the place among the inputs or
    outputs; ``node`` the graph node whose value it holds; ``data`` the content of a constant;
    ``most`` the elements to make room for where the size depends on a loop index; ``passing`` says
    that a turn of an outermost loop reads what the same turn wrote, and nobody reads it afterwards.
    """

    kind: BufferKind
    type: ArrayType
    name: str = ""
    position: int = -1
    node: int = -1
    data: np.ndarray | None = None
    most: int = -1
    passing: bool = False

    @property
    def room(self) -> Dim:
        """Elements that the memory holds."""
        return self.type.size if self.most < 0 else self.most


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """A scalar variable (or ``lanes`` of them) of the C function."""

    dtype: np.dtype
    name: str = ""
    node: int = -1


@dataclass(frozen=True, slots=True)
class Ref:
    """Element ``offset + sum(gather * stride)`` of a buffer."""

    buffer: Buffer
    offset: Dim
    gathers: tuple[tuple[Expr, Dim], ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """The element a reference points at."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Lane:
    """Lane number ``symbol`` of a declared local with lanes."""

    local: Local
    symbol: Symbol


@dataclass(frozen=True, slots=True)
class Index:
    """An index expression as a 64-bit integer value."""

    dim: Dim


@dataclass(frozen=True, slots=True)
class Number:
    """A literal of a dtype."""

    value: Any
    dtype: np.dtype


@dataclass(frozen=True, slots=True)
class Apply:
    """An elementwise op; ``dtype`` is the result's, ``operand_dtype`` the first operand's."""

    op: Op
    args: tuple[Expr, ...]
    dtype: np.dtype
    operand_dtype: np.dtype
    params: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Choose:
    """``a`` where the condition holds, else ``b``; only the chosen one is evaluated."""

    condition: Expr
    a: Expr
    b: Expr


@dataclass(frozen=True, slots=True)
class Combine:
    """The lanes of a local, combined by the fixed tree of ``how``."""

    how: How
    local: Local


Expr: TypeAlias = Load | Local | Lane | Index | Number | Apply | Choose | Combine


@dataclass(slots=True, eq=False)
class Loop:
    """``for (symbol = start; symbol < stop; symbol += step) body``.

    ``apart``: no turn reads what another one writes, whatever their memory looks like.  ``chunk``:
    turns may run in any order and at the same time; so many in a row are one thread's share, and 0
    is a loop that runs in order.
    """

    symbol: Symbol
    start: Dim
    stop: Dim
    body: list[Stmt]
    step: int = 1
    node: int = -1
    apart: bool = False
    chunk: int = 0


@dataclass(slots=True, eq=False)
class While:
    """Turns until the ``Break`` in the body leaves; ``code`` is returned after ``limit`` turns."""

    body: list[Stmt]
    limit: int
    code: int
    node: int = -1


@dataclass(slots=True, eq=False)
class Break:
    """Leave the innermost ``While`` unless the condition holds."""

    condition: Expr


@dataclass(slots=True, eq=False)
class Round:
    """Give a symbol the value of a dim, which is not negative, down to a multiple of ``step``."""

    symbol: Symbol
    dim: Dim
    step: int


@dataclass(slots=True, eq=False)
class Least:
    """Give a symbol the smaller one of two values."""

    symbol: Symbol
    a: Dim
    b: Dim


@dataclass(slots=True, eq=False)
class Let:
    """A constant scalar of one iteration."""

    local: Local
    value: Expr


@dataclass(slots=True, eq=False)
class Declare:
    """A mutable scalar, or ``lanes`` of them, each set to ``value``."""

    local: Local
    value: Expr
    lanes: int = 0


@dataclass(slots=True, eq=False)
class Store:
    """Write one element; ``node`` is the graph node whose value is written."""

    ref: Ref
    value: Expr
    node: int = -1


@dataclass(slots=True, eq=False)
class Accumulate:
    """Combine a value into a local, a lane or a buffer element."""

    target: Local | Lane | Ref
    how: How
    value: Expr
    node: int = -1


@dataclass(slots=True, eq=False)
class Assign:
    """Set a declared local."""

    local: Local
    value: Expr


@dataclass(slots=True, eq=False)
class If:
    """Statements under a condition."""

    condition: Expr
    then: list[Stmt]
    otherwise: list[Stmt] = field(default_factory=list)
    node: int = -1


@dataclass(slots=True, eq=False)
class Check:
    """Leave the function with ``code`` unless ``0 <= value < extent``."""

    value: Expr
    extent: Dim
    code: int


@dataclass(slots=True, eq=False)
class Fill:
    """Set every element of a buffer to one value."""

    buffer: Buffer
    value: Number
    node: int = -1


@dataclass(slots=True, eq=False)
class Copy:
    """Copy all elements between buffers of one size and dtype."""

    target: Buffer
    source: Buffer
    node: int = -1


@dataclass(frozen=True, slots=True)
class Matrix:
    """A strided matrix: element (r, c) lies at ``ref.offset + r * row + c * column``."""

    ref: Ref
    row: Dim
    column: Dim


@dataclass(slots=True, eq=False)
class MatMul:
    """``c = a @ b`` (or ``c += a @ b``) with a (m, k), b (k, n), c (m, n)."""

    m: Dim
    n: Dim
    k: Dim
    a: Matrix
    b: Matrix
    c: Matrix
    accumulate: bool = False
    node: int = -1


@dataclass(slots=True, eq=False)
class Call:
    """Call a support function on contiguous arrays: the counts, what it reads, what it writes.

    Where ``code`` is not 0, the function returns 0 when all went well; else leave with ``code``.
    ``product`` holds the extents of the greatest matrix product that it makes, if it makes any.
    """

    op: Op
    dtype: np.dtype
    counts: tuple[Dim, ...]
    reads: tuple[Ref, ...]
    writes: tuple[Ref, ...]
    code: int = 0
    node: int = -1
    product: tuple[Dim, Dim, Dim] | None = None


Stmt: TypeAlias = (
    Loop
    | While
    | Break
    | Round
    | Least
    | Let
    | Declare
    | Store
    | Accumulate
    | Assign
    | If
    | Check
    | Fill
    | Copy
    | MatMul
    | Call
)


@dataclass(slots=True, eq=False)
class Stage:
    """One top-level nest or call, with the graph nodes that it computes.

    ``step`` numbers the functions that a long one is cut into, from 1; 0 is one that stays whole.
    """

    body: list[Stmt]
    nodes: tuple[int, ...] = ()
    section: str = "primal"
    step: int = 0


@dataclass(frozen=True, slots=True)
class BufferPlan:
    """Where temporaries lie in the arena: byte offsets by buffer, and the arena's bytes.

    ``scratch`` is the offset and size of the area that matrix products pack into; ``lent_bytes``
    the arena's bytes where the caller lends a library for products, which need less or none of it.
    """

    offsets: dict[Buffer, int]
    arena_bytes: int
    scratch: tuple[int, int] = (0, 0)
    lent_bytes: int = 0


class Failure(NamedTuple):
    """Why a function may stop: message, the user's place, and the kind of error."""

    message: str
    span: Span | None
    kind: FailureKind = "index"


@dataclass(slots=True, eq=False)
class Unit:
    """A program lowered to loops.

    ``failures[k]`` describes status code ``k + 1``.
    """

    program: Program
    buffers: list[Buffer]
    stages: list[Stage]
    plan: BufferPlan
    failures: list[Failure] = field(default_factory=list)
