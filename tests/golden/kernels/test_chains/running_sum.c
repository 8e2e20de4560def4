        double before = -0.0;
        for (int64_t block = 0; block < 5; ++block) {
            const double t_1 = a_1[i * 23 + block * 4];
            const double t_2 = a_1[i * 23 + block * 4 + 1] + t_1;
            const double t_3 = a_1[i * 23 + block * 4 + 2] + t_2;
            const double t_4 = a_1[i * 23 + block * 4 + 3] + t_3;
            row[block * 4 + 1] = t_1 + before;
            row[block * 4 + 2] = t_2 + before;
            row[block * 4 + 3] = t_3 + before;
            const double loop_1 = t_4 + before;
            row[block * 4 + 4] = loop_1;
            before = loop_1;
        }
