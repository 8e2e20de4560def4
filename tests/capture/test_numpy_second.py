"""The second line of NumPy's functions: searching, padding, order statistics, NaN left out."""

import numpy as np
import pytest

import gradc
from gradc.errors import GradcError
from tests.capture.support import check, record

R = np.random.default_rng(11)
X = R.standard_normal((4, 6))
V, W = R.standard_normal(8), R.standard_normal(3)
GAPS = np.where(X > 1.0, np.nan, X)
GAPS[2] = np.nan
TABLE = np.array([0.0, 1.0, 1.0, 2.0, 3.5])
PLACES = np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.5, 4.0, np.nan, np.inf, -np.inf])
HEIGHTS = np.array([1.0, -2.0, 0.5, 4.0])


def without_nan(x):
    return (
        np.nansum(x), np.nansum(x, axis=0), np.nanprod(x, axis=1), np.nanmean(x, axis=1),
        np.nanmax(x, axis=1), np.nanmin(x, axis=0, keepdims=True), np.nanstd(x), np.nanmean(x),
        np.nanvar(x, axis=1, ddof=1, keepdims=True), np.nancumsum(x, axis=1), np.nancumprod(x),
    )  # fmt: skip


def searched(v, table):
    return (
        np.searchsorted(table, v), np.searchsorted(table, v, "right"), table.searchsorted(1.0),
        np.searchsorted(table[:1], v), np.searchsorted(table[:0], v), np.digitize(v, [0.0, 1.0]),
        np.searchsorted(table[::-1], v, sorter=np.argsort(table[::-1])), np.searchsorted(table, 1),
        np.digitize(v, np.array([2.0, 1.0, 0.0]), right=True), np.digitize(v, [2.0, 1.0, 1.0]),
    )  # fmt: skip


def interpolated(v, places, heights):
    return (
        np.interp(v, places, heights), np.interp(v, places, heights, left=-9.0, right=9.0),
        np.interp(v[2], places, heights), np.interp(1, places, heights),
        np.interp(v, places[:1], heights[:1]), np.interp(v, places, [1, 5, 2, 2]),
        np.interp(v, places, np.array([np.inf, 1.0, np.inf, np.inf])),
    )  # fmt: skip


def padded(x, v):
    return (
        np.pad(x, ((1, 0), (0, 2))), np.pad(x, 1, constant_values=3.0), np.pad(x, 0),
        np.pad(x, ((0, 1), (2, 1)), constant_values=((1, 2), (3, 4))), np.pad(v, 2, "reflect"),
        np.pad(v, (0, 11), "wrap"), np.pad(v, 2, "symmetric"), np.pad(x, ((1, 2), (0, 0)), "edge"),
    )  # fmt: skip


def in_order(x):
    return (
        np.median(x), np.median(x, axis=0), np.median(x, axis=1, keepdims=True),
        np.median(x, axis=(0, 1)), np.percentile(x, 30), np.quantile(x, [0.1, 0.5, 1.0], axis=1),
        np.quantile(x, 0.77, axis=0, keepdims=True), np.percentile(x, [0, 100, 25.0]),
        np.quantile(x, np.float64(0.4)), np.lexsort((x[0], x[1])), np.lexsort(x),
    )  # fmt: skip


def slid(v, w):
    return (
        np.convolve(v, w), np.convolve(v, w, "same"), np.convolve(w, v, "valid"),
        np.correlate(v, w), np.correlate(v, w, "full"), np.correlate(w, v, "same"),
        np.convolve(v[:7], v[:4], "same"), np.correlate(v[:4], v, "full"),
    )  # fmt: skip


def in_pieces(v):
    return (
        np.piecewise(v, [v < 0, v >= 0], [lambda t: -(t**2), lambda t: t**3]),
        np.piecewise(v, [v < 0, v > 0.5], [lambda t, k: t * k, lambda t, k: t - k, -1], 3.0),
        np.piecewise(v, v > 0, [np.exp, 7]),
    )


def each(x, v):
    half = np.vectorize(lambda t: t * 2.0 if t > 0 else t**2)
    return (
        half(v), np.vectorize(lambda a, b: a * b + 1.0)(v[:2, None], v),
        np.apply_along_axis(lambda r: r.sum() * r[0], 1, x), np.apply_along_axis(np.cumsum, 0, x),
        np.apply_along_axis(lambda r: np.outer(r, r), 0, x),
        sum(i * e for (i, _), e in np.ndenumerate(x)), [e * 2 for e in x.flat], x.flat[3],
    )  # fmt: skip


def updated(v, w):
    at = np.array([0, 1, 1, 7])
    a, b, c, d, e = v.copy(), v.copy(), v.copy(), v.copy(), np.ones((8, 3))
    np.maximum.at(a, at, 0.1)
    np.minimum.at(b, at, v[:4])
    np.multiply.at(c, at, v[4:])
    np.divide.at(d, 1, 2.0)
    np.multiply.at(e, at, w)
    np.maximum.at(e, (at, at % 3), v[:4])
    return a, b, c, d, e


def reduced(x):
    return np.logaddexp.reduce(x), np.logaddexp.reduce(x, axis=1, keepdims=True), np.hypot.reduce(x)


def products(x, v):
    a = x[:, :4]
    return (
        *(np.linalg.matrix_power(a, n) for n in (3, 0, 1, 6, -2)), np.polyval(v, x),
        np.linalg.multi_dot([a, x, x.T]), np.linalg.multi_dot([v[:4], a, a, v[:4]]),
        np.linalg.multi_dot([a, v[:4]]), np.polyval(v, 2.0), np.vander(v, 3), np.polyval([1, 2], v),
    )  # fmt: skip


def arranged(x):
    y = x.copy()
    np.fill_diagonal(y, 0.5)
    y.flat[[1, 2]] = 7.0
    z = np.zeros((2, 2))
    z.flat = 3.0
    np.rot90(y)[0, 0] = 4.0
    return (
        y, z, np.rot90(x, 2), np.rot90(x, -1), np.ediff1d(x, to_end=[1.0, 2.0]), np.divmod(x, 0.3),
        np.block([[x, x[:, :1]], [np.ones((1, 7))]]), np.block([x[0], 1.0]),
    )  # fmt: skip


def edited(x, v):
    return (
        np.delete(v, 2), np.delete(x, [0, -1], axis=1), np.delete(x, slice(1, 3), 0),
        np.delete(x, 3), np.insert(v, 1, 5.0), np.insert(v, [1, 1, 8], v[:3]),
        np.insert(x, 2, v[0]), np.insert(x, 1, v[:4], axis=1), np.insert(x, [0, 2], x[:2], axis=0),
        np.insert(v, 3, [7, 8]), np.insert(x, -1, 2.0, axis=0), np.insert(x, [1], x[:1], axis=0),
    )  # fmt: skip


def gathered(x, v):
    y = x[:, :4].copy()
    y[np.diag_indices_from(y)] += 1.0
    windows = np.lib.stride_tricks.sliding_window_view
    return (
        y, windows(v, 3), windows(x, (2, 3)), windows(x, 2, axis=0), windows(x, (2, 2), (1, 0)),
        np.rollaxis(x[None], 2), np.rollaxis(x[None], 0, 2), np.rollaxis(x, 1, -1),
        np.maximum.accumulate(x, axis=1), np.minimum.accumulate(v), np.maximum.accumulate(x),
        np.r_[v, 1.0, v[:2], 0:3], np.c_[v, v**2], np.c_[x, x[:, 0]], np.r_[x, x[:1]], np.c_[v],
    )  # fmt: skip


def contracted(x, v):
    return (
        np.einsum(x, [0, 1], x, [2, 1], [2, 0]), np.einsum(x, [0, 1]),
        np.einsum(x, [..., 3], [3, ...]), np.linalg.norm(v, 1),
        *(np.linalg.norm(x, n) for n in (1, -1, np.inf, -np.inf)),
        np.linalg.norm(x[None], np.inf, axis=(1, 2), keepdims=True), np.linalg.norm(x.T, 1, (0, 1)),
    )  # fmt: skip


def converted(x):
    return (
        np.float64(x), np.float32(x[0, 0]), np.int32(x.sum()), np.float64(1) * x, np.bool_(x[0, 1]),
        np.int64(x[0]), np.float64("1.5"),
    )  # fmt: skip


def counted(numbers, v):
    return np.bincount(numbers, minlength=9), np.bincount(numbers, v, 12)


CASES = {
    "edited": (edited, X, V),
    "gathered": (gathered, X, V),
    "contracted": (contracted, X, V),
    "converted": (converted, X),
    "counted": (counted, np.array([0, 3, 3, 8, 1, 0, 0, 5]), V),
    "without_nan": (without_nan, GAPS),
    "without_nan single": (without_nan, GAPS.astype(np.float32)),
    "without_nan integers": (without_nan, np.arange(6).reshape(2, 3)),
    "searched": (searched, PLACES, TABLE),
    "searched integers": (searched, np.arange(-1, 5), np.array([0, 1, 1, 3])),
    "interpolated": (interpolated, PLACES, np.array([0.0, 1.0, 2.0, 3.5]), HEIGHTS),
    "padded": (padded, X, V),
    "padded integers": (padded, np.arange(6).reshape(2, 3), np.arange(5)),
    "in_order": (in_order, X),
    "in_order gaps": (in_order, GAPS),
    "in_order single": (in_order, X.astype(np.float32)),
    "slid": (slid, V, W),
    "slid integers": (slid, np.arange(8), np.array([1, -1])),
    "in_pieces": (in_pieces, V),
    "each": (each, X, V),
    "updated": (updated, V, W),
    "reduced": (reduced, X),
    "products": (products, X, V),
    "arranged": (arranged, X),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", CASES)
def test_values(name):
    function, *arguments = CASES[name]
    check(function, *arguments, rtol=1e-5 if "single" in name else 1e-12)


def total(function):
    def loss(*arguments):
        results = function(*arguments)
        return sum(np.sum(np.sin(one) * (k + 1)) for k, one in enumerate(results))

    return loss


SMOOTH = {
    "gaps": (lambda x: without_nan(np.where(x > 1.0, np.nan, x))[:8], X),
    "interp": (lambda v, h: (np.interp(v, [0.0, 1.0, 2.0, 3.5], h),), V, HEIGHTS),
    "padded": (padded, X, V),
    "order": (lambda x: in_order(x)[:8], X),
    "slid": (slid, V, W),
    "pieces": (in_pieces, V),
    "each": (lambda x, v: each(x, v)[:5], X, V),
    "updated": (updated, V, W),
    "reduced": (reduced, X),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name):
    function, *arguments = SMOOTH[name]
    gradc.check_grads(total(function), tuple(arguments), order=1, backend="numpy")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "name", ["searched", "interpolated", "updated", "in_order gaps", "without_nan"]
)
def test_the_same_in_c(name):
    function, *arguments = CASES[name]
    got, want = gradc.compile(function, backend="c")(*arguments), function(*arguments)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda x: np.quantile(x, x[0]), "q must be known"),
        (lambda x: np.pad(x, 1, "mean"), "mode='mean'"),
        (lambda x: np.digitize(x, x), "bins must be known"),
        (lambda x: np.interp(x, x, x, period=2.0), "period"),
        (lambda x: np.median(np.asarray(x)[:0]), "middle of nothing"),
    ],
)
def test_refused(function, word):
    with pytest.raises(GradcError, match=word):
        record(function, V)


def test_a_search_takes_as_many_steps_as_the_table_has_bits():
    def found(x, table):
        return np.searchsorted(table, x)

    small, large = (len(record(found, V, np.zeros(n)).graph.nodes) for n in (15, 1000))
    assert large - small <= 6 * 15
