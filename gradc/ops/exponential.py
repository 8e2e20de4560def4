"""Powers, exponentials and logarithms."""

import math
from collections.abc import Sequence

import numpy as np

from gradc.ir.op import op_named
from gradc.ir.value import Value
from gradc.ops.declare import elementwise, reals
from gradc.ops.rules import choose, constant_number, is_constant, is_greater, is_zero, without_zeros

__all__ = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp_rest",
    "logaddexp_share",
    "power",
    "sigmoid",
]

_LN2 = math.log(2.0)
_LN10 = math.log(10.0)


def _power_partials(z: Value, x: Value, y: Value) -> Sequence[Value | float | None]:
    number = constant_number(y)
    if number is not None:
        return _by_base_of_constant(x, number), None
    return _by_base(x, y), None if is_constant(y) else _by_exponent(z, x)


def _by_base_of_constant(x: Value, exponent: float) -> Value | float | None:
    """Return the derivative of ``x ** exponent``: 0 at 0 for roots, as for ``sqrt``."""
    if exponent in (0, 1):
        return float(exponent) or None
    if exponent == 2:
        return 2.0 * x
    base = without_zeros(x) if 0 < exponent < 1 else x
    return float(exponent) * base ** (exponent - 1.0)


def _by_base(x: Value, y: Value) -> Value:
    """Return ``y * x ** (y - 1)``, which is 0 at ``0 ** 0``."""
    flat = op_named("logical_and")(is_zero(x), is_zero(y))
    return y * choose(flat, 1.0, x, x) ** (y - 1.0)


def _by_exponent(z: Value, x: Value) -> Value:
    """Return ``x ** y * log(x)``, and 0 where ``log`` is not defined."""
    inside = is_greater(x, 0.0)
    logarithm = op_named("log")(choose(inside, x, 1.0, x))
    return choose(inside, z, 0.0, z) * logarithm


def _evaluate_power(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``x ** 2`` takes NumPy's own short cut for one exponent, as the printed text does."""
    if np.ndim(x) and np.size(y) and not any(np.asarray(y).strides):
        return np.asarray(x ** np.asarray(y).flat[0].item())
    return np.asarray(np.power(x, y))


power = elementwise(
    "power",
    "x, y",
    partials=_power_partials,
    numpy="{x} ** {y}",
    c={"f": "pow@({x}, {y})", "iu": "gradc_power_{t}({x}, {y})"},
    evaluate=_evaluate_power,
    traces=(np.power,),
    precedence=90,
    samples=reals(0.2, 3.0),
    doc="x to the power y.",
)
exp = elementwise(
    "exp",
    "x",
    partials=lambda y, x: (y,),
    numpy="np.exp({x})",
    c="exp@({x})",
    evaluate=np.exp,
    traces=(np.exp,),
    doc="e to the power x.",
)
exp2 = elementwise(
    "exp2",
    "x",
    partials=lambda y, x: (y * _LN2,),
    numpy="np.exp2({x})",
    c="exp2@({x})",
    evaluate=np.exp2,
    traces=(np.exp2,),
    doc="2 to the power x.",
)
expm1 = elementwise(
    "expm1",
    "x",
    partials=lambda y, x: (y + 1.0,),
    numpy="np.expm1({x})",
    c="expm1@({x})",
    evaluate=np.expm1,
    traces=(np.expm1,),
    doc="exp(x) - 1, accurate near 0.",
)
log = elementwise(
    "log",
    "x",
    partials=lambda y, x: (1.0 / x,),
    numpy="np.log({x})",
    c="log@({x})",
    evaluate=np.log,
    traces=(np.log,),
    samples=reals(0.1, 5.0),
    doc="The natural logarithm.",
)
log2 = elementwise(
    "log2",
    "x",
    partials=lambda y, x: ((1.0 / _LN2) / x,),
    numpy="np.log2({x})",
    c="log2@({x})",
    evaluate=np.log2,
    traces=(np.log2,),
    samples=reals(0.1, 5.0),
    doc="The logarithm to base 2.",
)
log10 = elementwise(
    "log10",
    "x",
    partials=lambda y, x: ((1.0 / _LN10) / x,),
    numpy="np.log10({x})",
    c="log10@({x})",
    evaluate=np.log10,
    traces=(np.log10,),
    samples=reals(0.1, 5.0),
    doc="The logarithm to base 10.",
)
log1p = elementwise(
    "log1p",
    "x",
    partials=lambda y, x: (1.0 / (1.0 + x),),
    numpy="np.log1p({x})",
    c="log1p@({x})",
    evaluate=np.log1p,
    traces=(np.log1p,),
    samples=reals(-0.8, 3.0),
    doc="log(1 + x), accurate near 0.",
)


def _logaddexp_partials(z: Value, x: Value, y: Value) -> Sequence[Value]:
    """Return the shares of x and y in the sum; 0 each where both are minus infinity."""
    empty = op_named("equal")(z, -math.inf)
    shares = op_named("logaddexp_share")(x, y), op_named("logaddexp_rest")(x, y)
    return tuple(choose(empty, 0.0, share, z) for share in shares)


def _evaluate_share(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(y - x)))


logaddexp_share = elementwise(
    "logaddexp_share",
    "x, y",
    partials=lambda s, x, y: (s * (1.0 - s), s * (s - 1.0)),
    numpy="1.0 / (1.0 + np.exp({y} - {x}))",
    c="gradc_logaddexp_share@({x}, {y}, exp@(gradc_logaddexp_gap@({x}, {y})))",
    evaluate=_evaluate_share,
    precedence=70,
    samples=reals(-6.0, 6.0),
    doc="exp(x) / (exp(x) + exp(y)), with the exponential that logaddexp takes.",
)
logaddexp_rest = elementwise(
    "logaddexp_rest",
    "x, y",
    partials=lambda r, x, y: (r * (r - 1.0), r * (1.0 - r)),
    numpy="1.0 / (1.0 + np.exp({x} - {y}))",
    c="gradc_logaddexp_rest@({x}, {y}, exp@(gradc_logaddexp_gap@({x}, {y})))",
    evaluate=lambda x, y: _evaluate_share(y, x),
    precedence=70,
    samples=reals(-6.0, 6.0),
    doc="exp(y) / (exp(x) + exp(y)), with the exponential that logaddexp takes.",
)


logaddexp = elementwise(
    "logaddexp",
    "x, y",
    partials=_logaddexp_partials,
    numpy="np.logaddexp({x}, {y})",
    c="gradc_logaddexp_with@({x}, {y}, log1p@(exp@(gradc_logaddexp_gap@({x}, {y}))))",
    evaluate=np.logaddexp,
    traces=(np.logaddexp,),
    doc="log(exp(x) + exp(y)) without overflow.",
)


def _evaluate_sigmoid(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


sigmoid = elementwise(
    "sigmoid",
    "x",
    partials=lambda y, x: (y * (1.0 - y),),
    numpy="1.0 / (1.0 + np.exp(-{x}))",
    c="gradc_sigmoid@({x})",
    evaluate=_evaluate_sigmoid,
    precedence=70,
    samples=reals(-6.0, 6.0),
    doc="1 / (1 + exp(-x)).",
)
