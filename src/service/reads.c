/* reads.c -- an order with its verdict; a period with all its providers evaluated, ranked and paid. */
#include <stdlib.h>

#include "service/internal.h"

static enum assay_status not_found(struct assay_error *e, const char *what, struct assay_str name) {
    return assay_fail(e, ASSAY_NOT_FOUND, "", "there is no %s %.*s", what, (int)(name.n < 64 ? name.n : 64), name.p);
}

enum assay_status assay_read_order(struct assay_session *s, struct assay_str provider, struct assay_str order,
                                   struct assay_str scheme, struct assay_order_view *out, struct assay_error *e) {
    const struct assay_config *cfg = assay_session_pin(s);
    const struct assay_config_scheme *sc = assay_config_scheme(cfg, scheme);
    struct assay_order_row *row = NULL;
    memset(out, 0, sizeof *out);
    out->provider = assay_config_provider(cfg, provider);
    if (!out->provider) return not_found(e, "provider", provider);
    if (!sc) return not_found(e, "scheme", scheme);
    struct assay_order_key key = {out->provider->id, order};
    enum assay_status st = assay_store_order(s->db, key, &s->arena, &row, e);
    if (st) return st;
    if (!row || row->state == ASSAY_STATE_NONE) return not_found(e, "order", order);
    out->row = *row;
    st = assay_packed_read(row->packed, &s->arena, &out->records, &out->n_records, e);
    if (st) return st;
    struct assay_judged j;
    assay_order_fold(out->records, out->n_records, &s->arena, &out->order);
    assay_judge_order(cfg, sc, out->provider, &out->order, key, &s->arena, &j);
    out->verdict = j.verdict;
    out->calendar_version = j.row.calendar_version;
    return ASSAY_OK;
}

/* --- periods ----------------------------------------------------------------------------------------------------------------- */

enum assay_status assay_period_find(struct assay_session *s, const struct assay_config *cfg, struct assay_str scheme,
                                    struct assay_str period, struct assay_period_view *out, struct assay_error *e) {
    memset(out, 0, sizeof *out);
    out->config = assay_config_scheme(cfg, scheme);
    if (!out->config) return not_found(e, "scheme", scheme);
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

static int by_provider_id(const void *x, const void *y) {
    int32_t a = ((const struct assay_evaluated *)x)->provider->id, b = ((const struct assay_evaluated *)y)->provider->id;
    return (a > b) - (a < b);
}

/* Pay groups come by provider_id, as do the rows. */
static enum assay_status pay_rows(struct assay_period_view *v, const struct assay_pay_row *pays, size_t n, struct assay_arena *a,
                                  struct assay_error *e) {
    struct assay_pay_group *groups = assay_arena_alloc(a, (n + 1) * sizeof *groups);
    size_t at = 0;
    for (size_t i = 0; i < v->n; i++) {
        struct assay_evaluated *row = &v->rows[i];
        size_t count = 0;
        while (at < n && pays[at].provider_id < row->provider->id) at++;
        for (; at < n && pays[at].provider_id == row->provider->id; at++)
            groups[count++] = (struct assay_pay_group){pays[at].rate, pays[at].orders};
        if (assay_pay_compute(&row->evaluation, groups, count, &row->compensation))
            return assay_fail(e, ASSAY_OVERFLOW, "", "the compensation of %.*s is too large to be exact",
                              ASSAY_STR_ARG(row->provider->code));
    }
    return ASSAY_OK;
}

static void rank_rows(struct assay_period_view *v, struct assay_arena *a) {
    struct assay_ranked *ranked = assay_arena_alloc(a, (v->n + 1) * sizeof *ranked);
    for (size_t i = 0; i < v->n; i++) ranked[i] = (struct assay_ranked){v->rows[i].provider->code, &v->rows[i].evaluation};
    assay_evaluations_rank(ranked, v->n);
    /* Into ranking order: the evaluation is a member, so its row is found by address. */
    struct assay_evaluated *sorted = assay_arena_alloc(a, (v->n + 1) * sizeof *sorted);
    int32_t with_rank = 0;
    for (size_t i = 0; i < v->n; i++) {
        size_t index = (size_t)((char *)ranked[i].evaluation - (char *)&v->rows[0].evaluation) / sizeof *v->rows;
        sorted[i] = v->rows[index];
        with_rank += sorted[i].evaluation.rank > 0;
    }
    for (size_t i = 0; i < v->n; i++) sorted[i].ranked = with_rank;
    v->rows = sorted;
}

/* What a period is worked out from. */
struct period_rows {
    struct assay_window_row *windows;
    struct assay_pay_row *pays;
    size_t n_windows, n_pays;
};

/* Tallies, pay and the configuration's revision from one snapshot. ASSAY_RETRY where the configuration that is pinned is
 * not the one they were counted under. */
static enum assay_status load_period(struct assay_session *s, const struct assay_period_view *v, struct period_rows *rows,
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
        st = assay_store_window(s->db, v->config->id, 0, v->period - sc->window_months + 1, v->period, open_from, open_before,
                                &s->arena, &rows->windows, &rows->n_windows, e);
    if (!st) st = assay_store_pays(s->db, v->config->id, 0, v->period, &s->arena, &rows->pays, &rows->n_pays, e);
    if (!st) st = assay_db_commit(s->db, e);
    else assay_db_rollback(s->db);
    return st;
}

static enum assay_status evaluate_rows(struct assay_session *s, struct assay_period_view *v, const struct period_rows *from,
                                       struct assay_error *e) {
    static const struct assay_window_row none = {.last_record_at = ASSAY_NO_INSTANT};
    const struct assay_config *cfg = s->config;
    size_t at = 0;
    v->rows = assay_arena_zalloc(&s->arena, (cfg->n_providers + 1) * sizeof *v->rows);
    v->n = cfg->n_providers;
    for (size_t i = 0; i < v->n; i++) v->rows[i].provider = &cfg->providers[i];
    if (v->n) qsort(v->rows, v->n, sizeof *v->rows, by_provider_id);
    for (size_t i = 0; i < v->n; i++) {
        struct assay_evaluated *row = &v->rows[i];
        while (at < from->n_windows && from->windows[at].provider_id < row->provider->id) at++;
        bool there = at < from->n_windows && from->windows[at].provider_id == row->provider->id;
        const struct assay_window_row *w = there ? &from->windows[at] : &none;
        row->last_record_at = w->last_record_at;
        if (assay_evaluate(v->scheme, v->period, w->counts, w->open, &row->evaluation))
            return assay_fail(e, ASSAY_OVERFLOW, "", "the evaluation of %.*s is too large to be exact",
                              ASSAY_STR_ARG(row->provider->code));
    }
    return ASSAY_OK;
}

/* Configuration that moves is read again; it does not move often. */
#define PERIOD_TRIES 5

enum assay_status assay_read_period(struct assay_session *s, struct assay_str scheme, struct assay_str period,
                                    struct assay_period_view *out, struct assay_error *e) {
    struct period_rows rows;
    enum assay_status st = ASSAY_RETRY;
    for (int try = 0; st == ASSAY_RETRY && try < PERIOD_TRIES; try++) {
        if (try > 0) {
            assay_session_unpin(s);
            if ((st = assay_session_refresh(s, e))) return st;
        }
        st = assay_period_find(s, assay_session_pin(s), scheme, period, out, e);
        if (!st) st = load_period(s, out, &rows, e);
    }
    if (!st) st = evaluate_rows(s, out, &rows, e);
    if (!st) st = pay_rows(out, rows.pays, rows.n_pays, &s->arena, e);
    if (!st) rank_rows(out, &s->arena);
    return st;
}

const struct assay_evaluated *assay_period_provider(const struct assay_period_view *v, struct assay_str provider) {
    for (size_t i = 0; i < v->n; i++)
        if (assay_str_eq(v->rows[i].provider->code, provider)) return &v->rows[i];
    return NULL;
}
