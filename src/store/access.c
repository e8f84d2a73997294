/* access.c -- keys and the audit log. */
#include "store/rows.h"

enum assay_status assay_store_access_lock(struct assay_db *db, struct assay_error *e) {
    return pg_run(db, ASSAY_Q_ACCESS_LOCK, NULL, NULL, e);
}

enum assay_status assay_store_access_advance(struct assay_db *db, struct assay_error *e) {
    return pg_write(db, ASSAY_Q_ACCESS_ADVANCE, NULL, 1, e);
}

enum assay_status assay_store_keys(struct assay_db *db, struct assay_arena *a, struct assay_key_row **rows, size_t *n,
                                   struct assay_error *e) {
    return pg_fetch(db, ASSAY_Q_KEY_LIST, NULL, &pg_shape_key_listed, a, (void **)rows, n, e);
}

enum assay_status assay_store_key_insert(struct assay_db *db, const struct assay_key_row *row, struct assay_error *e) {
    struct pg_args args = {0};
    pg_rows_bind(&args, &pg_shape_key, row, 1);
    enum assay_status s = pg_write(db, ASSAY_Q_KEY_INSERT, &args, 1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_key_end(struct assay_db *db, struct assay_str key_id, assay_instant expires_at,
                                      assay_instant revoked_at, struct assay_error *e) {
    struct pg_args args = {0};
    pg_text(&args, key_id);
    pg_instant(&args, expires_at);
    pg_instant(&args, revoked_at);
    enum assay_status s = pg_write(db, ASSAY_Q_KEY_END, &args, 1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_keys_used(struct assay_db *db, const struct assay_str *key_ids, const assay_instant *at, size_t n,
                                        struct assay_error *e) {
    struct pg_args args = {0};
    if (n == 0) return ASSAY_OK;
    struct assay_buf *b = pg_array(&args, PG_TEXT, n);
    for (size_t i = 0; i < n; i++) pg_field_text(b, key_ids[i]);
    b = pg_array(&args, PG_TIMESTAMPTZ, n);
    for (size_t i = 0; i < n; i++) pg_field_instant(b, at[i]);
    enum assay_status s = pg_write(db, ASSAY_Q_KEY_USED, &args, -1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_audit_add(struct assay_db *db, const struct assay_audit_row *rows, size_t n,
                                        struct assay_error *e) {
    struct pg_args args = {0};
    if (n == 0) return ASSAY_OK;
    pg_rows_bind(&args, &pg_shape_audit, rows, n);
    enum assay_status s = pg_write(db, ASSAY_Q_AUDIT_INSERT, &args, (int64_t)n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_audit(struct assay_db *db, const struct assay_audit_filter *f, struct assay_arena *a,
                                    struct assay_audit_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, f->before ? f->before : INT64_MAX);
    pg_bound(&args, f->from, PG_MINUS_INFINITY);
    pg_bound(&args, f->to, PG_INFINITY);
    pg_word(&args, f->actor);
    pg_word(&args, f->action);
    pg_word(&args, f->subject);
    pg_int4(&args, f->limit);
    enum assay_status s = pg_fetch(db, ASSAY_Q_AUDIT_LIST, &args, &pg_shape_audit, a, (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}
