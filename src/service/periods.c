/* periods.c -- a period with all its providers evaluated, ranked and paid, kept up to date in memory.
 *
 * A rank makes each evaluation depend on all providers, but a row of counts depends on one. So of each period that is read
 * a view is kept, immutable and counted, with the stamp it was made at (revisions.c). A read that finds providers changed
 * since has the database read for these alone, works them out, ranks all in memory and publishes a new view: the work is
 * proportional to what changed. Whoever comes meanwhile waits for that flight, not for one of its own. A configuration
 * that moved makes the view from nothing.
 *
 * A view holds everything that was noted when its reader came; what another daemon committed shows when it is noted,
 * within a second. */
#include <stdlib.h>

#include "service/internal.h"

/* Views at most, however small they are. */
#define VIEWS_MAX 256
/* Configuration that moves is read again; it does not move often. */
#define TRIES 5

struct period { /* a view and what it owns */
    struct assay_period_view view;
    atomic_int refs;
    uint64_t stamp; /* under the lock of struct assay_periods: it may be found good for longer */
    size_t bytes;
    struct assay_evaluated *rows;
    const struct assay_evaluated **by_id;
};

struct slot {                 /* where the views of a scheme and month succeed each other */
    struct slot *prev, *next; /* by last use, the latest first */
    int16_t scheme_id;
    assay_month month;
    unsigned users; /* readers in this file: it must stay */
    struct period *current;
    bool flying; /* a reader makes the next view */
    uint64_t flights;
    enum assay_status landed; /* how the last flight ended */
    struct assay_error error;
};

struct assay_periods {
    pthread_mutex_t lock; /* guards all below; never held while the database is asked or rows are worked out */
    pthread_cond_t moved; /* a flight has ended */
    struct slot *first, *last;
    size_t limit, n;
    struct assay_period_stats stats;
};

struct assay_periods *assay_periods_new(size_t limit) {
    struct assay_periods *p = assay_xcalloc(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->moved, NULL);
    p->limit = limit;
    return p;
}

static void release_period(void *what) {
    struct period *p = what;
    if (!p || atomic_fetch_sub(&p->refs, 1) > 1) return;
    assay_config_release(p->view.snapshot);
    free(p->rows);
    free(p->by_id);
    free(p);
}

void assay_periods_free(struct assay_periods *p) {
    if (!p) return;
    for (struct slot *s = p->first, *next; s; s = next) {
        next = s->next;
        release_period(s->current);
        free(s);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->moved);
    free(p);
}

void assay_period_stats(struct assay_service *s, struct assay_period_stats *out) {
    pthread_mutex_lock(&s->periods->lock);
    *out = s->periods->stats;
    out->views = s->periods->n;
    pthread_mutex_unlock(&s->periods->lock);
}

/* --- slots, with the lock held ------------------------------------------------------------------------------------------ */

static void unlink_slot(struct assay_periods *p, struct slot *s) {
    *(s->prev ? &s->prev->next : &p->first) = s->next;
    *(s->next ? &s->next->prev : &p->last) = s->prev;
    s->prev = s->next = NULL;
}

static void push_slot(struct assay_periods *p, struct slot *s) {
    s->next = p->first;
    *(p->first ? &p->first->prev : &p->last) = s;
    p->first = s;
}

/* The slot, made where it is not there, now the last used; for one user more. */
static struct slot *take_slot(struct assay_periods *p, int16_t scheme_id, assay_month month) {
    struct slot *s = p->first;
    while (s && !(s->scheme_id == scheme_id && s->month == month)) s = s->next;
    if (s) {
        unlink_slot(p, s);
    } else {
        s = assay_xcalloc(1, sizeof *s);
        s->scheme_id = scheme_id;
        s->month = month;
        p->n++;
    }
    push_slot(p, s);
    s->users++;
    return s;
}

static void leave_slot(struct assay_periods *p, struct slot *s) {
    s->users--;
    for (struct slot *old = p->last, *prev; old && (p->stats.bytes > p->limit || p->n > VIEWS_MAX); old = prev) {
        prev = old->prev;
        if (old->users) continue;
        if (old->current) p->stats.bytes -= old->current->bytes;
        release_period(old->current);
        unlink_slot(p, old);
        free(old);
        p->n--;
    }
}

static void publish(struct assay_periods *p, struct slot *s, struct period *fresh) {
    if (s->current) p->stats.bytes -= s->current->bytes;
    release_period(s->current);
    s->current = fresh;
    p->stats.bytes += fresh->bytes;
}

/* --- what a period is worked out from ------------------------------------------------------------------------------------ */

struct period_rows {
    const int32_t *ids; /* of these providers, ascending; NULL: of all */
    size_t n_ids;
    struct assay_window_row *windows;
    struct assay_pay_row *pays;
    size_t n_windows, n_pays;
};

/* Tallies, pay and the configuration's revision from one snapshot. ASSAY_RETRY where the configuration that is pinned is
 * not the one they were counted under. */
static enum assay_status load_rows(struct assay_session *s, const struct assay_period_view *v, struct period_rows *rows,
                                   struct assay_error *e) {
    const struct assay_scheme *sc = v->scheme;
    /* An open order opened before the scheme is out of its scope. */
    assay_instant open_from = assay_zone_instant(sc->zone, sc->starts, 0);
    assay_instant open_before = assay_zone_instant(sc->zone, assay_month_first(v->period + 1), 0);
    int64_t revision = 0;
    enum assay_status st = assay_db_begin(s->db, true, e);
    if (!st) st = assay_store_config_revision(s->db, &revision, e);
    if (!st && revision != s->config->revision) st = assay_fail(e, ASSAY_RETRY, "", "the configuration moved");
    if (!st)
        st = assay_store_window(s->db, v->config->id, rows->ids, rows->n_ids, v->period - sc->window_months + 1, v->period,
                                open_from, open_before, &s->arena, &rows->windows, &rows->n_windows, e);
    if (!st)
        st = assay_store_pays(s->db, v->config->id, rows->ids, rows->n_ids, v->period, &s->arena, &rows->pays, &rows->n_pays, e);
    if (!st) st = assay_db_commit(s->db, e);
    else assay_db_rollback(s->db);
    return st;
}

/* --- working out ---------------------------------------------------------------------------------------------------------- */

struct working {
    const struct assay_period_view *view;
    const struct period_rows *from;
    size_t at_window, at_pay; /* both lists come by provider_id, as providers are asked for */
    struct assay_pay_group *groups;
};

static enum assay_status work_out(struct working *w, const struct assay_config_provider *provider, struct assay_evaluated *row,
                                  struct assay_error *e) {
    static const struct assay_window_row none = {.last_record_at = ASSAY_NO_INSTANT};
    const struct period_rows *from = w->from;
    size_t count = 0;
    while (w->at_window < from->n_windows && from->windows[w->at_window].provider_id < provider->id) w->at_window++;
    bool there = w->at_window < from->n_windows && from->windows[w->at_window].provider_id == provider->id;
    const struct assay_window_row *counts = there ? &from->windows[w->at_window] : &none;
    memset(row, 0, sizeof *row);
    row->provider = provider;
    row->last_record_at = counts->last_record_at;
    if (assay_evaluate(w->view->scheme, w->view->period, counts->counts, counts->open, &row->evaluation))
        return assay_fail(e, ASSAY_OVERFLOW, "", "the evaluation of %.*s is too large to be exact",
                          ASSAY_STR_ARG(provider->code));
    while (w->at_pay < from->n_pays && from->pays[w->at_pay].provider_id < provider->id) w->at_pay++;
    for (; w->at_pay < from->n_pays && from->pays[w->at_pay].provider_id == provider->id; w->at_pay++)
        w->groups[count++] = (struct assay_pay_group){from->pays[w->at_pay].rate, from->pays[w->at_pay].orders};
    if (assay_pay_compute(&row->evaluation, w->groups, count, &row->compensation))
        return assay_fail(e, ASSAY_OVERFLOW, "", "the compensation of %.*s is too large to be exact",
                          ASSAY_STR_ARG(provider->code));
    return ASSAY_OK;
}

/* Those asked for into their places among `rows`, which are by provider_id without holes; place[id] is the index. */
static enum assay_status work_out_rows(struct assay_session *s, const struct assay_period_view *v, const struct period_rows *from,
                                       struct assay_evaluated *rows, const uint32_t *place, struct assay_error *e) {
    const struct assay_config *cfg = s->config;
    struct working w = {
        .view = v, .from = from, .groups = assay_arena_alloc(&s->arena, (from->n_pays + 1) * sizeof(struct assay_pay_group))};
    size_t n = from->ids ? from->n_ids : (size_t)cfg->max_id + 1;
    for (size_t i = 0; i < n; i++) {
        int32_t id = from->ids ? from->ids[i] : (int32_t)i;
        const struct assay_config_provider *p = assay_config_provider_by_id(cfg, id);
        enum assay_status st = p ? work_out(&w, p, &rows[place[id]], e) : ASSAY_OK;
        if (st) return st;
    }
    return ASSAY_OK;
}

/* Most of a row is room for indicators that its scheme does not have: left as it is. */
static void copy_row(struct assay_evaluated *to, const struct assay_evaluated *from) {
    size_t begin = offsetof(struct assay_evaluated, evaluation.indicators), end = begin + sizeof from->evaluation.indicators;
    memcpy(to, from, begin + from->evaluation.n_indicators * sizeof from->evaluation.indicators[0]);
    memcpy((char *)to + end, (const char *)from + end, sizeof *to - end);
}

/* Into ranking order. `rows` are given a rank on the way. */
static void rank_into(struct period *p, struct assay_evaluated *rows, size_t n, struct assay_arena *a) {
    struct assay_ranked *ranked = assay_arena_alloc(a, (n + 1) * sizeof *ranked);
    for (size_t i = 0; i < n; i++) ranked[i] = (struct assay_ranked){rows[i].provider->code, &rows[i].evaluation};
    assay_evaluations_rank(ranked, n);
    /* The evaluation is a member, so its row is found by address. */
    int32_t with_rank = 0;
    for (size_t i = 0; i < n; i++) {
        size_t index = (size_t)((char *)ranked[i].evaluation - (char *)&rows[0].evaluation) / sizeof *rows;
        copy_row(&p->rows[i], &rows[index]);
        p->by_id[p->rows[i].provider->id] = &p->rows[i];
        with_rank += p->rows[i].evaluation.rank > 0;
    }
    for (size_t i = 0; i < n; i++) p->rows[i].ranked = with_rank;
}

/* A view from what was loaded and, for the other providers, from the one before. */
static enum assay_status make_period(struct assay_session *s, const struct assay_period_view *v, const struct period_rows *from,
                                     const struct period *before, uint64_t stamp, struct period **out, struct assay_error *e) {
    const struct assay_config *cfg = s->config;
    size_t n = cfg->n_providers, slots = (size_t)cfg->max_id + 1, at = 0;
    struct assay_evaluated *rows = assay_arena_alloc(&s->arena, (n + 1) * sizeof *rows);
    uint32_t *place = assay_arena_alloc(&s->arena, slots * sizeof *place);
    for (size_t id = 0; id < slots; id++) {
        if (!cfg->by_id[id]) continue;
        if (from->ids && before) copy_row(&rows[at], before->view.by_id[id]);
        place[id] = (uint32_t)at++;
    }
    enum assay_status st = work_out_rows(s, v, from, rows, place, e);
    if (st) return st;
    struct period *p = assay_xcalloc(1, sizeof *p);
    atomic_init(&p->refs, 1);
    p->view = *v;
    p->stamp = stamp;
    p->rows = assay_xmalloc((n + 1) * sizeof *p->rows);
    p->by_id = assay_xcalloc(slots, sizeof *p->by_id);
    p->bytes = sizeof *p + n * sizeof *p->rows + slots * sizeof *p->by_id;
    rank_into(p, rows, n, &s->arena);
    p->view.rows = p->rows;
    p->view.by_id = p->by_id;
    p->view.n = n;
    p->view.snapshot = assay_service_config(s->service);
    if (p->view.snapshot != cfg) { /* it has moved meanwhile: nobody would take this view */
        release_period(p);
        return assay_fail(e, ASSAY_RETRY, "", "the configuration moved");
    }
    *out = p;
    return ASSAY_OK;
}

/* The view that follows `before` (NULL: there is none); `before` itself, good up to *stamp, where nothing of it changed. */
static enum assay_status follow(struct assay_session *s, const struct assay_period_view *v, struct period *before,
                                struct period_rows *rows, uint64_t *stamp, struct period **out, struct assay_error *e) {
    const struct assay_config *cfg = s->config;
    size_t max = cfg->n_providers / 2 + 1; /* beyond it one pass over all is quicker */
    int32_t *ids = assay_arena_alloc(&s->arena, max * sizeof *ids);
    bool same = before && before->view.snapshot == cfg;
    size_t n = assay_revisions_since(s->service->revisions, same ? before->stamp : 0, ids, max, stamp);
    *rows = (struct period_rows){0};
    if (same && n == 0) {
        *out = before;
        return ASSAY_OK;
    }
    if (same && n < max) rows->ids = ids, rows->n_ids = n;
    enum assay_status st = load_rows(s, v, rows, e);
    return st ? st : make_period(s, v, rows, before, *stamp, out, e);
}

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

enum assay_status assay_period_find(struct assay_session *s, const struct assay_config *cfg, struct assay_str scheme,
                                    struct assay_str period, struct assay_period_view *out, struct assay_error *e) {
    memset(out, 0, sizeof *out);
    out->config = assay_config_scheme(cfg, scheme);
    if (!out->config) return assay_no_such(e, "scheme", scheme);
    if (assay_month_parse(period, &out->period)) return assay_fail(e, ASSAY_NOT_FOUND, "", "a period is a month such as 2001-02");
    assay_date first = assay_month_first(out->period), last = assay_month_first(out->period + 1) - 1;
    out->scheme = assay_scheme_on(&out->config->versions, last);
    assay_date today = assay_zone_date(out->scheme->zone, assay_service_now(s->service), NULL);
    if (first > today) return assay_fail(e, ASSAY_NOT_FOUND, "", "the period has not begun");
    if (last < out->scheme->starts) return assay_fail(e, ASSAY_NOT_FOUND, "", "the period ended before the scheme began");
    const struct assay_config_rates *rates = assay_config_rates(cfg, out->scheme->rates_code);
    if (rates) {
        memcpy(out->currency, rates->rates->currency, sizeof out->currency);
        out->minor_digits = rates->rates->minor_digits;
    }
    return ASSAY_OK;
}

/* Make the slot's next view; the lock is let go meanwhile. */
static enum assay_status fly(struct assay_periods *p, struct slot *slot, struct assay_session *s,
                             const struct assay_period_view *v, struct assay_error *e) {
    struct period *before = slot->current, *fresh = NULL; /* it stays: the slot has users, and only a flight replaces it */
    struct period_rows rows;
    uint64_t stamp = 0;
    slot->flying = true;
    pthread_mutex_unlock(&p->lock);
    enum assay_status st = follow(s, v, before, &rows, &stamp, &fresh, e);
    pthread_mutex_lock(&p->lock);
    if (fresh && fresh == before) {
        before->stamp = stamp;
    } else if (fresh) {
        publish(p, slot, fresh);
        p->stats.refreshes++;
        p->stats.full += rows.ids == NULL;
        p->stats.rows += rows.ids ? rows.n_ids : fresh->view.n;
    }
    slot->flying = false;
    slot->flights++;
    slot->landed = st;
    if (st && e) slot->error = *e;
    pthread_cond_broadcast(&p->moved);
    return st;
}

/* A view of the pinned configuration that holds everything noted up to `needed`. Whoever joined a flight that failed has
 * failed with it: a database that hangs would else hold them one after the other. */
static enum assay_status take_period(struct assay_session *s, const struct assay_period_view *v, uint64_t needed,
                                     struct period **out, struct assay_error *e) {
    struct assay_periods *p = s->service->periods;
    enum assay_status st = ASSAY_OK;
    *out = NULL;
    pthread_mutex_lock(&p->lock);
    struct slot *slot = take_slot(p, v->config->id, v->period);
    p->stats.reads++;
    while (!st && !*out) {
        struct period *c = slot->current;
        if (c && c->view.snapshot == s->config && c->stamp >= needed) {
            atomic_fetch_add(&c->refs, 1);
            *out = c;
        } else if (!slot->flying) {
            st = fly(p, slot, s, v, e);
        } else {
            uint64_t joined = slot->flights;
            while (slot->flights == joined) pthread_cond_wait(&p->moved, &p->lock);
            st = slot->landed;
            if (st && e) *e = slot->error;
        }
    }
    leave_slot(p, slot);
    pthread_mutex_unlock(&p->lock);
    return st;
}

enum assay_status assay_read_period(struct assay_session *s, struct assay_str scheme, struct assay_str period,
                                    struct assay_period_view *out, struct assay_error *e) {
    struct assay_stamp now;
    enum assay_status st = ASSAY_OK;
    if (!assay_revisions_stamp(s->service->revisions, -1, &now)) {
        if ((st = assay_session_look(s, e))) return st;
        (void)assay_revisions_stamp(s->service->revisions, -1, &now);
    }
    for (int try = 0; try < TRIES; try++) {
        struct period *p = NULL;
        if (try > 0 && (st = assay_session_refresh(s, e))) return st;
        st = assay_period_find(s, assay_session_repin(s), scheme, period, out, e);
        if (!st) st = take_period(s, out, now.network, &p, e);
        if (st == ASSAY_RETRY) continue;
        if (st) return st;
        assay_session_hold(s, release_period, p);
        *out = p->view;
        return ASSAY_OK;
    }
    return st;
}

const struct assay_evaluated *assay_period_provider(const struct assay_period_view *v, struct assay_str provider) {
    const struct assay_config_provider *p = assay_config_provider(v->snapshot, provider);
    return p ? v->by_id[p->id] : NULL;
}
