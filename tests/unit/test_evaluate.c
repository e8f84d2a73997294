/* Tallies, evaluations, ranks and pay (core/tally.c, evaluate.c, pay.c): DOMAIN 5 and 6, rule by rule. */
#include "assay/evaluate.h"
#include "check_main.h"
#include "fy01.h"

#define ROWS(t) ((int)(sizeof(t) / sizeof *(t)))

/* short names for tables */
#define ORDINARY ASSAY_CLASS_ORDINARY
#define KEY ASSAY_CLASS_KEY
#define SATISFIED ASSAY_ANSWER_SATISFIED
#define AVERAGE ASSAY_ANSWER_AVERAGE
#define DISSATISFIED ASSAY_ANSWER_DISSATISFIED
#define COMPLAINT ASSAY_ANSWER_COMPLAINT
#define PROVIDER ASSAY_RESP_PROVIDER
#define SHARED ASSAY_RESP_SHARED
#define MANUFACTURER ASSAY_RESP_MANUFACTURER
#define MONTH(y, m) assay_month_of(y, m)
#define POINT(p) (1u << ASSAY_POINT_##p)

/* --- contributions of orders ---------------------------------------------------------------------------------------- */

static struct assay_order order_closed(const char *at) {
    return (struct assay_order){
        .state = ASSAY_STATE_CLOSED, .opened_at = test_instant(at) - ASSAY_DAY, .closed_at = test_instant(at)};
}

static struct assay_verdict verdict(enum assay_outcome outcome, enum assay_reason reason, enum assay_clock_outcome diagnosis) {
    return (struct assay_verdict){.outcome = outcome,
                                  .reason = reason,
                                  .diagnosis = {.outcome = diagnosis},
                                  .scheme = test_fy01(),
                                  .opened_on = assay_date_from_civil(2001, 2, 1)};
}

static const struct {
    enum assay_outcome outcome;
    enum assay_reason reason;
    enum assay_clock_outcome diagnosis;
    int cell; /* -1: nothing is counted */
    int exempt;
} outcomes[] = {
    {ASSAY_COMPLIANT, 0, ASSAY_CLOCK_MET, ASSAY_TALLY_COMPLIANT, 0},
    {ASSAY_COMPLIANT, 0, ASSAY_CLOCK_EXEMPT, ASSAY_TALLY_COMPLIANT, 1},
    {ASSAY_MISSED, 0, ASSAY_CLOCK_MISSED, ASSAY_TALLY_MISSED, 0},
    {ASSAY_MISSED, 0, ASSAY_CLOCK_EXEMPT, ASSAY_TALLY_MISSED, 1},
    {ASSAY_UNDETERMINED, ASSAY_REASON_MISSING_OPEN, ASSAY_CLOCK_NONE, ASSAY_TALLY_UNDETERMINED_PROVIDER, 0},
    {ASSAY_UNDETERMINED, ASSAY_REASON_REQUEST_BEFORE_OPEN, ASSAY_CLOCK_UNDETERMINED, ASSAY_TALLY_UNDETERMINED_PROVIDER, 0},
    {ASSAY_UNDETERMINED, ASSAY_REASON_CLOSE_BEFORE_START, ASSAY_CLOCK_EXEMPT, ASSAY_TALLY_UNDETERMINED_PROVIDER, 1},
    {ASSAY_UNDETERMINED, ASSAY_REASON_MISSING_SHIPMENT, ASSAY_CLOCK_MET, ASSAY_TALLY_UNDETERMINED_LOGISTICS, 0},
    {ASSAY_UNDETERMINED, ASSAY_REASON_MISSING_SHIPMENT, ASSAY_CLOCK_EXEMPT, ASSAY_TALLY_UNDETERMINED_LOGISTICS,
     0}, /* not counted */
    {ASSAY_OUT_OF_SCOPE, 0, ASSAY_CLOCK_NONE, -1, 0},
    {ASSAY_OUTCOME_NONE, 0, ASSAY_CLOCK_NONE, -1, 0},
};

START_TEST(order_counts_by_outcome) {
    struct assay_order o = order_closed("2001-02-10T10:00:00+08:00");
    struct assay_verdict v = verdict(outcomes[_i].outcome, outcomes[_i].reason, outcomes[_i].diagnosis);
    struct assay_contribution c;
    int counted = outcomes[_i].cell >= 0, sum = 0;
    assay_contribution_of_order(&o, &v, NULL, &c);
    ck_assert_int_eq(c.month, counted ? MONTH(2001, 2) : ASSAY_NO_MONTH);
    ck_assert_int_eq(c.paid, counted);
    ck_assert_int_eq(c.rate, ASSAY_NO_RATE);
    ck_assert_int_eq(c.counts[ASSAY_TALLY_CLOSED], counted);
    ck_assert_int_eq(c.counts[ASSAY_TALLY_EXEMPT], outcomes[_i].exempt);
    if (counted) ck_assert_int_eq(c.counts[outcomes[_i].cell], 1);
    int left_out = outcomes[_i].reason == ASSAY_REASON_MISSING_SHIPMENT;
    ck_assert_int_eq(c.counts[ASSAY_TALLY_POINTS + ASSAY_POINT_MISSING_SHIPMENT], left_out);
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) sum += c.counts[i];
    ck_assert_int_eq(sum, 2 * counted + outcomes[_i].exempt + left_out);
}
END_TEST

/* The month of the close in the scheme's zone, half-open at midnight. */
static const struct {
    const char *closed_at;
    int year, month;
} closes[] = {
    {"2001-01-31T23:59:59.999999+08:00", 2001, 1}, {"2001-02-01T00:00:00+08:00", 2001, 2},
    {"2001-01-31T15:59:59.999999Z", 2001, 1},      {"2001-01-31T16:00:00Z", 2001, 2},
    {"2000-12-31T23:30:00+08:00", 2000, 12},       {"2000-12-31T23:30:00Z", 2001, 1},
};

START_TEST(order_counts_in_the_month_of_its_close) {
    struct assay_order o = order_closed(closes[_i].closed_at);
    struct assay_verdict v = verdict(ASSAY_COMPLIANT, 0, ASSAY_CLOCK_MET);
    struct assay_contribution c;
    o.opened_at = test_instant("2000-12-05T09:00:00+08:00");
    assay_contribution_of_order(&o, &v, NULL, &c);
    ck_assert_int_eq(c.month, MONTH(closes[_i].year, closes[_i].month));
}
END_TEST

START_TEST(order_adds_each_assumption_once) {
    struct assay_order o = order_closed("2001-02-10T10:00:00+08:00");
    struct assay_verdict v = verdict(ASSAY_UNDETERMINED, ASSAY_REASON_MISSING_SHIPMENT, ASSAY_CLOCK_MET);
    const struct assay_record manufacturer = {.answer = AVERAGE, .customer_class = KEY, .responsibility = MANUFACTURER};
    const struct assay_record *surveys[] = {&manufacturer, &manufacturer};
    assay_points want = POINT(HOLIDAYS) | POINT(REPLACEMENT) | POINT(MISSING_SHIPMENT) | POINT(SURVEY_MANUFACTURER) |
                        POINT(SURVEY_EACH);
    struct assay_contribution c;
    v.points = POINT(HOLIDAYS) | POINT(REPLACEMENT);
    o.n_surveys = 2;
    o.surveys = surveys;
    assay_contribution_of_order(&o, &v, NULL, &c);
    for (int p = 0; p < 32; p++) ck_assert_int_eq(c.counts[ASSAY_TALLY_POINTS + p], want >> p & 1);
}
END_TEST

/* --- answers -------------------------------------------------------------------------------------------------------- */

static const struct {
    enum assay_class class, order_class;
    enum assay_answer answer;
    enum assay_responsibility responsibility;
    enum assay_class cell_class;
    enum assay_responsibility cell_responsibility;
    assay_points used;
} answers[] = {
    {KEY, ORDINARY, COMPLAINT, PROVIDER, KEY, PROVIDER, 0}, /* the response's class, then the order's, then ordinary */
    {0, KEY, COMPLAINT, PROVIDER, KEY, PROVIDER, 0},
    {0, ORDINARY, AVERAGE, SHARED, ORDINARY, SHARED, 0},
    {0, 0, AVERAGE, SHARED, ORDINARY, SHARED, POINT(SURVEY_CLASS)},
    {KEY, 0, DISSATISFIED, 0, KEY, PROVIDER, POINT(SURVEY_RESPONSIBILITY)},
    {KEY, 0, DISSATISFIED, MANUFACTURER, KEY, MANUFACTURER, POINT(SURVEY_MANUFACTURER)},
    {0, 0, COMPLAINT, 0, ORDINARY, PROVIDER, POINT(SURVEY_CLASS) | POINT(SURVEY_RESPONSIBILITY)},
    /* ignored on a satisfied answer: no assumption either */
    {KEY, 0, SATISFIED, 0, KEY, PROVIDER, 0},
    {KEY, 0, SATISFIED, SHARED, KEY, PROVIDER, 0},
    {KEY, 0, SATISFIED, MANUFACTURER, KEY, PROVIDER, 0},
};

static void check_answer(int row, const struct assay_contribution *c, assay_points used) {
    int cell = assay_tally_answer(answers[row].cell_class, answers[row].answer, answers[row].cell_responsibility);
    for (int i = ASSAY_TALLY_ANSWERS; i < ASSAY_TALLY_POINTS; i++) ck_assert_int_eq(c->counts[i], i == cell);
    for (int p = 0; p < 32; p++) ck_assert_int_eq(c->counts[ASSAY_TALLY_POINTS + p], used >> p & 1);
}

START_TEST(answer_to_an_order) {
    const struct assay_record r = {.customer_class = answers[_i].class,
                                   .answer = answers[_i].answer,
                                   .responsibility = answers[_i].responsibility,
                                   .at = test_instant("2001-07-01T00:00:00+08:00")}; /* the order's close decides, not this */
    const struct assay_record *surveys[] = {&r};
    struct assay_order o = order_closed("2001-02-10T10:00:00+08:00");
    struct assay_verdict v = verdict(ASSAY_MISSED, 0, ASSAY_CLOCK_MET);
    struct assay_contribution c;
    o.customer_class = answers[_i].order_class;
    o.n_surveys = 1;
    o.surveys = surveys;
    assay_contribution_of_order(&o, &v, NULL, &c);
    ck_assert_int_eq(c.month, MONTH(2001, 2));
    check_answer(_i, &c, answers[_i].used);

    v.outcome = ASSAY_OUT_OF_SCOPE; /* the population is the orders of the scheme */
    assay_contribution_of_order(&o, &v, NULL, &c);
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) ck_assert_int_eq(c.counts[i], 0);
}
END_TEST

START_TEST(answer_without_an_order) {
    struct assay_record r = {.customer_class = answers[_i].class,
                             .answer = answers[_i].answer,
                             .responsibility = answers[_i].responsibility,
                             .at = test_instant("2001-02-28T23:59:59+08:00")};
    struct assay_contribution c;
    assay_points used = answers[_i].used | POINT(SURVEY_NO_ORDER);
    if (answers[_i].order_class) return; /* there is none */
    assay_contribution_of_survey(&r, test_fy01(), &c);
    ck_assert_int_eq(c.month, MONTH(2001, 2));
    ck_assert(!c.paid);
    check_answer(_i, &c, used);

    r.at = test_instant("2000-12-01T00:00:00+08:00"); /* the scheme's start */
    assay_contribution_of_survey(&r, test_fy01(), &c);
    ck_assert_int_eq(c.month, MONTH(2000, 12));
    r.at--;
    assay_contribution_of_survey(&r, test_fy01(), &c);
    ck_assert_int_eq(c.month, ASSAY_NO_MONTH);
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) ck_assert_int_eq(c.counts[i], 0);
}
END_TEST

/* --- what an order earns -------------------------------------------------------------------------------------------- */

START_TEST(order_earns_its_rate) {
    const struct assay_rate rows[] = {
        {ASSAY_STR("*"), ASSAY_WARRANTY_NONE, ASSAY_NO_DATE, 1000},
        {ASSAY_STR("notebook"), ASSAY_WARRANTY_OUT, ASSAY_NO_DATE, 5000},
        {ASSAY_STR("notebook"), ASSAY_WARRANTY_OUT, assay_date_from_civil(2001, 2, 1), 6000},
    };
    const struct assay_rates rates = {.code = "fy01-labour", .currency = "CNY", .minor_digits = 2, .n = 3, .rows = rows};
    const struct assay_rates none = {.code = "fy01-labour", .currency = "CNY", .minor_digits = 2};
    struct assay_order o = order_closed("2001-02-10T10:00:00+08:00");
    struct assay_verdict v = verdict(ASSAY_UNDETERMINED, ASSAY_REASON_MISSING_SHIPMENT, ASSAY_CLOCK_MET);
    struct assay_contribution c;

    o.product = ASSAY_STR("notebook");
    o.warranty = ASSAY_WARRANTY_OUT;
    assay_contribution_of_order(&o, &v, &rates, &c); /* an undetermined order earns */
    ck_assert(c.paid);
    ck_assert_int_eq(c.rate, 6000);

    v.opened_on--; /* the rate of the opening date */
    assay_contribution_of_order(&o, &v, &rates, &c);
    ck_assert_int_eq(c.rate, 5000);

    o.warranty = ASSAY_WARRANTY_NONE;
    assay_contribution_of_order(&o, &v, &rates, &c);
    ck_assert_int_eq(c.rate, 1000);

    assay_contribution_of_order(&o, &v, &none, &c);
    ck_assert(c.paid);
    ck_assert_int_eq(c.rate, ASSAY_NO_RATE);

    v.outcome = ASSAY_OUT_OF_SCOPE; /* cancelled, or before the scheme */
    assay_contribution_of_order(&o, &v, &rates, &c);
    ck_assert(!c.paid);
    ck_assert_int_eq(c.rate, ASSAY_NO_RATE);
}
END_TEST

/* --- evaluation ----------------------------------------------------------------------------------------------------- */

static int64_t counts[ASSAY_TALLY_COUNT]; /* cleared before each test */

static struct assay_evaluation evaluate(void) {
    struct assay_evaluation e;
    ck_assert_int_eq(assay_evaluate(test_fy01(), MONTH(2001, 2), counts, 0, &e), ASSAY_OK);
    return e;
}

static void add_answers(enum assay_class c, enum assay_answer a, enum assay_responsibility r, int64_t n) {
    counts[assay_tally_answer(c, a, r)] += n;
}

static void check_frac(struct assay_frac got, int64_t num, int64_t den) {
    ck_assert_int_eq(got.num, num);
    ck_assert_int_eq(got.den, den);
}

static const struct {
    int64_t compliant, missed, theirs, logistics;
    int64_t num, den; /* of the score */
} tats[] = {
    {95, 5, 0, 0, 30, 1}, /* the printed example: 95 % -> 30 */
    {1, 0, 0, 0, 40, 1},     {100, 0, 0, 0, 40, 1},   {90, 10, 0, 0, 0, 1},   {0, 1, 0, 0, 0, 1},
    {50, 50, 0, 0, 0, 1},    {899, 101, 0, 0, 0, 1},  {901, 99, 0, 0, 3, 5},                           /* 600A - 540 */
    {925, 75, 0, 0, 15, 1},  {949, 51, 0, 0, 147, 5}, {950, 50, 0, 0, 30, 1}, {951, 49, 0, 0, 151, 5}, /* 200A - 160 */
    {975, 25, 0, 0, 35, 1},  {999, 1, 0, 0, 199, 5},  {19, 0, 1, 0, 30, 1}, /* the provider's to mend: counted */
    {19, 1, 0, 7, 30, 1},                                                   /* missing shipments: left out */
    {49, 2, 0, 2, 1640, 51},
};

START_TEST(tat_rate_and_score) {
    counts[ASSAY_TALLY_COMPLIANT] = tats[_i].compliant;
    counts[ASSAY_TALLY_MISSED] = tats[_i].missed;
    counts[ASSAY_TALLY_UNDETERMINED_PROVIDER] = tats[_i].theirs;
    counts[ASSAY_TALLY_UNDETERMINED_LOGISTICS] = tats[_i].logistics;
    counts[ASSAY_TALLY_CLOSED] = tats[_i].compliant + tats[_i].missed + tats[_i].theirs + tats[_i].logistics;
    struct assay_evaluation e = evaluate();
    int64_t counted = tats[_i].compliant + tats[_i].missed + tats[_i].theirs;
    ck_assert_int_eq(e.counted, counted);
    ck_assert_int_eq(e.compliant, tats[_i].compliant);
    ck_assert_int_eq(e.missed, tats[_i].missed);
    ck_assert_int_eq(e.closed, counted + tats[_i].logistics);
    ck_assert_int_eq(e.undetermined, tats[_i].theirs + tats[_i].logistics);
    const struct assay_indicator_result *r = &e.indicators[0];
    ck_assert(r->rated);
    ck_assert_int_eq(r->numerator, tats[_i].compliant); /* as counted, not reduced */
    ck_assert_int_eq(r->denominator, counted);
    check_frac(r->score, tats[_i].num, tats[_i].den);
    check_frac(r->max, 40, 1);
    ck_assert(!e.indicators[1].rated);
    check_frac(e.score, tats[_i].num, tats[_i].den);
    check_frac(e.max, 40, 1); /* of the rated only */
}
END_TEST

START_TEST(satisfaction_of_the_printed_example) {
    add_answers(KEY, SATISFIED, PROVIDER, 30);
    add_answers(ORDINARY, SATISFIED, PROVIDER, 66);
    add_answers(KEY, COMPLAINT, PROVIDER, 1);
    add_answers(ORDINARY, DISSATISFIED, PROVIDER, 1);
    add_answers(ORDINARY, AVERAGE, SHARED, 2);
    struct assay_evaluation e = evaluate();
    const struct assay_indicator_result *r = &e.indicators[1];
    char text[ASSAY_FRAC_TEXT];
    ck_assert(r->rated);
    ck_assert_int_eq(r->numerator, 254);
    ck_assert_int_eq(r->denominator, 267);
    check_frac(r->value, 254, 267);
    assay_frac_format(r->value, 4, text);
    ck_assert_str_eq(text, "0.9513");
    assay_frac_format(r->score, 4, text);
    ck_assert_str_eq(text, "30.2622");
}
END_TEST

/* One kind of answer beside ten ordinary satisfied ones: the rate is (10 + s)/(10 + s + u). */
static const struct {
    enum assay_class class;
    enum assay_answer answer;
    enum assay_responsibility responsibility;
    int64_t num, den;
} weights[] = {
    {ORDINARY, SATISFIED, PROVIDER, 1, 1},
    {ORDINARY, AVERAGE, PROVIDER, 10, 11},
    {ORDINARY, DISSATISFIED, PROVIDER, 20, 23},
    {ORDINARY, COMPLAINT, PROVIDER, 5, 6},
    {KEY, AVERAGE, PROVIDER, 5, 6},
    {KEY, DISSATISFIED, PROVIDER, 10, 13},
    {KEY, COMPLAINT, PROVIDER, 5, 7},
    {ORDINARY, AVERAGE, SHARED, 21, 22},
    {ORDINARY, DISSATISFIED, SHARED, 14, 15}, /* 10.5 / 11.25 */
    {ORDINARY, COMPLAINT, SHARED, 21, 23},
    {KEY, AVERAGE, SHARED, 11, 12},
    {KEY, DISSATISFIED, SHARED, 22, 25},
    {KEY, COMPLAINT, SHARED, 11, 13},
    {ORDINARY, AVERAGE, MANUFACTURER, 1, 1},
    {ORDINARY, COMPLAINT, MANUFACTURER, 1, 1},
    {KEY, DISSATISFIED, MANUFACTURER, 1, 1},
};

START_TEST(satisfaction_weighs_answers) {
    add_answers(ORDINARY, SATISFIED, PROVIDER, 10);
    add_answers(weights[_i].class, weights[_i].answer, weights[_i].responsibility, 1);
    struct assay_evaluation e = evaluate();
    check_frac(e.indicators[1].value, weights[_i].num, weights[_i].den);
}
END_TEST

START_TEST(satisfaction_of_complaints_only) {
    add_answers(KEY, COMPLAINT, PROVIDER, 3);
    struct assay_evaluation e = evaluate();
    ck_assert(e.indicators[1].rated); /* rated zero, which is not "not rated" */
    ck_assert_int_eq(e.indicators[1].numerator, 0);
    ck_assert_int_eq(e.indicators[1].denominator, 1);
    check_frac(e.ratio, 0, 1);
    ck_assert(e.rated);
}
END_TEST

START_TEST(total_is_scores_over_maxima) {
    counts[ASSAY_TALLY_COMPLIANT] = 95;
    counts[ASSAY_TALLY_MISSED] = 5;
    add_answers(ORDINARY, SATISFIED, PROVIDER, 254);
    add_answers(ORDINARY, AVERAGE, PROVIDER, 13);
    counts[ASSAY_TALLY_POINTS + ASSAY_POINT_HOLIDAYS] = 12;
    struct assay_evaluation e = evaluate();
    char text[ASSAY_FRAC_TEXT];
    assay_frac_format(e.score, 4, text);
    ck_assert_str_eq(text, "60.2622");
    assay_frac_format(e.max, 4, text);
    ck_assert_str_eq(text, "80.0000");
    assay_frac_format(e.ratio, 4, text);
    ck_assert_str_eq(text, "0.7533");
    ck_assert_int_eq(e.points, POINT(HOLIDAYS) | POINT(TOTAL) | POINT(SURVEY_CURVE));
}
END_TEST

START_TEST(nothing_to_rate) {
    struct assay_evaluation e;
    counts[ASSAY_TALLY_CLOSED] = 2;
    counts[ASSAY_TALLY_UNDETERMINED_LOGISTICS] = 2; /* all left out: a zero denominator */
    ck_assert_int_eq(assay_evaluate(test_fy01(), MONTH(2001, 2), counts, 7, &e), ASSAY_OK);
    ck_assert(!e.rated && !e.indicators[0].rated && !e.indicators[1].rated);
    ck_assert_int_eq(e.indicators[0].denominator, 0);
    check_frac(e.score, 0, 1);
    check_frac(e.max, 0, 1);
    ck_assert_int_eq(e.closed, 2);
    ck_assert_int_eq(e.counted, 0);
    ck_assert_int_eq(e.undetermined, 2);
    ck_assert_int_eq(e.open, 7);
    ck_assert_int_eq(e.points, 0);
}
END_TEST

static const struct {
    int year, month;
    const char *from, *to;
} windows[] = {
    {2000, 12, "2000-12-01", "2000-12-31"}, /* no earlier months */
    {2001, 1, "2000-12-01", "2001-01-31"},  {2001, 2, "2000-12-01", "2001-02-28"},
    {2001, 3, "2001-01-01", "2001-03-31"},  {2004, 2, "2003-12-01", "2004-02-29"},
};

START_TEST(window_of_a_period) {
    struct assay_evaluation e;
    char text[ASSAY_DATE_TEXT];
    assay_month m = MONTH(windows[_i].year, windows[_i].month);
    ck_assert_int_eq(assay_evaluate(test_fy01(), m, counts, 0, &e), ASSAY_OK);
    ck_assert_int_eq(e.period, m);
    assay_date_format(e.window_from, text);
    ck_assert_str_eq(text, windows[_i].from);
    assay_date_format(e.window_to, text);
    ck_assert_str_eq(text, windows[_i].to);
}
END_TEST

START_TEST(what_cannot_be_computed) {
    struct assay_evaluation e;
    struct assay_scheme s = *test_fy01();
    counts[ASSAY_TALLY_COMPLIANT] = counts[ASSAY_TALLY_MISSED] = INT64_MAX;
    ck_assert_int_eq(assay_evaluate(&s, MONTH(2001, 2), counts, 0, &e), ASSAY_OVERFLOW);
    counts[ASSAY_TALLY_COMPLIANT] = counts[ASSAY_TALLY_MISSED] = 0;
    add_answers(KEY, COMPLAINT, PROVIDER, INT64_MAX);
    ck_assert_int_eq(assay_evaluate(&s, MONTH(2001, 2), counts, 0, &e), ASSAY_OVERFLOW);
    counts[assay_tally_answer(KEY, COMPLAINT, PROVIDER)] = -1;
    ck_assert_int_eq(assay_evaluate(&s, MONTH(2001, 2), counts, 0, &e), ASSAY_INTERNAL);
    counts[assay_tally_answer(KEY, COMPLAINT, PROVIDER)] = 0;
    s.n_indicators = ASSAY_INDICATORS_MAX + 1;
    ck_assert_int_eq(assay_evaluate(&s, MONTH(2001, 2), counts, 0, &e), ASSAY_CONFIG);
}
END_TEST

/* --- ranking -------------------------------------------------------------------------------------------------------- */

START_TEST(equals_share_a_rank) {
    static const struct {
        const char *code;
        bool rated;
        struct assay_frac ratio;
        int64_t counted;
        int32_t rank;
    } want[] = {
        /* in the order they are listed */
        {"P9", true, {9, 10}, 1, 1},  {"P1", true, {8, 10}, 50, 2},
        {"P3", true, {4, 5}, 50, 2}, /* the same ratio, said otherwise */
        {"P2", true, {4, 5}, 49, 4},  {"P7", true, {0, 1}, 1000, 5},
        {"P0", false, {0, 1}, 0, 0}, /* not rated: by code, whatever they counted */
        {"P5", false, {0, 1}, 12, 0}, {"P6", false, {0, 1}, 0, 0},
    };
    static const int shuffles[][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {4, 2, 6, 0, 7, 1, 3, 5}};
    for (int s = 0; s < ROWS(shuffles); s++) {
        struct assay_evaluation e[8];
        struct assay_ranked rows[8];
        for (int i = 0; i < 8; i++) {
            int w = shuffles[s][i];
            e[i] = (struct assay_evaluation){
                .rated = want[w].rated, .ratio = want[w].ratio, .counted = want[w].counted, .rank = -1};
            rows[i] = (struct assay_ranked){assay_str_c(want[w].code), &e[i]};
        }
        assay_evaluations_rank(rows, 8);
        for (int i = 0; i < 8; i++) {
            ck_assert(assay_str_is(rows[i].provider, want[i].code));
            ck_assert_int_eq(rows[i].evaluation->rank, want[i].rank);
        }
    }
    assay_evaluations_rank(NULL, 0);
}
END_TEST

/* --- pay ------------------------------------------------------------------------------------------------------------ */

static struct assay_evaluation rated_at(int64_t num, int64_t den) {
    return (struct assay_evaluation){.scheme = test_fy01(), .rated = true, .ratio = test_frac(num, den), .points = POINT(TOTAL)};
}

static struct assay_compensation pay(const struct assay_evaluation *e, const struct assay_pay_group *groups, size_t n) {
    struct assay_compensation c;
    ck_assert_int_eq(assay_pay_compute(e, groups, n, &c), ASSAY_OK);
    return c;
}

START_TEST(multiplier) {
    struct assay_evaluation e = rated_at(7533, 10000);
    struct assay_frac m;
    ck_assert_int_eq(assay_pay_multiplier(&e, &m), ASSAY_OK);
    check_frac(m, 7533, 10000); /* the ratio itself */
    e = rated_at(0, 1);
    ck_assert_int_eq(assay_pay_multiplier(&e, &m), ASSAY_OK);
    check_frac(m, 0, 1);
    e.rated = false; /* while not rated */
    ck_assert_int_eq(assay_pay_multiplier(&e, &m), ASSAY_OK);
    check_frac(m, 1, 1);
}
END_TEST

START_TEST(multiplier_by_steps) {
    static const struct assay_frac x[] = {{0, 1}, {3, 5}, {4, 5}}, y[] = {{7, 10}, {1, 1}, {6, 5}};
    struct assay_scheme s = *test_fy01();
    struct assay_evaluation e = rated_at(3, 5);
    struct assay_frac m;
    s.pay_multiplier = (struct assay_curve){true, 3, x, y};
    e.scheme = &s;
    ck_assert_int_eq(assay_pay_multiplier(&e, &m), ASSAY_OK);
    check_frac(m, 1, 1);
    e.ratio = test_frac(5999, 10000);
    ck_assert_int_eq(assay_pay_multiplier(&e, &m), ASSAY_OK);
    check_frac(m, 7, 10);
    e.ratio = test_frac(1, 1);
    ck_assert_int_eq(assay_pay_multiplier(&e, &m), ASSAY_OK);
    check_frac(m, 6, 5);
}
END_TEST

static const struct {
    int64_t rate, num, den, amount;
} lines[] = {
    {8000, 3, 4, 6000},      {1, 1, 2, 1},                            /* exactly half a fen: up */
    {101, 1, 2, 51},         {5, 9, 10, 5},                           /* 4.5 */
    {150, 333, 1000, 50},                                             /* 49.95 */
    {149, 1, 100, 1},                                                 /* 1.49 */
    {1, 499999, 1000000, 0}, {8000, 0, 1, 0}, {8000, 254, 267, 7610}, /* 7610.4869 */
    {0, 254, 267, 0},                                                 /* a rate of nothing is a rate */
};

START_TEST(line_rounds_half_up) {
    int64_t amount = -7;
    ck_assert_int_eq(assay_pay_line(lines[_i].rate, test_frac(lines[_i].num, lines[_i].den), &amount), ASSAY_OK);
    ck_assert_int_eq(amount, lines[_i].amount);
}
END_TEST

START_TEST(total_is_the_sum_of_its_lines) {
    const struct assay_pay_group groups[] = {{101, 3}, {8001, 2}, {0, 1}};
    struct assay_evaluation e = rated_at(1, 2);
    struct assay_compensation c = pay(&e, groups, 3);
    ck_assert_int_eq(c.lines, 6);
    ck_assert_int_eq(c.no_rate_lines, 0);
    ck_assert_int_eq(c.base, 16305);
    ck_assert_int_eq(c.total, 3 * 51 + 2 * 4001); /* 8155, not round(16305 / 2) = 8153 */
    ck_assert_int_eq(c.points, POINT(TOTAL) | POINT(MULTIPLIER) | POINT(RATES));
}
END_TEST

START_TEST(no_rate_is_said) {
    const struct assay_pay_group groups[] = {{ASSAY_NO_RATE, 2}, {100, 1}, {ASSAY_NO_RATE, 1}};
    struct assay_evaluation e = rated_at(1, 1);
    struct assay_compensation c = pay(&e, groups, 3);
    int64_t amount;
    ck_assert_int_eq(c.lines, 4);
    ck_assert_int_eq(c.no_rate_lines, 3);
    ck_assert_int_eq(c.base, 100);
    ck_assert_int_eq(assay_pay_line(ASSAY_NO_RATE, ASSAY_FRAC_ONE, &amount), ASSAY_OUT_OF_RANGE);
    c = pay(&e, NULL, 0);
    ck_assert_int_eq(c.lines, 0);
    ck_assert_int_eq(c.total, 0);
    ck_assert_int_eq(c.points, POINT(TOTAL) | POINT(MULTIPLIER));
}
END_TEST

START_TEST(pay_overflow) {
    static const struct assay_pay_group cases[][2] = {
        {{INT64_MAX, 1}, {1, 1}},
        {{INT64_MAX / 2, 3}, {0, 0}},
        {{1, INT64_MAX}, {1, 1}},
        {{ASSAY_NO_RATE, INT64_MAX}, {ASSAY_NO_RATE, 1}},
    };
    struct assay_evaluation e = rated_at(1, 1);
    struct assay_compensation c;
    for (int i = 0; i < ROWS(cases); i++) ck_assert_int_eq(assay_pay_compute(&e, cases[i], 2, &c), ASSAY_OVERFLOW);
    ck_assert_int_eq(assay_pay_compute(&e, cases[0], 1, &c), ASSAY_OK);
    ck_assert_int_eq(c.total, INT64_MAX);
}
END_TEST

/* --- names ---------------------------------------------------------------------------------------------------------- */

START_TEST(elements_have_names_of_their_own) {
    char names[ASSAY_TALLY_COUNT][64];
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) {
        ck_assert_ptr_eq(assay_tally_name(i, names[i]), names[i]);
        ck_assert_uint_gt(strlen(names[i]), 0);
        for (int j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0) ck_abort_msg("%d and %d: %s", i, j, names[i]);
    }
    ck_assert_str_eq(names[ASSAY_TALLY_CLOSED], "closed");
    ck_assert_str_eq(names[assay_tally_answer(KEY, COMPLAINT, SHARED)], "answer/key/complaint/shared");
    ck_assert_str_eq(names[assay_tally_answer(ORDINARY, SATISFIED, PROVIDER)], "answer/ordinary/satisfied/provider");
    ck_assert_str_eq(names[ASSAY_TALLY_POINTS + ASSAY_POINT_TOTAL], "assumption/total");
    ck_assert_int_eq(assay_tally_answer(KEY, COMPLAINT, MANUFACTURER), ASSAY_TALLY_POINTS - 1);
}
END_TEST

static Suite *suite_of_tallies(void) {
    Suite *s = suite_create("tallies");
    TCase *t = tcase_create("contributions");
    tcase_add_loop_test(t, order_counts_by_outcome, 0, ROWS(outcomes));
    tcase_add_loop_test(t, order_counts_in_the_month_of_its_close, 0, ROWS(closes));
    tcase_add_test(t, order_adds_each_assumption_once);
    tcase_add_loop_test(t, answer_to_an_order, 0, ROWS(answers));
    tcase_add_loop_test(t, answer_without_an_order, 0, ROWS(answers));
    tcase_add_test(t, order_earns_its_rate);
    tcase_add_test(t, elements_have_names_of_their_own);
    suite_add_tcase(s, t);
    return s;
}

static void clear_counts(void) { memset(counts, 0, sizeof counts); }

static Suite *suite_of_evaluations(void) {
    Suite *s = suite_create("evaluations");
    TCase *t = tcase_create("scores and ranks");
    tcase_add_checked_fixture(t, clear_counts, NULL);
    tcase_add_loop_test(t, tat_rate_and_score, 0, ROWS(tats));
    tcase_add_test(t, satisfaction_of_the_printed_example);
    tcase_add_loop_test(t, satisfaction_weighs_answers, 0, ROWS(weights));
    tcase_add_test(t, satisfaction_of_complaints_only);
    tcase_add_test(t, total_is_scores_over_maxima);
    tcase_add_test(t, nothing_to_rate);
    tcase_add_loop_test(t, window_of_a_period, 0, ROWS(windows));
    tcase_add_test(t, what_cannot_be_computed);
    tcase_add_test(t, equals_share_a_rank);
    suite_add_tcase(s, t);
    return s;
}

static Suite *suite_of_pay(void) {
    Suite *s = suite_create("pay");
    TCase *t = tcase_create("lines and totals");
    tcase_add_test(t, multiplier);
    tcase_add_test(t, multiplier_by_steps);
    tcase_add_loop_test(t, line_rounds_half_up, 0, ROWS(lines));
    tcase_add_test(t, total_is_the_sum_of_its_lines);
    tcase_add_test(t, no_rate_is_said);
    tcase_add_test(t, pay_overflow);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_tallies, suite_of_evaluations, suite_of_pay)
