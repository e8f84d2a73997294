/* lane.c -- a lane: a bounded queue of requests and the worker threads that take them from it. */
#include <stdlib.h>
#include <time.h>

#include "internal.h"

struct worker {
    struct assay_http_lane_pool *pool;
    pthread_t thread;
    void *context; /* what worker_open gave; NULL outside open and close */
    bool busy;
};
struct assay_http_lane_pool {
    struct assay_http_site *site;
    enum assay_http_lane lane;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    bool stopping;
    size_t limit;    /* requests with a place here: waiting and being worked on */
    size_t reserved; /* places taken */
    size_t head, n;  /* the queue, a ring of `limit` */
    struct assay_http_exchange **queue;
    size_t n_workers;
    struct worker *workers;
};

bool assay_http_lane_reserve(struct assay_http_lane_pool *p) {
    pthread_mutex_lock(&p->lock);
    bool free_place = p->reserved < p->limit;
    if (free_place) p->reserved++;
    pthread_mutex_unlock(&p->lock);
    return free_place;
}

void assay_http_lane_release(struct assay_http_lane_pool *p) {
    pthread_mutex_lock(&p->lock);
    p->reserved--;
    pthread_mutex_unlock(&p->lock);
}

void assay_http_lane_push(struct assay_http_lane_pool *p, struct assay_http_exchange *x) {
    pthread_mutex_lock(&p->lock);
    p->queue[(p->head + p->n++) % p->limit] = x;
    pthread_cond_signal(&p->arrived);
    pthread_mutex_unlock(&p->lock);
}

static struct assay_http_exchange *next_request(struct worker *w) {
    struct assay_http_lane_pool *p = w->pool;
    struct assay_http_exchange *x = NULL;
    pthread_mutex_lock(&p->lock);
    while (p->n == 0 && !p->stopping) pthread_cond_wait(&p->arrived, &p->lock);
    if (p->n > 0) {
        x = p->queue[p->head];
        p->head = (p->head + 1) % p->limit;
        p->n--;
        w->busy = true;
    }
    pthread_mutex_unlock(&p->lock);
    return x;
}

static void set_idle(struct worker *w) {
    pthread_mutex_lock(&w->pool->lock);
    w->busy = false;
    w->pool->reserved--;
    pthread_mutex_unlock(&w->pool->lock);
}

static void set_context(struct worker *w, void *context) {
    pthread_mutex_lock(&w->pool->lock);
    w->context = context;
    pthread_mutex_unlock(&w->pool->lock);
}

/* Work that nobody waits for is not begun: what it would have written, its sender sends again. */
static void work(struct assay_http_exchange *x, void *context) {
    enum assay_http_flow flow = ASSAY_HTTP_DONE;
    if (assay_http_gone(&x->pub)) assay_http_reply_problem(&x->pub, ASSAY_DRAINING, NULL);
    else if (!assay_http_forestall(x, context)) flow = x->pub.route->handler(&x->pub, context);
    if (flow == ASSAY_HTTP_WORK) assay_http_reply_problem(&x->pub, ASSAY_INTERNAL, NULL); /* it is on a worker already */
    if (flow != ASSAY_HTTP_LATER) assay_http_complete(&x->pub);
}

static void *worker_main(void *arg) {
    struct worker *w = arg;
    const struct assay_http_config *c = &w->pool->site->c;
    void *context = c->worker_open ? c->worker_open(c->app, w->pool->lane) : NULL;
    set_context(w, context);
    struct assay_http_exchange *x;
    while ((x = next_request(w))) {
        work(x, context);
        set_idle(w);
    }
    set_context(w, NULL);
    if (c->worker_close) c->worker_close(c->app, context);
    return NULL;
}

/* --- meters, start, stop ------------------------------------------------------------------------------------------ */
static double read_waiting(void *arg) {
    struct assay_http_lane_pool *p = arg;
    pthread_mutex_lock(&p->lock);
    size_t n = p->n;
    pthread_mutex_unlock(&p->lock);
    return (double)n;
}

static double read_busy(void *arg) {
    struct assay_http_lane_pool *p = arg;
    size_t n = 0;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n_workers; i++) n += p->workers[i].busy;
    pthread_mutex_unlock(&p->lock);
    return (double)n;
}

static void make_meters(struct assay_http_lane_pool *p) {
    static const char *const labels[ASSAY_HTTP_LANES] = {"lane=\"read\"", "lane=\"write\"", "lane=\"bulk\"", "lane=\"feed\""};
    struct assay_metrics *m = p->site->c.metrics;
    if (!m) return;
    assay_metric_set(assay_metrics_gauge(m, "assay_http_lane_workers", labels[p->lane], "Workers there are."),
                     p->site->c.lanes[p->lane].workers);
    assay_metric_set(assay_metrics_gauge(m, "assay_http_lane_queue_limit", labels[p->lane],
                                         "Requests that may wait for a worker; beyond it they are answered 503."),
                     p->site->c.lanes[p->lane].queue);
    assay_metrics_reader(m, "assay_http_lane_waiting", labels[p->lane], "Requests waiting for a worker.", false, read_waiting, p);
    assay_metrics_reader(m, "assay_http_lane_busy", labels[p->lane], "Workers at work.", false, read_busy, p);
}

struct assay_http_lane_pool *assay_http_lane_start(struct assay_http_site *site, enum assay_http_lane lane) {
    const struct assay_http_lane_config *c = &site->c.lanes[lane];
    struct assay_http_lane_pool *p = assay_xcalloc(1, sizeof *p);
    p->site = site;
    p->lane = lane;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->arrived, NULL);
    p->limit = (size_t)c->workers + c->queue;
    p->queue = assay_xcalloc(p->limit, sizeof *p->queue);
    p->workers = assay_xcalloc(c->workers, sizeof *p->workers);
    make_meters(p);
    while (p->n_workers < c->workers) {
        struct worker *w = &p->workers[p->n_workers];
        w->pool = p;
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            assay_http_lane_stop(p);
            return NULL;
        }
        p->n_workers++;
    }
    return p;
}

/* Tell who is still at work to return; true while there is somebody. */
static bool interrupt(struct assay_http_lane_pool *p) {
    const struct assay_http_config *c = &p->site->c;
    bool any = false;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n_workers; i++) {
        if (!p->workers[i].busy) continue;
        any = true;
        if (p->workers[i].context) c->worker_interrupt(c->app, p->workers[i].context);
    }
    pthread_mutex_unlock(&p->lock);
    return any;
}

void assay_http_lane_stop(struct assay_http_lane_pool *p) {
    if (!p) return;
    if (p->site->c.metrics) assay_metrics_forget(p->site->c.metrics, p);
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->arrived);
    pthread_mutex_unlock(&p->lock);
    /* Again and again: a worker may just have been about to begin what it waits in. */
    while (p->site->c.worker_interrupt && interrupt(p)) nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    for (size_t i = 0; i < p->n_workers; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->arrived);
    free(p->queue);
    free(p->workers);
    free(p);
}
