/* completeness.c -- what came in of a period and what did not, by provider; and a provider's months for its trend. */
#include "store/rows.h"

static void bind_providers(struct pg_args *args, const int32_t *providers, size_t n) {
    struct assay_buf *b = pg_array(args, PG_INT4, n);
    for (size_t i = 0; i < n; i++) pg_field_int4(b, providers[i]);
}

static void bind_instants(struct pg_args *args, const assay_instant *instants, size_t n) {
    struct assay_buf *b = pg_array(args, PG_TIMESTAMPTZ, n);
    for (size_t i = 0; i < n; i++) pg_field_instant(b, instants[i]);
}

enum assay_status assay_store_record_counts(struct assay_db *db, int32_t provider_id, assay_instant from, assay_instant to,
                                            const assay_instant *days, size_t n_days, struct assay_arena *a,
                                            struct assay_record_counts **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_instant(&args, from);
    pg_instant(&args, to);
    bind_instants(&args, days, n_days);
    if (provider_id) pg_int4(&args, provider_id);
    enum assay_status s = pg_run(db, provider_id ? ASSAY_Q_COMPLETENESS_RECORDS_OF : ASSAY_Q_COMPLETENESS_RECORDS, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *n = (size_t)PQntuples(r);
    *rows = assay_arena_zalloc(a, (*n + 1) * sizeof **rows);
    for (size_t i = 0; i < *n; i++) {
        struct assay_record_counts *c = &(*rows)[i];
        int row = (int)i, col = 0;
        c->provider_id = pg_get_int4(r, row, col++);
        for (int k = 0; k < ASSAY_KIND_COUNT; k++) {
            c->kinds[k].count = pg_get_int8(r, row, col++);
            c->kinds[k].last_received_at = pg_get_instant(r, row, col++);
        }
        c->last_upload = pg_null(r, row, col) ? 0 : pg_get_int8(r, row, col);
        c->dispatched = pg_get_int8(r, row, col + 1);
        c->silent_days = pg_get_int8(r, row, col + 2);
    }
    PQclear(r);
    return ASSAY_OK;
}

enum assay_status assay_store_order_counts(struct assay_db *db, const int32_t *providers, size_t n, int16_t scheme_id,
                                           assay_month month, assay_instant from, assay_instant to, struct assay_arena *a,
                                           struct assay_order_counts **rows, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    bind_providers(&args, providers, n);
    pg_instant(&args, from);
    pg_instant(&args, to);
    pg_int2(&args, scheme_id);
    pg_int4(&args, month);
    enum assay_status s = pg_run(db, ASSAY_Q_COMPLETENESS_ORDERS, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *rows = assay_arena_zalloc(a, (n + 1) * sizeof **rows);
    for (int i = 0; i < PQntuples(r) && (size_t)i < n; i++) {
        struct assay_order_counts *c = &(*rows)[i];
        c->provider_id = pg_get_int4(r, i, 0);
        c->opened = pg_get_int8(r, i, 1), c->open = pg_get_int8(r, i, 2), c->cancelled = pg_get_int8(r, i, 3);
        c->closed = pg_get_int8(r, i, 4);
        for (int k = 0; k < 4; k++) c->undetermined[k] = pg_get_int8(r, i, 5 + k);
        c->last_record_at = pg_get_instant(r, i, 9);
    }
    PQclear(r);
    return ASSAY_OK;
}

enum assay_status assay_store_unopened(struct assay_db *db, const int32_t *providers, size_t n, assay_instant from,
                                       assay_instant to, struct assay_arena *a, struct assay_order_row **rows, size_t *found,
                                       struct assay_error *e) {
    struct pg_args args = {0};
    bind_providers(&args, providers, n);
    pg_instant(&args, from);
    pg_instant(&args, to);
    enum assay_status s = pg_fetch(db, ASSAY_Q_COMPLETENESS_SUSPECTS, &args, &pg_shape_order, a, (void **)rows, found, e);
    pg_args_free(&args);
    return s;
}

/* --- trend ------------------------------------------------------------------------------------------------------------ */

enum assay_status assay_store_tally_months(struct assay_db *db, int16_t scheme_id, assay_month from, assay_month to,
                                           struct assay_arena *a, struct assay_tally_row **rows, size_t *n,
                                           struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int2(&args, scheme_id);
    pg_int4(&args, from);
    pg_int4(&args, to);
    enum assay_status s = pg_run(db, ASSAY_Q_TALLY_MONTHS, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *n = (size_t)PQntuples(r);
    *rows = assay_arena_alloc(a, (*n + 1) * sizeof **rows);
    for (size_t i = 0; i < *n; i++) {
        pg_row_read(r, (int)i, 0, &pg_shape_tally, a, &(*rows)[i]);
        pg_get_int4s(r, (int)i, pg_shape_tally.n, (*rows)[i].counts, ASSAY_TALLY_COUNT);
    }
    PQclear(r);
    return ASSAY_OK;
}

enum assay_status assay_store_pay_months(struct assay_db *db, int16_t scheme_id, int32_t provider_id, assay_month from,
                                         assay_month to, struct assay_arena *a, struct assay_pay_row **rows, size_t *n,
                                         struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, provider_id);
    pg_int2(&args, scheme_id);
    pg_int4(&args, from);
    pg_int4(&args, to);
    enum assay_status s = pg_fetch(db, ASSAY_Q_PAY_MONTHS_OF, &args, &pg_shape_pay, a, (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_open_of(struct assay_db *db, int32_t provider_id, const assay_instant *from,
                                      const assay_instant *before, size_t n, struct assay_arena *a, int64_t **open,
                                      assay_instant *last_record_at, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int4(&args, provider_id);
    bind_instants(&args, from, n);
    bind_instants(&args, before, n);
    enum assay_status s = pg_run(db, ASSAY_Q_OPEN_OF, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *open = assay_arena_zalloc(a, (n + 1) * sizeof **open);
    *last_record_at = ASSAY_NO_INSTANT;
    for (int i = 0; i < PQntuples(r) && (size_t)i < n; i++) {
        (*open)[i] = pg_get_int8(r, i, 0);
        *last_record_at = pg_get_instant(r, i, 1);
    }
    PQclear(r);
    return ASSAY_OK;
}
