"""Whole powers without the general function, in programs for C.

    x ** 3   ->   square(x) * x
    x ** 6   ->   square(square(x) * x)
    x ** 7   ->   copysign(abs(x) ** 7, x)

A general power takes a logarithm and an exponential, and vector code of it leaves what is negative
to be done one by one.  Each multiplication rounds once, so products are within three units in the
last place: as exact as the vector functions.  Infinities, NaN and signs of zero are those of
``pow``.  NumPy's source keeps what the user wrote.
"""

from gradc.ir import Node, Value, op_named
from gradc.passes.rewrite import literal

__all__ = ["whole_power"]

_MULTIPLIED = (3, 4, 5, 6)
"""Two or three multiplications each; 0, 1 and 2 are something else already."""


def whole_power(node: Node, operands: tuple[Value, ...]) -> Value | None:
    """Return a whole power of floating-point numbers put as above; None for any other."""
    base, exponent = operands
    number = literal(exponent)
    if node.type.dtype.kind != "f" or number is None or not float(number).is_integer():
        return None
    if number in _MULTIPLIED:
        return _product(base, int(number))
    return _of_size(base, exponent, odd=number % 2 == 1)


def _product(x: Value, exponent: int) -> Value:
    """Return a power by squaring."""
    if exponent == 1:
        return x
    half = op_named("square")(_product(x, exponent // 2))
    return half * x if exponent % 2 else half


def _of_size(x: Value, exponent: Value, *, odd: bool) -> Value:
    """Return a whole power as one of the size of x, with the sign of x if the exponent is odd."""
    power = op_named("power")(op_named("absolute")(x), exponent)
    return op_named("copysign")(power, x) if odd else power
