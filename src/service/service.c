/* service.c -- what all threads share, and the session each of them brings. */
#include <stdlib.h>

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
    if (!o->upload_run_bytes) o->upload_run_bytes = (size_t)16 << 20;
}

enum assay_status assay_service_start(const struct assay_service_options *o, struct assay_service **out, struct assay_error *e) {
    struct assay_service *s = assay_xcalloc(1, sizeof *s);
    s->options = *o;
    set_defaults(&s->options);
    s->options.conninfo = assay_xstrdup(o->conninfo);
    s->options.spool_dir = assay_xstrdup(s->options.spool_dir);
    s->options.zone_dir = s->zones.dir = assay_xstrdup(s->options.zone_dir);
    pthread_mutex_init(&s->zones.lock, NULL);
    pthread_mutex_init(&s->config_lock, NULL);
    pthread_mutex_init(&s->reload_lock, NULL);
    struct assay_session *session = NULL;
    enum assay_status st = assay_session_open(s, &session, e);
    if (!st) st = assay_store_check_schema(session->db, e);
    if (!st) st = assay_config_refresh(s, session->db, e);
    assay_session_close(session);
    if (!st && !(s->committer = assay_committer_new(s, e))) st = e->status;
    if (!st && !(s->watcher = assay_watcher_new(s, e))) st = e->status;
    if (st) assay_service_stop(s), s = NULL;
    *out = s;
    return st;
}

void assay_service_stop(struct assay_service *s) {
    if (!s) return;
    assay_watcher_free(s->watcher);
    assay_committer_free(s->committer);
    assay_config_release(s->config);
    for (size_t i = 0; i < s->zones.n; i++) assay_zone_free(s->zones.zones[i]);
    free(s->zones.zones);
    pthread_mutex_destroy(&s->zones.lock);
    pthread_mutex_destroy(&s->config_lock);
    pthread_mutex_destroy(&s->reload_lock);
    free((char *)(uintptr_t)s->options.conninfo);
    free((char *)(uintptr_t)s->options.spool_dir);
    free((char *)(uintptr_t)s->options.zone_dir);
    free(s);
}

struct assay_service_counts *assay_service_counts(struct assay_service *s) { return &s->counts; }

assay_instant assay_service_now(const struct assay_service *s) { return s->options.now(); }

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

const struct assay_config *assay_session_pin(struct assay_session *s) {
    if (!s->config) s->config = assay_service_config(s->service);
    return s->config;
}

void assay_session_unpin(struct assay_session *s) {
    assay_config_release(s->config);
    s->config = NULL;
}
