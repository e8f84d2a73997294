/* refold.c -- everything of one provider, for refolding it and for proving what is stored. */
#include "store/rows.h"

static enum assay_status fetch_of(struct assay_db *db, enum assay_query q, int32_t provider_id, const struct pg_shape *shape,
                                  struct assay_arena *a, void **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, provider_id);
    enum assay_status s = pg_fetch(db, q, &args, shape, a, rows, n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_orders_of(struct assay_db *db, int32_t provider_id, struct assay_str after, int limit,
                                        struct assay_arena *a, struct assay_order_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, provider_id);
    pg_text(&args, after.p ? after : ASSAY_STR(""));
    pg_int4(&args, limit);
    enum assay_status s = pg_fetch(db, ASSAY_Q_ORDERS_OF, &args, &pg_shape_order, a, (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_loose_surveys(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                            struct assay_record_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, provider_id);
    pg_int2(&args, ASSAY_KIND_SURVEY);
    enum assay_status s = pg_fetch(db, ASSAY_Q_LOOSE_SURVEYS, &args, &pg_shape_record, a, (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_records_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                         struct assay_record_row **rows, size_t *n, struct assay_error *e) {
    return fetch_of(db, ASSAY_Q_RECORDS_OF, provider_id, &pg_shape_record, a, (void **)rows, n, e);
}

enum assay_status assay_store_pays_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                      struct assay_pay_row **rows, size_t *n, struct assay_error *e) {
    return fetch_of(db, ASSAY_Q_PAYS_OF, provider_id, &pg_shape_pay, a, (void **)rows, n, e);
}

enum assay_status assay_store_voided_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                        struct assay_record_key **rows, size_t *n, struct assay_error *e) {
    return fetch_of(db, ASSAY_Q_VOIDED_OF, provider_id, &pg_shape_record_key, a, (void **)rows, n, e);
}

enum assay_status assay_store_voided_remove(struct assay_db *db, const struct assay_record_key *keys, size_t n,
                                            struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    if (n == 0) return ASSAY_OK;
    pg_rows_bind(&args, &pg_shape_record_key, keys, n);
    enum assay_status s = pg_run(db, ASSAY_Q_VOIDED_REMOVE, &args, &r, e);
    pg_args_free(&args);
    PQclear(r);
    return s;
}

enum assay_status assay_store_verdicts_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                          struct assay_verdict_row **rows, size_t *n, struct assay_error *e) {
    return fetch_of(db, ASSAY_Q_VERDICTS_OF, provider_id, &pg_shape_verdict, a, (void **)rows, n, e);
}

static bool all_zero(const struct assay_tally_row *t) {
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++)
        if (t->counts[i]) return false;
    return true;
}

enum assay_status assay_store_tallies_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                         struct assay_tally_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int4(&args, provider_id);
    enum assay_status s = pg_run(db, ASSAY_Q_TALLIES_OF, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    size_t stored = (size_t)PQntuples(r);
    *n = 0;
    *rows = assay_arena_alloc(a, stored * sizeof **rows);
    for (size_t i = 0; i < stored; i++) {
        struct assay_tally_row *t = &(*rows)[*n];
        pg_row_read(r, (int)i, 0, &pg_shape_tally, a, t);
        pg_get_int4s(r, (int)i, pg_shape_tally.n, t->counts, ASSAY_TALLY_COUNT);
        if (!all_zero(t)) ++*n; /* counts that fell to nothing again are no counts */
    }
    PQclear(r);
    return ASSAY_OK;
}
