/* reads.c -- what the API shows: orders, lists, windows of tallies, pay. Lists page by key, never by offset. */
#include "store/rows.h"

enum assay_status assay_store_order(struct assay_db *db, struct assay_order_key key, struct assay_arena *a,
                                    struct assay_order_row **row, struct assay_error *e) {
    struct pg_args args = {0};
    size_t n = 0;
    pg_int4(&args, key.provider_id);
    pg_text(&args, key.order_no);
    enum assay_status s = pg_fetch(db, ASSAY_Q_ORDER_GET, &args, &pg_shape_order, a, (void **)row, &n, e);
    if (s || n == 0) *row = NULL;
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_records(struct assay_db *db, const struct assay_record_key *keys, size_t n, struct assay_arena *a,
                                      struct assay_record_row **rows, size_t *found, struct assay_error *e) {
    struct pg_args args = {0};
    *rows = NULL;
    *found = 0;
    if (n == 0) return ASSAY_OK;
    pg_rows_bind(&args, &pg_shape_record_key, keys, n);
    enum assay_status s = pg_fetch(db, ASSAY_Q_RECORDS_GET, &args, &pg_shape_record, a, (void **)rows, found, e);
    pg_args_free(&args);
    return s;
}

/* --- lists ---------------------------------------------------------------------------------------------------------- */

/* Where a list goes on: behind `at` when a cursor was given, from the far end otherwise. No instant sorts first. */
static void bind_from(struct pg_args *args, bool after, assay_instant at, int64_t far_end) {
    if (!after) pg_int8(args, far_end);
    else if (at == ASSAY_NO_INSTANT) pg_int8(args, PG_MINUS_INFINITY);
    else pg_instant(args, at);
}

enum assay_status assay_store_order_list(struct assay_db *db, const struct assay_order_filter *f, struct assay_arena *a,
                                         struct assay_order_listed **rows, size_t *n, struct assay_error *e) {
    bool any_period = f->period == ASSAY_NO_MONTH;
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int4(&args, f->provider_id);
    pg_int2(&args, f->scheme_id);
    pg_int2(&args, (int16_t)f->state);
    pg_int2(&args, (int16_t)f->outcome);
    bind_from(&args, f->after, f->after_opened, PG_INFINITY);
    pg_text(&args, f->after ? f->after_order : ASSAY_STR(""));
    pg_int4(&args, f->limit);
    if (!any_period) {
        pg_instant(&args, f->period_from);
        pg_instant(&args, f->period_to);
    }
    enum assay_status s = pg_run(db, any_period ? ASSAY_Q_ORDER_LIST : ASSAY_Q_ORDER_LIST_CLOSED, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *n = (size_t)PQntuples(r);
    *rows = assay_arena_zalloc(a, *n * sizeof **rows);
    for (size_t i = 0; i < *n; i++) {
        pg_row_read(r, (int)i, 0, &pg_shape_order, a, &(*rows)[i].order);
        pg_row_read(r, (int)i, pg_shape_order.n, &pg_shape_verdict, a, &(*rows)[i].verdict);
    }
    PQclear(r);
    return ASSAY_OK;
}

/* An indicator's observations are found by how their content begins: canonical content has the indicator first. */
static struct assay_str content_of(struct assay_str indicator, struct assay_arena *a) {
    return indicator.p ? assay_str_c(assay_arena_printf(a, "{\"indicator\":\"%.*s\",", ASSAY_STR_ARG(indicator))) : ASSAY_STR("");
}

enum assay_status assay_store_observations(struct assay_db *db, const struct assay_observation_filter *f, struct assay_arena *a,
                                           struct assay_observation_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int4(&args, f->provider_id);
    pg_text(&args, content_of(f->indicator, a));
    pg_bound(&args, f->from, PG_MINUS_INFINITY);
    pg_bound(&args, f->to, PG_INFINITY);
    bind_from(&args, f->after, f->after_at, PG_INFINITY);
    pg_text(&args, f->after ? f->after_id : ASSAY_STR(""));
    pg_int4(&args, f->limit);
    enum assay_status s = pg_run(db, ASSAY_Q_OBSERVATION_LIST, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *n = (size_t)PQntuples(r);
    *rows = assay_arena_zalloc(a, *n * sizeof **rows);
    for (size_t i = 0; i < *n; i++) {
        pg_row_read(r, (int)i, 0, &pg_shape_record, a, &(*rows)[i].record);
        (*rows)[i].voided = pg_get_bool(r, (int)i, pg_shape_record.n);
    }
    PQclear(r);
    return ASSAY_OK;
}

enum assay_status assay_store_at_risk(struct assay_db *db, const struct assay_risk_filter *f, struct assay_arena *a,
                                      struct assay_risk_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int2(&args, f->scheme_id);
    pg_instant(&args, f->now);
    pg_instant(&args, f->until);
    pg_int2(&args, ASSAY_CLOCK_PENDING);
    bind_from(&args, f->after, f->after_deadline, PG_MINUS_INFINITY);
    pg_int4(&args, f->after ? f->after_provider : 0);
    pg_text(&args, f->after ? f->after_order : ASSAY_STR(""));
    pg_bool(&args, f->after && f->after_cycle);
    pg_int4(&args, f->limit);
    if (f->provider_id) pg_int4(&args, f->provider_id);
    enum assay_status s = pg_fetch(db, f->provider_id ? ASSAY_Q_AT_RISK_OF : ASSAY_Q_AT_RISK, &args, &pg_shape_risk, a,
                                   (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}

/* --- evaluation and pay --------------------------------------------------------------------------------------------- */

/* Rows come by provider, one a month (or one without counts); months are added up here, which is quicker than there. */
static void sum_window(const PGresult *r, struct assay_arena *a, struct assay_window_row **rows, size_t *n) {
    int tuples = PQntuples(r);
    struct assay_window_row *list = assay_arena_alloc(a, (size_t)tuples * sizeof *list);
    size_t count = 0;
    for (int i = 0; i < tuples; i++) {
        int32_t provider_id = pg_get_int4(r, i, 0), counts[ASSAY_TALLY_COUNT];
        if (count == 0 || list[count - 1].provider_id != provider_id)
            list[count++] = (struct assay_window_row){
                .provider_id = provider_id, .open = pg_get_int8(r, i, 1), .last_record_at = pg_get_instant(r, i, 2)};
        pg_get_int4s(r, i, 3, counts, ASSAY_TALLY_COUNT);
        for (int k = 0; k < ASSAY_TALLY_COUNT; k++) list[count - 1].counts[k] += counts[k];
    }
    *rows = list;
    *n = count;
}

static void bind_providers(struct pg_args *args, const int32_t *providers, size_t n) {
    if (!providers) return;
    struct assay_buf *b = pg_array(args, PG_INT4, n);
    for (size_t i = 0; i < n; i++) pg_field_int4(b, providers[i]);
}

enum assay_status assay_store_window(struct assay_db *db, int16_t scheme_id, const int32_t *providers, size_t n_providers,
                                     assay_month from, assay_month to, assay_instant open_from, assay_instant open_before,
                                     struct assay_arena *a, struct assay_window_row **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    bind_providers(&args, providers, n_providers);
    pg_int2(&args, scheme_id);
    pg_int4(&args, from);
    pg_int4(&args, to);
    pg_instant(&args, open_from);
    pg_instant(&args, open_before);
    enum assay_status s = pg_run(db, providers ? ASSAY_Q_TALLY_WINDOW_OF : ASSAY_Q_TALLY_WINDOW, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    sum_window(r, a, rows, n);
    PQclear(r);
    return ASSAY_OK;
}

enum assay_status assay_store_pays(struct assay_db *db, int16_t scheme_id, const int32_t *providers, size_t n_providers,
                                   assay_month month, struct assay_arena *a, struct assay_pay_row **rows, size_t *n,
                                   struct assay_error *e) {
    struct pg_args args = {0};
    bind_providers(&args, providers, n_providers);
    pg_int2(&args, scheme_id);
    pg_int4(&args, month);
    enum assay_status s = pg_fetch(db, providers ? ASSAY_Q_PAY_MONTH_OF : ASSAY_Q_PAY_MONTH, &args, &pg_shape_pay, a,
                                   (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_pay_lines(struct assay_db *db, int16_t scheme_id, int32_t provider_id, assay_month month,
                                        struct assay_str after, int limit, struct assay_arena *a, struct assay_line_row **rows,
                                        size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, provider_id);
    pg_int2(&args, scheme_id);
    pg_int4(&args, month);
    pg_text(&args, after.p ? after : ASSAY_STR(""));
    pg_int4(&args, limit);
    enum assay_status s = pg_fetch(db, ASSAY_Q_PAY_LINES, &args, &pg_shape_line, a, (void **)rows, n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_heads(struct assay_db *db, struct assay_arena *a, struct assay_head **rows, size_t *n,
                                    struct assay_error *e) {
    return pg_fetch(db, ASSAY_Q_HEAD_LIST, NULL, &pg_shape_head, a, (void **)rows, n, e);
}

enum assay_status assay_store_head(struct assay_db *db, int32_t provider_id, struct assay_arena *a, struct assay_head **row,
                                   struct assay_error *e) {
    struct pg_args args = {0};
    struct assay_head *rows = NULL;
    size_t n = 0;
    pg_int4(&args, provider_id);
    enum assay_status s = pg_fetch(db, ASSAY_Q_HEAD_GET, &args, &pg_shape_head, a, (void **)&rows, &n, e);
    pg_args_free(&args);
    *row = !s && n ? rows : NULL;
    return s;
}

enum assay_status assay_store_revision(struct assay_db *db, int64_t *data, int64_t *config, int64_t *access,
                                       struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, ASSAY_Q_REVISION, NULL, &r, e);
    if (s) return s;
    *data = pg_get_int8(r, 0, 0);
    *config = pg_get_int8(r, 0, 1);
    *access = pg_get_int8(r, 0, 2);
    PQclear(r);
    return ASSAY_OK;
}
