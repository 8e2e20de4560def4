"""Reading and writing parts of arrays: slices, positions, index arrays, new axes.

    index(x, *arrays; spec)         x[spec]
    index_put(x, v, *arrays; spec)  y = x.copy(); y[spec] = v
    index_add(x, v, *arrays; spec)  y = x.copy(); np.add.at(y, spec, v)

``spec`` has one item for each axis of ``x`` in order (``Slice``, ``At`` or ``Array``), and
``NewAxis`` items between them.  Positions are taken first, as if by ``x[:, 3]``; for the rest
NumPy's rule holds: the broadcast shape of the index arrays stands where they stand when they are
adjacent, and first otherwise.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError, ShapeError
from gradc.ir.node import IndexSpec
from gradc.ir.op import Kind, Linear
from gradc.ir.types import ArrayType
from gradc.ops.declare import operation, reals
from gradc.ops.index_rules import add_transpose, index_transpose, put_transpose
from gradc.ops.index_spec import indexed_shape, locate, subscript

__all__ = ["index", "index_add", "index_put"]


def _index_infer(x: ArrayType, *arrays: ArrayType, spec: IndexSpec) -> ArrayType:
    return x.with_shape(indexed_shape(x, arrays, spec))


def _update_infer(x: ArrayType, v: ArrayType, *arrays: ArrayType, spec: IndexSpec) -> ArrayType:
    wanted = x.with_shape(indexed_shape(x, arrays, spec))
    if v.dtype != wanted.dtype:
        raise DTypeError(f"a value of {x} needs dtype {x.dtype}, got {v}")
    if v.shape != wanted.shape:
        raise ShapeError(f"the indexed part of {x} is {wanted}, the value is {v}")
    return x


def _index_evaluate(x: np.ndarray, *arrays: np.ndarray, spec: IndexSpec) -> np.ndarray:
    part, key = locate(x, arrays, spec)
    return np.asarray(part[key])


def _put_evaluate(x: np.ndarray, v: np.ndarray, *arrays: np.ndarray, spec: IndexSpec) -> np.ndarray:
    result = np.array(x)
    part, key = locate(result, arrays, spec)
    part[key] = v
    return result


def _add_evaluate(x: np.ndarray, v: np.ndarray, *arrays: np.ndarray, spec: IndexSpec) -> np.ndarray:
    result = np.array(x)
    part, key = locate(result, arrays, spec)
    np.add.at(part, key, v)
    return result


def _index_numpy(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
    return texts[0] + "".join(
        f"[{part}]" for part in subscript(params["spec"], types[0].shape, texts[1:])
    )


def _update_numpy(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
    """Return the subscripts between ``y[`` and ``]``; the emitter writes the statement."""
    return "][".join(subscript(params["spec"], types[0].shape, texts[2:]))


index = operation(
    "index",
    Kind.INDEX,
    "x, *arrays",
    infer=_index_infer,
    evaluate=_index_evaluate,
    numpy=_index_numpy,
    derivative=Linear(index_transpose, slots=(0,)),
    samples=reals(),
    params=("spec",),
    doc="The elements of x that the index names.",
)
index_put = operation(
    "index_put",
    Kind.INDEX,
    "x, v, *arrays",
    infer=_update_infer,
    evaluate=_put_evaluate,
    numpy=_update_numpy,
    derivative=Linear(put_transpose, slots=(0, 1)),
    samples=reals(),
    params=("spec",),
    tags=("statement",),
    doc="x with v stored where the index points; the last of several writes to a place wins.",
)
index_add = operation(
    "index_add",
    Kind.INDEX,
    "x, v, *arrays",
    infer=_update_infer,
    evaluate=_add_evaluate,
    numpy=_update_numpy,
    derivative=Linear(add_transpose, slots=(0, 1)),
    samples=reals(),
    params=("spec",),
    tags=("statement",),
    doc="x with v added where the index points; every write to a place counts.",
)
