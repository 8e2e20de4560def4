"""Reductions: one value from many, over axes that are dropped."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError, ShapeError
from gradc.ir.dims import product
from gradc.ir.op import Derivative, Kind, Linear, Op, Rule, op_named
from gradc.ir.types import INT64, ArrayType
from gradc.ir.value import Value
from gradc.ops.axes import axis_text, check_axes, check_axis, drop_axes, dtype_text
from gradc.ops.declare import Samples, bools, operation, reals
from gradc.ops.rules import before, choose, flip, mask

__all__ = [
    "argmax",
    "argmin",
    "reduce_all",
    "reduce_any",
    "reduce_max",
    "reduce_min",
    "reduce_prod",
    "reduce_sum",
]


def _spread(value: Value, x: Value, axes: Sequence[int]) -> Value:
    """Repeat a reduced value along the axes it lost."""
    return value.expand(axes).broadcast_to(x.shape)


def _infer(name: str, takes: str, identity: bool) -> Callable[..., ArrayType]:
    def infer(x: ArrayType, axes: tuple[int, ...]) -> ArrayType:
        check_axes(name, x, axes)
        if x.dtype.kind not in takes:
            raise DTypeError(f"{name} does not take {x}")
        result = drop_axes(x, axes)
        if not identity:
            _check_filled(name, x, result, product(x.shape[axis] for axis in axes))
        return result

    return infer


def _check_filled(name: str, x: ArrayType, result: ArrayType, count: object) -> None:
    if count == 0 and result.size != 0:
        raise ShapeError(f"{name} of {x} has no elements to choose from")


def _printer(function: str, sized: bool) -> Callable[..., str]:
    def write(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
        dtype = dtype_text(types[0]) if sized else ""
        return f"np.{function}({texts[0]}{axis_text(types[0], params['axes'])}{dtype})"

    return write


def _reduction(
    function: str,
    ufunc: np.ufunc,
    derivative: Derivative,
    samples: Samples,
    doc: str,
    takes: str = "fiub",
) -> Op:
    """Declare ``reduce_<function>``; ``np.<function>`` prints it."""
    name = f"reduce_{function}"
    sized = ufunc in (np.add, np.multiply)

    def evaluate(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        return np.asarray(ufunc.reduce(x, axis=axes, dtype=x.dtype))

    return operation(
        name,
        Kind.REDUCTION,
        "x",
        infer=_infer(name, takes, ufunc.identity is not None),
        evaluate=evaluate,
        numpy=_printer(function, sized),
        derivative=derivative,
        samples=samples,
        params=("axes",),
        doc=doc,
    )


def _sum_transpose(
    ct: Value, out: Value, x: Value, axes: tuple[int, ...]
) -> Sequence[Value | None]:
    return (_spread(ct, x, axes),)


def _others(x: Value, axes: tuple[int, ...]) -> Value:
    """Return for each element the product of the others, without dividing."""
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    order = kept + axes
    turned = x.transpose(order)
    flat = turned.reshape((*turned.shape[: len(kept)], product(x.shape[a] for a in axes)))
    axis = len(kept)
    running = op_named("cumprod")
    earlier = before(running(flat, axis=axis), axis)
    later = flip(before(running(flip(flat, axis), axis=axis), axis), axis)
    others = (earlier * later).reshape(turned.shape)
    return others.transpose([order.index(i) for i in range(x.ndim)])


def _prod_vjp(ct: Value, out: Value, x: Value, axes: tuple[int, ...]) -> Sequence[Value | None]:
    return (_spread(ct, x, axes) * _others(x, axes),)


def _prod_jvp(
    tangents: Sequence[Value | None], out: Value, x: Value, axes: tuple[int, ...]
) -> Value | None:
    (dot,) = tangents
    return None if dot is None else (dot * _others(x, axes)).sum(axes)


def _chosen(out: Value, x: Value, axes: tuple[int, ...]) -> tuple[Value, Value]:
    """Return where the extreme is reached, and how often."""
    reached = op_named("equal")(x, _spread(out, x, axes))
    return reached, mask(reached, x).sum(axes)


def _extreme_vjp(ct: Value, out: Value, x: Value, axes: tuple[int, ...]) -> Sequence[Value | None]:
    reached, count = _chosen(out, x, axes)
    return (choose(reached, _spread(ct / count, x, axes), 0.0, x),)


def _extreme_jvp(
    tangents: Sequence[Value | None], out: Value, x: Value, axes: tuple[int, ...]
) -> Value | None:
    (dot,) = tangents
    if dot is None:
        return None
    reached, count = _chosen(out, x, axes)
    return choose(reached, dot, 0.0, x).sum(axes) / count


_EXTREME = Rule(_extreme_vjp, _extreme_jvp)
reduce_sum = _reduction("sum", np.add, Linear(_sum_transpose), reals(), "The sum.")
reduce_prod = _reduction(
    "prod", np.multiply, Rule(_prod_vjp, _prod_jvp), reals(), "The product; right with zeros."
)
reduce_max = _reduction(
    "max", np.maximum, _EXTREME, reals(), "The largest; equal ones share the derivative."
)
reduce_min = _reduction(
    "min", np.minimum, _EXTREME, reals(), "The smallest; equal ones share the derivative."
)
reduce_any = _reduction("any", np.logical_or, None, bools(), "Does one hold?", "b")
reduce_all = _reduction("all", np.logical_and, None, bools(), "Do all hold?", "b")


def _position(function: Callable[..., Any], doc: str) -> Op:
    name = function.__name__

    def infer(x: ArrayType, axis: int) -> ArrayType:
        check_axis(name, x, axis)
        result = drop_axes(x, (axis,)).with_dtype(INT64)
        _check_filled(name, x, result, x.shape[axis])
        return result

    def write(texts: Sequence[str], types: Sequence[ArrayType], params: dict[str, Any]) -> str:
        return f"np.{name}({texts[0]}{axis_text(types[0], (params['axis'],))})"

    return operation(
        name,
        Kind.REDUCTION,
        "x",
        infer=infer,
        evaluate=lambda x, axis: np.asarray(function(x, axis=axis)).astype(INT64, copy=False),
        numpy=write,
        samples=Samples(dtypes=("f8", "f4", "i8")),
        params=("axis",),
        doc=doc,
    )


argmax = _position(np.argmax, "Where the largest stands, the first of equals.")
argmin = _position(np.argmin, "Where the smallest stands, the first of equals.")
