/* service.c -- what all threads share, and the session each of them brings. */
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "service/internal.h"

static void set_defaults(struct assay_service_options *o) {
    const char *tmp = getenv("TMPDIR");
    if (!o->spool_dir) o->spool_dir = tmp && *tmp ? tmp : "/tmp";
    if (!o->zone_dir) o->zone_dir = "/usr/share/zoneinfo";
    if (!o->now) o->now = assay_clock_now;
    if (!o->statement_timeout_ms) o->statement_timeout_ms = 60000;
    if (!o->committer_queue) o->committer_queue = 8192;
    if (!o->committer_batch) o->committer_batch = 512;
    if (!o->upload_slice) o->upload_slice = 4000;
    if (!o->atomic_records) o->atomic_records = 50000;
    if (!o->upload_run_bytes) o->upload_run_bytes = (size_t)16 << 20;
    if (!o->changes_keep_us) o->changes_keep_us = 30 * ASSAY_DAY;
    if (!o->view_bytes) o->view_bytes = (size_t)64 << 20;
    if (!o->recompute_page) o->recompute_page = 1000;
    if (!o->recompute_turn_ms) o->recompute_turn_ms = 10000;
    if (!o->recompute_lease_ms) o->recompute_lease_ms = 10000;
}

/* What stands in the database when the service begins. */
static enum assay_status prepare(struct assay_service *s, struct assay_session *session, struct assay_error *e) {
    enum assay_status st = assay_store_check_schema(session->db, e);
    if (!st) st = assay_store_feed_renew(session->db, e);
    if (!st) st = assay_announcer_start(&s->announcer, session->db, e);
    if (!st) st = assay_config_refresh(s, session->db, e);
    return st ? st : assay_session_look(session, e);
}

enum assay_status assay_service_start(const struct assay_service_options *o, struct assay_service **out, struct assay_error *e) {
    struct assay_service *s = assay_xcalloc(1, sizeof *s);
    s->options = *o;
    while (getrandom(&s->runner_id, sizeof s->runner_id, 0) != (ssize_t)sizeof s->runner_id) continue;
    set_defaults(&s->options);
    s->options.conninfo = assay_xstrdup(o->conninfo);
    s->options.spool_dir = assay_xstrdup(s->options.spool_dir);
    s->options.zone_dir = s->zones.dir = assay_xstrdup(s->options.zone_dir);
    pthread_mutex_init(&s->zones.lock, NULL);
    pthread_mutex_init(&s->config_lock, NULL);
    pthread_mutex_init(&s->reload_lock, NULL);
    assay_announcer_init(&s->announcer);
    s->revisions = assay_revisions_new();
    s->keys = assay_keys_new();
    s->periods = assay_periods_new(s->options.view_bytes);
    struct assay_session *session = NULL;
    enum assay_status st = assay_session_open(s, &session, e);
    if (!st && session) st = prepare(s, session, e);
    assay_session_close(session);
    if (!st && !(s->committer = assay_committer_new(s, e))) st = e->status;
    if (!st && !(s->watcher = assay_watcher_new(s, e))) st = e->status;
    if (!st && !o->recompute_by_hand && !(s->runner = assay_runner_new(s, e))) st = e->status;
    if (st) assay_service_stop(s), s = NULL;
    *out = s;
    return st;
}

void assay_service_stop(struct assay_service *s) {
    if (!s) return;
    assay_runner_free(s->runner);
    assay_watcher_free(s->watcher);
    assay_committer_free(s->committer);
    assay_periods_free(s->periods);
    assay_revisions_free(s->revisions);
    assay_keys_free(s->keys);
    assay_config_release(s->config);
    for (size_t i = 0; i < s->zones.n; i++) assay_zone_free(s->zones.zones[i]);
    free(s->zones.zones);
    pthread_mutex_destroy(&s->zones.lock);
    pthread_mutex_destroy(&s->config_lock);
    pthread_mutex_destroy(&s->reload_lock);
    assay_announcer_destroy(&s->announcer);
    free((char *)(uintptr_t)s->options.conninfo);
    free((char *)(uintptr_t)s->options.spool_dir);
    free((char *)(uintptr_t)s->options.zone_dir);
    free(s);
}

struct assay_service_counts *assay_service_counts(struct assay_service *s) {
    return &s->counts;
}
void assay_pause_ms(int64_t ms) {
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

assay_instant assay_service_now(const struct assay_service *s) { return s->options.now(); }

const struct assay_zone *assay_service_zone(struct assay_service *s, const char *name) {
    return assay_zones_get(&s->zones, name);
}

struct assay_session *assay_session_new(struct assay_service *s) {
    struct assay_session *n = assay_xcalloc(1, sizeof *n);
    n->service = s;
    return n;
}

enum assay_status assay_session_usable(struct assay_session *s, struct assay_error *e) {
    if (s->db) return assay_db_restore(s->db, e);
    return assay_db_open(s->service->options.conninfo, s->service->options.statement_timeout_ms, &s->db, e);
}

enum assay_status assay_session_open(struct assay_service *s, struct assay_session **out, struct assay_error *e) {
    struct assay_session *n = assay_session_new(s);
    enum assay_status st = assay_session_usable(n, e);
    if (st) assay_session_close(n), n = NULL;
    *out = n;
    return st;
}

void assay_session_close(struct assay_session *s) {
    if (!s) return;
    assay_session_unpin(s);
    assay_db_close(s->db);
    assay_arena_free(&s->arena);
    free(s);
}

enum assay_status assay_session_refresh(struct assay_session *s, struct assay_error *e) {
    return assay_config_refresh(s->service, s->db, e);
}

enum assay_status assay_session_ready(struct assay_session *s, struct assay_error *e) {
    enum assay_status st = assay_session_usable(s, e);
    if (!st) st = assay_db_ping(s->db, e);
    return st ? st : assay_store_check_schema(s->db, e);
}

/* --- what is known to have changed ------------------------------------------------------------------------------------- */

bool assay_service_stamp(struct assay_service *s, struct assay_str provider, struct assay_stamp *out) {
    int32_t id = -1;
    if (provider.p) {
        const struct assay_config *cfg = assay_service_config(s);
        const struct assay_config_provider *p = assay_config_provider(cfg, provider);
        if (p) id = p->id;
        assay_config_release(cfg);
        if (id < 0) return false;
    }
    return assay_revisions_stamp(s->revisions, id, out);
}

enum assay_status assay_session_look(struct assay_session *s, struct assay_error *e) {
    int64_t revision, access;
    enum assay_status st = assay_revisions_look(s->service->revisions, s->db, &revision, &access, e);
    if (!st) st = assay_keys_look(s->service, s->db, access, e);
    if (st) return st;
    const struct assay_config *cfg = assay_service_config(s->service);
    bool moved = !cfg || cfg->revision != revision;
    assay_config_release(cfg);
    return moved ? assay_config_refresh(s->service, s->db, e) : ASSAY_OK;
}

/* --- pins --------------------------------------------------------------------------------------------------------------- */

struct assay_held {
    struct assay_held *next;
    void (*release)(void *what);
    void *what;
};

void assay_session_hold(struct assay_session *s, void (*release)(void *what), void *what) {
    struct assay_held *h = assay_xmalloc(sizeof *h);
    *h = (struct assay_held){s->held, release, what};
    s->held = h;
}

static void release_config(void *what) { assay_config_release(what); }

const struct assay_config *assay_session_pin(struct assay_session *s) {
    if (!s->config) s->config = assay_service_config(s->service);
    return s->config;
}

const struct assay_config *assay_session_repin(struct assay_session *s) {
    const struct assay_config *now = assay_service_config(s->service);
    if (now == s->config) {
        assay_config_release(now);
    } else {
        if (s->config) assay_session_hold(s, release_config, (void *)(uintptr_t)s->config);
        s->config = now;
    }
    return s->config;
}

void assay_session_unpin(struct assay_session *s) {
    for (struct assay_held *h = s->held, *next; h; h = next) {
        next = h->next;
        h->release(h->what);
        free(h);
    }
    s->held = NULL;
    assay_config_release(s->config);
    s->config = NULL;
}
