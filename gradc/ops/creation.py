"""Arrays that come from no other array."""

import numpy as np

from gradc.errors import ShapeError
from gradc.ir.dims import Dim
from gradc.ir.op import Kind
from gradc.ir.types import INT64, ArrayType
from gradc.ops.declare import operation

__all__ = ["dim_value", "iota"]


def _iota_infer(length: Dim) -> ArrayType:
    if isinstance(length, int) and length < 0:
        raise ShapeError(f"iota needs a length, got {length}")
    return ArrayType(INT64, (length,))


iota = operation(
    "iota",
    Kind.CREATION,
    "",
    infer=_iota_infer,
    evaluate=lambda length: np.arange(length, dtype=INT64),
    numpy="np.arange({length})",
    params=("length",),
    doc="0, 1, ..., length - 1.",
)
dim_value = operation(
    "dim_value",
    Kind.CREATION,
    "",
    infer=lambda dim: ArrayType(INT64, ()),
    evaluate=lambda dim: np.asarray(dim, INT64),
    numpy="np.int64({dim})",
    params=("dim",),
    doc="An extent as a number.",
)
