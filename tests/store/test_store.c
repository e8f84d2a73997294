/* test_store.c -- the store against a real PostgreSQL: migrations, configuration, the write path, what can go wrong in it,
 * reads. */
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "assay/store.h"
#include "check_main.h"
#include "pg.h"

#define T0 (INT64_C(980000000) * ASSAY_SECOND) /* 2001-01-20T14:13:20Z */
#define HOUR (INT64_C(3600) * ASSAY_SECOND)
#define M0 (2001 * 12)

static char template_info[TEST_PG_CONNINFO], shared_info[TEST_PG_CONNINFO], empty_info[TEST_PG_CONNINFO], info[TEST_PG_CONNINFO];
static struct assay_db *db;
static struct assay_arena arena;
static _Thread_local struct assay_error err; /* threads of a test fail each for itself */

#define OK(call)                                                                                \
    do {                                                                                        \
        enum assay_status ok_ = (call);                                                         \
        ck_assert_msg(ok_ == ASSAY_OK, "%s: %s %s", #call, assay_status_code(ok_), err.detail); \
    } while (0)
#define FAILS(call, status)                                                                                   \
    do {                                                                                                      \
        enum assay_status is_ = (call);                                                                       \
        ck_assert_msg(is_ == (status), "%s: %s (%s), expected %s", #call, assay_status_code(is_), err.detail, \
                      assay_status_code(status));                                                             \
    } while (0)

static struct assay_str str(const char *z) { return assay_str_c(z); }
static struct assay_str text(const char *fmt, ...) {
    char buf[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    return assay_arena_dup(&arena, str(buf));
}
#define STR_EQ(a, b)                                                                                                  \
    ck_assert_msg(((a).p == NULL) == ((b).p == NULL) && assay_str_eq(a, b), "'%.*s' is not '%.*s'", ASSAY_STR_ARG(a), \
                  ASSAY_STR_ARG(b))

/* --- a database of one's own ---------------------------------------------------------------------------------------- */

static struct assay_db *connect_to(const char *conninfo) {
    struct assay_db *d = NULL;
    OK(assay_db_open(conninfo, 20000, &d, &err));
    return d;
}

static void make_template(void) {
    int applied;
    test_pg_start();
    if (template_info[0]) return;
    test_pg_database(template_info);
    db = connect_to(template_info);
    OK(assay_store_migrate(db, T0, &applied, &err));
    assay_db_close(db);
    db = NULL;
    test_pg_database_like(template_info, shared_info);
}

static void make(void) {
    test_pg_database_like(template_info, info);
    db = connect_to(info);
}

static void make_empty(void) {
    test_pg_database(empty_info);
    db = connect_to(empty_info);
}

/* The first value of a statement, said on a connection of its own. */
static const char *ask(const char *conninfo, const char *fmt, ...) {
    char sql[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    PGconn *c = PQconnectdb(conninfo);
    PGresult *r = PQexec(c, sql);
    ck_assert_msg(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK, "%s: %s", sql,
                  PQerrorMessage(c));
    const char *v = PQntuples(r) ? assay_arena_dup(&arena, str(PQgetvalue(r, 0, 0))).p : "";
    PQclear(r);
    PQfinish(c);
    return v;
}
#define ASK(...) ask(info, __VA_ARGS__)
static long number(const char *z) { return strtol(z, NULL, 10); }

/* The one database of the tests that leave its configuration alone, with nothing else in it. */
static void make_clean(void) {
    memcpy(info, shared_info, sizeof info);
    ASK("TRUNCATE record, voided, work_order, verdict, tally, pay_tally, provider_head, upload, upload_rejection");
    db = connect_to(info);
}

/* The databases go with their server: dropping each would take longer than the tests. */
static void leave(void) {
    assay_db_close(db);
    assay_arena_free(&arena);
}

/* Cut off everyone else in the database, and see them gone. */
static void kill_backends(void) {
    ASK("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        "pg_backend_pid()");
}

static unsigned seed_state;
static unsigned rnd(unsigned n) { return (seed_state = seed_state * 1103515245u + 12345u) / 65536u % n; }

/* --- rows ----------------------------------------------------------------------------------------------------------- */

static struct assay_record_row record_of(int32_t provider, enum assay_kind kind, const char *id, const char *order) {
    return (struct assay_record_row){.key = {provider, kind, str(id)},
                                     .type = ASSAY_ORDER_OPENED,
                                     .order_no = str(order),
                                     .content = str("{}"),
                                     .at = T0,
                                     .received_at = T0 + 1,
                                     .seq = 1,
                                     .party = ASSAY_PARTY_PROVIDER};
}

static struct assay_order_row order_of(int32_t provider, const char *order, enum assay_state state, assay_instant opened_at) {
    return (struct assay_order_row){.key = {provider, str(order)},
                                    .state = state,
                                    .channel = ASSAY_CHANNEL_WALK_IN,
                                    .opened_at = opened_at,
                                    .dispatched_at = ASSAY_NO_INSTANT,
                                    .closed_at = ASSAY_NO_INSTANT,
                                    .product = str("notebook"),
                                    .packed = str("")};
}

static struct assay_verdict_row verdict_of(struct assay_order_key key, int16_t scheme, enum assay_outcome outcome) {
    return (struct assay_verdict_row){.key = key,
                                      .scheme_id = scheme,
                                      .outcome = outcome,
                                      .scheme_version = 1,
                                      .calendar_version = 1,
                                      .month = ASSAY_NO_MONTH,
                                      .diagnosis_deadline = ASSAY_NO_INSTANT,
                                      .cycle_deadline = ASSAY_NO_INSTANT};
}

static void same_record(const struct assay_record_row *a, const struct assay_record_row *b) {
    ck_assert_int_eq(a->key.provider_id, b->key.provider_id);
    ck_assert_int_eq(a->key.kind, b->key.kind);
    STR_EQ(a->key.id, b->key.id);
    ck_assert_int_eq(a->type, b->type);
    STR_EQ(a->order_no, b->order_no);
    STR_EQ(a->content, b->content);
    ck_assert_int_eq(a->at, b->at);
    ck_assert_int_eq(a->received_at, b->received_at);
    ck_assert_int_eq(a->seq, b->seq);
    ck_assert_int_eq(a->upload_id, b->upload_id);
    ck_assert_int_eq(a->party, b->party);
}

static void same_order(const struct assay_order_row *a, const struct assay_order_row *b) {
    ck_assert_int_eq(a->key.provider_id, b->key.provider_id);
    STR_EQ(a->key.order_no, b->key.order_no);
    ck_assert_int_eq(a->state, b->state);
    ck_assert_int_eq(a->channel, b->channel);
    ck_assert_int_eq(a->customer_class, b->customer_class);
    ck_assert_int_eq(a->warranty, b->warranty);
    ck_assert_int_eq(a->opened_at, b->opened_at);
    ck_assert_int_eq(a->dispatched_at, b->dispatched_at);
    ck_assert_int_eq(a->closed_at, b->closed_at);
    STR_EQ(a->product, b->product);
    STR_EQ(a->packed, b->packed);
}

static void same_verdict(const struct assay_verdict_row *a, const struct assay_verdict_row *b) {
    ck_assert_int_eq(a->key.provider_id, b->key.provider_id);
    STR_EQ(a->key.order_no, b->key.order_no);
    ck_assert_int_eq(a->scheme_id, b->scheme_id);
    ck_assert_int_eq(a->outcome, b->outcome);
    ck_assert_int_eq(a->reason, b->reason);
    ck_assert_int_eq(a->scheme_version, b->scheme_version);
    ck_assert_int_eq(a->calendar_version, b->calendar_version);
    ck_assert_int_eq(a->month, b->month);
    ck_assert_int_eq(a->diagnosis, b->diagnosis);
    ck_assert_int_eq(a->cycle, b->cycle);
    ck_assert_int_eq(a->diagnosis_deadline, b->diagnosis_deadline);
    ck_assert_int_eq(a->cycle_deadline, b->cycle_deadline);
    ck_assert_int_eq(a->paid, b->paid);
    if (a->paid) ck_assert_int_eq(a->rate, b->rate);
}

/* --- transactions --------------------------------------------------------------------------------------------------- */

static enum assay_status begin_on(struct assay_db *d, const int32_t *providers, size_t n, struct assay_ingest_load *l) {
    *l = (struct assay_ingest_load){.providers = providers, .n_providers = n};
    return assay_store_ingest_begin(d, l, &arena, &err);
}

/* A whole transaction for providers 1..3 that saves. */
static enum assay_status save_all(const struct assay_ingest_save *save) {
    static const int32_t providers[] = {1, 2, 3};
    struct assay_ingest_load l;
    enum assay_status s = begin_on(db, providers, 3, &l);
    return s ? s : assay_store_ingest_save(db, save, true, &err);
}

static void save_orders(const struct assay_order_row *orders, size_t n_orders, const struct assay_verdict_row *verdicts,
                        size_t n_verdicts) {
    OK(save_all(
        &(struct assay_ingest_save){.orders = orders, .n_orders = n_orders, .verdicts = verdicts, .n_verdicts = n_verdicts}));
}

/* === migrations ====================================================================================================== */

START_TEST(migrate_brings_an_empty_database_up_once) {
    int applied = -1;
    FAILS(assay_store_check_schema(db, &err), ASSAY_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.detail, "assayd migrate"));
    OK(assay_store_migrate(db, T0, &applied, &err));
    ck_assert_int_ge(applied, 1);
    ck_assert_int_eq(number(ask(empty_info, "SELECT count(*) FROM schema_migration")), applied);
    OK(assay_store_check_schema(db, &err));
    OK(assay_store_migrate(db, T0, &applied, &err));
    ck_assert_int_eq(applied, 0);
    OK(assay_store_check_schema(db, &err));
}
END_TEST

START_TEST(migrate_seeds_an_empty_configuration_only) {
    struct assay_document_row *rows;
    size_t n;
    int applied;
    int64_t revision;
    OK(assay_store_config_revision(db, &revision, &err));
    ck_assert_int_eq(revision, 1);
    OK(assay_store_documents(db, ASSAY_DOC_CALENDAR, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 1);
    STR_EQ(rows[0].code, str("cn-office"));
    ck_assert_int_eq(rows[0].version, 1);
    ck_assert_ptr_nonnull(strstr(rows[0].document.p, "Asia/Shanghai"));
    OK(assay_store_documents(db, ASSAY_DOC_SCHEME, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 1);
    STR_EQ(rows[0].code, str("hp-gold-fy01"));
    ck_assert_int_eq(rows[0].scheme_id, 1);
    ck_assert_int_eq(rows[0].effective_from, ASSAY_NO_DATE);
    ck_assert_int_eq(rows[0].recorded_at, T0);
    ck_assert_ptr_nonnull(strstr(rows[0].document.p, "金牌服务商"));
    OK(assay_store_documents(db, ASSAY_DOC_RATES, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 0);
    ASK("DELETE FROM calendar_version");
    OK(assay_store_migrate(db, T0, &applied, &err));
    ck_assert_str_eq(ASK("SELECT count(*) FROM calendar_version"), "0");
}
END_TEST

START_TEST(another_schema_is_refused) {
    int applied;
    ASK("INSERT INTO schema_migration VALUES (9999, 'from_the_future', now())");
    FAILS(assay_store_check_schema(db, &err), ASSAY_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.detail, "newer"));
    FAILS(assay_store_migrate(db, T0, &applied, &err), ASSAY_CONFIG);
    ASK("DELETE FROM schema_migration WHERE version = 9999");
    ASK("UPDATE schema_migration SET name = '0001_other' WHERE version = 1");
    FAILS(assay_store_check_schema(db, &err), ASSAY_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.detail, "0001_other"));
    ASK("DELETE FROM schema_migration");
    FAILS(assay_store_check_schema(db, &err), ASSAY_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.detail, "assayd migrate"));
    OK(assay_db_ping(db, &err));
}
END_TEST

static void *migrate_in_thread(void *applied) {
    struct assay_db *d = NULL;
    struct assay_error e;
    enum assay_status s = assay_db_open(empty_info, 20000, &d, &e);
    if (!s) s = assay_store_migrate(d, T0, applied, &e);
    assay_db_close(d);
    return s ? (void *)1 : NULL;
}

START_TEST(migrations_at_once_apply_once) {
    pthread_t threads[3];
    int applied[3] = {0}, sum = 0;
    for (int i = 0; i < 3; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, migrate_in_thread, &applied[i]), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
        sum += applied[i];
    }
    ck_assert_int_eq(sum, number(ask(empty_info, "SELECT count(*) FROM schema_migration")));
    ck_assert_str_eq(ask(empty_info, "SELECT count(*) FROM config"), "1");
    ck_assert_str_eq(ask(empty_info, "SELECT count(*) FROM scheme_version"), "1");
}
END_TEST

/* === configuration =================================================================================================== */

START_TEST(providers_come_back_by_provider_and_date) {
    assay_date d = assay_date_from_civil(2001, 2, 1);
    const struct assay_provider_row in[] = {
        {.provider_id = 2,
         .version = 1,
         .code = str("P002"),
         .name = str("东方维修"),
         .city = str("北京"),
         .status = str("active"),
         .effective_from = ASSAY_NO_DATE,
         .recorded_at = T0,
         .ascim = true},
        {.provider_id = 1,
         .version = 1,
         .code = str("P001"),
         .name = str("One"),
         .city = str("Wuhan"),
         .status = str("active"),
         .effective_from = ASSAY_NO_DATE,
         .recorded_at = T0},
        {.provider_id = 1,
         .version = 2,
         .code = str("P001"),
         .name = str("One"),
         .city = str("Shenzhen"),
         .status = str("suspended"),
         .effective_from = d,
         .recorded_at = T0 + 1},
        {.provider_id = 1,
         .version = 3,
         .code = str("P001"),
         .name = str("One"),
         .city = str("Xi'an"),
         .status = str("active"),
         .effective_from = d - 1,
         .recorded_at = T0 + 2},
    };
    static const int order[] = {1, 3, 2, 0};
    struct assay_provider_row *out;
    size_t n;
    OK(assay_store_provider_insert(db, in, 3, &err));
    OK(assay_store_provider_insert(db, in + 3, 1, &err));
    OK(assay_store_provider_insert(db, in, 0, &err));
    OK(assay_store_providers(db, &arena, &out, &n, &err));
    ck_assert_uint_eq(n, 4);
    for (size_t i = 0; i < n; i++) {
        const struct assay_provider_row *a = &out[i], *b = &in[order[i]];
        ck_assert_int_eq(a->provider_id, b->provider_id);
        ck_assert_int_eq(a->version, b->version);
        STR_EQ(a->code, b->code);
        STR_EQ(a->name, b->name);
        STR_EQ(a->city, b->city);
        STR_EQ(a->status, b->status);
        ck_assert_int_eq(a->ascim, b->ascim);
        ck_assert_int_eq(a->effective_from, b->effective_from);
        ck_assert_int_eq(a->recorded_at, b->recorded_at);
    }
    FAILS(assay_store_provider_insert(db, in, 1, &err), ASSAY_DATABASE); /* that version stands */
}
END_TEST

START_TEST(documents_come_back_by_code_and_version) {
    struct assay_document_row *out;
    size_t n;
    for (int kind = ASSAY_DOC_CALENDAR; kind <= ASSAY_DOC_SCHEME; kind++) {
        struct assay_document_row rows[] = {
            {.scheme_id = 7,
             .code = str("zz"),
             .document = str("{\"文\": 2}"),
             .version = 2,
             .effective_from = 100,
             .recorded_at = T0 + 2},
            {.scheme_id = 7,
             .code = str("zz"),
             .document = str("{}"),
             .version = 1,
             .effective_from = ASSAY_NO_DATE,
             .recorded_at = T0},
            {.scheme_id = 8, .code = str("Za"), .document = str("[]"), .version = 1, .effective_from = 5, .recorded_at = T0},
        };
        for (size_t i = 0; i < 3; i++) OK(assay_store_document_insert(db, kind, &rows[i], &err));
        OK(assay_store_documents(db, kind, &arena, &out, &n, &err));
        ck_assert_uint_ge(n, 3);
        STR_EQ(out[0].code, str("Za")); /* bytes, not words, decide: before cn-office and hp-gold-fy01 */
        for (size_t i = n - 2, v = 1; i < n; i++, v++) {
            const struct assay_document_row *want = &rows[2 - v];
            STR_EQ(out[i].code, want->code);
            STR_EQ(out[i].document, want->document);
            ck_assert_int_eq(out[i].version, (int)v);
            ck_assert_int_eq(out[i].recorded_at, want->recorded_at);
            if (kind != ASSAY_DOC_SCHEME) continue;
            ck_assert_int_eq(out[i].scheme_id, 7);
            ck_assert_int_eq(out[i].effective_from, want->effective_from);
        }
        FAILS(assay_store_document_insert(db, kind, &rows[0], &err), ASSAY_DATABASE);
    }
}
END_TEST

START_TEST(the_configuration_lock_keeps_others_out) {
    int64_t revision;
    struct assay_db *other = NULL;
    OK(assay_db_open(info, 200, &other, &err));
    OK(assay_db_begin(db, false, &err));
    OK(assay_store_config_lock(db, &revision, &err));
    ck_assert_int_eq(revision, 1);
    OK(assay_store_config_advance(db, &err));
    OK(assay_store_config_revision(other, &revision, &err)); /* reading waits for nobody */
    ck_assert_int_eq(revision, 1);
    OK(assay_db_begin(other, false, &err));
    FAILS(assay_store_config_lock(other, &revision, &err), ASSAY_DATABASE_UNAVAILABLE); /* waited its time out */
    OK(assay_db_restore(other, &err));
    OK(assay_db_commit(db, &err));
    OK(assay_db_begin(other, false, &err));
    OK(assay_store_config_lock(other, &revision, &err));
    ck_assert_int_eq(revision, 2);
    assay_db_close(other);
}
END_TEST

/* === the write path ================================================================================================== */

START_TEST(everything_saved_comes_back) {
    static const int32_t providers[] = {1, 2};
    const struct assay_record_row records[] = {
        {.key = {1, ASSAY_KIND_REPAIR, str("a-1")},
         .type = ASSAY_ORDER_OPENED,
         .order_no = str("W1"),
         .content = str("{\"product\":\"激光打印机\"}"),
         .at = T0 + 123456,
         .received_at = T0 + 7,
         .seq = 1,
         .upload_id = INT64_MAX,
         .party = ASSAY_PARTY_PROVIDER},
        {.key = {1, ASSAY_KIND_DISPATCH, str("a-1")},
         .type = ASSAY_DISPATCHED,
         .order_no = str("W1"),
         .content = str("{}"),
         .at = 0,
         .received_at = ASSAY_INSTANT_MAX - 1,
         .seq = 2,
         .party = ASSAY_PARTY_CCC},
        {.key = {2, ASSAY_KIND_REPAIR, str("v")},
         .type = ASSAY_EVENT_VOIDED,
         .order_no = ASSAY_STR_NONE,
         .content = str("{\"target\":\"a-1\"}"),
         .at = T0,
         .received_at = T0,
         .seq = 9,
         .party = ASSAY_PARTY_MANUFACTURER},
        {.key = {2, ASSAY_KIND_SURVEY, str("~")},
         .type = ASSAY_SURVEY_RESPONSE,
         .order_no = ASSAY_STR_NONE,
         .content = str(""),
         .at = T0,
         .received_at = T0,
         .seq = 10,
         .party = ASSAY_PARTY_CCC},
    };
    const struct assay_record_key voided[] = {{1, ASSAY_KIND_REPAIR, str("later")}, {2, ASSAY_KIND_REPAIR, str("a-1")}};
    const struct assay_order_row orders[] = {
        {.key = {1, str("W1")},
         .state = ASSAY_STATE_CLOSED,
         .channel = ASSAY_CHANNEL_CCC,
         .customer_class = ASSAY_CLASS_KEY,
         .warranty = ASSAY_WARRANTY_OUT,
         .opened_at = T0,
         .dispatched_at = T0 - 1,
         .closed_at = T0 + 99,
         .product = str("笔记本"),
         .packed = {"\0\1\377\0", 4}},
        {.key = {2, str("W1")},
         .opened_at = ASSAY_NO_INSTANT,
         .dispatched_at = ASSAY_NO_INSTANT,
         .closed_at = ASSAY_NO_INSTANT,
         .product = ASSAY_STR_NONE,
         .packed = str("")},
    };
    const struct assay_verdict_row verdicts[] = {
        {.key = orders[0].key,
         .scheme_id = 1,
         .outcome = ASSAY_UNDETERMINED,
         .reason = ASSAY_REASON_MISSING_SHIPMENT,
         .scheme_version = 3,
         .calendar_version = 4,
         .month = M0,
         .diagnosis = ASSAY_CLOCK_EXEMPT,
         .cycle = ASSAY_CLOCK_UNDETERMINED,
         .diagnosis_deadline = ASSAY_NO_INSTANT,
         .cycle_deadline = ASSAY_NO_INSTANT,
         .paid = true,
         .rate = ASSAY_NO_RATE},
        {.key = orders[0].key,
         .scheme_id = 2,
         .outcome = ASSAY_PENDING,
         .scheme_version = 1,
         .calendar_version = 1,
         .month = ASSAY_NO_MONTH,
         .diagnosis = ASSAY_CLOCK_PENDING,
         .cycle = ASSAY_CLOCK_PENDING,
         .diagnosis_deadline = T0 + 5,
         .cycle_deadline = T0 + 6},
        {.key = orders[1].key,
         .scheme_id = 1,
         .month = M0 + 1,
         .diagnosis_deadline = ASSAY_NO_INSTANT,
         .cycle_deadline = T0,
         .paid = true,
         .rate = INT64_C(12345678901)},
    };
    struct assay_tally_row tallies[] = {{1, 1, M0, {0}}, {2, 1, M0 + 1, {0}}};
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) tallies[0].counts[i] = i + 1, tallies[1].counts[i] = -i;
    const struct assay_pay_row pays[] = {{1, 1, M0, ASSAY_NO_RATE, 1}, {2, 1, M0 + 1, INT64_C(12345678901), 3}};
    struct assay_ingest_load l;
    OK(begin_on(db, providers, 2, &l));
    ck_assert_int_eq(l.config_revision, 1);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(l.heads[i].provider_id, providers[i]);
        ck_assert_int_eq(l.heads[i].seq, 0);
        ck_assert_int_eq(l.heads[i].revision, 1);
        ck_assert_int_eq(l.heads[i].last_record_at, ASSAY_NO_INSTANT);
        l.heads[i].seq = 10 + i, l.heads[i].last_record_at = T0 + i;
    }
    OK(assay_store_ingest_save(db,
                               &(struct assay_ingest_save){.records = records,
                                                           .n_records = 4,
                                                           .voided = voided,
                                                           .n_voided = 2,
                                                           .orders = orders,
                                                           .n_orders = 2,
                                                           .verdicts = verdicts,
                                                           .n_verdicts = 3,
                                                           .tallies = tallies,
                                                           .n_tallies = 2,
                                                           .pays = pays,
                                                           .n_pays = 2,
                                                           .heads = l.heads,
                                                           .n_heads = 2},
                               true, &err));

    /* What the next transaction sees of it. */
    const struct assay_record_key keys[] = {
        records[0].key, {1, ASSAY_KIND_SHIPMENT, str("a-1")}, records[2].key,
        records[0].key, {2, ASSAY_KIND_REPAIR, str("a-1")},   {1, ASSAY_KIND_REPAIR, str("later")}};
    const struct assay_record_row *found[] = {&records[0], NULL, &records[2], &records[0], NULL, NULL};
    static const bool is_voided[] = {false, false, false, false, true, true};
    const struct assay_order_key order_keys[] = {{1, str("W2")}, orders[0].key, {2, str("W1")}, {3, str("W1")}};
    const struct assay_order_row *order_rows[] = {NULL, &orders[0], &orders[1], NULL};
    const struct assay_record_key targets[] = {{2, ASSAY_KIND_SHIPMENT, str("no")}, records[0].key, records[3].key};
    struct assay_ingest_load m = {.providers = providers,
                                  .n_providers = 2,
                                  .keys = keys,
                                  .n_keys = 6,
                                  .orders = order_keys,
                                  .n_orders = 4,
                                  .targets = targets,
                                  .n_targets = 3};
    OK(assay_store_ingest_begin(db, &m, &arena, &err));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(m.heads[i].seq, 10 + i);
        ck_assert_int_eq(m.heads[i].revision, 2);
        ck_assert_int_eq(m.heads[i].last_record_at, T0 + i);
    }
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(m.found[i] != NULL, found[i] != NULL);
        if (found[i]) same_record(m.found[i], found[i]);
        ck_assert_int_eq(m.voided[i], is_voided[i]);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(m.order_rows[i] != NULL, order_rows[i] != NULL);
        if (order_rows[i]) same_order(m.order_rows[i], order_rows[i]);
    }
    ck_assert_ptr_null(m.target_rows[0]);
    ck_assert_ptr_null(m.target_orders[0]);
    same_record(m.target_rows[1], &records[0]);
    same_order(m.target_orders[1], &orders[0]);
    same_record(m.target_rows[2], &records[3]);
    ck_assert_ptr_null(m.target_orders[2]);
    assay_db_rollback(db);

    /* And the reads. */
    struct assay_record_row *r;
    struct assay_verdict_row *v;
    struct assay_order_row *o;
    struct assay_tally_row *t;
    struct assay_pay_row *p;
    struct assay_record_key *k;
    size_t n;
    OK(assay_store_records(db, keys, 6, &arena, &r, &n, &err));
    ck_assert_uint_eq(n, 3);
    same_record(&r[0], &records[0]);
    same_record(&r[1], &records[2]);
    same_record(&r[2], &records[0]);
    OK(assay_store_records_of(db, 1, &arena, &r, &n, &err));
    ck_assert_uint_eq(n, 2);
    same_record(&r[0], &records[0]);
    same_record(&r[1], &records[1]);
    OK(assay_store_verdicts_of(db, 1, &arena, &v, &n, &err));
    ck_assert_uint_eq(n, 2);
    same_verdict(&v[0], &verdicts[0]);
    same_verdict(&v[1], &verdicts[1]);
    OK(assay_store_verdicts_of(db, 2, &arena, &v, &n, &err));
    ck_assert_uint_eq(n, 1);
    same_verdict(&v[0], &verdicts[2]);
    OK(assay_store_tallies_of(db, 2, &arena, &t, &n, &err));
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(t[0].month, M0 + 1);
    ck_assert_mem_eq(t[0].counts, tallies[1].counts, sizeof t[0].counts);
    OK(assay_store_pays_of(db, 1, &arena, &p, &n, &err));
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(p[0].rate, ASSAY_NO_RATE);
    OK(assay_store_voided_of(db, 2, &arena, &k, &n, &err));
    ck_assert_uint_eq(n, 1);
    STR_EQ(k[0].id, str("a-1"));
    OK(assay_store_order(db, orders[0].key, &arena, &o, &err));
    same_order(o, &orders[0]);
    OK(assay_store_order(db, orders[1].key, &arena, &o, &err)); /* state none: does not exist */
    ck_assert_ptr_null(o);
    OK(assay_store_orders_of(db, 2, ASSAY_STR_NONE, 5, &arena, &o, &n, &err)); /* but a refold sees it */
    ck_assert_uint_eq(n, 1);
    same_order(&o[0], &orders[1]);
    OK(assay_store_orders_of(db, 2, str("W1"), 5, &arena, &o, &n, &err));
    ck_assert_uint_eq(n, 0);
    OK(assay_store_loose_surveys(db, 2, &arena, &r, &n, &err));
    ck_assert_uint_eq(n, 1);
    same_record(&r[0], &records[3]);
    ck_assert_str_eq(ASK("SELECT count(*) FROM record_readable JOIN work_order_readable USING (order_no)"),
                     "0"); /* no provider 1 registered */
}
END_TEST

START_TEST(orders_and_verdicts_are_replaced) {
    struct assay_order_row o = order_of(1, "W1", ASSAY_STATE_OPEN, T0);
    struct assay_verdict_row v = verdict_of(o.key, 1, ASSAY_PENDING), *vs;
    size_t n;
    v.diagnosis_deadline = T0;
    save_orders(&o, 1, &v, 1);
    o.state = ASSAY_STATE_CLOSED, o.closed_at = T0 + 1, o.product = ASSAY_STR_NONE, o.packed = str("xyz");
    v.outcome = ASSAY_COMPLIANT, v.month = M0, v.diagnosis_deadline = ASSAY_NO_INSTANT, v.paid = true, v.rate = 0;
    save_orders(&o, 1, &v, 1);
    struct assay_order_row *is;
    OK(assay_store_order(db, o.key, &arena, &is, &err));
    same_order(is, &o);
    OK(assay_store_verdicts_of(db, 1, &arena, &vs, &n, &err));
    ck_assert_uint_eq(n, 1);
    same_verdict(vs, &v);
}
END_TEST

START_TEST(voids_are_seen_from_both_sides) {
    const struct assay_record_key key = {1, ASSAY_KIND_SHIPMENT, str("s")}, same_id = {1, ASSAY_KIND_REPAIR, str("s")};
    static const int32_t one[] = {1};
    struct assay_ingest_load l = {.providers = one,
                                  .n_providers = 1,
                                  .keys = (struct assay_record_key[]){key, same_id},
                                  .n_keys = 2,
                                  .targets = &key,
                                  .n_targets = 1};
    /* The void comes first, twice: its target is unknown, and the mark stands once. */
    for (int i = 0; i < 2; i++) OK(save_all(&(struct assay_ingest_save){.voided = &key, .n_voided = 1}));
    OK(assay_store_ingest_begin(db, &l, &arena, &err));
    ck_assert(l.voided[0] && !l.voided[1]);
    ck_assert_ptr_null(l.target_rows[0]);
    assay_db_rollback(db);
    /* Then the target. */
    struct assay_record_row r = record_of(1, ASSAY_KIND_SHIPMENT, "s", "W1");
    OK(save_all(&(struct assay_ingest_save){.records = &r, .n_records = 1}));
    OK(assay_store_ingest_begin(db, &l, &arena, &err));
    ck_assert(l.voided[0]);
    ck_assert_ptr_nonnull(l.found[0]);
    ck_assert_ptr_null(l.found[1]);
    same_record(l.target_rows[0], &r);
    ck_assert_ptr_null(l.target_orders[0]); /* its order has no row yet */
    assay_db_rollback(db);
    /* A voided response is not among the loose ones. */
    struct assay_record_row loose[] = {record_of(1, ASSAY_KIND_SURVEY, "q1", NULL), record_of(1, ASSAY_KIND_SURVEY, "q2", NULL),
                                       record_of(1, ASSAY_KIND_SURVEY, "q3", "W1"), record_of(1, ASSAY_KIND_REPAIR, "q4", NULL)};
    struct assay_record_row *rows;
    size_t n;
    OK(save_all(&(struct assay_ingest_save){.records = loose, .n_records = 4, .voided = &loose[0].key, .n_voided = 1}));
    OK(assay_store_loose_surveys(db, 1, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 1);
    STR_EQ(rows[0].key.id, str("q2"));
}
END_TEST

START_TEST(tallies_and_pays_add_up) {
    struct assay_tally_row t[] = {{1, 1, M0, {0}}, {1, 1, M0 + 1, {0}}, {1, 2, M0, {0}}}, *out;
    struct assay_pay_row p[] = {{1, 1, M0, ASSAY_NO_RATE, 2}, {1, 1, M0, 100, 5}}, *pays;
    size_t n;
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) t[0].counts[i] = i, t[1].counts[i] = 100 + i, t[2].counts[i] = 1;
    OK(save_all(&(struct assay_ingest_save){.tallies = t, .n_tallies = 3, .pays = p, .n_pays = 2}));
    /* A vector of an older program has fewer elements; one of a newer program more, which are kept. */
    ASK("UPDATE tally SET counts = counts[1:3] WHERE scheme_id = 1 AND month = %d", M0);
    ASK("UPDATE tally SET counts = counts || ARRAY[7, 8] WHERE scheme_id = 1 AND month = %d", M0 + 1);
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) t[0].counts[i] = 10 * i, t[1].counts[i] = -2 * i, t[2].counts[i] = -1;
    p[0].orders = -2, p[1].orders = 4;
    OK(save_all(&(struct assay_ingest_save){.tallies = t, .n_tallies = 3, .pays = p, .n_pays = 2}));
    OK(assay_store_tallies_of(db, 1, &arena, &out, &n, &err));
    ck_assert_uint_eq(n, 2); /* scheme 2's fell to nothing */
    for (int i = 0; i < ASSAY_TALLY_COUNT; i++) {
        ck_assert_int_eq(out[0].counts[i], (i < 3 ? i : 0) + 10 * i);
        ck_assert_int_eq(out[1].counts[i], 100 + i - 2 * i);
    }
    ck_assert_str_eq(ASK("SELECT counts[%d:] FROM tally WHERE month = %d", ASSAY_TALLY_COUNT + 1, M0 + 1), "{7,8}");
    OK(assay_store_pays_of(db, 1, &arena, &pays, &n, &err));
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(pays[0].orders, 9);
    OK(assay_store_pays(db, 1, NULL, 0, M0, &arena, &pays, &n, &err));
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(pays[0].rate, 100);
}
END_TEST

/* --- many rows, which go in another way -------------------------------------------------------------------------------- */

enum { MANY = 330, KNOWN = 110 };
static struct assay_record_row many_records[MANY];
static struct assay_order_row many_orders[MANY];
static struct assay_verdict_row many_verdicts[MANY];

/* Of the orders every third is stored already. */
static struct assay_ingest_save make_many(void) {
    for (int i = 0; i < MANY; i++) {
        const char *order = text("W%03d", i).p;
        many_records[i] = record_of(1, (enum assay_kind)(i % 5), text("id-%d", i).p, i % 7 ? order : NULL);
        many_records[i].content = text("{\"n\":\"%d 备件 %0200d\"}", i, i); /* together more than one chunk */
        many_records[i].seq = i + 1, many_records[i].upload_id = i % 2;
        many_orders[i] = order_of(1, order, ASSAY_STATE_OPEN, i % 4 ? T0 + i : ASSAY_NO_INSTANT);
        if (i % 5 == 0) many_orders[i].product = ASSAY_STR_NONE;
        many_orders[i].packed = (struct assay_str){"\0\1\2\377" + i % 4, (size_t)(4 - i % 4)};
        many_verdicts[i] = verdict_of(many_orders[i].key, 1, (enum assay_outcome)(i % 6));
        many_verdicts[i].paid = i % 2, many_verdicts[i].rate = i - 2;
        if (i % 3 == 0) many_verdicts[i].month = M0 + i;
    }
    struct assay_order_row known[KNOWN];
    struct assay_verdict_row judged_before[KNOWN];
    for (int i = 0; i < KNOWN; i++) {
        known[i] = order_of(1, many_orders[3 * i].key.order_no.p, ASSAY_STATE_CANCELLED, T0);
        judged_before[i] = verdict_of(known[i].key, 1, ASSAY_MISSED);
    }
    OK(save_all(&(struct assay_ingest_save){.orders = known, .n_orders = KNOWN, .verdicts = judged_before, .n_verdicts = KNOWN}));
    for (int i = 0; i < MANY; i++) many_orders[i].fresh = many_verdicts[i].fresh = i % 3 != 0;
    return (struct assay_ingest_save){.records = many_records,
                                      .n_records = MANY,
                                      .orders = many_orders,
                                      .n_orders = MANY,
                                      .verdicts = many_verdicts,
                                      .n_verdicts = MANY};
}

START_TEST(many_rows_come_back_as_well) {
    const struct assay_ingest_save save = make_many();
    struct assay_record_key keys[MANY];
    struct assay_record_row *r;
    struct assay_order_row *o;
    struct assay_verdict_row *v;
    size_t n;
    for (int i = 0; i < MANY; i++) keys[i] = many_records[i].key;
    OK(save_all(&save));
    OK(assay_store_records(db, keys, MANY, &arena, &r, &n, &err));
    ck_assert_uint_eq(n, MANY);
    for (int i = 0; i < MANY; i++) same_record(&r[i], &many_records[i]);
    OK(assay_store_orders_of(db, 1, ASSAY_STR_NONE, 1000, &arena, &o, &n, &err));
    ck_assert_uint_eq(n, MANY);
    for (int i = 0; i < MANY; i++) same_order(&o[i], &many_orders[i]);
    OK(assay_store_verdicts_of(db, 1, &arena, &v, &n, &err));
    ck_assert_uint_eq(n, MANY);
    for (int i = 0; i < MANY; i++) same_verdict(&v[i], &many_verdicts[i]);
    FAILS(save_all(&save), ASSAY_DATABASE); /* they stand already */
    OK(assay_db_restore(db, &err));
    for (int i = 0; i < MANY; i++) many_orders[i].fresh = many_verdicts[i].fresh = false;
    OK(save_all(
        &(struct assay_ingest_save){.orders = many_orders, .n_orders = MANY, .verdicts = many_verdicts, .n_verdicts = MANY}));
}
END_TEST

START_TEST(poison_among_many_rows_is_told) {
    const struct assay_ingest_save save = make_many();
    static const int32_t one[] = {1};
    struct assay_ingest_load l;
    many_records[250].content = str("\xC0\xAF");
    FAILS(save_all(&save), ASSAY_DATABASE);
    OK(assay_db_restore(db, &err));
    many_records[250].content = str("{}");
    many_orders[MANY - 1].fresh = true, many_orders[MANY - 1].key.order_no = str("W000"); /* wrongly said: it is stored */
    FAILS(save_all(&save), ASSAY_DATABASE);
    OK(assay_db_restore(db, &err));
    ck_assert_str_eq(ASK("SELECT count(*) FROM record"), "0");
    many_orders[MANY - 1].key.order_no = text("W%03d", MANY - 1);
    OK(begin_on(db, one, 1, &l));
    kill_backends();
    FAILS(assay_store_ingest_save(db, &save, true, &err), ASSAY_DATABASE_UNAVAILABLE);
    OK(assay_db_restore(db, &err));
    OK(save_all(&save));
    ck_assert_str_eq(ASK("SELECT count(*) FROM record"), "330");
}
END_TEST

/* --- locks ---------------------------------------------------------------------------------------------------------- */

struct contender {
    pthread_t thread;
    int32_t providers[2];
    size_t n;
    _Atomic bool done;
    enum assay_status status;
    struct assay_head heads[2];
};

static void *contend(void *arg) {
    struct contender *c = arg;
    struct assay_arena a = {0};
    struct assay_error e;
    struct assay_db *d = NULL;
    struct assay_ingest_load l = {.providers = c->providers, .n_providers = c->n};
    c->status = assay_db_open(info, 20000, &d, &e);
    if (!c->status) c->status = assay_store_ingest_begin(d, &l, &a, &e);
    if (!c->status) memcpy(c->heads, l.heads, c->n * sizeof *l.heads);
    c->done = true;
    if (!c->status) c->status = assay_db_commit(d, &e);
    assay_db_close(d);
    assay_arena_free(&a);
    return NULL;
}

static void wait_for_lock_waiters(int n) {
    for (int i = 0;
         i < 500 &&
         number(ASK("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")) < n;
         i++)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
}

START_TEST(heads_are_the_lock) {
    static const int32_t mine[] = {1, 2};
    struct assay_ingest_load l;
    struct contender waits = {.providers = {2, 3}, .n = 2}, free_to_go = {.providers = {3}, .n = 1};
    OK(begin_on(db, mine, 2, &l));
    l.heads[1].seq = 42;
    ck_assert_int_eq(pthread_create(&waits.thread, NULL, contend, &waits), 0);
    wait_for_lock_waiters(1);
    ck_assert(!waits.done);
    /* It waits for 2, taken in key order: it must not hold 3 yet. */
    ck_assert_int_eq(pthread_create(&free_to_go.thread, NULL, contend, &free_to_go), 0);
    pthread_join(free_to_go.thread, NULL);
    ck_assert_int_eq(free_to_go.status, ASSAY_OK);
    ck_assert(!waits.done);
    OK(assay_store_ingest_save(db, &(struct assay_ingest_save){.heads = l.heads, .n_heads = 2}, true, &err));
    pthread_join(waits.thread, NULL);
    ck_assert_int_eq(waits.status, ASSAY_OK);
    ck_assert_int_eq(waits.heads[0].seq, 42); /* what was committed while it waited */
    ck_assert_int_eq(waits.heads[0].revision, 2);
    ck_assert_int_eq(waits.heads[1].revision, 2);
}
END_TEST

START_TEST(records_of_a_rival_are_seen_after_the_wait) {
    static const int32_t one[] = {1};
    struct assay_ingest_load l;
    struct assay_record_row r = record_of(1, ASSAY_KIND_REPAIR, "r", "W1");
    struct assay_order_row o = order_of(1, "W1", ASSAY_STATE_OPEN, T0);
    OK(begin_on(db, one, 1, &l));
    int pid = fork();
    if (pid == 0) { /* the rival looks up while we hold the lock */
        struct assay_db *d = connect_to(info);
        struct assay_ingest_load m = {
            .providers = one, .n_providers = 1, .keys = &r.key, .n_keys = 1, .orders = &o.key, .n_orders = 1};
        bool good = assay_store_ingest_begin(d, &m, &arena, &err) == ASSAY_OK && m.found[0] && m.order_rows[0];
        assay_db_close(d);
        _exit(good ? 0 : 1);
    }
    wait_for_lock_waiters(1);
    OK(assay_store_ingest_save(db, &(struct assay_ingest_save){.records = &r, .n_records = 1, .orders = &o, .n_orders = 1}, true,
                               &err));
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(heads_lock_joins_the_callers_transaction) {
    static const int32_t providers[] = {3, 5};
    struct assay_head *heads;
    struct assay_db *other = NULL;
    struct assay_ingest_load l;
    OK(assay_db_open(info, 200, &other, &err));
    OK(assay_db_begin(db, false, &err));
    OK(assay_store_heads_lock(db, providers, 2, &arena, &heads, &err));
    ck_assert_int_eq(heads[0].provider_id, 3);
    ck_assert_int_eq(heads[1].provider_id, 5);
    FAILS(begin_on(other, providers + 1, 1, &l), ASSAY_DATABASE_UNAVAILABLE);
    heads[1].seq = 8;
    OK(assay_store_ingest_save(db, &(struct assay_ingest_save){.heads = heads, .n_heads = 2}, false, &err));
    ck_assert_str_eq(ASK("SELECT count(*) FROM provider_head"), "0"); /* not committed unless said */
    OK(assay_db_commit(db, &err));
    OK(assay_db_restore(other, &err));
    OK(begin_on(other, providers + 1, 1, &l));
    ck_assert_int_eq(l.heads[0].seq, 8);
    assay_db_close(other);
}
END_TEST

/* --- what goes wrong ------------------------------------------------------------------------------------------------- */

static const char *rows_everywhere(void) {
    return ASK("SELECT (SELECT count(*) FROM record) + (SELECT count(*) FROM voided) + (SELECT count(*) FROM work_order) + "
               "(SELECT count(*) FROM verdict) + (SELECT count(*) FROM tally) + (SELECT count(*) FROM pay_tally) + (SELECT "
               "count(*) FROM provider_head)");
}

START_TEST(rollback_leaves_nothing) {
    static const int32_t providers[] = {1, 2};
    struct assay_record_row r = record_of(1, ASSAY_KIND_REPAIR, "r", "W1");
    struct assay_order_row o = order_of(1, "W1", ASSAY_STATE_OPEN, T0);
    struct assay_verdict_row v = verdict_of(o.key, 1, ASSAY_PENDING);
    struct assay_tally_row t = {1, 1, M0, {1}};
    struct assay_pay_row p = {1, 1, M0, 5, 1};
    struct assay_ingest_load l;
    OK(begin_on(db, providers, 2, &l));
    OK(assay_store_ingest_save(db,
                               &(struct assay_ingest_save){.records = &r,
                                                           .n_records = 1,
                                                           .voided = &r.key,
                                                           .n_voided = 1,
                                                           .orders = &o,
                                                           .n_orders = 1,
                                                           .verdicts = &v,
                                                           .n_verdicts = 1,
                                                           .tallies = &t,
                                                           .n_tallies = 1,
                                                           .pays = &p,
                                                           .n_pays = 1,
                                                           .heads = l.heads,
                                                           .n_heads = 2},
                               false, &err));
    assay_db_rollback(db);
    ck_assert_str_eq(rows_everywhere(), "0");
    OK(begin_on(db, providers, 2, &l));
    OK(assay_db_restore(db, &err)); /* so does restoring */
    ck_assert_str_eq(rows_everywhere(), "0");
}
END_TEST

/* Records and rows the database will not take, each behind a good one. */
enum poison { LONG_ID, NUL_BYTE, BAD_UTF8, NO_CONTENT, SAME_KEY, SAME_ORDER, BIG_COUNT, LONG_ORDER, POISONS };

static void check_poison(enum poison p, struct assay_str noise) {
    struct assay_record_row r[] = {record_of(1, ASSAY_KIND_REPAIR, "good", "W1"), record_of(1, ASSAY_KIND_REPAIR, "bad", "W1")};
    struct assay_order_row o[] = {order_of(1, "W1", ASSAY_STATE_OPEN, T0), order_of(1, "W2", ASSAY_STATE_OPEN, T0)};
    struct assay_tally_row t = {1, 1, M0, {INT32_MAX}};
    switch (p) {
    case LONG_ID: r[1].key.id = noise; break;
    case NUL_BYTE: r[1].content = (struct assay_str){"{\"a\":\"\0\"}", 9}; break;
    case BAD_UTF8: r[1].content = str("{\"a\":\"\xC0\xAF\"}"); break;
    case NO_CONTENT: r[1].content = ASSAY_STR_NONE; break;
    case SAME_KEY: r[1].key.id = str("good"); break;
    case SAME_ORDER: o[1].key.order_no = str("W1"); break;
    case LONG_ORDER: o[1].key.order_no = noise; break;
    case BIG_COUNT: OK(save_all(&(struct assay_ingest_save){.tallies = &t, .n_tallies = 1})); break;
    case POISONS: break;
    }
    const struct assay_ingest_save bad = {
        .records = r, .n_records = 2, .orders = o, .n_orders = 2, .tallies = &t, .n_tallies = p == BIG_COUNT};
    FAILS(save_all(&bad), ASSAY_DATABASE);
    ck_assert_str_ne(err.detail, "");
    OK(assay_db_restore(db, &err));
    ck_assert_str_eq(ASK("SELECT (SELECT count(*) FROM record) + (SELECT count(*) FROM work_order)"), "0");
    OK(save_all(&(struct assay_ingest_save){.records = r, .n_records = 1, .orders = o, .n_orders = 1}));
    ck_assert_str_eq(ASK("SELECT count(*) FROM record"), "1");
    ASK("TRUNCATE record, work_order, tally");
}

START_TEST(poison_is_told_and_leaves_the_connection_whole) {
    char noise[6001] = "";
    seed_state = 7; /* not to be compressed into an index */
    for (int i = 0; i < 6000; i++) noise[i] = (char)(33 + rnd(90));
    const char *pid = ASK("SELECT max(pid) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client "
                          "backend' AND pid <> pg_backend_pid()");
    for (int p = 0; p < POISONS; p++) check_poison((enum poison)p, str(noise));
    ck_assert_str_eq(ASK("SELECT max(pid) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client "
                         "backend' AND pid <> pg_backend_pid()"),
                     pid);
}
END_TEST

START_TEST(a_failed_transaction_does_not_claim_to_commit) {
    OK(assay_db_begin(db, false, &err));
    struct assay_record_row r = record_of(1, ASSAY_KIND_REPAIR, "r", NULL);
    r.content = ASSAY_STR_NONE;
    FAILS(assay_store_ingest_save(db, &(struct assay_ingest_save){.records = &r, .n_records = 1}, false, &err), ASSAY_DATABASE);
    FAILS(assay_db_commit(db, &err), ASSAY_DATABASE); /* the server says ROLLBACK, and no error */
    OK(assay_db_restore(db, &err));
    OK(assay_db_begin(db, false, &err));
    FAILS(assay_store_ingest_save(db, &(struct assay_ingest_save){.records = &r, .n_records = 1}, false, &err), ASSAY_DATABASE);
    FAILS(assay_store_ingest_save(db, &(struct assay_ingest_save){0}, true, &err), ASSAY_DATABASE);
    OK(assay_db_restore(db, &err));
    OK(assay_db_ping(db, &err));
}
END_TEST

START_TEST(a_killed_backend_is_unavailable_and_restored) {
    static const int32_t one[] = {1};
    struct assay_ingest_load l;
    struct assay_record_row r = record_of(1, ASSAY_KIND_REPAIR, "r", "W1"), *rows;
    const struct assay_ingest_save save = {.records = &r, .n_records = 1};
    size_t n;
    kill_backends(); /* between uses: a pipeline meets it */
    FAILS(begin_on(db, one, 1, &l), ASSAY_DATABASE_UNAVAILABLE);
    OK(assay_db_restore(db, &err));
    OK(begin_on(db, one, 1, &l));
    kill_backends(); /* between lock and save */
    FAILS(assay_store_ingest_save(db, &save, true, &err), ASSAY_DATABASE_UNAVAILABLE);
    OK(assay_db_restore(db, &err));
    ck_assert_str_eq(rows_everywhere(), "0");
    OK(begin_on(db, one, 1, &l));
    OK(assay_store_ingest_save(db, &save, false, &err));
    kill_backends(); /* before the commit */
    FAILS(assay_db_commit(db, &err), ASSAY_DATABASE_UNAVAILABLE);
    assay_db_rollback(db); /* harmless */
    OK(assay_db_restore(db, &err));
    kill_backends(); /* a plain statement meets it */
    FAILS(assay_store_records_of(db, 1, &arena, &rows, &n, &err), ASSAY_DATABASE_UNAVAILABLE);
    OK(assay_db_restore(db, &err));
    OK(save_all(&save));
    OK(assay_store_records_of(db, 1, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(ASK("SELECT revision FROM provider_head WHERE provider_id = 1"), "1");
}
END_TEST

/* One backend is killed; PostgreSQL then ends all the others with a warning, not an error, and recovers. */
static void crash_server(void) {
    PGconn *c = PQconnectdb(info);
    ck_assert_int_eq(kill(PQbackendPID(c), SIGKILL), 0);
    while (PQstatus(c) == CONNECTION_OK) PQclear(PQexec(c, "SELECT 1"));
    PQfinish(c);
    for (int i = 0; i < 1000 && PQping(info) != PQPING_OK; i++) nanosleep(&(struct timespec){0, 10000000}, NULL);
}

START_TEST(a_pipeline_that_meets_a_crashed_server_ends) {
    static const int32_t one[] = {1};
    struct assay_ingest_load l;
    OK(begin_on(db, one, 1, &l)); /* all is prepared: the pipeline is the first to meet it */
    assay_db_rollback(db);
    crash_server();
    FAILS(begin_on(db, one, 1, &l), ASSAY_DATABASE_UNAVAILABLE);
    OK(assay_db_restore(db, &err));
    OK(begin_on(db, one, 1, &l));
}
END_TEST

static void *kill_waiting(void *unused) {
    (void)unused;
    PGconn *c = PQconnectdb(info);
    for (int i = 0, killed = 0; i < 500 && !killed; i++) {
        PGresult *r = PQexec(c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
                                "wait_event_type = 'Lock'");
        killed = PQntuples(r);
        PQclear(r);
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    PQfinish(c);
    return NULL;
}

START_TEST(a_backend_killed_at_work_is_unavailable) {
    static const int32_t one[] = {1};
    struct assay_ingest_load l;
    struct assay_db *holder = connect_to(info);
    pthread_t killer;
    OK(begin_on(holder, one, 1, &l));
    ck_assert_int_eq(pthread_create(&killer, NULL, kill_waiting, NULL), 0);
    FAILS(begin_on(db, one, 1, &l), ASSAY_DATABASE_UNAVAILABLE); /* in the middle of its pipeline */
    pthread_join(killer, NULL);
    assay_db_close(holder);
    OK(assay_db_restore(db, &err));
    OK(begin_on(db, one, 1, &l));
}
END_TEST

/* lock_timeout is the operator's to set, of the role or the server: who holds a lock passes, and no record is to blame. */
START_TEST(a_lock_that_is_not_had_in_time_is_unavailable) {
    static const int32_t one[] = {1};
    struct assay_ingest_load l;
    char hasty[TEST_PG_CONNINFO + 64];
    snprintf(hasty, sizeof hasty, "%s options='-c lock_timeout=50'", info);
    struct assay_db *holder = connect_to(info), *waiter = connect_to(hasty);
    OK(begin_on(holder, one, 1, &l));
    FAILS(begin_on(waiter, one, 1, &l), ASSAY_DATABASE_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.detail, "55P03"));
    assay_db_close(holder);
    OK(assay_db_restore(waiter, &err));
    OK(begin_on(waiter, one, 1, &l));
    assay_db_close(waiter);
}
END_TEST

START_TEST(no_database_is_unavailable) {
    struct assay_db *d = NULL;
    FAILS(assay_db_open("host=/nonexistent dbname=none", 1000, &d, &err), ASSAY_DATABASE_UNAVAILABLE);
    ck_assert_ptr_null(d);
    ck_assert_str_ne(err.detail, "");
    assay_db_close(NULL);
}
END_TEST

START_TEST(a_snapshot_stands_still_and_writes_nothing) {
    int64_t data, config, access, now;
    struct assay_record_row r = record_of(1, ASSAY_KIND_REPAIR, "r", "W1");
    struct assay_db *other = connect_to(info), *mine = db;
    OK(assay_db_begin(other, true, &err));
    OK(assay_store_revision(other, &data, &config, &access, &err));
    ck_assert_int_eq(data, 0);
    ck_assert_int_eq(config, 1);
    OK(save_all(&(struct assay_ingest_save){.records = &r, .n_records = 1}));
    OK(assay_store_revision(other, &now, &config, &access, &err));
    ck_assert_int_eq(now, 0);
    OK(assay_db_commit(other, &err));
    OK(assay_store_revision(other, &now, &config, &access, &err));
    ck_assert_int_eq(now, 3); /* three heads, each moved once */
    OK(assay_db_begin(other, true, &err));
    FAILS(assay_store_config_advance(other, &err), ASSAY_DATABASE_UNAVAILABLE); /* read-only, as after a failover */
    assay_db_close(other);
    /* A transaction that is given up moves nothing. */
    struct assay_ingest_load l;
    OK(begin_on(mine, (const int32_t[]){1}, 1, &l));
    assay_db_rollback(mine);
    OK(assay_store_revision(mine, &now, &config, &access, &err));
    ck_assert_int_eq(now, 3);
}
END_TEST

/* Whatever the planner believed of tables when they were empty, a lookup must not scan them once they are not. */
START_TEST(lookups_stay_indexed_as_tables_grow) {
    enum { BATCHES = 30, EACH = 200 };
    static const int32_t one[] = {1};
    struct assay_record_row *r = assay_arena_zalloc(&arena, EACH * sizeof *r);
    struct assay_record_key *keys = assay_arena_zalloc(&arena, EACH * sizeof *keys);
    struct assay_order_row *o = assay_arena_zalloc(&arena, EACH * sizeof *o);
    struct assay_order_key *okeys = assay_arena_zalloc(&arena, EACH * sizeof *okeys);
    ASK("VACUUM (ANALYZE)");
    for (int b = 0; b < BATCHES; b++) {
        for (int i = 0; i < EACH; i++) {
            r[i] = record_of(1, ASSAY_KIND_REPAIR, text("%d-%d", b, i).p, NULL);
            o[i] = order_of(1, r[i].key.id.p, ASSAY_STATE_OPEN, T0);
            keys[i] = r[i].key;
            okeys[i] = o[i].key;
        }
        struct assay_ingest_load l = {.providers = one,
                                      .n_providers = 1,
                                      .keys = keys,
                                      .n_keys = EACH,
                                      .orders = okeys,
                                      .n_orders = EACH,
                                      .targets = keys,
                                      .n_targets = EACH};
        OK(assay_store_ingest_begin(db, &l, &arena, &err));
        OK(assay_store_ingest_save(
            db,
            &(struct assay_ingest_save){
                .records = r, .n_records = EACH, .voided = keys, .n_voided = EACH, .orders = o, .n_orders = EACH},
            true, &err));
    }
    assay_db_close(db); /* its counters are told when it ends */
    db = NULL;
    const char *scans = "0", *reads = "0";
    for (int i = 0; i < 100; i++) {
        scans = ASK("SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ('record', 'voided', 'work_order')");
        reads = ASK("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname IN ('record', 'voided', 'work_order')");
        if (number(ASK("SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'record'")) == BATCHES * EACH) break;
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    ck_assert_str_eq(scans, "0");
    /* All keys were new, so an indexed lookup reads next to nothing; scanning whole indexes would read 3 * 87,000. */
    ck_assert_msg(number(reads) < 15000, "%s index entries read", reads);
}
END_TEST

/* === reads =========================================================================================================== */

enum { LISTED = 60 };
static struct assay_order_row listed[LISTED];
static struct assay_verdict_row judged[LISTED];

/* Orders of provider 1 with few distinct openings, many ties, some without an opening; every third has no verdict. */
static void make_listed(void) {
    size_t n_judged = 0;
    seed_state = 20010101;
    for (int i = 0; i < LISTED; i++) {
        struct assay_order_row *o = &listed[i];
        *o = order_of(1, text("%c%02d", "wW-~"[rnd(4)], i).p, (enum assay_state)rnd(4),
                      rnd(5) ? T0 + rnd(4) * HOUR : ASSAY_NO_INSTANT);
        if (o->state == ASSAY_STATE_CLOSED) o->closed_at = T0 + rnd(4) * ASSAY_DAY;
        if (i % 3 == 0) continue;
        judged[n_judged++] = verdict_of(o->key, 1, (enum assay_outcome)(1 + rnd(5)));
    }
    save_orders(listed, LISTED, judged, n_judged);
    /* Others that must not show: another provider's, another scheme's verdicts. */
    struct assay_order_row foreign = order_of(2, "W-foreign", ASSAY_STATE_OPEN, T0 + HOUR);
    struct assay_verdict_row other_scheme = verdict_of(listed[0].key, 2, ASSAY_MISSED);
    save_orders(&foreign, 1, &other_scheme, 1);
}

static const struct assay_verdict_row *judged_of(const struct assay_order_row *o) {
    for (int i = 0; i < LISTED; i++)
        if (assay_str_eq(judged[i].key.order_no, o->key.order_no)) return &judged[i];
    return NULL;
}

static bool passes(const struct assay_order_row *o, const struct assay_order_filter *f) {
    const struct assay_verdict_row *v = judged_of(o);
    if (o->state == ASSAY_STATE_NONE || (f->state && o->state != f->state)) return false;
    if (f->outcome && (!v || v->outcome != f->outcome)) return false;
    if (f->period == ASSAY_NO_MONTH) return true;
    return o->closed_at != ASSAY_NO_INSTANT && o->closed_at >= f->period_from && o->closed_at < f->period_to;
}

static int newest_first(const void *x, const void *y) {
    const struct assay_order_row *a = *(const struct assay_order_row *const *)x, *b = *(const struct assay_order_row *const *)y;
    if (a->opened_at != b->opened_at) return a->opened_at > b->opened_at ? -1 : 1;
    return -assay_str_cmp(a->key.order_no, b->key.order_no);
}

static void check_listing(struct assay_order_filter f) {
    const struct assay_order_row *want[LISTED];
    size_t n_want = 0, got = 0, n;
    for (int i = 0; i < LISTED; i++)
        if (passes(&listed[i], &f)) want[n_want++] = &listed[i];
    qsort(want, n_want, sizeof *want, newest_first);
    do {
        struct assay_order_listed *rows;
        OK(assay_store_order_list(db, &f, &arena, &rows, &n, &err));
        ck_assert_uint_le(n, (size_t)f.limit);
        for (size_t i = 0; i < n; i++, got++) {
            ck_assert_uint_lt(got, n_want);
            struct assay_order_row expected = *want[got];
            expected.packed = ASSAY_STR_NONE;
            same_order(&rows[i].order, &expected);
            const struct assay_verdict_row *v = judged_of(want[got]);
            if (v) same_verdict(&rows[i].verdict, v);
            else ck_assert_int_eq(rows[i].verdict.outcome, ASSAY_OUTCOME_NONE);
            f.after = true, f.after_opened = rows[i].order.opened_at, f.after_order = rows[i].order.key.order_no;
        }
    } while (n == (size_t)f.limit);
    ck_assert_uint_eq(got, n_want);
}

START_TEST(lists_page_without_loss_or_doubles) {
    static const int limits[] = {1, 7, 1000};
    make_listed();
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++)
        for (int state = 0; state < 4; state++)
            for (int outcome = 0; outcome < 6; outcome++)
                for (int period = 0; period < 2; period++)
                    check_listing((struct assay_order_filter){.provider_id = 1,
                                                              .scheme_id = 1,
                                                              .state = (enum assay_state)state,
                                                              .outcome = (enum assay_outcome)outcome,
                                                              .period = period ? M0 : ASSAY_NO_MONTH,
                                                              .period_from = T0 + ASSAY_DAY,
                                                              .period_to = T0 + 3 * ASSAY_DAY,
                                                              .limit = limits[l]});
}
END_TEST

/* --- at risk -------------------------------------------------------------------------------------------------------- */

enum { RISKY = 80 };
static struct assay_order_row risky[RISKY];
static struct assay_verdict_row clocks[RISKY];

static void make_risky(void) {
    seed_state = 4711;
    for (int i = 0; i < RISKY; i++) {
        bool open = rnd(8) != 0;
        risky[i] = order_of((int32_t)(1 + rnd(3)), text("%02u", rnd(100)).p, open ? ASSAY_STATE_OPEN : ASSAY_STATE_CLOSED,
                            T0 - HOUR);
        for (int j = 0; j < i; j++)
            if (assay_str_eq(risky[j].key.order_no, risky[i].key.order_no)) risky[i].key.order_no = text("x%d", i);
        struct assay_verdict_row *v = &clocks[i];
        *v = verdict_of(risky[i].key, 1, ASSAY_PENDING);
        v->diagnosis = rnd(4) ? ASSAY_CLOCK_PENDING : ASSAY_CLOCK_MET;
        if (!open) continue;
        if (rnd(3)) v->diagnosis_deadline = T0 + ((int)rnd(9) - 3) * HOUR;
        if (rnd(3)) v->cycle_deadline = T0 + ((int)rnd(9) - 3) * HOUR;
    }
    save_orders(risky, RISKY, clocks, RISKY);
    struct assay_verdict_row other = verdict_of(risky[0].key, 2, ASSAY_PENDING);
    other.cycle_deadline = T0;
    save_orders(risky, 1, &other, 1);
}

static bool clock_of(const struct assay_verdict_row *v, const struct assay_risk_filter *f, struct assay_risk_row *out) {
    bool diagnosis = v->diagnosis == ASSAY_CLOCK_PENDING && v->diagnosis_deadline != ASSAY_NO_INSTANT &&
                     v->diagnosis_deadline >= f->now && v->diagnosis_deadline <= f->until;
    bool cycle = v->cycle_deadline != ASSAY_NO_INSTANT && v->cycle_deadline <= f->until;
    if (!diagnosis && !cycle) return false;
    out->cycle = cycle && (!diagnosis || v->cycle_deadline < v->diagnosis_deadline);
    out->deadline = out->cycle ? v->cycle_deadline : v->diagnosis_deadline;
    out->provider_id = v->key.provider_id;
    out->order_no = v->key.order_no;
    return !f->provider_id || f->provider_id == v->key.provider_id;
}

static int soonest_first(const void *x, const void *y) {
    const struct assay_risk_row *a = x, *b = y;
    if (a->deadline != b->deadline) return a->deadline < b->deadline ? -1 : 1;
    if (a->provider_id != b->provider_id) return a->provider_id < b->provider_id ? -1 : 1;
    return assay_str_cmp(a->order_no, b->order_no);
}

static size_t check_risks(struct assay_risk_filter f) {
    struct assay_risk_row want[RISKY], *rows;
    size_t n_want = 0, got = 0, n;
    for (int i = 0; i < RISKY; i++) n_want += clock_of(&clocks[i], &f, &want[n_want]);
    qsort(want, n_want, sizeof *want, soonest_first);
    do {
        OK(assay_store_at_risk(db, &f, &arena, &rows, &n, &err));
        for (size_t i = 0; i < n; i++, got++) {
            ck_assert_uint_lt(got, n_want);
            ck_assert_int_eq(rows[i].provider_id, want[got].provider_id);
            STR_EQ(rows[i].order_no, want[got].order_no);
            ck_assert_int_eq(rows[i].deadline, want[got].deadline);
            ck_assert_int_eq(rows[i].cycle, want[got].cycle);
            ck_assert_int_eq(rows[i].opened_at, T0 - HOUR);
            ck_assert_int_eq(rows[i].channel, ASSAY_CHANNEL_WALK_IN);
            STR_EQ(rows[i].product, str("notebook"));
            f.after = true, f.after_deadline = rows[i].deadline, f.after_provider = rows[i].provider_id;
            f.after_order = rows[i].order_no, f.after_cycle = rows[i].cycle;
        }
    } while (n == (size_t)f.limit);
    ck_assert_uint_eq(got, n_want);
    return n_want;
}

START_TEST(orders_at_risk_come_once_and_soonest_first) {
    static const int limits[] = {1, 4, 1000};
    size_t seen = 0;
    make_risky();
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++)
        for (int32_t provider = 0; provider < 4; provider++)
            for (int within = -2; within <= 6; within += 2)
                seen += check_risks((struct assay_risk_filter){
                    .scheme_id = 1, .provider_id = provider, .now = T0, .until = T0 + within * HOUR, .limit = limits[l]});
    ck_assert_uint_gt(seen, 300);
}
END_TEST

/* --- windows and pay ------------------------------------------------------------------------------------------------- */

START_TEST(windows_are_sums_of_months) {
    enum { MONTHS = 6 };
    struct assay_tally_row t[3 * MONTHS];
    struct assay_order_row o[] = {order_of(1, "a", ASSAY_STATE_OPEN, T0),
                                  order_of(1, "b", ASSAY_STATE_OPEN, T0 + 1),
                                  order_of(1, "c", ASSAY_STATE_OPEN, ASSAY_NO_INSTANT),
                                  order_of(1, "d", ASSAY_STATE_CLOSED, T0),
                                  order_of(3, "a", ASSAY_STATE_OPEN, T0 - 1),
                                  order_of(2, "z", ASSAY_STATE_CANCELLED, T0 - 1)};
    struct assay_window_row *rows;
    size_t n, n_t = 0;
    seed_state = 99;
    for (int32_t provider = 1; provider <= 2; provider++)
        for (int16_t scheme = 1; scheme <= 2; scheme++)
            for (int m = 0; m < MONTHS && n_t < 3 * MONTHS; m++) {
                t[n_t] = (struct assay_tally_row){provider, scheme, M0 + m, {0}};
                for (int i = 0; i < ASSAY_TALLY_COUNT; i++) t[n_t].counts[i] = (int32_t)rnd(1000);
                n_t++;
            }
    static const int32_t providers[] = {1, 2, 3, 4};
    struct assay_ingest_load l;
    OK(begin_on(db, providers, 4, &l));
    for (int i = 0; i < 4; i++) l.heads[i].last_record_at = T0 + i;
    OK(assay_store_ingest_save(
        db,
        &(struct assay_ingest_save){.tallies = t, .n_tallies = n_t, .orders = o, .n_orders = 6, .heads = l.heads, .n_heads = 4},
        true, &err));
    static const struct {
        int32_t ids[4]; /* ascending */
        size_t n;
    } asked[] = {{{1, 2, 3, 4}, 0}, {{1}, 1}, {{2}, 1}, {{3}, 1}, {{4}, 1}, {{2, 4}, 2}, {{1, 2, 3, 4}, 4}};
    for (size_t q = 0; q < sizeof asked / sizeof *asked; q++) {
        OK(assay_store_window(db, 1, asked[q].n ? asked[q].ids : NULL, asked[q].n, M0 + 1, M0 + 3, 0, T0 + 1, &arena, &rows, &n,
                              &err));
        ck_assert_uint_eq(n, asked[q].n ? asked[q].n : 4); /* 3 has an open order only, 4 nothing but its last record */
        for (size_t k = 0; k < n; k++) {
            const struct assay_window_row *w = &rows[k];
            ck_assert_int_eq(w->provider_id, asked[q].ids[k]);
            for (int i = 0; i < ASSAY_TALLY_COUNT; i++) {
                int64_t sum = 0;
                for (size_t j = 0; j < n_t; j++)
                    if (t[j].provider_id == w->provider_id && t[j].scheme_id == 1 && t[j].month > M0 && t[j].month <= M0 + 3)
                        sum += t[j].counts[i];
                ck_assert_int_eq(w->counts[i], sum);
            }
            static const int open[] = {0, 1, 0, 1, 0};
            ck_assert_int_eq(w->open, open[w->provider_id]); /* opened strictly before, and with an opening */
            ck_assert_int_eq(w->last_record_at, T0 + w->provider_id - 1);
        }
    }
}
END_TEST

START_TEST(pay_comes_by_rate_and_by_line) {
    enum { LINES = 25 };
    struct assay_order_row o[LINES];
    struct assay_verdict_row v[LINES];
    struct assay_line_row *lines;
    size_t n, got = 0;
    for (int i = 0; i < LINES; i++) {
        o[i] = order_of(1, text("W%02d", i).p, ASSAY_STATE_CLOSED, T0);
        o[i].warranty = (enum assay_warranty)(i % 3);
        v[i] = verdict_of(o[i].key, 1, ASSAY_COMPLIANT);
        v[i].month = M0 + (i == 20);
        v[i].paid = i != 21;
        v[i].rate = i % 4 ? 1000 * i : ASSAY_NO_RATE;
    }
    save_orders(o, LINES, v, LINES);
    struct assay_str after = ASSAY_STR_NONE;
    int next = 0;
    do {
        OK(assay_store_pay_lines(db, 1, 1, M0, after, 4, &arena, &lines, &n, &err));
        for (size_t i = 0; i < n; i++, got++, next++) {
            while (next == 20 || next == 21) next++; /* of another month; not paid */
            STR_EQ(lines[i].order_no, o[next].key.order_no);
            STR_EQ(lines[i].product, str("notebook"));
            ck_assert_int_eq(lines[i].warranty, next % 3);
            ck_assert_int_eq(lines[i].rate, v[next].rate);
            after = lines[i].order_no;
        }
    } while (n == 4);
    ck_assert_uint_eq(got, LINES - 2);
    const struct assay_pay_row pays[] = {
        {1, 1, M0, ASSAY_NO_RATE, 2}, {1, 1, M0, 9, 1}, {1, 1, M0 + 1, 9, 1}, {2, 1, M0, 5, 1}, {2, 2, M0, 5, 1}};
    struct assay_pay_row *p;
    OK(save_all(&(struct assay_ingest_save){.pays = pays, .n_pays = 5}));
    static const int32_t first[] = {1}, both[] = {1, 2};
    OK(assay_store_pays(db, 1, NULL, 0, M0, &arena, &p, &n, &err));
    ck_assert_uint_eq(n, 3);
    ck_assert(p[0].provider_id == 1 && p[0].rate == ASSAY_NO_RATE && p[1].rate == 9 && p[2].provider_id == 2 && p[2].orders == 1);
    OK(assay_store_pays(db, 1, both, 2, M0, &arena, &p, &n, &err));
    ck_assert_uint_eq(n, 3);
    ck_assert(p[1].provider_id == 1 && p[2].provider_id == 2);
    OK(assay_store_pays(db, 1, first, 1, M0, &arena, &p, &n, &err));
    ck_assert_uint_eq(n, 2);
    ck_assert(p[0].rate == ASSAY_NO_RATE && p[0].orders == 2 && p[1].rate == 9);
}
END_TEST

/* === uploads ========================================================================================================= */

START_TEST(uploads_and_their_rejections_stay_readable) {
    struct assay_upload_row u = {.upload_id = 77,
                                 .kind = str("repair-events"),
                                 .status = str("running"),
                                 .request_id = str("req-1"),
                                 .content_type = str("application/x-ndjson"),
                                 .party = ASSAY_PARTY_LOGISTICS,
                                 .received_at = T0,
                                 .seen_at = T0,
                                 .finished_at = ASSAY_NO_INSTANT,
                                 .atomic = true},
                            *row;
    const struct assay_rejection_row bad[] = {
        {1, 3, str("id-3"), str("unknown_field"), str("/x"), str("no such field"), {"{\"x\":\0}\377", 8}},
        {2, 3, ASSAY_STR_NONE, str("missing_field"), str("/at"), str(""), ASSAY_STR_NONE},
        {3, 900, str("id-900"), str("id_conflict"), str(""), str("另有内容"), str("")},
    };
    struct assay_rejection_row *rows;
    size_t n;
    OK(assay_store_upload_start(db, &u, &err));
    OK(assay_store_upload_start(db, &u, &err)); /* again, after an answer that was lost */
    struct assay_upload_row other = u;
    other.request_id = str("req-2");
    FAILS(assay_store_upload_start(db, &other, &err), ASSAY_DATABASE); /* the id is taken */
    OK(assay_store_upload_reject(db, 77, bad, 2, &err));
    OK(assay_store_upload_reject(db, 77, bad, 3, &err));
    OK(assay_store_upload_reject(db, 77, bad, 0, &err));
    OK(assay_store_upload(db, 77, T0, &arena, &row, &err));
    STR_EQ(row->status, str("running"));
    ck_assert_int_eq(row->finished_at, ASSAY_NO_INSTANT);
    /* Not seen any more it was broken off; seen again it runs. */
    OK(assay_store_upload(db, 77, T0 + 1, &arena, &row, &err));
    STR_EQ(row->status, str("interrupted"));
    OK(assay_store_upload_seen(db, 77, T0 + 2, &err));
    OK(assay_store_upload(db, 77, T0 + 1, &arena, &row, &err));
    STR_EQ(row->status, str("running"));
    FAILS(assay_store_upload_seen(db, 78, T0, &err), ASSAY_DATABASE);
    u.status = str("done"), u.finished_at = T0 + 5, u.received = 900, u.accepted = 895, u.duplicates = 3, u.rejected = 2;
    u.bytes = 123456789012, u.seen_at = T0 + 5;
    OK(assay_store_upload_finish(db, &u, &err));
    OK(assay_store_upload_finish(db, &u, &err)); /* unheard */
    /* The end that was reached stays. */
    struct assay_upload_row late = u;
    late.status = str("interrupted"), late.accepted = 0;
    FAILS(assay_store_upload_finish(db, &late, &err), ASSAY_DATABASE);
    OK(assay_store_upload(db, 77, T0, &arena, &row, &err));
    ck_assert_int_eq(row->upload_id, 77);
    STR_EQ(row->kind, u.kind);
    STR_EQ(row->status, u.status);
    STR_EQ(row->request_id, u.request_id);
    ck_assert_int_eq(row->party, u.party);
    ck_assert_int_eq(row->received_at, u.received_at);
    ck_assert_int_eq(row->finished_at, u.finished_at);
    ck_assert(row->received == 900 && row->accepted == 895 && row->duplicates == 3 && row->rejected == 2);
    STR_EQ(row->content_type, u.content_type);
    ck_assert(row->bytes == 123456789012 && row->atomic && row->seen_at == T0 + 5 && row->reverted_by == 0);
    OK(assay_store_upload(db, 78, T0, &arena, &row, &err));
    ck_assert_ptr_null(row);
    other.upload_id = 78;
    FAILS(assay_store_upload_finish(db, &other, &err), ASSAY_DATABASE);
    int64_t after = 0;
    for (size_t i = 0; i < 3; i++) {
        OK(assay_store_rejections(db, 77, after, 1, &arena, &rows, &n, &err));
        ck_assert_uint_eq(n, 1);
        ck_assert_int_eq(rows[0].n, bad[i].n);
        ck_assert_int_eq(rows[0].line, bad[i].line);
        STR_EQ(rows[0].id, bad[i].id);
        STR_EQ(rows[0].code, bad[i].code);
        STR_EQ(rows[0].pointer, bad[i].pointer);
        STR_EQ(rows[0].detail, bad[i].detail);
        STR_EQ(rows[0].body, bad[i].body);
        after = rows[0].n;
    }
    OK(assay_store_rejections(db, 77, after, 1, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 0);
}
END_TEST

static struct assay_upload_row upload_row(int64_t id, const char *kind, const char *status) {
    return (struct assay_upload_row){.upload_id = id,
                                     .kind = assay_str_c(kind),
                                     .status = assay_str_c(status),
                                     .request_id = str("r"),
                                     .content_type = str(""),
                                     .party = ASSAY_PARTY_CCC,
                                     .received_at = T0 + id * ASSAY_SECOND,
                                     .seen_at = T0 + id * ASSAY_SECOND,
                                     .finished_at = ASSAY_NO_INSTANT};
}

/* Newest first, page by page, while others come in; by kind, status and time. */
START_TEST(uploads_are_listed) {
    static const char *const kinds[] = {"observations", "revert"}, *const statuses[] = {"running", "done", "refused"};
    struct assay_upload_row *rows;
    size_t n, got = 0;
    for (int64_t i = 1; i <= 30; i++) {
        struct assay_upload_row u = upload_row(i, kinds[i % 2], statuses[i % 3]);
        OK(assay_store_upload_start(db, &u, &err));
    }
    struct assay_upload_filter f = {
        .from = ASSAY_NO_INSTANT, .to = ASSAY_NO_INSTANT, .alive = T0 + 10 * ASSAY_SECOND, .limit = 7};
    for (int64_t next = 30;; f.before = rows[n - 1].upload_id) {
        OK(assay_store_uploads(db, &f, &arena, &rows, &n, &err));
        for (size_t i = 0; i < n; i++, next--, got++) {
            ck_assert_int_eq(rows[i].upload_id, next);
            const char *is = next % 3 == 0 && next < 10 ? "interrupted" : statuses[next % 3];
            STR_EQ(rows[i].status, assay_str_c(is));
        }
        struct assay_upload_row more = upload_row(100 + (int64_t)got, "revert", "done");
        OK(assay_store_upload_start(db, &more, &err));
        if (n < 7) break;
    }
    ck_assert_uint_eq(got, 30);
    f = (struct assay_upload_filter){
        .kind = str("revert"), .status = str("interrupted"), .alive = T0 + 10 * ASSAY_SECOND, .limit = 9};
    f.from = f.to = ASSAY_NO_INSTANT;
    OK(assay_store_uploads(db, &f, &arena, &rows, &n, &err));
    ck_assert(n == 2 && rows[0].upload_id == 9 && rows[1].upload_id == 3);
    f = (struct assay_upload_filter){.from = T0 + 4 * ASSAY_SECOND, .to = T0 + 6 * ASSAY_SECOND, .alive = T0, .limit = 9};
    OK(assay_store_uploads(db, &f, &arena, &rows, &n, &err));
    ck_assert(n == 2 && rows[0].upload_id == 5 && rows[1].upload_id == 4);
}
END_TEST

/* One revert for an upload, whoever asks first. */
START_TEST(an_upload_is_claimed_once) {
    struct assay_upload_row u = upload_row(1, "observations", "done"), one = upload_row(2, "revert", "running"),
                            two = upload_row(3, "revert", "running"), *row;
    bool claimed;
    struct assay_audit_row act = {.audit_id = 1,
                                  .at = T0,
                                  .actor = str("admin"),
                                  .role = str("admin"),
                                  .request_id = str(""),
                                  .action = str("upload.reverted"),
                                  .subject = str("u")};
    OK(assay_store_upload_start(db, &u, &err));
    OK(assay_store_upload_claim(db, 1, &one, &act, &claimed, &err));
    ck_assert(claimed);
    OK(assay_store_upload_claim(db, 1, &two, &act, &claimed, &err));
    ck_assert(!claimed);
    OK(assay_store_upload(db, 1, T0, &arena, &row, &err));
    ck_assert_int_eq(row->reverted_by, 2);
    OK(assay_store_upload(db, 2, T0, &arena, &row, &err));
    ck_assert_ptr_nonnull(row);
    OK(assay_store_upload(db, 3, T0, &arena, &row, &err));
    ck_assert_ptr_null(row);
}
END_TEST

START_TEST(observations_page_by_time) {
    struct assay_record_row r[40];
    const struct assay_record_key voided = {1, ASSAY_KIND_OBSERVATION, str("o07")};
    struct assay_observation_row *rows;
    size_t n, got = 0;
    memset(r, 0, sizeof r);
    for (int i = 0; i < 40; i++) {
        r[i] = (struct assay_record_row){.key = {1 + (i == 39), i == 38 ? ASSAY_KIND_SURVEY : ASSAY_KIND_OBSERVATION,
                                                 assay_str_c(assay_arena_printf(&arena, "o%02d", i))},
                                         .type = ASSAY_OBSERVATION_MADE,
                                         .content = i % 2 ? str("{\"indicator\":\"audit\",\"value\":\"1\"}")
                                                          : str("{\"indicator\":\"audit-2\",\"value\":\"1\"}"),
                                         .at = T0 + i / 4, /* four at a time */
                                         .received_at = T0,
                                         .seq = i + 1,
                                         .party = ASSAY_PARTY_CCC};
    }
    OK(save_all(&(struct assay_ingest_save){.records = r, .n_records = 40, .voided = &voided, .n_voided = 1}));
    struct assay_observation_filter f = {.provider_id = 1, .from = ASSAY_NO_INSTANT, .to = ASSAY_NO_INSTANT, .limit = 5};
    for (int next = 37;;) {
        OK(assay_store_observations(db, &f, &arena, &rows, &n, &err));
        for (size_t i = 0; i < n; i++, next--, got++) {
            STR_EQ(rows[i].record.key.id, r[next].key.id);
            ck_assert_int_eq(rows[i].voided, next == 7);
        }
        if (n < 5) break;
        f.after = true, f.after_at = rows[n - 1].record.at, f.after_id = rows[n - 1].record.key.id;
    }
    ck_assert_uint_eq(got, 38);
    f = (struct assay_observation_filter){
        .provider_id = 1, .indicator = str("audit"), .from = T0 + 1, .to = T0 + 2, .limit = 100};
    OK(assay_store_observations(db, &f, &arena, &rows, &n, &err));
    ck_assert(n == 2 && assay_str_is(rows[0].record.key.id, "o07") && assay_str_is(rows[1].record.key.id, "o05"));
}
END_TEST

/* === suite =========================================================================================================== */

static TCase *tcase_on(Suite *s, const char *name, void (*setup)(void), void (*teardown)(void)) {
    TCase *t = tcase_create(name);
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, make_template, NULL);
    tcase_add_checked_fixture(t, setup, teardown);
    suite_add_tcase(s, t);
    return t;
}

static Suite *suite_of_store(void) {
    Suite *s = suite_create("store");
    TCase *t = tcase_on(s, "empty database", make_empty, leave);
    tcase_add_test(t, migrate_brings_an_empty_database_up_once);
    tcase_add_test(t, migrations_at_once_apply_once);
    t = tcase_on(s, "database of its own", make, leave);
    tcase_add_test(t, migrate_seeds_an_empty_configuration_only);
    tcase_add_test(t, another_schema_is_refused);
    tcase_add_test(t, providers_come_back_by_provider_and_date);
    tcase_add_test(t, documents_come_back_by_code_and_version);
    tcase_add_test(t, the_configuration_lock_keeps_others_out);
    tcase_add_test(t, lookups_stay_indexed_as_tables_grow);
    t = tcase_on(s, "write path", make_clean, leave);
    tcase_add_test(t, everything_saved_comes_back);
    tcase_add_test(t, orders_and_verdicts_are_replaced);
    tcase_add_test(t, voids_are_seen_from_both_sides);
    tcase_add_test(t, tallies_and_pays_add_up);
    tcase_add_test(t, many_rows_come_back_as_well);
    tcase_add_test(t, poison_among_many_rows_is_told);
    tcase_add_test(t, heads_are_the_lock);
    tcase_add_test(t, records_of_a_rival_are_seen_after_the_wait);
    tcase_add_test(t, heads_lock_joins_the_callers_transaction);
    t = tcase_on(s, "failures", make_clean, leave);
    tcase_add_test(t, rollback_leaves_nothing);
    tcase_add_test(t, poison_is_told_and_leaves_the_connection_whole);
    tcase_add_test(t, a_failed_transaction_does_not_claim_to_commit);
    tcase_add_test(t, a_killed_backend_is_unavailable_and_restored);
    tcase_add_test(t, a_pipeline_that_meets_a_crashed_server_ends);
    tcase_add_test(t, a_backend_killed_at_work_is_unavailable);
    tcase_add_test(t, a_lock_that_is_not_had_in_time_is_unavailable);
    tcase_add_test(t, no_database_is_unavailable);
    tcase_add_test(t, a_snapshot_stands_still_and_writes_nothing);
    t = tcase_on(s, "reads", make_clean, leave);
    tcase_add_test(t, lists_page_without_loss_or_doubles);
    tcase_add_test(t, orders_at_risk_come_once_and_soonest_first);
    tcase_add_test(t, windows_are_sums_of_months);
    tcase_add_test(t, pay_comes_by_rate_and_by_line);
    tcase_add_test(t, uploads_and_their_rejections_stay_readable);
    tcase_add_test(t, uploads_are_listed);
    tcase_add_test(t, an_upload_is_claimed_once);
    tcase_add_test(t, observations_page_by_time);
    return s;
}

ASSAY_TESTS(suite_of_store)
