"""Circular and hyperbolic functions and their inverses."""

from collections.abc import Sequence

import numpy as np

from gradc.ir.op import op_named
from gradc.ir.value import Value
from gradc.ops.declare import elementwise, reals
from gradc.ops.rules import without_zeros

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
    "tanh",
]


def _root(x: Value) -> Value:
    return op_named("sqrt")(x)


sin = elementwise(
    "sin",
    "x",
    partials=lambda y, x: (op_named("cos")(x),),
    numpy="np.sin({x})",
    c="sin@({x})",
    evaluate=np.sin,
    traces=(np.sin,),
    doc="The sine.",
)
cos = elementwise(
    "cos",
    "x",
    partials=lambda y, x: (-op_named("sin")(x),),
    numpy="np.cos({x})",
    c="cos@({x})",
    evaluate=np.cos,
    traces=(np.cos,),
    doc="The cosine.",
)
tan = elementwise(
    "tan",
    "x",
    partials=lambda y, x: (1.0 + y * y,),
    numpy="np.tan({x})",
    c="tan@({x})",
    evaluate=np.tan,
    traces=(np.tan,),
    samples=reals(-1.2, 1.2),
    doc="The tangent.",
)
arcsin = elementwise(
    "arcsin",
    "x",
    partials=lambda y, x: (1.0 / _root((1.0 - x) * (1.0 + x)),),
    numpy="np.arcsin({x})",
    c="asin@({x})",
    evaluate=np.arcsin,
    traces=(np.arcsin,),
    samples=reals(-0.9, 0.9),
    doc="The angle in [-pi/2, pi/2] with that sine.",
)
arccos = elementwise(
    "arccos",
    "x",
    partials=lambda y, x: (-1.0 / _root((1.0 - x) * (1.0 + x)),),
    numpy="np.arccos({x})",
    c="acos@({x})",
    evaluate=np.arccos,
    traces=(np.arccos,),
    samples=reals(-0.9, 0.9),
    doc="The angle in [0, pi] with that cosine.",
)
arctan = elementwise(
    "arctan",
    "x",
    partials=lambda y, x: (1.0 / (1.0 + x * x),),
    numpy="np.arctan({x})",
    c="atan@({x})",
    evaluate=np.arctan,
    traces=(np.arctan,),
    doc="The angle in (-pi/2, pi/2) with that tangent.",
)


def _arctan2_partials(z: Value, y: Value, x: Value) -> Sequence[Value]:
    """Return the partial derivatives, 0 at the origin."""
    radius2 = without_zeros(x * x + y * y)
    return x / radius2, -y / radius2


arctan2 = elementwise(
    "arctan2",
    "y, x",
    partials=_arctan2_partials,
    numpy="np.arctan2({y}, {x})",
    c="atan2@({y}, {x})",
    evaluate=np.arctan2,
    traces=(np.arctan2,),
    samples=reals(0.3, 2.0),
    doc="The angle of the point (x, y).",
)
sinh = elementwise(
    "sinh",
    "x",
    partials=lambda y, x: (op_named("cosh")(x),),
    numpy="np.sinh({x})",
    c="sinh@({x})",
    evaluate=np.sinh,
    traces=(np.sinh,),
    doc="The hyperbolic sine.",
)
cosh = elementwise(
    "cosh",
    "x",
    partials=lambda y, x: (op_named("sinh")(x),),
    numpy="np.cosh({x})",
    c="cosh@({x})",
    evaluate=np.cosh,
    traces=(np.cosh,),
    doc="The hyperbolic cosine.",
)
tanh = elementwise(
    "tanh",
    "x",
    partials=lambda y, x: (1.0 - y * y,),
    numpy="np.tanh({x})",
    c="tanh@({x})",
    evaluate=np.tanh,
    traces=(np.tanh,),
    doc="The hyperbolic tangent.",
)
arcsinh = elementwise(
    "arcsinh",
    "x",
    partials=lambda y, x: (1.0 / _root(x * x + 1.0),),
    numpy="np.arcsinh({x})",
    c="asinh@({x})",
    evaluate=np.arcsinh,
    traces=(np.arcsinh,),
    doc="The inverse of sinh.",
)
arccosh = elementwise(
    "arccosh",
    "x",
    partials=lambda y, x: (1.0 / _root((x - 1.0) * (x + 1.0)),),
    numpy="np.arccosh({x})",
    c="acosh@({x})",
    evaluate=np.arccosh,
    traces=(np.arccosh,),
    samples=reals(1.2, 4.0),
    doc="The inverse of cosh.",
)
arctanh = elementwise(
    "arctanh",
    "x",
    partials=lambda y, x: (1.0 / ((1.0 - x) * (1.0 + x)),),
    numpy="np.arctanh({x})",
    c="atanh@({x})",
    evaluate=np.arctanh,
    traces=(np.arctanh,),
    samples=reals(-0.9, 0.9),
    doc="The inverse of tanh.",
)
