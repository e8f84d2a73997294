/* finish.c -- the last stage of a reply: validators and 304, compression, headers that every reply has; then the log line
 * and the meters. */
#include <stdio.h>

#include "internal.h"

static bool has_header(const struct assay_http_exchange *x, const char *name) {
    for (const struct assay_http_header *h = x->reply.headers; h; h = h->next)
        if (assay_http_name_is(assay_str_c(h->name), name)) return true;
    return false;
}

/* What shrinks: texts and JSON of any kind. */
static bool is_compressible(const char *content_type) {
    if (!content_type) return false;
    return strncmp(content_type, "text/", 5) == 0 || strstr(content_type, "json") || strstr(content_type, "javascript") ||
           strstr(content_type, "xml") || strstr(content_type, "yaml") || strstr(content_type, "csv");
}

/* Replies that a client may keep and ask about: successful GETs of what is not volatile. */
static bool is_cacheable(const struct assay_http_exchange *x) {
    bool get = x->pub.method == ASSAY_HTTP_GET || x->pub.method == ASSAY_HTTP_HEAD;
    return get && x->reply.status == 200 && x->reply.body && x->pub.route && !(x->pub.route->flags & ASSAY_HTTP_VOLATILE);
}

static void add_vary(struct assay_http_exchange *x, bool encoding) {
    /* Also where the request named no origin: what was kept for one must not be given to another. */
    bool origin = x->site->c.origins != NULL, accept = x->pub.produce >= 0, language = x->reply.problem != ASSAY_OK;
    const char *names[] = {encoding ? "Accept-Encoding" : NULL, accept ? "Accept" : NULL, language ? "Accept-Language" : NULL,
                           origin ? "Origin" : NULL};
    struct assay_buf b = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i]) assay_buf_printf(&b, "%s%s", b.n ? ", " : "", names[i]);
    if (b.n) assay_http_reply_header(&x->pub, "Vary", b.p);
    assay_buf_free(&b);
}

static void add_cors(struct assay_http_exchange *x) {
    const char *origin = assay_http_origin_of(x);
    if (!origin) return;
    assay_http_reply_header(&x->pub, "Access-Control-Allow-Origin", origin);
    assay_http_reply_header(&x->pub, "Access-Control-Expose-Headers", CORS_EXPOSED);
}

static void add_problem_headers(struct assay_http_exchange *x) {
    struct assay_http_request *r = &x->pub;
    int retry = assay_http_retry_seconds(x->reply.problem);
    assay_http_reply_header(r, "Content-Language", x->reply.language);
    if (x->reply.status == 401) assay_http_reply_header(r, "WWW-Authenticate", "Bearer realm=\"assay\"");
    if (retry > 0 && !has_header(x, "Retry-After"))
        assay_http_reply_header(r, "Retry-After", assay_arena_printf(r->arena, "%d", retry));
}

/* Whether the body has a gzip form; whether that is what is sent. */
static bool may_shrink(const struct assay_http_exchange *x) {
    return x->reply.body && is_compressible(x->reply.content_type) && !has_header(x, "Content-Encoding") &&
           assay_http_body_bytes(x->reply.body).n >= GZIP_MIN;
}
static bool sends_gzip(const struct assay_http_exchange *x) {
    return may_shrink(x) && assay_http_wants_gzip(x->pub.headers.accept_encoding);
}

#define ETAG_TEXT 160
/* The tag of the form that would be sent. */
static const char *form_etag(const struct assay_http_exchange *x, bool gzip, char out[ETAG_TEXT]) {
    const char *base = x->reply.etag ? x->reply.etag : assay_http_body_etag(x->reply.body);
    snprintf(out, ETAG_TEXT, "%s%s", base, gzip ? ETAG_GZIP : "");
    return out;
}

bool assay_http_finish_is_quick(const struct assay_http_exchange *x) {
    char etag[ETAG_TEXT];
    if (!sends_gzip(x) || assay_http_body_has_gzip(x->reply.body)) return true;
    return x->pub.headers.if_none_match.p && assay_http_etag_listed(x->pub.headers.if_none_match, form_etag(x, true, etag), true);
}

/* 304 when the client has that one. */
static void add_validators(struct assay_http_exchange *x, bool gzip) {
    char etag[ETAG_TEXT];
    form_etag(x, gzip, etag);
    assay_http_reply_header(&x->pub, "ETag", assay_arena_printf(&x->arena, "\"%s\"", etag));
    assay_http_reply_header(&x->pub, "Cache-Control", "private, no-cache");
    if (!assay_http_etag_listed(x->pub.headers.if_none_match, etag, true)) return;
    if (x->recalled) assay_http_recalled_not_modified(x);
    x->reply.status = 304;
    assay_http_body_unref(x->reply.body);
    x->reply.body = NULL;
}

static void add_safety(struct assay_http_exchange *x) {
    struct assay_http_request *r = &x->pub;
    assay_http_reply_header(r, "X-Content-Type-Options", "nosniff");
    assay_http_reply_header(r, "Referrer-Policy", SAFE_REFERRER);
    if (!has_header(x, "Content-Security-Policy")) assay_http_reply_header(r, "Content-Security-Policy", SAFE_POLICY);
    if (x->site->c.tls) assay_http_reply_header(r, "Strict-Transport-Security", SAFE_TRANSPORT);
}

void assay_http_finish(struct assay_http_exchange *x) {
    struct assay_http_reply *reply = &x->reply;
    if (!reply->set) {
        enum assay_status why = x->pub.body_error.status ? x->pub.body_error.status : ASSAY_INTERNAL;
        assay_http_reply_problem(&x->pub, why, why == ASSAY_INTERNAL ? NULL : &x->pub.body_error);
    }
    bool shrinks = may_shrink(x), gzip = sends_gzip(x), cacheable = is_cacheable(x);
    if (cacheable && x->keep && !x->recalled) assay_http_remember(x);
    if (cacheable) add_validators(x, gzip);
    else if (!has_header(x, "Cache-Control")) assay_http_reply_header(&x->pub, "Cache-Control", "no-store");
    reply->bytes = ASSAY_STR("");
    if (reply->body) {
        reply->bytes = gzip ? assay_http_body_gzip(reply->body) : assay_http_body_bytes(reply->body);
        if (reply->content_type) assay_http_reply_header(&x->pub, "Content-Type", reply->content_type);
        if (gzip) assay_http_reply_header(&x->pub, "Content-Encoding", "gzip");
    }
    add_vary(x, shrinks);
    add_cors(x);
    if (reply->problem) add_problem_headers(x);
    assay_http_reply_header(&x->pub, "X-Request-Id", x->pub.id.p);
    add_safety(x);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */
static void log_line(const struct assay_http_exchange *x, int status, uint64_t bytes_out, int64_t us) {
    const struct assay_http_route *route = x->pub.route;
    enum assay_log_level level = route && (route->flags & ASSAY_HTTP_NO_LOG) ? ASSAY_LOG_DEBUG : ASSAY_LOG_INFO;
    if (status == 500) level = ASSAY_LOG_ERROR;
    struct assay_log_line l;
    if (!assay_log_begin(&l, x->site->c.log, level, "request")) return;
    assay_log_str(&l, "id", x->pub.id);
    assay_log_text(&l, "method", x->pub.method == ASSAY_HTTP_METHOD_OTHER ? "other" : assay_http_method_name(x->pub.method));
    assay_log_text(&l, "route", route ? route->name : "none");
    assay_log_str(&l, "path", x->pub.path);
    if (status) assay_log_int(&l, "status", status);
    else assay_log_text(&l, "status", "gone");
    assay_log_int(&l, "bytes_in", (int64_t)x->body_in);
    assay_log_int(&l, "bytes_out", (int64_t)bytes_out);
    assay_log_int(&l, "us", us);
    if (x->client[0]) assay_log_text(&l, "client", x->client);
    assay_log_str(&l, "principal", x->pub.principal_id);
    assay_log_end(&l);
}

void assay_http_account(struct assay_http_exchange *x, int status, uint64_t bytes_out, int64_t now_us) {
    struct assay_http_site *site = x->site;
    int64_t us = now_us - x->started_us;
    log_line(x, status, bytes_out, us);
    if (!site->c.metrics) return;
    size_t row = x->pub.route ? (size_t)(x->pub.route - site->c.routes) : site->c.n_routes;
    assay_metric_add(site->classes[row][status / 100 < 6 ? status / 100 : 0], 1);
    assay_metric_observe(site->durations[row], us);
    assay_metric_add(site->bytes_in, (int64_t)x->body_in);
    assay_metric_add(site->bytes_out, (int64_t)bytes_out);
}
