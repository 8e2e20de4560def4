/* What a caller may lend to generated code: a matrix library and a pool of threads.
 *
 * Every pointer may be NULL; generated code then does the work itself.  The integers of the matrix
 * routines are 64 bits wide.  Nothing here is kept by the generated code after it returns.
 */
#ifndef GRADC_ENV_H
#define GRADC_ENV_H

#include <stdint.h>

/* The layout described below. */
#define GRADC_ENV_VERSION 1

/* Values that the CBLAS interface gives to storage order and transposition. */
#define GRADC_ROW_MAJOR 101
#define GRADC_NO_TRANS 111
#define GRADC_TRANS 112

/* c := alpha a b + beta c, where a is m by k, b is k by n and either may be stored transposed. */
typedef void (*gradc_sgemm_fn)(int order, int transa, int transb, int64_t m, int64_t n, int64_t k,
                               float alpha, const float *a, int64_t lda, const float *b,
                               int64_t ldb, float beta, float *c, int64_t ldc);
typedef void (*gradc_dgemm_fn)(int order, int transa, int transb, int64_t m, int64_t n, int64_t k,
                               double alpha, const double *a, int64_t lda, const double *b,
                               int64_t ldb, double beta, double *c, int64_t ldc);

/* y := alpha a x + beta y, where a is stored as m by n and may be used transposed. */
typedef void (*gradc_sgemv_fn)(int order, int trans, int64_t m, int64_t n, float alpha,
                               const float *a, int64_t lda, const float *x, int64_t incx,
                               float beta, float *y, int64_t incy);
typedef void (*gradc_dgemv_fn)(int order, int trans, int64_t m, int64_t n, double alpha,
                               const double *a, int64_t lda, const double *x, int64_t incx,
                               double beta, double *y, int64_t incy);

/* One chunk of a loop whose turns do not depend on each other. */
typedef void (*gradc_chunk_fn)(void *arguments, int64_t chunk);

/* Calls body(arguments, c) once for every c in 0 <= c < chunks and returns when all are done. */
typedef void (*gradc_parallel_fn)(void *pool, int64_t chunks, gradc_chunk_fn body, void *arguments);

typedef struct gradc_env {
    int64_t version;
    gradc_sgemm_fn sgemm;
    gradc_dgemm_fn dgemm;
    gradc_sgemv_fn sgemv;
    gradc_dgemv_fn dgemv;
    void *pool;
    gradc_parallel_fn parallel_for;
} gradc_env;

#endif
