/* test_golden.c -- the golden FY01 network (tests/data/fy01): every verdict and every evaluation must equal what an
 * independent slow program worked out, whatever the order in which an order's records come. */
#include <jansson.h>

#include "assay/codec.h"
#include "check_main.h"
#include "test_zone.h"

#define SEEDS 8
#define MONTHS 40 /* from 1998-01: beyond what the network spans */

struct found { /* a record with what orders it */
    struct assay_record r;
    size_t arrival;
    bool voided;
};
struct case_ { /* an order: its records in arrival order */
    struct assay_str provider, order;
    size_t n;
    struct assay_folded_record *recs;
};

static struct {
    struct assay_arena arena;
    struct assay_zone *zone;
    struct assay_calendar *calendar;
    struct assay_scheme *scheme;
    json_t *expected;
    size_t n_found, n_orders, n_providers, n_loose;
    struct found *found;
    struct case_ *orders;
    const struct assay_record **loose; /* responses that name no order */
    struct assay_provider providers[64];
} net;

/* --- reading --------------------------------------------------------------------------------------------------------- */

static struct assay_buf file(const char *below) {
    const char *root = getenv("ASSAY_SOURCE_ROOT");
    struct assay_buf b = {0};
    char path[4096], chunk[65536];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", root ? root : ".", below);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s cannot be read", path);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) assay_buf_add(&b, chunk, n);
    fclose(f);
    return b;
}

static const struct assay_zone *zone_of(void *ctx, const char *name) { return strcmp(name, "Asia/Shanghai") ? NULL : net.zone; }

static void read_documents(void) {
    struct assay_errors es;
    struct assay_buf scheme = file("sql/schemes/hp-gold-fy01.json"), calendar = file("sql/calendars/cn-office.json");
    net.zone = test_zone("Asia/Shanghai");
    ck_assert_int_eq(
        assay_scheme_new_from_json(assay_buf_str(&scheme), "hp-gold-fy01", 1, ASSAY_NO_DATE, zone_of, NULL, &net.scheme, &es),
        ASSAY_OK);
    ck_assert_int_eq(assay_calendar_new_from_json(assay_buf_str(&calendar), zone_of, NULL, &net.calendar, &es), ASSAY_OK);
    assay_buf_free(&scheme);
    assay_buf_free(&calendar);
}

static size_t line_count(const struct assay_buf *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) n += b->p[i] == '\n';
    return n + 1;
}

static void read_records(const char *name, enum assay_intake intake) {
    struct assay_buf b = file(name);
    struct assay_ndjson lines;
    struct assay_ndjson_line line;
    struct assay_errors es;
    net.found = assay_xrealloc(net.found, (net.n_found + line_count(&b)) * sizeof *net.found);
    assay_ndjson_init(&lines, 65536);
    assay_ndjson_feed(&lines, b.p, b.n);
    for (int pass = 0; pass < 2; pass++) {
        while (assay_ndjson_next(&lines, &line)) {
            struct found *f = &net.found[net.n_found];
            *f = (struct found){.arrival = net.n_found};
            enum assay_status st = assay_record_from_json(line.text, intake, ASSAY_INSTANT_MAX - 1, &net.arena, &f->r, &es);
            ck_assert_msg(st == ASSAY_OK, "%s:%zu %s %s", name, line.number, es.items[0].field, es.items[0].detail);
            net.n_found++;
        }
        if (!pass) assay_ndjson_finish(&lines);
    }
    assay_ndjson_free(&lines);
    assay_buf_free(&b);
}

static void read_providers(void) {
    struct assay_buf b = file("tests/data/fy01/providers.ndjson");
    struct assay_errors es;
    for (char *save, *line = strtok_r(b.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct assay_provider *p = &net.providers[net.n_providers++];
        ck_assert_int_eq(assay_provider_from_json(assay_str_c(line), ASSAY_STR_NONE, &net.arena, p, &es), ASSAY_OK);
    }
    assay_buf_free(&b);
}

/* --- ingesting -------------------------------------------------------------------------------------------------------- */

static int id_cmp(struct assay_str provider, enum assay_kind kind, struct assay_str id, const struct assay_record *r) {
    int c = assay_str_cmp(provider, r->provider);
    if (!c) c = (kind > r->kind) - (kind < r->kind);
    return c ? c : assay_str_cmp(id, r->id);
}

static int by_id(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    int c = id_cmp(x->r.provider, x->r.kind, x->r.id, &y->r);
    return c ? c : (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

static int by_order(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    int c = assay_str_cmp(x->r.provider, y->r.provider);
    if (!c) c = assay_str_cmp(x->r.order, y->r.order);
    return c ? c : (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

/* Of equal ids the first by arrival stays. */
static void drop_duplicates(void) {
    size_t n = 0;
    qsort(net.found, net.n_found, sizeof *net.found, by_id);
    for (size_t i = 0; i < net.n_found; i++) {
        const struct assay_record *r = &net.found[i].r;
        if (n && id_cmp(r->provider, r->kind, r->id, &net.found[n - 1].r) == 0) continue;
        net.found[n++] = net.found[i];
    }
    net.n_found = n;
}

static void apply_voids(void) {
    for (size_t i = 0; i < net.n_found; i++) {
        const struct assay_record *v = &net.found[i].r;
        if (v->type != ASSAY_EVENT_VOIDED) continue;
        size_t low = 0, high = net.n_found;
        while (low < high) {
            size_t mid = low + (high - low) / 2;
            if (id_cmp(v->provider, v->target_kind, v->target, &net.found[mid].r) > 0) low = mid + 1;
            else high = mid;
        }
        if (low < net.n_found && id_cmp(v->provider, v->target_kind, v->target, &net.found[low].r) == 0)
            net.found[low].voided = true;
    }
}

static void gather_orders(void) {
    qsort(net.found, net.n_found, sizeof *net.found, by_order);
    net.orders = assay_xcalloc(net.n_found, sizeof *net.orders);
    net.loose = assay_xcalloc(net.n_found, sizeof *net.loose);
    for (size_t i = 0; i < net.n_found; i++) {
        const struct found *f = &net.found[i];
        if (f->r.type == ASSAY_EVENT_VOIDED) continue;
        if (!f->r.order.p) {
            if (!f->voided) net.loose[net.n_loose++] = &f->r;
            continue;
        }
        struct case_ *o = net.n_orders ? &net.orders[net.n_orders - 1] : NULL;
        if (!o || !assay_str_eq(o->provider, f->r.provider) || !assay_str_eq(o->order, f->r.order)) {
            o = &net.orders[net.n_orders++];
            *o = (struct case_){.provider = f->r.provider, .order = f->r.order};
        }
        o->recs = assay_xrealloc(o->recs, (o->n + 1) * sizeof *o->recs);
        o->recs[o->n++] = (struct assay_folded_record){f->r, f->voided};
    }
}

static void setup(void) {
    read_documents();
    read_providers();
    read_records("tests/data/fy01/surveys.ndjson", ASSAY_INTAKE_SURVEYS);
    read_records("tests/data/fy01/events.ndjson", ASSAY_INTAKE_EVENTS);
    read_records("tests/data/fy01/dispatches.ndjson", ASSAY_INTAKE_DISPATCHES);
    drop_duplicates();
    apply_voids();
    gather_orders();
    struct assay_buf b = file("tests/data/fy01/expected.json");
    net.expected = json_loadb(b.p, b.n, 0, NULL);
    ck_assert_ptr_nonnull(net.expected);
    assay_buf_free(&b);
}

static void teardown(void) {
    for (size_t i = 0; i < net.n_orders; i++) free(net.orders[i].recs);
    free(net.orders);
    free(net.loose);
    free(net.found);
    json_decref(net.expected);
    assay_scheme_free(net.scheme);
    assay_calendar_free(net.calendar);
    assay_zone_free(net.zone);
    assay_arena_free(&net.arena);
}

/* --- verdicts --------------------------------------------------------------------------------------------------------- */

static const struct assay_calendar *calendar_of(void *ctx, const char *code) {
    return strcmp(code, "cn-office") ? NULL : net.calendar;
}

static const struct assay_provider_facts *facts_of(struct assay_str provider) {
    for (size_t i = 0; i < net.n_providers; i++) {
        if (assay_str_eq(net.providers[i].code, provider)) return &net.providers[i].facts;
    }
    ck_abort_msg("unknown provider");
    return NULL;
}

static void judge(struct case_ *c, struct assay_arena *a, struct assay_order *o, struct assay_verdict *v) {
    const struct assay_scheme *versions[] = {net.scheme};
    struct assay_scheme_versions schemes = {1, versions};
    struct assay_provider_versions provider = {1, facts_of(c->provider)};
    struct assay_rules rules = {&schemes, &provider, calendar_of, NULL};
    assay_order_fold(c->recs, c->n, a, o);
    assay_verdict_judge(o, &rules, a, v);
}

static const char *text(const char *s) { return s ? s : "null"; }

/* An instant as microseconds, so that its spelling does not matter. */
static long long instant_of(json_t *v) {
    assay_instant t = ASSAY_NO_INSTANT;
    if (json_is_string(v)) ck_assert_int_eq(assay_instant_parse(assay_str_c(json_string_value(v)), &t), ASSAY_OK);
    return t;
}

#define VERDICT_FORMAT \
    "%s reason=%s rule=%s start=%lld line=%.*s standard=%s:%d by=%s diagnosis=%s/%lld cycle=%s beyond=%s closed=%lld"

static const char *wanted(json_t *e, struct assay_arena *a) {
    const char *unit, *line = text(json_string_value(json_object_get(e, "governing_line")));
    json_t *standard = json_object_get(e, "standard"), *seconds = json_object_get(e, "diagnosis_seconds");
    json_t *beyond = json_object_get(e, "beyond_slowest"), *n = NULL;
    void *it = json_object_iter(standard);
    unit = it ? json_object_iter_key(it) : NULL;
    if (it) n = json_object_iter_value(it);
#define WORD(name) text(json_string_value(json_object_get(e, name)))
    return assay_arena_printf(a, VERDICT_FORMAT, WORD("outcome"), WORD("reason"), WORD("rule"),
                              instant_of(json_object_get(e, "start")), (int)strlen(line), line, text(unit),
                              (int)json_integer_value(n), WORD("standard_reason"), WORD("diagnosis"),
                              json_is_integer(seconds) ? json_integer_value(seconds) : -1, WORD("cycle"),
                              json_is_true(beyond) ? "yes" : "no", instant_of(json_object_get(e, "closed_at")));
#undef WORD
}

static const char *got(const struct assay_order *o, const struct assay_verdict *v, struct assay_arena *a) {
    bool said = v->outcome != ASSAY_OUT_OF_SCOPE; /* out of scope: only the outcome */
    struct assay_str line = v->cycle.governing ? v->cycle.governing->considered->line : ASSAY_STR("null");
    return assay_arena_printf(a, VERDICT_FORMAT, text(assay_outcome_name(v->outcome)), text(assay_reason_name(v->reason)),
                              text(assay_rule_name(v->cycle.rule)), (long long)v->cycle.start, ASSAY_STR_ARG(line),
                              text(v->cycle.standard.unit ? assay_unit_name(v->cycle.standard.unit) : NULL), v->cycle.standard.n,
                              text(v->cycle.standard_reason), text(assay_clock_outcome_name(v->diagnosis.outcome)),
                              (long long)(v->diagnosis.working_us < 0 ? -1 : v->diagnosis.working_us / ASSAY_SECOND),
                              text(assay_clock_outcome_name(v->cycle.outcome)), v->cycle.beyond_slowest ? "yes" : "no",
                              (long long)(said ? o->closed_at : ASSAY_NO_INSTANT));
}

/* How many verdicts differ; each is printed. */
static size_t differences(const char *how) {
    json_t *expected = json_object_get(net.expected, "orders");
    struct assay_arena a = {0};
    size_t bad = 0, seen = 0;
    for (size_t i = 0; i < net.n_orders; i++) {
        struct case_ *c = &net.orders[i];
        struct assay_order o;
        struct assay_verdict v;
        assay_arena_reset(&a);
        judge(c, &a, &o, &v);
        const char *key = assay_arena_printf(&a, "%.*s/%.*s", ASSAY_STR_ARG(c->provider), ASSAY_STR_ARG(c->order));
        json_t *e = json_object_get(expected, key);
        if (!e && o.state == ASSAY_STATE_NONE) continue;
        seen++;
        const char *want = e ? wanted(e, &a) : "nothing", *is = got(&o, &v, &a);
        if (!strcmp(want, is)) continue;
        if (++bad <= 20) fprintf(stderr, "%s, %s\n  want %s\n  got  %s\n", how, key, want, is);
    }
    ck_assert_msg(seen == json_object_size(expected), "%s: %zu orders, expected %zu", how, seen, json_object_size(expected));
    assay_arena_free(&a);
    return bad;
}

START_TEST(test_verdicts_as_they_arrive) {
    ck_assert_uint_gt(net.n_orders, 900);
    ck_assert_uint_eq(differences("as they arrive"), 0);
}
END_TEST

START_TEST(test_verdicts_of_shuffled_records) {
    uint64_t seed = (uint64_t)_i + 1;
    char how[32];
    snprintf(how, sizeof how, "seed %d", _i + 1);
    for (size_t i = 0; i < net.n_orders; i++) {
        struct case_ *c = &net.orders[i];
        for (size_t n = c->n; n > 1; n--) {
            size_t k = (size_t)test_random_below(&seed, (int64_t)n);
            struct assay_folded_record t = c->recs[n - 1];
            c->recs[n - 1] = c->recs[k];
            c->recs[k] = t;
        }
    }
    ck_assert_uint_eq(differences(how), 0);
}
END_TEST

START_TEST(test_verdicts_of_reversed_records) {
    for (size_t i = 0; i < net.n_orders; i++) {
        struct case_ *c = &net.orders[i];
        for (size_t low = 0, high = c->n; low + 1 < high; low++) {
            struct assay_folded_record t = c->recs[low];
            c->recs[low] = c->recs[--high];
            c->recs[high] = t;
        }
    }
    ck_assert_uint_eq(differences("reversed"), 0);
}
END_TEST

START_TEST(test_verdicts_of_packed_records) {
    for (size_t i = 0; i < net.n_orders; i++) {
        struct case_ *c = &net.orders[i];
        struct assay_buf b = {0};
        size_t pos = 0;
        for (size_t k = 0; k < c->n; k++) assay_record_pack(&c->recs[k].record, c->recs[k].voided, &b);
        struct assay_str bytes = assay_arena_dup(&net.arena, assay_buf_str(&b));
        assay_buf_free(&b);
        for (size_t k = 0; k < c->n; k++)
            ck_assert_int_eq(assay_record_unpack(bytes, &pos, &net.arena, &c->recs[k].record, &c->recs[k].voided), ASSAY_OK);
        ck_assert_uint_eq(pos, bytes.n);
    }
    ck_assert_uint_eq(differences("packed"), 0);
}
END_TEST

/* Explanations of a whole network: every place filled, every amount accounted for. */
START_TEST(test_explanations) {
    struct assay_arena a = {0};
    for (size_t i = 0; i < net.n_orders; i++) {
        struct assay_order o;
        struct assay_verdict v;
        struct assay_explanation x;
        assay_arena_reset(&a);
        judge(&net.orders[i], &a, &o, &v);
        assay_verdict_explain(&o, &v, &a, &x);
        if (!v.outcome) continue;
        ck_assert_msg(*x.text_en && *x.text_zh && !strpbrk(x.text_en, "{}") && !strpbrk(x.text_zh, "{}"), "%s\n%s", x.text_en,
                      x.text_zh);
        ck_assert(assay_utf8_valid(assay_str_c(x.text_zh)));
        ck_assert_uint_gt(x.n_records, 0);
        int64_t sum = 0;
        for (size_t k = 0; k < x.cycle_ledger.n; k++) sum += x.cycle_ledger.entries[k].to - x.cycle_ledger.entries[k].from;
        ck_assert_int_eq(sum, v.cycle.elapsed_us < 0 ? 0 : v.cycle.elapsed_us);
    }
    assay_arena_free(&a);
}
END_TEST

/* --- evaluations ------------------------------------------------------------------------------------------------------- */

struct tally {
    int64_t counts[MONTHS][ASSAY_TALLY_COUNT];
};

static void add(struct tally *t, assay_month first, const struct assay_contribution *c) {
    if (c->month == ASSAY_NO_MONTH) return;
    ck_assert_int_ge(c->month, first);
    ck_assert_int_lt(c->month, first + MONTHS);
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) t->counts[c->month - first][i] += c->counts[i];
}

static struct tally *tally_of(const struct assay_provider *p, assay_month first) {
    struct tally *t = assay_xcalloc(1, sizeof *t);
    struct assay_arena a = {0};
    struct assay_contribution c;
    for (size_t i = 0; i < net.n_orders; i++) {
        struct assay_order o;
        struct assay_verdict v;
        if (!assay_str_eq(net.orders[i].provider, p->code)) continue;
        assay_arena_reset(&a);
        judge(&net.orders[i], &a, &o, &v);
        assay_contribution_of_order(&o, &v, NULL, &c);
        add(t, first, &c);
    }
    for (size_t i = 0; i < net.n_loose; i++) {
        if (!assay_str_eq(net.loose[i]->provider, p->code)) continue;
        assay_contribution_of_survey(net.loose[i], net.scheme, &c);
        add(t, first, &c);
    }
    assay_arena_free(&a);
    return t;
}

static const char *fraction(struct assay_frac f, bool rated, struct assay_arena *a) {
    if (!rated) return "null";
    if (f.den == 1) return assay_arena_printf(a, "%lld", (long long)f.num);
    return assay_arena_printf(a, "%lld/%lld", (long long)f.num, (long long)f.den);
}

#define EVALUATION_FORMAT "compliant=%d counted=%d undetermined=%d tat=%s satisfaction=%s (%s) score=%s of %s"

static const char *evaluation_wanted(json_t *e, struct assay_arena *a) {
#define NUMBER(name) (int)json_integer_value(json_object_get(e, name))
#define WORD(name) text(json_string_value(json_object_get(e, name)))
    return assay_arena_printf(a, EVALUATION_FORMAT, NUMBER("compliant"), NUMBER("counted"), NUMBER("undetermined"),
                              WORD("tat_score"), WORD("satisfaction_rate"), WORD("satisfaction_score"), WORD("score"),
                              WORD("max"));
#undef NUMBER
#undef WORD
}

static const char *evaluation_got(const struct tally *t, assay_month first, assay_month period, struct assay_arena *a) {
    int64_t counts[ASSAY_TALLY_COUNT] = {0};
    struct assay_evaluation e;
    for (assay_month m = period - net.scheme->window_months + 1; m <= period; m++) {
        for (int i = 0; i < ASSAY_TALLY_COUNT; i++) counts[i] += t->counts[m - first][i];
    }
    ck_assert_int_eq(assay_evaluate(net.scheme, period, counts, 0, &e), ASSAY_OK);
    const struct assay_indicator_result *tat = &e.indicators[0], *sat = &e.indicators[1];
    return assay_arena_printf(a, EVALUATION_FORMAT, (int)e.compliant, (int)e.counted, (int)e.undetermined,
                              fraction(tat->score, tat->rated, a), fraction(sat->value, sat->rated, a),
                              fraction(sat->score, sat->rated, a), fraction(e.score, true, a), fraction(e.max, true, a));
}

START_TEST(test_evaluations) {
    struct assay_arena a = {0};
    assay_month first = assay_month_of(1998, 1);
    json_t *expected = json_object_get(net.expected, "evaluations"), *e;
    const char *key;
    size_t bad = 0, seen = 0;
    for (size_t i = 0; i < net.n_providers; i++) {
        const struct assay_provider *p = &net.providers[i];
        struct tally *t = tally_of(p, first);
        json_object_foreach(expected, key, e) {
            const char *slash = strrchr(key, '/');
            assay_month period;
            if (!assay_str_eq(p->code, (struct assay_str){key, (size_t)(slash - key)})) continue;
            ck_assert_int_eq(assay_month_parse(assay_str_c(slash + 1), &period), ASSAY_OK);
            seen++;
            const char *want = evaluation_wanted(e, &a), *is = evaluation_got(t, first, period, &a);
            if (!strcmp(want, is)) continue;
            bad++;
            fprintf(stderr, "%s\n  want %s\n  got  %s\n", key, want, is);
        }
        free(t);
    }
    ck_assert_uint_eq(seen, json_object_size(expected));
    ck_assert_uint_eq(bad, 0);
    assay_arena_free(&a);
}
END_TEST

static Suite *suite_of_golden(void) {
    Suite *s = suite_create("golden");
    TCase *t = tcase_create("fy01");
    tcase_add_unchecked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_verdicts_as_they_arrive);
    tcase_add_loop_test(t, test_verdicts_of_shuffled_records, 0, SEEDS);
    tcase_add_test(t, test_verdicts_of_reversed_records);
    tcase_add_test(t, test_verdicts_of_packed_records);
    tcase_add_test(t, test_explanations);
    tcase_add_test(t, test_evaluations);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_golden)
