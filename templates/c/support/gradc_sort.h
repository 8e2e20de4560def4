/* Positions that sort lines of numbers, stable; NaN comes last and -0 equals 0, as in NumPy.
 *
 * Every number is turned into an unsigned key of the same order; the positions are then merged by
 * key. `keys` and `work` hold one line of n items each. */
#ifndef GRADC_SORT_H
#define GRADC_SORT_H

#include <stdint.h>
#include <string.h>

/* Merge the sorted runs from[first..middle) and from[middle..last) of positions into `to`. */
static inline void gradc_merge(const uint64_t *keys, const int64_t *from, int64_t *to,
                               int64_t first, int64_t middle, int64_t last) {
    int64_t i = first, j = middle, k;
    for (k = first; k < last; k++) {
        int left = i < middle && (j >= last || keys[from[i]] <= keys[from[j]]);
        to[k] = left ? from[i++] : from[j++];
    }
}

/* Sort `order` by key: runs of 16 by insertion, then merges back and forth between two arrays. */
static inline void gradc_argsort_keys(int64_t n, const uint64_t *keys, int64_t *order,
                                      int64_t *work) {
    int64_t i, j, width;
    int64_t *from = order, *to = work;
    for (i = 0; i < n; i++) {
        for (j = i; j > (i & ~(int64_t)15) && keys[order[j - 1]] > keys[i]; j--) {
            order[j] = order[j - 1];
        }
        order[j] = i;
    }
    for (width = 16; width < n; width *= 2) {
        int64_t *swap = from;
        for (i = 0; i < n; i += 2 * width) {
            int64_t middle = i + width < n ? i + width : n;
            int64_t last = middle + width < n ? middle + width : n;
            gradc_merge(keys, from, to, i, middle, last);
        }
        from = to;
        to = swap;
    }
    if (from != order) {
        memcpy(order, from, (size_t)n * sizeof(int64_t));
    }
}

/* Keys in the order of the numbers. */
static inline uint64_t gradc_sort_key_u64(uint64_t x) { return x; }
static inline uint64_t gradc_sort_key_i64(int64_t x) { return (uint64_t)x ^ (UINT64_C(1) << 63); }
static inline uint64_t gradc_sort_key_i32(int32_t x) { return gradc_sort_key_i64(x); }
static inline uint64_t gradc_sort_key(double x) {
    uint64_t bits;
    double number = x + 0.0; /* -0 becomes 0 */
    if (x != x) {
        return UINT64_MAX;
    }
    memcpy(&bits, &number, sizeof bits);
    return (bits >> 63) != 0 ? ~bits : bits | (UINT64_C(1) << 63);
}
static inline uint64_t gradc_sort_keyf(float x) { return gradc_sort_key((double)x); }

/* Positions that sort each of `lines` lines of n numbers. */
static inline void gradc_argsort(int64_t lines, int64_t n, const double *x,
                                 int64_t *order, uint64_t *keys, int64_t *work) {
    int64_t line, i;
    for (line = 0; line < lines; line++) {
        for (i = 0; i < n; i++) {
            keys[i] = gradc_sort_key(x[line * n + i]);
        }
        gradc_argsort_keys(n, keys, order + line * n, work);
    }
}
static inline void gradc_argsortf(int64_t lines, int64_t n, const float *x,
                                  int64_t *order, uint64_t *keys, int64_t *work) {
    int64_t line, i;
    for (line = 0; line < lines; line++) {
        for (i = 0; i < n; i++) {
            keys[i] = gradc_sort_keyf(x[line * n + i]);
        }
        gradc_argsort_keys(n, keys, order + line * n, work);
    }
}
static inline void gradc_argsort_i64(int64_t lines, int64_t n, const int64_t *x,
                                     int64_t *order, uint64_t *keys, int64_t *work) {
    int64_t line, i;
    for (line = 0; line < lines; line++) {
        for (i = 0; i < n; i++) {
            keys[i] = gradc_sort_key_i64(x[line * n + i]);
        }
        gradc_argsort_keys(n, keys, order + line * n, work);
    }
}
static inline void gradc_argsort_i32(int64_t lines, int64_t n, const int32_t *x,
                                     int64_t *order, uint64_t *keys, int64_t *work) {
    int64_t line, i;
    for (line = 0; line < lines; line++) {
        for (i = 0; i < n; i++) {
            keys[i] = gradc_sort_key_i32(x[line * n + i]);
        }
        gradc_argsort_keys(n, keys, order + line * n, work);
    }
}
static inline void gradc_argsort_u64(int64_t lines, int64_t n, const uint64_t *x,
                                     int64_t *order, uint64_t *keys, int64_t *work) {
    int64_t line, i;
    for (line = 0; line < lines; line++) {
        for (i = 0; i < n; i++) {
            keys[i] = gradc_sort_key_u64(x[line * n + i]);
        }
        gradc_argsort_keys(n, keys, order + line * n, work);
    }
}

#endif
