/* app.c -- the steps that every handler takes; cursors. */
#include "http/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

struct assay_session *assay_app_session(struct assay_http_request *r, void *worker) {
    struct assay_session *s = worker;
    struct assay_error e = {0};
    enum assay_status st = assay_session_usable(s, &e);
    if (st) {
        assay_app_fail(r, ASSAY_DATABASE_UNAVAILABLE, &e);
        return NULL;
    }
    assay_arena_reset(&s->arena);
    const struct assay_principal *who = assay_app_principal(r);
    s->actor = (struct assay_actor){.request_id = r->id};
    if (who) s->actor.id = who->id, s->actor.role = assay_str_c(assay_role_name(who->role));
    return s;
}

/* What a caller should know of a failure of ours; the rest is for the log. */
static bool is_ours(enum assay_status st) {
    return st == ASSAY_DATABASE || st == ASSAY_INTERNAL || st == ASSAY_IO || st == ASSAY_CONFIG ||
           st == ASSAY_DATABASE_UNAVAILABLE || st == ASSAY_RETRY;
}

static void log_failure(const struct assay_http_request *r, enum assay_status st, const struct assay_error *e) {
    const struct assay_app *app = r->app;
    struct assay_log_line l;
    if (!assay_log_begin(&l, app->log, ASSAY_LOG_ERROR, "request_failed")) return;
    assay_log_str(&l, "request_id", r->id);
    assay_log_text(&l, "code", assay_status_code(st));
    assay_log_text(&l, "detail", e ? e->detail : "");
    assay_log_end(&l);
}

enum assay_http_flow assay_app_fail(struct assay_http_request *r, enum assay_status st, const struct assay_error *e) {
    if (!is_ours(st)) {
        assay_http_reply_problem(r, st, e);
        return ASSAY_HTTP_DONE;
    }
    log_failure(r, st, e);
    assay_http_reply_problem(r, st == ASSAY_RETRY ? ASSAY_OVERLOADED : st, NULL);
    return ASSAY_HTTP_DONE;
}

enum assay_http_flow assay_app_fail_all(struct assay_http_request *r, enum assay_status st, const struct assay_errors *es,
                                        const struct assay_error *e) {
    if (!es->n) return assay_app_fail(r, st, e);
    assay_http_reply_problems(r, st, es);
    return ASSAY_HTTP_DONE;
}

enum assay_http_flow assay_app_json(struct assay_http_request *r, int status, struct assay_buf *b) {
    assay_buf_addc(b, '\n'); /* a courtesy to people with curl */
    if (status == 200 && assay_app_wants_table(r)) return assay_app_table_reply(r, b);
    assay_http_reply_json(r, status, b);
    return ASSAY_HTTP_DONE;
}

int assay_app_limit(const struct assay_http_request *r, struct assay_errors *es) {
    int64_t limit = assay_app_wants_table(r) ? ASSAY_TABLE_ROWS : ASSAY_LIST_DEFAULT;
    assay_http_param_int(r, "limit", 1, ASSAY_LIST_MAX, &limit, es);
    return (int)limit;
}

struct assay_str assay_app_scheme(const struct assay_http_request *r) {
    struct assay_str s = assay_http_param(r, "scheme");
    return s.p ? s : ASSAY_STR(ASSAY_DEFAULT_SCHEME);
}

static void instant_param(const struct assay_http_request *r, const char *name, assay_instant *out, struct assay_errors *es) {
    struct assay_str s = assay_http_param(r, name);
    *out = ASSAY_NO_INSTANT;
    if (s.p && assay_instant_parse(s, out))
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, name, "%s must be an RFC 3339 instant such as 2001-02-03T00:00:00Z", name);
}

void assay_app_range(const struct assay_http_request *r, assay_instant *from, assay_instant *to, struct assay_errors *es) {
    instant_param(r, "from", from, es);
    instant_param(r, "to", to, es);
}

/* --- what a reply rests on ------------------------------------------------------------------------------------------------------ */

bool assay_app_tag(struct assay_http_request *r, struct assay_http_tag *out) {
    const struct assay_app *app = r->app;
    struct assay_stamp now;
    *out = (struct assay_http_tag){.audience = 0}; /* whoever may see it sees the same (authorize.c) */
    if (r->route->scope == ASSAY_SCOPE_PROGRAM) return true;
    if (!assay_service_stamp(app->service, r->route->scope == ASSAY_SCOPE_PROVIDER ? r->vars[0] : ASSAY_STR_NONE, &now))
        return false;
    out->config = now.config;
    if (r->route->scope == ASSAY_SCOPE_PROVIDER) out->data = now.provider;
    if (r->route->scope == ASSAY_SCOPE_NETWORK) out->data = now.network;
    return true;
}

enum assay_status assay_app_renew(struct assay_http_request *r, void *worker, struct assay_error *e) {
    struct assay_session *s = worker;
    struct assay_error lost;
    if (r->route->scope == ASSAY_SCOPE_PROGRAM) return ASSAY_OK;
    enum assay_status st = assay_session_usable(s, e);
    if (!st) st = assay_session_look(s, e);
    if (st == ASSAY_DATABASE_UNAVAILABLE && assay_session_usable(s, &lost) == ASSAY_OK) st = assay_session_look(s, e);
    if (!st) return ASSAY_OK;
    st = st == ASSAY_DATABASE ? st : ASSAY_DATABASE_UNAVAILABLE;
    log_failure(r, st, e);
    *e = (struct assay_error){.status = st}; /* the rest is for the log */
    return st;
}

enum assay_http_flow assay_app_read(struct assay_http_request *r, void *worker, assay_app_reader *reader) {
    struct assay_session *s = assay_app_session(r, worker);
    if (!s) return ASSAY_HTTP_DONE;
    assay_session_pin(s);
    enum assay_http_flow flow = reader(r, s);
    assay_session_unpin(s);
    return flow;
}

enum assay_http_flow assay_app_bad_parameters(struct assay_http_request *r, const struct assay_errors *es) {
    return assay_app_fail_all(r, es->items[0].status, es, NULL);
}

void assay_app_bad_cursor(struct assay_errors *es) {
    assay_errors_add(es, ASSAY_INVALID_CURSOR, "cursor", "not a cursor of this list");
}

/* --- cursors ------------------------------------------------------------------------------------------------------------------ */

#define SEPARATOR '\x1f'

static uint32_t checksum(char list, const char *p, size_t n) {
    uLong c = crc32(0, (const Bytef *)&list, 1);
    return (uint32_t)crc32(c, (const Bytef *)p, (uInt)n);
}

void assay_cursor_write(char list, const struct assay_str *fields, size_t n, struct assay_buf *b) {
    struct assay_buf plain = {0};
    for (size_t i = 0; i < n; i++) {
        if (i) assay_buf_addc(&plain, SEPARATOR);
        assay_buf_add(&plain, fields[i].p, fields[i].n);
    }
    struct assay_str s = assay_buf_str(&plain);
    assay_buf_printf(b, "%c%08x", list, checksum(list, s.p, s.n));
    for (size_t i = 0; i < s.n; i++) assay_buf_printf(b, "%02x", (unsigned char)s.p[i]);
    assay_buf_free(&plain);
}

static int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

bool assay_cursor_read(char list, struct assay_str cursor, struct assay_arena *a, struct assay_str *fields, size_t n) {
    if (cursor.n < 9 || cursor.n % 2 == 0 || cursor.p[0] != list) return false;
    size_t length = (cursor.n - 1) / 2;
    char *bytes = assay_arena_zalloc(a, length + 1); /* its fields may be read as numbers */
    for (size_t i = 0; i < length; i++) {
        int hi = hex_digit(cursor.p[1 + 2 * i]), lo = hex_digit(cursor.p[2 + 2 * i]);
        if (hi < 0 || lo < 0) return false;
        bytes[i] = (char)(hi << 4 | lo);
    }
    uint32_t sum = 0;
    for (size_t i = 0; i < 4; i++) sum = sum << 8 | (unsigned char)bytes[i];
    char *p = bytes + 4, *end = bytes + length;
    if (sum != checksum(list, p, (size_t)(end - p))) return false;
    for (size_t i = 0; i < n; i++) {
        char *stop = i + 1 < n ? memchr(p, SEPARATOR, (size_t)(end - p)) : end;
        if (!stop) return false;
        fields[i] = (struct assay_str){p, (size_t)(stop - p)};
        p = stop + 1;
    }
    return true;
}

void assay_app_list_end(struct assay_http_request *r, struct assay_buf *b, char list, const struct assay_str *fields, size_t n,
                        bool more) {
    struct assay_buf next = {0};
    if (more) assay_cursor_write(list, fields, n, &next);
    assay_list_end(b, more ? assay_buf_str(&next) : ASSAY_STR_NONE);
    if (more) assay_app_link_next(r, assay_buf_str(&next));
    assay_buf_free(&next);
}

static void link_next(struct assay_http_request *r, const char *name, struct assay_str cursor) {
    struct assay_buf b = {0};
    size_t name_n = strlen(name);
    assay_buf_printf(&b, "<%.*s?", ASSAY_STR_ARG(r->path));
    /* The query again, without its cursor. */
    for (size_t i = 0; i < r->query.n;) {
        const char *p = r->query.p + i, *amp = memchr(p, '&', r->query.n - i);
        size_t n = amp ? (size_t)(amp - p) : r->query.n - i;
        if (!(n > name_n && !memcmp(p, name, name_n) && p[name_n] == '=')) assay_buf_printf(&b, "%.*s&", (int)n, p);
        i += n + 1;
    }
    assay_buf_printf(&b, "%s=%.*s>; rel=\"next\"", name, ASSAY_STR_ARG(cursor));
    assay_http_reply_header(r, "Link", b.p);
    assay_buf_free(&b);
}

void assay_app_link_next(struct assay_http_request *r, struct assay_str cursor) { link_next(r, "cursor", cursor); }
void assay_app_link_after(struct assay_http_request *r, struct assay_str cursor) { link_next(r, "after", cursor); }

struct assay_str assay_cursor_instant(struct assay_arena *a, assay_instant t) {
    return t == ASSAY_NO_INSTANT ? ASSAY_STR("") : assay_str_c(assay_arena_printf(a, "%lld", (long long)t));
}

assay_instant assay_cursor_to_instant(struct assay_str s, struct assay_arena *a) {
    return s.n ? strtoll(assay_arena_dup(a, s).p, NULL, 10) : ASSAY_NO_INSTANT;
}
