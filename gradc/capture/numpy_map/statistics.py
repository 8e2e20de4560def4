"""Statistics of samples: covariances, correlations, histograms."""

import operator
from typing import Any

import numpy as np

from gradc.capture.convert import as_handle, has_traced
from gradc.capture.folding import call, handles
from gradc.capture.indexing import add_at
from gradc.capture.tracer import Tracer, make_concrete
from gradc.ir import static_shape

_NO = np._NoValue
_INT = np.dtype(np.int64)


# how rows vary together


@handles(np.cov)
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """Return the covariances of rows (or columns): ``X @ X.T / (n - ddof)``, X without its mean."""
    if fweights is not None or aweights is not None:
        raise TypeError("argument fweights or aweights is not supported")
    x = _variables(as_handle(m), rowvar, np.ndim(m) != 1, dtype)
    if y is not None:
        other = as_handle(y)
        other = _variables(other, rowvar, other.ndim == 2 and other.shape[0] != 1, dtype)
        x = call(np.concatenate, (x, other), axis=0)
    taken = ddof if ddof is not None else int(not bias)
    if taken != int(taken):
        raise ValueError("ddof must be integer")
    centred = x - call(np.mean, x, axis=1, keepdims=True)
    (observations,) = static_shape(x.shape[1:])
    rest = observations - int(taken)
    if rest <= 0:
        raise ValueError("a covariance needs more observations than ddof")
    products = call(np.matmul, centred, centred.T) / float(rest)
    return call(np.squeeze, products)


def _variables(x: Tracer, rowvar: bool, may_turn: bool, dtype: Any) -> Tracer:
    """Return samples as a matrix with a row for each variable."""
    if x.ndim > 2:
        raise ValueError("samples of a covariance have no more than 2 dimensions")
    kind = np.result_type(x.dtype, np.float64) if dtype is None else np.dtype(dtype)
    rows: Tracer = call(np.atleast_2d, x).astype(kind)
    return rows.T if may_turn and not rowvar else rows


@handles(np.corrcoef)
def corrcoef(
    x: Any, y: Any = None, rowvar: bool = True, bias: Any = _NO, ddof: Any = _NO, *,
    dtype: Any = None,
) -> Any:  # fmt: skip
    """Return the covariances over both deviations."""
    if bias is not _NO or ddof is not _NO:
        raise TypeError("argument bias or ddof has no effect, leave it out")
    products = call(np.cov, x, y, rowvar, dtype=dtype)
    if products.ndim == 0:
        return products / products
    deviation = call(np.sqrt, call(np.diagonal, products))
    return call(np.clip, products / deviation[:, None] / deviation[None, :], -1.0, 1.0)


# histograms


@handles(np.histogram)
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """Count samples, or add up their weights, between edges that are as far from each other."""
    if isinstance(bins, str) or has_traced(bins) or np.ndim(bins) != 0:
        raise TypeError("argument bins is supported as a number of bins only")
    count = operator.index(bins)
    if count < 1:
        raise ValueError("`bins` must be positive, when an integer")
    x = call(np.ravel, as_handle(a))
    edges, span = _edges(x, count, range)
    found = _places(x.astype(edges.dtype), edges, span, count)
    n = _counts(x, found, count, weights, None if range is None else span)
    if density:
        n = n / call(np.diff, edges) / call(np.sum, n)
    return n, edges


def _edges(x: Tracer, count: int, range: Any) -> tuple[Any, tuple[Any, Any]]:
    """Return the edges of the bins, and the outer ones as they were given."""
    if range is None and x.shape[0] == 0:
        range = (0, 1)
    first, last = (call(np.min, x), call(np.max, x)) if range is None else range
    if range is not None and not has_traced(range) and first > last:
        raise ValueError("max must be larger than min in range parameter.")
    alone = call(np.equal, first, last)
    first = call(np.where, alone, first - 0.5, first)
    last = call(np.where, alone, last + 0.5, last)
    kind = np.result_type(x.dtype, 0.0) if x.dtype.kind != "f" else x.dtype
    return call(np.linspace, first, last, count + 1, dtype=kind), (first, last)


def _places(x: Tracer, edges: Any, span: tuple[Any, Any], count: int) -> Any:
    """Return the number of the bin of each sample, corrected where rounding is off by one."""
    first, last = span
    inside = call(np.clip, x, first, last)
    found = ((inside - first) / (last - first) * count).astype(_INT)
    found = call(np.minimum, found, count - 1)
    found = found - (inside < edges[found]).astype(_INT)
    late = (inside >= edges[found + 1]) & (found != count - 1)
    return found + late.astype(_INT)


def _counts(x: Tracer, found: Any, count: int, weights: Any, span: Any) -> Any:
    """Add up the samples in each bin; those outside a given span count for nothing."""
    if weights is not None and np.shape(weights) != np.shape(x):
        weights = call(np.ravel, as_handle(weights))
        if weights.shape != x.shape:
            raise ValueError("weights should have the same shape as a.")
    share: Any = 1 if weights is None else weights
    if span is not None:
        share = call(np.where, (x >= span[0]) & (x <= span[1]), share, 0)
    dtype = _INT if weights is None else as_handle(weights).dtype
    total = make_concrete(np.zeros(count, dtype))
    add_at(total, found, share)
    return total
