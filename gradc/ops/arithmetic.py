"""Addition, multiplication and their kin."""

from collections.abc import Sequence

import numpy as np

from gradc.ir.op import ZERO_DERIVATIVE, op_named
from gradc.ir.value import Value
from gradc.ops.declare import elementwise, reals
from gradc.ops.rules import is_zero, mask, without_zeros

__all__ = [
    "absolute",
    "add",
    "cbrt",
    "copysign",
    "divide",
    "floor_divide",
    "fmod",
    "heaviside",
    "hypot",
    "multiply",
    "negative",
    "reciprocal",
    "remainder",
    "sign",
    "sqrt",
    "square",
    "subtract",
]

add = elementwise(
    "add",
    "x, y",
    partials=lambda z, x, y: (1.0, 1.0),
    numpy="{x} + {y}",
    c={"f": "{x} + {y}", "iu": "gradc_add_{t}({x}, {y})", "b": "({x} | {y})"},
    evaluate=np.add,
    traces=(np.add,),
    precedence=60,
    samples=reals(),
    doc="x + y",
)
subtract = elementwise(
    "subtract",
    "x, y",
    partials=lambda z, x, y: (1.0, -1.0),
    numpy="{x} - {y}",
    c={"f": "{x} - {y}", "iu": "gradc_sub_{t}({x}, {y})"},
    evaluate=np.subtract,
    traces=(np.subtract,),
    precedence=60,
    doc="x - y",
)
multiply = elementwise(
    "multiply",
    "x, y",
    partials=lambda z, x, y: (y, x),
    numpy="{x} * {y}",
    c={"f": "{x} * {y}", "iu": "gradc_mul_{t}({x}, {y})", "b": "({x} & {y})"},
    evaluate=np.multiply,
    traces=(np.multiply,),
    precedence=70,
    doc="x * y",
)
divide = elementwise(
    "divide",
    "x, y",
    partials=lambda z, x, y: (1.0 / y, -z / y),
    numpy="{x} / {y}",
    c="{x} / {y}",
    evaluate=np.divide,
    traces=(np.divide,),
    precedence=70,
    samples=reals(0.5, 3.0),
    doc="x / y",
)
negative = elementwise(
    "negative",
    "x",
    partials=lambda z, x: (-1.0,),
    numpy="-{x}",
    c={"f": "-{x}", "i": "gradc_negative_{t}({x})", "u": "gradc_sub_{t}(0, {x})"},
    evaluate=np.negative,
    traces=(np.negative,),
    precedence=80,
    doc="The number with the other sign.",
)
reciprocal = elementwise(
    "reciprocal",
    "x",
    partials=lambda z, x: (-(z * z),),
    numpy="1.0 / {x}",
    c="1.0@ / {x}",
    evaluate=np.reciprocal,
    traces=(np.reciprocal,),
    precedence=70,
    samples=reals(0.5, 3.0),
    doc="1 / x",
)
square = elementwise(
    "square",
    "x",
    partials=lambda z, x: (2.0 * x,),
    numpy="{x} ** 2",
    c={"f": "({x} * {x})", "iu": "gradc_mul_{t}({x}, {x})"},
    evaluate=np.square,
    traces=(np.square,),
    precedence=90,
    doc="x squared",
)
sqrt = elementwise(
    "sqrt",
    "x",
    partials=lambda z, x: (0.5 / without_zeros(z),),
    numpy="np.sqrt({x})",
    c="sqrt@({x})",
    evaluate=np.sqrt,
    traces=(np.sqrt,),
    samples=reals(0.1, 4.0),
    doc="The square root; its derivative at 0 is 0 by convention.",
)
cbrt = elementwise(
    "cbrt",
    "x",
    partials=lambda z, x: (1.0 / (3.0 * (z * z)),),
    numpy="np.cbrt({x})",
    c="cbrt@({x})",
    evaluate=np.cbrt,
    traces=(np.cbrt,),
    samples=reals(0.1, 4.0),
    doc="The cube root.",
)
absolute = elementwise(
    "absolute",
    "x",
    partials=lambda z, x: (op_named("sign")(x),),
    numpy="np.abs({x})",
    c={"f": "fabs@({x})", "i": "gradc_absolute_{t}({x})", "ub": "{x}"},
    evaluate=np.absolute,
    traces=(np.absolute,),
    samples=reals(avoid=(0.0,)),
    doc="The absolute value; its derivative at 0 is 0.",
)
sign = elementwise(
    "sign",
    "x",
    derivative=ZERO_DERIVATIVE,
    numpy="np.sign({x})",
    c={"f": "gradc_sign@({x})", "i": "gradc_sign_{t}({x})", "u": "({x} > 0)"},
    evaluate=np.sign,
    traces=(np.sign,),
    samples=reals(avoid=(0.0,)),
    doc="-1, 0 or 1; NaN stays NaN.",
)
floor_divide = elementwise(
    "floor_divide",
    "x, y",
    derivative=ZERO_DERIVATIVE,
    numpy="{x} // {y}",
    c={"f": "gradc_floor_divide@({x}, {y})", "iu": "gradc_floor_divide_{t}({x}, {y})"},
    evaluate=np.floor_divide,
    traces=(np.floor_divide,),
    precedence=70,
    samples=reals(each=((-4.0, 4.0), (0.6, 1.9))),
    doc="The floor of x / y.",
)
remainder = elementwise(
    "remainder",
    "x, y",
    partials=lambda z, x, y: (1.0, -op_named("floor_divide")(x, y)),
    numpy="{x} % {y}",
    c={"f": "gradc_remainder@({x}, {y})", "iu": "gradc_remainder_{t}({x}, {y})"},
    evaluate=np.remainder,
    traces=(np.remainder,),
    precedence=70,
    samples=reals(each=((-4.35, -4.2), (1.1, 1.3))),
    doc="What x // y leaves, with the sign of y.",
)
fmod = elementwise(
    "fmod",
    "x, y",
    partials=lambda z, x, y: (1.0, -op_named("trunc")(x / y)),
    numpy="np.fmod({x}, {y})",
    c={"f": "fmod@({x}, {y})", "iu": "gradc_fmod_{t}({x}, {y})"},
    evaluate=np.fmod,
    traces=(np.fmod,),
    samples=reals(each=((4.2, 4.35), (1.1, 1.3))),
    doc="What the quotient rounded towards zero leaves, with the sign of x.",
)


def _hypot_partials(z: Value, x: Value, y: Value) -> Sequence[Value]:
    length = without_zeros(z)
    return x / length, y / length


hypot = elementwise(
    "hypot",
    "x, y",
    partials=_hypot_partials,
    numpy="np.hypot({x}, {y})",
    c="hypot@({x}, {y})",
    evaluate=np.hypot,
    traces=(np.hypot,),
    samples=reals(0.2, 2.0),
    doc="The length of (x, y) without overflow; its derivative at the origin is 0.",
)
copysign = elementwise(
    "copysign",
    "x, y",
    partials=lambda z, x, y: (op_named("sign")(x) * op_named("copysign")(1.0, y), None),
    numpy="np.copysign({x}, {y})",
    c="copysign@({x}, {y})",
    evaluate=np.copysign,
    traces=(np.copysign,),
    samples=reals(avoid=(0.0,)),
    doc="The size of x with the sign of y.",
)
heaviside = elementwise(
    "heaviside",
    "x, h",
    partials=lambda z, x, h: (None, mask(is_zero(x), h)),
    numpy="np.heaviside({x}, {h})",
    c="gradc_heaviside@({x}, {h})",
    evaluate=np.heaviside,
    traces=(np.heaviside,),
    samples=reals(avoid=(0.0,)),
    doc="0 below zero, h at zero, 1 above.",
)
