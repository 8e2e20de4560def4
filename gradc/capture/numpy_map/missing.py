"""Reductions that leave NaN out."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc.capture.convert import as_handle
from gradc.capture.folding import call, handles
from gradc.capture.tracer import Tracer

_NO = np._NoValue
_COUNT = np.dtype(np.int64)


def _filled(a: Any, number: float) -> Tracer:
    """Put a number where there is none."""
    x = as_handle(a)
    return call(np.where, call(np.isnan, x), number, x) if _may_miss(x) else x


def _may_miss(x: Tracer) -> bool:
    return x.dtype.kind == "f"


def _with(plain: Callable[..., Any], number: float) -> Callable[..., Any]:
    def handler(a: Any, *args: Any, **kwargs: Any) -> Any:
        return call(plain, _filled(a, number), *args, **kwargs)

    return handler


for _nan, _plain, _number in (
    (np.nansum, np.sum, 0.0),
    (np.nanprod, np.prod, 1.0),
    (np.nancumsum, np.cumsum, 0.0),
    (np.nancumprod, np.cumprod, 1.0),
):
    handles(_nan)(_with(_plain, _number))


def _extremum(plain: Callable[..., Any], number: float) -> Callable[..., Any]:
    def handler(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _NO) -> Any:
        x = as_handle(a)
        best = call(plain, _filled(x, number), axis=axis, keepdims=keepdims, out=out)
        if not _may_miss(x) or out is not None:
            return best
        nothing = call(np.all, call(np.isnan, x), axis=axis, keepdims=keepdims)
        return _scalar(call(np.where, nothing, np.nan, best))

    return handler


handles(np.nanmax)(_extremum(np.max, -np.inf))
handles(np.nanmin)(_extremum(np.min, np.inf))


def _scalar(x: Any) -> Any:
    """Return a 0-d result as the number that NumPy's reductions give."""
    return x if x.ndim else x[()]


def _counted(x: Tracer, axis: Any, keepdims: Any) -> Any:
    there = call(np.logical_not, call(np.isnan, x))
    return call(np.sum, there, axis=axis, keepdims=keepdims, dtype=_COUNT)


@handles(np.nanmean)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NO
) -> Any:
    """Return the mean of what is there."""
    x = as_handle(a)
    if not _may_miss(x) or out is not None:
        return call(np.mean, x, axis=axis, dtype=dtype, out=out, keepdims=keepdims)
    total = call(np.sum, _filled(x, 0.0), axis=axis, dtype=dtype, keepdims=keepdims)
    return (total / _counted(x, axis, keepdims)).astype(total.dtype)


@handles(np.nanvar)
def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = _NO
) -> Any:
    """Return the variance of what is there."""
    x = as_handle(a)
    if not _may_miss(x) or out is not None or dtype is not None:
        return call(np.var, x, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims)
    away = x - nanmean(x, axis, keepdims=True)
    squares = call(np.square, call(np.where, call(np.isnan, x), 0.0, away))
    total = call(np.sum, squares, axis=axis, keepdims=keepdims)
    rest = _counted(x, axis, keepdims) - ddof
    spread = (total / rest).astype(total.dtype)
    return _scalar(call(np.where, rest <= 0, np.nan, spread))


@handles(np.nanstd)
def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = _NO
) -> Any:
    """Return the deviation of what is there."""
    return call(np.sqrt, call(np.nanvar, a, axis, dtype, out, ddof, keepdims))
