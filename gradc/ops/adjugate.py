"""Derivatives of determinants, for singular matrices too: adjugates, and how they change.

The determinant is a polynomial of the elements, so it has derivatives everywhere, where the
familiar ``det(a) * inv(a)`` has none.  Its gradient is the transposed adjugate,

    det(a + t b) = det(a) + t trace(adjugate(a) b) + ...

Elimination with complete pivoting gives ``p a q = diag(d)`` with ``det(p q) = +-1``, hence
``adjugate(a) = +-q adjugate(diag(d)) p``; that of a diagonal matrix holds products of all but one
element, and its first change products of all but two.  Nothing is divided by a pivot that is 0, and
exponents are added up apart.  (With singular values for d the formula is well known; elimination
is quicker, and keeps the digits of matrices with elements of very different sizes.)

Higher derivatives follow from ``a adjugate(a) = det(a) 1``; these divide by ``a``.
"""

from collections.abc import Callable, Sequence

import numpy as np

from gradc.ir.op import Kind, Routine, Rule, op_named
from gradc.ir.types import FLOAT64, ArrayType
from gradc.ir.value import Value
from gradc.ops.declare import operation, reals, same_type
from gradc.ops.matrices import counts, multiplied, scaled, square, trace, transposed

__all__ = ["adjugate", "adjugate_along"]

# in NumPy: the text of these functions stands in generated modules that call them


def diagonalized(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return p, d, q and the sign of det(p @ q), with p @ a @ q = diag(d)."""
    n, sign = len(a), 1.0
    u, p, q = a.astype(np.float64), np.eye(n), np.eye(n)
    for k in range(n):
        i, j = divmod(int(np.argmax(np.abs(u[k:, k:]))), n - k)
        u[[k, k + i]], p[[k, k + i]] = u[[k + i, k]], p[[k + i, k]]
        u[:, [k, k + j]], q[:, [k, k + j]] = u[:, [k + j, k]], q[:, [k + j, k]]
        sign *= (-1.0) ** (int(i > 0) + int(j > 0))
        if u[k, k] == 0:
            break
        down, right = u[k + 1 :, k] / u[k, k], u[k, k + 1 :] / u[k, k]
        u[k + 1 :, k + 1 :] -= np.outer(down, u[k, k + 1 :])
        p[k + 1 :] -= np.outer(down, p[k])
        q[:, k + 1 :] -= np.outer(q[:, k], right)
    return p, np.diag(u), q, sign


def products_without(d: np.ndarray, *gone: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the products of all of d but those at some places, over 2**top, and top."""
    fractions, powers = np.frexp(np.where(d == 0, 1.0, d))
    product, power = 1.0, np.sum(powers)
    for fraction in fractions:
        product, more = np.frexp(product * fraction)
        power = power + more
    zeros = np.sum(d == 0) - sum(d[i] == 0 for i in gone)
    for i in gone:
        product, power = product / fractions[i], power - powers[i]
    top = int(np.max(power, where=zeros == 0, initial=-(2**24)))
    return np.where(zeros == 0, np.ldexp(product, power - top), 0.0), top


def scaled_back(x: np.ndarray, top: int, a: np.ndarray) -> np.ndarray:
    """Return x * 2**top in the dtype of a; NaN where a has elements that are not finite."""
    return (np.ldexp(x, top) if np.isfinite(a).all() else x * np.nan).astype(a.dtype)


def adjugate_of(a: np.ndarray) -> np.ndarray:
    """Return the adjugate of matrices: their transposed cofactors."""
    if a.ndim != 2 or not a.size:
        return np.array([adjugate_of(x) for x in a]).reshape(a.shape).astype(a.dtype)
    p, d, q, sign = diagonalized(a)
    products, top = products_without(d, np.arange(len(d)))
    return scaled_back(sign * (q * products) @ p, top, a)


def adjugate_change(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the derivative of the adjugate of matrices a along b."""
    if a.ndim != 2 or not a.size:
        each = [adjugate_change(x, y) for x, y in zip(a, b, strict=True)]
        return np.array(each).reshape(a.shape).astype(a.dtype)
    p, d, q, sign = diagonalized(a)
    places = np.arange(len(d))
    products, top = products_without(d, places[:, np.newaxis], places)
    np.fill_diagonal(products, 0.0)
    change = p @ b @ q
    inner = np.diag(products @ np.diag(change)) - products * change
    return scaled_back(sign * q @ inner @ p, top, a)


# the ops


def _adjugate_infer(a: ArrayType) -> ArrayType:
    return square("adjugate", a)


def _along_infer(a: ArrayType, b: ArrayType) -> ArrayType:
    return square("adjugate_along", same_type("adjugate_along", a, b))


def _work(many: int) -> Callable[..., tuple[ArrayType, ...]]:
    """Return the types of so many matrices and of a diagonal to work in, always float64."""

    def types(a: ArrayType, *along: ArrayType) -> tuple[ArrayType, ...]:
        whole = ArrayType(FLOAT64, a.shape[-2:])
        narrow = (whole,) * len(along) if a.dtype != FLOAT64 else ()
        return (*(whole,) * many, whole.with_shape(a.shape[-1:]), *narrow)

    return types


def _vjp(ct: Value, out: Value, a: Value) -> Sequence[Value | None]:
    return (transposed(adjugate_along(a, transposed(ct))),)


def _jvp(tangents: Sequence[Value | None], out: Value, a: Value) -> Value | None:
    (dot,) = tangents
    return None if dot is None else adjugate_along(a, dot)


def _twice(out: Value, a: Value, b: Value, c: Value) -> Value:
    """Return the second derivative of the adjugate along b and c, from ``out`` along b."""
    inverse = op_named("inv")(a)
    both = multiplied(b, adjugate_along(a, c)) + multiplied(c, out)
    return scaled(trace(out, c), inverse) - multiplied(inverse, both)


def _along_vjp(ct: Value, out: Value, a: Value, b: Value) -> Sequence[Value | None]:
    turned = transposed(ct)
    return transposed(_twice(out, a, b, turned)), transposed(adjugate_along(a, turned))


def _along_jvp(tangents: Sequence[Value | None], out: Value, a: Value, b: Value) -> Value | None:
    a_dot, b_dot = tangents
    terms = [] if a_dot is None else [_twice(out, a, b, a_dot)]
    terms += [] if b_dot is None else [adjugate_along(a, b_dot)]
    return sum(terms[1:], terms[0]) if terms else None


_SHARED = (diagonalized, products_without, scaled_back)

adjugate = operation(
    "adjugate",
    Kind.ROUTINE,
    "a",
    infer=_adjugate_infer,
    evaluate=adjugate_of,
    numpy="adjugate_of({a})",
    c="gradc_adjugate@",
    routine=Routine(counts, _work(3)),
    derivative=Rule(_vjp, _jvp),
    samples=reals(),
    helpers=(*_SHARED, adjugate_of),
    doc="The transposed cofactors of matrices: the gradient of the determinant, transposed.",
)
adjugate_along = operation(
    "adjugate_along",
    Kind.ROUTINE,
    "a, b",
    infer=_along_infer,
    evaluate=adjugate_change,
    numpy="adjugate_change({a}, {b})",
    c="gradc_adjugate_along@",
    routine=Routine(counts, _work(4)),
    derivative=Rule(_along_vjp, _along_jvp),
    samples=reals(),
    helpers=(*_SHARED, adjugate_change),
    doc="The derivative of the adjugate of matrices a along b.",
)
