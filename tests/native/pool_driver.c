/* Has a pool do sums in chunks, by one caller and by several at once, and compares with a plain loop.
 * Exit status: how many results were wrong. */
#include "gradc_pool.c"

#include <stdio.h>

enum { chunks = 23, length = 4000, rounds = 300, callers = 4 };

typedef struct {
    double start;
    double sums[chunks];
} job;

static void one(void *arguments, int64_t chunk) {
    job *mine = arguments;
    double sum = 0.0;
    int k;
    for (k = 0; k < length; k++) {
        sum += mine->start + (double)(chunk * length + k);
    }
    mine->sums[chunk] = sum;
}

static int wrong(int64_t threads, double start) {
    job shared = {0.0, {0.0}}, alone = {0.0, {0.0}};
    int64_t c;
    int found = 0;
    shared.start = alone.start = start;
    gradc_pool_for(&threads, chunks, one, &shared);
    for (c = 0; c < chunks; c++) {
        one(&alone, c);
        found += shared.sums[c] != alone.sums[c];
    }
    return found;
}

static void *caller(void *argument) {
    int *found = argument, k;
    for (k = 0; k < rounds; k++) {
        *found += wrong(2 + k % 4, k);
    }
    return NULL;
}

int main(void) {
    static pthread_t threads[callers];
    static int found[callers];
    const int64_t end = gradc_pool_ends;
    int k, total = 0;
    for (k = 1; k <= 5; k++) {
        total += wrong(k, k);
    }
    for (k = 0; k < callers; k++) {
        pthread_create(&threads[k], NULL, caller, &found[k]);
    }
    for (k = 0; k < callers; k++) {
        pthread_join(threads[k], NULL);
        total += found[k];
    }
    gradc_pool_call(NULL, &end);
    total += wrong(3, 0.5);
    printf("%d wrong\n", total);
    return total != 0;
}
