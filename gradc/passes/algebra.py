"""Identities of arithmetic that hold for every bit pattern, NaN, infinities and -0.0 included."""

import math

import numpy as np

from gradc.ir import Value, op_named
from gradc.passes.rewrite import literal, rule

__all__: list[str] = []


@rule("multiply")
def multiply_by_one(x: Value, y: Value) -> Value | None:
    """``x`` * 1 -> x."""
    if literal(y) == 1:
        return x
    return y if literal(x) == 1 else None


@rule("multiply")
def multiply_by_minus_one(x: Value, y: Value) -> Value | None:
    """``x`` * -1 -> -x."""
    if x.dtype.kind != "f":
        return None
    if literal(y) == -1:
        return -x
    return -y if literal(x) == -1 else None


@rule("multiply")
def multiply_negatives(x: Value, y: Value) -> Value | None:
    """(-x) * (-y) -> x * y: signs are exact."""
    a, b = _negated(x), _negated(y)
    return None if a is None or b is None else a * b


@rule("divide")
def divide_negatives(x: Value, y: Value) -> Value | None:
    """(-x) / (-y) -> x / y."""
    a, b = _negated(x), _negated(y)
    return None if a is None or b is None else a / b


@rule("divide")
def divide_by_power_of_two(x: Value, y: Value) -> Value | None:
    """``x`` / 2**k -> x * 2**-k, which is exact, as is x / 1 -> x."""
    number = literal(y)
    if number is None or y.dtype.kind != "f" or not math.isfinite(number) or number == 0:
        return None
    if number == 1:
        return x
    mantissa, exponent = math.frexp(number)
    if abs(mantissa) == 0.5 and abs(exponent) < 100:
        return x * (1.0 / number)
    return None


@rule("add")
def add_negative(x: Value, y: Value) -> Value | None:
    """``x`` + (-y) -> x - y."""
    b = _negated(y)
    if b is not None:
        return x - b
    a = _negated(x)
    return y - a if a is not None else None


@rule("add")
def add_negative_zero(x: Value, y: Value) -> Value | None:
    """``x`` + (-0.0) -> x; +0.0 is no identity: it turns -0.0 around.  Integers have one zero."""
    if _is_zero(y, negative=True):
        return x
    return y if _is_zero(x, negative=True) else None


@rule("subtract")
def subtract_negative(x: Value, y: Value) -> Value | None:
    """``x`` - (-y) -> x + y."""
    b = _negated(y)
    return x + b if b is not None else None


@rule("subtract")
def subtract_zero(x: Value, y: Value) -> Value | None:
    """``x`` - 0.0 -> x."""
    return x if _is_zero(y, negative=False) else None


@rule("negative")
def negate_twice(x: Value) -> Value | None:
    """-(-x) -> x."""
    return _negated(x)


@rule("negative")
def negate_product(x: Value) -> Value | None:
    """-(x * c) -> x * -c for a literal c."""
    if x.node.op.name not in ("multiply", "divide"):
        return None
    a, b = x.graph.values(x.node.operands)
    if a.dtype.kind != "f":
        return None
    if _number(b):
        return x.node.op(a, -b)
    return x.node.op(-a, b) if _number(a) else None


def _number(x: Value) -> bool:
    return literal(x) is not None


@rule("square")
def square_of_negative(x: Value) -> Value | None:
    """(-x)**2 -> x**2."""
    inner = _negated(x)
    return None if inner is None else op_named("square")(inner)


@rule("absolute")
def absolute_of_sign(x: Value) -> Value | None:
    """|-x| -> |x|, ||x|| -> |x|."""
    if x.node.op.name == "absolute":
        return x
    inner = _negated(x)
    return None if inner is None else op_named("absolute")(inner)


@rule("power")
def power_of_literal(x: Value, y: Value) -> Value | None:
    """X**2 -> square(x), x**1 -> x, x**0 -> 1."""
    number = literal(y)
    if number == 2:
        return op_named("square")(x)
    if number == 1:
        return x
    return x.full_like(1.0) if number == 0 else None


@rule("divide")
def recognise_sigmoid(x: Value, y: Value) -> Value | None:
    """1 / (1 + exp(-z)) -> sigmoid(z), whose derivative y * (1 - y) does not overflow."""
    if literal(x) != 1 or y.node.op.name != "add":
        return None
    a, b = y.graph.values(y.node.operands)
    power = b if literal(a) == 1 else a if literal(b) == 1 else None
    if power is None or power.node.op.name != "exp":
        return None
    inner = power.graph.value(power.node.operands[0])
    z = _negated(inner)
    return op_named("sigmoid")(z) if z is not None else None


@rule("select")
def select_same(condition: Value, a: Value, b: Value) -> Value | None:
    """Both branches equal, or the condition known."""
    if a == b:
        return a
    known = literal(condition)
    if known is None:
        return None
    return a if known else b


@rule("select")
def select_of_not(condition: Value, a: Value, b: Value) -> Value | None:
    """Turn the branches instead of the condition."""
    if condition.node.op.name != "logical_not" or condition.dtype != np.dtype(bool):
        return None
    inner = condition.graph.value(condition.node.operands[0])
    if inner.dtype != np.dtype(bool):
        return None
    return op_named("select")(inner, b, a)


@rule("logical_not")
def not_twice(x: Value) -> Value | None:
    """Not not x -> x for truth values."""
    if x.node.op.name != "logical_not":
        return None
    inner = x.graph.value(x.node.operands[0])
    return inner if inner.dtype == np.dtype(bool) else None


@rule("cast")
def cast_nothing(x: Value, dtype: np.dtype) -> Value | None:
    """Drop a cast to the dtype that is there."""
    return x if x.dtype == dtype else None


@rule("cast")
def cast_twice(x: Value, dtype: np.dtype) -> Value | None:
    """Skip a first cast that loses nothing."""
    if x.node.op.name != "cast":
        return None
    inner = x.graph.value(x.node.operands[0])
    if np.can_cast(inner.dtype, x.dtype, "safe") and inner.dtype.kind == x.dtype.kind:
        return inner.cast(dtype)
    return None


@rule("stop_gradient", final=True)
def forget_stop(x: Value) -> Value | None:
    """Once no derivative is taken any more, stop_gradient is the identity."""
    return x


@rule("multiply", unsafe=True)
def multiply_by_zero(x: Value, y: Value) -> Value | None:
    """``x`` * 0 -> 0, wrong for NaN and infinities."""
    return x.full_like(0.0) if literal(x) == 0 or literal(y) == 0 else None


@rule("add", unsafe=True)
def add_zero(x: Value, y: Value) -> Value | None:
    """``x`` + 0.0 -> x, wrong for -0.0."""
    if literal(y) == 0:
        return x
    return y if literal(x) == 0 else None


@rule("subtract", unsafe=True)
def subtract_itself(x: Value, y: Value) -> Value | None:
    """``x`` - x -> 0, wrong for NaN and infinities."""
    return x.full_like(0.0) if x == y else None


@rule("divide", unsafe=True)
def divide_by_literal(x: Value, y: Value) -> Value | None:
    """``x`` / c -> x * (1 / c), off by a last bit."""
    number = literal(y)
    if number is None or number == 0 or x.dtype.kind != "f":
        return None
    return x * (1.0 / number)


def _negated(x: Value) -> Value | None:
    """Return y when x is -y, as a node or as a broadcast of one."""
    if x.node.op.name == "negative" and x.dtype.kind == "f":
        return x.graph.value(x.node.operands[0])
    return None


def _is_zero(x: Value, *, negative: bool) -> bool:
    number = literal(x)
    if number is None or number != 0:
        return False
    if x.dtype.kind != "f":
        return True
    return bool(np.signbit(number)) == negative
