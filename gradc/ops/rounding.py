"""Rounding, and conversion between dtypes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError
from gradc.ir.op import ZERO_DERIVATIVE, Op, Rule
from gradc.ir.types import SUPPORTED_DTYPES, ArrayType, is_float
from gradc.ir.value import Value
from gradc.ops.declare import elementwise, reals

__all__ = ["cast", "ceil", "floor", "rint", "trunc"]


_WHOLE = {"iub": "{x}"}


def _rounding(ufunc: np.ufunc, whole: dict[str, str], doc: str) -> Op:
    name = ufunc.__name__
    return elementwise(
        name,
        "x",
        derivative=ZERO_DERIVATIVE,
        numpy=f"np.{name}({{x}})",
        c={"f": f"{name}@({{x}})", **whole},
        evaluate=ufunc,
        traces=(ufunc,),
        samples=reals(avoid=(-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)),
        doc=doc,
    )


floor = _rounding(np.floor, _WHOLE, "The next whole number downwards.")
ceil = _rounding(np.ceil, _WHOLE, "The next whole number upwards.")
trunc = _rounding(np.trunc, _WHOLE, "The next whole number towards zero.")
rint = _rounding(np.rint, {}, "The nearest whole number, ties to even.")


def _cast_infer(x: ArrayType, dtype: np.dtype) -> ArrayType:
    if dtype not in SUPPORTED_DTYPES:
        raise DTypeError(f"gradc has no arrays of dtype {dtype}")
    return x.with_dtype(dtype)


def _cast_evaluate(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(x).astype(dtype)


def _cast_numpy(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
    name = params["dtype"].name
    return f"{texts[0]}.astype({'bool' if name == 'bool' else 'np.' + name})"


def _cast_vjp(ct: Value, out: Value, x: Value, dtype: np.dtype) -> Sequence[Value | None]:
    return (ct.cast(x.dtype) if is_float(dtype) and is_float(x.dtype) else None,)


def _cast_jvp(
    tangents: Sequence[Value | None], out: Value, x: Value, dtype: np.dtype
) -> Value | None:
    (dot,) = tangents
    return dot.cast(dtype) if dot is not None and is_float(dtype) else None


cast = elementwise(
    "cast",
    "x",
    derivative=Rule(_cast_vjp, _cast_jvp),
    numpy=_cast_numpy,
    c="({type}){x}",
    takes="fiub",
    evaluate=_cast_evaluate,
    infer=_cast_infer,
    precedence=80,
    params=("dtype",),
    doc="Conversion to another dtype; a derivative passes between floating-point dtypes only.",
)
