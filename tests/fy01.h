/* fy01.h -- what DOMAIN 5 and 6 say of FY01's scores and pay, as structs: for tests that build their own orders and
 * tallies and need no JSON. */
#ifndef ASSAY_TEST_FY01_H
#define ASSAY_TEST_FY01_H

#include "assay/evaluate.h"
#include "check_main.h"
#include "test_zone.h"

static inline struct assay_frac test_frac(int64_t num, int64_t den) {
    struct assay_frac f;
    ck_assert_int_eq(assay_frac_make(num, den, &f), ASSAY_OK);
    return f;
}

/* Start 2000-12-01, three months, TAT and satisfaction of 40 points each, the multiplier the ratio itself. */
static inline const struct assay_scheme *test_fy01(void) {
    static const struct assay_frac score_x[] = {{9, 10}, {19, 20}, {1, 1}}, score_y[] = {{0, 1}, {30, 1}, {40, 1}};
    static const struct assay_frac pay_x[] = {{0, 1}, {1, 1}};
    static const struct assay_indicator indicators[] = {
        {.code = "tat", .measure = ASSAY_MEASURE_COMPLIANCE, .max = {40, 1}, .curve = {false, 3, score_x, score_y}},
        {.code = "satisfaction",
         .measure = ASSAY_MEASURE_SATISFACTION,
         .max = {40, 1},
         .curve = {false, 3, score_x, score_y},
         .weight = {{0, 1}, {1, 1}, {1, 1}, {3, 2}, {2, 1}},
         .factor = {{0, 1}, {1, 1}, {2, 1}},
         .share = {{0, 1}, {1, 1}, {1, 2}, {0, 1}}},
    };
    static struct assay_scheme s = {.code = "hp-gold-fy01",
                                    .version = 1,
                                    .effective_from = ASSAY_NO_DATE,
                                    .window_months = 3,
                                    .n_indicators = 2,
                                    .indicators = indicators,
                                    .pay_multiplier = {false, 2, pay_x, pay_x},
                                    .pay_unrated = {1, 1}};
    if (!s.zone) s.zone = test_zone("Asia/Shanghai");
    s.starts = test_date("2000-12-01");
    return &s;
}

#endif
