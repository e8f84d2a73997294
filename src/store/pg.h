/* pg.h -- the thin layer over libpq that the store's other files use. Internal to src/store.
 *
 * A connection belongs to one thread. Statements are the files of sql/queries, prepared on first use; parameters and
 * results are binary. A batch of statements goes out as one pipeline: queue with pg_send, then pg_sync, then take the
 * results in order with pg_next. */
#ifndef ASSAY_STORE_PG_H
#define ASSAY_STORE_PG_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "assay/store.h"
#include "store_queries.h"

struct assay_db {
    PGconn *conn;
    char *conninfo;
    int statement_timeout_ms;
    /* Of the connection as it stands; a new one begins at 0. */
    bool prepared[ASSAY_Q_COUNT];
    bool counted;               /* among the open ones */
    bool piping, synced;        /* in a pipeline; its sync is sent */
    int64_t written, replan_at; /* rows saved by it, and at how many its plans are made anew (ingest.c) */
};

/* --- values and parameters ------------------------------------------------------------------------------------------ */
/* A field is a value's length and its bytes: an element of an array, a column of a copied row. */
void pg_field_null(struct assay_buf *b);
void pg_field_int2(struct assay_buf *b, int16_t v);
void pg_field_int4(struct assay_buf *b, int32_t v);
void pg_field_int8(struct assay_buf *b, int64_t v);
void pg_field_text(struct assay_buf *b, struct assay_str s); /* absent: null; bytea alike */
void pg_field_instant(struct assay_buf *b, assay_instant t); /* ASSAY_NO_INSTANT: null */
void pg_field_date(struct assay_buf *b, assay_date d);       /* ASSAY_NO_DATE: -infinity */
void pg_field_bool(struct assay_buf *b, bool v);

#define PG_ARGS_MAX 24
struct pg_args { /* zero-initialise; pg_args_free; reusable after pg_args_reset */
    int n;
    struct assay_buf bytes[PG_ARGS_MAX];
    bool null[PG_ARGS_MAX];
};
void pg_args_reset(struct pg_args *a);
void pg_args_free(struct pg_args *a);
void pg_int2(struct pg_args *a, int16_t v);
void pg_int4(struct pg_args *a, int32_t v);
void pg_int8(struct pg_args *a, int64_t v);
void pg_text(struct pg_args *a, struct assay_str s); /* absent: null */
void pg_word(struct pg_args *a, struct assay_str s); /* of a filter; absent: '', any */
void pg_instant(struct pg_args *a, assay_instant t); /* ASSAY_NO_INSTANT: null */
void pg_bool(struct pg_args *a, bool v);
/* A bound of a range; open (ASSAY_NO_INSTANT): one of those below. */
void pg_bound(struct pg_args *a, assay_instant t, int64_t open);
/* Bounds beyond all instants, as pg_int8 binds them to a timestamptz. */
#define PG_INFINITY INT64_MAX
#define PG_MINUS_INFINITY INT64_MIN

enum pg_oid {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_DATE = 1082,
    PG_TIMESTAMPTZ = 1184
};
/* An array of n elements: exactly so many fields must be added to what is returned before the next parameter. */
struct assay_buf *pg_array(struct pg_args *a, enum pg_oid element, size_t n);

/* --- statements ----------------------------------------------------------------------------------------------------- */
/* Run one statement and wait. *res is the caller's to PQclear (NULL where res is NULL). */
enum assay_status pg_run(struct assay_db *db, enum assay_query q, const struct pg_args *a, PGresult **res,
                         struct assay_error *e) ASSAY_MUST_CHECK;
/* Prepare a statement ahead of a pipeline; nothing where it is prepared already. */
enum assay_status pg_prepare(struct assay_db *db, enum assay_query q, struct assay_error *e) ASSAY_MUST_CHECK;
/* Plain SQL without parameters (BEGIN, SET, migrations). */
enum assay_status pg_plain(struct assay_db *db, const char *sql, struct assay_error *e) ASSAY_MUST_CHECK;
/* Run one statement that writes; ASSAY_DATABASE unless it touches as many rows as said. -1: any number. */
enum assay_status pg_write(struct assay_db *db, enum assay_query q, const struct pg_args *a, int64_t rows,
                           struct assay_error *e) ASSAY_MUST_CHECK;

/* Pipelines: pg_pipe, pg_send ..., pg_sync, then pg_next for each send in order, then pg_end, which must follow pg_pipe
 * whatever happens: it drains what is left and returns so_far, or the first error of what it drained. Statements are
 * prepared before the pipeline. After an error pg_next returns it for the failing statement and ASSAY_DATABASE (e left
 * alone) for those aborted by it. */
enum assay_status pg_pipe(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status pg_send(struct assay_db *db, enum assay_query q, const struct pg_args *a,
                          struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status pg_send_plain(struct assay_db *db, const char *sql, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status pg_sync(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status pg_next(struct assay_db *db, PGresult **res, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status pg_end(struct assay_db *db, enum assay_status so_far, struct assay_error *e) ASSAY_MUST_CHECK;
/* COPY rows in (statement q; binary): begin, data as often as there is any, end. Not in a pipeline. Where begin or data
 * fails the copy is over. */
enum assay_status pg_copy_begin(struct assay_db *db, enum assay_query q, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status pg_copy_data(struct assay_db *db, const struct assay_buf *b, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status pg_copy_end(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;

#define PG_BEGIN_WRITE "BEGIN ISOLATION LEVEL READ COMMITTED"
#define PG_BEGIN_SNAPSHOT "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
/* A COMMIT's result: a transaction that had failed is rolled back by it and says so only here. */
enum assay_status pg_committed(PGresult *res, struct assay_error *e) ASSAY_MUST_CHECK;

/* What a failed result or connection means: ASSAY_RETRY (serialisation, deadlock), ASSAY_DATABASE_UNAVAILABLE (the
 * connection is gone or the server is going), ASSAY_DATABASE (the statement is wrong or its data). */
enum assay_status pg_failure(struct assay_db *db, const PGresult *res, struct assay_error *e);
/* The row of table config is missing. */
enum assay_status pg_no_config(struct assay_error *e);

/* --- results -------------------------------------------------------------------------------------------------------- */
static inline bool pg_null(const PGresult *r, int row, int col) { return PQgetisnull(r, row, col); }
int16_t pg_get_int2(const PGresult *r, int row, int col);
int32_t pg_get_int4(const PGresult *r, int row, int col);
int64_t pg_get_int8(const PGresult *r, int row, int col);
bool pg_get_bool(const PGresult *r, int row, int col);
struct assay_str pg_get_text(const PGresult *r, int row, int col, struct assay_arena *a); /* copied; null: absent */
assay_instant pg_get_instant(const PGresult *r, int row, int col);                        /* null: NO_INSTANT */
assay_date pg_get_date(const PGresult *r, int row, int col);                              /* -infinity: NO_DATE */
/* An int2[] into out, at most max of them; returns how many there are. */
size_t pg_get_int2s(const PGresult *r, int row, int col, int16_t *out, size_t max);
/* An int4[] into out[0..n); missing elements 0. */
void pg_get_int4s(const PGresult *r, int row, int col, int32_t *out, size_t n);

#endif
