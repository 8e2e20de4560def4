"""Comparisons, truth values, bits, and choices between two values."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError, ShapeError
from gradc.ir.op import Linear, Op, op_named
from gradc.ir.types import BOOL, ArrayType
from gradc.ir.value import Value
from gradc.ops.declare import Samples, elementwise, integers, reals, same_type
from gradc.ops.rules import choose, is_constant, is_greater, mask

__all__ = [
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "equal",
    "fmax",
    "fmin",
    "greater",
    "greater_equal",
    "invert",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "not_equal",
    "select",
]

_ALL = "fiub"


def _comparison(ufunc: np.ufunc, sign: str) -> Op:
    return elementwise(
        ufunc.__name__,
        "x, y",
        numpy=f"{{x}} {sign} {{y}}",
        c=f"{{x}} {sign} {{y}}",
        takes=_ALL,
        evaluate=ufunc,
        result="bool",
        traces=(ufunc,),
        precedence=30,
        samples=Samples(dtypes=("f8", "f4", "i8")),
        doc=f"x {sign} y",
    )


equal = _comparison(np.equal, "==")
not_equal = _comparison(np.not_equal, "!=")
less = _comparison(np.less, "<")
less_equal = _comparison(np.less_equal, "<=")
greater = _comparison(np.greater, ">")
greater_equal = _comparison(np.greater_equal, ">=")


def _logical(ufunc: np.ufunc, c: str, doc: str) -> Op:
    operands = "x" if ufunc.nin == 1 else "x, y"
    texts = ", ".join(f"{{{name}}}" for name in operands.split(", "))
    return elementwise(
        ufunc.__name__,
        operands,
        numpy=f"np.{ufunc.__name__}({texts})",
        c=c,
        takes=_ALL,
        evaluate=ufunc,
        result="bool",
        traces=(ufunc,),
        samples=Samples(-1, 1, ("?", "i8", "f8")),
        doc=doc,
    )


logical_and = _logical(np.logical_and, "({x} && {y})", "Both hold; numbers hold unless they are 0.")
logical_or = _logical(np.logical_or, "({x} || {y})", "At least one holds.")
logical_xor = _logical(np.logical_xor, "(!{x} != !{y})", "Exactly one holds.")
logical_not = _logical(np.logical_not, "(!{x})", "It does not hold.")


def _bitwise(ufunc: np.ufunc, sign: str, precedence: int, doc: str) -> Op:
    return elementwise(
        ufunc.__name__,
        "x, y",
        numpy=f"{{x}} {sign} {{y}}",
        c={"iub": f"({{x}} {sign} {{y}})"},
        evaluate=ufunc,
        traces=(ufunc,),
        precedence=precedence,
        samples=integers(dtypes=("i8", "i4", "?")),
        doc=doc,
    )


bitwise_and = _bitwise(np.bitwise_and, "&", 37, "Bits that are set in both.")
bitwise_or = _bitwise(np.bitwise_or, "|", 35, "Bits that are set in at least one.")
bitwise_xor = _bitwise(np.bitwise_xor, "^", 36, "Bits that are set in exactly one.")
invert = elementwise(
    "invert",
    "x",
    numpy="~{x}",
    c={"iu": "~{x}", "b": "!{x}"},
    evaluate=np.invert,
    traces=(np.invert,),
    precedence=80,
    samples=integers(dtypes=("i8", "i4", "?")),
    doc="Every bit turned over.",
)


def _predicate(ufunc: np.ufunc, whole: str, doc: str) -> Op:
    name = ufunc.__name__
    return elementwise(
        name,
        "x",
        numpy=f"np.{name}({{x}})",
        c={"f": f"({name}({{x}}) != 0)", "iub": whole},
        evaluate=ufunc,
        result="bool",
        traces=(ufunc,),
        doc=doc,
    )


isnan = _predicate(np.isnan, "(({x} & 0) != 0)", "Is it not a number?")
isinf = _predicate(np.isinf, "(({x} & 0) != 0)", "Is it infinite?")
isfinite = _predicate(np.isfinite, "(({x} & 0) == 0)", "Is it neither infinite nor NaN?")


# choices


def _select_infer(condition: ArrayType, a: ArrayType, b: ArrayType) -> ArrayType:
    if condition.dtype != BOOL:
        raise DTypeError(f"select needs a condition of truth values, got {condition}")
    if condition.shape != a.shape:
        raise ShapeError(f"select needs equal shapes, got {condition} and {a}")
    return same_type("select", a, b)


def _select_transpose(
    ct: Value, out: Value, condition: Value, a: Value, b: Value
) -> Sequence[Value | None]:
    return None, choose(condition, ct, 0.0, ct), choose(condition, 0.0, ct, ct)


select = elementwise(
    "select",
    "c, a, b",
    derivative=Linear(_select_transpose, slots=(1, 2)),
    numpy="np.where({c}, {a}, {b})",
    c="({c} ? {a} : {b})",
    takes=_ALL,
    evaluate=np.where,
    infer=_select_infer,
    samples=reals(fixed=("?", "", "")),
    doc="a where the condition holds, b elsewhere; each keeps its derivative to itself.",
)


def _shares(x: Value, wins: Value, ties: Value) -> tuple[Value, Value]:
    """Return 1 and 0 where x wins, 0 and 1 where it loses, two halves at a tie.

    Both are made of the same two truth values, which a loop keeps for its reverse.
    """
    mine, others = choose(ties, 0.5, 0.0, x), choose(ties, 0.5, 1.0, x)
    return choose(wins, 1.0, mine, x), choose(wins, 0.0, others, x)


def _extreme_partials(wins: Callable[[Value, Value], Value]) -> Callable[..., Any]:
    """Return shares of x and y: ties share evenly, but against a constant they get nothing.

    Who won against a constant shows in the result, too: the operand need not be kept.
    """

    def partials(z: Value, x: Value, y: Value) -> Sequence[Value | None]:
        if is_constant(y):
            return mask(wins(z, y), z), None
        if is_constant(x):
            return None, mask(wins(z, x), z)
        return _shares(x, wins(x, y), op_named("equal")(x, y))

    return partials


def _less(x: Value, y: Value) -> Value:
    return op_named("less")(x, y)


def _or_nan(wins: Callable[[Value, Value], Value]) -> Callable[[Value, Value], Value]:
    """Win also against NaN."""

    def decide(x: Value, y: Value) -> Value:
        return op_named("logical_or")(wins(x, y), op_named("isnan")(y))

    return decide


def _extreme(
    ufunc: np.ufunc, wins: Callable[[Value, Value], Value], c: dict[str, str], doc: str
) -> Op:
    return elementwise(
        ufunc.__name__,
        "x, y",
        partials=_extreme_partials(wins),
        numpy=f"np.{ufunc.__name__}({{x}}, {{y}})",
        c={"f": f"gradc_{ufunc.__name__}@({{x}}, {{y}})", **c},
        evaluate=ufunc,
        traces=(ufunc,),
        doc=doc,
    )


_LARGER = {"iu": "gradc_maximum_{t}({x}, {y})", "b": "({x} | {y})"}
_SMALLER = {"iu": "gradc_minimum_{t}({x}, {y})", "b": "({x} & {y})"}
maximum = _extreme(np.maximum, is_greater, _LARGER, "The larger one, NaN if either is NaN.")
minimum = _extreme(np.minimum, _less, _SMALLER, "The smaller one, NaN if either is NaN.")
fmax = _extreme(np.fmax, _or_nan(is_greater), _LARGER, "The larger one that is not NaN.")
fmin = _extreme(np.fmin, _or_nan(_less), _SMALLER, "The smaller one that is not NaN.")
