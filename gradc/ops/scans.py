"""Running sums and products."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError
from gradc.ir.node import NewAxis, Slice
from gradc.ir.op import Kind, Linear, Rule, op_named
from gradc.ir.types import ArrayType
from gradc.ir.value import Value
from gradc.ops.axes import check_axis, dtype_text
from gradc.ops.declare import operation, reals
from gradc.ops.rules import before, choose, flip, shift

__all__ = ["cumprod", "cumsum", "recurrence"]


def _check(name: str, x: ArrayType, axis: int) -> ArrayType:
    check_axis(name, x, axis)
    if x.dtype.kind not in "fiu":
        raise DTypeError(f"{name} takes numbers, got {x}")
    return x


def _along(x: ArrayType, axis: int) -> str:
    return "" if x.ndim == 1 else f", axis={axis}"


def _cumsum_evaluate(x: np.ndarray, axis: int, reverse: bool) -> np.ndarray:
    if reverse:
        x = np.flip(x, axis)
    result = np.cumsum(x, axis=axis, dtype=x.dtype)
    return np.flip(result, axis) if reverse else result


def _cumsum_numpy(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
    (x,), (text,) = types, texts
    rest = _along(x, params["axis"]) + dtype_text(x)
    if not params["reverse"]:
        return f"np.cumsum({text}{rest})"
    if x.ndim == 1:
        return f"np.cumsum({text}[::-1]{rest})[::-1]"
    axis = params["axis"]
    return f"np.flip(np.cumsum(np.flip({text}, {axis}){rest}), {axis})"


def _cumsum_transpose(
    ct: Value, out: Value, x: Value, axis: int, reverse: bool
) -> Sequence[Value | None]:
    return (op_named("cumsum")(ct, axis=axis, reverse=not reverse),)


cumsum = operation(
    "cumsum",
    Kind.SCAN,
    "x",
    infer=lambda x, axis, reverse: _check("cumsum", x, axis),
    evaluate=_cumsum_evaluate,
    numpy=_cumsum_numpy,
    derivative=Linear(_cumsum_transpose),
    samples=reals(),
    params=("axis", "reverse"),
    doc="The running sum along an axis, from its end if reversed.",
)


def recurrence(a: Value, b: Value, axis: int) -> Value:
    """Solve ``h[i] = a[i] * h[i - 1] + b[i]`` with ``h[-1] = 0``, by sums and products only.

    Being polynomial, it has exact derivatives of any order, zeros in ``a`` included.  A known
    extent takes a logarithmic number of sweeps; a symbolic one the sum over all pairs.
    """
    extent = a.shape[axis]
    if not isinstance(extent, int):
        return _recurrence_by_pairs(a, b, axis)
    by = 1
    while by < extent:
        b = b + a * shift(b, axis, by)
        a = a * shift(a, axis, by)
        by *= 2
    return b


def _recurrence_by_pairs(a: Value, b: Value, axis: int) -> Value:
    """Sum ``b[i] * a[i + 1] * ... * a[k]`` over i; ``k`` runs along the axis, ``i`` after it."""
    spec = tuple(Slice(0, d) for d in a.shape)
    column = op_named("index")(a, spec=(*spec[: axis + 1], NewAxis(), *spec[axis + 1 :]))
    terms = op_named("index")(b, spec=(*spec[:axis], NewAxis(), *spec[axis:]))
    graph, extent, after = a.graph, spec[axis].length, len(spec) - axis - 1
    steps = graph.value(graph.add(op_named("iota"), (), {"length": extent}))
    k, i = (steps.reshape((extent, *(1,) * n)) for n in (after + 1, after))
    factors = op_named("cumprod")(choose(op_named("greater")(k, i), column, 1.0, a), axis=axis)
    kept = choose(op_named("greater_equal")(k, i), factors * terms, 0.0, a)
    return kept.sum((axis + 1,))


def _cumprod_vjp(ct: Value, out: Value, x: Value, axis: int) -> Sequence[Value | None]:
    """Return ``prod(x[:i]) * g[i]`` where ``g[i] = ct[i] + x[i + 1] * g[i + 1]``."""
    reverse = flip(x, axis)
    return (
        before(out, axis) * flip(recurrence(_delayed(reverse, axis), flip(ct, axis), axis), axis),
    )


def _delayed(x: Value, axis: int) -> Value:
    """Move one step on; what comes in is never used."""
    return shift(x, axis, 1) if x.shape[axis] != 0 else x


def _cumprod_jvp(tangents: Sequence[Value | None], out: Value, x: Value, axis: int) -> Value | None:
    (dot,) = tangents
    return None if dot is None else recurrence(x, dot * before(out, axis), axis)


def _cumprod_numpy(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
    (x,), (text,) = types, texts
    return f"np.cumprod({text}{_along(x, params['axis'])}{dtype_text(x)})"


cumprod = operation(
    "cumprod",
    Kind.SCAN,
    "x",
    infer=lambda x, axis: _check("cumprod", x, axis),
    evaluate=lambda x, axis: np.cumprod(x, axis=axis, dtype=x.dtype),
    numpy=_cumprod_numpy,
    derivative=Rule(_cumprod_vjp, _cumprod_jvp),
    samples=reals(),
    params=("axis",),
    doc="The running product along an axis; its derivative is right with zeros.",
)
