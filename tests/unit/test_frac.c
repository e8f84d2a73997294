/* Exact fractions, decimals, money; civil dates and RFC 3339 (base/frac.c, base/time.c). */
#include "assay/frac.h"
#include "assay/time.h"
#include "check_main.h"

#define ROWS(t) ((int)(sizeof(t) / sizeof *(t)))
#define MAX INT64_MAX

/* --- fractions ----------------------------------------------------------------------------------------------------- */

static const struct {
    int64_t num, den;
    enum assay_status status;
    struct assay_frac want;
} makes[] = {
    {0, 5, ASSAY_OK, {0, 1}},
    {0, -5, ASSAY_OK, {0, 1}},
    {95, 100, ASSAY_OK, {19, 20}},
    {-95, 100, ASSAY_OK, {-19, 20}},
    {95, -100, ASSAY_OK, {-19, 20}},
    {-95, -100, ASSAY_OK, {19, 20}},
    {7, 1, ASSAY_OK, {7, 1}},
    {MAX, MAX, ASSAY_OK, {1, 1}},
    {MAX, 1, ASSAY_OK, {MAX, 1}},
    {-MAX, 1, ASSAY_OK, {-MAX, 1}},
    {1, MAX, ASSAY_OK, {1, MAX}},
    {1, 0, ASSAY_OUT_OF_RANGE, {0, 0}},
    {0, 0, ASSAY_OUT_OF_RANGE, {0, 0}},
    /* the one integer without an opposite is refused unless it reduces */
    {INT64_MIN, 1, ASSAY_OVERFLOW, {0, 0}},
    {INT64_MIN, -1, ASSAY_OVERFLOW, {0, 0}},
    {INT64_MIN, 2, ASSAY_OK, {-(INT64_C(1) << 62), 1}},
    {1, INT64_MIN, ASSAY_OVERFLOW, {0, 0}},
    {2, INT64_MIN, ASSAY_OK, {-1, INT64_C(1) << 62}},
    {INT64_MIN, INT64_MIN, ASSAY_OK, {1, 1}},
};

START_TEST(make) {
    struct assay_frac f = {0, 0};
    ck_assert_int_eq(assay_frac_make(makes[_i].num, makes[_i].den, &f), makes[_i].status);
    ck_assert_int_eq(f.num, makes[_i].want.num);
    ck_assert_int_eq(f.den, makes[_i].want.den);
}
END_TEST

static const struct {
    struct assay_frac a;
    char op;
    struct assay_frac b;
    enum assay_status status;
    struct assay_frac want;
} sums[] = {
    {{1, 2}, '+', {1, 3}, ASSAY_OK, {5, 6}},
    {{1, 2}, '+', {1, 2}, ASSAY_OK, {1, 1}},
    {{1, 6}, '+', {-1, 6}, ASSAY_OK, {0, 1}},
    {{-3, 4}, '+', {1, 4}, ASSAY_OK, {-1, 2}},
    {{MAX, 1}, '+', {0, 1}, ASSAY_OK, {MAX, 1}},
    {{MAX, 1}, '+', {1, 1}, ASSAY_OVERFLOW, {0, 0}},
    {{MAX, 1}, '+', {MAX, 1}, ASSAY_OVERFLOW, {0, 0}},
    {{-MAX, 1}, '+', {-1, 1}, ASSAY_OVERFLOW, {0, 0}},
    {{1, MAX}, '+', {1, MAX}, ASSAY_OK, {2, MAX}},
    {{1, MAX}, '+', {1, MAX - 1}, ASSAY_OVERFLOW, {0, 0}}, /* the denominator does not fit */
    {{MAX, MAX - 1}, '+', {MAX, MAX - 2}, ASSAY_OVERFLOW, {0, 0}},
    {{1, 2}, '-', {1, 3}, ASSAY_OK, {1, 6}},
    {{5, 6}, '-', {5, 6}, ASSAY_OK, {0, 1}},
    {{0, 1}, '-', {7, 3}, ASSAY_OK, {-7, 3}},
    {{-MAX, 1}, '-', {1, 1}, ASSAY_OVERFLOW, {0, 0}},
    {{-MAX, 1}, '-', {-MAX, 1}, ASSAY_OK, {0, 1}},
    {{2, 3}, '*', {3, 4}, ASSAY_OK, {1, 2}},
    {{-2, 3}, '*', {3, 4}, ASSAY_OK, {-1, 2}},
    {{0, 1}, '*', {MAX, 1}, ASSAY_OK, {0, 1}},
    {{MAX, 1}, '*', {1, MAX}, ASSAY_OK, {1, 1}}, /* the product passes 128 bits' half, the result is 1 */
    {{MAX, 2}, '*', {2, 1}, ASSAY_OK, {MAX, 1}},
    {{MAX, 1}, '*', {2, 1}, ASSAY_OVERFLOW, {0, 0}},
    {{MAX, 1}, '*', {-MAX, 1}, ASSAY_OVERFLOW, {0, 0}},
    {{1, MAX}, '*', {1, 2}, ASSAY_OVERFLOW, {0, 0}},
    {{127, 1}, '/', {267, 2}, ASSAY_OK, {254, 267}},
    {{1, 2}, '/', {-1, 4}, ASSAY_OK, {-2, 1}},
    {{0, 1}, '/', {-5, 4}, ASSAY_OK, {0, 1}},
    {{MAX, 1}, '/', {MAX, 1}, ASSAY_OK, {1, 1}},
    {{MAX, 1}, '/', {1, 2}, ASSAY_OVERFLOW, {0, 0}},
    {{1, 1}, '/', {0, 1}, ASSAY_OUT_OF_RANGE, {0, 0}},
    {{0, 1}, '/', {0, 1}, ASSAY_OUT_OF_RANGE, {0, 0}},
};

static enum assay_status apply(char op, struct assay_frac a, struct assay_frac b, struct assay_frac *out) {
    switch (op) {
    case '+': return assay_frac_add(a, b, out);
    case '-': return assay_frac_sub(a, b, out);
    case '*': return assay_frac_mul(a, b, out);
    default: return assay_frac_div(a, b, out);
    }
}

START_TEST(arithmetic) {
    struct assay_frac f = {0, 0};
    ck_assert_int_eq(apply(sums[_i].op, sums[_i].a, sums[_i].b, &f), sums[_i].status);
    ck_assert_int_eq(f.num, sums[_i].want.num);
    ck_assert_int_eq(f.den, sums[_i].want.den);
    /* the result may be one of the operands */
    f = sums[_i].a;
    if (sums[_i].status == ASSAY_OK) {
        ck_assert_int_eq(apply(sums[_i].op, f, sums[_i].b, &f), ASSAY_OK);
        ck_assert_int_eq(assay_frac_cmp(f, sums[_i].want), 0);
    }
}
END_TEST

static const struct {
    struct assay_frac a, b;
    int want;
} comparisons[] = {
    {{1, 2}, {1, 2}, 0},
    {{1, 3}, {1, 2}, -1},
    {{-1, 3}, {-1, 2}, 1},
    {{-1, 3}, {0, 1}, -1},
    {{MAX, MAX - 1}, {MAX - 1, MAX - 2}, -1}, /* equal as doubles */
    {{MAX, 1}, {-MAX, 1}, 1},
    {{1, MAX}, {1, MAX - 1}, -1},
};

START_TEST(compare) {
    ck_assert_int_eq(assay_frac_cmp(comparisons[_i].a, comparisons[_i].b), comparisons[_i].want);
    ck_assert_int_eq(assay_frac_cmp(comparisons[_i].b, comparisons[_i].a), -comparisons[_i].want);
}
END_TEST

/* --- decimals ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum assay_status status;
    struct assay_frac want;
} decimals[] = {
    {"0", ASSAY_OK, {0, 1}},
    {"-0", ASSAY_OK, {0, 1}},
    {"-0.000", ASSAY_OK, {0, 1}},
    {"0.95", ASSAY_OK, {19, 20}},
    {"+0.95", ASSAY_OK, {19, 20}},
    {"-3", ASSAY_OK, {-3, 1}},
    {"1.50", ASSAY_OK, {3, 2}},
    {"007", ASSAY_OK, {7, 1}},
    {"40", ASSAY_OK, {40, 1}},
    {"999999999999999999", ASSAY_OK, {INT64_C(999999999999999999), 1}},
    {"0.00000000000000001", ASSAY_OK, {1, INT64_C(100000000000000000)}},
    {"9.99999999999999999", ASSAY_OK, {INT64_C(999999999999999999), INT64_C(100000000000000000)}},
    {"1000000000000000000", ASSAY_INVALID_VALUE, {0, 0}}, /* 19 digits */
    {"0.000000000000000001", ASSAY_INVALID_VALUE, {0, 0}},
    {"", ASSAY_INVALID_VALUE, {0, 0}},
    {"-", ASSAY_INVALID_VALUE, {0, 0}},
    {"+", ASSAY_INVALID_VALUE, {0, 0}},
    {".", ASSAY_INVALID_VALUE, {0, 0}},
    {".5", ASSAY_INVALID_VALUE, {0, 0}},
    {"5.", ASSAY_INVALID_VALUE, {0, 0}},
    {"1/3", ASSAY_INVALID_VALUE, {0, 0}},
    {"1.2.3", ASSAY_INVALID_VALUE, {0, 0}},
    {"1,5", ASSAY_INVALID_VALUE, {0, 0}},
    {"1e3", ASSAY_INVALID_VALUE, {0, 0}},
    {" 1", ASSAY_INVALID_VALUE, {0, 0}},
    {"1 ", ASSAY_INVALID_VALUE, {0, 0}},
    {"--1", ASSAY_INVALID_VALUE, {0, 0}},
    {"+-1", ASSAY_INVALID_VALUE, {0, 0}},
    {"0x10", ASSAY_INVALID_VALUE, {0, 0}},
    {"NaN", ASSAY_INVALID_VALUE, {0, 0}},
    {"\xef\xbc\x91", ASSAY_INVALID_VALUE, {0, 0}}, /* a full-width digit */
};

START_TEST(parse_decimal) {
    struct assay_frac f = {0, 0};
    ck_assert_int_eq(assay_frac_parse(assay_str_c(decimals[_i].text), &f), decimals[_i].status);
    ck_assert_int_eq(f.num, decimals[_i].want.num);
    ck_assert_int_eq(f.den, decimals[_i].want.den);
}
END_TEST

START_TEST(parse_decimal_stops_at_length) {
    struct assay_frac f;
    ck_assert_int_eq(assay_frac_parse((struct assay_str){"0.95x", 4}, &f), ASSAY_OK);
    ck_assert_int_eq(f.num, 19);
    ck_assert_int_eq(assay_frac_parse((struct assay_str){"1\0002", 3}, &f), ASSAY_INVALID_VALUE);
    ck_assert_int_eq(assay_frac_parse(ASSAY_STR_NONE, &f), ASSAY_INVALID_VALUE);
}
END_TEST

static const struct {
    struct assay_frac f;
    int digits;
    const char *want;
} shown[] = {
    {{19, 20}, 4, "0.9500"},
    {{254, 267}, 4, "0.9513"},
    {{1, 3}, 4, "0.3333"},
    {{2, 3}, 4, "0.6667"},
    {{0, 1}, 4, "0.0000"},
    {{0, 1}, 0, "0"},
    {{-1, 3}, 4, "-0.3333"},
    {{40, 1}, 4, "40.0000"},
    {{-40, 1}, 0, "-40"},
    /* exactly half goes away from zero */
    {{1, 2}, 0, "1"},
    {{-1, 2}, 0, "-1"},
    {{3, 2}, 0, "2"},
    {{5, 2}, 0, "3"},
    {{1, 8}, 2, "0.13"},
    {{-1, 8}, 2, "-0.13"},
    {{1, 20000}, 4, "0.0001"},
    {{-1, 20000}, 4, "-0.0001"},
    /* just under a half, and no "-0.0000" */
    {{1, 20001}, 4, "0.0000"},
    {{-1, 20001}, 4, "0.0000"},
    {{199999, 200000}, 4, "1.0000"},
    {{1, MAX}, 6, "0.000000"},
    {{MAX, 1}, 6, "9223372036854775807.000000"},
    {{-MAX, 1}, 6, "-9223372036854775807.000000"},
    {{MAX, 2}, 0, "4611686018427387904"}, /* ....903.5 */
    {{MAX, MAX - 1}, 6, "1.000000"},
};

START_TEST(format_fraction) {
    char text[ASSAY_FRAC_TEXT];
    assay_frac_format(shown[_i].f, shown[_i].digits, text);
    ck_assert_str_eq(text, shown[_i].want);
}
END_TEST

/* --- money ---------------------------------------------------------------------------------------------------------- */

static const struct {
    int64_t amount;
    struct assay_frac f;
    enum assay_status status;
    int64_t want;
} products[] = {
    {10000, {3, 4}, ASSAY_OK, 7500},
    {1, {1, 2}, ASSAY_OK, 1},      /* .5 goes up */
    {3, {1, 2}, ASSAY_OK, 2},      /* 1.5 */
    {5, {1, 10}, ASSAY_OK, 1},     /* .5 */
    {49, {1, 100}, ASSAY_OK, 0},   /* .49 */
    {51, {1, 100}, ASSAY_OK, 1},   /* .51 */
    {-1, {1, 2}, ASSAY_OK, 0},     /* -.5: up is towards zero */
    {-3, {1, 2}, ASSAY_OK, -1},    /* -1.5 */
    {-51, {1, 100}, ASSAY_OK, -1}, /* -.51 */
    {3, {-1, 2}, ASSAY_OK, -1},
    {12345, {7533, 10000}, ASSAY_OK, 9299}, /* 9299.4885 */
    {100, {254, 267}, ASSAY_OK, 95},        /* 95.13 */
    {0, {254, 267}, ASSAY_OK, 0},
    {12345, {0, 1}, ASSAY_OK, 0},
    {MAX, {1, 1}, ASSAY_OK, MAX},
    {-MAX, {1, 1}, ASSAY_OK, -MAX},
    {MAX, {1, 2}, ASSAY_OK, (INT64_C(1) << 62)}, /* ....903.5 */
    {MAX, {MAX, MAX - 1}, ASSAY_OVERFLOW, 0},
    {MAX, {2, 1}, ASSAY_OVERFLOW, 0},
    {MAX, {MAX, 1}, ASSAY_OVERFLOW, 0},
    {INT64_MIN, {MAX, 1}, ASSAY_OVERFLOW, 0},
    {INT64_MIN, {-MAX, 1}, ASSAY_OVERFLOW, 0},
    {INT64_MIN, {1, 1}, ASSAY_OVERFLOW, 0},
};

START_TEST(money_times) {
    int64_t v = 0;
    ck_assert_int_eq(assay_money_mul(products[_i].amount, products[_i].f, &v), products[_i].status);
    ck_assert_int_eq(v, products[_i].want);
}
END_TEST

static const struct {
    int64_t amount;
    int digits;
    const char *text;
} moneys[] = {
    {123450, 2, "1234.50"},   {0, 2, "0.00"},  {1, 2, "0.01"},           {-1, 2, "-0.01"},
    {-123450, 2, "-1234.50"}, {99, 2, "0.99"}, {100, 2, "1.00"},         {500, 0, "500"},
    {-500, 0, "-500"},        {1, 3, "0.001"}, {1234567, 3, "1234.567"}, {999999999999999999, 2, "9999999999999999.99"},
};

START_TEST(money_text) {
    char text[ASSAY_FRAC_TEXT];
    int64_t back = 0;
    assay_money_format(moneys[_i].amount, moneys[_i].digits, text);
    ck_assert_str_eq(text, moneys[_i].text);
    ck_assert_int_eq(assay_money_parse(assay_str_c(text), moneys[_i].digits, &back), ASSAY_OK);
    ck_assert_int_eq(back, moneys[_i].amount);
}
END_TEST

START_TEST(money_extremes) {
    char text[ASSAY_FRAC_TEXT];
    assay_money_format(INT64_MAX, 2, text);
    ck_assert_str_eq(text, "92233720368547758.07");
    assay_money_format(INT64_MIN, 2, text);
    ck_assert_str_eq(text, "-92233720368547758.08");
}
END_TEST

static const struct {
    const char *text;
    int digits;
    enum assay_status status;
    int64_t want;
} money_parses[] = {
    {"1234.5", 2, ASSAY_OK, 123450},
    {"1234", 2, ASSAY_OK, 123400},
    {"1234.", 2, ASSAY_INVALID_VALUE, 0},
    {".5", 2, ASSAY_INVALID_VALUE, 0},
    {"1.234", 2, ASSAY_INVALID_VALUE, 0},
    {"1.230", 2, ASSAY_INVALID_VALUE, 0}, /* more decimals than the currency has, even if zero */
    {"1.2", 0, ASSAY_INVALID_VALUE, 0},
    {"12", 0, ASSAY_OK, 12},
    {"-0.01", 2, ASSAY_OK, -1},
    {"1 234", 2, ASSAY_INVALID_VALUE, 0},
    {"", 2, ASSAY_INVALID_VALUE, 0},
    {"999999999999999999", 0, ASSAY_OK, INT64_C(999999999999999999)},
    {"99999999999999999", 2, ASSAY_OVERFLOW, 0},
    {"-99999999999999999", 2, ASSAY_OVERFLOW, 0},
    {"92233720368547758.07", 2, ASSAY_INVALID_VALUE, 0}, /* 19 digits */
};

START_TEST(money_from_text) {
    int64_t v = 0;
    ck_assert_int_eq(assay_money_parse(assay_str_c(money_parses[_i].text), money_parses[_i].digits, &v), money_parses[_i].status);
    ck_assert_int_eq(v, money_parses[_i].want);
}
END_TEST

static const struct {
    const char *code;
    int digits;
} currencies[] = {
    {"CNY", 2}, {"USD", 2},  {"AED", 2},  {"ZMW", 2}, {"JPY", 0},   {"BIF", 0}, {"XPF", 0},  {"KWD", 3},  {"BHD", 3},
    {"TND", 3}, {"cny", -1}, {"RMB", -1}, {"CN", -1}, {"CNYX", -1}, {"", -1},   {"NY ", -1}, {"Y C", -1}, {" CN", -1},
};

START_TEST(currency) { ck_assert_int_eq(assay_currency_digits(assay_str_c(currencies[_i].code)), currencies[_i].digits); }
END_TEST

/* --- dates ---------------------------------------------------------------------------------------------------------- */

START_TEST(civil_dates_round_trip) {
    int year = 1600, month = 1, day = 1, weekday = 5; /* a Saturday */
    assay_date first = assay_date_from_civil(year, month, day), last = assay_date_from_civil(2400, 12, 31);
    for (assay_date d = first; d <= last; d++) {
        int y, m, dd;
        assay_date_to_civil(d, &y, &m, &dd);
        /* an assertion that holds costs a system call: ask first */
        if (y != year || m != month || dd != day || assay_date_from_civil(y, m, dd) != d || !assay_civil_valid(y, m, dd) ||
            assay_date_weekday(d) != weekday)
            ck_abort_msg("day %d: %d-%d-%d, not %d-%d-%d", d, y, m, dd, year, month, day);
        weekday = (weekday + 1) % 7;
        if (assay_civil_valid(year, month, day + 1)) day++;
        else if (month < 12) month++, day = 1;
        else year++, month = 1, day = 1;
    }
    ck_assert_int_eq(year, 2401);
}
END_TEST

static const struct {
    int year, month, day;
    bool valid;
} civils[] = {
    {2000, 2, 29, true},  {2001, 2, 29, false}, {1900, 2, 29, false}, {2100, 2, 29, false},  {2400, 2, 29, true},
    {2001, 4, 30, true},  {2001, 4, 31, false}, {2001, 12, 31, true}, {2001, 12, 32, false}, {2001, 13, 1, false},
    {2001, 0, 1, false},  {2001, 1, 0, false},  {2001, 1, -1, false}, {0, 1, 1, false},      {10000, 1, 1, false},
    {9999, 12, 31, true}, {1, 1, 1, true},
};

START_TEST(civil_valid) { ck_assert(assay_civil_valid(civils[_i].year, civils[_i].month, civils[_i].day) == civils[_i].valid); }
END_TEST

static const struct {
    const char *text;
    assay_date want; /* NO_DATE: refused */
} dates[] = {
    {"1970-01-01", 0},
    {"1970-01-02", 1},
    {"1969-12-31", -1},
    {"2000-12-01", 11292},
    {"2000-02-29", 11016},
    {"2001-02-29", ASSAY_NO_DATE},
    {"2001-2-03", ASSAY_NO_DATE},
    {"2001-02-3", ASSAY_NO_DATE},
    {"01-02-03", ASSAY_NO_DATE},
    {"2001/02/03", ASSAY_NO_DATE},
    {"20010203", ASSAY_NO_DATE},
    {"2001-02-03 ", ASSAY_NO_DATE},
    {"2001-02-03T00:00:00Z", ASSAY_NO_DATE},
    {"2001-00-03", ASSAY_NO_DATE},
    {"2001-02-00", ASSAY_NO_DATE},
    {"0000-01-01", ASSAY_NO_DATE},
    {"-001-01-01", ASSAY_NO_DATE},
    {"", ASSAY_NO_DATE},
};

START_TEST(parse_date) {
    assay_date d = ASSAY_NO_DATE;
    enum assay_status want = dates[_i].want == ASSAY_NO_DATE ? ASSAY_INVALID_TIME : ASSAY_OK;
    ck_assert_int_eq(assay_date_parse(assay_str_c(dates[_i].text), &d), want);
    ck_assert_int_eq(d, dates[_i].want);
    if (want != ASSAY_OK) return;
    char text[ASSAY_DATE_TEXT];
    assay_date_format(d, text);
    ck_assert_str_eq(text, dates[_i].text);
}
END_TEST

static const struct {
    const char *text;
    int year, month; /* year 0: refused */
    const char *first;
} months[] = {
    {"2001-02", 2001, 2, "2001-02-01"},
    {"2000-12", 2000, 12, "2000-12-01"},
    {"1970-01", 1970, 1, "1970-01-01"},
    {"2099-12", 2099, 12, "2099-12-01"},
    {"1969-12", 0, 0, NULL},
    {"2100-01", 0, 0, NULL},
    {"2001-00", 0, 0, NULL},
    {"2001-13", 0, 0, NULL},
    {"2001-2", 0, 0, NULL},
    {"2001-Q1", 0, 0, NULL},
    {"2001-02-", 0, 0, NULL},
    {"2001-02-01", 0, 0, NULL},
    {"2001/02", 0, 0, NULL},
    {"", 0, 0, NULL},
};

START_TEST(parse_month) {
    assay_month m = ASSAY_NO_MONTH;
    char text[ASSAY_DATE_TEXT];
    if (!months[_i].year) {
        ck_assert_int_eq(assay_month_parse(assay_str_c(months[_i].text), &m), ASSAY_INVALID_VALUE);
        return;
    }
    ck_assert_int_eq(assay_month_parse(assay_str_c(months[_i].text), &m), ASSAY_OK);
    ck_assert_int_eq(m, assay_month_of(months[_i].year, months[_i].month));
    assay_month_format(m, text);
    ck_assert_str_eq(text, months[_i].text);
    assay_date_format(assay_month_first(m), text);
    ck_assert_str_eq(text, months[_i].first);
    ck_assert_int_eq(assay_date_month(assay_month_first(m)), m);
    ck_assert_int_eq(assay_date_month(assay_month_first(m + 1) - 1), m);
}
END_TEST

/* --- instants ------------------------------------------------------------------------------------------------------- */

#define S(n) (INT64_C(n) * ASSAY_SECOND)

static const struct {
    const char *text;
    enum assay_status status;
    assay_instant want;
} instants[] = {
    {"1970-01-01T00:00:00Z", ASSAY_OK, 0},
    {"1970-01-01T08:00:00+08:00", ASSAY_OK, 0},
    {"2001-02-03T04:05:06Z", ASSAY_OK, S(981173106)},
    {"2001-02-03T12:05:06+08:00", ASSAY_OK, S(981173106)},
    {"2001-02-02T23:35:06-04:30", ASSAY_OK, S(981173106)},
    {"2001-02-03t04:05:06z", ASSAY_OK, S(981173106)},
    {"2001-02-03T04:05:06+00:00", ASSAY_OK, S(981173106)},
    {"2001-02-03T04:05:06-00:00", ASSAY_OK, S(981173106)},
    {"2001-02-03T04:05:06.5Z", ASSAY_OK, S(981173106) + 500000},
    {"2001-02-03T04:05:06.000001Z", ASSAY_OK, S(981173106) + 1},
    {"2001-02-03T04:05:06.999999+00:00", ASSAY_OK, S(981173106) + 999999},
    {"2001-02-03T04:05:06.120Z", ASSAY_OK, S(981173106) + 120000},
    {"2000-02-29T00:00:00Z", ASSAY_OK, S(951782400)},
    {"2099-12-31T23:59:59.999999Z", ASSAY_OK, ASSAY_INSTANT_MAX - 1},
    {"2100-01-01T07:59:59+08:00", ASSAY_OK, ASSAY_INSTANT_MAX - S(1)},
    /* outside what records may say */
    {"2100-01-01T00:00:00Z", ASSAY_OUT_OF_RANGE, 0},
    {"2100-01-01T08:00:00+08:00", ASSAY_OUT_OF_RANGE, 0},
    {"1970-01-01T07:59:59+08:00", ASSAY_OUT_OF_RANGE, 0},
    {"0001-01-01T00:00:00Z", ASSAY_OUT_OF_RANGE, 0},
    {"9999-12-31T23:59:59Z", ASSAY_OUT_OF_RANGE, 0},
    /* no offset */
    {"2001-02-03T04:05:06", ASSAY_MISSING_OFFSET, 0},
    {"2001-02-03T04:05:06.123", ASSAY_MISSING_OFFSET, 0},
    /* does not exist */
    {"2001-02-29T00:00:00Z", ASSAY_INVALID_TIME, 0},
    {"2001-13-01T00:00:00Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T24:00:00Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T23:60:00Z", ASSAY_INVALID_TIME, 0},
    {"1998-12-31T23:59:60Z", ASSAY_INVALID_TIME, 0}, /* leap seconds do not exist here */
    {"2001-02-03T04:05:06+24:00", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06+08:60", ASSAY_INVALID_TIME, 0},
    {"0000-02-03T04:05:06Z", ASSAY_INVALID_TIME, 0},
    /* is not RFC 3339 */
    {"2001-02-03T04:05:06.1234567Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06.0000000Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06.Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06,5Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03 04:05:06Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:6Z", ASSAY_INVALID_TIME, 0},
    {"2001-2-3T04:05:06Z", ASSAY_INVALID_TIME, 0},
    {"20010203T040506Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06+0800", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06+08", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06+8:00", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06 +08:00", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06Z ", ASSAY_INVALID_TIME, 0},
    {" 2001-02-03T04:05:06Z", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06ZZ", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T04:05:06UTC", ASSAY_INVALID_TIME, 0},
    {"2001-02-03", ASSAY_INVALID_TIME, 0},
    {"2001-02-03T", ASSAY_INVALID_TIME, 0},
    {"-001-02-03T04:05:06Z", ASSAY_INVALID_TIME, 0},
    {"981173106", ASSAY_INVALID_TIME, 0},
    {"", ASSAY_INVALID_TIME, 0},
};

START_TEST(parse_instant) {
    assay_instant t = 0;
    ck_assert_int_eq(assay_instant_parse(assay_str_c(instants[_i].text), &t), instants[_i].status);
    ck_assert_int_eq(t, instants[_i].want);
}
END_TEST

START_TEST(parse_instant_cut_anywhere) {
    static const char text[] = "2001-02-03T04:05:06.123456+08:00";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        assay_instant t;
        enum assay_status s = assay_instant_parse((struct assay_str){text, n}, &t);
        enum assay_status want = n == 19 || (n > 20 && n <= 26) ? ASSAY_MISSING_OFFSET : ASSAY_INVALID_TIME;
        ck_assert_msg(s == want, "%.*s: %s", (int)n, text, assay_status_code(s));
    }
}
END_TEST

static const struct {
    assay_instant t;
    int offset;
    const char *utc, *local;
} instant_texts[] = {
    {0, 28800, "1970-01-01T00:00:00Z", "1970-01-01T08:00:00+08:00"},
    {S(981173106), 28800, "2001-02-03T04:05:06Z", "2001-02-03T12:05:06+08:00"},
    {S(981173106), -16200, "2001-02-03T04:05:06Z", "2001-02-02T23:35:06-04:30"},
    {S(981173106) + 500000, 0, "2001-02-03T04:05:06.5Z", "2001-02-03T04:05:06.5+00:00"},
    {S(981173106) + 1, 0, "2001-02-03T04:05:06.000001Z", "2001-02-03T04:05:06.000001+00:00"},
    {S(981173106) + 120000, 0, "2001-02-03T04:05:06.12Z", "2001-02-03T04:05:06.12+00:00"},
    {ASSAY_INSTANT_MAX - 1, 28800, "2099-12-31T23:59:59.999999Z", "2100-01-01T07:59:59.999999+08:00"},
    {-1, 0, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999+00:00"}, /* before 1970 rounds down */
};

START_TEST(format_instant) {
    char text[ASSAY_INSTANT_TEXT];
    assay_instant back;
    assay_instant_format_at(instant_texts[_i].t, instant_texts[_i].offset, text);
    ck_assert_str_eq(text, instant_texts[_i].local);
    assay_instant_format(instant_texts[_i].t, text);
    ck_assert_str_eq(text, instant_texts[_i].utc);
    if (instant_texts[_i].t < 0) return;
    ck_assert_int_eq(assay_instant_parse(assay_str_c(text), &back), ASSAY_OK);
    ck_assert_int_eq(back, instant_texts[_i].t);
}
END_TEST

static Suite *suite_of_fractions(void) {
    Suite *s = suite_create("fractions");
    TCase *t = tcase_create("exact");
    tcase_add_loop_test(t, make, 0, ROWS(makes));
    tcase_add_loop_test(t, arithmetic, 0, ROWS(sums));
    tcase_add_loop_test(t, compare, 0, ROWS(comparisons));
    tcase_add_loop_test(t, parse_decimal, 0, ROWS(decimals));
    tcase_add_test(t, parse_decimal_stops_at_length);
    tcase_add_loop_test(t, format_fraction, 0, ROWS(shown));
    suite_add_tcase(s, t);
    return s;
}

static Suite *suite_of_money(void) {
    Suite *s = suite_create("money");
    TCase *t = tcase_create("minor units");
    tcase_add_loop_test(t, money_times, 0, ROWS(products));
    tcase_add_loop_test(t, money_text, 0, ROWS(moneys));
    tcase_add_test(t, money_extremes);
    tcase_add_loop_test(t, money_from_text, 0, ROWS(money_parses));
    tcase_add_loop_test(t, currency, 0, ROWS(currencies));
    suite_add_tcase(s, t);
    return s;
}

static Suite *suite_of_time(void) {
    Suite *s = suite_create("time");
    TCase *t = tcase_create("civil and RFC 3339");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, civil_dates_round_trip);
    tcase_add_loop_test(t, civil_valid, 0, ROWS(civils));
    tcase_add_loop_test(t, parse_date, 0, ROWS(dates));
    tcase_add_loop_test(t, parse_month, 0, ROWS(months));
    tcase_add_loop_test(t, parse_instant, 0, ROWS(instants));
    tcase_add_test(t, parse_instant_cut_anywhere);
    tcase_add_loop_test(t, format_instant, 0, ROWS(instant_texts));
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_fractions, suite_of_money, suite_of_time)
