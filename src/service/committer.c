/* committer.c -- gathers single records from all connections into transactions.
 *
 * One thread with one connection. It takes whatever waits (up to a bound) the moment the previous commit returns: no
 * timer, so an idle daemon answers at once and batches grow under load. */
#include <stdlib.h>

#include "service/internal.h"

struct assay_committer {
    struct assay_service *service;
    struct assay_session *session;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct assay_ingest_job *first, **last;
    size_t waiting;
    bool stopping;
    struct assay_committer_stats stats;
};

enum assay_status assay_ingest_submit(struct assay_service *s, struct assay_ingest_job *job) {
    struct assay_committer *c = s->committer;
    enum assay_status st = ASSAY_OK;
    job->next = NULL;
    pthread_mutex_lock(&c->lock);
    if (c->stopping) st = ASSAY_DRAINING;
    else if (c->waiting >= s->options.committer_queue) st = ASSAY_OVERLOADED;
    else {
        *c->last = job;
        c->last = &job->next;
        if (c->waiting++ == 0) pthread_cond_signal(&c->work);
    }
    pthread_mutex_unlock(&c->lock);
    return st;
}

void assay_committer_stats(struct assay_service *s, struct assay_committer_stats *out) {
    pthread_mutex_lock(&s->committer->lock);
    *out = s->committer->stats;
    out->waiting = s->committer->waiting;
    out->queue_limit = s->options.committer_queue;
    out->batch_limit = s->options.committer_batch;
    pthread_mutex_unlock(&s->committer->lock);
}

/* Up to max waiting jobs, in order; 0 only when stopping and nothing is left. */
static size_t take(struct assay_committer *c, struct assay_ingest_job **jobs, size_t max) {
    size_t n = 0;
    pthread_mutex_lock(&c->lock);
    while (!c->first && !c->stopping) pthread_cond_wait(&c->work, &c->lock);
    for (; c->first && n < max; n++) {
        jobs[n] = c->first;
        c->first = c->first->next;
    }
    if (!c->first) c->last = &c->first;
    c->waiting -= n;
    pthread_mutex_unlock(&c->lock);
    return n;
}

static void *run(void *arg) {
    struct assay_committer *c = arg;
    size_t max = c->service->options.committer_batch, n;
    struct assay_ingest_job **jobs = assay_xcalloc(max, sizeof(struct assay_ingest_job *));
    struct assay_item *items = assay_xcalloc(max, sizeof *items);
    while ((n = take(c, jobs, max)) > 0) {
        int64_t start = assay_clock_monotonic_us();
        for (size_t i = 0; i < n; i++) items[i] = jobs[i]->item;
        struct assay_error e;
        enum assay_status st = assay_ingest_apply(c->session, items, n, &e);
        (void)st; /* each item's own result says it too */
        pthread_mutex_lock(&c->lock);
        c->stats.batches++;
        c->stats.records += n;
        if (n > c->stats.largest_batch) c->stats.largest_batch = n;
        c->stats.busy_us += (uint64_t)(assay_clock_monotonic_us() - start);
        pthread_mutex_unlock(&c->lock);
        for (size_t i = 0; i < n; i++) {
            jobs[i]->item = items[i];
            jobs[i]->done(jobs[i]); /* may free the job */
        }
    }
    free(jobs);
    free(items);
    return NULL;
}

struct assay_committer *assay_committer_new(struct assay_service *s, struct assay_error *e) {
    struct assay_committer *c = assay_xcalloc(1, sizeof *c);
    c->service = s;
    c->last = &c->first;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    if (assay_session_open(s, &c->session, e) == ASSAY_OK) {
        if (pthread_create(&c->thread, NULL, run, c) == 0) return c;
        assay_fail(e, ASSAY_INTERNAL, "", "no thread for the committer");
    }
    assay_session_close(c->session);
    free(c);
    return NULL;
}

void assay_committer_free(struct assay_committer *c) {
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    assay_session_close(c->session);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->work);
    free(c);
}
