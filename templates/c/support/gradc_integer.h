/* Integer arithmetic that wraps as NumPy's does, free of undefined behaviour: int64 (_i64), int32
 * (_i32), uint64 (_u64). Narrower types are computed in one of these and cast. */
#ifndef GRADC_INTEGER_H
#define GRADC_INTEGER_H

#include <stdint.h>

static inline int64_t gradc_add_i64(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}
static inline int64_t gradc_sub_i64(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a - (uint64_t)b);
}
static inline int64_t gradc_mul_i64(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a * (uint64_t)b);
}
static inline int64_t gradc_maximum_i64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t gradc_minimum_i64(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t gradc_negative_i64(int64_t x) { return (int64_t)((uint64_t)0 - (uint64_t)x); }
static inline int64_t gradc_absolute_i64(int64_t x) { return x < 0 ? gradc_negative_i64(x) : x; }
static inline int64_t gradc_sign_i64(int64_t x) { return (x > 0) - (x < 0); }

/* floor(a / b); 0 for b = 0; the smallest number over -1 is itself. */
static inline int64_t gradc_floor_divide_i64(int64_t a, int64_t b) {
    int64_t q;
    if (b == 0) {
        return 0;
    }
    if (b == -1) {
        return gradc_negative_i64(a);
    }
    q = a / b;
    return (((a < 0) != (b < 0)) & (q * b != a)) ? q - 1 : q;
}

/* With the sign of `a`; 0 for b = 0. */
static inline int64_t gradc_fmod_i64(int64_t a, int64_t b) {
    return ((b == 0) | (b == -1)) ? 0 : a % b;
}

/* With the sign of `b`; 0 for b = 0. */
static inline int64_t gradc_remainder_i64(int64_t a, int64_t b) {
    int64_t r = gradc_fmod_i64(a, b);
    return ((r != 0) & ((r < 0) != (b < 0))) ? r + b : r;
}

/* x^n, wrapping; a negative exponent gives the whole part of 1/x^|n| (0 for x = 0). NumPy refuses
 * negative exponents. */
static inline int64_t gradc_power_i64(int64_t x, int64_t n) {
    uint64_t r = 1, base = (uint64_t)x, left = (uint64_t)n;
    if (n < 0) {
        return x == 1 ? 1 : (x == -1 ? ((left & 1) != 0 ? -1 : 1) : 0);
    }
    for (; left != 0; left >>= 1) {
        r = (left & 1) != 0 ? r * base : r;
        base *= base;
    }
    return (int64_t)r;
}

static inline int32_t gradc_add_i32(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}
static inline int32_t gradc_sub_i32(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a - (uint32_t)b);
}
static inline int32_t gradc_mul_i32(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a * (uint32_t)b);
}
static inline int32_t gradc_maximum_i32(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t gradc_minimum_i32(int32_t a, int32_t b) { return a < b ? a : b; }

static inline int32_t gradc_negative_i32(int32_t x) { return (int32_t)((uint32_t)0 - (uint32_t)x); }
static inline int32_t gradc_absolute_i32(int32_t x) { return x < 0 ? gradc_negative_i32(x) : x; }
static inline int32_t gradc_sign_i32(int32_t x) { return (x > 0) - (x < 0); }

/* floor(a / b); 0 for b = 0; the smallest number over -1 is itself. */
static inline int32_t gradc_floor_divide_i32(int32_t a, int32_t b) {
    int32_t q;
    if (b == 0) {
        return 0;
    }
    if (b == -1) {
        return gradc_negative_i32(a);
    }
    q = a / b;
    return (((a < 0) != (b < 0)) & (q * b != a)) ? q - 1 : q;
}

/* With the sign of `a`; 0 for b = 0. */
static inline int32_t gradc_fmod_i32(int32_t a, int32_t b) {
    return ((b == 0) | (b == -1)) ? 0 : a % b;
}

/* With the sign of `b`; 0 for b = 0. */
static inline int32_t gradc_remainder_i32(int32_t a, int32_t b) {
    int32_t r = gradc_fmod_i32(a, b);
    return ((r != 0) & ((r < 0) != (b < 0))) ? r + b : r;
}

/* x^n, wrapping; a negative exponent gives the whole part of 1/x^|n| (0 for x = 0). NumPy refuses
 * negative exponents. */
static inline int32_t gradc_power_i32(int32_t x, int32_t n) {
    uint32_t r = 1, base = (uint32_t)x, left = (uint32_t)n;
    if (n < 0) {
        return x == 1 ? 1 : (x == -1 ? ((left & 1) != 0 ? -1 : 1) : 0);
    }
    for (; left != 0; left >>= 1) {
        r = (left & 1) != 0 ? r * base : r;
        base *= base;
    }
    return (int32_t)r;
}

static inline uint64_t gradc_add_u64(uint64_t a, uint64_t b) {
    return (uint64_t)((uint64_t)a + (uint64_t)b);
}
static inline uint64_t gradc_sub_u64(uint64_t a, uint64_t b) {
    return (uint64_t)((uint64_t)a - (uint64_t)b);
}
static inline uint64_t gradc_mul_u64(uint64_t a, uint64_t b) {
    return (uint64_t)((uint64_t)a * (uint64_t)b);
}
static inline uint64_t gradc_maximum_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }
static inline uint64_t gradc_minimum_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }

static inline uint64_t gradc_floor_divide_u64(uint64_t a, uint64_t b) { return b == 0 ? 0 : a / b; }
static inline uint64_t gradc_remainder_u64(uint64_t a, uint64_t b) { return b == 0 ? 0 : a % b; }
static inline uint64_t gradc_fmod_u64(uint64_t a, uint64_t b) { return gradc_remainder_u64(a, b); }

static inline uint64_t gradc_power_u64(uint64_t x, uint64_t n) {
    uint64_t r = 1;
    for (; n != 0; n >>= 1) {
        r = (n & 1) != 0 ? r * x : r;
        x *= x;
    }
    return r;
}

#endif
