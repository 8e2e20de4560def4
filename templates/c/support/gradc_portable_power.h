/* pow, cbrt, hypot and erf: branch-free, the same bits on every compiler and processor. Float
 * versions: below 0.501 ULP. */
#ifndef GRADC_PORTABLE_POWER_H
#define GRADC_PORTABLE_POWER_H

#include <math.h>

#include "gradc_double_double.h"
#include "gradc_portable_exp.h"

/* 2/ln 2 (atanh(s)/s - 1 - s^2/3) / s^4 as a function of z = s^2 on [0, 0.0295], to 2^-70 of the
 * logarithm. */
GRADC_INLINE double gradc_pow_log2_poly_(double z) {
    double p = 0x1.5a61a560e55f7p-3;
    p = p * z + 0x1.59e07070ec1adp-3;
    p = p * z + 0x1.89fed35dcb364p-3;
    p = p * z + 0x1.c68f2efdadae3p-3;
    p = p * z + 0x1.0c9a84bf557bcp-2;
    p = p * z + 0x1.484b13d79c35cp-2;
    p = p * z + 0x1.a61762a7adfa8p-2;
    p = p * z + 0x1.2776c50ef9bfep-1;
    return p;
}

/* cbrt m on [1, 2], to 2^-16. */
GRADC_INLINE double gradc_cbrt_poly_(double m) {
    double p = -0x1.4b077fcd0882bp-7;
    p = p * m + 0x1.544aaec5e4624p-4;
    p = p * m - 0x1.2d024eeecb9cbp-2;
    p = p * m + 0x1.6c697f83452edp-1;
    p = p * m + 0x1.04bc2bde493b9p-1;
    return p;
}

/* erf x / x - 1 as a function of z = x^2 on [0, 0.81], to 2^-60. */
GRADC_INLINE double gradc_erf_poly_(double z) {
    double p = -0x1.d2f667da9b81bp-31;
    p = p * z + 0x1.e2ce2646d66cbp-27;
    p = p * z - 0x1.5d8926e69e361p-23;
    p = p * z + 0x1.b9b82879bf4f3p-20;
    p = p * z - 0x1.f4cf6a5de9cf3p-17;
    p = p * z + 0x1.f9a307176ef13p-14;
    p = p * z - 0x1.c02db31c72a35p-11;
    p = p * z + 0x1.565bcd0a60cdcp-8;
    p = p * z - 0x1.b82ce31273114p-6;
    p = p * z + 0x1.ce2f21a042822p-4;
    p = p * z - 0x1.812746b0379e3p-2;
    p = p * z + 0x1.06eba8214db69p-3;
    return p;
}

/* erfc x e^(x^2) as a function of t = (x - 2)/(x + 2) on 0.875 <= x <= 6, to 2^-54 of erf x. */
GRADC_INLINE double gradc_erfc_poly_(double t) {
    double p = -0x1.ea21f1ec96f75p-21;
    p = p * t + 0x1.06bb714294756p-20;
    p = p * t + 0x1.0ed140e3fd753p-18;
    p = p * t + 0x1.7d04ec4bb316dp-20;
    p = p * t - 0x1.d6db7978d956fp-17;
    p = p * t - 0x1.ceb27341789adp-16;
    p = p * t + 0x1.cdf302450ce02p-16;
    p = p * t + 0x1.6da923d82d075p-13;
    p = p * t + 0x1.6d5d7e1b6a35ep-15;
    p = p * t - 0x1.016b5bf706eb5p-10;
    p = p * t - 0x1.bc25a37cc4b55p-11;
    p = p * t + 0x1.ca95ed50edd45p-8;
    p = p * t + 0x1.e9471596491dcp-9;
    p = p * t - 0x1.437f0b68c02d0p-4;
    p = p * t + 0x1.eeea7dc8a7964p-3;
    p = p * t - 0x1.b57034efd3f75p-2;
    p = p * t + 0x1.058671b52c776p-2;
    return p;
}

/* log2 x to about 2^-65, for finite x > 0: e + s (C1 + z (C3 + z P(z))), the first terms in
 * double-double. */
GRADC_INLINE gradc_dd_ gradc_log2_dd_(double x) {
    static const gradc_dd_ first = {0x1.71547652b82fep+1, 0x1.777d0ffda0d24p-55};
    gradc_frexp_t_ parts = gradc_frexp_(x, UINT64_C(0x3fe6a09e667f3bcd));
    gradc_dd_ f = {0.0, 0.0}, s, z, w, r;
    f.hi = parts.m - 1.0;
    s = gradc_dd_quotient_(f, gradc_two_sum_(parts.m, 1.0));
    z = gradc_dd_product_(s, s);
    w = gradc_fast_two_sum_(0x1.ec709dc3a03fdp-1,
                            0x1.d27f05548af0cp-55 + z.hi * gradc_pow_log2_poly_(z.hi));
    w = gradc_dd_product_(z, w);
    r = gradc_fast_two_sum_(first.hi, w.hi);
    r.lo += w.lo + first.lo;
    r = gradc_dd_product_(s, r);
    w = gradc_fast_two_sum_(parts.e, r.hi);
    w.lo += r.lo;
    return w;
}

/* 2^(y log2 x) for x > 0. */
GRADC_INLINE double gradc_pow_positive_(double x, double y) {
    gradc_dd_ l = gradc_log2_dd_(x), p = gradc_two_product_(y, l.hi), r;
    gradc_nearest_t_ n;
    p = gradc_two_sum_(p.hi, p.lo + y * l.lo);
    p.hi = gradc_clamp_(p.hi, -1200.0, 1200.0);
    n = gradc_nearest_(p.hi);
    r = gradc_two_sum_(p.hi - n.value, gradc_clamp_(p.lo, -1.0, 1.0));
    return gradc_scale_(1.0 + (r.hi * gradc_exp2_poly_(r.hi) + r.lo * 0x1.62e42fefa39efp-1),
                        n.bits);
}

/* x^y: 2^(y log2 |x|) with the logarithm to 65 bits; at most 1.3 ULP; specials as C99 Annex F. */
GRADC_INLINE double gradc_pow(double x, double y) {
    double ax = gradc_abs_(x), ay = gradc_abs_(y), inf = gradc_from_bits_(GRADC_INF_), r;
    double shifted = ay + 0x1p52;
    uint64_t large = gradc_mask_(ay >= 0x1p52);
    uint64_t whole = large | gradc_mask_(shifted - 0x1p52 == ay);
    uint64_t odd =
        gradc_pick_bits_(large, gradc_bits_(ay) & gradc_mask_(ay < 0x1p53), gradc_bits_(shifted)) &
        whole & 1;
    uint64_t edge = gradc_mask_((ax == 0.0) | (ax == inf) | (ay == inf));
    uint64_t up = gradc_mask_(ax > 1.0) ^ gradc_mask_(y < 0.0);
    uint64_t negative = (uint64_t)0 - (gradc_bits_(x) >> 63);
    uint64_t one =
        gradc_mask_((y == 0.0) | (x == 1.0)) | (gradc_mask_(ax == 1.0) & gradc_mask_(ay == inf));
    r = gradc_pow_positive_(gradc_pick_(edge, 1.0, ax), gradc_clamp_(y, -0x1p70, 0x1p70));
    r = gradc_pick_(edge, gradc_from_bits_(GRADC_INF_ & up), r);
    r = gradc_from_bits_(gradc_bits_(r) ^ ((odd << 63) & negative));
    r = gradc_pick_(negative & ~whole & ~edge, gradc_from_bits_(GRADC_NAN_), r);
    r = gradc_pick_(gradc_mask_((x != x) | (y != y)), x + y, r);
    return gradc_pick_(one, 1.0, r);
}

/* Cube root: polynomial, one Halley step, a second one with an exact residual; at most 0.51 ULP. */
GRADC_INLINE double gradc_cbrt(double x) {
    double a = gradc_abs_(x), k, j, t, t3, m, square, upper, rest;
    gradc_frexp_t_ parts = gradc_frexp_(a, UINT64_C(0x3ff0000000000000));
    gradc_nearest_t_ third = gradc_nearest_((parts.e - 1.0) * 0x1.5555555555555p-2);
    uint64_t is_one, is_two,
        special = gradc_mask_((a == 0.0) | !(a < gradc_from_bits_(GRADC_INF_)));
    k = third.value;
    j = parts.e - 3.0 * k;
    is_one = gradc_mask_(j == 1.0);
    is_two = gradc_mask_(j == 2.0);
    t = gradc_cbrt_poly_(parts.m);
    t *= gradc_pick_(is_one, 0x1.428a2f98d728bp+0, gradc_pick_(is_two, 0x1.965fea53d6e3dp+0, 1.0));
    m = parts.m * gradc_pick_(is_one, 2.0, gradc_pick_(is_two, 4.0, 1.0));
    t3 = t * t * t;
    t = gradc_upper_(t * (t3 + 2.0 * m) / (2.0 * t3 + m));
    square = t * t;
    upper = gradc_upper_(square);
    rest = (m - upper * t) - (square - upper) * t;
    t += t * rest / (2.0 * (square * t) + m);
    t *= gradc_power_of_two_(third.bits);
    return gradc_pick_(special, x + x, gradc_with_sign_(t, x));
}

/* sqrt(x^2 + y^2) scaled by a power of two; at most 1.2 ULP; an infinity wins over NaN. */
GRADC_INLINE double gradc_hypot(double x, double y) {
    double ax = gradc_abs_(x), ay = gradc_abs_(y), inf = gradc_from_bits_(GRADC_INF_);
    double a = gradc_pick_(gradc_mask_(ax > ay), ax, ay),
           b = gradc_pick_(gradc_mask_(ax > ay), ay, ax), r;
    uint64_t big = gradc_mask_(a > 0x1p500), small = gradc_mask_(a < 0x1p-400);
    double down = gradc_pick_(big, 0x1p-600, gradc_pick_(small, 0x1p600, 1.0));
    double up = gradc_pick_(big, 0x1p600, gradc_pick_(small, 0x1p-600, 1.0));
    a *= down;
    b *= down;
    r = sqrt(a * a + b * b) * up;
    return gradc_pick_(gradc_mask_((ax == inf) | (ay == inf)), inf, r);
}

/* Error function: polynomial below 0.875, above 1 - e^(-x^2) R; at most 1.2 ULP. */
GRADC_INLINE double gradc_erf(double x) {
    double a = gradc_abs_(x), b = gradc_pick_(gradc_mask_(a > 6.0), 6.0, a), z = a * a;
    double near = a + a * gradc_erf_poly_(z);
    double far = 1.0 - gradc_exp(-(b * b)) * gradc_erfc_poly_((b - 2.0) / (b + 2.0));
    return gradc_with_sign_(gradc_pick_(gradc_mask_(a < 0.875), near, far), x);
}

GRADC_INLINE float gradc_powf(float x, float y) { return (float)gradc_pow((double)x, (double)y); }
GRADC_INLINE float gradc_cbrtf(float x) { return (float)gradc_cbrt((double)x); }
GRADC_INLINE float gradc_hypotf(float x, float y) {
    return (float)gradc_hypot((double)x, (double)y);
}
GRADC_INLINE float gradc_erff(float x) { return (float)gradc_erf((double)x); }

#endif
