/* changes.c -- reading the feed of changes: from a position to the next, each row told as what a caller may read again.
 *
 * Over all providers the order is that of places, below the horizon: no row can come to be behind a position that was given
 * out. Of one provider it is that of its sequence, which its lock makes; the configuration's changes have a sequence of their
 * own beside it. */
#include <stdlib.h>

#include "service/internal.h"

/* --- telling --------------------------------------------------------------------------------------------------------------- */

struct telling {
    const struct assay_config *cfg;
    assay_instant now;
    struct assay_arena *a;
    struct assay_change_item *items;
    size_t n, cap;
    bool stale; /* a row names what this configuration does not have yet */
};

static struct assay_change_item *add_item(struct telling *t, struct assay_change_item item) {
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        struct assay_change_item *more = assay_arena_alloc(t->a, cap * sizeof *more);
        if (t->n) memcpy(more, t->items, t->n * sizeof *more);
        t->items = more;
        t->cap = cap;
    }
    t->items[t->n] = item;
    return &t->items[t->n++];
}

static const struct assay_config_scheme *scheme_by_id(struct telling *t, int16_t id) {
    for (size_t i = 0; i < t->cfg->n_schemes; i++)
        if (t->cfg->schemes[i].id == id) return &t->cfg->schemes[i];
    t->stale = true;
    return NULL;
}

struct moved_period {
    assay_month period;
    bool evaluation; /* and with it the statement; else the statement alone */
};

static int by_period(const void *x, const void *y) {
    const struct moved_period *a = x, *b = y;
    if (a->period != b->period) return a->period < b->period ? -1 : 1;
    return b->evaluation - a->evaluation;
}

/* A period that reads know: it has begun, and did not end before the scheme began. */
static bool can_be_read(const struct telling *t, const struct assay_scheme *s, assay_month period) {
    assay_date today = assay_zone_date(s->zone, t->now, NULL);
    return assay_month_first(period) <= today && assay_month_first(period + 1) - 1 >= s->starts;
}

/* Periods whose window holds the month. */
static void add_periods(const struct telling *t, const struct assay_config_scheme *sc, const struct assay_effect *x,
                        struct moved_period *out, size_t *n) {
    for (int32_t k = 0; k < ASSAY_CHANGE_WINDOW_MAX; k++) {
        assay_month period = x->month + k;
        const struct assay_scheme *s = assay_scheme_on(&sc->versions, assay_month_first(period + 1) - 1);
        bool holds = x->counts && k < s->window_months;
        if ((holds || (k == 0 && x->pay)) && can_be_read(t, s, period)) out[(*n)++] = (struct moved_period){period, holds};
    }
}

static size_t count_months(struct assay_str effects) {
    struct assay_effect x;
    size_t n = 0;
    while (assay_effect_next(&effects, &x)) n += x.month != ASSAY_NO_MONTH;
    return n;
}

/* The effects of one scheme's months, which stand together: each period once. */
static void tell_months(struct telling *t, const struct assay_change_item *base, const struct assay_config_scheme *sc,
                        struct moved_period *periods, size_t n) {
    if (n) qsort(periods, n, sizeof *periods, by_period);
    for (size_t i = 0; i < n; i++) {
        if (i && periods[i - 1].period == periods[i].period) continue; /* one with the evaluation comes first */
        struct assay_change_item item = *base;
        item.scheme = sc->code;
        item.period = periods[i].period;
        item.kind = ASSAY_CHANGED_EVALUATION;
        if (periods[i].evaluation) add_item(t, item);
        item.kind = ASSAY_CHANGED_STATEMENT;
        add_item(t, item);
    }
}

static void tell_effects(struct telling *t, const struct assay_change_item *base, struct assay_str order,
                         struct assay_str effects) {
    struct assay_effect x;
    size_t n = 0, months = count_months(effects);
    struct moved_period *periods = assay_arena_alloc(t->a, (months * ASSAY_CHANGE_WINDOW_MAX + 1) * sizeof *periods);
    const struct assay_config_scheme *sc = NULL;
    while (assay_effect_next(&effects, &x)) {
        const struct assay_config_scheme *now = scheme_by_id(t, x.scheme_id);
        if (!now) return;
        if (x.month == ASSAY_NO_MONTH) {
            struct assay_change_item item = *base;
            item.kind = ASSAY_CHANGED_VERDICT;
            item.order = order;
            item.scheme = now->code;
            item.outcome = x.outcome;
            add_item(t, item);
            continue;
        }
        if (now != sc) {
            if (sc) tell_months(t, base, sc, periods, n);
            sc = now;
            n = 0;
        }
        add_periods(t, now, &x, periods, &n);
    }
    if (sc) tell_months(t, base, sc, periods, n);
}

static void tell_configuration(struct telling *t, const struct assay_change_row *row) {
    static const char *const documents[] = {"provider", "providers", "calendar", "rates", "scheme", "figures"};
    bool of_provider = row->what == ASSAY_CHANGE_PROVIDER || row->what == ASSAY_CHANGE_RECOMPUTED;
    add_item(t, (struct assay_change_item){.kind = ASSAY_CHANGED_CONFIGURATION,
                                           .seq = row->seq,
                                           .provider = of_provider ? row->name : ASSAY_STR_NONE,
                                           .period = ASSAY_NO_MONTH,
                                           .document = documents[row->what - ASSAY_CHANGE_PROVIDER],
                                           .code = row->name});
}

/* only: the provider whose feed it is; changes of others' configuration are not in it. */
static void tell_row(struct telling *t, const struct assay_change_row *row, const struct assay_config_provider *only) {
    if (row->provider_id == 0) {
        bool others = (row->what == ASSAY_CHANGE_PROVIDER || row->what == ASSAY_CHANGE_RECOMPUTED) && only &&
                      !assay_str_eq(row->name, only->code);
        if (!others) tell_configuration(t, row);
        return;
    }
    const struct assay_config_provider *p = assay_config_provider_by_id(t->cfg, row->provider_id);
    if (!p) {
        t->stale = true;
        return;
    }
    struct assay_change_item base = {.seq = row->seq, .provider = p->code, .period = ASSAY_NO_MONTH};
    if (row->what == ASSAY_CHANGE_ORDER) {
        struct assay_change_item order = base;
        order.kind = ASSAY_CHANGED_ORDER;
        order.order = row->name;
        add_item(t, order);
    }
    tell_effects(t, &base, row->name, row->effects);
}

/* Rows may be of providers and schemes that another daemon registered a moment ago: the configuration is read again. */
static enum assay_status tell(struct assay_session *s, const struct assay_change_row *rows, size_t n, struct assay_str provider,
                              struct assay_changes_page *page, struct assay_error *e) {
    for (int try = 0; try < 2; try++) {
        struct telling t = {.cfg = assay_session_pin(s), .now = assay_service_now(s->service), .a = &s->arena};
        const struct assay_config_provider *only = provider.p ? assay_config_provider(t.cfg, provider) : NULL;
        for (size_t i = 0; i < n && !t.stale; i++) tell_row(&t, &rows[i], only);
        page->items = t.items;
        page->n = t.n;
        if (!t.stale) return ASSAY_OK;
        assay_session_unpin(s);
        enum assay_status st = assay_session_refresh(s, e);
        if (st) return st;
    }
    return assay_fail(e, ASSAY_RETRY, "", "the feed is ahead of the configuration");
}

/* --- reading --------------------------------------------------------------------------------------------------------------- */

static enum assay_status expired(struct assay_error *e, const char *why) {
    return assay_fail(e, ASSAY_CURSOR_EXPIRED, "after",
                      "%s: take a new cursor (the same request without `after`), read everything, then follow that cursor", why);
}
static const char *const elsewhere = "the cursor was given before the database was restored or taken over by another server",
                         *const not_kept = "changes behind the cursor are not kept any more",
                         *const beyond = "the feed has not come as far as that";

static int compare_at(const struct assay_change_at *x, const struct assay_change_at *y) {
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    if (x->provider_id != y->provider_id) return x->provider_id < y->provider_id ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static enum assay_status check_position(const struct assay_changes_position *from, const struct assay_feed *feed,
                                        struct assay_error *e) {
    if (from->era != feed->era) return expired(e, elsewhere);
    if (compare_at(&from->at, &feed->floor) < 0) return expired(e, not_kept);
    return from->at.place >= feed->horizon ? expired(e, beyond) : ASSAY_OK;
}

/* The next position is that of the last row that was seen, not the horizon: while nothing changes, the reply does not. */
static enum assay_status read_all(struct assay_session *s, const struct assay_changes_position *from, int limit,
                                  struct assay_changes_page *page, bool *at_home, struct assay_error *e) {
    struct assay_feed feed;
    struct assay_change_row *rows;
    size_t n = 0;
    bool now = from->from == ASSAY_CHANGES_FROM_NOW;
    enum assay_status st = now ? assay_store_changes_end(s->db, &feed, e)
                               : assay_store_changes(s->db, &from->at, limit + 1, &s->arena, &feed, &rows, &n, e);
    *at_home = st || feed.at_home;
    if (st || !feed.at_home) return st;
    page->next = (struct assay_changes_position){
        .from = ASSAY_CHANGES_FROM_CURSOR, .era = feed.era, .at = now ? feed.floor : from->at};
    if (now) return ASSAY_OK;
    if ((st = check_position(from, &feed, e))) return st;
    page->more = n > (size_t)limit;
    if (page->more) n = (size_t)limit;
    if (n) page->next.at = (struct assay_change_at){rows[n - 1].place, rows[n - 1].provider_id, rows[n - 1].seq};
    return tell(s, rows, n, ASSAY_STR_NONE, page, e);
}

static enum assay_status check_position_of(const struct assay_changes_position *from, const struct assay_feed_of *feed,
                                           struct assay_error *e) {
    if (from->from == ASSAY_CHANGES_FROM_NOW) return ASSAY_OK;
    if (from->from == ASSAY_CHANGES_FROM_CURSOR) {
        if (from->era != feed->era) return expired(e, elsewhere);
        if (from->revision < feed->revision_floor) return expired(e, not_kept);
        if (from->revision > feed->revision) return expired(e, beyond);
    }
    if (from->at.seq < feed->seq_floor) return expired(e, not_kept);
    return from->at.seq > feed->head ? expired(e, beyond) : ASSAY_OK;
}

/* The configuration's changes come first, then the provider's; a page may end among either. */
static void end_page_of(const struct assay_change_row *rows, size_t *n, size_t n_all, int limit, const struct assay_feed_of *feed,
                        struct assay_changes_page *page) {
    size_t of_configuration = 0;
    while (of_configuration < n_all && rows[of_configuration].provider_id == 0) of_configuration++;
    *n = n_all < (size_t)limit ? n_all : (size_t)limit;
    page->more = n_all > *n;
    bool within = *n < of_configuration; /* the page ends among the configuration's */
    if (!page->more || !within) page->next.revision = feed->revision;
    else if (*n) page->next.revision = rows[*n - 1].seq;
    if (!page->more) page->next.at.seq = feed->head;
    else if (*n > of_configuration) page->next.at.seq = rows[*n - 1].seq;
}

static enum assay_status read_of(struct assay_session *s, struct assay_str provider, const struct assay_changes_position *from,
                                 int limit, struct assay_changes_page *page, bool *at_home, struct assay_error *e) {
    struct assay_feed_of feed;
    struct assay_change_row *rows;
    size_t n, n_all;
    bool now = from->from == ASSAY_CHANGES_FROM_NOW;
    int64_t seq = now ? INT64_MAX : from->at.seq, revision = now ? INT64_MAX : from->revision;
    /* A bare sequence says nothing of the configuration: all that is kept of that is told. */
    if (from->from == ASSAY_CHANGES_FROM_SEQ) revision = 0;
    enum assay_status st = assay_store_changes_of(s->db, from->provider_id, seq, revision, limit + 1, &s->arena, &feed, &rows,
                                                  &n_all, e);
    *at_home = st || feed.at_home;
    if (st || !feed.at_home) return st;
    if ((st = check_position_of(from, &feed, e))) return st;
    page->next = (struct assay_changes_position){.from = ASSAY_CHANGES_FROM_CURSOR,
                                                 .provider_id = from->provider_id,
                                                 .era = feed.era,
                                                 .revision = now ? feed.revision : revision,
                                                 .at.seq = now ? feed.head : seq};
    end_page_of(rows, &n, n_all, limit, &feed, page);
    return tell(s, rows, n, provider, page, e);
}

enum assay_status assay_read_changes(struct assay_session *s, struct assay_str provider,
                                     const struct assay_changes_position *from, int limit, struct assay_changes_page *page,
                                     struct assay_error *e) {
    enum assay_status st = ASSAY_OK;
    bool at_home = false;
    memset(page, 0, sizeof *page);
    for (int try = 0; !st && !at_home && try < 3; try++) {
        st = provider.p ? read_of(s, provider, from, limit, page, &at_home, e) : read_all(s, from, limit, page, &at_home, e);
        if (!st && !at_home) st = assay_store_feed_renew(s->db, e);
    }
    return !st && !at_home ? assay_fail(e, ASSAY_RETRY, "", "the database keeps changing its place") : st;
}
