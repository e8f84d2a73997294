/* recomputation.c -- sheets, the recomputations that fill them, and how far those are.
 *
 * What is derived of a provider under a scheme stands on one of two sheets. Rows of the one that is not in force belong
 * to nobody but the recomputation that fills it; all of this is guarded by the provider's head lock. */
#include "store/rows.h"

#include <stdlib.h>

static void bind_ids(struct pg_args *args, const int32_t *ids, size_t n) {
    struct assay_buf *b = pg_array(args, PG_INT4, n);
    for (size_t i = 0; i < n; i++) pg_field_int4(b, ids[i]);
}

static void bind_sheets(struct pg_args *args, const int16_t *sheets, size_t n) {
    struct assay_buf *b = pg_array(args, PG_INT2, n);
    for (size_t i = 0; i < n; i++) pg_field_int2(b, sheets[i]);
}

/* --- recomputations --------------------------------------------------------------------------------------------------- */

static enum assay_status fetch_recomputations(struct assay_db *db, enum assay_query q, const struct pg_args *args,
                                              struct assay_arena *a, struct assay_recomputation **rows, size_t *n,
                                              struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, q, args, &r, e);
    if (s) return s;
    *rows = pg_rows_new(r, &pg_shape_recomputation, a);
    *n = (size_t)PQntuples(r);
    for (size_t i = 0; i < *n; i++)
        (*rows)[i].n_schemes = pg_get_int2s(r, (int)i, pg_shape_recomputation.n, (*rows)[i].schemes, ASSAY_SCHEMES_MAX);
    PQclear(r);
    return ASSAY_OK;
}

static enum assay_status fetch_one(struct assay_db *db, enum assay_query q, struct assay_arena *a,
                                   struct assay_recomputation **out, struct assay_error *e) {
    size_t n = 0;
    enum assay_status s = fetch_recomputations(db, q, NULL, a, out, &n, e);
    if (s || n == 0) *out = NULL;
    return s;
}

enum assay_status assay_store_recomputation_running(struct assay_db *db, struct assay_arena *a, struct assay_recomputation **out,
                                                    struct assay_error *e) {
    return fetch_one(db, ASSAY_Q_RECOMPUTATION_RUNNING, a, out, e);
}

enum assay_status assay_store_recomputation_untidy(struct assay_db *db, struct assay_arena *a, struct assay_recomputation **out,
                                                   struct assay_error *e) {
    return fetch_one(db, ASSAY_Q_RECOMPUTATION_UNTIDY, a, out, e);
}

enum assay_status assay_store_recomputations(struct assay_db *db, int64_t before, int64_t id, int limit, struct assay_arena *a,
                                             struct assay_recomputation **rows, size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, before);
    pg_int8(&args, id);
    pg_int4(&args, limit);
    enum assay_status s = fetch_recomputations(db, ASSAY_Q_RECOMPUTATION_LIST, &args, a, rows, n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_recomputation_next_id(struct assay_db *db, int64_t *id, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, ASSAY_Q_RECOMPUTATION_NEXT_ID, NULL, &r, e);
    if (!s) *id = pg_get_int8(r, 0, 0);
    PQclear(r);
    return s;
}

enum assay_status assay_store_positions_add(struct assay_db *db, int64_t id, const int32_t *providers, size_t n, bool done,
                                            struct assay_error *e) {
    struct pg_args args = {0};
    if (n == 0) return ASSAY_OK;
    pg_int8(&args, id);
    bind_ids(&args, providers, n);
    pg_bool(&args, done);
    enum assay_status s = pg_write(db, ASSAY_Q_POSITION_INSERT, &args, (int64_t)n, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_recomputation_begin(struct assay_db *db, const struct assay_recomputation *r,
                                                  const int32_t *providers, size_t n, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, r->id);
    pg_int2(&args, (int16_t)r->cause_kind);
    pg_text(&args, r->cause_code);
    pg_int4(&args, r->cause_version);
    bind_sheets(&args, r->schemes, r->n_schemes);
    pg_bool(&args, r->every_provider);
    pg_instant(&args, r->started_at);
    pg_int8(&args, r->runner);
    bind_ids(&args, providers, n);
    enum assay_status s = pg_write(db, ASSAY_Q_RECOMPUTATION_INSERT, &args, 1, e);
    pg_args_free(&args);
    return s ? s : assay_store_positions_add(db, r->id, providers, n, false, e);
}

static enum assay_status write_by_id(struct assay_db *db, enum assay_query q, int64_t id, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, id);
    enum assay_status s = pg_write(db, q, &args, -1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_pending_settle(struct assay_db *db, int64_t id, struct assay_error *e) {
    return write_by_id(db, ASSAY_Q_PENDING_SETTLE, id, e);
}

enum assay_status assay_store_providers_settle(struct assay_db *db, int64_t id, const int32_t *providers, size_t n,
                                               struct assay_error *e) {
    struct pg_args args = {0};
    if (n == 0) return ASSAY_OK;
    pg_int8(&args, id);
    bind_ids(&args, providers, n);
    enum assay_status s = pg_write(db, ASSAY_Q_PROVIDER_SETTLE, &args, -1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_pending_withdraw(struct assay_db *db, int64_t id, struct assay_error *e) {
    enum assay_status s = write_by_id(db, ASSAY_Q_PENDING_WITHDRAW, id, e);
    return s ? s : pg_write(db, ASSAY_Q_SCHEME_FORGET, NULL, -1, e);
}

enum assay_status assay_store_sheets_turn(struct assay_db *db, const struct assay_recomputation *r, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, r->id);
    bind_sheets(&args, r->schemes, r->n_schemes);
    enum assay_status s = pg_write(db, ASSAY_Q_SHEET_TURN, &args, -1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_recomputation_end(struct assay_db *db, int64_t id, enum assay_recomputation_status status,
                                                assay_instant now, struct assay_str reason, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int8(&args, id);
    pg_int2(&args, (int16_t)status);
    pg_instant(&args, now);
    pg_text(&args, reason);
    enum assay_status s = pg_write(db, ASSAY_Q_RECOMPUTATION_END, &args, 1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_recomputation_count(struct assay_db *db, int64_t id, struct assay_error *e) {
    return write_by_id(db, ASSAY_Q_RECOMPUTATION_COUNT, id, e);
}

enum assay_status assay_store_recomputation_beat(struct assay_db *db, int64_t id, int64_t runner, assay_instant now,
                                                 assay_instant lost, bool *mine, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int8(&args, id);
    pg_int8(&args, runner);
    pg_instant(&args, now);
    pg_instant(&args, lost);
    enum assay_status s = pg_run(db, ASSAY_Q_RECOMPUTATION_BEAT, &args, &r, e);
    *mine = !s && PQntuples(r) == 1;
    PQclear(r);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_recomputation_tidied(struct assay_db *db, int64_t id, struct assay_error *e) {
    return write_by_id(db, ASSAY_Q_RECOMPUTATION_TIDIED, id, e);
}

/* --- positions --------------------------------------------------------------------------------------------------------- */

bool assay_position_covers(const struct assay_position *p, struct assay_str order_no) {
    if (!p->there) return false;
    if (p->done) return true;
    return p->upto.p && (!order_no.p || assay_str_cmp(order_no, p->upto) <= 0);
}

static enum assay_status find_provider(struct assay_db *db, enum assay_query q, int64_t id, int32_t *provider_id,
                                       struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int8(&args, id);
    enum assay_status s = pg_run(db, q, &args, &r, e);
    *provider_id = !s && PQntuples(r) == 1 ? pg_get_int4(r, 0, 0) : 0;
    PQclear(r);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_position_next(struct assay_db *db, int64_t id, int32_t *provider_id, struct assay_error *e) {
    return find_provider(db, ASSAY_Q_POSITION_NEXT, id, provider_id, e);
}

enum assay_status assay_store_position_first(struct assay_db *db, int64_t id, int32_t *provider_id, struct assay_error *e) {
    return find_provider(db, ASSAY_Q_POSITION_FIRST, id, provider_id, e);
}

enum assay_status assay_store_position_running(struct assay_db *db, int32_t provider_id, bool *yes, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int4(&args, provider_id);
    enum assay_status s = pg_run(db, ASSAY_Q_POSITION_RUNNING, &args, &r, e);
    *yes = !s && pg_get_bool(r, 0, 0);
    PQclear(r);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_position_drop(struct assay_db *db, int64_t id, int32_t provider_id, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, provider_id);
    pg_int8(&args, id);
    enum assay_status s = pg_write(db, ASSAY_Q_POSITION_DROP, &args, -1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_position_providers(struct assay_db *db, int64_t id, struct assay_arena *a, int32_t **providers,
                                                 size_t *n, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int8(&args, id);
    enum assay_status s = pg_run(db, ASSAY_Q_POSITION_PROVIDERS, &args, &r, e);
    pg_args_free(&args);
    if (s) return s;
    *n = (size_t)PQntuples(r);
    *providers = assay_arena_alloc(a, (*n + 1) * sizeof **providers);
    for (size_t i = 0; i < *n; i++) (*providers)[i] = pg_get_int4(r, (int)i, 0);
    PQclear(r);
    return ASSAY_OK;
}

enum assay_status assay_store_position(struct assay_db *db, int64_t id, int32_t provider_id, struct assay_arena *a,
                                       struct assay_position *out, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    bind_ids(&args, &provider_id, 1);
    pg_int8(&args, id);
    enum assay_status s = pg_run(db, ASSAY_Q_POSITION_FIND, &args, &r, e);
    pg_args_free(&args);
    *out = (struct assay_position){.there = false};
    if (!s && PQntuples(r) == 1)
        *out = (struct assay_position){.there = true, .done = pg_get_bool(r, 0, 1), .upto = pg_get_text(r, 0, 2, a)};
    PQclear(r);
    return s;
}

enum assay_status assay_store_position_move(struct assay_db *db, int64_t id, int32_t provider_id, const struct assay_position *to,
                                            int64_t judged, int64_t changed, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, provider_id);
    pg_int8(&args, id);
    pg_text(&args, to->upto);
    pg_bool(&args, to->done);
    pg_int8(&args, judged);
    pg_int8(&args, changed);
    enum assay_status s = pg_write(db, ASSAY_Q_POSITION_MOVE, &args, 1, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_position_reset(struct assay_db *db, int32_t provider_id, struct assay_error *e) {
    struct pg_args args = {0};
    pg_int4(&args, provider_id);
    enum assay_status s = pg_write(db, ASSAY_Q_POSITION_RESET, &args, -1, e);
    pg_args_free(&args);
    return s;
}

/* --- clearing ----------------------------------------------------------------------------------------------------------- */

enum assay_status assay_store_sheets_clear(struct assay_db *db, int32_t provider_id, const int16_t *sheets, size_t n, int limit,
                                           bool *more, struct assay_error *e) {
    struct pg_args args = {0};
    PGresult *r = NULL;
    pg_int4(&args, provider_id);
    bind_sheets(&args, sheets, n);
    enum assay_status s = pg_write(db, ASSAY_Q_TALLY_CLEAR, &args, -1, e);
    if (!s) s = pg_write(db, ASSAY_Q_PAY_CLEAR, &args, -1, e);
    pg_int4(&args, limit);
    if (!s) s = pg_run(db, ASSAY_Q_VERDICT_CLEAR, &args, &r, e);
    *more = !s && strtol(PQcmdTuples(r), NULL, 10) >= limit;
    PQclear(r);
    pg_args_free(&args);
    return s;
}
