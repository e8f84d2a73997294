/* completeness.c -- is what was sent for a period all there is? So that a missing upload never looks like good work. */
#include <stdlib.h>

#include "service/internal.h"

/* The counts of one period for some providers, from one snapshot. */
struct counts {
    struct assay_record_counts *records; /* by provider_id; not of all */
    struct assay_order_counts *orders;   /* by provider_id, of all */
    struct assay_order_row *unopened;    /* by provider_id */
    size_t n_records, n_unopened;
};
struct span {
    assay_instant from, to;
};

static bool lies_in(const struct span *s, assay_instant t) { return t >= s->from && t < s->to; }

/* --- orders that may have no opening --------------------------------------------------------------------------------- */

/* What an order without an opening takes from completeness; nothing where its records hold one after all. */
static void count_unopened(const struct assay_order_row *o, const struct assay_folded_record *records, size_t n,
                           const struct span *span, struct assay_completeness *c) {
    int64_t orphans = 0, surveys = 0;
    for (size_t i = 0; i < n; i++) {
        const struct assay_record *r = &records[i].record;
        if (records[i].voided) continue;
        if (r->type == ASSAY_ORDER_OPENED) return;
        if (!lies_in(span, r->at)) continue;
        if (r->kind == ASSAY_KIND_SURVEY) surveys++;
        else orphans++;
    }
    if (o->state == ASSAY_STATE_NONE) { /* only responses name it: it does not exist */
        c->missing[ASSAY_MISSING_SURVEYS_UNKNOWN] += surveys;
        return;
    }
    if (o->opened_at == ASSAY_NO_INSTANT) c->missing[ASSAY_MISSING_ORPHAN_RECORDS] += orphans;
    else if (lies_in(span, o->opened_at)) c->missing[ASSAY_MISSING_NEVER_OPENED]++;
    if (o->closed_at != ASSAY_NO_INSTANT && lies_in(span, o->closed_at)) c->missing[ASSAY_MISSING_CLOSED_WITHOUT_OPENING]++;
}

/* --- one provider ----------------------------------------------------------------------------------------------------- */

static void take_orders(const struct assay_order_counts *o, struct assay_completeness *c) {
    c->opened = o->opened - c->missing[ASSAY_MISSING_NEVER_OPENED];
    c->open = o->open;
    c->cancelled = o->cancelled;
    c->closed = o->closed;
    c->last_record_at = o->last_record_at;
    for (int k = 0; k < 4; k++) c->missing[ASSAY_MISSING_OPEN + k] = o->undetermined[k];
}

static void take_records(const struct assay_record_counts *r, struct assay_arena *a, struct assay_completeness *c) {
    c->dispatched = r->dispatched;
    c->missing[ASSAY_MISSING_SILENT_DAYS] = r->silent_days;
    for (int k = 0; k < ASSAY_KIND_COUNT; k++) {
        c->kinds[k].count = r->kinds[k].count;
        c->kinds[k].last_received_at = r->kinds[k].last_received_at;
    }
    if (!r->last_upload) return;
    char *text = assay_arena_alloc(a, ASSAY_UPLOAD_ID_TEXT);
    assay_upload_id_format(r->last_upload, text);
    c->last_upload = assay_str_c(text);
}

static enum assay_status work_out(struct assay_session *s, const struct counts *from, const int32_t *ids, size_t n,
                                  const struct span *span, bool running, struct assay_completeness *out, struct assay_error *e) {
    size_t at_record = 0, at_order = 0;
    for (size_t i = 0; i < n; i++) {
        struct assay_completeness *c = &out[i];
        *c = (struct assay_completeness){.provider = s->config->by_id[ids[i]]->code, .last_upload = ASSAY_STR_NONE};
        for (int k = 0; k < ASSAY_KIND_COUNT; k++) c->kinds[k].last_received_at = ASSAY_NO_INSTANT;
        for (; at_order < from->n_unopened && from->unopened[at_order].key.provider_id == ids[i]; at_order++) {
            struct assay_folded_record *records;
            size_t n_records;
            const struct assay_order_row *o = &from->unopened[at_order];
            enum assay_status st = assay_packed_read(o->packed, &s->arena, &records, &n_records, e);
            if (st) return st;
            count_unopened(o, records, n_records, span, c);
        }
        while (at_record < from->n_records && from->records[at_record].provider_id < ids[i]) at_record++;
        if (at_record < from->n_records && from->records[at_record].provider_id == ids[i])
            take_records(&from->records[at_record], &s->arena, c);
        take_orders(&from->orders[i], c);
        c->missing[ASSAY_MISSING_PERIOD_RUNNING] = running;
        c->missing[ASSAY_MISSING_NO_RECORDS] = c->kinds[ASSAY_KIND_REPAIR].count == 0;
    }
    return ASSAY_OK;
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

/* The beginnings of the period's days that are over, and the end of the last. */
static size_t days_over(const struct assay_zone *zone, assay_month period, assay_date today, assay_instant *days) {
    assay_date first = assay_month_first(period), end = assay_month_first(period + 1);
    size_t n = 0;
    if (today < end) end = today;
    for (assay_date d = first; d <= end; d++) days[n++] = assay_zone_instant(zone, d, 0);
    return n;
}

static enum assay_status load(struct assay_session *s, const struct assay_period_view *v, const int32_t *ids, size_t n,
                              const struct span *span, bool one, struct counts *out, struct assay_error *e) {
    const struct assay_zone *zone = v->scheme->zone;
    assay_instant days[33];
    size_t n_days = days_over(zone, v->period, assay_zone_date(zone, assay_service_now(s->service), NULL), days);
    int64_t revision = 0;
    enum assay_status st = assay_db_begin(s->db, true, e);
    if (!st) st = assay_store_config_revision(s->db, &revision, e);
    if (!st && revision != s->config->revision) st = assay_fail(e, ASSAY_RETRY, "", "the configuration moved");
    if (!st)
        st = assay_store_record_counts(s->db, one ? ids[0] : 0, span->from, span->to, days, n_days, &s->arena, &out->records,
                                       &out->n_records, e);
    if (!st)
        st = assay_store_order_counts(s->db, ids, n, v->config->id, v->period, span->from, span->to, &s->arena, &out->orders, e);
    if (!st) st = assay_store_unopened(s->db, ids, n, span->from, span->to, &s->arena, &out->unopened, &out->n_unopened, e);
    if (!st) st = assay_db_commit(s->db, e);
    else assay_db_rollback(s->db);
    return st;
}

static int by_code(const void *x, const void *y) {
    return assay_str_cmp(((const struct assay_completeness *)x)->provider, ((const struct assay_completeness *)y)->provider);
}

/* The provider, or all, ascending by id. */
static enum assay_status choose(struct assay_session *s, struct assay_str provider, int32_t **ids, size_t *n,
                                struct assay_error *e) {
    const struct assay_config *cfg = s->config;
    *ids = assay_arena_alloc(&s->arena, (cfg->n_providers + 1) * sizeof **ids);
    *n = 0;
    if (!provider.p) {
        for (int32_t id = 0; id <= cfg->max_id; id++)
            if (cfg->by_id[id]) (*ids)[(*n)++] = id;
        return ASSAY_OK;
    }
    const struct assay_config_provider *p = assay_config_provider(cfg, provider);
    if (!p)
        return assay_fail(e, ASSAY_NOT_FOUND, "", "there is no provider %.*s", (int)(provider.n < 64 ? provider.n : 64),
                          provider.p);
    (*ids)[(*n)++] = p->id;
    return ASSAY_OK;
}

/* As often as the configuration may move while it is read. */
#define TRIES 5

enum assay_status assay_read_completeness(struct assay_session *s, struct assay_str provider, struct assay_str scheme,
                                          struct assay_str period, struct assay_completeness_view *out, struct assay_error *e) {
    struct assay_period_view v;
    struct counts counts = {0};
    struct span span = {0};
    int32_t *ids = NULL;
    size_t n = 0;
    enum assay_status st = ASSAY_RETRY;
    for (int try = 0; st == ASSAY_RETRY && try < TRIES; try++) {
        if (try > 0) {
            assay_session_unpin(s);
            if ((st = assay_session_refresh(s, e))) return st;
        }
        st = assay_period_find(s, assay_session_pin(s), scheme, period, &v, e);
        if (!st) st = choose(s, provider, &ids, &n, e);
        if (st) return st;
        span = (struct span){assay_zone_instant(v.scheme->zone, assay_month_first(v.period), 0),
                             assay_zone_instant(v.scheme->zone, assay_month_first(v.period + 1), 0)};
        st = load(s, &v, ids, n, &span, provider.p != NULL, &counts, e);
    }
    if (st) return st;
    *out = (struct assay_completeness_view){.config = v.config, .period = v.period, .n = n};
    out->rows = assay_arena_alloc(&s->arena, (n + 1) * sizeof *out->rows);
    st = work_out(s, &counts, ids, n, &span, assay_service_now(s->service) < span.to, out->rows, e);
    if (!st && n) qsort(out->rows, n, sizeof *out->rows, by_code);
    return st;
}
