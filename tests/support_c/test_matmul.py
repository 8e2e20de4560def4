"""Matrix products: odd shapes, any strides, borrowed libraries, the same bits everywhere."""

import ctypes
import itertools

import numpy as np
import pytest

from tests.support_c.builds import compilers, variants

DRIVER = """
#include "gradc_matmul.h"

static int calls;

#define REFERENCE(name, real) \\
    static void name##gemm(int order, int ta, int tb, int64_t m, int64_t n, int64_t k, \\
                           real alpha, const real *a, int64_t lda, const real *b, \\
                           int64_t ldb, real beta, real *c, int64_t ldc) { \\
        calls += order == GRADC_ROW_MAJOR ? 1 : 1000; \\
        for (int64_t i = 0; i < m; i++) for (int64_t j = 0; j < n; j++) { \\
            real t = 0; \\
            for (int64_t p = 0; p < k; p++) { \\
                t += (ta == GRADC_TRANS ? a[p * lda + i] : a[i * lda + p]) * \\
                     (tb == GRADC_TRANS ? b[j * ldb + p] : b[p * ldb + j]); \\
            } \\
            c[i * ldc + j] = alpha * t + (beta == 0 ? 0 : beta * c[i * ldc + j]); \\
        } \\
    } \\
    static void name##gemv(int order, int ta, int64_t m, int64_t n, real alpha, const real *a, \\
                           int64_t lda, const real *x, int64_t incx, real beta, real *y, \\
                           int64_t incy) { \\
        int64_t rows = ta == GRADC_TRANS ? n : m, cols = ta == GRADC_TRANS ? m : n; \\
        calls += order == GRADC_ROW_MAJOR ? 1 : 1000; \\
        for (int64_t i = 0; i < rows; i++) { \\
            real t = 0; \\
            for (int64_t p = 0; p < cols; p++) { \\
                t += (ta == GRADC_TRANS ? a[p * lda + i] : a[i * lda + p]) * x[p * incx]; \\
            } \\
            y[i * incy] = alpha * t + beta * y[i * incy]; \\
        } \\
    }
REFERENCE(d, double)
REFERENCE(s, float)

#define ENTRY(suffix, real) \\
    size_t scratch##suffix(int64_t m, int64_t n, int64_t k); \\
    size_t scratch##suffix(int64_t m, int64_t n, int64_t k) { \\
        return gradc_gemm_scratch##suffix(m, n, k); \\
    } \\
    int matmul##suffix(const int64_t *d, const real *a, const real *b, real *c, void *scratch); \\
    int matmul##suffix(const int64_t *d, const real *a, const real *b, real *c, void *scratch) { \\
        gradc_env env = {0}; \\
        calls = 0; \\
        env.dgemm = dgemm, env.dgemv = dgemv, env.sgemm = sgemm, env.sgemv = sgemv; \\
        gradc_matmul##suffix(d[10] ? &env : NULL, d[0], d[1], d[2], a, d[3], d[4], b, d[5], d[6], \\
                             c, d[7], d[8], (int)d[9], scratch); \\
        return calls; \\
    }
ENTRY(, double)
ENTRY(f, float)
"""


@pytest.fixture(scope="module")
def libraries(folder):
    return variants(folder, DRIVER, [])


def matmul(library, a, b, c, accumulate=0, lend=0):
    """Run the driver on NumPy views as they lie in memory; returns the calls of the library."""
    suffix = "f" if c.dtype == np.float32 else ""
    (m, k), n = a.shape, b.shape[1]
    strides = [s // c.itemsize for x in (a, b, c) for s in x.strides]
    numbers = np.array([m, n, k, *strides, accumulate, lend], np.int64)
    size_of = library.handle[f"scratch{suffix}"]
    size_of.restype = ctypes.c_size_t
    size = size_of(*map(ctypes.c_int64, (m, n, k)))
    scratch = np.full(size + 64, 0xA5, np.uint8)
    pointers = [ctypes.c_void_p(x.ctypes.data) for x in (numbers, a, b, c, scratch)]
    calls = library.handle[f"matmul{suffix}"](*pointers)
    assert (scratch[size:] == 0xA5).all(), "wrote past its scratch memory"
    return calls


def laid_out(layout, rows, cols, kind, rng):
    """Random rows x cols numbers: C order, Fortran order, every second one, or reversed."""
    if layout == "c":
        return rng.standard_normal((rows, cols)).astype(kind)
    if layout == "f":
        return rng.standard_normal((cols, rows)).astype(kind).T
    if layout == "padded":
        return rng.standard_normal((rows, cols + 3)).astype(kind)[:, :cols]
    if layout == "steps":
        return rng.standard_normal((2 * rows, 3 * cols)).astype(kind)[::2, ::3]
    return rng.standard_normal((rows, cols)).astype(kind)[::-1, ::-1]


SHAPES = [(1, 1, 1), (3, 5, 7), (16, 16, 16), (17, 19, 23), (1, 70, 65), (70, 1, 65), (5, 3, 0)]
SHAPES += [(0, 4, 3), (129, 515, 40), (33, 17, 259), (70, 64, 1), (130, 20, 513), (4, 600, 30)]
LAYOUTS = ["c", "f", "padded", "steps", "reversed"]


def check(got, a, b, start):
    exact = a.astype(np.longdouble) @ b.astype(np.longdouble) + start
    bound = np.abs(a).astype(np.longdouble) @ np.abs(b).astype(np.longdouble) + np.abs(start)
    limit = (a.shape[1] + 2) * np.finfo(a.dtype).eps * bound
    assert (np.abs(got - exact) <= limit).all()


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_against_numpy(libraries, m, n, k, kind):
    rng = np.random.default_rng(m + 10 * n + 100 * k)
    chosen = list(itertools.product(LAYOUTS, LAYOUTS, ["c", "f", "padded", "steps"]))[:: 1 + m % 7]
    for turn, (left, right, out) in enumerate(chosen[:: 1 if m * n * k < 5000 else 9]):
        a, b = laid_out(left, m, k, kind, rng), laid_out(right, k, n, kind, rng)
        start = laid_out(out, m, n, kind, rng)
        results = []
        for library in libraries:
            base = start.base if start.base is not None else start
            store = base.copy()
            c = np.lib.stride_tricks.as_strided(store, start.shape, start.strides)
            accumulate = turn % 2
            if not accumulate:
                c[...] = np.nan
            matmul(library, a, b, c, accumulate)
            check(c, a, b, start if accumulate else np.zeros_like(start))
            results.append(c.tobytes())
            c[...] = start
            assert store.tobytes() == base.tobytes(), "wrote outside of the result"
        assert len(set(results)) == 1


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize(("m", "n", "k"), [(40, 50, 60), (1, 90, 80), (90, 1, 80), (2, 3, 4)])
def test_borrows_a_library_where_it_pays(libraries, m, n, k, kind):
    rng = np.random.default_rng(1)
    for left, right, out in itertools.product(LAYOUTS, LAYOUTS, ["c", "f", "padded", "steps"]):
        a, b = laid_out(left, m, k, kind, rng), laid_out(right, k, n, kind, rng)
        c = laid_out(out, m, n, kind, rng)
        for accumulate in (0, 1):
            start = c.copy() if accumulate else np.zeros_like(c)
            if not accumulate:
                c[...] = np.nan
            calls = matmul(libraries[0], a, b, c, accumulate, lend=1)
            check(c, a, b, start)
            plain = not {"steps", "reversed"} & {left, right, out}
            assert calls <= 1
            if plain and 1 not in (m, n):
                assert calls == (m * n * k > 4096)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize(("m", "n", "k"), [(12000, 3, 8), (3, 12000, 8)])
def test_narrow_products_are_lent_in_portions(libraries, m, n, k, kind):
    """So few numbers that waking a second thread takes longer than they do."""
    rng = np.random.default_rng(2)
    for left, right, out in itertools.product(["c", "f", "padded"], repeat=3):
        a, b = laid_out(left, m, k, kind, rng), laid_out(right, k, n, kind, rng)
        c = laid_out(out, m, n, kind, rng)
        for accumulate in (0, 1):
            start = c.copy() if accumulate else np.zeros_like(c)
            calls = matmul(libraries[0], a, b, c, accumulate, lend=1)
            check(c, a, b, start)
            by_columns = (out == "f") == (m > n)
            assert calls == (1 if by_columns else 3)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_broadcast_operands(libraries, kind):
    rng = np.random.default_rng(2)
    a = np.broadcast_to(rng.standard_normal(30).astype(kind), (40, 30))
    b = np.broadcast_to(rng.standard_normal((30, 1)).astype(kind), (30, 50))
    for library in libraries:
        c = np.empty((40, 50), kind)
        assert matmul(library, a, b, c, lend=1) == 0
        check(c, a, b, np.zeros_like(c))


def test_infinities_and_nan_stay_in_their_row_and_column(libraries):
    a, b = np.ones((40, 30)), np.ones((30, 50))
    a[3, 4], b[7, 9] = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        expected = a @ b
    for library in libraries:
        c = np.empty((40, 50))
        matmul(library, a, b, c)
        np.testing.assert_array_equal(c, expected)


def test_two_compilers_are_compared_where_present(libraries):
    assert len(libraries) == 1 + len(compilers())
