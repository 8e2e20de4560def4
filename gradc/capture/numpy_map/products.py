"""Products of arrays: everything becomes the one contraction of the graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from gradc.capture.context import fail
from gradc.capture.convert import as_handle, cast_to, fresh, operand, result, value_of
from gradc.capture.folding import call, handles
from gradc.capture.numpy_map.edits import spelled
from gradc.capture.numpy_map.selection import promoted
from gradc.capture.tracer import Tracer, describe
from gradc.capture.ufuncs import store
from gradc.errors import ShapeError
from gradc.ir import Value, broadcast_shapes, op_named

Labels = Sequence[int]


def contraction(a: Value, b: Value, left: Labels, right: Labels, out: Labels) -> Value:
    """Contract two values; labels that only one operand has are summed first."""
    a, left = _summed(a, left, {*right, *out})
    b, right = _summed(b, right, {*left, *out})
    if a.dtype.kind == "b":
        whole = contraction(
            a.cast(np.dtype(np.int64)), b.cast(np.dtype(np.int64)), left, right, out
        )
        return whole.cast(a.dtype)
    return op_named("contract")(
        a, b, a_labels=tuple(left), b_labels=tuple(right), out_labels=tuple(out)
    )


def _summed(x: Value, labels: Labels, kept: set[int]) -> tuple[Value, Labels]:
    alone = [i for i, label in enumerate(labels) if label not in kept]
    return (x.sum(alone), [n for n in labels if n in kept]) if alone else (x, labels)


def _pair(a: Any, b: Any) -> tuple[Tracer, Tracer, Value, Value]:
    x, y = as_handle(a), as_handle(b)
    dtype = promoted(operand(a), operand(b))
    return x, y, cast_to(value_of(x), dtype), cast_to(value_of(y), dtype)


def _finish(value: Value, out: Any) -> Any:
    done = result(value)
    return done if out is None else store(out, done)


def _names(x: Tracer, y: Tracer) -> tuple[str, str]:
    names = describe(x)[0], describe(y)[0]
    return names if "value" not in names and names[0] != names[1] else ("left", "right")


def _mismatch(name: str, x: Tracer, y: Tracer, i: int, j: int) -> None:
    left, right = _names(x, y)
    rows = x.shape[i]
    fail(
        ShapeError,
        f"{name} needs {left}.shape[{i}] == {right}.shape[{j}], got {rows} and {y.shape[j]}",
        operands=[describe(x), describe(y)],
        repair=f"pass {right} with {rows} rows, or transpose it"
        if y.ndim > 1
        else f"pass {right} with {rows} elements",
    )


@handles(np.matmul)
def matmul(
    x1: Any, x2: Any, /, out: Any = None, *, casting: str = "same_kind", order: str = "K",
    dtype: Any = None, subok: bool = True,
) -> Any:  # fmt: skip
    """Multiply matrices, or stacks of them."""
    if casting != "same_kind" or order != "K" or dtype is not None:
        raise TypeError("argument casting, order or dtype is not supported")
    x, y, a, b = _pair(x1, x2)
    if not x.ndim or not y.ndim:
        raise ValueError("matmul: a 0-d operand does not have enough dimensions")
    inner = max(y.ndim - 2, 0)
    if x.shape[-1] != y.shape[inner]:
        _mismatch("matmul", x, y, x.ndim - 1, inner)
    return _finish(_matmul(a, b), out)


def _matmul(a: Value, b: Value) -> Value:
    """Labels: 0 summed, 1 rows, 2 columns, from 3 on the stack axes from the right."""
    rows, columns = (
        ([1], [2]) if a.ndim > 1 and b.ndim > 1 else ([1][: a.ndim - 1], [2][: b.ndim - 1])
    )
    stacks = [v.shape[:-2] if v.ndim > 2 else () for v in (a, b)]
    try:
        shape = broadcast_shapes(*stacks)
    except ValueError:
        raise ValueError(
            f"stacks of matrices of shapes {stacks[0]} and {stacks[1]} differ"
        ) from None
    labels = list(range(3, 3 + len(shape)))
    a, left = _stack(a, stacks[0], shape, labels)
    b, right = _stack(b, stacks[1], shape, labels)
    return contraction(a, b, [*left, *rows, 0], [*right, 0, *columns], [*labels, *rows, *columns])


def _stack(x: Value, stack: Any, shape: Any, labels: list[int]) -> tuple[Value, list[int]]:
    """Drop stack axes of length 1 that the other operand repeats; return the labels left."""
    mine = labels[len(labels) - len(stack) :]
    wide = shape[len(shape) - len(stack) :]
    kept = [n == w for n, w in zip(stack, wide, strict=True)]
    rest = x.shape[len(stack) :]
    x = x.reshape((*[n for n, k in zip(stack, kept, strict=True) if k], *rest))
    return x, [label for label, k in zip(mine, kept, strict=True) if k]


@handles(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """Sum over the last axis of ``a`` and the last but one of ``b``."""
    x, y = as_handle(a), as_handle(b)
    if not x.ndim or not y.ndim:
        return call(np.multiply, operand(a), operand(b), **({} if out is None else {"out": out}))
    j = max(y.ndim - 2, 0)
    if x.shape[-1] != y.shape[j]:
        _mismatch("dot", x, y, x.ndim - 1, j)
    return (
        call(np.tensordot, a, b, axes=((x.ndim - 1,), (j,)))
        if out is None
        else store(out, call(np.tensordot, a, b, axes=((x.ndim - 1,), (j,))))
    )


@handles(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum products over given axes."""
    x, y, left, right = _pair(a, b)
    first, second = _tensordot_axes(axes, x.ndim, y.ndim)
    for i, j in zip(first, second, strict=True):
        if x.shape[i] != y.shape[j]:
            _mismatch("tensordot", x, y, i, j)
    labels = list(range(x.ndim))
    others = list(range(x.ndim, x.ndim + y.ndim))
    for i, j in zip(first, second, strict=True):
        others[j] = labels[i]
    out = [n for n in labels if n not in others] + [n for n in others if n not in labels]
    return result(contraction(left, right, labels, others, out))


def _tensordot_axes(axes: Any, m: int, n: int) -> tuple[Sequence[int], Sequence[int]]:
    if isinstance(axes, int):
        return list(range(m - axes, m)), list(range(axes))
    first, second = (a if isinstance(a, list | tuple) else (a,) for a in axes)
    if len(first) != len(second):
        raise ValueError("shape-mismatch for sum: as many axes are needed of both operands")
    return normalize_axis_tuple(first, m), normalize_axis_tuple(second, n)


@handles(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """Sum over the last axes."""
    x, y = as_handle(a), as_handle(b)
    if not x.ndim or not y.ndim:
        return call(np.multiply, operand(a), operand(b))
    return call(np.tensordot, a, b, axes=((x.ndim - 1,), (y.ndim - 1,)))


@handles(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """Sum of products of all elements."""
    return call(np.dot, call(np.ravel, a), call(np.ravel, b))


@handles(np.vecdot, np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, axis: int = -1) -> Any:
    """Sum of products along one axis."""
    x, y = as_handle(x1), as_handle(x2)
    x, y = call(np.moveaxis, x, axis, -1), call(np.moveaxis, y, axis, -1)
    return call(np.einsum, "...i,...i->...", x, y)


@handles(np.outer, np.linalg.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """All products of two vectors."""
    left, right = (x if x.ndim == 1 else call(np.ravel, x) for x in (as_handle(a), as_handle(b)))
    done = call(np.tensordot, left, right, axes=0)
    return done if out is None else store(out, done)


@handles(np.kron)
def kron(a: Any, b: Any) -> Any:
    """Kronecker product."""
    x, y = as_handle(a), as_handle(b)
    rank = max(x.ndim, y.ndim)
    x = call(np.reshape, x, (1,) * (rank - x.ndim) + x.shape)
    y = call(np.reshape, y, (1,) * (rank - y.ndim) + y.shape)
    wide = call(np.tensordot, x, y, axes=0)
    mixed = call(np.transpose, wide, [i + j for i in range(rank) for j in (0, rank)])
    return call(np.reshape, mixed, tuple(m * n for m, n in zip(x.shape, y.shape, strict=True)))


@handles(np.cross, np.linalg.cross)
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    """Cross product of vectors with three components."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x = call(np.moveaxis, a, axisa, -1)
    y = call(np.moveaxis, b, axisb, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ValueError("both arrays must be arrays of 3-dimensional vectors")
    (a0, a1, a2), (b0, b1, b2) = ([v[..., i] for i in range(3)] for v in (x, y))
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
    done = call(np.stack, parts, axis=-1)
    return call(np.moveaxis, done, -1, normalize_axis_index(axisc, done.ndim))


@handles(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Vector norms, and norms of matrices but those by singular values."""
    a = as_handle(x)
    if a.dtype.kind != "f":
        a = a.astype(np.float64)
    if axis is None and (ord is None or (ord == 2 and a.ndim == 1)):
        total = call(np.sum, call(np.square, call(np.ravel, a)))
        done = call(np.sqrt, total)
        return call(np.reshape, done, (1,) * a.ndim) if keepdims else done
    axes = tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)
    if len(axes) == 2 and ord in (None, "fro"):
        return call(np.sqrt, call(np.sum, call(np.square, a), axis=axes, keepdims=keepdims))
    if len(axes) == 2 and ord in (1, -1, np.inf, -np.inf):
        along, over = axes if ord in (1, -1) else axes[::-1]
        sums = call(np.sum, call(np.absolute, a), axis=along, keepdims=True)
        best = call(np.max if ord > 0 else np.min, sums, axis=over, keepdims=True)
        return best if keepdims else call(np.squeeze, best, axis=axes)[()]
    if len(axes) != 1:
        raise TypeError(f"argument ord={ord!r} of a matrix is not supported")
    return _vector_norm(a, 2 if ord is None else ord, axes[0], keepdims)


def _vector_norm(a: Tracer, ord: Any, axis: int, keepdims: bool) -> Any:
    size = call(np.absolute, a)
    if ord in (np.inf, -np.inf):
        return call(np.max if ord > 0 else np.min, size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return call(np.sum, (a != 0).astype(a.dtype), axis=axis, keepdims=keepdims)
    if ord == 1:
        return call(np.sum, size, axis=axis, keepdims=keepdims)
    if ord == 2:
        return call(np.sqrt, call(np.sum, call(np.square, a), axis=axis, keepdims=keepdims))
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order {ord!r} for vectors")
    return call(np.sum, size**ord, axis=axis, keepdims=keepdims) ** (1.0 / ord)


# einsum


@handles(np.einsum)
def einsum(*operands: Any, out: Any = None, optimize: Any = False, **rest: Any) -> Any:
    """Sum products over labelled axes, in Einstein's notation."""
    if rest:
        raise TypeError(f"argument {next(iter(rest))} is not supported")
    if len(operands) > 1 and isinstance(operands[1], list | tuple):
        operands = spelled(operands)
    if not operands or not isinstance(operands[0], str):
        raise TypeError("argument subscripts must be a string such as 'ij,jk->ik'")
    arrays = [as_handle(x) for x in operands[1:]]
    inputs, target = _einsum_labels(operands[0], [x.ndim for x in arrays])
    dtype = np.result_type(*[x.dtype for x in arrays])
    terms = [
        _diagonalised(cast_to(value_of(x), dtype), labels)
        for x, labels in zip(arrays, inputs, strict=True)
    ]
    _check_extents(terms)
    return _finish(_einsum(terms, target), out)


def _einsum_labels(subscripts: str, ranks: list[int]) -> tuple[list[list[int]], list[int]]:
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise ValueError(f"'{subscripts}' names {len(parts)} operands, {len(ranks)} were given")
    dots = [
        n - len(p.replace("...", "")) if "..." in p else 0
        for p, n in zip(parts, ranks, strict=True)
    ]
    inputs = [_spelled(p, d) for p, d in zip(parts, dots, strict=True)]
    for labels, rank in zip(inputs, ranks, strict=True):
        if len(labels) != rank:
            raise ValueError(f"'{subscripts}' does not fit an operand with {rank} dimensions")
    if arrow:
        return inputs, _spelled(right, max(dots, default=0))
    every = [n for labels in inputs for n in labels]
    single = sorted({n for n in every if n >= 0 and every.count(n) == 1})
    return inputs, [*range(-max(dots, default=0), 0), *single]


def _spelled(part: str, dots: int) -> list[int]:
    """Letters as code points, the ellipsis as labels -dots ... -1."""
    before, found, after = part.partition("...")
    middle = list(range(-dots, 0)) if found else []
    return [*map(ord, before), *middle, *map(ord, after)]


def _diagonalised(x: Value, labels: list[int]) -> tuple[Value, list[int]]:
    """Take diagonals where a label stands twice in one operand."""
    handle = fresh(x)
    while len(set(labels)) < len(labels):
        label = next(n for n in labels if labels.count(n) > 1)
        i = labels.index(label)
        j = labels.index(label, i + 1)
        handle = call(np.diagonal, handle, 0, i, j)
        labels = [n for k, n in enumerate(labels) if k not in (i, j)] + [label]
    return value_of(handle), labels


def _check_extents(terms: list[tuple[Value, list[int]]]) -> None:
    extents: dict[int, Any] = {}
    for x, labels in terms:
        for label, extent in zip(labels, x.shape, strict=True):
            if extents.setdefault(label, extent) != extent:
                if 1 not in (extent, extents[label]):
                    raise ValueError(
                        f"label {chr(label) if label > 0 else '...'!r} stands for axes of length "
                        f"{extents[label]} and {extent}"
                    )
                extents[label] = max(extents[label], extent)
    for k, (x, labels) in enumerate(terms):
        thin = [i for i, n in enumerate(labels) if x.shape[i] == 1 and extents[n] != 1]
        shape = tuple(n for i, n in enumerate(x.shape) if i not in thin)
        terms[k] = x.reshape(shape), [n for i, n in enumerate(labels) if i not in thin]


def _einsum(terms: list[tuple[Value, list[int]]], target: list[int]) -> Value:
    """Contract from the left; a label is kept while a later operand or the result has it."""
    value, labels = terms[0]
    for k, (other, names) in enumerate(terms[1:], 1):
        later = {n for _, rest in terms[k + 1 :] for n in rest} | set(target)
        every = list(dict.fromkeys([*labels, *names]))
        out = [n for n in every if n in later]
        if k == len(terms) - 1:
            out = target
        value, labels = contraction(value, other, labels, names, out), out
    value, labels = _summed(value, labels, set(target))  # type: ignore[assignment]
    return value.transpose([labels.index(n) for n in target])
