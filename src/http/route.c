/* route.c -- the program's table of routes: compiled, checked, and with its meters made. */
#include <stdlib.h>

#include "internal.h"

static const char *const method_names[] = {
    [ASSAY_HTTP_GET] = "GET",         [ASSAY_HTTP_HEAD] = "HEAD",     [ASSAY_HTTP_POST] = "POST",
    [ASSAY_HTTP_PUT] = "PUT",         [ASSAY_HTTP_PATCH] = "PATCH",   [ASSAY_HTTP_DELETE] = "DELETE",
    [ASSAY_HTTP_OPTIONS] = "OPTIONS", [ASSAY_HTTP_METHOD_OTHER] = "",
};

const char *assay_http_method_name(enum assay_http_method m) { return method_names[m]; }

bool assay_http_path_split(struct assay_str path, struct assay_str segments[SEGMENTS_MAX], size_t *n) {
    *n = 0;
    if (path.n == 0 || path.p[0] != '/') return false;
    if (path.n == 1) return true;
    for (size_t from = 1, i = 1; i <= path.n; i++) {
        if (i < path.n && path.p[i] != '/') continue;
        if (*n == SEGMENTS_MAX) return false;
        segments[(*n)++] = (struct assay_str){path.p + from, i - from};
        from = i + 1;
    }
    return true;
}

bool assay_http_pattern_parse(const char *pattern, struct assay_http_pattern *out) {
    struct assay_str segments[SEGMENTS_MAX] = {{NULL, 0}};
    size_t vars = 0;
    if (!assay_http_path_split(assay_str_c(pattern), segments, &out->n)) return false;
    for (size_t i = 0; i < out->n; i++) {
        struct assay_str s = segments[i];
        bool var = s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}';
        if (s.n == 0 || (!var && memchr(s.p, '{', s.n)) || (var && ++vars > ASSAY_HTTP_VARS_MAX)) return false;
        out->segments[i] = (struct assay_http_segment){var ? (struct assay_str){s.p + 1, s.n - 2} : s, var};
    }
    return true;
}

/* --- checking ----------------------------------------------------------------------------------------------------- */
/* Every path that b matches is matched by a. */
static bool hides(const struct assay_http_pattern *a, const struct assay_http_pattern *b) {
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct assay_http_segment *x = &a->segments[i], *y = &b->segments[i];
        if (!x->var && (y->var || !assay_str_eq(x->text, y->text))) return false;
    }
    return true;
}

static const char *row_fault(const struct assay_http_route *r, const struct assay_http_pattern *p) {
    if (!r->name || !r->name[0]) return "has no name";
    if (!r->handler) return "has no handler";
    if (r->method < ASSAY_HTTP_GET || r->method >= ASSAY_HTTP_OPTIONS || r->method == ASSAY_HTTP_HEAD)
        return "has a method that no row may have";
    if (r->kind > ASSAY_HTTP_STREAM || r->lane >= ASSAY_HTTP_LANES) return "has no such kind or lane";
    if (r->kind == ASSAY_HTTP_STREAM && !r->accepts) return "streams a body but accepts none";
    if (!p) return "has a pattern that cannot be parsed";
    size_t params = 0;
    while (r->params && r->params[params]) params++;
    return params > ASSAY_HTTP_PARAMS_MAX ? "has too many parameters" : NULL;
}

/* Rows of one path and method are told apart by the media type of the body. */
static bool media_apart(const struct assay_http_route *a, const struct assay_http_route *b) {
    if (!a->accepts || !b->accepts) return false;
    for (size_t i = 0; a->accepts[i]; i++)
        for (size_t j = 0; b->accepts[j]; j++)
            if (strcmp(a->accepts[i], b->accepts[j]) == 0) return false;
    return true;
}

static const char *pair_fault(const struct assay_http_route *a, const struct assay_http_pattern *pa,
                              const struct assay_http_route *b, const struct assay_http_pattern *pb) {
    if (strcmp(a->name, b->name) == 0) return "has the name of an earlier row";
    return a->method == b->method && hides(pa, pb) && !media_apart(a, b) ? "is hidden by an earlier row" : NULL;
}

static enum assay_status compile(const struct assay_http_route *routes, size_t n, struct assay_http_pattern *patterns,
                                 struct assay_error *e) {
    for (size_t i = 0; i < n; i++) {
        bool parsed = routes[i].pattern && assay_http_pattern_parse(routes[i].pattern, &patterns[i]);
        const char *fault = row_fault(&routes[i], parsed ? &patterns[i] : NULL);
        for (size_t j = 0; j < i && !fault; j++) fault = pair_fault(&routes[j], &patterns[j], &routes[i], &patterns[i]);
        if (fault)
            return assay_fail(e, ASSAY_CONFIG, "routes", "row %zu (%s) %s", i, routes[i].name ? routes[i].name : "?", fault);
    }
    return ASSAY_OK;
}

enum assay_status assay_http_routes_check(const struct assay_http_route *routes, size_t n, struct assay_error *e) {
    struct assay_http_pattern *patterns = assay_xcalloc(n + 1, sizeof *patterns);
    enum assay_status s = compile(routes, n, patterns, e);
    free(patterns);
    return s;
}

/* --- meters ------------------------------------------------------------------------------------------------------- */
static void make_route_meters(struct assay_http_site *site, size_t i, const char *name) {
    struct assay_buf labels = {0};
    for (int class = 0; class < 6; class ++) {
        labels.n = 0;
        assay_buf_printf(&labels, class ? "route=\"%s\",class=\"%dxx\"" : "route=\"%s\",class=\"gone\"", name, class);
        if (class == 1) continue;
        site->classes[i][class] = assay_metrics_counter(
            site->c.metrics, "assay_http_requests_total", labels.p,
            "Requests answered, by route and class of status; gone: the client left first.");
    }
    labels.n = 0;
    assay_buf_printf(&labels, "route=\"%s\"", name);
    site->durations[i] = assay_metrics_histogram(site->c.metrics, "assay_http_request_duration_seconds", labels.p,
                                                 "From the request line to the last byte of the reply.", NULL, 0);
    assay_buf_free(&labels);
}

static double read_buffered(void *arg) { return (double)atomic_load(&((struct assay_http_site *)arg)->buffered); }

static void make_meters(struct assay_http_site *site) {
    static const char *const reasons[REJECTIONS] = {"reason=\"connections\"",    "reason=\"lane_full\"",
                                                    "reason=\"buffered_bytes\"", "reason=\"body_timeout\"",
                                                    "reason=\"given_up\"",       "reason=\"rate\""};
    struct assay_metrics *m = site->c.metrics;
    if (!m) return;
    for (size_t i = 0; i < site->c.n_routes; i++) make_route_meters(site, i, site->c.routes[i].name);
    make_route_meters(site, site->c.n_routes, "none");
    site->in_flight = assay_metrics_gauge(m, "assay_http_in_flight", NULL, "Requests under way.");
    site->bytes_in = assay_metrics_counter(m, "assay_http_body_bytes_in_total", NULL, "Bytes of request bodies received.");
    site->bytes_out = assay_metrics_counter(m, "assay_http_body_bytes_out_total", NULL, "Bytes of reply bodies sent.");
    for (int i = 0; i < REJECTIONS; i++)
        site->rejected[i] = assay_metrics_counter(m, "assay_http_rejected_total", reasons[i],
                                                  "Requests or connections turned away, by bound.");
    assay_metric_set(assay_metrics_gauge(m, "assay_http_buffered_bytes_limit", NULL,
                                         "Bytes of request bodies that may be held; beyond it they are answered 503."),
                     (int64_t)site->c.buffered_bytes);
    assay_metric_set(assay_metrics_gauge(m, "assay_http_rate_limit", NULL,
                                         "Requests a second of one key; beyond it they are answered 429. 0: no bound."),
                     site->c.rate_per_second);
    assay_metric_set(assay_metrics_gauge(m, "assay_http_connections_limit", NULL, "Connections that may be open."),
                     (int64_t)site->c.connections);
    assay_metrics_reader(m, "assay_http_buffered_bytes", NULL, "Bytes of request bodies held in memory.", false, read_buffered,
                         site);
}

/* --- the site ----------------------------------------------------------------------------------------------------- */
enum assay_status assay_http_site_new(const struct assay_http_config *c, struct assay_http_site **out, struct assay_error *e) {
    struct assay_http_site *site = assay_xcalloc(1, sizeof *site);
    atomic_init(&site->refs, 1);
    site->c = *c;
    site->patterns = assay_xcalloc(c->n_routes + 1, sizeof *site->patterns);
    site->classes = assay_xcalloc(c->n_routes + 1, sizeof *site->classes);
    site->durations = assay_xcalloc(c->n_routes + 1, sizeof *site->durations);
    enum assay_status s = compile(c->routes, c->n_routes, site->patterns, e);
    if (s) {
        assay_http_site_unref(site);
        return s;
    }
    if (c->rate_per_second > 0) site->limit = assay_http_limit_new(c->rate_per_second, c->rate_burst);
    make_meters(site);
    *out = site;
    return ASSAY_OK;
}

void assay_http_site_unref(struct assay_http_site *site) {
    if (!site || atomic_fetch_sub(&site->refs, 1) != 1) return;
    if (site->c.metrics) assay_metrics_forget(site->c.metrics, site);
    assay_http_limit_free(site->limit);
    free(site->patterns);
    free(site->classes);
    free(site->durations);
    free(site);
}
