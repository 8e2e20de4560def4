#ifndef GRADC_FUSED_H
#define GRADC_FUSED_H

#include <math.h>

/* c + a * b, rounded once where the processor does that as fast as it multiplies. */
static inline double gradc_fused(double a, double b, double c) {
#if defined(FP_FAST_FMA)
    return fma(a, b, c);
#else
    return c + a * b;
#endif
}

static inline float gradc_fusedf(float a, float b, float c) {
#if defined(FP_FAST_FMAF)
    return fmaf(a, b, c);
#else
    return c + a * b;
#endif
}

#endif
