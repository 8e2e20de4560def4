"""``np.pad``."""

from typing import Any

import numpy as np

from gradc.capture.convert import as_handle
from gradc.capture.folding import call, handles
from gradc.capture.tracer import Tracer, static

_TAKEN = ("edge", "reflect", "symmetric", "wrap")
"""Modes that repeat elements of the array."""


@handles(np.pad)
def pad(array: Any, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Any:
    """Put more elements around an array."""
    x = as_handle(array)
    widths = _widths(pad_width, x)
    if mode == "constant":
        return _with_constants(x, widths, kwargs.pop("constant_values", 0), **kwargs)
    if mode not in _TAKEN:
        raise TypeError(f"argument mode={mode!r} is not supported")
    for axis, (before, after) in enumerate(widths):
        if before or after:
            taken = np.pad(np.arange(static(x.shape[axis])), (before, after), mode, **kwargs)  # type: ignore[call-overload]
            x = call(np.take, x, taken, axis=axis)
    return x if any(map(any, widths)) else call(np.copy, x)


def _widths(pad_width: Any, x: Tracer) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        full = [(0, 0)] * x.ndim
        for axis, width in pad_width.items():
            full[axis] = width if isinstance(width, tuple) else (width, width)
        pad_width = full
    widths = np.asarray(pad_width)
    if widths.dtype.kind != "i":
        raise ValueError("`pad_width` must be of integral type.")
    if (widths < 0).any():
        raise ValueError("index can't contain negative values")
    return [tuple(pair) for pair in np.broadcast_to(widths, (x.ndim, 2)).tolist()]


def _with_constants(x: Tracer, widths: list[tuple[int, int]], values: Any) -> Tracer:
    if isinstance(values, list | tuple):
        pairs = np.broadcast_to(np.asarray(values), (x.ndim, 2)).tolist()
    else:
        pairs = [(values, values)] * x.ndim
    for axis, (pair, numbers) in enumerate(zip(widths, pairs, strict=True)):
        parts = [x]
        for width, number, place in zip(pair, numbers, (0, len(parts) + 1), strict=True):
            if width:
                shape = tuple(width if i == axis else n for i, n in enumerate(x.shape))
                parts.insert(place, call(np.full, shape, number, x.dtype))
        x = call(np.concatenate, parts, axis=axis) if len(parts) > 1 else x
    return x if any(map(any, widths)) else call(np.copy, x)
