"""Sorting along an axis: stable, NaN last."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from gradc.capture.convert import as_handle, cast_to, fresh, value_of
from gradc.capture.folding import call, handles
from gradc.capture.tracer import Tracer
from gradc.capture.ufuncs import store
from gradc.ir import op_named

_KINDS = (None, "quicksort", "mergesort", "heapsort", "stable")
_TAKES = ("f8", "f4", "i8", "i4", "u8")


def _check(kind: Any, order: Any, stable: Any) -> None:
    if order is not None:
        raise TypeError("argument order is for structured dtypes only")
    if kind not in _KINDS:
        raise ValueError(f"sort kind must be one of {', '.join(map(repr, _KINDS[1:]))}")
    if kind is not None and stable is not None:
        raise ValueError("`kind` and `stable` parameters can't be provided at the same time")


def _key_dtype(dtype: np.dtype) -> np.dtype:
    """Return the narrowest dtype that the op takes and that holds every number."""
    if dtype.str[1:] in _TAKES:
        return dtype
    return np.dtype(np.int64 if dtype.itemsize == 4 else np.int32)


def _flat(a: Any, axis: Any) -> tuple[Tracer, int]:
    x = as_handle(a)
    if axis is None:
        return call(np.ravel, x), 0
    return x, normalize_axis_index(axis, x.ndim)


@handles(np.argsort)
def argsort(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    """Find the positions that sort an axis; equal elements always keep their order."""
    _check(kind, order, stable)
    x, axis = _flat(a, axis)
    value = value_of(call(np.moveaxis, x, axis, -1))
    found = fresh(op_named("argsort")(cast_to(value, _key_dtype(value.dtype))))
    return call(np.copy, call(np.moveaxis, found, -1, axis)) if axis != x.ndim - 1 else found


@handles(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """Sort an axis."""
    x, axis = _flat(a, axis)
    positions = argsort(x, axis, kind, order, stable=stable)
    return call(np.take_along_axis, x, positions, axis=axis)


@handles(np.ndarray.sort, views=True)
def sort_in_place(
    self: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> None:
    """Sort an axis of the array itself."""
    store(self, call(np.sort, self, axis, kind, order, stable=stable))
