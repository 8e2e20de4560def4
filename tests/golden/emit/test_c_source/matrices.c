size_t matrices_arena(void) {
    return 192;
}

static int matrices_with(
    const double *restrict a,
    const double *restrict b,
    double *restrict c,
    uint8_t *restrict mask,
    double *restrict best,
    double *restrict c_bar,
    void *restrict arena,
    const gradc_env *env) {
    double *h = (double *)arena;
    double *ones = (double *)((char *)arena + 64);
    void *scratch = (char *)arena + 128;

    /* primal */
    gradc_matmul(env, 3, 2, 4, a, 4, 1, b, 2, 1, h, 2, 1, 0, scratch);
    for (int64_t i = 0; i < 6; ++i) {
        ones[i] = 1.0;
    }
    memset(c_bar, 0, 6 * sizeof(double));
    double lanes[16];
    for (int64_t lane = 0; lane < 16; ++lane) {
        lanes[lane] = -(double)INFINITY;
    }
    for (int64_t i = 0; i < 6; ++i) {
        mask[i] = h[i] > 0.0;
        if (!(mask[i] != 0)) {
            ones[i] = -1.0;
        } else {
            ones[i] += 2.0;
        }
    }
    for (int64_t j = 0; j < 6; ++j) {
        lanes[j] = gradc_maximum(lanes[j], h[j]);
    }
    best[0] = gradc_lanes_max(lanes);
    memcpy(c, h, 6 * sizeof(double));

    /* adjoint */
    for (int64_t i = 0; i < 6; ++i) {
        c_bar[i] += mask[i] != 0 ? ones[i] : h[i];
    }
    return 0;
}

int matrices(
    const double *restrict a, const double *restrict b, double *restrict c,
    uint8_t *restrict mask, double *restrict best, double *restrict c_bar, void *restrict arena) {
    return matrices_with(a, b, c, mask, best, c_bar, arena, NULL);
}

GRADC_API int32_t matrices_call(void *const *buffers, const int64_t *dims);

int32_t matrices_call(void *const *buffers, const int64_t *dims) {
    (void)dims;
    return matrices_with(
        buffers[0], buffers[1], buffers[2], buffers[3], buffers[4], buffers[5], buffers[6],
        buffers[7]);
}
