/* asin, acos, atan, atan2: branch-free, the same bits on every compiler and processor. Float
 * versions: below 0.501 ULP. */
#ifndef GRADC_PORTABLE_INVERSE_H
#define GRADC_PORTABLE_INVERSE_H

#include <math.h>

#include "gradc_bits.h"

/* (asin x - x) / x^3 as a function of z = x^2 on [0, 1/4], to 2^-57. */
GRADC_INLINE double gradc_asin_poly_(double z) {
    double p = 0x1.d72b2bc8155f8p-6;
    p = p * z - 0x1.e6aaa8a0a04ccp-7;
    p = p * z + 0x1.1d189408314eep-6;
    p = p * z + 0x1.65a9c4dfcf8b2p-8;
    p = p * z + 0x1.52420b04b37bep-7;
    p = p * z + 0x1.782651caa6547p-7;
    p = p * z + 0x1.c9cf07674736ap-7;
    p = p * z + 0x1.1c4d35cf95421p-6;
    p = p * z + 0x1.6e8bb1c8209a2p-6;
    p = p * z + 0x1.f1c71c1db0623p-6;
    p = p * z + 0x1.6db6db6e31f13p-5;
    p = p * z + 0x1.3333333332ecap-4;
    p = p * z + 0x1.5555555555556p-3;
    return p;
}

/* (atan t - t) / t^3 as a function of z = t^2 on [0, 1], to 2^-58. */
GRADC_INLINE double gradc_atan_poly_(double z) {
    double p = -0x1.8d087295ab9f4p-17;
    p = p * z + 0x1.1f0adb240a1fbp-13;
    p = p * z - 0x1.8a2f3ae537bb1p-11;
    p = p * z + 0x1.57cc888719aa0p-9;
    p = p * z - 0x1.aef1a8e977bf8p-8;
    p = p * z + 0x1.a1fe88baf72d4p-7;
    p = p * z - 0x1.4b974a27ac39fp-6;
    p = p * z + 0x1.c3ac54a572735p-6;
    p = p * z - 0x1.147b2825d82f6p-5;
    p = p * z + 0x1.3d3f26d5ea7ffp-5;
    p = p * z - 0x1.60ebd1489b946p-5;
    p = p * z + 0x1.854a7b99af61dp-5;
    p = p * z - 0x1.af00bd568a3d2p-5;
    p = p * z + 0x1.e1dc0d7679adcp-5;
    p = p * z - 0x1.1110bfea8ed5ep-4;
    p = p * z + 0x1.3b13aaf4aba4ap-4;
    p = p * z - 0x1.745d16f26d0a3p-4;
    p = p * z + 0x1.c71c71c472843p-4;
    p = p * z - 0x1.249249248c7dap-3;
    p = p * z + 0x1.99999999998f9p-3;
    p = p * z - 0x1.5555555555555p-2;
    return p;
}

/* For a = |x|: asin a = s + rest below 1/2; above, asin a = pi/2 - 2 (s + rest) with s = sqrt((1 -
 * a)/2) cut to 21 bits. */
typedef struct {
    double s, rest;
    uint64_t below;
} gradc_asin_parts_;

GRADC_INLINE gradc_asin_parts_ gradc_asin_split_(double a) {
    gradc_asin_parts_ r;
    double z, root, cut, p;
    r.below = gradc_mask_(a < 0.5);
    z = gradc_pick_(r.below, a * a, 0.5 - 0.5 * a);
    root = gradc_pick_(r.below, a, sqrt(z));
    cut = gradc_from_bits_(gradc_bits_(root) & UINT64_C(0xffffffff00000000));
    p = root * (z * gradc_asin_poly_(z));
    r.s = gradc_pick_(r.below, root, cut);
    r.rest = p + gradc_pick_(r.below, 0.0, (z - cut * cut) / (root + cut + 0x1p-1000));
    return r;
}

/* Arc sine; at most 0.7 ULP; NaN beyond 1. */
GRADC_INLINE double gradc_asin(double x) {
    gradc_asin_parts_ r = gradc_asin_split_(gradc_abs_(x));
    double far = (0x1.921fb54442d18p+0 - 2.0 * r.s) - (2.0 * r.rest - 0x1.1a62633145c07p-54);
    return gradc_with_sign_(gradc_pick_(r.below, r.s + r.rest, far), x);
}

/* Arc cosine; at most 0.8 ULP; NaN beyond 1. */
GRADC_INLINE double gradc_acos(double x) {
    gradc_asin_parts_ r = gradc_asin_split_(gradc_abs_(x));
    double rest = gradc_from_bits_(gradc_bits_(r.rest) ^ (gradc_bits_(x) & GRADC_SIGN_));
    double middle = 0x1.921fb54442d18p+0 - (x - (0x1.1a62633145c07p-54 - rest));
    double right = 2.0 * (r.s + r.rest);
    double left = 2.0 * ((0x1.921fb54442d18p+0 - r.s) - (r.rest - 0x1.1a62633145c07p-54));
    return gradc_pick_(r.below, middle, gradc_pick_(gradc_mask_(x < 0.0), left, right));
}

/* base + side * (t + tail): t in [0, 1], side = +-1, base = 0, pi/2 or pi with its low part. */
GRADC_INLINE double gradc_atan_join_(double t, double side, double base, double base_low) {
    double z = t * t, tail = t * z * gradc_atan_poly_(z), signed_t = side * t;
    double sum = base + signed_t;
    return sum + ((signed_t - (sum - base)) + (side * tail + base_low));
}

/* Arc tangent, by 1/x above 1; at most 1.4 ULP. */
GRADC_INLINE double gradc_atan(double x) {
    double a = gradc_abs_(x);
    uint64_t above = gradc_mask_(a > 1.0);
    double t = gradc_pick_(above, 1.0 / a, a);
    double y = gradc_atan_join_(t, gradc_pick_(above, -1.0, 1.0),
                                gradc_pick_(above, 0x1.921fb54442d18p+0, 0.0),
                                gradc_pick_(above, 0x1.1a62633145c07p-54, 0.0));
    return gradc_with_sign_(y, x);
}

/* Angle of the point (x, y), by smaller over larger; at most 1.6 ULP; zeros and infinities as C99
 * Annex F. */
GRADC_INLINE double gradc_atan2(double y, double x) {
    double ay = gradc_abs_(y), ax = gradc_abs_(x), inf = gradc_from_bits_(GRADC_INF_), angle;
    uint64_t steep = gradc_mask_(ay > ax), left = (uint64_t)0 - (gradc_bits_(x) >> 63),
             nan = gradc_mask_((x != x) | (y != y));
    double small = gradc_pick_(steep, ax, ay), large = gradc_pick_(steep, ay, ax);
    double t = gradc_pick_(gradc_mask_(small == large),
                           gradc_pick_(gradc_mask_(large > 0.0), 1.0, 0.0), small / large);
    uint64_t any = steep | left, whole = left & ~steep;
    t = gradc_pick_(gradc_mask_((large >= inf) & (small < inf)), 0.0, t);
    angle = gradc_atan_join_(
        t, gradc_pick_(steep ^ left, -1.0, 1.0),
        gradc_pick_(whole, 0x1.921fb54442d18p+1, gradc_pick_(any, 0x1.921fb54442d18p+0, 0.0)),
        gradc_pick_(whole, 0x1.1a62633145c07p-53, gradc_pick_(any, 0x1.1a62633145c07p-54, 0.0)));
    return gradc_pick_(nan, x + y, gradc_with_sign_(angle, y));
}

GRADC_INLINE float gradc_asinf(float x) { return (float)gradc_asin((double)x); }
GRADC_INLINE float gradc_acosf(float x) { return (float)gradc_acos((double)x); }
GRADC_INLINE float gradc_atanf(float x) { return (float)gradc_atan((double)x); }
GRADC_INLINE float gradc_atan2f(float y, float x) {
    return (float)gradc_atan2((double)y, (double)x);
}

#endif
