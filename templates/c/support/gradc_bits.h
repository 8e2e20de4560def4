/* Bit casts and branch-free choice: what the portable math kernels stand on.
 *
 * A choice by mask (gradc_pick_) is kept by every vectoriser; a conditional expression on
 * floating-point values is not, because its arms may trap. Names that end in an underscore are
 * private to the support headers. */
#ifndef GRADC_BITS_H
#define GRADC_BITS_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "gradc: arithmetic must round to the operands' type; for 32-bit x86 add -msse2 -mfpmath=sse"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#ifndef GRADC_INLINE
#if defined(__GNUC__)
#define GRADC_INLINE static inline __attribute__((always_inline))
#else
#define GRADC_INLINE static inline
#endif
#endif

#define GRADC_SIGN_ UINT64_C(0x8000000000000000)
#define GRADC_INF_ UINT64_C(0x7ff0000000000000)
#define GRADC_NAN_ UINT64_C(0x7ff8000000000000)

GRADC_INLINE uint64_t gradc_bits_(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

GRADC_INLINE double gradc_from_bits_(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* All ones where the condition holds, else zero. */
GRADC_INLINE uint64_t gradc_mask_(int condition) { return (uint64_t)0 - (uint64_t)condition; }

GRADC_INLINE uint64_t gradc_pick_bits_(uint64_t mask, uint64_t a, uint64_t b) {
    return (a & mask) | (b & ~mask);
}

/* `a` where the mask is all ones, `b` where it is zero. */
GRADC_INLINE double gradc_pick_(uint64_t mask, double a, double b) {
    return gradc_from_bits_(gradc_pick_bits_(mask, gradc_bits_(a), gradc_bits_(b)));
}

GRADC_INLINE double gradc_abs_(double x) { return gradc_from_bits_(gradc_bits_(x) & ~GRADC_SIGN_); }

/* The magnitude of `x` (not negative) with the sign of `from`. */
GRADC_INLINE double gradc_with_sign_(double x, double from) {
    return gradc_from_bits_(gradc_bits_(x) | (gradc_bits_(from) & GRADC_SIGN_));
}

GRADC_INLINE double gradc_clamp_(double x, double low, double high) {
    x = gradc_pick_(gradc_mask_(x < low), low, x);
    return gradc_pick_(gradc_mask_(x > high), high, x);
}

/* Nearest integer of |x| < 2^51, as a double and as a two's complement number. */
typedef struct {
    double value;
    uint64_t bits;
} gradc_nearest_t_;

GRADC_INLINE gradc_nearest_t_ gradc_nearest_(double x) {
    gradc_nearest_t_ r;
    double shifted = x + 0x1.8p52;
    r.value = shifted - 0x1.8p52;
    r.bits = gradc_bits_(shifted) - UINT64_C(0x4338000000000000);
    return r;
}

/* 2^n for -1022 <= n <= 1023 (1024 gives infinity). */
GRADC_INLINE double gradc_power_of_two_(uint64_t n) { return gradc_from_bits_((n + 1023) << 52); }

/* p * 2^n with one rounding, for |n| <= 2000 and p near 1. */
GRADC_INLINE double gradc_scale_(double p, uint64_t n) {
    uint64_t half = ((n + 4096) >> 1) - 2048;
    return p * gradc_power_of_two_(half) * gradc_power_of_two_(n - half);
}

/* x = m * 2^e with sqrt(1/2) <= m < sqrt(2), for finite x > 0. */
typedef struct {
    double m, e;
} gradc_frexp_t_;

GRADC_INLINE gradc_frexp_t_ gradc_frexp_(double x, uint64_t lowest) {
    gradc_frexp_t_ r;
    uint64_t tiny = gradc_mask_(x < 0x1p-1022);
    uint64_t i =
        gradc_bits_(gradc_pick_(tiny, x * 0x1p54, x)) + (UINT64_C(0x3ff0000000000000) - lowest);
    r.e = gradc_from_bits_(UINT64_C(0x4330000000000000) | (i >> 52)) -
          gradc_pick_(tiny, 0x1p52 + 1077, 0x1p52 + 1023);
    r.m = gradc_from_bits_((i & UINT64_C(0x000fffffffffffff)) + lowest);
    return r;
}

#endif
