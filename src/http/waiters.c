/* waiters.c -- requests that wait for something to happen: long polls. A waiting request holds neither a worker nor an HTTP
 * thread: it is a node in a list, in its own memory.
 *
 * What may happen is told as keys. A waiter remembers the generation at which it last looked; each key has the generation at
 * which it last moved. Keys share slots: a waiter woken for nothing looks again and waits on. One thread looks after the
 * list: it sends who is woken back to a worker (as the lane has places), and answers who need not wait any more: the time
 * is up, the server drains, the client has left. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "http/app.h"

#define SLOTS 1024
#define TICK_US 100000 /* between looks whether somebody left or the server drains */
#define FULL_US 5000   /* the lane is full: until the next try */
#define ROUND 64       /* taken from the list at once */

struct assay_waiters {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    pthread_t thread;
    bool running, stopping;
    size_t most, n;
    uint64_t generation, all, slots[SLOTS]; /* all: when every key moved */
    struct assay_waiter *first;
};

static uint64_t *slot_of(struct assay_waiters *w, int32_t key) { return &w->slots[(uint32_t)key % SLOTS]; }

/* key 0 waits for whatever it is. */
static bool has_moved(struct assay_waiters *w, int32_t key, uint64_t seen) {
    return (key ? *slot_of(w, key) : w->generation) > seen || w->all > seen;
}

uint64_t assay_waiters_generation(struct assay_waiters *w) {
    if (!w) return 0;
    pthread_mutex_lock(&w->lock);
    uint64_t generation = w->generation;
    pthread_mutex_unlock(&w->lock);
    return generation;
}

void assay_waiters_wake(struct assay_waiters *w, const int32_t *keys, size_t n) {
    pthread_mutex_lock(&w->lock);
    w->generation++;
    for (size_t i = 0; keys && i < n; i++) *slot_of(w, keys[i]) = w->generation;
    if (!keys) w->all = w->generation;
    if (w->first) pthread_cond_signal(&w->moved);
    pthread_mutex_unlock(&w->lock);
}

enum assay_waiting assay_waiters_add(struct assay_waiters *w, struct assay_waiter *x) {
    enum assay_waiting how = ASSAY_WAITING;
    if (!w) return ASSAY_WAITING_FULL;
    pthread_mutex_lock(&w->lock);
    if (has_moved(w, x->key, x->seen)) how = ASSAY_WAITING_MOVED;
    else if (w->stopping || w->n >= w->most) how = ASSAY_WAITING_FULL;
    else {
        x->next = w->first;
        w->first = x;
        w->n++;
        pthread_cond_signal(&w->moved);
    }
    pthread_mutex_unlock(&w->lock);
    return how;
}

size_t assay_waiters_count(struct assay_waiters *w) {
    pthread_mutex_lock(&w->lock);
    size_t n = w->n;
    pthread_mutex_unlock(&w->lock);
    return n;
}

/* --- the thread: with the lock held but where it says so ------------------------------------------------------------------- */

/* Off the list: up to ROUND that need something done, the woken ones only where the lane may have places. */
static size_t take_round(struct assay_waiters *w, bool lane_full, struct assay_waiter **out, int64_t now) {
    size_t n = 0;
    bool over = w->stopping || (w->first && assay_http_draining(w->first->r)); /* one server: it drains for all */
    for (struct assay_waiter **p = &w->first; *p && n < ROUND;) {
        struct assay_waiter *x = *p;
        x->over = over || now >= x->deadline_us || assay_http_gone(x->r);
        if (!x->over && (lane_full || !has_moved(w, x->key, x->seen))) {
            p = &x->next;
            continue;
        }
        *p = x->next;
        out[n++] = x;
    }
    w->n -= n;
    return n;
}

/* Without the lock. False: there was no place for it; nobody else knows of it. */
static bool send_off(struct assay_waiter *x) {
    if (!x->over) return assay_http_again(x->r);
    x->answer(x->r);
    assay_http_complete(x->r);
    return true;
}

static void put_back(struct assay_waiters *w, struct assay_waiter *x) {
    x->next = w->first;
    w->first = x;
    w->n++;
}

static void wait_for(struct assay_waiters *w, int64_t us) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(us % 1000000) * 1000;
    until.tv_sec += us / 1000000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&w->moved, &w->lock, &until);
}

static int64_t until_next(const struct assay_waiters *w, int64_t now) {
    int64_t us = TICK_US;
    for (const struct assay_waiter *x = w->first; x; x = x->next)
        if (x->deadline_us - now < us) us = x->deadline_us - now;
    return us < 1000 ? 1000 : us;
}

static void *run(void *arg) {
    struct assay_waiters *w = arg;
    struct assay_waiter *round[ROUND];
    pthread_mutex_lock(&w->lock);
    while (w->first || !w->stopping) {
        if (!w->first) {
            pthread_cond_wait(&w->moved, &w->lock);
            continue;
        }
        bool lane_full = false;
        size_t n;
        while ((n = take_round(w, lane_full, round, assay_clock_monotonic_us())) > 0) {
            pthread_mutex_unlock(&w->lock);
            size_t left = 0;
            for (size_t i = 0; i < n; i++)
                if ((lane_full && !round[i]->over) || !send_off(round[i])) round[left++] = round[i], lane_full = true;
            pthread_mutex_lock(&w->lock);
            for (size_t i = 0; i < left; i++) put_back(w, round[i]);
        }
        if (!w->first) continue;
        wait_for(w, lane_full ? FULL_US : until_next(w, assay_clock_monotonic_us()));
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* --- beginning and end ------------------------------------------------------------------------------------------------------ */

struct assay_waiters *assay_waiters_new(size_t most) {
    struct assay_waiters *w = assay_xcalloc(1, sizeof *w);
    pthread_condattr_t monotonic;
    w->most = most;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    w->running = pthread_create(&w->thread, NULL, run, w) == 0;
    if (w->running) return w;
    assay_waiters_free(w);
    return NULL;
}

void assay_waiters_free(struct assay_waiters *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->moved);
    pthread_mutex_unlock(&w->lock);
    if (w->running) pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->moved);
    free(w);
}
