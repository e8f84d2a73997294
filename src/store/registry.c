/* registry.c -- the configuration: providers, calendars, rate tables, schemes, and its revision. */
#include "store/rows.h"

static enum assay_status read_revision(struct assay_db *db, enum assay_query q, int64_t *revision, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, q, NULL, &r, e);
    if (s) return s;
    bool there = PQntuples(r) == 1;
    if (there) *revision = pg_get_int8(r, 0, 0);
    PQclear(r);
    return there ? ASSAY_OK : pg_no_config(e);
}

enum assay_status assay_store_config_revision(struct assay_db *db, int64_t *revision, struct assay_error *e) {
    return read_revision(db, ASSAY_Q_CONFIG_REVISION, revision, e);
}

enum assay_status assay_store_config_lock(struct assay_db *db, int64_t *revision, struct assay_error *e) {
    return read_revision(db, ASSAY_Q_CONFIG_LOCK, revision, e);
}

enum assay_status assay_store_config_advance(struct assay_db *db, struct assay_error *e) {
    return pg_write(db, ASSAY_Q_CONFIG_ADVANCE, NULL, 1, e);
}

enum assay_status assay_store_providers(struct assay_db *db, struct assay_arena *a, struct assay_provider_row **rows, size_t *n,
                                        struct assay_error *e) {
    return pg_fetch(db, ASSAY_Q_PROVIDER_LIST, NULL, &pg_shape_provider, a, (void **)rows, n, e);
}

/* Where a kind of document is kept. */
struct document_home {
    enum assay_query list, version_insert;
    bool registered; /* its codes have ids of their own */
};
static const struct document_home homes[] = {
    [ASSAY_DOC_CALENDAR] = {ASSAY_Q_CALENDAR_LIST, ASSAY_Q_CALENDAR_VERSION_INSERT, false},
    [ASSAY_DOC_RATES] = {ASSAY_Q_RATES_LIST, ASSAY_Q_RATES_VERSION_INSERT, false},
    [ASSAY_DOC_SCHEME] = {ASSAY_Q_SCHEME_LIST, ASSAY_Q_SCHEME_VERSION_INSERT, true},
};

enum assay_status assay_store_documents(struct assay_db *db, enum assay_document_kind kind, struct assay_arena *a,
                                        struct assay_document_row **rows, size_t *n, struct assay_error *e) {
    return pg_fetch(db, homes[kind].list, NULL, &pg_shape_document, a, (void **)rows, n, e);
}

enum assay_status assay_store_sheets(struct assay_db *db, struct assay_arena *a, struct assay_sheet_row **rows, size_t *n,
                                     struct assay_error *e) {
    return pg_fetch(db, ASSAY_Q_SHEET_LIST, NULL, &pg_shape_sheet, a, (void **)rows, n, e);
}

enum assay_status assay_store_provider_insert(struct assay_db *db, const struct assay_provider_row *rows, size_t n,
                                              struct assay_error *e) {
    struct pg_args args = {0};
    if (n == 0) return ASSAY_OK;
    pg_rows_bind(&args, &pg_shape_provider, rows, n);
    enum assay_status s = pg_write(db, ASSAY_Q_PROVIDER_INSERT, &args, -1, e);
    if (!s) s = pg_write(db, ASSAY_Q_PROVIDER_VERSION_INSERT, &args, (int64_t)n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_document_insert(struct assay_db *db, enum assay_document_kind kind,
                                              const struct assay_document_row *row, struct assay_error *e) {
    struct pg_args args = {0};
    enum assay_status s = ASSAY_OK;
    pg_rows_bind(&args, &pg_shape_document, row, 1);
    if (homes[kind].registered) s = pg_write(db, ASSAY_Q_SCHEME_INSERT, &args, -1, e);
    if (!s) s = pg_write(db, homes[kind].version_insert, &args, 1, e);
    pg_args_free(&args);
    return s;
}
