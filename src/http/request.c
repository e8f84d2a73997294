/* request.c -- a request's life, what handlers ask of it, and how they answer. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

enum assay_http_method assay_http_method_parse(const char *name) {
    for (int m = ASSAY_HTTP_GET; m < ASSAY_HTTP_METHOD_OTHER; m++)
        if (strcmp(name, assay_http_method_name((enum assay_http_method)m)) == 0) return (enum assay_http_method)m;
    return ASSAY_HTTP_METHOD_OTHER;
}

struct assay_http_exchange *assay_http_exchange_new(struct assay_http_site *site) {
    struct assay_http_exchange *x = assay_xcalloc(1, sizeof *x);
    x->site = site;
    atomic_fetch_add(&site->refs, 1);
    atomic_init(&x->refs, 1);
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->moved, NULL);
    x->reply.tail = &x->reply.headers;
    x->pub.method = ASSAY_HTTP_METHOD_OTHER;
    x->pub.path = ASSAY_STR("");
    x->pub.query = ASSAY_STR("");
    x->pub.body = ASSAY_STR("");
    x->pub.media = -1;
    x->pub.produce = -1;
    x->pub.arena = &x->arena;
    x->pub.app = site->c.app;
    return x;
}

struct assay_http_exchange *assay_http_exchange_ref(struct assay_http_exchange *x) {
    atomic_fetch_add(&x->refs, 1);
    return x;
}

void assay_http_exchange_unref(struct assay_http_exchange *x) {
    if (atomic_fetch_sub(&x->refs, 1) != 1) return;
    assay_http_body_unref(x->reply.body);
    assay_http_buffer_free(x);
    assay_arena_free(&x->arena);
    pthread_cond_destroy(&x->moved);
    pthread_mutex_destroy(&x->lock);
    assay_http_site_unref(x->site);
    free(x);
}

/* --- headers ------------------------------------------------------------------------------------------------------ */
/* list: repeated fields are one list; else a second one is a fault. */
static const struct header_row {
    const char *name;
    size_t offset;
    bool list;
} header_rows[] = {
#define ROW(name, member, list) \
    { name, offsetof(struct assay_http_headers, member), list }
    ROW("Authorization", authorization, false),
    ROW("Content-Type", content_type, false),
    ROW("Content-Encoding", content_encoding, true),
    ROW("Content-Length", content_length, false),
    ROW("Transfer-Encoding", transfer_encoding, true),
    ROW("If-None-Match", if_none_match, true),
    ROW("If-Match", if_match, true),
    ROW("Accept", accept, true),
    ROW("Accept-Encoding", accept_encoding, true),
    ROW("Accept-Language", accept_language, true),
    ROW("Cache-Control", cache_control, true),
    ROW("Prefer", prefer, true),
    ROW("X-Request-Id", x_request_id, false),
    ROW("Origin", origin, false),
    ROW("Access-Control-Request-Method", access_control_request_method, false),
    ROW("Host", host, false),
    ROW("X-Forwarded-For", x_forwarded_for, true),
#undef ROW
};

/* A name with blanks or control characters before its colon is how requests are smuggled past a proxy. */
static bool is_token(struct assay_str s) {
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && !strchr("!#$%&'*+-.^_`|~", s.p[i])) return false;
    return s.n > 0;
}

bool assay_http_header_in(struct assay_http_exchange *x, struct assay_str name, struct assay_str value) {
    if (!is_token(name) || (value.n > 0 && memchr(value.p, '\r', value.n))) return false; /* a bare CR ends a line to some */
    for (size_t i = 0; i < sizeof header_rows / sizeof *header_rows; i++) {
        const struct header_row *row = &header_rows[i];
        if (!assay_http_name_is(name, row->name)) continue;
        struct assay_str *slot = (struct assay_str *)(void *)((char *)&x->pub.headers + row->offset);
        if (slot->p && !row->list) return false;
        const char *joined = slot->p ? assay_arena_printf(&x->arena, "%.*s, %.*s", ASSAY_STR_ARG(*slot), ASSAY_STR_ARG(value))
                                     : NULL;
        *slot = joined ? assay_str_c(joined) : assay_arena_dup(&x->arena, assay_http_trim(value));
        return true;
    }
    return true;
}

/* --- what handlers ask -------------------------------------------------------------------------------------------- */
struct assay_str assay_http_param(const struct assay_http_request *r, const char *name) {
    const struct assay_http_exchange *x = exchange_const(r);
    for (size_t i = 0; i < x->n_params; i++)
        if (assay_str_is(x->params[i].name, name)) return x->params[i].value;
    return ASSAY_STR_NONE;
}

/* Digits with an optional sign, nothing else. */
static bool parse_int(struct assay_str s, int64_t *out) {
    bool negative = s.n > 0 && s.p[0] == '-';
    int64_t v = 0;
    if (s.n == (negative ? 1u : 0u)) return false;
    for (size_t i = negative ? 1 : 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.p[i] - '0', &v)) return false;
    }
    return negative ? (*out = v, true) : !__builtin_sub_overflow(0, v, out);
}

void assay_http_param_int(const struct assay_http_request *r, const char *name, int64_t min, int64_t max, int64_t *out,
                          struct assay_errors *es) {
    struct assay_str s = assay_http_param(r, name);
    int64_t v;
    if (!s.p) return;
    if (parse_int(s, &v) && v >= min && v <= max) *out = v;
    else
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, name, "%s must be a whole number from %lld to %lld", name, (long long)min,
                         (long long)max);
}

void assay_http_param_bool(const struct assay_http_request *r, const char *name, bool *out, struct assay_errors *es) {
    struct assay_str s = assay_http_param(r, name);
    if (!s.p) return;
    if (assay_str_is(s, "true")) *out = true;
    else if (assay_str_is(s, "false")) *out = false;
    else assay_errors_add(es, ASSAY_INVALID_PARAMETER, name, "%s must be true or false", name);
}

bool assay_http_no_cache(const struct assay_http_request *r) {
    struct assay_str rest = r->headers.cache_control, element;
    while (assay_http_list_next(&rest, &element))
        if (assay_http_name_is(element, "no-cache")) return true;
    return false;
}

enum assay_status assay_http_if_match(const struct assay_http_request *r, const char *etag) {
    if (!r->headers.if_match.p) return ASSAY_PRECONDITION_REQUIRED;
    if (!etag) return ASSAY_PRECONDITION_FAILED;
    if (assay_http_etag_listed(r->headers.if_match, etag, false)) return ASSAY_OK;
    /* The gzip form names the same state of the resource. */
    char gzip[160];
    int n = snprintf(gzip, sizeof gzip, "%s%s", etag, ETAG_GZIP);
    bool fits = n > 0 && (size_t)n < sizeof gzip;
    return fits && assay_http_etag_listed(r->headers.if_match, gzip, false) ? ASSAY_OK : ASSAY_PRECONDITION_FAILED;
}

bool assay_http_if_none_match(const struct assay_http_request *r, const char *etag) {
    return r->headers.if_none_match.p && assay_http_etag_listed(r->headers.if_none_match, etag, true);
}

int64_t assay_http_prefer_wait(const struct assay_http_request *r, int64_t otherwise) {
    struct assay_str rest = r->headers.prefer, element;
    while (assay_http_list_next(&rest, &element)) {
        /* Parameters of a preference are of no matter here. */
        const char *semicolon = element.n ? memchr(element.p, ';', element.n) : NULL;
        if (semicolon) element = assay_http_trim((struct assay_str){element.p, (size_t)(semicolon - element.p)});
        if (assay_http_name_is(element, "respond-async")) return 0;
        if (element.n < 6 || !assay_http_name_is((struct assay_str){element.p, 5}, "wait=")) continue;
        int64_t seconds = 0;
        size_t i = 5;
        for (; i < element.n && element.p[i] >= '0' && element.p[i] <= '9' && seconds < 100000; i++)
            seconds = seconds * 10 + (element.p[i] - '0');
        if (i == element.n) return seconds; /* what cannot be read is passed over, as RFC 7240 asks */
    }
    return otherwise;
}

bool assay_http_gone(const struct assay_http_request *r) { return atomic_load(&exchange_const(r)->gone); }

bool assay_http_draining(const struct assay_http_request *r) { return atomic_load(&exchange_const(r)->site->draining); }

/* --- how they answer ---------------------------------------------------------------------------------------------- */
void assay_http_reply_body(struct assay_http_request *r, int status, const char *content_type, struct assay_http_body *body) {
    struct assay_http_reply *reply = &exchange_of(r)->reply;
    assay_http_body_unref(reply->body);
    reply->set = true;
    reply->status = status;
    reply->content_type = content_type;
    reply->body = body;
    reply->problem = ASSAY_OK;
    reply->language = NULL;
}

void assay_http_reply(struct assay_http_request *r, int status, const char *content_type, struct assay_buf *b) {
    assay_http_reply_body(r, status, content_type, assay_http_body_take(b));
}

void assay_http_reply_json(struct assay_http_request *r, int status, struct assay_buf *b) {
    assay_http_reply(r, status, "application/json", b);
}

void assay_http_reply_empty(struct assay_http_request *r, int status) { assay_http_reply_body(r, status, NULL, NULL); }

static void set_header(struct assay_http_exchange *x, const char *name, const char *value) {
    struct assay_http_header *h = x->reply.headers;
    while (h && !assay_http_name_is(assay_str_c(h->name), name)) h = h->next;
    if (!h) {
        h = assay_arena_zalloc(&x->arena, sizeof *h);
        h->name = name;
        *x->reply.tail = h;
        x->reply.tail = &h->next;
    }
    h->value = value;
}

/* Values may hold what a client sent: what would end a header line does not get in. */
void assay_http_reply_header(struct assay_http_request *r, const char *name, const char *value) {
    struct assay_http_exchange *x = exchange_of(r);
    char *copy = (char *)(uintptr_t)assay_arena_dup(&x->arena, assay_str_c(value)).p;
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7F) *p = ' ';
    set_header(x, assay_arena_dup(&x->arena, assay_str_c(name)).p, copy);
}

void assay_http_reply_etag(struct assay_http_request *r, const char *etag) {
    exchange_of(r)->reply.etag = assay_arena_dup(r->arena, assay_str_c(etag)).p;
}

void assay_http_complete(struct assay_http_request *r) {
    struct assay_http_exchange *x = exchange_of(r);
    pthread_mutex_lock(&x->lock);
    bool detached = x->detached;
    pthread_mutex_unlock(&x->lock);
    if (!detached) assay_http_finish(x);
    x->completed(x);
}

bool assay_http_again(struct assay_http_request *r) {
    struct assay_http_exchange *x = exchange_of(r);
    return x->again(x);
}
