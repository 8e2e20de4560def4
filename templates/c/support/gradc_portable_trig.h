/* sin, cos and tan: the same bits on every compiler and processor.
 *
 * x = n pi/2 + hi + lo with |hi| <= pi/4. Up to 2^20 by Cody and Waite with pi/2 in four parts,
 * without a branch; beyond, by Payne and Hanek with 192 bits of 2/pi, behind a branch that keeps a
 * loop from being vectorised. A loop that must be uses the
 * `_moderate` functions and gradc_trig_is_large: run it, gather the flags, and run the plain
 * functions if any was set. Float versions: below 0.501 ULP. */
#ifndef GRADC_PORTABLE_TRIG_H
#define GRADC_PORTABLE_TRIG_H

#include "gradc_double_double.h"

/* (sin x - x) / x^3 as a function of z = x^2 on |x| <= pi/4, to 2^-66. */
GRADC_INLINE double gradc_sin_poly_(double z) {
    double p = -0x1.ab17a79237a19p-41;
    p = p * z + 0x1.61217ec01749dp-33;
    p = p * z - 0x1.ae64541266378p-26;
    p = p * z + 0x1.71de3a54605eep-19;
    p = p * z - 0x1.a01a01a019936p-13;
    p = p * z + 0x1.1111111111110p-7;
    p = p * z - 0x1.5555555555555p-3;
    return p;
}

/* (cos x - 1 + x^2/2) / x^4 as a function of z = x^2 on |x| <= pi/4, to 2^-60. */
GRADC_INLINE double gradc_cos_poly_(double z) {
    double p = -0x1.907d7aebd5e3dp-37;
    p = p * z + 0x1.1eeb68b109173p-29;
    p = p * z - 0x1.27e4fa17a41b4p-22;
    p = p * z + 0x1.a01a019f4e867p-16;
    p = p * z - 0x1.6c16c16c16966p-10;
    p = p * z + 0x1.5555555555555p-5;
    return p;
}

/* |x| = n pi/2 + hi + lo. */
typedef struct {
    double hi, lo;
    uint64_t n;
} gradc_angle_;

/* Whether |x| is beyond the reach of the `_moderate` functions (also for infinities and NaN). */
GRADC_INLINE int gradc_trig_is_large(double x) { return !(gradc_abs_(x) < 0x1p20); }

/* pi/2 = 33 + 33 + 33 + 53 bits: the first three products are exact. */
GRADC_INLINE gradc_angle_ gradc_angle_moderate_(double a) {
    gradc_angle_ r;
    gradc_nearest_t_ n = gradc_nearest_(a * 0x1.45f306dc9c883p-1);
    gradc_dd_ t =
        gradc_two_sum_(a - n.value * 0x1.921fb54400000p+0, n.value * -0x1.0b4611a600000p-34);
    gradc_dd_ u = gradc_two_sum_(t.hi, n.value * -0x1.3198a2e000000p-69);
    gradc_dd_ v = gradc_fast_two_sum_(u.hi, (t.lo + u.lo) - n.value * 0x1.b839a252049c1p-104);
    r.hi = v.hi;
    r.lo = v.lo;
    r.n = n.bits;
    return r;
}

/* High 64 bits of a * b. */
GRADC_INLINE uint64_t gradc_product_high_(uint64_t a, uint64_t b) {
    uint64_t mask = UINT64_C(0xffffffff), ah = a >> 32, al = a & mask, bh = b >> 32, bl = b & mask;
    uint64_t mid = ah * bl + ((al * bl) >> 32), mid2 = al * bh + (mid & mask);
    return ah * bh + (mid >> 32) + (mid2 >> 32);
}

/* Quadrant and fraction of |x| 2/pi for 2^20 <= a < inf: a whole number times the 192 bits of 2/pi
 * that matter. */
static inline gradc_angle_ gradc_angle_large_(double a) {
    static const uint64_t two_over_pi[20] = {
        UINT64_C(0x0000000000000000), UINT64_C(0xa2f9836e4e441529), UINT64_C(0xfc2757d1f534ddc0),
        UINT64_C(0xdb6295993c439041), UINT64_C(0xfe5163abdebbc561), UINT64_C(0xb7246e3a424dd2e0),
        UINT64_C(0x06492eea09d1921c), UINT64_C(0xfe1deb1cb129a73e), UINT64_C(0xe88235f52ebb4484),
        UINT64_C(0xe99c7026b45f7e41), UINT64_C(0x3991d639835339f4), UINT64_C(0x9c845f8bbdf9283b),
        UINT64_C(0x1ff897ffde05980f), UINT64_C(0xef2f118b5a0a6d1f), UINT64_C(0x6d367ecf27cb09b7),
        UINT64_C(0x4f463f669e5fea2d), UINT64_C(0x7527bac7ebe5f17b), UINT64_C(0x3d0739f78a5292ea),
        UINT64_C(0x6bfb5fb11f8d5d08), UINT64_C(0x56033046fc7b6bab)};
    uint64_t bits = gradc_bits_(a),
             m = (bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x0010000000000000);
    uint64_t first =
        (bits >> 52) - 1075 + 62; /* the first bit whose product with m is not a multiple of 4 */
    uint64_t at = first >> 6, shift = first & 63, w[3], r0, r1, r2, high, negative;
    gradc_angle_ r;
    gradc_dd_ sum = {0.0, 0.0}, product;
    double piece[5];
    int i;
    for (i = 0; i < 3; i++) {
        w[i] = (two_over_pi[at + (uint64_t)i] << shift) |
               ((two_over_pi[at + (uint64_t)i + 1] >> 1) >> (63 - shift));
    }
    r2 = m * w[2];
    high = gradc_product_high_(m, w[2]);
    r1 = m * w[1] + high;
    r0 = m * w[0] + gradc_product_high_(m, w[1]) + (uint64_t)(r1 < high);
    r.n = r0 >> 62;
    r0 = (r0 << 2) | (r1 >> 62);
    r1 = (r1 << 2) | (r2 >> 62);
    r2 = r2 << 2;
    negative = (uint64_t)0 - (r0 >> 63); /* fraction >= 1/2: take it from the next quadrant */
    r.n += r0 >> 63;
    r0 ^= negative;
    r1 ^= negative;
    r2 ^= negative;
    piece[0] = (double)(r0 >> 32) * 0x1p-32;
    piece[1] = (double)(r0 & UINT64_C(0xffffffff)) * 0x1p-64;
    piece[2] = (double)(r1 >> 32) * 0x1p-96;
    piece[3] = (double)(r1 & UINT64_C(0xffffffff)) * 0x1p-128;
    piece[4] = (double)(r2 >> 32) * 0x1p-160;
    for (i = 0; i < 5; i++) {
        gradc_dd_ t = gradc_fast_two_sum_(sum.hi, piece[i]);
        sum.hi = t.hi;
        sum.lo += t.lo;
    }
    product = gradc_two_product_(sum.hi, 0x1.921fb54442d18p+0);
    product.lo += sum.hi * 0x1.1a62633145c07p-54 + sum.lo * 0x1.921fb54442d18p+0;
    product = gradc_fast_two_sum_(product.hi, product.lo);
    r.hi = gradc_from_bits_(gradc_bits_(product.hi) ^ (negative & GRADC_SIGN_));
    r.lo = gradc_from_bits_(gradc_bits_(product.lo) ^ (negative & GRADC_SIGN_));
    return r;
}

GRADC_INLINE gradc_angle_ gradc_angle_of_(double a) {
    if (gradc_trig_is_large(a) && a < gradc_from_bits_(GRADC_INF_)) {
        return gradc_angle_large_(a);
    }
    return gradc_angle_moderate_(a);
}

GRADC_INLINE double gradc_sin_part_(gradc_angle_ r) {
    double z = r.hi * r.hi;
    return r.hi + (r.hi * z * gradc_sin_poly_(z) + r.lo * (1.0 - 0.5 * z));
}

GRADC_INLINE double gradc_cos_part_(gradc_angle_ r) {
    double z = r.hi * r.hi, half = 0.5 * z, w = 1.0 - half;
    return w + (((1.0 - w) - half) + (z * z * gradc_cos_poly_(z) - r.hi * r.lo));
}

/* sin of the angle in its quadrant plus `quarter` quarter turns. */
GRADC_INLINE double gradc_sin_in_quadrant_(gradc_angle_ r, uint64_t quarter) {
    uint64_t n = r.n + quarter;
    double y = gradc_pick_((uint64_t)0 - (n & 1), gradc_cos_part_(r), gradc_sin_part_(r));
    return gradc_from_bits_(gradc_bits_(y) ^ ((n & 2) << 62));
}

GRADC_INLINE double gradc_flip_sign_(double y, double x) {
    return gradc_from_bits_(gradc_bits_(y) ^ (gradc_bits_(x) & GRADC_SIGN_));
}

/* sine over cosine, or minus cosine over sine in odd quadrants. */
GRADC_INLINE double gradc_tan_in_quadrant_(gradc_angle_ r) {
    double s = gradc_sin_part_(r), c = gradc_cos_part_(r);
    uint64_t odd = (uint64_t)0 - (r.n & 1);
    return gradc_pick_(odd, -c, s) / gradc_pick_(odd, s, c);
}

/* For |x| < 2^20, branch-free; the errors are those of the full functions. */
GRADC_INLINE double gradc_sin_moderate(double x) {
    return gradc_flip_sign_(gradc_sin_in_quadrant_(gradc_angle_moderate_(gradc_abs_(x)), 0), x);
}
GRADC_INLINE double gradc_cos_moderate(double x) {
    return gradc_sin_in_quadrant_(gradc_angle_moderate_(gradc_abs_(x)), 1);
}
GRADC_INLINE double gradc_tan_moderate(double x) {
    return gradc_flip_sign_(gradc_tan_in_quadrant_(gradc_angle_moderate_(gradc_abs_(x))), x);
}

/* Sine of any argument; at most 0.8 ULP. */
GRADC_INLINE double gradc_sin(double x) {
    return gradc_flip_sign_(gradc_sin_in_quadrant_(gradc_angle_of_(gradc_abs_(x)), 0), x);
}

/* Cosine of any argument; at most 0.8 ULP. */
GRADC_INLINE double gradc_cos(double x) {
    return gradc_sin_in_quadrant_(gradc_angle_of_(gradc_abs_(x)), 1);
}

/* Tangent of any argument; at most 2.2 ULP. */
GRADC_INLINE double gradc_tan(double x) {
    return gradc_flip_sign_(gradc_tan_in_quadrant_(gradc_angle_of_(gradc_abs_(x))), x);
}

GRADC_INLINE float gradc_sin_moderatef(float x) { return (float)gradc_sin_moderate((double)x); }
GRADC_INLINE float gradc_cos_moderatef(float x) { return (float)gradc_cos_moderate((double)x); }
GRADC_INLINE float gradc_tan_moderatef(float x) { return (float)gradc_tan_moderate((double)x); }
GRADC_INLINE float gradc_sinf(float x) { return (float)gradc_sin((double)x); }
GRADC_INLINE float gradc_cosf(float x) { return (float)gradc_cos((double)x); }
GRADC_INLINE float gradc_tanf(float x) { return (float)gradc_tan((double)x); }

#endif
