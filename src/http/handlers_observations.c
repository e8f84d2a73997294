/* handlers_observations.c -- what no order yields, as it was sent: a provider's observations (DOMAIN 2.4). */
#include "http/app.h"

static void observation_filter(struct assay_http_request *r, struct assay_observation_filter *f, struct assay_errors *es) {
    struct assay_str cursor = assay_http_param(r, "cursor"), fields[2];
    *f = (struct assay_observation_filter){.indicator = assay_http_param(r, "indicator"), .limit = assay_app_limit(r, es)};
    assay_app_range(r, &f->from, &f->to, es);
    if (f->indicator.p && !assay_form_provider(f->indicator))
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, "indicator", "1 to 32 characters of A-Z a-z 0-9 . _ -");
    if (!cursor.p) return;
    if (!assay_cursor_read('v', cursor, r->arena, fields, 2)) {
        assay_app_bad_cursor(es);
        return;
    }
    f->after = true;
    f->after_at = assay_cursor_to_instant(fields[0], r->arena);
    f->after_id = fields[1];
}

static enum assay_status write_observation(const struct assay_observation_row *row, struct assay_str provider,
                                           struct assay_arena *a, struct assay_buf *b, struct assay_error *e) {
    const struct assay_record_row *x = &row->record;
    char upload[ASSAY_UPLOAD_ID_TEXT];
    struct assay_record record;
    assay_record_init(&record);
    record.kind = x->key.kind, record.type = x->type, record.id = x->key.id, record.provider = provider, record.at = x->at;
    enum assay_status st = assay_record_from_content(x->content, a, &record, e);
    if (st) return st;
    if (x->upload_id) assay_upload_id_format(x->upload_id, upload);
    struct assay_record_origin origin = {.party = x->party,
                                         .received_at = x->received_at,
                                         .upload = x->upload_id ? assay_str_c(upload) : ASSAY_STR_NONE,
                                         .seq = x->seq,
                                         .voided = row->voided};
    assay_record_write(&record, &origin, b, NULL);
    return ASSAY_OK;
}

static enum assay_http_flow list_observations(struct assay_http_request *r, struct assay_session *s) {
    const struct assay_config_provider *p = assay_config_provider(s->config, r->vars[0]);
    struct assay_observation_filter f;
    struct assay_observation_row *rows;
    struct assay_errors es = {0};
    struct assay_error e = {0};
    size_t n;
    observation_filter(r, &f, &es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    if (!p) {
        assay_fail(&e, ASSAY_NOT_FOUND, "", "there is no provider %.*s", ASSAY_STR_ARG(r->vars[0]));
        return assay_app_fail(r, ASSAY_NOT_FOUND, &e);
    }
    f.provider_id = p->id;
    enum assay_status st;
    int limit = f.limit++; /* one more tells whether there is a next page */
    ASSAY_APP_READ(s, st, assay_store_observations(s->db, &f, &s->arena, &rows, &n, &e));
    bool more = !st && n > (size_t)limit;
    if (more) n--;
    struct assay_buf b = {0};
    assay_list_begin(&b);
    for (size_t i = 0; i < n && !st; i++) st = write_observation(&rows[i], p->code, &s->arena, &b, &e);
    if (st) {
        assay_buf_free(&b);
        return assay_app_fail(r, st, &e);
    }
    struct assay_str fields[2] = {ASSAY_STR(""), ASSAY_STR("")};
    if (more) {
        fields[0] = assay_cursor_instant(r->arena, rows[n - 1].record.at);
        fields[1] = rows[n - 1].record.key.id;
    }
    assay_app_list_end(r, &b, 'v', fields, 2, more);
    return assay_app_json(r, 200, &b);
}

enum assay_http_flow assay_get_observations(struct assay_http_request *r, void *w) {
    return assay_app_read(r, w, list_observations);
}
