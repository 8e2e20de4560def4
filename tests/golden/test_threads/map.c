static void f_part(const double *restrict x, double *restrict result, int64_t chunk) {
    /* large_programs.py:30  return np.tanh(x) * np.sqrt(1.0 + x * x) */
    for (int64_t i = chunk * 3750; i < chunk * 3750 + 3750; ++i) {
        result[i] = tanh(x[i]) * sqrt(1.0 + x[i] * x[i]);
    }
}

static void f_chunk(void *arguments, int64_t chunk) {
    const f_shared *shared = arguments;
    f_part(shared->x, shared->result, chunk);
}

static int f_with(
    const double *restrict x,
    double *restrict result,
    void *restrict arena,
    const gradc_env *env) {
    f_shared shared = {x, result};
    (void)arena;

    /* large_programs.py:30  return np.tanh(x) * np.sqrt(1.0 + x * x) */
    gradc_parallel_for(env, 64, f_chunk, &shared);
    return 0;
}
