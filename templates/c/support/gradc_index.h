/* Index arithmetic for axes of length n: negative indices count from the end, as in NumPy. */
#ifndef GRADC_INDEX_H
#define GRADC_INDEX_H

#include <stdint.h>

/* Whether -n <= i < n. */
static inline int gradc_index_ok(int64_t i, int64_t n) { return (i >= -n) & (i < n); }

/* 0 <= result < n, for i that is ok. */
static inline int64_t gradc_index_wrap(int64_t i, int64_t n) { return i < 0 ? i + n : i; }

/* Nearest valid index of a wrapped i (NumPy's mode="clip", where negative numbers become 0); n > 0.
 */
static inline int64_t gradc_index_clip(int64_t i, int64_t n) {
    int64_t low = i < 0 ? 0 : i;
    return low < n ? low : n - 1;
}

/* i modulo n (NumPy's mode="wrap"); n > 0. */
static inline int64_t gradc_index_modulo(int64_t i, int64_t n) {
    int64_t r = i % n;
    return r < 0 ? r + n : r;
}

/* Position of the first index that is not ok, or count if all are. */
static inline int64_t gradc_index_first_bad(const int64_t *indices, int64_t count, int64_t n) {
    int64_t bad = 0, i;
    for (i = 0; i < count; i++) {
        bad |= !gradc_index_ok(indices[i], n);
    }
    for (i = 0; bad && i < count; i++) {
        if (!gradc_index_ok(indices[i], n)) {
            return i;
        }
    }
    return count;
}

/* A start of a slice of `length` items, moved so that it lies inside the axis (n >= length). */
static inline int64_t gradc_slice_start(int64_t start, int64_t length, int64_t n) {
    int64_t high = n - length, low = start < 0 ? 0 : start;
    return low < high ? low : high;
}

#endif
