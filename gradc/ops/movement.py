"""Ops that only move elements: repeat, reshape, permute, pad, join."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.errors import DTypeError, ShapeError
from gradc.ir.dims import Dim, Shape
from gradc.ir.node import Slice
from gradc.ir.op import Kind, Linear, op_named
from gradc.ir.types import ArrayType
from gradc.ir.value import Value
from gradc.ops.axes import check_axis, shape_text
from gradc.ops.declare import operation, reals
from gradc.ops.rules import take_slice

__all__ = ["broadcast_to", "concatenate", "pad", "reshape", "transpose"]

_Texts = Sequence[str]
_Types = Sequence[ArrayType]
_Params = dict[str, Any]
_Terms = Sequence[Value | None]


# broadcast_to


def _broadcast_infer(x: ArrayType, shape: Shape) -> ArrayType:
    lead = len(shape) - x.ndim
    if lead < 0 or any(a not in (1, b) for a, b in zip(x.shape, shape[lead:], strict=True)):
        raise ShapeError(f"{x} does not broadcast to {shape_text(shape)}")
    return x.with_shape(shape)


def _broadcast_transpose(ct: Value, out: Value, x: Value, shape: Shape) -> _Terms:
    lead = len(shape) - x.ndim
    copied = [
        axis
        for axis, extent in enumerate(shape)
        if axis < lead or (x.shape[axis - lead] == 1 and extent != 1)
    ]
    return (ct.sum(copied).reshape(x.shape),)


broadcast_to = operation(
    "broadcast_to",
    Kind.MOVEMENT,
    "x",
    infer=_broadcast_infer,
    evaluate=lambda x, shape: np.broadcast_to(x, shape),
    numpy=lambda texts, types, params: (
        f"np.broadcast_to({texts[0]}, {shape_text(params['shape'])})"
    ),
    derivative=Linear(_broadcast_transpose),
    samples=reals(),
    params=("shape",),
    doc="Repeated along axes of length 1 and new leading axes.",
)


# reshape


def _reshape_infer(x: ArrayType, shape: Shape) -> ArrayType:
    result = x.with_shape(shape)
    if result.size != x.size:
        raise ShapeError(f"{x} has {x.size} elements, {shape_text(shape)} needs {result.size}")
    return result


def _reshape_numpy(texts: _Texts, types: _Types, params: _Params) -> str:
    shape = params["shape"]
    return f"{texts[0]}.reshape({', '.join(map(str, shape)) if shape else '()'})"


reshape = operation(
    "reshape",
    Kind.MOVEMENT,
    "x",
    infer=_reshape_infer,
    evaluate=lambda x, shape: np.reshape(x, shape),
    numpy=_reshape_numpy,
    derivative=Linear(lambda ct, out, x, shape: (ct.reshape(x.shape),)),
    samples=reals(),
    params=("shape",),
    doc="The same elements in C order with other extents.",
)


# transpose


def _transpose_infer(x: ArrayType, axes: tuple[int, ...]) -> ArrayType:
    if sorted(axes) != list(range(x.ndim)):
        raise ShapeError(f"{axes} is no permutation of the axes of {x}")
    return x.with_shape(x.shape[axis] for axis in axes)


def _transpose_numpy(texts: _Texts, types: _Types, params: _Params) -> str:
    axes = params["axes"]
    if axes == tuple(range(len(axes)))[::-1]:
        return f"{texts[0]}.T"
    return f"np.transpose({texts[0]}, {shape_text(axes)})"


def _transpose_transpose(ct: Value, out: Value, x: Value, axes: tuple[int, ...]) -> _Terms:
    return (ct.transpose([axes.index(i) for i in range(len(axes))]),)


transpose = operation(
    "transpose",
    Kind.MOVEMENT,
    "x",
    infer=_transpose_infer,
    evaluate=lambda x, axes: np.transpose(x, axes),
    numpy=_transpose_numpy,
    derivative=Linear(_transpose_transpose),
    samples=reals(),
    params=("axes",),
    doc="The axes in another order.",
)


# pad


def _pad_infer(x: ArrayType, low: Shape, high: Shape) -> ArrayType:
    if not len(low) == len(high) == x.ndim:
        raise ShapeError(f"pad of {x} needs {x.ndim} widths before and after")
    if any(isinstance(width, int) and width < 0 for width in (*low, *high)):
        raise ShapeError(f"pad widths must not be negative, got {low} and {high}")
    return x.with_shape(a + d + b for a, d, b in zip(low, x.shape, high, strict=True))


def _pad_evaluate(x: np.ndarray, low: tuple[int, ...], high: tuple[int, ...]) -> np.ndarray:
    shape = [a + d + b for a, d, b in zip(low, x.shape, high, strict=True)]
    result = np.zeros(shape, x.dtype)
    result[tuple(slice(a, a + d) for a, d in zip(low, x.shape, strict=True))] = x
    return result


def _pad_numpy(texts: _Texts, types: _Types, params: _Params) -> str:
    if not types[0].ndim:
        return texts[0]
    widths = [shape_text(pair) for pair in zip(params["low"], params["high"], strict=True)]
    text = widths[0] if len(widths) == 1 else f"({', '.join(widths)})"
    return f"np.pad({texts[0]}, {text})"


def _pad_transpose(ct: Value, out: Value, x: Value, low: Shape, high: Shape) -> _Terms:
    spec = tuple(Slice(a, d) for a, d in zip(low, x.shape, strict=True))
    return (op_named("index")(ct, spec=spec),)


pad = operation(
    "pad",
    Kind.MOVEMENT,
    "x",
    infer=_pad_infer,
    evaluate=_pad_evaluate,
    numpy=_pad_numpy,
    derivative=Linear(_pad_transpose),
    samples=reals(),
    params=("low", "high"),
    doc="Zeros before and after the elements, along each axis.",
)


# concatenate


def _concatenate_infer(*xs: ArrayType, axis: int) -> ArrayType:
    first = xs[0]
    check_axis("concatenate", first, axis)
    total: Dim = 0
    for x in xs:
        if x.dtype != first.dtype:
            raise DTypeError(f"concatenate needs equal dtypes, got {first} and {x}")
        if _others(x, axis) != _others(first, axis):
            raise ShapeError(f"{first} and {x} do not join along axis {axis}")
        total = total + x.shape[axis]
    return first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :]))


def _others(x: ArrayType, axis: int) -> Shape:
    return (*x.shape[:axis], -1, *x.shape[axis + 1 :])


def _concatenate_numpy(texts: _Texts, types: _Types, params: _Params) -> str:
    along = f", axis={params['axis']}" if params["axis"] else ""
    return f"np.concatenate([{', '.join(texts)}]{along})"


def _concatenate_transpose(ct: Value, out: Value, *xs: Value, axis: int) -> _Terms:
    parts: list[Value] = []
    start: Dim = 0
    for x in xs:
        parts.append(take_slice(ct, axis, start, x.shape[axis]))
        start = start + x.shape[axis]
    return parts


concatenate = operation(
    "concatenate",
    Kind.MOVEMENT,
    "*xs",
    infer=_concatenate_infer,
    evaluate=lambda *xs, axis: np.concatenate(xs, axis=axis),
    numpy=_concatenate_numpy,
    derivative=Linear(_concatenate_transpose),
    samples=reals(),
    params=("axis",),
    doc="Arrays joined along an axis.",
)
