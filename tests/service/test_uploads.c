/* test_uploads.c -- uploads as a whole, on a real PostgreSQL: all or nothing, tried without a trace, taken back as if they had
 * never been sent; with daemons beside each other, connections that are cut and uploads that fall silent. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/sample.h"
#include "assay/service.h"
#include "check_main.h"
#include "pg.h"
#include "test_random.h"

#define PROVIDERS 4
#define ORDERS 36
#define RECORDS_MAX (ORDERS * 30)

static char template_info[TEST_PG_CONNINFO], info[TEST_PG_CONNINFO];
static _Thread_local struct assay_error err; /* threads of a test fail each for itself */
static struct assay_arena arena;             /* of the program */

#define OK(call)                                                                                              \
    do {                                                                                                      \
        enum assay_status ok_ = (call);                                                                       \
        ck_assert_msg(ok_ == ASSAY_OK, "%s: %s %s %s", #call, assay_status_code(ok_), err.field, err.detail); \
    } while (0)

/* --- records, as text ---------------------------------------------------------------------------------------------------- */

static const char *const routes[] = {"repair-events", "ccc-dispatches", "survey-responses", "observations"};
#define N_INTAKES 4
struct text {
    struct assay_str text, id, provider;
    enum assay_kind kind;
    enum assay_intake intake;
};
static struct text pool[RECORDS_MAX];
static size_t n_pool;
static struct assay_provider providers[4 * PROVIDERS];
static size_t n_providers;

static enum assay_intake intake_of(enum assay_kind k) {
    return k == ASSAY_KIND_DISPATCH      ? ASSAY_INTAKE_DISPATCHES
           : k == ASSAY_KIND_SURVEY      ? ASSAY_INTAKE_SURVEYS
           : k == ASSAY_KIND_OBSERVATION ? ASSAY_INTAKE_OBSERVATIONS
                                         : ASSAY_INTAKE_EVENTS;
}

static struct text text_of(const struct assay_record *r) {
    struct assay_buf b = {0};
    assay_record_write(r, NULL, &b, NULL);
    struct text t = {.text = assay_arena_dup(&arena, assay_buf_str(&b)),
                     .id = assay_arena_dup(&arena, r->id),
                     .provider = assay_arena_dup(&arena, r->provider),
                     .kind = r->kind,
                     .intake = intake_of(r->kind)};
    assay_buf_free(&b);
    return t;
}

static struct text void_of(const struct text *target, const char *id, uint64_t *rnd) {
    struct assay_record v;
    assay_record_init(&v);
    v.kind = ASSAY_KIND_REPAIR, v.type = ASSAY_EVENT_VOIDED, v.provider = target->provider;
    v.id = assay_str_c(id), v.at = assay_date_from_civil(2001, 2, 1) * ASSAY_DAY + test_random_below(rnd, ASSAY_DAY);
    v.target = target->id, v.target_kind = target->kind;
    return text_of(&v);
}

static void make_network(void) {
    const struct assay_sample_spec spec = {
        .seed = 20010213, .providers = PROVIDERS, .orders = ORDERS, .from = assay_month_of(2000, 12), .months = 3};
    struct assay_sample *s = assay_sample_new(&spec);
    struct assay_sample_order *o = assay_xmalloc(sizeof *o);
    for (int32_t i = 0; i < PROVIDERS; i++) {
        struct assay_sample_provider p;
        assay_sample_provider_at(s, i, &p);
        for (size_t f = 0; f < p.n_facts; f++) {
            struct assay_provider *x = &providers[n_providers++];
            *x = (struct assay_provider){.code = assay_arena_dup(&arena, p.code),
                                         .name = assay_arena_dup(&arena, p.name),
                                         .facts = p.facts[f],
                                         .status = ASSAY_PROVIDER_ACTIVE};
            x->facts.city = assay_arena_dup(&arena, p.facts[f].city);
        }
    }
    for (int64_t i = 0; i < ORDERS; i++) {
        assay_sample_order_at(s, i, o);
        for (size_t k = 0; k < o->n; k++) pool[n_pool++] = text_of(&o->records[k]);
    }
    for (int i = 0; i < 40; i++) { /* what names no order: responses, observations */
        struct assay_record r;
        assay_record_init(&r);
        r.id = assay_str_c(assay_arena_printf(&arena, "L%d", i)), r.provider = providers[i % 3].code;
        r.at = assay_date_from_civil(2001, 1, 1 + i % 28) * ASSAY_DAY;
        r.kind = i % 2 ? ASSAY_KIND_SURVEY : ASSAY_KIND_OBSERVATION;
        r.type = i % 2 ? ASSAY_SURVEY_RESPONSE : ASSAY_OBSERVATION_MADE;
        if (i % 2) r.answer = (enum assay_answer)(1 + i / 2 % 4);
        else r.indicator = ASSAY_STR("audit"), r.value = i * 1000;
        pool[n_pool++] = text_of(&r);
    }
    free(o);
    assay_sample_free(s);
}

/* --- daemons and databases ------------------------------------------------------------------------------------------------ */

static _Atomic assay_instant clock_now;
static assay_instant test_now(void) { return clock_now; }

static struct assay_service *start(const char *conninfo, size_t slice, size_t atomic_records) {
    struct assay_service *s;
    struct assay_service_options o = {
        .conninfo = conninfo, .now = test_now, .upload_slice = slice, .atomic_records = atomic_records};
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
    struct assay_put_result put;
    struct assay_errors es = {0};
    int applied;
    bool created[4 * PROVIDERS];
    clock_now = assay_date_from_civil(2001, 6, 1) * ASSAY_DAY;
    test_pg_start();
    make_network();
    test_pg_database(template_info);
    OK(assay_db_open(template_info, 60000, &db, &err));
    OK(assay_store_migrate(db, test_now(), &applied, &err));
    assay_db_close(db);
    struct assay_service *s = start(template_info, 0, 0);
    struct assay_session *x = session_of(s);
    OK(assay_registry_put_providers(x, providers, n_providers, created, &err));
    OK(assay_registry_put_document(
        x, ASSAY_DOC_RATES, ASSAY_STR("fy01-labour"),
        ASSAY_STR("{\"currency\": \"CNY\", \"rates\": [{\"product\": \"*\", \"warranty\": \"*\", \"amount\": \"80\"}]}"), -1,
        &put, &es, &err));
    assay_session_close(x);
    assay_service_stop(s);
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

static int64_t number(const char *sql) {
    char *s = ask(info, sql);
    int64_t n = strtoll(s, NULL, 10);
    free(s);
    return n;
}

/* What is derived: all that a reader of figures sees. */
static const char derived[] =
    "SELECT md5(concat_ws('#',"
    " (SELECT string_agg(concat_ws('|', provider_id, order_no, state, channel, customer_class, warranty, product, opened_at,"
    "  dispatched_at, closed_at), ';' ORDER BY provider_id, order_no) FROM work_order WHERE state > 0),"
    " (SELECT string_agg(concat_ws('|', provider_id, scheme_id, order_no, outcome, reason, month, diagnosis, cycle,"
    "  diagnosis_deadline, cycle_deadline, rate), ';' ORDER BY provider_id, scheme_id, order_no) FROM verdict_in_force WHERE "
    "outcome <> "
    "0),"
    " (SELECT string_agg(concat_ws('|', provider_id, scheme_id, month, counts::text), ';' ORDER BY provider_id, scheme_id, month)"
    "  FROM tally_in_force WHERE 0 <> ANY(counts)),"
    " (SELECT string_agg(concat_ws('|', provider_id, scheme_id, month, rate, orders), ';' ORDER BY provider_id, scheme_id, month,"
    "  rate) FROM pay_tally_in_force WHERE orders <> 0)))";
/* Every row of every table that ingestion may write, and the heads' revisions. */
static const char everything[] = "SELECT md5(concat_ws('#',"
                                 " (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM record t), (SELECT string_agg(t::text, "
                                 "';' ORDER BY t::text) FROM voided t),"
                                 " (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM work_order t), (SELECT "
                                 "string_agg(t::text, ';' ORDER BY t::text) FROM verdict t),"
                                 " (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM tally t), (SELECT string_agg(t::text, "
                                 "';' ORDER BY t::text) FROM pay_tally t),"
                                 " (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM provider_head t), (SELECT "
                                 "string_agg(t::text, ';' ORDER BY t::text) FROM config t),"
                                 " (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM upload t), (SELECT string_agg(t::text, "
                                 "';' ORDER BY t::text) FROM upload_rejection t)))";
static const char facts[] =
    "SELECT concat_ws('/', (SELECT count(*) FROM record), (SELECT count(*) FROM voided), (SELECT count(*) FROM work_order),"
    " (SELECT sum(seq) FROM provider_head), (SELECT sum(revision) FROM provider_head))";

static void same(const char *sql, const char *one, const char *other, const char *what) {
    char *a = ask(one, sql), *b = ask(other, sql);
    ck_assert_msg(!strcmp(a, b), "%s", what);
    free(a);
    free(b);
}

static void count_difference(void *arg, const struct assay_difference *d) {
    assay_buf_printf(arg, "%s %.*s/%.*s: %s\n", d->what, ASSAY_STR_ARG(d->provider), ASSAY_STR_ARG(d->key), d->detail);
}

static void verify_clean(struct assay_session *x) {
    struct assay_verify_result result;
    struct assay_buf said = {0};
    OK(assay_recompute_verify(x, count_difference, &said, &result, &err));
    ck_assert_msg(result.differences == 0, "%s", said.p);
    assay_buf_free(&said);
}

/* --- uploads ---------------------------------------------------------------------------------------------------------------- */

enum { PLAIN = 0, ATOMIC = 1, DRY = 2 };
struct batch { /* lines of one upload */
    enum assay_intake intake;
    const struct text *lines[RECORDS_MAX];
    size_t n;
};
struct answer {
    enum assay_status status;
    int64_t id; /* 0: none */
    int64_t received, accepted, duplicates, rejected;
    bool refused;
    char *errors; /* line, id, code, pointer, detail of each */
    char *verdicts;
};

static void free_answer(struct answer *a) {
    free(a->errors);
    free(a->verdicts);
}

static int by_line_text(const void *x, const void *y) { return strcmp(*(char *const *)x, *(char *const *)y); }

/* "provider order before after", sorted. */
static char *sorted_changes(const struct assay_upload_reply *r) {
    char **lines = assay_xcalloc(r->n_changes + 1, sizeof(char *));
    struct assay_buf b = {0};
    for (size_t i = 0; i < r->n_changes; i++) {
        const struct assay_verdict_change *c = &r->changes[i];
        struct assay_buf line = {0};
        assay_buf_printf(&line, "%.*s %.*s %d %d", ASSAY_STR_ARG(c->provider), ASSAY_STR_ARG(c->order), (int)c->before,
                         (int)c->after);
        lines[i] = line.p;
    }
    qsort(lines, r->n_changes, sizeof *lines, by_line_text);
    assay_buf_adds(&b, "");
    for (size_t i = 0; i < r->n_changes; i++) assay_buf_printf(&b, "%s\n", lines[i]), free(lines[i]);
    free(lines);
    return b.p;
}

static struct answer send(struct assay_session *x, const struct batch *b, int how) {
    struct assay_upload *u;
    struct assay_upload_reply reply = {.n_errors = 0};
    struct answer a = {0};
    const struct assay_upload_options o = {.intake = b->intake,
                                           .sender = {.party = ASSAY_PARTY_MANUFACTURER},
                                           .request_id = ASSAY_STR("test"),
                                           .atomic = how & ATOMIC,
                                           .dry_run = how & DRY};
    assay_arena_reset(&x->arena);
    a.status = assay_upload_begin(x, &o, &u, &err);
    if (a.status) return a;
    for (size_t i = 0; i < b->n && !a.status; i++) a.status = assay_upload_line(u, b->lines[i]->text, (int64_t)i + 1, &err);
    if (a.status) assay_upload_abandon(u);
    else a.status = assay_upload_finish(u, &reply, &err);
    struct assay_buf errors = {0};
    assay_upload_errors_write(&reply, &errors, NULL);
    a.errors = errors.p;
    a.verdicts = sorted_changes(&reply);
    if (reply.upload.p) ck_assert(assay_upload_id_parse(reply.upload, &a.id));
    a.received = reply.received, a.accepted = reply.accepted, a.duplicates = reply.duplicates, a.rejected = reply.rejected;
    a.refused = reply.refused;
    assay_upload_free(u);
    return a;
}

static struct answer send_ok(struct assay_session *x, const struct batch *b, int how) {
    struct answer a = send(x, b, how);
    ck_assert_msg(a.status == ASSAY_OK, "%s %s", assay_status_code(a.status), err.detail);
    return a;
}

static void add(struct batch *b, const struct text *t) { b->lines[b->n++] = t; }

static struct batch all_of(enum assay_intake intake) {
    struct batch b = {.intake = intake};
    for (size_t i = 0; i < n_pool; i++)
        if (pool[i].intake == intake) add(&b, &pool[i]);
    return b;
}

static struct assay_upload_row *upload_row(struct assay_session *x, int64_t id) {
    struct assay_upload_row *row;
    OK(assay_store_upload(x->db, id, test_now() - ASSAY_UPLOAD_SILENCE, &x->arena, &row, &err));
    ck_assert_ptr_nonnull(row);
    return row;
}

static const struct text *line(const char *json) {
    struct text *t = assay_arena_zalloc(&arena, sizeof *t);
    t->text = assay_str_c(json);
    return t;
}

/* The text with the first `from` as `to`. */
static const struct text *changed(const struct text *t, const char *from, const char *to) {
    const char *at = memmem(t->text.p, t->text.n, from, strlen(from));
    ck_assert_msg(at != NULL, "%.*s", ASSAY_STR_ARG(t->text));
    size_t before = (size_t)(at - t->text.p);
    return line(assay_arena_printf(&arena, "%.*s%s%.*s", (int)before, t->text.p, to, (int)(t->text.n - before - strlen(from)),
                                   at + strlen(from)));
}

/* --- all or nothing -------------------------------------------------------------------------------------------------------------- */

START_TEST(atomic_uploads_are_like_others_when_good) {
    char other[TEST_PG_CONNINFO];
    test_pg_database_like(template_info, other);
    struct assay_service *s = start(info, 0, 0), *plain = start(other, 50, 0);
    struct assay_session *x = session_of(s), *y = session_of(plain);
    for (int i = 0; i < N_INTAKES; i++) {
        struct batch b = all_of((enum assay_intake)i);
        struct answer p = send_ok(y, &b, PLAIN), a = send_ok(x, &b, ATOMIC), again = send_ok(x, &b, ATOMIC);
        ck_assert(b.n > 0 && !a.refused && a.accepted == (int64_t)b.n && p.accepted == a.accepted && a.rejected == 0);
        ck_assert(!again.refused && again.accepted == 0 && again.duplicates == (int64_t)b.n);
        struct assay_upload_row *row = upload_row(x, a.id);
        ck_assert(assay_str_is(row->status, "done") && row->atomic && row->accepted == (int64_t)b.n && row->duplicates == 0);
        ck_assert(assay_str_is(row->kind, routes[i]));
        row = upload_row(x, again.id);
        ck_assert(assay_str_is(row->status, "done") && row->accepted == 0 && row->duplicates == (int64_t)b.n);
        free_answer(&p), free_answer(&a), free_answer(&again);
    }
    same(derived, info, other, "atomic and plain differ");
    verify_clean(x);
    assay_session_close(x), assay_session_close(y);
    assay_service_stop(s), assay_service_stop(plain);
    test_pg_drop(other);
}
END_TEST

/* Whatever is wrong with one record, nothing of the upload is kept; all that is wrong is told, and stays readable. */
START_TEST(atomic_uploads_are_refused_whole) {
    struct assay_service *s = start(info, 0, 0);
    struct assay_session *x = session_of(s);
    struct batch known = {.intake = ASSAY_INTAKE_EVENTS}, b = {.intake = ASSAY_INTAKE_EVENTS}, all = all_of(ASSAY_INTAKE_EVENTS);
    for (size_t i = 0; i < 10; i++) add(&known, all.lines[i]);
    struct answer a = send_ok(x, &known, PLAIN);
    free_answer(&a);
    const struct text *wrong[] = {
        line("{\"id\": 7}"), line("no JSON"), changed(all.lines[20], "\"provider\":\"", "\"provider\":\"X"),
        changed(all.lines[3], "\"at\":\"200", "\"at\":\"199"), /* another content of a known id */
        changed(all.lines[30], "\"at\":\"200", "\"at\":\"199") /* of one earlier in the file */
    };
    static const char *const codes[] = {"wrong_type", "invalid_json", "unknown_provider", "id_conflict", "id_conflict"};
    for (size_t i = 5; i < all.n; i++) add(&b, all.lines[i]);
    char *before = ask(info, facts);
    for (size_t mask = 1; mask < 32; mask++) {
        struct batch bad = b;
        int64_t n = 0;
        for (size_t i = 0; i < 5; i++)
            if (mask >> i & 1) add(&bad, wrong[i]), n++;
        a = send_ok(x, &bad, ATOMIC);
        ck_assert_msg(a.refused && a.accepted == 0 && a.rejected == n && a.received == (int64_t)bad.n,
                      "%zu: refused %d accepted %lld rejected %lld received %lld of %zu: %.300s", mask, a.refused,
                      (long long)a.accepted, (long long)a.rejected, (long long)a.received, bad.n, a.errors);
        for (size_t i = 0; i < 5; i++)
            ck_assert_msg(!(mask >> i & 1) || strstr(a.errors, codes[i]), "%zu: no %s in %.300s", mask, codes[i], a.errors);
        char *after = ask(info, facts);
        ck_assert_str_eq(before, after);
        free(after);
        struct assay_upload_row *row = upload_row(x, a.id);
        ck_assert(assay_str_is(row->status, "refused") && row->accepted == 0 && row->rejected == n);
        struct assay_rejection_row *rows;
        size_t kept;
        OK(assay_store_rejections(x->db, a.id, -1, 100, &x->arena, &rows, &kept, &err));
        ck_assert_uint_ge(kept, (size_t)n);
        free_answer(&a);
    }
    free(before);
    a = send_ok(x, &b, ATOMIC);
    ck_assert(!a.refused && a.accepted == (int64_t)b.n - 5 && a.duplicates == 5);
    free_answer(&a);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

START_TEST(bounded_as_a_whole) {
    struct assay_service *s = start(info, 0, 10);
    struct assay_session *x = session_of(s);
    struct batch b = {.intake = ASSAY_INTAKE_EVENTS}, all = all_of(ASSAY_INTAKE_EVENTS);
    for (size_t i = 0; i < 11; i++) add(&b, all.lines[i]);
    struct answer a = send(x, &b, ATOMIC);
    ck_assert_int_eq(a.status, ASSAY_TOO_LARGE);
    free_answer(&a);
    a = send(x, &b, DRY);
    ck_assert_int_eq(a.status, ASSAY_TOO_LARGE);
    free_answer(&a);
    ck_assert_int_eq(number("SELECT count(*) FROM record"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM upload"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM upload WHERE status = 'refused' AND finished_at IS NOT NULL"), 1);
    b.n = 10;
    a = send_ok(x, &b, ATOMIC);
    ck_assert_int_eq(a.accepted, 10);
    free_answer(&a);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* One order's row is damaged: the record that meets it is named, and the others are not kept either. */
START_TEST(atomic_uploads_name_what_cannot_be_stored) {
    struct assay_service *s = start(info, 0, 0);
    struct assay_session *x = session_of(s);
    struct batch all = all_of(ASSAY_INTAKE_EVENTS), b = {.intake = ASSAY_INTAKE_EVENTS};
    const char *order =
        "{\"type\":\"order.completed\",\"id\":\"D%d\",\"provider\":\"%.*s\",\"order\":\"D\",\"at\":\"2001-01-01T00:00:00Z\"}";
    add(&b, line(assay_arena_printf(&arena, order, 1, ASSAY_STR_ARG(providers[0].code))));
    struct answer a = send_ok(x, &b, ATOMIC);
    ck_assert_int_eq(a.accepted, 1);
    free_answer(&a);
    free(ask(info, "UPDATE work_order SET packed = '\\x01ff' WHERE order_no = 'D'"));
    b.n = 0;
    for (size_t i = 0; i < 20; i++) add(&b, all.lines[i]);
    add(&b, line(assay_arena_printf(&arena, order, 2, ASSAY_STR_ARG(providers[0].code))));
    a = send_ok(x, &b, ATOMIC);
    ck_assert(a.refused && a.rejected == 1);
    ck_assert_msg(strstr(a.errors, "\"line\":21,\"id\":\"D2\",\"code\":\"internal_error\""), "%s", a.errors);
    ck_assert_int_eq(number("SELECT count(*) FROM record"), 1);
    free_answer(&a);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

struct sender {
    struct assay_service *service;
    const struct batch *batch;
    struct answer answer;
};
static void *send_it(void *arg) {
    struct sender *t = arg;
    struct assay_session *x = session_of(t->service);
    t->answer = send(x, t->batch, ATOMIC);
    assay_session_close(x);
    return NULL;
}

/* Two daemons are given the same file at once: it counts once, and each says what it did of it. */
START_TEST(two_daemons_take_one_file) {
    struct batch b = all_of(ASSAY_INTAKE_EVENTS);
    struct sender t[2] = {{start(info, 0, 0), &b, {0}}, {start(info, 0, 0), &b, {0}}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, send_it, &t[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        const struct answer *a = &t[i].answer;
        ck_assert(a->status == ASSAY_OK && !a->refused && a->accepted + a->duplicates == (int64_t)b.n);
        ck_assert(a->accepted == 0 || a->accepted == (int64_t)b.n);
    }
    ck_assert_int_eq(t[0].answer.accepted + t[1].answer.accepted, (int64_t)b.n);
    ck_assert_int_eq(number("SELECT count(*) FROM record"), (int64_t)b.n);
    ck_assert_int_eq(number("SELECT count(*) FROM upload WHERE status = 'done'"), 2);
    for (int i = 0; i < 2; i++) free_answer(&t[i].answer), assay_service_stop(t[i].service);
}
END_TEST

/* The last cut may still have to be noticed. */
static void mend(struct assay_session *x) {
    for (int try = 0; try < 3; try++)
        if (assay_session_ready(x, &err) == ASSAY_OK) return;
    OK(assay_session_ready(x, &err));
}

static void *cut_connections(void *arg) {
    const atomic_bool *stop = arg;
    PGconn *c = PQconnectdb(info);
    uint64_t rnd = 5;
    for (int cuts = 0; cuts < 200 && !atomic_load(stop); cuts++) {
        usleep((useconds_t)test_random_below(&rnd, 12000));
        PQclear(PQexec(c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
                          "pg_backend_pid() AND query NOT LIKE '%upload%'"));
    }
    PQfinish(c);
    return NULL;
}

/* Connections are cut all the time, in the middle of transactions and of their commits: all of an upload is there or nothing,
 * its row says which, and who is told that it was taken was told the truth. */
START_TEST(cut_in_the_middle_it_is_whole) {
    struct assay_service *s = start(info, 0, 0);
    struct assay_session *x = session_of(s);
    struct batch all = all_of(ASSAY_INTAKE_EVENTS);
    pthread_t thread;
    atomic_bool stop = false;
    int64_t told = 0, parts = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, cut_connections, &stop), 0);
    for (size_t from = 0; from + 40 <= all.n; from += 40, parts++) {
        struct batch b = {.intake = ASSAY_INTAKE_EVENTS};
        for (size_t i = from; i < from + 40; i++) add(&b, all.lines[i]);
        struct answer a = {.status = ASSAY_RETRY};
        for (int try = 0; try < 1000 && a.status; try++) {
            a = send(x, &b, ATOMIC);
            if (a.status == ASSAY_OK) ck_assert(!a.refused && a.accepted + a.duplicates == 40);
            told += a.status == ASSAY_OK ? a.accepted : 0;
            free_answer(&a);
            if (a.status && assay_db_restore(x->db, &err)) usleep(1000);
        }
        ck_assert_int_eq(a.status, ASSAY_OK);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    ck_assert_int_ge(parts, 5);
    mend(x);
    ck_assert_int_eq(number("SELECT count(*) FROM record"), 40 * parts);
    ck_assert_int_le(told, 40 * parts);
    /* Each upload's records are 40 or none, and only one that is done has any. */
    ck_assert_int_eq(
        number("SELECT count(*) FROM (SELECT u.upload_id, u.status, count(r.id) AS n FROM upload u LEFT JOIN record r USING "
               "(upload_id) GROUP BY 1, 2) x WHERE n NOT IN (0, 40) OR (n = 40 AND status <> 'done')"),
        0);
    verify_clean(x);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* --- tried ------------------------------------------------------------------------------------------------------------------------ */

/* The outcomes as they stand: provider, order, outcome. */
static void take_outcomes(void) {
    free(ask(info, "DROP TABLE IF EXISTS was; CREATE TABLE was AS SELECT provider_id, order_no, outcome FROM verdict_in_force "
                   "WHERE scheme_id = 1"));
}

static char *changed_outcomes(void) {
    return ask(info,
               "SELECT coalesce(string_agg(concat_ws(' ', p.code, order_no, coalesce(w.outcome, 0), coalesce(v.outcome, 0)) || "
               "E'\\n', '' "
               "ORDER BY concat_ws(' ', p.code, order_no, coalesce(w.outcome, 0), coalesce(v.outcome, 0)) COLLATE \"C\"), '') "
               "FROM was w FULL JOIN (SELECT * FROM verdict_in_force WHERE scheme_id = 1) v USING (provider_id, order_no) JOIN "
               "provider p "
               "USING (provider_id) WHERE coalesce(w.outcome, 0) <> coalesce(v.outcome, 0)");
}

/* A batch of new, known, repeated, wrong and voiding records. */
static struct batch random_batch(uint64_t *rnd, int round) {
    struct batch b = {.intake = (enum assay_intake)(round % 3 == 2 ? test_random_below(rnd, N_INTAKES) : ASSAY_INTAKE_EVENTS)};
    struct batch all = all_of(b.intake);
    size_t n = 1 + (size_t)test_random_below(rnd, round % 2 ? 12 : 150);
    for (size_t i = 0; i < n; i++) {
        const struct text *t = all.lines[test_random_below(rnd, (int64_t)all.n)];
        int64_t what = test_random_below(rnd, 40);
        if (what == 0) t = changed(t, "\"provider\":\"", "\"provider\":\"X");
        else if (what == 1) t = changed(t, "\"at\":\"200", "\"at\":\"199");
        else if (what == 2) t = line("{\"id\":\"x\",\"surprise\":1}");
        else if (what < 7 && b.intake == ASSAY_INTAKE_EVENTS) {
            struct text *v = assay_arena_zalloc(&arena, sizeof *v);
            *v = void_of(&pool[test_random_below(rnd, (int64_t)n_pool)], assay_arena_printf(&arena, "V%d-%zu", round, i), rnd);
            t = v;
        }
        add(&b, t);
    }
    return b;
}

/* The law: a dry run leaves no trace, and tells what the upload then does: counts, errors, outcomes. */
START_TEST(a_dry_run_tells_what_happens) {
    struct assay_service *s = start(info, 40, 0);
    struct assay_session *x = session_of(s);
    uint64_t rnd = 1000 + (uint64_t)_i;
    int64_t changes = 0, refused = 0;
    for (int round = 0; round < 24; round++) {
        struct batch b = random_batch(&rnd, round);
        int how = test_random_below(&rnd, 3) == 0 ? ATOMIC : PLAIN;
        char *before = ask(info, everything);
        struct answer dry = send_ok(x, &b, DRY | how);
        char *after = ask(info, everything);
        ck_assert_msg(!strcmp(before, after), "round %d: a dry run left a trace", round);
        free(before), free(after);
        ck_assert_int_eq(dry.id, 0);
        take_outcomes();
        struct answer real = send_ok(x, &b, how);
        char *moved = changed_outcomes();
        ck_assert_msg(dry.received == real.received && dry.duplicates == real.duplicates && dry.rejected == real.rejected &&
                          dry.refused == real.refused && (real.refused || dry.accepted == real.accepted),
                      "round %d: %lld %lld %lld, then %lld %lld %lld", round, (long long)dry.accepted, (long long)dry.duplicates,
                      (long long)dry.rejected, (long long)real.accepted, (long long)real.duplicates, (long long)real.rejected);
        ck_assert_str_eq(dry.errors, real.errors);
        ck_assert_msg(real.refused ? !*moved : !strcmp(dry.verdicts, moved), "round %d (%s): told\n%sthen\n%s", round,
                      routes[b.intake], dry.verdicts, moved);
        changes += *moved != 0, refused += real.refused;
        free(moved);
        free_answer(&dry), free_answer(&real);
    }
    ck_assert_int_gt(changes, 3);
    verify_clean(x);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* --- taken back ---------------------------------------------------------------------------------------------------------------------- */

static struct assay_reverted revert(struct assay_session *x, int64_t id) {
    struct assay_reverted out;
    assay_arena_reset(&x->arena);
    OK(assay_upload_revert(x, id, ASSAY_PARTY_MANUFACTURER, ASSAY_STR("test"), &out, &err));
    return out;
}

#define PARTS 5
struct sent {
    struct batch batch;
    int64_t last; /* the upload, or the revert of it, or the revert of that, ... */
    bool stands;
};

/* The law: whatever is sent, taken back, and taken back again, in any order, all that is derived is as if only what stands in
 * the end had ever been sent. Voids name what came before, what comes after, what never comes, and each other. */
START_TEST(taken_back_is_never_sent) {
    char other[TEST_PG_CONNINFO];
    uint64_t rnd = 77 + (uint64_t)_i;
    struct sent *sent = assay_xcalloc(PARTS * N_INTAKES, sizeof *sent);
    test_pg_database_like(template_info, other);
    /* Odd rounds: uploads too large for one transaction. */
    struct assay_service *s = start(info, 7, _i % 2 ? 20 : 0), *plain = start(other, 0, 0);
    struct assay_session *x = session_of(s), *y = session_of(plain);
    for (size_t i = 0; i < PARTS * N_INTAKES; i++) sent[i].batch.intake = (enum assay_intake)(i % N_INTAKES);
    for (size_t i = 0; i < n_pool; i++) {
        size_t part = (size_t)test_random_below(&rnd, PARTS);
        add(&sent[part * N_INTAKES + pool[i].intake].batch, &pool[i]);
    }
    for (int i = 0; i < 60; i++) {
        struct text *v = assay_arena_zalloc(&arena, sizeof *v);
        const struct text *target = &pool[test_random_below(&rnd, (int64_t)n_pool)];
        struct text never = *target;
        if (i % 15 == 0) never.id = ASSAY_STR("never"), target = &never;
        if (i % 15 == 1) never.id = ASSAY_STR("W3"), never.kind = ASSAY_KIND_REPAIR, target = &never; /* perhaps a void */
        *v = void_of(target, assay_arena_printf(&arena, "W%d", i), &rnd);
        add(&sent[(size_t)test_random_below(&rnd, PARTS) * N_INTAKES].batch, v);
    }
    for (size_t i = 0; i < PARTS * N_INTAKES; i++) {
        struct answer a = send_ok(x, &sent[i].batch, i % 3 ? PLAIN : _i % 2 ? PLAIN : ATOMIC);
        ck_assert_int_eq(a.rejected, 0);
        sent[i].last = a.id, sent[i].stands = true;
        free_answer(&a);
        for (int k = 0; k < 2; k++) {
            struct sent *t = &sent[test_random_below(&rnd, (int64_t)i + 1)];
            struct assay_reverted r = revert(x, t->last), again = revert(x, t->last);
            ck_assert(r.voided == again.voided && r.already_voided == again.already_voided && !strcmp(r.revert, again.revert));
            ck_assert(assay_upload_id_parse(assay_str_c(r.revert), &t->last));
            t->stands = !t->stands;
        }
        if (i % 4 == 3) verify_clean(x);
    }
    size_t standing = 0;
    for (size_t i = 0; i < PARTS * N_INTAKES; i++) {
        if (!sent[i].stands) continue;
        struct answer a = send_ok(y, &sent[i].batch, PLAIN);
        free_answer(&a);
        standing++;
    }
    ck_assert(standing > 2 && standing < PARTS * N_INTAKES);
    verify_clean(x);
    same(derived, info, other, "taken back is not as if never sent");
    assay_session_close(x), assay_session_close(y);
    assay_service_stop(s), assay_service_stop(plain);
    test_pg_drop(other);
    free(sent);
}
END_TEST

/* What was voided before is counted apart; all of it is of one revert, whose row says the same. */
START_TEST(a_revert_counts_what_it_did) {
    struct assay_service *s = start(info, 0, 0);
    struct assay_session *x = session_of(s);
    struct batch all = all_of(ASSAY_INTAKE_EVENTS), b = {.intake = ASSAY_INTAKE_EVENTS}, voids = b;
    uint64_t rnd = 3;
    for (size_t i = 0; i < 30; i++) add(&b, all.lines[i]);
    struct text v[3];
    for (size_t i = 0; i < 3; i++)
        v[i] = void_of(all.lines[i * 7], assay_arena_printf(&arena, "V%zu", i), &rnd), add(&voids, &v[i]);
    struct answer a = send_ok(x, &b, PLAIN), w = send_ok(x, &voids, PLAIN);
    struct assay_reverted r = revert(x, a.id);
    ck_assert(r.voided == 27 && r.already_voided == 3);
    int64_t id;
    ck_assert(assay_upload_id_parse(assay_str_c(r.revert), &id));
    const struct assay_upload_row *row = upload_row(x, id);
    ck_assert(assay_str_is(row->kind, "revert") && assay_str_is(row->status, "done") && row->received == 30 &&
              row->accepted == 27 && row->duplicates == 3);
    ck_assert_int_eq(upload_row(x, a.id)->reverted_by, id);
    ck_assert_int_eq(
        number("SELECT count(*) FROM record WHERE id LIKE 'revert:%' AND type = 13 AND party = 4 AND length(id) <= 64"), 30);
    char *before = ask(info, everything);
    r = revert(x, a.id);
    ck_assert(r.voided == 27 && r.already_voided == 3);
    char *after = ask(info, everything);
    ck_assert_str_eq(before, after);
    free(before), free(after);
    free_answer(&a), free_answer(&w);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

struct reverter {
    struct assay_service *service;
    int64_t id;
    struct assay_reverted out;
    enum assay_status status;
};
static void *revert_it(void *arg) {
    struct reverter *t = arg;
    struct assay_session *x = assay_session_new(t->service);
    struct assay_error e;
    for (int try = 0; try < 1000; try++) { /* cut connections may be told */
        usleep(2000);
        t->status = assay_session_usable(x, &e);
        assay_arena_reset(&x->arena);
        if (!t->status) t->status = assay_upload_revert(x, t->id, ASSAY_PARTY_MANUFACTURER, ASSAY_STR("t"), &t->out, &e);
        if (!t->status) break;
    }
    assay_session_close(x);
    return NULL;
}

/* Two daemons take the same upload back at once, with connections cut all the while: once each record, the same answer. */
START_TEST(two_daemons_take_one_back) {
    struct batch b = all_of(ASSAY_INTAKE_EVENTS);
    struct assay_service *s = start(info, 11, _i ? 20 : 0);
    struct assay_session *x = session_of(s);
    struct answer a = send_ok(x, &b, PLAIN);
    struct reverter t[2] = {{start(info, 11, _i ? 20 : 0), a.id, {{0}, 0, 0}, ASSAY_OK}, {s, a.id, {{0}, 0, 0}, ASSAY_OK}};
    pthread_t threads[2], cutter;
    atomic_bool stop = false;
    ck_assert_int_eq(pthread_create(&cutter, NULL, cut_connections, &stop), 0);
    for (int i = 0; i < 2; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, revert_it, &t[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    atomic_store(&stop, true);
    pthread_join(cutter, NULL);
    ck_assert(t[0].status == ASSAY_OK && t[1].status == ASSAY_OK);
    ck_assert_str_eq(t[0].out.revert, t[1].out.revert);
    ck_assert_int_eq(t[0].out.voided + t[0].out.already_voided, (int64_t)b.n);
    ck_assert_int_eq(number("SELECT count(*) FROM record"), 2 * (int64_t)b.n);
    ck_assert_int_eq(number("SELECT count(*) FROM upload WHERE kind = 'revert'"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM work_order WHERE state > 0"), 0);
    mend(x);
    verify_clean(x);
    free_answer(&a);
    assay_session_close(x);
    for (int i = 0; i < 2; i++) assay_service_stop(t[i].service);
}
END_TEST

/* A large one whose daemon died between slices says nothing of what it brought: it is taken back all the same. */
START_TEST(broken_off_between_slices) {
    struct batch b = all_of(ASSAY_INTAKE_EVENTS);
    struct assay_service *s = start(info, 11, 30);
    struct assay_session *x = session_of(s);
    struct answer a = send_ok(x, &b, PLAIN);
    free(ask(info, "UPDATE upload SET status = 'running', finished_at = NULL, received = 0, accepted = 0"));
    clock_now += ASSAY_UPLOAD_SILENCE + 1;
    struct assay_reverted r = revert(x, a.id);
    clock_now -= ASSAY_UPLOAD_SILENCE + 1;
    ck_assert(r.voided == (int64_t)b.n && r.already_voided == 0);
    ck_assert_int_eq(number("SELECT count(*) FROM work_order WHERE state > 0"), 0);
    /* Slices are transactions of their own: more than one number of the heads' revisions was used. */
    ck_assert_int_gt(number("SELECT max(revision) FROM provider_head"), number("SELECT count(DISTINCT provider_id) FROM record"));
    verify_clean(x);
    free_answer(&a);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* As many records as one order may hold are taken back together: memory goes with the records, not with their square. */
START_TEST(a_large_order_is_taken_back) {
    struct assay_service *s = start(info, 0, 0);
    struct assay_session *x = session_of(s);
    static const struct text *lines[10000];
    struct assay_upload *u;
    struct assay_upload_reply reply;
    struct rusage before, after;
    const struct assay_upload_options o = {
        .intake = ASSAY_INTAKE_EVENTS, .sender = {.party = ASSAY_PARTY_MANUFACTURER}, .request_id = ASSAY_STR("test")};
    OK(assay_upload_begin(x, &o, &u, &err));
    for (int i = 0; i < 10000; i++) {
        lines[i] = line(assay_arena_printf(&arena,
                                           "{\"type\":\"order.noted\",\"id\":\"%d-a-rather-long-id-of-a-note-about-the-large-"
                                           "order\",\"provider\":\"%.*s\",\"order\":\"L\","
                                           "\"at\":\"2001-01-01T00:00:00Z\",\"reason\":\"customer\"}",
                                           i, ASSAY_STR_ARG(providers[0].code)));
        OK(assay_upload_line(u, lines[i]->text, i + 1, &err));
    }
    OK(assay_upload_finish(u, &reply, &err));
    ck_assert_int_eq(reply.accepted, 10000);
    int64_t id;
    ck_assert(assay_upload_id_parse(reply.upload, &id));
    assay_upload_free(u);
    getrusage(RUSAGE_SELF, &before);
    ck_assert_int_eq(revert(x, id).voided, 10000);
    getrusage(RUSAGE_SELF, &after);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 500 << 10); /* KiB; a copy of the order for each would be 6 GB */
    ck_assert_int_eq(number("SELECT count(*) FROM work_order WHERE state > 0"), 0);
    verify_clean(x);
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

/* Files for `explain` may hold observations: they are told by their indicator, and change nothing. */
START_TEST(files_may_hold_observations) {
    struct assay_offline *o;
    struct assay_errors es = {0};
    const struct assay_offline_order *orders;
    size_t n, lines = 0;
    OK(assay_offline_new(NULL, NULL, NULL, &o, &err));
    for (size_t i = 0; i < n_pool; i++) {
        if (pool[i].intake != ASSAY_INTAKE_OBSERVATIONS) continue;
        ck_assert_msg(assay_offline_line(o, pool[i].text, test_now(), &es) == ASSAY_OK, "%s", es.items[0].detail);
        lines++;
    }
    assay_offline_judge(o, &orders, &n);
    ck_assert(lines > 10 && n == 0);
    assay_offline_free(o);
}
END_TEST

/* --- silence ------------------------------------------------------------------------------------------------------------------------- */

/* An upload whose daemon died is not running for ever: unheard of for ten minutes it was broken off, and can be taken back. */
START_TEST(silent_uploads_were_broken_off) {
    struct assay_service *s = start(info, 0, 0);
    struct assay_session *x = session_of(s);
    struct assay_upload *u;
    struct assay_reverted out;
    const struct assay_upload_options o = {
        .intake = ASSAY_INTAKE_EVENTS, .sender = {.party = ASSAY_PARTY_MANUFACTURER}, .request_id = ASSAY_STR("test")};
    OK(assay_upload_begin(x, &o, &u, &err));
    int64_t id = number("SELECT upload_id FROM upload");
    ck_assert(assay_str_is(upload_row(x, id)->status, "running"));
    ck_assert_int_eq(assay_upload_revert(x, id, ASSAY_PARTY_MANUFACTURER, ASSAY_STR("t"), &out, &err), ASSAY_UPLOAD_RUNNING);
    clock_now += ASSAY_UPLOAD_SILENCE;
    ck_assert(assay_str_is(upload_row(x, id)->status, "running"));
    clock_now += 1;
    ck_assert(assay_str_is(upload_row(x, id)->status, "interrupted"));
    OK(assay_upload_revert(x, id, ASSAY_PARTY_MANUFACTURER, ASSAY_STR("t"), &out, &err));
    ck_assert(out.voided == 0 && out.already_voided == 0);
    ck_assert_int_eq(assay_upload_revert(x, id + 1, ASSAY_PARTY_MANUFACTURER, ASSAY_STR("t"), &out, &err), ASSAY_NOT_FOUND);
    assay_upload_abandon(u);
    ck_assert(assay_str_is(upload_row(x, id)->status, "interrupted"));
    assay_upload_free(u);
    clock_now -= ASSAY_UPLOAD_SILENCE + 1;
    assay_session_close(x);
    assay_service_stop(s);
}
END_TEST

static Suite *suite_of_uploads(void) {
    Suite *s = suite_create("uploads");
    TCase *t = tcase_create("uploads");
    tcase_set_timeout(t, 240);
    tcase_add_unchecked_fixture(t, once, NULL);
    tcase_add_checked_fixture(t, fresh_database, drop_database);
    tcase_add_test(t, atomic_uploads_are_like_others_when_good);
    tcase_add_test(t, atomic_uploads_are_refused_whole);
    tcase_add_test(t, bounded_as_a_whole);
    tcase_add_test(t, atomic_uploads_name_what_cannot_be_stored);
    tcase_add_test(t, two_daemons_take_one_file);
    tcase_add_test(t, cut_in_the_middle_it_is_whole);
    tcase_add_loop_test(t, a_dry_run_tells_what_happens, 0, LOOPS(3));
    tcase_add_loop_test(t, taken_back_is_never_sent, 0, LOOPS(4));
    tcase_add_test(t, a_revert_counts_what_it_did);
    tcase_add_loop_test(t, two_daemons_take_one_back, 0, 2);
    tcase_add_test(t, broken_off_between_slices);
    tcase_add_test(t, a_large_order_is_taken_back);
    tcase_add_test(t, files_may_hold_observations);
    tcase_add_test(t, silent_uploads_were_broken_off);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_uploads)
