/* Unevaluated sums of two doubles: about 106 bits, with + - * only (no fused multiply-add, so the
 * same everywhere). */
#ifndef GRADC_DOUBLE_DOUBLE_H
#define GRADC_DOUBLE_DOUBLE_H

#include "gradc_bits.h"

typedef struct {
    double hi, lo;
} gradc_dd_;

/* a + b exactly, for any a and b (Knuth). */
GRADC_INLINE gradc_dd_ gradc_two_sum_(double a, double b) {
    gradc_dd_ r;
    double bb;
    r.hi = a + b;
    bb = r.hi - a;
    r.lo = (a - (r.hi - bb)) + (b - bb);
    return r;
}

/* a + b exactly, for |a| >= |b| or a = 0 (Dekker). */
GRADC_INLINE gradc_dd_ gradc_fast_two_sum_(double a, double b) {
    gradc_dd_ r;
    r.hi = a + b;
    r.lo = b - (r.hi - a);
    return r;
}

/* The upper 26 bits of the significand. */
GRADC_INLINE double gradc_upper_(double x) {
    return gradc_from_bits_(gradc_bits_(x) & UINT64_C(0xfffffffff8000000));
}

/* a * b to 2^-106, barring overflow and underflow. */
GRADC_INLINE gradc_dd_ gradc_two_product_(double a, double b) {
    gradc_dd_ r;
    double ah = gradc_upper_(a), al = a - ah, bh = gradc_upper_(b), bl = b - bh;
    r.hi = a * b;
    r.lo = ((ah * bh - r.hi) + ah * bl + al * bh) + al * bl;
    return r;
}

GRADC_INLINE gradc_dd_ gradc_dd_product_(gradc_dd_ a, gradc_dd_ b) {
    gradc_dd_ p = gradc_two_product_(a.hi, b.hi);
    return gradc_fast_two_sum_(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

/* sqrt(a) to twice the precision, for a > 0 (a = 0 gives 0). */
GRADC_INLINE gradc_dd_ gradc_dd_sqrt_(gradc_dd_ a, double root) {
    gradc_dd_ square = gradc_two_product_(root, root);
    return gradc_fast_two_sum_(root,
                               ((a.hi - square.hi) - square.lo + a.lo) / (root + root + 0x1p-1000));
}

/* a / d to twice the precision. */
GRADC_INLINE gradc_dd_ gradc_dd_quotient_(gradc_dd_ a, gradc_dd_ d) {
    double q = a.hi / d.hi;
    gradc_dd_ p = gradc_two_product_(q, d.hi);
    return gradc_fast_two_sum_(q, ((a.hi - p.hi) - p.lo + (a.lo - q * d.lo)) / d.hi);
}

#endif
