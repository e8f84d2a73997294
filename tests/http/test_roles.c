/* test_roles.c -- who may do what: every route by every kind of caller, of its own provider, of another one and of one that there
 * is not, over a real database, with kept replies. What is expected is the table of routes and nothing else; that the table is what
 * the contract says, test_contract.c holds. */
#include <unistd.h>

#include "assay/keys.h"
#include "check_main.h"
#include "http/app.h"
#include "pg.h"
#include "tokens.h"

#define ROOT_KEY "the-key-of-the-settings"
/* Of one length, so that replies differ in nothing but the name. */
#define OWN "P001"
#define FOREIGN "P002"
#define MISSING "P009"

static struct assay_error err;
#define OK(call)                                                                                              \
    do {                                                                                                      \
        enum assay_status ok_ = (call);                                                                       \
        ck_assert_msg(ok_ == ASSAY_OK, "%s: %s %s %s", #call, assay_status_code(ok_), err.field, err.detail); \
    } while (0)

/* --- the program ---------------------------------------------------------------------------------------------------------- */

struct caller {
    const char *what;
    enum assay_role role;
    const char *provider;
    char key[1024]; /* or a token of an issuer */
};
static struct caller callers[] = {
    {"provider", ASSAY_ROLE_PROVIDER, OWN, ""},
    {"ccc", ASSAY_ROLE_CCC, NULL, ""},
    {"logistics", ASSAY_ROLE_LOGISTICS, NULL, ""},
    {"portal", ASSAY_ROLE_PORTAL, NULL, ""},
    {"portal of one", ASSAY_ROLE_PORTAL, OWN, ""},
    {"dashboard", ASSAY_ROLE_DASHBOARD, NULL, ""},
    {"manufacturer", ASSAY_ROLE_MANUFACTURER, NULL, ""},
    {"admin", ASSAY_ROLE_ADMIN, NULL, ""},
    {"the settings'", ASSAY_ROLE_ADMIN, NULL, ROOT_KEY},
    {"another provider", ASSAY_ROLE_PROVIDER, FOREIGN, ""},
    {"provider by token", ASSAY_ROLE_PROVIDER, OWN, ""},
    {"portal by token", ASSAY_ROLE_PORTAL, NULL, ""},
    {"portal of one by token", ASSAY_ROLE_PORTAL, OWN, ""},
    {"dashboard by token", ASSAY_ROLE_DASHBOARD, NULL, ""},
};
#define N_CALLERS (sizeof callers / sizeof *callers)
#define N_TOKENS 4 /* the last of them */
#define N_KEYS (N_CALLERS - N_TOKENS - 1)
static struct caller *const root = &callers[8], *const other = &callers[9], *const own = &callers[0];

static struct {
    char info[TEST_PG_CONNINFO];
    struct assay_session *session;
    struct assay_app app;
    struct assay_http_config config;
    struct assay_metrics *metrics;
    /* uploads of the two providers, of the call centre, and a number that no upload has */
    char own_upload[ASSAY_UPLOAD_ID_TEXT], foreign_upload[ASSAY_UPLOAD_ID_TEXT], ccc_upload[ASSAY_UPLOAD_ID_TEXT];
} program;
#define NO_UPLOAD "u0000000000000000"

/* 2001-03-01 at noon in Shanghai. */
static assay_instant test_now(void) { return assay_date_from_civil(2001, 3, 1) * ASSAY_DAY + INT64_C(4) * 3600 * ASSAY_SECOND; }

static void call_as(const char *key, const char *method, const char *target, const char *type, const char *body,
                    struct assay_http_result *out) {
    struct assay_http_field headers[4];
    char credential[1040];
    size_t n = 0;
    snprintf(credential, sizeof credential, "Bearer %s", key);
    headers[n++] = (struct assay_http_field){"Authorization", credential};
    headers[n++] = (struct assay_http_field){"X-Request-Id", "walk"};
    if (type) headers[n++] = (struct assay_http_field){"Content-Type", type};
    headers[n] = (struct assay_http_field){NULL, NULL};
    struct assay_http_call c = {.method = method, .target = target, .headers = headers, .body = assay_str_c(body ? body : "")};
    assay_http_call(&program.config, &c, program.session, out);
}

static int status_of(const char *key, const char *method, const char *target, const char *body) {
    struct assay_http_result r;
    call_as(key, method, target, body ? "application/json" : NULL, body, &r);
    int status = r.status;
    assay_http_result_free(&r);
    return status;
}

static void must(const char *key, int status, const char *method, const char *target, const char *body) {
    struct assay_http_result r;
    call_as(key, method, target, body ? "application/json" : NULL, body, &r);
    ck_assert_msg(r.status == status, "%s %s: %d, wanted %d: %s", method, target, r.status, status, r.body.p);
    assay_http_result_free(&r);
}

static void upload(const char *key, const char *target, const char *body, char id[ASSAY_UPLOAD_ID_TEXT]) {
    struct assay_http_result r;
    call_as(key, "POST", target, "application/json", body, &r);
    const char *at = r.body.p ? strstr(r.body.p, "\"upload\":\"u") : NULL;
    ck_assert_msg(r.status == 200 && at && strstr(r.body.p, "\"rejected\":0"), "%d %s", r.status, r.body.p);
    snprintf(id, ASSAY_UPLOAD_ID_TEXT, "%.17s", at + strlen("\"upload\":\""));
    assay_http_result_free(&r);
}

#define OPENED(p, order)                                                                                                  \
    "[{\"id\":\"" order "-1\",\"type\":\"order.opened\",\"provider\":\"" p "\",\"order\":\"" order "\",\"at\":\"2001-02-" \
    "05T09:00:00+08:00\",\"channel\":\"walk_in\",\"product\":\"notebook\"}]"

static void make_keys(void) {
    program.session->actor = (struct assay_actor){0}; /* that of the last request is gone with it */
    for (size_t i = 0; i < N_CALLERS - N_TOKENS; i++) {
        struct assay_key_made k;
        struct assay_errors es = {0};
        struct caller *c = &callers[i];
        if (c == root) continue;
        const struct assay_key_request request = {assay_str_c(c->what), c->role,
                                                  c->provider ? assay_str_c(c->provider) : ASSAY_STR_NONE, ASSAY_NO_INSTANT};
        OK(assay_key_create(program.session, &request, &k, &es, &err));
        snprintf(c->key, sizeof c->key, "%s", k.key);
    }
}

/* The issuer's only key, and what it signs. */
static void make_tokens(void) {
    char path[] = "/tmp/assay-roles-XXXXXX";
    struct assay_buf set = {0};
    EVP_PKEY *key = token_ec("P-256");
    int fd = mkstemp(path);
    assay_buf_adds(&set, "{\"keys\":[");
    token_add_jwk(&set, key, "a", "");
    assay_buf_adds(&set, "]}");
    ck_assert(fd >= 0 && write(fd, set.p, set.n) == (ssize_t)set.n && close(fd) == 0);
    const struct assay_tokens_options o = {.service = program.app.service,
                                           .issuer = "https://idp.example",
                                           .audience = "assay",
                                           .role_claim = "role",
                                           .provider_claim = "provider",
                                           .roles = "provider,portal,dashboard",
                                           .jwks = path,
                                           .skew_seconds = 60};
    OK(assay_tokens_open(&o, &program.app.tokens, &err));
    unlink(path);
    for (size_t i = N_CALLERS - N_TOKENS; i < N_CALLERS; i++) {
        char claims[512];
        struct caller *c = &callers[i];
        int n = snprintf(claims, sizeof claims,
                         "{\"iss\":\"https://idp.example\",\"aud\":\"assay\",\"sub\":\"u-%zu\",\"exp\":%lld,\"role\":\"%s\"", i,
                         (long long)(test_now() / ASSAY_SECOND + 3600), assay_role_name(c->role));
        if (c->role != ASSAY_ROLE_DASHBOARD)
            n += snprintf(claims + n, sizeof claims - (size_t)n, ",\"provider\":\"%s\"",
                          c->provider ? c->provider : ASSAY_JWT_ALL_PROVIDERS);
        snprintf(claims + n, sizeof claims - (size_t)n, "}");
        char *token = token_make(key, "{\"alg\":\"ES256\",\"kid\":\"a\"}", claims);
        snprintf(c->key, sizeof c->key, "%s", token);
        free(token);
    }
    EVP_PKEY_free(key);
    assay_buf_free(&set);
}

static void fill(void) {
    static const char provider[] = "{\"name\":\"n\",\"city\":\"c\",\"ascim\":true}";
    must(root->key, 201, "PUT", "/v1/providers/" OWN, provider);
    must(root->key, 201, "PUT", "/v1/providers/" FOREIGN, provider);
    must(root->key, 201, "PUT", "/v1/rates/fy01-labour",
         "{\"currency\":\"CNY\",\"rates\":[{\"product\":\"*\",\"warranty\":\"*\",\"amount\":\"1.00\"}]}");
    make_keys();
    make_tokens();
    upload(own->key, "/v1/repair-events", OPENED(OWN, "W1"), program.own_upload);
    upload(other->key, "/v1/repair-events", OPENED(FOREIGN, "W2"), program.foreign_upload);
    upload(callers[1].key, "/v1/ccc-dispatches",
           "[{\"id\":\"D1\",\"provider\":\"" OWN "\",\"order\":\"W3\",\"at\":\"2001-02-05T09:00:00+08:00\"}]",
           program.ccc_upload);
}

static void start(void) {
    struct assay_db *db;
    int applied;
    test_pg_database(program.info);
    OK(assay_db_open(program.info, 60000, &db, &err));
    OK(assay_store_migrate(db, test_now(), &applied, &err));
    assay_db_close(db);
    struct assay_service_options o = {.conninfo = program.info, .now = test_now};
    OK(assay_service_start(&o, &program.app.service, &err));
    OK(assay_session_open(program.app.service, &program.session, &err));
    program.metrics = assay_metrics_new();
    program.app.metrics = program.metrics;
    program.app.admin_key = ROOT_KEY;
    program.app.max_line = 65536;
    program.app.change_wait_s = 60;
    assay_http_config_init(&program.config);
    program.config.routes = assay_http_routes(&program.config.n_routes);
    program.config.app = &program.app;
    program.config.authorize = assay_app_authorize;
    program.config.tag = assay_app_tag;
    program.config.renew = assay_app_renew;
    program.config.cache = assay_http_cache_new((size_t)8 << 20, NULL);
    fill();
}

static void stop(void) {
    assay_session_close(program.session);
    assay_tokens_close(program.app.tokens);
    program.app.tokens = NULL;
    assay_service_stop(program.app.service);
    assay_http_cache_free(program.config.cache);
    assay_metrics_free(program.metrics);
    test_pg_drop(program.info);
}

/* --- a request of each route, as of one provider ---------------------------------------------------------------------------- */

enum whose { WHOSE_OWN, WHOSE_FOREIGN, WHOSE_MISSING };
static const char *const codes[] = {OWN, FOREIGN, MISSING};

/* The value of a path variable, such that of its own provider the route has something to show. */
static const char *value_of(const struct assay_http_route *r, const char *variable, enum whose whose) {
    static const char *const orders[] = {"W1", "W2", "W1"};
    const char *const uploads[] = {program.own_upload, program.foreign_upload, NO_UPLOAD};
    const struct {
        const char *name, *value;
    } rows[] = {{"provider", codes[whose]},
                {"order", orders[whose]},
                {"upload", uploads[whose]},
                {"scheme", "hp-gold-fy01"},
                {"period", "2001-02"},
                {"version", "1"},
                {"template", "repair-events.csv"},
                {"schema", "scheme"},
                {"recomputation", "1"},
                {"key", "assay_0000000000000000"},
                {"code", strstr(r->pattern, "calendars") ? "cn-office"
                         : strstr(r->pattern, "rates")   ? "fy01-labour"
                                                         : "hp-gold-fy01"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, variable)) return rows[i].value;
    ck_abort_msg("%s: what is {%s}?", r->name, variable);
    return NULL;
}

static void target_of(const struct assay_http_route *r, enum whose whose, struct assay_buf *b) {
    for (const char *p = r->pattern; *p;) {
        char name[32];
        if (*p != '{') {
            assay_buf_addc(b, *p++);
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)strcspn(p + 1, "}"), p + 1);
        assay_buf_adds(b, value_of(r, name, whose));
        p = strchr(p, '}') + 1;
    }
    if (ASSAY_SEES(r->access) == ASSAY_SEES_PARAM) assay_buf_printf(b, "?provider=%s", codes[whose]);
    assay_buf_addc(b, '\0');
}

/* A body of nobody: what a caller may not do is told before it is looked at, and what it may do goes on to say what is wrong with it. */
static void ask(const struct caller *c, const struct assay_http_route *r, enum whose whose, struct assay_http_result *out) {
    struct assay_buf target = {0};
    target_of(r, whose, &target);
    call_as(c->key, assay_http_method_name(r->method), target.p, r->accepts ? r->accepts[0] : NULL, r->accepts ? "!" : NULL, out);
    assay_buf_free(&target);
}

/* --- what is expected -------------------------------------------------------------------------------------------------------- */

/* 0: anything but 401 and 403. */
static int expected(const struct caller *c, const struct assay_http_route *r, enum whose whose) {
    bool get = r->method == ASSAY_HTTP_GET, unknown = strstr(r->pattern, "{key}") || strstr(r->pattern, "{recomputation}");
    if (!r->access) return 0;
    if (!(r->access & 1u << c->role)) return 403;
    switch (ASSAY_SEES(r->access)) {
    case ASSAY_SEES_NOTHING:
        if (c->provider) return 403;
        return get && !unknown ? 200 : 0;
    case ASSAY_SEES_PATH:
        if (c->provider && strcmp(c->provider, codes[whose])) return 404;
        return whose == WHOSE_MISSING ? 404 : 200;
    case ASSAY_SEES_PARAM:
        if (c->provider && strcmp(c->provider, codes[whose])) return 400;
        return whose == WHOSE_MISSING ? 400 : 200;
    case ASSAY_SEES_SENT:
        if (!strstr(r->pattern, "{upload}")) return get ? 200 : 0;
        if (whose == WHOSE_MISSING) return 404;
        if (c->provider && strcmp(c->provider, codes[whose])) return 404;
        if (c->role == ASSAY_ROLE_CCC || c->role == ASSAY_ROLE_LOGISTICS) return 404; /* they sent neither */
        return get ? 200 : 0;
    default: return get ? 200 : 0;
    }
}

static void check_answer(const struct caller *c, const struct assay_http_route *r, enum whose whose) {
    struct assay_http_result out;
    ask(c, r, whose, &out);
    int want = expected(c, r, whose);
    bool as_wanted = want ? out.status == want : out.status != 401 && out.status != 403 && out.status < 500;
    ck_assert_msg(as_wanted, "%s, %s of %s: %d, wanted %d: %.500s", c->what, r->name, codes[whose], out.status, want,
                  out.body.p ? out.body.p : "");
    assay_http_result_free(&out);
}

static bool writes_for_good(const struct assay_http_route *r) { return !strcmp(r->name, "post_revert"); }

/* Those who may see all go first and last, so that each kept reply is there when others ask. */
START_TEST(every_route_by_every_caller) {
    size_t n;
    const struct assay_http_route *routes = assay_http_routes(&n);
    for (size_t i = 0; i < n; i++) {
        for (int whose = WHOSE_OWN; whose <= WHOSE_MISSING; whose++) {
            if (!writes_for_good(&routes[i])) check_answer(root, &routes[i], (enum whose)whose);
            for (size_t k = 0; k < N_CALLERS; k++) {
                bool would_write = writes_for_good(&routes[i]) && !expected(&callers[k], &routes[i], (enum whose)whose);
                if (!would_write) check_answer(&callers[k], &routes[i], (enum whose)whose);
            }
        }
    }
}
END_TEST

START_TEST(a_key_is_asked_for_everywhere_else) {
    size_t n, open = 0;
    const struct assay_http_route *routes = assay_http_routes(&n);
    for (size_t i = 0; i < n; i++) {
        struct assay_http_result out;
        struct caller nobody = {.what = "nobody", .key = "assay_0123456789abcdef_"};
        ask(&nobody, &routes[i], WHOSE_OWN, &out);
        ck_assert_msg((out.status == 401) == (routes[i].access != 0), "%s: %d", routes[i].name, out.status);
        open += routes[i].access == 0;
        assay_http_result_free(&out);
    }
    ck_assert_uint_eq(open, 6);
}
END_TEST

/* --- another provider is as one that there is not ----------------------------------------------------------------------------- */

static void replace_all(struct assay_buf *b, const char *from, const char *to) {
    ck_assert_uint_eq(strlen(from), strlen(to));
    for (char *p = b->p; p && (p = strstr(p, from)); p += strlen(to)) memcpy(p, to, strlen(to));
}

static void check_alike(const char *what, struct assay_http_result *a, struct assay_http_result *b, const char *from,
                        const char *to) {
    replace_all(&a->head, from, to);
    replace_all(&a->body, from, to);
    ck_assert_msg(a->status == b->status, "%s: %d, of one that there is not %d", what, a->status, b->status);
    ck_assert_msg(assay_str_eq(assay_buf_str(&a->head), assay_buf_str(&b->head)),
                  "%s:\n%.900s\nof one that there is not:\n%.900s", what, a->head.p, b->head.p);
    ck_assert_msg(assay_str_eq(assay_buf_str(&a->body), assay_buf_str(&b->body)),
                  "%s:\n%.900s\nof one that there is not:\n%.900s", what, a->body.p, b->body.p);
    assay_http_result_free(a);
    assay_http_result_free(b);
}

START_TEST(a_foreign_one_is_as_a_missing_one) {
    size_t n, paths = 0;
    const struct assay_http_route *routes = assay_http_routes(&n);
    for (size_t i = 0; i < n; i++) {
        bool upload_of = strstr(routes[i].pattern, "{upload}") != NULL;
        uint32_t sees = ASSAY_SEES(routes[i].access);
        if (!upload_of && sees != ASSAY_SEES_PATH && sees != ASSAY_SEES_PARAM) continue; /* it names none */
        for (size_t k = 0; k < N_CALLERS; k++) {
            if (!callers[k].provider || strcmp(callers[k].provider, OWN)) continue;
            struct assay_http_result foreign, missing;
            ask(&callers[k], &routes[i], WHOSE_FOREIGN, &foreign);
            ask(&callers[k], &routes[i], WHOSE_MISSING, &missing);
            if (upload_of) check_alike(routes[i].name, &foreign, &missing, program.foreign_upload, NO_UPLOAD);
            else {
                replace_all(&foreign.head, "W2", "W1");
                replace_all(&foreign.body, "W2", "W1");
                check_alike(routes[i].name, &foreign, &missing, FOREIGN, MISSING);
            }
            paths++;
        }
    }
    ck_assert_uint_gt(paths, 20);
}
END_TEST

/* Also with parameters that are wrong, of a period that is not, in Chinese or as a table: whatever else there is to say. */
START_TEST(nothing_else_about_it_is_told) {
    static const char *const tails[] = {
        "/orders?state=closd",       "/orders?limit=2&cursor=o1",         "/orders/W2/verdict?scheme=none",
        "/evaluations/none/2001-02", "/evaluations/hp-gold-fy01/1999-01", "/compensation/x",
        "/completeness/2001-02?x=1"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char a[128], b[128];
        struct assay_http_result foreign, missing;
        snprintf(a, sizeof a, "/v1/providers/" FOREIGN "%s", tails[i]);
        snprintf(b, sizeof b, "/v1/providers/" MISSING "%s", tails[i]);
        call_as(own->key, "GET", a, NULL, NULL, &foreign);
        call_as(own->key, "GET", b, NULL, NULL, &missing);
        ck_assert_int_eq(foreign.status, 404);
        check_alike(tails[i], &foreign, &missing, FOREIGN, MISSING);
    }
}
END_TEST

/* A record of another provider is refused as of one that is not registered: alone, in an array, tried. */
START_TEST(nor_by_what_is_sent) {
    static const struct {
        const char *target, *before, *after;
    } rows[] = {
        {"/v1/repair-events", "{\"id\":\"X-1\",\"type\":\"order.opened\",\"provider\":\"",
         "\",\"order\":\"W2\",\"at\":\"2001-02-05T09:00:00+08:00\",\"channel\":\"walk_in\",\"product\":\"notebook\"}"},
        {"/v1/repair-events?dry_run=true", "{\"id\":\"X-1\",\"type\":\"order.completed\",\"provider\":\"",
         "\",\"order\":\"W2\",\"at\":\"2001-02-05T09:00:00+08:00\"}"},
        {"/v1/repair-events?dry_run=true", "[{\"id\":\"X-1\",\"type\":\"order.completed\",\"provider\":\"",
         "\",\"order\":\"W2\",\"at\":\"2001-02-05T09:00:00+08:00\"}]"},
        {"/v1/repair-events?atomic=true&dry_run=true", "[{\"id\":\"W2-1\",\"type\":\"order.opened\",\"provider\":\"",
         "\",\"order\":\"W2\",\"at\":\"2001-02-05T09:00:00+08:00\",\"channel\":\"walk_in\",\"product\":\"notebook\"}]"},
        {"/v1/observations", "{\"id\":\"X-1\",\"provider\":\"",
         "\",\"indicator\":\"a\",\"at\":\"2001-02-05T09:00:00+08:00\",\"value\":\"1\",\"rater\":\"self\"}"},
        {"/v1/repair-events",
         "{\"id\":\"X-1\",\"type\":\"event.voided\",\"target\":\"W2-1\",\"target_kind\":\"repair\",\"provider\":\"",
         "\",\"at\":\"2001-02-05T09:00:00+08:00\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char a[512], b[512];
        struct assay_http_result foreign, missing;
        snprintf(a, sizeof a, "%s" FOREIGN "%s", rows[i].before, rows[i].after);
        snprintf(b, sizeof b, "%s" MISSING "%s", rows[i].before, rows[i].after);
        call_as(own->key, "POST", rows[i].target, "application/json", a, &foreign);
        call_as(own->key, "POST", rows[i].target, "application/json", b, &missing);
        ck_assert_msg(strstr(foreign.body.p, "unknown_provider") != NULL, "%s: %s", rows[i].target, foreign.body.p);
        check_alike(rows[i].target, &foreign, &missing, FOREIGN, MISSING);
    }
}
END_TEST

/* --- who sends what ------------------------------------------------------------------------------------------------------------- */

#define EVENT(id, type, rest)                                      \
    "{\"id\":\"" id "\",\"type\":\"" type "\",\"provider\":\"" OWN \
    "\",\"order\":\"W1\",\"at\":\"2001-02-06T09:00:00+08:00\"" rest "}"
#define SHIPPED EVENT("S-1", "part.shipped", ",\"line\":\"R1\",\"courier\":\"2D10\"")

/* A single object, an array of it, and a line of NDJSON: the same rule. */
START_TEST(senders_are_held_to_what_is_theirs) {
    static const struct {
        size_t caller;
        const char *target, *body;
        bool taken;
    } rows[] = {
        {0, "/v1/repair-events", SHIPPED, false}, /* a provider never writes a ship time */
        {2, "/v1/repair-events", SHIPPED, true},
        {1, "/v1/repair-events", SHIPPED, false},
        {0, "/v1/repair-events", EVENT("S-1", "part.delivered", ",\"line\":\"R1\""), false},
        {2, "/v1/repair-events", EVENT("W1-9", "order.completed", ""), false},
        {0, "/v1/repair-events", EVENT("W1-9", "order.completed", ""), true},
        {6, "/v1/repair-events", EVENT("W1-8", "order.noted", ",\"reason\":\"customer\",\"note\":\"n\""), true},
        {0, "/v1/repair-events",
         "{\"id\":\"V-1\",\"type\":\"event.voided\",\"target\":\"S-1\",\"target_kind\":\"shipment\",\"provider\":\"" OWN
         "\",\"at\":\"2001-02-07T09:00:00+08:00\"}",
         false},
        {0, "/v1/observations",
         "{\"id\":\"O-1\",\"provider\":\"" OWN
         "\",\"indicator\":\"a\",\"at\":\"2001-02-05T09:00:00+08:00\",\"value\":\"1\",\"rater\":\"auditor\"}",
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[1024], array[1024];
        const char *key = callers[rows[i].caller].key;
        struct assay_http_result r;
        snprintf(array, sizeof array, "[%s]", rows[i].body);
        snprintf(line, sizeof line, "%s\n", rows[i].body);
        call_as(key, "POST", rows[i].target, "application/json", array, &r);
        ck_assert_msg(r.status == 200 && (strstr(r.body.p, "\"accepted\":1") != NULL) == rows[i].taken, "%zu: %s", i, r.body.p);
        ck_assert_msg(rows[i].taken || strstr(r.body.p, "sender_not_allowed"), "%zu: %s", i, r.body.p);
        assay_http_result_free(&r);
        call_as(key, "POST", rows[i].target, "application/json", rows[i].body, &r);
        ck_assert_msg(rows[i].taken ? r.status == 200 && strstr(r.body.p, "duplicate")
                                    : r.status == 403 && strstr(r.body.p, "sender_not_allowed"),
                      "%zu: %d %s", i, r.status, r.body.p);
        assay_http_result_free(&r);
    }
}
END_TEST

static size_t count_of(const char *key, const char *target, const char *word) {
    struct assay_http_result r;
    size_t n = 0;
    call_as(key, "GET", target, NULL, NULL, &r);
    ck_assert_msg(r.status == 200, "%s: %d %s", target, r.status, r.body.p);
    for (const char *p = r.body.p; (p = strstr(p, word)); p++) n++;
    assay_http_result_free(&r);
    return n;
}

/* An upload of a provider whose order is closed since: it may not be taken back by the provider, not in part either, and does not look
 * as if it had been; the manufacturer may. */
START_TEST(a_closed_order_is_not_taken_back_by_its_provider) {
    char revert[80], get[64], closing[ASSAY_UPLOAD_ID_TEXT];
    snprintf(revert, sizeof revert, "/v1/uploads/%s/revert", program.own_upload);
    snprintf(get, sizeof get, "/v1/uploads/%s", program.own_upload);
    upload(own->key, "/v1/repair-events",
           "[" EVENT("W1-2", "order.completed",
                     "") ",{\"id\":\"W1-3\",\"type\":\"order.closed\",\"provider\":\"" OWN
                         "\",\"order\":\"W1\",\"at\":\"2001-02-07T09:00:00+08:00\",\"outcome\":\"repaired\"}]",
           closing);
    must(own->key, 409, "POST", revert, NULL);
    ck_assert_uint_eq(count_of(own->key, get, "\"reverted_by\":null"), 1);
    ck_assert_uint_eq(count_of(root->key, "/v1/audit?action=upload.reverted", "\"action\""), 0);
    ck_assert_uint_eq(count_of(root->key, "/v1/uploads?kind=revert", "\"upload\":\"u"), 0);
    must(callers[6].key, 200, "POST", revert, NULL);
    ck_assert_uint_eq(count_of(own->key, get, "\"reverted_by\":\"u"), 1);
    must(own->key, 404, "GET", "/v1/uploads/" NO_UPLOAD, NULL);
}
END_TEST

/* --- uploads, feeds and lists of one's own ---------------------------------------------------------------------------------------- */

START_TEST(lists_hold_ones_own) {
    static const char uploads[] = "/v1/uploads", each[] = "\"upload\":\"u";
    const struct {
        size_t caller, n;
    } rows[] = {{0, 1}, {1, 1}, {2, 0}, {3, 3},  {4, 1},  {5, 3},  {6, 3},
                {7, 3}, {8, 3}, {9, 1}, {10, 1}, {11, 3}, {12, 1}, {13, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(count_of(callers[rows[i].caller].key, uploads, each) == rows[i].n, "%s", callers[rows[i].caller].what);
    char target[64];
    snprintf(target, sizeof target, "/v1/uploads/%s", program.ccc_upload);
    ck_assert_int_eq(status_of(callers[1].key, "GET", target, NULL), 200);
    ck_assert_int_eq(status_of(callers[2].key, "GET", target, NULL), 404);
    ck_assert_int_eq(status_of(own->key, "GET", target, NULL), 404);
    /* without a parameter the own feed and the own risks */
    const char *const quiet[] = {"/v1/changes?after=0", "/v1/orders/at-risk?within_seconds=31536000"};
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++) {
        ck_assert_uint_eq(count_of(own->key, quiet[i], FOREIGN), 0);
        ck_assert_uint_eq(count_of(callers[4].key, quiet[i], FOREIGN), 0);
        ck_assert_uint_eq(count_of(other->key, quiet[i], OWN), 0);
    }
    ck_assert_uint_gt(count_of(own->key, quiet[0], OWN), 0);
    ck_assert_uint_gt(count_of(other->key, quiet[0], FOREIGN), 0);
}
END_TEST

/* What depends on who asks is never kept for another. */
START_TEST(kept_replies_are_everybodys) {
    size_t n;
    const struct assay_http_route *routes = assay_http_routes(&n);
    for (size_t i = 0; i < n; i++) {
        unsigned sees = ASSAY_SEES(routes[i].access);
        bool differs = sees == ASSAY_SEES_PARAM || sees == ASSAY_SEES_SENT;
        ck_assert_msg(!differs || routes[i].scope == ASSAY_SCOPE_NONE, "%s is kept", routes[i].name);
        ck_assert_msg(sees != ASSAY_SEES_PATH || !strncmp(routes[i].pattern, "/v1/providers/{provider}", 24), "%s",
                      routes[i].name);
        bool param = false;
        for (const char *const *p = routes[i].params; p && *p; p++) param = param || !strcmp(*p, "provider");
        ck_assert_msg(sees != ASSAY_SEES_PARAM || param, "%s has no such parameter", routes[i].name);
    }
}
END_TEST

/* --- keys over HTTP ----------------------------------------------------------------------------------------------------------------- */

static void take_member(const struct assay_http_result *r, const char *name, char *out, size_t size) {
    char member[32];
    snprintf(member, sizeof member, "\"%s\":\"", name);
    const char *at = strstr(r->body.p, member);
    ck_assert_msg(at != NULL, "no %s: %s", name, r->body.p);
    at += strlen(member);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

static void made(int status, const char *target, const char *body, char id[32], char secret[ASSAY_KEY_TEXT]) {
    struct assay_http_result r;
    call_as(root->key, "POST", target, "application/json", body, &r);
    ck_assert_msg(r.status == status, "%d %s", r.status, r.body.p);
    ck_assert(strstr(r.head.p, "Cache-Control: no-store") != NULL && strstr(r.head.p, "Location: /v1/keys/assay_") != NULL);
    take_member(&r, "key", id, 32);
    take_member(&r, "secret", secret, ASSAY_KEY_TEXT);
    assay_http_result_free(&r);
}

START_TEST(a_keys_life) {
    static const char mine[] = "/v1/providers/" OWN;
    char id[32], secret[ASSAY_KEY_TEXT], id2[32], secret2[ASSAY_KEY_TEXT], target[64], rotate[64];
    made(201, "/v1/keys", "{\"name\":\"desk\",\"role\":\"provider\",\"provider\":\"" OWN "\"}", id, secret);
    ck_assert_int_eq(status_of(secret, "GET", mine, NULL), 200);
    snprintf(rotate, sizeof rotate, "/v1/keys/%s/rotate", id);
    made(201, rotate, "{\"overlap_seconds\":3600}", id2, secret2);
    ck_assert_int_eq(status_of(secret, "GET", mine, NULL), 200);
    ck_assert_int_eq(status_of(secret2, "GET", mine, NULL), 200);
    snprintf(target, sizeof target, "/v1/keys/%s", id);
    must(root->key, 204, "DELETE", target, NULL);
    must(root->key, 204, "DELETE", target, NULL);
    ck_assert_int_eq(status_of(secret, "GET", mine, NULL), 401);
    ck_assert_int_eq(status_of(secret2, "GET", mine, NULL), 200);
    must(root->key, 409, "POST", rotate, NULL);
    must(root->key, 200, "GET", target, NULL);
    must(root->key, 404, "DELETE", "/v1/keys/assay_0000000000000000", NULL);
    must(root->key, 422, "POST", "/v1/keys/assay_0000000000000000/rotate", "{\"overlap_seconds\":7776001}");
    must(root->key, 422, "POST", rotate, "{\"expires_at\":\"2001-03-01T00:00:00+08:00\"}");
    /* no secret is ever shown again */
    struct assay_http_result r;
    call_as(root->key, "GET", "/v1/keys?limit=1000", NULL, NULL, &r);
    ck_assert(strstr(r.body.p, id2) != NULL && strstr(r.body.p, secret2 + 23) == NULL && strstr(r.body.p, "secret") == NULL);
    assay_http_result_free(&r);
    /* what was done is written down, by whom */
    snprintf(target, sizeof target, "/v1/audit?subject=%s", id);
    ck_assert_uint_eq(count_of(root->key, target, "\"actor\":\"admin\""), 3);
    ck_assert_uint_eq(count_of(root->key, "/v1/audit?action=key.revoked", "\"action\":\"key.revoked\""), 1);
    ck_assert_uint_eq(count_of(root->key, "/v1/audit?limit=1000", secret2 + 23), 0);
}
END_TEST

START_TEST(pages_of_keys_and_acts) {
    const struct {
        const char *first, *word;
        size_t n;
    } rows[] = {{"/v1/keys?limit=4", "\"created_at\"", N_KEYS}, {"/v1/audit?limit=4", "\"before\"", N_KEYS + 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = 0;
        struct assay_http_result r;
        char target[256];
        snprintf(target, sizeof target, "%s", rows[i].first);
        for (bool more = true; more;) {
            call_as(root->key, "GET", target, NULL, NULL, &r);
            ck_assert_msg(r.status == 200, "%s %s", target, r.body.p);
            for (const char *p = r.body.p; (p = strstr(p, rows[i].word)); p++) n++;
            more = strstr(r.body.p, "\"next\":null") == NULL;
            if (more) {
                char cursor[128];
                take_member(&r, "next", cursor, sizeof cursor);
                snprintf(target, sizeof target, "%s&cursor=%s", rows[i].first, cursor);
            }
            assay_http_result_free(&r);
        }
        ck_assert_uint_eq(n, rows[i].n);
    }
}
END_TEST

static Suite *suite_of_roles(void) {
    Suite *s = suite_create("roles");
    TCase *t = tcase_create("roles");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, test_pg_start, NULL);
    tcase_add_checked_fixture(t, start, stop);
    tcase_add_test(t, every_route_by_every_caller);
    tcase_add_test(t, a_key_is_asked_for_everywhere_else);
    tcase_add_test(t, a_foreign_one_is_as_a_missing_one);
    tcase_add_test(t, nothing_else_about_it_is_told);
    tcase_add_test(t, nor_by_what_is_sent);
    tcase_add_test(t, senders_are_held_to_what_is_theirs);
    tcase_add_test(t, a_closed_order_is_not_taken_back_by_its_provider);
    tcase_add_test(t, lists_hold_ones_own);
    tcase_add_test(t, kept_replies_are_everybodys);
    tcase_add_test(t, a_keys_life);
    tcase_add_test(t, pages_of_keys_and_acts);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_roles)
