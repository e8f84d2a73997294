/* test_sample.c -- the made-up network: valid, the same for the same seed whatever is asked of it, and rich in cases. */
#include "check_main.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/sample.h"
#include "assay/codec.h"
#include "test_zone.h"

#define RECEIVED_AT (INT64_C(1700000000) * ASSAY_SECOND)

static const struct assay_sample_spec small = {.seed = 7, .providers = 25, .orders = 4000, .from = 2000 * 12 + 11, .months = 6};

/* --- the network -------------------------------------------------------------------------------------------------- */
/* A record as text, for comparing. */
static void describe(const struct assay_record *r, struct assay_buf *b) {
    assay_buf_printf(b, "%d %.*s %.*s %.*s %lld ", (int)r->type, ASSAY_STR_ARG(r->id), ASSAY_STR_ARG(r->provider),
                     ASSAY_STR_ARG(r->order), (long long)r->at);
    assay_record_content(r, b);
    assay_buf_addc(b, '\n');
}

static void describe_order(const struct assay_sample *s, int64_t i, struct assay_sample_order *order, struct assay_buf *b) {
    assay_sample_order_at(s, i, order);
    for (size_t k = 0; k < order->n; k++) describe(&order->records[k], b);
}

START_TEST(test_same_seed_same_network) {
    struct assay_sample *one = assay_sample_new(&small), *two = assay_sample_new(&small);
    struct assay_sample_spec other_spec = small;
    other_spec.seed++;
    struct assay_sample *other = assay_sample_new(&other_spec);
    struct assay_sample_order *order = assay_xmalloc(sizeof *order);
    struct assay_buf a = {0}, b = {0}, c = {0};
    for (int64_t i = 0; i < 200; i++) describe_order(one, i, order, &a);
    for (int64_t i = 199; i >= 0; i--) { /* the other way round: no story knows of another */
        struct assay_buf piece = {0};
        describe_order(two, i, order, &piece);
        assay_buf_add(&piece, b.p, b.n);
        assay_buf_free(&b);
        b = piece;
    }
    for (int64_t i = 0; i < 200; i++) describe_order(other, i, order, &c);
    ck_assert(a.n > 10000);
    ck_assert(strcmp(a.p, b.p) == 0);
    ck_assert(strcmp(a.p, c.p) != 0);
    assay_buf_free(&a);
    assay_buf_free(&b);
    assay_buf_free(&c);
    free(order);
    assay_sample_free(one);
    assay_sample_free(two);
    assay_sample_free(other);
}
END_TEST

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

START_TEST(test_ids_and_types) {
    struct assay_sample *s = assay_sample_new(&small);
    struct assay_sample_order *order = assay_xmalloc(sizeof *order);
    size_t counts[ASSAY_TYPE_COUNT] = {0}, n = 0, cap = 0, most = 0;
    char **keys = NULL;
    assay_instant first = (int64_t)assay_month_first(small.from) * ASSAY_DAY - 8 * 3600 * ASSAY_SECOND, last_opened = 0;
    int backwards = 0, empty = 0;
    for (int64_t i = 0; i < small.orders; i++) {
        assay_sample_order_at(s, i, order);
        empty += order->n == 0; /* its opening was never said, and time ran out */
        if (order->n > most) most = order->n;
        if (order->n) {
            if (order->records[0].at < last_opened - ASSAY_DAY) backwards++;
            last_opened = order->records[0].at;
            ck_assert(order->records[0].at >= first);
        }
        for (size_t k = 0; k < order->n; k++) {
            const struct assay_record *r = &order->records[k];
            counts[r->type]++;
            ck_assert(assay_form_id(r->id) && assay_form_provider(r->provider));
            ck_assert(r->order.p == NULL || assay_form_order(r->order));
            ck_assert(r->at < assay_sample_end(s) && r->at > first - 2 * ASSAY_DAY);
            if (n == cap) keys = assay_xrealloc(keys, (cap = cap ? 2 * cap : 1024) * sizeof *keys);
            struct assay_buf key = {0};
            assay_buf_printf(&key, "%.*s %d %.*s", ASSAY_STR_ARG(r->provider), (int)r->kind, ASSAY_STR_ARG(r->id));
            keys[n++] = key.p;
        }
    }
    for (int t = 0; t < ASSAY_TYPE_COUNT; t++)
        ck_assert_msg((counts[t] > 0) == (t != ASSAY_OBSERVATION_MADE), "%s: %zu", assay_type_name((enum assay_type)t),
                      counts[t]);
    ck_assert_uint_lt(most, ASSAY_SAMPLE_RECORDS_MAX); /* no story is cut short */
    ck_assert_int_lt(backwards, 20);                   /* numbered in rough order of opening */
    ck_assert_int_lt(empty, 10);
    qsort(keys, n, sizeof *keys, by_text);
    for (size_t i = 1; i < n; i++) ck_assert_str_ne(keys[i - 1], keys[i]);
    for (size_t i = 0; i < n; i++) free(keys[i]);
    free(keys);
    free(order);
    assay_sample_free(s);
}
END_TEST

START_TEST(test_providers) {
    struct assay_sample_spec spec = small;
    spec.providers = 1200;
    struct assay_sample *s = assay_sample_new(&spec);
    struct assay_sample_provider *all = assay_xcalloc((size_t)spec.providers, sizeof *all);
    char **names = assay_xcalloc((size_t)spec.providers, sizeof *names);
    int ascim = 0, changing = 0, chinese = 0;
    for (int32_t i = 0; i < spec.providers; i++) {
        struct assay_sample_provider *p = &all[i];
        assay_sample_provider_at(s, i, p);
        ck_assert(assay_form_provider(p->code) && assay_utf8_valid(p->name) && assay_utf8_length(p->name) >= 6);
        ck_assert(p->facts[0].effective_from == ASSAY_NO_DATE && p->facts[0].city.n > 0);
        ascim += p->facts[0].ascim;
        chinese += (unsigned char)p->facts[0].city.p[0] >= 0x80;
        if (p->n_facts == 2) {
            changing++;
            ck_assert(p->facts[1].effective_from > assay_month_first(spec.from));
            ck_assert(p->facts[1].effective_from < assay_month_first(spec.from + spec.months));
        }
        struct assay_buf name = {0};
        assay_buf_add(&name, p->name.p, p->name.n);
        names[i] = name.p;
    }
    ck_assert(assay_str_is(all[0].code, "P0001") && assay_str_is(all[1199].code, "P1200"));
    ck_assert_str_eq(names[0], "北京中关村维修中心");
    ck_assert(ascim > 150 && ascim < 400 && changing > 20 && chinese > 400);
    qsort(names, (size_t)spec.providers, sizeof *names, by_text);
    for (int32_t i = 1; i < spec.providers; i++) ck_assert_str_ne(names[i - 1], names[i]);
    for (int32_t i = 0; i < spec.providers; i++) free(names[i]);
    free(names);
    free(all);
    assay_sample_free(s);
}
END_TEST

/* --- its cases ---------------------------------------------------------------------------------------------------- */
static const struct assay_zone *the_zone(void *ctx, const char *name) { return ctx; }

static struct assay_buf slurp_path(const char *path) {
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s is missing", path);
    struct assay_buf b = {0};
    char chunk[65536];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) assay_buf_add(&b, chunk, n);
    fclose(f);
    return b;
}

static struct assay_buf slurp_source(const char *below) {
    const char *root = getenv("ASSAY_SOURCE_ROOT");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root ? root : ".", below);
    return slurp_path(path);
}

static struct assay_scheme *make_scheme(struct assay_zone *zone) {
    struct assay_buf text = slurp_source("sql/schemes/hp-gold-fy01.json");
    struct assay_scheme *scheme = NULL;
    struct assay_errors es = {0};
    enum assay_status status = assay_scheme_new_from_json(assay_buf_str(&text), "hp-gold-fy01", 1, ASSAY_NO_DATE, the_zone, zone,
                                                          &scheme, &es);
    ck_assert_msg(status == ASSAY_OK, "%s %s", es.items[0].field, es.items[0].detail);
    assay_buf_free(&text);
    return scheme;
}

static struct assay_calendar *make_calendar(struct assay_zone *zone) {
    struct assay_buf text = slurp_source("sql/calendars/cn-office.json");
    struct assay_calendar *calendar = NULL;
    struct assay_errors es = {0};
    ck_assert_int_eq(assay_calendar_new_from_json(assay_buf_str(&text), the_zone, zone, &calendar, &es), ASSAY_OK);
    assay_buf_free(&text);
    return calendar;
}

static const struct assay_calendar *the_calendar(void *ctx, const char *code) { return ctx; }

static bool is_voided(const struct assay_sample_order *o, const struct assay_record *r) {
    for (size_t i = 0; i < o->n; i++) {
        const struct assay_record *v = &o->records[i];
        if (v->type == ASSAY_EVENT_VOIDED && v->target_kind == r->kind && assay_str_eq(v->target, r->id)) return true;
    }
    return false;
}

static size_t fold_records(const struct assay_sample_order *o, struct assay_str number, struct assay_folded_record *out) {
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++) {
        const struct assay_record *r = &o->records[i];
        if (r->type == ASSAY_EVENT_VOIDED || !assay_str_eq(r->order, number)) continue;
        out[n++] = (struct assay_folded_record){*r, is_voided(o, r)};
    }
    return n;
}

#define SEEN(what, count) ck_assert_msg((count) > 0, "never seen: %s", what)

/* Every rule and outcome of DOMAIN 3 and 4 comes up, and most orders are good ones. */
START_TEST(test_every_case_occurs) {
    struct assay_sample_spec spec = small;
    spec.orders = 30000;
    struct assay_sample *s = assay_sample_new(&spec);
    struct assay_sample_order *order = assay_xmalloc(sizeof *order);
    struct assay_folded_record *records = assay_xcalloc(ASSAY_SAMPLE_RECORDS_MAX, sizeof *records);
    struct assay_zone *zone = test_zone("Asia/Shanghai");
    struct assay_scheme *scheme = make_scheme(zone);
    struct assay_calendar *calendar = make_calendar(zone);
    const struct assay_scheme *versions[] = {scheme};
    struct assay_scheme_versions schemes = {1, versions};
    struct assay_arena arena = {0};
    int outcomes[8] = {0}, reasons[8] = {0}, rules[4] = {0}, diagnoses[8] = {0}, cycles[8] = {0}, states[4] = {0};
    int lateness[4] = {0}, points[ASSAY_POINT_COUNT] = {0}, answers[5][3][4] = {0}, local_without_stock = 0;

    for (int64_t i = 0; i < spec.orders; i++) {
        assay_sample_order_at(s, i, order);
        if (!order->n) continue;
        char number[32];
        snprintf(number, sizeof number, "W%06lld", (long long)i + 1);
        struct assay_order o;
        assay_order_fold(records, fold_records(order, assay_str_c(number), records), &arena, &o);
        struct assay_sample_provider p;
        assay_sample_provider_at(s, (int32_t)strtol(order->records[0].provider.p + 1, NULL, 10) - 1, &p);
        struct assay_provider_versions provider = {p.n_facts, p.facts};
        struct assay_rules with = {&schemes, &provider, the_calendar, calendar};
        struct assay_verdict v;
        assay_verdict_judge(&o, &with, &arena, &v);
        outcomes[v.outcome]++;
        reasons[v.reason]++;
        rules[v.cycle.rule]++;
        diagnoses[v.diagnosis.outcome]++;
        cycles[v.cycle.outcome]++;
        states[o.state]++;
        for (size_t k = 0; k < v.n_candidates; k++) {
            if (v.candidates[k].lateness >= 0) lateness[v.candidates[k].lateness]++;
            local_without_stock += v.candidates[k].considered->shipment.local_said && !v.candidates[k].local;
        }
        for (int k = 0; k < ASSAY_POINT_COUNT; k++) points[k] += v.points >> k & 1;
        for (size_t k = 0; k < o.n_surveys; k++)
            answers[o.surveys[k]->answer][o.surveys[k]->customer_class][o.surveys[k]->responsibility]++;
        assay_arena_reset(&arena);
    }

    for (int k = ASSAY_COMPLIANT; k <= ASSAY_OUT_OF_SCOPE; k++) SEEN(assay_outcome_name((enum assay_outcome)k), outcomes[k]);
    for (int k = ASSAY_REASON_MISSING_OPEN; k <= ASSAY_REASON_MISSING_SHIPMENT; k++)
        SEEN(assay_reason_name((enum assay_reason)k), reasons[k]);
    for (int k = ASSAY_RULE_NO_PARTS; k <= ASSAY_RULE_LAST_SHIPMENT; k++) SEEN(assay_rule_name((enum assay_rule)k), rules[k]);
    for (int k = ASSAY_CLOCK_MET; k <= ASSAY_CLOCK_UNDETERMINED; k++)
        SEEN(assay_clock_outcome_name((enum assay_clock_outcome)k), diagnoses[k]);
    SEEN("cycle met", cycles[ASSAY_CLOCK_MET]);
    SEEN("cycle missed", cycles[ASSAY_CLOCK_MISSED]);
    SEEN("cycle pending", cycles[ASSAY_CLOCK_PENDING]);
    SEEN("cycle undetermined", cycles[ASSAY_CLOCK_UNDETERMINED]);
    for (int k = ASSAY_STATE_OPEN; k <= ASSAY_STATE_CANCELLED; k++) SEEN(assay_state_name((enum assay_state)k), states[k]);
    for (size_t k = 0; k < scheme->n_lateness; k++) SEEN(scheme->lateness[k].name, lateness[k]);
    for (int k = 0; k <= ASSAY_POINT_LAST_CLOSE; k++) SEEN(assay_point_about((enum assay_point)k), points[k]);
    for (int a = ASSAY_ANSWER_AVERAGE; a <= ASSAY_ANSWER_COMPLAINT; a++)
        for (int r = ASSAY_RESP_NONE; r <= ASSAY_RESP_MANUFACTURER; r++)
            SEEN("an answer and who answers for it", answers[a][0][r] + answers[a][1][r] + answers[a][2][r]);
    SEEN("key customers' answers", answers[ASSAY_ANSWER_SATISFIED][ASSAY_CLASS_KEY][0]);
    SEEN("local without stock", local_without_stock);

    int judged = outcomes[ASSAY_COMPLIANT] + outcomes[ASSAY_MISSED];
    ck_assert_int_gt(outcomes[ASSAY_COMPLIANT], judged * 85 / 100);
    ck_assert_int_lt(outcomes[ASSAY_COMPLIANT], judged * 96 / 100);
    ck_assert_int_lt(outcomes[ASSAY_UNDETERMINED], judged * 5 / 100);

    assay_arena_free(&arena);
    assay_calendar_free(calendar);
    assay_scheme_free(scheme);
    assay_zone_free(zone);
    free(records);
    free(order);
    assay_sample_free(s);
}
END_TEST

/* --- the command -------------------------------------------------------------------------------------------------- */
static char dir[] = "/tmp/assay-sample-XXXXXX";

static void make_dir(void) {
    if (!mkdtemp(dir)) abort();
}

static void remove_dir(void) {
    static const char *const files[] = {"providers.ndjson", "dispatches.ndjson", "events.ndjson",
                                        "surveys.ndjson",   "rates.json",        "stdout"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* Runs `sample` with the arguments (NULL-terminated), its standard output into DIR/stdout and its errors nowhere. */
static int run(const char *const *arguments) {
    char *argv[24] = {(char *)"sample"};
    int argc = 1;
    for (; arguments[argc - 1]; argc++) argv[argc] = (char *)arguments[argc - 1];
    char path[256];
    snprintf(path, sizeof path, "%s/stdout", dir);
    fflush(NULL);
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), none = open("/dev/null", O_WRONLY);
    int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
    ck_assert(out >= 0 && none >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(none, STDERR_FILENO) >= 0);
    int status = assay_command_sample.run(argc, argv);
    fflush(NULL);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    close(out);
    close(none);
    close(saved_out);
    close(saved_err);
    return status;
}

static struct assay_buf slurp(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return slurp_path(path);
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

/* Every line decodes into the very record that the network told. */
static void check_stream(const char *file, enum assay_intake intake, bool (*belongs)(enum assay_kind)) {
    struct assay_sample *s = assay_sample_new(&small);
    struct assay_sample_order *order = assay_xmalloc(sizeof *order);
    struct assay_buf text = slurp(file), told = {0}, read = {0};
    struct assay_arena arena = {0};
    const char *p = text.p, *end = text.p + text.n;
    size_t line = 0;
    for (int64_t i = 0; i < small.orders; i++) {
        assay_sample_order_at(s, i, order);
        for (size_t k = 0; k < order->n; k++) {
            if (!belongs(order->records[k].kind)) continue;
            const char *eol = memchr(p, '\n', (size_t)(end - p));
            ck_assert_msg(eol != NULL, "%s ends early at line %zu", file, line);
            line++;
            struct assay_record r;
            struct assay_errors es = {0};
            enum assay_status status = assay_record_from_json((struct assay_str){p, (size_t)(eol - p)}, intake, RECEIVED_AT,
                                                              &arena, &r, &es);
            ck_assert_msg(status == ASSAY_OK, "%s:%zu: %s %s: %.*s", file, line, es.items[0].field, es.items[0].detail,
                          (int)(eol - p), p);
            told.n = read.n = 0;
            if (order->records[k].answer == ASSAY_ANSWER_SATISFIED)
                order->records[k].responsibility = ASSAY_RESP_NONE; /* ignored */
            describe(&order->records[k], &told);
            describe(&r, &read);
            ck_assert_str_eq(told.p, read.p);
            p = eol + 1;
            assay_arena_reset(&arena);
        }
    }
    ck_assert_ptr_eq(p, end);
    ck_assert_uint_gt(line, 100);
    assay_buf_free(&text);
    assay_buf_free(&told);
    assay_buf_free(&read);
    assay_arena_free(&arena);
    free(order);
    assay_sample_free(s);
}

static bool is_dispatch(enum assay_kind k) { return k == ASSAY_KIND_DISPATCH; }
static bool is_survey(enum assay_kind k) { return k == ASSAY_KIND_SURVEY; }
static bool is_event(enum assay_kind k) { return k == ASSAY_KIND_REPAIR || k == ASSAY_KIND_SHIPMENT; }

START_TEST(test_files_decode) {
    ck_assert_int_eq(RUN("--providers", "25", "--orders", "4000", "--seed", "7", "--out", dir), 0);
    check_stream("dispatches.ndjson", ASSAY_INTAKE_DISPATCHES, is_dispatch);
    check_stream("events.ndjson", ASSAY_INTAKE_EVENTS, is_event);
    check_stream("surveys.ndjson", ASSAY_INTAKE_SURVEYS, is_survey);
    struct assay_buf providers = slurp("providers.ndjson");
    struct assay_arena arena = {0};
    size_t n = 0;
    for (char *p = providers.p; *p; n++) {
        char *eol = strchr(p, '\n');
        struct assay_provider provider;
        struct assay_errors es = {0};
        enum assay_status status = assay_provider_from_json((struct assay_str){p, (size_t)(eol - p)}, ASSAY_STR_NONE, &arena,
                                                            &provider, &es);
        ck_assert_msg(status == ASSAY_OK, "providers.ndjson:%zu: %s", n + 1, es.items[0].detail);
        p = eol + 1;
    }
    ck_assert_uint_ge(n, 25);
    assay_arena_free(&arena);
    assay_buf_free(&providers);
}
END_TEST

START_TEST(test_one_kind_is_the_same_stream) {
    static const char *const kinds[][2] = {{"providers", "providers.ndjson"},
                                           {"dispatches", "dispatches.ndjson"},
                                           {"events", "events.ndjson"},
                                           {"surveys", "surveys.ndjson"},
                                           {"rates", "rates.json"}};
    ck_assert_int_eq(RUN("--orders", "500", "--seed", "3", "--from", "2001-03", "--months", "2", "--out", dir), 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        ck_assert_int_eq(RUN("--orders", "500", "--seed", "3", "--from", "2001-03", "--months", "2", "--kind", kinds[i][0]), 0);
        struct assay_buf file = slurp(kinds[i][1]), out = slurp("stdout");
        ck_assert_uint_gt(file.n, 0);
        ck_assert_msg(strcmp(file.p, out.p) == 0, "%s differs", kinds[i][1]);
        assay_buf_free(&file);
        assay_buf_free(&out);
    }
}
END_TEST

START_TEST(test_rates) {
    static const char *const products[] = {"commercial_pc", "server",          "notebook",        "laser_printer",
                                           "plotter",       "inkjet_high_end", "optical_library", "tape_library"};
    for (int without = 0; without < 2; without++) {
        ck_assert_int_eq(without ? RUN("--kind", "rates", "--no-rate") : RUN("--kind", "rates"), 0);
        struct assay_buf text = slurp("stdout");
        struct assay_rates *rates = NULL;
        struct assay_errors es = {0};
        ck_assert_int_eq(assay_rates_new_from_json(assay_buf_str(&text), "fy01-labour", 1, &rates, &es), ASSAY_OK);
        for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
            int64_t amount = 0;
            bool known = assay_rates_find(rates, assay_str_c(products[i]), ASSAY_WARRANTY_NONE, assay_date_from_civil(2001, 1, 5),
                                          &amount);
            ck_assert_msg(known == (!without || strcmp(products[i], "tape_library") != 0), "%s", products[i]);
            ck_assert(!known || amount > 0);
        }
        assay_rates_free(rates);
        assay_buf_free(&text);
    }
}
END_TEST

START_TEST(test_usage) {
    static const char *const wrong[][6] = {
        {"--orders", "12x", "--out", "."},
        {"--orders", "-1", "--out", "."},
        {"--orders", "", "--out", "."},
        {"--orders", "99999999999999999999", "--out", "."},
        {"--providers", "0", "--out", "."},
        {"--months", "0", "--out", "."},
        {"--from", "2001-13", "--out", "."},
        {"--from", "2099-12", "--out", "."}, /* not over yet */
        {"--kind", "orders"},
        {"--kind", "all"}, /* not on one stream */
        {"--bogus"},
        {"--out"},
        {"--kind", "rates", "more"},
        {NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) ck_assert_msg(run(wrong[i]) == 2, "case %zu was taken", i);
    ck_assert_int_eq(RUN("--help"), 0);
    ck_assert_int_eq(RUN("--orders", "1", "--out", "/nowhere/at/all"), 1);
    ck_assert_int_eq(RUN("--orders", "0", "--kind", "events"), 0);
    struct assay_buf out = slurp("stdout");
    ck_assert_uint_eq(out.n, 0);
    assay_buf_free(&out);
}
END_TEST

static Suite *suite_of_sample(void) {
    Suite *suite = suite_create("sample");
    TCase *network = tcase_create("network"), *command = tcase_create("command");
    tcase_set_timeout(network, 60);
    tcase_add_test(network, test_same_seed_same_network);
    tcase_add_test(network, test_ids_and_types);
    tcase_add_test(network, test_providers);
    tcase_add_test(network, test_every_case_occurs);
    suite_add_tcase(suite, network);
    tcase_set_timeout(command, 60);
    tcase_add_unchecked_fixture(command, make_dir, remove_dir);
    tcase_add_test(command, test_files_decode);
    tcase_add_test(command, test_one_kind_is_the_same_stream);
    tcase_add_test(command, test_rates);
    tcase_add_test(command, test_usage);
    suite_add_tcase(suite, command);
    return suite;
}

ASSAY_TESTS(suite_of_sample)
