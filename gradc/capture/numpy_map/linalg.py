"""Linear algebra of square matrices: solve, inv, det, slogdet, cholesky."""

from typing import Any

import numpy as np

from gradc.capture.context import fail
from gradc.capture.convert import as_handle, cast_to, operand, result, value_of
from gradc.capture.dispatch import label
from gradc.capture.folding import call, handles
from gradc.capture.numpy_map.selection import promoted
from gradc.capture.tracer import Tracer, describe
from gradc.errors import ShapeError
from gradc.ir import Value, broadcast_shapes, op_named

_SlogdetResult = type(np.linalg.slogdet(np.eye(1)))


def _check_square(function: Any, x: Tracer) -> None:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        fail(
            ShapeError,
            f"{label(function)} needs square matrices, got shape {x.shape}",
            operands=[describe(x)],
            repair="pass an array whose last two axes have the same length",
        )


def _float(*operands: Any) -> np.dtype:
    """Return NumPy's dtype for linear algebra: float32 stays, integers become float64."""
    dtype = promoted(*operands)
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _of_matrix(function: Any, name: str, a: Any) -> Value:
    x = as_handle(a)
    _check_square(function, x)
    return op_named(name)(cast_to(value_of(x), _float(x)))


@handles(np.linalg.inv)
def inv(a: Any) -> Any:
    """Invert matrices."""
    return result(_of_matrix(np.linalg.inv, "inv", a))


@handles(np.linalg.det)
def det(a: Any) -> Any:
    """Compute determinants."""
    return result(_of_matrix(np.linalg.det, "det", a))


@handles(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """Signs, and logarithms of the sizes, of determinants."""
    parts = ("slogdet_sign", "slogdet_log")
    return _SlogdetResult(*[result(_of_matrix(np.linalg.slogdet, name, a)) for name in parts])


@handles(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """Factor positive definite matrices: one triangle is read, as NumPy does."""
    if upper:
        return call(np.matrix_transpose, call(np.linalg.cholesky, call(np.matrix_transpose, a)))
    return result(_of_matrix(np.linalg.cholesky, "cholesky", a))


@handles(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """Solve linear systems; a one-dimensional right side is a vector."""
    x, y = as_handle(a), as_handle(b)
    _check_square(np.linalg.solve, x)
    rows = y.ndim - 1 if y.ndim == 1 else y.ndim - 2
    if not y.ndim or y.shape[rows] != x.shape[-1]:
        fail(
            ShapeError,
            f"np.linalg.solve needs {x.shape[-1]} rows on the right side, got shape {y.shape}",
            operands=[describe(x), describe(y)],
            repair="pass a right side with as many rows as the matrices have",
        )
    dtype = _float(operand(a), operand(b))
    left, right = cast_to(value_of(x), dtype), cast_to(value_of(y), dtype)
    if x.ndim == 2 and y.ndim == 1:
        return result(op_named("solve")(left, right))
    columns = right.expand((1,)) if y.ndim == 1 else right
    stack = broadcast_shapes(left.shape[:-2], columns.shape[:-2])
    left = left.broadcast_to((*stack, *left.shape[-2:]))
    columns = columns.broadcast_to((*stack, *columns.shape[-2:]))
    done = op_named("solve")(left, columns)
    return result(done.reshape(done.shape[:-1]) if y.ndim == 1 else done)
