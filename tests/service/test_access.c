/* test_access.c -- who may send what as an order stands, keys and their life, and the log of what was done. */
#include <libpq-fe.h>
#include <stdlib.h>

#include "assay/service.h"
#include "check_main.h"
#include "pg.h"

static struct assay_error err;
static char template_info[TEST_PG_CONNINFO], info[TEST_PG_CONNINFO];
static struct assay_service *service;
static struct assay_session *session;
static struct assay_arena arena;
static assay_instant clock_now;

#define OK(call)                                                                                 \
    do {                                                                                         \
        enum assay_status st_ = (call);                                                          \
        ck_assert_msg(st_ == ASSAY_OK, "%s: %s: %s", #call, assay_status_code(st_), err.detail); \
    } while (0)

static assay_instant test_now(void) { return clock_now; }

static struct assay_service *start(void) {
    struct assay_service *s;
    struct assay_service_options o = {.conninfo = info, .now = test_now};
    OK(assay_service_start(&o, &s, &err));
    return s;
}

static void once(void) {
    struct assay_db *db;
    int applied;
    clock_now = assay_date_from_civil(2001, 6, 1) * ASSAY_DAY;
    test_pg_start();
    test_pg_database(template_info);
    OK(assay_db_open(template_info, 60000, &db, &err));
    OK(assay_store_migrate(db, clock_now, &applied, &err));
    assay_db_close(db);
}

static void set_up(void) {
    const struct assay_provider providers[] = {{.code = ASSAY_STR("P1"),
                                                .name = ASSAY_STR("one"),
                                                .facts = {ASSAY_NO_DATE, ASSAY_STR("Beijing"), false},
                                                .status = ASSAY_PROVIDER_ACTIVE},
                                               {.code = ASSAY_STR("P2"),
                                                .name = ASSAY_STR("two"),
                                                .facts = {ASSAY_NO_DATE, ASSAY_STR("Wuhan"), false},
                                                .status = ASSAY_PROVIDER_ACTIVE}};
    bool created[2];
    test_pg_database_like(template_info, info);
    service = start();
    OK(assay_session_open(service, &session, &err));
    session->actor = (struct assay_actor){ASSAY_STR("somebody"), ASSAY_STR("manufacturer"), ASSAY_STR("request-1")};
    OK(assay_registry_put_providers(session, providers, 2, created, &err));
}

static void tear_down(void) {
    assay_session_close(session);
    assay_service_stop(service);
    assay_arena_free(&arena);
    arena = (struct assay_arena){0};
    test_pg_drop(info);
}

static const char *ask(const char *sql) {
    PGconn *c = PQconnectdb(info);
    PGresult *r = PQexec(c, sql);
    ck_assert_msg(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK, "%s: %s", sql,
                  PQresultErrorMessage(r));
    const char *out = assay_arena_printf(&arena, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(c);
    return out;
}

/* --- senders ------------------------------------------------------------------------------------------------------------------ */

static enum assay_intake intake_of(const char *text) {
    if (strstr(text, "\"indicator\"")) return ASSAY_INTAKE_OBSERVATIONS;
    if (strstr(text, "\"answer\"")) return ASSAY_INTAKE_SURVEYS;
    return strstr(text, "\"type\"") ? ASSAY_INTAKE_EVENTS : ASSAY_INTAKE_DISPATCHES;
}

static struct assay_record record_of(const char *text) {
    struct assay_record r;
    struct assay_errors es = {0};
    char *quoted = assay_arena_printf(&arena, "%s", text);
    for (char *p = quoted; *p; p++)
        if (*p == '\'') *p = '"';
    enum assay_status st = assay_record_from_json(assay_str_c(quoted), intake_of(quoted), clock_now, &arena, &r, &es);
    ck_assert_msg(st == ASSAY_OK, "%s: %s %s", text, es.items[0].field, es.items[0].detail);
    return r;
}

static struct assay_item item_of(enum assay_party party, const char *provider, const char *text) {
    struct assay_record r = record_of(text);
    struct assay_sender sender = {party, provider ? assay_str_c(provider) : ASSAY_STR_NONE};
    struct assay_item it;
    assay_item_of_record(&r, &sender, clock_now, &arena, &it);
    return it;
}

static enum assay_status send(enum assay_party party, const char *text) {
    struct assay_item it = item_of(party, NULL, text);
    OK(assay_ingest_apply(session, &it, 1, &err));
    return it.status;
}

#define OPENED                                                                                                                  \
    "{'id':'E1','type':'order.opened','provider':'P1','order':'W1','at':'2001-05-01T01:00:00Z','channel':'walk_in','product':'" \
    "LJ'}"
#define REQUESTED                                                                                                                \
    "{'id':'E2','type':'part.requested','provider':'P1','order':'W1','at':'2001-05-01T02:00:00Z','request':1,'line':'R1','part_" \
    "no':'X'}"
#define SHIPPED \
    "{'id':'S1','type':'part.shipped','provider':'P1','order':'W1','at':'2001-05-02T02:00:00Z','line':'R1','courier':'2D10'}"
#define CLOSED "{'id':'E4','type':'order.closed','provider':'P1','order':'W1','at':'2001-05-04T02:00:00Z'}"
#define REOPENED "{'id':'E5','type':'order.reopened','provider':'P1','order':'W1','at':'2001-05-05T02:00:00Z','reason':'again'}"
#define CANCELLED(id) "{'id':'" id "','type':'order.cancelled','provider':'P1','order':'W1','at':'2001-05-03T02:00:00Z'}"
#define VOID(id, target, kind)                                                                           \
    "{'id':'" id "','type':'event.voided','provider':'P1','at':'2001-05-06T02:00:00Z','target':'" target \
    "','target_kind':'" kind "'}"
#define OBSERVED(id, rater) \
    "{'id':'" id "','provider':'P1','indicator':'audit','at':'2001-05-06T02:00:00Z','value':'1','rater':'" rater "'}"

/* Every type by every party: the table of DOMAIN 2.1. */
static const struct {
    const char *record;
    const char *senders; /* p(rovider) c(cc) l(ogistics); the manufacturer always */
    const char *field;   /* that the refusal names */
} sendings[] = {
    {OPENED, "p", "/type"},
    {REQUESTED, "p", "/type"},
    {SHIPPED, "l", "/type"},
    {"{'id':'x','type':'part.delivered','provider':'P1','order':'W1','at':'2001-05-03T02:00:00Z','line':'R1'}", "l", "/type"},
    {"{'id':'x','type':'part.cancelled','provider':'P1','order':'W1','at':'2001-05-03T02:00:00Z','line':'R1'}", "p", "/type"},
    {"{'id':'x','type':'part.received','provider':'P1','order':'W1','at':'2001-05-03T02:00:00Z','line':'R1'}", "p", "/type"},
    {"{'id':'x','type':'part.marked','provider':'P1','order':'W1','at':'2001-05-03T02:00:00Z','line':'R1','mark':'doa'}", "p",
     "/type"},
    {"{'id':'x','type':'order.noted','provider':'P1','order':'W1','at':'2001-05-03T02:00:00Z','reason':'customer'}", "p",
     "/type"},
    {"{'id':'x','type':'order.completed','provider':'P1','order':'W1','at':'2001-05-03T02:00:00Z'}", "p", "/type"},
    {CLOSED, "p", "/type"},
    {CANCELLED("x"), "p", "/type"},
    {REOPENED, "p", "/type"},
    {VOID("x", "t", "repair"), "p", "/target_kind"},
    {VOID("x", "t", "shipment"), "l", "/target_kind"},
    {VOID("x", "t", "dispatch"), "c", "/target_kind"},
    {VOID("x", "t", "survey"), "c", "/target_kind"},
    {VOID("x", "t", "observation"), "pc", "/target_kind"},
    {"{'id':'x','provider':'P1','order':'W1','at':'2001-05-03T02:00:00Z'}", "c", "/type"},
    {"{'id':'x','provider':'P1','order':'W1','at':'2001-05-03T02:00:00Z','answer':'satisfied','source':'sampled'}", "c", "/type"},
    {OBSERVED("x", "self"), "pc", "/type"},
    {OBSERVED("x", "auditor"), "c", "/rater"},
};

START_TEST(who_may_send_what) {
    static const char letters[] = "pcl";
    struct assay_record r = record_of(sendings[_i].record);
    OK(assay_sender_check(ASSAY_PARTY_MANUFACTURER, &r, &err));
    for (int p = ASSAY_PARTY_PROVIDER; p <= ASSAY_PARTY_LOGISTICS; p++) {
        bool may = strchr(sendings[_i].senders, letters[p - 1]);
        enum assay_status st = assay_sender_check((enum assay_party)p, &r, &err);
        ck_assert_msg(st == (may ? ASSAY_OK : ASSAY_SENDER_NOT_ALLOWED), "%s by %s: %s", sendings[_i].record,
                      assay_party_name((enum assay_party)p), assay_status_code(st));
        if (st && p == ASSAY_PARTY_PROVIDER) ck_assert_str_eq(err.field, sendings[_i].field);
    }
}
END_TEST

START_TEST(a_provider_cancels_until_parts_are_requested) {
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, OPENED), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, CANCELLED("C1")), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, VOID("V1", "C1", "repair")), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, REQUESTED), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, CANCELLED("C2")), ASSAY_SENDER_NOT_ALLOWED);
    ck_assert_str_eq(ask("SELECT count(*) FROM record WHERE id = 'C2'"), "0");
    ck_assert_int_eq(send(ASSAY_PARTY_MANUFACTURER, CANCELLED("C2")), ASSAY_OK);
    ck_assert_str_eq(ask("SELECT state FROM work_order"), "3");
}
END_TEST

START_TEST(what_came_first_in_a_batch_counts) {
    const char *const texts[] = {
        OPENED,   CANCELLED("C1"),           REQUESTED, CANCELLED("C2"), CANCELLED("C2"), CLOSED, VOID("V1", "E2", "repair"),
        REOPENED, VOID("V2", "E2", "repair")};
    const enum assay_status want[] = {
        ASSAY_OK,           ASSAY_OK, ASSAY_OK, ASSAY_SENDER_NOT_ALLOWED, ASSAY_SENDER_NOT_ALLOWED, ASSAY_OK,
        ASSAY_ORDER_CLOSED, ASSAY_OK, ASSAY_OK};
    struct assay_item items[sizeof texts / sizeof *texts];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) items[i] = item_of(ASSAY_PARTY_PROVIDER, NULL, texts[i]);
    /* The cancellation at the beginning would leave a cancelled order, which a close does not move. */
    items[1] = item_of(ASSAY_PARTY_PROVIDER, NULL, VOID("V0", "never", "repair"));
    OK(assay_ingest_apply(session, items, sizeof texts / sizeof *texts, &err));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_msg(items[i].status == want[i], "%s: %s", texts[i], assay_status_code(items[i].status));
    ck_assert_str_eq(ask("SELECT count(*) FROM record"), "6"); /* the refused are not there; the void of what never came is */
    ck_assert_str_eq(ask("SELECT string_agg(id, ',' ORDER BY id) FROM voided"), "E2,never");
}
END_TEST

START_TEST(nobody_but_the_manufacturer_takes_back_from_a_closed_order) {
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, OPENED), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, REQUESTED), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_LOGISTICS, SHIPPED), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, CLOSED), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, VOID("V1", "E4", "repair")), ASSAY_ORDER_CLOSED);
    ck_assert_int_eq(send(ASSAY_PARTY_LOGISTICS, VOID("V2", "S1", "shipment")), ASSAY_ORDER_CLOSED);
    ck_assert_str_eq(ask("SELECT count(*) FROM voided"), "0");
    ck_assert_int_eq(send(ASSAY_PARTY_MANUFACTURER, VOID("V3", "S1", "shipment")), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, REOPENED), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, VOID("V4", "E2", "repair")), ASSAY_OK);
    ck_assert_str_eq(ask("SELECT count(*) FROM voided"), "2");
}
END_TEST

/* What a void waits for closes nothing when it comes, and a void of what comes later is not judged by where that will belong. */
START_TEST(voids_that_wait) {
    const char *const texts[] = {OPENED, VOID("V1", "E4", "repair"), CLOSED, VOID("V2", "E1", "repair")};
    for (size_t i = 0; i < 2; i++) ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, texts[i]), ASSAY_OK);
    struct assay_item items[] = {item_of(ASSAY_PARTY_PROVIDER, NULL, texts[2]), item_of(ASSAY_PARTY_PROVIDER, NULL, texts[3])};
    OK(assay_ingest_apply(session, items, 2, &err));
    ck_assert(items[0].status == ASSAY_OK && items[1].status == ASSAY_OK);

    static const char opened[] = "{'id':'F1','type':'order.opened','provider':'P1','order':'W2','at':'2001-05-01T01:00:00Z','"
                                 "channel':'walk_in','product':'LJ'}";
    static const char closed[] = "{'id':'F2','type':'order.closed','provider':'P1','order':'W2','at':'2001-05-02T01:00:00Z'}";
    static const char noted[] =
        "{'id':'F3','type':'order.noted','provider':'P1','order':'W2','at':'2001-05-01T02:00:00Z','reason':'customer'}";
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, opened), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, closed), ASSAY_OK);
    struct assay_item ahead[] = {item_of(ASSAY_PARTY_PROVIDER, NULL, VOID("V3", "F3", "repair")),
                                 item_of(ASSAY_PARTY_PROVIDER, NULL, noted)};
    OK(assay_ingest_apply(session, ahead, 2, &err));
    ck_assert(ahead[0].status == ASSAY_OK && ahead[1].status == ASSAY_OK);
}
END_TEST

/* An upload remembers whose sender's it was. */
START_TEST(an_upload_is_its_senders) {
    const struct assay_upload_options o = {
        .intake = ASSAY_INTAKE_EVENTS, .sender = {ASSAY_PARTY_PROVIDER, ASSAY_STR("P1")}, .request_id = ASSAY_STR("test")};
    struct assay_upload *u;
    OK(assay_upload_begin(session, &o, &u, &err));
    ck_assert_str_eq(ask("SELECT party || '/' || provider_id FROM upload"), "1/1");
    assay_upload_abandon(u);
    assay_upload_free(u);
}
END_TEST

START_TEST(a_provider_takes_back_its_own_observations_only) {
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, OBSERVED("O1", "self")), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_CCC, OBSERVED("O2", "auditor")), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, VOID("V1", "O1", "observation")), ASSAY_OK);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, VOID("V2", "O2", "observation")), ASSAY_SENDER_NOT_ALLOWED);
    ck_assert_int_eq(send(ASSAY_PARTY_PROVIDER, VOID("V3", "O3", "observation")),
                     ASSAY_SENDER_NOT_ALLOWED); /* not before it comes */
    ck_assert_int_eq(send(ASSAY_PARTY_CCC, VOID("V4", "O2", "observation")), ASSAY_OK);
}
END_TEST

START_TEST(anothers_provider_is_none) {
    struct assay_item items[] = {item_of(ASSAY_PARTY_PROVIDER, "P1", OPENED), item_of(ASSAY_PARTY_PROVIDER, "P2", CLOSED)};
    OK(assay_ingest_apply(session, items, 2, &err));
    ck_assert_int_eq(items[0].status, ASSAY_OK);
    ck_assert_int_eq(items[1].status, ASSAY_UNKNOWN_PROVIDER);
    ck_assert_str_eq(ask("SELECT count(*) FROM record"), "1");
}
END_TEST

/* --- keys ----------------------------------------------------------------------------------------------------------------------- */

static struct assay_key_made made_key(enum assay_role role, const char *provider, assay_instant expires_at) {
    struct assay_key_made k;
    struct assay_errors es = {0};
    OK(assay_key_create(
        session,
        &(struct assay_key_request){ASSAY_STR("a key"), role, provider ? assay_str_c(provider) : ASSAY_STR_NONE, expires_at}, &k,
        &es, &err));
    return k;
}

static enum assay_status check(struct assay_service *s, const char *key, const struct assay_principal **who) {
    return assay_keys_check(s, assay_str_c(key), clock_now, who, &err);
}

START_TEST(a_key_lets_in_until_it_ends) {
    const struct assay_principal *who;
    struct assay_key_made k = made_key(ASSAY_ROLE_PROVIDER, "P2", clock_now + ASSAY_DAY);
    OK(check(service, k.key, &who));
    ck_assert(who->role == ASSAY_ROLE_PROVIDER && assay_str_is(who->provider, "P2") && assay_str_eq(who->id, k.row.key_id));
    /* Any other secret, or name, or length is none. */
    for (size_t i = 0; i < strlen(k.key); i++) {
        char other[ASSAY_KEY_TEXT];
        memcpy(other, k.key, sizeof other);
        other[i] = other[i] == 'a' ? 'b' : 'a';
        ck_assert_int_eq(check(service, other, &who), ASSAY_UNAUTHORIZED);
        other[i] = '\0';
        ck_assert_int_eq(check(service, other, &who), ASSAY_UNAUTHORIZED);
    }
    /* The database has its digest, not the key. */
    ck_assert_str_eq(ask("SELECT encode(digest, 'hex') = encode(sha256(''), 'hex') FROM api_key"), "f");
    ck_assert_str_eq(ask(assay_arena_printf(&arena, "SELECT digest = sha256('%s') FROM api_key", k.key)), "t");
    ck_assert_str_eq(ask(assay_arena_printf(&arena, "SELECT count(*) FROM audit WHERE audit::text LIKE '%%%s%%'", k.key + 30)),
                     "0");
    clock_now += ASSAY_DAY;
    ck_assert_int_eq(check(service, k.key, &who), ASSAY_UNAUTHORIZED);
    ck_assert_str_eq(err.detail, "the key has expired");
}
END_TEST

START_TEST(a_key_is_replaced_with_an_overlap) {
    const struct assay_principal *who;
    struct assay_key_made old = made_key(ASSAY_ROLE_DASHBOARD, NULL, ASSAY_NO_INSTANT), k;
    OK(assay_key_rotate(session, old.row.key_id, &(struct assay_key_rotation){3600, ASSAY_NO_INSTANT}, &k, &err));
    OK(check(service, old.key, &who));
    OK(check(service, k.key, &who));
    ck_assert(who->role == ASSAY_ROLE_DASHBOARD && assay_str_eq(k.row.replaces, old.row.key_id));
    clock_now += 3600 * ASSAY_SECOND;
    ck_assert_int_eq(check(service, old.key, &who), ASSAY_UNAUTHORIZED);
    OK(check(service, k.key, &who));
    struct assay_key_made third;
    ck_assert_int_eq(assay_key_rotate(session, old.row.key_id, &(struct assay_key_rotation){0, ASSAY_NO_INSTANT}, &third, &err),
                     ASSAY_KEY_ENDED);
    ck_assert_int_eq(assay_key_rotate(session, ASSAY_STR("assay_0000000000000000"),
                                      &(struct assay_key_rotation){0, ASSAY_NO_INSTANT}, &third, &err),
                     ASSAY_NOT_FOUND);
    ck_assert_str_eq(ask("SELECT count(*) FROM api_key"), "2");
}
END_TEST

START_TEST(a_revoked_key_ends_on_every_daemon) {
    const struct assay_principal *who;
    struct assay_service *other = start();
    struct assay_key_made k = made_key(ASSAY_ROLE_PORTAL, NULL, ASSAY_NO_INSTANT);
    int64_t end = assay_clock_monotonic_us() + 30 * ASSAY_SECOND; /* for want of a faster machine; a second is what it takes */
    while (check(other, k.key, &who) && assay_clock_monotonic_us() < end) continue;
    OK(check(other, k.key, &who));
    OK(assay_key_revoke(session, k.row.key_id, &err));
    ck_assert_int_eq(check(service, k.key, &who), ASSAY_UNAUTHORIZED);
    ck_assert_str_eq(err.detail, "the key was revoked");
    while (!check(other, k.key, &who) && assay_clock_monotonic_us() < end) continue;
    ck_assert_int_eq(check(other, k.key, &who), ASSAY_UNAUTHORIZED);
    OK(assay_key_revoke(session, k.row.key_id, &err)); /* again: nothing */
    ck_assert_str_eq(ask("SELECT count(*) FROM audit WHERE action = 'key.revoked'"), "1");
    assay_service_stop(other); /* writes down the last use */
    ck_assert_str_eq(ask("SELECT last_used_at = '2001-06-01T00:00:00Z' FROM api_key"), "t");
    /* A database that has gone back knows it no more. */
    ask("DELETE FROM api_key");
    ask("UPDATE access SET revision = 0");
    OK(assay_session_look(session, &err));
    ck_assert_int_eq(check(service, k.key, &who), ASSAY_UNAUTHORIZED);
}
END_TEST

static const struct {
    const char *name;
    enum assay_role role;
    const char *provider;
    assay_instant expires_at;
    const char *field;
} bad_keys[] = {
    {"x", ASSAY_ROLE_PROVIDER, NULL, ASSAY_NO_INSTANT, "/provider"},
    {"x", ASSAY_ROLE_PROVIDER, "P9", ASSAY_NO_INSTANT, "/provider"},
    {"x", ASSAY_ROLE_CCC, "P1", ASSAY_NO_INSTANT, "/provider"},
    {"", ASSAY_ROLE_CCC, NULL, ASSAY_NO_INSTANT, "/name"},
    {"x", ASSAY_ROLE_CCC, NULL, 1, "/expires_at"},
};

START_TEST(keys_that_make_no_sense_are_refused) {
    struct assay_key_made k;
    struct assay_errors es = {0};
    const char *provider = bad_keys[_i].provider;
    const struct assay_key_request request = {assay_str_c(bad_keys[_i].name), bad_keys[_i].role,
                                              provider ? assay_str_c(provider) : ASSAY_STR_NONE, bad_keys[_i].expires_at};
    ck_assert_int_eq(assay_key_create(session, &request, &k, &es, &err), ASSAY_VALIDATION_FAILED);
    ck_assert_str_eq(es.items[0].field, bad_keys[_i].field);
    ck_assert_str_eq(ask("SELECT count(*) FROM api_key"), "0");
}
END_TEST

/* --- the log ------------------------------------------------------------------------------------------------------------------ */

START_TEST(every_act_is_written_down) {
    const struct assay_provider moved = {.code = ASSAY_STR("P1"),
                                         .name = ASSAY_STR("one"),
                                         .facts = {ASSAY_NO_DATE, ASSAY_STR("Xi'an"), true},
                                         .status = ASSAY_PROVIDER_ACTIVE};
    struct assay_put_result put;
    struct assay_errors es = {0};
    bool created;
    OK(assay_registry_put_providers(session, &moved, 1, &created, &err));
    OK(assay_registry_put_document(session, ASSAY_DOC_RATES, ASSAY_STR("other"),
                                   ASSAY_STR("{\"currency\": \"CNY\", \"rates\": []}"), -1, &put, &es, &err));
    made_key(ASSAY_ROLE_CCC, NULL, ASSAY_NO_INSTANT);
    struct assay_audit_filter f = {.from = ASSAY_NO_INSTANT, .to = ASSAY_NO_INSTANT, .limit = 10};
    struct assay_audit_row *rows;
    size_t n;
    OK(assay_store_audit(session->db, &f, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 5); /* two providers, one again, a document, a key */
    for (size_t i = 0; i < n; i++)
        ck_assert(assay_str_is(rows[i].actor, "somebody") && assay_str_is(rows[i].role, "manufacturer") &&
                  assay_str_is(rows[i].request_id, "request-1") && rows[i].at == clock_now);
    f.action = ASSAY_STR("provider.put"), f.subject = ASSAY_STR("P1");
    OK(assay_store_audit(session->db, &f, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 2);
    const struct assay_audit_row *again = rows[0].before.p ? &rows[0] : &rows[1], *first = rows[0].before.p ? &rows[1] : &rows[0];
    ck_assert(!first->before.p && strstr(again->before.p, "Beijing") && strstr(again->after.p, "Xi'an"));
    f.action = ASSAY_STR("rates.put"), f.subject = ASSAY_STR_NONE;
    OK(assay_store_audit(session->db, &f, &arena, &rows, &n, &err));
    ck_assert(n == 1 && !rows[0].before.p && assay_str_is(rows[0].after, "{\"version\":1}"));
    char id[ASSAY_AUDIT_ID_TEXT];
    int64_t back;
    assay_audit_id_format(rows[0].audit_id, id);
    ck_assert(assay_audit_id_parse(assay_str_c(id), &back) && back == rows[0].audit_id);
    /* What was refused was not done. */
    ck_assert_int_eq(
        assay_registry_put_document(session, ASSAY_DOC_RATES, ASSAY_STR("other"), ASSAY_STR("{}"), -1, &put, &es, &err),
        ASSAY_VALIDATION_FAILED);
    ck_assert_str_eq(ask("SELECT count(*) FROM audit"), "5");
}
END_TEST

static Suite *suite_of_access(void) {
    Suite *s = suite_create("access");
    TCase *t = tcase_create("access");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, once, NULL);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, who_may_send_what, 0, sizeof sendings / sizeof *sendings);
    tcase_add_test(t, a_provider_cancels_until_parts_are_requested);
    tcase_add_test(t, what_came_first_in_a_batch_counts);
    tcase_add_test(t, nobody_but_the_manufacturer_takes_back_from_a_closed_order);
    tcase_add_test(t, a_provider_takes_back_its_own_observations_only);
    tcase_add_test(t, voids_that_wait);
    tcase_add_test(t, an_upload_is_its_senders);
    tcase_add_test(t, anothers_provider_is_none);
    tcase_add_test(t, a_key_lets_in_until_it_ends);
    tcase_add_test(t, a_key_is_replaced_with_an_overlap);
    tcase_add_test(t, a_revoked_key_ends_on_every_daemon);
    tcase_add_loop_test(t, keys_that_make_no_sense_are_refused, 0, sizeof bad_keys / sizeof *bad_keys);
    tcase_add_test(t, every_act_is_written_down);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_access)
