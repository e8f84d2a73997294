/* changes.c -- the feed of changes: reading it, its eras, and how long it is kept. Its rows are written with what they tell
 * of (ingest.c). */
#include "store/rows.h"

enum assay_status assay_store_change_configuration(struct assay_db *db, int64_t revision, enum assay_change_what what,
                                                   struct assay_str name, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, revision);
    pg_int2(&args, (int16_t)what);
    pg_text(&args, name);
    enum assay_status s = pg_write(db, ASSAY_Q_CHANGE_CONFIGURATION, &args, 1, e);
    pg_args_free(&args);
    return s;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

/* The migration makes the feed's row; without it nothing was migrated. */
static enum assay_status no_feed(struct assay_error *e) {
    return assay_fail(e, ASSAY_DATABASE, "", "the feed of changes has lost its row");
}

/* A result whose first columns, up to `column`, are the same in each row, and whose others are a change or null. */
static void take_rows(const PGresult *r, int column, struct assay_arena *a, struct assay_change_row **rows, size_t *n) {
    *n = pg_null(r, 0, column) ? 0 : (size_t)PQntuples(r);
    *rows = assay_arena_zalloc(a, (*n + 1) * sizeof **rows);
    for (size_t i = 0; i < *n; i++) pg_row_read(r, (int)i, column, &pg_shape_change, a, &(*rows)[i]);
}

static void take_feed(const PGresult *r, struct assay_feed *feed) {
    *feed = (struct assay_feed){.era = pg_get_int4(r, 0, 0),
                                .at_home = pg_get_bool(r, 0, 1),
                                .horizon = pg_get_int8(r, 0, 2),
                                .floor = {pg_get_int8(r, 0, 3), pg_get_int4(r, 0, 4), pg_get_int8(r, 0, 5)}};
}

enum assay_status assay_store_changes_end(struct assay_db *db, struct assay_feed *feed, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, ASSAY_Q_CHANGE_LAST, NULL, &r, e);
    if (!s && PQntuples(r) == 0) s = no_feed(e);
    if (!s) take_feed(r, feed);
    PQclear(r);
    return s;
}

enum assay_status assay_store_changes(struct assay_db *db, const struct assay_change_at *at, int limit, struct assay_arena *a,
                                      struct assay_feed *feed, struct assay_change_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int8(&args, at->place);
    pg_int4(&args, at->provider_id);
    pg_int8(&args, at->seq);
    pg_int4(&args, limit);
    enum assay_status s = pg_run(db, ASSAY_Q_CHANGE_LIST, &args, &r, e);
    pg_args_free(&args);
    if (!s && PQntuples(r) == 0) s = no_feed(e);
    if (!s) {
        take_feed(r, feed);
        take_rows(r, 6, a, rows, n);
    }
    PQclear(r);
    return s;
}

enum assay_status assay_store_changes_of(struct assay_db *db, int32_t provider_id, int64_t seq, int64_t revision, int limit,
                                         struct assay_arena *a, struct assay_feed_of *feed, struct assay_change_row **rows,
                                         size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int4(&args, provider_id);
    pg_int8(&args, seq);
    pg_int8(&args, revision);
    pg_int4(&args, limit);
    enum assay_status s = pg_run(db, ASSAY_Q_CHANGE_LIST_OF, &args, &r, e);
    pg_args_free(&args);
    if (!s && PQntuples(r) == 0) s = no_feed(e);
    if (!s) {
        *feed = (struct assay_feed_of){.era = pg_get_int4(r, 0, 0),
                                       .at_home = pg_get_bool(r, 0, 1),
                                       .head = pg_get_int8(r, 0, 2),
                                       .revision = pg_get_int8(r, 0, 3),
                                       .seq_floor = pg_get_int8(r, 0, 4),
                                       .revision_floor = pg_get_int8(r, 0, 5)};
        take_rows(r, 6, a, rows, n);
    }
    PQclear(r);
    return s;
}

enum assay_status assay_store_feed_tip(struct assay_db *db, struct assay_feed_tip *out, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, ASSAY_Q_CHANGE_TIP, NULL, &r, e);
    if (s) return s;
    *out = (struct assay_feed_tip){pg_get_int8(r, 0, 0), pg_get_int8(r, 0, 1), pg_get_int8(r, 0, 2), pg_get_int8(r, 0, 3)};
    PQclear(r);
    return ASSAY_OK;
}

/* --- eras ------------------------------------------------------------------------------------------------------------- */

static enum assay_status is_at_home(struct assay_db *db, bool *home, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, ASSAY_Q_FEED_LOCK, NULL, &r, e);
    if (!s && PQntuples(r) == 0) s = no_feed(e);
    if (!s) *home = pg_get_bool(r, 0, 0);
    PQclear(r);
    return s;
}

enum assay_status assay_store_feed_renew(struct assay_db *db, struct assay_error *e) {
    bool home = false;
    enum assay_status s = assay_db_begin(db, false, e);
    if (!s) s = is_at_home(db, &home, e);
    /* The lock of TRUNCATE waits for those who have written to the feed; heads are read after it. */
    if (!s && !home) s = pg_plain(db, "TRUNCATE change, change_floor, change_mark", e);
    if (!s && !home) s = pg_write(db, ASSAY_Q_FEED_RENEW, NULL, 1, e);
    if (!s) s = assay_db_commit(db, e);
    if (s) assay_db_rollback(db);
    return s;
}

/* --- how long it is kept ---------------------------------------------------------------------------------------------- */

static enum assay_status with_instant(struct assay_db *db, enum assay_query q, assay_instant t, PGresult **r,
                                      struct assay_error *e) {
    struct pg_args args = {0};
    pg_instant(&args, t);
    enum assay_status s = pg_run(db, q, &args, r, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_changes_mark(struct assay_db *db, assay_instant now, struct assay_error *e) {
    return with_instant(db, ASSAY_Q_CHANGE_MARK, now, NULL, e);
}

enum assay_status assay_store_changes_prune(struct assay_db *db, assay_instant before, int limit, int64_t *gone,
                                            struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    *gone = 0;
    enum assay_status s = with_instant(db, ASSAY_Q_CHANGE_KEPT_FROM, before, &r, e);
    if (s) return s;
    pg_int8(&args, pg_get_int8(r, 0, 0));
    pg_int4(&args, limit);
    PQclear(r);
    r = NULL;
    s = pg_run(db, ASSAY_Q_CHANGE_PRUNE, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *gone = pg_get_int8(r, 0, 0);
    PQclear(r);
    return with_instant(db, ASSAY_Q_CHANGE_MARK_REMOVE, before, NULL, e);
}
