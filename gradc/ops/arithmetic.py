"""Addition, multiplication and their kin."""

import numpy as np

from gradc.ops.declare import elementwise, reals

__all__ = ["add", "divide", "multiply", "negative", "subtract"]

add = elementwise(
    "add",
    "x, y",
    partials=lambda z, x, y: (1.0, 1.0),
    numpy="{x} + {y}",
    c={"f": "{x} + {y}", "i": "gradc_add_{t}({x}, {y})", "u": "{x} + {y}", "b": "{x} | {y}"},
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
    c={"f": "{x} - {y}", "i": "gradc_subtract_{t}({x}, {y})", "u": "{x} - {y}"},
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
    c={"f": "{x} * {y}", "i": "gradc_multiply_{t}({x}, {y})", "u": "{x} * {y}", "b": "{x} & {y}"},
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
    c={"f": "-{x}", "i": "gradc_negative_{t}({x})"},
    evaluate=np.negative,
    traces=(np.negative,),
    precedence=80,
    doc="-x",
)
