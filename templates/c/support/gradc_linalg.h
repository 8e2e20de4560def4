/* Linear systems, inverses, determinants and Cholesky factors, f64 and f32 (ending f).
 *
 * Matrices lie row by row, one after the other. Elimination takes the largest pivot of a column, as
 * LAPACK does. The logarithms are GRADC_LOG and GRADC_LOGF, libm's unless set before. */
#ifndef GRADC_LINALG_H
#define GRADC_LINALG_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "gradc_gemv.h"

#ifndef GRADC_LOG
#define GRADC_LOG log
#endif

#ifndef GRADC_LOGF
#define GRADC_LOGF logf
#endif

/* Swap two rows of n items. */
static inline void gradc_swap_rows(int64_t n, double *a, double *b) {
    int64_t j;
    for (j = 0; j < n; j++) {
        double t = a[j];
        a[j] = b[j];
        b[j] = t;
    }
}

/* row -= factor * pivot, for n items. */
static inline void gradc_eliminate(int64_t n, double factor, const double *restrict pivot,
                                   double *restrict row) {
    int64_t j;
    for (j = 0; j < n; j++) {
        row[j] -= factor * pivot[j];
    }
}

/* The row at or below k whose element in column k is the largest. */
static inline int64_t gradc_pivot(int64_t n, int64_t k, const double *a) {
    int64_t i, best = k;
    for (i = k + 1; i < n; i++) {
        best = fabs(a[i * n + k]) > fabs(a[best * n + k]) ? i : best;
    }
    return best;
}

/* Reduce an n x n matrix to its upper factor U by elimination with partial pivoting, and treat the
 * m columns of b the same way. Returns the sign of the row exchanges. */
static inline int gradc_upper(int64_t n, int64_t m, double *a, double *b) {
    int64_t i, k;
    int sign = 1;
    for (k = 0; k < n; k++) {
        int64_t p = gradc_pivot(n, k, a);
        double pivot = a[p * n + k];
        if (p != k) {
            gradc_swap_rows(n - k, a + k * n + k, a + p * n + k);
            gradc_swap_rows(m, b + k * m, b + p * m);
            sign = -sign;
        }
        for (i = k + 1; i < n && pivot != 0; i++) {
            double factor = a[i * n + k] / pivot;
            gradc_eliminate(n - k - 1, factor, a + k * n + k + 1, a + i * n + k + 1);
            gradc_eliminate(m, factor, b + k * m, b + i * m);
        }
    }
    return sign;
}

/* Replace the m columns of x by the solution of u x = b for an upper triangle u. Returns 1 when an
 * element of its diagonal is 0. */
static inline int gradc_back_substitute(int64_t n, int64_t m, const double *u, double *x) {
    int64_t i, j, k;
    for (i = 0; i < n; i++) {
        if (u[i * n + i] == 0) {
            return 1;
        }
    }
    for (i = n - 1; i >= 0; i--) {
        for (k = i + 1; k < n; k++) {
            gradc_eliminate(m, u[i * n + k], x + k * m, x + i * m);
        }
        for (j = 0; j < m; j++) {
            x[i * m + j] /= u[i * n + i];
        }
    }
    return 0;
}

/* x with a x = b for each of `count` n x n matrices a and n x m matrices b; `work` holds n x n
 * items. Returns 1 when a matrix is singular. */
static inline int gradc_solve(int64_t count, int64_t n, int64_t m, const double *a, const double *b,
                              double *x, double *work) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(double));
    for (one = 0; one < count; one++) {
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(double));
        gradc_upper(n, m, work, x + one * n * m);
        if (gradc_back_substitute(n, m, work, x + one * n * m)) {
            return 1;
        }
    }
    return 0;
}

/* The inverse x of each of `count` n x n matrices; `work` holds n x n items. Returns 1 when a
 * matrix is singular. */
static inline int gradc_inv(int64_t count, int64_t n, const double *a, double *x, double *work) {
    int64_t one, i;
    for (one = 0; one < count; one++) {
        double *inverse = x + one * n * n;
        for (i = 0; i < n * n; i++) {
            inverse[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
        }
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(double));
        gradc_upper(n, n, work, inverse);
        if (gradc_back_substitute(n, n, work, inverse)) {
            return 1;
        }
    }
    return 0;
}

/* The determinant of each of `count` n x n matrices; `work` holds n x n items. Exponents are added
 * up apart, so nothing overflows on the way. */
static inline void gradc_det(int64_t count, int64_t n, const double *a, double *det, double *work) {
    int64_t one, i;
    for (one = 0; one < count; one++) {
        double product = 1.0;
        int exponent = 0, more;
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(double));
        if (gradc_upper(n, 0, work, work) < 0) {
            product = -product;
        }
        for (i = 0; i < n; i++) {
            product *= work[i * n + i];
            if (product - product == 0) { /* finite */
                product = frexp(product, &more);
                exponent += more;
            }
        }
        det[one] = ldexp(product, exponent);
    }
}

/* The sign of each determinant: 1, -1, 0, or NaN; as gradc_det. */
static inline void gradc_slogdet_sign(int64_t count, int64_t n, const double *a, double *sign,
                                      double *work) {
    int64_t one, i;
    for (one = 0; one < count; one++) {
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(double));
        sign[one] = (double)gradc_upper(n, 0, work, work);
        for (i = 0; i < n; i++) {
            double u = work[i * n + i];
            sign[one] *= u != u ? u : (double)((u > 0) - (u < 0));
        }
    }
}

/* The logarithm of the size of each determinant; as gradc_det. */
static inline void gradc_slogdet_log(int64_t count, int64_t n, const double *a, double *size,
                                     double *work) {
    int64_t one, i;
    for (one = 0; one < count; one++) {
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(double));
        gradc_upper(n, 0, work, work);
        size[one] = 0.0;
        for (i = 0; i < n; i++) {
            size[one] += GRADC_LOG(fabs(work[i * n + i]));
        }
    }
}

/* The lower triangle l with l l^T = a for each of `count` n x n matrices, from their lower
 * triangles. Returns 1 when a matrix is not positive definite. */
static inline int gradc_cholesky(int64_t count, int64_t n, const double *a, double *l) {
    int64_t one, i, j;
    memset(l, 0, (size_t)(count * n * n) * sizeof(double));
    for (one = 0; one < count; one++) {
        const double *from = a + one * n * n;
        double *to = l + one * n * n;
        for (i = 0; i < n; i++) {
            double rest;
            for (j = 0; j < i; j++) {
                double dot = gradc_dot(j, to + i * n, 1, to + j * n, 1);
                to[i * n + j] = (from[i * n + j] - dot) / to[j * n + j];
            }
            rest = from[i * n + i] - gradc_dot(i, to + i * n, 1, to + i * n, 1);
            if (!(rest > 0)) {
                return 1;
            }
            to[i * n + i] = sqrt(rest);
        }
    }
    return 0;
}

/* Swap two rows of n items. */
static inline void gradc_swap_rowsf(int64_t n, float *a, float *b) {
    int64_t j;
    for (j = 0; j < n; j++) {
        float t = a[j];
        a[j] = b[j];
        b[j] = t;
    }
}

/* row -= factor * pivot, for n items. */
static inline void gradc_eliminatef(int64_t n, float factor, const float *restrict pivot,
                                   float *restrict row) {
    int64_t j;
    for (j = 0; j < n; j++) {
        row[j] -= factor * pivot[j];
    }
}

/* The row at or below k whose element in column k is the largest. */
static inline int64_t gradc_pivotf(int64_t n, int64_t k, const float *a) {
    int64_t i, best = k;
    for (i = k + 1; i < n; i++) {
        best = fabsf(a[i * n + k]) > fabsf(a[best * n + k]) ? i : best;
    }
    return best;
}

/* Reduce an n x n matrix to its upper factor U by elimination with partial pivoting, and treat the
 * m columns of b the same way. Returns the sign of the row exchanges. */
static inline int gradc_upperf(int64_t n, int64_t m, float *a, float *b) {
    int64_t i, k;
    int sign = 1;
    for (k = 0; k < n; k++) {
        int64_t p = gradc_pivotf(n, k, a);
        float pivot = a[p * n + k];
        if (p != k) {
            gradc_swap_rowsf(n - k, a + k * n + k, a + p * n + k);
            gradc_swap_rowsf(m, b + k * m, b + p * m);
            sign = -sign;
        }
        for (i = k + 1; i < n && pivot != 0; i++) {
            float factor = a[i * n + k] / pivot;
            gradc_eliminatef(n - k - 1, factor, a + k * n + k + 1, a + i * n + k + 1);
            gradc_eliminatef(m, factor, b + k * m, b + i * m);
        }
    }
    return sign;
}

/* Replace the m columns of x by the solution of u x = b for an upper triangle u. Returns 1 when an
 * element of its diagonal is 0. */
static inline int gradc_back_substitutef(int64_t n, int64_t m, const float *u, float *x) {
    int64_t i, j, k;
    for (i = 0; i < n; i++) {
        if (u[i * n + i] == 0) {
            return 1;
        }
    }
    for (i = n - 1; i >= 0; i--) {
        for (k = i + 1; k < n; k++) {
            gradc_eliminatef(m, u[i * n + k], x + k * m, x + i * m);
        }
        for (j = 0; j < m; j++) {
            x[i * m + j] /= u[i * n + i];
        }
    }
    return 0;
}

/* x with a x = b for each of `count` n x n matrices a and n x m matrices b; `work` holds n x n
 * items. Returns 1 when a matrix is singular. */
static inline int gradc_solvef(int64_t count, int64_t n, int64_t m, const float *a, const float *b,
                              float *x, float *work) {
    int64_t one;
    memcpy(x, b, (size_t)(count * n * m) * sizeof(float));
    for (one = 0; one < count; one++) {
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(float));
        gradc_upperf(n, m, work, x + one * n * m);
        if (gradc_back_substitutef(n, m, work, x + one * n * m)) {
            return 1;
        }
    }
    return 0;
}

/* The inverse x of each of `count` n x n matrices; `work` holds n x n items. Returns 1 when a
 * matrix is singular. */
static inline int gradc_invf(int64_t count, int64_t n, const float *a, float *x, float *work) {
    int64_t one, i;
    for (one = 0; one < count; one++) {
        float *inverse = x + one * n * n;
        for (i = 0; i < n * n; i++) {
            inverse[i] = i % (n + 1) == 0 ? 1.0f : 0.0f;
        }
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(float));
        gradc_upperf(n, n, work, inverse);
        if (gradc_back_substitutef(n, n, work, inverse)) {
            return 1;
        }
    }
    return 0;
}

/* The determinant of each of `count` n x n matrices; `work` holds n x n items. Exponents are added
 * up apart, so nothing overflows on the way. */
static inline void gradc_detf(int64_t count, int64_t n, const float *a, float *det, float *work) {
    int64_t one, i;
    for (one = 0; one < count; one++) {
        float product = 1.0f;
        int exponent = 0, more;
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(float));
        if (gradc_upperf(n, 0, work, work) < 0) {
            product = -product;
        }
        for (i = 0; i < n; i++) {
            product *= work[i * n + i];
            if (product - product == 0) { /* finite */
                product = frexpf(product, &more);
                exponent += more;
            }
        }
        det[one] = ldexpf(product, exponent);
    }
}

/* The sign of each determinant: 1, -1, 0, or NaN; as gradc_detf. */
static inline void gradc_slogdet_signf(int64_t count, int64_t n, const float *a, float *sign,
                                      float *work) {
    int64_t one, i;
    for (one = 0; one < count; one++) {
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(float));
        sign[one] = (float)gradc_upperf(n, 0, work, work);
        for (i = 0; i < n; i++) {
            float u = work[i * n + i];
            sign[one] *= u != u ? u : (float)((u > 0) - (u < 0));
        }
    }
}

/* The logarithm of the size of each determinant; as gradc_detf. */
static inline void gradc_slogdet_logf(int64_t count, int64_t n, const float *a, float *size,
                                     float *work) {
    int64_t one, i;
    for (one = 0; one < count; one++) {
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(float));
        gradc_upperf(n, 0, work, work);
        size[one] = 0.0f;
        for (i = 0; i < n; i++) {
            size[one] += GRADC_LOGF(fabsf(work[i * n + i]));
        }
    }
}

/* The lower triangle l with l l^T = a for each of `count` n x n matrices, from their lower
 * triangles. Returns 1 when a matrix is not positive definite. */
static inline int gradc_choleskyf(int64_t count, int64_t n, const float *a, float *l) {
    int64_t one, i, j;
    memset(l, 0, (size_t)(count * n * n) * sizeof(float));
    for (one = 0; one < count; one++) {
        const float *from = a + one * n * n;
        float *to = l + one * n * n;
        for (i = 0; i < n; i++) {
            float rest;
            for (j = 0; j < i; j++) {
                float dot = gradc_dotf(j, to + i * n, 1, to + j * n, 1);
                to[i * n + j] = (from[i * n + j] - dot) / to[j * n + j];
            }
            rest = from[i * n + i] - gradc_dotf(i, to + i * n, 1, to + i * n, 1);
            if (!(rest > 0)) {
                return 1;
            }
            to[i * n + i] = sqrtf(rest);
        }
    }
    return 0;
}

#endif
