/* announce.c -- who is told that something was committed, by this daemon at once and by others within a second; how far the
 * feed of changes is; and how long it is kept.
 *
 * What is announced is a hint, never needed for correctness: whoever is told reads. */
#include <stdlib.h>

#include "service/internal.h"

#define PRUNE_ROWS 5000  /* of one transaction */
#define PRUNE_US 1000000 /* of one look */
#define MARKS 64         /* of the time that changes are kept */
#define MARK_MIN_US 1000000
#define MARK_MAX_US (INT64_C(3600) * 1000000)

void assay_announcer_init(struct assay_announcer *a) { pthread_mutex_init(&a->lock, NULL); }
void assay_announcer_destroy(struct assay_announcer *a) { pthread_mutex_destroy(&a->lock); }

void assay_service_on_commit(struct assay_service *s, assay_commit_listener *listener, void *arg) {
    pthread_mutex_lock(&s->announcer.lock);
    s->announcer.listener = listener;
    s->announcer.arg = arg;
    pthread_mutex_unlock(&s->announcer.lock);
}

/* With the lock held. */
static void tell(struct assay_announcer *a, const int32_t *providers, size_t n) {
    if (a->listener) a->listener(a->arg, providers, n);
}

void assay_service_committed(struct assay_service *s, const int32_t *providers, size_t n, int64_t records) {
    struct assay_announcer *a = &s->announcer;
    pthread_mutex_lock(&a->lock);
    a->ours += records;
    tell(a, providers, n);
    pthread_mutex_unlock(&a->lock);
}

/* --- the watcher's looks ------------------------------------------------------------------------------------------------- */

static void note_horizon(struct assay_announcer *a, const struct assay_feed_tip *tip) {
    int64_t now = assay_clock_monotonic_us();
    if (tip->horizon != a->tip.horizon || tip->horizon >= tip->next) a->held_since_us = now;
    atomic_store(&a->held_us, now - a->held_since_us);
    atomic_store(&a->behind, tip->next > tip->horizon ? tip->next - tip->horizon : 0);
}

enum assay_status assay_announcer_start(struct assay_announcer *a, struct assay_db *db, struct assay_error *e) {
    enum assay_status st = assay_store_feed_tip(db, &a->tip, e);
    a->others = a->tip.commits;
    return st;
}

/* What we did not commit, others did. A commit of ours that the look saw and we had not counted yet is taken for theirs, which
 * costs a look. Rows above the horizon are committed but not yet to be seen over all providers: when it passes them, that is
 * news, to those who wait for any provider. */
void assay_announcer_look(struct assay_service *s, struct assay_db *db) {
    struct assay_announcer *a = &s->announcer;
    struct assay_feed_tip tip;
    struct assay_error e;
    static const int32_t none;
    if (assay_store_feed_tip(db, &tip, &e)) return;
    note_horizon(a, &tip);
    pthread_mutex_lock(&a->lock);
    int64_t others = tip.commits - a->ours;
    if (others != a->others) tell(a, NULL, 0);
    else if (tip.place != a->tip.place) tell(a, &none, 0);
    pthread_mutex_unlock(&a->lock);
    a->others = others;
    a->tip = tip;
}

/* Marks are set so often that what is kept too long is little beside what is to be kept. */
static int64_t mark_every_us(int64_t keep_us) {
    int64_t every = keep_us / MARKS;
    return every < MARK_MIN_US ? MARK_MIN_US : every > MARK_MAX_US ? MARK_MAX_US : every;
}

enum assay_status assay_changes_prune(struct assay_session *s, int64_t *gone, struct assay_error *e) {
    assay_instant now = assay_service_now(s->service), before = now - s->service->options.changes_keep_us;
    int64_t until = assay_clock_monotonic_us() + PRUNE_US, more = PRUNE_ROWS;
    enum assay_status st = assay_store_changes_mark(s->db, now, e);
    for (*gone = 0; !st && more == PRUNE_ROWS && assay_clock_monotonic_us() < until; *gone += more)
        st = assay_store_changes_prune(s->db, before, PRUNE_ROWS, &more, e);
    return st;
}

void assay_announcer_tidy(struct assay_session *session) {
    struct assay_announcer *a = &session->service->announcer;
    struct assay_error e;
    int64_t now = assay_clock_monotonic_us(), gone;
    if (now < a->tidy_at_us) return;
    a->tidy_at_us = now + mark_every_us(session->service->options.changes_keep_us);
    /* Where it did not get through all, or met an error, it goes on at the next look. */
    if (assay_changes_prune(session, &gone, &e) || gone >= PRUNE_ROWS) a->tidy_at_us = 0;
}

void assay_feed_stats(struct assay_service *s, struct assay_feed_stats *out) {
    *out = (struct assay_feed_stats){atomic_load(&s->announcer.held_us), atomic_load(&s->announcer.behind)};
}
