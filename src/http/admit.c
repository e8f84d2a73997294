/* admit.c -- everything that can be said of a request once its head is there: whether it is sound, where it goes, who
 * sends it, what it may ask and bring. A refusal here costs nothing else anything. */
#include <stdio.h>
#include <sys/random.h>

#include "internal.h"

static bool refuse(struct assay_http_exchange *x, enum assay_status status, const char *field, const char *detail) {
    struct assay_error e;
    assay_fail(&e, status, field, "%s", detail);
    assay_http_reply_problem(&x->pub, status, &e);
    return false;
}

/* --- the request's id --------------------------------------------------------------------------------------------- */
static bool is_request_id(struct assay_str s) {
    if (s.n < 1 || s.n > 64) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                    c == '-';
        if (!good) return false;
    }
    return true;
}

void assay_http_make_id(char out[ASSAY_HTTP_ID_TEXT]) {
    unsigned char bytes[(ASSAY_HTTP_ID_TEXT - 1) / 2];
    /* Up to 256 bytes are given whole and cannot be interrupted once the kernel's pool is ready, which it is. */
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) memset(bytes, 0, sizeof bytes);
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof bytes; i++) out[2 * i] = hex[bytes[i] >> 4], out[2 * i + 1] = hex[bytes[i] & 15];
    out[2 * sizeof bytes] = '\0';
}

static void identify(struct assay_http_exchange *x) {
    if (is_request_id(x->pub.headers.x_request_id)) {
        x->pub.id = x->pub.headers.x_request_id;
        return;
    }
    char id[ASSAY_HTTP_ID_TEXT];
    assay_http_make_id(id);
    x->pub.id = assay_arena_dup(&x->arena, assay_str_c(id));
}

/* --- soundness ---------------------------------------------------------------------------------------------------- */
/* Two ways to say where a body ends are two opinions on where the next request begins: refused. */
static bool is_framed(const struct assay_http_headers *h) {
    if (h->transfer_encoding.p) return !h->content_length.p && assay_http_name_is(h->transfer_encoding, "chunked");
    for (size_t i = 0; i < h->content_length.n; i++)
        if (h->content_length.p[i] < '0' || h->content_length.p[i] > '9') return false;
    return !h->content_length.p || h->content_length.n > 0;
}

static bool is_sound(struct assay_http_exchange *x, size_t head_bytes) {
    if (x->bad_target == ASSAY_URI_TOO_LONG) return refuse(x, ASSAY_URI_TOO_LONG, "", "");
    if (head_bytes > x->site->c.head_bytes) return refuse(x, ASSAY_HEADERS_TOO_LARGE, "", "");
    if (x->bad_head) return refuse(x, ASSAY_BAD_REQUEST, "", x->bad_head);
    if (!is_framed(&x->pub.headers))
        return refuse(x, ASSAY_BAD_REQUEST, "", "The body's length is said twice or in a way that is not understood");
    if (x->bad_target)
        return refuse(x, x->bad_target, "",
                      "The request target has characters or escapes that are not allowed, or too many parameters");
    return true;
}

/* --- where it goes ------------------------------------------------------------------------------------------------ */
static bool answers(const struct assay_http_route *route, enum assay_http_method method) {
    return route->method == method || (method == ASSAY_HTTP_HEAD && route->method == ASSAY_HTTP_GET);
}

static void add_allowed(struct assay_buf *b, const char *name) {
    if (b->n > 0) assay_buf_adds(b, ", ");
    assay_buf_adds(b, name);
}

static void set_allow(struct assay_http_exchange *x, const bool allowed[ASSAY_HTTP_METHOD_OTHER]) {
    struct assay_buf b = {0};
    for (int m = ASSAY_HTTP_GET; m < ASSAY_HTTP_OPTIONS; m++)
        if (allowed[m] || (m == ASSAY_HTTP_HEAD && allowed[ASSAY_HTTP_GET]))
            add_allowed(&b, assay_http_method_name((enum assay_http_method)m));
    add_allowed(&b, "OPTIONS");
    assay_http_reply_header(&x->pub, "Allow", b.p);
    assay_buf_free(&b);
}

/* A preflight asks whether a page may ask, not whether there will be what it asks for: so that it can read a 404 or a 405
 * too, all methods and the headers of the contract are allowed, on any path. */
static void allow_page(struct assay_http_exchange *x) {
    if (x->pub.method != ASSAY_HTTP_OPTIONS || !x->pub.headers.access_control_request_method.p || !assay_http_origin_of(x))
        return;
    assay_http_reply_empty(&x->pub, 204);
    assay_http_reply_header(&x->pub, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    assay_http_reply_header(&x->pub, "Access-Control-Allow-Headers",
                            "Authorization, Content-Type, Content-Encoding, Accept-Language, Cache-Control, If-Match, "
                            "If-None-Match, X-Request-Id");
    assay_http_reply_header(&x->pub, "Access-Control-Max-Age", "600");
}

static bool takes_media(const struct assay_http_exchange *x, const struct assay_http_route *route) {
    return route->accepts && x->pub.headers.content_type.p && assay_http_media(x->pub.headers.content_type, route->accepts) >= 0;
}

/* The first row that matches path and method (and takes the body's media type, where several match); the others say what
 * is allowed. */
static bool find_route(struct assay_http_exchange *x) {
    const struct assay_http_site *site = x->site;
    struct assay_str segments[SEGMENTS_MAX];
    bool allowed[ASSAY_HTTP_METHOD_OTHER] = {false}, any = false;
    size_t n, found = site->c.n_routes;
    if (!assay_http_path_split(x->pub.path, segments, &n)) return refuse(x, ASSAY_NOT_FOUND, "", "");
    for (size_t i = 0; i < site->c.n_routes; i++) {
        if (!assay_http_pattern_match(&site->patterns[i], segments, n)) continue;
        any = allowed[site->c.routes[i].method] = true;
        if (!answers(&site->c.routes[i], x->pub.method)) continue;
        if (found == site->c.n_routes) found = i;
        else if (!takes_media(x, &site->c.routes[found]) && takes_media(x, &site->c.routes[i])) found = i;
    }
    if (found < site->c.n_routes) {
        x->pub.route = &site->c.routes[found];
        return assay_http_pattern_vars(x, &site->patterns[found], segments) ||
               refuse(x, ASSAY_BAD_REQUEST, "", "The path has an escape that is broken or not UTF-8");
    }
    if (!any) {
        refuse(x, ASSAY_NOT_FOUND, "", "");
    } else {
        if (x->pub.method == ASSAY_HTTP_OPTIONS) assay_http_reply_empty(&x->pub, 204);
        else refuse(x, ASSAY_METHOD_NOT_ALLOWED, "", "");
        set_allow(x, allowed);
    }
    allow_page(x);
    return false;
}

/* --- who sends it, what it asks ----------------------------------------------------------------------------------- */
/* Each key by itself, so that none can take the daemon from the others; nobody's requests are not counted here. */
static bool within_rate(struct assay_http_exchange *x) {
    int64_t wait_s = x->pub.principal_id.p
                         ? assay_http_limit_take(x->site->limit, x->pub.principal_id, assay_clock_monotonic_us())
                         : 0;
    if (!wait_s) return true;
    assay_metric_add(x->site->rejected[REJECTED_RATE], 1);
    assay_http_reply_header(&x->pub, "Retry-After", assay_arena_printf(&x->arena, "%lld", (long long)wait_s));
    return refuse(x, ASSAY_RATE_LIMITED, "", "");
}

/* A key that is refused is counted all the same. */
static bool authorized(struct assay_http_exchange *x) {
    if (x->pub.route->access == 0) return true;
    struct assay_error e = {0};
    enum assay_status s = x->site->c.authorize ? x->site->c.authorize(&x->pub, &e) : ASSAY_UNAUTHORIZED;
    if (!within_rate(x)) return false;
    if (s) assay_http_reply_problem(&x->pub, s, &e);
    return s == ASSAY_OK;
}

static bool is_known(const char *const *names, struct assay_str name) {
    for (size_t i = 0; names && names[i]; i++)
        if (assay_str_is(name, names[i])) return true;
    return false;
}

static bool is_repeated(const struct assay_http_exchange *x, size_t i) {
    for (size_t j = 0; j < i; j++)
        if (assay_str_eq(x->params[j].name, x->params[i].name)) return true;
    return false;
}

static bool params_good(struct assay_http_exchange *x) {
    struct assay_errors es;
    es.n = 0;
    for (size_t i = 0; i < x->n_params; i++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", ASSAY_STR_ARG(x->params[i].name));
        if (!is_known(x->pub.route->params, x->params[i].name))
            assay_errors_add(&es, ASSAY_UNKNOWN_PARAMETER, name, "%s is not a parameter here", name);
        else if (is_repeated(x, i)) assay_errors_add(&es, ASSAY_INVALID_PARAMETER, name, "%s is given more than once", name);
    }
    if (es.n == 0) return true;
    assay_http_reply_problems(&x->pub, es.items[0].status, &es);
    return false;
}

/* --- what it brings and wants ------------------------------------------------------------------------------------- */
uint64_t assay_http_body_limit(const struct assay_http_exchange *x) {
    const struct assay_http_route *route = x->pub.route;
    if (route->max_body) return route->max_body;
    return route->kind == ASSAY_HTTP_STREAM ? UINT64_MAX : x->site->c.body_bytes;
}

static bool parse_length(struct assay_str s, uint64_t *out) {
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v)) return false;
    *out = v;
    return true;
}

static bool encoding_good(struct assay_http_exchange *x) {
    struct assay_str encoding = x->pub.headers.content_encoding;
    if (!encoding.p || assay_http_name_is(encoding, "identity")) return true;
    x->pub.gzip_body = assay_http_name_is(encoding, "gzip") || assay_http_name_is(encoding, "x-gzip");
    if (x->pub.gzip_body && (x->pub.route->flags & ASSAY_HTTP_GZIP_BODY)) return true;
    assay_http_reply_header(&x->pub, "Accept-Encoding",
                            x->pub.route->flags & ASSAY_HTTP_GZIP_BODY ? "gzip, identity" : "identity");
    return refuse(x, ASSAY_UNSUPPORTED_MEDIA_TYPE, "", "The Content-Encoding is not supported here");
}

static bool body_good(struct assay_http_exchange *x) {
    const struct assay_http_route *route = x->pub.route;
    uint64_t length;
    if (!route->accepts) return refuse(x, ASSAY_BAD_REQUEST, "", "This request takes no body");
    x->pub.media = assay_http_media(x->pub.headers.content_type, route->accepts);
    if (x->pub.media < 0)
        return refuse(x, ASSAY_UNSUPPORTED_MEDIA_TYPE, "", "The Content-Type is missing or not one that is taken here");
    if (!encoding_good(x)) return false;
    bool fits = parse_length(x->pub.headers.content_length, &length) && length <= assay_http_body_limit(x);
    return fits || refuse(x, ASSAY_TOO_LARGE, "", "");
}

static bool acceptable(struct assay_http_exchange *x) {
    if (!x->pub.route->produces) return true;
    x->pub.produce = assay_http_negotiate(x->pub.headers.accept, x->pub.route->produces);
    return x->pub.produce >= 0 || refuse(x, ASSAY_NOT_ACCEPTABLE, "", "");
}

bool assay_http_admit(struct assay_http_exchange *x, size_t head_bytes, bool has_body) {
    identify(x);
    x->sound = is_sound(x, head_bytes);
    return x->sound && find_route(x) && authorized(x) && params_good(x) && (!has_body || body_good(x)) && acceptable(x);
}
