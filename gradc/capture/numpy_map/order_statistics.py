"""Medians and quantiles: elements of the sorted array, and what lies between them."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from gradc.capture.convert import as_handle, has_traced, unwrap
from gradc.capture.folding import call, handles
from gradc.capture.tracer import Tracer, static


@handles(np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Any:
    """Find the positions that sort by several keys, of which the last one counts most."""
    first, *others = keys
    order = call(np.argsort, first, axis=axis, kind="stable")
    for key in others:
        turned = call(np.take_along_axis, as_handle(key), order, axis=axis)
        again = call(np.argsort, turned, axis=axis, kind="stable")
        order = call(np.take_along_axis, order, again, axis=axis)
    return order


@handles(np.median)
def median(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False
) -> Any:
    """Return the element in the middle, or the mean of the two there."""
    x = as_handle(a)
    _defaults(out=out, overwrite_input=overwrite_input or None)
    rows, axes = _sorted_rows(x, axis)
    half, odd = divmod(static(rows.shape[-1]), 2)
    middle = call(np.mean, rows[..., half - 1 + odd : half + 1], axis=-1)
    return _kept(_missing(middle, rows), x, axes, keepdims)


@handles(np.quantile)
def quantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
    interpolation: Any = None,
) -> Any:  # fmt: skip
    """Interpolate linearly between the sorted elements."""
    x = as_handle(a)
    _defaults(out=out, overwrite_input=overwrite_input or None, weights=weights)
    _interpolates_linearly(method, interpolation)
    return _quantiles(x, _known(q, x), axis, keepdims)


@handles(np.percentile)
def percentile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
    interpolation: Any = None,
) -> Any:  # fmt: skip
    """Interpolate linearly between the sorted elements."""
    x = as_handle(a)
    hundred = x.dtype.type(100) if x.dtype.kind == "f" else 100
    _defaults(out=out, overwrite_input=overwrite_input or None, weights=weights)
    _interpolates_linearly(method, interpolation)
    weak = type(_number(q)) in (int, float) and x.dtype.kind == "f"
    share = np.true_divide(_number(q), hundred)
    return _quantiles(x, _shares(share, x.dtype if weak else None), axis, keepdims)


def _interpolates_linearly(method: str, interpolation: Any) -> None:
    if method != "linear" or interpolation is not None:
        raise TypeError(f"argument method={method!r} is not supported")


def _number(q: Any) -> Any:
    """Return shares as what they are, which must be known."""
    if has_traced(q):
        raise TypeError("argument q must be known while the function is recorded")
    return unwrap(q)


def _known(q: Any, x: Tracer) -> np.ndarray:
    q = _number(q)
    return _shares(q, x.dtype if type(q) in (int, float) and x.dtype.kind == "f" else None)


def _shares(q: Any, dtype: Any) -> np.ndarray:
    shares = np.asarray(q, dtype)
    if shares.dtype.kind != "f":
        shares = shares.astype(np.float64)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError("Quantiles must be in the range [0, 1]")
    return shares


def _quantiles(x: Tracer, shares: np.ndarray, axis: Any, keepdims: bool) -> Any:
    rows, axes = _sorted_rows(x, axis)
    last = static(rows.shape[-1]) - 1
    parts = []
    for share in shares.ravel():
        place = last * share
        low = int(np.floor(place))
        t = (place - np.floor(place)).astype(shares.dtype)
        a, b = rows[..., low], rows[..., min(low + 1, last)]
        between = a + (b - a) * t if t < 0.5 else b - (b - a) * (1 - t)
        parts.append(_kept(_missing(between, rows), x, axes, keepdims))
    if not shares.ndim:
        return parts[0]
    joined = call(np.stack, parts)
    return call(np.reshape, joined, (*shares.shape, *joined.shape[1:]))


def _sorted_rows(x: Tracer, axis: Any) -> tuple[Tracer, tuple[int, ...]]:
    """Sort along some axes, which become one, the last."""
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    last = call(np.moveaxis, x, axes, tuple(range(x.ndim - len(axes), x.ndim)))
    flat = call(np.reshape, last, (*last.shape[: x.ndim - len(axes)], -1))
    if not static(flat.shape[-1]):
        raise ValueError("there is no middle of nothing")
    return call(np.sort, flat, axis=-1), axes


def _missing(value: Any, rows: Tracer) -> Any:
    """Return NaN where there is one: it stands at the end of the sorted elements."""
    if rows.dtype.kind != "f":
        return value
    done = call(np.where, call(np.isnan, rows[..., -1]), np.nan, value).astype(value.dtype)
    return done if done.ndim else done[()]


def _kept(value: Any, x: Tracer, axes: tuple[int, ...], keepdims: bool) -> Any:
    if not keepdims:
        return value
    return call(np.reshape, value, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


def _defaults(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise TypeError(f"argument {name} is supported at its default only")
