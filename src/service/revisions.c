/* revisions.c -- what is known of the database's changes, so that what was read before need not be read again.
 *
 * Each provider's head row carries a revision that every write moves; the configuration has one of its own. Here stands
 * the newest that is known of each, and beside it a stamp: the number of the change (of this process, counted from 1) by
 * which it became known. Whoever reads takes a stamp BEFORE the query and tags with it what the query gave: that may be
 * tagged older than it is, never newer.
 *
 * News comes from three sides. A commit of ours is noted before anyone is told of it, so that whoever was told sees it.
 * The watcher looks twice a second for what others committed. A read that wants the very present looks itself. Revisions
 * only grow, but for a database that was restored or has failed over to a standby: so any difference is a change, unless
 * it is mere lateness, a look that began before we noted better. While nobody has seen the database for a second nothing
 * is known; and what is seen first after the watcher lost it is a change of everything.
 *
 * Must not know what is read, nor who keeps it. */
#include <stdlib.h>

#include "service/internal.h"

struct known {
    int64_t revision; /* 0: no head */
    uint64_t stamp;
};
struct assay_revisions {
    pthread_mutex_t lock;    /* held for a few instructions, or for one pass over all heads */
    struct known *providers; /* by id */
    size_t cap;
    int64_t sum; /* of the known revisions */
    int64_t config;
    uint64_t changes; /* the newest stamp */
    uint64_t config_stamp;
    uint64_t floor;  /* what is stamped before this is not known any more */
    int64_t seen_us; /* when the last look that succeeded began; 0: blind */
    bool lost;       /* since then a look failed */
};

struct assay_revisions *assay_revisions_new(void) {
    struct assay_revisions *r = assay_xcalloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    r->changes = r->floor = 1;
    return r;
}

void assay_revisions_free(struct assay_revisions *r) {
    if (!r) return;
    pthread_mutex_destroy(&r->lock);
    free(r->providers);
    free(r);
}

/* --- with the lock held ------------------------------------------------------------------------------------------------ */

static struct known *known_of(struct assay_revisions *r, int32_t id) {
    if ((size_t)id >= r->cap) {
        size_t cap = r->cap ? r->cap : 64;
        while (cap <= (size_t)id) cap *= 2;
        r->providers = assay_xrealloc(r->providers, cap * sizeof *r->providers);
        memset(r->providers + r->cap, 0, (cap - r->cap) * sizeof *r->providers);
        r->cap = cap;
    }
    return &r->providers[id];
}

static void set_known(struct assay_revisions *r, struct known *k, int64_t revision) {
    r->sum += revision - k->revision;
    *k = (struct known){revision, ++r->changes};
}

/* Seen by a look that began when `began` was the newest stamp: what is lower is late where we noted better since, else the
 * database went back. */
static void see(struct assay_revisions *r, struct known *k, int64_t revision, uint64_t began) {
    if (revision > k->revision || (revision < k->revision && k->stamp <= began)) set_known(r, k, revision);
}

static void see_heads(struct assay_revisions *r, const struct assay_head *heads, size_t n, uint64_t began) {
    size_t next = 0;
    for (size_t i = 0; i < n; i++) {
        if (heads[i].provider_id < 0) continue;
        for (; next < r->cap && next < (size_t)heads[i].provider_id; next++) see(r, &r->providers[next], 0, began);
        see(r, known_of(r, heads[i].provider_id), heads[i].revision, began);
        next = (size_t)heads[i].provider_id + 1;
    }
    for (; next < r->cap; next++) see(r, &r->providers[next], 0, began);
}

/* --- news -------------------------------------------------------------------------------------------------------------- */

void assay_revisions_note(struct assay_revisions *r, const struct assay_head *heads, size_t n, int64_t less) {
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < n; i++) {
        struct known *k = known_of(r, heads[i].provider_id);
        if (heads[i].revision - less != k->revision) set_known(r, k, heads[i].revision - less);
    }
    pthread_mutex_unlock(&r->lock);
}

void assay_revisions_note_config(struct assay_revisions *r, int64_t revision) {
    pthread_mutex_lock(&r->lock);
    if (r->config != revision) {
        r->config = revision;
        r->config_stamp = ++r->changes;
    }
    pthread_mutex_unlock(&r->lock);
}

void assay_revisions_lost(struct assay_revisions *r) {
    pthread_mutex_lock(&r->lock);
    r->lost = true;
    r->seen_us = 0;
    pthread_mutex_unlock(&r->lock);
}

/* The sum tells whether to fetch the heads at all. */
enum assay_status assay_revisions_look(struct assay_revisions *r, struct assay_db *db, int64_t *config, int64_t *access,
                                       struct assay_error *e) {
    struct assay_arena a = {0};
    struct assay_head *heads = NULL;
    size_t n = 0;
    int64_t sum = 0, start = assay_clock_monotonic_us();
    pthread_mutex_lock(&r->lock);
    uint64_t began = r->changes;
    int64_t known = r->sum;
    bool lost = r->lost;
    pthread_mutex_unlock(&r->lock);
    enum assay_status st = assay_store_revision(db, &sum, config, access, e);
    bool fetch = !st && (sum != known || lost);
    if (fetch) st = assay_store_heads(db, &a, &heads, &n, e);
    pthread_mutex_lock(&r->lock);
    if (fetch && !st) see_heads(r, heads, n, began);
    if (!st && lost && r->lost) {
        r->floor = r->config_stamp = ++r->changes;
        r->lost = false;
    }
    if (!st && !r->lost && start > r->seen_us) r->seen_us = start;
    pthread_mutex_unlock(&r->lock);
    assay_arena_free(&a);
    return st;
}

/* --- what is known ------------------------------------------------------------------------------------------------------ */

static bool sighted(const struct assay_revisions *r) {
    return r->seen_us && assay_clock_monotonic_us() - r->seen_us <= ASSAY_SIGHT_US;
}

bool assay_revisions_stamp(struct assay_revisions *r, int32_t provider_id, struct assay_stamp *out) {
    pthread_mutex_lock(&r->lock);
    bool known = sighted(r);
    uint64_t provider = provider_id >= 0 && (size_t)provider_id < r->cap ? r->providers[provider_id].stamp : 0;
    *out = (struct assay_stamp){
        .config = r->config_stamp, .network = r->changes, .provider = provider > r->floor ? provider : r->floor};
    pthread_mutex_unlock(&r->lock);
    return known;
}

size_t assay_revisions_since(struct assay_revisions *r, uint64_t stamp, int32_t *ids, size_t max, uint64_t *now) {
    size_t n = 0;
    pthread_mutex_lock(&r->lock);
    *now = r->changes;
    bool all = stamp < r->floor;
    for (size_t id = 0; id < r->cap && n < max && !all; id++)
        if (r->providers[id].stamp > stamp) ids[n++] = (int32_t)id;
    pthread_mutex_unlock(&r->lock);
    return all ? max : n;
}
