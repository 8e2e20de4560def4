/* Matrix product without a library: blocks packed into the caller's scratch memory, f64
 * (gradc_gemm) and f32 (gradc_gemmf).
 *
 * A tile of 4 x 8 or 4 x 16 items of c stays in registers while a strip of a and one of b stream
 * by; blocks of 128 x 256 of a and 256 x 512 of b stay in the caches. No vector intrinsics: the
 * compiler vectorises the tile. */
#ifndef GRADC_GEMM_H
#define GRADC_GEMM_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define GRADC_NOINLINE_ __attribute__((noinline))
#else
#define GRADC_NOINLINE_
#endif

/* The shape of a tile changes the speed, not the result. */
#if defined(__AVX512F__)
enum { gradc_tile_cols_ = 16 };
#else
enum { gradc_tile_cols_ = 8 };
#endif
enum { gradc_tile_rows_ = 4, gradc_tile_colsf_ = 16, gradc_tile_most_ = 16 };
enum { gradc_gemm_rows_ = 128, gradc_gemm_depth_ = 256, gradc_gemm_cols_ = 512 };

static inline int64_t gradc_least_(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int gradc_gemm_is_small_(int64_t m, int64_t n, int64_t k) {
    return (double)m * (double)n * (double)k <= 4096.0;
}

/* The next multiple of 64 bytes. */
static inline void *gradc_align_(void *memory) {
    size_t past = (size_t)((uintptr_t)memory & 63);
    return (char *)memory + (past == 0 ? 0 : 64 - past);
}

/* tile := sum over k of a column of a times a row of b, both packed. */
GRADC_NOINLINE_ static void gradc_gemm_tile_(int64_t k, const double *restrict a,
                                             const double *restrict b, double *restrict tile) {
    enum { width = gradc_tile_cols_ };
    double c0[width] = {0}, c1[width] = {0}, c2[width] = {0}, c3[width] = {0};
    int j;
    int64_t p;
    for (p = 0; p < k; p++) {
        double a0 = a[p * 4], a1 = a[p * 4 + 1], a2 = a[p * 4 + 2], a3 = a[p * 4 + 3];
        for (j = 0; j < width; j++) {
            double t = b[p * width + j];
            c0[j] += a0 * t;
            c1[j] += a1 * t;
            c2[j] += a2 * t;
            c3[j] += a3 * t;
        }
    }
    for (j = 0; j < width; j++) {
        tile[j] = c0[j];
        tile[width + j] = c1[j];
        tile[2 * width + j] = c2[j];
        tile[3 * width + j] = c3[j];
    }
}

/* Packs rows x k of a matrix into strips of `width` rows, column after column, filled up with
 * zeros. */
GRADC_NOINLINE_ static void gradc_gemm_pack_(int64_t rows, int64_t k, const double *a,
                                             int64_t rs, int64_t cs, int64_t width, double *out) {
    int64_t strip, i, p;
    for (strip = 0; strip < rows; strip += width) {
        int64_t filled = rows - strip < width ? rows - strip : width;
        const double *from = a + strip * rs;
        for (p = 0; p < k; p++) {
            for (i = 0; i + 4 <= filled; i += 4) {
                const double *four = from + i * rs + p * cs;
                out[i] = four[0];
                out[i + 1] = four[rs];
                out[i + 2] = four[2 * rs];
                out[i + 3] = four[3 * rs];
            }
            for (; i < filled; i++) {
                out[i] = from[i * rs + p * cs];
            }
            for (; i < width; i++) {
                out[i] = 0;
            }
            out += width;
        }
    }
}

/* c := tile or c + tile, the part of it that lies inside. */
static inline void gradc_gemm_store_(int64_t rows, int64_t cols, const double *tile, double *c,
                                     int64_t rs, int64_t cs, int accumulate) {
    int64_t i, j;
    for (i = 0; i < rows; i++) {
        for (j = 0; j < cols; j++) {
            double t = tile[i * gradc_tile_cols_ + j];
            c[i * rs + j * cs] = accumulate ? c[i * rs + j * cs] + t : t;
        }
    }
}

/* A packed block of a times a packed block of b. */
static inline void gradc_gemm_block_(int64_t m, int64_t n, int64_t k, const double *a,
                                     const double *b, double *c, int64_t rs, int64_t cs,
                                     int accumulate) {
    double tile[gradc_tile_rows_ * gradc_tile_cols_];
    int64_t i, j;
    for (j = 0; j < n; j += gradc_tile_cols_) {
        int64_t cols = n - j < gradc_tile_cols_ ? n - j : gradc_tile_cols_;
        for (i = 0; i < m; i += gradc_tile_rows_) {
            int64_t rows = m - i < gradc_tile_rows_ ? m - i : gradc_tile_rows_;
            gradc_gemm_tile_(k, a + i * k, b + j * k, tile);
            gradc_gemm_store_(rows, cols, tile, c + i * rs + j * cs, rs, cs, accumulate);
        }
    }
}

/* Without packing, for small sizes: rows of b are added up when they are contiguous. */
static inline void gradc_gemm_small_(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_rs,
                                     int64_t a_cs, const double *b, int64_t b_rs, int64_t b_cs,
                                     double *c, int64_t c_rs, int64_t c_cs, int accumulate) {
    int64_t i, j, p;
    for (i = 0; i < m; i++) {
        double *row = c + i * c_rs;
        for (j = 0; j < n && !accumulate; j++) {
            row[j * c_cs] = 0;
        }
        for (p = 0; p < k; p++) {
            double t = a[i * a_rs + p * a_cs];
            const double *from = b + p * b_rs;
            if ((b_cs == 1) & (c_cs == 1)) {
                for (j = 0; j < n; j++) {
                    row[j] += t * from[j];
                }
            } else {
                for (j = 0; j < n; j++) {
                    row[j * c_cs] += t * from[j * b_cs];
                }
            }
        }
    }
}

/* Bytes that gradc_gemm needs as scratch for these sizes. */
static inline size_t gradc_gemm_scratch(int64_t m, int64_t n, int64_t k) {
    int64_t larger = m > n ? m : n, depth = gradc_least_(k, gradc_gemm_depth_);
    int64_t rows = gradc_least_(larger, gradc_gemm_rows_) + gradc_tile_rows_;
    int64_t cols = gradc_least_(larger, gradc_gemm_cols_) + gradc_tile_most_;
    return gradc_gemm_is_small_(m, n, k) ? 0
                                         : (size_t)((rows + cols) * depth) * sizeof(double) + 64;
}

/* c := a b, or c + a b: a is m x k, b is k x n, any strides (in items; may be negative or, in a and
 * b, zero). c overlaps neither a nor b. `scratch` holds gradc_gemm_scratch(m, n, k) bytes, aligned
 * as a double. The order of every sum depends on k alone. */
static inline void gradc_gemm(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_rs,
                              int64_t a_cs, const double *b, int64_t b_rs, int64_t b_cs, double *c,
                              int64_t c_rs, int64_t c_cs, int accumulate, void *scratch) {
    int64_t i, j, p;
    double *pack_a, *pack_b;
    if (gradc_gemm_is_small_(m, n, k)) {
        gradc_gemm_small_(m, n, k, a, a_rs, a_cs, b, b_rs, b_cs, c, c_rs, c_cs, accumulate);
        return;
    }
    if (c_cs != 1 && c_rs == 1) { /* columns of c are contiguous: compute its transpose */
        const double *swap = a;
        int64_t rs = a_rs, cs = a_cs, rows = m;
        a = b, a_rs = b_cs, a_cs = b_rs, m = n;
        b = swap, b_rs = cs, b_cs = rs, n = rows;
        c_rs = c_cs, c_cs = 1;
    }
    pack_a = (double *)gradc_align_(scratch);
    pack_b = pack_a + (gradc_least_(m, gradc_gemm_rows_) + gradc_tile_rows_) *
                          gradc_least_(k, gradc_gemm_depth_);
    for (j = 0; j < n; j += gradc_gemm_cols_) {
        int64_t cols = gradc_least_(n - j, gradc_gemm_cols_);
        for (p = 0; p < k; p += gradc_gemm_depth_) {
            int64_t depth = gradc_least_(k - p, gradc_gemm_depth_);
            gradc_gemm_pack_(cols, depth, b + p * b_rs + j * b_cs, b_cs, b_rs, gradc_tile_cols_,
                             pack_b);
            for (i = 0; i < m; i += gradc_gemm_rows_) {
                int64_t rows = gradc_least_(m - i, gradc_gemm_rows_);
                gradc_gemm_pack_(rows, depth, a + i * a_rs + p * a_cs, a_rs, a_cs, gradc_tile_rows_,
                                 pack_a);
                gradc_gemm_block_(rows, cols, depth, pack_a, pack_b, c + i * c_rs + j * c_cs, c_rs,
                                  c_cs, accumulate || p > 0);
            }
        }
    }
}

/* tile := sum over k of a column of a times a row of b, both packed. */
GRADC_NOINLINE_ static void gradc_gemm_tilef_(int64_t k, const float *restrict a,
                                              const float *restrict b, float *restrict tile) {
    enum { width = gradc_tile_colsf_ };
    float c0[width] = {0}, c1[width] = {0}, c2[width] = {0}, c3[width] = {0};
    int j;
    int64_t p;
    for (p = 0; p < k; p++) {
        float a0 = a[p * 4], a1 = a[p * 4 + 1], a2 = a[p * 4 + 2], a3 = a[p * 4 + 3];
        for (j = 0; j < width; j++) {
            float t = b[p * width + j];
            c0[j] += a0 * t;
            c1[j] += a1 * t;
            c2[j] += a2 * t;
            c3[j] += a3 * t;
        }
    }
    for (j = 0; j < width; j++) {
        tile[j] = c0[j];
        tile[width + j] = c1[j];
        tile[2 * width + j] = c2[j];
        tile[3 * width + j] = c3[j];
    }
}

/* Packs rows x k of a matrix into strips of `width` rows, column after column, filled up with
 * zeros. */
GRADC_NOINLINE_ static void gradc_gemm_packf_(int64_t rows, int64_t k, const float *a,
                                              int64_t rs, int64_t cs, int64_t width, float *out) {
    int64_t strip, i, p;
    for (strip = 0; strip < rows; strip += width) {
        int64_t filled = rows - strip < width ? rows - strip : width;
        const float *from = a + strip * rs;
        for (p = 0; p < k; p++) {
            for (i = 0; i + 4 <= filled; i += 4) {
                const float *four = from + i * rs + p * cs;
                out[i] = four[0];
                out[i + 1] = four[rs];
                out[i + 2] = four[2 * rs];
                out[i + 3] = four[3 * rs];
            }
            for (; i < filled; i++) {
                out[i] = from[i * rs + p * cs];
            }
            for (; i < width; i++) {
                out[i] = 0;
            }
            out += width;
        }
    }
}

/* c := tile or c + tile, the part of it that lies inside. */
static inline void gradc_gemm_storef_(int64_t rows, int64_t cols, const float *tile, float *c,
                                      int64_t rs, int64_t cs, int accumulate) {
    int64_t i, j;
    for (i = 0; i < rows; i++) {
        for (j = 0; j < cols; j++) {
            float t = tile[i * gradc_tile_colsf_ + j];
            c[i * rs + j * cs] = accumulate ? c[i * rs + j * cs] + t : t;
        }
    }
}

/* A packed block of a times a packed block of b. */
static inline void gradc_gemm_blockf_(int64_t m, int64_t n, int64_t k, const float *a,
                                      const float *b, float *c, int64_t rs, int64_t cs,
                                      int accumulate) {
    float tile[gradc_tile_rows_ * gradc_tile_colsf_];
    int64_t i, j;
    for (j = 0; j < n; j += gradc_tile_colsf_) {
        int64_t cols = n - j < gradc_tile_colsf_ ? n - j : gradc_tile_colsf_;
        for (i = 0; i < m; i += gradc_tile_rows_) {
            int64_t rows = m - i < gradc_tile_rows_ ? m - i : gradc_tile_rows_;
            gradc_gemm_tilef_(k, a + i * k, b + j * k, tile);
            gradc_gemm_storef_(rows, cols, tile, c + i * rs + j * cs, rs, cs, accumulate);
        }
    }
}

/* Without packing, for small sizes: rows of b are added up when they are contiguous. */
static inline void gradc_gemm_smallf_(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_rs,
                                      int64_t a_cs, const float *b, int64_t b_rs, int64_t b_cs,
                                      float *c, int64_t c_rs, int64_t c_cs, int accumulate) {
    int64_t i, j, p;
    for (i = 0; i < m; i++) {
        float *row = c + i * c_rs;
        for (j = 0; j < n && !accumulate; j++) {
            row[j * c_cs] = 0;
        }
        for (p = 0; p < k; p++) {
            float t = a[i * a_rs + p * a_cs];
            const float *from = b + p * b_rs;
            if ((b_cs == 1) & (c_cs == 1)) {
                for (j = 0; j < n; j++) {
                    row[j] += t * from[j];
                }
            } else {
                for (j = 0; j < n; j++) {
                    row[j * c_cs] += t * from[j * b_cs];
                }
            }
        }
    }
}

/* Bytes that gradc_gemmf needs as scratch for these sizes. */
static inline size_t gradc_gemm_scratchf(int64_t m, int64_t n, int64_t k) {
    int64_t larger = m > n ? m : n, depth = gradc_least_(k, gradc_gemm_depth_);
    int64_t rows = gradc_least_(larger, gradc_gemm_rows_) + gradc_tile_rows_;
    int64_t cols = gradc_least_(larger, gradc_gemm_cols_) + gradc_tile_most_;
    return gradc_gemm_is_small_(m, n, k) ? 0 : (size_t)((rows + cols) * depth) * sizeof(float) + 64;
}

/* c := a b, or c + a b: a is m x k, b is k x n, any strides (in items; may be negative or, in a and
 * b, zero). c overlaps neither a nor b. `scratch` holds gradc_gemm_scratchf(m, n, k) bytes, aligned
 * as a float. The order of every sum depends on k alone. */
static inline void gradc_gemmf(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_rs,
                               int64_t a_cs, const float *b, int64_t b_rs, int64_t b_cs, float *c,
                               int64_t c_rs, int64_t c_cs, int accumulate, void *scratch) {
    int64_t i, j, p;
    float *pack_a, *pack_b;
    if (gradc_gemm_is_small_(m, n, k)) {
        gradc_gemm_smallf_(m, n, k, a, a_rs, a_cs, b, b_rs, b_cs, c, c_rs, c_cs, accumulate);
        return;
    }
    if (c_cs != 1 && c_rs == 1) { /* columns of c are contiguous: compute its transpose */
        const float *swap = a;
        int64_t rs = a_rs, cs = a_cs, rows = m;
        a = b, a_rs = b_cs, a_cs = b_rs, m = n;
        b = swap, b_rs = cs, b_cs = rs, n = rows;
        c_rs = c_cs, c_cs = 1;
    }
    pack_a = (float *)gradc_align_(scratch);
    pack_b = pack_a + (gradc_least_(m, gradc_gemm_rows_) + gradc_tile_rows_) *
                          gradc_least_(k, gradc_gemm_depth_);
    for (j = 0; j < n; j += gradc_gemm_cols_) {
        int64_t cols = gradc_least_(n - j, gradc_gemm_cols_);
        for (p = 0; p < k; p += gradc_gemm_depth_) {
            int64_t depth = gradc_least_(k - p, gradc_gemm_depth_);
            gradc_gemm_packf_(cols, depth, b + p * b_rs + j * b_cs, b_cs, b_rs, gradc_tile_colsf_,
                              pack_b);
            for (i = 0; i < m; i += gradc_gemm_rows_) {
                int64_t rows = gradc_least_(m - i, gradc_gemm_rows_);
                gradc_gemm_packf_(rows, depth, a + i * a_rs + p * a_cs, a_rs, a_cs,
                                  gradc_tile_rows_, pack_a);
                gradc_gemm_blockf_(rows, cols, depth, pack_a, pack_b, c + i * c_rs + j * c_cs, c_rs,
                                   c_cs, accumulate || p > 0);
            }
        }
    }
}

#endif
