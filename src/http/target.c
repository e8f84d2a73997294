/* target.c -- the request target: path and query, taken apart raw, decoded afterwards (RFC 3986, RFC 9112 section 3.2). */
#include "internal.h"

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Percent-decode into the arena. form: '+' is a blank. Refused: a broken escape, NUL, what is not UTF-8. */
static bool decode(struct assay_arena *a, struct assay_str raw, bool form, struct assay_str *out) {
    char *p = assay_arena_alloc(a, raw.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '%') {
            int high = raw.n - i > 2 ? hex(raw.p[i + 1]) : -1;
            int low = high >= 0 ? hex(raw.p[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (form && c == '+') {
            c = ' ';
        }
        p[n++] = c;
    }
    p[n] = '\0';
    *out = (struct assay_str){p, n};
    return assay_utf8_valid(*out);
}

/* Only visible ASCII stands in a target, and no fragment. */
static bool is_clean(struct assay_str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7F || s.p[i] == '#') return false;
    return true;
}

/* A proxy's form, "http://host/path": the authority is not ours to judge. */
static struct assay_str without_authority(struct assay_str s) {
    if (s.n < 7 || (strncmp(s.p, "http://", 7) != 0 && (s.n < 8 || strncmp(s.p, "https://", 8) != 0))) return s;
    size_t i = s.p[4] == 's' ? 8 : 7;
    while (i < s.n && s.p[i] != '/') i++;
    return i == s.n ? ASSAY_STR("/") : (struct assay_str){s.p + i, s.n - i};
}

/* "a=1&b": names and values decoded; a name twice is admit's to refuse, so that all faults are told at once. */
static bool parse_query(struct assay_http_exchange *x) {
    struct assay_str rest = x->pub.query;
    while (rest.n > 0) {
        const char *amp = memchr(rest.p, '&', rest.n);
        struct assay_str pair = {rest.p, amp ? (size_t)(amp - rest.p) : rest.n};
        size_t used = pair.n + (amp ? 1 : 0);
        rest.p += used;
        rest.n -= used;
        if (pair.n == 0) continue;
        if (x->n_params == ASSAY_HTTP_PARAMS_MAX) return false;
        struct assay_http_named *param = &x->params[x->n_params++];
        const char *eq = memchr(pair.p, '=', pair.n);
        struct assay_str name = {pair.p, eq ? (size_t)(eq - pair.p) : pair.n};
        struct assay_str value = eq ? (struct assay_str){eq + 1, pair.n - name.n - 1} : ASSAY_STR("");
        if (!decode(&x->arena, name, true, &param->name) || !decode(&x->arena, value, true, &param->value)) return false;
    }
    return true;
}

void assay_http_target(struct assay_http_exchange *x, struct assay_str target) {
    if (target.n > x->site->c.uri_bytes) {
        x->bad_target = ASSAY_URI_TOO_LONG;
        return;
    }
    target = without_authority(assay_arena_dup(&x->arena, target));
    const char *mark = memchr(target.p, '?', target.n);
    x->pub.path = (struct assay_str){target.p, mark ? (size_t)(mark - target.p) : target.n};
    x->pub.query = mark ? (struct assay_str){mark + 1, target.n - x->pub.path.n - 1} : ASSAY_STR("");
    if (!is_clean(target) || target.n == 0 || target.p[0] != '/' || !parse_query(x)) x->bad_target = ASSAY_BAD_REQUEST;
}

/* Match a pattern on the raw path; then decode its variables. */
bool assay_http_pattern_match(const struct assay_http_pattern *p, const struct assay_str *segments, size_t n) {
    if (p->n != n) return false;
    for (size_t i = 0; i < n; i++)
        if (p->segments[i].var ? segments[i].n == 0 : !assay_str_eq(p->segments[i].text, segments[i])) return false;
    return true;
}

bool assay_http_pattern_vars(struct assay_http_exchange *x, const struct assay_http_pattern *p,
                             const struct assay_str *segments) {
    size_t vars = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->segments[i].var && !decode(&x->arena, segments[i], false, &x->pub.vars[vars++])) return false;
    return true;
}
