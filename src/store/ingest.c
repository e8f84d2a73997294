/* ingest.c -- the write path: one round trip that locks and looks up, one that saves and commits.
 *
 * The head rows are the lock. They are taken in key order, and everything else is read in later statements, so that
 * what was committed before the lock was had is seen (READ COMMITTED). */
#include "store/rows.h"

#include <stdlib.h>

/* --- beginning ------------------------------------------------------------------------------------------------------ */

/* Plans are kept, and one made while the tables were small may scan them. So they are thrown away each time this
 * connection has doubled what it wrote: a few times in its life. */
#define REPLAN_FIRST 1000

static enum assay_status renew_plans(struct assay_db *db, struct assay_error *e) {
    if (db->written < db->replan_at) return ASSAY_OK;
    db->replan_at = db->written > REPLAN_FIRST / 2 ? db->written * 2 : REPLAN_FIRST;
    return pg_plain(db, "DISCARD PLANS", e);
}

static enum assay_status prepare_all(struct assay_db *db, const enum assay_query *queries, size_t n, struct assay_error *e) {
    enum assay_status s = ASSAY_OK;
    for (size_t i = 0; i < n && !s; i++) s = pg_prepare(db, queries[i], e);
    return s;
}

/* A lookup by keys: sent only where there are any. */
static enum assay_status send_lookup(struct assay_db *db, enum assay_query q, const struct pg_shape *shape, const void *keys,
                                     size_t n, struct pg_args *args, struct assay_error *e) {
    if (n == 0) return ASSAY_OK;
    pg_args_reset(args);
    pg_rows_bind(args, shape, keys, n);
    return pg_send(db, q, args, e);
}

static void bind_providers(struct pg_args *args, const int32_t *providers, size_t n) {
    struct assay_buf *b = pg_array(args, PG_INT4, n);
    for (size_t i = 0; i < n; i++) pg_field_int4(b, providers[i]);
}

static enum assay_status send_head_lock(struct assay_db *db, const int32_t *providers, size_t n, struct pg_args *args,
                                        struct assay_error *e) {
    pg_args_reset(args);
    bind_providers(args, providers, n);
    return pg_send(db, ASSAY_Q_HEAD_LOCK, args, e);
}

static enum assay_status send_positions(struct assay_db *db, int64_t recomputation, const int32_t *providers, size_t n,
                                        struct pg_args *args, struct assay_error *e) {
    pg_args_reset(args);
    bind_providers(args, providers, n);
    pg_int8(args, recomputation);
    return pg_send(db, ASSAY_Q_POSITION_FIND, args, e);
}

static enum assay_status send_load(struct assay_db *db, const struct assay_ingest_load *l, struct assay_error *e) {
    struct pg_args args = {0};
    enum assay_status s = pg_send_plain(db, l->snapshot ? PG_BEGIN_SNAPSHOT : PG_BEGIN_WRITE, e);
    if (!s) s = pg_send(db, ASSAY_Q_INGEST_SETTINGS, NULL, e);
    if (!s && !l->snapshot) s = send_head_lock(db, l->providers, l->n_providers, &args, e);
    /* After the locks: the place looks at who had them before. */
    if (!s) s = pg_send(db, l->snapshot ? ASSAY_Q_CONFIG_REVISION : ASSAY_Q_WRITE_PLACE, NULL, e);
    if (!s && l->recomputation) s = send_positions(db, l->recomputation, l->providers, l->n_providers, &args, e);
    if (!s) s = send_lookup(db, ASSAY_Q_RECORD_FIND, &pg_shape_record_key, l->keys, l->n_keys, &args, e);
    if (!s) s = send_lookup(db, ASSAY_Q_VOIDED_FIND, &pg_shape_record_key, l->keys, l->n_keys, &args, e);
    if (!s) s = send_lookup(db, ASSAY_Q_ORDER_FIND, &pg_shape_order_key, l->orders, l->n_orders, &args, e);
    if (!s) s = send_lookup(db, ASSAY_Q_TARGET_FIND, &pg_shape_record_key, l->targets, l->n_targets, &args, e);
    if (!s) s = pg_sync(db, e);
    pg_args_free(&args);
    return s;
}

static int by_provider(const void *x, const void *y) {
    const struct assay_head *a = x, *b = y;
    return (a->provider_id > b->provider_id) - (a->provider_id < b->provider_id);
}

static enum assay_status take_heads(struct assay_db *db, size_t n, struct assay_arena *a, struct assay_head **heads,
                                    struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_next(db, &r, e);
    if (s) return s;
    *heads = pg_rows_new(r, &pg_shape_head, a);
    size_t got = (size_t)PQntuples(r);
    PQclear(r);
    if (got != n) return assay_fail(e, ASSAY_DATABASE, "", "%zu heads locked for %zu providers", got, n);
    qsort(*heads, n, sizeof **heads, by_provider); /* RETURNING promises no order */
    return ASSAY_OK;
}

static enum assay_status take_config_revision(struct assay_db *db, int64_t *revision, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_next(db, &r, e);
    if (s) return s;
    bool there = PQntuples(r) == 1;
    if (there) *revision = pg_get_int8(r, 0, 0);
    PQclear(r);
    return there ? ASSAY_OK : pg_no_config(e);
}

static enum assay_status take_place(struct assay_db *db, struct assay_ingest_load *l, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_next(db, &r, e);
    if (s) return s;
    bool there = PQntuples(r) == 1;
    if (there) l->config_revision = pg_get_int8(r, 0, 0), l->place = pg_get_int8(r, 0, 1);
    PQclear(r);
    return there ? ASSAY_OK : pg_no_config(e);
}

/* The place among n keys that row i of a lookup's result belongs to: column 0, from 1. */
static size_t place(const PGresult *r, int i, size_t n) {
    int64_t ord = pg_get_int8(r, i, 0);
    if (ord < 1 || (uint64_t)ord > n) abort(); /* the statement is not the one this was written for */
    return (size_t)ord - 1;
}

static enum assay_status take_positions(struct assay_db *db, struct assay_ingest_load *l, struct assay_arena *a,
                                        struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_next(db, &r, e);
    for (int i = 0; !s && i < PQntuples(r); i++)
        l->positions[place(r, i, l->n_providers)] = (struct assay_position){
            .there = true, .done = pg_get_bool(r, i, 1), .upto = pg_get_text(r, i, 2, a)};
    PQclear(r);
    return s;
}

static enum assay_status take_found(struct assay_db *db, struct assay_ingest_load *l, struct assay_arena *a,
                                    struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_next(db, &r, e);
    for (int i = 0; !s && i < PQntuples(r); i++) l->found[place(r, i, l->n_keys)] = pg_row_new(r, i, 1, &pg_shape_record, a);
    PQclear(r);
    return s;
}

static enum assay_status take_voided(struct assay_db *db, struct assay_ingest_load *l, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_next(db, &r, e);
    for (int i = 0; !s && i < PQntuples(r); i++) l->voided[place(r, i, l->n_keys)] = true;
    PQclear(r);
    return s;
}

static enum assay_status take_orders(struct assay_db *db, struct assay_ingest_load *l, struct assay_arena *a,
                                     struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_next(db, &r, e);
    for (int i = 0; !s && i < PQntuples(r); i++)
        l->order_rows[place(r, i, l->n_orders)] = pg_row_new(r, i, 1, &pg_shape_order, a);
    PQclear(r);
    return s;
}

static enum assay_status take_targets(struct assay_db *db, struct assay_ingest_load *l, struct assay_arena *a,
                                      struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_next(db, &r, e);
    const int order_at = 1 + pg_shape_record.n, voided_at = order_at + pg_shape_order.n, first_at = voided_at + 1;
    for (int i = 0; !s && i < PQntuples(r); i++) {
        size_t k = place(r, i, l->n_targets);
        l->target_rows[k] = pg_row_new(r, i, 1, &pg_shape_record, a);
        l->target_voided[k] = pg_get_bool(r, i, voided_at);
        if (!pg_null(r, i, order_at) && pg_get_int8(r, i, first_at) == pg_get_int8(r, i, 0))
            l->target_orders[k] = pg_row_new(r, i, order_at, &pg_shape_order, a);
    }
    /* Many targets may be of one large order: they share its row. */
    for (int i = 0; !s && i < PQntuples(r); i++)
        if (!pg_null(r, i, order_at))
            l->target_orders[place(r, i, l->n_targets)] = l->target_orders[pg_get_int8(r, i, first_at) - 1];
    PQclear(r);
    return s;
}

static enum assay_status take_load(struct assay_db *db, struct assay_ingest_load *l, struct assay_arena *a,
                                   struct assay_error *e) {
    enum assay_status s = pg_next(db, NULL, e); /* BEGIN */
    if (!s) s = pg_next(db, NULL, e);           /* settings */
    if (!s && !l->snapshot) s = take_heads(db, l->n_providers, a, &l->heads, e);
    if (!s) s = l->snapshot ? take_config_revision(db, &l->config_revision, e) : take_place(db, l, e);
    if (!s && l->recomputation) s = take_positions(db, l, a, e);
    if (!s && l->n_keys) s = take_found(db, l, a, e);
    if (!s && l->n_keys) s = take_voided(db, l, e);
    if (!s && l->n_orders) s = take_orders(db, l, a, e);
    if (!s && l->n_targets) s = take_targets(db, l, a, e);
    return s;
}

static void clear_load(struct assay_ingest_load *l, struct assay_arena *a) {
    l->positions = assay_arena_zalloc(a, l->n_providers * sizeof *l->positions);
    l->found = assay_arena_zalloc(a, l->n_keys * sizeof *l->found);
    l->voided = assay_arena_zalloc(a, l->n_keys * sizeof *l->voided);
    l->order_rows = assay_arena_zalloc(a, l->n_orders * sizeof *l->order_rows);
    l->target_rows = assay_arena_zalloc(a, l->n_targets * sizeof *l->target_rows);
    l->target_orders = assay_arena_zalloc(a, l->n_targets * sizeof *l->target_orders);
    l->target_voided = assay_arena_zalloc(a, l->n_targets * sizeof *l->target_voided);
    l->heads = l->snapshot ? assay_arena_zalloc(a, l->n_providers * sizeof *l->heads) : NULL;
}

enum assay_status assay_store_ingest_begin(struct assay_db *db, struct assay_ingest_load *l, struct assay_arena *a,
                                           struct assay_error *e) {
    static const enum assay_query queries[] = {ASSAY_Q_INGEST_SETTINGS, ASSAY_Q_HEAD_LOCK,   ASSAY_Q_WRITE_PLACE,
                                               ASSAY_Q_CONFIG_REVISION, ASSAY_Q_RECORD_FIND, ASSAY_Q_VOIDED_FIND,
                                               ASSAY_Q_ORDER_FIND,      ASSAY_Q_TARGET_FIND, ASSAY_Q_POSITION_FIND};
    clear_load(l, a);
    enum assay_status s = renew_plans(db, e);
    if (!s) s = prepare_all(db, queries, sizeof queries / sizeof *queries, e);
    if (!s) s = pg_pipe(db, e);
    if (s) return s;
    s = send_load(db, l, e);
    if (!s) s = take_load(db, l, a, e);
    return pg_end(db, s, e);
}

enum assay_status assay_store_ingest_targets(struct assay_db *db, struct assay_ingest_load *l, struct assay_arena *a,
                                             struct assay_error *e) {
    struct pg_args args = {0};
    l->target_rows = assay_arena_zalloc(a, l->n_targets * sizeof *l->target_rows);
    l->target_orders = assay_arena_zalloc(a, l->n_targets * sizeof *l->target_orders);
    l->target_voided = assay_arena_zalloc(a, l->n_targets * sizeof *l->target_voided);
    if (l->n_targets == 0) return ASSAY_OK;
    enum assay_status s = pg_prepare(db, ASSAY_Q_TARGET_FIND, e);
    if (!s) s = pg_pipe(db, e);
    if (s) return s;
    s = send_lookup(db, ASSAY_Q_TARGET_FIND, &pg_shape_record_key, l->targets, l->n_targets, &args, e);
    if (!s) s = pg_sync(db, e);
    if (!s) s = take_targets(db, l, a, e);
    pg_args_free(&args);
    return pg_end(db, s, e);
}

enum assay_status assay_store_voids_of(struct assay_db *db, const int32_t *providers, size_t n, struct assay_arena *a,
                                       struct assay_record_row **rows, size_t *n_rows, struct assay_error *e) {
    struct pg_args args = {0};
    struct assay_buf *b = pg_array(&args, PG_INT4, n);
    for (size_t i = 0; i < n; i++) pg_field_int4(b, providers[i]);
    enum assay_status s = pg_fetch(db, ASSAY_Q_VOIDS_OF, &args, &pg_shape_record, a, (void **)rows, n_rows, e);
    pg_args_free(&args);
    return s;
}

enum assay_status assay_store_heads_lock(struct assay_db *db, const int32_t *providers, size_t n, struct assay_arena *a,
                                         struct assay_head **heads, struct assay_error *e) {
    static const enum assay_query queries[] = {ASSAY_Q_INGEST_SETTINGS, ASSAY_Q_HEAD_LOCK};
    struct pg_args args = {0};
    enum assay_status s = prepare_all(db, queries, sizeof queries / sizeof *queries, e);
    if (!s) s = pg_pipe(db, e);
    if (s) return s;
    s = pg_send(db, ASSAY_Q_INGEST_SETTINGS, NULL, e);
    if (!s) s = send_head_lock(db, providers, n, &args, e);
    if (!s) s = pg_sync(db, e);
    if (!s) s = pg_next(db, NULL, e); /* settings */
    if (!s) s = take_heads(db, n, a, heads, e);
    pg_args_free(&args);
    return pg_end(db, s, e);
}

enum assay_status assay_store_head_hold(struct assay_db *db, int32_t provider_id, struct assay_arena *a, struct assay_error *e) {
    struct assay_head *heads;
    struct pg_args args = {0};
    size_t n = 0;
    pg_int4(&args, provider_id);
    enum assay_status s = pg_fetch(db, ASSAY_Q_HEAD_HOLD, &args, &pg_shape_head, a, (void **)&heads, &n, e);
    pg_args_free(&args);
    return s || n ? s : assay_store_heads_lock(db, &provider_id, 1, a, &heads, e);
}

/* --- saving --------------------------------------------------------------------------------------------------------- */

static void add_counts(struct pg_args *args, const void *rows, size_t n) {
    const struct assay_tally_row *t = rows;
    struct assay_buf *b = pg_array(args, PG_INT4, n * ASSAY_TALLY_COUNT);
    for (size_t i = 0; i < n; i++)
        for (int j = 0; j < ASSAY_TALLY_COUNT; j++) pg_field_int4(b, t[i].counts[j]);
    pg_int4(args, ASSAY_TALLY_COUNT);
}

/* What is saved by one statement: rows bound by their shape, then what the shape has no column for. */
struct part {
    enum assay_query q;
    const struct pg_shape *shape;
    const void *rows;
    size_t n;
    void (*more)(struct pg_args *args, const void *rows, size_t n);
};

/* From so many rows on COPY is quicker than arrays: measured, a fifth at 100 records, a third at 4,000. */
#define COPY_MIN 100

/* Rows apart by whether they are fresh: what is known not to be stored needs no look whether it is, and may be copied.
 * A few fresh ones are not worth it and stay with the others. */
struct split {
    char *both; /* what was copied to take them apart; NULL: nothing was */
    const void *fresh, *other;
    size_t n_fresh, n_other;
};

static struct split split_rows(const void *rows, size_t n, size_t size, size_t fresh_at) {
    size_t n_fresh = 0;
    for (size_t i = 0; i < n; i++) n_fresh += *(const bool *)((const char *)rows + i * size + fresh_at);
    if (n_fresh < COPY_MIN) return (struct split){.other = rows, .n_other = n};
    char *both = assay_xmalloc(n * size), *fresh = both, *other = both + n_fresh * size;
    struct split s = {.both = both, .fresh = fresh, .other = other, .n_fresh = n_fresh, .n_other = n - n_fresh};
    for (size_t i = 0; i < n; i++) {
        const char *row = (const char *)rows + i * size;
        char **to = *(const bool *)(row + fresh_at) ? &fresh : &other;
        memcpy(*to, row, size);
        *to += size;
    }
    return s;
}

static enum assay_status copy_parts(struct assay_db *db, const struct part *parts, size_t n, struct assay_error *e) {
    enum assay_status s = ASSAY_OK;
    for (const struct part *p = parts; p < parts + n && !s; p++)
        if (p->n) s = pg_rows_copy(db, p->q, p->shape, p->rows, p->n, e);
    return s;
}

static enum assay_status send_parts(struct assay_db *db, const struct part *parts, size_t n, bool commit, struct assay_error *e) {
    struct pg_args args = {0};
    enum assay_status s = ASSAY_OK;
    for (const struct part *p = parts; p < parts + n && !s; p++) {
        if (p->n == 0) continue;
        pg_args_reset(&args);
        pg_rows_bind(&args, p->shape, p->rows, p->n);
        if (p->more) p->more(&args, p->rows, p->n);
        s = pg_send(db, p->q, &args, e);
    }
    if (!s && commit) s = pg_send_plain(db, "COMMIT", e);
    if (!s) s = pg_sync(db, e);
    pg_args_free(&args);
    return s;
}

static enum assay_status take_parts(struct assay_db *db, const struct part *parts, size_t n, bool commit, struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = ASSAY_OK;
    for (const struct part *p = parts; p < parts + n && !s; p++)
        if (p->n) s = pg_next(db, NULL, e);
    if (s || !commit) return s;
    s = pg_next(db, &r, e);
    if (!s) s = pg_committed(r, e);
    PQclear(r);
    return s;
}

static enum assay_status pipe_parts(struct assay_db *db, const struct part *parts, size_t n, bool commit, struct assay_error *e) {
    enum assay_status s = ASSAY_OK;
    for (const struct part *p = parts; p < parts + n && !s; p++)
        if (p->n) s = pg_prepare(db, p->q, e);
    if (!s) s = pg_pipe(db, e);
    if (s) return s;
    s = send_parts(db, parts, n, commit, e);
    if (!s) s = take_parts(db, parts, n, commit, e);
    return pg_end(db, s, e);
}

enum assay_status assay_store_ingest_save(struct assay_db *db, const struct assay_ingest_save *save, bool commit,
                                          struct assay_error *e) {
    const struct pg_shape *order = &pg_shape_order, *verdict = &pg_shape_verdict;
    bool copied = save->n_records >= COPY_MIN, copied_changes = save->n_changes >= COPY_MIN;
    struct split o = split_rows(save->orders, save->n_orders, order->size, offsetof(struct assay_order_row, fresh));
    struct split v = split_rows(save->verdicts, save->n_verdicts, verdict->size, offsetof(struct assay_verdict_row, fresh));
    const struct part copies[] = {
        {ASSAY_Q_RECORD_COPY, &pg_shape_record, save->records, copied ? save->n_records : 0, NULL},
        {ASSAY_Q_ORDER_COPY, order, o.fresh, o.n_fresh, NULL},
        {ASSAY_Q_VERDICT_COPY, verdict, v.fresh, v.n_fresh, NULL},
        {ASSAY_Q_CHANGE_COPY, &pg_shape_change, save->changes, copied_changes ? save->n_changes : 0, NULL},
    };
    const struct part parts[] = {
        {ASSAY_Q_RECORD_INSERT, &pg_shape_record, save->records, copied ? 0 : save->n_records, NULL},
        {ASSAY_Q_VOIDED_INSERT, &pg_shape_record_key, save->voided, save->n_voided, NULL},
        {ASSAY_Q_VOIDED_REMOVE, &pg_shape_record_key, save->cleared, save->n_cleared, NULL},
        {ASSAY_Q_ORDER_SAVE, order, o.other, o.n_other, NULL},
        {ASSAY_Q_VERDICT_SAVE, verdict, v.other, v.n_other, NULL},
        {ASSAY_Q_TALLY_ADD, &pg_shape_tally, save->tallies, save->n_tallies, add_counts},
        {ASSAY_Q_PAY_ADD, &pg_shape_pay, save->pays, save->n_pays, NULL},
        {ASSAY_Q_CHANGE_INSERT, &pg_shape_change, save->changes, copied_changes ? 0 : save->n_changes, NULL},
        {ASSAY_Q_HEAD_ADVANCE, &pg_shape_head, save->heads, save->n_heads, NULL},
        {ASSAY_Q_UPLOAD_FINISH, &pg_shape_upload, save->finish, save->finish ? 1 : 0, NULL},
    };
    enum assay_status s = copy_parts(db, copies, sizeof copies / sizeof *copies, e);
    if (!s) s = pipe_parts(db, parts, sizeof parts / sizeof *parts, commit, e);
    db->written += (int64_t)(save->n_records + save->n_orders);
    free(o.both);
    free(v.both);
    return s;
}
