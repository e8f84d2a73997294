/* pg.c -- connections, prepared statements, pipelines, binary values. */
#include "store/pg.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/embedded.h"

/* PostgreSQL counts from 2000-01-01. */
#define PG_EPOCH_DAYS 10957
#define PG_EPOCH (PG_EPOCH_DAYS * ASSAY_DAY)
#define PG_DATE_MINUS_INFINITY INT32_MIN

/* --- values and parameters ------------------------------------------------------------------------------------------ */

static void add16(struct assay_buf *b, int16_t v) {
    uint16_t x = htons((uint16_t)v);
    assay_buf_add(b, &x, sizeof x);
}

static void add32(struct assay_buf *b, int32_t v) {
    uint32_t x = htonl((uint32_t)v);
    assay_buf_add(b, &x, sizeof x);
}

static void add64(struct assay_buf *b, int64_t v) {
    uint64_t x = htobe64((uint64_t)v);
    assay_buf_add(b, &x, sizeof x);
}

void pg_field_null(struct assay_buf *b) { add32(b, -1); }
void pg_field_int2(struct assay_buf *b, int16_t v) { add32(b, 2), add16(b, v); }
void pg_field_int4(struct assay_buf *b, int32_t v) { add32(b, 4), add32(b, v); }
void pg_field_int8(struct assay_buf *b, int64_t v) { add32(b, 8), add64(b, v); }
void pg_field_bool(struct assay_buf *b, bool v) { add32(b, 1), assay_buf_addc(b, v); }
void pg_field_text(struct assay_buf *b, struct assay_str s) {
    if (s.p) add32(b, (int32_t)s.n), assay_buf_add(b, s.p, s.n);
    else pg_field_null(b);
}
void pg_field_instant(struct assay_buf *b, assay_instant t) {
    if (t == ASSAY_NO_INSTANT) pg_field_null(b);
    else pg_field_int8(b, t - PG_EPOCH);
}
void pg_field_date(struct assay_buf *b, assay_date d) {
    pg_field_int4(b, d == ASSAY_NO_DATE ? PG_DATE_MINUS_INFINITY : d - PG_EPOCH_DAYS);
}

void pg_args_reset(struct pg_args *a) { a->n = 0; }

void pg_args_free(struct pg_args *a) {
    for (int i = 0; i < PG_ARGS_MAX; i++) assay_buf_free(&a->bytes[i]);
    a->n = 0;
}

static struct assay_buf *next_arg(struct pg_args *a, bool null) {
    if (a->n >= PG_ARGS_MAX) abort(); /* a query with more parameters than the layer was built for: a bug in the store */
    a->null[a->n] = null;
    a->bytes[a->n].n = 0;
    return &a->bytes[a->n++];
}

void pg_int2(struct pg_args *a, int16_t v) { add16(next_arg(a, false), v); }
void pg_int4(struct pg_args *a, int32_t v) { add32(next_arg(a, false), v); }
void pg_int8(struct pg_args *a, int64_t v) { add64(next_arg(a, false), v); }
void pg_text(struct pg_args *a, struct assay_str s) { assay_buf_add(next_arg(a, !s.p), s.p, s.n); }
void pg_word(struct pg_args *a, struct assay_str s) { pg_text(a, s.p ? s : ASSAY_STR("")); }
void pg_instant(struct pg_args *a, assay_instant t) { add64(next_arg(a, t == ASSAY_NO_INSTANT), t - PG_EPOCH); }
void pg_bound(struct pg_args *a, assay_instant t, int64_t open) {
    if (t == ASSAY_NO_INSTANT) pg_int8(a, open);
    else pg_instant(a, t);
}
void pg_bool(struct pg_args *a, bool v) { assay_buf_addc(next_arg(a, false), v); }

struct assay_buf *pg_array(struct pg_args *a, enum pg_oid element, size_t n) {
    struct assay_buf *b = next_arg(a, false);
    add32(b, 1); /* dimensions */
    add32(b, 1); /* there may be nulls */
    add32(b, (int32_t)element);
    add32(b, (int32_t)n);
    add32(b, 1); /* lower bound */
    return b;
}

/* --- connections ---------------------------------------------------------------------------------------------------- */

static bool is_good(const PGresult *res) {
    ExecStatusType s = PQresultStatus(res);
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

static void quiet_notice(void *arg, const PGresult *res) { (void)arg, (void)res; }

/* Settings that every connection needs whatever its conninfo says; the conninfo's own words win where it has them. */
static PGconn *connect_with_defaults(const char *conninfo) {
    const char *keys[] = {"dbname",           "fallback_application_name", "connect_timeout", "keepalives_idle",
                          "tcp_user_timeout", "target_session_attrs",      "client_encoding", NULL};
    const char *values[] = {conninfo, "assayd", "5", "30", "15000", "read-write", "UTF8", NULL};
    /* expand_dbname: the conninfo string stands in dbname and overrides only what comes before it; so defaults that it
     * may override come first. */
    const char *k[8], *v[8];
    int n = 0;
    for (int i = 1; keys[i]; i++) k[n] = keys[i], v[n++] = values[i];
    k[n] = keys[0], v[n++] = values[0];
    k[n] = NULL, v[n] = NULL;
    return PQconnectdbParams(k, v, 1);
}

static enum assay_status session_settings(struct assay_db *db, struct assay_error *e) {
    char sql[256];
    snprintf(sql, sizeof sql,
             "SET statement_timeout = %d; SET idle_in_transaction_session_timeout = 60000; SET timezone = 'UTC'; "
             "SET jit = off; SET plan_cache_mode = force_generic_plan",
             db->statement_timeout_ms);
    return pg_plain(db, sql, e);
}

static struct { _Atomic uint64_t open, opened, reopened, failed; } connections;

void assay_db_stats(struct assay_db_stats *out) {
    *out = (struct assay_db_stats){connections.open, connections.opened, connections.reopened, connections.failed};
}

static void drop(struct assay_db *db) {
    PQfinish(db->conn);
    db->conn = NULL;
    atomic_fetch_sub(&connections.open, db->counted);
    db->counted = false;
}

static enum assay_status establish(struct assay_db *db, struct assay_error *e) {
    db->conn = connect_with_defaults(db->conninfo);
    db->counted = PQstatus(db->conn) == CONNECTION_OK;
    atomic_fetch_add(&connections.open, db->counted);
    atomic_fetch_add(db->counted ? &connections.opened : &connections.failed, 1);
    memset(db->prepared, 0, sizeof db->prepared);
    db->piping = db->synced = false;
    db->written = db->replan_at = 0;
    if (PQstatus(db->conn) != CONNECTION_OK) return pg_failure(db, NULL, e);
    PQsetNoticeReceiver(db->conn, quiet_notice, NULL);
    return session_settings(db, e);
}

enum assay_status assay_db_open(const char *conninfo, int statement_timeout_ms, struct assay_db **out, struct assay_error *e) {
    struct assay_db *db = assay_xcalloc(1, sizeof *db);
    db->conninfo = assay_xstrdup(conninfo);
    db->statement_timeout_ms = statement_timeout_ms;
    enum assay_status s = establish(db, e);
    if (s) assay_db_close(db), db = NULL;
    *out = db;
    return s;
}

void assay_db_close(struct assay_db *db) {
    if (!db) return;
    drop(db);
    free(db->conninfo);
    free(db);
}

/* A transaction is open, of whatever fortune, and ROLLBACK can be said. */
static bool can_roll_back(const struct assay_db *db) {
    PGTransactionStatusType t = PQtransactionStatus(db->conn);
    return PQstatus(db->conn) == CONNECTION_OK && !db->piping && (t == PQTRANS_INTRANS || t == PQTRANS_INERROR);
}

enum assay_status assay_db_restore(struct assay_db *db, struct assay_error *e) {
    assay_db_rollback(db);
    if (PQstatus(db->conn) == CONNECTION_OK && !db->piping && PQtransactionStatus(db->conn) == PQTRANS_IDLE) return ASSAY_OK;
    drop(db);
    enum assay_status s = establish(db, e);
    if (!s) atomic_fetch_add(&connections.reopened, 1);
    return s;
}

enum assay_status assay_db_ping(struct assay_db *db, struct assay_error *e) { return pg_plain(db, "SELECT 1", e); }

enum assay_status assay_db_begin(struct assay_db *db, bool snapshot, struct assay_error *e) {
    return pg_plain(db, snapshot ? PG_BEGIN_SNAPSHOT : PG_BEGIN_WRITE, e);
}

enum assay_status assay_db_commit(struct assay_db *db, struct assay_error *e) {
    PGresult *res = PQexec(db->conn, "COMMIT");
    enum assay_status s = is_good(res) ? pg_committed(res, e) : pg_failure(db, res, e);
    PQclear(res);
    return s;
}

void assay_db_rollback(struct assay_db *db) {
    struct assay_error ignored; /* the connection is lost then, which the next use of it says */
    if (can_roll_back(db) && pg_plain(db, "ROLLBACK", &ignored)) return;
}

/* Not the statement's fault, nor its data's. By prefix of the SQLSTATE. */
static bool means_unavailable(const char *state) {
    static const char *const prefixes[] = {
        "08",    /* the connection */
        "25006", /* read-only: a failover has happened */
        "25P03", /* idle in a transaction for too long */
        "55P03", /* a lock was not had in time (lock_timeout) */
        "53",    /* no room: disk, memory, connections */
        "57",    /* shutting down, starting up, or cancelled (statement_timeout: a lock not given up, a slow disk) */
        "58",    /* the system: input and output errors */
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(state, prefixes[i], strlen(prefixes[i]))) return true;
    return false;
}

enum assay_status pg_failure(struct assay_db *db, const PGresult *res, struct assay_error *e) {
    const char *message = res ? PQresultErrorMessage(res) : PQerrorMessage(db->conn);
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    enum assay_status s = ASSAY_DATABASE;
    /* A killed backend gives no SQLSTATE: the connection is asked first. */
    if (PQstatus(db->conn) != CONNECTION_OK || !state) s = ASSAY_DATABASE_UNAVAILABLE;
    else if (!strcmp(state, "40001") || !strcmp(state, "40P01")) s = ASSAY_RETRY;
    else if (means_unavailable(state)) s = ASSAY_DATABASE_UNAVAILABLE;
    int n = (int)strcspn(message, "\n");
    return assay_fail(e, s, "", "%s%s%.*s", state ? state : "", state ? " " : "", n, message);
}

enum assay_status pg_no_config(struct assay_error *e) {
    return assay_fail(e, ASSAY_CONFIG, "", "the database has no configuration: run assayd migrate");
}

/* --- statements ----------------------------------------------------------------------------------------------------- */

static enum assay_status keep_or_fail(struct assay_db *db, PGresult *res, PGresult **out, struct assay_error *e) {
    if (!is_good(res)) {
        enum assay_status s = pg_failure(db, res, e);
        PQclear(res);
        return s;
    }
    if (out) *out = res;
    else PQclear(res);
    return ASSAY_OK;
}

enum assay_status pg_plain(struct assay_db *db, const char *sql, struct assay_error *e) {
    return keep_or_fail(db, PQexec(db->conn, sql), NULL, e);
}

struct bound { /* pg_args as libpq takes them */
    const char *values[PG_ARGS_MAX];
    int lengths[PG_ARGS_MAX], formats[PG_ARGS_MAX];
};

static void bind_args(const struct pg_args *a, struct bound *b) {
    for (int i = 0; i < a->n; i++) {
        b->values[i] = a->null[i] ? NULL : a->bytes[i].p ? a->bytes[i].p : "";
        b->lengths[i] = (int)a->bytes[i].n;
        b->formats[i] = 1;
    }
}

static const struct pg_args no_args;

enum assay_status pg_prepare(struct assay_db *db, enum assay_query q, struct assay_error *e) {
    if (db->prepared[q]) return ASSAY_OK;
    enum assay_status s = keep_or_fail(db, PQprepare(db->conn, assay_queries[q].name, assay_queries[q].text, 0, NULL), NULL, e);
    db->prepared[q] = !s;
    return s;
}

enum assay_status pg_run(struct assay_db *db, enum assay_query q, const struct pg_args *a, PGresult **res,
                         struct assay_error *e) {
    enum assay_status s = pg_prepare(db, q, e);
    if (s) return s;
    if (!a) a = &no_args;
    struct bound b;
    bind_args(a, &b);
    return keep_or_fail(db, PQexecPrepared(db->conn, assay_queries[q].name, a->n, b.values, b.lengths, b.formats, 1), res, e);
}

enum assay_status pg_write(struct assay_db *db, enum assay_query q, const struct pg_args *a, int64_t rows,
                           struct assay_error *e) {
    PGresult *r = NULL;
    enum assay_status s = pg_run(db, q, a, &r, e);
    long long touched = s ? 0 : strtoll(PQcmdTuples(r), NULL, 10);
    PQclear(r);
    if (s || rows < 0 || touched == rows) return s;
    return assay_fail(e, ASSAY_DATABASE, "", "%s touched %lld rows in place of %lld", assay_queries[q].name, touched,
                      (long long)rows);
}

enum assay_status pg_pipe(struct assay_db *db, struct assay_error *e) {
    if (!PQenterPipelineMode(db->conn)) return pg_failure(db, NULL, e);
    db->piping = true;
    db->synced = false;
    return ASSAY_OK;
}

enum assay_status pg_send(struct assay_db *db, enum assay_query q, const struct pg_args *a, struct assay_error *e) {
    if (!a) a = &no_args;
    if (!db->prepared[q]) return assay_fail(e, ASSAY_INTERNAL, "", "statement %s is not prepared", assay_queries[q].name);
    struct bound b;
    bind_args(a, &b);
    if (!PQsendQueryPrepared(db->conn, assay_queries[q].name, a->n, b.values, b.lengths, b.formats, 1))
        return pg_failure(db, NULL, e);
    return ASSAY_OK;
}

enum assay_status pg_send_plain(struct assay_db *db, const char *sql, struct assay_error *e) {
    return PQsendQueryParams(db->conn, sql, 0, NULL, NULL, NULL, NULL, 1) ? ASSAY_OK : pg_failure(db, NULL, e);
}

enum assay_status pg_sync(struct assay_db *db, struct assay_error *e) {
    db->synced = true;
    return PQpipelineSync(db->conn) ? ASSAY_OK : pg_failure(db, NULL, e);
}

enum assay_status pg_next(struct assay_db *db, PGresult **res, struct assay_error *e) {
    if (res) *res = NULL;
    PGresult *r = PQgetResult(db->conn);
    if (!r) return pg_failure(db, NULL, e);
    if (!is_good(r)) {
        enum assay_status s = PQresultStatus(r) == PGRES_PIPELINE_ABORTED ? ASSAY_DATABASE : pg_failure(db, r, e);
        PQclear(r);
        return s;
    }
    PGresult *end = PQgetResult(db->conn); /* the NULL that ends a statement's results */
    PQclear(end);
    if (res) *res = r;
    else PQclear(r);
    return ASSAY_OK;
}

enum assay_status pg_end(struct assay_db *db, enum assay_status so_far, struct assay_error *e) {
    struct assay_error first = {0};
    bool ended = false;
    int nothing = 0;                           /* results in a row that were none */
    if (!db->synced) PQpipelineSync(db->conn); /* sending failed half-way: without a sync the server would not answer */
    /* Until the sync point comes by, or the connection is gone. One NULL ends a statement's results. Two say that nothing more
     * will come: where writing failed while what a dying server last said was still unread, libpq gives up the pipeline but
     * goes on calling the connection good. db->piping stays, and so the connection is not used again. */
    while (!ended && nothing < 2) {
        PGresult *r = PQgetResult(db->conn);
        nothing = r ? 0 : nothing + 1;
        ExecStatusType what = r ? PQresultStatus(r) : PGRES_COMMAND_OK;
        ended = what == PGRES_PIPELINE_SYNC;
        if (r && !ended && !is_good(r) && what != PGRES_PIPELINE_ABORTED && !first.status) pg_failure(db, r, &first);
        PQclear(r);
        if (PQstatus(db->conn) != CONNECTION_OK) break;
    }
    if (ended && PQexitPipelineMode(db->conn)) db->piping = false;
    if (so_far) return so_far;
    if (first.status) return assay_fail(e, first.status, "", "%s", first.detail);
    return ended ? ASSAY_OK : pg_failure(db, NULL, e);
}

enum assay_status pg_copy_begin(struct assay_db *db, enum assay_query q, struct assay_error *e) {
    PGresult *r = PQexec(db->conn, assay_queries[q].text);
    enum assay_status s = PQresultStatus(r) == PGRES_COPY_IN ? ASSAY_OK : pg_failure(db, r, e);
    PQclear(r);
    return s;
}

enum assay_status pg_copy_data(struct assay_db *db, const struct assay_buf *b, struct assay_error *e) {
    return PQputCopyData(db->conn, b->p, (int)b->n) == 1 ? ASSAY_OK : pg_failure(db, NULL, e);
}

enum assay_status pg_copy_end(struct assay_db *db, struct assay_error *e) {
    if (PQputCopyEnd(db->conn, NULL) != 1) return pg_failure(db, NULL, e);
    enum assay_status s = ASSAY_OK;
    for (PGresult *r; (r = PQgetResult(db->conn));) {
        if (!s && !is_good(r)) s = pg_failure(db, r, e);
        PQclear(r);
    }
    return s;
}

enum assay_status pg_committed(PGresult *res, struct assay_error *e) {
    if (!strcmp(PQcmdStatus(res), "COMMIT")) return ASSAY_OK;
    return assay_fail(e, ASSAY_DATABASE, "", "the transaction had failed before its commit");
}

/* --- results -------------------------------------------------------------------------------------------------------- */

int16_t pg_get_int2(const PGresult *r, int row, int col) {
    uint16_t x = 0;
    if (!pg_null(r, row, col)) memcpy(&x, PQgetvalue(r, row, col), sizeof x);
    return (int16_t)ntohs(x);
}

int32_t pg_get_int4(const PGresult *r, int row, int col) {
    uint32_t x = 0;
    if (!pg_null(r, row, col)) memcpy(&x, PQgetvalue(r, row, col), sizeof x);
    return (int32_t)ntohl(x);
}

int64_t pg_get_int8(const PGresult *r, int row, int col) {
    uint64_t x = 0;
    if (!pg_null(r, row, col)) memcpy(&x, PQgetvalue(r, row, col), sizeof x);
    return (int64_t)be64toh(x);
}

bool pg_get_bool(const PGresult *r, int row, int col) { return !pg_null(r, row, col) && PQgetvalue(r, row, col)[0]; }

struct assay_str pg_get_text(const PGresult *r, int row, int col, struct assay_arena *a) {
    if (pg_null(r, row, col)) return ASSAY_STR_NONE;
    return assay_arena_dup(a, (struct assay_str){PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col)});
}

assay_instant pg_get_instant(const PGresult *r, int row, int col) {
    return pg_null(r, row, col) ? ASSAY_NO_INSTANT : pg_get_int8(r, row, col) + PG_EPOCH;
}

assay_date pg_get_date(const PGresult *r, int row, int col) {
    int32_t d = pg_get_int4(r, row, col);
    return d == PG_DATE_MINUS_INFINITY ? ASSAY_NO_DATE : d + PG_EPOCH_DAYS;
}

void pg_get_int4s(const PGresult *r, int row, int col, int32_t *out, size_t n) {
    memset(out, 0, n * sizeof *out);
    if (pg_null(r, row, col)) return;
    const char *p = PQgetvalue(r, row, col);
    size_t length = (size_t)PQgetlength(r, row, col);
    uint32_t count;
    if (length < 20) return;
    memcpy(&count, p + 12, sizeof count);
    count = ntohl(count);
    for (size_t i = 0, at = 20; i < count && i < n && at + 8 <= length; i++, at += 8) {
        uint32_t v;
        memcpy(&v, p + at + 4, sizeof v);
        out[i] = (int32_t)ntohl(v);
    }
}

size_t pg_get_int2s(const PGresult *r, int row, int col, int16_t *out, size_t max) {
    size_t length = pg_null(r, row, col) ? 0 : (size_t)PQgetlength(r, row, col), n = 0;
    const char *p = PQgetvalue(r, row, col);
    for (size_t at = 20; at + 6 <= length && n < max; at += 6) { /* behind the header: length and value each */
        uint16_t v;
        memcpy(&v, p + at + 4, sizeof v);
        out[n++] = (int16_t)ntohs(v);
    }
    return n;
}
