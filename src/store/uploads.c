/* uploads.c -- uploads and the rows they could not take. */
#include "store/rows.h"

static enum assay_status write_upload(struct assay_db *db, enum assay_query q, const struct assay_upload_row *u,
                                      struct assay_error *e) {
    struct pg_args args = {0};
    pg_rows_bind(&args, &pg_shape_upload, u, 1);
    enum assay_status s = pg_write(db, q, &args, 1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_upload_start(struct assay_db *db, const struct assay_upload_row *u, struct assay_error *e) {
    return write_upload(db, ASSAY_Q_UPLOAD_INSERT, u, e);
}

enum assay_status assay_store_upload_finish(struct assay_db *db, const struct assay_upload_row *u, struct assay_error *e) {
    return write_upload(db, ASSAY_Q_UPLOAD_FINISH, u, e);
}

enum assay_status assay_store_upload_reject(struct assay_db *db, int64_t upload_id, const struct assay_rejection_row *rows,
                                            size_t n, struct assay_error *e) {
    struct pg_args args = {0};
    if (n == 0) return ASSAY_OK;
    pg_rows_bind(&args, &pg_shape_rejection, rows, n);
    pg_int8(&args, upload_id);
    enum assay_status s = pg_write(db, ASSAY_Q_REJECTION_INSERT, &args, -1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_upload_seen(struct assay_db *db, int64_t upload_id, assay_instant now, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, upload_id);
    pg_instant(&args, now);
    enum assay_status s = pg_write(db, ASSAY_Q_UPLOAD_SEEN, &args, 1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_upload(struct assay_db *db, int64_t upload_id, assay_instant alive, struct assay_arena *a,
                                     struct assay_upload_row **row, struct assay_error *e) {
    struct pg_args args = {0};
    size_t n = 0;
    pg_int8(&args, upload_id);
    pg_instant(&args, alive);
    enum assay_status s = pg_fetch(db, ASSAY_Q_UPLOAD_GET, &args, &pg_shape_upload, a, (void **)row, &n, e);
    if (s || n == 0) *row = NULL;
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_rejections(struct assay_db *db, int64_t upload_id, int64_t after, int limit, struct assay_arena *a,
                                         struct assay_rejection_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, upload_id);
    pg_int8(&args, after);
    pg_int4(&args, limit);
    enum assay_status s = pg_fetch(db, ASSAY_Q_REJECTION_LIST, &args, &pg_shape_rejection, a, (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_uploads(struct assay_db *db, const struct assay_upload_filter *f, struct assay_arena *a,
                                      struct assay_upload_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, f->before ? f->before : INT64_MAX);
    pg_bound(&args, f->from, PG_MINUS_INFINITY);
    pg_bound(&args, f->to, PG_INFINITY);
    pg_word(&args, f->kind);
    pg_word(&args, f->status);
    pg_instant(&args, f->alive);
    pg_int4(&args, f->limit);
    pg_int2(&args, (int16_t)f->party);
    pg_int4(&args, f->provider_id);
    enum assay_status s = pg_fetch(db, ASSAY_Q_UPLOAD_LIST, &args, &pg_shape_upload, a, (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}

/* --- taking back ----------------------------------------------------------------------------------------------------- */

/* Whether a row was changed. */
static enum assay_status claim(struct assay_db *db, int64_t upload_id, int64_t revert_id, bool *claimed, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int8(&args, upload_id);
    pg_int8(&args, revert_id);
    enum assay_status s = pg_run(db, ASSAY_Q_UPLOAD_CLAIM, &args, &r, e);
    *claimed = !s && strcmp(PQcmdTuples(r), "1") == 0;
    PQclear(r);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_upload_claim(struct assay_db *db, int64_t upload_id, const struct assay_upload_row *revert,
                                           const struct assay_audit_row *act, bool *claimed, struct assay_error *e) {
    enum assay_status s = assay_db_begin(db, false, e);
    if (!s) s = claim(db, upload_id, revert->upload_id, claimed, e);
    if (!s && *claimed) s = assay_store_upload_start(db, revert, e);
    if (!s && *claimed) s = assay_store_audit_add(db, act, 1, e);
    if (!s && *claimed) s = assay_db_commit(db, e);
    if (s || !*claimed) assay_db_rollback(db);
    return s;
}

enum assay_status assay_store_upload_providers(struct assay_db *db, int64_t upload_id, struct assay_arena *a, int32_t **ids,
                                               size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int8(&args, upload_id);
    enum assay_status s = pg_run(db, ASSAY_Q_UPLOAD_PROVIDERS, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *n = (size_t)PQntuples(r);
    *ids = assay_arena_alloc(a, (*n + 1) * sizeof **ids);
    for (size_t i = 0; i < *n; i++) (*ids)[i] = pg_get_int4(r, (int)i, 0);
    PQclear(r);
    return ASSAY_OK;
}

enum assay_status assay_store_upload_records(struct assay_db *db, int64_t upload_id, int32_t provider_id, struct assay_str prefix,
                                             struct assay_arena *a, struct assay_brought **rows, size_t *n,
                                             struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int8(&args, upload_id);
    pg_int4(&args, provider_id);
    pg_text(&args, prefix);
    enum assay_status s = pg_run(db, ASSAY_Q_UPLOAD_RECORDS, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *n = (size_t)PQntuples(r);
    *rows = assay_arena_zalloc(a, (*n + 1) * sizeof **rows);
    for (size_t i = 0; i < *n; i++) {
        pg_row_read(r, (int)i, 0, &pg_shape_record, a, &(*rows)[i].record);
        (*rows)[i].voided = pg_get_bool(r, (int)i, pg_shape_record.n);
        (*rows)[i].own = pg_get_bool(r, (int)i, pg_shape_record.n + 1);
    }
    PQclear(r);
    return ASSAY_OK;
}
