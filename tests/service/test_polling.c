/* test_polling.c -- what is kept in memory against what the database says, on a real PostgreSQL: revisions, stamps, and
 * evaluated periods that are brought up to date by the providers that changed. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "app/sample.h"
#include "assay/service.h"
#include "check_main.h"
#include "pg.h"
#include "test_random.h"

#define PROVIDERS 8
#define ORDERS 80
#define RECORDS_MAX (ORDERS * 24)
#define SCHEME "hp-gold-fy01"

static char template_info[TEST_PG_CONNINFO], info[TEST_PG_CONNINFO];
static _Thread_local struct assay_error err; /* threads of a test fail each for itself */

#define OK(call)                                                                                              \
    do {                                                                                                      \
        enum assay_status ok_ = (call);                                                                       \
        ck_assert_msg(ok_ == ASSAY_OK, "%s: %s %s %s", #call, assay_status_code(ok_), err.field, err.detail); \
    } while (0)

/* --- the network ---------------------------------------------------------------------------------------------------------- */

static const struct assay_sample_spec spec = {
    .seed = 77, .providers = PROVIDERS, .orders = ORDERS, .from = 2000 * 12 + 11, .months = 4};
static struct assay_arena network_arena;
static struct assay_item items[RECORDS_MAX]; /* shuffled: late, early, of all providers */
static size_t n_items;
static struct assay_str codes[PROVIDERS];

static assay_instant test_now(void) { return assay_date_from_civil(2001, 6, 1) * ASSAY_DAY; }

static void make_items(const struct assay_sample *s) {
    struct assay_sample_order *o = assay_xmalloc(sizeof *o);
    uint64_t rnd = 5;
    for (int64_t i = 0; i < ORDERS; i++) {
        assay_sample_order_at(s, i, o);
        for (size_t k = 0; k < o->n && n_items < RECORDS_MAX; k++) {
            struct assay_item it;
            assay_item_of_record(&o->records[k], ASSAY_SENDER_MANUFACTURER, test_now(), &network_arena, &it);
            size_t j = (size_t)test_random_below(&rnd, (int64_t)n_items + 1);
            items[n_items++] = items[j];
            items[j] = assay_item_dup(&it, &network_arena);
        }
    }
    free(o);
}

struct station { /* a daemon, and a thread's session with it */
    struct assay_service *service;
    struct assay_session *session;
};

static struct station open_station(size_t view_bytes) {
    struct station st;
    struct assay_service_options o = {.conninfo = info, .now = test_now, .view_bytes = view_bytes};
    OK(assay_service_start(&o, &st.service, &err));
    OK(assay_session_open(st.service, &st.session, &err));
    return st;
}

static void close_station(struct station *st) {
    assay_session_close(st->session);
    assay_service_stop(st->service);
}

static void put_rates(struct station *st, const char *without) {
    struct assay_buf text = {0};
    struct assay_put_result put;
    struct assay_errors es = {0};
    assay_sample_rates(&spec, without, &text);
    OK(assay_registry_put_document(st->session, ASSAY_DOC_RATES, ASSAY_STR("fy01-labour"), assay_buf_str(&text), -1, &put, &es,
                                   &err));
    assay_buf_free(&text);
}

static void put_provider(struct station *st, struct assay_str code, const char *city, bool ascim) {
    struct assay_provider p = {
        .code = code, .name = code, .facts = {ASSAY_NO_DATE, assay_str_c(city), ascim}, .status = ASSAY_PROVIDER_ACTIVE};
    bool created;
    p.facts.effective_from = assay_date_from_civil(2001, 1, 1);
    OK(assay_registry_put_providers(st->session, &p, 1, &created, &err));
}

static void once(void) {
    struct assay_db *db;
    int applied;
    test_pg_start();
    struct assay_sample *s = assay_sample_new(&spec);
    make_items(s);
    test_pg_database(template_info);
    memcpy(info, template_info, sizeof info);
    OK(assay_db_open(info, 60000, &db, &err));
    OK(assay_store_migrate(db, test_now(), &applied, &err));
    assay_db_close(db);
    struct station st = open_station(0);
    for (int32_t i = 0; i < PROVIDERS; i++) {
        struct assay_sample_provider p;
        assay_sample_provider_at(s, i, &p);
        codes[i] = assay_arena_dup(&network_arena, p.code);
        put_provider(&st, codes[i], "Beijing", false);
    }
    put_rates(&st, NULL);
    close_station(&st);
    assay_sample_free(s);
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
static void tell(const char *sql) { free(ask(info, sql)); }

static void sleep_ms(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }

/* --- writing and reading ----------------------------------------------------------------------------------------------------- */

/* Items [from, from + n), some of which may stand already. */
static void send(struct station *st, size_t from, size_t n) {
    struct assay_item batch[16];
    ck_assert_uint_le(n, 16);
    for (size_t i = 0; i < n; i++) batch[i] = items[(from + i) % n_items];
    OK(assay_ingest_apply(st->session, batch, n, &err));
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(batch[i].status, ASSAY_OK);
}

static void send_all(struct station *st) {
    for (size_t i = 0; i < n_items; i += 16) send(st, i, n_items - i < 16 ? n_items - i : 16);
}

/* A period as it would be shown, each row with its evaluation and its pay. */
static char *shown(struct station *st, const char *period) {
    struct assay_period_view v;
    struct assay_buf b = {0};
    assay_arena_reset(&st->session->arena);
    OK(assay_read_period(st->session, ASSAY_STR(SCHEME), assay_str_c(period), &v, &err));
    for (size_t i = 0; i < v.n; i++) {
        const struct assay_evaluated *row = &v.rows[i];
        struct assay_evaluation_reply e = {.provider = row->provider->code,
                                           .evaluation = &row->evaluation,
                                           .ranked = row->ranked,
                                           .last_record_at = row->last_record_at};
        struct assay_compensation_reply c = {.provider = row->provider->code,
                                             .evaluation = &row->evaluation,
                                             .compensation = &row->compensation,
                                             .currency = v.currency,
                                             .minor_digits = v.minor_digits};
        assay_evaluation_write(&e, &b, NULL);
        assay_buf_addc(&b, '\n');
        assay_compensation_write(&c, &b, NULL);
        assay_buf_addc(&b, '\n');
        ck_assert_ptr_eq(assay_period_provider(&v, row->provider->code), row);
    }
    ck_assert_ptr_null(assay_period_provider(&v, ASSAY_STR("nobody")));
    assay_session_unpin(st->session);
    return b.p ? b.p : assay_xstrdup("");
}

static const char *const periods[] = {"2000-12", "2001-01", "2001-02", "2001-03"};
#define N_PERIODS (sizeof periods / sizeof *periods)

static void same_as_full(struct station *st, struct station *full, const char *what) {
    for (size_t i = 0; i < N_PERIODS; i++) {
        char *is = shown(st, periods[i]), *ought = shown(full, periods[i]);
        size_t at = 0;
        while (is[at] && is[at] == ought[at]) at++;
        size_t from = at < 60 ? 0 : at - 60;
        ck_assert_msg(is[at] == ought[at], "%s, %s: kept ...%.120s, anew ...%.120s", what, periods[i], is + from, ought + from);
        free(is);
        free(ought);
    }
}

static struct assay_period_stats stats_of(struct station *st) {
    struct assay_period_stats s;
    assay_period_stats(st->service, &s);
    return s;
}

static struct assay_stamp stamp_of(struct station *st, struct assay_str provider) {
    struct assay_stamp stamp;
    for (int try = 0; try < 100; try++) { /* a machine that is busy may keep the watcher from looking for a second */
        if (assay_service_stamp(st->service, provider, &stamp)) return stamp;
        sleep_ms(100);
    }
    ck_abort_msg("the watcher sees nothing");
}

/* --- incremental = full -------------------------------------------------------------------------------------------------------- */

/* Whatever the two daemons do: the one that did it shows it at once, the other as soon as it looks. */
START_TEST(kept_is_as_worked_out_anew) {
    uint64_t rnd = 900 + (uint64_t)_i;
    struct station both[2] = {open_station(0), open_station(0)}, full = open_station(1);
    size_t sent = 0;
    int voids = 0, registered = 0;
    while (sent < n_items) {
        int who = (int)test_random_below(&rnd, 2);
        struct station *st = &both[who];
        const char *what = "records";
        int64_t dice = test_random_below(&rnd, 40);
        if (dice < 28) {
            size_t n = 1 + (size_t)test_random_below(&rnd, 16);
            send(st, sent, n);
            sent += n;
        } else if (dice < 31 && sent) {
            send(st, (size_t)test_random_below(&rnd, (int64_t)sent), 3);
            what = "duplicates";
        } else if (dice < 36 && sent) {
            struct assay_record v;
            struct assay_item it;
            const struct assay_item *target = &items[(size_t)test_random_below(&rnd, (int64_t)sent) % n_items];
            assay_record_init(&v);
            v.kind = ASSAY_KIND_REPAIR, v.type = ASSAY_EVENT_VOIDED, v.provider = target->provider, v.at = target->at;
            v.id = assay_str_c(assay_arena_printf(&network_arena, "VOID-%d", voids++));
            v.target = target->id, v.target_kind = target->kind;
            assay_item_of_record(&v, ASSAY_SENDER_MANUFACTURER, test_now(), &network_arena, &it);
            OK(assay_ingest_apply(st->session, &it, 1, &err));
            what = "a void";
        } else if (dice < 38) {
            put_provider(st, codes[test_random_below(&rnd, PROVIDERS)], test_random_below(&rnd, 2) ? "Chengdu" : "Beijing",
                         test_random_below(&rnd, 2));
            what = "a provider's facts";
        } else if (dice < 39 && registered < 4) {
            put_provider(st, assay_str_c(assay_arena_printf(&network_arena, "NEW%d", registered++)), "Beijing", false);
            what = "a new provider";
        } else {
            put_rates(st, test_random_below(&rnd, 2) ? "notebook" : NULL);
            what = "rates";
        }
        same_as_full(st, &full, what);
        OK(assay_session_look(both[!who].session, &err));
        same_as_full(&both[!who], &full, what);
    }
    struct assay_period_stats k = stats_of(&both[0]);
    ck_assert_uint_gt(k.refreshes, k.full); /* else this has shown nothing */
    ck_assert_uint_eq(stats_of(&full).views, 0);
    close_station(&both[0]);
    close_station(&both[1]);
    close_station(&full);
}
END_TEST

START_TEST(only_what_changed_is_read) {
    struct station st = open_station(0);
    send_all(&st);
    free(shown(&st, "2001-02"));
    struct assay_period_stats before = stats_of(&st), after;
    for (int i = 0; i < 10; i++) free(shown(&st, "2001-02"));
    after = stats_of(&st);
    ck_assert_uint_eq(after.refreshes, before.refreshes);
    ck_assert_uint_eq(after.reads, before.reads + 10);
    /* A new record of one provider: one row. */
    struct assay_item it = items[0];
    it.id = ASSAY_STR("one-more");
    before = after;
    OK(assay_ingest_apply(st.session, &it, 1, &err));
    free(shown(&st, "2001-02"));
    after = stats_of(&st);
    ck_assert_uint_eq(after.refreshes, before.refreshes + 1);
    ck_assert_uint_eq(after.full, before.full);
    ck_assert_uint_eq(after.rows, before.rows + 1);
    /* The registry: all rows. */
    put_provider(&st, codes[1], "Chengdu", true);
    free(shown(&st, "2001-02"));
    before = after;
    after = stats_of(&st);
    ck_assert_uint_eq(after.full, before.full + 1);
    ck_assert_uint_eq(after.rows, before.rows + PROVIDERS);
    close_station(&st);
}
END_TEST

/* --- what a stamp says ----------------------------------------------------------------------------------------------------------- */

START_TEST(a_commit_moves_its_providers_stamp_only) {
    struct station st = open_station(0);
    struct assay_str mine = items[0].provider, other = assay_str_eq(codes[0], mine) ? codes[1] : codes[0];
    struct assay_stamp m0 = stamp_of(&st, mine), o0 = stamp_of(&st, other);
    send(&st, 0, 1);
    struct assay_stamp m1 = stamp_of(&st, mine), o1 = stamp_of(&st, other);
    ck_assert_uint_gt(m1.provider, m0.provider);
    ck_assert_uint_gt(m1.network, m0.network);
    ck_assert_uint_eq(m1.config, m0.config);
    ck_assert_uint_eq(o1.provider, o0.provider);
    put_provider(&st, other, "Chengdu", true);
    ck_assert_uint_gt(stamp_of(&st, mine).config, m1.config);
    struct assay_stamp none;
    ck_assert(!assay_service_stamp(st.service, ASSAY_STR("nobody"), &none));
    /* Nothing happens, nothing moves, however often the watcher looks. */
    m1 = stamp_of(&st, mine);
    sleep_ms(1300);
    ck_assert_uint_eq(stamp_of(&st, mine).network, m1.network);
    close_station(&st);
}
END_TEST

START_TEST(another_daemons_commit_shows_within_a_second) {
    struct station a = open_station(0), b = open_station(0);
    char *before = shown(&b, "2001-02"), *now = NULL;
    struct assay_stamp stamp = stamp_of(&b, items[0].provider);
    send_all(&a);
    int64_t start = assay_clock_monotonic_us(), took = 0;
    do {
        free(now);
        now = shown(&b, "2001-02");
        took = assay_clock_monotonic_us() - start;
    } while (!strcmp(now, before) && took < 20000000);
    ck_assert_str_ne(now, before);
    ck_assert_uint_gt(stamp_of(&b, items[0].provider).provider, stamp.provider);
    /* The configuration too. */
    stamp = stamp_of(&b, codes[0]);
    put_provider(&a, codes[0], "Chengdu", true);
    for (start = assay_clock_monotonic_us(); stamp_of(&b, codes[0]).config == stamp.config;)
        ck_assert_int_lt(assay_clock_monotonic_us() - start, 20000000);
    free(before);
    free(now);
    close_station(&a);
    close_station(&b);
}
END_TEST

/* "duplicate" says that a record stands: whoever was told so must see it, though another daemon committed it. */
START_TEST(a_duplicate_shows_what_stands) {
    struct station a = open_station(0), b = open_station(0), full = open_station(1);
    for (size_t i = 0; i < 40; i++) {
        send(&a, i, 1);
        free(shown(&b, "2001-02"));
        send(&b, i, 1);
        same_as_full(&b, &full, "a duplicate");
    }
    close_station(&a);
    close_station(&b);
    close_station(&full);
}
END_TEST

/* A database restored from a backup has lower revisions and other figures. */
START_TEST(revisions_that_go_back_are_a_change) {
    struct station st = open_station(0), full = open_station(1);
    send_all(&st);
    same_as_full(&st, &full, "before");
    tell("BEGIN; UPDATE provider_head SET revision = revision - 1 WHERE provider_id = 1;"
         "UPDATE tally SET counts[1] = counts[1] + 1 WHERE provider_id = 1; COMMIT");
    OK(assay_session_look(st.session, &err));
    same_as_full(&st, &full, "one provider back");
    tell("BEGIN; DELETE FROM tally; DELETE FROM pay_tally; DELETE FROM provider_head WHERE provider_id > 3; COMMIT");
    OK(assay_session_look(st.session, &err));
    same_as_full(&st, &full, "heads gone");
    close_station(&st);
    close_station(&full);
}
END_TEST

START_TEST(nothing_is_served_blindly) {
    struct station st = open_station(0);
    struct assay_stamp before = stamp_of(&st, codes[0]), now;
    send_all(&st);
    free(shown(&st, "2001-02"));
    /* Away. */
    char sql[600], other[TEST_PG_CONNINFO];
    test_pg_database(other);
    char *name = ask(info, "SELECT current_database()");
    snprintf(sql, sizeof sql, "ALTER DATABASE \"%s\" ALLOW_CONNECTIONS false", name);
    free(ask(other, sql));
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'", name);
    free(ask(other, sql));
    struct assay_period_view v;
    int64_t start = assay_clock_monotonic_us();
    while (assay_service_stamp(st.service, codes[0], &now)) {
        ck_assert_int_lt(assay_clock_monotonic_us() - start, 20000000);
        sleep_ms(5);
    }
    ck_assert_int_eq(assay_read_period(st.session, ASSAY_STR(SCHEME), ASSAY_STR("2001-02"), &v, &err),
                     ASSAY_DATABASE_UNAVAILABLE);
    /* Back, and nobody knows what it went through: everything has changed. */
    snprintf(sql, sizeof sql, "ALTER DATABASE \"%s\" ALLOW_CONNECTIONS true", name);
    free(ask(other, sql));
    struct assay_stamp after = stamp_of(&st, codes[0]);
    ck_assert(after.provider > before.provider && after.config > before.config && after.network > before.network);
    OK(assay_session_usable(st.session, &err));
    uint64_t full = stats_of(&st).full;
    free(shown(&st, "2001-02"));
    ck_assert_uint_eq(stats_of(&st).full, full + 1);
    free(name);
    test_pg_drop(other);
    close_station(&st);
}
END_TEST

/* A look that hangs sees nothing either. */
START_TEST(nothing_is_served_while_a_look_hangs) {
    struct station st = open_station(0);
    struct assay_stamp now = stamp_of(&st, codes[0]);
    PGconn *c = PQconnectdb(info);
    PQclear(PQexec(c, "BEGIN; LOCK TABLE provider_head IN ACCESS EXCLUSIVE MODE"));
    int64_t start = assay_clock_monotonic_us();
    while (assay_service_stamp(st.service, codes[0], &now)) {
        ck_assert_int_lt(assay_clock_monotonic_us() - start, 10000000);
        sleep_ms(5);
    }
    PQfinish(c);
    now = stamp_of(&st, codes[0]);
    close_station(&st);
}
END_TEST

/* --- many at once --------------------------------------------------------------------------------------------------------------- */

#define READERS 4
struct reader {
    struct station st;
    pthread_t thread;
    atomic_bool *stop;
    atomic_uint *reads;
};

static void *read_on(void *arg) {
    struct reader *r = arg;
    while (!atomic_load(r->stop)) {
        free(shown(&r->st, periods[atomic_fetch_add(r->reads, 1) % N_PERIODS]));
    }
    return NULL;
}

/* Readers and a writer at once: no reader sees less than what was acknowledged before it began; flights are shared. */
START_TEST(readers_share_a_flight) {
    struct station writer = open_station(0);
    struct reader readers[READERS];
    atomic_bool stop = false;
    atomic_uint reads = 0;
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.st = {.service = writer.service}, .stop = &stop, .reads = &reads};
        OK(assay_session_open(writer.service, &readers[i].st.session, &err));
        ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    size_t writes = 0;
    for (size_t i = 0; i < n_items; i += 8, writes++) {
        struct assay_period_view v;
        send(&writer, i, 8);
        /* Each provider's last record was received now: a view that lacks one of the batch says otherwise. */
        assay_arena_reset(&writer.session->arena);
        OK(assay_read_period(writer.session, ASSAY_STR(SCHEME), ASSAY_STR("2001-02"), &v, &err));
        for (size_t k = 0; k < 8; k++)
            ck_assert_int_eq(assay_period_provider(&v, items[(i + k) % n_items].provider)->last_record_at, test_now());
        assay_session_unpin(writer.session);
        if (writes % 16 == 0) put_provider(&writer, codes[writes / 16 % PROVIDERS], writes % 32 ? "Chengdu" : "Beijing", false);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        assay_session_close(readers[i].st.session);
    }
    struct station full = open_station(1);
    same_as_full(&writer, &full, "after all");
    close_station(&full);
    close_station(&writer);
}
END_TEST

struct together {
    struct station st;
    pthread_t thread;
    pthread_barrier_t *go;
};

static void *read_once(void *arg) {
    struct together *t = arg;
    pthread_barrier_wait(t->go);
    free(shown(&t->st, "2001-02"));
    return NULL;
}

START_TEST(one_refresh_for_all_who_wait) {
    struct station writer = open_station(0);
    struct together t[READERS];
    pthread_barrier_t go;
    send_all(&writer);
    free(shown(&writer, "2001-02"));
    for (int i = 0; i < READERS; i++) {
        t[i] = (struct together){.st = {.service = writer.service}, .go = &go};
        OK(assay_session_open(writer.service, &t[i].st.session, &err));
    }
    for (int round = 0; round < 20; round++) {
        struct assay_item it = items[round];
        it.id = assay_str_c(assay_arena_printf(&network_arena, "round-%d", round));
        OK(assay_ingest_apply(writer.session, &it, 1, &err));
        uint64_t before = stats_of(&writer).refreshes;
        pthread_barrier_init(&go, NULL, READERS);
        for (int i = 0; i < READERS; i++) ck_assert_int_eq(pthread_create(&t[i].thread, NULL, read_once, &t[i]), 0);
        for (int i = 0; i < READERS; i++) pthread_join(t[i].thread, NULL);
        pthread_barrier_destroy(&go);
        ck_assert_uint_eq(stats_of(&writer).refreshes, before + 1);
    }
    for (int i = 0; i < READERS; i++) assay_session_close(t[i].st.session);
    close_station(&writer);
}
END_TEST

static void *fail_once(void *arg) {
    struct together *t = arg;
    struct assay_period_view v;
    struct assay_error e = {0};
    pthread_barrier_wait(t->go);
    enum assay_status st = assay_read_period(t->st.session, ASSAY_STR(SCHEME), ASSAY_STR("2001-02"), &v, &e);
    ck_assert(st != ASSAY_OK && e.status == st && e.detail[0]);
    return NULL;
}

/* A database that hangs holds those who wait for one reading once, not one after the other. */
START_TEST(a_flight_fails_for_all) {
    struct station st;
    struct together t[READERS];
    pthread_barrier_t go;
    struct assay_service_options o = {.conninfo = info, .now = test_now, .statement_timeout_ms = 2000};
    OK(assay_service_start(&o, &st.service, &err));
    OK(assay_session_open(st.service, &st.session, &err));
    send(&st, 0, 8);
    PGconn *c = PQconnectdb(info);
    PQclear(PQexec(c, "BEGIN; LOCK TABLE tally IN ACCESS EXCLUSIVE MODE"));
    pthread_barrier_init(&go, NULL, READERS);
    for (int i = 0; i < READERS; i++) {
        t[i] = (struct together){.st = {.service = st.service}, .go = &go};
        OK(assay_session_open(st.service, &t[i].st.session, &err));
    }
    int64_t start = assay_clock_monotonic_us();
    for (int i = 0; i < READERS; i++) ck_assert_int_eq(pthread_create(&t[i].thread, NULL, fail_once, &t[i]), 0);
    for (int i = 0; i < READERS; i++) pthread_join(t[i].thread, NULL);
    ck_assert_int_lt(assay_clock_monotonic_us() - start, 5000000);
    pthread_barrier_destroy(&go);
    PQfinish(c);
    /* And the next one is not held against it. */
    OK(assay_session_usable(st.session, &err));
    free(shown(&st, "2001-02"));
    for (int i = 0; i < READERS; i++) assay_session_close(t[i].st.session);
    close_station(&st);
}
END_TEST

START_TEST(views_are_bounded) {
    struct station one = open_station(0);
    send_all(&one);
    free(shown(&one, "2001-02"));
    uint64_t size = stats_of(&one).bytes;
    ck_assert_uint_eq(stats_of(&one).views, 1);
    close_station(&one);
    struct station two = open_station((size_t)size * 2 + size / 2), full = open_station(1);
    for (int i = 0; i < 3; i++) {
        same_as_full(&two, &full, "bounded");
        struct assay_period_stats s = stats_of(&two);
        ck_assert_uint_le(s.views, 2);
        ck_assert_uint_le(s.bytes, size * 2 + size / 2);
    }
    ck_assert_uint_eq(stats_of(&two).views, 2);
    /* The latest used stay. */
    uint64_t refreshes = stats_of(&two).refreshes;
    free(shown(&two, "2001-02"));
    free(shown(&two, "2001-03"));
    ck_assert_uint_eq(stats_of(&two).refreshes, refreshes);
    free(shown(&two, "2000-12"));
    ck_assert_uint_eq(stats_of(&two).refreshes, refreshes + 1);
    close_station(&two);
    close_station(&full);
}
END_TEST

static Suite *suite_of_polling(void) {
    Suite *s = suite_create("polling");
    TCase *t = tcase_create("polling");
    tcase_set_timeout(t, 240);
    tcase_add_unchecked_fixture(t, once, NULL);
    tcase_add_checked_fixture(t, fresh_database, drop_database);
    tcase_add_loop_test(t, kept_is_as_worked_out_anew, 0, LOOPS(3));
    tcase_add_test(t, only_what_changed_is_read);
    tcase_add_test(t, a_commit_moves_its_providers_stamp_only);
    tcase_add_test(t, another_daemons_commit_shows_within_a_second);
    tcase_add_test(t, a_duplicate_shows_what_stands);
    tcase_add_test(t, revisions_that_go_back_are_a_change);
    tcase_add_test(t, nothing_is_served_blindly);
    tcase_add_test(t, nothing_is_served_while_a_look_hangs);
    tcase_add_test(t, readers_share_a_flight);
    tcase_add_test(t, one_refresh_for_all_who_wait);
    tcase_add_test(t, a_flight_fails_for_all);
    tcase_add_test(t, views_are_bounded);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_polling)
