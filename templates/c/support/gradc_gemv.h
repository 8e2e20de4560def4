/* Matrix times vector and dot product without a library, f64 (gradc_gemv) and f32 (gradc_gemvf).
 * Strides count items. */
#ifndef GRADC_GEMV_H
#define GRADC_GEMV_H

#include <stdint.h>

#include "gradc_reduce.h"

/* Dot product in 16 lanes with the fixed order of gradc_reduce.h. */
static inline double gradc_dot(int64_t n, const double *x, int64_t xs, const double *y,
                               int64_t ys) {
    double acc[16] = {0};
    int64_t i = 0, l;
    if ((xs == 1) & (ys == 1)) {
        for (; i + 16 <= n; i += 16) {
            for (l = 0; l < 16; l++) {
                acc[l] += x[i + l] * y[i + l];
            }
        }
    }
    for (; i < n; i++) {
        acc[i & 15] += x[i * xs] * y[i * ys];
    }
    return gradc_lanes_sum(acc);
}

/* y := a x, or y + a x: a is m x n. By dot products, or by adding columns up when those are
 * contiguous. */
static inline void gradc_gemv(int64_t m, int64_t n, const double *a, int64_t rs, int64_t cs,
                              const double *x, int64_t xs, double *y, int64_t ys, int accumulate) {
    int64_t i, p;
    if ((rs != 1) | (cs == 1) | (ys != 1)) {
        for (i = 0; i < m; i++) {
            double t = gradc_dot(n, a + i * rs, cs, x, xs);
            y[i * ys] = accumulate ? y[i * ys] + t : t;
        }
        return;
    }
    for (i = 0; i < m && !accumulate; i++) {
        y[i] = 0;
    }
    for (p = 0; p < n; p++) {
        double t = x[p * xs];
        const double *restrict column = a + p * cs;
        double *restrict out = y;
        for (i = 0; i < m; i++) {
            out[i] += t * column[i];
        }
    }
}

/* Dot product in 16 lanes with the fixed order of gradc_reduce.h. */
static inline float gradc_dotf(int64_t n, const float *x, int64_t xs, const float *y, int64_t ys) {
    float acc[16] = {0};
    int64_t i = 0, l;
    if ((xs == 1) & (ys == 1)) {
        for (; i + 16 <= n; i += 16) {
            for (l = 0; l < 16; l++) {
                acc[l] += x[i + l] * y[i + l];
            }
        }
    }
    for (; i < n; i++) {
        acc[i & 15] += x[i * xs] * y[i * ys];
    }
    return gradc_lanes_sumf(acc);
}

/* y := a x, or y + a x: a is m x n. By dot products, or by adding columns up when those are
 * contiguous. */
static inline void gradc_gemvf(int64_t m, int64_t n, const float *a, int64_t rs, int64_t cs,
                               const float *x, int64_t xs, float *y, int64_t ys, int accumulate) {
    int64_t i, p;
    if ((rs != 1) | (cs == 1) | (ys != 1)) {
        for (i = 0; i < m; i++) {
            float t = gradc_dotf(n, a + i * rs, cs, x, xs);
            y[i * ys] = accumulate ? y[i * ys] + t : t;
        }
        return;
    }
    for (i = 0; i < m && !accumulate; i++) {
        y[i] = 0;
    }
    for (p = 0; p < n; p++) {
        float t = x[p * xs];
        const float *restrict column = a + p * cs;
        float *restrict out = y;
        for (i = 0; i < m; i++) {
            out[i] += t * column[i];
        }
    }
}

#endif
