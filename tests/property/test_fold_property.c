/* test_fold_property.c -- what must hold of any order whatever (DOMAIN 2.5, 3, 4), tried on made-up ones: records at few
 * instants and on few lines, so that everything that can meet does. A failure prints the seed; ASSAY_SEED repeats it. */
#include "order_script.h"
#include "test_random.h"

#define ORDERS 6000
#define RECORDS_MAX 16
#define HOUR (INT64_C(3600) * ASSAY_SECOND)

static struct rulebook book;
static uint64_t seed0;

static int64_t below(uint64_t *s, int64_t n) { return test_random_below(s, n); }

/* --- made-up orders and rules ------------------------------------------------------------------------------------------- */

static struct assay_str line_name(uint64_t *s) {
    static const char *const names[] = {"A", "B", "C", "R1", "R2"};
    return assay_str_c(names[below(s, 5)]);
}

/* Hours of two weeks around the FY01 start or of one in its midst, now and then a microsecond off. */
static assay_instant some_instant(uint64_t *s, bool early) {
    assay_instant t = script_instant(early ? "2000-11-30/00:00" : "02-05/08:00") + below(s, early ? 48 : 120) * HOUR;
    return below(s, 6) ? t : t + below(s, 3) - 1;
}

static struct assay_folded_record some_record(uint64_t *s, struct assay_arena *a, int i, bool early) {
    static const enum assay_type types[] = {
        ASSAY_ORDER_OPENED,       ASSAY_ORDER_OPENED,       ASSAY_DISPATCHED,      ASSAY_PART_REQUESTED,
        ASSAY_PART_REQUESTED,     ASSAY_PART_REQUESTED,     ASSAY_PART_REQUESTED,  ASSAY_PART_SHIPPED,
        ASSAY_PART_SHIPPED,       ASSAY_PART_SHIPPED,       ASSAY_PART_SHIPPED,    ASSAY_PART_DELIVERED,
        ASSAY_PART_DELIVERED,     ASSAY_PART_CANCELLED,     ASSAY_PART_RECEIVED,   ASSAY_PART_MARKED,
        ASSAY_PART_MARKED,        ASSAY_ORDER_NOTED,        ASSAY_ORDER_COMPLETED, ASSAY_ORDER_CLOSED_EVENT,
        ASSAY_ORDER_CLOSED_EVENT, ASSAY_ORDER_CLOSED_EVENT, ASSAY_ORDER_CANCELLED, ASSAY_ORDER_REOPENED,
        ASSAY_SURVEY_RESPONSE,
    };
    struct assay_folded_record f = {.voided = below(s, 12) == 0};
    struct assay_record *r = &f.record;
    assay_record_init(r);
    r->type = types[below(s, sizeof types / sizeof *types)];
    r->kind = assay_type_kind(r->type);
    r->id = assay_str_c(assay_arena_printf(a, "%c%d", (char)('a' + below(s, 26)), i));
    r->at = some_instant(s, early);
    if (r->type == ASSAY_ORDER_OPENED) r->channel = below(s, 4) ? ASSAY_CHANNEL_WALK_IN : ASSAY_CHANNEL_CCC;
    if (r->type == ASSAY_ORDER_OPENED || r->type == ASSAY_DISPATCHED)
        r->reported_at = below(s, 2) ? r->at - below(s, 9) : ASSAY_NO_INSTANT;
    if (r->type == ASSAY_ORDER_NOTED) r->noted = (enum assay_note)(1 + below(s, 3));
    if (r->type == ASSAY_SURVEY_RESPONSE) r->answer = (enum assay_answer)(1 + below(s, 4));
    if (r->type >= ASSAY_PART_REQUESTED && r->type <= ASSAY_PART_MARKED) r->line = line_name(s);
    if (r->type == ASSAY_PART_SHIPPED) r->courier = (assay_courier)((1 + below(s, 4)) * 100 + (below(s, 2) ? 10 : 18));
    if (r->type == ASSAY_PART_MARKED) r->mark = (enum assay_mark)(1 + below(s, 5));
    if (r->type == ASSAY_PART_REQUESTED) {
        r->request = (int32_t)(1 + below(s, 3));
        r->local = below(s, 3) == 0;
        if (below(s, 2)) r->replaces = line_name(s);
    }
    if (r->type == ASSAY_DISPATCHED) {
        static const struct assay_part both[] = {{{"R1", 2}, {NULL, 0}}, {{"R2", 2}, {NULL, 0}}};
        r->parts = both;
        r->n_parts = (size_t)below(s, 3);
    }
    return f;
}

static void some_order(uint64_t *s, struct script *out) {
    bool early = below(s, 10) == 0;
    out->n = 1 + (size_t)below(s, RECORDS_MAX);
    for (size_t i = 0; i < out->n; i++) out->recs[i] = some_record(s, &out->arena, (int)i, early);
    if (below(s, 4)) { /* mostly one with an opening */
        out->recs[0].record.type = ASSAY_ORDER_OPENED;
        out->recs[0].record.kind = ASSAY_KIND_REPAIR;
        out->recs[0].record.channel = ASSAY_CHANNEL_WALK_IN;
        out->recs[0].voided = false;
    }
}

static struct assay_standard some_standard(uint64_t *s) {
    enum assay_unit unit = (enum assay_unit)(1 + below(s, 4));
    bool hours = unit == ASSAY_WORKING_HOURS || unit == ASSAY_CALENDAR_HOURS;
    return (struct assay_standard){unit, (int32_t)(hours ? below(s, 40) : below(s, 4))};
}

static void some_rules(uint64_t *s) {
    book.facts.ascim = below(s, 3) == 0;
    book.facts.city = below(s, 2) ? ASSAY_STR("Beijing") : ASSAY_STR("Harbin");
    book.scheme.diagnosis_limit = below(s, 2) ? (struct assay_standard){ASSAY_WORKING_HOURS, 4} : some_standard(s);
    book.scheme.no_parts = below(s, 2) ? (struct assay_standard){ASSAY_WORKING_DAYS, 1} : some_standard(s);
}

static void shuffle(uint64_t *s, struct assay_folded_record *recs, size_t n) {
    for (; n > 1; n--) {
        size_t k = (size_t)below(s, (int64_t)n);
        struct assay_folded_record t = recs[n - 1];
        recs[n - 1] = recs[k];
        recs[k] = t;
    }
}

static void judge(struct script *s, struct assay_order *o, struct assay_verdict *v) {
    assay_order_fold(s->recs, s->n, &s->arena, o);
    assay_verdict_judge(o, &book.rules, &s->arena, v);
}

/* Facts and verdict as text, in the script's arena. */
static const char *outcome(struct script *s) {
    struct assay_order o;
    struct assay_verdict v;
    struct assay_buf b = {0};
    judge(s, &o, &v);
    script_put_order(&b, &o);
    assay_buf_adds(&b, " | ");
    script_put_verdict(&b, &v);
    const char *text = assay_arena_dup(&s->arena, assay_buf_str(&b)).p;
    assay_buf_free(&b);
    return text;
}

#define EACH_ORDER(seed, s)                                                                   \
    for (uint64_t k_ = 0, seed = seed0; k_ < ORDERS; seed = seed0 + ++k_ * UINT64_C(1000003)) \
        for (struct script s = {0}, *once_ = (some_rules(&seed), some_order(&seed, &s), &s); once_; script_free(&s), once_ = NULL)

/* --- properties --------------------------------------------------------------------------------------------------------- */

START_TEST(test_any_permutation_gives_the_same) {
    EACH_ORDER(seed, s) {
        const char *want = outcome(&s);
        for (int i = 0; i < 3; i++) {
            shuffle(&seed, s.recs, s.n);
            const char *got = outcome(&s);
            ck_assert_msg(!strcmp(got, want), "ASSAY_SEED=%llu order %llu\n  want %s\n  got  %s", (unsigned long long)seed0,
                          (unsigned long long)k_, want, got);
        }
    }
}
END_TEST

START_TEST(test_what_is_voided_was_never_there) {
    EACH_ORDER(seed, s) {
        const char *want = outcome(&s);
        size_t n = 0;
        for (size_t i = 0; i < s.n; i++) {
            if (!s.recs[i].voided) s.recs[n++] = s.recs[i];
        }
        s.n = n;
        ck_assert_str_eq(outcome(&s), want);
    }
}
END_TEST

START_TEST(test_packed_and_back_gives_the_same) {
    EACH_ORDER(seed, s) {
        const char *want = outcome(&s);
        struct assay_buf b = {0};
        size_t pos = 0;
        for (size_t i = 0; i < s.n; i++) assay_record_pack(&s.recs[i].record, s.recs[i].voided, &b);
        for (size_t i = 0; i < s.n; i++)
            ck_assert_int_eq(assay_record_unpack(assay_buf_str(&b), &pos, &s.arena, &s.recs[i].record, &s.recs[i].voided),
                             ASSAY_OK);
        ck_assert_uint_eq(pos, b.n);
        shuffle(&seed, s.recs, s.n);
        ck_assert_str_eq(outcome(&s), want);
        assay_buf_free(&b);
    }
}
END_TEST

/* The records an explanation names are all the verdict needed. */
START_TEST(test_the_records_used_suffice) {
    EACH_ORDER(seed, s) {
        struct assay_order o;
        struct assay_verdict v;
        struct assay_explanation x;
        struct assay_buf want = {0}, got = {0};
        judge(&s, &o, &v);
        if (v.outcome) {
            script_put_verdict(&want, &v);
            assay_verdict_explain(&o, &v, &s.arena, &x);
            size_t n = 0, next = 0;
            for (size_t i = 0; i < s.n && next < x.n_records; i++) { /* both are in fold order */
                const struct assay_record *r = &s.recs[i].record;
                const char *name = assay_arena_printf(&s.arena, "%s:%.*s", assay_kind_name(r->kind), ASSAY_STR_ARG(r->id));
                if (s.recs[i].voided || strcmp(name, x.records[next])) continue;
                s.recs[n++] = s.recs[i];
                next++;
            }
            ck_assert_uint_eq(next, x.n_records);
            s.n = n;
            judge(&s, &o, &v);
            if (n) script_put_verdict(&got, &v);
            ck_assert_msg(!n || !strcmp(got.p, want.p), "ASSAY_SEED=%llu order %llu\n  want %s\n  got  %s",
                          (unsigned long long)seed0, (unsigned long long)k_, want.p, got.p);
        }
        assay_buf_free(&want);
        assay_buf_free(&got);
    }
}
END_TEST

/* Whether the clock may still run at t, from its deadline alone: before it, at it for hours, and later while nothing that
 * counts has passed since. */
static bool in_time(struct assay_standard s, assay_instant deadline, assay_instant t) {
    if (deadline == ASSAY_NO_INSTANT || t < deadline) return true;
    switch (s.unit) {
    case ASSAY_WORKING_HOURS: return assay_calendar_working(book.calendar, deadline, t) == 0;
    case ASSAY_CALENDAR_HOURS: return t == deadline;
    case ASSAY_WORKING_DAYS: return assay_calendar_working_days(book.calendar, deadline - 1, t) == 0;
    case ASSAY_CALENDAR_DAYS: return false;
    }
    return false;
}

static void append(struct script *s, enum assay_type type, assay_instant at) {
    struct assay_record *r = &s->recs[s->n++].record;
    s->recs[s->n - 1].voided = false;
    assay_record_init(r);
    r->type = type;
    r->kind = assay_type_kind(type);
    r->id = ASSAY_STR("~appended");
    r->at = at;
    r->request = 1;
    if (type == ASSAY_PART_REQUESTED) r->line = ASSAY_STR("NEW");
}

/* Instants on both sides of a deadline, and some at random after the start. */
static assay_instant around(uint64_t *s, assay_instant deadline, assay_instant start) {
    static const int64_t steps[] = {-1, 0, 1, ASSAY_SECOND, HOUR * 15, ASSAY_DAY, 3 * ASSAY_DAY};
    if (below(s, 4) == 0) return start + below(s, 8 * ASSAY_DAY);
    assay_instant t = deadline + steps[below(s, 7)];
    return t < start ? start : t;
}

START_TEST(test_the_cycle_deadline_agrees_with_the_comparison) {
    int met = 0, missed = 0;
    EACH_ORDER(seed, s) {
        struct assay_order o;
        struct assay_verdict v;
        judge(&s, &o, &v);
        if (v.outcome != ASSAY_PENDING || v.cycle.start == ASSAY_NO_INSTANT) continue;
        assay_instant deadline = v.cycle.deadline, at = around(&seed, deadline, v.cycle.start);
        struct assay_standard standard = v.cycle.standard;
        if (at < s.recs[s.n - 1].record.at) continue; /* a close amid the records could be undone by those after it */
        append(&s, ASSAY_ORDER_CLOSED_EVENT, at);
        judge(&s, &o, &v);
        if (o.state != ASSAY_STATE_CLOSED) continue;
        ck_assert(v.cycle.deadline == deadline);
        bool in = in_time(standard, deadline, at);
        ck_assert_msg(v.cycle.outcome == (in ? ASSAY_CLOCK_MET : ASSAY_CLOCK_MISSED),
                      "ASSAY_SEED=%llu order %llu: %s %d closed %lld us after", (unsigned long long)seed0, (unsigned long long)k_,
                      assay_unit_name(standard.unit), standard.n, (long long)(at - deadline));
        ck_assert_int_eq(v.cycle.margin >= 0, in);
        met += in;
        missed += !in;
    }
    ck_assert_int_gt(met, 100);
    ck_assert_int_gt(missed, 100);
}
END_TEST

START_TEST(test_the_diagnosis_deadline_agrees_with_the_comparison) {
    int met = 0, missed = 0;
    EACH_ORDER(seed, s) {
        struct assay_order o;
        struct assay_verdict v;
        judge(&s, &o, &v);
        if (v.diagnosis.outcome != ASSAY_CLOCK_PENDING) continue;
        assay_instant deadline = v.diagnosis.deadline, at = around(&seed, deadline, v.diagnosis.start);
        struct assay_standard limit = v.diagnosis.limit;
        append(&s, ASSAY_PART_REQUESTED, at);
        judge(&s, &o, &v);
        bool in = in_time(limit, deadline, at);
        if (in) ck_assert_int_eq(v.diagnosis.outcome, ASSAY_CLOCK_MET);
        else ck_assert(v.diagnosis.outcome == ASSAY_CLOCK_MISSED || v.diagnosis.outcome == ASSAY_CLOCK_EXEMPT);
        ck_assert(v.diagnosis.deadline == deadline);
        met += in;
        missed += !in;
    }
    ck_assert_int_gt(met, 100);
    ck_assert_int_gt(missed, 100);
}
END_TEST

static int stretch_index(const char *code) {
    static const char *const codes[] = {"report_to_open",  "open_to_request",  "dispatch_to_request", "request_to_ship",
                                        "ship_to_deliver", "deliver_to_close", "open_to_close",       "dispatch_to_close"};
    static const int index[] = {0, 1, 1, 2, 3, 4, 5, 5};
    for (int i = 0; i < 8; i++) {
        if (!strcmp(code, codes[i])) return index[i];
    }
    ck_abort_msg("no such code: %s", code);
    return -1;
}

/* Stretches come in order, none is negative, and each begins where the one before it in the chain ends. */
START_TEST(test_segments_follow_one_another) {
    EACH_ORDER(seed, s) {
        struct assay_order o;
        struct assay_verdict v;
        struct assay_explanation x;
        judge(&s, &o, &v);
        assay_verdict_explain(&o, &v, &s.arena, &x);
        for (size_t i = 0; i < x.n_segments; i++) {
            const struct assay_segment *g = &x.segments[i];
            int index = stretch_index(g->code);
            ck_assert(g->from <= g->to);
            ck_assert_int_eq(g->working_us, assay_calendar_working(book.calendar, g->from, g->to));
            ck_assert_str_eq(g->party, index == 2 || index == 3 ? "manufacturer" : "provider");
            if (!i) continue;
            int before = stretch_index(g[-1].code);
            ck_assert_int_lt(before, index);
            if (before >= 1 && index == before + 1) ck_assert(g[-1].to == g->from);
            if (before == 0 && o.opened_at == o.clock_start) ck_assert(g[-1].to <= g->from || index > 1);
        }
    }
}
END_TEST

static void check_ledger(const struct assay_ledger *l, assay_instant from, assay_instant to, int64_t elapsed, int64_t working) {
    int64_t sum = 0, in_hours = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct assay_ledger_entry *e = &l->entries[i];
        ck_assert(e->from == (i ? l->entries[i - 1].to : from) && e->from < e->to);
        sum += e->to - e->from;
        if (e->kind == ASSAY_WORKING) in_hours += e->to - e->from;
    }
    if (elapsed < 0) {
        ck_assert_uint_eq(l->n, 0);
        return;
    }
    if (l->n) ck_assert(l->entries[l->n - 1].to == to);
    ck_assert_int_eq(sum, elapsed);
    ck_assert_int_eq(in_hours, working);
}

START_TEST(test_ledgers_sum_to_the_elapsed_time) {
    EACH_ORDER(seed, s) {
        struct assay_order o;
        struct assay_verdict v;
        struct assay_explanation x;
        judge(&s, &o, &v);
        assay_verdict_explain(&o, &v, &s.arena, &x);
        check_ledger(&x.cycle_ledger, v.cycle.start, v.cycle.end, v.cycle.elapsed_us, v.cycle.working_us);
        check_ledger(&x.diagnosis_ledger, v.diagnosis.start, v.diagnosis.end, v.diagnosis.elapsed_us, v.diagnosis.working_us);
    }
}
END_TEST

/* Missing data is never a pass, and every outcome follows from the two clocks. */
START_TEST(test_outcomes_follow_from_the_clocks) {
    int seen[ASSAY_OUT_OF_SCOPE + 1] = {0};
    EACH_ORDER(seed, s) {
        struct assay_order o;
        struct assay_verdict v;
        judge(&s, &o, &v);
        seen[v.outcome]++;
        enum assay_clock_outcome d = v.diagnosis.outcome, c = v.cycle.outcome;
        bool diagnosis_passes = d == ASSAY_CLOCK_MET || d == ASSAY_CLOCK_EXEMPT || d == ASSAY_CLOCK_NOT_APPLICABLE;
        bool open = o.state == ASSAY_STATE_OPEN;
        ck_assert_int_eq(v.outcome == ASSAY_OUTCOME_NONE, o.state == ASSAY_STATE_NONE);
        ck_assert_int_eq(v.reason != ASSAY_REASON_NONE, v.outcome == ASSAY_UNDETERMINED);
        if (o.state == ASSAY_STATE_CANCELLED) ck_assert_int_eq(v.outcome, ASSAY_OUT_OF_SCOPE);
        if (v.outcome == ASSAY_OUT_OF_SCOPE || v.outcome == ASSAY_OUTCOME_NONE) continue;
        ck_assert_int_eq(v.outcome == ASSAY_PENDING, open);
        ck_assert_int_eq(v.outcome == ASSAY_COMPLIANT, !open && c == ASSAY_CLOCK_MET && diagnosis_passes);
        ck_assert_int_eq(v.outcome == ASSAY_MISSED, !open && (c == ASSAY_CLOCK_MISSED || d == ASSAY_CLOCK_MISSED));
        ck_assert_int_eq(c == ASSAY_CLOCK_NONE, o.opened_at == ASSAY_NO_INSTANT);
        if (c == ASSAY_CLOCK_MET || c == ASSAY_CLOCK_MISSED) ck_assert(v.cycle.start <= o.closed_at);
    }
    for (int i = 0; i <= ASSAY_OUT_OF_SCOPE; i++) ck_assert_msg(seen[i] > 0, "outcome %d came up %d times", i, seen[i]);
}
END_TEST

static void setup(void) {
    const char *given = getenv("ASSAY_SEED");
    seed0 = given ? strtoull(given, NULL, 10) : 20001201;
    rulebook_init(&book);
}

static void teardown(void) { rulebook_free(&book); }

static Suite *suite_of_fold_property(void) {
    Suite *s = suite_create("fold_property");
    TCase *t = tcase_create("any order");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_any_permutation_gives_the_same);
    tcase_add_test(t, test_what_is_voided_was_never_there);
    tcase_add_test(t, test_packed_and_back_gives_the_same);
    tcase_add_test(t, test_the_records_used_suffice);
    tcase_add_test(t, test_the_cycle_deadline_agrees_with_the_comparison);
    tcase_add_test(t, test_the_diagnosis_deadline_agrees_with_the_comparison);
    tcase_add_test(t, test_segments_follow_one_another);
    tcase_add_test(t, test_ledgers_sum_to_the_elapsed_time);
    tcase_add_test(t, test_outcomes_follow_from_the_clocks);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_fold_property)
