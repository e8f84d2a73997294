/* runner.c -- the thread that takes the steps of recomputations: those that this service began, and those that nobody has
 * been heard of for a while. Two at work on one do no harm; the lease only saves them the trouble. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "service/internal.h"

#define LOOK_EVERY_MS 500

struct assay_runner {
    struct assay_service *service;
    struct assay_session *session;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping, kicked;
    int64_t beaten_us; /* when it last said that it is at work, and on what */
    int64_t beaten_id;
    int64_t idle_revision; /* of the configuration under which there was nothing to do */
};

static bool is_stopping(struct assay_runner *r) {
    pthread_mutex_lock(&r->lock);
    bool yes = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return yes;
}

/* False once it is time to stop. */
static bool wait_a_while(struct assay_runner *r) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_EVERY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping && !r->kicked && pthread_cond_timedwait(&r->wake, &r->lock, &until) != ETIMEDOUT) continue;
    r->kicked = false;
    bool going = !r->stopping;
    pthread_mutex_unlock(&r->lock);
    return going;
}

/* What there is to work at: its id, 0 for nothing. */
static enum assay_status find_work(struct assay_runner *r, int64_t *id, struct assay_error *e) {
    struct assay_session *s = r->session;
    struct assay_recomputation *untidy = NULL;
    const struct assay_config *cfg = assay_service_config(r->service);
    int64_t revision = cfg ? cfg->revision : 0;
    *id = cfg && cfg->recomputation ? cfg->recomputation->id : 0;
    assay_config_release(cfg);
    if (*id || revision == r->idle_revision) return ASSAY_OK;
    enum assay_status st = assay_store_recomputation_untidy(s->db, &s->arena, &untidy, e);
    if (!st && !untidy) r->idle_revision = revision;
    if (!st && untidy) *id = untidy->id;
    return st;
}

/* Say that we are at work, now and then. *mine: nobody else is. */
static enum assay_status beat(struct assay_runner *r, int64_t id, bool *mine, struct assay_error *e) {
    int64_t lease_us = (int64_t)r->service->options.recompute_lease_ms * 1000, now_us = assay_clock_monotonic_us();
    assay_instant now = assay_service_now(r->service);
    *mine = id == r->beaten_id && now_us - r->beaten_us < lease_us / 4;
    if (*mine) return ASSAY_OK;
    enum assay_status st = assay_store_recomputation_beat(r->session->db, id, r->service->runner_id, now, now - lease_us, mine,
                                                          e);
    if (!st && *mine) r->beaten_id = id, r->beaten_us = now_us;
    return st;
}

/* One step of what there is; false where there is nothing for us. */
static bool work(struct assay_runner *r) {
    struct assay_session *s = r->session;
    struct assay_error e;
    int64_t id = 0;
    bool mine = false, idle = false;
    assay_arena_reset(&s->arena);
    enum assay_status st = assay_session_usable(s, &e);
    if (!st) st = find_work(r, &id, &e);
    bool taken = id != r->beaten_id;
    if (!st && id) st = beat(r, id, &mine, &e);
    if (!st && mine && taken) st = assay_store_recomputation_count(s->db, id, &e);
    if (st || !mine) return false;
    st = assay_recomputation_step(s, &idle, &e);
    return !st && !idle; /* a database that is away for a while: the next look may find it back */
}

static void *run(void *arg) {
    struct assay_runner *r = arg;
    while (wait_a_while(r))
        while (!is_stopping(r) && work(r)) continue;
    return NULL;
}

void assay_recomputation_kick(struct assay_service *s) {
    struct assay_runner *r = s->runner;
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->kicked = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

struct assay_runner *assay_runner_new(struct assay_service *s, struct assay_error *e) {
    struct assay_runner *r = assay_xcalloc(1, sizeof *r);
    r->service = s;
    r->session = assay_session_new(s); /* connects when there is something to look at */
    r->idle_revision = -1;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&r->thread, NULL, run, r) == 0) return r;
    assay_fail(e, ASSAY_INTERNAL, "", "no thread for recomputations");
    assay_session_close(r->session);
    free(r);
    return NULL;
}

void assay_runner_free(struct assay_runner *r) {
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    assay_session_close(r->session);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->wake);
    free(r);
}
