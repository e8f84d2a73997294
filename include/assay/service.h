/* service.h -- the use cases: load, let core decide, save. Knows core, codec and store; must not know HTTP.
 *
 * A struct assay_service is shared by all threads. Each thread that works brings a struct assay_session (its own
 * database connection and arena). */
#ifndef ASSAY_SERVICE_H
#define ASSAY_SERVICE_H

#include <stdatomic.h>

#include "assay/access.h"
#include "assay/codec.h"
#include "assay/csv.h"
#include "assay/keys.h"
#include "assay/store.h"

/* --- configuration in force ------------------------------------------------------------------------------------------- */
struct assay_config_provider {
    int32_t id;
    struct assay_str code;
    struct assay_provider_versions versions; /* of city and ASCIM, by effective_from */
    const struct assay_provider_row *latest; /* the last recorded version */
    int32_t n_recorded;
    const struct assay_provider_row *rows; /* those, by (effective_from, version) */
};
struct assay_config_calendar {
    const char *code;
    int32_t version; /* the newest */
    assay_instant recorded_at;
    struct assay_str document;
    const struct assay_calendar *calendar;
    const struct assay_document_row *rows; /* as recorded, by version */
    size_t n_rows;
};
struct assay_config_rates {
    const char *code;
    int32_t version;
    assay_instant recorded_at;
    struct assay_str document;
    const struct assay_rates *rates;
    const struct assay_document_row *rows; /* as recorded, by version */
    size_t n_rows;
};
struct assay_config_scheme {
    int16_t id;
    const char *code;
    struct assay_scheme_versions versions; /* by (effective_from, version) */
    const struct assay_document_row *rows; /* as recorded, by version */
    size_t n_rows;
};
/* A snapshot of all configuration at one revision: immutable, shared, counted. */
struct assay_config {
    int64_t revision;
    size_t n_providers, n_schemes, n_calendars, n_rates;
    const struct assay_config_provider *providers;    /* by code */
    const struct assay_config_provider *const *by_id; /* index provider_id; NULL holes; below max_id + 1 */
    int32_t max_id;
    const struct assay_config_scheme *schemes;     /* by id */
    const struct assay_config_calendar *calendars; /* by code */
    const struct assay_config_rates *rates;        /* by code */
    /* Which sheet is in force, by provider and scheme; in `next` the one that is being filled. See assay_config_sheet. */
    const int16_t *sheets;
    int16_t max_scheme;
    /* While versions wait for their recomputation: the configuration as it will be. Lives as long as this one. */
    const struct assay_config *next;
    const struct assay_recomputation *recomputation; /* the one that runs; NULL: none */
};
/* The sheet of a provider under a scheme that this configuration's figures are on: what verdict, tally and pay rows have
 * for scheme_id. */
int16_t assay_config_sheet(const struct assay_config *c, int32_t provider_id, int16_t scheme_id);
/* Whether the recomputation under way works this scheme out again. */
bool assay_config_recomputes(const struct assay_config *c, int16_t scheme_id);
const struct assay_config_provider *assay_config_provider(const struct assay_config *c, struct assay_str code);
const struct assay_config_provider *assay_config_provider_by_id(const struct assay_config *c, int32_t id);
const struct assay_config_scheme *assay_config_scheme(const struct assay_config *c, struct assay_str code);
const struct assay_config_calendar *assay_config_calendar(const struct assay_config *c, const char *code);
const struct assay_config_rates *assay_config_rates(const struct assay_config *c, const char *code);

/* The clock is a parameter of the service, so that tests can set it. */
struct assay_service_options {
    const char *conninfo;
    const char *spool_dir;      /* where big uploads are staged; NULL: $TMPDIR or /tmp */
    const char *zone_dir;       /* NULL: /usr/share/zoneinfo */
    assay_instant (*now)(void); /* NULL: assay_clock_now */
    int statement_timeout_ms;   /* 0: 60000 */
    size_t committer_queue;     /* records waiting at most; 0: 8192 */
    size_t committer_batch;     /* records of one transaction at most; 0: 512 */
    size_t upload_slice;        /* records of one transaction of an upload; 0: 4000 */
    size_t atomic_records;      /* of what is taken or tried as a whole, at most; 0: 50000 */
    size_t upload_run_bytes;    /* staged in memory before it goes to the spool; 0: 16 MiB */
    int64_t changes_keep_us;    /* how long the feed of changes is kept; 0: 30 days */
    size_t view_bytes;          /* of evaluated periods kept; 0: 64 MiB, 1: none are */
    int recompute_page;         /* orders of one transaction of a recomputation; 0: 1000 */
    int recompute_turn_ms;      /* how long a change waits for the one before it; 0: 10000 */
    int recompute_lease_ms;     /* a runner not heard of for so long is taken for dead; 0: 10000 */
    bool recompute_by_hand;     /* no thread of the service's own runs recomputations: tests take the steps */
};
struct assay_service;
/* Connects, checks the schema, loads the configuration, starts the committer. */
enum assay_status assay_service_start(const struct assay_service_options *o, struct assay_service **out,
                                      struct assay_error *e) ASSAY_MUST_CHECK;
/* Finishes what the committer holds, then frees. */
void assay_service_stop(struct assay_service *s);
assay_instant assay_service_now(const struct assay_service *s);
/* The zone of an IANA name; NULL where there is none. It stays as long as the service. */
const struct assay_zone *assay_service_zone(struct assay_service *s, const char *name);
/* The snapshot in force; release when done. */
const struct assay_config *assay_service_config(struct assay_service *s);
void assay_config_release(const struct assay_config *c);

struct assay_session {
    struct assay_service *service;
    struct assay_db *db;
    struct assay_arena arena;          /* of one piece of work; the caller resets it */
    const struct assay_config *config; /* of one piece of work: what assay_session_pin took */
    struct assay_held *held;           /* what else it took, until unpin */
    struct assay_actor actor;          /* in whose name the work is done */
};
/* Hold on to the configuration in force for one piece of work; unpin lets go (of nothing, where nothing is held). */
const struct assay_config *assay_session_pin(struct assay_session *s);
void assay_session_unpin(struct assay_session *s);
enum assay_status assay_session_open(struct assay_service *s, struct assay_session **out, struct assay_error *e) ASSAY_MUST_CHECK;
/* Without connecting yet: assay_session_usable does, as often as it is lost. */
struct assay_session *assay_session_new(struct assay_service *s);
/* Connect where there is no connection, mend it where it is broken. */
enum assay_status assay_session_usable(struct assay_session *s, struct assay_error *e) ASSAY_MUST_CHECK;
void assay_session_close(struct assay_session *s);
/* Bring the shared configuration up to what the database holds, where its revision moved. */
enum assay_status assay_session_refresh(struct assay_session *s, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_session_ready(struct assay_session *s, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- what is known to have changed ------------------------------------------------------------------------------------- */
/* Numbers that grow with every change that becomes known: what was read after a stamp was taken is good as long as the
 * stamp's part that it depends on is still the same. */
struct assay_stamp {
    uint64_t config, network, provider; /* network: anything at all; provider: of the one that was asked for */
};
/* Commits of this daemon are in it before anyone is told of them, those of others within a second. provider: a code, or
 * absent. False where nothing may be taken from a cache: nobody has seen the database for a second, or there is no such
 * provider. Any thread; does not wait. */
bool assay_service_stamp(struct assay_service *s, struct assay_str provider, struct assay_stamp *out);
/* Look at the database now: what is read or stamped afterwards knows all that was committed before. */
enum assay_status assay_session_look(struct assay_session *s, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- ingest ---------------------------------------------------------------------------------------------------------- */
/* One record on its way in: what the database stores and the fold reads, nothing more, so that it can be staged. */
struct assay_item {
    enum assay_kind kind, target_kind;
    enum assay_type type;
    enum assay_party party;
    struct assay_str provider, id, order, content, packed, target;
    struct assay_str original; /* the row of a table it came as, should it be refused; absent: it can be written again */
    assay_instant at, received_at;
    int64_t upload_id; /* 0: none */
    int64_t line;      /* order among the items of an upload */
    bool late;         /* staged: an earlier line has its id, so it comes after all others */
    bool foreign;      /* the provider is none of the sender's: to the sender it is not registered */
    /* result: ASSAY_OK, ID_CONFLICT, UNKNOWN_PROVIDER, ...; or why nothing is known (DATABASE_UNAVAILABLE, ...) */
    enum assay_status status;
    bool duplicate;
    const char *detail; /* static text, or NULL */
    /* while it is applied */
    int32_t provider_id;
    int64_t seq; /* of a new one */
    bool fresh;
};
/* content and packed are made in the arena; the rest is borrowed from r. */
void assay_item_of_record(const struct assay_record *r, const struct assay_sender *sender, assay_instant received_at,
                          struct assay_arena *a, struct assay_item *out);
/* A copy whose text is in the arena. */
struct assay_item assay_item_dup(const struct assay_item *it, struct assay_arena *a);
/* Take items as one transaction, in their order: the one write path. Sets each item's result; returns ASSAY_OK when all
 * results are known (refusals are results). Retries what may be retried; a poisoned record is found by halving and does
 * not fail its neighbours. */
enum assay_status assay_ingest_apply(struct assay_session *s, struct assay_item *items, size_t n,
                                     struct assay_error *e) ASSAY_MUST_CHECK;

/* How a batch is taken. */
enum assay_ingest_mode {
    ASSAY_INGEST_EACH,  /* each record for itself: assay_ingest_apply */
    ASSAY_INGEST_ALL,   /* all or nothing: where one is refused, nothing is kept */
    ASSAY_INGEST_TRIAL, /* nothing is kept nor locked: what would happen, from a snapshot */
};
struct assay_ingest_run {
    enum assay_ingest_mode mode;
    struct assay_upload_row *finish; /* ALL: an upload that ends with it, in the same transaction; NULL: none */
    bool counted;                    /* its accepted and duplicates are the caller's; else they are set */
    struct assay_arena *arena;       /* TRIAL: what the changes live in */
    /* out */
    bool kept;     /* ALL: no item was refused and everything is stored; false: each item's status says what is wrong
                      with it, and those without fault are not stored either */
    bool finished; /* ALL: finish was written with the commit. Where its outcome had to be
                      settled afterwards false, also if it was */
    struct assay_verdict_change *changes; /* TRIAL: outcomes that would change, by scheme and order */
    size_t n_changes, cap_changes;
};
/* As assay_ingest_apply, in the mode of run. All items are in one transaction, whatever their number. */
enum assay_status assay_ingest_run(struct assay_session *s, struct assay_item *items, size_t n, struct assay_ingest_run *run,
                                   struct assay_error *e) ASSAY_MUST_CHECK;

/* A single record through the committer, which gathers what all connections bring into one transaction. done is called
 * from the committer's thread once item's result is known (after the commit). ASSAY_OVERLOADED at once when its queue is
 * full, ASSAY_DRAINING when stopping. item and what it borrows must stay until then. */
struct assay_ingest_job {
    struct assay_item item;
    void (*done)(struct assay_ingest_job *job);
    void *arg;
    struct assay_ingest_job *next;
};
enum assay_status assay_ingest_submit(struct assay_service *s, struct assay_ingest_job *job) ASSAY_MUST_CHECK;
struct assay_committer_stats {
    uint64_t batches, records, waiting, busy_us, largest_batch;
    uint64_t queue_limit, batch_limit; /* the options */
};
void assay_committer_stats(struct assay_service *s, struct assay_committer_stats *out);

/* What was decided of records since the start, and what is under way; any thread reads. */
enum assay_result { ASSAY_RESULT_ACCEPTED, ASSAY_RESULT_DUPLICATE, ASSAY_RESULT_REFUSED, ASSAY_RESULTS };
struct assay_service_counts {
    _Atomic int64_t records[ASSAY_KIND_COUNT][ASSAY_RESULTS];
    _Atomic int64_t invalid[ASSAY_INTAKE_COUNT]; /* by intake: not readable as a record */
    _Atomic int64_t uploads, spool_bytes;        /* under way; of them staged on disk */
};
struct assay_service_counts *assay_service_counts(struct assay_service *s);

/* --- uploads ---------------------------------------------------------------------------------------------------------- */
/* A bulk body: staged whole (in memory, then in a spool file sorted by provider and order), then applied in slices, so
 * that each order is folded once. Of two equal ids the first by line is the one that counts. */
struct assay_upload;
struct assay_upload_options {
    enum assay_intake intake;
    struct assay_sender sender; /* its text must stay as long as the upload */
    struct assay_str request_id, content_type;
    bool atomic;  /* all or nothing */
    bool dry_run; /* nothing is written, not even that there was an upload */
};
enum assay_status assay_upload_begin(struct assay_session *s, const struct assay_upload_options *o, struct assay_upload **out,
                                     struct assay_error *e) ASSAY_MUST_CHECK;
/* Bytes of the body so far, as they came. */
void assay_upload_bytes(struct assay_upload *u, int64_t bytes);
/* One line (or array element): decodes and stages it, or notes its errors. ASSAY_TOO_LARGE where an atomic upload or a dry run
 * has more records than atomic_records. */
enum assay_status assay_upload_line(struct assay_upload *u, struct assay_str text, int64_t line,
                                    struct assay_error *e) ASSAY_MUST_CHECK;
/* The rows to come are of this table; it must stay until the upload is freed. */
void assay_upload_sheet(struct assay_upload *u, const struct assay_sheet *sheet);
/* One row of it. */
enum assay_status assay_upload_row(struct assay_upload *u, const struct assay_csv_row *row,
                                   struct assay_error *e) ASSAY_MUST_CHECK;
/* One CloudEvent: element i of a document, and its text. */
enum assay_status assay_upload_event(struct assay_upload *u, const struct assay_json_doc *d, size_t i, struct assay_str text,
                                     struct assay_error *e) ASSAY_MUST_CHECK;
/* A line that could not even be read (too long, ...). */
enum assay_status assay_upload_bad_line(struct assay_upload *u, int64_t line, enum assay_status why, const char *detail,
                                        struct assay_error *e) ASSAY_MUST_CHECK;
/* Applies everything; *reply points into the upload. ASSAY_OK also when rows were rejected; reply->refused where that means that
 * nothing was kept. */
enum assay_status assay_upload_finish(struct assay_upload *u, struct assay_upload_reply *reply,
                                      struct assay_error *e) ASSAY_MUST_CHECK;
/* The body broke off: what was noted so far is kept under the upload, whose status becomes interrupted (refused where it was
 * too large to be taken as a whole). */
void assay_upload_abandon(struct assay_upload *u);
void assay_upload_free(struct assay_upload *u); /* also after a failure half way: what was staged is gone */
/* Public form of an upload's id and back. */
#define ASSAY_UPLOAD_ID_TEXT 24
void assay_upload_id_format(int64_t id, char out[ASSAY_UPLOAD_ID_TEXT]);
bool assay_upload_id_parse(struct assay_str s, int64_t *id);
/* The least id of an upload received at t or later. */
int64_t assay_upload_id_from(assay_instant t);
/* An upload that runs shows itself now and then; one not seen for so long was broken off, whoever ran it. */
#define ASSAY_UPLOAD_SILENCE (INT64_C(600) * ASSAY_SECOND)

struct assay_reverted {
    char revert[ASSAY_UPLOAD_ID_TEXT]; /* the upload of the voids */
    int64_t voided, already_voided;    /* of the records that the upload brought */
};
/* Void what an upload brought and still stands: in one transaction up to atomic_records, beyond that in slices. Afterwards all is
 * as if the upload had never been sent. Can be repeated: what is done stays done, what was left undone is done, the answer is
 * the same. ASSAY_NOT_FOUND, ASSAY_UPLOAD_RUNNING. */
enum assay_status assay_upload_revert(struct assay_session *s, int64_t upload_id, enum assay_party party,
                                      struct assay_str request_id, struct assay_reverted *out,
                                      struct assay_error *e) ASSAY_MUST_CHECK;

/* --- registry ---------------------------------------------------------------------------------------------------------- */
/* A change that touches orders waits for its recomputation: it shows nowhere until they are all judged again. One runs at
 * a time; a change that must wait longer than its turn is ASSAY_RECOMPUTATION_BUSY. What touches nothing is recorded at
 * once, whatever runs. */
struct assay_put_result {
    bool created, unchanged; /* unchanged: the same document stood already; no new version */
    int32_t version;
    int64_t recomputation; /* that the change waits for; 0: it is in force */
    int64_t refolded;      /* orders judged otherwise than before (known when it has come into force) */
};
#define ASSAY_ANY_VERSION (-1)
/* Providers; several in one transaction, and several versions of one (by effective_from; of one date the last holds).
 * created[i] says which were new. effective_from NO_DATE: always for the first version, today (in `zone` of the default
 * scheme) for later ones. Providers that are new are known at once, and so are names and statuses; city or ASCIM that
 * changed wait for *recomputation (0: nothing was touched). expected_version: of a single provider, as of a document.
 * begin returns as soon as the change is taken; put goes on until it is in force (or ASSAY_RECOMPUTATION_FAILED says why it
 * will not be), working at it on this thread. */
enum assay_status assay_registry_begin_providers(struct assay_session *s, const struct assay_provider *p, size_t n,
                                                 int32_t expected_version, bool *created, int64_t *recomputation,
                                                 struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_registry_put_providers(struct assay_session *s, const struct assay_provider *p, size_t n, bool *created,
                                               struct assay_error *e) ASSAY_MUST_CHECK;
/* A calendar, rate table or scheme. expected_version: what If-Match named, ASSAY_ANY_VERSION where it was not asked, 0: must
 * not exist. ASSAY_PRECONDITION_FAILED where another stands. All errors of the document in *es. */
enum assay_status assay_registry_begin_document(struct assay_session *s, enum assay_document_kind kind, struct assay_str code,
                                                struct assay_str text, int32_t expected_version, struct assay_put_result *out,
                                                struct assay_errors *es, struct assay_error *e) ASSAY_MUST_CHECK;
enum assay_status assay_registry_put_document(struct assay_session *s, enum assay_document_kind kind, struct assay_str code,
                                              struct assay_str text, int32_t expected_version, struct assay_put_result *out,
                                              struct assay_errors *es, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- recomputations ----------------------------------------------------------------------------------------------------- */
/* One step of the recomputation under way, whoever began it: a page of a provider's orders, or the turn at the end, or its
 * failure; each is a transaction, and any number of sessions and daemons may take steps at once. With nothing under way,
 * a page of what earlier ones have left behind. Steps are taken in the service's own thread (options.recompute_by_hand: by
 * the caller). *idle: there was nothing to do. */
enum assay_status assay_recomputation_step(struct assay_session *s, bool *idle, struct assay_error *e) ASSAY_MUST_CHECK;
/* Wake the thread that runs them. */
void assay_recomputation_kick(struct assay_service *s);
/* Newest first, from behind `before` (0: all) on. */
enum assay_status assay_recomputation_list(struct assay_session *s, int64_t before, int limit, struct assay_recomputation **rows,
                                           size_t *n, struct assay_error *e) ASSAY_MUST_CHECK;
/* ASSAY_NOT_FOUND where there is none. */
enum assay_status assay_recomputation_get(struct assay_session *s, int64_t id, struct assay_recomputation **out,
                                          struct assay_error *e) ASSAY_MUST_CHECK;
/* Wait until it has ended, at most so long; *out is it as it stands then. `gone` (NULL: never) says that nobody waits any
 * more. Once it is done this daemon's configuration holds what it brought. */
enum assay_status assay_recomputation_wait(struct assay_session *s, int64_t id, int64_t ms, bool (*gone)(void *arg), void *arg,
                                           struct assay_recomputation **out, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- reads ------------------------------------------------------------------------------------------------------------- */
/* Reads pin the session's configuration and leave it pinned: what they return points into it and into the arena. */
/* An order as it stands, judged under a scheme. */
struct assay_order_view {
    const struct assay_config_provider *provider;
    struct assay_order_row row;
    struct assay_order order;
    struct assay_verdict verdict; /* outcome NONE: no such scheme version */
    int32_t calendar_version;
    struct assay_folded_record *records; /* in fold order, voided ones too */
    size_t n_records;
};
/* ASSAY_NOT_FOUND where the provider, the order or the scheme is not known. */
enum assay_status assay_read_order(struct assay_session *s, struct assay_str provider, struct assay_str order,
                                   struct assay_str scheme, struct assay_order_view *out, struct assay_error *e) ASSAY_MUST_CHECK;

struct assay_evaluated {
    const struct assay_config_provider *provider;
    struct assay_evaluation evaluation;
    struct assay_compensation compensation;
    assay_instant last_record_at;
    int32_t ranked;
};
/* All providers of a scheme and period, ranked; rows are in ranking order. ASSAY_NOT_FOUND where the scheme is not known,
 * or the period has not begun or ended before the scheme began. *currency and *digits: of the rate table ("" none).
 *
 * The view is kept and shared: whoever reads it again has of the database only those providers read that have changed
 * since, and all who want it at once wait for one reading. It holds every commit that assay_service_stamp knows of when
 * the read begins. It stays until the session is unpinned. */
struct assay_period_view {
    const struct assay_config_scheme *config;
    const struct assay_scheme *scheme; /* the version of the period's last day */
    assay_month period;
    const struct assay_evaluated *rows;
    size_t n;
    char currency[4];
    int minor_digits;
    const struct assay_config *snapshot;        /* what it was worked out under */
    const struct assay_evaluated *const *by_id; /* index provider_id, as in the snapshot */
};
enum assay_status assay_read_period(struct assay_session *s, struct assay_str scheme, struct assay_str period,
                                    struct assay_period_view *out, struct assay_error *e) ASSAY_MUST_CHECK;
const struct assay_evaluated *assay_period_provider(const struct assay_period_view *v, struct assay_str provider);
struct assay_period_stats {
    uint64_t reads, refreshes, full; /* reads; those that asked the database; those of them that read all providers */
    uint64_t rows;                   /* providers read */
    uint64_t views, bytes;           /* kept now */
};
void assay_period_stats(struct assay_service *s, struct assay_period_stats *out);

/* --- the feed of changes ------------------------------------------------------------------------------------------------ */
/* What of a provider changed from when on, row by row, as committed: each committed change once, in each provider's order. */
enum assay_changes_from {
    ASSAY_CHANGES_FROM_NOW,
    ASSAY_CHANGES_FROM_SEQ,    /* a provider's sequence, and nothing known of the configuration */
    ASSAY_CHANGES_FROM_CURSOR, /* what a page said was next */
};
struct assay_changes_position {
    enum assay_changes_from from;
    int32_t provider_id; /* 0: the feed over all providers */
    int32_t era;
    struct assay_change_at at; /* of a provider's feed its seq alone */
    int64_t revision;          /* of a provider's feed: the configuration's */
};
struct assay_changes_page {
    const struct assay_change_item *items; /* what `limit` rows tell of: a row may give several items, or none */
    size_t n;
    struct assay_changes_position next;
    bool more; /* there is more behind it by now */
};
/* A period's window is no longer than this for the feed: what is beyond it is not told. */
#define ASSAY_CHANGE_WINDOW_MAX 36
/* provider: absent, or that of from->provider_id, which must be known. ASSAY_CURSOR_EXPIRED where the position is of another
 * era, or not kept. */
enum assay_status assay_read_changes(struct assay_session *s, struct assay_str provider,
                                     const struct assay_changes_position *from, int limit, struct assay_changes_page *page,
                                     struct assay_error *e) ASSAY_MUST_CHECK;
/* Note the time, and throw away what is older than it is kept, or a good deal of it. The watcher does. */
enum assay_status assay_changes_prune(struct assay_session *s, int64_t *gone, struct assay_error *e) ASSAY_MUST_CHECK;

/* Told after each commit of this daemon, and within a second of other daemons' (and when the feed's horizon passes what was
 * committed), from their threads: must not wait. providers: which changed, ascending; NULL: any of them may have; none (n 0):
 * what changed before shows now over all. */
typedef void assay_commit_listener(void *arg, const int32_t *providers, size_t n);
/* One listener; NULL: none any more, and the former is not running. */
void assay_service_on_commit(struct assay_service *s, assay_commit_listener *listener, void *arg);
struct assay_feed_stats {
    int64_t held_us; /* for how long one transaction has held the feed over all providers back */
    int64_t behind;  /* how many transactions have begun since the oldest that runs */
};
void assay_feed_stats(struct assay_service *s, struct assay_feed_stats *out);

/* One provider over the periods from..to (both inclusive, from <= to), oldest first: those that have not begun or ended
 * before the scheme did are left out. Each period's rows hold the provider's alone (n is 1), equal to what assay_read_period
 * has of it; all from one snapshot. ASSAY_NOT_FOUND where the provider or the scheme is not known. */
struct assay_trend {
    struct assay_period_view *periods;
    size_t n;
};
enum assay_status assay_read_trend(struct assay_session *s, struct assay_str provider, struct assay_str scheme, assay_month from,
                                   assay_month to, struct assay_trend *out, struct assay_error *e) ASSAY_MUST_CHECK;

/* What came in of a period and what is missing, of one provider or (absent) all, by code; from one snapshot. What counts as
 * missing is enum assay_missing's. ASSAY_NOT_FOUND as assay_read_period. */
struct assay_completeness_view {
    const struct assay_config_scheme *config;
    assay_month period;
    struct assay_completeness *rows;
    size_t n;
};
enum assay_status assay_read_completeness(struct assay_session *s, struct assay_str provider, struct assay_str scheme,
                                          struct assay_str period, struct assay_completeness_view *out,
                                          struct assay_error *e) ASSAY_MUST_CHECK;

/* --- without a database ------------------------------------------------------------------------------------------------- */
/* A network from files: for `assayd explain` and for tests. Lines are records as on the wire or providers; which, is told
 * by their members. Duplicates count once, voids take effect, the first of conflicting ids stands. */
struct assay_offline;
/* Texts of documents; NULL: the shipped hp-gold-fy01 and its calendar. *e names what is wrong with them. */
enum assay_status assay_offline_new(const char *zone_dir, const char *scheme, const char *calendar, struct assay_offline **out,
                                    struct assay_error *e) ASSAY_MUST_CHECK;
void assay_offline_free(struct assay_offline *o);
/* ASSAY_OK, or why the line is not taken, with all errors in *es. */
enum assay_status assay_offline_line(struct assay_offline *o, struct assay_str text, assay_instant now,
                                     struct assay_errors *es) ASSAY_MUST_CHECK;
struct assay_offline_order {
    struct assay_str provider, order;
    struct assay_order facts;
    struct assay_verdict verdict;
};
/* Judge everything: by provider, then order; those that do not exist left out. The results live with o. */
void assay_offline_judge(struct assay_offline *o, const struct assay_offline_order **orders, size_t *n);

/* --- verification ------------------------------------------------------------------------------------------------------ */
/* Starts from the records alone, refolds everything and compares order rows, verdicts, tallies, pay and evaluations with
 * what is stored, provider by provider in a snapshot each. Whether the records themselves are all there shows in their numbers: each
 * that was taken has the next one of its provider, up to the head's. report is called for each difference. */
struct assay_difference {
    const char *what;               /* "order", "verdict", "tally", "pay", "evaluation", "voided", "record" */
    struct assay_str provider, key; /* order number, scheme and month, or a record's number */
    const char *detail;
};
struct assay_verify_result {
    int64_t providers, records, orders, verdicts, tallies, differences;
    int64_t lost; /* of the differences, those of records: they are the truth, nothing can put them right */
};
enum assay_status assay_recompute_verify(struct assay_session *s, void (*report)(void *arg, const struct assay_difference *d),
                                         void *arg, struct assay_verify_result *out, struct assay_error *e) ASSAY_MUST_CHECK;
/* The same comparison, then puts right what differs, but what is lost. */
enum assay_status assay_recompute_repair(struct assay_session *s, void (*report)(void *arg, const struct assay_difference *d),
                                         void *arg, struct assay_verify_result *out, struct assay_error *e) ASSAY_MUST_CHECK;

#endif
