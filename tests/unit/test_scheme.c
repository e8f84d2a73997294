/* test_scheme.c -- words of a scheme, curves, versions by date, labour rates (DOMAIN 2.5, 5, 6). */
#include "assay/scheme.h"
#include "check_main.h"

START_TEST(test_points_are_what_documents_name) {
    static const char *const some[] = {"/clocks/cycle/standards/no_parts", "/clocks/cycle/standards/city"};
    ck_assert_str_eq(assay_point_about(ASSAY_POINT_STANDARD_NO_PARTS), some[0]);
    ck_assert_str_eq(assay_point_about(ASSAY_POINT_STANDARD_CITY), some[1]);
    ck_assert_str_eq(assay_point_about(ASSAY_POINT_MULTIPLIER), "/pay/multiplier");
    for (int p = 0; p < ASSAY_POINT_COUNT; p++) {
        for (int q = 0; q < p; q++)
            ck_assert_str_ne(assay_point_about((enum assay_point)p), assay_point_about((enum assay_point)q));
    }
    ck_assert_ptr_null(assay_point_about(ASSAY_POINT_COUNT));
}
END_TEST

START_TEST(test_units) {
    ck_assert_str_eq(assay_unit_name(ASSAY_WORKING_HOURS), "working_hours");
    ck_assert_str_eq(assay_unit_name(ASSAY_CALENDAR_HOURS), "calendar_hours");
    ck_assert_str_eq(assay_unit_name(ASSAY_WORKING_DAYS), "working_days");
    ck_assert_str_eq(assay_unit_name(ASSAY_CALENDAR_DAYS), "calendar_days");
    ck_assert_ptr_null(assay_unit_name((enum assay_unit)0));
}
END_TEST

/* --- curves ----------------------------------------------------------------------------------------------------------- */

static const struct assay_frac xs[] = {{9, 10}, {19, 20}, {1, 1}}, ys[] = {{0, 1}, {30, 1}, {40, 1}};

START_TEST(test_linear_curve) {
    /* FY01: 0 up to 0.90, 600A - 540 up to 0.95, 200A - 160 up to 1. */
    static const struct {
        struct assay_frac x, y;
    } rows[] = {
        {{0, 1}, {0, 1}},          {{9, 10}, {0, 1}},     {{19, 20}, {30, 1}},  {{1, 1}, {40, 1}},
        {{2, 1}, {40, 1}},         {{-1, 1}, {0, 1}},     {{37, 40}, {15, 1}},  {{39, 40}, {35, 1}},
        {{254, 267}, {8080, 267}}, {{901, 1000}, {3, 5}}, {{97, 100}, {34, 1}},
    };
    struct assay_curve c = {false, 3, xs, ys};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assay_frac y;
        ck_assert_int_eq(assay_curve_at(&c, rows[i].x, &y), ASSAY_OK);
        ck_assert_msg(assay_frac_cmp(y, rows[i].y) == 0, "row %zu: %lld/%lld", i, (long long)y.num, (long long)y.den);
    }
}
END_TEST

START_TEST(test_stepped_curve) {
    static const struct {
        struct assay_frac x, y;
    } rows[] = {{{0, 1}, {0, 1}},     {{9, 10}, {0, 1}}, {{94, 100}, {0, 1}}, {{19, 20}, {30, 1}},
                {{99, 100}, {30, 1}}, {{1, 1}, {40, 1}}, {{3, 1}, {40, 1}}};
    struct assay_curve c = {true, 3, xs, ys};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assay_frac y;
        ck_assert_int_eq(assay_curve_at(&c, rows[i].x, &y), ASSAY_OK);
        ck_assert_msg(assay_frac_cmp(y, rows[i].y) == 0, "row %zu: %lld/%lld", i, (long long)y.num, (long long)y.den);
    }
}
END_TEST

START_TEST(test_curve_of_one_point_and_overflow) {
    struct assay_curve one = {false, 1, xs, ys};
    struct assay_frac y;
    ck_assert_int_eq(assay_curve_at(&one, (struct assay_frac){1, 2}, &y), ASSAY_OK);
    ck_assert(assay_frac_cmp(y, ys[0]) == 0);
    static const struct assay_frac far_x[] = {{0, 1}, {INT64_MAX, INT64_MAX - 1}}, far_y[] = {{0, 1}, {INT64_MAX, 1}};
    struct assay_curve far = {false, 2, far_x, far_y};
    ck_assert_int_eq(assay_curve_at(&far, (struct assay_frac){INT64_MAX - 2, INT64_MAX - 4}, &y), ASSAY_OK); /* beyond the last */
    ck_assert_int_eq(assay_curve_at(&far, (struct assay_frac){1, INT64_MAX - 6}, &y), ASSAY_OVERFLOW);
}
END_TEST

/* --- versions --------------------------------------------------------------------------------------------------------- */

START_TEST(test_scheme_versions) {
    struct assay_scheme a = {.version = 1, .effective_from = ASSAY_NO_DATE}, b = {.version = 2, .effective_from = 100},
                        c = {.version = 3, .effective_from = 100}, d = {.version = 4, .effective_from = 200};
    const struct assay_scheme *all[] = {&a, &b, &c, &d};
    struct assay_scheme_versions v = {4, all};
    ck_assert_int_eq(assay_scheme_on(&v, ASSAY_NO_DATE)->version, 1);
    ck_assert_int_eq(assay_scheme_on(&v, 99)->version, 1);
    ck_assert_int_eq(assay_scheme_on(&v, 100)->version, 3); /* of one date the later version */
    ck_assert_int_eq(assay_scheme_on(&v, 199)->version, 3);
    ck_assert_int_eq(assay_scheme_on(&v, 200)->version, 4);
    v = (struct assay_scheme_versions){2, all + 2};
    ck_assert_int_eq(assay_scheme_on(&v, 50)->version, 3); /* before the first, the first */
    v.n = 0;
    ck_assert_ptr_null(assay_scheme_on(&v, 50));
}
END_TEST

START_TEST(test_provider_versions) {
    struct assay_provider_facts facts[] = {{100, ASSAY_STR("Harbin"), false}, {200, ASSAY_STR("Beijing"), true}};
    struct assay_provider_versions v = {2, facts};
    ck_assert_ptr_eq(assay_provider_on(&v, 50), &facts[0]);
    ck_assert_ptr_eq(assay_provider_on(&v, 199), &facts[0]);
    ck_assert_ptr_eq(assay_provider_on(&v, 200), &facts[1]);
    ck_assert_ptr_eq(assay_provider_on(&v, 2000), &facts[1]);
    v.n = 0;
    ck_assert_ptr_null(assay_provider_on(&v, 50));
}
END_TEST

/* --- rates ------------------------------------------------------------------------------------------------------------ */

START_TEST(test_rates) {
    static const struct assay_rate table[] = {
        {{"*", 1}, ASSAY_WARRANTY_NONE, ASSAY_NO_DATE, 1},      {{"*", 1}, ASSAY_WARRANTY_IN, ASSAY_NO_DATE, 2},
        {{"server", 6}, ASSAY_WARRANTY_NONE, ASSAY_NO_DATE, 3}, {{"server", 6}, ASSAY_WARRANTY_OUT, 300, 4},
        {{"server", 6}, ASSAY_WARRANTY_NONE, 200, 5},           {{"server", 6}, ASSAY_WARRANTY_NONE, 100, 6},
        {{"plotter", 7}, ASSAY_WARRANTY_IN, ASSAY_NO_DATE, 7},
    };
    struct assay_rates t = {.n = sizeof table / sizeof *table, .rows = table};
    static const struct {
        const char *product;
        enum assay_warranty warranty;
        assay_date opened;
        int64_t amount;
    } rows[] = {
        {"notebook", ASSAY_WARRANTY_OUT, 50, 1},
        {"notebook", ASSAY_WARRANTY_NONE, 50, 1}, /* a missing warranty matches "*" only */
        {"notebook", ASSAY_WARRANTY_IN, 50, 2},
        {NULL, ASSAY_WARRANTY_IN, 50, 2},     /* so does an absent product */
        {"server", ASSAY_WARRANTY_IN, 50, 3}, /* the exact product beats "*", whatever the warranty */
        {"server", ASSAY_WARRANTY_IN, 100, 6},
        {"server", ASSAY_WARRANTY_IN, 199, 6},
        {"server", ASSAY_WARRANTY_IN, 200, 5},
        {"server", ASSAY_WARRANTY_OUT, 299, 5},
        {"server", ASSAY_WARRANTY_OUT, 300, 4}, /* the exact warranty beats "*" */
        {"server", ASSAY_WARRANTY_NONE, 300, 5},
        {"plotter", ASSAY_WARRANTY_IN, 50, 7},
        {"plotter", ASSAY_WARRANTY_OUT, 50, 1}, /* no exact row applies */
        {"Plotter", ASSAY_WARRANTY_IN, 50, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t amount = -1;
        ck_assert(assay_rates_find(&t, assay_str_c(rows[i].product), rows[i].warranty, rows[i].opened, &amount));
        ck_assert_msg(amount == rows[i].amount, "row %zu: %lld", i, (long long)amount);
    }
    int64_t amount;
    t.rows = table + 3;
    t.n = 4;
    ck_assert(!assay_rates_find(&t, ASSAY_STR("notebook"), ASSAY_WARRANTY_IN, 500, &amount));
    ck_assert(!assay_rates_find(&t, ASSAY_STR("server"), ASSAY_WARRANTY_OUT, 99, &amount));
    ck_assert(!assay_rates_find(NULL, ASSAY_STR("server"), ASSAY_WARRANTY_OUT, 99, &amount));
}
END_TEST

static Suite *suite_of_scheme(void) {
    Suite *s = suite_create("scheme");
    TCase *t = tcase_create("scheme");
    tcase_add_test(t, test_points_are_what_documents_name);
    tcase_add_test(t, test_units);
    tcase_add_test(t, test_linear_curve);
    tcase_add_test(t, test_stepped_curve);
    tcase_add_test(t, test_curve_of_one_point_and_overflow);
    tcase_add_test(t, test_scheme_versions);
    tcase_add_test(t, test_provider_versions);
    tcase_add_test(t, test_rates);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_scheme)
