"""Matrices factored once for all that is asked of them, in programs for C.

    x = np.linalg.solve(a, b)              f = lu(a);  x = lu_solve(f, b)
    g = np.linalg.solve(a.T, x_bar)   ->   g = lu_solve_transposed(f, x_bar)
    s = np.linalg.slogdet(a)               s = lu_sign(f), lu_log(f)

A gradient solves with the transpose of what the function solved with, so half of all factors go.
In a loop over time steps with one matrix the factors are made before it.  A Cholesky factor is a
triangle, and systems with it, or with its transpose, need no factors at all.

NumPy has no such functions, so its source keeps what the user wrote.
"""

from gradc.ir import Node, Value, op_named

__all__ = ["OF_FACTORS", "by_factors"]

OF_FACTORS = {
    "inv": "lu_inverse",
    "det": "lu_det",
    "slogdet_sign": "lu_sign",
    "slogdet_log": "lu_log",
}
"""Functions of one matrix, and what they are of its factors."""


def by_factors(node: Node, operands: tuple[Value, ...]) -> Value:
    """Return what a system, an inverse or a determinant is by factors of its matrix."""
    if node.op.name == "solve":
        return _solution(*operands)
    return op_named(OF_FACTORS[node.op.name])(op_named("lu")(operands[0]))


def _solution(a: Value, b: Value) -> Value:
    """Return the x with ``a @ x = b``, by factors of ``a`` or of what it is the transpose of."""
    matrix, turned = a, False
    while _swaps_last_axes(matrix):
        matrix, turned = matrix.graph.value(matrix.node.operands[0]), not turned
    suffix = "_transposed" if turned else ""
    if matrix.node.op.name == "cholesky":
        return op_named(f"lower_solve{suffix}")(matrix, b)
    return op_named(f"lu_solve{suffix}")(op_named("lu")(matrix), b)


def _swaps_last_axes(a: Value) -> bool:
    swapped = (*range(a.ndim - 2), a.ndim - 1, a.ndim - 2)
    return a.node.op.name == "transpose" and tuple(a.node.params["axes"]) == swapped
