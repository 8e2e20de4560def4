/* Keeps a sine and a cosine of the same argument apart. gcc makes one complex exponential of them,
 * which has no vector version; by other names the two calls stay vector calls. */
#ifndef GRADC_MATH_APART_H
#define GRADC_MATH_APART_H

#include <math.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC_PREREQ)
#if __GNUC__ >= 6 && __GLIBC_PREREQ(2, 35)

#define GRADC_APART_ __attribute__((simd("notinbranch"), const)) extern

GRADC_APART_ double gradc_apart_sin(double x) __asm__("sin");
GRADC_APART_ double gradc_apart_cos(double x) __asm__("cos");
GRADC_APART_ float gradc_apart_sinf(float x) __asm__("sinf");
GRADC_APART_ float gradc_apart_cosf(float x) __asm__("cosf");

#undef GRADC_APART_

#define sin gradc_apart_sin
#define cos gradc_apart_cos
#define sinf gradc_apart_sinf
#define cosf gradc_apart_cosf

#endif
#endif

#endif
