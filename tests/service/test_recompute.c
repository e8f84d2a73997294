/* test_recompute.c -- a changed configuration, worked out while records keep coming, on a real PostgreSQL.
 *
 * The law: at every moment what is in force is what the configuration in force gives from the records alone (verification
 * says so), whoever takes the steps, however often they die half way; and in the end it is what the new configuration
 * would have given from the beginning. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "app/sample.h"
#include "assay/service.h"
#include "check_main.h"
#include "pg.h"
#include "store/embedded.h"
#include "test_random.h"

#define PROVIDERS 4
#define ORDERS 60
#define RECORDS_MAX (ORDERS * 64)
#define LATE "LATE" /* a provider registered while a recomputation runs */

static char template_info[TEST_PG_CONNINFO], info[TEST_PG_CONNINFO];
static _Thread_local struct assay_error err; /* threads of a test fail each for itself */

#define OK(call)                                                                                              \
    do {                                                                                                      \
        enum assay_status ok_ = (call);                                                                       \
        ck_assert_msg(ok_ == ASSAY_OK, "%s: %s %s %s", #call, assay_status_code(ok_), err.field, err.detail); \
    } while (0)

/* --- the network --------------------------------------------------------------------------------------------------------- */

static struct assay_arena network_arena;
static struct assay_item items[RECORDS_MAX];
static size_t n_items;
static struct assay_provider providers[2 * PROVIDERS];
static size_t n_providers;
static struct assay_buf rates_text;

static void add_record(const struct assay_record *r) {
    ck_assert_uint_lt(n_items, RECORDS_MAX);
    assay_item_of_record(r, ASSAY_SENDER_MANUFACTURER, 0, &network_arena, &items[n_items]);
    items[n_items] = assay_item_dup(&items[n_items], &network_arena);
    n_items++;
}

/* Every tenth record is voided, responses without an order among them. */
static void add_voids(void) {
    size_t n = n_items;
    for (size_t i = 0; i < n; i++) {
        struct assay_record v;
        if (i % 10 != 3 && (items[i].order.p || i % 2)) continue;
        assay_record_init(&v);
        v.kind = ASSAY_KIND_REPAIR, v.type = ASSAY_EVENT_VOIDED, v.provider = items[i].provider, v.at = items[i].at;
        v.id = assay_str_c(assay_arena_printf(&network_arena, "VOID-%zu", i));
        v.target = items[i].id, v.target_kind = items[i].kind;
        v.reason = ASSAY_STR("test");
        add_record(&v);
    }
}

/* The first third of the orders again, as those of a provider that nobody knows yet. */
static void add_late(size_t n) {
    for (size_t i = 0; i < n / 3; i++) {
        ck_assert_uint_lt(n_items, RECORDS_MAX);
        items[n_items] = items[i];
        items[n_items].provider = ASSAY_STR(LATE);
        items[n_items].id = assay_str_c(assay_arena_printf(&network_arena, "L%zu", i));
        items[n_items].order = items[i].order.p ? assay_str_c(assay_arena_printf(&network_arena, "L%.*s-%.*s",
                                                                                 ASSAY_STR_ARG(items[i].provider),
                                                                                 ASSAY_STR_ARG(items[i].order)))
                                                : ASSAY_STR_NONE;
        if (items[n_items].type == ASSAY_EVENT_VOIDED) continue;
        /* The packed form has the id in it. */
        struct assay_record r;
        bool voided;
        size_t pos = 0;
        OK(assay_record_unpack(items[i].packed, &pos, &network_arena, &r, &voided));
        r.id = items[n_items].id;
        struct assay_buf b = {0};
        assay_record_pack(&r, false, &b);
        items[n_items].packed = assay_arena_dup(&network_arena, assay_buf_str(&b));
        assay_buf_free(&b);
        n_items++;
    }
}

static void make_network(void) {
    const struct assay_sample_spec spec = {
        .seed = 20001202, .providers = PROVIDERS, .orders = ORDERS, .from = assay_month_of(2000, 12), .months = 4};
    struct assay_sample *s = assay_sample_new(&spec);
    struct assay_sample_order *o = assay_xmalloc(sizeof *o);
    size_t loose = 0;
    for (int64_t i = 0; i < ORDERS; i++) {
        assay_sample_order_at(s, i, o);
        for (size_t k = 0; k < o->n; k++) {
            struct assay_record *r = &o->records[k];
            bool survey = r->type == ASSAY_SURVEY_RESPONSE;
            if (survey && i % 3 == 0) r->order = ASSAY_STR_NONE; /* responses that name no order */
            loose += survey && !r->order.p;
            add_record(r);
        }
    }
    ck_assert_uint_gt(loose, 0);
    size_t n = n_items;
    add_voids();
    add_late(n);
    for (int32_t i = 0; i < PROVIDERS; i++) {
        struct assay_sample_provider p;
        assay_sample_provider_at(s, i, &p);
        for (size_t f = 0; f < p.n_facts; f++) {
            struct assay_provider *x = &providers[n_providers++];
            *x = (struct assay_provider){.code = assay_arena_dup(&network_arena, p.code),
                                         .name = assay_arena_dup(&network_arena, p.name),
                                         .facts = p.facts[f],
                                         .status = ASSAY_PROVIDER_ACTIVE};
            x->facts.city = assay_arena_dup(&network_arena, p.facts[f].city);
        }
    }
    assay_sample_rates(&spec, NULL, &rates_text);
    free(o);
    assay_sample_free(s);
}

/* --- databases and daemons ------------------------------------------------------------------------------------------------- */

static assay_instant test_now(void) { return assay_date_from_civil(2001, 6, 1) * ASSAY_DAY; }

struct daemon {
    struct assay_service *service;
    struct assay_session *session;
};

static void start(struct daemon *d, const char *conninfo, bool by_hand) {
    struct assay_service_options o = {.conninfo = conninfo,
                                      .now = by_hand ? test_now : NULL,
                                      .recompute_page = 3,
                                      .recompute_turn_ms = 60000,
                                      .recompute_lease_ms = 200,
                                      .recompute_by_hand = by_hand};
    OK(assay_service_start(&o, &d->service, &err));
    OK(assay_session_open(d->service, &d->session, &err));
}

static void stop(struct daemon *d) {
    assay_session_close(d->session);
    assay_service_stop(d->service);
}

static void begin_document(struct assay_session *x, enum assay_document_kind kind, const char *code, struct assay_str text,
                           struct assay_put_result *put) {
    struct assay_errors es = {0};
    enum assay_status st = assay_registry_begin_document(x, kind, assay_str_c(code), text, ASSAY_ANY_VERSION, put, &es, &err);
    ck_assert_msg(st == ASSAY_OK, "%s: %s %s", code, es.n ? es.items[0].field : "", es.n ? es.items[0].detail : err.detail);
}

static void once(void) {
    struct assay_db *db;
    struct assay_put_result put;
    int applied;
    int64_t none;
    test_pg_start();
    make_network();
    test_pg_database(template_info);
    OK(assay_db_open(template_info, 60000, &db, &err));
    OK(assay_store_migrate(db, test_now(), &applied, &err));
    assay_db_close(db);
    struct daemon d;
    start(&d, template_info, true);
    bool created[2 * PROVIDERS];
    begin_document(d.session, ASSAY_DOC_RATES, "fy01-labour", assay_buf_str(&rates_text), &put);
    ck_assert_int_eq(put.recomputation, 0); /* nobody is there whom it could touch */
    OK(assay_registry_begin_providers(d.session, providers, n_providers, ASSAY_ANY_VERSION, created, &none, &err));
    ck_assert_int_eq(none, 0);
    stop(&d);
}

static void fresh_database(void) { test_pg_database_like(template_info, info); }
static void drop_database(void) { test_pg_drop(info); }

static char *ask(const char *conninfo, const char *sql) {
    PGconn *c = PQconnectdb(conninfo);
    PGresult *r = PQexec(c, sql);
    ck_assert_msg(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK, "%s: %s", sql,
                  PQresultErrorMessage(r));
    char *out = assay_xstrdup(PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(c);
    return out;
}

static int64_t count_of(const char *sql) {
    char *text = ask(info, sql);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

/* What is in force. */
static const char *const figures =
    "SELECT (SELECT md5(string_agg(concat_ws('|', p.code, scheme_id, order_no, outcome, reason, scheme_version, "
    "calendar_version, "
    "month, diagnosis, cycle, diagnosis_deadline, cycle_deadline, rate), E'\\n' ORDER BY p.code, scheme_id, order_no)) "
    "FROM verdict_in_force JOIN provider p USING (provider_id) WHERE outcome <> 0)"
    " || (SELECT md5(string_agg(concat_ws('|', p.code, scheme_id, month, counts::text), E'\\n' ORDER BY p.code, scheme_id, "
    "month)) "
    "FROM tally_in_force JOIN provider p USING (provider_id) WHERE 0 <> ANY(counts))"
    " || (SELECT coalesce(md5(string_agg(concat_ws('|', p.code, scheme_id, month, rate, orders), E'\\n' ORDER BY p.code, "
    "scheme_id, "
    "month, rate)), '') FROM pay_tally_in_force JOIN provider p USING (provider_id) WHERE orders <> 0)";

static void note_difference(void *arg, const struct assay_difference *d) {
    assay_buf_printf(arg, "%s %.*s/%.*s: %s\n", d->what, ASSAY_STR_ARG(d->provider), ASSAY_STR_ARG(d->key), d->detail);
}

static void verify_clean(struct assay_session *x, const char *when) {
    struct assay_verify_result result;
    struct assay_buf said = {0};
    OK(assay_recompute_verify(x, note_difference, &said, &result, &err));
    ck_assert_msg(result.differences == 0, "%s: %s", when, said.p);
    assay_buf_free(&said);
}

/* --- changes ------------------------------------------------------------------------------------------------------------------ */

enum change { CALENDAR, SCHEME, RATES, SOME_PROVIDERS, NEW_SCHEME, CHANGES };

static struct assay_str replaced(struct assay_arena *a, struct assay_str text, const char *from, const char *to) {
    const char *at = memmem(text.p, text.n, from, strlen(from));
    ck_assert_msg(at != NULL, "%s", from);
    size_t before = (size_t)(at - text.p);
    return assay_str_c(
        assay_arena_printf(a, "%.*s%s%.*s", (int)before, text.p, to, (int)(text.n - before - strlen(from)), at + strlen(from)));
}

/* Begin it; returns the recomputation. */
static int64_t begin_change(struct assay_session *x, enum change which) {
    struct assay_arena a = {0};
    struct assay_put_result put = {0};
    OK(assay_session_refresh(x, &err));
    const struct assay_config *cfg = assay_service_config(x->service);
    const struct assay_config_scheme *sc = assay_config_scheme(cfg, ASSAY_STR("hp-gold-fy01"));
    bool created[PROVIDERS];
    switch (which) {
    case CALENDAR:
        begin_document(x, ASSAY_DOC_CALENDAR, "cn-office",
                       replaced(&a, assay_config_calendar(cfg, "cn-office")->document, "\"exceptions\": []",
                                "\"exceptions\": [{\"date\": \"2001-01-24\", \"hours\": [], \"name\": \"Spring Festival\"}, "
                                "{\"date\": \"2001-01-15\", \"hours\": []}, {\"date\": \"2001-01-16\", \"hours\": []}, "
                                "{\"date\": \"2001-01-20\", \"hours\": [[\"09:00\", \"12:00\"]], \"name\": \"make-up\"}]"),
                       &put);
        break;
    case SCHEME:
        begin_document(x, ASSAY_DOC_SCHEME, "hp-gold-fy01",
                       replaced(&a, replaced(&a, sc->rows[0].document, "{\"working_hours\": 4}", "{\"working_hours\": 2}"),
                                "\"no_parts\": {\"working_days\": 1}", "\"no_parts\": {\"calendar_hours\": 30}"),
                       &put);
        break;
    case RATES:
        begin_document(
            x, ASSAY_DOC_RATES, "fy01-labour",
            ASSAY_STR("{\"currency\": \"CNY\", \"rates\": [{\"product\": \"*\", \"warranty\": \"in\", \"amount\": \"77.77\"}]}"),
            &put);
        break;
    case SOME_PROVIDERS: {
        struct assay_provider p[PROVIDERS];
        size_t n = 0;
        for (size_t i = 0; i < n_providers && n < PROVIDERS - 1; i++) {
            if (i && assay_str_eq(providers[i].code, providers[i - 1].code)) continue;
            p[n] = providers[i];
            p[n++].facts = (struct assay_provider_facts){assay_date_from_civil(2000, 12, 10), ASSAY_STR("Lhasa"), i % 2 == 0};
        }
        OK(assay_registry_begin_providers(x, p, n, ASSAY_ANY_VERSION, created, &put.recomputation, &err));
        break;
    }
    default: /* a second scheme beside the first */
        begin_document(x, ASSAY_DOC_SCHEME, "two-months",
                       replaced(&a, sc->rows[0].document, "\"window_months\": 3", "\"window_months\": 2"), &put);
    }
    assay_config_release(cfg);
    assay_arena_free(&a);
    ck_assert_int_gt(put.recomputation, 0);
    return put.recomputation;
}

static void register_late(struct assay_session *x) {
    struct assay_provider p = {.code = ASSAY_STR(LATE),
                               .name = ASSAY_STR("late"),
                               .facts = {ASSAY_NO_DATE, ASSAY_STR("Beijing"), true},
                               .status = ASSAY_PROVIDER_ACTIVE};
    bool created;
    int64_t none;
    OK(assay_registry_begin_providers(x, &p, 1, ASSAY_ANY_VERSION, &created, &none, &err));
    ck_assert(created);
    ck_assert_int_eq(none, 0);
}

/* --- records ------------------------------------------------------------------------------------------------------------------- */

struct feed { /* the records in some order, and how far it is fed */
    const struct assay_item **order;
    size_t at;
    uint64_t rnd;
};

static void shuffle(struct feed *f, uint64_t seed) {
    *f = (struct feed){.order = assay_xcalloc(n_items, sizeof(struct assay_item *)), .rnd = seed};
    for (size_t i = 0; i < n_items; i++) {
        size_t j = (size_t)test_random_below(&f->rnd, (int64_t)i + 1);
        f->order[i] = f->order[j];
        f->order[j] = &items[i];
    }
}

/* The next few; those of a provider nobody knows yet are refused, and come again later. */
static void feed(struct feed *f, struct assay_session *x, size_t n) {
    struct assay_item batch[200];
    if (n > 200) n = 200;
    if (n > n_items - f->at) n = n_items - f->at;
    for (size_t i = 0; i < n; i++) batch[i] = *f->order[f->at + i], batch[i].received_at = test_now();
    OK(assay_ingest_apply(x, batch, n, &err));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(batch[i].status == ASSAY_OK || batch[i].status == ASSAY_UNKNOWN_PROVIDER, "%.*s: %s",
                      ASSAY_STR_ARG(batch[i].id), assay_status_code(batch[i].status));
    f->at += n;
}

static void feed_rest(struct feed *f, struct assay_session *x) {
    f->at = 0; /* all of it again: duplicates are counted once */
    while (f->at < n_items) feed(f, x, 100);
}

/* What the new configuration would have given from the beginning. */
static char *from_the_beginning(enum change which) {
    char conninfo[TEST_PG_CONNINFO];
    struct daemon d;
    struct feed f;
    bool idle = false;
    test_pg_database_like(template_info, conninfo);
    start(&d, conninfo, true);
    begin_change(d.session, which);
    register_late(d.session);
    while (!idle) OK(assay_recomputation_step(d.session, &idle, &err));
    shuffle(&f, 1);
    feed_rest(&f, d.session);
    verify_clean(d.session, "from the beginning");
    stop(&d);
    char *out = ask(conninfo, figures);
    free(f.order);
    test_pg_drop(conninfo);
    return out;
}

/* --- step by step --------------------------------------------------------------------------------------------------------------- */

#define RUNNING "SELECT count(*) FROM recomputation WHERE status = 1"

static void nothing_is_left(void) {
    ck_assert_int_eq(count_of("SELECT count(*) FROM recomputation WHERE untidy OR status = 1"), 0);
    ck_assert_int_eq(count_of("SELECT count(*) FROM recomputation_position"), 0);
    ck_assert_int_eq(count_of("SELECT (SELECT count(*) FROM verdict) - (SELECT count(*) FROM verdict_in_force)"), 0);
    ck_assert_int_eq(count_of("SELECT (SELECT count(*) FROM tally) - (SELECT count(*) FROM tally_in_force)"), 0);
    ck_assert_int_eq(count_of("SELECT (SELECT count(*) FROM pay_tally) - (SELECT count(*) FROM pay_tally_in_force)"), 0);
}

/* Records, steps, new providers and deaths of daemons in any order: after each, what is in force is what the configuration
 * in force gives. */
START_TEST(ingest_goes_on) {
    enum change which = (enum change)(_i % CHANGES);
    char *want = from_the_beginning(which);
    struct daemon d[2];
    struct feed f;
    bool idle = false, late = false;
    int fed_while_filling = 0, steps = 0;
    shuffle(&f, 100 + (uint64_t)_i);
    for (int i = 0; i < 2; i++) start(&d[i], info, true);
    while (f.at < n_items / 2) feed(&f, d[test_random_below(&f.rnd, 2)].session, 60);
    char *old = ask(info, "SELECT (SELECT max(version) FROM scheme_version WHERE recomputation_id IS NULL) || '/' || "
                          "(SELECT max(version) FROM calendar_version WHERE recomputation_id IS NULL)");
    int64_t id = begin_change(d[0].session, which);
    while (!idle) {
        int i = (int)test_random_below(&f.rnd, 2);
        bool running = count_of(RUNNING) == 1;
        switch (test_random_below(&f.rnd, 10)) {
        case 0: /* killed, and started again */
            stop(&d[i]);
            start(&d[i], info, true);
            break;
        case 1:
            if (!late) register_late(d[i].session);
            late = true;
            break;
        case 2:
        case 3:
        case 4:
        case 5:
            fed_while_filling += running && f.at < n_items;
            feed(&f, d[i].session, 1 + (size_t)test_random_below(&f.rnd, 12));
            break;
        default: OK(assay_recomputation_step(d[i].session, &idle, &err)); steps++;
        }
        verify_clean(d[1 - i].session, running ? "while it runs" : "afterwards");
        ck_assert_int_lt(steps, 2000);
    }
    ck_assert_int_gt(fed_while_filling, 5);
    struct assay_recomputation *r;
    OK(assay_recomputation_get(d[0].session, id, &r, &err));
    ck_assert_int_eq(r->status, ASSAY_RUN_DONE);
    ck_assert_int_eq(r->providers_done, r->providers + (late && r->every_provider));
    ck_assert_int_gt(r->orders_judged, 0);
    nothing_is_left();
    if (!late) register_late(d[0].session);
    feed_rest(&f, d[1].session);
    verify_clean(d[0].session, "at the end");
    char *got = ask(info, figures);
    ck_assert_str_eq(want, got);
    for (int i = 0; i < 2; i++) stop(&d[i]);
    free(got);
    free(old);
    free(want);
    free(f.order);
}
END_TEST

/* --- all at once ------------------------------------------------------------------------------------------------------------------ */

struct hands { /* a thread and what it does */
    struct daemon *daemon;
    struct feed feed;
    atomic_bool *over;
    pthread_t thread;
    int64_t done;
};

static bool is_passing(enum assay_status st) { return st == ASSAY_RETRY || st == ASSAY_DATABASE_UNAVAILABLE; }

static void *feeding(void *arg) {
    struct hands *h = arg;
    struct assay_session *x;
    struct assay_error e;
    if (assay_session_open(h->daemon->service, &x, &e)) abort();
    for (size_t i = 0; i < n_items; i++) {
        struct assay_item it = *h->feed.order[i];
        it.received_at = test_now();
        enum assay_status st = ASSAY_RETRY;
        while (is_passing(st)) st = assay_ingest_apply(x, &it, 1, &e);
        if (it.status && it.status != ASSAY_UNKNOWN_PROVIDER) {
            fprintf(stderr, "feeding: %s %s\n", assay_status_code(it.status), e.detail);
            abort();
        }
        h->done++;
    }
    assay_session_close(x);
    return NULL;
}

static void *stepping(void *arg) {
    struct hands *h = arg;
    struct assay_session *x;
    struct assay_error e;
    bool idle;
    if (assay_session_open(h->daemon->service, &x, &e)) abort();
    while (!atomic_load(h->over)) {
        enum assay_status st = assay_session_usable(x, &e);
        if (!st) st = assay_recomputation_step(x, &idle, &e);
        if (st && !is_passing(st)) {
            fprintf(stderr, "stepping: %s %s\n", assay_status_code(st), e.detail);
            abort();
        }
        h->done++;
    }
    assay_session_close(x);
    return NULL;
}

static void *cutting(void *arg) {
    struct hands *h = arg;
    PGconn *c = PQconnectdb(info);
    struct timespec pause = {0, 40 * 1000000};
    while (!atomic_load(h->over)) {
        nanosleep(&pause, NULL);
        PGresult *r = PQexec(
            c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
               "pg_backend_pid() AND application_name <> 'spared' AND xact_start IS NOT NULL ORDER BY random() LIMIT 1");
        h->done += PQntuples(r);
        PQclear(r);
    }
    PQfinish(c);
    return NULL;
}

/* Two daemons bring records and take steps at once, connections are cut in the middle of their transactions, and one
 * change follows the other. */
START_TEST(all_at_once) {
    struct daemon d[2];
    struct hands feeders[2], steppers[2], cutter;
    atomic_bool over = false;
    char spared[TEST_PG_CONNINFO + 32];
    struct daemon changer; /* who sends the changes must know that each was taken */
    snprintf(spared, sizeof spared, "%s application_name=spared", info);
    start(&changer, spared, true);
    for (int i = 0; i < 2; i++) start(&d[i], info, true);
    for (int i = 0; i < 2; i++) {
        feeders[i] = (struct hands){.daemon = &d[i]};
        shuffle(&feeders[i].feed, 7 + (uint64_t)i);
        steppers[i] = (struct hands){.daemon = &d[i], .over = &over};
        ck_assert_int_eq(pthread_create(&feeders[i].thread, NULL, feeding, &feeders[i]), 0);
        ck_assert_int_eq(pthread_create(&steppers[i].thread, NULL, stepping, &steppers[i]), 0);
    }
    cutter = (struct hands){.over = &over};
    ck_assert_int_eq(pthread_create(&cutter.thread, NULL, cutting, &cutter), 0);
    for (enum change which = CALENDAR; which < CHANGES; which++) {
        struct assay_recomputation *r;
        int64_t id = begin_change(changer.session, which);
        OK(assay_recomputation_wait(changer.session, id, 60000, NULL, NULL, &r, &err));
        ck_assert_msg(r->status == ASSAY_RUN_DONE, "%d %.*s", r->status, ASSAY_STR_ARG(r->reason));
    }
    for (int i = 0; i < 2; i++) pthread_join(feeders[i].thread, NULL);
    atomic_store(&over, true);
    pthread_join(cutter.thread, NULL);
    for (int i = 0; i < 2; i++) pthread_join(steppers[i].thread, NULL);
    ck_assert_int_gt(cutter.done, 0);
    bool idle = false;
    while (!idle) OK(assay_recomputation_step(changer.session, &idle, &err));
    verify_clean(changer.session, "at the end");
    nothing_is_left();
    stop(&changer);
    ck_assert_int_eq(count_of("SELECT count(*) FROM recomputation WHERE status = 2"), CHANGES);
    for (int i = 0; i < 2; i++) {
        stop(&d[i]);
        free(feeders[i].feed.order);
    }
}
END_TEST

/* --- what is read ------------------------------------------------------------------------------------------------------------------ */

/* Everything that is read over the periods: each provider's score, counts and pay, and each order's outcome. */
static struct assay_str read_all(struct assay_session *x, struct assay_buf *b) {
    static const char *const periods[] = {"2000-12", "2001-01", "2001-02", "2001-03", NULL};
    char text[ASSAY_FRAC_TEXT];
    b->n = 0;
    for (const char *const *p = periods; *p; p++) {
        struct assay_period_view v;
        assay_arena_reset(&x->arena);
        OK(assay_read_period(x, ASSAY_STR("hp-gold-fy01"), assay_str_c(*p), &v, &err));
        for (size_t i = 0; i < v.n; i++) {
            assay_frac_format(v.rows[i].evaluation.ratio, 4, text);
            assay_buf_printf(b, "%.*s %s %s %lld %lld %lld %d\n", ASSAY_STR_ARG(v.rows[i].provider->code), *p, text,
                             (long long)v.rows[i].evaluation.counted, (long long)v.rows[i].compensation.total,
                             (long long)v.rows[i].compensation.no_rate_lines, v.rows[i].evaluation.rank);
        }
        assay_session_unpin(x);
    }
    return assay_buf_str(b);
}

static void read_orders(struct assay_session *x, int32_t provider_id, struct assay_buf *b) {
    struct assay_order_filter f = {.provider_id = provider_id, .scheme_id = 1, .period = ASSAY_NO_MONTH, .limit = 1000};
    struct assay_order_listed *rows;
    size_t n;
    b->n = 0;
    assay_arena_reset(&x->arena);
    OK(assay_store_order_list(x->db, &f, &x->arena, &rows, &n, &err));
    for (size_t i = 0; i < n; i++)
        assay_buf_printf(b, "%.*s %d %lld\n", ASSAY_STR_ARG(rows[i].order.key.order_no), rows[i].verdict.outcome,
                         (long long)rows[i].verdict.cycle_deadline);
    struct assay_risk_filter risk = {.scheme_id = 1,
                                     .now = assay_date_from_civil(2001, 1, 15) * ASSAY_DAY,
                                     .until = test_now() + 365 * ASSAY_DAY,
                                     .limit = 1000};
    struct assay_risk_row *at_risk;
    OK(assay_store_at_risk(x->db, &risk, &x->arena, &at_risk, &n, &err));
    for (size_t i = 0; i < n; i++)
        assay_buf_printf(b, "%d %.*s %lld %d\n", at_risk[i].provider_id, ASSAY_STR_ARG(at_risk[i].order_no),
                         (long long)at_risk[i].deadline, at_risk[i].cycle);
}

#define READS (1 + PROVIDERS)
static void read_each(struct assay_session *x, char *out[READS]) {
    struct assay_buf b = {0};
    read_all(x, &b);
    assay_buf_addc(&b, '\0');
    out[0] = assay_xstrdup(b.p);
    for (int32_t p = 1; p <= PROVIDERS; p++) {
        read_orders(x, p, &b);
        assay_buf_addc(&b, '\0');
        out[p] = assay_xstrdup(b.p);
    }
    assay_buf_free(&b);
}

/* Every read is the old figures or the new, and never the old again after the new. */
START_TEST(reads_are_old_or_new) {
    enum change which = (enum change)_i;
    char *old[READS], *now[READS], *new[READS];
    bool turned = false, idle = false, differ = false;
    struct daemon d[2];
    struct feed f;
    for (int i = 0; i < 2; i++) start(&d[i], info, true);
    shuffle(&f, 3);
    feed_rest(&f, d[0].session);
    read_each(d[1].session, old);
    int64_t id = begin_change(d[0].session, which);
    int seen_old = 0;
    for (;;) {
        struct assay_recomputation *r;
        OK(assay_recomputation_get(d[0].session, id, &r, &err));
        bool done = r->status == ASSAY_RUN_DONE;
        OK(assay_session_refresh(d[1].session, &err)); /* else it shows what it keeps for up to a second */
        read_each(d[1].session, now);
        for (int i = 0; i < READS; i++) {
            if (done && !turned) new[i] = now[i];
            else {
                ck_assert_msg(!strcmp(now[i], done ? new[i] : old[i]), "read %d shows something else %s\n%s\n%s", i,
                              done ? "after the turn" : "before the turn", now[i], done ? new[i] : old[i]);
                free(now[i]);
            }
        }
        seen_old += !done;
        turned = turned || done;
        if (idle) break;
        OK(assay_recomputation_step(d[0].session, &idle, &err));
    }
    ck_assert(turned);
    ck_assert_int_gt(seen_old, 5);
    for (int i = 0; i < READS; i++) differ = differ || strcmp(old[i], new[i]);
    ck_assert_msg(differ || which == NEW_SCHEME, "the change changed nothing");
    for (int i = 0; i < READS; i++) free(old[i]), free(new[i]);
    for (int i = 0; i < 2; i++) stop(&d[i]);
    free(f.order);
}
END_TEST

/* --- failures ------------------------------------------------------------------------------------------------------------------------ */

/* An order that cannot be read: the change is withdrawn, what is in force stands, the next one may come. */
START_TEST(failure_withdraws_the_change) {
    struct daemon d;
    struct feed f;
    struct assay_recomputation *r;
    bool idle = false;
    start(&d, info, true);
    shuffle(&f, 5);
    feed_rest(&f, d.session);
    free(ask(info,
             "CREATE TABLE kept AS SELECT provider_id, order_no, packed FROM work_order WHERE provider_id = 3 AND order_no = "
             "(SELECT max(order_no) FROM work_order WHERE provider_id = 3)"));
    free(ask(info, "UPDATE work_order o SET packed = substr(o.packed, 1, 9) FROM kept k WHERE o.provider_id = k.provider_id AND "
                   "o.order_no = k.order_no"));
    char *before = ask(info, figures);
    for (int which = 0; which < 2; which++) {
        idle = false;
        int64_t id = begin_change(d.session, which ? NEW_SCHEME : CALENDAR);
        while (!idle) OK(assay_recomputation_step(d.session, &idle, &err));
        OK(assay_recomputation_get(d.session, id, &r, &err));
        ck_assert_int_eq(r->status, ASSAY_RUN_FAILED);
        ck_assert_msg(strstr(r->reason.p, "packed"), "%s", r->reason.p);
        char *after = ask(info, figures);
        ck_assert_str_eq(before, after);
        free(after);
        nothing_is_left();
    }
    ck_assert_int_eq(count_of("SELECT count(*) FROM calendar_version"), 1);
    ck_assert_int_eq(count_of("SELECT count(*) FROM scheme"), 1);
    free(ask(info, "UPDATE work_order o SET packed = k.packed FROM kept k WHERE o.provider_id = k.provider_id AND o.order_no = "
                   "k.order_no"));
    int64_t id = begin_change(d.session, CALENDAR);
    idle = false;
    while (!idle) OK(assay_recomputation_step(d.session, &idle, &err));
    OK(assay_recomputation_get(d.session, id, &r, &err));
    ck_assert_int_eq(r->status, ASSAY_RUN_DONE);
    verify_clean(d.session, "after a failure");
    stop(&d);
    free(before);
    free(f.order);
}
END_TEST

/* Repair puts right what a running recomputation has already worked out from: it is worked out again. */
START_TEST(repair_while_it_runs) {
    struct daemon d;
    struct feed f;
    struct assay_verify_result result;
    bool idle = false;
    start(&d, info, true);
    shuffle(&f, 6);
    feed_rest(&f, d.session);
    /* A record is missing from an order of the first provider. */
    free(ask(info, "UPDATE work_order SET state = 1, packed = substr(packed, 1, 1) WHERE provider_id = 1 AND order_no = (SELECT "
                   "min(order_no) FROM work_order WHERE provider_id = 1 AND state = 2)"));
    begin_change(d.session, SCHEME);
    for (int i = 0; i < 4; i++) OK(assay_recomputation_step(d.session, &idle, &err));
    ck_assert_int_eq(count_of(RUNNING), 1);
    OK(assay_recompute_repair(d.session, NULL, NULL, &result, &err));
    ck_assert_int_gt(result.differences, 0);
    while (!idle) OK(assay_recomputation_step(d.session, &idle, &err));
    verify_clean(d.session, "repaired");
    nothing_is_left();
    stop(&d);
    free(f.order);
}
END_TEST

/* Whoever began it is gone: another daemon takes it over and goes on where it stood. */
START_TEST(taken_over) {
    struct daemon d;
    struct feed f;
    struct assay_recomputation *r;
    bool idle = false;
    start(&d, info, true);
    shuffle(&f, 8);
    feed_rest(&f, d.session);
    int64_t id = begin_change(d.session, SCHEME);
    for (int i = 0; i < 5; i++) OK(assay_recomputation_step(d.session, &idle, &err));
    OK(assay_recomputation_get(d.session, id, &r, &err));
    int64_t judged = r->orders_judged;
    ck_assert_int_gt(judged, 0);
    stop(&d);
    start(&d, info, false);
    OK(assay_recomputation_wait(d.session, id, 30000, NULL, NULL, &r, &err));
    ck_assert_int_eq(r->status, ASSAY_RUN_DONE);
    ck_assert_int_eq(r->orders_judged, count_of("SELECT count(*) FROM work_order"));
    verify_clean(d.session, "taken over");
    stop(&d);
    free(f.order);
}
END_TEST

/* One at a time: what touches orders waits for its turn, and is told so when it takes too long; what touches none does not. */
START_TEST(one_at_a_time) {
    struct daemon d;
    struct feed f;
    struct assay_service_options o = {.conninfo = info, .now = test_now, .recompute_turn_ms = 50, .recompute_by_hand = true};
    OK(assay_service_start(&o, &d.service, &err));
    OK(assay_session_open(d.service, &d.session, &err));
    struct assay_put_result put;
    struct assay_errors es = {0};
    shuffle(&f, 9);
    feed_rest(&f, d.session);
    begin_change(d.session, CALENDAR);
    enum assay_status st = assay_registry_begin_document(d.session, ASSAY_DOC_RATES, ASSAY_STR("fy01-labour"),
                                                         ASSAY_STR("{\"currency\": \"CNY\", \"rates\": []}"), ASSAY_ANY_VERSION,
                                                         &put, &es, &err);
    ck_assert_int_eq(st, ASSAY_RECOMPUTATION_BUSY);
    register_late(d.session);
    begin_document(d.session, ASSAY_DOC_RATES, "nobodys", assay_buf_str(&rates_text), &put);
    ck_assert(put.created);
    ck_assert_int_eq(put.recomputation, 0);
    ck_assert_int_eq(count_of("SELECT count(*) FROM rates_version WHERE code = 'fy01-labour'"), 1);
    stop(&d);
    free(f.order);
}
END_TEST

/* --- databases of the first release -------------------------------------------------------------------------------------------------- */

/* What stood before there were sheets is in force after the migration, and is put out of force as anything else. */
START_TEST(released_database) {
    static const char *const rows[] = {
        "CREATE TABLE schema_migration (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)",
        "INSERT INTO schema_migration VALUES (1, '0001_foundation', now())",
        "INSERT INTO config VALUES (1, 1, 1)",
        "INSERT INTO provider VALUES (1, 'P001')",
        "INSERT INTO provider_version VALUES (1, 1, '-infinity', now(), 'n', 'Beijing', false, 'active')",
        "INSERT INTO provider_head VALUES (1, 0, 1)",
        "INSERT INTO scheme VALUES (1, 'hp-gold-fy01')",
        "INSERT INTO verdict (provider_id, scheme_id, outcome, reason, scheme_version, calendar_version, month, diagnosis, "
        "cycle, order_no) "
        "VALUES (1, 1, 1, 0, 1, 1, 24012, 1, 1, 'W1')",
        "INSERT INTO tally VALUES (1, 1, 24012, ARRAY[1, 1])",
        "INSERT INTO pay_tally VALUES (1, 1, 24012, 8000, 1)",
    };
    char released[TEST_PG_CONNINFO];
    const int32_t only = 1;
    struct assay_db *db;
    struct assay_arena a = {0};
    struct assay_window_row *windows;
    struct assay_pay_row *pays;
    size_t n;
    int applied;
    test_pg_database(released);
    free(ask(released, assay_migrations[0].text));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) free(ask(released, rows[i]));
    OK(assay_db_open(released, 60000, &db, &err));
    OK(assay_store_migrate(db, test_now(), &applied, &err));
    ck_assert_int_ge(applied, 1);
    for (size_t one = 0; one < 2; one++) { /* all, and one */
        OK(assay_store_window(db, 1, one ? &only : NULL, one, 24012, 24012, 0, 1, &a, &windows, &n, &err));
        ck_assert_uint_eq(n, 1);
        ck_assert_int_eq(windows[0].counts[1], 1);
        OK(assay_store_pays(db, 1, one ? &only : NULL, one, 24012, &a, &pays, &n, &err));
        ck_assert_uint_eq(n, 1);
    }
    free(ask(released, "INSERT INTO sheet_in_force VALUES (1, 1, -1)"));
    for (size_t one = 0; one < 2; one++) {
        OK(assay_store_window(db, 1, one ? &only : NULL, one, 24012, 24012, 0, 1, &a, &windows, &n, &err));
        ck_assert_int_eq(windows[0].counts[1], 0);
        OK(assay_store_pays(db, 1, one ? &only : NULL, one, 24012, &a, &pays, &n, &err));
        ck_assert_uint_eq(n, 0);
    }
    int16_t sheets[] = {1, -1};
    bool more;
    OK(assay_store_sheets_clear(db, 1, sheets, 2, 10, &more, &err));
    ck_assert(!more);
    free(ask(released, "DELETE FROM sheet_in_force"));
    OK(assay_store_sheets_clear(db, 1, sheets, 2, 10, &more, &err));
    char *left = ask(released, "SELECT count(*) FROM verdict");
    ck_assert_str_eq(left, "0"); /* cleared while it was not in force */
    free(left);
    assay_db_close(db);
    assay_arena_free(&a);
    test_pg_drop(released);
}
END_TEST

static Suite *suite_of_recomputation(void) {
    Suite *s = suite_create("recomputation");
    TCase *t = tcase_create("recomputation");
    tcase_set_timeout(t, 280);
    tcase_add_unchecked_fixture(t, once, NULL);
    tcase_add_checked_fixture(t, fresh_database, drop_database);
    tcase_add_loop_test(t, ingest_goes_on, 0, LOOPS(2 * CHANGES));
    tcase_add_loop_test(t, reads_are_old_or_new, 0, LOOPS(CHANGES));
    tcase_add_test(t, all_at_once);
    tcase_add_test(t, failure_withdraws_the_change);
    tcase_add_test(t, repair_while_it_runs);
    tcase_add_test(t, taken_over);
    tcase_add_test(t, one_at_a_time);
    tcase_add_test(t, released_database);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_recomputation)
