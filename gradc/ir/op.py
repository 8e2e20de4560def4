"""The record that declares an operation, and the registry of all of them.

    Op         = name kind infer evaluate numpy c derivative traces samples doc
    Derivative = Partials(fn) | Linear(transpose, slots) | Rule(vjp, jvp) | ZERO_DERIVATIVE | None

An op is declared once (``gradc/ops``).  Tracing, printing in both languages, fusion, the registry
tests and the coverage table all follow from the record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from gradc.errors import GradcError
from gradc.ir.dims import Dim
from gradc.ir.types import ArrayType
from gradc.records import dataclass

if TYPE_CHECKING:
    from gradc.ir.value import Value

__all__ = [
    "REGISTRY",
    "ZERO_DERIVATIVE",
    "Derivative",
    "Kind",
    "Linear",
    "Op",
    "Partials",
    "Routine",
    "Rule",
    "ZeroDerivative",
    "newest",
    "op_named",
    "register",
]


class Kind(Enum):
    """How an op is lowered: the C side of an op is never a loop, its kind makes the loops."""

    INPUT = "input"
    CONSTANT = "constant"
    ELEMENTWISE = "elementwise"
    REDUCTION = "reduction"
    SCAN = "scan"
    MOVEMENT = "movement"
    INDEX = "index"
    CONTRACTION = "contraction"
    CREATION = "creation"
    REGION = "region"
    ROUTINE = "routine"
    OTHER = "other"


_NUMBERS = (int, float, np.generic)
Terms: TypeAlias = "Sequence[Value | float | None]"
Cotangents: TypeAlias = "Sequence[Value | None]"


@dataclass(frozen=True, slots=True)
class Partials:
    """Local derivatives of an elementwise op.

    ``fn(y, *xs)`` returns one value for each operand: the partial derivative of the output ``y`` by
    that operand as a value or a number, or None where it is zero everywhere.
    """

    fn: "Callable[..., Terms]"


@dataclass(frozen=True, slots=True)
class Linear:
    """An op linear in the operands ``slots`` (None: in all of them).

    ``transpose(ct, out, *operands, **params)`` returns the pullback for each operand, None for the
    others.  The forward mode applies the op itself to the tangents: to all of them together, with
    zeros for those that are missing, or, for a contraction, to each in turn.
    """

    transpose: "Callable[..., Cotangents]"
    slots: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A derivative given as functions that build IR.

    ``vjp(ct, out, *operands, **params)`` returns one cotangent (or None) for each operand;
    ``jvp(tangents, out, *operands, **params)`` returns the tangent of the output; ``tangents`` has
    None for operands without one.
    """

    vjp: "Callable[..., Cotangents]"
    jvp: "Callable[..., Value | None]"


@dataclass(frozen=True, slots=True)
class ZeroDerivative:
    """Piecewise constant: the derivative is zero by declaration."""


ZERO_DERIVATIVE = ZeroDerivative()
Derivative: TypeAlias = Partials | Linear | Rule | ZeroDerivative | None
NumpyPrinter: TypeAlias = str | Callable[..., str]
CTemplate: TypeAlias = str | Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Routine:
    """How the support function of a routine is called: ``name(counts, operands, result, scratch)``.

    Parameters
    ----------
    counts : callable
        ``counts(*types, **params)`` returns the extents that it is told.
    scratch : callable
        ``scratch(*types, **params)`` returns the types of the memory that it works in.
    refuses : str
        What it means when the function does not return 0; empty for a function without a result.
    product : callable, optional
        ``product(*types, **params)`` returns the extents ``(m, n, k)`` of the greatest product that
        the function makes, which is then ``name_blocked`` and takes the environment first and the
        memory of products last; None where it makes none.
    """

    counts: "Callable[..., Sequence[Dim]]"
    scratch: Callable[..., Sequence[ArrayType]]
    refuses: str = ""
    product: "Callable[..., tuple[Dim, Dim, Dim] | None] | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One operation.

    Parameters
    ----------
    name : str
        NumPy's name where there is one.
    kind : Kind
        How it is lowered.
    operands : tuple of str
        Names of the operands as templates and messages use them; a last name starting with ``*``
        takes any number.
    infer : callable
        ``infer(*types, **params) -> ArrayType``; raises ``ShapeError`` or ``DTypeError``.
    evaluate : callable
        ``evaluate(*arrays, **params) -> ndarray``: NumPy's own meaning, used by the interpreter and
        for folding.
    numpy : str or callable
        Template over operand names, or ``printer(texts, types, params) -> str``.
    c : str, mapping or None
        Elementwise ops: C template, or one for each dtype kind of the first operand (``"f"``,
        ``"i"``, ``"u"``, ``"b"``); routines: the name of the function.  ``exp@(`` names a math
        function, ``1.0@`` a literal; the printer completes both for the dtype.
    derivative : Derivative
        None refuses a derivative.
    traces : tuple of callable
        NumPy callables that record exactly this op.
    samples : object
        What the registry tests feed it.
    doc : str
        One sentence.
    precedence : int
        Binding strength of the printed form, in both languages; 100 is a call or a name.
    params : tuple of str
        Names of the parameters.
    routine : Routine, optional
        How a routine is called in C.
    helpers : tuple of callable
        Functions over NumPy alone that the NumPy text calls; their source stands above it.
    """

    name: str
    kind: Kind
    operands: tuple[str, ...]
    infer: Callable[..., ArrayType]
    evaluate: Callable[..., Any]
    numpy: NumpyPrinter
    c: CTemplate = None
    derivative: Derivative = None
    traces: tuple[Callable[..., Any], ...] = ()
    samples: Any = None
    doc: str = ""
    precedence: int = 100
    params: tuple[str, ...] = ()
    tags: frozenset[str] = field(default_factory=frozenset)
    routine: Routine | None = None
    helpers: tuple[Callable[..., Any], ...] = ()

    @property
    def variadic(self) -> bool:
        """Whether it takes any number of operands."""
        return bool(self.operands) and self.operands[-1].startswith("*")

    @property
    def arity(self) -> int | None:
        """Number of operands; None when it takes any number."""
        return None if self.variadic else len(self.operands)

    def __call__(self, *values: "Value | float", **params: Any) -> "Value":
        """Add a node to the graph of the operands and return its value.

        Elementwise ops align their operands first: Python numbers become constants of the other
        operand's dtype, and shapes are broadcast by explicit nodes.
        """
        return _build(self, values, params)

    def __repr__(self) -> str:
        """Write its name."""
        return f"<op {self.name}>"


REGISTRY: dict[str, Op] = {}


def register(op: Op) -> Op:
    """Enter an op under its name; a name can be taken once."""
    if op.name in REGISTRY:
        raise GradcError(f"an op named {op.name!r} exists", repair="choose another name")
    REGISTRY[op.name] = op
    return op


def newest() -> Op:
    """Return the op registered last; another one means that the registry has changed."""
    return next(reversed(REGISTRY.values()))


def op_named(name: str) -> Op:
    """Return the registered op of that name; ``KeyError`` when there is none."""
    return REGISTRY[name]


def _build(op: Op, values: "Sequence[Value | float]", params: dict[str, Any]) -> "Value":
    if op.kind is Kind.ELEMENTWISE:
        values = _align(op, values)
    graph = next(v for v in values if not isinstance(v, _NUMBERS)).graph
    return graph.value(graph.add(op, tuple(v.id for v in values), params))  # type: ignore[union-attr]


def _align(op: Op, values: "Sequence[Value | float]") -> "Sequence[Value]":
    """Turn numbers into constants and broadcast operands against each other."""
    arrays = [v for v in values if not isinstance(v, _NUMBERS)]
    if len(arrays) < len(values):
        model = arrays[-1]
        values = [v if v in arrays else model.graph.literal(v, model.dtype) for v in values]
        arrays = list(values)  # type: ignore[arg-type]
    shape = arrays[0].shape
    if any(v.shape != shape for v in arrays):
        shape = broadcast_shapes(*(v.shape for v in arrays))
        arrays = [v.broadcast_to(shape) for v in arrays]
    return arrays


def broadcast_shapes(*shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    """NumPy's broadcasting of shapes whose extents may be symbolic; a broadcast 1 is static."""
    from_right: list[Any] = []
    for axis in range(max(map(len, shapes), default=0)):
        extents = [s[len(s) - 1 - axis] for s in shapes if axis < len(s)]
        wide = [e for e in extents if e != 1]
        if any(e != wide[0] for e in wide):
            raise ValueError(f"shapes {' and '.join(map(str, shapes))} do not broadcast")
        from_right.append(wide[0] if wide else 1)
    return tuple(reversed(from_right))
