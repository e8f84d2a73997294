/* fy01.h -- what DOMAIN 5 and 6 say of FY01's scores and pay, as structs: for tests that build their own orders and
 * tallies and need neither JSON nor a zone file. */
#ifndef ASSAY_TEST_FY01_H
#define ASSAY_TEST_FY01_H

#include <string.h>

#include "assay/evaluate.h"
#include "check_main.h"

/* A zone of one fixed offset, +08:00, as the smallest TZif file there is. */
static inline const struct assay_zone *test_zone(void) {
    static const char header[44] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4";
    static const char type[10] = "\0\0\x70\x80\0\0CST"; /* 28800 s, no daylight saving, name at 0 */
    static struct assay_zone *zone;
    struct assay_buf b = {0};
    struct assay_error e = {0};
    if (zone) return zone;
    for (int version = 1; version <= 2; version++) {
        assay_buf_add(&b, header, sizeof header);
        assay_buf_add(&b, type, sizeof type);
    }
    assay_buf_adds(&b, "\nCST-8\n");
    ck_assert_msg(assay_zone_new("Test/Fixed", assay_buf_str(&b), &zone, &e) == ASSAY_OK, "%s", e.detail);
    assay_buf_free(&b);
    return zone;
}

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
    s.zone = test_zone();
    s.starts = assay_date_from_civil(2000, 12, 1);
    return &s;
}

/* "2001-02-03T04:05:06+08:00" */
static inline assay_instant test_at(const char *text) {
    assay_instant t = ASSAY_NO_INSTANT;
    ck_assert_msg(assay_instant_parse(assay_str_c(text), &t) == ASSAY_OK, "%s", text);
    return t;
}

#endif
