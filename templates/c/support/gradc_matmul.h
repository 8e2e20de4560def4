/* Matrix products by the caller's matrix library where it pays, else by gradc's own: f64
 * (gradc_matmul) and f32 (gradc_matmulf). Scratch: gradc_gemm_scratch(m, n, k) bytes, f32
 * gradc_gemm_scratchf. */
#ifndef GRADC_MATMUL_H
#define GRADC_MATMUL_H

#include <stddef.h>
#include <stdint.h>

#include "gradc_env.h"
#include "gradc_gemm.h"
#include "gradc_gemv.h"

/* How the library sees a matrix: as it is, transposed, or (0) not at all; and the step between its
 * stored rows. */
typedef struct {
    int order;
    int64_t step;
} gradc_layout_;

static inline gradc_layout_ gradc_layout_of_(int64_t rows, int64_t cols, int64_t rs, int64_t cs) {
    gradc_layout_ layout = {0, 0};
    if ((cs == 1 || cols == 1) && (rs >= cols || rows == 1)) {
        layout.order = GRADC_NO_TRANS;
        layout.step = rows == 1 ? cols : rs;
    } else if ((rs == 1 || rows == 1) && (cs >= rows || cols == 1)) {
        layout.order = GRADC_TRANS;
        layout.step = cols == 1 ? rows : cs;
    }
    return layout;
}

/* Rows of a product to give to the library at once. A library wakes all its threads for many rows of
 * a narrow product, which a single one has done before the others are awake. */
static inline int64_t gradc_rows_at_once_(int64_t m, int64_t n, int64_t k) {
    return n <= 16 && k <= 16 ? 1 + 131072 / (n * k) : m;
}

/* Matrix times vector by the library; 0 if the operands do not suit it. */
static inline int gradc_matvec_by_library_(const gradc_env *env, int64_t m, int64_t n,
                                           const double *a, int64_t rs, int64_t cs, const double *x,
                                           int64_t xs, double *y, int64_t ys, int accumulate) {
    gradc_layout_ layout = gradc_layout_of_(m, n, rs, cs);
    int64_t i;
    if (env == NULL || env->dgemv == NULL || layout.order == 0 || xs < 1 || ys < 1) {
        return 0;
    }
    for (i = 0; i < m && !accumulate; i++) { /* some libraries multiply what is there by beta = 0 */
        y[i * ys] = 0;
    }
    if (layout.order == GRADC_NO_TRANS) {
        env->dgemv(GRADC_ROW_MAJOR, GRADC_NO_TRANS, m, n, 1.0, a, layout.step, x, xs, 1.0, y, ys);
    } else {
        env->dgemv(GRADC_ROW_MAJOR, GRADC_TRANS, n, m, 1.0, a, layout.step, x, xs, 1.0, y, ys);
    }
    return 1;
}

static inline int gradc_matmul_by_library_(const gradc_env *env, int64_t m, int64_t n, int64_t k,
                                           const double *a, gradc_layout_ la, const double *b,
                                           gradc_layout_ lb, double *c, int64_t c_step,
                                           int accumulate) {
    int64_t rows = gradc_rows_at_once_(m, n, k), row;
    if (env == NULL || env->dgemm == NULL || la.order == 0 || lb.order == 0) {
        return 0;
    }
    for (row = 0; row < m; row += rows) {
        const double *part = a + row * (la.order == GRADC_NO_TRANS ? la.step : 1);
        env->dgemm(GRADC_ROW_MAJOR, la.order, lb.order, gradc_least_(rows, m - row), n, k, 1.0,
                   part, la.step, b, lb.step, accumulate ? 1.0 : 0.0, c + row * c_step, c_step);
    }
    return 1;
}

/* c := a b, or c + a b, by the library that `env` lends (env may be NULL) when the product is large
 * and the operands suit it, else by gradc_gemm and gradc_gemv; arguments as there. */
static inline void gradc_matmul(const gradc_env *env, int64_t m, int64_t n, int64_t k,
                                const double *a, int64_t a_rs, int64_t a_cs, const double *b,
                                int64_t b_rs, int64_t b_cs, double *c, int64_t c_rs, int64_t c_cs,
                                int accumulate, void *scratch) {
    int large = !gradc_gemm_is_small_(m, n, k), done = 0;
    if (n != 1 && (m == 1 || (large && c_rs == 1 && c_cs >= m))) { /* by columns: its transpose */
        const double *swap = a;
        int64_t rs = a_rs, cs = a_cs, rows = m;
        a = b, a_rs = b_cs, a_cs = b_rs, m = n;
        b = swap, b_rs = cs, b_cs = rs, n = rows;
        rs = c_rs, c_rs = c_cs, c_cs = rs;
    }
    if (n == 1) {
        done = large &&
               gradc_matvec_by_library_(env, m, k, a, a_rs, a_cs, b, b_rs, c, c_rs, accumulate);
        if (!done) {
            gradc_gemv(m, k, a, a_rs, a_cs, b, b_rs, c, c_rs, accumulate);
        }
        return;
    }
    if (large && c_cs == 1 && c_rs >= n) {
        done = gradc_matmul_by_library_(env, m, n, k, a, gradc_layout_of_(m, k, a_rs, a_cs), b,
                                        gradc_layout_of_(k, n, b_rs, b_cs), c, c_rs, accumulate);
    }
    if (!done) {
        gradc_gemm(m, n, k, a, a_rs, a_cs, b, b_rs, b_cs, c, c_rs, c_cs, accumulate, scratch);
    }
}

/* Matrix times vector by the library; 0 if the operands do not suit it. */
static inline int gradc_matvec_by_libraryf_(const gradc_env *env, int64_t m, int64_t n,
                                            const float *a, int64_t rs, int64_t cs, const float *x,
                                            int64_t xs, float *y, int64_t ys, int accumulate) {
    gradc_layout_ layout = gradc_layout_of_(m, n, rs, cs);
    int64_t i;
    if (env == NULL || env->sgemv == NULL || layout.order == 0 || xs < 1 || ys < 1) {
        return 0;
    }
    for (i = 0; i < m && !accumulate; i++) { /* some libraries multiply what is there by beta = 0 */
        y[i * ys] = 0;
    }
    if (layout.order == GRADC_NO_TRANS) {
        env->sgemv(GRADC_ROW_MAJOR, GRADC_NO_TRANS, m, n, 1.0f, a, layout.step, x, xs, 1.0f, y, ys);
    } else {
        env->sgemv(GRADC_ROW_MAJOR, GRADC_TRANS, n, m, 1.0f, a, layout.step, x, xs, 1.0f, y, ys);
    }
    return 1;
}

static inline int gradc_matmul_by_libraryf_(const gradc_env *env, int64_t m, int64_t n, int64_t k,
                                            const float *a, gradc_layout_ la, const float *b,
                                            gradc_layout_ lb, float *c, int64_t c_step,
                                            int accumulate) {
    int64_t rows = gradc_rows_at_once_(m, n, k), row;
    if (env == NULL || env->sgemm == NULL || la.order == 0 || lb.order == 0) {
        return 0;
    }
    for (row = 0; row < m; row += rows) {
        const float *part = a + row * (la.order == GRADC_NO_TRANS ? la.step : 1);
        env->sgemm(GRADC_ROW_MAJOR, la.order, lb.order, gradc_least_(rows, m - row), n, k, 1.0f,
                   part, la.step, b, lb.step, accumulate ? 1.0f : 0.0f, c + row * c_step, c_step);
    }
    return 1;
}

/* c := a b, or c + a b, by the library that `env` lends (env may be NULL) when the product is large
 * and the operands suit it, else by gradc_gemmf and gradc_gemvf; arguments as there. */
static inline void gradc_matmulf(const gradc_env *env, int64_t m, int64_t n, int64_t k,
                                 const float *a, int64_t a_rs, int64_t a_cs, const float *b,
                                 int64_t b_rs, int64_t b_cs, float *c, int64_t c_rs, int64_t c_cs,
                                 int accumulate, void *scratch) {
    int large = !gradc_gemm_is_small_(m, n, k), done = 0;
    if (n != 1 && (m == 1 || (large && c_rs == 1 && c_cs >= m))) { /* by columns: its transpose */
        const float *swap = a;
        int64_t rs = a_rs, cs = a_cs, rows = m;
        a = b, a_rs = b_cs, a_cs = b_rs, m = n;
        b = swap, b_rs = cs, b_cs = rs, n = rows;
        rs = c_rs, c_rs = c_cs, c_cs = rs;
    }
    if (n == 1) {
        done = large &&
               gradc_matvec_by_libraryf_(env, m, k, a, a_rs, a_cs, b, b_rs, c, c_rs, accumulate);
        if (!done) {
            gradc_gemvf(m, k, a, a_rs, a_cs, b, b_rs, c, c_rs, accumulate);
        }
        return;
    }
    if (large && c_cs == 1 && c_rs >= n) {
        done = gradc_matmul_by_libraryf_(env, m, n, k, a, gradc_layout_of_(m, k, a_rs, a_cs), b,
                                         gradc_layout_of_(k, n, b_rs, b_cs), c, c_rs, accumulate);
    }
    if (!done) {
        gradc_gemmf(m, n, k, a, a_rs, a_cs, b, b_rs, b_cs, c, c_rs, c_cs, accumulate, scratch);
    }
}

#endif
