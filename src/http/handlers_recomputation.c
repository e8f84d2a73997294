/* handlers_recomputation.c -- recomputations: how far they are, and waiting for them. */
#include <stdio.h>
#include <stdlib.h>

#include "http/app.h"

const char *assay_app_recomputation_link(int64_t id, char out[ASSAY_RECOMPUTATION_LINK]) {
    snprintf(out, ASSAY_RECOMPUTATION_LINK, "/v1/recomputations/%lld", (long long)id);
    return out;
}

static const char *status_name(enum assay_recomputation_status s) {
    return s == ASSAY_RUN_RUNNING ? "running" : s == ASSAY_RUN_DONE ? "done" : "failed";
}

static void write_cause(const struct assay_recomputation *x, struct assay_buf *b) {
    static const char *const kinds[] = {"calendar", "rates", "scheme", "provider"};
    static const char *const homes[] = {"calendars", "rates", "schemes", "providers"};
    bool one = x->cause_code.p != NULL;
    struct assay_buf link = {0};
    assay_json_object(b, "cause");
    assay_json_text(b, "kind", kinds[x->cause_kind]);
    assay_json_str(b, "code", x->cause_code);
    if (one) assay_json_int(b, "version", x->cause_version);
    else assay_json_null(b, "version");
    if (one) assay_buf_printf(&link, "/v1/%s/%.*s/versions", homes[x->cause_kind], ASSAY_STR_ARG(x->cause_code));
    assay_json_str(b, "versions", one ? assay_buf_str(&link) : ASSAY_STR_NONE);
    assay_json_object_end(b);
    assay_buf_free(&link);
}

/* Of 1, four decimals, never more than there is. */
static void write_progress(const struct assay_recomputation *x, struct assay_buf *b) {
    char text[ASSAY_FRAC_TEXT];
    struct assay_frac done = {x->status == ASSAY_RUN_DONE, 1};
    bool partly = x->status != ASSAY_RUN_DONE && x->orders > 0;
    if (partly) done = (struct assay_frac){x->orders_judged < x->orders ? x->orders_judged : x->orders, x->orders};
    assay_frac_format(done, 4, text);
    assay_json_text(b, "progress", text);
}

/* Codes by the schemes' numbers; one that was withdrawn with its recomputation has none. */
static void write_schemes(const struct assay_config *cfg, const struct assay_recomputation *x, struct assay_buf *b) {
    const struct assay_config *most = cfg->next ? cfg->next : cfg;
    assay_json_array(b, "schemes");
    for (size_t i = 0; i < x->n_schemes; i++)
        for (size_t k = 0; k < most->n_schemes; k++)
            if (most->schemes[k].id == x->schemes[i]) assay_json_text(b, NULL, most->schemes[k].code);
    assay_json_array_end(b);
}

static void write_recomputation(const struct assay_config *cfg, const struct assay_recomputation *x, struct assay_buf *b) {
    char link[ASSAY_RECOMPUTATION_LINK];
    assay_json_object(b, NULL);
    assay_json_int(b, "id", x->id);
    assay_json_text(b, "status", status_name(x->status));
    write_cause(x, b);
    write_schemes(cfg, x, b);
    write_progress(x, b);
    assay_json_object(b, "providers");
    assay_json_int(b, "total", x->providers > x->providers_done ? x->providers : x->providers_done);
    assay_json_int(b, "done", x->providers_done);
    assay_json_object_end(b);
    assay_json_object(b, "orders"); /* more may come while it runs: judged may exceed total */
    assay_json_int(b, "total", x->orders);
    assay_json_int(b, "judged", x->orders_judged);
    assay_json_int(b, "changed", x->orders_changed);
    assay_json_object_end(b);
    assay_json_instant(b, "started_at", x->started_at);
    assay_json_instant(b, "finished_at", x->finished_at);
    assay_json_str(b, "reason", x->reason);
    assay_json_text(b, "href", assay_app_recomputation_link(x->id, link));
    assay_json_object_end(b);
}

static bool client_is_gone(void *arg) { return assay_http_gone(arg) || assay_http_draining(arg); }

bool assay_app_await(struct assay_http_request *r, struct assay_session *s, int64_t id, int64_t *changed) {
    struct assay_app *app = r->app;
    struct assay_recomputation *x;
    struct assay_error e = {0};
    char link[ASSAY_RECOMPUTATION_LINK];
    int64_t wait_s = assay_http_prefer_wait(r, app->change_wait_s);
    if (wait_s > app->change_wait_s) wait_s = app->change_wait_s;
    enum assay_status st = assay_recomputation_wait(s, id, wait_s * 1000, client_is_gone, r, &x, &e);
    if (!st && x->status == ASSAY_RUN_FAILED)
        st = assay_fail(&e, ASSAY_RECOMPUTATION_FAILED, "", "%.*s", ASSAY_STR_ARG(x->reason));
    if (st) {
        assay_app_fail(r, st, &e);
        return false;
    }
    *changed = x->orders_changed;
    if (x->status == ASSAY_RUN_DONE) return true;
    struct assay_buf b = {0};
    const struct assay_config *cfg = assay_service_config(app->service);
    write_recomputation(cfg, x, &b);
    assay_config_release(cfg);
    assay_http_reply_header(r, "Location", assay_app_recomputation_link(id, link));
    assay_app_json(r, 202, &b);
    return false;
}

enum assay_http_flow assay_get_recomputation(struct assay_http_request *r, void *worker) {
    struct assay_recomputation *x;
    struct assay_error e = {0};
    struct assay_app *app = r->app;
    struct assay_session *s = assay_app_session(r, worker);
    enum assay_status st;
    if (!s) return ASSAY_HTTP_DONE;
    int64_t id = 0;
    for (size_t i = 0; i < r->vars[0].n && id >= 0 && id < INT64_MAX / 100; i++) {
        char c = r->vars[0].p[i];
        id = c >= '0' && c <= '9' ? id * 10 + (c - '0') : -1;
    }
    ASSAY_APP_READ(s, st, assay_recomputation_get(s, id, &x, &e));
    if (st) return assay_app_fail(r, st, &e);
    struct assay_buf b = {0};
    const struct assay_config *cfg = assay_service_config(app->service);
    write_recomputation(cfg, x, &b);
    assay_config_release(cfg);
    return assay_app_json(r, 200, &b);
}

enum assay_http_flow assay_get_recomputations(struct assay_http_request *r, void *worker) {
    struct assay_errors es = {0};
    struct assay_error e = {0};
    struct assay_app *app = r->app;
    int limit = assay_app_limit(r, &es);
    struct assay_str cursor = assay_http_param(r, "cursor"), field;
    int64_t before = 0;
    if (cursor.p && !assay_cursor_read('n', cursor, r->arena, &field, 1))
        assay_errors_add(&es, ASSAY_INVALID_CURSOR, "cursor", "not a cursor of this list");
    else if (cursor.p) before = strtoll(field.p, NULL, 10);
    if (es.n) return assay_app_fail_all(r, es.items[0].status, &es, NULL);
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_recomputation *rows;
    size_t n;
    enum assay_status st;
    if (!s) return ASSAY_HTTP_DONE;
    ASSAY_APP_READ(s, st, assay_recomputation_list(s, before, limit, &rows, &n, &e));
    if (st) return assay_app_fail(r, st, &e);
    struct assay_buf b = {0}, next = {0};
    const struct assay_config *cfg = assay_service_config(app->service);
    assay_list_begin(&b);
    for (size_t i = 0; i < n; i++) write_recomputation(cfg, &rows[i], &b);
    assay_config_release(cfg);
    if (n == (size_t)limit) {
        field = assay_str_c(assay_arena_printf(r->arena, "%lld", (long long)rows[n - 1].id));
        assay_cursor_write('n', &field, 1, &next);
        assay_app_link_next(r, assay_buf_str(&next));
    }
    assay_list_end(&b, next.n ? assay_buf_str(&next) : ASSAY_STR_NONE);
    assay_buf_free(&next);
    return assay_app_json(r, 200, &b);
}
