"""Linear systems, inverses, determinants and Cholesky factors of (stacks of) matrices.

The derivatives are those of M. Giles, "An extended collection of matrix derivative results for
forward and reverse mode algorithmic differentiation" (2008), sections 2.2 and 2.3; of the Cholesky
factor those of I. Murray, "Differentiation of the Cholesky decomposition" (2016), section 3.1.

In C all but the Cholesky factor are made of triangular factors: see ``ops.factors``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError, ShapeError
from gradc.ir.op import ZERO_DERIVATIVE, Derivative, Kind, Op, Routine, Rule, op_named
from gradc.ir.types import ArrayType
from gradc.ir.value import Value
from gradc.ops.adjugate import adjugate
from gradc.ops.declare import operation, reals
from gradc.ops.factors import SINGULAR, blocked, nothing, system_counts
from gradc.ops.matrices import counts, multiplied, outer, scaled, square, trace, transposed
from gradc.ops.rules import choose

__all__ = ["cholesky", "det", "inv", "slogdet_log", "slogdet_sign", "solve"]


# solve


def _solve_infer(a: ArrayType, b: ArrayType) -> ArrayType:
    square("solve", a)
    if a.dtype != b.dtype:
        raise DTypeError(f"solve needs equal dtypes, got {a} and {b}")
    vector = a.ndim == 2 and b.ndim == 1
    rows = b.shape[-1:] if vector else b.shape[:-1]
    if rows != a.shape[:-1]:
        raise ShapeError(f"solve needs as many rows on both sides, got {a} and {b}")
    return b


def _solve_vjp(ct: Value, out: Value, a: Value, b: Value) -> Sequence[Value | None]:
    b_bar = solve(transposed(a), ct)
    return -outer(b_bar, out), b_bar


def _solve_jvp(tangents: Sequence[Value | None], out: Value, a: Value, b: Value) -> Value | None:
    a_dot, b_dot = tangents
    if a_dot is None:
        return None if b_dot is None else solve(a, b_dot)
    moved = multiplied(a_dot, out)
    return solve(a, -moved if b_dot is None else b_dot - moved)


solve = operation(
    "solve",
    Kind.ROUTINE,
    "a, b",
    infer=_solve_infer,
    evaluate=np.linalg.solve,
    numpy="np.linalg.solve({a}, {b})",
    routine=Routine(system_counts, nothing, SINGULAR),
    derivative=Rule(_solve_vjp, _solve_jvp),
    samples=reals(),
    doc="The x with a @ x = b.",
)


# functions of one matrix


def _inv_vjp(ct: Value, out: Value, a: Value) -> Sequence[Value | None]:
    return (-multiplied(transposed(out), multiplied(ct, transposed(out))),)


def _inv_jvp(tangents: Sequence[Value | None], out: Value, a: Value) -> Value | None:
    (dot,) = tangents
    return None if dot is None else -multiplied(out, multiplied(dot, out))


def _det_vjp(ct: Value, out: Value, a: Value) -> Sequence[Value | None]:
    return (scaled(ct, transposed(adjugate(a))),)


def _log_det_vjp(ct: Value, out: Value, a: Value) -> Sequence[Value | None]:
    return (scaled(ct, transposed(inv(a))),)


def _log_det_jvp(tangents: Sequence[Value | None], out: Value, a: Value) -> Value | None:
    (dot,) = tangents
    return None if dot is None else trace(inv(a), dot)


def _det_jvp(tangents: Sequence[Value | None], out: Value, a: Value) -> Value | None:
    (dot,) = tangents
    return None if dot is None else trace(adjugate(a), dot)


def _of_matrix(
    name: str,
    evaluate: Callable[..., Any],
    derivative: Derivative,
    doc: str,
    *,
    numpy: str = "np.linalg.{name}({{a}})",
    number: bool = False,
    refuses: str = "",
) -> Op:
    """Declare a function of one matrix, whose results are matrices or numbers."""

    def infer(a: ArrayType) -> ArrayType:
        square(name.partition("_")[0], a)
        return a.with_shape(a.shape[:-2]) if number else a

    return operation(
        name,
        Kind.ROUTINE,
        "a",
        infer=infer,
        evaluate=evaluate,
        numpy=numpy.format(name=name),
        routine=Routine(counts, nothing, refuses),
        derivative=derivative,
        samples=reals(),
        doc=doc,
    )


inv = _of_matrix(
    "inv",
    np.linalg.inv,
    Rule(_inv_vjp, _inv_jvp),
    "The inverse.",
    refuses=SINGULAR,
)
det = _of_matrix("det", np.linalg.det, Rule(_det_vjp, _det_jvp), "The determinant.", number=True)
slogdet_sign = _of_matrix(
    "slogdet_sign",
    lambda a: np.linalg.slogdet(a).sign,
    ZERO_DERIVATIVE,
    "The sign of the determinant.",
    numpy="np.linalg.slogdet({{a}}).sign",
    number=True,
)
slogdet_log = _of_matrix(
    "slogdet_log",
    lambda a: np.linalg.slogdet(a).logabsdet,
    Rule(_log_det_vjp, _log_det_jvp),
    "The logarithm of the determinant's size.",
    numpy="np.linalg.slogdet({{a}}).logabsdet",
    number=True,
)


# Cholesky factor


def _lower_half(x: Value) -> Value:
    """Return the lower triangle with half the diagonal: Murray's Phi."""
    column = x.graph.value(x.graph.add(op_named("iota"), (), {"length": x.shape[-1]}))
    row = column.expand((1,))
    half = choose(op_named("equal")(row, column), 0.5 * x, 0.0, x)
    return choose(op_named("greater")(row, column), x, half, x)


def _cholesky_vjp(ct: Value, out: Value, a: Value) -> Sequence[Value | None]:
    """NumPy reads the lower triangle alone: so there is where the cotangent goes."""
    upper = transposed(out)
    inner = solve(upper, _lower_half(multiplied(upper, ct)))
    both = solve(upper, transposed(inner))
    return (_lower_half(both + transposed(both)),)


def _cholesky_jvp(tangents: Sequence[Value | None], out: Value, a: Value) -> Value | None:
    (dot,) = tangents
    if dot is None:
        return None
    half = _lower_half(dot)
    inner = solve(out, half + transposed(half))
    return multiplied(out, _lower_half(solve(out, transposed(inner))))


def _cholesky_infer(a: ArrayType) -> ArrayType:
    square("cholesky", a)
    return a


cholesky = operation(
    "cholesky",
    Kind.ROUTINE,
    "a",
    infer=_cholesky_infer,
    evaluate=np.linalg.cholesky,
    numpy="np.linalg.cholesky({a})",
    c="gradc_cholesky@",
    routine=Routine(counts, nothing, "the matrix is not positive definite", blocked),
    derivative=Rule(_cholesky_vjp, _cholesky_jvp),
    samples=reals(),
    doc="The lower triangular L with L @ L.T = a, from the lower triangle of a.",
)
