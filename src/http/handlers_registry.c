/* handlers_registry.c -- providers, calendars, rates, schemes. */
#include <stdio.h>
#include <stdlib.h>

#include "http/app.h"

/* Providers in one bulk request at most. */
#define PROVIDERS_MAX 100000

/* --- providers --------------------------------------------------------------------------------------------------------------- */

static void write_provider(const struct assay_config_provider *p, struct assay_buf *b) {
    const struct assay_provider_row *l = p->latest;
    assay_json_str(b, "code", p->code);
    assay_json_str(b, "name", l->name);
    assay_json_str(b, "city", l->city);
    assay_json_bool(b, "ascim", l->ascim);
    assay_json_str(b, "status", l->status);
    assay_json_date(b, "effective_from", l->effective_from);
    assay_json_array(b, "versions"); /* of city and ASCIM, as they hold */
    for (size_t i = 0; i < p->versions.n; i++) {
        const struct assay_provider_facts *f = &p->versions.facts[i];
        assay_json_object(b, NULL);
        assay_json_date(b, "effective_from", f->effective_from);
        assay_json_str(b, "city", f->city);
        assay_json_bool(b, "ascim", f->ascim);
        assay_json_object_end(b);
    }
    assay_json_array_end(b);
}

/* A link to the recomputation that brought a change; null where nothing was touched. */
static void write_recomputation(struct assay_buf *b, int64_t id) {
    char link[ASSAY_RECOMPUTATION_LINK];
    assay_json_text(b, "recomputation", id ? assay_app_recomputation_link(id, link) : NULL);
}

/* recomputation: of a put; NULL: a get. */
static enum assay_http_flow reply_provider(struct assay_http_request *r, struct assay_str code, int status,
                                           const int64_t *recomputation) {
    struct assay_app *app = r->app;
    struct assay_error e = {0};
    const struct assay_config *cfg = assay_service_config(app->service);
    const struct assay_config_provider *p = assay_config_provider(cfg, code);
    enum assay_http_flow flow = ASSAY_HTTP_DONE;
    if (!p) {
        assay_fail(&e, ASSAY_NOT_FOUND, "", "there is no provider %.*s", ASSAY_STR_ARG(code));
        assay_app_fail(r, ASSAY_NOT_FOUND, &e);
    } else {
        struct assay_buf b = {0};
        char etag[24];
        assay_json_object(&b, NULL);
        write_provider(p, &b);
        if (recomputation) write_recomputation(&b, *recomputation);
        assay_json_object_end(&b);
        snprintf(etag, sizeof etag, recomputation ? "\"v%d\"" : "v%d", p->latest->version);
        if (recomputation) assay_http_reply_header(r, "ETag", etag);
        else assay_http_reply_etag(r, etag);
        flow = assay_app_json(r, status, &b);
    }
    assay_config_release(cfg);
    return flow;
}

enum assay_http_flow assay_get_provider(struct assay_http_request *r, void *worker) {
    (void)worker;
    return reply_provider(r, r->vars[0], 200, NULL);
}

/* --- preconditions (RFC 9110 section 13): an entity tag is a version --------------------------------------------------------- */

/* What If-Match and If-None-Match say of the version that stands (0: none): the version that must stand still when the
 * change is made. required: what exists may not be replaced unseen. */
static enum assay_status precondition(struct assay_http_request *r, int32_t stands, bool required, int32_t *expected) {
    char etag[24];
    snprintf(etag, sizeof etag, "v%d", stands);
    *expected = ASSAY_ANY_VERSION;
    if (r->headers.if_match.p) {
        *expected = stands;
        return assay_http_if_match(r, stands ? etag : NULL);
    }
    if (r->headers.if_none_match.p) {
        if (stands && assay_http_if_none_match(r, etag)) return ASSAY_PRECONDITION_FAILED;
        *expected = stands;
        return ASSAY_OK;
    }
    if (required && stands) return ASSAY_PRECONDITION_REQUIRED;
    if (required) *expected = 0; /* what someone else makes meanwhile is not replaced unseen either */
    return ASSAY_OK;
}

static int32_t provider_version(struct assay_app *app, struct assay_str code) {
    const struct assay_config *cfg = assay_service_config(app->service);
    const struct assay_config_provider *p = assay_config_provider(cfg, code);
    int32_t version = p ? p->latest->version : 0;
    assay_config_release(cfg);
    return version;
}

enum assay_http_flow assay_put_provider(struct assay_http_request *r, void *worker) {
    struct assay_provider p;
    struct assay_errors es = {0};
    struct assay_error e = {0};
    bool created = false;
    if (!assay_form_provider(r->vars[0])) {
        assay_errors_add(&es, ASSAY_INVALID_VALUE, "provider", "a provider's code is 1 to 32 of A-Z a-z 0-9 . _ -");
        return assay_app_fail_all(r, ASSAY_VALIDATION_FAILED, &es, NULL);
    }
    enum assay_status st = assay_provider_from_json(r->body, r->vars[0], r->arena, &p, &es);
    if (st) return assay_app_fail_all(r, st, &es, NULL);
    int32_t expected, stands = provider_version(r->app, r->vars[0]);
    if ((st = precondition(r, stands, false, &expected))) return assay_app_fail(r, st, NULL);
    struct assay_session *s = assay_app_session(r, worker);
    if (!s) return ASSAY_HTTP_DONE;
    int64_t recomputation = 0, changed;
    st = assay_registry_begin_providers(s, &p, 1, expected, &created, &recomputation, &e);
    if (st) return assay_app_fail(r, st, &e);
    if (recomputation && !assay_app_await(r, s, recomputation, &changed)) return ASSAY_HTTP_DONE;
    return reply_provider(r, r->vars[0], created ? 201 : 200, &recomputation);
}

enum assay_http_flow assay_get_providers(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_app *app = r->app;
    struct assay_errors es = {0};
    int limit = assay_app_limit(r, &es);
    struct assay_str cursor = assay_http_param(r, "cursor"), after = ASSAY_STR_NONE;
    if (cursor.p && !assay_cursor_read('p', cursor, r->arena, &after, 1))
        assay_errors_add(&es, ASSAY_INVALID_CURSOR, "cursor", "not a cursor of this list");
    if (es.n) return assay_app_fail_all(r, es.items[0].status, &es, NULL);
    const struct assay_config *cfg = assay_service_config(app->service);
    struct assay_buf b = {0}, next = {0};
    size_t lo = 0, hi = cfg->n_providers, i;
    while (after.p && lo < hi) { /* the first code after the cursor's */
        size_t mid = (lo + hi) / 2;
        if (assay_str_cmp(cfg->providers[mid].code, after) <= 0) lo = mid + 1;
        else hi = mid;
    }
    assay_list_begin(&b);
    for (i = lo; i < cfg->n_providers && i - lo < (size_t)limit; i++) {
        assay_json_object(&b, NULL);
        write_provider(&cfg->providers[i], &b);
        assay_json_object_end(&b);
    }
    if (i < cfg->n_providers && i > lo) assay_cursor_write('p', &cfg->providers[i - 1].code, 1, &next);
    assay_list_end(&b, next.n ? assay_buf_str(&next) : ASSAY_STR_NONE);
    if (next.n) assay_app_link_next(r, assay_buf_str(&next));
    assay_buf_free(&next);
    assay_config_release(cfg);
    return assay_app_json(r, 200, &b);
}

/* Bulk: NDJSON, a table or an array; all or nothing, for a network's registry is one thing. */
struct provider_list {
    struct assay_provider *rows;
    size_t n, cap;
    struct assay_upload_error *errors;
    size_t n_errors, cap_errors;
    size_t total_errors;
    int64_t received, rejected;
};

static void note_errors(struct provider_list *l, struct assay_arena *a, int64_t line, const struct assay_errors *es) {
    l->rejected++;
    l->total_errors += es->n;
    for (size_t i = 0; i < assay_errors_kept(es) && l->n_errors < 1000; i++) {
        const struct assay_error *x = &es->items[i];
        if (l->n_errors == l->cap_errors)
            l->errors = assay_xrealloc(l->errors, (l->cap_errors = l->cap_errors ? 2 * l->cap_errors : 16) * sizeof *l->errors);
        l->errors[l->n_errors++] = (struct assay_upload_error){.line = (size_t)line,
                                                               .column = x->column,
                                                               .id = ASSAY_STR_NONE,
                                                               .status = x->status,
                                                               .detail = assay_arena_dup(a, assay_str_c(x->detail)).p,
                                                               .pointer = assay_arena_dup(a, assay_str_c(x->field)).p};
    }
}

static struct assay_provider *next_provider(struct provider_list *l) {
    if (l->n == l->cap) l->rows = assay_xrealloc(l->rows, (l->cap = l->cap ? 2 * l->cap : 64) * sizeof *l->rows);
    l->received++;
    return &l->rows[l->n];
}

static enum assay_status read_provider_lines(struct assay_http_request *r, struct provider_list *l, struct assay_error *e) {
    const struct assay_app *app = r->app;
    struct assay_ndjson lines;
    struct assay_ndjson_line line;
    assay_ndjson_init(&lines, app->max_line);
    assay_ndjson_feed(&lines, r->body.p, r->body.n);
    enum assay_status st = ASSAY_OK;
    for (int finished = 0; finished < 2; finished++) {
        while (assay_ndjson_next(&lines, &line)) {
            struct assay_errors es = {0};
            if (line.status) assay_errors_add(&es, line.status, "", "the line is longer than a provider may be");
            else if (assay_provider_from_json(line.text, ASSAY_STR_NONE, r->arena, next_provider(l), &es) == ASSAY_OK) l->n++;
            if (es.n) note_errors(l, r->arena, (int64_t)line.number, &es);
        }
        if (!finished) assay_ndjson_finish(&lines);
    }
    assay_ndjson_free(&lines);
    if (l->n > PROVIDERS_MAX) st = assay_fail(e, ASSAY_TOO_LARGE, "", "at most %d providers in one request", PROVIDERS_MAX);
    return st;
}

static enum assay_status read_provider_array(struct assay_http_request *r, struct provider_list *l, struct assay_error *e) {
    struct assay_json_doc *d;
    enum assay_status st = assay_json_load(r->body, &d, e);
    if (st) return st;
    for (size_t i = 0; i < assay_json_count(d); i++) {
        struct assay_errors es = {0};
        if (assay_provider_decode(d, i, ASSAY_STR_NONE, r->arena, next_provider(l), &es) == ASSAY_OK) l->n++;
        else note_errors(l, r->arena, (int64_t)i + 1, &es);
    }
    assay_json_free(d);
    return ASSAY_OK;
}

struct provider_table {
    struct assay_http_request *r;
    struct provider_list *list;
    struct assay_sheet *sheet;
    struct assay_errors es;
};

static enum assay_status begin_providers(void *arg, struct assay_sheet *sheet, struct assay_error *e) {
    struct provider_table *x = arg;
    (void)e;
    x->sheet = sheet;
    return ASSAY_OK;
}

static enum assay_status take_provider(void *arg, const struct assay_csv_row *row, struct assay_error *e) {
    struct provider_table *x = arg;
    struct assay_arena *a = x->r->arena;
    if (x->list->n == PROVIDERS_MAX)
        return assay_fail(e, ASSAY_TOO_LARGE, "", "at most %d providers in one request", PROVIDERS_MAX);
    if (assay_sheet_provider(x->sheet, row, a, next_provider(x->list), &x->es) == ASSAY_OK) x->list->n++;
    else note_errors(x->list, a, (int64_t)row->line, &x->es);
    return ASSAY_OK;
}

/* *es: what is wrong with the header. */
static enum assay_status read_provider_table(struct assay_http_request *r, struct provider_list *l, struct assay_errors *es,
                                             struct assay_error *e) {
    struct provider_table x = {.r = r, .list = l};
    struct assay_body_table table = {.header = begin_providers, .row = take_provider, .arg = &x};
    enum assay_status st = assay_app_read_table(r, &table, es, e);
    assay_sheet_free(x.sheet);
    return st;
}

static enum assay_status read_providers(struct assay_http_request *r, struct provider_list *l, struct assay_errors *es,
                                        struct assay_error *e) {
    const char *type = r->media >= 0 ? r->route->accepts[r->media] : "application/json";
    if (!strcmp(type, "text/csv")) return read_provider_table(r, l, es, e);
    enum assay_status st = assay_app_is_utf8(r, e);
    if (!st) st = assay_app_inflate(r, e);
    if (st) return st;
    return strstr(type, "ndjson") ? read_provider_lines(r, l, e) : read_provider_array(r, l, e);
}

enum assay_http_flow assay_post_providers(struct assay_http_request *r, void *worker) {
    struct provider_list l = {0};
    struct assay_error e = {0};
    struct assay_errors es = {0};
    struct assay_session *s = assay_app_session(r, worker);
    if (!s) return ASSAY_HTTP_DONE;
    enum assay_status st = read_providers(r, &l, &es, &e);
    bool *created = assay_xcalloc(l.n, sizeof *created);
    int64_t n_created = 0, recomputation = 0, changed;
    if (!st && !l.rejected) st = assay_registry_begin_providers(s, l.rows, l.n, ASSAY_ANY_VERSION, created, &recomputation, &e);
    for (size_t i = 0; i < l.n; i++) n_created += created[i];
    if (st) {
        assay_app_fail_all(r, st, &es, &e);
    } else if (l.rejected) {
        assay_http_reply_problem_lines(r, ASSAY_VALIDATION_FAILED, l.errors, l.n_errors, l.total_errors);
    } else if (!recomputation || assay_app_await(r, s, recomputation, &changed)) {
        struct assay_buf b = {0};
        assay_json_object(&b, NULL);
        assay_json_int(&b, "received", l.received);
        assay_json_int(&b, "accepted", (int64_t)l.n);
        assay_json_int(&b, "created", n_created);
        assay_json_int(&b, "rejected", 0);
        assay_json_array(&b, "errors");
        assay_json_array_end(&b);
        write_recomputation(&b, recomputation);
        assay_json_object_end(&b);
        assay_app_json(r, 200, &b);
    }
    free(created);
    free(l.rows);
    free(l.errors);
    return ASSAY_HTTP_DONE;
}

/* --- documents ---------------------------------------------------------------------------------------------------------------- */

enum assay_document_kind assay_app_kind(const struct assay_http_request *r) {
    if (strstr(r->route->pattern, "/calendars")) return ASSAY_DOC_CALENDAR;
    return strstr(r->route->pattern, "/rates") ? ASSAY_DOC_RATES : ASSAY_DOC_SCHEME;
}

static const char *kind_name(enum assay_document_kind k) {
    return k == ASSAY_DOC_CALENDAR ? "calendar" : k == ASSAY_DOC_RATES ? "rate table" : "scheme";
}

struct document_view {
    int32_t version;
    assay_instant recorded_at;
    struct assay_str text;
};

static bool find_document(const struct assay_config *cfg, enum assay_document_kind kind, struct assay_str code,
                          struct document_view *v) {
    char *name = assay_xmalloc(code.n + 1);
    memcpy(name, code.p, code.n);
    name[code.n] = '\0';
    *v = (struct document_view){0};
    if (kind == ASSAY_DOC_CALENDAR) {
        const struct assay_config_calendar *c = assay_config_calendar(cfg, name);
        if (c) *v = (struct document_view){c->version, c->recorded_at, c->document};
    } else if (kind == ASSAY_DOC_RATES) {
        const struct assay_config_rates *t = assay_config_rates(cfg, name);
        if (t) *v = (struct document_view){t->version, t->recorded_at, t->document};
    } else {
        const struct assay_config_scheme *s = assay_config_scheme(cfg, code);
        if (s)
            *v = (struct document_view){s->rows[s->n_rows - 1].version, s->rows[s->n_rows - 1].recorded_at,
                                        s->rows[s->n_rows - 1].document};
    }
    free(name);
    return v->version > 0;
}

/* A document's ETag is its version: what If-Match names. */
static void reply_document(struct assay_http_request *r, struct assay_str code, const struct document_view *v, int status) {
    struct assay_buf b = {0};
    char etag[24];
    snprintf(etag, sizeof etag, "v%d", v->version);
    assay_json_object(&b, NULL);
    assay_json_str(&b, "code", code);
    assay_json_int(&b, "version", v->version);
    assay_json_instant(&b, "recorded_at", v->recorded_at);
    assay_json_raw(&b, "document", v->text);
    assay_json_object_end(&b);
    assay_http_reply_etag(r, etag);
    assay_app_json(r, status, &b);
}

enum assay_http_flow assay_app_no_document(struct assay_http_request *r) {
    struct assay_error e;
    assay_fail(&e, ASSAY_NOT_FOUND, "", "there is no %s %.*s", kind_name(assay_app_kind(r)), ASSAY_STR_ARG(r->vars[0]));
    return assay_app_fail(r, ASSAY_NOT_FOUND, &e);
}

enum assay_http_flow assay_get_document(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_app *app = r->app;
    const struct assay_config *cfg = assay_service_config(app->service);
    struct document_view v;
    if (find_document(cfg, assay_app_kind(r), r->vars[0], &v)) reply_document(r, r->vars[0], &v, 200);
    else assay_app_no_document(r);
    assay_config_release(cfg);
    return ASSAY_HTTP_DONE;
}

static void write_entry(struct assay_buf *b, const char *code, int32_t version, assay_instant recorded_at, const char *base) {
    struct assay_buf link = {0};
    assay_buf_printf(&link, "%s/%s", base, code);
    assay_json_object(b, NULL);
    assay_json_text(b, "code", code);
    assay_json_int(b, "version", version);
    assay_json_instant(b, "recorded_at", recorded_at);
    assay_json_str(b, "href", assay_buf_str(&link));
    assay_json_object_end(b);
    assay_buf_free(&link);
}

enum assay_http_flow assay_get_documents(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_app *app = r->app;
    const struct assay_config *cfg = assay_service_config(app->service);
    const char *base = r->route->pattern;
    struct assay_buf b = {0};
    assay_list_begin(&b);
    switch (assay_app_kind(r)) {
    case ASSAY_DOC_CALENDAR:
        for (size_t i = 0; i < cfg->n_calendars; i++)
            write_entry(&b, cfg->calendars[i].code, cfg->calendars[i].version, cfg->calendars[i].recorded_at, base);
        break;
    case ASSAY_DOC_RATES:
        for (size_t i = 0; i < cfg->n_rates; i++)
            write_entry(&b, cfg->rates[i].code, cfg->rates[i].version, cfg->rates[i].recorded_at, base);
        break;
    case ASSAY_DOC_SCHEME:
        for (size_t i = 0; i < cfg->n_schemes; i++) {
            const struct assay_document_row *last = &cfg->schemes[i].rows[cfg->schemes[i].n_rows - 1];
            write_entry(&b, cfg->schemes[i].code, last->version, last->recorded_at, base);
        }
        break;
    }
    assay_list_end(&b, ASSAY_STR_NONE);
    assay_config_release(cfg);
    return assay_app_json(r, 200, &b);
}

/* Schemes decide pay: whoever replaces one says which version they read. Calendars and rates may. */
static enum assay_status expected_version(struct assay_http_request *r, enum assay_document_kind kind, int32_t *expected) {
    struct assay_app *app = r->app;
    const struct assay_config *cfg = assay_service_config(app->service);
    struct document_view v;
    find_document(cfg, kind, r->vars[0], &v);
    assay_config_release(cfg);
    return precondition(r, v.version, kind == ASSAY_DOC_SCHEME, expected);
}

static bool document_code_ok(struct assay_str s) { return assay_form_provider(s); }

enum assay_http_flow assay_put_document(struct assay_http_request *r, void *worker) {
    enum assay_document_kind kind = assay_app_kind(r);
    struct assay_errors es = {0};
    struct assay_error e = {0};
    struct assay_put_result put = {0};
    int32_t expected;
    if (!document_code_ok(r->vars[0])) {
        assay_errors_add(&es, ASSAY_INVALID_VALUE, "code", "a code is 1 to 32 of A-Z a-z 0-9 . _ -");
        return assay_app_fail_all(r, ASSAY_VALIDATION_FAILED, &es, NULL);
    }
    enum assay_status st = expected_version(r, kind, &expected);
    if (st) return assay_app_fail(r, st, NULL);
    struct assay_session *s = assay_app_session(r, worker);
    if (!s) return ASSAY_HTTP_DONE;
    st = assay_registry_begin_document(s, kind, r->vars[0], r->body, expected, &put, &es, &e);
    if (st) return assay_app_fail_all(r, st, &es, &e);
    if (put.recomputation && !assay_app_await(r, s, put.recomputation, &put.refolded)) return ASSAY_HTTP_DONE;
    struct assay_buf b = {0};
    char etag[24];
    snprintf(etag, sizeof etag, "\"v%d\"", put.version);
    assay_json_object(&b, NULL);
    assay_json_str(&b, "code", r->vars[0]);
    assay_json_int(&b, "version", put.version);
    assay_json_bool(&b, "changed", !put.unchanged);
    assay_json_int(&b, "orders_judged_again", put.refolded);
    write_recomputation(&b, put.recomputation);
    assay_json_object_end(&b);
    assay_http_reply_header(r, "ETag", etag);
    return assay_app_json(r, put.created ? 201 : 200, &b);
}
