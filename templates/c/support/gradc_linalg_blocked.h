/* Factors of large matrices, and what is solved with them, by products of their blocks: what
 * gradc_linalg.h has, by halves. f64 and f32 (ending f).
 *
 * A half is done before the other one, and what it owes to it is one product (F. Gustavson,
 * "Recursion leads to automatic variable blocking for dense linear-algebra algorithms", 1997).
 * `scratch` holds gradc_gemm_scratch(n, k, n) bytes, k the larger one of n and the columns of b. */
#ifndef GRADC_LINALG_BLOCKED_H
#define GRADC_LINALG_BLOCKED_H

#include <stdint.h>
#include <string.h>

#include "gradc_env.h"
#include "gradc_linalg.h"
#include "gradc_matmul.h"

enum { gradc_lu_columns_ = 16, gradc_triangle_rows_ = 32, gradc_right_columns_ = 64 };

/* x := -x, for n rows `step` items apart. */
static inline void gradc_negate(int64_t n, int64_t m, double *x, int64_t step) {
    int64_t i, j;
    for (i = 0; i < n; i++) {
        for (j = 0; j < m; j++) {
            x[i * step + j] = -x[i * step + j];
        }
    }
}

/* gradc_triangle_solve by products. */
static inline void gradc_triangle_blocked(const gradc_env *env, int64_t n, int64_t m,
                                          gradc_triangle a, double *x, int64_t step,
                                          void *scratch) {
    int64_t half = n / 2, first = a.upper ? n - half : half, rest = n - first;
    gradc_triangle one = a, other = a;
    double *from = a.upper ? x + half * step : x, *to = a.upper ? x : x + half * step;
    if (n <= gradc_triangle_rows_ || m == 1) {
        gradc_triangle_solve(n, m, a, x, step);
        return;
    }
    other.t += half * (a.row + a.column);
    gradc_triangle_blocked(env, first, m, a.upper ? other : one, from, step, scratch);
    gradc_negate(first, m, from, step);
    gradc_matmul(env, rest, m, first, a.t + half * (a.upper ? a.column : a.row), a.row, a.column,
                 from, step, 1, to, step, 1, 1, scratch);
    gradc_negate(first, m, from, step);
    gradc_triangle_blocked(env, rest, m, a.upper ? one : other, to, step, scratch);
}

/* gradc_lu_rows by products. */
static inline void gradc_lu_rows_blocked(const gradc_env *env, int64_t m, int64_t n, double *a,
                                         int64_t step, double *pivots, void *scratch) {
    int64_t half = n / 2, k;
    double *right = a + half, *below = a + half * step;
    gradc_triangle lower = {a, step, 1, 0, 1};
    if (n <= gradc_lu_columns_) {
        gradc_lu_rows(m, n, a, step, pivots);
        return;
    }
    gradc_lu_rows_blocked(env, m, half, a, step, pivots, scratch);
    gradc_lu_exchange(half, n - half, pivots, right, step, 0);
    gradc_triangle_blocked(env, half, n - half, lower, right, step, scratch);
    gradc_negate(half, n - half, right, step);
    gradc_matmul(env, m - half, n - half, half, below, step, 1, right, step, 1, below + half, step,
                 1, 1, scratch);
    gradc_negate(half, n - half, right, step);
    gradc_lu_rows_blocked(env, m - half, n - half, below + half, step, pivots + half, scratch);
    gradc_lu_exchange(n - half, half, pivots + half, below, step, 0);
    for (k = half; k < n; k++) {
        pivots[k] += (double)half;
    }
}

/* gradc_lu by products. */
static inline void gradc_lu_blocked(const gradc_env *env, int64_t count, int64_t n, const double *a,
                                    double *f, void *scratch) {
    int64_t one;
    for (one = 0; one < count; one++, a += n * n, f += n * (n + 1)) {
        memcpy(f, a, (size_t)(n * n) * sizeof(double));
        gradc_lu_rows_blocked(env, n, n, f, n, f + n * n, scratch);
    }
}

/* gradc_lu_solve by products. */
static inline int gradc_lu_solve_blocked(const gradc_env *env, int64_t count, int64_t n, int64_t m,
                                         const double *f, const double *b, double *x,
                                         void *scratch) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(double));
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * m) {
        gradc_triangle lower = {f, n, 1, 0, 1}, upper = {f, n, 1, 1, 0};
        if (gradc_is_singular(n, f)) {
            return 1;
        }
        gradc_lu_exchange(n, m, f + n * n, x, m, 0);
        gradc_triangle_blocked(env, n, m, lower, x, m, scratch);
        gradc_triangle_blocked(env, n, m, upper, x, m, scratch);
    }
    return 0;
}

/* gradc_lu_solve_transposed by products. */
static inline int gradc_lu_solve_transposed_blocked(const gradc_env *env, int64_t count, int64_t n,
                                                    int64_t m, const double *f, const double *b,
                                                    double *x, void *scratch) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(double));
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * m) {
        gradc_triangle lower = {f, 1, n, 0, 0}, upper = {f, 1, n, 1, 1};
        if (gradc_is_singular(n, f)) {
            return 1;
        }
        gradc_triangle_blocked(env, n, m, lower, x, m, scratch);
        gradc_triangle_blocked(env, n, m, upper, x, m, scratch);
        gradc_lu_exchange(n, m, f + n * n, x, m, 1);
    }
    return 0;
}

/* gradc_lu_inverse by products. */
static inline int gradc_lu_inverse_blocked(const gradc_env *env, int64_t count, int64_t n,
                                           const double *f, double *x, void *scratch) {
    int64_t one;
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * n) {
        gradc_triangle lower = {f, n, 1, 0, 1}, upper = {f, n, 1, 1, 0};
        if (gradc_is_singular(n, f)) {
            return 1;
        }
        gradc_identity(n, x);
        gradc_lu_exchange(n, n, f + n * n, x, n, 0);
        gradc_triangle_blocked(env, n, n, lower, x, n, scratch);
        gradc_triangle_blocked(env, n, n, upper, x, n, scratch);
    }
    return 0;
}

/* gradc_lower_solve by products. */
static inline int gradc_lower_solve_blocked(const gradc_env *env, int64_t count, int64_t n,
                                            int64_t m, const double *l, const double *b, double *x,
                                            void *scratch) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(double));
    for (one = 0; one < count; one++, l += n * n, x += n * m) {
        gradc_triangle lower = {l, n, 1, 0, 0};
        if (gradc_is_singular(n, l)) {
            return 1;
        }
        gradc_triangle_blocked(env, n, m, lower, x, m, scratch);
    }
    return 0;
}

/* gradc_lower_solve_transposed by products. */
static inline int gradc_lower_solve_transposed_blocked(const gradc_env *env, int64_t count,
                                                       int64_t n, int64_t m, const double *l,
                                                       const double *b, double *x, void *scratch) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(double));
    for (one = 0; one < count; one++, l += n * n, x += n * m) {
        gradc_triangle upper = {l, 1, n, 1, 0};
        if (gradc_is_singular(n, l)) {
            return 1;
        }
        gradc_triangle_blocked(env, n, m, upper, x, m, scratch);
    }
    return 0;
}

/* Replace m rows x by x l^-T for a small lower triangle l of n rows: a few rows at a time, whose
 * transpose is solved for. */
static inline void gradc_right_solve(int64_t m, int64_t n, const double *l, double *x,
                                     int64_t step) {
    double turned[gradc_triangle_rows_ * gradc_right_columns_];
    gradc_triangle lower = {l, step, 1, 0, 0};
    int64_t row, i, j;
    for (row = 0; row < m; row += gradc_right_columns_) {
        int64_t rows = m - row < gradc_right_columns_ ? m - row : gradc_right_columns_;
        double *from = x + row * step;
        for (i = 0; i < rows; i++) {
            for (j = 0; j < n; j++) {
                turned[j * rows + i] = from[i * step + j];
            }
        }
        gradc_triangle_solve(n, rows, lower, turned, rows);
        for (i = 0; i < rows; i++) {
            for (j = 0; j < n; j++) {
                from[i * step + j] = turned[j * rows + i];
            }
        }
    }
}

/* Replace m rows x by x l^-T; l and x have rows `step` items apart. */
static inline void gradc_right_solve_blocked(const gradc_env *env, int64_t m, int64_t n,
                                             const double *l, double *x, int64_t step,
                                             void *scratch) {
    int64_t half = n / 2;
    if (n <= gradc_triangle_rows_) {
        gradc_right_solve(m, n, l, x, step);
        return;
    }
    gradc_right_solve_blocked(env, m, half, l, x, step, scratch);
    gradc_negate(m, n - half, x + half, step);
    gradc_matmul(env, m, n - half, half, x, step, 1, l + half * step, 1, step, x + half, step, 1,
                 1, scratch);
    gradc_negate(m, n - half, x + half, step);
    gradc_right_solve_blocked(env, m, n - half, l + half * (step + 1), x + half, step, scratch);
}

/* gradc_cholesky_rows by products. */
static inline int gradc_cholesky_rows_blocked(const gradc_env *env, int64_t n, double *a,
                                              int64_t step, void *scratch) {
    int64_t half = n / 2, row;
    double *below = a + half * step, *rest = below + half;
    if (n <= gradc_triangle_rows_) {
        return gradc_cholesky_rows(n, a, step);
    }
    if (gradc_cholesky_rows_blocked(env, half, a, step, scratch)) {
        return 1;
    }
    gradc_right_solve_blocked(env, n - half, half, a, below, step, scratch);
    gradc_negate(n - half, n - half, rest, step);
    for (row = 0; row < n - half; row += gradc_right_columns_) { /* below the diagonal is enough */
        int64_t end = row + gradc_right_columns_ < n - half ? row + gradc_right_columns_ : n - half;
        gradc_matmul(env, end - row, end, half, below + row * step, step, 1, below, 1, step,
                     rest + row * step, step, 1, 1, scratch);
    }
    gradc_negate(n - half, n - half, rest, step);
    return gradc_cholesky_rows_blocked(env, n - half, rest, step, scratch);
}

/* gradc_cholesky by products. */
static inline int gradc_cholesky_blocked(const gradc_env *env, int64_t count, int64_t n,
                                         const double *a, double *l, void *scratch) {
    int64_t one;
    memcpy(l, a, (size_t)(count * n * n) * sizeof(double));
    for (one = 0; one < count; one++, l += n * n) {
        if (gradc_cholesky_rows_blocked(env, n, l, n, scratch)) {
            return 1;
        }
        gradc_clear_above(n, l);
    }
    return 0;
}

/* x := -x, for n rows `step` items apart. */
static inline void gradc_negatef(int64_t n, int64_t m, float *x, int64_t step) {
    int64_t i, j;
    for (i = 0; i < n; i++) {
        for (j = 0; j < m; j++) {
            x[i * step + j] = -x[i * step + j];
        }
    }
}

/* gradc_triangle_solvef by products. */
static inline void gradc_triangle_blockedf(const gradc_env *env, int64_t n, int64_t m,
                                          gradc_trianglef a, float *x, int64_t step,
                                          void *scratch) {
    int64_t half = n / 2, first = a.upper ? n - half : half, rest = n - first;
    gradc_trianglef one = a, other = a;
    float *from = a.upper ? x + half * step : x, *to = a.upper ? x : x + half * step;
    if (n <= gradc_triangle_rows_ || m == 1) {
        gradc_triangle_solvef(n, m, a, x, step);
        return;
    }
    other.t += half * (a.row + a.column);
    gradc_triangle_blockedf(env, first, m, a.upper ? other : one, from, step, scratch);
    gradc_negatef(first, m, from, step);
    gradc_matmulf(env, rest, m, first, a.t + half * (a.upper ? a.column : a.row), a.row, a.column,
                 from, step, 1, to, step, 1, 1, scratch);
    gradc_negatef(first, m, from, step);
    gradc_triangle_blockedf(env, rest, m, a.upper ? one : other, to, step, scratch);
}

/* gradc_lu_rowsf by products. */
static inline void gradc_lu_rows_blockedf(const gradc_env *env, int64_t m, int64_t n, float *a,
                                         int64_t step, float *pivots, void *scratch) {
    int64_t half = n / 2, k;
    float *right = a + half, *below = a + half * step;
    gradc_trianglef lower = {a, step, 1, 0, 1};
    if (n <= gradc_lu_columns_) {
        gradc_lu_rowsf(m, n, a, step, pivots);
        return;
    }
    gradc_lu_rows_blockedf(env, m, half, a, step, pivots, scratch);
    gradc_lu_exchangef(half, n - half, pivots, right, step, 0);
    gradc_triangle_blockedf(env, half, n - half, lower, right, step, scratch);
    gradc_negatef(half, n - half, right, step);
    gradc_matmulf(env, m - half, n - half, half, below, step, 1, right, step, 1, below + half, step,
                 1, 1, scratch);
    gradc_negatef(half, n - half, right, step);
    gradc_lu_rows_blockedf(env, m - half, n - half, below + half, step, pivots + half, scratch);
    gradc_lu_exchangef(n - half, half, pivots + half, below, step, 0);
    for (k = half; k < n; k++) {
        pivots[k] += (float)half;
    }
}

/* gradc_luf by products. */
static inline void gradc_lu_blockedf(const gradc_env *env, int64_t count, int64_t n, const float *a,
                                    float *f, void *scratch) {
    int64_t one;
    for (one = 0; one < count; one++, a += n * n, f += n * (n + 1)) {
        memcpy(f, a, (size_t)(n * n) * sizeof(float));
        gradc_lu_rows_blockedf(env, n, n, f, n, f + n * n, scratch);
    }
}

/* gradc_lu_solvef by products. */
static inline int gradc_lu_solve_blockedf(const gradc_env *env, int64_t count, int64_t n, int64_t m,
                                         const float *f, const float *b, float *x,
                                         void *scratch) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(float));
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * m) {
        gradc_trianglef lower = {f, n, 1, 0, 1}, upper = {f, n, 1, 1, 0};
        if (gradc_is_singularf(n, f)) {
            return 1;
        }
        gradc_lu_exchangef(n, m, f + n * n, x, m, 0);
        gradc_triangle_blockedf(env, n, m, lower, x, m, scratch);
        gradc_triangle_blockedf(env, n, m, upper, x, m, scratch);
    }
    return 0;
}

/* gradc_lu_solve_transposedf by products. */
static inline int gradc_lu_solve_transposed_blockedf(const gradc_env *env, int64_t count, int64_t n,
                                                    int64_t m, const float *f, const float *b,
                                                    float *x, void *scratch) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(float));
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * m) {
        gradc_trianglef lower = {f, 1, n, 0, 0}, upper = {f, 1, n, 1, 1};
        if (gradc_is_singularf(n, f)) {
            return 1;
        }
        gradc_triangle_blockedf(env, n, m, lower, x, m, scratch);
        gradc_triangle_blockedf(env, n, m, upper, x, m, scratch);
        gradc_lu_exchangef(n, m, f + n * n, x, m, 1);
    }
    return 0;
}

/* gradc_lu_inversef by products. */
static inline int gradc_lu_inverse_blockedf(const gradc_env *env, int64_t count, int64_t n,
                                           const float *f, float *x, void *scratch) {
    int64_t one;
    for (one = 0; one < count; one++, f += n * (n + 1), x += n * n) {
        gradc_trianglef lower = {f, n, 1, 0, 1}, upper = {f, n, 1, 1, 0};
        if (gradc_is_singularf(n, f)) {
            return 1;
        }
        gradc_identityf(n, x);
        gradc_lu_exchangef(n, n, f + n * n, x, n, 0);
        gradc_triangle_blockedf(env, n, n, lower, x, n, scratch);
        gradc_triangle_blockedf(env, n, n, upper, x, n, scratch);
    }
    return 0;
}

/* gradc_lower_solvef by products. */
static inline int gradc_lower_solve_blockedf(const gradc_env *env, int64_t count, int64_t n,
                                            int64_t m, const float *l, const float *b, float *x,
                                            void *scratch) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(float));
    for (one = 0; one < count; one++, l += n * n, x += n * m) {
        gradc_trianglef lower = {l, n, 1, 0, 0};
        if (gradc_is_singularf(n, l)) {
            return 1;
        }
        gradc_triangle_blockedf(env, n, m, lower, x, m, scratch);
    }
    return 0;
}

/* gradc_lower_solve_transposedf by products. */
static inline int gradc_lower_solve_transposed_blockedf(const gradc_env *env, int64_t count,
                                                       int64_t n, int64_t m, const float *l,
                                                       const float *b, float *x, void *scratch) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(float));
    for (one = 0; one < count; one++, l += n * n, x += n * m) {
        gradc_trianglef upper = {l, 1, n, 1, 0};
        if (gradc_is_singularf(n, l)) {
            return 1;
        }
        gradc_triangle_blockedf(env, n, m, upper, x, m, scratch);
    }
    return 0;
}

/* Replace m rows x by x l^-T for a small lower triangle l of n rows: a few rows at a time, whose
 * transpose is solved for. */
static inline void gradc_right_solvef(int64_t m, int64_t n, const float *l, float *x,
                                     int64_t step) {
    float turned[gradc_triangle_rows_ * gradc_right_columns_];
    gradc_trianglef lower = {l, step, 1, 0, 0};
    int64_t row, i, j;
    for (row = 0; row < m; row += gradc_right_columns_) {
        int64_t rows = m - row < gradc_right_columns_ ? m - row : gradc_right_columns_;
        float *from = x + row * step;
        for (i = 0; i < rows; i++) {
            for (j = 0; j < n; j++) {
                turned[j * rows + i] = from[i * step + j];
            }
        }
        gradc_triangle_solvef(n, rows, lower, turned, rows);
        for (i = 0; i < rows; i++) {
            for (j = 0; j < n; j++) {
                from[i * step + j] = turned[j * rows + i];
            }
        }
    }
}

/* Replace m rows x by x l^-T; l and x have rows `step` items apart. */
static inline void gradc_right_solve_blockedf(const gradc_env *env, int64_t m, int64_t n,
                                             const float *l, float *x, int64_t step,
                                             void *scratch) {
    int64_t half = n / 2;
    if (n <= gradc_triangle_rows_) {
        gradc_right_solvef(m, n, l, x, step);
        return;
    }
    gradc_right_solve_blockedf(env, m, half, l, x, step, scratch);
    gradc_negatef(m, n - half, x + half, step);
    gradc_matmulf(env, m, n - half, half, x, step, 1, l + half * step, 1, step, x + half, step, 1,
                 1, scratch);
    gradc_negatef(m, n - half, x + half, step);
    gradc_right_solve_blockedf(env, m, n - half, l + half * (step + 1), x + half, step, scratch);
}

/* gradc_cholesky_rowsf by products. */
static inline int gradc_cholesky_rows_blockedf(const gradc_env *env, int64_t n, float *a,
                                              int64_t step, void *scratch) {
    int64_t half = n / 2, row;
    float *below = a + half * step, *rest = below + half;
    if (n <= gradc_triangle_rows_) {
        return gradc_cholesky_rowsf(n, a, step);
    }
    if (gradc_cholesky_rows_blockedf(env, half, a, step, scratch)) {
        return 1;
    }
    gradc_right_solve_blockedf(env, n - half, half, a, below, step, scratch);
    gradc_negatef(n - half, n - half, rest, step);
    for (row = 0; row < n - half; row += gradc_right_columns_) { /* below the diagonal is enough */
        int64_t end = row + gradc_right_columns_ < n - half ? row + gradc_right_columns_ : n - half;
        gradc_matmulf(env, end - row, end, half, below + row * step, step, 1, below, 1, step,
                     rest + row * step, step, 1, 1, scratch);
    }
    gradc_negatef(n - half, n - half, rest, step);
    return gradc_cholesky_rows_blockedf(env, n - half, rest, step, scratch);
}

/* gradc_choleskyf by products. */
static inline int gradc_cholesky_blockedf(const gradc_env *env, int64_t count, int64_t n,
                                         const float *a, float *l, void *scratch) {
    int64_t one;
    memcpy(l, a, (size_t)(count * n * n) * sizeof(float));
    for (one = 0; one < count; one++, l += n * n) {
        if (gradc_cholesky_rows_blockedf(env, n, l, n, scratch)) {
            return 1;
        }
        gradc_clear_abovef(n, l);
    }
    return 0;
}

#endif
