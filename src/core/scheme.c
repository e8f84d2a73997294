/* scheme.c -- the words of a scheme, and looking things up in it by date. */
#include "assay/scheme.h"

const char *assay_point_about(enum assay_point p) {
    static const char *const about[] = {
#define X(name, text) text,
        ASSAY_POINTS(X)
#undef X
    };
    return (unsigned)p < ASSAY_POINT_COUNT ? about[p] : NULL;
}

const char *assay_unit_name(enum assay_unit u) {
    switch (u) {
    case ASSAY_WORKING_HOURS: return "working_hours";
    case ASSAY_CALENDAR_HOURS: return "calendar_hours";
    case ASSAY_WORKING_DAYS: return "working_days";
    case ASSAY_CALENDAR_DAYS: return "calendar_days";
    }
    return NULL;
}

/* The number of points with x[i] <= x: they ascend. */
static size_t points_up_to(const struct assay_curve *c, struct assay_frac x) {
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (assay_frac_cmp(c->x[mid], x) <= 0) low = mid + 1;
        else high = mid;
    }
    return low;
}

enum assay_status assay_curve_at(const struct assay_curve *c, struct assay_frac x, struct assay_frac *y) {
    size_t n = points_up_to(c, x);
    if (n == 0 || n == c->n || c->stepped) {
        *y = c->y[n ? n - 1 : 0];
        return ASSAY_OK;
    }
    struct assay_frac run, rise, done, up;
    enum assay_status s;
    if ((s = assay_frac_sub(c->x[n], c->x[n - 1], &run)) != ASSAY_OK) return s;
    if ((s = assay_frac_sub(c->y[n], c->y[n - 1], &rise)) != ASSAY_OK) return s;
    if ((s = assay_frac_sub(x, c->x[n - 1], &done)) != ASSAY_OK) return s;
    if ((s = assay_frac_div(done, run, &done)) != ASSAY_OK) return s;
    if ((s = assay_frac_mul(done, rise, &up)) != ASSAY_OK) return s;
    return assay_frac_add(c->y[n - 1], up, y);
}

/* --- versioned facts ----------------------------------------------------------------------------------------------- */

const struct assay_scheme *assay_scheme_on(const struct assay_scheme_versions *v, assay_date d) {
    if (v->n == 0) return NULL;
    size_t i = v->n - 1;
    while (i > 0 && v->versions[i]->effective_from > d) i--;
    return v->versions[i];
}

const struct assay_provider_facts *assay_provider_on(const struct assay_provider_versions *v, assay_date d) {
    if (v->n == 0) return NULL;
    size_t i = v->n - 1;
    while (i > 0 && v->facts[i].effective_from > d) i--;
    return &v->facts[i];
}

/* Whether row a is the better match of two that both apply. */
static bool rate_beats(const struct assay_rate *a, const struct assay_rate *b) {
    bool any_a = assay_str_is(a->product, "*"), any_b = assay_str_is(b->product, "*");
    if (any_a != any_b) return any_b;
    bool open_a = a->warranty == ASSAY_WARRANTY_NONE, open_b = b->warranty == ASSAY_WARRANTY_NONE;
    if (open_a != open_b) return open_b;
    return a->from >= b->from;
}

bool assay_rates_find(const struct assay_rates *t, struct assay_str product, enum assay_warranty warranty, assay_date opened,
                      int64_t *amount) {
    const struct assay_rate *best = NULL;
    for (size_t i = 0; t && i < t->n; i++) {
        const struct assay_rate *row = &t->rows[i];
        if (!assay_str_is(row->product, "*") && (!product.p || !assay_str_eq(row->product, product))) continue;
        if (row->warranty != ASSAY_WARRANTY_NONE && row->warranty != warranty) continue;
        if (row->from > opened) continue;
        if (!best || rate_beats(row, best)) best = row;
    }
    if (!best) return false;
    *amount = best->amount;
    return true;
}
