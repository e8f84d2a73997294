/* metrics.h -- counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4).
 *
 * Series are made at start and never go: a label set is given as constant text when its series is registered, so no
 * client can grow the registry. Counting is one relaxed atomic add; registering and rendering take a lock. */
#ifndef ASSAY_METRICS_H
#define ASSAY_METRICS_H

#include "assay/str.h"

struct assay_metrics;
struct assay_metric;

struct assay_metrics *assay_metrics_new(void);
void assay_metrics_free(struct assay_metrics *m); /* NULL is fine */

/* name: [a-z_:][a-z0-9_:]*; labels: text such as `route="orders",class="2xx"`, or NULL. The same name and labels give
 * the same series. All are copied. A name used before as another type ends the process: it is a mistake in the program. */
struct assay_metric *assay_metrics_counter(struct assay_metrics *m, const char *name, const char *labels, const char *help);
struct assay_metric *assay_metrics_gauge(struct assay_metrics *m, const char *name, const char *labels, const char *help);
/* Of durations: observed in microseconds, shown in seconds. bounds: ascending upper bounds in microseconds (at most
 * ASSAY_METRIC_BOUNDS_MAX); NULL: from 0.5 ms to 60 s. */
#define ASSAY_METRIC_BOUNDS_MAX 24
struct assay_metric *assay_metrics_histogram(struct assay_metrics *m, const char *name, const char *labels, const char *help,
                                             const int64_t *bounds, size_t n_bounds);
/* A gauge or counter whose value is asked for when it is rendered: read must not wait and may be called by any thread. */
void assay_metrics_reader(struct assay_metrics *m, const char *name, const char *labels, const char *help, bool counter,
                          double (*read)(void *arg), void *arg);
/* Readers with this arg are called no more and show 0: before what they read is freed. */
void assay_metrics_forget(struct assay_metrics *m, const void *arg);

/* Any thread. metric NULL: nothing. */
void assay_metric_add(struct assay_metric *metric, int64_t n);      /* a counter (n >= 0) or a gauge */
void assay_metric_set(struct assay_metric *metric, int64_t v);      /* a gauge */
void assay_metric_observe(struct assay_metric *metric, int64_t us); /* a histogram */

/* Append all series as text. */
void assay_metrics_render(struct assay_metrics *m, struct assay_buf *b);

#endif
