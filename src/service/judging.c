/* judging.c -- one order under one scheme, the way ingest, refolding, reads and verification all do it; and the sums of
 * what that adds to the tallies. */
#include <stdlib.h>

#include "service/internal.h"

enum assay_status assay_packed_read(struct assay_str packed, struct assay_arena *a, struct assay_folded_record **recs, size_t *n,
                                    struct assay_error *e) {
    size_t cap = 16, count = 0, pos = 1;
    if (packed.n == 0 || packed.p[0] != ASSAY_PACK_VERSION)
        return assay_fail(e, ASSAY_INTERNAL, "", "packed records of another version: run assayd recompute --repair");
    struct assay_folded_record *list = assay_arena_alloc(a, cap * sizeof *list);
    while (pos < packed.n) {
        if (count == cap) {
            struct assay_folded_record *more = assay_arena_alloc(a, 2 * cap * sizeof *more);
            list = memcpy(more, list, cap * sizeof *more);
            cap *= 2;
        }
        enum assay_status st = assay_record_unpack(packed, &pos, a, &list[count].record, &list[count].voided);
        if (st) return assay_fail(e, st, "", "packed records are damaged: run assayd recompute --repair");
        count++;
    }
    *recs = list;
    *n = count;
    return ASSAY_OK;
}

void assay_packed_begin(struct assay_buf *b) { assay_buf_addc(b, ASSAY_PACK_VERSION); }

static const struct assay_calendar *calendar_of(void *ctx, const char *code) {
    const struct assay_config_calendar *c = assay_config_calendar(ctx, code);
    return c ? c->calendar : NULL;
}

void assay_order_row_of(const struct assay_order *o, struct assay_order_key key, struct assay_order_row *row) {
    *row = (struct assay_order_row){.key = key,
                                    .state = o->state,
                                    .channel = o->channel,
                                    .customer_class = o->customer_class,
                                    .warranty = o->warranty,
                                    .opened_at = o->opened_at,
                                    .dispatched_at = o->dispatched_at,
                                    .closed_at = o->closed_at,
                                    .product = o->product};
}

static int32_t calendar_version(const struct assay_config *cfg, const struct assay_verdict *v) {
    const struct assay_config_calendar *c = v->scheme ? assay_config_calendar(cfg, v->scheme->calendar_code) : NULL;
    return c ? c->version : 0;
}

void assay_judge_order(const struct assay_config *cfg, const struct assay_config_scheme *scheme,
                       const struct assay_config_provider *provider, const struct assay_order *o, struct assay_order_key key,
                       struct assay_arena *a, struct assay_judged *out) {
    struct assay_rules rules = {.schemes = &scheme->versions,
                                .provider = provider ? &provider->versions : NULL,
                                .calendar = calendar_of,
                                .ctx = (void *)(uintptr_t)cfg};
    out->order = *o;
    assay_verdict_judge(o, &rules, a, &out->verdict);
    const struct assay_verdict *v = &out->verdict;
    const struct assay_config_rates *rates = v->scheme ? assay_config_rates(cfg, v->scheme->rates_code) : NULL;
    assay_contribution_of_order(o, v, rates ? rates->rates : NULL, &out->contribution);
    bool open = o->state == ASSAY_STATE_OPEN && v->outcome == ASSAY_PENDING;
    out->row = (struct assay_verdict_row){
        .key = key,
        .scheme_id = assay_config_sheet(cfg, key.provider_id, scheme->id),
        .outcome = v->outcome,
        .reason = v->reason,
        .scheme_version = v->scheme ? v->scheme->version : 0,
        .calendar_version = calendar_version(cfg, v),
        .month = out->contribution.month,
        .diagnosis = v->diagnosis.outcome,
        .cycle = v->cycle.outcome,
        .diagnosis_deadline = open && v->diagnosis.outcome == ASSAY_CLOCK_PENDING ? v->diagnosis.deadline : ASSAY_NO_INSTANT,
        .cycle_deadline = open ? v->cycle.deadline : ASSAY_NO_INSTANT,
        .paid = out->contribution.paid,
        .rate = out->contribution.rate};
}

bool assay_verdict_row_equal(const struct assay_verdict_row *x, const struct assay_verdict_row *y) {
    return x->outcome == y->outcome && x->reason == y->reason && x->scheme_version == y->scheme_version &&
           x->calendar_version == y->calendar_version && x->month == y->month && x->diagnosis == y->diagnosis &&
           x->cycle == y->cycle && x->diagnosis_deadline == y->diagnosis_deadline && x->cycle_deadline == y->cycle_deadline &&
           x->paid == y->paid && (!x->paid || x->rate == y->rate);
}

void assay_judge_loose_survey(const struct assay_config_scheme *scheme, const struct assay_record *survey,
                              struct assay_contribution *out) {
    const struct assay_scheme *first = assay_scheme_on(&scheme->versions, ASSAY_NO_DATE);
    *out = (struct assay_contribution){.month = ASSAY_NO_MONTH};
    if (!first) return;
    assay_contribution_of_survey(survey, assay_scheme_on(&scheme->versions, assay_zone_date(first->zone, survey->at, NULL)), out);
}

/* --- sums -------------------------------------------------------------------------------------------------------------- */

static void *grown(struct assay_arena *a, void *old, size_t n, size_t *cap, size_t size) {
    size_t more = *cap ? *cap * 2 : 16;
    void *p = assay_arena_alloc(a, more * size);
    if (n) memcpy(p, old, n * size);
    *cap = more;
    return p;
}

static struct assay_tally_row *tally_row(struct assay_tally_sums *t, int32_t provider_id, int16_t scheme_id, assay_month month) {
    /* The last few rows are the likely ones: a batch comes sorted by provider. */
    for (size_t i = t->n; i > 0 && i + 16 > t->n; i--) {
        struct assay_tally_row *r = &t->rows[i - 1];
        if (r->provider_id == provider_id && r->scheme_id == scheme_id && r->month == month) return r;
    }
    if (t->n == t->cap) t->rows = grown(t->arena, t->rows, t->n, &t->cap, sizeof *t->rows);
    struct assay_tally_row *r = &t->rows[t->n++];
    memset(r, 0, sizeof *r);
    r->provider_id = provider_id, r->scheme_id = scheme_id, r->month = month;
    return r;
}

static void pay_add(struct assay_tally_sums *t, int32_t provider_id, int16_t scheme_id, assay_month month, int64_t rate,
                    int sign) {
    for (size_t i = t->n_pays; i > 0 && i + 32 > t->n_pays; i--) {
        struct assay_pay_row *r = &t->pays[i - 1];
        if (r->provider_id == provider_id && r->scheme_id == scheme_id && r->month == month && r->rate == rate) {
            r->orders += sign;
            return;
        }
    }
    if (t->n_pays == t->cap_pays) t->pays = grown(t->arena, t->pays, t->n_pays, &t->cap_pays, sizeof *t->pays);
    t->pays[t->n_pays++] = (struct assay_pay_row){provider_id, scheme_id, month, rate, sign};
}

void assay_tally_sums_add(struct assay_tally_sums *t, int32_t provider_id, int16_t scheme_id, const struct assay_contribution *c,
                          int sign) {
    if (c->month == ASSAY_NO_MONTH) return;
    struct assay_tally_row *r = tally_row(t, provider_id, scheme_id, c->month);
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) r->counts[i] += sign * c->counts[i];
    if (c->paid) pay_add(t, provider_id, scheme_id, c->month, c->rate, sign);
}

#define COMPARE(x, y) \
    if ((x) != (y)) return (x) < (y) ? -1 : 1
static int by_tally_key(const void *x, const void *y) {
    const struct assay_tally_row *a = x, *b = y;
    COMPARE(a->provider_id, b->provider_id);
    COMPARE(abs(a->scheme_id), abs(b->scheme_id)); /* whichever of a scheme's sheets is in force, its place is the same */
    COMPARE(a->scheme_id, b->scheme_id);
    COMPARE(a->month, b->month);
    return 0;
}

static int by_pay_key(const void *x, const void *y) {
    const struct assay_pay_row *a = x, *b = y;
    COMPARE(a->provider_id, b->provider_id);
    COMPARE(abs(a->scheme_id), abs(b->scheme_id));
    COMPARE(a->scheme_id, b->scheme_id);
    COMPARE(a->month, b->month);
    COMPARE(a->rate, b->rate);
    return 0;
}
#undef COMPARE

static bool counts_zero(const struct assay_tally_row *r) {
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++)
        if (r->counts[i]) return false;
    return true;
}

void assay_tally_sums_close(struct assay_tally_sums *t) {
    size_t out = 0;
    if (t->n) qsort(t->rows, t->n, sizeof *t->rows, by_tally_key);
    for (size_t i = 0, j; i < t->n; i = j) {
        struct assay_tally_row sum = t->rows[i];
        for (j = i + 1; j < t->n && by_tally_key(&t->rows[i], &t->rows[j]) == 0; j++)
            for (int k = 0; k < ASSAY_TALLY_COUNT; k++) sum.counts[k] += t->rows[j].counts[k];
        if (!counts_zero(&sum)) t->rows[out++] = sum;
    }
    t->n = out;
    out = 0;
    if (t->n_pays) qsort(t->pays, t->n_pays, sizeof *t->pays, by_pay_key);
    for (size_t i = 0, j; i < t->n_pays; i = j) {
        struct assay_pay_row sum = t->pays[i];
        for (j = i + 1; j < t->n_pays && by_pay_key(&t->pays[i], &t->pays[j]) == 0; j++) sum.orders += t->pays[j].orders;
        if (sum.orders) t->pays[out++] = sum;
    }
    t->n_pays = out;
}
