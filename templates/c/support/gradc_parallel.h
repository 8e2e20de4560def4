/* Loops whose turns may run at the same time, in chunks. */
#ifndef GRADC_PARALLEL_H
#define GRADC_PARALLEL_H

#include <stddef.h>
#include <stdint.h>

#include "gradc_env.h"

static inline int64_t gradc_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Calls body(arguments, c) once for every c in 0 <= c < chunks: by the threads that `env` lends, or one
 * after the other (env may be NULL). The result is the same. */
static inline void gradc_parallel_for(const gradc_env *env, int64_t chunks, gradc_chunk_fn body,
                                      void *arguments) {
    int64_t chunk;
    if (chunks > 1 && env != NULL && env->parallel_for != NULL) {
        env->parallel_for(env->pool, chunks, body, arguments);
        return;
    }
    for (chunk = 0; chunk < chunks; chunk++) {
        body(arguments, chunk);
    }
}

#endif
