/* The threads that gradc lends to the functions it has compiled: one small pool per process.
 *
 * A caller brings a number of chunks that do not depend on each other. Every thread has a share of
 * them that lies together and takes what others left over afterwards; the caller works as well and
 * waits only for chunks that somebody has begun. So a thread that wakes late costs nothing, and which
 * thread does a chunk changes no result. While one caller has the pool, others do their chunks alone.
 *
 * Threads start at the first use. A forked child has none: it forgets the pool of its parent and
 * starts its own. Where there are no POSIX threads, nothing is lent.
 */
#define _POSIX_C_SOURCE 200809L

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "gradc_env.h"

#if defined(__GNUC__) && (defined(__unix__) || defined(__APPLE__)) && !defined(__EMSCRIPTEN__)
#define GRADC_HAS_POOL 1
#include <pthread.h>
#include <signal.h>
#include <time.h>
#else
#define GRADC_HAS_POOL 0
#endif

int32_t gradc_pool_call(void *const *buffers, const int64_t *dims);

/* What a call of gradc_pool_call is for. */
enum { gradc_pool_lends = 0, gradc_pool_ends = 1 };

#if GRADC_HAS_POOL

enum {
    gradc_pool_most = 64,
    gradc_pool_spin_ns = 50000 /* a thread that has nothing to do looks for work before it sleeps */
};

/* Chunks next <= c < stop are not begun; on a line of memory of its own. */
typedef struct {
    int64_t next;
    int64_t stop;
    char apart[112];
} gradc_share;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pthread_t threads[gradc_pool_most];
    int workers, asleep, busy, ending;
    uint64_t round; /* jobs so far */
    uint64_t news;  /* the same, told to those who look out when the lock is free again */
    int open;       /* workers that may still join this one */
    int inside;     /* workers that are at it */
    int shares;
    gradc_chunk_fn body;
    void *arguments;
    gradc_share share[gradc_pool_most];
} gradc_pool;

static pthread_mutex_t gradc_birth = PTHREAD_MUTEX_INITIALIZER;
static gradc_pool *gradc_current = NULL;
static int gradc_watches_forks = 0;

/* In a child the threads of the parent do not exist, and its locks may be held by nobody. */
static void gradc_after_fork(void) {
    static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    gradc_birth = fresh;
    gradc_current = NULL;
}

static void gradc_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("pause");
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t gradc_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Changed with the lock held, read by a waiting caller without. */
static void gradc_set_inside(gradc_pool *pool, int workers) {
    __atomic_store_n(&pool->inside, workers, __ATOMIC_RELAXED);
}

/* Works until no chunk is left that nobody has begun, first on one's own share. */
static void gradc_do_chunks(gradc_pool *pool, int own) {
    int k;
    for (k = 0; k < pool->shares; k++) {
        gradc_share *share = &pool->share[(own + k) % pool->shares];
        for (;;) {
            int64_t chunk = __atomic_fetch_add(&share->next, 1, __ATOMIC_RELAXED);
            if (chunk >= share->stop) {
                break;
            }
            pool->body(pool->arguments, chunk);
        }
    }
}

/* A holder is done in no time, and to be woken takes long: so ask again before one sleeps. */
static void gradc_lock(gradc_pool *pool) {
    int turn;
    for (turn = 0; turn < 100; turn++) {
        if (pthread_mutex_trylock(&pool->lock) == 0) {
            return;
        }
        gradc_pause();
    }
    pthread_mutex_lock(&pool->lock);
}

/* Looks out for a round after `seen` for a while. */
static void gradc_look_out(gradc_pool *pool, uint64_t seen) {
    int64_t end = gradc_now() + gradc_pool_spin_ns;
    int turn;
    do {
        for (turn = 0; turn < 32; turn++) {
            if (__atomic_load_n(&pool->news, __ATOMIC_RELAXED) > seen) {
                return;
            }
            gradc_pause();
        }
    } while (gradc_now() < end);
}

static void *gradc_worker(void *argument) {
    gradc_pool *pool = argument;
    uint64_t seen = 0;
    gradc_lock(pool);
    while (!pool->ending) {
        if (pool->round == seen) {
            pool->asleep++;
            pthread_cond_wait(&pool->work, &pool->lock);
            pool->asleep--;
            continue;
        }
        seen = pool->round;
        if (pool->open > 0) {
            int own = pool->open--;
            gradc_set_inside(pool, pool->inside + 1);
            pthread_mutex_unlock(&pool->lock);
            gradc_do_chunks(pool, own);
            gradc_lock(pool);
            gradc_set_inside(pool, pool->inside - 1);
            pthread_cond_signal(&pool->done);
        }
        pthread_mutex_unlock(&pool->lock);
        gradc_look_out(pool, seen);
        gradc_lock(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static gradc_pool *gradc_new_pool(void) {
    gradc_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    if (!gradc_watches_forks && pthread_atfork(NULL, NULL, gradc_after_fork) != 0) {
        free(pool);
        return NULL;
    }
    gradc_watches_forks = 1;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    return pool;
}

static gradc_pool *gradc_this_pool(void) {
    gradc_pool *pool;
    pthread_mutex_lock(&gradc_birth);
    if (gradc_current == NULL) {
        gradc_current = gradc_new_pool();
    }
    pool = gradc_current;
    pthread_mutex_unlock(&gradc_birth);
    return pool;
}

/* Starts threads until there are `wanted`; they leave all signals to the others. Holds the lock. */
static void gradc_start_workers(gradc_pool *pool, int wanted) {
    sigset_t all, before;
    if (pool->workers >= wanted) {
        return;
    }
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return;
    }
    while (pool->workers < wanted &&
           pthread_create(&pool->threads[pool->workers], NULL, gradc_worker, pool) == 0) {
        pool->workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Gives every share its part of the chunks and calls the workers. Holds the lock. */
static void gradc_open_round(gradc_pool *pool, int threads, int64_t chunks, gradc_chunk_fn body,
                             void *arguments) {
    int k;
    pool->shares = threads <= pool->workers ? threads : pool->workers + 1;
    for (k = 0; k < pool->shares; k++) {
        pool->share[k].next = chunks * k / pool->shares;
        pool->share[k].stop = chunks * (k + 1) / pool->shares;
    }
    pool->body = body;
    pool->arguments = arguments;
    pool->open = pool->shares - 1;
    pool->round++;
    if (pool->asleep > 0) {
        pthread_cond_broadcast(&pool->work);
    }
}

/* Lets nobody join any more and waits for those who have. */
static void gradc_close_round(gradc_pool *pool) {
    int64_t end;
    gradc_lock(pool);
    pool->open = 0;
    if (pool->inside > 0) {
        pthread_mutex_unlock(&pool->lock);
        end = gradc_now() + gradc_pool_spin_ns;
        while (__atomic_load_n(&pool->inside, __ATOMIC_RELAXED) > 0 && gradc_now() < end) {
            gradc_pause();
        }
        gradc_lock(pool);
    }
    while (pool->inside > 0) {
        pthread_cond_wait(&pool->done, &pool->lock);
    }
    pool->busy = 0;
    pthread_mutex_unlock(&pool->lock);
}

/* Opens a round for as many threads as `wanted` says; 0 where others have the pool. */
static int gradc_begin(gradc_pool *pool, int64_t wanted, int64_t chunks, gradc_chunk_fn body,
                       void *arguments) {
    int threads = wanted < gradc_pool_most ? (int)wanted : gradc_pool_most, mine;
    uint64_t round;
    gradc_lock(pool);
    mine = !pool->busy && !pool->ending;
    if (mine) {
        gradc_start_workers(pool, threads - 1);
        mine = pool->busy = pool->workers > 0;
    }
    if (mine) {
        gradc_open_round(pool, threads, chunks, body, arguments);
    }
    round = pool->round;
    pthread_mutex_unlock(&pool->lock);
    if (mine) {
        __atomic_store_n(&pool->news, round, __ATOMIC_RELAXED);
    }
    return mine;
}

/* `lease` says how many threads may work, the caller's among them. */
static void gradc_pool_for(void *lease, int64_t chunks, gradc_chunk_fn body, void *arguments) {
    int64_t threads = *(const int64_t *)lease, chunk;
    gradc_pool *pool = threads > 1 && chunks > 1 ? gradc_this_pool() : NULL;
    if (pool != NULL && gradc_begin(pool, threads < chunks ? threads : chunks, chunks, body, arguments)) {
        gradc_do_chunks(pool, 0);
        gradc_close_round(pool);
        return;
    }
    for (chunk = 0; chunk < chunks; chunk++) {
        body(arguments, chunk);
    }
}

/* Ends the threads of this process; calls that come later work alone. */
static void gradc_end_pool(void) {
    gradc_pool *pool = gradc_this_pool();
    int k, workers = 0;
    if (pool == NULL) {
        return;
    }
    gradc_lock(pool);
    if (!pool->ending) {
        pool->ending = 1;
        workers = pool->workers;
        pthread_cond_broadcast(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    for (k = 0; k < workers; k++) {
        pthread_join(pool->threads[k], NULL);
    }
}

int32_t gradc_pool_call(void *const *buffers, const int64_t *dims) {
    if (dims[0] == gradc_pool_lends) {
        ((gradc_env *)buffers[0])->parallel_for = gradc_pool_for;
    } else {
        gradc_end_pool();
    }
    return 0;
}

#else

int32_t gradc_pool_call(void *const *buffers, const int64_t *dims) {
    if (dims[0] == gradc_pool_lends) {
        ((gradc_env *)buffers[0])->parallel_for = NULL;
    }
    return 0;
}

#endif
