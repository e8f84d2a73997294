/* origins.c -- which pages of other origins may read replies (CORS, WHATWG Fetch): an allow-list, compared byte by byte. */
#include <ctype.h>

#include "internal.h"

static enum assay_status refuse(struct assay_error *e, struct assay_str s, const char *why) {
    return assay_fail(e, ASSAY_CONFIG, "cors-origins", "cors-origins: \"%.*s\" %s", (int)(s.n < 80 ? s.n : 80), s.p, why);
}

static bool starts(struct assay_str s, const char *prefix) {
    size_t n = strlen(prefix);
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

static bool is_port(struct assay_str s) {
    unsigned long v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!isdigit((unsigned char)s.p[i])) return false;
        v = v * 10 + (unsigned long)(s.p[i] - '0');
    }
    return s.n >= 1 && s.n <= 5 && s.p[0] != '0' && v <= 65535;
}

static bool is_host(struct assay_str s) {
    bool six = s.n > 4 && s.p[0] == '[' && s.p[s.n - 1] == ']';
    for (size_t i = six; i < s.n - six; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (six ? !(isxdigit(c) || c == ':' || c == '.') : !(isalnum(c) || c == '-' || c == '.')) return false;
    }
    return s.n > 0 && s.p[0] != '.' && s.p[0] != '-';
}

/* An origin as browsers write it: lower case, no path, no port that goes without saying. */
static enum assay_status check(struct assay_str s, struct assay_error *e) {
    if (assay_str_is(s, "*")) return refuse(e, s, "would let any page read what a key opens; name the origins");
    if (assay_str_is(s, "null")) return refuse(e, s, "is the origin of any sandboxed page; name the origins");
    bool tls = starts(s, "https://");
    if (!tls && !starts(s, "http://")) return refuse(e, s, "must begin with http:// or https://");
    struct assay_str rest = {s.p + (tls ? 8 : 7), s.n - (tls ? 8 : 7)}, host = rest;
    for (size_t i = 0; i < s.n; i++)
        if (isupper((unsigned char)s.p[i])) return refuse(e, s, "must be in lower case, as browsers say it");
    if (memchr(rest.p, '/', rest.n)) return refuse(e, s, "has a path or a slash at its end; an origin has none");
    size_t colon = rest.n;
    while (colon > 0 && rest.p[colon - 1] != ':' && rest.p[colon - 1] != ']') colon--;
    if (colon > 0 && rest.p[colon - 1] == ':') {
        struct assay_str port = {rest.p + colon, rest.n - colon};
        host.n = colon - 1;
        if (!is_port(port)) return refuse(e, s, "has no port from 1 to 65535 behind its colon");
        if (assay_str_is(port, tls ? "443" : "80")) return refuse(e, s, "names the scheme's own port, which browsers leave out");
    }
    return is_host(host) ? ASSAY_OK : refuse(e, s, "has no host name or address");
}

enum assay_status assay_http_origins_parse(const char *text, struct assay_arena *a, const char *const **out,
                                           struct assay_error *e) {
    struct assay_str rest = assay_str_c(text), s;
    const char **list = assay_arena_alloc(a, (strlen(text) / 2 + 2) * sizeof *list); /* as many as could be told apart */
    size_t n = 0;
    *out = NULL;
    while (assay_http_list_next(&rest, &s)) {
        enum assay_status st = check(s, e);
        if (st) return st;
        list[n++] = assay_arena_dup(a, s).p;
    }
    list[n] = NULL;
    if (n) *out = list;
    return ASSAY_OK;
}

const char *assay_http_origin_of(const struct assay_http_exchange *x) {
    struct assay_str origin = x->pub.headers.origin;
    for (const char *const *o = x->site->c.origins; o && *o && origin.p; o++)
        if (assay_str_is(origin, *o)) return *o;
    return NULL;
}
