/* handlers_uploads.c -- uploads after the fact: the list, one of them, and taking one back. */
#include <stdio.h>

#include "http/app.h"

/* An upload that runs was seen since then. */
static assay_instant alive(const struct assay_http_request *r) {
    const struct assay_app *app = r->app;
    return assay_service_now(app->service) - ASSAY_UPLOAD_SILENCE;
}

enum assay_status assay_app_upload(struct assay_http_request *r, struct assay_session *s, struct assay_upload_row **row,
                                   struct assay_error *e) {
    int64_t id;
    *row = NULL;
    enum assay_status st = ASSAY_OK;
    if (assay_upload_id_parse(r->vars[0], &id)) ASSAY_APP_READ(s, st, assay_store_upload(s->db, id, alive(r), &s->arena, row, e));
    if (!st && *row && !assay_app_sees_upload(r, *row)) *row = NULL;
    if (!st && !*row) st = assay_fail(e, ASSAY_NOT_FOUND, "", "there is no upload %.*s", ASSAY_STR_ARG(r->vars[0]));
    return st;
}

static void write_upload(const struct assay_upload_row *row, struct assay_buf *b) {
    char id[ASSAY_UPLOAD_ID_TEXT], by[ASSAY_UPLOAD_ID_TEXT], link[64];
    assay_upload_id_format(row->upload_id, id);
    if (row->reverted_by) assay_upload_id_format(row->reverted_by, by);
    assay_json_object(b, NULL);
    assay_json_text(b, "upload", id);
    assay_json_str(b, "kind", row->kind);
    assay_json_str(b, "status", row->status);
    assay_json_bool(b, "atomic", row->atomic);
    assay_json_text(b, "party", assay_party_name(row->party));
    assay_json_str(b, "content_type", row->content_type.n ? row->content_type : ASSAY_STR_NONE);
    assay_json_int(b, "bytes", row->bytes);
    assay_json_instant(b, "received_at", row->received_at);
    assay_json_instant(b, "finished_at", row->finished_at);
    assay_json_str(b, "request_id", row->request_id);
    assay_json_int(b, "received", row->received);
    assay_json_int(b, "accepted", row->accepted);
    assay_json_int(b, "duplicates", row->duplicates);
    assay_json_int(b, "rejected", row->rejected);
    assay_json_text(b, "reverted_by", row->reverted_by ? by : NULL);
    snprintf(link, sizeof link, "/v1/uploads/%s", id);
    assay_json_text(b, "self", link);
    snprintf(link, sizeof link, "/v1/uploads/%s/rejected", id);
    assay_json_text(b, "rejected_rows", link);
    assay_json_object_end(b);
}

enum assay_http_flow assay_get_upload(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_upload_row *row;
    struct assay_error e = {0};
    if (!s) return ASSAY_HTTP_DONE;
    enum assay_status st = assay_app_upload(r, s, &row, &e);
    if (st || !row) return assay_app_fail(r, st, &e);
    struct assay_buf b = {0};
    write_upload(row, &b);
    return assay_app_json(r, 200, &b);
}

static bool one_of(struct assay_str s, const char *const *words) {
    for (; *words; words++)
        if (assay_str_is(s, *words)) return true;
    return false;
}

static void upload_filter(struct assay_http_request *r, struct assay_upload_filter *f, struct assay_errors *es) {
    static const char *const kinds[] = {"repair-events", "ccc-dispatches", "survey-responses", "observations", "revert", NULL};
    static const char *const statuses[] = {"running", "done", "refused", "interrupted", NULL};
    struct assay_str cursor = assay_http_param(r, "cursor"), before;
    *f = (struct assay_upload_filter){.kind = assay_http_param(r, "kind"),
                                      .status = assay_http_param(r, "status"),
                                      .alive = alive(r),
                                      .limit = assay_app_limit(r, es)};
    assay_app_range(r, &f->from, &f->to, es);
    assay_app_own_uploads(r, f);
    if (f->kind.p && !one_of(f->kind, kinds))
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, "kind",
                         "one of repair-events, ccc-dispatches, survey-responses, observations, revert");
    if (f->status.p && !one_of(f->status, statuses))
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, "status", "one of running, done, refused, interrupted");
    if (cursor.p && (!assay_cursor_read('u', cursor, r->arena, &before, 1) || !assay_upload_id_parse(before, &f->before)))
        assay_errors_add(es, ASSAY_INVALID_CURSOR, "cursor", "not a cursor of this list");
    /* Ids begin with the time of receipt: what lies behind `to` need not be looked at. */
    int64_t end = f->to == ASSAY_NO_INSTANT ? 0 : assay_upload_id_from(f->to + ASSAY_SECOND);
    if (end && (!f->before || end < f->before)) f->before = end;
}

enum assay_http_flow assay_get_uploads(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_upload_filter f;
    struct assay_upload_row *rows;
    struct assay_errors es = {0};
    struct assay_error e = {0};
    size_t n;
    if (!s) return ASSAY_HTTP_DONE;
    upload_filter(r, &f, &es);
    if (es.n) return assay_app_fail_all(r, es.items[0].status, &es, NULL);
    enum assay_status st;
    int limit = f.limit++; /* one more tells whether there is a next page */
    ASSAY_APP_READ(s, st, assay_store_uploads(s->db, &f, &s->arena, &rows, &n, &e));
    if (st) return assay_app_fail(r, st, &e);
    bool more = n > (size_t)limit;
    if (more) n--;
    struct assay_buf b = {0};
    assay_list_begin(&b);
    for (size_t i = 0; i < n; i++) write_upload(&rows[i], &b);
    char last[ASSAY_UPLOAD_ID_TEXT] = "";
    if (n) assay_upload_id_format(rows[n - 1].upload_id, last);
    struct assay_str field = assay_str_c(last);
    assay_app_list_end(r, &b, 'u', &field, 1, more);
    return assay_app_json(r, 200, &b);
}

enum assay_http_flow assay_post_revert(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_upload_row *row;
    struct assay_reverted done;
    struct assay_error e = {0};
    if (!s) return ASSAY_HTTP_DONE;
    enum assay_status st = assay_app_upload(r, s, &row, &e);
    if (!st && row) st = assay_upload_revert(s, row->upload_id, assay_app_sender(r).party, r->id, &done, &e);
    if (st || !row) return assay_app_fail(r, st, &e);
    struct assay_buf b = {0};
    assay_json_object(&b, NULL);
    assay_json_str(&b, "upload", r->vars[0]);
    assay_json_int(&b, "voided", done.voided);
    assay_json_int(&b, "already_voided", done.already_voided);
    assay_json_text(&b, "reverted_by", done.revert);
    assay_json_object_end(&b);
    return assay_app_json(r, 200, &b);
}
