"""What systems, inverses and determinants are made of in C: triangular factors, and their use.

A matrix is factored once, ``P a = L U`` (lu), for all that is asked of it: its solutions, also
those of its transpose as derivatives need them, its inverse and its determinant.  NumPy has no such
functions, so these ops stand in programs for C only, put there by ``passes.factors``; nothing is
differentiated after that, hence they have no derivatives.

The factors of an ``n x n`` matrix are ``n + 1`` rows of ``n`` items: below the diagonal L, whose
own is 1, from there on U; the last row says with which row each one was exchanged.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc.errors import ShapeError
from gradc.ir.dims import Dim
from gradc.ir.op import Kind, Op, Routine
from gradc.ir.types import ArrayType
from gradc.ops.declare import operation, reals
from gradc.ops.matrices import counts, square

__all__ = [
    "SINGULAR",
    "blocked",
    "lower_solve",
    "lower_solve_transposed",
    "lu",
    "lu_det",
    "lu_inverse",
    "lu_log",
    "lu_sign",
    "lu_solve",
    "lu_solve_transposed",
    "nothing",
    "system_counts",
]

SINGULAR = "the matrix is singular"
_LEAST_ROWS = 97
"""Rows from which a matrix is worked on in blocks, whose products are quicker."""

# in NumPy: the text of these functions stands in generated modules that call them


def stacked(function: Callable[..., np.ndarray], *stacks: np.ndarray) -> np.ndarray:
    """Return what a function makes of every matrix of stacks of the same length."""
    if stacks[0].ndim == 2:
        return np.asarray(function(*stacks))
    if len(stacks[0]) == 0:
        one = stacked(function, *(np.ones(x.shape[1:], x.dtype) for x in stacks))
        return np.empty((0, *one.shape), one.dtype)
    return np.stack([stacked(function, *each) for each in zip(*stacks, strict=True)])


def lu_of(a: np.ndarray) -> np.ndarray:
    """Return the factors of one matrix: L below the diagonal of U, then the exchanges of rows."""
    u, n = a.copy(), len(a)
    exchanges = np.zeros(n, a.dtype)
    for k in range(n):
        best = k + int(np.argmax(np.abs(u[k:, k])))
        exchanges[k] = best
        u[[k, best]] = u[[best, k]]
        if u[k, k] != 0:
            u[k + 1 :, k] /= u[k, k]
            u[k + 1 :, k + 1 :] -= np.outer(u[k + 1 :, k], u[k, k + 1 :])
    return np.concatenate([u, exchanges[np.newaxis]])


def parts_of(f: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return L, U, the order of the rows of P a, and the sign of the determinant of P."""
    n = f.shape[-1]
    order, sign = np.arange(n), 1.0
    for k in range(n):
        best = int(f[n, k])
        order[[k, best]] = order[[best, k]]
        sign = sign if best == k else -sign
    return np.tril(f[:n], -1) + np.eye(n, dtype=f.dtype), np.triu(f[:n]), order, sign


def lu_solution(f: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the x with a @ x = b, from the factors of a."""
    lower, upper, order, _ = parts_of(f)
    return np.linalg.solve(upper, np.linalg.solve(lower, b[order]))


def lu_solution_transposed(f: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the x with a.T @ x = b, from the factors of a."""
    lower, upper, order, _ = parts_of(f)
    x = np.empty_like(b)
    x[order] = np.linalg.solve(lower.T, np.linalg.solve(upper.T, b))
    return x


def lu_inverse_of(f: np.ndarray) -> np.ndarray:
    """Return the inverse of a, from its factors."""
    return lu_solution(f, np.eye(f.shape[-1], dtype=f.dtype))


def lu_det_of(f: np.ndarray) -> np.ndarray:
    """Return the determinant of a, from its factors."""
    _, upper, _, sign = parts_of(f)
    return np.asarray(sign * np.prod(np.diag(upper)), f.dtype)


def lu_sign_of(f: np.ndarray) -> np.ndarray:
    """Return the sign of the determinant of a, from its factors."""
    _, upper, _, sign = parts_of(f)
    return np.asarray(sign * np.prod(np.sign(np.diag(upper))), f.dtype)


def lu_log_of(f: np.ndarray) -> np.ndarray:
    """Return the logarithm of the size of the determinant of a, from its factors."""
    return np.asarray(np.sum(np.log(np.abs(np.diag(f)))), f.dtype)


# what they ask for


def blocked(a: ArrayType, b: ArrayType | None = None) -> tuple[Dim, Dim, Dim] | None:
    """Return the greatest product that work on a matrix by blocks makes; None where it is not.

    Small matrices, those whose size is not known, and systems of one column are not.
    """
    n = a.shape[-1]
    columns: Dim = 0 if b is None else _columns(a, b)
    if columns == 1:
        return None
    if not (isinstance(n, int) and isinstance(columns, int)) or n < _LEAST_ROWS:
        return None
    return n, max(n, columns), n


def nothing(*types: ArrayType) -> tuple[ArrayType, ...]:
    """Return the memory of a routine that works in its result alone."""
    return ()


def _lu_infer(a: ArrayType) -> ArrayType:
    square("lu", a)
    return a.with_shape((*a.shape[:-2], a.shape[-1] + 1, a.shape[-1]))


def _check_factors(name: str, f: ArrayType) -> None:
    if f.ndim < 2 or f.shape[-2] != f.shape[-1] + 1:
        raise ShapeError(f"{name} needs factors of matrices, got {f}")


def _matrix_infer(f: ArrayType) -> ArrayType:
    _check_factors("lu_inverse", f)
    return f.with_shape((*f.shape[:-2], f.shape[-1], f.shape[-1]))


def _number_infer(f: ArrayType) -> ArrayType:
    _check_factors("lu_det", f)
    return f.with_shape(f.shape[:-2])


def _columns(a: ArrayType, b: ArrayType) -> Dim:
    return 1 if b.ndim < a.ndim else b.shape[-1]


def system_counts(a: ArrayType, b: ArrayType) -> tuple[Dim, ...]:
    """Return how many systems there are, how many rows each has and how many columns."""
    return (*counts(a), _columns(a, b))


def _system_infer(a: ArrayType, b: ArrayType) -> ArrayType:
    columns = b.ndim - (a.ndim - 1)
    if columns not in (0, 1) or b.shape[: a.ndim - 1] != (*a.shape[:-2], a.shape[-1]):
        raise ShapeError(f"a system needs as many rows on both sides, got {a} and {b}")
    return b


def _named(function: Callable[..., Any], *helpers: Callable[..., Any]) -> dict[str, Any]:
    """Return how an op is computed and printed in NumPy: a function on every matrix of a stack."""

    def evaluate(*arrays: np.ndarray) -> np.ndarray:
        return stacked(function, *arrays)

    def numpy(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
        return f"stacked({function.__name__}, {', '.join(texts)})"

    return {"evaluate": evaluate, "numpy": numpy, "helpers": (stacked, *helpers, function)}


def _of_factors(
    name: str,
    function: Callable[..., Any],
    infer: Callable[..., ArrayType],
    doc: str,
    *helpers: Callable[..., Any],
    refuses: str = "",
    products: Callable[..., Any] | None = None,
) -> Op:
    return operation(
        name,
        Kind.ROUTINE,
        "f",
        infer=infer,
        c=f"gradc_{name}@",
        routine=Routine(counts, nothing, refuses, products),
        samples=reals(),
        doc=doc,
        **_named(function, parts_of, *helpers),
    )


def _system(name: str, operands: str, function: Callable[..., Any], doc: str, *helpers: Any) -> Op:
    return operation(
        name,
        Kind.ROUTINE,
        operands,
        infer=_system_infer,
        c=f"gradc_{name}@",
        routine=Routine(system_counts, nothing, SINGULAR, blocked),
        samples=reals(),
        doc=doc,
        **_named(function, *helpers),
    )


lu = operation(
    "lu",
    Kind.ROUTINE,
    "a",
    infer=_lu_infer,
    c="gradc_lu@",
    routine=Routine(counts, nothing, "", blocked),
    samples=reals(),
    doc="The factors L and U of a with exchanged rows, and the exchanges.",
    **_named(lu_of),
)
lu_solve = _system(
    "lu_solve", "f, b", lu_solution, "The x with a @ x = b, a given by its factors.", parts_of
)
lu_solve_transposed = _system(
    "lu_solve_transposed",
    "f, b",
    lu_solution_transposed,
    "The x with a.T @ x = b, a given by its factors.",
    parts_of,
)
lu_inverse = _of_factors(
    "lu_inverse",
    lu_inverse_of,
    _matrix_infer,
    "The inverse of a matrix given by its factors.",
    lu_solution,
    refuses=SINGULAR,
    products=blocked,
)
lu_det = _of_factors(
    "lu_det", lu_det_of, _number_infer, "The determinant of a matrix given by its factors."
)
lu_sign = _of_factors(
    "lu_sign", lu_sign_of, _number_infer, "The sign of the determinant, given the factors."
)
lu_log = _of_factors(
    "lu_log",
    lu_log_of,
    _number_infer,
    "The logarithm of the determinant's size, given the factors.",
)


def lower_solution(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the x with a @ x = b, from the lower triangle of a."""
    return np.linalg.solve(np.tril(a), b)


def lower_solution_transposed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the x with a.T @ x = b, from the lower triangle of a."""
    return np.linalg.solve(np.tril(a).T, b)


lower_solve = _system(
    "lower_solve", "a, b", lower_solution, "The x with a @ x = b for a lower triangle a."
)
lower_solve_transposed = _system(
    "lower_solve_transposed",
    "a, b",
    lower_solution_transposed,
    "The x with a.T @ x = b for a lower triangle a.",
)
