/* log, log2, log10, log1p and the inverse hyperbolic functions: branch-free, the same bits on every
 * compiler and processor.
 *
 * x = m 2^e with sqrt(1/2) <= m < sqrt(2), f = m - 1, s = f/(2 + f): log m = f - f^2/2 + s (f^2/2 +
 * R(s^2)), the sum kept in two parts so that the result is nearly rounded once. Float versions:
 * below 0.501 ULP. */
#ifndef GRADC_PORTABLE_LOG_H
#define GRADC_PORTABLE_LOG_H

#include <math.h>

#include "gradc_double_double.h"

/* (2 atanh(s) - 2 s) / s^3 as a function of z = s^2 on [0, 0.0295], to 2^-64 of the logarithm. */
GRADC_INLINE double gradc_log_poly_(double z) {
    double p = 0x1.0c051669ed051p-3;
    p = p * z + 0x1.0fbe71adfbddap-3;
    p = p * z + 0x1.3b1c36b44161bp-3;
    p = p * z + 0x1.745cf8fe32a46p-3;
    p = p * z + 0x1.c71c720168523p-3;
    p = p * z + 0x1.2492492476c42p-2;
    p = p * z + 0x1.9999999999a38p-2;
    p = p * z + 0x1.5555555555555p-1;
    return p;
}

/* (asinh x - x) / x^3 as a function of z = x^2 on [0, 1/4], to 2^-58. */
GRADC_INLINE double gradc_asinh_poly_(double z) {
    double p = 0x1.ee3fd77d44d42p-10;
    p = p * z - 0x1.4733e5158e0e1p-8;
    p = p * z + 0x1.f38921b605d54p-8;
    p = p * z - 0x1.3a4aeece7e69cp-7;
    p = p * z + 0x1.79b0dbdcdfc75p-7;
    p = p * z - 0x1.c983b8d12e853p-7;
    p = p * z + 0x1.1c4e072f36dc7p-6;
    p = p * z - 0x1.6e8b9ab4638efp-6;
    p = p * z + 0x1.f1c71c3bee026p-6;
    p = p * z - 0x1.6db6db6d5b365p-5;
    p = p * z + 0x1.3333333332f5fp-4;
    p = p * z - 0x1.5555555555555p-3;
    return p;
}

/* (atanh x - x) / x^3 as a function of z = x^2 on [0, 1/4], to 2^-58. */
GRADC_INLINE double gradc_atanh_poly_(double z) {
    double p = 0x1.b016cba23eee4p-3;
    p = p * z - 0x1.27f230f3831a3p-3;
    p = p * z + 0x1.15aa7698edf42p-3;
    p = p * z + 0x1.92cc88a36f708p-7;
    p = p * z + 0x1.bdcd3cefa72cep-5;
    p = p * z + 0x1.a6c53053bf30cp-5;
    p = p * z + 0x1.e2c342108eb1fp-5;
    p = p * z + 0x1.1108e26d64a6dp-4;
    p = p * z + 0x1.3b1417e6e07dfp-4;
    p = p * z + 0x1.745d1406b992ep-4;
    p = p * z + 0x1.c71c71d6cc5d1p-4;
    p = p * z + 0x1.249249247e911p-3;
    p = p * z + 0x1.9999999999ad1p-3;
    p = p * z + 0x1.5555555555555p-2;
    return p;
}

/* log x = e ln 2 + hi + lo, hi with 21 significant bits. */
typedef struct {
    double e, hi, lo;
} gradc_log_parts_;

GRADC_INLINE gradc_log_parts_ gradc_log_split_(double x) {
    gradc_log_parts_ r;
    gradc_frexp_t_ parts = gradc_frexp_(x, UINT64_C(0x3fe6a09e667f3bcd));
    double f = parts.m - 1.0, s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    r.e = parts.e;
    r.hi = gradc_from_bits_(gradc_bits_(f - half) & UINT64_C(0xffffffff00000000));
    r.lo = ((f - r.hi) - half) + s * (half + z * gradc_log_poly_(z));
    return r;
}

/* e ln 2 + hi + lo. */
GRADC_INLINE double gradc_log_join_(gradc_log_parts_ r) {
    gradc_dd_ t = gradc_fast_two_sum_(r.e * 0x1.62e42fee00000p-1, r.hi);
    return t.hi + (t.lo + (r.e * 0x1.a39ef35793c76p-33 + r.lo));
}

/* `y` for finite x > 0, else the limit: -inf at 0, NaN below, x itself at +inf and NaN. */
GRADC_INLINE double gradc_log_limits_(double x, double y) {
    double below = gradc_from_bits_(
        gradc_pick_bits_(gradc_mask_(x < 0.0), GRADC_NAN_, GRADC_INF_ | GRADC_SIGN_));
    y = gradc_pick_(gradc_mask_(x <= 0.0), below, y);
    return gradc_pick_(gradc_mask_(x < gradc_from_bits_(GRADC_INF_)), y, x + x);
}

/* log(x.hi + x.lo) for finite x > 0. */
GRADC_INLINE double gradc_log_dd_of_(gradc_dd_ x) {
    gradc_log_parts_ r = gradc_log_split_(x.hi);
    r.lo += x.lo / x.hi;
    return gradc_log_join_(r);
}

/* Natural logarithm; at most 0.75 ULP. */
GRADC_INLINE double gradc_log(double x) {
    return gradc_log_limits_(x, gradc_log_join_(gradc_log_split_(x)));
}

/* Base 2, 1/ln 2 in two parts; at most 0.8 ULP, exact at powers of two. */
GRADC_INLINE double gradc_log2(double x) {
    gradc_log_parts_ r = gradc_log_split_(x);
    gradc_dd_ t = gradc_fast_two_sum_(r.e, r.hi * 0x1.7154760000000p+0);
    double low = r.lo * 0x1.7154760000000p+0 + (r.hi + r.lo) * 0x1.4ae0bf85ddf44p-26;
    return gradc_log_limits_(x, t.hi + (t.lo + low));
}

/* Base 10, 1/ln 10 and log10 2 in two parts; at most 0.75 ULP. */
GRADC_INLINE double gradc_log10(double x) {
    gradc_log_parts_ r = gradc_log_split_(x);
    gradc_dd_ t = gradc_fast_two_sum_(r.e * 0x1.34413509f6000p-2, r.hi * 0x1.bcb7b10000000p-2);
    double low = r.lo * 0x1.bcb7b10000000p-2 + (r.hi + r.lo) * 0x1.49b9438ca9aaep-28;
    return gradc_log_limits_(x, t.hi + (t.lo + (r.e * 0x1.9fef311f12b36p-42 + low)));
}

/* log(1 + x) with the rounding error of 1 + x carried along; at most 0.75 ULP. */
GRADC_INLINE double gradc_log1p(double x) {
    gradc_dd_ u = gradc_two_sum_(1.0, x);
    double y = gradc_log_limits_(u.hi, gradc_log_dd_of_(u));
    return gradc_pick_(gradc_mask_(gradc_abs_(x) < 0x1p-54), x, y);
}

/* asinh: polynomial below 1/2, above log(x + sqrt(x^2 + 1)) in double-double; at most 1.0 ULP. */
GRADC_INLINE double gradc_asinh(double x) {
    double a = gradc_abs_(x), z = a * a, near = a + a * z * gradc_asinh_poly_(z), far,
           ln2 = 0x1.62e42fefa39efp-1;
    uint64_t huge_ = gradc_mask_(a > 0x1p30); /* here sqrt(x^2 + 1) is x: log x + ln 2 */
    double b = gradc_pick_(huge_, 1.0, a);
    gradc_dd_ square = gradc_two_product_(b, b), sum = gradc_two_sum_(square.hi, 1.0), root, u;
    sum.lo += square.lo;
    root = gradc_dd_sqrt_(sum, sqrt(sum.hi));
    u = gradc_two_sum_(root.hi, b);
    u.lo += root.lo;
    u.hi = gradc_pick_(huge_, a, u.hi);
    u.lo = gradc_pick_(huge_, 0.0, u.lo);
    far = gradc_log_limits_(u.hi, gradc_log_dd_of_(u)) + gradc_pick_(huge_, ln2, 0.0);
    return gradc_with_sign_(gradc_pick_(gradc_mask_(a < 0.5), near, far), x);
}

/* acosh: log(1 + (t + sqrt(2 t + t^2))) with t = x - 1, in double-double; at most 1.0 ULP; NaN
 * below 1. */
GRADC_INLINE double gradc_acosh(double x) {
    uint64_t huge_ = gradc_mask_(x > 0x1p30);
    double y, t = gradc_pick_(huge_, 1.0, x - 1.0);
    gradc_dd_ square = gradc_two_product_(t, t), sum = gradc_two_sum_(t + t, square.hi), root, a, u;
    sum.lo += square.lo;
    root = gradc_dd_sqrt_(sum, sqrt(sum.hi));
    a = gradc_two_sum_(root.hi, t);
    u = gradc_two_sum_(1.0, a.hi);
    u.lo += a.lo + root.lo;
    u.hi = gradc_pick_(huge_, x, u.hi);
    u.lo = gradc_pick_(huge_, 0.0, u.lo);
    y = gradc_log_limits_(u.hi, gradc_log_dd_of_(u)) +
        gradc_pick_(huge_, 0x1.62e42fefa39efp-1, 0.0);
    return gradc_pick_(gradc_mask_(x < 1.0), gradc_from_bits_(GRADC_NAN_), y);
}

/* atanh: polynomial below 1/2, above log((1 + x)/(1 - x))/2 in double-double; at most 0.75 ULP; NaN
 * beyond 1. */
GRADC_INLINE double gradc_atanh(double x) {
    double a = gradc_abs_(x), z = a * a, near = a + a * z * gradc_atanh_poly_(z), far;
    gradc_dd_ d = {0.0, 0.0};
    d.hi = 1.0 - a;
    far = 0.5 * gradc_log_dd_of_(gradc_dd_quotient_(gradc_two_sum_(1.0, a), d));
    far = gradc_pick_(
        gradc_mask_(a < 1.0), far,
        gradc_from_bits_(gradc_pick_bits_(gradc_mask_(a <= 1.0), GRADC_INF_, GRADC_NAN_)));
    return gradc_with_sign_(gradc_pick_(gradc_mask_(a < 0.5), near, far), x);
}

GRADC_INLINE float gradc_logf(float x) { return (float)gradc_log((double)x); }
GRADC_INLINE float gradc_log2f(float x) { return (float)gradc_log2((double)x); }
GRADC_INLINE float gradc_log10f(float x) { return (float)gradc_log10((double)x); }
GRADC_INLINE float gradc_log1pf(float x) { return (float)gradc_log1p((double)x); }
GRADC_INLINE float gradc_asinhf(float x) { return (float)gradc_asinh((double)x); }
GRADC_INLINE float gradc_acoshf(float x) { return (float)gradc_acosh((double)x); }
GRADC_INLINE float gradc_atanhf(float x) { return (float)gradc_atanh((double)x); }

#endif
