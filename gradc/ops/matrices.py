"""Small pieces that the rules of (stacks of) square matrices are written with."""

from gradc.errors import DTypeError, ShapeError
from gradc.ir.dims import Dim, product
from gradc.ir.op import op_named
from gradc.ir.types import ArrayType
from gradc.ir.value import Value

__all__ = ["counts", "multiplied", "outer", "scaled", "square", "trace", "transposed"]


def square(name: str, a: ArrayType) -> ArrayType:
    """Return the type of square matrices of floating-point numbers; refuse any other."""
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{name} needs square matrices, got {a}")
    if a.dtype.kind != "f":
        raise DTypeError(f"{name} takes floating-point numbers, got {a}")
    return a


def counts(a: ArrayType, *rest: ArrayType) -> tuple[Dim, ...]:
    """Return how many matrices there are, and how many rows each has."""
    return product(a.shape[:-2]), a.shape[-1]


def transposed(a: Value) -> Value:
    """Swap the last two axes."""
    return a.transpose((*range(a.ndim - 2), a.ndim - 1, a.ndim - 2))


def multiplied(a: Value, b: Value) -> Value:
    """Multiply matrices, or a matrix and a vector, stack by stack."""
    stack = tuple(range(3, a.ndim + 1))
    columns = () if b.ndim < a.ndim else (2,)
    return op_named("contract")(
        a,
        b,
        a_labels=(*stack, 0, 1),
        b_labels=(*stack, 1, *columns),
        out_labels=(*stack, 0, *columns),
    )


def outer(a: Value, b: Value) -> Value:
    """Return ``a @ b.T`` of matrices, all products of vectors."""
    if a.ndim > 1:
        return multiplied(a, transposed(b))
    return op_named("contract")(a, b, a_labels=(0,), b_labels=(1,), out_labels=(0, 1))


def scaled(number: Value, a: Value) -> Value:
    """Multiply every matrix of a stack by its number."""
    return number.expand((a.ndim - 2, a.ndim - 1)) * a


def trace(a: Value, b: Value) -> Value:
    """Return the trace of ``a @ b`` for every matrix of a stack."""
    terms = transposed(a) * b
    return terms.sum((terms.ndim - 2, terms.ndim - 1))
