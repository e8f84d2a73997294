/* handlers_history.c -- every recorded version of calendars, rate tables, schemes and providers, and the schemas that
 * documents are written by. Versions are append-only; those that wait for their recomputation are shown as pending. */
#include <stdio.h>
#include <stdlib.h>

#include "http/app.h"
#include "http/embedded.h"

/* All versions of a document, those that wait too, by version. */
static bool find_rows(const struct assay_config *cfg, enum assay_document_kind kind, struct assay_str code, struct assay_arena *a,
                      const struct assay_document_row **rows, size_t *n) {
    const struct assay_config *most = cfg->next ? cfg->next : cfg;
    const char *name = assay_arena_dup(a, code).p;
    *n = 0;
    if (kind == ASSAY_DOC_CALENDAR) {
        const struct assay_config_calendar *c = assay_config_calendar(most, name);
        if (c) *rows = c->rows, *n = c->n_rows;
    } else if (kind == ASSAY_DOC_RATES) {
        const struct assay_config_rates *t = assay_config_rates(most, name);
        if (t) *rows = t->rows, *n = t->n_rows;
    } else {
        const struct assay_config_scheme *s = assay_config_scheme(most, code);
        if (s) *rows = s->rows, *n = s->n_rows;
    }
    return *n > 0;
}

/* Of several recorded versions that hold from one date (of calendars and rates: always) the newest is in force. */
static const char *document_status(const struct assay_document_row *rows, size_t n, size_t i) {
    if (rows[i].recomputation) return "pending";
    for (size_t k = i + 1; k < n; k++)
        if (!rows[k].recomputation && rows[k].effective_from == rows[i].effective_from) return "superseded";
    return "in_force";
}

static void write_version_head(struct assay_buf *b, const struct assay_document_row *rows, size_t n, size_t i,
                               enum assay_document_kind kind) {
    assay_json_int(b, "version", rows[i].version);
    assay_json_instant(b, "recorded_at", rows[i].recorded_at);
    if (kind == ASSAY_DOC_SCHEME) assay_json_date(b, "effective_from", rows[i].effective_from);
    else assay_json_null(b, "effective_from");
    assay_json_text(b, "status", document_status(rows, n, i));
}

enum assay_http_flow assay_get_versions(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_app *app = r->app;
    const struct assay_config *cfg = assay_service_config(app->service);
    const struct assay_document_row *rows;
    size_t n;
    if (!find_rows(cfg, assay_app_kind(r), r->vars[0], r->arena, &rows, &n)) {
        assay_config_release(cfg);
        return assay_app_no_document(r);
    }
    struct assay_buf b = {0}, link = {0};
    assay_list_begin(&b);
    for (size_t i = n; i-- > 0;) { /* newest first */
        link.n = 0;
        assay_buf_printf(&link, "%.*s/%d", ASSAY_STR_ARG(r->path), rows[i].version);
        assay_json_object(&b, NULL);
        write_version_head(&b, rows, n, i, assay_app_kind(r));
        assay_json_str(&b, "href", assay_buf_str(&link));
        assay_json_object_end(&b);
    }
    assay_list_end(&b, ASSAY_STR_NONE);
    assay_config_release(cfg);
    assay_buf_free(&link);
    return assay_app_json(r, 200, &b);
}

enum assay_http_flow assay_get_version(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_app *app = r->app;
    const struct assay_config *cfg = assay_service_config(app->service);
    const struct assay_document_row *rows;
    size_t n, found = SIZE_MAX;
    char text[16];
    if (find_rows(cfg, assay_app_kind(r), r->vars[0], r->arena, &rows, &n))
        for (size_t i = 0; i < n; i++) {
            snprintf(text, sizeof text, "%d", rows[i].version);
            if (assay_str_is(r->vars[1], text)) found = i;
        }
    if (found == SIZE_MAX) {
        assay_config_release(cfg);
        return assay_app_no_document(r);
    }
    struct assay_buf b = {0};
    assay_json_object(&b, NULL);
    assay_json_str(&b, "code", r->vars[0]);
    write_version_head(&b, rows, n, found, assay_app_kind(r));
    assay_json_raw(&b, "document", rows[found].document);
    assay_json_object_end(&b);
    assay_config_release(cfg);
    return assay_app_json(r, 200, &b);
}

static int by_version(const void *x, const void *y) {
    const struct assay_provider_row *a = *(const struct assay_provider_row *const *)x,
                                    *b = *(const struct assay_provider_row *const *)y;
    return (a->version < b->version) - (a->version > b->version);
}

/* Name and status are those of the last recorded version; city and ASCIM hold by date, of one date the last version. */
static const char *provider_state(const struct assay_provider_row *rows, size_t n, size_t i) {
    if (rows[i].recomputation) return "pending";
    for (size_t k = i + 1; k < n; k++)
        if (!rows[k].recomputation && rows[k].effective_from == rows[i].effective_from) return "superseded";
    return "in_force";
}

enum assay_http_flow assay_get_provider_versions(struct assay_http_request *r, void *worker) {
    (void)worker;
    struct assay_app *app = r->app;
    const struct assay_config *cfg = assay_service_config(app->service);
    const struct assay_config_provider *p = assay_config_provider(cfg->next ? cfg->next : cfg, r->vars[0]);
    if (!p) {
        struct assay_error e;
        assay_config_release(cfg);
        assay_fail(&e, ASSAY_NOT_FOUND, "", "there is no provider %.*s", ASSAY_STR_ARG(r->vars[0]));
        return assay_app_fail(r, ASSAY_NOT_FOUND, &e);
    }
    size_t n = (size_t)p->n_recorded;
    const struct assay_provider_row **sorted = assay_arena_alloc(r->arena, n * sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &p->rows[i];
    qsort(sorted, n, sizeof *sorted, by_version);
    struct assay_buf b = {0};
    assay_list_begin(&b);
    for (size_t i = 0; i < n; i++) {
        const struct assay_provider_row *v = sorted[i];
        assay_json_object(&b, NULL);
        assay_json_int(&b, "version", v->version);
        assay_json_instant(&b, "recorded_at", v->recorded_at);
        assay_json_date(&b, "effective_from", v->effective_from);
        assay_json_text(&b, "state", provider_state(p->rows, n, (size_t)(v - p->rows)));
        assay_json_str(&b, "name", v->name);
        assay_json_str(&b, "city", v->city);
        assay_json_bool(&b, "ascim", v->ascim);
        assay_json_str(&b, "status", v->status);
        assay_json_object_end(&b);
    }
    assay_list_end(&b, ASSAY_STR_NONE);
    assay_config_release(cfg);
    return assay_app_json(r, 200, &b);
}

/* --- schemas ------------------------------------------------------------------------------------------------------------------- */

/* The JSON Schema that a document is written by, one a kind. */
enum assay_http_flow assay_get_schema(struct assay_http_request *r, void *worker) {
    (void)worker;
    static const struct {
        const char *name, *text;
    } schemas[] = {{"scheme", assay_schema_scheme}, {"calendar", assay_schema_calendar}, {"rates", assay_schema_rates}};
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        if (!assay_str_is(r->vars[0], schemas[i].name)) continue;
        assay_http_reply_body(r, 200, "application/schema+json", assay_http_body_static(assay_str_c(schemas[i].text)));
        return ASSAY_HTTP_DONE;
    }
    struct assay_error e;
    assay_fail(&e, ASSAY_NOT_FOUND, "", "there are schemas of scheme, calendar and rates");
    return assay_app_fail(r, ASSAY_NOT_FOUND, &e);
}
