/* evaluate.c -- a window's counts under a scheme: indicators, scores, the total, ranks (DOMAIN 5). All exact. */
#include <stdlib.h>

#include "assay/evaluate.h"

/* --- indicators ---------------------------------------------------------------------------------------------------- */

static enum assay_status add_to(struct assay_frac *sum, struct assay_frac f) { return assay_frac_add(*sum, f, sum); }

/* What n answers of one cell add: the share s of f x w is the provider's dissatisfaction, the rest of the answer counts
 * as a satisfied one. */
static enum assay_status add_cell(const struct assay_indicator *ind, enum assay_class c, enum assay_answer a,
                                  enum assay_responsibility r, int64_t n, struct assay_frac *s, struct assay_frac *u) {
    struct assay_frac each, good, bad, rest;
    enum assay_status st;
    if ((st = assay_frac_mul(ind->factor[c], (struct assay_frac){n, 1}, &each))) return st;
    if ((st = assay_frac_mul(each, ind->weight[ASSAY_ANSWER_SATISFIED], &good))) return st;
    if (a == ASSAY_ANSWER_SATISFIED) return add_to(s, good);
    if ((st = assay_frac_mul(each, ind->weight[a], &bad))) return st;
    if ((st = assay_frac_mul(bad, ind->share[r], &bad))) return st;
    if ((st = assay_frac_sub(ASSAY_FRAC_ONE, ind->share[r], &rest))) return st;
    if ((st = assay_frac_mul(good, rest, &good))) return st;
    if ((st = add_to(u, bad))) return st;
    return add_to(s, good);
}

/* S/(S+U) in lowest terms; the denominator stays 0 where there are no answers. */
static enum assay_status rate_satisfaction(const struct assay_indicator *ind, const int64_t *counts,
                                           struct assay_indicator_result *out) {
    struct assay_frac s = ASSAY_FRAC_ZERO, u = ASSAY_FRAC_ZERO, rate;
    enum assay_status st;
    for (int c = ASSAY_CLASS_ORDINARY; c <= ASSAY_CLASS_KEY; c++) {
        for (int a = ASSAY_ANSWER_SATISFIED; a <= ASSAY_ANSWER_COMPLAINT; a++) {
            for (int r = ASSAY_RESP_PROVIDER; r <= ASSAY_RESP_MANUFACTURER; r++) {
                int64_t n = counts[assay_tally_answer(c, a, r)];
                if (n && (st = add_cell(ind, c, a, r, n, &s, &u))) return st;
            }
        }
    }
    if ((st = add_to(&u, s))) return st;
    if (!u.num) return ASSAY_OK;
    if ((st = assay_frac_div(s, u, &rate))) return st;
    out->numerator = rate.num;
    out->denominator = rate.den;
    return ASSAY_OK;
}

static enum assay_status rate_indicator(const struct assay_indicator *ind, const int64_t *counts,
                                        const struct assay_evaluation *e, struct assay_indicator_result *out) {
    enum assay_status st;
    *out = (struct assay_indicator_result){.indicator = ind, .value = ASSAY_FRAC_ZERO, .score = ASSAY_FRAC_ZERO, .max = ind->max};
    switch (ind->measure) {
    case ASSAY_MEASURE_COMPLIANCE:
        out->numerator = e->compliant;
        out->denominator = e->counted;
        break;
    case ASSAY_MEASURE_SATISFACTION:
        if ((st = rate_satisfaction(ind, counts, out))) return st;
        break;
    }
    out->rated = out->denominator != 0;
    if (!out->rated) return ASSAY_OK;
    if ((st = assay_frac_make(out->numerator, out->denominator, &out->value))) return st;
    return assay_curve_at(&ind->curve, out->value, &out->score);
}

/* --- the evaluation ------------------------------------------------------------------------------------------------- */

static bool sum3(int64_t a, int64_t b, int64_t c, int64_t *out) {
    return !__builtin_add_overflow(a, b, out) && !__builtin_add_overflow(*out, c, out);
}

static enum assay_status take_counts(const int64_t *counts, struct assay_evaluation *e) {
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++)
        if (counts[i] < 0) return ASSAY_INTERNAL;
    e->closed = counts[ASSAY_TALLY_CLOSED];
    e->compliant = counts[ASSAY_TALLY_COMPLIANT];
    e->missed = counts[ASSAY_TALLY_MISSED];
    e->exempt = counts[ASSAY_TALLY_EXEMPT];
    int64_t theirs = counts[ASSAY_TALLY_UNDETERMINED_PROVIDER], logistics = counts[ASSAY_TALLY_UNDETERMINED_LOGISTICS];
    if (!sum3(e->compliant, e->missed, theirs, &e->counted) || !sum3(theirs, logistics, 0, &e->undetermined))
        return ASSAY_OVERFLOW;
    for (int p = 0; p < ASSAY_POINT_COUNT; p++)
        if (counts[ASSAY_TALLY_POINTS + p]) e->points |= 1u << p;
    return ASSAY_OK;
}

static void take_window(const struct assay_scheme *s, assay_month period, struct assay_evaluation *e) {
    e->window_from = assay_month_first(period - s->window_months + 1);
    if (e->window_from < s->starts) e->window_from = s->starts;
    e->window_to = assay_month_first(period + 1) - 1;
}

/* The rated indicators' sums and their ratio; maxima that sum to zero rate nothing. */
static enum assay_status take_total(struct assay_evaluation *e) {
    enum assay_status st;
    for (size_t i = 0; i < e->n_indicators; i++) {
        const struct assay_indicator_result *r = &e->indicators[i];
        if (!r->rated) continue;
        if ((st = add_to(&e->score, r->score)) || (st = add_to(&e->max, r->max))) return st;
        if (r->indicator->measure == ASSAY_MEASURE_SATISFACTION) e->points |= 1u << ASSAY_POINT_SURVEY_CURVE;
    }
    if (!e->max.num) return ASSAY_OK;
    e->rated = true;
    e->points |= 1u << ASSAY_POINT_TOTAL;
    return assay_frac_div(e->score, e->max, &e->ratio);
}

enum assay_status assay_evaluate(const struct assay_scheme *s, assay_month period, const int64_t counts[ASSAY_TALLY_COUNT],
                                 int64_t open, struct assay_evaluation *out) {
    enum assay_status st;
    if (s->n_indicators > ASSAY_INDICATORS_MAX) return ASSAY_CONFIG;
    *out = (struct assay_evaluation){.scheme = s,
                                     .period = period,
                                     .n_indicators = s->n_indicators,
                                     .score = ASSAY_FRAC_ZERO,
                                     .max = ASSAY_FRAC_ZERO,
                                     .ratio = ASSAY_FRAC_ZERO,
                                     .open = open};
    take_window(s, period, out);
    if ((st = take_counts(counts, out))) return st;
    for (size_t i = 0; i < s->n_indicators; i++)
        if ((st = rate_indicator(&s->indicators[i], counts, out, &out->indicators[i]))) return st;
    return take_total(out);
}

/* --- ranking -------------------------------------------------------------------------------------------------------- */

/* Best first; 0: they share a rank. */
static int compare_merit(const struct assay_evaluation *a, const struct assay_evaluation *b) {
    if (a->rated != b->rated) return a->rated ? -1 : 1;
    if (!a->rated) return 0;
    int c = assay_frac_cmp(b->ratio, a->ratio);
    return c ? c : (b->counted > a->counted) - (b->counted < a->counted);
}

static int compare_rows(const void *x, const void *y) {
    const struct assay_ranked *a = x, *b = y;
    int c = compare_merit(a->evaluation, b->evaluation);
    return c ? c : assay_str_cmp(a->provider, b->provider);
}

void assay_evaluations_rank(struct assay_ranked *rows, size_t n) {
    if (n) qsort(rows, n, sizeof *rows, compare_rows);
    for (size_t i = 0; i < n; i++) {
        struct assay_evaluation *e = rows[i].evaluation;
        bool shared = i && compare_merit(rows[i - 1].evaluation, e) == 0;
        e->rank = !e->rated ? 0 : shared ? rows[i - 1].evaluation->rank : (int32_t)(i + 1);
    }
}
