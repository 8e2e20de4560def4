"""Functions that are a few lines of others: polynomials, powers of matrices, corners of arrays."""

import operator
from functools import reduce
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from gradc.capture.context import fail
from gradc.capture.convert import as_handle, operand
from gradc.capture.folding import call, handles
from gradc.capture.mutation import layout_of
from gradc.capture.tracer import Tracer, describe, static
from gradc.errors import UnsupportedError


@handles(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """Evaluate a polynomial by Horner's rule."""
    y = call(np.zeros_like, as_handle(x))
    for coefficient in as_handle(p):
        y = y * operand(x) + coefficient
    return y


@handles(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    """Multiply a matrix by itself, by way of squares."""
    x, n = as_handle(a), operator.index(n)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError("the last two axes of a power of matrices have the same length")
    if n < 0:
        return matrix_power(call(np.linalg.inv, x), -n)
    if n == 0:
        return call(np.zeros_like, x) + call(np.eye, static(x.shape[-1]), dtype=x.dtype)
    square: Any = None
    done: Any = None
    while n:
        square = x if square is None else call(np.matmul, square, square)
        n, odd = divmod(n, 2)
        if odd:
            done = square if done is None else call(np.matmul, done, square)
    return done


@handles(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """Multiply matrices in the order that takes the fewest operations."""
    if out is not None or len(arrays) < 2:
        raise TypeError("argument out is not supported, nor fewer than two arrays")
    factors = [as_handle(a) for a in arrays]
    if any(f.ndim not in (1, 2) for f in factors) or any(f.ndim == 1 for f in factors[1:-1]):
        raise ValueError("factors are matrices, and the first and the last may be vectors")
    sizes = [static(f.shape[0]) if f.ndim == 2 else 1 for f in factors]
    if factors[0].ndim == 2 or len(factors) > 1:
        last = factors[-1]
        sizes.append(static(last.shape[1]) if last.ndim == 2 else 1)
        if last.ndim == 1:
            sizes[-2] = static(last.shape[0])
    return _product(factors, sizes, _splits(sizes), 0, len(factors) - 1)


def _splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Return where to split each run of factors."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = [
                cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            ]
            cost[i, j] = min(costs)
            split[i, j] = i + costs.index(cost[i, j])
    return split


def _product(
    factors: list[Tracer], sizes: list[int], split: dict[tuple[int, int], int], i: int, j: int
) -> Any:
    if i == j:
        return factors[i]
    k = split[i, j]
    left, right = (_product(factors, sizes, split, a, b) for a, b in ((i, k), (k + 1, j)))
    return call(np.dot, left, right)


@handles(np.rot90, views=True)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turn an array by quarters."""
    x = as_handle(m)
    first, second = normalize_axis_tuple(axes, x.ndim)
    quarters = operator.index(k) % 4
    if quarters == 0:
        return x[:]
    if quarters == 2:
        return call(np.flip, x, (first, second))
    if quarters == 1:
        return call(np.swapaxes, call(np.flip, x, second), first, second)
    return call(np.flip, call(np.swapaxes, x, first, second), second)


@handles(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Return differences of neighbours, with numbers before and after them."""
    x = call(np.ravel, ary)
    ends = [None if end is None else as_handle(end).astype(x.dtype) for end in (to_begin, to_end)]
    parts = [ends[0], call(np.diff, x), ends[1]]
    return call(np.concatenate, [call(np.ravel, part) for part in parts if part is not None])


@handles(np.divmod)
def divmod_(x: Any, y: Any) -> Any:
    """Return quotient and remainder."""
    return call(np.floor_divide, x, y), call(np.remainder, x, y)


@handles(np.fill_diagonal, views=True)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """Write the diagonal."""
    x = as_handle(a)
    if x.ndim != 2 or wrap:
        raise TypeError("argument a must be a matrix, and wrap its default")
    count = min(map(static, x.shape))
    new = operand(val)
    if np.shape(new) not in ((), (1,), (count,)):
        raise ValueError(f"the diagonal has {count} elements, the value {np.shape(new)}")
    k = np.arange(count)
    x[k, k] = new


@handles(np.ndarray.flat, views=True)
def flat(a: Any) -> Any:
    """Return the elements in a row, where that is a view."""
    x = as_handle(a)
    if layout_of(x) is not None:
        fail(
            UnsupportedError,
            "attribute 'flat' is supported for arrays in C order only",
            operands=[describe(x)],
            repair="read the elements with .ravel(), and write them by their indices",
        )
    return call(np.reshape, x, (-1,))


@handles(np.ndenumerate, views=True)
def ndenumerate(arr: Any) -> Any:
    """Return an iterator over indices and elements."""
    x = as_handle(arr)
    return iter([(index, x[index]) for index in np.ndindex(*map(static, x.shape))])


@handles(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    """Return the powers of the elements, a column each."""
    a = as_handle(x)
    count = static(a.shape[0]) if N is None else operator.index(N)
    dtype = np.promote_types(a.dtype, np.int64)
    column = call(np.ones_like, a).astype(dtype)
    columns = [column]
    for _ in range(count - 1):
        columns.append(columns[-1] * a)
    if not count:
        return call(np.zeros, (a.shape[0], 0), dtype)
    return call(np.stack, columns if increasing else columns[::-1], axis=1)


@handles(np.block)
def block(arrays: Any) -> Any:
    """Put blocks together: the innermost lists along the last axis."""
    depth = _depth(arrays)
    rank = max(depth, *(x.ndim for x in _blocks(arrays)))

    def joined(part: Any, level: int) -> Any:
        if not isinstance(part, list):
            x = as_handle(part)
            return call(np.reshape, x, (1,) * (rank - x.ndim) + x.shape)
        return call(np.concatenate, [joined(p, level + 1) for p in part], axis=level - depth)

    return call(np.copy, joined(arrays, 0))


def _depth(part: Any) -> int:
    return 1 + max(map(_depth, part)) if isinstance(part, list) else 0


def _blocks(part: Any) -> list[Tracer]:
    if not isinstance(part, list):
        return [as_handle(part)]
    return reduce(operator.add, map(_blocks, part))
