/* Adjugates of matrices and how they change, of singular ones too, f64 and f32 (ending f).
 *
 * Elimination with complete pivoting gives p a q = diag(d), and what an adjugate holds of a diagonal
 * matrix are products of all but one element of it. All is worked out in f64. Of q the transpose is
 * kept, so that every step goes along rows. */
#ifndef GRADC_ADJUGATE_H
#define GRADC_ADJUGATE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "gradc_gemv.h"
#include "gradc_linalg.h"

/* Swap two columns of an n x n matrix. */
static inline void gradc_swap_columns(int64_t n, int64_t i, int64_t j, double *a) {
    int64_t k;
    for (k = 0; k < n; k++) {
        double t = a[k * n + i];
        a[k * n + i] = a[k * n + j];
        a[k * n + j] = t;
    }
}

/* The place of the largest element whose row and column are at or past k. */
static inline int64_t gradc_largest(int64_t n, int64_t k, const double *a) {
    int64_t i, j, best = k * n + k;
    for (i = k; i < n; i++) {
        for (j = k; j < n; j++) {
            best = fabs(a[i * n + j]) > fabs(a[best]) ? i * n + j : best;
        }
    }
    return best;
}

/* Bring the largest of the elements left over to row and column k. Returns the change of sign. */
static inline int gradc_exchange(int64_t n, int64_t k, double *a, double *p, double *q) {
    int64_t place = gradc_largest(n, k, a), i = place / n, j = place % n;
    if (i != k) {
        gradc_swap_rows(n, a + k * n, a + i * n);
        gradc_swap_rows(n, p + k * n, p + i * n);
    }
    if (j != k) {
        gradc_swap_columns(n, k, j, a);
        gradc_swap_rows(n, q + k * n, q + j * n);
    }
    return (i != k) == (j != k) ? 1 : -1;
}

/* Find p, the transpose of q and d with p a q = diag(d); a is used up. Returns det(p q). */
static inline int gradc_diagonal(int64_t n, double *a, double *p, double *q, double *d) {
    int64_t i, k;
    int sign = 1;
    for (i = 0; i < n * n; i++) {
        p[i] = q[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
    }
    for (k = 0; k < n; k++) {
        sign *= gradc_exchange(n, k, a, p, q);
        d[k] = a[k * n + k];
        for (i = k + 1; i < n && d[k] != 0; i++) {
            double down = a[i * n + k] / d[k];
            gradc_eliminate(n - k - 1, down, a + k * n + k + 1, a + i * n + k + 1);
            gradc_eliminate(n, down, p + k * n, p + i * n);
            gradc_eliminate(n, a[k * n + i] / d[k], q + k * n, q + i * n);
        }
    }
    return sign;
}

/* The product of the n items of d that are not 0, over 2^power; how many are 0. */
static inline double gradc_product_of(int64_t n, const double *d, int64_t *power, int64_t *zeros) {
    double product = 1.0;
    int64_t i;
    int more;
    *power = *zeros = 0;
    for (i = 0; i < n; i++) {
        *zeros += d[i] == 0;
        if (d[i] != 0) {
            product *= frexp(d[i], &more);
            *power += more;
            product = frexp(product, &more);
            *power += more;
        }
    }
    return product;
}

/* The product of all of d but d[i], and d[j] unless j < 0, from the whole one; over 2^power. */
static inline double gradc_rest(const double *d, int64_t i, int64_t j, double whole, int64_t zeros,
                                int64_t *power) {
    int more;
    if (zeros != (d[i] == 0) + (j >= 0 && d[j] == 0)) {
        return 0.0;
    }
    if (d[i] != 0) {
        whole /= frexp(d[i], &more);
        *power -= more;
    }
    if (j >= 0 && d[j] != 0) {
        whole /= frexp(d[j], &more);
        *power -= more;
    }
    return whole;
}

/* w[i] = the product of all of d but d[i]; in pairs, w[i * n + j] that of all but d[i] and d[j], and
 * 0 where i = j. They are over 2^top, which is returned. */
static inline int64_t gradc_products(int64_t n, int pairs, const double *d, double *w) {
    int64_t i, k, power, zeros, top = -(1 << 24), many = pairs ? n : 1;
    double whole = gradc_product_of(n, d, &power, &zeros);
    for (i = 0; i < n * many; i++) {
        int64_t other = pairs ? i % n : -1, to = power;
        if (i / many != other && gradc_rest(d, i / many, other, whole, zeros, &to) != 0) {
            top = to > top ? to : top;
        }
    }
    for (i = 0; i < n * many; i++) {
        int64_t other = pairs ? i % n : -1, to = power;
        k = i / many;
        w[i] = k == other ? 0.0 : gradc_rest(d, k, other, whole, zeros, &to);
        w[i] = ldexp(w[i], w[i] != 0 ? (int)(to - top) : 0);
    }
    return top;
}

/* c = a b for n x n matrices. */
static inline void gradc_multiply(int64_t n, const double *a, const double *b, double *c) {
    int64_t i, k;
    memset(c, 0, (size_t)(n * n) * sizeof(double));
    for (i = 0; i < n; i++) {
        for (k = 0; k < n; k++) {
            gradc_eliminate(n, -a[i * n + k], b + k * n, c + i * n);
        }
    }
}

/* c = sign 2^top a^T b for n x n matrices; NaN where `finite` is not 0. */
static inline void gradc_unscaled(int64_t n, const double *a, const double *b, double finite,
                                  int sign, int64_t top, double *c) {
    int64_t i, k;
    memset(c, 0, (size_t)(n * n) * sizeof(double));
    for (k = 0; k < n; k++) {
        for (i = 0; i < n; i++) {
            gradc_eliminate(n, -a[k * n + i], b + k * n, c + i * n);
        }
    }
    for (i = 0; i < n * n; i++) {
        c[i] = ldexp(sign * c[i], (int)top) + finite;
    }
}

/* 0 when all n x n elements are finite, else NaN. */
static inline double gradc_finite(int64_t n, const double *a) {
    double sum = 0.0;
    int64_t i;
    for (i = 0; i < n * n; i++) {
        sum += a[i] - a[i];
    }
    return sum;
}

/* Replace a matrix by its adjugate; p and q are of its size, d of its diagonal's. */
static inline void gradc_to_adjugate(int64_t n, double *a, double *p, double *q, double *d) {
    double finite = gradc_finite(n, a);
    int sign = gradc_diagonal(n, a, p, q, d);
    int64_t i, top = gradc_products(n, 0, d, a);
    memcpy(d, a, (size_t)n * sizeof(double));
    for (i = 0; i < n * n; i++) {
        p[i] *= d[i / n];
    }
    gradc_unscaled(n, q, p, finite, sign, top, a);
}

/* Replace b by the derivative of the adjugate of a along b; a is used up, as are p, q, w and d. */
static inline void gradc_to_change(int64_t n, double *a, double *b, double *p, double *q, double *w,
                                   double *d) {
    double finite = gradc_finite(n, a);
    int sign = gradc_diagonal(n, a, p, q, d);
    int64_t i, j, top = gradc_products(n, 1, d, w);
    gradc_multiply(n, p, b, a);
    for (i = 0; i < n * n; i++) {
        b[i] = gradc_dot(n, a + i / n * n, 1, q + i % n * n, 1);
    }
    for (i = 0; i < n; i++) {
        d[i] = 0.0;
        for (j = 0; j < n; j++) {
            d[i] += w[i * n + j] * b[j * n + j];
        }
    }
    for (i = 0; i < n * n; i++) {
        b[i] = i % (n + 1) == 0 ? d[i / n] : -w[i] * b[i];
    }
    gradc_multiply(n, b, p, a);
    gradc_unscaled(n, q, a, finite, sign, top, b);
}

/* The adjugate x of each of `count` n x n matrices. */
static inline void gradc_adjugate(int64_t count, int64_t n, const double *a, double *x,
                                  double *work, double *p, double *q, double *d) {
    int64_t one;
    for (one = 0; one < count; one++) {
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(double));
        gradc_to_adjugate(n, work, p, q, d);
        memcpy(x + one * n * n, work, (size_t)(n * n) * sizeof(double));
    }
}

/* The derivative x of the adjugate of each of `count` n x n matrices a along b. */
static inline void gradc_adjugate_along(int64_t count, int64_t n, const double *a, const double *b,
                                        double *x, double *work, double *p, double *q, double *w,
                                        double *d) {
    int64_t one;
    for (one = 0; one < count; one++) {
        memcpy(work, a + one * n * n, (size_t)(n * n) * sizeof(double));
        memcpy(x + one * n * n, b + one * n * n, (size_t)(n * n) * sizeof(double));
        gradc_to_change(n, work, x + one * n * n, p, q, w, d);
    }
}

/* Copy n x n numbers. */
static inline void gradc_to_double(int64_t n, const float *from, double *to) {
    int64_t i;
    for (i = 0; i < n * n; i++) {
        to[i] = (double)from[i];
    }
}

/* Copy n x n numbers, rounded. */
static inline void gradc_to_float(int64_t n, const double *from, float *to) {
    int64_t i;
    for (i = 0; i < n * n; i++) {
        to[i] = (float)from[i];
    }
}

/* The adjugate x of each of `count` n x n matrices. */
static inline void gradc_adjugatef(int64_t count, int64_t n, const float *a, float *x, double *work,
                                   double *p, double *q, double *d) {
    int64_t one;
    for (one = 0; one < count; one++) {
        gradc_to_double(n, a + one * n * n, work);
        gradc_to_adjugate(n, work, p, q, d);
        gradc_to_float(n, work, x + one * n * n);
    }
}

/* The derivative x of the adjugate of each of `count` n x n matrices a along b. */
static inline void gradc_adjugate_alongf(int64_t count, int64_t n, const float *a, const float *b,
                                         float *x, double *work, double *p, double *q, double *w,
                                         double *d, double *change) {
    int64_t one;
    for (one = 0; one < count; one++) {
        gradc_to_double(n, a + one * n * n, work);
        gradc_to_double(n, b + one * n * n, change);
        gradc_to_change(n, work, change, p, q, w, d);
        gradc_to_float(n, change, x + one * n * n);
    }
}

#endif
