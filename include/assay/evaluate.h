/* evaluate.h -- from verdicts to tallies, from tallies to evaluations, ranks and pay (DOMAIN 5, 6). Pure.
 *
 * A tally is a vector of counts per (scheme, provider, month); a window is the sum of its months. Counts only: weights,
 * curves and rates stay in the scheme, so fractions stay exact and a new weight needs no recount. */
#ifndef ASSAY_EVALUATE_H
#define ASSAY_EVALUATE_H

#include "assay/verdict.h"

/* Elements of the vector. Stored as int8[]: append only, never renumber. */
enum assay_tally {
    ASSAY_TALLY_CLOSED = 0, /* in scope, by month of close */
    ASSAY_TALLY_COMPLIANT,
    ASSAY_TALLY_MISSED,
    ASSAY_TALLY_UNDETERMINED_PROVIDER,             /* for a reason that is the provider's to mend: counted */
    ASSAY_TALLY_UNDETERMINED_LOGISTICS,            /* missing_shipment: left out of the rate */
    ASSAY_TALLY_EXEMPT,                            /* counted orders with an exempt diagnosis */
    ASSAY_TALLY_ANSWERS,                           /* 24 cells: ((class - 1) * 4 + (answer - 1)) * 3 + (responsibility - 1) */
    ASSAY_TALLY_POINTS = ASSAY_TALLY_ANSWERS + 24, /* 32 cells, by enum assay_point */
    ASSAY_TALLY_COUNT = ASSAY_TALLY_POINTS + 32,
};
static inline int assay_tally_answer(enum assay_class c, enum assay_answer a, enum assay_responsibility r) {
    return ASSAY_TALLY_ANSWERS + (((int)c - 1) * 4 + ((int)a - 1)) * 3 + ((int)r - 1);
}
const char *assay_tally_name(int element, char buf[64]); /* for verify's report */

/* What one order (or one response without an order) adds: the counts of one month. */
#define ASSAY_NO_RATE INT64_C(-1)
struct assay_contribution {
    assay_month month;                 /* NO_MONTH: none */
    int32_t counts[ASSAY_TALLY_COUNT]; /* of `month` */
    bool paid;                         /* the order earns in `month` */
    int64_t rate;                      /* minor units, or ASSAY_NO_RATE */
};
/* rates: the scheme's table (newest version); NULL where there is none (every order is no_rate). */
void assay_contribution_of_order(const struct assay_order *o, const struct assay_verdict *v, const struct assay_rates *rates,
                                 struct assay_contribution *out);
/* A response that names no order: counts by its `at`, from the scheme's start on. s: the version in force at `at`. */
void assay_contribution_of_survey(const struct assay_record *survey, const struct assay_scheme *s,
                                  struct assay_contribution *out);

/* --- evaluation ----------------------------------------------------------------------------------------------------- */
struct assay_indicator_result {
    const struct assay_indicator *indicator;
    bool rated;
    int64_t numerator, denominator; /* compliance: as counted; satisfaction: lowest terms */
    struct assay_frac value, score, max;
};
#define ASSAY_INDICATORS_MAX 16
struct assay_evaluation {
    const struct assay_scheme *scheme; /* the version of the period's last day */
    assay_month period;
    assay_date window_from, window_to; /* both inclusive local dates; from not before the scheme's start */
    size_t n_indicators;
    struct assay_indicator_result indicators[ASSAY_INDICATORS_MAX];
    struct assay_frac score, max, ratio; /* sums over the rated; ratio meaningful when rated */
    bool rated;
    int64_t closed, counted, compliant, missed, exempt, undetermined, open;
    assay_points points;
    int32_t rank; /* 0: none; set by assay_evaluations_rank */
};
/* counts: the window's sum; open: orders in scope that are open now and were opened before the window's end. ASSAY_OVERFLOW where an
 * exact fraction no longer fits 64 bits; ASSAY_INTERNAL where a count is negative (no tally ever is); ASSAY_CONFIG where
 * the scheme has more than ASSAY_INDICATORS_MAX indicators. */
enum assay_status assay_evaluate(const struct assay_scheme *s, assay_month period, const int64_t counts[ASSAY_TALLY_COUNT],
                                 int64_t open, struct assay_evaluation *out) ASSAY_MUST_CHECK;

/* Ranking: score ratio, then counted orders; equals share a rank (1, 2, 2, 4) and are listed by code; not rated last,
 * without a rank. Sorts the pointers and sets rank. */
struct assay_ranked {
    struct assay_str provider;
    struct assay_evaluation *evaluation;
};
void assay_evaluations_rank(struct assay_ranked *rows, size_t n);

/* --- pay ---------------------------------------------------------------------------------------------------------- */
struct assay_pay_group { /* orders closed in the month at one rate */
    int64_t rate;        /* ASSAY_NO_RATE: none */
    int64_t orders;
};
struct assay_compensation {
    struct assay_frac multiplier;
    int64_t lines, no_rate_lines;
    int64_t base, total; /* minor units; sums over the lines with a rate; total is known only when no_rate_lines == 0 */
    assay_points points; /* the evaluation's, the multiplier's, and the rates' where there are lines */
};
/* A line's amount: rate x multiplier, half up to the minor unit. ASSAY_OUT_OF_RANGE for a negative rate (ASSAY_NO_RATE has
 * no amount), ASSAY_OVERFLOW. */
enum assay_status assay_pay_line(int64_t rate, struct assay_frac multiplier, int64_t *amount) ASSAY_MUST_CHECK;
/* DOMAIN 6: the scheme's curve at the score ratio; its pay_unrated while nothing is rated. */
enum assay_status assay_pay_multiplier(const struct assay_evaluation *e, struct assay_frac *out) ASSAY_MUST_CHECK;
/* The month's statement. Groups may repeat a rate. */
enum assay_status assay_pay_compute(const struct assay_evaluation *e, const struct assay_pay_group *groups, size_t n,
                                    struct assay_compensation *out) ASSAY_MUST_CHECK;

#endif
