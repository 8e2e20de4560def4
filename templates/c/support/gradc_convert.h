/* Floating point to integer without undefined behaviour. In range: towards zero. NaN and out of
 * range: what NumPy gives on x86-64, on every machine: the smallest int64 or int32; narrower signed
 * and unsigned types keep the low bits of that. */
#ifndef GRADC_CONVERT_H
#define GRADC_CONVERT_H

#include <stdint.h>

static inline int64_t gradc_to_i64(double x) {
    int inside = (x >= -0x1p63) & (x < 0x1p63);
    return inside ? (int64_t)x : INT64_MIN;
}

static inline int32_t gradc_to_i32(double x) {
    int inside = (x > -0x1p31 - 1.0) & (x < 0x1p31);
    return inside ? (int32_t)x : INT32_MIN;
}

/* Two's complement of the low `bits` of x. */
static inline int32_t gradc_low_bits_(int32_t x, uint32_t bits) {
    uint32_t sign = UINT32_C(1) << (bits - 1), low = (uint32_t)x & ((sign << 1) - 1);
    return (int32_t)(low ^ sign) - (int32_t)sign;
}

static inline int16_t gradc_to_i16(double x) {
    return (int16_t)gradc_low_bits_(gradc_to_i32(x), 16);
}
static inline int8_t gradc_to_i8(double x) { return (int8_t)gradc_low_bits_(gradc_to_i32(x), 8); }
static inline uint16_t gradc_to_u16(double x) {
    return (uint16_t)((uint32_t)gradc_to_i32(x) & 0xffff);
}
static inline uint8_t gradc_to_u8(double x) { return (uint8_t)((uint32_t)gradc_to_i32(x) & 0xff); }
/* Small negative numbers wrap; out of range and NaN: as the processor's signed conversions give for
 * x and x - 2^31 or x - 2^63. NumPy itself gives other values for some of them, depending on their
 * place in the array. */
static inline uint32_t gradc_to_u32(double x) {
    uint32_t high = (uint32_t)gradc_to_i32(x - 0x1p31) ^ UINT32_C(0x80000000);
    return x >= 0x1p31 ? high : (uint32_t)gradc_to_i32(x);
}
static inline uint64_t gradc_to_u64(double x) {
    uint64_t high = (uint64_t)gradc_to_i64(x - 0x1p63) ^ UINT64_C(0x8000000000000000);
    return x >= 0x1p63 ? high : (uint64_t)gradc_to_i64(x);
}

#endif
