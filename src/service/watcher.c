/* watcher.c -- sees what other daemons on the same database changed: a look at the revisions, twice a second.
 *
 * What is served from memory rests on it: while it does not see the database, nothing is. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "service/internal.h"

#define LOOK_EVERY_MS 500

struct assay_watcher {
    struct assay_session *session;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
};

/* False once it is time to stop. */
static bool wait_a_while(struct assay_watcher *w) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_EVERY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&w->lock);
    while (!w->stopping && pthread_cond_timedwait(&w->stop, &w->lock, &until) != ETIMEDOUT) continue;
    bool going = !w->stopping;
    pthread_mutex_unlock(&w->lock);
    return going;
}

/* A database that is away for a while is no news here: requests say so, and the next look may find it back. */
static void look(struct assay_session *s) {
    struct assay_error e;
    if (assay_db_restore(s->db, &e) || assay_session_look(s, &e)) {
        assay_revisions_lost(s->service->revisions);
        return;
    }
    assay_announcer_look(s->service, s->db);
    assay_announcer_tidy(s);
    assay_keys_note_used(s->service, s->db, false);
}

static void *run(void *arg) {
    struct assay_watcher *w = arg;
    while (wait_a_while(w)) look(w->session);
    assay_keys_note_used(w->session->service, w->session->db, true); /* no new connection for it: the end must not wait */
    return NULL;
}

struct assay_watcher *assay_watcher_new(struct assay_service *s, struct assay_error *e) {
    struct assay_watcher *w = assay_xcalloc(1, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t monotonic; /* a clock set back must not blind it */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (assay_session_open(s, &w->session, e) == ASSAY_OK) {
        if (pthread_create(&w->thread, NULL, run, w) == 0) return w;
        assay_fail(e, ASSAY_INTERNAL, "", "no thread for the watcher");
    }
    assay_session_close(w->session);
    free(w);
    return NULL;
}

void assay_watcher_free(struct assay_watcher *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->stop);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    assay_session_close(w->session);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->stop);
    free(w);
}
