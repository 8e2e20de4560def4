"""Order along the last axis; everything sorted is gathered by it.

A gather has its own derivative, hence the derivative of ``sort`` is that of the permutation which
it took.  The order is stable (equal elements stay as they stand) and puts NaN last, as NumPy does.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError
from gradc.ir.dims import Dim, product
from gradc.ir.op import Kind, Routine
from gradc.ir.types import INT64, ArrayType
from gradc.ops.declare import operation, reals

__all__ = ["argsort"]

_TAKES = ("f8", "f4", "i8", "i4", "u8")


def _infer(x: ArrayType) -> ArrayType:
    if x.dtype.str[1:] not in _TAKES:
        raise DTypeError(f"argsort takes {', '.join(_TAKES)}, got {x}")
    return x.with_dtype(INT64)


def _counts(x: ArrayType) -> tuple[Dim, Dim]:
    return product(x.shape[:-1]), x.shape[-1]


def _scratch(x: ArrayType) -> tuple[ArrayType, ...]:
    line = x.shape[-1:]
    return ArrayType(np.dtype(np.uint64), line), ArrayType(INT64, line)


def _numpy(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
    return f'np.argsort({texts[0]}, kind="stable")'


argsort = operation(
    "argsort",
    Kind.ROUTINE,
    "x",
    infer=_infer,
    evaluate=lambda x: np.argsort(x, kind="stable"),
    numpy=_numpy,
    c={"f": "gradc_argsort@", "i": "gradc_argsort_{t}", "u": "gradc_argsort_{t}"},
    routine=Routine(_counts, _scratch),
    samples=reals(dtypes=_TAKES),
    doc="The positions that sort the last axis, equal elements in their order and NaN last.",
)
