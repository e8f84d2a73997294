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

enum assay_status assay_store_upload(struct assay_db *db, int64_t upload_id, struct assay_arena *a, struct assay_upload_row **row,
                                     struct assay_error *e) {
    struct pg_args args = {0};
    size_t n = 0;
    pg_int8(&args, upload_id);
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
