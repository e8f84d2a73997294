/* handlers_changes.c -- the feed of changes, with long polling. The handler runs on a worker of the feed's lane: it reads;
 * where there is nothing and the caller would wait, the request becomes a waiter and the worker is free; when something was
 * committed it comes back here. A waiter whose time is up is answered with what its last look found: nothing, and where to
 * go on. */
#include <errno.h>
#include <stdlib.h>

#include "http/app.h"

#define WAIT_MAX_SECONDS 60

struct feed_request { /* r->state */
    struct assay_waiter waiter;
    struct assay_str provider;
    struct assay_changes_position from;
    int limit;
    struct assay_str next; /* of the last look */
};

/* --- cursors ------------------------------------------------------------------------------------------------------------------ */

static struct assay_str number(struct assay_arena *a, int64_t v) {
    return assay_str_c(assay_arena_printf(a, "%lld", (long long)v));
}

static bool read_number(struct assay_str s, int64_t min, int64_t max, int64_t *out) {
    char *end;
    if (s.n == 0 || s.n > 20) return false;
    char text[24];
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (text[0] != '-' && (text[0] < '0' || text[0] > '9')) return false;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return !errno && *end == '\0' && *out >= min && *out <= max;
}

struct assay_str assay_changes_cursor(const struct assay_changes_position *p, struct assay_arena *a) {
    struct assay_str fields[4] = {number(a, p->era)};
    if (p->provider_id)
        fields[1] = number(a, p->provider_id), fields[2] = number(a, p->at.seq), fields[3] = number(a, p->revision);
    else fields[1] = number(a, p->at.place), fields[2] = number(a, p->at.provider_id), fields[3] = number(a, p->at.seq);
    struct assay_buf b = {0};
    assay_cursor_write(p->provider_id ? 'f' : 'c', fields, 4, &b);
    struct assay_str s = assay_arena_dup(a, assay_buf_str(&b));
    assay_buf_free(&b);
    return s;
}

bool assay_changes_cursor_read(struct assay_str cursor, int32_t provider_id, struct assay_arena *a,
                               struct assay_changes_position *out) {
    struct assay_str fields[4];
    int64_t v[4];
    if (!assay_cursor_read(provider_id ? 'f' : 'c', cursor, a, fields, 4)) return false;
    for (size_t i = 0; i < 4; i++)
        if (!read_number(fields[i], -1, INT64_MAX, &v[i])) return false;
    if (v[0] > INT32_MAX || (provider_id ? v[1] != provider_id : v[2] > INT32_MAX)) return false;
    *out = (struct assay_changes_position){.from = ASSAY_CHANGES_FROM_CURSOR, .provider_id = provider_id, .era = (int32_t)v[0]};
    if (provider_id) out->at.seq = v[2], out->revision = v[3];
    else out->at = (struct assay_change_at){v[1], (int32_t)v[2], v[3]};
    return true;
}

/* --- the request -------------------------------------------------------------------------------------------------------------- */

static void read_after(struct assay_http_request *r, struct feed_request *f, struct assay_errors *es) {
    struct assay_str after = assay_http_param(r, "after");
    int32_t provider_id = f->from.provider_id;
    int64_t seq;
    if (!after.p) return;
    if (provider_id && read_number(after, 0, INT64_MAX, &seq)) {
        f->from.from = ASSAY_CHANGES_FROM_SEQ;
        f->from.at.seq = seq;
    } else if (!assay_changes_cursor_read(after, provider_id, r->arena, &f->from)) {
        assay_errors_add(es, ASSAY_INVALID_CURSOR, "after", "%s",
                         provider_id ? "a sequence number of the provider, or a cursor of its feed" : "a cursor of the feed");
    }
}

/* False: the reply is set. */
static bool read_request(struct assay_http_request *r, struct assay_session *s) {
    struct feed_request *f = assay_arena_zalloc(r->arena, sizeof *f);
    struct assay_errors es = {0};
    int64_t wait = 0;
    f->limit = assay_app_limit(r, &es);
    assay_http_param_int(r, "wait", 0, WAIT_MAX_SECONDS, &wait, &es);
    const struct assay_config_provider *p = assay_app_provider_param(r, s->config, &es);
    if (p) f->from.provider_id = p->id, f->provider = assay_arena_dup(r->arena, p->code);
    if (!es.n) read_after(r, f, &es);
    if (es.n) {
        assay_app_fail_all(r, es.items[0].status, &es, NULL);
        return false;
    }
    f->waiter.r = r;
    f->waiter.key = f->from.provider_id;
    f->waiter.deadline_us = assay_clock_monotonic_us() + wait * 1000000;
    r->state = f;
    return true;
}

static void reply(struct assay_http_request *r, const struct assay_change_item *items, size_t n, bool more) {
    const struct feed_request *f = r->state;
    struct assay_buf b = {0};
    assay_list_begin(&b);
    for (size_t i = 0; i < n; i++) assay_change_item_write(&items[i], &b, NULL);
    assay_changes_end(&b, f->next, more);
    assay_app_link_after(r, f->next);
    assay_app_json(r, 200, &b);
}

static void reply_nothing(struct assay_http_request *r) { reply(r, NULL, 0, false); }

static bool would_wait(const struct assay_http_request *r, const struct feed_request *f) {
    return f->from.from != ASSAY_CHANGES_FROM_NOW && !assay_http_draining(r) && !assay_http_gone(r) &&
           assay_clock_monotonic_us() < f->waiter.deadline_us;
}

/* Looks that find nothing though something moved: of the slots that keys share, or below the horizon of nothing yet. */
#define LOOKS 8

static enum assay_http_flow look(struct assay_http_request *r, struct assay_session *s) {
    struct feed_request *f = r->state;
    const struct assay_app *app = r->app;
    for (int i = 0;; i++) {
        struct assay_changes_page page;
        struct assay_error e = {0};
        enum assay_status st;
        assay_metric_add(app->change_looks, 1);
        f->waiter.seen = assay_waiters_generation(app->waiters);
        ASSAY_APP_READ(s, st, assay_read_changes(s, f->provider, &f->from, f->limit, &page, &e));
        if (st) return assay_app_fail(r, st, &e);
        f->next = assay_changes_cursor(&page.next, r->arena);
        f->waiter.answer = reply_nothing;
        enum assay_waiting how = page.n == 0 && !page.more && would_wait(r, f) && i < LOOKS
                                     ? assay_waiters_add(app->waiters, &f->waiter)
                                     : ASSAY_WAITING_FULL;
        if (how == ASSAY_WAITING) return ASSAY_HTTP_LATER; /* r is not ours any more */
        if (how == ASSAY_WAITING_FULL) {
            reply(r, page.items, page.n, page.more);
            return ASSAY_HTTP_DONE;
        }
        assay_arena_reset(&s->arena);
    }
}

enum assay_http_flow assay_get_changes(struct assay_http_request *r, void *worker) {
    struct assay_session *s = assay_app_session(r, worker);
    if (!s) return ASSAY_HTTP_DONE;
    assay_session_pin(s);
    enum assay_http_flow flow = r->state || read_request(r, s) ? look(r, s) : ASSAY_HTTP_DONE;
    assay_session_unpin(s);
    return flow;
}
