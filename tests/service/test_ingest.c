/* test_ingest.c -- the write path as a whole, on a real PostgreSQL: whatever the order of arrival, the batching, the
 * repetition and the number of daemons, the same records give the same orders, verdicts, tallies and pay; and a changed
 * configuration gives what it would have given from the beginning. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "app/sample.h"
#include "assay/service.h"
#include "check_main.h"
#include "pg.h"
#include "test_random.h"

#define PROVIDERS 8
#define ORDERS 120
#define RECORDS_MAX (ORDERS * 24)

static char template_info[TEST_PG_CONNINFO], info[TEST_PG_CONNINFO];
static _Thread_local struct assay_error err; /* threads of a test fail each for itself */

#define OK(call)                                                                                              \
    do {                                                                                                      \
        enum assay_status ok_ = (call);                                                                       \
        ck_assert_msg(ok_ == ASSAY_OK, "%s: %s %s %s", #call, assay_status_code(ok_), err.field, err.detail); \
    } while (0)

/* --- the network: one for all tests ------------------------------------------------------------------------------------ */

static struct assay_arena network_arena;
static struct assay_item items[RECORDS_MAX];
static struct assay_str lines[RECORDS_MAX]; /* the same as text */
static size_t n_items;
static struct assay_provider providers[2 * PROVIDERS];
static size_t n_providers;
static struct assay_buf rates_text;

static void add_record(const struct assay_record *r) {
    struct assay_buf b = {0};
    ck_assert_uint_lt(n_items, RECORDS_MAX);
    assay_record_write(r, NULL, &b, NULL);
    lines[n_items] = assay_arena_dup(&network_arena, assay_buf_str(&b));
    assay_item_of_record(r, ASSAY_SENDER_MANUFACTURER, 0, &network_arena, &items[n_items]);
    struct assay_item *it = &items[n_items];
    *it = assay_item_dup(it, &network_arena);
    it->line = (int64_t)++n_items;
    assay_buf_free(&b);
}

/* Voids of each kind: known targets, one that never comes, one named twice, a void of a void. */
static void add_voids(void) {
    static const size_t victims[] = {3, 17, 90, 200, 333, 450, 450, 600};
    struct assay_record v;
    for (size_t i = 0; i < sizeof victims / sizeof *victims; i++) {
        const struct assay_item *target = &items[victims[i] % n_items];
        assay_record_init(&v);
        v.kind = ASSAY_KIND_REPAIR, v.type = ASSAY_EVENT_VOIDED, v.provider = target->provider, v.at = target->at;
        v.id = assay_str_c(assay_arena_printf(&network_arena, "VOID-%zu", i));
        v.target = target->id, v.target_kind = target->kind;
        v.reason = ASSAY_STR("test");
        if (i == 6) v.target = ASSAY_STR("never-sent");
        if (i == 7)
            v.target = ASSAY_STR("VOID-0"), v.target_kind = ASSAY_KIND_REPAIR, v.provider = items[victims[0] % n_items].provider;
        add_record(&v);
    }
}

static void make_network(void) {
    const struct assay_sample_spec spec = {
        .seed = 20001201, .providers = PROVIDERS, .orders = ORDERS, .from = assay_month_of(2000, 12), .months = 4};
    struct assay_sample *s = assay_sample_new(&spec);
    struct assay_sample_order *o = assay_xmalloc(sizeof *o);
    for (int64_t i = 0; i < ORDERS; i++) {
        assay_sample_order_at(s, i, o);
        for (size_t k = 0; k < o->n; k++) add_record(&o->records[k]);
    }
    add_voids();
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

/* --- databases and daemons ------------------------------------------------------------------------------------------------ */

static assay_instant test_now(void) { return assay_date_from_civil(2001, 6, 1) * ASSAY_DAY; }

static struct assay_service *start_with(const char *conninfo, size_t slice, size_t run_bytes) {
    struct assay_service *s;
    struct assay_service_options o = {
        .conninfo = conninfo, .now = test_now, .upload_slice = slice, .upload_run_bytes = run_bytes};
    OK(assay_service_start(&o, &s, &err));
    return s;
}

static struct assay_session *session_of(struct assay_service *s) {
    struct assay_session *x;
    OK(assay_session_open(s, &x, &err));
    return x;
}

static void put_document(struct assay_session *x, enum assay_document_kind kind, const char *code, struct assay_str text) {
    struct assay_put_result put;
    struct assay_errors es = {0};
    enum assay_status st = assay_registry_put_document(x, kind, assay_str_c(code), text, -1, &put, &es, &err);
    ck_assert_msg(st == ASSAY_OK, "%s: %s %s", code, es.n ? es.items[0].field : "", es.n ? es.items[0].detail : err.detail);
}

static void once(void) {
    struct assay_db *db;
    int applied;
    test_pg_start();
    make_network();
    test_pg_database(template_info);
    OK(assay_db_open(template_info, 60000, &db, &err));
    OK(assay_store_migrate(db, test_now(), &applied, &err));
    assay_db_close(db);
    struct assay_service *s = start_with(template_info, 0, 0);
    struct assay_session *x = session_of(s);
    bool created[2 * PROVIDERS];
    OK(assay_registry_put_providers(x, providers, n_providers, created, &err));
    put_document(x, ASSAY_DOC_RATES, "fy01-labour", assay_buf_str(&rates_text));
    assay_session_close(x);
    assay_service_stop(s);
}

static void fresh_database(void) { test_pg_database_like(template_info, info); }
static void drop_database(void) { test_pg_drop(info); }

/* --- what a database says, without what differs by right (sequence, time of receipt, order of packing) ------------------ */

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

static const struct {
    const char *what, *sql;
} digests[] = {
    {"records", "SELECT md5(string_agg(concat_ws('|', provider_id, kind, type, id, order_no, at, content), E'\\n' ORDER BY "
                "provider_id, kind, id)) FROM record"},
    {"orders", "SELECT md5(string_agg(concat_ws('|', provider_id, order_no, state, channel, customer_class, warranty, product, "
               "opened_at, dispatched_at, "
               "closed_at), E'\\n' ORDER BY provider_id, order_no)) FROM work_order"},
    {"verdicts", "SELECT md5(string_agg(concat_ws('|', provider_id, scheme_id, order_no, outcome, reason, scheme_version, "
                 "calendar_version, month, diagnosis, "
                 "cycle, diagnosis_deadline, cycle_deadline, rate), E'\\n' ORDER BY provider_id, scheme_id, order_no)) FROM "
                 "verdict_in_force WHERE outcome <> 0"},
    {"tallies", "SELECT md5(string_agg(concat_ws('|', provider_id, scheme_id, month, counts::text), E'\\n' ORDER BY provider_id, "
                "scheme_id, month)) "
                "FROM tally_in_force WHERE 0 <> ANY(counts)"},
    {"pay", "SELECT md5(string_agg(concat_ws('|', provider_id, scheme_id, month, rate, orders), E'\\n' ORDER BY provider_id, "
            "scheme_id, month, rate)) "
            "FROM pay_tally_in_force WHERE orders <> 0"},
    {"voided",
     "SELECT md5(string_agg(concat_ws('|', provider_id, kind, id), E'\\n' ORDER BY provider_id, kind, id)) FROM voided"},
    {"sequences", "SELECT coalesce(string_agg(h.provider_id::text, ','), 'gapless') FROM provider_head h WHERE h.seq <> "
                  "(SELECT count(*) FROM record r WHERE r.provider_id = h.provider_id) OR h.seq <> (SELECT coalesce(max(seq), 0) "
                  "FROM record r WHERE "
                  "r.provider_id = h.provider_id)"},
};
#define N_DIGESTS (sizeof digests / sizeof *digests)

static void take_digests(const char *conninfo, char *out[N_DIGESTS]) {
    for (size_t i = 0; i < N_DIGESTS; i++) out[i] = ask(conninfo, digests[i].sql);
}

static void same_digests(char *want[N_DIGESTS], char *got[N_DIGESTS], const char *way) {
    for (size_t i = 0; i < N_DIGESTS; i++) {
        ck_assert_msg(!strcmp(want[i], got[i]), "%s: %s differ", way, digests[i].what);
        free(got[i]);
    }
}

static void count_difference(void *arg, const struct assay_difference *d) {
    struct assay_buf *b = arg;
    assay_buf_printf(b, "%s %.*s/%.*s: %s\n", d->what, ASSAY_STR_ARG(d->provider), ASSAY_STR_ARG(d->key), d->detail);
}

static void verify_clean(struct assay_session *x) {
    struct assay_verify_result result;
    struct assay_buf said = {0};
    OK(assay_recompute_verify(x, count_difference, &said, &result, &err));
    ck_assert_msg(result.differences == 0, "%s", said.p);
    assay_buf_free(&said);
}

/* --- ways to bring the records --------------------------------------------------------------------------------------------- */

static const struct assay_item **shuffled(uint64_t *rnd) {
    const struct assay_item **order = assay_xcalloc(n_items, sizeof(struct assay_item *));
    for (size_t i = 0; i < n_items; i++) {
        size_t j = (size_t)test_random_below(rnd, (int64_t)i + 1);
        order[i] = order[j];
        order[j] = &items[i];
    }
    return order;
}

static void apply_in_batches(struct assay_session *x, const struct assay_item **order, size_t n, uint64_t *rnd, int64_t most) {
    struct assay_item *batch = assay_xcalloc((size_t)most, sizeof *batch);
    for (size_t i = 0; i < n;) {
        size_t k = 1 + (size_t)test_random_below(rnd, most);
        if (k > n - i) k = n - i;
        for (size_t j = 0; j < k; j++) batch[j] = *order[i + j], batch[j].received_at = test_now();
        OK(assay_ingest_apply(x, batch, k, &err));
        for (size_t j = 0; j < k; j++)
            ck_assert_msg(batch[j].status == ASSAY_OK, "%.*s: %s", ASSAY_STR_ARG(batch[j].id),
                          assay_status_code(batch[j].status));
        i += k;
    }
    free(batch);
}

static enum assay_intake intake_of(const struct assay_item *it) {
    return it->kind == ASSAY_KIND_DISPATCH ? ASSAY_INTAKE_DISPATCHES
           : it->kind == ASSAY_KIND_SURVEY ? ASSAY_INTAKE_SURVEYS
                                           : ASSAY_INTAKE_EVENTS;
}

static int64_t upload_all(struct assay_session *x, enum assay_intake intake, int times, int64_t *duplicates) {
    struct assay_upload *u;
    struct assay_upload_reply reply;
    int64_t line = 0;
    const struct assay_upload_options o = {
        .intake = intake, .sender = {.party = ASSAY_PARTY_MANUFACTURER}, .request_id = ASSAY_STR("test")};
    OK(assay_upload_begin(x, &o, &u, &err));
    for (int t = 0; t < times; t++)
        for (size_t i = 0; i < n_items; i++)
            if (intake_of(&items[i]) == intake) OK(assay_upload_line(u, lines[i], ++line, &err));
    OK(assay_upload_finish(u, &reply, &err));
    ck_assert_int_eq(reply.received, line);
    ck_assert_msg(reply.rejected == 0, "%s", reply.n_errors ? reply.errors[0].detail : "");
    ck_assert_int_eq(reply.accepted + reply.duplicates, line);
    *duplicates += reply.duplicates;
    int64_t accepted = reply.accepted;
    assay_upload_free(u);
    return accepted;
}

static void upload_network(struct assay_session *x, int times, int64_t *accepted, int64_t *duplicates) {
    *accepted = *duplicates = 0;
    *accepted += upload_all(x, ASSAY_INTAKE_SURVEYS, times, duplicates);
    *accepted += upload_all(x, ASSAY_INTAKE_EVENTS, times, duplicates);
    *accepted += upload_all(x, ASSAY_INTAKE_DISPATCHES, times, duplicates);
}

/* The reference: one upload of each kind. */
static void reference(char *out[N_DIGESTS]) {
    char conninfo[TEST_PG_CONNINFO];
    int64_t accepted, duplicates;
    test_pg_database_like(template_info, conninfo);
    struct assay_service *s = start_with(conninfo, 0, 0);
    struct assay_session *x = session_of(s);
    upload_network(x, 1, &accepted, &duplicates);
    ck_assert_int_eq(accepted, n_items);
    verify_clean(x);
    assay_session_close(x);
    assay_service_stop(s);
    take_digests(conninfo, out);
    ck_assert_str_eq(out[N_DIGESTS - 1], "gapless");
    test_pg_drop(conninfo);
}

static void free_digests(char *d[N_DIGESTS]) {
    for (size_t i = 0; i < N_DIGESTS; i++) free(d[i]);
}

/* --- any order, any batching, duplicates ------------------------------------------------------------------------------------- */

START_TEST(any_order_and_batching) {
    static const int64_t most[] = {1, 7, 60, 1000};
    char *want[N_DIGESTS], *got[N_DIGESTS];
    uint64_t rnd = 41 + (uint64_t)_i;
    reference(want);
    struct assay_service *s = start_with(info, 0, 0);
    struct assay_session *x = session_of(s);
    const struct assay_item **order = shuffled(&rnd);
    apply_in_batches(x, order, n_items, &rnd, most[_i]);
    verify_clean(x);
    take_digests(info, got);
    same_digests(want, got, "shuffled batches");
    /* Everything again, in another order: nothing moves, no number is taken. */
    char *before = ask(info, "SELECT sum(seq)::text || '/' || sum(revision)::text FROM provider_head");
    apply_in_batches(x, order, n_items, &rnd, 50);
    char *after = ask(info, "SELECT sum(seq)::text || '/' || sum(revision)::text FROM provider_head");
    ck_assert_str_eq(before, after);
    take_digests(info, got);
    same_digests(want, got, "twice");
    free(before);
    free(after);
    free((void *)order);
    assay_session_close(x);
    assay_service_stop(s);
    free_digests(want);
}
END_TEST

/* Slices of a few records, memory for a few: the spool spills, merges and holds back. */
START_TEST(uploads_in_little_memory) {
    char *want[N_DIGESTS], *got[N_DIGESTS];
    int64_t accepted, duplicates;
    reference(want);
    struct assay_service *s = start_with(info, 5, 3000);
    struct assay_session *x = session_of(s);
    upload_network(x, 2, &accepted, &duplicates);
    ck_assert_int_eq(accepted, n_items);
    ck_assert_int_eq(duplicates, n_items);
    verify_clean(x);
    take_digests(info, got);
    same_digests(want, got, "small slices");
    assay_session_close(x);
    assay_service_stop(s);
    free_digests(want);
}
END_TEST

struct bearer { /* a thread that brings its share */
    struct assay_service *service;
    size_t from, step;
    pthread_mutex_t lock;
    pthread_cond_t back;
    size_t under_way;
    enum assay_status worst;
};

static void came_back(struct assay_ingest_job *job) {
    struct bearer *b = job->arg;
    pthread_mutex_lock(&b->lock);
    if (job->item.status) b->worst = job->item.status;
    b->under_way--;
    pthread_cond_signal(&b->back);
    pthread_mutex_unlock(&b->lock);
    free(job);
}

static void *bear(void *arg) {
    struct bearer *b = arg;
    for (size_t i = n_items; i-- > 0;) { /* backwards: closes before openings */
        if (i % b->step != b->from) continue;
        struct assay_ingest_job *job = assay_xcalloc(1, sizeof *job);
        job->item = items[i];
        job->item.received_at = test_now();
        job->done = came_back;
        job->arg = b;
        pthread_mutex_lock(&b->lock);
        while (b->under_way >= 16) pthread_cond_wait(&b->back, &b->lock);
        b->under_way++;
        pthread_mutex_unlock(&b->lock);
        if (assay_ingest_submit(b->service, job)) abort();
    }
    pthread_mutex_lock(&b->lock);
    while (b->under_way) pthread_cond_wait(&b->back, &b->lock);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* Two daemons, two clients each, every record sent to both, at the same time. */
START_TEST(two_daemons_at_once) {
    char *want[N_DIGESTS], *got[N_DIGESTS];
    struct bearer bearers[4];
    pthread_t threads[4];
    reference(want);
    struct assay_service *daemons[2] = {start_with(info, 0, 0), start_with(info, 0, 0)};
    for (size_t i = 0; i < 4; i++) {
        bearers[i] = (struct bearer){.service = daemons[i % 2], .from = i / 2, .step = 2};
        pthread_mutex_init(&bearers[i].lock, NULL);
        pthread_cond_init(&bearers[i].back, NULL);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, bear, &bearers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_msg(bearers[i].worst == ASSAY_OK, "%s", assay_status_code(bearers[i].worst));
    }
    struct assay_session *x = session_of(daemons[0]);
    verify_clean(x);
    take_digests(info, got);
    same_digests(want, got, "two daemons");
    assay_session_close(x);
    assay_service_stop(daemons[0]);
    assay_service_stop(daemons[1]);
    free_digests(want);
}
END_TEST

/* --- refusals ------------------------------------------------------------------------------------------------------------------ */

static int64_t count_of(const char *sql) {
    char *text = ask(info, sql);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

/* Of equal ids the first by line stands, though another order's slice is applied before its own. */
START_TEST(first_by_line_stands) {
    struct assay_service *s = start_with(info, 1, 400);
    struct assay_session *x = session_of(s);
    struct assay_upload *u;
    struct assay_upload_reply reply;
    char line[400];
    const struct assay_upload_options o = {
        .intake = ASSAY_INTAKE_EVENTS, .sender = {.party = ASSAY_PARTY_MANUFACTURER}, .request_id = ASSAY_STR("test")};
    OK(assay_upload_begin(x, &o, &u, &err));
    for (int i = 1; i <= 40; i++) {
        /* id E0 is sent for order Z, then for A (another content), then for Z again. */
        const char *order = i == 1 || i == 30 ? "Z" : i == 20 ? "A" : NULL;
        char own[16];
        snprintf(own, sizeof own, "M%02d", i);
        int n = snprintf(line, sizeof line,
                         "{\"id\":\"%s\",\"type\":\"order.opened\",\"provider\":\"%.*s\",\"order\":\"%s\",\"at\":\"2001-02-05T09:"
                         "00:00+08:00\","
                         "\"channel\":\"walk_in\",\"product\":\"server\"}",
                         order ? "E0" : own, ASSAY_STR_ARG(providers[0].code), order ? order : own);
        OK(assay_upload_line(u, (struct assay_str){line, (size_t)n}, i, &err));
    }
    OK(assay_upload_finish(u, &reply, &err));
    ck_assert_int_eq(reply.accepted, 38);
    ck_assert_int_eq(reply.duplicates, 1);
    ck_assert_int_eq(reply.rejected, 1);
    ck_assert_uint_eq(reply.errors[0].line, 20);
    ck_assert_int_eq(reply.errors[0].status, ASSAY_ID_CONFLICT);
    ck_assert_int_eq(count_of("SELECT count(*) FROM work_order WHERE order_no = 'Z'"), 1);
    ck_assert_int_eq(count_of("SELECT count(*) FROM work_order WHERE order_no = 'A'"), 0);
    ck_assert_int_eq(count_of("SELECT count(*) FROM upload_rejection WHERE line = 20 AND body IS NOT NULL"), 1);
    assay_upload_free(u);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* A record the database will not take is refused alone. */
START_TEST(poison_is_refused_alone) {
    struct assay_service *s = start_with(info, 0, 0);
    struct assay_session *x = session_of(s);
    struct assay_item batch[50];
    for (size_t i = 0; i < 50; i++) batch[i] = items[i], batch[i].received_at = test_now();
    batch[31].content = ASSAY_STR("{\"product\":\"\xff\xfe\"}"); /* past the codec: not UTF-8 */
    OK(assay_ingest_apply(x, batch, 50, &err));
    for (size_t i = 0; i < 50; i++)
        ck_assert_msg((batch[i].status == ASSAY_OK) == (i != 31), "item %zu: %s", i, assay_status_code(batch[i].status));
    ck_assert_int_eq(count_of("SELECT count(*) FROM record"), 49);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* An order takes ten thousand records; more are refused, its neighbours are not. */
START_TEST(full_order) {
    struct assay_service *s = start_with(info, 0, 0);
    struct assay_session *x = session_of(s);
    struct assay_arena a = {0};
    struct assay_item *batch = assay_xcalloc(10002, sizeof *batch);
    struct assay_record r;
    assay_record_init(&r);
    r.kind = ASSAY_KIND_REPAIR, r.type = ASSAY_ORDER_COMPLETED, r.provider = providers[0].code;
    r.at = test_now() - ASSAY_DAY;
    for (size_t i = 0; i < 10002; i++) {
        r.id = assay_str_c(assay_arena_printf(&a, "F%zu", i));
        r.order = i == 10001 ? ASSAY_STR("other") : ASSAY_STR("full");
        assay_item_of_record(&r, ASSAY_SENDER_MANUFACTURER, test_now(), &a, &batch[i]);
    }
    OK(assay_ingest_apply(x, batch, 10000, &err));
    ck_assert_int_eq(batch[9999].status, ASSAY_OK);
    OK(assay_ingest_apply(x, batch + 10000, 2, &err));
    ck_assert_int_eq(batch[10000].status, ASSAY_ORDER_FULL);
    ck_assert_int_eq(batch[10001].status, ASSAY_OK);
    /* Its repetition in the same batch is no duplicate of anything. */
    batch[0] = batch[1] = batch[10000];
    OK(assay_ingest_apply(x, batch, 2, &err));
    ck_assert_int_eq(batch[0].status, ASSAY_ORDER_FULL);
    ck_assert_int_eq(batch[1].status, ASSAY_ORDER_FULL);
    ck_assert(!batch[1].duplicate);
    ck_assert_int_eq(count_of("SELECT count(*) FROM record"), 10001);
    ck_assert_int_eq(count_of("SELECT max(seq) FROM record"), 10001);
    verify_clean(x);
    free(batch);
    assay_arena_free(&a);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

START_TEST(unknown_provider_and_conflict) {
    struct assay_service *s = start_with(info, 0, 0);
    struct assay_session *x = session_of(s);
    struct assay_item batch[4] = {items[0], items[0], items[0], items[1]};
    batch[1].provider = ASSAY_STR("NOBODY");
    batch[2].at += 1;
    OK(assay_ingest_apply(x, batch, 4, &err));
    ck_assert_int_eq(batch[0].status, ASSAY_OK);
    ck_assert_int_eq(batch[1].status, ASSAY_UNKNOWN_PROVIDER);
    ck_assert_int_eq(batch[2].status, ASSAY_ID_CONFLICT);
    ck_assert_int_eq(batch[3].status, ASSAY_OK);
    ck_assert_int_eq(count_of("SELECT count(*) FROM record"), 2);
    /* A provider registered by another daemon is known at once. */
    struct assay_service *other = start_with(info, 0, 0);
    struct assay_session *y = session_of(other);
    struct assay_provider p = {.code = ASSAY_STR("NOBODY"),
                               .name = ASSAY_STR("n"),
                               .facts = {ASSAY_NO_DATE, ASSAY_STR("Beijing"), false},
                               .status = ASSAY_PROVIDER_ACTIVE};
    bool created;
    OK(assay_registry_put_providers(y, &p, 1, &created, &err));
    ck_assert(created);
    OK(assay_ingest_apply(x, &batch[1], 1, &err));
    ck_assert_int_eq(batch[1].status, ASSAY_OK);
    assay_session_close(y);
    assay_service_stop(other);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* Of a provider sent several times in one request the last holds, also when it takes back what came before. */
START_TEST(last_of_a_request_holds) {
    struct assay_service *s = start_with(info, 0, 0);
    struct assay_session *x = session_of(s);
    const struct assay_config *cfg = assay_service_config(s);
    const struct assay_config_provider *known = assay_config_provider(cfg, providers[0].code);
    struct assay_provider p[2] = {providers[0], providers[0]};
    bool created[2];
    p[0].facts = p[1].facts = known->versions.facts[known->versions.n - 1];
    p[0].name = p[1].name = known->latest->name;
    p[0].facts.city = ASSAY_STR("Elsewhere");
    OK(assay_registry_put_providers(x, p, 2, created, &err));
    const struct assay_config *after = assay_service_config(s);
    const struct assay_config_provider *now = assay_config_provider(after, providers[0].code);
    ck_assert(assay_str_eq(now->versions.facts[now->versions.n - 1].city, p[1].facts.city));
    assay_config_release(cfg);
    assay_config_release(after);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* The configuration moves all the time: what is answered OK is stored, the rest is told to come again. */
static void *move_configuration(void *arg) {
    const atomic_bool *stop = arg;
    PGconn *c = PQconnectdb(info);
    while (!atomic_load(stop)) PQclear(PQexec(c, "UPDATE config SET revision = revision + 1"));
    PQfinish(c);
    return NULL;
}

START_TEST(acknowledged_is_stored_while_configuration_moves) {
    struct assay_service *s = start_with(info, 0, 0);
    struct assay_session *x = session_of(s);
    pthread_t threads[3];
    atomic_bool stop = false;
    int64_t acknowledged = 0;
    for (int i = 0; i < 3; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, move_configuration, &stop), 0);
    for (size_t i = 0; i < 60; i++) {
        struct assay_item it = items[i];
        it.received_at = test_now();
        enum assay_status st = assay_ingest_apply(x, &it, 1, &err);
        ck_assert_int_eq(st, it.status);
        acknowledged += st == ASSAY_OK;
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    ck_assert_int_eq(count_of("SELECT count(*) FROM record"), acknowledged);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* The connection is cut between two batches and in the middle of work: nothing is lost, nothing doubled. */
START_TEST(cut_connections) {
    char *want[N_DIGESTS], *got[N_DIGESTS];
    uint64_t rnd = 7;
    reference(want);
    struct assay_service *s = start_with(info, 0, 0);
    struct assay_session *x = session_of(s);
    const struct assay_item **order = shuffled(&rnd);
    for (size_t i = 0; i < n_items; i += 100) {
        free(ask(info, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid "
                       "<> pg_backend_pid()"));
        apply_in_batches(x, order + i, n_items - i < 100 ? n_items - i : 100, &rnd, 40);
    }
    OK(assay_session_ready(x, &err));
    verify_clean(x);
    take_digests(info, got);
    same_digests(want, got, "cut connections");
    free((void *)order);
    assay_session_close(x);
    assay_service_stop(s);
    free_digests(want);
}
END_TEST

/* --- a new configuration gives what it would have given from the beginning ---------------------------------------------------- */

static struct assay_str replaced(struct assay_arena *a, struct assay_str text, const char *from, const char *to) {
    const char *at = memmem(text.p, text.n, from, strlen(from));
    ck_assert_msg(at != NULL, "%s", from);
    size_t before = (size_t)(at - text.p);
    return assay_str_c(
        assay_arena_printf(a, "%.*s%s%.*s", (int)before, text.p, to, (int)(text.n - before - strlen(from)), at + strlen(from)));
}

static void change_configuration(struct assay_session *x, int which) {
    struct assay_arena a = {0};
    const struct assay_config *cfg = assay_service_config(x->service);
    bool created;
    switch (which) {
    case 0: {
        const struct assay_config_calendar *c = assay_config_calendar(cfg, "cn-office");
        put_document(x, ASSAY_DOC_CALENDAR, "cn-office",
                     replaced(&a, c->document, "\"exceptions\": []",
                              "\"exceptions\": [{\"date\": \"2001-01-24\", \"hours\": [], \"name\": \"Spring Festival\"}, "
                              "{\"date\": \"2001-01-20\", \"hours\": [[\"09:00\", \"12:00\"]], \"name\": \"make-up\"}]"));
        break;
    }
    case 1: {
        const struct assay_config_scheme *sc = assay_config_scheme(cfg, ASSAY_STR("hp-gold-fy01"));
        struct assay_str text = replaced(&a, sc->rows[0].document, "{\"working_hours\": 4}", "{\"working_hours\": 2}");
        put_document(x, ASSAY_DOC_SCHEME, "hp-gold-fy01",
                     replaced(&a, text, "\"no_parts\": {\"working_days\": 1}", "\"no_parts\": {\"calendar_hours\": 30}"));
        break;
    }
    case 2:
        put_document(
            x, ASSAY_DOC_RATES, "fy01-labour",
            ASSAY_STR("{\"currency\": \"CNY\", \"rates\": [{\"product\": \"*\", \"warranty\": \"in\", \"amount\": \"77.77\"}]}"));
        break;
    case 3: {
        for (size_t i = 0; i < n_providers; i++) {
            struct assay_provider p = providers[i];
            p.facts = (struct assay_provider_facts){assay_date_from_civil(2000, 12, 10), ASSAY_STR("Lhasa"), !p.facts.ascim};
            OK(assay_registry_put_providers(x, &p, 1, &created, &err));
        }
        break;
    }
    case 4: { /* a second scheme beside the first */
        const struct assay_config_scheme *sc = assay_config_scheme(cfg, ASSAY_STR("hp-gold-fy01"));
        put_document(x, ASSAY_DOC_SCHEME, "two-months",
                     replaced(&a, sc->rows[0].document, "\"window_months\": 3", "\"window_months\": 2"));
        break;
    }
    }
    assay_config_release(cfg);
    assay_arena_free(&a);
}

START_TEST(refolded_is_as_if_from_the_beginning) {
    char *want[N_DIGESTS], *got[N_DIGESTS], *plain[N_DIGESTS], other[TEST_PG_CONNINFO];
    int64_t accepted, duplicates;
    test_pg_database_like(template_info, other);
    struct assay_service *s = start_with(other, 0, 0);
    struct assay_session *x = session_of(s);
    change_configuration(x, _i);
    upload_network(x, 1, &accepted, &duplicates);
    take_digests(other, want);
    assay_session_close(x);
    assay_service_stop(s);
    test_pg_drop(other);

    s = start_with(info, 0, 0);
    x = session_of(s);
    upload_network(x, 1, &accepted, &duplicates);
    take_digests(info, plain);
    change_configuration(x, _i);
    take_digests(info, got);
    verify_clean(x);
    ck_assert_msg(strcmp(plain[2], got[2]) || strcmp(plain[4], got[4]), "the change touched nothing");
    same_digests(want, got, "refolded");
    assay_session_close(x);
    assay_service_stop(s);
    free_digests(want);
    free_digests(plain);
}
END_TEST

/* --- verification finds what is wrong, each kind of it ------------------------------------------------------------------------- */

static const struct {
    const char *what, *sql;
} corruptions[] = {
    {"order", "UPDATE work_order SET state = 1, closed_at = NULL WHERE (provider_id, order_no) IN (SELECT provider_id, order_no "
              "FROM work_order WHERE state = 2 LIMIT 1)"},
    {"order", "UPDATE work_order SET packed = substr(packed, 1, 1) WHERE (provider_id, order_no) IN (SELECT provider_id, "
              "order_no FROM work_order WHERE state = 2 LIMIT 1)"},
    {"order", "DELETE FROM work_order WHERE (provider_id, order_no) IN (SELECT provider_id, order_no FROM work_order WHERE state "
              "= 2 LIMIT 1)"},
    {"verdict", "UPDATE verdict SET outcome = 3 - outcome WHERE (provider_id, order_no) IN (SELECT provider_id, order_no FROM "
                "verdict WHERE outcome = 1 LIMIT 1)"},
    {"verdict", "DELETE FROM verdict WHERE (provider_id, order_no) IN (SELECT provider_id, order_no FROM verdict WHERE outcome = "
                "1 LIMIT 1)"},
    {"tally", "UPDATE tally SET counts[2] = counts[2] + 1 WHERE (provider_id, month) IN (SELECT provider_id, month FROM tally "
              "WHERE counts[1] > 0 LIMIT 1)"},
    {"evaluation", "UPDATE tally SET counts[3] = counts[3] + 1 WHERE (provider_id, month) IN (SELECT provider_id, month FROM "
                   "tally WHERE counts[1] > 0 LIMIT 1)"},
    {"pay", "UPDATE pay_tally SET orders = orders + 2 WHERE (provider_id, month, rate) IN (SELECT provider_id, month, rate FROM "
            "pay_tally LIMIT 1)"},
    {"voided", "DELETE FROM voided WHERE (provider_id, kind, id) IN (SELECT provider_id, kind, id FROM voided LIMIT 1)"},
};

START_TEST(verification_names_each_difference) {
    int64_t accepted, duplicates;
    struct assay_verify_result result;
    struct assay_buf said = {0};
    char *want[N_DIGESTS], *got[N_DIGESTS];
    struct assay_service *s = start_with(info, 0, 0);
    struct assay_session *x = session_of(s);
    upload_network(x, 1, &accepted, &duplicates);
    take_digests(info, want);
    for (size_t i = 0; i < sizeof corruptions / sizeof *corruptions; i++) {
        free(ask(info, corruptions[i].sql));
        said.n = 0;
        OK(assay_recompute_verify(x, count_difference, &said, &result, &err));
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%s ", corruptions[i].what);
        ck_assert_msg(result.differences > 0 && strstr(said.p, prefix), "%s is not named by: %s", corruptions[i].sql,
                      said.p ? said.p : "nothing");
        OK(assay_recompute_repair(x, NULL, NULL, &result, &err));
        verify_clean(x);
        take_digests(info, got);
        same_digests(want, got, corruptions[i].sql);
    }
    assay_buf_free(&said);
    assay_session_close(x);
    assay_service_stop(s);
    free_digests(want);
}
END_TEST

static Suite *suite_of_ingest(void) {
    Suite *s = suite_create("ingest");
    TCase *t = tcase_create("ingest");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, once, NULL);
    tcase_add_checked_fixture(t, fresh_database, drop_database);
    tcase_add_loop_test(t, any_order_and_batching, 0, LOOPS(4));
    tcase_add_test(t, uploads_in_little_memory);
    tcase_add_test(t, two_daemons_at_once);
    tcase_add_test(t, first_by_line_stands);
    tcase_add_test(t, poison_is_refused_alone);
    tcase_add_test(t, full_order);
    tcase_add_test(t, unknown_provider_and_conflict);
    tcase_add_test(t, last_of_a_request_holds);
    tcase_add_test(t, acknowledged_is_stored_while_configuration_moves);
    tcase_add_test(t, cut_connections);
    tcase_add_loop_test(t, refolded_is_as_if_from_the_beginning, 0, LOOPS(5));
    tcase_add_test(t, verification_names_each_difference);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_ingest)
