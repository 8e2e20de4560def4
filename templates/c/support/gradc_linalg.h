/* Factors of matrices and what is solved with them, f64 and f32 (ending f).
 *
 * Matrices lie row by row, one after the other. The factors of gradc_lu are n + 1 rows of n items:
 * below the diagonal L (whose diagonal is 1), from there on U with P a = L U, and in the last row
 * which row was exchanged with each one. Pivots are the largest of their columns, as LAPACK's are.
 * The logarithms are GRADC_LOG and GRADC_LOGF, libm's unless set before. */
#ifndef GRADC_LINALG_H
#define GRADC_LINALG_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "gradc_gemv.h"

#ifndef GRADC_LOG
#define GRADC_LOG log
#endif

#ifndef GRADC_LOGF
#define GRADC_LOGF logf
#endif

/* Swap two rows of n items. */
static inline void gradc_swap_rows(int64_t n, double *a, double *b) {
    int64_t j;
    for (j = 0; j < n; j++) {
        double t = a[j];
        a[j] = b[j];
        b[j] = t;
    }
}

/* row -= factor * pivot, for n items. */
static inline void gradc_eliminate(int64_t n, double factor, const double *restrict pivot,
                                   double *restrict row) {
    int64_t j;
    for (j = 0; j < n; j++) {
        row[j] -= factor * pivot[j];
    }
}

/* Factor the first n columns of m rows `step` items apart, m >= n. */
static inline void gradc_lu_rows(int64_t m, int64_t n, double *a, int64_t step, double *pivots) {
    int64_t i, k;
    for (k = 0; k < n; k++) {
        double *row = a + k * step, pivot;
        int64_t best = k;
        for (i = k + 1; i < m; i++) {
            best = fabs(a[i * step + k]) > fabs(a[best * step + k]) ? i : best;
        }
        pivots[k] = (double)best;
        pivot = a[best * step + k];
        if (best != k) {
            gradc_swap_rows(n, row, a + best * step);
        }
        for (i = k + 1; i < m && pivot != 0; i++) {
            double factor = a[i * step + k] / pivot;
            a[i * step + k] = factor;
            gradc_eliminate(n - k - 1, factor, row + k + 1, a + i * step + k + 1);
        }
    }
}

/* Do to the m columns of x what was done to the rows of the factored matrix, or undo it. */
static inline void gradc_lu_exchange(int64_t n, int64_t m, const double *pivots, double *x,
                                     int64_t step, int undo) {
    int64_t k;
    for (k = 0; k < n; k++) {
        int64_t row = undo ? n - 1 - k : k, other = (int64_t)pivots[row];
        if (other != row) {
            gradc_swap_rows(m, x + row * step, x + other * step);
        }
    }
}

/* A triangle of n rows: element (i, j) is t[i * row + j * column]. */
typedef struct {
    const double *t;
    int64_t row, column;
    int upper, unit;
} gradc_triangle;

/* Replace one column x, of items `step` apart, by the solution of t x = b. */
static inline void gradc_triangle_vector(int64_t n, gradc_triangle a, double *x, int64_t step) {
    int64_t i, j, k;
    for (k = 0; k < n; k++) {
        int64_t first = a.upper ? n - k : 0;
        const double *row;
        i = a.upper ? n - 1 - k : k;
        row = a.t + i * a.row;
        if (a.column == 1) {
            x[i * step] -= gradc_dot(k, row + first, 1, x + first * step, step);
        }
        x[i * step] = a.unit ? x[i * step] : x[i * step] / row[i * a.column];
        for (j = a.upper ? 0 : i + 1; a.column != 1 && j < (a.upper ? i : n); j++) {
            x[j * step] -= a.t[j * a.row + i * a.column] * x[i * step];
        }
    }
}

/* Replace the m columns of x, rows `step` items apart, by the solution of t x = b. */
static inline void gradc_triangle_solve(int64_t n, int64_t m, gradc_triangle a, double *x,
                                        int64_t step) {
    int64_t i, j, k;
    if (m == 1) {
        gradc_triangle_vector(n, a, x, step);
        return;
    }
    for (k = 0; k < n; k++) {
        i = a.upper ? n - 1 - k : k;
        for (j = a.upper ? i + 1 : 0; j < (a.upper ? n : i); j++) {
            gradc_eliminate(m, a.t[i * a.row + j * a.column], x + j * step, x + i * step);
        }
        for (j = 0; j < m && !a.unit; j++) {
            x[i * step + j] /= a.t[i * a.row + i * a.column];
        }
    }
}

/* Whether an element of the diagonal of the n x n matrix a is 0. */
static inline int gradc_is_singular(int64_t n, const double *a) {
    int64_t i;
    for (i = 0; i < n && a[i * (n + 1)] != 0; i++) {
    }
    return i < n;
}

/* The identity matrix of n rows. */
static inline void gradc_identity(int64_t n, double *x) {
    int64_t i;
    for (i = 0; i < n * n; i++) {
        x[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
    }
}

/* The factors f of each of `count` n x n matrices. */
static inline void gradc_lu(int64_t count, int64_t n, const double *a, double *f) {
    int64_t one;
    for (one = 0; one < count; one++, a += n * n, f += n * (n + 1)) {
        memcpy(f, a, (size_t)(n * n) * sizeof(double));
        gradc_lu_rows(n, n, f, n, f + n * n);
    }
}

/* x with a x = b for each of `count` matrices of factors f and n x m matrices b. Returns 1 when a
 * matrix is singular. */
static inline int gradc_lu_solve(int64_t count, int64_t n, int64_t m, const double *f,
                                 const double *b, double *x) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(double));
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * m) {
        gradc_triangle lower = {f, n, 1, 0, 1}, upper = {f, n, 1, 1, 0};
        if (gradc_is_singular(n, f)) {
            return 1;
        }
        gradc_lu_exchange(n, m, f + n * n, x, m, 0);
        gradc_triangle_solve(n, m, lower, x, m);
        gradc_triangle_solve(n, m, upper, x, m);
    }
    return 0;
}

/* x with a^T x = b; as gradc_lu_solve. */
static inline int gradc_lu_solve_transposed(int64_t count, int64_t n, int64_t m, const double *f,
                                            const double *b, double *x) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(double));
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * m) {
        gradc_triangle lower = {f, 1, n, 0, 0}, upper = {f, 1, n, 1, 1};
        if (gradc_is_singular(n, f)) {
            return 1;
        }
        gradc_triangle_solve(n, m, lower, x, m);
        gradc_triangle_solve(n, m, upper, x, m);
        gradc_lu_exchange(n, m, f + n * n, x, m, 1);
    }
    return 0;
}

/* The inverse x of each of `count` matrices of factors f. Returns 1 when a matrix is singular. */
static inline int gradc_lu_inverse(int64_t count, int64_t n, const double *f, double *x) {
    int64_t one;
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * n) {
        gradc_triangle lower = {f, n, 1, 0, 1}, upper = {f, n, 1, 1, 0};
        if (gradc_is_singular(n, f)) {
            return 1;
        }
        gradc_identity(n, x);
        gradc_lu_exchange(n, n, f + n * n, x, n, 0);
        gradc_triangle_solve(n, n, lower, x, n);
        gradc_triangle_solve(n, n, upper, x, n);
    }
    return 0;
}

/* 1 or -1: the sign that the exchanges of rows give the determinant. */
static inline double gradc_lu_parity(int64_t n, const double *f) {
    double sign = 1.0;
    int64_t i;
    for (i = 0; i < n; i++) {
        sign = f[n * n + i] == (double)i ? sign : -sign;
    }
    return sign;
}

/* The determinant of each of `count` matrices of factors f. Exponents are added up apart, so that
 * nothing overflows on the way. */
static inline void gradc_lu_det(int64_t count, int64_t n, const double *f, double *det) {
    int64_t one, i;
    for (one = 0; one < count; one++, f += n * (n + 1)) {
        double product = gradc_lu_parity(n, f);
        int exponent = 0, more;
        for (i = 0; i < n; i++) {
            product *= f[i * (n + 1)];
            if (product - product == 0) { /* finite */
                product = frexp(product, &more);
                exponent += more;
            }
        }
        det[one] = ldexp(product, exponent);
    }
}

/* The sign of each determinant: 1, -1, 0, or NaN. */
static inline void gradc_lu_sign(int64_t count, int64_t n, const double *f, double *sign) {
    int64_t one, i;
    for (one = 0; one < count; one++, f += n * (n + 1)) {
        sign[one] = gradc_lu_parity(n, f);
        for (i = 0; i < n; i++) {
            double u = f[i * (n + 1)];
            sign[one] *= u != u ? u : (double)((u > 0) - (u < 0));
        }
    }
}

/* The logarithm of the size of each determinant. */
static inline void gradc_lu_log(int64_t count, int64_t n, const double *f, double *size) {
    int64_t one, i;
    for (one = 0; one < count; one++, f += n * (n + 1)) {
        size[one] = 0.0;
        for (i = 0; i < n; i++) {
            size[one] += GRADC_LOG(fabs(f[i * (n + 1)]));
        }
    }
}

/* x with l x = b for each of `count` lower triangles l and n x m matrices b. Returns 1 when an
 * element of a diagonal is 0. */
static inline int gradc_lower_solve(int64_t count, int64_t n, int64_t m, const double *l,
                                    const double *b, double *x) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(double));
    for (one = 0; one < count; one++, l += n * n, x += n * m) {
        gradc_triangle lower = {l, n, 1, 0, 0};
        if (gradc_is_singular(n, l)) {
            return 1;
        }
        gradc_triangle_solve(n, m, lower, x, m);
    }
    return 0;
}

/* x with l^T x = b; as gradc_lower_solve. */
static inline int gradc_lower_solve_transposed(int64_t count, int64_t n, int64_t m, const double *l,
                                               const double *b, double *x) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(double));
    for (one = 0; one < count; one++, l += n * n, x += n * m) {
        gradc_triangle upper = {l, 1, n, 1, 0};
        if (gradc_is_singular(n, l)) {
            return 1;
        }
        gradc_triangle_solve(n, m, upper, x, m);
    }
    return 0;
}

/* Replace the lower triangle of n rows, `step` items apart, by l with l l^T = a; what is above the
 * diagonal is used on the way. Returns 1 when the matrix is not positive definite. */
static inline int gradc_cholesky_rows(int64_t n, double *a, int64_t step) {
    int64_t i, j, k;
    for (i = 0; i < n; i++) {
        for (j = 0; j < i; j++) {
            a[j * step + i] = a[i * step + j];
        }
    }
    for (k = 0; k < n; k++) {
        double *row = a + k * step;
        if (!(row[k] > 0)) {
            return 1;
        }
        row[k] = sqrt(row[k]);
        for (j = k + 1; j < n; j++) {
            row[j] /= row[k];
        }
        for (i = k + 1; i < n; i++) {
            gradc_eliminate(n - i, row[i], row + i, a + i * step + i);
        }
    }
    for (i = 0; i < n; i++) {
        for (j = 0; j < i; j++) {
            a[i * step + j] = a[j * step + i];
        }
    }
    return 0;
}

/* 0 above the diagonal of the n x n matrix a. */
static inline void gradc_clear_above(int64_t n, double *a) {
    int64_t i;
    for (i = 0; i < n; i++) {
        memset(a + i * (n + 1) + 1, 0, (size_t)(n - 1 - i) * sizeof(double));
    }
}

/* The lower triangle l with l l^T = a for each of `count` n x n matrices, from their lower
 * triangles. Returns 1 when a matrix is not positive definite. */
static inline int gradc_cholesky(int64_t count, int64_t n, const double *a, double *l) {
    int64_t one;
    memcpy(l, a, (size_t)(count * n * n) * sizeof(double));
    for (one = 0; one < count; one++, l += n * n) {
        if (gradc_cholesky_rows(n, l, n)) {
            return 1;
        }
        gradc_clear_above(n, l);
    }
    return 0;
}

/* Swap two rows of n items. */
static inline void gradc_swap_rowsf(int64_t n, float *a, float *b) {
    int64_t j;
    for (j = 0; j < n; j++) {
        float t = a[j];
        a[j] = b[j];
        b[j] = t;
    }
}

/* row -= factor * pivot, for n items. */
static inline void gradc_eliminatef(int64_t n, float factor, const float *restrict pivot,
                                   float *restrict row) {
    int64_t j;
    for (j = 0; j < n; j++) {
        row[j] -= factor * pivot[j];
    }
}

/* Factor the first n columns of m rows `step` items apart, m >= n. */
static inline void gradc_lu_rowsf(int64_t m, int64_t n, float *a, int64_t step, float *pivots) {
    int64_t i, k;
    for (k = 0; k < n; k++) {
        float *row = a + k * step, pivot;
        int64_t best = k;
        for (i = k + 1; i < m; i++) {
            best = fabsf(a[i * step + k]) > fabsf(a[best * step + k]) ? i : best;
        }
        pivots[k] = (float)best;
        pivot = a[best * step + k];
        if (best != k) {
            gradc_swap_rowsf(n, row, a + best * step);
        }
        for (i = k + 1; i < m && pivot != 0; i++) {
            float factor = a[i * step + k] / pivot;
            a[i * step + k] = factor;
            gradc_eliminatef(n - k - 1, factor, row + k + 1, a + i * step + k + 1);
        }
    }
}

/* Do to the m columns of x what was done to the rows of the factored matrix, or undo it. */
static inline void gradc_lu_exchangef(int64_t n, int64_t m, const float *pivots, float *x,
                                     int64_t step, int undo) {
    int64_t k;
    for (k = 0; k < n; k++) {
        int64_t row = undo ? n - 1 - k : k, other = (int64_t)pivots[row];
        if (other != row) {
            gradc_swap_rowsf(m, x + row * step, x + other * step);
        }
    }
}

/* A triangle of n rows: element (i, j) is t[i * row + j * column]. */
typedef struct {
    const float *t;
    int64_t row, column;
    int upper, unit;
} gradc_trianglef;

/* Replace one column x, of items `step` apart, by the solution of t x = b. */
static inline void gradc_triangle_vectorf(int64_t n, gradc_trianglef a, float *x, int64_t step) {
    int64_t i, j, k;
    for (k = 0; k < n; k++) {
        int64_t first = a.upper ? n - k : 0;
        const float *row;
        i = a.upper ? n - 1 - k : k;
        row = a.t + i * a.row;
        if (a.column == 1) {
            x[i * step] -= gradc_dotf(k, row + first, 1, x + first * step, step);
        }
        x[i * step] = a.unit ? x[i * step] : x[i * step] / row[i * a.column];
        for (j = a.upper ? 0 : i + 1; a.column != 1 && j < (a.upper ? i : n); j++) {
            x[j * step] -= a.t[j * a.row + i * a.column] * x[i * step];
        }
    }
}

/* Replace the m columns of x, rows `step` items apart, by the solution of t x = b. */
static inline void gradc_triangle_solvef(int64_t n, int64_t m, gradc_trianglef a, float *x,
                                        int64_t step) {
    int64_t i, j, k;
    if (m == 1) {
        gradc_triangle_vectorf(n, a, x, step);
        return;
    }
    for (k = 0; k < n; k++) {
        i = a.upper ? n - 1 - k : k;
        for (j = a.upper ? i + 1 : 0; j < (a.upper ? n : i); j++) {
            gradc_eliminatef(m, a.t[i * a.row + j * a.column], x + j * step, x + i * step);
        }
        for (j = 0; j < m && !a.unit; j++) {
            x[i * step + j] /= a.t[i * a.row + i * a.column];
        }
    }
}

/* Whether an element of the diagonal of the n x n matrix a is 0. */
static inline int gradc_is_singularf(int64_t n, const float *a) {
    int64_t i;
    for (i = 0; i < n && a[i * (n + 1)] != 0; i++) {
    }
    return i < n;
}

/* The identity matrix of n rows. */
static inline void gradc_identityf(int64_t n, float *x) {
    int64_t i;
    for (i = 0; i < n * n; i++) {
        x[i] = i % (n + 1) == 0 ? 1.0f : 0.0f;
    }
}

/* The factors f of each of `count` n x n matrices. */
static inline void gradc_luf(int64_t count, int64_t n, const float *a, float *f) {
    int64_t one;
    for (one = 0; one < count; one++, a += n * n, f += n * (n + 1)) {
        memcpy(f, a, (size_t)(n * n) * sizeof(float));
        gradc_lu_rowsf(n, n, f, n, f + n * n);
    }
}

/* x with a x = b for each of `count` matrices of factors f and n x m matrices b. Returns 1 when a
 * matrix is singular. */
static inline int gradc_lu_solvef(int64_t count, int64_t n, int64_t m, const float *f,
                                 const float *b, float *x) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(float));
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * m) {
        gradc_trianglef lower = {f, n, 1, 0, 1}, upper = {f, n, 1, 1, 0};
        if (gradc_is_singularf(n, f)) {
            return 1;
        }
        gradc_lu_exchangef(n, m, f + n * n, x, m, 0);
        gradc_triangle_solvef(n, m, lower, x, m);
        gradc_triangle_solvef(n, m, upper, x, m);
    }
    return 0;
}

/* x with a^T x = b; as gradc_lu_solvef. */
static inline int gradc_lu_solve_transposedf(int64_t count, int64_t n, int64_t m, const float *f,
                                            const float *b, float *x) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(float));
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * m) {
        gradc_trianglef lower = {f, 1, n, 0, 0}, upper = {f, 1, n, 1, 1};
        if (gradc_is_singularf(n, f)) {
            return 1;
        }
        gradc_triangle_solvef(n, m, lower, x, m);
        gradc_triangle_solvef(n, m, upper, x, m);
        gradc_lu_exchangef(n, m, f + n * n, x, m, 1);
    }
    return 0;
}

/* The inverse x of each of `count` matrices of factors f. Returns 1 when a matrix is singular. */
static inline int gradc_lu_inversef(int64_t count, int64_t n, const float *f, float *x) {
    int64_t one;
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * n) {
        gradc_trianglef lower = {f, n, 1, 0, 1}, upper = {f, n, 1, 1, 0};
        if (gradc_is_singularf(n, f)) {
            return 1;
        }
        gradc_identityf(n, x);
        gradc_lu_exchangef(n, n, f + n * n, x, n, 0);
        gradc_triangle_solvef(n, n, lower, x, n);
        gradc_triangle_solvef(n, n, upper, x, n);
    }
    return 0;
}

/* 1 or -1: the sign that the exchanges of rows give the determinant. */
static inline float gradc_lu_parityf(int64_t n, const float *f) {
    float sign = 1.0f;
    int64_t i;
    for (i = 0; i < n; i++) {
        sign = f[n * n + i] == (float)i ? sign : -sign;
    }
    return sign;
}

/* The determinant of each of `count` matrices of factors f. Exponents are added up apart, so that
 * nothing overflows on the way. */
static inline void gradc_lu_detf(int64_t count, int64_t n, const float *f, float *det) {
    int64_t one, i;
    for (one = 0; one < count; one++, f += n * (n + 1)) {
        float product = gradc_lu_parityf(n, f);
        int exponent = 0, more;
        for (i = 0; i < n; i++) {
            product *= f[i * (n + 1)];
            if (product - product == 0) { /* finite */
                product = frexpf(product, &more);
                exponent += more;
            }
        }
        det[one] = ldexpf(product, exponent);
    }
}

/* The sign of each determinant: 1, -1, 0, or NaN. */
static inline void gradc_lu_signf(int64_t count, int64_t n, const float *f, float *sign) {
    int64_t one, i;
    for (one = 0; one < count; one++, f += n * (n + 1)) {
        sign[one] = gradc_lu_parityf(n, f);
        for (i = 0; i < n; i++) {
            float u = f[i * (n + 1)];
            sign[one] *= u != u ? u : (float)((u > 0) - (u < 0));
        }
    }
}

/* The logarithm of the size of each determinant. */
static inline void gradc_lu_logf(int64_t count, int64_t n, const float *f, float *size) {
    int64_t one, i;
    for (one = 0; one < count; one++, f += n * (n + 1)) {
        size[one] = 0.0f;
        for (i = 0; i < n; i++) {
            size[one] += GRADC_LOGF(fabsf(f[i * (n + 1)]));
        }
    }
}

/* x with l x = b for each of `count` lower triangles l and n x m matrices b. Returns 1 when an
 * element of a diagonal is 0. */
static inline int gradc_lower_solvef(int64_t count, int64_t n, int64_t m, const float *l,
                                    const float *b, float *x) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(float));
    for (one = 0; one < count; one++, l += n * n, x += n * m) {
        gradc_trianglef lower = {l, n, 1, 0, 0};
        if (gradc_is_singularf(n, l)) {
            return 1;
        }
        gradc_triangle_solvef(n, m, lower, x, m);
    }
    return 0;
}

/* x with l^T x = b; as gradc_lower_solvef. */
static inline int gradc_lower_solve_transposedf(int64_t count, int64_t n, int64_t m, const float *l,
                                               const float *b, float *x) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(float));
    for (one = 0; one < count; one++, l += n * n, x += n * m) {
        gradc_trianglef upper = {l, 1, n, 1, 0};
        if (gradc_is_singularf(n, l)) {
            return 1;
        }
        gradc_triangle_solvef(n, m, upper, x, m);
    }
    return 0;
}

/* Replace the lower triangle of n rows, `step` items apart, by l with l l^T = a; what is above the
 * diagonal is used on the way. Returns 1 when the matrix is not positive definite. */
static inline int gradc_cholesky_rowsf(int64_t n, float *a, int64_t step) {
    int64_t i, j, k;
    for (i = 0; i < n; i++) {
        for (j = 0; j < i; j++) {
            a[j * step + i] = a[i * step + j];
        }
    }
    for (k = 0; k < n; k++) {
        float *row = a + k * step;
        if (!(row[k] > 0)) {
            return 1;
        }
        row[k] = sqrtf(row[k]);
        for (j = k + 1; j < n; j++) {
            row[j] /= row[k];
        }
        for (i = k + 1; i < n; i++) {
            gradc_eliminatef(n - i, row[i], row + i, a + i * step + i);
        }
    }
    for (i = 0; i < n; i++) {
        for (j = 0; j < i; j++) {
            a[i * step + j] = a[j * step + i];
        }
    }
    return 0;
}

/* 0 above the diagonal of the n x n matrix a. */
static inline void gradc_clear_abovef(int64_t n, float *a) {
    int64_t i;
    for (i = 0; i < n; i++) {
        memset(a + i * (n + 1) + 1, 0, (size_t)(n - 1 - i) * sizeof(float));
    }
}

/* The lower triangle l with l l^T = a for each of `count` n x n matrices, from their lower
 * triangles. Returns 1 when a matrix is not positive definite. */
static inline int gradc_choleskyf(int64_t count, int64_t n, const float *a, float *l) {
    int64_t one;
    memcpy(l, a, (size_t)(count * n * n) * sizeof(float));
    for (one = 0; one < count; one++, l += n * n) {
        if (gradc_cholesky_rowsf(n, l, n)) {
            return 1;
        }
        gradc_clear_abovef(n, l);
    }
    return 0;
}

#endif
