/* Floating-point helpers with NumPy's meaning where C's differs or where a branch would keep a loop
 * scalar: f64 (gradc_maximum) and f32 (gradc_maximumf). */
#ifndef GRADC_NUMERIC_H
#define GRADC_NUMERIC_H

#include <math.h>

/* NaN if either is NaN. */
static inline double gradc_maximum(double a, double b) { return ((a >= b) | (a != a)) ? a : b; }
static inline double gradc_minimum(double a, double b) { return ((a <= b) | (a != a)) ? a : b; }

/* The other one if either is NaN. */
static inline double gradc_fmax(double a, double b) { return ((a >= b) | (b != b)) ? a : b; }
static inline double gradc_fmin(double a, double b) { return ((a <= b) | (b != b)) ? a : b; }

/* -1, 0 (also for -0) or 1; NaN stays. */
static inline double gradc_sign(double x) {
    double s = (double)((x > 0.0) - (x < 0.0));
    return x != x ? x : s;
}

/* 0 below zero, `at_zero` at it, 1 above; NaN stays. */
static inline double gradc_heaviside(double x, double at_zero) {
    double s = (double)(x > 0.0);
    s = x == 0.0 ? at_zero : s;
    return x != x ? x : s;
}

static inline double gradc_copysign(double x, double from) { return copysign(x, from); }

/* Nearest whole number, ties to even, without a call; -0 stays. */
static inline double gradc_rint(double x) {
    double a = fabs(x), whole = (a + 0x1p52) - 0x1p52;
    return copysign(a < 0x1p52 ? whole : a, x);
}

static inline double gradc_fmod(double a, double b) { return fmod(a, b); }

/* The remainder with the sign of `b`; NaN for b = 0; a zero result has the sign of `b`. */
static inline double gradc_remainder(double a, double b) {
    double r = fmod(a, b);
    if (b == 0.0) {
        return r;
    }
    if (r == 0.0) {
        return copysign(0.0, b);
    }
    return (b < 0.0) != (r < 0.0) ? r + b : r;
}

/* floor(a / b) consistent with gradc_remainder; a / b for b = 0. */
static inline double gradc_floor_divide(double a, double b) {
    double r, quotient, whole;
    if (b == 0.0) {
        return a / b;
    }
    r = fmod(a, b);
    quotient = (a - r) / b;
    if ((r != 0.0) & ((b < 0.0) != (r < 0.0))) {
        quotient -= 1.0;
    }
    if (quotient == 0.0) {
        return copysign(0.0, a / b);
    }
    whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

/* log(e^x + e^y), given tail = log1p(exp(gradc_logaddexp_gap(x, y))). */
static inline double gradc_logaddexp_gap(double x, double y) { return -fabs(x - y); }
static inline double gradc_logaddexp_with(double x, double y, double tail) {
    double larger = x > y ? x : y, sum = larger + tail;
    return x == y ? x + 0x1.62e42fefa39efp-1 : sum;
}
/* e^x / (e^x + e^y) and e^y / (e^x + e^y), given e = exp(gradc_logaddexp_gap(x, y)). */
static inline double gradc_logaddexp_share(double x, double y, double e) {
    return (x < y ? e : 1.0) / (1.0 + e);
}
static inline double gradc_logaddexp_rest(double x, double y, double e) {
    return (y < x ? e : 1.0) / (1.0 + e);
}

/* NaN if either is NaN. */
static inline float gradc_maximumf(float a, float b) { return ((a >= b) | (a != a)) ? a : b; }
static inline float gradc_minimumf(float a, float b) { return ((a <= b) | (a != a)) ? a : b; }

/* The other one if either is NaN. */
static inline float gradc_fmaxf(float a, float b) { return ((a >= b) | (b != b)) ? a : b; }
static inline float gradc_fminf(float a, float b) { return ((a <= b) | (b != b)) ? a : b; }

/* -1, 0 (also for -0) or 1; NaN stays. */
static inline float gradc_signf(float x) {
    float s = (float)((x > 0.0f) - (x < 0.0f));
    return x != x ? x : s;
}

/* 0 below zero, `at_zero` at it, 1 above; NaN stays. */
static inline float gradc_heavisidef(float x, float at_zero) {
    float s = (float)(x > 0.0f);
    s = x == 0.0f ? at_zero : s;
    return x != x ? x : s;
}

static inline float gradc_copysignf(float x, float from) { return copysignf(x, from); }

/* Nearest whole number, ties to even, without a call; -0 stays. */
static inline float gradc_rintf(float x) {
    float a = fabsf(x), whole = (a + 0x1p23f) - 0x1p23f;
    return copysignf(a < 0x1p23f ? whole : a, x);
}

static inline float gradc_fmodf(float a, float b) { return fmodf(a, b); }

/* The remainder with the sign of `b`; NaN for b = 0; a zero result has the sign of `b`. */
static inline float gradc_remainderf(float a, float b) {
    float r = fmodf(a, b);
    if (b == 0.0f) {
        return r;
    }
    if (r == 0.0f) {
        return copysignf(0.0f, b);
    }
    return (b < 0.0f) != (r < 0.0f) ? r + b : r;
}

/* floor(a / b) consistent with gradc_remainderf; a / b for b = 0. */
static inline float gradc_floor_dividef(float a, float b) {
    float r, quotient, whole;
    if (b == 0.0f) {
        return a / b;
    }
    r = fmodf(a, b);
    quotient = (a - r) / b;
    if ((r != 0.0f) & ((b < 0.0f) != (r < 0.0f))) {
        quotient -= 1.0f;
    }
    if (quotient == 0.0f) {
        return copysignf(0.0f, a / b);
    }
    whole = floorf(quotient);
    return quotient - whole > 0.5f ? whole + 1.0f : whole;
}

/* log(e^x + e^y), given tail = log1p(exp(gradc_logaddexp_gapf(x, y))). */
static inline float gradc_logaddexp_gapf(float x, float y) { return -fabsf(x - y); }
static inline float gradc_logaddexp_withf(float x, float y, float tail) {
    float larger = x > y ? x : y, sum = larger + tail;
    return x == y ? x + 0x1.62e430p-1f : sum;
}
/* e^x / (e^x + e^y) and e^y / (e^x + e^y), given e = exp(gradc_logaddexp_gapf(x, y)). */
static inline float gradc_logaddexp_sharef(float x, float y, float e) {
    return (x < y ? e : 1.0f) / (1.0f + e);
}
static inline float gradc_logaddexp_restf(float x, float y, float e) {
    return (y < x ? e : 1.0f) / (1.0f + e);
}

#endif
