"""Checks and texts that ops with axes or shapes share."""

from collections.abc import Sequence

import numpy as np

from gradc.errors import ShapeError
from gradc.ir.dims import Dim
from gradc.ir.types import ArrayType

__all__ = ["axis_text", "check_axes", "check_axis", "drop_axes", "dtype_text", "shape_text"]


def check_axis(name: str, x: ArrayType, axis: int) -> None:
    """Raise unless the axis counts from the front and exists."""
    if not 0 <= axis < x.ndim:
        raise ShapeError(f"{name} of {x} has no axis {axis}")


def check_axes(name: str, x: ArrayType, axes: Sequence[int]) -> None:
    """Raise unless the axes are sorted, different and exist."""
    for axis in axes:
        check_axis(name, x, axis)
    if list(axes) != sorted(set(axes)):
        raise ShapeError(f"{name} needs sorted, different axes, got {tuple(axes)}")


def drop_axes(x: ArrayType, axes: Sequence[int]) -> ArrayType:
    """Return the type without some axes."""
    return x.with_shape(dim for axis, dim in enumerate(x.shape) if axis not in axes)


def axis_text(x: ArrayType, axes: Sequence[int]) -> str:
    """Return ``, axis=...``, or nothing when all axes are meant."""
    if len(axes) == x.ndim:
        return ""
    return f", axis={axes[0] if len(axes) == 1 else tuple(axes)}"


def dtype_text(x: ArrayType) -> str:
    """Return ``, dtype=...`` where NumPy would accumulate in another dtype by itself."""
    if x.dtype.kind == "f" or x.dtype in (np.dtype("i8"), np.dtype("u8")):
        return ""
    return f", dtype={'bool' if x.dtype.kind == 'b' else 'np.' + x.dtype.name}"


def shape_text(shape: Sequence[Dim]) -> str:
    """Return a shape as a Python tuple."""
    inner = ", ".join(str(dim) for dim in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"
