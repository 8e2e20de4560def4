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
 * minima, which are NaN when any lane is.
 *
 * gcc is given a sum as additions of vectors, to the same bits: it need not unroll loops to find them.
 * Where the rest has a length that is not a number, its lanes are stored one by one, and a whole
 * vector of them would wait for each: then it is gradc_ragged_sum. */
#ifndef GRADC_REDUCE_H
#define GRADC_REDUCE_H

#include <stdint.h>

static inline double gradc_ragged_sum(const double acc[16]) {
    double t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = acc[l] + acc[l + 8]; }
    for (l = 0; l < 4; l++) { t[l] = t[l] + t[l + 4]; }
    for (l = 0; l < 2; l++) { t[l] = t[l] + t[l + 2]; }
    return t[0] + t[1];
}

#if defined(__GNUC__) && !defined(__clang__)
static inline double gradc_lanes_sum(const double acc[16]) {
    typedef double eight __attribute__((vector_size(64)));
    typedef int64_t places __attribute__((vector_size(64)));
    eight t, u;
    __builtin_memcpy(&t, acc, sizeof t);
    __builtin_memcpy(&u, acc + 8, sizeof u);
    t += u;
    t += __builtin_shuffle(t, (places){4, 5, 6, 7, 0, 1, 2, 3});
    t += __builtin_shuffle(t, (places){2, 3, 0, 1, 6, 7, 4, 5});
    return t[0] + t[1];
}
#else
#define gradc_lanes_sum gradc_ragged_sum
#endif

static inline double gradc_lanes_prod(const double acc[16]) {
    double t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = acc[l] * acc[l + 8]; }
    for (l = 0; l < 4; l++) { t[l] = t[l] * t[l + 4]; }
    for (l = 0; l < 2; l++) { t[l] = t[l] * t[l + 2]; }
    return t[0] * t[1];
}

static inline double gradc_larger_(double a, double b) { return ((a >= b) | (a != a)) ? a : b; }

static inline double gradc_lanes_max(const double acc[16]) {
    double t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = gradc_larger_(acc[l], acc[l + 8]); }
    for (l = 0; l < 4; l++) { t[l] = gradc_larger_(t[l], t[l + 4]); }
    for (l = 0; l < 2; l++) { t[l] = gradc_larger_(t[l], t[l + 2]); }
    return gradc_larger_(t[0], t[1]);
}

static inline double gradc_smaller_(double a, double b) { return ((a <= b) | (a != a)) ? a : b; }

static inline double gradc_lanes_min(const double acc[16]) {
    double t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = gradc_smaller_(acc[l], acc[l + 8]); }
    for (l = 0; l < 4; l++) { t[l] = gradc_smaller_(t[l], t[l + 4]); }
    for (l = 0; l < 2; l++) { t[l] = gradc_smaller_(t[l], t[l + 2]); }
    return gradc_smaller_(t[0], t[1]);
}

static inline float gradc_ragged_sumf(const float acc[16]) {
    float t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = acc[l] + acc[l + 8]; }
    for (l = 0; l < 4; l++) { t[l] = t[l] + t[l + 4]; }
    for (l = 0; l < 2; l++) { t[l] = t[l] + t[l + 2]; }
    return t[0] + t[1];
}

#if defined(__GNUC__) && !defined(__clang__)
static inline float gradc_lanes_sumf(const float acc[16]) {
    typedef float eight __attribute__((vector_size(32)));
    typedef int32_t places __attribute__((vector_size(32)));
    eight t, u;
    __builtin_memcpy(&t, acc, sizeof t);
    __builtin_memcpy(&u, acc + 8, sizeof u);
    t += u;
    t += __builtin_shuffle(t, (places){4, 5, 6, 7, 0, 1, 2, 3});
    t += __builtin_shuffle(t, (places){2, 3, 0, 1, 6, 7, 4, 5});
    return t[0] + t[1];
}
#else
#define gradc_lanes_sumf gradc_ragged_sumf
#endif

static inline float gradc_lanes_prodf(const float acc[16]) {
    float t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = acc[l] * acc[l + 8]; }
    for (l = 0; l < 4; l++) { t[l] = t[l] * t[l + 4]; }
    for (l = 0; l < 2; l++) { t[l] = t[l] * t[l + 2]; }
    return t[0] * t[1];
}

static inline float gradc_largerf_(float a, float b) { return ((a >= b) | (a != a)) ? a : b; }

static inline float gradc_lanes_maxf(const float acc[16]) {
    float t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = gradc_largerf_(acc[l], acc[l + 8]); }
    for (l = 0; l < 4; l++) { t[l] = gradc_largerf_(t[l], t[l + 4]); }
    for (l = 0; l < 2; l++) { t[l] = gradc_largerf_(t[l], t[l + 2]); }
    return gradc_largerf_(t[0], t[1]);
}

static inline float gradc_smallerf_(float a, float b) { return ((a <= b) | (a != a)) ? a : b; }

static inline float gradc_lanes_minf(const float acc[16]) {
    float t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = gradc_smallerf_(acc[l], acc[l + 8]); }
    for (l = 0; l < 4; l++) { t[l] = gradc_smallerf_(t[l], t[l + 4]); }
    for (l = 0; l < 2; l++) { t[l] = gradc_smallerf_(t[l], t[l + 2]); }
    return gradc_smallerf_(t[0], t[1]);
}

static inline int64_t gradc_lanes_sum_i64(const int64_t acc[16]) {
    int64_t t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = (int64_t)((uint64_t)acc[l] + (uint64_t)acc[l + 8]); }
    for (l = 0; l < 4; l++) { t[l] = (int64_t)((uint64_t)t[l] + (uint64_t)t[l + 4]); }
    for (l = 0; l < 2; l++) { t[l] = (int64_t)((uint64_t)t[l] + (uint64_t)t[l + 2]); }
    return (int64_t)((uint64_t)t[0] + (uint64_t)t[1]);
}

static inline int64_t gradc_lanes_prod_i64(const int64_t acc[16]) {
    int64_t t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = (int64_t)((uint64_t)acc[l] * (uint64_t)acc[l + 8]); }
    for (l = 0; l < 4; l++) { t[l] = (int64_t)((uint64_t)t[l] * (uint64_t)t[l + 4]); }
    for (l = 0; l < 2; l++) { t[l] = (int64_t)((uint64_t)t[l] * (uint64_t)t[l + 2]); }
    return (int64_t)((uint64_t)t[0] * (uint64_t)t[1]);
}

static inline int64_t gradc_larger_i64_(int64_t a, int64_t b) { return a > b ? a : b; }

static inline int64_t gradc_lanes_max_i64(const int64_t acc[16]) {
    int64_t t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = gradc_larger_i64_(acc[l], acc[l + 8]); }
    for (l = 0; l < 4; l++) { t[l] = gradc_larger_i64_(t[l], t[l + 4]); }
    for (l = 0; l < 2; l++) { t[l] = gradc_larger_i64_(t[l], t[l + 2]); }
    return gradc_larger_i64_(t[0], t[1]);
}

static inline int64_t gradc_smaller_i64_(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t gradc_lanes_min_i64(const int64_t acc[16]) {
    int64_t t[8];
    int l;
    for (l = 0; l < 8; l++) { t[l] = gradc_smaller_i64_(acc[l], acc[l + 8]); }
    for (l = 0; l < 4; l++) { t[l] = gradc_smaller_i64_(t[l], t[l + 4]); }
    for (l = 0; l < 2; l++) { t[l] = gradc_smaller_i64_(t[l], t[l + 2]); }
    return gradc_smaller_i64_(t[0], t[1]);
}

#endif
