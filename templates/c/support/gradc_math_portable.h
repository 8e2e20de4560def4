/* math="portable": gradc's own elementary functions, f64 (gradc_exp) and f32 (gradc_expf).
 *
 * Only + - * / sqrt, integer operations and bit casts, so with contraction off the results are the
 * same bits on every compiler, processor and vector length. Special values as C99 Annex F. */
#ifndef GRADC_MATH_PORTABLE_H
#define GRADC_MATH_PORTABLE_H

#include "gradc_portable_exp.h"
#include "gradc_portable_inverse.h"
#include "gradc_portable_log.h"
#include "gradc_portable_power.h"
#include "gradc_portable_trig.h"

#endif
