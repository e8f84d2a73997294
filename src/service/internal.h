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

struct assay_committer;
struct assay_service {
    struct assay_service_options options;
    struct assay_zones zones;
    pthread_mutex_t config_lock; /* guards config */
    struct assay_config *config;
    pthread_mutex_t reload_lock; /* one reload at a time */
    struct assay_committer *committer;
    struct assay_watcher *watcher;
    struct assay_revisions *revisions;
    struct assay_periods *periods;
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
/* Look at the database; *config is the revision it has. Nothing is noted where it fails. */
enum assay_status assay_revisions_look(struct assay_revisions *r, struct assay_db *db, int64_t *config,
                                       struct assay_error *e) ASSAY_MUST_CHECK;
/* The watcher does not see the database, or cannot take over what it sees. */
void assay_revisions_lost(struct assay_revisions *r);
/* provider_id -1: none. False while nobody has seen the database for a second: then what is tagged must not be used. */
bool assay_revisions_stamp(struct assay_revisions *r, int32_t provider_id, struct assay_stamp *out);
/* Providers that changed after a network stamp, ascending; max: too many, or all. *now: the stamp up to which that holds. */
size_t assay_revisions_since(struct assay_revisions *r, uint64_t stamp, int32_t *ids, size_t max, uint64_t *now);

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
    struct assay_verdict_row row; /* key and scheme_id set by the caller's arguments */
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

/* --- committer.c */
struct assay_committer *assay_committer_new(struct assay_service *s, struct assay_error *e);
void assay_committer_free(struct assay_committer *c);

#endif
