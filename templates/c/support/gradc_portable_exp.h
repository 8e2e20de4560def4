/* exp, exp2, expm1 and the hyperbolic functions: branch-free, the same bits on every compiler and
 * processor.
 *
 * e^x = 2^n e^r with n = rint(x / ln 2), |r| <= ln(2)/2 and ln 2 in two parts (Cody and Waite);
 * polynomials are Chebyshev interpolants. The errors are measured against 64-bit-significand
 * arithmetic; those of the float versions are below 0.501 ULP, because they round a double. */
#ifndef GRADC_PORTABLE_EXP_H
#define GRADC_PORTABLE_EXP_H

#include "gradc_bits.h"

/* (e^r - 1 - r) / r^2 on |r| <= 0.3467, to 2^-62 of e^r. */
GRADC_INLINE double gradc_exp_poly_(double r) {
    double p = 0x1.1f730a202ec17p-29;
    p = p * r + 0x1.af4df5750ec30p-26;
    p = p * r + 0x1.27e4db6121beep-22;
    p = p * r + 0x1.71de022bd5558p-19;
    p = p * r + 0x1.a01a01a6d9931p-16;
    p = p * r + 0x1.a01a01abe9ce8p-13;
    p = p * r + 0x1.6c16c16c162d2p-10;
    p = p * r + 0x1.11111111100d8p-7;
    p = p * r + 0x1.5555555555556p-5;
    p = p * r + 0x1.5555555555557p-3;
    p = p * r + 0x1.0000000000000p-1;
    return p;
}

/* (2^r - 1) / r on |r| <= 1/2, to 2^-57 of 2^r. */
GRADC_INLINE double gradc_exp2_poly_(double r) {
    double p = 0x1.e9d3fe3952179p-32;
    p = p * r + 0x1.e6063f7217bc6p-28;
    p = p * r + 0x1.b524fae627834p-24;
    p = p * r + 0x1.62bfd47773353p-20;
    p = p * r + 0x1.ffcbfc670dcd4p-17;
    p = p * r + 0x1.430913096fd9fp-13;
    p = p * r + 0x1.5d87fe78a5276p-10;
    p = p * r + 0x1.3b2ab6fba1ddap-7;
    p = p * r + 0x1.c6b08d704a0c2p-5;
    p = p * r + 0x1.ebfbdff82c598p-3;
    p = p * r + 0x1.62e42fefa39efp-1;
    return p;
}

/* (tanh x - x) / x^3 as a function of z = x^2 on [0, 0.36], to 2^-60. */
GRADC_INLINE double gradc_tanh_poly_(double z) {
    double p = 0x1.d15602ab6f13ap-18;
    p = p * z - 0x1.0d297a9d86a2cp-15;
    p = p * z + 0x1.876e3a6430a18p-14;
    p = p * z - 0x1.f30583c23502ap-13;
    p = p * z + 0x1.3535559875683p-11;
    p = p * z - 0x1.7da0cedf6d09bp-10;
    p = p * z + 0x1.d6d3b05a99f57p-9;
    p = p * z - 0x1.226e34dc136f6p-7;
    p = p * z + 0x1.664f488056b96p-6;
    p = p * z - 0x1.ba1ba1ba15b29p-5;
    p = p * z + 0x1.11111111110e3p-3;
    p = p * z - 0x1.5555555555555p-2;
    return p;
}

/* (sinh x - x) / x^3 as a function of z = x^2 on [0, 2.25], to 2^-58. */
GRADC_INLINE double gradc_sinh_poly_(double z) {
    double p = 0x1.9ff9124816b94p-49;
    p = p * z + 0x1.ae579834838f3p-41;
    p = p * z + 0x1.6124acde024e1p-33;
    p = p * z + 0x1.ae6455df98ba4p-26;
    p = p * z + 0x1.71de3a56238b1p-19;
    p = p * z + 0x1.a01a01a019339p-13;
    p = p * z + 0x1.1111111111117p-7;
    p = p * z + 0x1.5555555555555p-3;
    return p;
}

/* x = n ln 2 + hi + lo. */
typedef struct {
    double hi, lo;
    uint64_t n;
} gradc_exp_argument_;

GRADC_INLINE gradc_exp_argument_ gradc_exp_reduce_(double x) {
    gradc_exp_argument_ r;
    gradc_nearest_t_ n = gradc_nearest_(x * 0x1.71547652b82fep+0);
    r.hi = x - n.value * 0x1.62e42fee00000p-1;
    r.lo = n.value * -0x1.a39ef35793c76p-33;
    r.n = n.bits;
    return r;
}

/* e^(hi + lo) - 1 - hi. */
GRADC_INLINE double gradc_exp_tail_(gradc_exp_argument_ r) {
    double s = r.hi + r.lo;
    return r.lo + s * s * gradc_exp_poly_(s);
}

/* e^x 2^k, rounded once, also where e^x alone would overflow. */
GRADC_INLINE double gradc_exp_scaled_(double x, uint64_t k) {
    gradc_exp_argument_ r = gradc_exp_reduce_(gradc_clamp_(x, -1000.0, 1000.0));
    return gradc_scale_(1.0 + (r.hi + gradc_exp_tail_(r)), r.n + k);
}

/* e^x; at most 0.85 ULP. */
GRADC_INLINE double gradc_exp(double x) { return gradc_exp_scaled_(x, 0); }

/* 2^x; at most 1.2 ULP, exact for whole x. */
GRADC_INLINE double gradc_exp2(double x) {
    double y = gradc_clamp_(x, -1100.0, 1100.0);
    gradc_nearest_t_ n = gradc_nearest_(y);
    double r = y - n.value;
    return gradc_scale_(1.0 + r * gradc_exp2_poly_(r), n.bits);
}

/* e^x - 1 by 2^n (e^r - 1) + (2^n - 1) in two parts; at most 1.1 ULP. */
GRADC_INLINE double gradc_expm1(double x) {
    gradc_exp_argument_ r = gradc_exp_reduce_(gradc_clamp_(x, -50.0, 709.9));
    double half = gradc_power_of_two_(r.n - 1); /* halved, so that 2^1024 stays finite */
    double big = half - 0.5, small = half * r.hi;
    double sum = big + small;
    double rest = small - (sum - big);
    double y = 2.0 * (sum + (rest + half * gradc_exp_tail_(r)));
    return gradc_pick_(gradc_mask_(gradc_abs_(x) < 0x1p-54), x, y);
}

/* sinh: polynomial below 1.5, above e^x/2 - 1/(4 e^x/2); at most 1.7 ULP. */
GRADC_INLINE double gradc_sinh(double x) {
    double a = gradc_abs_(x), z = a * a;
    double e = gradc_exp_scaled_(a, (uint64_t)0 - 1);
    double near = a + a * z * gradc_sinh_poly_(z), far = e - 0.25 / e;
    return gradc_with_sign_(gradc_pick_(gradc_mask_(a < 1.5), near, far), x);
}

/* cosh = e^x/2 + 1/(4 e^x/2); at most 1.3 ULP. */
GRADC_INLINE double gradc_cosh(double x) {
    double e = gradc_exp_scaled_(gradc_abs_(x), (uint64_t)0 - 1);
    return e + 0.25 / e;
}

/* tanh: polynomial below 0.6, above 1 - 2/(e^2x + 1); at most 1.35 ULP. */
GRADC_INLINE double gradc_tanh(double x) {
    double a = gradc_abs_(x), z = a * a;
    double near = a + a * z * gradc_tanh_poly_(z), far = 1.0 - 2.0 / (gradc_exp(a + a) + 1.0);
    return gradc_with_sign_(gradc_pick_(gradc_mask_(a < 0.6), near, far), x);
}

GRADC_INLINE float gradc_expf(float x) { return (float)gradc_exp((double)x); }
GRADC_INLINE float gradc_exp2f(float x) { return (float)gradc_exp2((double)x); }
GRADC_INLINE float gradc_expm1f(float x) { return (float)gradc_expm1((double)x); }
GRADC_INLINE float gradc_sinhf(float x) { return (float)gradc_sinh((double)x); }
GRADC_INLINE float gradc_coshf(float x) { return (float)gradc_cosh((double)x); }
GRADC_INLINE float gradc_tanhf(float x) { return (float)gradc_tanh((double)x); }

#endif
