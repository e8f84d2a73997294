/* What must hold of any fractions, tallies and pay. ASSAY_SEED=n repeats a failure; it is printed with it. */
#include "check_main.h"
#include "fy01.h"

#define ROUNDS 2000
__extension__ typedef __int128 wide;

static uint64_t seed, state;

static uint64_t draw(void) { return test_random(&state); }
static int64_t below(int64_t n) { return test_random_below(&state, n); }

static void start(void) {
    const char *given = getenv("ASSAY_SEED");
    seed = state = given ? strtoull(given, NULL, 10) : 20010203;
}

#define HOLDS(condition)                                                                             \
    do {                                                                                             \
        if (!(condition)) ck_abort_msg("%s; ASSAY_SEED=%llu", #condition, (unsigned long long)seed); \
    } while (0)

/* Of any size: small ones collide, big ones overflow. */
static int64_t any_integer(void) {
    int64_t v = (int64_t)(draw() >> (1 + below(63)));
    return draw() & 1 ? -v : v;
}

static struct assay_frac any_frac(void) {
    struct assay_frac f;
    int64_t den;
    do den = any_integer();
    while (!den);
    HOLDS(assay_frac_make(any_integer(), den, &f) == ASSAY_OK);
    return f;
}

static wide gcd(wide a, wide b) { return b ? gcd(b, a % b) : a < 0 ? -a : a; }

/* --- fractions ------------------------------------------------------------------------------------------------------ */

/* A result is exact and in lowest terms, and refused only where the exact one does not fit. */
static void check_exact(enum assay_status s, struct assay_frac got, wide num, wide den) {
    wide g = gcd(num, den);
    if (den < 0) g = -g;
    num /= g, den /= g;
    bool fits = num <= INT64_MAX && num >= -INT64_MAX && den <= INT64_MAX;
    HOLDS(s == (fits ? ASSAY_OK : ASSAY_OVERFLOW));
    if (fits) HOLDS(got.num == num && got.den == den);
}

START_TEST(arithmetic_is_exact_or_refused) {
    start();
    int refused = 0;
    for (int i = 0; i < 10 * ROUNDS; i++) {
        struct assay_frac a = any_frac(), b = any_frac(), f = {0, 1};
        enum assay_status s = assay_frac_add(a, b, &f);
        check_exact(s, f, (wide)a.num * b.den + (wide)b.num * a.den, (wide)a.den * b.den);
        refused += s != ASSAY_OK;
        s = assay_frac_sub(a, b, &f);
        check_exact(s, f, (wide)a.num * b.den - (wide)b.num * a.den, (wide)a.den * b.den);
        s = assay_frac_mul(a, b, &f);
        check_exact(s, f, (wide)a.num * b.num, (wide)a.den * b.den);
        if (b.num) check_exact(assay_frac_div(a, b, &f), f, (wide)a.num * b.den, (wide)a.den * b.num);
        HOLDS(assay_frac_cmp(a, b) == -assay_frac_cmp(b, a));
    }
    HOLDS(refused > ROUNDS && refused < 9 * ROUNDS); /* both branches were met */
}
END_TEST

START_TEST(shown_decimals_are_nearest) {
    start();
    for (int i = 0; i < ROUNDS; i++) {
        struct assay_frac f = any_frac(), shown, off, half = {1, 20000};
        char text[ASSAY_FRAC_TEXT];
        f.num %= INT64_C(10000000000);
        HOLDS(assay_frac_make(f.num, f.den, &f) == ASSAY_OK);
        assay_frac_format(f, 4, text);
        HOLDS(assay_frac_parse(assay_str_c(text), &shown) == ASSAY_OK);
        if (assay_frac_sub(shown, f, &off) != ASSAY_OK) continue; /* too fine to say how far off */
        off.num = off.num < 0 ? -off.num : off.num;
        HOLDS(assay_frac_cmp(off, half) <= 0);
    }
}
END_TEST

START_TEST(money_is_nearest_or_refused) {
    start();
    for (int i = 0; i < 10 * ROUNDS; i++) {
        int64_t amount = any_integer(), got = 0;
        struct assay_frac f = any_frac();
        enum assay_status s = assay_money_mul(amount, f, &got);
        wide exact = (wide)amount * f.num; /* over f.den */
        if (s == ASSAY_OK) {               /* -1/2 < exact - got <= 1/2, from below: half goes up */
            wide twice_off = 2 * ((wide)got * f.den - exact);
            HOLDS(twice_off > -(wide)f.den && twice_off <= f.den);
        } else {
            HOLDS(s == ASSAY_OVERFLOW);
            HOLDS(exact / f.den >= INT64_MAX || exact / f.den <= -INT64_MAX);
        }
    }
}
END_TEST

/* --- pay -------------------------------------------------------------------------------------------------------------- */

#define GROUPS_MAX 12

static size_t any_groups(struct assay_pay_group groups[GROUPS_MAX]) {
    size_t n = (size_t)below(GROUPS_MAX + 1);
    for (size_t i = 0; i < n; i++) groups[i] = (struct assay_pay_group){below(8) ? below(100000) : ASSAY_NO_RATE, below(5)};
    return n;
}

static struct assay_evaluation any_evaluation(void) {
    int64_t den = 1 + below(1000);
    return (struct assay_evaluation){.scheme = test_fy01(), .rated = below(8) != 0, .ratio = test_frac(below(den + 1), den)};
}

START_TEST(total_is_the_sum_of_lines) {
    start();
    for (int i = 0; i < ROUNDS; i++) {
        struct assay_pay_group groups[GROUPS_MAX];
        size_t n = any_groups(groups);
        struct assay_evaluation e = any_evaluation();
        struct assay_compensation c;
        struct assay_frac m;
        int64_t lines = 0, no_rate = 0, base = 0, total = 0;
        HOLDS(assay_pay_compute(&e, groups, n, &c) == ASSAY_OK);
        HOLDS(assay_pay_multiplier(&e, &m) == ASSAY_OK && assay_frac_cmp(m, c.multiplier) == 0);
        for (size_t g = 0; g < n; g++) {
            for (int64_t k = 0; k < groups[g].orders; k++) {
                int64_t amount;
                lines++;
                no_rate += groups[g].rate == ASSAY_NO_RATE;
                if (groups[g].rate == ASSAY_NO_RATE) continue;
                HOLDS(assay_pay_line(groups[g].rate, m, &amount) == ASSAY_OK);
                base += groups[g].rate;
                total += amount;
            }
        }
        HOLDS(c.lines == lines && c.no_rate_lines == no_rate && c.base == base && c.total == total);
    }
}
END_TEST

START_TEST(grouping_does_not_change_pay) {
    start();
    for (int i = 0; i < ROUNDS; i++) {
        struct assay_pay_group groups[GROUPS_MAX], split[2 * GROUPS_MAX];
        size_t n = any_groups(groups);
        struct assay_evaluation e = any_evaluation();
        struct assay_compensation a, b;
        for (size_t g = 0; g < n; g++) { /* each in two parts, the other way round */
            int64_t part = below(groups[g].orders + 1);
            split[n - 1 - g] = (struct assay_pay_group){groups[g].rate, part};
            split[n + g] = (struct assay_pay_group){groups[g].rate, groups[g].orders - part};
        }
        HOLDS(assay_pay_compute(&e, groups, n, &a) == ASSAY_OK);
        HOLDS(assay_pay_compute(&e, split, 2 * n, &b) == ASSAY_OK);
        HOLDS(a.lines == b.lines && a.no_rate_lines == b.no_rate_lines && a.base == b.base && a.total == b.total);
    }
}
END_TEST

START_TEST(pay_is_exact_or_refused) {
    start();
    int refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct assay_pay_group groups[3];
        struct assay_evaluation e = {.scheme = test_fy01(), .rated = false}; /* multiplier 1 */
        struct assay_compensation c;
        wide total = 0, lines = 0;
        for (int g = 0; g < 3; g++) {
            groups[g] = (struct assay_pay_group){(int64_t)(draw() >> (1 + below(63))), (int64_t)(draw() >> (1 + below(63)))};
            total += (wide)groups[g].rate * groups[g].orders;
            lines += groups[g].orders;
        }
        bool fits = total <= INT64_MAX && lines <= INT64_MAX;
        enum assay_status s = assay_pay_compute(&e, groups, 3, &c);
        HOLDS(s == (fits ? ASSAY_OK : ASSAY_OVERFLOW));
        if (fits) HOLDS(c.total == total && c.base == total && c.lines == lines);
        refused += !fits;
    }
    HOLDS(refused > ROUNDS / 10 && refused < ROUNDS * 9 / 10);
}
END_TEST

/* --- evaluations ------------------------------------------------------------------------------------------------------ */

#define ORDERS 200

/* A network's month as orders with verdicts and answers, and the same counted by the shortest way DOMAIN 5 allows. */
struct month {
    struct assay_contribution parts[ORDERS];
    int64_t closed, compliant, counted, undetermined, exempt;
    int64_t satisfied4, unsatisfied4; /* S and U in quarters */
};

static void count_answer(struct month *m, const struct assay_record *r, enum assay_class order_class) {
    enum assay_class class = r->customer_class ? r->customer_class : order_class;
    int f = class == ASSAY_CLASS_KEY ? 2 : 1;
    int w2 = r->answer == ASSAY_ANSWER_COMPLAINT ? 4 : r->answer == ASSAY_ANSWER_DISSATISFIED ? 3 : 2;
    int s2 = r->responsibility == ASSAY_RESP_SHARED ? 1 : r->responsibility == ASSAY_RESP_MANUFACTURER ? 0 : 2;
    if (r->answer == ASSAY_ANSWER_SATISFIED) {
        m->satisfied4 += 4 * f;
    } else {
        m->unsatisfied4 += f * w2 * s2;
        m->satisfied4 += f * 2 * (2 - s2);
    }
}

static void any_order(struct month *m, struct assay_contribution *out) {
    static const enum assay_outcome outcomes[] = {ASSAY_COMPLIANT,    ASSAY_COMPLIANT, ASSAY_COMPLIANT,    ASSAY_MISSED,
                                                  ASSAY_UNDETERMINED, ASSAY_PENDING,   ASSAY_OUT_OF_SCOPE, ASSAY_OUTCOME_NONE};
    static const enum assay_clock_outcome clocks[] = {ASSAY_CLOCK_MET, ASSAY_CLOCK_EXEMPT};
    struct assay_record answers[3];
    const struct assay_record *surveys[3] = {&answers[0], &answers[1], &answers[2]};
    struct assay_order o = {.opened_at = test_instant("2001-02-03T09:00:00+08:00"),
                            .closed_at = test_instant("2001-02-04T09:00:00+08:00"),
                            .customer_class = (enum assay_class)below(3),
                            .n_surveys = (size_t)below(4),
                            .surveys = surveys};
    struct assay_verdict v = {.scheme = test_fy01(),
                              .outcome = outcomes[below(8)],
                              .diagnosis = {.outcome = clocks[below(2)]},
                              .points = (assay_points)draw() & 0x7FFF};
    if (v.outcome == ASSAY_UNDETERMINED) v.reason = (enum assay_reason)(1 + below(4));
    for (int i = 0; i < 3; i++)
        answers[i] = (struct assay_record){.customer_class = (enum assay_class)below(3),
                                           .answer = (enum assay_answer)(1 + below(4)),
                                           .responsibility = (enum assay_responsibility)below(4)};
    assay_contribution_of_order(&o, &v, NULL, out);
    if (v.outcome != ASSAY_COMPLIANT && v.outcome != ASSAY_MISSED && v.outcome != ASSAY_UNDETERMINED) return;
    bool left_out = v.reason == ASSAY_REASON_MISSING_SHIPMENT;
    m->closed++;
    m->compliant += v.outcome == ASSAY_COMPLIANT;
    m->undetermined += v.outcome == ASSAY_UNDETERMINED;
    m->counted += !left_out;
    m->exempt += !left_out && v.diagnosis.outcome == ASSAY_CLOCK_EXEMPT;
    for (size_t i = 0; i < o.n_surveys; i++) count_answer(m, &answers[i], o.customer_class);
}

static void add(int64_t sum[ASSAY_TALLY_COUNT], const struct assay_contribution *c) {
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) sum[i] += c->counts[i];
}

static struct assay_evaluation evaluate(const int64_t counts[ASSAY_TALLY_COUNT]) {
    struct assay_evaluation e;
    HOLDS(assay_evaluate(test_fy01(), assay_month_of(2001, 2), counts, 0, &e) == ASSAY_OK);
    return e;
}

static bool same(const struct assay_evaluation *a, const struct assay_evaluation *b) {
    for (size_t i = 0; i < a->n_indicators; i++) {
        const struct assay_indicator_result *x = &a->indicators[i], *y = &b->indicators[i];
        if (x->rated != y->rated || x->numerator != y->numerator || x->denominator != y->denominator) return false;
        if (assay_frac_cmp(x->score, y->score)) return false;
    }
    return a->n_indicators == b->n_indicators && a->rated == b->rated && assay_frac_cmp(a->ratio, b->ratio) == 0 &&
           a->closed == b->closed && a->counted == b->counted && a->compliant == b->compliant && a->missed == b->missed &&
           a->exempt == b->exempt && a->undetermined == b->undetermined && a->points == b->points;
}

/* The points of the printed rule, cases and all, as a fraction of the rate. */
static struct assay_frac points_of(int64_t num, int64_t den) {
    if (num == den) return test_frac(40, 1);
    if (20 * num > 19 * den) return test_frac(200 * num - 160 * den, den);
    if (10 * num > 9 * den) return test_frac(600 * num - 540 * den, den);
    return ASSAY_FRAC_ZERO;
}

START_TEST(evaluation_is_what_domain_says) {
    static struct month m;
    start();
    for (int i = 0; i < ROUNDS / 20; i++) {
        int64_t counts[ASSAY_TALLY_COUNT] = {0};
        m = (struct month){0};
        int n = (int)below(ORDERS);
        for (int k = 0; k < n; k++) {
            any_order(&m, &m.parts[k]);
            add(counts, &m.parts[k]);
        }
        struct assay_evaluation e = evaluate(counts);
        HOLDS(e.closed == m.closed && e.compliant == m.compliant && e.counted == m.counted);
        HOLDS(e.undetermined == m.undetermined && e.exempt == m.exempt);
        HOLDS(e.indicators[0].rated == (m.counted > 0));
        if (m.counted) HOLDS(assay_frac_cmp(e.indicators[0].score, points_of(m.compliant, m.counted)) == 0);
        int64_t all4 = m.satisfied4 + m.unsatisfied4;
        HOLDS(e.indicators[1].rated == (all4 > 0));
        if (all4) HOLDS((wide)e.indicators[1].numerator * all4 == (wide)e.indicators[1].denominator * m.satisfied4);
        if (all4) HOLDS(assay_frac_cmp(e.indicators[1].score, points_of(m.satisfied4, all4)) == 0);
    }
}
END_TEST

START_TEST(any_grouping_gives_the_same_evaluation) {
    static struct month m;
    start();
    for (int i = 0; i < ROUNDS / 20; i++) {
        int64_t whole[ASSAY_TALLY_COUNT] = {0}, groups[5][ASSAY_TALLY_COUNT] = {{0}}, back[ASSAY_TALLY_COUNT] = {0};
        m = (struct month){0};
        int n = (int)below(ORDERS);
        for (int k = 0; k < n; k++) any_order(&m, &m.parts[k]);
        for (int k = 0; k < n; k++) add(whole, &m.parts[k]);
        for (int k = n - 1; k >= 0; k--) add(groups[below(5)], &m.parts[k]);
        for (int g = 0; g < 5; g++)
            for (int t = 0; t < ASSAY_TALLY_COUNT; t++) back[t] += groups[g][t];
        struct assay_evaluation a = evaluate(whole), b = evaluate(back);
        HOLDS(same(&a, &b));
        if (!n) continue;
        /* taking an order out and putting it back changes nothing either: the incremental path */
        int k = (int)below(n);
        for (int t = 0; t < ASSAY_TALLY_COUNT; t++) back[t] -= m.parts[k].counts[t];
        add(back, &m.parts[k]);
        b = evaluate(back);
        HOLDS(same(&a, &b));
    }
}
END_TEST

START_TEST(huge_counts_are_refused_not_wrapped) {
    start();
    int refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t counts[ASSAY_TALLY_COUNT] = {0};
        struct assay_evaluation e;
        for (int k = 0; k < ASSAY_TALLY_POINTS; k++) counts[k] = below(3) ? 0 : (int64_t)(draw() >> (1 + below(63)));
        enum assay_status s = assay_evaluate(test_fy01(), assay_month_of(2001, 2), counts, 0, &e);
        wide counted = (wide)counts[ASSAY_TALLY_COMPLIANT] + counts[ASSAY_TALLY_MISSED] +
                       counts[ASSAY_TALLY_UNDETERMINED_PROVIDER];
        HOLDS(s == ASSAY_OK || s == ASSAY_OVERFLOW);
        refused += s != ASSAY_OK;
        if (s != ASSAY_OK) continue;
        HOLDS(e.counted == counted);
        for (size_t k = 0; k < e.n_indicators; k++)
            HOLDS(assay_frac_cmp(e.indicators[k].score, ASSAY_FRAC_ZERO) >= 0 &&
                  assay_frac_cmp(e.indicators[k].score, e.indicators[k].max) <= 0);
        HOLDS(assay_frac_cmp(e.ratio, ASSAY_FRAC_ZERO) >= 0 && assay_frac_cmp(e.ratio, ASSAY_FRAC_ONE) <= 0);
    }
    HOLDS(refused > 0 && refused < ROUNDS);
}
END_TEST

START_TEST(ranks_do_not_depend_on_the_order_given) {
    start();
    for (int i = 0; i < ROUNDS / 10; i++) {
        enum { N = 12 };
        struct assay_evaluation e[N];
        struct assay_ranked rows[N];
        static const char codes[N][4] = {"P00", "P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08", "P09", "P10", "P11"};
        for (int k = 0; k < N; k++) {
            e[k] = (struct assay_evaluation){.rated = below(5) != 0, .ratio = test_frac(below(4), 4), .counted = below(3)};
            rows[k] = (struct assay_ranked){assay_str_c(codes[k]), &e[k]};
        }
        for (int k = N - 1; k > 0; k--) {
            int j = (int)below(k + 1);
            struct assay_ranked t = rows[k];
            rows[k] = rows[j], rows[j] = t;
        }
        assay_evaluations_rank(rows, N);
        for (int k = 0; k < N; k++) { /* the rank is one more than how many are better */
            int better = 0;
            for (int j = 0; j < N; j++) {
                int c = assay_frac_cmp(e[j].ratio, e[k].ratio);
                better += e[j].rated && (c > 0 || (c == 0 && e[j].counted > e[k].counted));
            }
            HOLDS(e[k].rank == (e[k].rated ? better + 1 : 0));
        }
    }
}
END_TEST

static Suite *suite_of_money(void) {
    Suite *s = suite_create("money properties");
    TCase *t = tcase_create("any numbers");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, arithmetic_is_exact_or_refused);
    tcase_add_test(t, shown_decimals_are_nearest);
    tcase_add_test(t, money_is_nearest_or_refused);
    tcase_add_test(t, total_is_the_sum_of_lines);
    tcase_add_test(t, grouping_does_not_change_pay);
    tcase_add_test(t, pay_is_exact_or_refused);
    tcase_add_test(t, evaluation_is_what_domain_says);
    tcase_add_test(t, any_grouping_gives_the_same_evaluation);
    tcase_add_test(t, huge_counts_are_refused_not_wrapped);
    tcase_add_test(t, ranks_do_not_depend_on_the_order_given);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_money)
