static void f_part(
    const double *restrict x, const double *restrict z, void *restrict arena, int64_t chunk) {
    double *partial = (double *)((char *)arena + 448);
    double *m = (double *)((char *)arena + 14464);
    double *m_bar = (double *)((char *)arena + 32384);
    double *partial_1 = (double *)((char *)arena + 50304);
    /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum(-m, 0.0 ... */
    double sum_2 = -0.0;
    /* large_programs.py:56  m = z @ x */
    for (int64_t at = 0; at < 50; ++at) {
        partial[chunk * 50 + at] = -0.0;
    }
    for (int64_t block = chunk * 256; block < chunk * 256 + 256; block += 64) {
        for (int64_t i = block; i < block + 64; i += 4) {
            double m_i = 0.0;
            double m_i_1 = 0.0;
            double m_i_2 = 0.0;
            double m_i_3 = 0.0;
            double m_i_4[16] = {0.0};
            double m_i_5[16] = {0.0};
            double m_i_6[16] = {0.0};
            double m_i_7[16] = {0.0};
            for (int64_t j = 0; j < 48; j += 16) {
                for (int64_t lane = 0; lane < 16; ++lane) {
                    m_i_4[lane] += z[i * 50 + j + lane] * x[j + lane];
                    m_i_5[lane] += z[i * 50 + j + lane + 50] * x[j + lane];
                    m_i_6[lane] += z[i * 50 + j + lane + 100] * x[j + lane];
                    m_i_7[lane] += z[i * 50 + j + lane + 150] * x[j + lane];
                }
            }
            for (int64_t lane = 0; lane < 2; ++lane) {
                m_i_4[lane] += z[i * 50 + lane + 48] * x[lane + 48];
                m_i_5[lane] += z[i * 50 + lane + 98] * x[lane + 48];
                m_i_6[lane] += z[i * 50 + lane + 148] * x[lane + 48];
                m_i_7[lane] += z[i * 50 + lane + 198] * x[lane + 48];
            }
            m_i += gradc_lanes_sum(m_i_4);
            m_i_1 += gradc_lanes_sum(m_i_5);
            m_i_2 += gradc_lanes_sum(m_i_6);
            m_i_3 += gradc_lanes_sum(m_i_7);
            m[chunk * 64 + i - block] = m_i;
            m[chunk * 64 + i - block + 1] = m_i_1;
            m[chunk * 64 + i - block + 2] = m_i_2;
            m[chunk * 64 + i - block + 3] = m_i_3;
        }
        /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum(-m, ... */
        double sum_3[16] = {0.0};
        for (int64_t i = block; i < block + 64; i += 16) {
            GRADC_APART
            for (int64_t lane = 0; lane < 16; ++lane) {
                const double t_1 = fabs(m[chunk * 64 + i + lane - block]);
                const double t_2 = exp(-t_1);
                const double t_3 = -m[chunk * 64 + i + lane - block];
                const double t_4 = gradc_maximum(t_3, 0.0);
                /* large_programs.py:56  m = z @ x */
                const double t_5 = gradc_sign(m[chunk * 64 + i + lane - block]);
                const double t_6 = -(0x1.d208a5a912e32p-14 /* 0.000111111 */ * gradc_sigmoid(t_1) * t_2) * t_5;
                const double m_bar_i = t_6 + (t_4 > 0.0 ? -0x1.d208a5a912e32p-14 /* -0.000111111 */ : 0.0);
                m_bar[chunk * 64 + i + lane - block] = m_bar_i;
                /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.max ... */
                sum_3[lane] += log1p(t_2) + t_4;
            }
        }
        sum_2 += gradc_lanes_sum(sum_3);
        /* large_programs.py:56  m = z @ x */
        for (int64_t i = block; i < block + 64; i += 4) {
            const double t_1 = m_bar[chunk * 64 + i - block];
            const double t_2 = m_bar[chunk * 64 + i - block + 1];
            const double t_3 = m_bar[chunk * 64 + i - block + 2];
            const double t_4 = m_bar[chunk * 64 + i - block + 3];
            for (int64_t j = 0; j < 50; ++j) {
                const double t_5 = z[i * 50 + j + 100] * t_3;
                const double t_6 = z[i * 50 + j] * t_1 + z[i * 50 + j + 50] * t_2;
                partial[chunk * 50 + j] += t_6 + (t_5 + z[i * 50 + j + 150] * t_4);
            }
        }
    }
    /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum(-m, 0.0 ... */
    partial_1[chunk] = sum_2;
}

static void f_chunk(void *arguments, int64_t chunk) {
    const f_shared *shared = arguments;
    f_part(shared->x, shared->z, shared->arena, chunk);
}

static int f_with(
    const double *restrict x,
    const double *restrict z,
    double *restrict result,
    double *restrict x_bar,
    void *restrict arena,
    const gradc_env *env) {
    double *product_1 = (double *)arena;
    double *partial = (double *)((char *)arena + 448);
    double *partial_1 = (double *)((char *)arena + 50304);
    double *m_1 = (double *)((char *)arena + 50624);
    double *m_bar_1 = (double *)((char *)arena + 51136);
    f_shared shared = {x, z, arena};

    /* primal and adjoint */
    /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum(-m, 0.0 ... */
    double sum_1 = 0.0;
    /* large_programs.py:56  m = z @ x */
    memset(product_1, 0, 50 * sizeof(double));
    /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum(-m, 0.0 ... */
    gradc_parallel_for(env, 35, f_chunk, &shared);
    for (int64_t part = 0; part < 35; ++part) {
        sum_1 += partial_1[part];
    }
    /* large_programs.py:56  m = z @ x */
    for (int64_t part = 0; part < 35; ++part) {
        GRADC_APART
        for (int64_t at = 0; at < 50; ++at) {
            product_1[at] += partial[part * 50 + at];
        }
    }
    for (int64_t i = 8960; i < 9000; i += 4) {
        double m_i = 0.0;
        double m_i_1 = 0.0;
        double m_i_2 = 0.0;
        double m_i_3 = 0.0;
        double m_i_4[16] = {0.0};
        double m_i_5[16] = {0.0};
        double m_i_6[16] = {0.0};
        double m_i_7[16] = {0.0};
        for (int64_t j = 0; j < 48; j += 16) {
            for (int64_t lane = 0; lane < 16; ++lane) {
                m_i_4[lane] += z[i * 50 + j + lane] * x[j + lane];
                m_i_5[lane] += z[i * 50 + j + lane + 50] * x[j + lane];
                m_i_6[lane] += z[i * 50 + j + lane + 100] * x[j + lane];
                m_i_7[lane] += z[i * 50 + j + lane + 150] * x[j + lane];
            }
        }
        for (int64_t lane = 0; lane < 2; ++lane) {
            m_i_4[lane] += z[i * 50 + lane + 48] * x[lane + 48];
            m_i_5[lane] += z[i * 50 + lane + 98] * x[lane + 48];
            m_i_6[lane] += z[i * 50 + lane + 148] * x[lane + 48];
            m_i_7[lane] += z[i * 50 + lane + 198] * x[lane + 48];
        }
        m_i += gradc_lanes_sum(m_i_4);
        m_i_1 += gradc_lanes_sum(m_i_5);
        m_i_2 += gradc_lanes_sum(m_i_6);
        m_i_3 += gradc_lanes_sum(m_i_7);
        m_1[i - 8960] = m_i;
        m_1[i - 8959] = m_i_1;
        m_1[i - 8958] = m_i_2;
        m_1[i - 8957] = m_i_3;
    }
    /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum(-m, 0.0 ... */
    double sum_2[16] = {0.0};
    for (int64_t i = 8960; i < 8992; i += 16) {
        GRADC_APART
        for (int64_t lane = 0; lane < 16; ++lane) {
            const double t_1 = fabs(m_1[i + lane - 8960]);
            const double t_2 = exp(-t_1);
            const double t_3 = gradc_maximum(-m_1[i + lane - 8960], 0.0);
            /* large_programs.py:56  m = z @ x */
            const double t_4 = -(0x1.d208a5a912e32p-14 /* 0.000111111 */ * gradc_sigmoid(t_1) * t_2);
            const double t_5 = t_4 * gradc_sign(m_1[i + lane - 8960]);
            const double m_bar_i = t_5 + (t_3 > 0.0 ? -0x1.d208a5a912e32p-14 /* -0.000111111 */ : 0.0);
            m_bar_1[i + lane - 8960] = m_bar_i;
            /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum ... */
            sum_2[lane] += log1p(t_2) + t_3;
        }
    }
    GRADC_APART
    for (int64_t lane = 0; lane < 8; ++lane) {
        const double t_1 = fabs(m_1[lane + 32]);
        const double t_2 = exp(-t_1);
        const double t_3 = gradc_maximum(-m_1[lane + 32], 0.0);
        /* large_programs.py:56  m = z @ x */
        const double t_4 = -(0x1.d208a5a912e32p-14 /* 0.000111111 */ * gradc_sigmoid(t_1) * t_2);
        const double t_5 = t_4 * gradc_sign(m_1[lane + 32]);
        const double m_bar_i = t_5 + (t_3 > 0.0 ? -0x1.d208a5a912e32p-14 /* -0.000111111 */ : 0.0);
        m_bar_1[lane + 32] = m_bar_i;
        /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum(-m, ... */
        sum_2[lane] += log1p(t_2) + t_3;
    }
    sum_1 += gradc_lanes_sum(sum_2);
    /* large_programs.py:56  m = z @ x */
    for (int64_t i = 8960; i < 9000; i += 4) {
        const double t_1 = m_bar_1[i - 8960];
        const double t_2 = m_bar_1[i - 8959];
        const double t_3 = m_bar_1[i - 8958];
        const double t_4 = m_bar_1[i - 8957];
        for (int64_t j = 0; j < 50; ++j) {
            const double t_5 = z[i * 50 + j + 100] * t_3 + z[i * 50 + j + 150] * t_4;
            const double t_6 = z[i * 50 + j] * t_1 + z[i * 50 + j + 50] * t_2;
            product_1[j] += t_6 + t_5;
        }
    }

    /* primal */
    /* large_programs.py:57  return np.mean(np.log1p(np.exp(-np.abs(m))) + np.maximum(-m, 0.0 ... */
    double sum_3 = 0.0;
    double sum_4[16] = {0.0};
    for (int64_t i = 0; i < 48; i += 16) {
        for (int64_t lane = 0; lane < 16; ++lane) {
            sum_4[lane] += x[i + lane] * x[i + lane];
        }
    }
    for (int64_t lane = 0; lane < 2; ++lane) {
        sum_4[lane] += x[lane + 48] * x[lane + 48];
    }
    sum_3 += gradc_lanes_sum(sum_4);
    result[0] = sum_1 / 9000.0 + sum_3;

    /* adjoint */
    for (int64_t i = 0; i < 50; ++i) {
        x_bar[i] = product_1[i] + x[i] + x[i];
    }
    return 0;
}
