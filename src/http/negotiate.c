/* negotiate.c -- the lists of HTTP: what a client accepts and how much (RFC 9110 section 12), media types, entity tags. */
#include "internal.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

bool assay_http_name_is(struct assay_str a, const char *name) {
    size_t n = strlen(name);
    if (a.n != n) return false;
    for (size_t i = 0; i < n; i++)
        if (lower(a.p[i]) != lower(name[i])) return false;
    return true;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

struct assay_str assay_http_trim(struct assay_str s) {
    while (s.n > 0 && is_blank(s.p[0])) s.p++, s.n--;
    while (s.n > 0 && is_blank(s.p[s.n - 1])) s.n--;
    return s;
}

/* Up to the next `sep` outside quotes. */
static struct assay_str cut_at(struct assay_str *rest, char sep) {
    size_t i = 0;
    bool quoted = false;
    for (; i < rest->n && (quoted || rest->p[i] != sep); i++) {
        if (rest->p[i] == '"') quoted = !quoted;
        else if (quoted && rest->p[i] == '\\' && i + 1 < rest->n) i++;
    }
    struct assay_str head = {rest->p, i};
    size_t used = i < rest->n ? i + 1 : i;
    rest->p += used;
    rest->n -= used;
    return assay_http_trim(head);
}

bool assay_http_list_next(struct assay_str *rest, struct assay_str *element) {
    while (rest->n > 0) {
        *element = cut_at(rest, ',');
        if (element->n > 0) return true;
    }
    return false;
}

/* --- quality values ----------------------------------------------------------------------------------------------- */
/* "0.5" as thousandths; what cannot be read counts as 1: better a representation than a refusal. */
static int parse_q(struct assay_str s) {
    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.')) return 1000;
    int q = (s.p[0] - '0') * 1000;
    for (size_t i = 2, unit = 100; i < s.n; i++, unit /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9') return 1000;
        q += (s.p[i] - '0') * (int)unit;
    }
    return q > 1000 ? 1000 : q;
}

/* The value of an element and its q; other parameters are passed over. */
static struct assay_str value_and_q(struct assay_str element, int *q) {
    struct assay_str value = cut_at(&element, ';');
    *q = 1000;
    while (element.n > 0) {
        struct assay_str param = cut_at(&element, ';');
        if (param.n >= 2 && lower(param.p[0]) == 'q' && param.p[1] == '=')
            *q = parse_q(assay_http_trim((struct assay_str){param.p + 2, param.n - 2}));
    }
    return value;
}

/* How closely a media range names a type: 3 exactly, 2 "text/<any>", 1 anything, 0 not. */
static int closeness(struct assay_str range, const char *type) {
    if (assay_http_name_is(range, type)) return 3;
    if (assay_str_is(range, "*/*") || assay_str_is(range, "*")) return 1;
    const char *slash = strchr(type, '/');
    size_t major = slash ? (size_t)(slash - type) + 1 : 0;
    if (major == 0 || range.n != major + 1 || range.p[major] != '*') return 0;
    for (size_t i = 0; i < major; i++)
        if (lower(range.p[i]) != lower(type[i])) return 0;
    return 2;
}

static int media_quality(struct assay_str accept, const char *type) {
    int best = 0, quality = 0, q;
    struct assay_str element;
    while (assay_http_list_next(&accept, &element)) {
        int close = closeness(value_and_q(element, &q), type);
        if (close <= best) continue;
        best = close;
        quality = q;
    }
    return quality;
}

int assay_http_negotiate(struct assay_str accept, const char *const *offers) {
    if (assay_http_trim(accept).n == 0) return 0;
    int best = -1, quality = 0;
    for (int i = 0; offers[i]; i++) {
        int q = media_quality(accept, offers[i]);
        if (q <= quality) continue;
        quality = q;
        best = i;
    }
    return best;
}

/* The q of a token in a list; -1 where neither it nor * is there. */
static int token_quality(struct assay_str list, const char *token) {
    int exact = -1, any = -1, q;
    struct assay_str element;
    while (assay_http_list_next(&list, &element)) {
        struct assay_str value = value_and_q(element, &q);
        if (assay_http_name_is(value, token)) exact = q;
        else if (assay_str_is(value, "*")) any = q;
    }
    return exact >= 0 ? exact : any;
}

bool assay_http_wants_gzip(struct assay_str accept_encoding) {
    if (!accept_encoding.p) return false;
    int gzip = token_quality(accept_encoding, "gzip");
    if (gzip < 0) gzip = token_quality(accept_encoding, "x-gzip");
    return gzip > 0 && gzip >= token_quality(accept_encoding, "identity");
}

/* zh, zh-CN, zh-Hans ... against en, en-GB ...; the first of the best. */
bool assay_http_wants_zh(struct assay_str accept_language) {
    int best = 0, q;
    bool zh = false;
    struct assay_str element;
    while (assay_http_list_next(&accept_language, &element)) {
        struct assay_str tag = value_and_q(element, &q);
        struct assay_str primary = {tag.p, tag.n < 2 ? tag.n : 2};
        bool is_zh = assay_http_name_is(primary, "zh"), is_en = assay_http_name_is(primary, "en");
        if ((!is_zh && !is_en) || (tag.n > 2 && tag.p[2] != '-') || q <= best) continue;
        best = q;
        zh = is_zh;
    }
    return zh;
}

/* --- media types and entity tags ---------------------------------------------------------------------------------- */
int assay_http_media(struct assay_str content_type, const char *const *types) {
    struct assay_str type = cut_at(&content_type, ';');
    for (int i = 0; types && types[i]; i++)
        if (assay_http_name_is(type, types[i])) return i;
    return -1;
}

bool assay_http_accepts(const struct assay_http_request *r, const char *type) {
    const char *const offer[] = {type, NULL};
    return assay_http_negotiate(r->headers.accept, offer) >= 0;
}

bool assay_http_prefers_zh(const struct assay_http_request *r) { return assay_http_wants_zh(r->headers.accept_language); }

struct assay_str assay_http_media_param(const struct assay_http_request *r, const char *name) {
    struct assay_str rest = r->headers.content_type;
    (void)cut_at(&rest, ';');
    while (rest.n > 0) {
        struct assay_str param = cut_at(&rest, ';');
        const char *equals = memchr(param.p, '=', param.n);
        if (!equals) continue;
        size_t n = (size_t)(equals - param.p);
        struct assay_str value = {equals + 1, param.n - n - 1};
        if (!assay_http_name_is((struct assay_str){param.p, n}, name)) continue;
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"') value.p++, value.n -= 2;
        return value;
    }
    return ASSAY_STR_NONE;
}

bool assay_http_etag_listed(struct assay_str list, const char *etag, bool weak) {
    struct assay_str element;
    while (assay_http_list_next(&list, &element)) {
        if (assay_str_is(element, "*")) return true;
        if (element.n >= 2 && element.p[0] == 'W' && element.p[1] == '/') {
            if (!weak) continue;
            element.p += 2;
            element.n -= 2;
        }
        if (element.n < 2 || element.p[0] != '"' || element.p[element.n - 1] != '"') continue;
        if (assay_str_is((struct assay_str){element.p + 1, element.n - 2}, etag)) return true;
    }
    return false;
}
