/* trend.c -- one provider over several periods: its evaluation, rank and pay in each, from one snapshot and a number of
 * queries that does not grow with the periods. */
#include <stdlib.h>

#include "service/internal.h"

/* What all periods are worked out from. */
struct trend_rows {
    struct assay_tally_row *tallies; /* of all providers, by provider and month: ranks compare them */
    struct assay_pay_row *pays;      /* of the provider, by month */
    int64_t *open;                   /* by period */
    assay_instant last_record_at;
    size_t n_tallies, n_pays;
};

/* Periods that have not begun or ended before the scheme did are left out; any other failure is one. */
static enum assay_status find_periods(struct assay_session *s, const struct assay_config *cfg, struct assay_str scheme,
                                      assay_month from, assay_month to, struct assay_trend *out, struct assay_error *e) {
    out->n = 0;
    out->periods = assay_arena_alloc(&s->arena, (size_t)(to - from + 1) * sizeof *out->periods);
    for (assay_month m = from; m <= to; m++) {
        char text[ASSAY_DATE_TEXT];
        struct assay_error ignored;
        assay_month_format(m, text);
        if (assay_period_find(s, cfg, scheme, assay_str_c(text), &out->periods[out->n], &ignored) == ASSAY_OK) out->n++;
    }
    return assay_config_scheme(cfg, scheme)
               ? ASSAY_OK
               : assay_fail(e, ASSAY_NOT_FOUND, "", "there is no scheme %.*s", (int)(scheme.n < 64 ? scheme.n : 64), scheme.p);
}

static enum assay_status load(struct assay_session *s, const struct assay_trend *t, const struct assay_config_provider *p,
                              struct trend_rows *rows, struct assay_error *e) {
    const struct assay_period_view *first = &t->periods[0], *last = &t->periods[t->n - 1];
    assay_instant *from = assay_arena_alloc(&s->arena, t->n * sizeof *from),
                  *before = assay_arena_alloc(&s->arena, t->n * sizeof *before);
    assay_month earliest = first->period;
    int64_t revision = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct assay_period_view *v = &t->periods[i];
        from[i] = assay_zone_instant(v->scheme->zone, v->scheme->starts, 0);
        before[i] = assay_zone_instant(v->scheme->zone, assay_month_first(v->period + 1), 0);
        assay_month begins = v->period - v->scheme->window_months + 1;
        if (begins < earliest) earliest = begins;
    }
    enum assay_status st = assay_db_begin(s->db, true, e);
    if (!st) st = assay_store_config_revision(s->db, &revision, e);
    if (!st && revision != s->config->revision) st = assay_fail(e, ASSAY_RETRY, "", "the configuration moved");
    if (!st)
        st = assay_store_tally_months(s->db, first->config->id, earliest, last->period, &s->arena, &rows->tallies,
                                      &rows->n_tallies, e);
    if (!st)
        st = assay_store_pay_months(s->db, first->config->id, p->id, first->period, last->period, &s->arena, &rows->pays,
                                    &rows->n_pays, e);
    if (!st) st = assay_store_open_of(s->db, p->id, from, before, t->n, &s->arena, &rows->open, &rows->last_record_at, e);
    if (!st) st = assay_db_commit(s->db, e);
    else assay_db_rollback(s->db);
    return st;
}

/* The provider's statement of the period; pays are by month. */
static enum assay_status pay(const struct assay_period_view *v, const struct trend_rows *rows, struct assay_evaluated *row,
                             struct assay_arena *a, struct assay_error *e) {
    struct assay_pay_group *groups = assay_arena_alloc(a, (rows->n_pays + 1) * sizeof *groups);
    size_t n = 0;
    for (size_t i = 0; i < rows->n_pays; i++)
        if (rows->pays[i].month == v->period) groups[n++] = (struct assay_pay_group){rows->pays[i].rate, rows->pays[i].orders};
    return assay_pay_compute(&row->evaluation, groups, n, &row->compensation)
               ? assay_fail(e, ASSAY_OVERFLOW, "", "the compensation of %.*s is too large to be exact",
                            ASSAY_STR_ARG(row->provider->code))
               : ASSAY_OK;
}

/* Evaluate all providers over the period's window; ranked[i] is of the provider by_id[i] in the order of cfg->providers. */
static enum assay_status evaluate_all(const struct assay_config *cfg, const struct assay_period_view *v,
                                      const struct trend_rows *rows, int32_t provider_id, int64_t open,
                                      struct assay_evaluation *evaluations, struct assay_error *e) {
    size_t at = 0;
    for (int32_t id = 0; id <= cfg->max_id; id++) {
        const struct assay_config_provider *p = cfg->by_id[id];
        int64_t counts[ASSAY_TALLY_COUNT] = {0};
        if (!p) continue;
        while (at < rows->n_tallies && rows->tallies[at].provider_id < id) at++;
        for (; at < rows->n_tallies && rows->tallies[at].provider_id == id; at++) {
            const struct assay_tally_row *t = &rows->tallies[at];
            if (t->month <= v->period - v->scheme->window_months || t->month > v->period) continue;
            for (int k = 0; k < ASSAY_TALLY_COUNT; k++) counts[k] += t->counts[k];
        }
        if (assay_evaluate(v->scheme, v->period, counts, id == provider_id ? open : 0, &evaluations[p - cfg->providers]))
            return assay_fail(e, ASSAY_OVERFLOW, "", "the evaluation of %.*s is too large to be exact", ASSAY_STR_ARG(p->code));
    }
    return ASSAY_OK;
}

static enum assay_status work_out(struct assay_session *s, const struct assay_config_provider *p, const struct trend_rows *rows,
                                  struct assay_trend *t, struct assay_error *e) {
    const struct assay_config *cfg = s->config;
    size_t n = cfg->n_providers;
    struct assay_evaluation *evaluations = assay_arena_zalloc(&s->arena, (n + 1) * sizeof *evaluations);
    struct assay_ranked *ranked = assay_arena_alloc(&s->arena, (n + 1) * sizeof *ranked);
    for (size_t i = 0; i < t->n; i++) {
        struct assay_period_view *v = &t->periods[i];
        struct assay_evaluated *row = assay_arena_zalloc(&s->arena, sizeof *row);
        enum assay_status st = evaluate_all(cfg, v, rows, p->id, rows->open[i], evaluations, e);
        if (st) return st;
        for (size_t k = 0; k < n; k++) ranked[k] = (struct assay_ranked){cfg->providers[k].code, &evaluations[k]};
        assay_evaluations_rank(ranked, n);
        for (size_t k = 0; k < n; k++) row->ranked += evaluations[k].rank > 0;
        row->provider = p;
        row->evaluation = evaluations[p - cfg->providers];
        row->last_record_at = rows->last_record_at;
        if ((st = pay(v, rows, row, &s->arena, e))) return st;
        v->rows = row;
        v->n = 1;
    }
    return ASSAY_OK;
}

/* As often as the configuration may move while it is read. */
#define TRIES 5

enum assay_status assay_read_trend(struct assay_session *s, struct assay_str provider, struct assay_str scheme, assay_month from,
                                   assay_month to, struct assay_trend *out, struct assay_error *e) {
    const struct assay_config_provider *p = NULL;
    struct trend_rows rows = {0};
    enum assay_status st = ASSAY_RETRY;
    for (int try = 0; st == ASSAY_RETRY && try < TRIES; try++) {
        if (try > 0) {
            assay_session_unpin(s);
            if ((st = assay_session_refresh(s, e))) return st;
        }
        const struct assay_config *cfg = assay_session_pin(s);
        p = assay_config_provider(cfg, provider);
        st = find_periods(s, cfg, scheme, from, to, out, e);
        if (!st && !p)
            st = assay_fail(e, ASSAY_NOT_FOUND, "", "there is no provider %.*s", (int)(provider.n < 64 ? provider.n : 64),
                            provider.p);
        if (!st && p && out->n) st = load(s, out, p, &rows, e);
    }
    return st || !out->n ? st : work_out(s, p, &rows, out, e);
}
