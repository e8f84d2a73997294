/* handlers_orders.c -- orders, verdicts, orders at risk. */
#include <stdlib.h>

#include "http/app.h"

/* --- orders ------------------------------------------------------------------------------------------------------------------- */

static bool state_param(struct assay_str s, enum assay_state *out) {
    for (int i = ASSAY_STATE_OPEN; i <= ASSAY_STATE_CANCELLED; i++)
        if (assay_str_is(s, assay_state_name((enum assay_state)i))) return *out = (enum assay_state)i, true;
    return false;
}

static void order_filter(struct assay_http_request *r, const struct assay_config *cfg, struct assay_order_filter *f,
                         struct assay_errors *es) {
    struct assay_str state = assay_http_param(r, "state"), outcome = assay_http_param(r, "outcome"),
                     period = assay_http_param(r, "period");
    struct assay_str cursor = assay_http_param(r, "cursor"), fields[2];
    const struct assay_config_scheme *scheme = assay_config_scheme(cfg, assay_app_scheme(r));
    *f = (struct assay_order_filter){.period = ASSAY_NO_MONTH, .limit = assay_app_limit(r, es)};
    if (scheme) f->scheme_id = scheme->id;
    else assay_errors_add(es, ASSAY_INVALID_PARAMETER, "scheme", "there is no such scheme");
    if (state.p && !state_param(state, &f->state))
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, "state", "one of open, closed, cancelled");
    if (outcome.p && !assay_outcome_parse(outcome, &f->outcome))
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, "outcome", "one of compliant, missed, undetermined, pending, out_of_scope");
    if (period.p && assay_month_parse(period, &f->period))
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, "period", "a month such as 2001-02");
    else if (period.p && scheme) {
        const struct assay_zone *zone = scheme->versions.versions[0]->zone;
        f->period_from = assay_zone_instant(zone, assay_month_first(f->period), 0);
        f->period_to = assay_zone_instant(zone, assay_month_first(f->period + 1), 0);
    }
    if (!cursor.p) return;
    if (!assay_cursor_read('o', cursor, r->arena, fields, 2)) {
        assay_app_bad_cursor(es);
        return;
    }
    f->after = true;
    f->after_opened = assay_cursor_to_instant(fields[0], r->arena);
    f->after_order = fields[1];
}

static assay_instant earlier(assay_instant a, assay_instant b) {
    if (a == ASSAY_NO_INSTANT) return b;
    return b == ASSAY_NO_INSTANT || a < b ? a : b;
}

static enum assay_http_flow list_orders(struct assay_http_request *r, struct assay_session *s) {
    struct assay_errors es = {0};
    struct assay_error e = {0};
    struct assay_order_filter f;
    const struct assay_config_provider *p = assay_config_provider(s->config, r->vars[0]);
    order_filter(r, s->config, &f, &es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    if (!p) {
        assay_fail(&e, ASSAY_NOT_FOUND, "", "there is no provider %.*s", ASSAY_STR_ARG(r->vars[0]));
        return assay_app_fail(r, ASSAY_NOT_FOUND, &e);
    }
    int limit = f.limit++; /* one more than is shown: whether there is a next page */
    f.provider_id = p->id;
    struct assay_order_listed *rows;
    size_t n;
    enum assay_status st;
    ASSAY_APP_READ(s, st, assay_store_order_list(s->db, &f, &s->arena, &rows, &n, &e));
    if (st) return assay_app_fail(r, st, &e);
    bool more = n > (size_t)limit;
    if (more) n = (size_t)limit;
    struct assay_buf b = {0};
    assay_list_begin(&b);
    for (size_t i = 0; i < n; i++) {
        const struct assay_order_row *o = &rows[i].order;
        const struct assay_verdict_row *v = &rows[i].verdict;
        struct assay_order_summary sum = {.provider = p->code,
                                          .order = o->key.order_no,
                                          .state = o->state,
                                          .channel = o->channel,
                                          .product = o->product,
                                          .customer_class = o->customer_class,
                                          .warranty = o->warranty,
                                          .opened_at = o->opened_at,
                                          .closed_at = o->closed_at,
                                          .outcome = v->outcome,
                                          .reason = v->reason,
                                          .deadline = earlier(v->diagnosis_deadline, v->cycle_deadline),
                                          .scheme = assay_app_scheme(r).p};
        assay_order_summary_write(&sum, &b, NULL);
    }
    struct assay_str fields[2] = {ASSAY_STR(""), ASSAY_STR("")};
    if (more) fields[0] = assay_cursor_instant(r->arena, rows[n - 1].order.opened_at), fields[1] = rows[n - 1].order.key.order_no;
    assay_app_list_end(r, &b, 'o', fields, 2, more);
    return assay_app_json(r, 200, &b);
}

static enum assay_http_flow show_verdict(struct assay_http_request *r, struct assay_session *s) {
    struct assay_order_view v;
    struct assay_error e = {0};
    enum assay_status st;
    ASSAY_APP_READ(s, st, assay_read_order(s, r->vars[0], r->vars[1], assay_app_scheme(r), &v, &e));
    if (st) return assay_app_fail(r, st, &e);
    struct assay_explanation x;
    assay_verdict_explain(&v.order, &v.verdict, &s->arena, &x);
    struct assay_verdict_reply reply = {.provider = v.provider->code,
                                        .order = v.row.key.order_no,
                                        .facts = &v.order,
                                        .verdict = &v.verdict,
                                        .explanation = &x,
                                        .calendar_version = v.calendar_version};
    struct assay_buf b = {0};
    assay_verdict_write(&reply, &b, NULL);
    return assay_app_json(r, 200, &b);
}

/* The order's records as they were sent, from the truth. */
static enum assay_status full_records(struct assay_session *s, struct assay_order_view *v, struct assay_order_reply *reply,
                                      struct assay_error *e) {
    struct assay_record_key *keys = assay_arena_alloc(&s->arena, (v->n_records + 1) * sizeof *keys);
    struct assay_record_row *rows;
    size_t n;
    for (size_t i = 0; i < v->n_records; i++)
        keys[i] = (struct assay_record_key){v->provider->id, v->records[i].record.kind, v->records[i].record.id};
    enum assay_status st = assay_store_records(s->db, keys, v->n_records, &s->arena, &rows, &n, e);
    if (st) return st;
    struct assay_record *records = assay_arena_alloc(&s->arena, (n + 1) * sizeof *records);
    struct assay_record_origin *origins = assay_arena_zalloc(&s->arena, (n + 1) * sizeof *origins);
    for (size_t i = 0, k = 0; i < n; i++) {
        struct assay_record *x = &records[i];
        assay_record_init(x);
        x->kind = rows[i].key.kind, x->type = rows[i].type, x->id = rows[i].key.id, x->provider = v->provider->code;
        x->order = rows[i].order_no, x->at = rows[i].at;
        if ((st = assay_record_from_content(rows[i].content, &s->arena, x, e))) return st;
        while (k < v->n_records && !(v->records[k].record.kind == x->kind && assay_str_eq(v->records[k].record.id, x->id))) k++;
        origins[i] = (struct assay_record_origin){.party = rows[i].party,
                                                  .received_at = rows[i].received_at,
                                                  .seq = rows[i].seq,
                                                  .voided = k < v->n_records && v->records[k].voided};
        if (!rows[i].upload_id) continue;
        char *upload = assay_arena_alloc(&s->arena, ASSAY_UPLOAD_ID_TEXT);
        assay_upload_id_format(rows[i].upload_id, upload);
        origins[i].upload = assay_str_c(upload);
    }
    reply->n_records = n;
    reply->records = records;
    reply->origins = origins;
    return ASSAY_OK;
}

static enum assay_http_flow show_order(struct assay_http_request *r, struct assay_session *s) {
    struct assay_order_view v;
    struct assay_error e = {0};
    enum assay_status st;
    ASSAY_APP_READ(s, st, assay_read_order(s, r->vars[0], r->vars[1], assay_app_scheme(r), &v, &e));
    struct assay_order_reply reply = {.facts = &v.order, .verdict = &v.verdict};
    if (!st) st = full_records(s, &v, &reply, &e);
    if (st) return assay_app_fail(r, st, &e);
    reply.provider = v.provider->code;
    reply.order = v.row.key.order_no;
    struct assay_buf b = {0};
    assay_order_write(&reply, &b, NULL);
    return assay_app_json(r, 200, &b);
}

/* --- at risk ------------------------------------------------------------------------------------------------------------------ */

static void risk_filter(struct assay_http_request *r, const struct assay_config *cfg, struct assay_risk_filter *f,
                        struct assay_errors *es) {
    struct assay_app *app = r->app;
    int64_t within = 14400;
    struct assay_str cursor = assay_http_param(r, "cursor"), x[4];
    const struct assay_config_scheme *scheme = assay_config_scheme(cfg, assay_app_scheme(r));
    *f = (struct assay_risk_filter){.limit = assay_app_limit(r, es), .now = assay_service_now(app->service)};
    assay_http_param_int(r, "within_seconds", 0, 31536000, &within, es);
    f->until = f->now + within * ASSAY_SECOND;
    if (scheme) f->scheme_id = scheme->id;
    else assay_errors_add(es, ASSAY_INVALID_PARAMETER, "scheme", "there is no such scheme");
    const struct assay_config_provider *p = assay_app_provider_param(r, cfg, es);
    if (p) f->provider_id = p->id;
    if (!cursor.p) return;
    if (!assay_cursor_read('k', cursor, r->arena, x, 4)) {
        assay_app_bad_cursor(es);
        return;
    }
    f->after = true;
    f->after_deadline = assay_cursor_to_instant(x[0], r->arena);
    f->after_provider = (int32_t)strtol(assay_arena_dup(r->arena, x[1]).p, NULL, 10);
    f->after_order = x[2];
    f->after_cycle = assay_str_is(x[3], "c");
}

static enum assay_http_flow list_at_risk(struct assay_http_request *r, struct assay_session *s) {
    struct assay_errors es = {0};
    struct assay_error e = {0};
    struct assay_risk_filter f;
    struct assay_risk_row *rows;
    size_t n;
    enum assay_status st;
    risk_filter(r, s->config, &f, &es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    int limit = f.limit++;
    ASSAY_APP_READ(s, st, assay_store_at_risk(s->db, &f, &s->arena, &rows, &n, &e));
    if (st) return assay_app_fail(r, st, &e);
    bool more = n > (size_t)limit;
    if (more) n = (size_t)limit;
    struct assay_buf b = {0};
    assay_list_begin(&b);
    for (size_t i = 0; i < n; i++) {
        const struct assay_config_provider *p = assay_config_provider_by_id(s->config, rows[i].provider_id);
        if (!p) continue; /* registered a moment ago by another daemon: the next poll has it */
        struct assay_order_summary sum = {.provider = p->code,
                                          .order = rows[i].order_no,
                                          .state = ASSAY_STATE_OPEN,
                                          .channel = rows[i].channel,
                                          .product = rows[i].product,
                                          .customer_class = rows[i].customer_class,
                                          .warranty = rows[i].warranty,
                                          .opened_at = rows[i].opened_at,
                                          .closed_at = ASSAY_NO_INSTANT,
                                          .outcome = ASSAY_PENDING,
                                          .deadline = rows[i].deadline,
                                          .scheme = assay_app_scheme(r).p,
                                          .clock = rows[i].cycle ? "cycle" : "diagnosis"};
        assay_order_summary_write(&sum, &b, NULL);
    }
    struct assay_str x[4] = {ASSAY_STR(""), ASSAY_STR(""), ASSAY_STR(""), ASSAY_STR("")};
    if (more) {
        const struct assay_risk_row *last = &rows[n - 1];
        x[0] = assay_cursor_instant(r->arena, last->deadline),
        x[1] = assay_str_c(assay_arena_printf(r->arena, "%d", last->provider_id));
        x[2] = last->order_no, x[3] = last->cycle ? ASSAY_STR("c") : ASSAY_STR("d");
    }
    assay_app_list_end(r, &b, 'k', x, 4, more);
    return assay_app_json(r, 200, &b);
}

enum assay_http_flow assay_get_orders(struct assay_http_request *r, void *w) { return assay_app_read(r, w, list_orders); }
enum assay_http_flow assay_get_order(struct assay_http_request *r, void *w) { return assay_app_read(r, w, show_order); }
enum assay_http_flow assay_get_verdict(struct assay_http_request *r, void *w) { return assay_app_read(r, w, show_verdict); }
enum assay_http_flow assay_get_at_risk(struct assay_http_request *r, void *w) { return assay_app_read(r, w, list_at_risk); }
