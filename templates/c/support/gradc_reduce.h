/* Reductions in 16 lanes: the fixed order in which they are combined.
 *
 * A sum over n items is written as
 *
 *     double acc[16] = {0.0};
 *     for (i = 0; i + 16 <= n; i += 16) {
 *         for (l = 0; l < 16; l++) { acc[l] += x[i + l]; }
 *     }
 *     for (l = 0; i + l < n; l++) { acc[l] += x[i + l]; }
 *     total = gradc_lanes_sum(acc);
 *
 * Item k always goes to lane k mod 16 and the lanes meet as 8 + 8, 4 + 4, 2 + 2, 1 + 1: the result
 * has the same bits on every compiler and for every vector length, and compilers keep acc in vector
 * registers. Start values: 0 for a sum, 1 for a product, -INFINITY and INFINITY for maxima and
 * minima, which are NaN when any lane is. */
#ifndef GRADC_REDUCE_H
#define GRADC_REDUCE_H

#include <stdint.h>

static inline double gradc_lanes_sum(const double acc[16]) {
    double t[8];
    int l;
    for (l = 0; l < 8; l++) {
        double a = acc[l], b = acc[l + 8];
        t[l] = a + b;
    }
    for (l = 0; l < 4; l++) {
        double a = t[l], b = t[l + 4];
        t[l] = a + b;
    }
    for (l = 0; l < 2; l++) {
        double a = t[l], b = t[l + 2];
        t[l] = a + b;
    }
    for (l = 0; l < 1; l++) {
        double a = t[l], b = t[l + 1];
        t[l] = a + b;
    }
    return t[0];
}

static inline double gradc_lanes_prod(const double acc[16]) {
    double t[8];
    int l;
    for (l = 0; l < 8; l++) {
        double a = acc[l], b = acc[l + 8];
        t[l] = a * b;
    }
    for (l = 0; l < 4; l++) {
        double a = t[l], b = t[l + 4];
        t[l] = a * b;
    }
    for (l = 0; l < 2; l++) {
        double a = t[l], b = t[l + 2];
        t[l] = a * b;
    }
    for (l = 0; l < 1; l++) {
        double a = t[l], b = t[l + 1];
        t[l] = a * b;
    }
    return t[0];
}

static inline double gradc_lanes_max(const double acc[16]) {
    double t[8];
    int l;
    for (l = 0; l < 8; l++) {
        double a = acc[l], b = acc[l + 8];
        t[l] = ((a >= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 4; l++) {
        double a = t[l], b = t[l + 4];
        t[l] = ((a >= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 2; l++) {
        double a = t[l], b = t[l + 2];
        t[l] = ((a >= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 1; l++) {
        double a = t[l], b = t[l + 1];
        t[l] = ((a >= b) | (a != a)) ? a : b;
    }
    return t[0];
}

static inline double gradc_lanes_min(const double acc[16]) {
    double t[8];
    int l;
    for (l = 0; l < 8; l++) {
        double a = acc[l], b = acc[l + 8];
        t[l] = ((a <= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 4; l++) {
        double a = t[l], b = t[l + 4];
        t[l] = ((a <= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 2; l++) {
        double a = t[l], b = t[l + 2];
        t[l] = ((a <= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 1; l++) {
        double a = t[l], b = t[l + 1];
        t[l] = ((a <= b) | (a != a)) ? a : b;
    }
    return t[0];
}

static inline float gradc_lanes_sumf(const float acc[16]) {
    float t[8];
    int l;
    for (l = 0; l < 8; l++) {
        float a = acc[l], b = acc[l + 8];
        t[l] = a + b;
    }
    for (l = 0; l < 4; l++) {
        float a = t[l], b = t[l + 4];
        t[l] = a + b;
    }
    for (l = 0; l < 2; l++) {
        float a = t[l], b = t[l + 2];
        t[l] = a + b;
    }
    for (l = 0; l < 1; l++) {
        float a = t[l], b = t[l + 1];
        t[l] = a + b;
    }
    return t[0];
}

static inline float gradc_lanes_prodf(const float acc[16]) {
    float t[8];
    int l;
    for (l = 0; l < 8; l++) {
        float a = acc[l], b = acc[l + 8];
        t[l] = a * b;
    }
    for (l = 0; l < 4; l++) {
        float a = t[l], b = t[l + 4];
        t[l] = a * b;
    }
    for (l = 0; l < 2; l++) {
        float a = t[l], b = t[l + 2];
        t[l] = a * b;
    }
    for (l = 0; l < 1; l++) {
        float a = t[l], b = t[l + 1];
        t[l] = a * b;
    }
    return t[0];
}

static inline float gradc_lanes_maxf(const float acc[16]) {
    float t[8];
    int l;
    for (l = 0; l < 8; l++) {
        float a = acc[l], b = acc[l + 8];
        t[l] = ((a >= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 4; l++) {
        float a = t[l], b = t[l + 4];
        t[l] = ((a >= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 2; l++) {
        float a = t[l], b = t[l + 2];
        t[l] = ((a >= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 1; l++) {
        float a = t[l], b = t[l + 1];
        t[l] = ((a >= b) | (a != a)) ? a : b;
    }
    return t[0];
}

static inline float gradc_lanes_minf(const float acc[16]) {
    float t[8];
    int l;
    for (l = 0; l < 8; l++) {
        float a = acc[l], b = acc[l + 8];
        t[l] = ((a <= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 4; l++) {
        float a = t[l], b = t[l + 4];
        t[l] = ((a <= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 2; l++) {
        float a = t[l], b = t[l + 2];
        t[l] = ((a <= b) | (a != a)) ? a : b;
    }
    for (l = 0; l < 1; l++) {
        float a = t[l], b = t[l + 1];
        t[l] = ((a <= b) | (a != a)) ? a : b;
    }
    return t[0];
}

static inline int64_t gradc_lanes_sum_i64(const int64_t acc[16]) {
    int64_t t[8];
    int l;
    for (l = 0; l < 8; l++) {
        int64_t a = acc[l], b = acc[l + 8];
        t[l] = (int64_t)((uint64_t)a + (uint64_t)b);
    }
    for (l = 0; l < 4; l++) {
        int64_t a = t[l], b = t[l + 4];
        t[l] = (int64_t)((uint64_t)a + (uint64_t)b);
    }
    for (l = 0; l < 2; l++) {
        int64_t a = t[l], b = t[l + 2];
        t[l] = (int64_t)((uint64_t)a + (uint64_t)b);
    }
    for (l = 0; l < 1; l++) {
        int64_t a = t[l], b = t[l + 1];
        t[l] = (int64_t)((uint64_t)a + (uint64_t)b);
    }
    return t[0];
}

static inline int64_t gradc_lanes_prod_i64(const int64_t acc[16]) {
    int64_t t[8];
    int l;
    for (l = 0; l < 8; l++) {
        int64_t a = acc[l], b = acc[l + 8];
        t[l] = (int64_t)((uint64_t)a * (uint64_t)b);
    }
    for (l = 0; l < 4; l++) {
        int64_t a = t[l], b = t[l + 4];
        t[l] = (int64_t)((uint64_t)a * (uint64_t)b);
    }
    for (l = 0; l < 2; l++) {
        int64_t a = t[l], b = t[l + 2];
        t[l] = (int64_t)((uint64_t)a * (uint64_t)b);
    }
    for (l = 0; l < 1; l++) {
        int64_t a = t[l], b = t[l + 1];
        t[l] = (int64_t)((uint64_t)a * (uint64_t)b);
    }
    return t[0];
}

static inline int64_t gradc_lanes_max_i64(const int64_t acc[16]) {
    int64_t t[8];
    int l;
    for (l = 0; l < 8; l++) {
        int64_t a = acc[l], b = acc[l + 8];
        t[l] = a > b ? a : b;
    }
    for (l = 0; l < 4; l++) {
        int64_t a = t[l], b = t[l + 4];
        t[l] = a > b ? a : b;
    }
    for (l = 0; l < 2; l++) {
        int64_t a = t[l], b = t[l + 2];
        t[l] = a > b ? a : b;
    }
    for (l = 0; l < 1; l++) {
        int64_t a = t[l], b = t[l + 1];
        t[l] = a > b ? a : b;
    }
    return t[0];
}

static inline int64_t gradc_lanes_min_i64(const int64_t acc[16]) {
    int64_t t[8];
    int l;
    for (l = 0; l < 8; l++) {
        int64_t a = acc[l], b = acc[l + 8];
        t[l] = a < b ? a : b;
    }
    for (l = 0; l < 4; l++) {
        int64_t a = t[l], b = t[l + 4];
        t[l] = a < b ? a : b;
    }
    for (l = 0; l < 2; l++) {
        int64_t a = t[l], b = t[l + 2];
        t[l] = a < b ? a : b;
    }
    for (l = 0; l < 1; l++) {
        int64_t a = t[l], b = t[l + 1];
        t[l] = a < b ? a : b;
    }
    return t[0];
}

#endif
