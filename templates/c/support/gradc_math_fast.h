/* math="fast": tells gcc that glibc's libmvec has vector versions of these libm functions.
 *
 * A loop that calls exp or expf is then vectorised under -O3 -fno-math-errno, without -ffast-math.
 * At most 4 ULP; a vector body and its scalar rest may round differently. Where libmvec is missing
 * (glibc below 2.35, another compiler or processor) this header only includes math.h, and the calls
 * stay calls of libm. */
#ifndef GRADC_MATH_FAST_H
#define GRADC_MATH_FAST_H

#include <math.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC_PREREQ)
#if __GNUC__ >= 6 && __GLIBC_PREREQ(2, 35)

#define GRADC_SIMD_ __attribute__((simd("notinbranch")))

GRADC_SIMD_ extern double acos(double x);
GRADC_SIMD_ extern double acosh(double x);
GRADC_SIMD_ extern double asin(double x);
GRADC_SIMD_ extern double asinh(double x);
GRADC_SIMD_ extern double atan(double x);
GRADC_SIMD_ extern double atanh(double x);
GRADC_SIMD_ extern double cbrt(double x);
GRADC_SIMD_ extern double cos(double x);
GRADC_SIMD_ extern double cosh(double x);
GRADC_SIMD_ extern double erf(double x);
GRADC_SIMD_ extern double erfc(double x);
GRADC_SIMD_ extern double exp(double x);
GRADC_SIMD_ extern double exp2(double x);
GRADC_SIMD_ extern double expm1(double x);
GRADC_SIMD_ extern double log(double x);
GRADC_SIMD_ extern double log10(double x);
GRADC_SIMD_ extern double log1p(double x);
GRADC_SIMD_ extern double log2(double x);
GRADC_SIMD_ extern double sin(double x);
GRADC_SIMD_ extern double sinh(double x);
GRADC_SIMD_ extern double tan(double x);
GRADC_SIMD_ extern double tanh(double x);
GRADC_SIMD_ extern double atan2(double y, double x);
GRADC_SIMD_ extern double hypot(double x, double y);
GRADC_SIMD_ extern double pow(double x, double y);

GRADC_SIMD_ extern float acosf(float x);
GRADC_SIMD_ extern float acoshf(float x);
GRADC_SIMD_ extern float asinf(float x);
GRADC_SIMD_ extern float asinhf(float x);
GRADC_SIMD_ extern float atanf(float x);
GRADC_SIMD_ extern float atanhf(float x);
GRADC_SIMD_ extern float cbrtf(float x);
GRADC_SIMD_ extern float cosf(float x);
GRADC_SIMD_ extern float coshf(float x);
GRADC_SIMD_ extern float erff(float x);
GRADC_SIMD_ extern float erfcf(float x);
GRADC_SIMD_ extern float expf(float x);
GRADC_SIMD_ extern float exp2f(float x);
GRADC_SIMD_ extern float expm1f(float x);
GRADC_SIMD_ extern float logf(float x);
GRADC_SIMD_ extern float log10f(float x);
GRADC_SIMD_ extern float log1pf(float x);
GRADC_SIMD_ extern float log2f(float x);
GRADC_SIMD_ extern float sinf(float x);
GRADC_SIMD_ extern float sinhf(float x);
GRADC_SIMD_ extern float tanf(float x);
GRADC_SIMD_ extern float tanhf(float x);
GRADC_SIMD_ extern float atan2f(float y, float x);
GRADC_SIMD_ extern float hypotf(float x, float y);
GRADC_SIMD_ extern float powf(float x, float y);

#undef GRADC_SIMD_

#endif
#endif

#endif
