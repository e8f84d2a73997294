/* store.h -- PostgreSQL behind plain structs. No libpq type leaves src/store; nothing here decides business.
 *
 * A struct assay_db is one connection and belongs to one thread. Functions return ASSAY_RETRY (try the transaction
 * again), ASSAY_DATABASE_UNAVAILABLE (restore the connection first) or ASSAY_DATABASE (do not try the same again). What
 * they return points into the arena they are given. */
#ifndef ASSAY_STORE_H
#define ASSAY_STORE_H

#include "assay/access.h"
#include "assay/evaluate.h"

struct assay_db;
/* conninfo: a libpq connection string or URL. */
enum assay_status assay_db_open(const char *conninfo, int statement_timeout_ms, struct assay_db **out,
                                struct assay_error *e) ASSAY_MUST_CHECK;
void assay_db_close(struct assay_db *db); /* NULL is fine */
/* Make the connection usable again after any failure: rolls back, or reconnects. */
enum assay_status assay_db_restore(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_db_ping(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_db_begin(struct assay_db *db, bool snapshot,
                                 struct assay_error *e) ASSAY_MUST_CHECK; /* snapshot: REPEATABLE READ, READ ONLY */
enum assay_status assay_db_commit(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
void assay_db_rollback(struct assay_db *db);

/* Of all connections of the process. */
struct assay_db_stats {
    uint64_t open, opened, reopened, failed; /* now; made; of them in place of a lost one; not to be had */
};
void assay_db_stats(struct assay_db_stats *out);

/* --- how the database is doing (assayd doctor) ----------------------------------------------------------------------------- */
struct assay_vital {
    struct assay_str name, value;
};
/* Settings of the server that are named, and what sql/queries/vitals.sql tells besides. */
enum assay_status assay_store_vitals(struct assay_db *db, const struct assay_str *settings, size_t n_settings,
                                     struct assay_arena *a, struct assay_vital **rows, size_t *n,
                                     struct assay_error *e) ASSAY_MUST_CHECK;
/* A commit of almost nothing: how long does it take? */
enum assay_status assay_store_commit_probe(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- migrations ------------------------------------------------------------------------------------------------------ */
/* Apply what is missing, each in a transaction of its own, under an advisory lock; then seed an empty configuration
 * with the calendars and schemes of sql/. ASSAY_CONFIG where the schema is newer than this program. */
enum assay_status assay_store_migrate(struct assay_db *db, assay_instant now, int *applied,
                                      struct assay_error *e) ASSAY_MUST_CHECK;
/* ASSAY_CONFIG with what to do where the schema is not the one this program knows. */
enum assay_status assay_store_check_schema(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;

/* The version of the rules (ASSAY_ENGINE) that the stored figures are of. */
enum assay_status assay_store_engine(struct assay_db *db, int32_t *engine, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_engine_set(struct assay_db *db, int32_t engine, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- configuration --------------------------------------------------------------------------------------------------- */
struct assay_provider_row { /* one version */
    int32_t provider_id, version;
    struct assay_str code, name, city, status;
    bool ascim;
    assay_date effective_from;
    assay_instant recorded_at;
    int64_t recomputation; /* it waits for; 0: recorded */
};
struct assay_document_row { /* one version of a calendar, rate table or scheme */
    int16_t scheme_id;      /* schemes only */
    struct assay_str code, document;
    int32_t version;
    assay_date effective_from; /* schemes only */
    assay_instant recorded_at;
    int64_t recomputation; /* it waits for; 0: recorded */
};
enum assay_document_kind { ASSAY_DOC_CALENDAR, ASSAY_DOC_RATES, ASSAY_DOC_SCHEME };
enum assay_status assay_store_config_revision(struct assay_db *db, int64_t *revision, struct assay_error *e) ASSAY_MUST_CHECK;
/* Take the configuration's lock (until the transaction ends); *revision is the current one. */
enum assay_status assay_store_config_lock(struct assay_db *db, int64_t *revision, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_config_advance(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
/* All versions, by provider and (effective_from, version). */
enum assay_status assay_store_providers(struct assay_db *db, struct assay_arena *a, struct assay_provider_row **rows, size_t *n,
                                        struct assay_error *e) ASSAY_MUST_CHECK;
/* All versions, by code and version. */
enum assay_status assay_store_documents(struct assay_db *db, enum assay_document_kind kind, struct assay_arena *a,
                                        struct assay_document_row **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
/* Insert a new version (row->version, row->provider_id given by the caller under the lock). A provider_id or scheme_id
 * not yet there is created with its code. */
enum assay_status assay_store_provider_insert(struct assay_db *db, const struct assay_provider_row *rows, size_t n,
                                              struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_document_insert(struct assay_db *db, enum assay_document_kind kind,
                                              const struct assay_document_row *row, struct assay_error *e) ASSAY_MUST_CHECK;

/* Sheets in force that are not the scheme's own number (store/recomputation.c says what a sheet is). */
struct assay_sheet_row {
    int32_t provider_id;
    int16_t scheme_id, sheet;
};
enum assay_status assay_store_sheets(struct assay_db *db, struct assay_arena *a, struct assay_sheet_row **rows, size_t *n,
                                     struct assay_error *e) ASSAY_MUST_CHECK;

/* --- recomputations ---------------------------------------------------------------------------------------------------- */
/* What is derived of a provider under a scheme stands on one of two sheets: the numbers scheme_id and -scheme_id, as
 * verdict, tally and pay rows name them. One is in force; a recomputation fills the other and turns them over. */
enum assay_recomputation_status { ASSAY_RUN_RUNNING = 1, ASSAY_RUN_DONE, ASSAY_RUN_FAILED };
enum assay_cause_kind { ASSAY_CAUSE_CALENDAR, ASSAY_CAUSE_RATES, ASSAY_CAUSE_SCHEME, ASSAY_CAUSE_PROVIDER };
#define ASSAY_SCHEMES_MAX 64 /* that one recomputation may name */
struct assay_recomputation {
    int64_t id;
    enum assay_cause_kind cause_kind;
    struct assay_str cause_code; /* absent: several providers */
    int32_t cause_version;       /* 0 then */
    enum assay_recomputation_status status;
    bool untidy, every_provider;
    assay_instant started_at, finished_at, beat_at;
    struct assay_str reason; /* of a failure */
    int64_t runner;
    int32_t providers, providers_done;
    int64_t orders, orders_judged, orders_changed;
    size_t n_schemes;
    int16_t schemes[ASSAY_SCHEMES_MAX]; /* worked out again, ascending */
};
/* The one that runs, or NULL. */
enum assay_status assay_store_recomputation_running(struct assay_db *db, struct assay_arena *a, struct assay_recomputation **out,
                                                    struct assay_error *e) ASSAY_MUST_CHECK;
/* One that has ended and left rows behind, or NULL. */
enum assay_status assay_store_recomputation_untidy(struct assay_db *db, struct assay_arena *a, struct assay_recomputation **out,
                                                   struct assay_error *e) ASSAY_MUST_CHECK;
/* Newest first: those with an id below `before` (0: all); only that of `id` (0: any). */
enum assay_status assay_store_recomputations(struct assay_db *db, int64_t before, int64_t id, int limit, struct assay_arena *a,
                                             struct assay_recomputation **rows, size_t *n,
                                             struct assay_error *e) ASSAY_MUST_CHECK;
/* Under the configuration's lock: the next id; begin (status running; r->runner is at work); the providers it touches (done:
 * they hold no order yet); turn its sheets and record what waited for it, or withdraw that; end with that status. */
enum assay_status assay_store_recomputation_next_id(struct assay_db *db, int64_t *id, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_recomputation_begin(struct assay_db *db, const struct assay_recomputation *r,
                                                  const int32_t *providers, size_t n, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_positions_add(struct assay_db *db, int64_t id, const int32_t *providers, size_t n, bool done,
                                            struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_pending_settle(struct assay_db *db, int64_t id, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_providers_settle(struct assay_db *db, int64_t id, const int32_t *providers, size_t n,
                                               struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_pending_withdraw(struct assay_db *db, int64_t id, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_sheets_turn(struct assay_db *db, const struct assay_recomputation *r,
                                          struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_recomputation_end(struct assay_db *db, int64_t id, enum assay_recomputation_status status,
                                                assay_instant now, struct assay_str reason,
                                                struct assay_error *e) ASSAY_MUST_CHECK;
/* Count the orders it is about. */
enum assay_status assay_store_recomputation_count(struct assay_db *db, int64_t id, struct assay_error *e) ASSAY_MUST_CHECK;
/* Say that runner is at work, where it is or nobody was heard of since `lost`; *mine: it may work. */
enum assay_status assay_store_recomputation_beat(struct assay_db *db, int64_t id, int64_t runner, assay_instant now,
                                                 assay_instant lost, bool *mine, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_recomputation_tidied(struct assay_db *db, int64_t id, struct assay_error *e) ASSAY_MUST_CHECK;

struct assay_position { /* how far a provider's other sheets are filled */
    bool there, done;
    struct assay_str upto; /* orders up to and including it; absent: nothing, not even responses that name no order */
};
/* Is an order (NONE: a response that names none) on the other sheets already? */
bool assay_position_covers(const struct assay_position *p, struct assay_str order_no);
/* The first provider that is not done, the first of any; 0: none; all that are touched. */
enum assay_status assay_store_position_first(struct assay_db *db, int64_t id, int32_t *provider_id,
                                             struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_position_next(struct assay_db *db, int64_t id, int32_t *provider_id,
                                            struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_position_providers(struct assay_db *db, int64_t id, struct assay_arena *a, int32_t **providers,
                                                 size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
/* Under the provider's head lock: whether a recomputation that runs touches it; read its position; move it (ASSAY_DATABASE
 * where it is gone); forget what the one that runs has filled; drop it, once what it left is cleared. */
enum assay_status assay_store_position_running(struct assay_db *db, int32_t provider_id, bool *yes,
                                               struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_position_drop(struct assay_db *db, int64_t id, int32_t provider_id,
                                            struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_position(struct assay_db *db, int64_t id, int32_t provider_id, struct assay_arena *a,
                                       struct assay_position *out, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_position_move(struct assay_db *db, int64_t id, int32_t provider_id, const struct assay_position *to,
                                            int64_t judged, int64_t changed, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_position_reset(struct assay_db *db, int32_t provider_id, struct assay_error *e) ASSAY_MUST_CHECK;
/* Under the provider's head lock: delete rows of sheets that are not in force, at most `limit` verdicts; *more: there may
 * be more. Sheets in force are left alone. */
enum assay_status assay_store_sheets_clear(struct assay_db *db, int32_t provider_id, const int16_t *sheets, size_t n, int limit,
                                           bool *more, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- the write path --------------------------------------------------------------------------------------------------- */
struct assay_head {
    int32_t provider_id;
    int64_t seq, revision;
    assay_instant last_record_at;
};
struct assay_order_key {
    int32_t provider_id;
    struct assay_str order_no;
};
struct assay_order_row {
    struct assay_order_key key;
    enum assay_state state;
    enum assay_channel channel;
    enum assay_class customer_class;
    enum assay_warranty warranty;
    assay_instant opened_at, dispatched_at, closed_at;
    struct assay_str product;
    struct assay_str packed;
    bool fresh; /* of a row to be saved: known not to be stored yet (false is always right, and slower) */
};
struct assay_verdict_row {
    struct assay_order_key key;
    int16_t scheme_id;
    enum assay_outcome outcome;
    enum assay_reason reason;
    int32_t scheme_version, calendar_version;
    assay_month month; /* NO_MONTH: not closed in scope */
    enum assay_clock_outcome diagnosis, cycle;
    assay_instant diagnosis_deadline, cycle_deadline; /* of clocks that still run (open orders); else NO_INSTANT */
    bool paid;
    int64_t rate; /* ASSAY_NO_RATE; meaningful when paid */
    bool fresh;   /* as an order's */
};
struct assay_record_key {
    int32_t provider_id;
    enum assay_kind kind;
    struct assay_str id;
};
struct assay_record_row {
    struct assay_record_key key;
    enum assay_type type;
    struct assay_str order_no, content;
    assay_instant at, received_at;
    int64_t seq, upload_id; /* upload_id 0: none */
    enum assay_party party;
};
struct assay_tally_row {
    int32_t provider_id;
    int16_t scheme_id;
    assay_month month;
    int32_t counts[ASSAY_TALLY_COUNT];
};
struct assay_pay_row {
    int32_t provider_id;
    int16_t scheme_id;
    assay_month month;
    int64_t rate; /* ASSAY_NO_RATE */
    int32_t orders;
};

/* What a row of the feed of changes tells of. Stored: never renumber. */
enum assay_change_what {
    ASSAY_CHANGE_ORDER = 1,     /* name: its number */
    ASSAY_CHANGE_FIGURES = 2,   /* a provider's figures, by records that belong to no order */
    ASSAY_CHANGE_PROVIDER = 16, /* of the configuration, from here on. name: the provider's code */
    ASSAY_CHANGE_PROVIDERS,     /* several at once; no name */
    ASSAY_CHANGE_CALENDAR,      /* name: the document's code; so below */
    ASSAY_CHANGE_RATES,
    ASSAY_CHANGE_SCHEME,
    ASSAY_CHANGE_RECOMPUTED, /* a provider's stored figures were put right. name: its code */
};
struct assay_change_row {
    int64_t place, seq;  /* seq: the last of the order's records in the transaction; of the configuration its revision */
    int32_t provider_id; /* 0: the configuration */
    enum assay_change_what what;
    struct assay_str name, effects;
};

/* What a write transaction reads under its heads' locks, in one round trip. Arrays in, arrays out. */
struct assay_ingest_load {
    /* in */
    const int32_t *providers; /* ascending, unique */
    size_t n_providers;
    const struct assay_record_key *keys; /* of the incoming records */
    size_t n_keys;
    const struct assay_order_key *orders; /* touched by them */
    size_t n_orders;
    const struct assay_record_key *targets; /* named by incoming voids */
    size_t n_targets;
    bool snapshot;         /* nothing shall be written: a read-only snapshot, no locks, heads as zero */
    int64_t recomputation; /* the one under way; 0: none, or not of interest */
    /* out */
    int64_t config_revision;
    int64_t place;                          /* of the changes that the transaction will write */
    struct assay_position *positions;       /* per provider, of the recomputation */
    struct assay_head *heads;               /* as providers; revision already advanced by this transaction */
    struct assay_record_row **found;        /* per key: the record that stands, or NULL */
    bool *voided;                           /* per key: a void of it is known */
    struct assay_order_row **order_rows;    /* per order: as stored, or NULL */
    struct assay_record_row **target_rows;  /* per target: the record, or NULL */
    struct assay_order_row **target_orders; /* per target: its order's row, or NULL */
    bool *target_voided;                    /* per target: a void of it is known already */
};
/* Begins a transaction, locks the heads in key order, then reads. */
enum assay_status assay_store_ingest_begin(struct assay_db *db, struct assay_ingest_load *load, struct assay_arena *a,
                                           struct assay_error *e) ASSAY_MUST_CHECK;
/* Within that transaction: load->targets once more, for keys that show only now. Fills target_rows, _orders, _voided. */
enum assay_status assay_store_ingest_targets(struct assay_db *db, struct assay_ingest_load *load, struct assay_arena *a,
                                             struct assay_error *e) ASSAY_MUST_CHECK;
/* All voids of these providers, by provider, the newest (highest seq) first. */
enum assay_status assay_store_voids_of(struct assay_db *db, const int32_t *providers, size_t n, struct assay_arena *a,
                                       struct assay_record_row **rows, size_t *n_rows, struct assay_error *e) ASSAY_MUST_CHECK;

struct assay_upload_row;
struct assay_audit_row;
struct assay_ingest_save {
    const struct assay_record_row *records;
    size_t n_records;
    const struct assay_record_key *voided; /* unique */
    size_t n_voided;
    const struct assay_record_key *cleared; /* no longer voided; unique */
    size_t n_cleared;
    const struct assay_order_row *orders; /* inserted or replaced */
    size_t n_orders;
    const struct assay_verdict_row *verdicts; /* inserted or replaced */
    size_t n_verdicts;
    const struct assay_tally_row *tallies; /* added; keys unique, in key order; so below */
    size_t n_tallies;
    const struct assay_pay_row *pays;
    size_t n_pays;
    const struct assay_head *heads; /* seq, last_record_at to set */
    size_t n_heads;
    const struct assay_upload_row *finish;  /* an upload that ends with this transaction; NULL: none */
    const struct assay_change_row *changes; /* (provider_id, seq) unique */
    size_t n_changes;
};
/* Writes everything in one round trip; commits too when commit is said. */
enum assay_status assay_store_ingest_save(struct assay_db *db, const struct assay_ingest_save *save, bool commit,
                                          struct assay_error *e) ASSAY_MUST_CHECK;

/* --- the feed of changes ---------------------------------------------------------------------------------------------- */
/* A change of the configuration, inside the transaction that holds its lock. */
enum assay_status assay_store_change_configuration(struct assay_db *db, int64_t revision, enum assay_change_what what,
                                                   struct assay_str name, struct assay_error *e) ASSAY_MUST_CHECK;
/* Where a reader of the feed over all providers stands: behind this row. */
struct assay_change_at {
    int64_t place;
    int32_t provider_id;
    int64_t seq;
};
struct assay_feed {
    int32_t era;
    bool at_home;                 /* false: this database is not the one the era began in; renew */
    int64_t horizon;              /* places below it are complete */
    struct assay_change_at floor; /* rows up to this one are not kept */
};
/* Rows behind `at` and below the horizon, by (place, provider_id, seq), at most limit; what the feed was at that moment. */
enum assay_status assay_store_changes(struct assay_db *db, const struct assay_change_at *at, int limit, struct assay_arena *a,
                                      struct assay_feed *feed, struct assay_change_row **rows, size_t *n,
                                      struct assay_error *e) ASSAY_MUST_CHECK;
/* The end for now: the last row below the horizon, else the floor: in feed->floor. */
enum assay_status assay_store_changes_end(struct assay_db *db, struct assay_feed *feed, struct assay_error *e) ASSAY_MUST_CHECK;
struct assay_feed_of { /* of one provider */
    int32_t era;
    bool at_home;
    int64_t head, revision;            /* the last seq of the provider; the configuration's revision */
    int64_t seq_floor, revision_floor; /* up to them changes are not kept */
};
/* Changes of the configuration behind a revision, then those of a provider behind a seq, at most limit of each. */
enum assay_status assay_store_changes_of(struct assay_db *db, int32_t provider_id, int64_t seq, int64_t revision, int limit,
                                         struct assay_arena *a, struct assay_feed_of *feed, struct assay_change_row **rows,
                                         size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
/* Begin a new era where this database is not the one the present era began in. Any number of programs may at once. */
enum assay_status assay_store_feed_renew(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
struct assay_feed_tip {
    int64_t horizon, next; /* the oldest transaction that runs; the first behind all that ended: equal where none runs */
    int64_t place;         /* of the last row that readers of the whole feed may see; 0: none */
    int64_t commits;       /* moves with every commit */
};
enum assay_status assay_store_feed_tip(struct assay_db *db, struct assay_feed_tip *out, struct assay_error *e) ASSAY_MUST_CHECK;
/* Note where the horizon is now; throw away at most limit rows of those that were complete at `before`, the oldest first. */
enum assay_status assay_store_changes_mark(struct assay_db *db, assay_instant now, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_changes_prune(struct assay_db *db, assay_instant before, int limit, int64_t *gone,
                                            struct assay_error *e) ASSAY_MUST_CHECK;

/* --- refolding and verifying ------------------------------------------------------------------------------------------ */
/* Lock heads (ascending) and read them, inside a transaction of the caller's. */
enum assay_status assay_store_heads_lock(struct assay_db *db, const int32_t *providers, size_t n, struct assay_arena *a,
                                         struct assay_head **heads, struct assay_error *e) ASSAY_MUST_CHECK;
/* Lock one head and leave its revision: nothing that is read will have changed. (A head that is not there is made, as by
 * assay_store_heads_lock.) */
enum assay_status assay_store_head_hold(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                        struct assay_error *e) ASSAY_MUST_CHECK;
/* Order rows of a provider after a key (order_no), at most limit, by order_no. */
enum assay_status assay_store_orders_of(struct assay_db *db, int32_t provider_id, struct assay_str after, int limit,
                                        struct assay_arena *a, struct assay_order_row **rows, size_t *n,
                                        struct assay_error *e) ASSAY_MUST_CHECK;
/* Responses of a provider that name no order and stand. */
enum assay_status assay_store_loose_surveys(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                            struct assay_record_row **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
/* Everything stored of a provider, for verification. Records by (order_no, kind, id), voids' targets beside. */
enum assay_status assay_store_records_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                         struct assay_record_row **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_verdicts_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                          struct assay_verdict_row **rows, size_t *n,
                                          struct assay_error *e) ASSAY_MUST_CHECK; /* by scheme_id, order_no */
enum assay_status assay_store_tallies_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                         struct assay_tally_row **rows, size_t *n,
                                         struct assay_error *e) ASSAY_MUST_CHECK; /* by scheme_id, month */
enum assay_status assay_store_pays_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                      struct assay_pay_row **rows, size_t *n,
                                      struct assay_error *e) ASSAY_MUST_CHECK; /* by scheme_id, month, rate */
enum assay_status assay_store_voided_of(struct assay_db *db, int32_t provider_id, struct assay_arena *a,
                                        struct assay_record_key **rows, size_t *n,
                                        struct assay_error *e) ASSAY_MUST_CHECK; /* by kind, id */
/* Within the caller's transaction, take away marks that no void stands behind. */
enum assay_status assay_store_voided_remove(struct assay_db *db, const struct assay_record_key *keys, size_t n,
                                            struct assay_error *e) ASSAY_MUST_CHECK;

/* --- reads -------------------------------------------------------------------------------------------------------------- */
/* NULL row: no such order (or none that exists). */
enum assay_status assay_store_order(struct assay_db *db, struct assay_order_key key, struct assay_arena *a,
                                    struct assay_order_row **row, struct assay_error *e) ASSAY_MUST_CHECK;
/* Records by key, in the order of keys; missing ones left out. */
enum assay_status assay_store_records(struct assay_db *db, const struct assay_record_key *keys, size_t n, struct assay_arena *a,
                                      struct assay_record_row **rows, size_t *found, struct assay_error *e) ASSAY_MUST_CHECK;

/* Observations (DOMAIN 2.4), newest first. */
struct assay_observation_filter {
    int32_t provider_id;
    struct assay_str indicator; /* absent: any */
    assay_instant from, to;     /* [from, to); NO_INSTANT: open */
    bool after;                 /* the cursor: */
    assay_instant after_at;
    struct assay_str after_id;
    int limit;
};
struct assay_observation_row {
    struct assay_record_row record;
    bool voided;
};
enum assay_status assay_store_observations(struct assay_db *db, const struct assay_observation_filter *f, struct assay_arena *a,
                                           struct assay_observation_row **rows, size_t *n,
                                           struct assay_error *e) ASSAY_MUST_CHECK;

struct assay_order_filter {
    int32_t provider_id;
    int16_t scheme_id;
    enum assay_state state;               /* NONE: any */
    enum assay_outcome outcome;           /* NONE: any */
    assay_month period;                   /* of the close, local to the scheme's zone; NO_MONTH: any */
    assay_instant period_from, period_to; /* the same as instants, [from, to) */
    bool after;                           /* the cursor: */
    assay_instant after_opened;           /* NO_INSTANT: those without an opening */
    struct assay_str after_order;
    int limit;
};
struct assay_order_listed {
    struct assay_order_row order;     /* packed absent */
    struct assay_verdict_row verdict; /* outcome NONE: not judged under the scheme */
};
enum assay_status assay_store_order_list(struct assay_db *db, const struct assay_order_filter *f, struct assay_arena *a,
                                         struct assay_order_listed **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;

/* Tallies of a window of months for some providers (or all: providers NULL), summed, by provider_id; with the orders open
 * now that were opened in [open_from, open_before), and the head's last_record_at. Providers
 * that never sent a record are left out. */
struct assay_window_row {
    int32_t provider_id;
    int64_t counts[ASSAY_TALLY_COUNT];
    int64_t open;
    assay_instant last_record_at;
};
enum assay_status assay_store_window(struct assay_db *db, int16_t scheme_id, const int32_t *providers, size_t n_providers,
                                     assay_month from, assay_month to, assay_instant open_from, assay_instant open_before,
                                     struct assay_arena *a, struct assay_window_row **rows, size_t *n,
                                     struct assay_error *e) ASSAY_MUST_CHECK;
/* Pay groups of a month, some providers or all (NULL), by provider_id and rate. */
enum assay_status assay_store_pays(struct assay_db *db, int16_t scheme_id, const int32_t *providers, size_t n_providers,
                                   assay_month month, struct assay_arena *a, struct assay_pay_row **rows, size_t *n,
                                   struct assay_error *e) ASSAY_MUST_CHECK;
/* Paid orders of a month by order number, after a cursor. */
struct assay_line_row {
    struct assay_str order_no, product;
    enum assay_warranty warranty;
    int64_t rate;
};
enum assay_status assay_store_pay_lines(struct assay_db *db, int16_t scheme_id, int32_t provider_id, assay_month month,
                                        struct assay_str after, int limit, struct assay_arena *a, struct assay_line_row **rows,
                                        size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
/* --- a provider's months, for its trend */
/* Tallies of all providers from one month to another, by provider and month. */
enum assay_status assay_store_tally_months(struct assay_db *db, int16_t scheme_id, assay_month from, assay_month to,
                                           struct assay_arena *a, struct assay_tally_row **rows, size_t *n,
                                           struct assay_error *e) ASSAY_MUST_CHECK;
/* A provider's pay groups, by month and rate. */
enum assay_status assay_store_pay_months(struct assay_db *db, int16_t scheme_id, int32_t provider_id, assay_month from,
                                         assay_month to, struct assay_arena *a, struct assay_pay_row **rows, size_t *n,
                                         struct assay_error *e) ASSAY_MUST_CHECK;
/* For each pair of bounds the provider's orders that are open now and were opened in [from, before); its last record. */
enum assay_status assay_store_open_of(struct assay_db *db, int32_t provider_id, const assay_instant *from,
                                      const assay_instant *before, size_t n, struct assay_arena *a, int64_t **open,
                                      assay_instant *last_record_at, struct assay_error *e) ASSAY_MUST_CHECK;
/* --- completeness of a period, [from, to) */
/* What stands of the records dated in it, of one provider or all (0), by provider_id; those without any are left out. days:
 * the beginnings of the days that are over, and the end of the last. */
struct assay_record_counts {
    int32_t provider_id;
    struct {
        int64_t count;
        assay_instant last_received_at;
    } kinds[ASSAY_KIND_COUNT];
    int64_t last_upload; /* 0: none */
    int64_t dispatched;  /* orders named by dispatches */
    int64_t silent_days; /* with dispatches but no repair event */
};
enum assay_status assay_store_record_counts(struct assay_db *db, int32_t provider_id, assay_instant from, assay_instant to,
                                            const assay_instant *days, size_t n_days, struct assay_arena *a,
                                            struct assay_record_counts **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
/* One row for each of the providers (ascending). */
struct assay_order_counts {
    int32_t provider_id;
    int64_t opened, open, cancelled; /* by opening (or dispatch, where there is none) in the period; open, cancelled: now */
    int64_t closed;                  /* by close in the period */
    int64_t undetermined[4];         /* verdicts of the month, by enum assay_reason - 1 */
    assay_instant last_record_at;
};
enum assay_status assay_store_order_counts(struct assay_db *db, const int32_t *providers, size_t n, int16_t scheme_id,
                                           assay_month month, assay_instant from, assay_instant to, struct assay_arena *a,
                                           struct assay_order_counts **rows, struct assay_error *e) ASSAY_MUST_CHECK;
/* Orders that may have no opening: dispatched when they were "opened", in the period or closed in it; and all with neither
 * opening nor dispatch, the ones that do not exist too. By provider_id. */
enum assay_status assay_store_unopened(struct assay_db *db, const int32_t *providers, size_t n, assay_instant from,
                                       assay_instant to, struct assay_arena *a, struct assay_order_row **rows, size_t *found,
                                       struct assay_error *e) ASSAY_MUST_CHECK;
/* Open orders at risk: deadline <= until, a diagnosis only while deadline >= now; soonest first. provider_id 0: all. */
struct assay_risk_row {
    int32_t provider_id;
    struct assay_str order_no;
    assay_instant deadline, opened_at;
    bool cycle; /* else diagnosis */
    enum assay_channel channel;
    enum assay_class customer_class;
    enum assay_warranty warranty;
    struct assay_str product;
};
struct assay_risk_filter {
    int16_t scheme_id;
    int32_t provider_id;
    assay_instant now, until;
    bool after;
    assay_instant after_deadline;
    int32_t after_provider;
    struct assay_str after_order;
    bool after_cycle;
    int limit;
};
enum assay_status assay_store_at_risk(struct assay_db *db, const struct assay_risk_filter *f, struct assay_arena *a,
                                      struct assay_risk_row **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
/* data: the sum over all heads' revisions, which moves with every committed write; config: the configuration's; access: that
 * of the keys. */
enum assay_status assay_store_revision(struct assay_db *db, int64_t *data, int64_t *config, int64_t *access,
                                       struct assay_error *e) ASSAY_MUST_CHECK;
/* All heads, by provider_id. */
enum assay_status assay_store_heads(struct assay_db *db, struct assay_arena *a, struct assay_head **rows, size_t *n,
                                    struct assay_error *e) ASSAY_MUST_CHECK;
/* One provider's; *row NULL: there is none. */
enum assay_status assay_store_head(struct assay_db *db, int32_t provider_id, struct assay_arena *a, struct assay_head **row,
                                   struct assay_error *e) ASSAY_MUST_CHECK;

/* --- uploads -------------------------------------------------------------------------------------------------------------- */
struct assay_upload_row {
    int64_t upload_id;
    /* status: running, done, refused (atomic: nothing was kept), interrupted (it broke off: what was taken stays) */
    struct assay_str kind, status, request_id, content_type;
    enum assay_party party;
    assay_instant received_at, finished_at, seen_at;
    int64_t received, accepted, duplicates, rejected, bytes;
    bool atomic;
    int64_t reverted_by; /* 0: none */
    int32_t provider_id; /* its sender's only provider; 0: not bound to one */
};
/* The row of an upload of a table that holds its header, as body; errors count from 0. */
#define ASSAY_REJECTION_HEADER (-1)
struct assay_rejection_row {
    int64_t n, line;
    struct assay_str id, code, pointer, detail, body;
};
enum assay_status assay_store_upload_start(struct assay_db *db, const struct assay_upload_row *u,
                                           struct assay_error *e) ASSAY_MUST_CHECK;
/* Adds rejections (n continuing) in a transaction of its own. */
enum assay_status assay_store_upload_reject(struct assay_db *db, int64_t upload_id, const struct assay_rejection_row *rows,
                                            size_t n, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_upload_finish(struct assay_db *db, const struct assay_upload_row *u,
                                            struct assay_error *e) ASSAY_MUST_CHECK;
/* It still runs. */
enum assay_status assay_store_upload_seen(struct assay_db *db, int64_t upload_id, assay_instant now,
                                          struct assay_error *e) ASSAY_MUST_CHECK;
/* alive: one that runs but was not seen since is interrupted. *row NULL: there is none. */
enum assay_status assay_store_upload(struct assay_db *db, int64_t upload_id, assay_instant alive, struct assay_arena *a,
                                     struct assay_upload_row **row, struct assay_error *e) ASSAY_MUST_CHECK;
struct assay_upload_filter {
    struct assay_str kind, status; /* absent: any */
    assay_instant from, to, alive; /* [from, to) of receipt; NO_INSTANT: open */
    int64_t before;                /* the cursor: ids below it; 0: all */
    enum assay_party party;        /* of senders of that party; 0: any */
    int32_t provider_id;           /* of senders bound to that provider; 0: any */
    int limit;
};
/* Newest first. */
enum assay_status assay_store_uploads(struct assay_db *db, const struct assay_upload_filter *f, struct assay_arena *a,
                                      struct assay_upload_row **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
/* In one transaction: `revert` is started, upload_id says that it takes it back, and act is written down. *claimed false:
 * another does already. */
enum assay_status assay_store_upload_claim(struct assay_db *db, int64_t upload_id, const struct assay_upload_row *revert,
                                           const struct assay_audit_row *act, bool *claimed,
                                           struct assay_error *e) ASSAY_MUST_CHECK;
/* What an upload brought: to whom, and the records (of one provider; 0: all; content left out), order by order. own: a void
 * whose id is `prefix` and the record's sequence stands. */
enum assay_status assay_store_upload_providers(struct assay_db *db, int64_t upload_id, struct assay_arena *a, int32_t **ids,
                                               size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
struct assay_brought {
    struct assay_record_row record;
    bool voided, own;
};
enum assay_status assay_store_upload_records(struct assay_db *db, int64_t upload_id, int32_t provider_id, struct assay_str prefix,
                                             struct assay_arena *a, struct assay_brought **rows, size_t *n,
                                             struct assay_error *e) ASSAY_MUST_CHECK;
/* Rejections with n > after, at most limit. */
enum assay_status assay_store_rejections(struct assay_db *db, int64_t upload_id, int64_t after, int limit, struct assay_arena *a,
                                         struct assay_rejection_row **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- who may come in, and what was done (0007) ----------------------------------------------------------------------------- */
struct assay_key_row {
    struct assay_str key_id, name;
    enum assay_role role;
    int32_t provider_id;     /* 0: nobody's own */
    struct assay_str digest; /* SHA-256 of the key, 32 bytes */
    assay_instant created_at;
    struct assay_str created_by;
    assay_instant expires_at, revoked_at; /* NO_INSTANT: never */
    struct assay_str replaces;            /* the key it was made in place of; absent: none */
    assay_instant last_used_at;           /* NO_INSTANT: never */
    struct assay_str provider;            /* the code; read only */
};
/* Within a transaction: the lock of all changes of keys. */
enum assay_status assay_store_access_lock(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
/* Every daemon shall look at the keys again. */
enum assay_status assay_store_access_advance(struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
/* All keys, by (created_at, key_id). */
enum assay_status assay_store_keys(struct assay_db *db, struct assay_arena *a, struct assay_key_row **rows, size_t *n,
                                   struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_store_key_insert(struct assay_db *db, const struct assay_key_row *row,
                                         struct assay_error *e) ASSAY_MUST_CHECK;
/* It expires at `expires_at` at the latest, it is revoked since `revoked_at`; NO_INSTANT: leaves what stands. */
enum assay_status assay_store_key_end(struct assay_db *db, struct assay_str key_id, assay_instant expires_at,
                                      assay_instant revoked_at, struct assay_error *e) ASSAY_MUST_CHECK;
/* key_id and last_used_at of n keys. */
enum assay_status assay_store_keys_used(struct assay_db *db, const struct assay_str *key_ids, const assay_instant *at, size_t n,
                                        struct assay_error *e) ASSAY_MUST_CHECK;

struct assay_audit_row {
    int64_t audit_id;
    assay_instant at;
    struct assay_str actor, role, request_id; /* who; request_id "": not over HTTP */
    struct assay_str action, subject;         /* "key.created", and which */
    struct assay_str before, after;           /* JSON objects; absent: nothing was, or is */
};
struct assay_audit_filter {
    struct assay_str actor, action, subject; /* absent: any */
    assay_instant from, to;                  /* [from, to); NO_INSTANT: open */
    int64_t before;                          /* the cursor: ids below it; 0: all */
    int limit;
};
enum assay_status assay_store_audit_add(struct assay_db *db, const struct assay_audit_row *rows, size_t n,
                                        struct assay_error *e) ASSAY_MUST_CHECK;
/* Newest first. */
enum assay_status assay_store_audit(struct assay_db *db, const struct assay_audit_filter *f, struct assay_arena *a,
                                    struct assay_audit_row **rows, size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;

#endif
