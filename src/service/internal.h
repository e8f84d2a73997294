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
    struct assay_service_counts counts;
};

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

/* --- reads.c: a period of a scheme, without its rows. ASSAY_NOT_FOUND as assay_read_period. */
enum assay_status assay_period_find(struct assay_session *s, const struct assay_config *cfg, struct assay_str scheme,
                                    struct assay_str period, struct assay_period_view *out, struct assay_error *e) ASSAY_MUST_CHECK;

/* --- committer.c */
struct assay_committer *assay_committer_new(struct assay_service *s, struct assay_error *e);
void assay_committer_free(struct assay_committer *c);

#endif
