/* test_changes.c -- the feed of changes on a real PostgreSQL: whoever follows it sees each committed change once and in its
 * provider's order, while daemons write, transactions roll back and others take their time; and nothing of it is trusted
 * where it cannot be: in another database, or behind what is kept. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "app/sample.h"
#include "check_main.h"
#include "pg.h"
#include "service/internal.h"
#include "test_random.h"

#define PROVIDERS 5
#define ORDERS 150
#define RECORDS_MAX (ORDERS * 24)

static char info[TEST_PG_CONNINFO], template_info[TEST_PG_CONNINFO];
static _Thread_local struct assay_error err; /* threads of a test fail each for itself */

#define OK(call)                                                                                              \
    do {                                                                                                      \
        enum assay_status ok_ = (call);                                                                       \
        ck_assert_msg(ok_ == ASSAY_OK, "%s: %s %s %s", #call, assay_status_code(ok_), err.field, err.detail); \
    } while (0)

/* --- a network ------------------------------------------------------------------------------------------------------------- */

static struct assay_arena network;
static struct assay_item items[RECORDS_MAX];
static size_t n_items;
static struct assay_provider providers[PROVIDERS];

static void make_network(void) {
    const struct assay_sample_spec spec = {
        .seed = 20010214, .providers = PROVIDERS, .orders = ORDERS, .from = assay_month_of(2000, 12), .months = 4};
    struct assay_sample *s = assay_sample_new(&spec);
    struct assay_sample_order *o = assay_xmalloc(sizeof *o);
    for (int64_t i = 0; i < ORDERS; i++) {
        assay_sample_order_at(s, i, o);
        for (size_t k = 0; k < o->n; k++) {
            struct assay_item it;
            ck_assert_uint_lt(n_items, RECORDS_MAX);
            assay_item_of_record(&o->records[k], ASSAY_SENDER_MANUFACTURER, 0, &network, &it);
            items[n_items++] = assay_item_dup(&it, &network);
        }
    }
    for (int32_t i = 0; i < PROVIDERS; i++) {
        struct assay_sample_provider p;
        assay_sample_provider_at(s, i, &p);
        providers[i] = (struct assay_provider){.code = assay_arena_dup(&network, p.code),
                                               .name = assay_arena_dup(&network, p.name),
                                               .facts = p.facts[0],
                                               .status = ASSAY_PROVIDER_ACTIVE};
        providers[i].facts.city = assay_arena_dup(&network, p.facts[0].city);
    }
    free(o);
    assay_sample_free(s);
}

static _Atomic assay_instant clock_now;
static assay_instant test_now(void) { return clock_now; }

static struct assay_service *start_service(const char *conninfo) {
    struct assay_service *s;
    struct assay_service_options o = {.conninfo = conninfo, .now = test_now};
    OK(assay_service_start(&o, &s, &err));
    return s;
}

static struct assay_session *session_of(struct assay_service *s) {
    struct assay_session *x;
    OK(assay_session_open(s, &x, &err));
    return x;
}

static void once(void) {
    struct assay_db *db;
    int applied;
    bool created[PROVIDERS];
    clock_now = assay_date_from_civil(2001, 6, 1) * ASSAY_DAY;
    test_pg_start();
    make_network();
    test_pg_database(template_info);
    OK(assay_db_open(template_info, 60000, &db, &err));
    OK(assay_store_migrate(db, test_now(), &applied, &err));
    assay_db_close(db);
    struct assay_service *s = start_service(template_info);
    struct assay_session *x = session_of(s);
    OK(assay_registry_put_providers(x, providers, PROVIDERS, created, &err));
    assay_session_close(x);
    assay_service_stop(s);
}

static void fresh_database(void) {
    clock_now = assay_date_from_civil(2001, 6, 1) * ASSAY_DAY;
    test_pg_database_like(template_info, info);
}
static void drop_database(void) { test_pg_drop(info); }

static void sleep_ms(int64_t ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL); }

static void exec_on(PGconn *c, const char *sql) {
    PGresult *r = PQexec(c, sql);
    ck_assert_msg(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK, "%s: %s", sql,
                  PQresultErrorMessage(r));
    PQclear(r);
}

static PGresult *query(const char *sql) {
    PGconn *c = PQconnectdb(info);
    PGresult *r = PQexec(c, sql);
    ck_assert_msg(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK, "%s: %s", sql,
                  PQresultErrorMessage(r));
    PQfinish(c);
    return r;
}

static int64_t number_of(const char *sql) {
    PGresult *r = query(sql);
    int64_t n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return n;
}

static void run_sql(const char *sql) { PQclear(query(sql)); }

static void bring(struct assay_session *x, size_t from, size_t n) {
    struct assay_item *batch = assay_xcalloc(n, sizeof *batch);
    for (size_t i = 0; i < n; i++) batch[i] = items[from + i], batch[i].received_at = test_now();
    OK(assay_ingest_apply(x, batch, n, &err));
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(batch[i].status, ASSAY_OK);
    free(batch);
}

/* --- the packed form --------------------------------------------------------------------------------------------------------- */

START_TEST(effects_come_back_as_they_went) {
    const struct assay_effect list[] = {
        {.scheme_id = 1, .month = ASSAY_NO_MONTH, .outcome = ASSAY_COMPLIANT},
        {.scheme_id = 32767, .month = ASSAY_NO_MONTH, .outcome = ASSAY_OUTCOME_NONE},
        {.scheme_id = 1, .month = assay_month_of(2001, 2), .counts = true},
        {.scheme_id = 2, .month = assay_month_of(5460, 12), .pay = true},
        {.scheme_id = 300, .month = assay_month_of(1970, 1), .counts = true, .pay = true},
    };
    struct assay_buf b = {0};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) assay_effect_add(&b, &list[i]);
    struct assay_str rest = assay_buf_str(&b), cut = {b.p, b.n - 1};
    struct assay_effect x;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        ck_assert(assay_effect_next(&rest, &x));
        ck_assert_int_eq(x.scheme_id, list[i].scheme_id);
        ck_assert_int_eq(x.month, list[i].month);
        ck_assert_int_eq(x.outcome, list[i].outcome);
        ck_assert_int_eq(x.counts, list[i].counts);
        ck_assert_int_eq(x.pay, list[i].pay);
    }
    ck_assert(!assay_effect_next(&rest, &x));
    for (size_t i = 0; i < 4; i++) ck_assert(assay_effect_next(&cut, &x));
    ck_assert(!assay_effect_next(&cut, &x));
    assay_buf_free(&b);
}
END_TEST

/* Rows of a transaction: by provider and sequence, the months with the last of each provider; without an order on its own;
 * nothing where nothing moved. */
START_TEST(rows_of_a_transaction) {
    struct assay_arena a = {0};
    struct assay_verdict_row v = {.scheme_id = 1, .outcome = ASSAY_MISSED};
    struct assay_touched orders[] = {{.key = {1, ASSAY_STR("A")}, .seq = 9, .verdicts = &v, .n_verdicts = 1},
                                     {.key = {1, ASSAY_STR("B")}, .seq = 7},
                                     {.key = {4, ASSAY_STR("C")}, .seq = 3}};
    struct assay_tally_row tallies[] = {{.provider_id = 1, .scheme_id = 1, .month = 24013},
                                        {.provider_id = 2, .scheme_id = 1, .month = 24013}};
    struct assay_pay_row pays[] = {{1, 1, 24012, 100, 1}, {1, 1, 24013, 100, 1}, {1, 1, 24013, 200, -1}, {1, 2, 24000, 5, 1}};
    struct assay_tally_sums sums = {.rows = tallies, .n = 2, .pays = pays, .n_pays = 4};
    struct assay_head heads[] = {
        {.provider_id = 1, .seq = 9}, {.provider_id = 2, .seq = 5}, {.provider_id = 3, .seq = 2}, {.provider_id = 4, .seq = 3}};
    size_t n;
    struct assay_change_row *rows = assay_changes_make(orders, 3, &sums, heads, 4, 77, &a, &n);
    ck_assert_uint_eq(n, 4);
    static const struct {
        int32_t provider;
        int64_t seq;
        enum assay_change_what what;
        size_t effects;
    } want[] = {{1, 7, ASSAY_CHANGE_ORDER, 0},
                {1, 9, ASSAY_CHANGE_ORDER, 3 + 3 * 5},
                {2, 5, ASSAY_CHANGE_FIGURES, 5},
                {4, 3, ASSAY_CHANGE_ORDER, 0}};
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(rows[i].provider_id, want[i].provider);
        ck_assert_int_eq(rows[i].seq, want[i].seq);
        ck_assert_int_eq(rows[i].what, want[i].what);
        ck_assert_int_eq(rows[i].place, 77);
        ck_assert_uint_eq(rows[i].effects.p ? rows[i].effects.n : 0, want[i].effects);
    }
    struct assay_str rest = {rows[1].effects.p + 3, rows[1].effects.n - 3};
    struct assay_effect x;
    ck_assert(assay_effect_next(&rest, &x) && x.month == 24012 && x.pay && !x.counts);
    ck_assert(assay_effect_next(&rest, &x) && x.month == 24013 && x.pay && x.counts);
    ck_assert(assay_effect_next(&rest, &x) && x.month == 24000 && x.scheme_id == 2 && x.pay && !x.counts);
    assay_arena_free(&a);
}
END_TEST

/* --- writers and readers -------------------------------------------------------------------------------------------------------- */

struct writer {
    struct assay_service *service;
    size_t from, step;
    uint64_t rnd;
};

/* Batches of records of several providers each, as they come. */
static void *write_batches(void *arg) {
    struct writer *w = arg;
    struct assay_session *x;
    struct assay_error e;
    struct assay_item batch[40];
    if (assay_session_open(w->service, &x, &e)) abort();
    for (size_t i = w->from; i < n_items;) {
        size_t want = 1 + (size_t)test_random_below(&w->rnd, 40), n = 0;
        for (; n < want && i < n_items; i += w->step) batch[n] = items[i], batch[n++].received_at = test_now();
        if (assay_ingest_apply(x, batch, n, &e)) abort();
        if (test_random_below(&w->rnd, 8) == 0) sleep_ms(3);
    }
    assay_session_close(x);
    return NULL;
}

static atomic_bool writing;

/* By hand what the write path does, with time to think between the lock and an end that is a rollback as often as not. */
static void *dither(void *arg) {
    struct writer *w = arg;
    PGconn *c = PQconnectdb(info);
    char sql[700];
    while (atomic_load(&writing)) {
        int provider = 1 + (int)test_random_below(&w->rnd, PROVIDERS);
        exec_on(c, "BEGIN");
        snprintf(sql, sizeof sql,
                 "INSERT INTO provider_head (provider_id, seq, revision) VALUES (%d, 0, 1) ON CONFLICT (provider_id) DO UPDATE "
                 "SET revision = provider_head.revision + 1",
                 provider);
        exec_on(c, sql);
        snprintf(
            sql, sizeof sql,
            "INSERT INTO change (place, seq, provider_id, what, name) SELECT greatest(pg_current_xact_id()::text::int8, "
            "pg_snapshot_xmax(pg_current_snapshot())::text::int8 - 1), seq + 1, provider_id, 1, 'BY-HAND' FROM provider_head "
            "WHERE provider_id = %d",
            provider);
        exec_on(c, sql);
        snprintf(sql, sizeof sql, "UPDATE provider_head SET seq = seq + 1 WHERE provider_id = %d", provider);
        exec_on(c, sql);
        sleep_ms(test_random_below(&w->rnd, 30));
        exec_on(c, test_random_below(&w->rnd, 2) ? "COMMIT" : "ROLLBACK");
    }
    PQfinish(c);
    return NULL;
}

/* Holds an id and does nothing with it, longer than others take. */
static void *idle_about(void *arg) {
    struct writer *w = arg;
    PGconn *c = PQconnectdb(info);
    while (atomic_load(&writing)) {
        exec_on(c, "BEGIN; SELECT pg_current_xact_id()");
        sleep_ms(20 + test_random_below(&w->rnd, 150));
        exec_on(c, "ROLLBACK");
        sleep_ms(test_random_below(&w->rnd, 20));
    }
    PQfinish(c);
    return NULL;
}

struct seen {
    struct assay_str provider;
    int64_t seq;
};
struct follower {
    struct assay_service *service;
    struct assay_str provider; /* absent: all */
    struct assay_changes_position at;
    int limit;
    atomic_bool last_round; /* nothing is written any more: once empty, done */
    struct assay_arena arena;
    struct seen *seen;
    size_t n, cap;
    const char *fault;
};

static void note(struct follower *f, const struct assay_change_item *x, bool first_of_page) {
    struct seen *last = f->n ? &f->seen[f->n - 1] : NULL;
    if (last && last->seq == x->seq && assay_str_eq(last->provider, x->provider)) {
        if (first_of_page) f->fault = "a change came twice";
        return;
    }
    if (f->n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 1024;
        f->seen = realloc(f->seen, f->cap * sizeof *f->seen);
    }
    f->seen[f->n++] = (struct seen){assay_arena_dup(&f->arena, x->provider), x->seq};
}

static void *follow(void *arg) {
    struct follower *f = arg;
    struct assay_session *x;
    struct assay_error e;
    if (assay_session_open(f->service, &x, &e)) abort();
    for (bool over = false; !over && !f->fault;) {
        struct assay_changes_page page;
        bool last = atomic_load(&f->last_round);
        assay_arena_reset(&x->arena);
        if (assay_read_changes(x, f->provider, &f->at, f->limit, &page, &e)) f->fault = assay_status_code(e.status);
        for (size_t i = 0; i < page.n && !f->fault; i++)
            if (page.items[i].kind != ASSAY_CHANGED_CONFIGURATION) note(f, &page.items[i], i == 0);
        over = last && page.n == 0 && !page.more;
        f->at = page.next;
        assay_session_unpin(x);
        if (page.n == 0) sleep_ms(1);
    }
    assay_session_close(x);
    return NULL;
}

static void begin_following(struct follower *f, struct assay_service *s, int32_t provider, int limit) {
    *f = (struct follower){.service = s, .limit = limit};
    struct assay_session *x = session_of(s);
    struct assay_changes_page page;
    f->at.provider_id = provider;
    if (provider) f->provider = assay_arena_dup(&f->arena, assay_config_provider_by_id(assay_session_pin(x), provider)->code);
    OK(assay_read_changes(x, f->provider, &f->at, 10, &page, &err));
    ck_assert_uint_eq(page.n, 0);
    f->at = page.next;
    assay_session_close(x);
}

/* What it saw is what the table holds, row for row. */
static void check_followed(struct follower *f, const char *sql) {
    ck_assert_msg(!f->fault, "%s", f->fault);
    PGresult *r = query(sql);
    ck_assert_int_eq(f->n, PQntuples(r));
    for (int i = 0; i < PQntuples(r); i++) {
        ck_assert_msg(assay_str_is(f->seen[i].provider, PQgetvalue(r, i, 0)) &&
                          f->seen[i].seq == strtoll(PQgetvalue(r, i, 1), NULL, 10),
                      "row %d: %.*s/%lld in place of %s/%s", i, ASSAY_STR_ARG(f->seen[i].provider), (long long)f->seen[i].seq,
                      PQgetvalue(r, i, 0), PQgetvalue(r, i, 1));
    }
    PQclear(r);
    /* In the feed over all too each provider's sequence only rises. */
    for (size_t p = 0; p < PROVIDERS; p++) {
        int64_t last = 0;
        for (size_t i = 0; i < f->n; i++) {
            if (!assay_str_eq(f->seen[i].provider, providers[p].code)) continue;
            ck_assert_msg(f->seen[i].seq > last, "%.*s: %lld after %lld", ASSAY_STR_ARG(providers[p].code),
                          (long long)f->seen[i].seq, (long long)last);
            last = f->seen[i].seq;
        }
    }
    free(f->seen);
    assay_arena_free(&f->arena);
}

#define OF_ALL "SELECT p.code, c.seq FROM change c JOIN provider p USING (provider_id) "

START_TEST(each_change_once_and_in_order) {
    struct assay_service *daemons[2] = {start_service(info), start_service(info)};
    struct follower followers[4];
    struct writer writers[8];
    pthread_t reading[4], written[8];
    begin_following(&followers[0], daemons[0], 0, 1000);
    begin_following(&followers[1], daemons[1], 0, 3);
    begin_following(&followers[2], daemons[0], 2, 5);
    begin_following(&followers[3], daemons[1], 1, 1);
    atomic_store(&writing, true);
    for (size_t i = 0; i < 4; i++) pthread_create(&reading[i], NULL, follow, &followers[i]);
    for (size_t i = 0; i < 8; i++) {
        writers[i] = (struct writer){daemons[i % 2], i, 4, 77 + i};
        pthread_create(&written[i], NULL, i < 4 ? write_batches : i < 7 ? dither : idle_about, &writers[i]);
    }
    for (size_t i = 0; i < 4; i++) pthread_join(written[i], NULL);
    atomic_store(&writing, false);
    for (size_t i = 4; i < 8; i++) pthread_join(written[i], NULL);
    for (size_t i = 0; i < 4; i++) atomic_store(&followers[i].last_round, true);
    for (size_t i = 0; i < 4; i++) pthread_join(reading[i], NULL);
    check_followed(&followers[0], OF_ALL "ORDER BY place, provider_id, seq");
    check_followed(&followers[1], OF_ALL "ORDER BY place, provider_id, seq");
    check_followed(&followers[2], OF_ALL "WHERE provider_id = 2 ORDER BY seq");
    check_followed(&followers[3], OF_ALL "WHERE provider_id = 1 ORDER BY seq");
    /* The table tells of every record of an order with its last number or a later one, and of nothing else. */
    ck_assert_int_gt(number_of("SELECT count(*) FROM change WHERE name = 'BY-HAND'"), 5);
    ck_assert_int_eq(
        number_of("SELECT count(*) FROM (SELECT provider_id, order_no, max(seq) AS seq FROM record WHERE order_no IS NOT "
                  "NULL GROUP BY 1, 2) r FULL JOIN (SELECT provider_id, name, max(seq) AS seq FROM change WHERE what = 1 "
                  "AND name <> 'BY-HAND' GROUP BY 1, 2) c ON c.provider_id = r.provider_id AND c.name = r.order_no WHERE "
                  "c.seq IS NULL OR r.seq IS NULL OR c.seq < r.seq"),
        0);
    ck_assert_int_eq(
        number_of("SELECT count(*) FROM change c WHERE what = 1 AND name <> 'BY-HAND' AND NOT EXISTS (SELECT FROM record r "
                  "WHERE r.provider_id = c.provider_id AND r.seq = c.seq AND (r.order_no = c.name OR r.type = 13))"),
        0);
    assay_service_stop(daemons[0]);
    assay_service_stop(daemons[1]);
}
END_TEST

/* --- what a change tells --------------------------------------------------------------------------------------------------------- */

static struct assay_changes_position position_now(struct assay_session *x, struct assay_str provider, int32_t id) {
    struct assay_changes_page page;
    struct assay_changes_position from = {.provider_id = id};
    OK(assay_read_changes(x, provider, &from, 10, &page, &err));
    return page.next;
}

/* The feed from a position, as one text. */
static char *tell_from(struct assay_session *x, struct assay_str provider, const struct assay_changes_position *from) {
    struct assay_changes_page page;
    struct assay_buf b = {0};
    OK(assay_read_changes(x, provider, from, 1000, &page, &err));
    ck_assert(!page.more);
    for (size_t i = 0; i < page.n; i++) {
        const struct assay_change_item *it = &page.items[i];
        char month[ASSAY_DATE_TEXT] = "";
        if (it->period != ASSAY_NO_MONTH) assay_month_format(it->period, month);
        static const char *const kinds[] = {"order", "verdict", "evaluation", "statement", "configuration"};
        assay_buf_printf(&b, "%s %.*s %lld %.*s%s%s%s %.*s\n", kinds[it->kind], ASSAY_STR_ARG(it->provider), (long long)it->seq,
                         ASSAY_STR_ARG(it->order), month, it->outcome ? assay_outcome_name(it->outcome) : "",
                         it->document ? it->document : "", ASSAY_STR_ARG(it->code));
    }
    assay_buf_addc(&b, '\0');
    assay_session_unpin(x);
    return b.p;
}

/* What is wanted: @ is the provider's code, #N the Nth revision from there on. */
static void expand(char out[2000], const char *text, struct assay_str code, int64_t revision) {
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '@') n += (size_t)snprintf(out + n, 2000 - n, "%.*s", ASSAY_STR_ARG(code));
        else if (*p == '#') n += (size_t)snprintf(out + n, 2000 - n, "%lld", (long long)revision + (*++p - '0'));
        else out[n++] = *p;
        ck_assert_uint_lt(n, 1990);
    }
    out[n] = '\0';
}

static struct assay_item item(const char *id, enum assay_type type, const char *order, const char *at) {
    struct assay_record r;
    struct assay_item it;
    assay_record_init(&r);
    r.kind = type == ASSAY_SURVEY_RESPONSE ? ASSAY_KIND_SURVEY : ASSAY_KIND_REPAIR;
    r.type = type, r.provider = providers[0].code, r.id = assay_str_c(id);
    if (order) r.order = assay_str_c(order);
    ck_assert(!assay_instant_parse(assay_str_c(at), &r.at));
    if (type == ASSAY_ORDER_OPENED) r.channel = ASSAY_CHANNEL_WALK_IN, r.product = ASSAY_STR("notebook");
    if (type == ASSAY_SURVEY_RESPONSE) r.answer = ASSAY_ANSWER_SATISFIED;
    assay_item_of_record(&r, ASSAY_SENDER_MANUFACTURER, test_now(), &network, &it);
    return assay_item_dup(&it, &network);
}

START_TEST(what_a_change_tells) {
    struct assay_service *s = start_service(info);
    struct assay_session *x = session_of(s);
    struct assay_changes_position all = position_now(x, ASSAY_STR_NONE, 0), one = position_now(x, providers[0].code, 1);
    ck_assert_int_eq(assay_config_provider(assay_session_pin(x), providers[0].code)->id, 1);
    assay_session_unpin(x);
    struct assay_item open = item("E1", ASSAY_ORDER_OPENED, "W1", "2001-02-12T09:00:00+08:00"),
                      closing[] = {item("E2", ASSAY_ORDER_COMPLETED, "W1", "2001-02-12T10:00:00+08:00"),
                                   item("E3", ASSAY_ORDER_CLOSED_EVENT, "W1", "2001-02-12T11:00:00+08:00")},
                      survey = item("S1", ASSAY_SURVEY_RESPONSE, NULL, "2001-05-15T11:00:00+08:00"), again = open;
    OK(assay_ingest_apply(x, &open, 1, &err));
    OK(assay_ingest_apply(x, closing, 2, &err));
    OK(assay_ingest_apply(x, &survey, 1, &err));
    OK(assay_ingest_apply(x, &again, 1, &err)); /* a duplicate changes nothing */
    ck_assert(again.duplicate);
    char want[2000], *got = tell_from(x, ASSAY_STR_NONE, &all);
    expand(want,
           "order @ 1 W1 \nverdict @ 1 W1pending \n"
           "order @ 3 W1 \nverdict @ 3 W1compliant \n"
           "evaluation @ 3 2001-02 \nstatement @ 3 2001-02 \nevaluation @ 3 2001-03 \nstatement @ 3 2001-03 \n"
           "evaluation @ 3 2001-04 \nstatement @ 3 2001-04 \n"
           "evaluation @ 4 2001-05 \nstatement @ 4 2001-05 \nevaluation @ 4 2001-06 \nstatement @ 4 2001-06 \n",
           providers[0].code, 0);
    ck_assert_str_eq(got, want); /* 2001-07 has not begun on 2001-06-01 */
    free(got);
    got = tell_from(x, providers[0].code, &one);
    ck_assert_str_eq(got, want);
    free(got);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* One entry for a change of the configuration, whatever it judges again; of another provider's it is not told. */
START_TEST(configuration_is_one_entry) {
    struct assay_service *s = start_service(info);
    struct assay_session *x = session_of(s);
    bool created[PROVIDERS];
    bring(x, 0, n_items);
    struct assay_changes_position all = position_now(x, ASSAY_STR_NONE, 0), first = position_now(x, providers[0].code, 1),
                                  second = position_now(x, providers[1].code, 2);
    /* A change that touches orders moves the revision when it is taken and when it comes into force; that is told. */
    int64_t revision = number_of("SELECT revision FROM config");
    struct assay_provider moved = providers[0];
    moved.facts.city = ASSAY_STR("Elsewhere");
    OK(assay_registry_put_providers(x, &moved, 1, created, &err));
    struct assay_put_result put;
    struct assay_errors es = {0};
    OK(assay_registry_put_document(
        x, ASSAY_DOC_RATES, ASSAY_STR("fy01-labour"),
        ASSAY_STR("{\"currency\": \"CNY\", \"rates\": [{\"product\": \"*\", \"warranty\": \"*\", \"amount\": \"12.00\"}]}"), -1,
        &put, &es, &err));
    ck_assert_int_gt(put.refolded, 0);
    char want[2000], *got = tell_from(x, ASSAY_STR_NONE, &all);
    expand(want, "configuration @ #2 provider @\nconfiguration  #4 rates fy01-labour\n", providers[0].code, revision);
    ck_assert_str_eq(got, want);
    free(got);
    got = tell_from(x, providers[0].code, &first);
    ck_assert_str_eq(got, want);
    free(got);
    got = tell_from(x, providers[1].code, &second);
    expand(want, "configuration  #4 rates fy01-labour\n", providers[1].code, revision);
    ck_assert_str_eq(got, want);
    free(got);
    /* The same again is no change. What was put right by hand is one of its provider. */
    all = position_now(x, ASSAY_STR_NONE, 0);
    OK(assay_registry_put_providers(x, &moved, 1, created, &err));
    run_sql("UPDATE verdict SET outcome = 3 - outcome WHERE provider_id = 2 AND outcome IN (1, 2)");
    struct assay_verify_result repaired;
    OK(assay_recompute_repair(x, NULL, NULL, &repaired, &err));
    ck_assert_int_gt(repaired.differences, 0);
    ck_assert_int_eq(repaired.providers, PROVIDERS);
    got = tell_from(x, ASSAY_STR_NONE, &all);
    expand(want, "configuration @ #5 figures @\n", providers[1].code, revision);
    ck_assert_str_eq(got, want);
    free(got);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* Pages of one, over configuration and orders, from a bare sequence: all of both, each once. */
START_TEST(pages_of_a_provider) {
    struct assay_service *s = start_service(info);
    struct assay_session *x = session_of(s);
    bring(x, 0, n_items);
    int64_t rows = number_of("SELECT count(*) FROM change WHERE provider_id = 1"),
            configured = number_of("SELECT count(*) FROM change WHERE provider_id = 0"), orders = 0, configuration = 0;
    struct assay_changes_position at = {.from = ASSAY_CHANGES_FROM_SEQ, .provider_id = 1};
    struct assay_changes_page page = {.more = true};
    bool created[PROVIDERS];
    struct assay_provider moved = providers[0];
    moved.facts.city = ASSAY_STR("Elsewhere");
    OK(assay_registry_put_providers(x, &moved, 1, created, &err));
    while (page.more) {
        OK(assay_read_changes(x, providers[0].code, &at, 1, &page, &err));
        for (size_t i = 0; i < page.n; i++) {
            ck_assert(page.items[i].kind != ASSAY_CHANGED_CONFIGURATION || orders == 0);
            orders += page.items[i].kind == ASSAY_CHANGED_ORDER;
            configuration += page.items[i].kind == ASSAY_CHANGED_CONFIGURATION;
        }
        at = page.next;
        assay_session_unpin(x);
    }
    ck_assert_int_eq(orders, rows);
    ck_assert_int_eq(configuration, configured + 1);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* --- eras ------------------------------------------------------------------------------------------------------------------------- */

static void expect_expired(struct assay_session *x, struct assay_str provider, struct assay_changes_position at) {
    struct assay_changes_page page;
    ck_assert_int_eq(assay_read_changes(x, provider, &at, 10, &page, &err), ASSAY_CURSOR_EXPIRED);
    assay_session_unpin(x);
}

static void expect_orders(struct assay_session *x, struct assay_str provider, struct assay_changes_position at, int64_t least) {
    struct assay_changes_page page;
    OK(assay_read_changes(x, provider, &at, 1000, &page, &err));
    ck_assert_int_ge((int64_t)page.n, least);
    assay_session_unpin(x);
}

/* A copy of the database is another one: what was given out there means nothing here. */
START_TEST(a_copy_begins_anew) {
    struct assay_service *s = start_service(info);
    struct assay_session *x = session_of(s);
    struct assay_changes_position all = position_now(x, ASSAY_STR_NONE, 0), one = position_now(x, providers[0].code, 1);
    bring(x, 0, n_items / 2);
    expect_orders(x, ASSAY_STR_NONE, all, 10);
    assay_session_close(x);
    assay_service_stop(s);
    char copy[TEST_PG_CONNINFO];
    test_pg_database_like(info, copy);
    s = start_service(copy);
    x = session_of(s);
    expect_expired(x, ASSAY_STR_NONE, all);
    expect_expired(x, providers[0].code, one);
    /* A bare sequence, too: changes before the copy are not in its feed. */
    expect_expired(x, providers[0].code, (struct assay_changes_position){.from = ASSAY_CHANGES_FROM_SEQ, .provider_id = 1});
    all = position_now(x, ASSAY_STR_NONE, 0), one = position_now(x, providers[0].code, 1);
    bring(x, n_items / 2, n_items / 2);
    expect_orders(x, ASSAY_STR_NONE, all, 10);
    expect_orders(x, providers[0].code, one, 1);
    assay_session_close(x);
    assay_service_stop(s);
    test_pg_drop(copy);
    /* The original goes on as it was. */
    s = start_service(info);
    x = session_of(s);
    expect_orders(x, providers[0].code, (struct assay_changes_position){.from = ASSAY_CHANGES_FROM_SEQ, .provider_id = 1}, 1);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* A restore where transaction ids are lower, or a standby that took over under a running daemon: the next read sees it. */
START_TEST(a_database_that_moved_begins_anew) {
    struct assay_service *s = start_service(info);
    struct assay_session *x = session_of(s);
    bring(x, 0, n_items / 2);
    struct assay_changes_position all = position_now(x, ASSAY_STR_NONE, 0), one = position_now(x, providers[0].code, 1);
    run_sql("UPDATE feed SET origin = 'another server', place = 1000000000; UPDATE change SET place = place + 1000000000");
    expect_expired(x, ASSAY_STR_NONE, all);
    expect_expired(x, providers[0].code, one);
    ck_assert_int_eq(number_of("SELECT count(*) FROM change"), 0);
    all = position_now(x, ASSAY_STR_NONE, 0);
    bring(x, n_items / 2, n_items / 2);
    expect_orders(x, ASSAY_STR_NONE, all, 10);
    /* A position that this era never gave out (its end was lost with the server). */
    all.at.place += 1000000;
    expect_expired(x, ASSAY_STR_NONE, all);
    one = position_now(x, providers[0].code, 1);
    one.at.seq++;
    expect_expired(x, providers[0].code, one);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* --- how long it is kept -------------------------------------------------------------------------------------------------------- */

START_TEST(what_is_not_kept_is_refused) {
    struct assay_service *s = start_service(info);
    struct assay_session *x = session_of(s);
    int64_t gone;
    struct assay_changes_position begin = position_now(x, ASSAY_STR_NONE, 0), begin_one = position_now(x, providers[0].code, 1);
    bring(x, 0, n_items / 2);
    struct assay_changes_position half = position_now(x, ASSAY_STR_NONE, 0), half_one = position_now(x, providers[0].code, 1);
    OK(assay_changes_prune(x, &gone, &err));
    ck_assert_int_eq(gone, 0);
    int64_t first = number_of("SELECT count(*) FROM change");
    clock_now += 20 * ASSAY_DAY;
    bring(x, n_items / 2, n_items / 2);
    struct assay_changes_position end = position_now(x, ASSAY_STR_NONE, 0);
    OK(assay_changes_prune(x, &gone, &err));
    ck_assert_int_eq(gone, 0);
    clock_now += 11 * ASSAY_DAY; /* the first half is 31 days old, the second 11 */
    OK(assay_changes_prune(x, &gone, &err));
    ck_assert_int_eq(gone, first);
    expect_expired(x, ASSAY_STR_NONE, begin);
    expect_expired(x, providers[0].code, begin_one);
    expect_expired(x, providers[0].code, (struct assay_changes_position){.from = ASSAY_CHANGES_FROM_SEQ, .provider_id = 1});
    expect_orders(x, ASSAY_STR_NONE, half, 10);
    expect_orders(x, providers[0].code, half_one, 1);
    clock_now += 365 * ASSAY_DAY;
    OK(assay_changes_prune(x, &gone, &err));
    ck_assert_int_eq(number_of("SELECT count(*) FROM change"), 0);
    ck_assert_int_le(number_of("SELECT count(*) FROM change_mark"), 3);
    expect_expired(x, ASSAY_STR_NONE, half);
    expect_orders(x, ASSAY_STR_NONE, end, 0); /* who has seen all has lost nothing */
    struct assay_changes_position now = position_now(x, ASSAY_STR_NONE, 0);
    ck_assert(now.at.place == end.at.place && now.at.provider_id == end.at.provider_id &&
              now.at.seq == end.at.seq); /* while nothing changes, neither does where it ends */
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* --- being told ------------------------------------------------------------------------------------------------------------------- */

static atomic_int told_at_once, told_of_any;
static void listener(void *arg, const int32_t *ids, size_t n) {
    (void)arg;
    if (ids) atomic_fetch_add(&told_at_once, n == 1 && ids[0] == 1);
    else atomic_fetch_add(&told_of_any, 1);
}

START_TEST(listeners_are_told) {
    struct assay_service *daemons[2] = {start_service(info), start_service(info)};
    struct assay_session *x = session_of(daemons[0]);
    sleep_ms(1200); /* the watchers have had their first look */
    assay_service_on_commit(daemons[0], listener, NULL);
    struct assay_item open = item("E1", ASSAY_ORDER_OPENED, "W1", "2001-02-12T09:00:00+08:00");
    OK(assay_ingest_apply(x, &open, 1, &err));
    ck_assert_int_eq(atomic_load(&told_at_once), 1);
    assay_service_on_commit(daemons[0], NULL, NULL);
    sleep_ms(1200);
    atomic_store(&told_of_any, 0);
    /* The other daemon's listener: of a commit of this one, within a second. */
    assay_service_on_commit(daemons[1], listener, NULL);
    struct assay_item closed = item("E2", ASSAY_ORDER_CLOSED_EVENT, "W1", "2001-02-12T11:00:00+08:00");
    OK(assay_ingest_apply(x, &closed, 1, &err));
    for (int64_t until = assay_clock_monotonic_us() + 1000000; !atomic_load(&told_of_any) && assay_clock_monotonic_us() < until;)
        sleep_ms(5);
    ck_assert_int_eq(atomic_load(&told_of_any), 1);
    sleep_ms(1200); /* and then no more */
    ck_assert_int_eq(atomic_load(&told_of_any), 1);
    assay_service_on_commit(daemons[1], NULL, NULL);
    assay_session_close(x);
    assay_service_stop(daemons[0]);
    assay_service_stop(daemons[1]);
}
END_TEST

/* A transaction that does not end holds the feed over all back, and the figures say so; a provider's own feed and readers do
 * not care, and one that only reads (a dump) holds nothing. */
START_TEST(what_holds_the_feed_shows) {
    struct assay_service *s = start_service(info);
    struct assay_session *x = session_of(s);
    struct assay_changes_position all = position_now(x, ASSAY_STR_NONE, 0), one = position_now(x, providers[0].code, 1);
    PGconn *dump = PQconnectdb(info), *writer = PQconnectdb(info);
    exec_on(dump, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT count(*) FROM record");
    bring(x, 0, n_items / 4);
    expect_orders(x, ASSAY_STR_NONE, all, 10);
    all = position_now(x, ASSAY_STR_NONE, 0), one = position_now(x, providers[0].code, 1);
    exec_on(writer, "BEGIN; SELECT pg_current_xact_id()");
    bring(x, n_items / 4, n_items / 4);
    struct assay_changes_page page;
    OK(assay_read_changes(x, ASSAY_STR_NONE, &all, 10, &page, &err));
    ck_assert_uint_eq(page.n, 0);
    expect_orders(x, providers[0].code, one, 1);
    sleep_ms(1800);
    struct assay_feed_stats stats;
    assay_feed_stats(s, &stats);
    ck_assert_int_gt(stats.held_us, 500000);
    ck_assert_int_gt(stats.behind, 0);
    exec_on(writer, "ROLLBACK");
    expect_orders(x, ASSAY_STR_NONE, all, 10);
    sleep_ms(1200);
    assay_feed_stats(s, &stats);
    ck_assert_int_eq(stats.held_us, 0);
    PQfinish(dump);
    PQfinish(writer);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

static Suite *suite_of_changes(void) {
    Suite *s = suite_create("changes");
    TCase *t = tcase_create("rows");
    tcase_add_test(t, effects_come_back_as_they_went);
    tcase_add_test(t, rows_of_a_transaction);
    suite_add_tcase(s, t);
    t = tcase_create("feed");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, once, NULL);
    tcase_add_checked_fixture(t, fresh_database, drop_database);
    tcase_add_test(t, each_change_once_and_in_order);
    tcase_add_test(t, what_a_change_tells);
    tcase_add_test(t, configuration_is_one_entry);
    tcase_add_test(t, pages_of_a_provider);
    tcase_add_test(t, a_copy_begins_anew);
    tcase_add_test(t, a_database_that_moved_begins_anew);
    tcase_add_test(t, what_is_not_kept_is_refused);
    tcase_add_test(t, listeners_are_told);
    tcase_add_test(t, what_holds_the_feed_shows);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_changes)
