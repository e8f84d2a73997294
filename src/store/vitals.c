/* vitals.c -- how the database is doing, for an operator. */
#include "store/rows.h"

enum assay_status assay_store_vitals(struct assay_db *db, const struct assay_str *settings, size_t n_settings,
                                     struct assay_arena *a, struct assay_vital **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    struct assay_buf *b = pg_array(&args, PG_TEXT, n_settings);
    for (size_t i = 0; i < n_settings; i++) pg_field_text(b, settings[i]);
    enum assay_status s = pg_fetch(db, ASSAY_Q_VITALS, &args, &pg_shape_vital, a, (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_commit_probe(struct assay_db *db, struct assay_error *e) {
    return pg_run(db, ASSAY_Q_COMMIT_PROBE, NULL, NULL, e);
}
