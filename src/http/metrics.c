/* metrics.c -- the registry behind /metrics: families of series, counted with relaxed atomics, rendered as text. */
#include "assay/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum type { COUNTER, GAUGE, HISTOGRAM };
static const char *const type_names[] = {"counter", "gauge", "histogram"};

struct assay_metric {
    struct assay_metric *next;
    char *labels; /* "" none */
    _Atomic int64_t value;
    double (*read)(void *arg); /* a reader's; else NULL */
    void *arg;
    size_t n_bounds;
    int64_t *bounds;
    _Atomic uint64_t *buckets; /* n_bounds + 1: the last is what lies beyond; not cumulative */
    _Atomic int64_t sum;
};

struct family {
    struct family *next;
    char *name, *help;
    enum type type;
    struct assay_metric *series;
};

struct assay_metrics {
    pthread_mutex_t lock; /* of the lists; values are atomic */
    struct family *families;
};

static const int64_t default_bounds[] = {500,    1000,   2500,    5000,    10000,   25000,    50000,   100000,
                                         250000, 500000, 1000000, 2500000, 5000000, 10000000, 60000000};

struct assay_metrics *assay_metrics_new(void) {
    struct assay_metrics *m = assay_xcalloc(1, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

static void series_free(struct assay_metric *s) {
    while (s) {
        struct assay_metric *next = s->next;
        free(s->labels);
        free(s->bounds);
        free(s->buckets);
        free(s);
        s = next;
    }
}

void assay_metrics_free(struct assay_metrics *m) {
    if (!m) return;
    while (m->families) {
        struct family *f = m->families;
        m->families = f->next;
        series_free(f->series);
        free(f->name);
        free(f->help);
        free(f);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* --- registering -------------------------------------------------------------------------------------------------- */
/* At the end of the list, so that the text keeps the order of registration. */
static struct family *family_of(struct assay_metrics *m, const char *name, const char *help, enum type type) {
    struct family **p = &m->families;
    for (; *p; p = &(*p)->next) {
        if (strcmp((*p)->name, name) != 0) continue;
        if ((*p)->type == type) return *p;
        fprintf(stderr, "metric %s is registered as two types\n", name);
        abort();
    }
    struct family *f = assay_xcalloc(1, sizeof *f);
    f->name = assay_xstrdup(name);
    f->help = assay_xstrdup(help);
    f->type = type;
    return *p = f;
}

static struct assay_metric *series_of(struct family *f, const char *labels) {
    struct assay_metric **p = &f->series;
    for (; *p; p = &(*p)->next)
        if (strcmp((*p)->labels, labels) == 0) return *p;
    struct assay_metric *s = assay_xcalloc(1, sizeof *s);
    s->labels = assay_xstrdup(labels);
    return *p = s;
}

static struct assay_metric *metric_of(struct assay_metrics *m, const char *name, const char *labels, const char *help,
                                      enum type type) {
    pthread_mutex_lock(&m->lock);
    struct assay_metric *s = series_of(family_of(m, name, help, type), labels ? labels : "");
    pthread_mutex_unlock(&m->lock);
    return s;
}

struct assay_metric *assay_metrics_counter(struct assay_metrics *m, const char *name, const char *labels, const char *help) {
    return metric_of(m, name, labels, help, COUNTER);
}

struct assay_metric *assay_metrics_gauge(struct assay_metrics *m, const char *name, const char *labels, const char *help) {
    return metric_of(m, name, labels, help, GAUGE);
}

struct assay_metric *assay_metrics_histogram(struct assay_metrics *m, const char *name, const char *labels, const char *help,
                                             const int64_t *bounds, size_t n_bounds) {
    if (!bounds) {
        bounds = default_bounds;
        n_bounds = sizeof default_bounds / sizeof *default_bounds;
    }
    if (n_bounds > ASSAY_METRIC_BOUNDS_MAX) n_bounds = ASSAY_METRIC_BOUNDS_MAX;
    pthread_mutex_lock(&m->lock);
    struct assay_metric *s = series_of(family_of(m, name, help, HISTOGRAM), labels ? labels : "");
    if (!s->buckets) {
        s->n_bounds = n_bounds;
        s->bounds = assay_xmalloc(n_bounds * sizeof *bounds);
        memcpy(s->bounds, bounds, n_bounds * sizeof *bounds);
        s->buckets = assay_xcalloc(n_bounds + 1, sizeof *s->buckets);
    }
    pthread_mutex_unlock(&m->lock);
    return s;
}

void assay_metrics_reader(struct assay_metrics *m, const char *name, const char *labels, const char *help, bool counter,
                          double (*read)(void *arg), void *arg) {
    pthread_mutex_lock(&m->lock);
    struct assay_metric *s = series_of(family_of(m, name, help, counter ? COUNTER : GAUGE), labels ? labels : "");
    s->read = read;
    s->arg = arg;
    pthread_mutex_unlock(&m->lock);
}

void assay_metrics_forget(struct assay_metrics *m, const void *arg) {
    pthread_mutex_lock(&m->lock);
    for (struct family *f = m->families; f; f = f->next)
        for (struct assay_metric *s = f->series; s; s = s->next)
            if (s->arg == arg) s->read = NULL;
    pthread_mutex_unlock(&m->lock);
}

/* --- counting ----------------------------------------------------------------------------------------------------- */
void assay_metric_add(struct assay_metric *metric, int64_t n) {
    if (metric) atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

void assay_metric_set(struct assay_metric *metric, int64_t v) {
    if (metric) atomic_store_explicit(&metric->value, v, memory_order_relaxed);
}

void assay_metric_observe(struct assay_metric *metric, int64_t us) {
    if (!metric) return;
    size_t i = 0;
    while (i < metric->n_bounds && us > metric->bounds[i]) i++;
    atomic_fetch_add_explicit(&metric->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->sum, us, memory_order_relaxed);
}

/* --- rendering ---------------------------------------------------------------------------------------------------- */
static double seconds(int64_t us) { return (double)us / 1e6; }

static void render_histogram(const struct family *f, const struct assay_metric *s, struct assay_buf *b) {
    const char *comma = s->labels[0] ? "," : "";
    uint64_t count = 0;
    for (size_t i = 0; i < s->n_bounds; i++) {
        count += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
        assay_buf_printf(b, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", f->name, s->labels, comma, seconds(s->bounds[i]), count);
    }
    count += atomic_load_explicit(&s->buckets[s->n_bounds], memory_order_relaxed);
    assay_buf_printf(b, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", f->name, s->labels, comma, count);
    const char *open = s->labels[0] ? "{" : "", *close = s->labels[0] ? "}" : "";
    assay_buf_printf(b, "%s_sum%s%s%s %.6f\n", f->name, open, s->labels, close,
                     seconds(atomic_load_explicit(&s->sum, memory_order_relaxed)));
    assay_buf_printf(b, "%s_count%s%s%s %" PRIu64 "\n", f->name, open, s->labels, close, count);
}

static void render_series(const struct family *f, const struct assay_metric *s, struct assay_buf *b) {
    if (f->type == HISTOGRAM) {
        render_histogram(f, s, b);
        return;
    }
    const char *open = s->labels[0] ? "{" : "", *close = s->labels[0] ? "}" : "";
    assay_buf_printf(b, "%s%s%s%s ", f->name, open, s->labels, close);
    if (s->read) assay_buf_printf(b, "%.15g\n", s->read(s->arg));
    else assay_buf_printf(b, "%" PRId64 "\n", atomic_load_explicit(&s->value, memory_order_relaxed));
}

void assay_metrics_render(struct assay_metrics *m, struct assay_buf *b) {
    pthread_mutex_lock(&m->lock);
    for (const struct family *f = m->families; f; f = f->next) {
        assay_buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, type_names[f->type]);
        for (const struct assay_metric *s = f->series; s; s = s->next) render_series(f, s, b);
    }
    pthread_mutex_unlock(&m->lock);
}
