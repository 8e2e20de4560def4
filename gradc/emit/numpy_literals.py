"""Constants as Python text that reads back bit for bit, in NumPy's meaning of dtypes.

A Python number takes the dtype of the array it meets, so ``x * 0.5`` stays float32; standing alone
it must say its dtype: ``np.float32(0.5)``.
"""

import math
from typing import Any

import numpy as np

from gradc.emit.numpy_expressions import ATOM, NUMBER, UNARY, Expression
from gradc.ir import BOOL, FLOAT32, FLOAT64, ArrayType, Shape

__all__ = [
    "array_literal",
    "dtype_text",
    "filled",
    "number",
    "shape_text",
    "typed_number",
    "unfilled",
]


def dtype_text(dtype: np.dtype) -> str:
    """Return ``np.float32``; ``np.bool_`` for truth values."""
    return "np.bool_" if dtype == BOOL else f"np.{dtype.name}"


def shape_text(shape: Shape) -> str:
    """Return a shape as a tuple display."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def number(value: np.generic) -> Expression:
    """Return a Python number that becomes exactly `value` when converted to its dtype."""
    text = _digits(value)
    if text.startswith("-"):
        return Expression(text, UNARY)
    return Expression(text, NUMBER if text[0].isdigit() else ATOM)


def typed_number(value: np.generic) -> Expression:
    """Return a NumPy scalar: ``np.float32(0.5)``."""
    if value.dtype == BOOL:
        return Expression("np.True_" if value else "np.False_")
    return Expression(f"{dtype_text(value.dtype)}({_digits(value)})")


def unfilled(kind: ArrayType) -> Expression:
    """Return an array whose elements are not set: ``np.empty``."""
    wide = "" if kind.dtype == FLOAT64 else f", dtype={dtype_text(kind.dtype)}"
    where = str(kind.shape[0]) if kind.ndim == 1 else shape_text(kind.shape)
    return Expression(f"np.empty({where}{wide})")


def filled(shape: Shape, value: np.generic) -> Expression:
    """Return an array of one number: ``np.zeros``, ``np.ones`` or ``np.full``."""
    kind = "" if value.dtype == FLOAT64 else f", dtype={dtype_text(value.dtype)}"
    where = str(shape[0]) if len(shape) == 1 else shape_text(shape)
    text = _digits(value)
    if text in ("0.0", "0", "False"):
        return Expression(f"np.zeros({where}{kind})")
    if text in ("1.0", "1", "True"):
        return Expression(f"np.ones({where}{kind})")
    return Expression(f"np.full({where}, {text}{kind})")


def array_literal(array: np.ndarray) -> Expression:
    """Return ``np.array([...])`` with every element in full."""
    if array.size == 0:
        return filled(array.shape, array.dtype.type(0))
    default = array.dtype in (FLOAT64, BOOL)
    kind = "" if default else f", dtype={dtype_text(array.dtype)}"
    return Expression(f"np.array({_nested(array)}{kind})")


def _nested(array: np.ndarray) -> str:
    """Return nested list displays; the depth is the number of axes."""
    if array.ndim == 0:
        return _digits(array[()])
    return f"[{', '.join(map(_nested, array))}]" if array.ndim > 1 else _row(array)


def _row(array: np.ndarray) -> str:
    return f"[{', '.join(map(_digits, array))}]"


def _digits(value: Any) -> str:
    if value.dtype.kind != "f":
        return repr(value.item())
    if math.isnan(value):
        return "np.nan"
    if math.isinf(value):
        return "np.inf" if value > 0 else "-np.inf"
    return _short(value) if value.dtype == FLOAT32 else repr(value.item())


def _short(value: np.float32) -> str:
    """Return the shortest digits that give the float32 back, also by way of a double."""
    text = repr(float(str(value)))
    return text if np.float32(float(text)) == value else repr(value.item())
