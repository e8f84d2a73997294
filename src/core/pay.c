/* pay.c -- labour compensation of a month: a line per order, rounded, and their sum (DOMAIN 6). */
#include "assay/evaluate.h"

enum assay_status assay_pay_line(int64_t rate, struct assay_frac multiplier, int64_t *amount) {
    return rate < 0 ? ASSAY_OUT_OF_RANGE : assay_money_mul(rate, multiplier, amount);
}

enum assay_status assay_pay_multiplier(const struct assay_evaluation *e, struct assay_frac *out) {
    const struct assay_scheme *s = e->scheme;
    if (e->rated) return assay_curve_at(&s->pay_multiplier, e->ratio, out);
    *out = s->pay_unrated;
    return ASSAY_OK;
}

static bool add_times(int64_t *sum, int64_t amount, int64_t n) {
    int64_t product;
    return !__builtin_mul_overflow(amount, n, &product) && !__builtin_add_overflow(*sum, product, sum);
}

/* The orders of a group have equal lines: round one, then multiply. */
static enum assay_status add_group(struct assay_compensation *c, const struct assay_pay_group *g) {
    int64_t amount;
    enum assay_status st;
    if (!add_times(&c->lines, 1, g->orders)) return ASSAY_OVERFLOW;
    if (g->rate == ASSAY_NO_RATE) return add_times(&c->no_rate_lines, 1, g->orders) ? ASSAY_OK : ASSAY_OVERFLOW;
    if ((st = assay_pay_line(g->rate, c->multiplier, &amount))) return st;
    return add_times(&c->base, g->rate, g->orders) && add_times(&c->total, amount, g->orders) ? ASSAY_OK : ASSAY_OVERFLOW;
}

enum assay_status assay_pay_compute(const struct assay_evaluation *e, const struct assay_pay_group *groups, size_t n,
                                    struct assay_compensation *out) {
    enum assay_status st;
    *out = (struct assay_compensation){.points = e->points | 1u << ASSAY_POINT_MULTIPLIER};
    if ((st = assay_pay_multiplier(e, &out->multiplier))) return st;
    for (size_t i = 0; i < n; i++)
        if ((st = add_group(out, &groups[i]))) return st;
    if (out->lines) out->points |= 1u << ASSAY_POINT_RATES;
    return ASSAY_OK;
}
