"""Numerics on samples: differences quotients and quadrature."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from gradc.capture.convert import as_handle, is_number
from gradc.capture.folding import call, handles
from gradc.capture.tracer import Tracer

_WHOLE = slice(None)


@handles(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate by the trapezoidal rule."""
    values = as_handle(y)
    axis = normalize_axis_index(axis, values.ndim)
    before = (_WHOLE,) * axis
    mean = (values[(*before, slice(1, None))] + values[(*before, slice(None, -1))]) / 2.0
    step = dx if x is None else _widths(as_handle(x), values.ndim, axis)
    return call(np.sum, step * mean, axis=axis)


def _widths(x: Tracer, rank: int, axis: int) -> Any:
    if x.ndim != 1:
        return call(np.diff, x, axis=axis)
    steps = call(np.diff, x)
    return call(np.reshape, steps, tuple(-1 if i == axis else 1 for i in range(rank)))


@handles(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Return central differences, one-sided at the ends, for evenly spaced samples."""
    if edge_order != 1:
        raise TypeError("argument edge_order is supported at its default only")
    values = as_handle(f)
    axes = range(values.ndim) if axis is None else normalize_axis_tuple(axis, values.ndim)
    steps = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    if not all(is_number(h) or as_handle(h).ndim == 0 for h in steps):
        raise TypeError("argument varargs: sample positions are not supported, only spacings")
    parts = [_slope(values, i, h) for i, h in zip(axes, steps, strict=True)]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _slope(f: Tracer, axis: int, step: Any) -> Any:
    before = (_WHOLE,) * axis

    def part(start: int | None, stop: int | None) -> Any:
        return f[(*before, slice(start, stop))]

    inner = (part(2, None) - part(None, -2)) / (2.0 * step)
    first = (part(1, 2) - part(0, 1)) / step
    last = (part(-1, None) - part(-2, -1)) / step
    return call(np.concatenate, [first, inner, last], axis=axis)
