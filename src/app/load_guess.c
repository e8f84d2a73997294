/* load_guess.c -- what a file holds and how it is written, from its first bytes and its name. */
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

#include "app/load.h"

static const struct {
    const char *name;
    const char *in_name[4]; /* parts of a file's name that speak for the kind */
} kinds[] = {
    [ASSAY_LOAD_PROVIDERS] = {"providers", {"provider", "服务商"}},
    [ASSAY_LOAD_RATES] = {"rates", {"rates", "费率"}},
    [ASSAY_LOAD_DISPATCHES] = {"ccc-dispatches", {"dispatch", "派单"}},
    [ASSAY_LOAD_EVENTS] = {"repair-events", {"event", "repair", "事件"}},
    [ASSAY_LOAD_SURVEYS] = {"survey-responses", {"survey", "回访"}},
    [ASSAY_LOAD_OBSERVATIONS] = {"observations", {"observation", "观测"}},
};
_Static_assert(sizeof kinds / sizeof *kinds == ASSAY_LOAD_KINDS, "a row for each kind");

/* Members that only one kind has, the plainest first: the first row of which all are there says the kind. */
static const struct {
    enum assay_load_kind kind;
    const char *members[3];
} marks[] = {
    {ASSAY_LOAD_RATES, {"rates", "currency"}},
    {ASSAY_LOAD_EVENTS, {"type", "provider"}},
    {ASSAY_LOAD_OBSERVATIONS, {"indicator", "provider"}},
    {ASSAY_LOAD_SURVEYS, {"answer", "provider"}},
    {ASSAY_LOAD_DISPATCHES, {"parts", "provider"}},
    {ASSAY_LOAD_PROVIDERS, {"code", "name"}},
    {ASSAY_LOAD_PROVIDERS, {"code", "city"}},
    {ASSAY_LOAD_EVENTS, {"类型"}},
    {ASSAY_LOAD_SURVEYS, {"满意度"}},
};

const char *assay_load_kind_name(enum assay_load_kind k) { return k < ASSAY_LOAD_KINDS ? kinds[k].name : "?"; }

enum assay_load_kind assay_load_kind_of(const char *name) {
    for (int k = 0; k < ASSAY_LOAD_KINDS; k++)
        if (!strcmp(kinds[k].name, name)) return (enum assay_load_kind)k;
    return ASSAY_LOAD_KINDS;
}

const char *assay_load_media_type(enum assay_load_format f) {
    static const char *const types[] = {"application/x-ndjson", "application/json", "text/csv"};
    return types[f];
}

/* --- content ----------------------------------------------------------------------------------------------------------------- */

/* The beginning of what is compressed; what is damaged ends early here, and the daemon says so. */
static size_t inflate_head(const void *head, size_t n, char *out, size_t room) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)head, .avail_in = (uInt)n, .next_out = (Bytef *)out, .avail_out = (uInt)room};
    if (inflateInit2(&z, 15 + 16) != Z_OK) return 0;
    (void)inflate(&z, Z_SYNC_FLUSH);
    size_t got = room - z.avail_out;
    inflateEnd(&z);
    return got;
}

enum { NAMES_MAX = 64, NAME_MAX_BYTES = 48 };
struct names {
    size_t n;
    char text[NAMES_MAX][NAME_MAX_BYTES];
};

static void add_name(struct names *names, const char *p, size_t n) {
    if (names->n == NAMES_MAX || n >= NAME_MAX_BYTES) return;
    memcpy(names->text[names->n], p, n);
    names->text[names->n++][n] = '\0';
}

static bool has(const struct names *names, const char *name) {
    for (size_t i = 0; i < names->n; i++)
        if (!strcasecmp(names->text[i], name)) return true;
    return false;
}

/* The member names of the first object, however much of it is there: strings at its own depth that a colon follows. */
static void names_of_json(struct assay_str s, struct names *out) {
    int depth = 0, level = -1;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '{' && level < 0) level = depth + 1;
        if (c == '{' || c == '[') depth++;
        else if ((c == '}' || c == ']') && depth-- == level) return;
        if (c != '"') continue;
        size_t begin = ++i;
        while (i < s.n && s.p[i] != '"') i += s.p[i] == '\\' ? 2 : 1;
        if (i >= s.n) return;
        size_t end = i, k = i + 1;
        while (k < s.n && strchr(" \t\r\n", s.p[k]) && s.p[k]) k++;
        if (depth == level && k < s.n && s.p[k] == ':') add_name(out, s.p + begin, end - begin);
    }
}

static void names_of_header(struct assay_str s, struct names *out) {
    size_t begin = 0, n = 0;
    while (n < s.n && s.p[n] != '\n' && s.p[n] != '\r') n++;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && s.p[i] != ',' && s.p[i] != ';' && s.p[i] != '\t') continue;
        size_t end = i;
        while (begin < end && (s.p[begin] == ' ' || s.p[begin] == '"')) begin++;
        while (begin < end && (s.p[end - 1] == ' ' || s.p[end - 1] == '"')) end--;
        add_name(out, s.p + begin, end - begin);
        begin = i + 1;
    }
}

static bool only_white(struct assay_str s) {
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(" \t\r\n", s.p[i]) || !s.p[i]) return false;
    return true;
}

static bool is_object(struct assay_str s) {
    struct assay_json_doc *d;
    struct assay_error e;
    if (assay_json_load(s, &d, &e)) return false;
    bool yes = assay_json_is_object(assay_json_root(d));
    assay_json_free(d);
    return yes;
}

/* A line that is a whole object begins NDJSON, unless it is the only one of a file that is called JSON. */
static enum assay_load_format json_or_ndjson(struct assay_str s, bool whole, bool named_json) {
    const char *feed = memchr(s.p, '\n', s.n);
    size_t first = feed ? (size_t)(feed - s.p) : s.n;
    struct assay_str rest = {s.p + first, s.n - first};
    if (!feed && !whole) return named_json ? ASSAY_LOAD_JSON : ASSAY_LOAD_NDJSON;
    if (!is_object((struct assay_str){s.p, first}))
        return feed && !named_json && !is_object(s) ? ASSAY_LOAD_NDJSON : ASSAY_LOAD_JSON;
    return whole && only_white(rest) && named_json ? ASSAY_LOAD_JSON : ASSAY_LOAD_NDJSON;
}

/* --- name ------------------------------------------------------------------------------------------------------------------------ */

static bool ends_with(struct assay_str s, const char *end) {
    size_t n = strlen(end);
    return s.n >= n && !strncasecmp(s.p + s.n - n, end, n);
}

static enum assay_load_kind kind_of_name(struct assay_str name) {
    for (int k = 0; k < ASSAY_LOAD_KINDS; k++)
        for (int i = 0; i < 4 && kinds[k].in_name[i]; i++) {
            const char *part = kinds[k].in_name[i];
            for (size_t at = 0; at + strlen(part) <= name.n; at++)
                if (!strncasecmp(name.p + at, part, strlen(part))) return (enum assay_load_kind)k;
        }
    return ASSAY_LOAD_KINDS;
}

static enum assay_load_kind kind_of_members(const struct names *names) {
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        bool all = true;
        for (int k = 0; k < 3 && marks[i].members[k]; k++) all = all && has(names, marks[i].members[k]);
        if (all) return marks[i].kind;
    }
    return ASSAY_LOAD_KINDS;
}

struct assay_load_guess assay_load_guess(const char *name, const void *head, size_t n, bool whole) {
    static const char bom[] = "\xEF\xBB\xBF";
    struct assay_load_guess out = {.kind = ASSAY_LOAD_KINDS};
    const char *slash = strrchr(name, '/');
    struct assay_str base = assay_str_c(slash ? slash + 1 : name), text = {head, n};
    struct names names = {0};
    char *plain = NULL;
    out.gzip = n >= 2 && !memcmp(head, "\x1F\x8B", 2);
    if (out.gzip) {
        plain = assay_xmalloc(ASSAY_LOAD_HEAD);
        size_t got = inflate_head(head, n, plain, ASSAY_LOAD_HEAD);
        whole = whole && got < ASSAY_LOAD_HEAD;
        text = (struct assay_str){plain, got};
        if (ends_with(base, ".gz")) base.n -= 3;
    }
    bool named_json = ends_with(base, ".json"), named_csv = ends_with(base, ".csv");
    if (text.n >= 3 && !memcmp(text.p, bom, 3)) text.p += 3, text.n -= 3;
    while (text.n && strchr(" \t\r\n", *text.p) && *text.p) text.p++, text.n--;
    if (!text.n) out.format = named_csv ? ASSAY_LOAD_CSV : named_json ? ASSAY_LOAD_JSON : ASSAY_LOAD_NDJSON;
    else if (*text.p == '[') out.format = ASSAY_LOAD_JSON;
    else if (*text.p == '{') out.format = json_or_ndjson(text, whole, named_json);
    else
        out.format = named_json                                                ? ASSAY_LOAD_JSON
                     : ends_with(base, ".ndjson") || ends_with(base, ".jsonl") ? ASSAY_LOAD_NDJSON
                                                                               : ASSAY_LOAD_CSV;
    if (out.format == ASSAY_LOAD_CSV) names_of_header(text, &names);
    else names_of_json(text, &names);
    out.kind = kind_of_members(&names);
    if (out.kind == ASSAY_LOAD_KINDS) out.kind = kind_of_name(base);
    free(plain);
    return out;
}
