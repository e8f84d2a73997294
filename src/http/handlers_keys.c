/* handlers_keys.c -- keys, and the log of administrative acts. */
#include <stdio.h>

#include "http/app.h"

/* --- keys ----------------------------------------------------------------------------------------------------------------------- */

/* What a key is good for at this moment. */
static const char *state_of(const struct assay_key_row *k, assay_instant now) {
    if (k->revoked_at != ASSAY_NO_INSTANT) return "revoked";
    return k->expires_at != ASSAY_NO_INSTANT && k->expires_at <= now ? "expired" : "active";
}

/* secret: NULL where it is not shown. */
static void write_key(const struct assay_http_request *r, const struct assay_key_row *k, const char *secret,
                      struct assay_buf *b) {
    const struct assay_app *app = r->app;
    struct assay_buf link = {0};
    assay_json_object(b, NULL);
    assay_json_str(b, "key", k->key_id);
    if (secret) assay_json_text(b, "secret", secret);
    assay_json_str(b, "name", k->name);
    assay_json_text(b, "role", assay_role_name(k->role));
    assay_json_str(b, "provider", k->provider);
    assay_json_text(b, "status", state_of(k, assay_service_now(app->service)));
    assay_json_instant(b, "created_at", k->created_at);
    assay_json_str(b, "created_by", k->created_by);
    assay_json_instant(b, "expires_at", k->expires_at);
    assay_json_instant(b, "revoked_at", k->revoked_at);
    assay_json_instant(b, "last_used_at", k->last_used_at);
    assay_json_str(b, "replaces", k->replaces.n ? k->replaces : ASSAY_STR_NONE);
    assay_buf_printf(&link, "/v1/keys/%.*s", ASSAY_STR_ARG(k->key_id));
    assay_json_str(b, "self", assay_buf_str(&link));
    assay_json_object_end(b);
    assay_buf_free(&link);
}

enum assay_http_flow assay_get_key(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_key_row *k = NULL;
    struct assay_error e = {0};
    enum assay_status st;
    if (!s) return ASSAY_HTTP_DONE;
    ASSAY_APP_READ(s, st, assay_key_find(s, r->vars[0], &k, &e));
    if (st || !k) return assay_app_fail(r, st, &e);
    struct assay_buf b = {0};
    write_key(r, k, NULL, &b);
    return assay_app_json(r, 200, &b);
}

static bool is_behind(const struct assay_key_row *k, assay_instant created_at, struct assay_str key_id) {
    return k->created_at != created_at ? k->created_at > created_at : assay_str_cmp(k->key_id, key_id) > 0;
}

/* In the order in which they were made. All are read: a network has hundreds. */
enum assay_http_flow assay_get_keys(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_key_row *rows;
    struct assay_errors es = {0};
    struct assay_error e = {0};
    struct assay_str cursor = assay_http_param(r, "cursor"), fields[2] = {ASSAY_STR(""), ASSAY_STR("")};
    size_t n, i = 0;
    if (!s) return ASSAY_HTTP_DONE;
    size_t limit = (size_t)assay_app_limit(r, &es);
    if (cursor.p && !assay_cursor_read('q', cursor, r->arena, fields, 2)) assay_app_bad_cursor(&es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    enum assay_status st;
    ASSAY_APP_READ(s, st, assay_store_keys(s->db, &s->arena, &rows, &n, &e));
    if (st) return assay_app_fail(r, st, &e);
    assay_instant after = assay_cursor_to_instant(fields[0], r->arena);
    while (cursor.p && i < n && !is_behind(&rows[i], after, fields[1])) i++;
    size_t end = n - i > limit ? i + limit : n;
    struct assay_buf b = {0};
    assay_list_begin(&b);
    for (; i < end; i++) write_key(r, &rows[i], NULL, &b);
    if (end) fields[0] = assay_cursor_instant(r->arena, rows[end - 1].created_at), fields[1] = rows[end - 1].key_id;
    assay_app_list_end(r, &b, 'q', fields, 2, end < n);
    return assay_app_json(r, 200, &b);
}

static enum assay_http_flow reply_made(struct assay_http_request *r, struct assay_key_made *k) {
    struct assay_buf b = {0};
    assay_http_reply_header(r, "Location", assay_arena_printf(r->arena, "/v1/keys/%.*s", ASSAY_STR_ARG(k->row.key_id)));
    write_key(r, &k->row, k->key, &b);
    return assay_app_json(r, 201, &b);
}

enum assay_http_flow assay_post_keys(struct assay_http_request *r, void *worker) {
    struct assay_key_request request;
    struct assay_key_made made;
    struct assay_errors es = {0};
    struct assay_error e = {0};
    enum assay_status st = assay_key_request_from_json(r->body, r->arena, &request, &es);
    if (st) return assay_app_fail_all(r, st, &es, NULL);
    struct assay_session *s = assay_app_session(r, worker);
    if (!s) return ASSAY_HTTP_DONE;
    st = assay_key_create(s, &request, &made, &es, &e);
    return st ? assay_app_fail_all(r, st, &es, &e) : reply_made(r, &made);
}

enum assay_http_flow assay_post_key_rotate(struct assay_http_request *r, void *worker) {
    const struct assay_app *app = r->app;
    struct assay_key_rotation rotation;
    struct assay_key_made made;
    struct assay_errors es = {0};
    struct assay_error e = {0};
    struct assay_str body = r->body.n ? r->body : ASSAY_STR("{}"); /* all of it may be left out */
    enum assay_status st = assay_key_rotation_from_json(body, r->arena, &rotation, &es);
    if (!st && rotation.expires_at != ASSAY_NO_INSTANT && rotation.expires_at <= assay_service_now(app->service)) {
        assay_errors_add(&es, ASSAY_INVALID_VALUE, "/expires_at", "it lies in the past");
        st = ASSAY_VALIDATION_FAILED;
    }
    if (st) return assay_app_fail_all(r, st, &es, NULL);
    struct assay_session *s = assay_app_session(r, worker);
    if (!s) return ASSAY_HTTP_DONE;
    st = assay_key_rotate(s, r->vars[0], &rotation, &made, &e);
    return st ? assay_app_fail(r, st, &e) : reply_made(r, &made);
}

enum assay_http_flow assay_delete_key(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_error e = {0};
    if (!s) return ASSAY_HTTP_DONE;
    enum assay_status st = assay_key_revoke(s, r->vars[0], &e);
    if (st) return assay_app_fail(r, st, &e);
    assay_http_reply_empty(r, 204);
    return ASSAY_HTTP_DONE;
}

/* --- the audit log -------------------------------------------------------------------------------------------------------------- */

static void write_act(const struct assay_audit_row *a, struct assay_buf *b) {
    char id[ASSAY_AUDIT_ID_TEXT];
    assay_audit_id_format(a->audit_id, id);
    assay_json_object(b, NULL);
    assay_json_text(b, "id", id);
    assay_json_instant(b, "at", a->at);
    assay_json_str(b, "actor", a->actor);
    assay_json_str(b, "role", a->role);
    assay_json_str(b, "request_id", a->request_id.n ? a->request_id : ASSAY_STR_NONE);
    assay_json_str(b, "action", a->action);
    assay_json_str(b, "subject", a->subject);
    if (a->before.p) assay_json_raw(b, "before", a->before);
    else assay_json_null(b, "before");
    if (a->after.p) assay_json_raw(b, "after", a->after);
    else assay_json_null(b, "after");
    assay_json_object_end(b);
}

/* ?actor= or ?subject=: what can be one at all. */
static struct assay_str name_param(const struct assay_http_request *r, const char *name, struct assay_errors *es) {
    struct assay_str s = assay_http_param(r, name);
    if (s.p && (s.n == 0 || assay_utf8_length(s) > 128))
        assay_errors_add(es, ASSAY_INVALID_PARAMETER, name, "1 to 128 characters");
    return s;
}

static struct assay_str action_param(const struct assay_http_request *r, struct assay_errors *es) {
    static const char *const actions[] = {"provider.put",    "calendar.put", "rates.put",    "scheme.put",
                                          "upload.reverted", "key.created",  "key.replaced", "key.revoked"};
    struct assay_str s = assay_http_param(r, "action");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (!s.p || assay_str_is(s, actions[i])) return s;
    assay_errors_add(
        es, ASSAY_INVALID_PARAMETER, "action",
        "one of provider.put, calendar.put, rates.put, scheme.put, upload.reverted, key.created, key.replaced, key.revoked");
    return s;
}

enum assay_http_flow assay_get_audit(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    struct assay_str cursor = assay_http_param(r, "cursor"), last;
    struct assay_audit_row *rows;
    struct assay_errors es = {0};
    struct assay_error e = {0};
    size_t n;
    if (!s) return ASSAY_HTTP_DONE;
    struct assay_audit_filter f = {.actor = name_param(r, "actor", &es),
                                   .action = action_param(r, &es),
                                   .subject = name_param(r, "subject", &es),
                                   .limit = assay_app_limit(r, &es)};
    assay_app_range(r, &f.from, &f.to, &es);
    if (cursor.p && (!assay_cursor_read('d', cursor, r->arena, &last, 1) || !assay_audit_id_parse(last, &f.before)))
        assay_app_bad_cursor(&es);
    if (es.n) return assay_app_bad_parameters(r, &es);
    enum assay_status st;
    int limit = f.limit++; /* one more tells whether there is a next page */
    ASSAY_APP_READ(s, st, assay_store_audit(s->db, &f, &s->arena, &rows, &n, &e));
    if (st) return assay_app_fail(r, st, &e);
    bool more = n > (size_t)limit;
    if (more) n--;
    struct assay_buf b = {0};
    char id[ASSAY_AUDIT_ID_TEXT] = "";
    assay_list_begin(&b);
    for (size_t i = 0; i < n; i++) write_act(&rows[i], &b);
    if (n) assay_audit_id_format(rows[n - 1].audit_id, id);
    struct assay_str field = assay_str_c(id);
    assay_app_list_end(r, &b, 'd', &field, 1, more);
    return assay_app_json(r, 200, &b);
}
