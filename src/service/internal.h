/* internal.h -- what the files of src/service share. */
#ifndef ASSAY_SERVICE_INTERNAL_H
#define ASSAY_SERVICE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "assay/service.h"

/* Zones are parsed once and live as long as the service: there are some 600 names, and schemes and calendars of every
 * snapshot point to them. */
struct assay_zones {
    pthread_mutex_t lock;
    const char *dir;
    struct assay_zone **zones;
    size_t n;
};
/* The zone of an IANA name, from the system's zone data; NULL where there is none. Thread-safe. ctx: struct assay_zones. */
const struct assay_zone *assay_zones_get(void *ctx, const char *name);

/* --- announce.c: who is told of commits. One listener; all but the atomics belong to the lock or to the watcher. */
struct assay_announcer {
    pthread_mutex_t lock;
    assay_commit_listener *listener;
    void *arg;
    int64_t ours; /* by how much our commits moved what the tip counts */
    /* the watcher's */
    struct assay_feed_tip tip;
    int64_t others, held_since_us, tidy_at_us;
    atomic_int_fast64_t held_us, behind;
};
void assay_announcer_init(struct assay_announcer *a);
/* From here on the watcher looks what moves. */
enum assay_status assay_announcer_start(struct assay_announcer *a, struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
void assay_announcer_destroy(struct assay_announcer *a);
/* A transaction of this daemon has committed: it changed these providers; NULL: any, or the configuration. records: by how
 * many sequence numbers and revisions of the configuration; that many are not taken for another daemon's. */
void assay_service_committed(struct assay_service *s, const int32_t *providers, size_t n, int64_t records);
/* What other daemons committed since the last look, and how far the feed is. */
void assay_announcer_look(struct assay_service *s, struct assay_db *db);
/* Throw away changes that are older than they are kept; most calls return at once. */
void assay_announcer_tidy(struct assay_session *session);

struct assay_committer;
struct assay_runner;
struct assay_service {
    struct assay_service_options options;
    struct assay_zones zones;
    pthread_mutex_t config_lock; /* guards config */
    struct assay_config *config;
    pthread_mutex_t reload_lock; /* one reload at a time */
    struct assay_committer *committer;
    struct assay_watcher *watcher;
    struct assay_announcer announcer;
    struct assay_revisions *revisions;
    struct assay_periods *periods;
    struct assay_keys *keys;
    struct assay_service_counts counts;
    struct assay_runner *runner;
    int64_t runner_id; /* what this service signs recomputations with */
};

/* --- service.c: what a session holds until it is unpinned. */
void assay_session_hold(struct assay_session *s, void (*release)(void *what), void *what);
/* Pin what is in force now; what was pinned before is held as long. */
const struct assay_config *assay_session_repin(struct assay_session *s);

/* --- revisions.c: what is known of the database's changes. */
/* How long a look at the database is good for. */
#define ASSAY_SIGHT_US INT64_C(1000000)
struct assay_revisions *assay_revisions_new(void);
void assay_revisions_free(struct assay_revisions *r);
/* Heads as a transaction of ours left them (less 0) or found them, having locked them and given up (less 1): before anyone
 * is answered. */
void assay_revisions_note(struct assay_revisions *r, const struct assay_head *heads, size_t n, int64_t less);
/* After that revision was put in force. */
void assay_revisions_note_config(struct assay_revisions *r, int64_t revision);
/* Look at the database; *config and *access are the revisions it has. Nothing is noted where it fails. */
enum assay_status assay_revisions_look(struct assay_revisions *r, struct assay_db *db, int64_t *config, int64_t *access,
                                       struct assay_error *e) ASSAY_MUST_CHECK;
/* The watcher does not see the database, or cannot take over what it sees. */
void assay_revisions_lost(struct assay_revisions *r);
/* provider_id -1: none. False while nobody has seen the database for a second: then what is tagged must not be used. */
bool assay_revisions_stamp(struct assay_revisions *r, int32_t provider_id, struct assay_stamp *out);
/* Providers that changed after a network stamp, ascending; max: too many, or all. *now: the stamp up to which that holds. */
size_t assay_revisions_since(struct assay_revisions *r, uint64_t stamp, int32_t *ids, size_t max, uint64_t *now);

/* --- keys.c: the keys of the database, in memory. */
struct assay_keys *assay_keys_new(void);
void assay_keys_free(struct assay_keys *k);
enum assay_status assay_keys_load(struct assay_service *s, struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;
/* The same, unless they are of this revision already. */
enum assay_status assay_keys_look(struct assay_service *s, struct assay_db *db, int64_t revision,
                                  struct assay_error *e) ASSAY_MUST_CHECK;
/* Write down when keys were last used: those whose last use is a minute later than what is written; all: any. By the watcher. */
void assay_keys_note_used(struct assay_service *s, struct assay_db *db, bool all);

/* --- audit.c */
/* Rows have an action, a subject, before and after; the rest is filled in: who, when. */
void assay_audit_sign(const struct assay_session *s, struct assay_audit_row *rows, size_t n);
/* The same, and written in the transaction that is open. */
enum assay_status assay_audit_act(struct assay_session *s, struct assay_audit_row *rows, size_t n,
                                  struct assay_error *e) ASSAY_MUST_CHECK;

/* --- reads.c */
enum assay_status assay_no_such(struct assay_error *e, const char *what, struct assay_str name);

/* --- periods.c: evaluated periods, kept. limit: bytes. */
struct assay_periods *assay_periods_new(size_t limit);
/* A period of a scheme, without its rows. ASSAY_NOT_FOUND as assay_read_period. */
enum assay_status assay_period_find(struct assay_session *s, const struct assay_config *cfg, struct assay_str scheme,
                                    struct assay_str period, struct assay_period_view *out,
                                    struct assay_error *e) ASSAY_MUST_CHECK;
void assay_periods_free(struct assay_periods *p);

/* --- watcher.c: sees within a second what other daemons changed. */
struct assay_watcher *assay_watcher_new(struct assay_service *s, struct assay_error *e);
void assay_watcher_free(struct assay_watcher *w);

/* What the feed of changes calls it. */
enum assay_change_what assay_cause_told(enum assay_cause_kind kind, bool several);

/* Sleep. */
void assay_pause_ms(int64_t ms);

/* --- runner.c: the thread that takes the steps of recomputations. */
struct assay_runner *assay_runner_new(struct assay_service *s, struct assay_error *e);
void assay_runner_free(struct assay_runner *r);

/* --- config.c */
enum assay_status assay_config_load(struct assay_service *s, struct assay_db *db, struct assay_config **out,
                                    struct assay_error *e) ASSAY_MUST_CHECK;
/* Load from the connection and put in force, unless what is in force is as new. */
enum assay_status assay_config_refresh(struct assay_service *s, struct assay_db *db, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- judging.c: one order under one scheme, as ingest, refolding, reads and verification do it. */
struct assay_judged {
    struct assay_order order;
    struct assay_verdict verdict;
    struct assay_contribution contribution;
    struct assay_verdict_row row; /* scheme_id: the sheet that cfg's figures of the order are on */
};
/* The packed records of an order: version byte, then each as assay_record_pack wrote it. */
enum assay_status assay_packed_read(struct assay_str packed, struct assay_arena *a, struct assay_folded_record **recs, size_t *n,
                                    struct assay_error *e) ASSAY_MUST_CHECK;
void assay_packed_begin(struct assay_buf *b);
/* o must be folded already; provider may be NULL only in tests. */
void assay_judge_order(const struct assay_config *cfg, const struct assay_config_scheme *scheme,
                       const struct assay_config_provider *provider, const struct assay_order *o, struct assay_order_key key,
                       struct assay_arena *a, struct assay_judged *out);
/* The order's row, without its packed bytes. */
void assay_order_row_of(const struct assay_order *o, struct assay_order_key key, struct assay_order_row *row);
bool assay_verdict_row_equal(const struct assay_verdict_row *x, const struct assay_verdict_row *y);
/* A response without an order, under a scheme. */
void assay_judge_loose_survey(const struct assay_config_scheme *scheme, const struct assay_record *survey,
                              struct assay_contribution *out);

/* Differences to tallies, gathered by key. Zero-initialise; all in the arena. */
struct assay_tally_sums {
    struct assay_arena *arena;
    struct assay_tally_row *rows;
    size_t n, cap;
    struct assay_pay_row *pays;
    size_t n_pays, cap_pays;
};
void assay_tally_sums_add(struct assay_tally_sums *t, int32_t provider_id, int16_t scheme_id, const struct assay_contribution *c,
                          int sign);
/* Sort by key, join equal ones, drop what came to nothing. */
void assay_tally_sums_close(struct assay_tally_sums *t);

/* --- upload.c: an id for an upload received now. */
int64_t assay_upload_id_new(assay_instant now);

/* --- voids.c: which voids hold, and what they name. */
struct assay_void {
    struct assay_record_key key, target;
    int64_t seq;
    bool taken_back;
};
/* Whether a void of that id takes what it names, if that is a void, out of effect. */
bool assay_void_takes_back(struct assay_str id, enum assay_kind target_kind);
/* All voids of some providers, of each the newest first: sets taken_back. */
void assay_voids_settle(struct assay_void *voids, size_t n, struct assay_arena *a);
/* What those that hold name: ascending, unique. */
void assay_voids_targets(const struct assay_void *voids, size_t n, struct assay_arena *a, struct assay_record_key **keys,
                         size_t *n_keys);
enum assay_status assay_void_of_row(const struct assay_record_row *row, struct assay_arena *a, struct assay_void *out,
                                    struct assay_error *e) ASSAY_MUST_CHECK;
/* By provider, kind and id. */
int assay_record_key_cmp(const void *x, const void *y);
/* Of ascending keys those that are not among ascending others, into out; their number. */
size_t assay_keys_without(const struct assay_record_key *keys, size_t n, const struct assay_record_key *others, size_t n_others,
                          struct assay_record_key *out);
/* --- effects.c: rows of the feed of changes. */
struct assay_effect { /* of a row: a verdict that changed, or a month whose counts or pay moved */
    int16_t scheme_id;
    assay_month month; /* NO_MONTH: it is a verdict, with its outcome (NONE: there is no order any more) */
    enum assay_outcome outcome;
    bool counts, pay;
};
/* month: of a year below 5461. */
void assay_effect_add(struct assay_buf *b, const struct assay_effect *x);
/* The next of packed effects, which is taken off; false at their end. */
bool assay_effect_next(struct assay_str *rest, struct assay_effect *out);
struct assay_touched { /* an order of a transaction */
    struct assay_order_key key;
    int64_t seq;                              /* the last that its records took */
    const struct assay_verdict_row *verdicts; /* that changed */
    size_t n_verdicts;
};
/* Rows in the arena, by (provider_id, seq). Sorts orders. heads: all of the transaction, by provider_id, as they will be. */
struct assay_change_row *assay_changes_make(struct assay_touched *orders, size_t n, const struct assay_tally_sums *sums,
                                            const struct assay_head *heads, size_t n_heads, int64_t place, struct assay_arena *a,
                                            size_t *n_rows);

/* --- committer.c */
struct assay_committer *assay_committer_new(struct assay_service *s, struct assay_error *e);
void assay_committer_free(struct assay_committer *c);

#endif
