/* The logistic function 1/(1 + e^-x), from any exponential.
 *
 * gradc_sigmoid uses GRADC_EXP and GRADC_EXPF, which are libm's unless set before this header is
 * included (portable math sets them to gradc_exp and gradc_expf). Below -709 the result is 0, as in
 * NumPy's 1/(1 + exp(-x)). */
#ifndef GRADC_SIGMOID_H
#define GRADC_SIGMOID_H

#include <math.h>

#ifndef GRADC_EXP
#define GRADC_EXP exp
#endif

#ifndef GRADC_EXPF
#define GRADC_EXPF expf
#endif

/* Given e = e^-x. */
static inline double gradc_sigmoid_with(double e) { return 1.0 / (1.0 + e); }
static inline float gradc_sigmoid_withf(float e) { return 1.0f / (1.0f + e); }

static inline double gradc_sigmoid(double x) { return gradc_sigmoid_with(GRADC_EXP(-x)); }
static inline float gradc_sigmoidf(float x) { return gradc_sigmoid_withf(GRADC_EXPF(-x)); }

#endif
