/* test_examples.c -- the examples of the contract are what the program says: the story they tell is replayed through the
 * handlers over a real database, from the registry to the pay, and each reply is held against its file, its schema and its
 * headers. ASSAY_WRITE_EXAMPLES=1 writes the replies instead (then run api/examples.py). */
#include "contract.h"
#include "http/app.h"
#include "pg.h"

#define KEY "example-key-of-the-administrator"
#define REQUEST_ID "0f8fad5bd9cb469f"

/* --- the story -------------------------------------------------------------------------------------------------------- */

/* One request. Its body is the file NAME.request.json or .ndjson, where there is one and none is given; its reply is the file
 * NAME.reply.json or .ndjson. The operation is NAME up to its first dot, unless given. "{upload}" is the last upload's id, "{cursor}" where the
 * feed of changes was said to go on, "{key}" the last key made, "{replaced}" the one before it. */
struct step {
    const char *at; /* the service's clock, +08:00; NULL: as before */
    const char *name, *method, *target;
    int status;
    const char *op, *body, *type, *if_match;
    bool keyless, as_made; /* with no key; with the last key made */
};
#define JSON "application/json"
#define NDJSON "application/x-ndjson"
#define CSV "text/csv; charset=utf-8"
#define EVENT "application/cloudevents+json"
#define EVENTS "application/cloudevents-batch+json"
/* clang-format off */
#define ROW(a, n, m, t, s) .at = a, .name = n, .method = m, .target = t, .status = s
static const struct step story[] = {
    /* the manufacturer sets up */
    {ROW("2000-11-27T09:00:00", "put_provider", "PUT", "/v1/providers/P001", 201)},
    {ROW(NULL, "post_providers", "POST", "/v1/providers", 200)},
    {ROW(NULL, "post_providers.invalid", "POST", "/v1/providers", 422),
     .body = "[{\"code\": \"P004\", \"name\": \"广州天河金牌服务站\", \"city\": \"Guangzhou\", \"ascim\": true},"
             " {\"code\": \"P 005\", \"name\": \"深圳科技维修部\", \"city\": \"Shenzhen\", \"ascim\": \"yes\", \"effectiv_from\": \"2001-02-01\"}]"},
    {ROW(NULL, "get_provider", "GET", "/v1/providers/P002", 200)},
    {ROW(NULL, "list_provider_versions", "GET", "/v1/providers/P002/versions", 200)},
    {ROW(NULL, "list_providers", "GET", "/v1/providers?limit=2", 200)},
    {ROW(NULL, "put_calendar", "PUT", "/v1/calendars/cn-office", 200), .if_match = "\"v1\""},
    {ROW(NULL, "list_calendar_versions", "GET", "/v1/calendars/cn-office/versions", 200)},
    {ROW(NULL, "get_calendar_version", "GET", "/v1/calendars/cn-office/versions/1", 200)},
    {ROW(NULL, "get_calendar", "GET", "/v1/calendars/cn-office", 200)},
    {ROW(NULL, "list_calendars", "GET", "/v1/calendars", 200)},
    {ROW(NULL, "put_rates", "PUT", "/v1/rates/fy01-labour", 201)},
    {ROW(NULL, "list_rates_versions", "GET", "/v1/rates/fy01-labour/versions", 200)},
    {ROW(NULL, "get_rates_version", "GET", "/v1/rates/fy01-labour/versions/1", 200)},
    {ROW(NULL, "get_rates", "GET", "/v1/rates/fy01-labour", 200)},
    {ROW(NULL, "list_rates", "GET", "/v1/rates", 200)},
    {ROW(NULL, "put_scheme", "PUT", "/v1/schemes/pilot", 201)},
    {ROW(NULL, "list_scheme_versions", "GET", "/v1/schemes/pilot/versions", 200)},
    {ROW(NULL, "get_scheme_version", "GET", "/v1/schemes/pilot/versions/1", 200)},
    {ROW(NULL, "get_scheme", "GET", "/v1/schemes/hp-gold-fy01", 200)},
    {ROW(NULL, "list_schemes", "GET", "/v1/schemes", 200)},
    {ROW(NULL, "problem.precondition_required", "PUT", "/v1/schemes/pilot", 428), .op = "put_scheme", .body = "{}"},
    {ROW(NULL, "problem.precondition_failed", "PUT", "/v1/schemes/pilot", 412), .op = "put_scheme", .body = "{}", .if_match = "\"v7\""},
    /* who may come in; the provider tries what it may not */
    {ROW(NULL, "post_keys", "POST", "/v1/keys", 201)},
    {ROW(NULL, "problem.forbidden", "PUT", "/v1/rates/fy01-labour", 403), .op = "put_rates", .body = "{}", .as_made = true},
    {ROW("2000-11-27T09:05:00", "post_key_rotate", "POST", "/v1/keys/{key}/rotate", 201)},
    {ROW("2000-11-27T09:06:00", "delete_key", "DELETE", "/v1/keys/{replaced}", 204)},
    {ROW(NULL, "get_key", "GET", "/v1/keys/{key}", 200)},
    {ROW(NULL, "list_keys", "GET", "/v1/keys", 200)},
    {ROW(NULL, "list_audit", "GET", "/v1/audit?subject={replaced}", 200)},
    /* one order of P001, from the call to the survey; the portal follows */
    {ROW(NULL, "list_changes", "GET", "/v1/changes", 200)},
    {ROW("2001-02-12T09:11:00", "post_ccc_dispatches", "POST", "/v1/ccc-dispatches", 201)},
    {ROW("2001-02-12T09:41:00", "post_repair_events", "POST", "/v1/repair-events", 201)},
    {ROW(NULL, "post_repair_events.duplicate", "POST", "/v1/repair-events", 200), .body = "@post_repair_events.request.json"},
    {ROW(NULL, "problem.id_conflict", "POST", "/v1/repair-events", 409), .op = "post_repair_events",
     .body = "{\"id\": \"W000017-1\", \"type\": \"order.completed\", \"provider\": \"P001\", \"order\": \"W000017\", \"at\": \"2001-02-12T09:40:00+08:00\"}"},
    {ROW("2001-02-14T14:35:00", "post_repair_events.array", "POST", "/v1/repair-events", 200)},
    {ROW("2001-02-14T14:51:00", "post_survey_responses", "POST", "/v1/survey-responses", 201)},
    {ROW(NULL, "list_changes.followed", "GET", "/v1/changes?after={cursor}&wait=30", 200)},
    {ROW(NULL, "list_changes.provider", "GET", "/v1/changes?provider=P001&after=13", 200)},
    /* the others of the winter, in bulk */
    {ROW("2001-02-14T14:55:00", "post_ccc_dispatches.bulk", "POST", "/v1/ccc-dispatches", 200)},
    {ROW(NULL, "post_survey_responses.bulk", "POST", "/v1/survey-responses", 200)},
    {ROW("2001-02-14T15:00:00", "post_repair_events.bulk", "POST", "/v1/repair-events", 200)},
    {ROW(NULL, "get_upload", "GET", "/v1/uploads/{upload}", 200)},
    {ROW(NULL, "get_rejected", "GET", "/v1/uploads/{upload}/rejected", 200)},
    {ROW(NULL, "post_repair_events.dry_run", "POST", "/v1/repair-events?dry_run=true", 200)},
    /* what no order yields; one file of it is taken back, another is refused as a whole */
    {ROW(NULL, "post_observations", "POST", "/v1/observations", 201)},
    {ROW(NULL, "post_observations.bulk", "POST", "/v1/observations", 200)},
    {ROW(NULL, "post_revert", "POST", "/v1/uploads/{upload}/revert", 200)},
    {ROW(NULL, "list_observations", "GET", "/v1/providers/P001/observations?indicator=audit&from=2001-02-01T00:00:00Z", 200)},
    {ROW(NULL, "list_uploads", "GET", "/v1/uploads?kind=observations&status=done", 200)},
    {ROW(NULL, "problem.upload_refused", "POST", "/v1/observations?atomic=true", 422), .op = "post_observations",
     .body = "[{\"id\": \"CALL-2001-02\", \"provider\": \"P001\", \"indicator\": \"answer-rate\", \"at\": \"2001-02-14T00:00:00+08:00\", \"numerator\": 2900, \"denominator\": 0},"
             " {\"id\": \"CALL-2001-02\", \"provider\": \"P002\", \"indicator\": \"answer-rate\", \"at\": \"2001-02-14T00:00:00+08:00\", \"numerator\": 950, \"denominator\": 1000},"
             " {\"id\": \"CALL-2001-02\", \"provider\": \"P099\", \"indicator\": \"answer-rate\", \"at\": \"2001-02-14T00:00:00+08:00\", \"numerator\": 99, \"denominator\": 100}]"},
    /* what came of it */
    {ROW(NULL, "list_orders", "GET", "/v1/providers/P001/orders?limit=4", 200)},
    {ROW(NULL, "get_order", "GET", "/v1/providers/P001/orders/W000017", 200)},
    {ROW(NULL, "get_verdict", "GET", "/v1/providers/P001/orders/W000017/verdict", 200)},
    {ROW(NULL, "get_verdict.missed", "GET", "/v1/providers/P001/orders/W000013/verdict", 200)},
    {ROW(NULL, "get_verdict.undetermined", "GET", "/v1/providers/P001/orders/W000018/verdict", 200)},
    {ROW(NULL, "list_at_risk", "GET", "/v1/orders/at-risk?within_seconds=43200", 200)},
    {ROW(NULL, "get_evaluation", "GET", "/v1/providers/P001/evaluations/hp-gold-fy01/2001-02", 200)},
    {ROW(NULL, "list_trend", "GET", "/v1/providers/P001/evaluations/hp-gold-fy01?from=2000-12&to=2001-02", 200)},
    {ROW(NULL, "list_evaluations", "GET", "/v1/evaluations/hp-gold-fy01/2001-02", 200)},
    {ROW(NULL, "get_compensation", "GET", "/v1/providers/P001/compensation/2001-02", 200)},
    {ROW(NULL, "list_compensation_lines", "GET", "/v1/providers/P001/compensation/2001-02/lines?limit=3", 200)},
    {ROW(NULL, "list_compensation", "GET", "/v1/compensation/2001-02", 200)},
    {ROW(NULL, "get_completeness", "GET", "/v1/providers/P001/completeness/2001-02", 200)},
    {ROW(NULL, "list_completeness", "GET", "/v1/completeness/2001-02?limit=2", 200)},
    /* files from a spreadsheet, and events */
    {ROW(NULL, "get_template", "GET", "/v1/templates/survey-responses.csv?lang=zh", 200)},
    {ROW(NULL, "post_providers.table", "POST", "/v1/providers", 200)},
    {ROW(NULL, "post_ccc_dispatches.events", "POST", "/v1/ccc-dispatches", 200), .type = EVENTS},
    {ROW(NULL, "post_survey_responses.event", "POST", "/v1/survey-responses", 201), .type = EVENT},
    {ROW(NULL, "post_repair_events.table", "POST", "/v1/repair-events?time_zone=Asia/Shanghai", 200)},
    {ROW(NULL, "get_rejected.table", "GET", "/v1/uploads/{upload}/rejected", 200)},
    /* a correction, while records keep coming */
    {ROW("2001-02-20T10:00:00", "put_rates.corrected", "PUT", "/v1/rates/fy01-labour", 200), .if_match = "\"v1\"",
     .body = "{\"currency\": \"CNY\", \"rates\": [{\"product\": \"*\", \"warranty\": \"in\", \"amount\": \"90.00\"}]}"},
    {ROW(NULL, "list_recomputations", "GET", "/v1/recomputations?limit=2", 200)},
    {ROW(NULL, "get_recomputation", "GET", "/v1/recomputations/4", 200)},
    {ROW(NULL, "livez", "GET", "/livez", 200), .keyless = true},
    {ROW(NULL, "readyz", "GET", "/readyz", 200), .keyless = true},
    /* what can go wrong */
    {ROW(NULL, "problem.unauthorized", "GET", "/v1/providers", 401), .op = "list_providers", .keyless = true},
    {ROW(NULL, "problem.not_found", "GET", "/v1/providers/P001/orders/W999999", 404), .op = "get_order"},
    {ROW(NULL, "problem.unknown_parameter", "GET", "/v1/providers/P001/orders?stat=open&limit=9", 400), .op = "list_orders"},
    {ROW(NULL, "problem.invalid_parameter", "GET", "/v1/providers/P001/orders?state=closd&limit=5000", 400), .op = "list_orders"},
    {ROW(NULL, "problem.cursor_expired", "GET", "/v1/changes?provider=P001&after=20010214", 410), .op = "list_changes"},
    {ROW(NULL, "problem.invalid_json", "POST", "/v1/repair-events", 400), .op = "post_repair_events", .body = "{\"id\": \"W000022-1\","},
    {ROW(NULL, "problem.unsupported_media_type", "POST", "/v1/repair-events", 415), .op = "post_repair_events", .body = "id=1", .type = "text/plain"},
    {ROW(NULL, "problem.validation_failed", "POST", "/v1/repair-events", 422), .op = "post_repair_events",
     .body = "{\"id\": \"W000022-1\", \"type\": \"order.opened\", \"provider\": \"P001\", \"order\": \"W000022\", \"at\": \"2001-02-14 09:00\", "
             "\"chanel\": \"walk_in\", \"product\": \"notebook\"}"},
    {ROW(NULL, "problem.unknown_provider", "POST", "/v1/repair-events", 422), .op = "post_repair_events",
     .body = "{\"id\": \"W1-1\", \"type\": \"order.completed\", \"provider\": \"P099\", \"order\": \"W1\", \"at\": \"2001-02-14T09:00:00+08:00\"}"},
};
/* clang-format on */

/* --- the program, without a socket -------------------------------------------------------------------------------------- */

static _Atomic assay_instant clock_now; /* the service's threads read it */
static assay_instant story_clock(void) { return clock_now; }

static struct {
    char conninfo[TEST_PG_CONNINFO];
    struct assay_metrics *metrics;
    struct assay_session *session;
    struct assay_app app;
    struct assay_http_config config;
    json_t *contract;
    char upload[ASSAY_UPLOAD_ID_TEXT], cursor[256], key[32], replaced[32], secret[128];
} program;

static void set_clock(const char *text) {
    char full[64];
    assay_instant t;
    snprintf(full, sizeof full, "%s+08:00", text);
    ck_assert(assay_instant_parse(assay_str_c(full), &t) == ASSAY_OK);
    clock_now = t;
}

static void start(void) {
    struct assay_error e = {0};
    struct assay_db *db;
    int applied;
    set_clock("2000-11-01T00:00:00");
    test_pg_database(program.conninfo);
    ck_assert_msg(assay_db_open(program.conninfo, 20000, &db, &e) == ASSAY_OK, "%s", e.detail);
    ck_assert_msg(assay_store_migrate(db, clock_now, &applied, &e) == ASSAY_OK, "%s", e.detail);
    assay_db_close(db);
    struct assay_service_options o = {.conninfo = program.conninfo, .now = story_clock};
    ck_assert_msg(assay_service_start(&o, &program.app.service, &e) == ASSAY_OK, "%s", e.detail);
    ck_assert_msg(assay_session_open(program.app.service, &program.session, &e) == ASSAY_OK, "%s", e.detail);
    program.metrics = assay_metrics_new();
    program.app.metrics = program.metrics;
    program.app.admin_key = KEY;
    program.app.max_line = 65536;
    program.app.change_wait_s = 60;
    assay_http_config_init(&program.config);
    program.config.routes = assay_http_routes(&program.config.n_routes);
    program.config.app = &program.app;
    program.config.authorize = assay_app_authorize;
    program.config.metrics = program.metrics;
    program.contract = contract_load();
}

static void stop(void) {
    json_decref(program.contract);
    assay_session_close(program.session);
    assay_service_stop(program.app.service);
    assay_metrics_free(program.metrics);
    test_pg_drop(program.conninfo);
}

/* --- requests ----------------------------------------------------------------------------------------------------------- */

static struct assay_buf with_names(const char *target) {
    struct assay_buf b = {0};
    const char *mark = strchr(target, '{');
    assay_buf_add(&b, target, mark ? (size_t)(mark - target) : strlen(target));
    if (!mark) return b;
    const char *value = mark[1] == 'u'   ? program.upload
                        : mark[1] == 'k' ? program.key
                        : mark[1] == 'r' ? program.replaced
                                         : program.cursor;
    assay_buf_printf(&b, "%s%s", value, strchr(mark, '}') + 1);
    return b;
}

/* The body of a step, and its media type; none for a step without. */
static const char *body_of(const struct step *s, struct assay_buf *out) {
    char name[256];
    if (s->body && s->body[0] != '@') {
        assay_buf_adds(out, s->body);
        return s->type ? s->type : JSON;
    }
    if (s->body) snprintf(name, sizeof name, "examples/%s", s->body + 1);
    else snprintf(name, sizeof name, "examples/%s.request.json", s->name);
    if (contract_read(name, out)) return s->type ? s->type : JSON;
    snprintf(name, sizeof name, "examples/%s.request.ndjson", s->name);
    if (contract_read(name, out)) return NDJSON;
    snprintf(name, sizeof name, "examples/%s.request.csv", s->name);
    return contract_read(name, out) ? CSV : NULL;
}

static void call(const struct step *s, const char *if_none_match, struct assay_http_result *out) {
    struct assay_http_field headers[8];
    size_t n = 0;
    struct assay_buf body = {0}, target = with_names(s->target);
    const char *type = body_of(s, &body);
    headers[n++] = (struct assay_http_field){"X-Request-Id", REQUEST_ID};
    char credential[160];
    snprintf(credential, sizeof credential, "Bearer %s", s->as_made ? program.secret : KEY);
    if (!s->keyless) headers[n++] = (struct assay_http_field){"Authorization", credential};
    if (type) headers[n++] = (struct assay_http_field){"Content-Type", type};
    if (s->if_match) headers[n++] = (struct assay_http_field){"If-Match", s->if_match};
    if (if_none_match) headers[n++] = (struct assay_http_field){"If-None-Match", if_none_match};
    headers[n] = (struct assay_http_field){NULL, NULL};
    struct assay_http_call c = {
        .method = s->method, .target = target.p, .headers = headers, .body = assay_buf_str(&body), .received_at = clock_now};
    assay_http_call(&program.config, &c, program.session, out);
    assay_buf_free(&body);
    assay_buf_free(&target);
}

/* The value of a header of the reply in out; false where it has none. */
static bool header_of(const struct assay_http_result *r, const char *name, char out[256]) {
    char line[128];
    size_t n = (size_t)snprintf(line, sizeof line, "%s: ", name);
    for (const char *p = r->head.p; p && *p; p = strchr(p, '\n') + 1) {
        if (strncasecmp(p, line, n) != 0) continue;
        snprintf(out, 256, "%.*s", (int)strcspn(p + n, "\r\n"), p + n);
        return true;
    }
    return false;
}

static bool writing(void) { return getenv("ASSAY_WRITE_EXAMPLES") != NULL; }

/* --- replies ------------------------------------------------------------------------------------------------------------ */

/* The low 22 bits of an upload's id are random: its last six digits do not count. */
static void mask_uploads(struct assay_buf *b) {
    for (size_t i = 0; i + 17 <= b->n; i++)
        if (b->p[i] == 'u' && strspn(b->p + i + 1, "0123456789abcdef") == 16) memset(b->p + i + 11, '0', 6);
}

/* Ids of administrative acts, as those of uploads; keys are random whole. */
static void mask_keys(struct assay_buf *b) {
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i + 17 <= b->n; i++)
        if (b->p[i] == 'a' && strspn(b->p + i + 1, hex) == 16) memset(b->p + i + 11, '0', 6);
    for (char *p = b->p; p && (p = strstr(p, "assay_")); p += 6) {
        memset(p + 6, '0', strspn(p + 6, hex));
        size_t n = p[22] == '_' ? strspn(p + 23, hex) : 0;
        if (n) memset(p + 23, '0', n);
    }
}

/* What kind of file a reply is. */
static const char *extension_of(const struct assay_http_result *r) {
    char type[256] = "";
    (void)header_of(r, "Content-Type", type);
    return !strncmp(type, "text/csv", 8) ? "csv" : !strcmp(type, NDJSON) ? "ndjson" : "json";
}

/* A cursor of the feed over all providers holds transaction ids: what it is does not count. */
static void mask_cursors(struct assay_buf *b) {
    static const char member[] = "\"next\"";
    for (char *p = b->p; p && (p = strstr(p, member)); p++) {
        char *value = p + strlen(member) + strspn(p + strlen(member), ": \"");
        size_t n = *value == 'c' ? strspn(value, "0123456789abcdef") : 0;
        memmove(value, value + n, strlen(value + n) + 1);
        b->n -= n;
    }
}

static bool same_text(const char *name, const struct assay_http_result *r, bool lines) {
    struct assay_buf expected = {0}, found = {0};
    bool there = contract_read(name, &expected);
    assay_buf_add(&found, r->body.p, r->body.n);
    mask_uploads(&expected);
    mask_uploads(&found);
    mask_keys(&expected);
    mask_keys(&found);
    mask_cursors(&expected);
    mask_cursors(&found);
    json_t *x = lines || !there ? NULL : json_loads(expected.p, 0, NULL), *y = lines ? NULL : json_loads(found.p, 0, NULL);
    bool same = there && (lines ? assay_str_eq(assay_buf_str(&expected), assay_buf_str(&found)) : x && json_equal(x, y));
    json_decref(x);
    json_decref(y);
    assay_buf_free(&expected);
    assay_buf_free(&found);
    return same;
}

static void check_file(const struct step *s, const struct assay_http_result *r) {
    char name[256], path[4096];
    const char *extension = extension_of(r);
    bool lines = strcmp(extension, "json") != 0;
    if (!r->body.n) return;
    snprintf(name, sizeof name, "examples/%s.reply.%s", s->name, extension);
    if (same_text(name, r, lines)) return;
    ck_assert_msg(writing(),
                  "%s is not what the program says now (ASSAY_WRITE_EXAMPLES=1, then api/examples.py mends it):\n%.4000s", name,
                  r->body.p);
    FILE *f = fopen(contract_path(path, name), "wb");
    ck_assert_msg(f && fwrite(r->body.p, 1, r->body.n, f) == r->body.n && fclose(f) == 0, "cannot write %s", path);
}

static const json_t *operation_of(const struct step *s) {
    char id[128];
    snprintf(id, sizeof id, "%.*s", (int)strcspn(s->name, "."), s->name);
    const json_t *op = contract_operation(program.contract, s->op ? s->op : id);
    ck_assert_msg(op != NULL, "the contract has no operation %s", s->op ? s->op : id);
    return op;
}

static void check_headers(const struct step *s, const json_t *response, const struct assay_http_result *r) {
    const char *name;
    json_t *header;
    char value[256];
    json_object_foreach(json_object_get(response, "headers"), name, header) {
        if (!json_is_true(json_object_get(contract_deref(program.contract, header), "required"))) continue;
        ck_assert_msg(header_of(r, name, value), "%s: the reply has no %s:\n%s", s->name, name, r->head.p);
    }
}

/* What came is what the contract says of this operation and status. */
static void check_contract(const struct step *s, const struct assay_http_result *r) {
    char type[256] = "";
    const json_t *response = contract_response(program.contract, operation_of(s), r->status);
    ck_assert_msg(response != NULL, "%s: the contract says nothing of %d", s->name, r->status);
    check_headers(s, response, r);
    const json_t *content = json_object_get(response, "content");
    ck_assert_msg((r->body.n == 0) == (content == NULL), "%s: no body came, or one that is not described", s->name);
    ck_assert(!content || header_of(r, "Content-Type", type));
    contract_seen(json_string_value(json_object_get(operation_of(s), "operationId")), r->status, type);
    if (!content) return;
    const json_t *media = json_object_get(content, type);
    ck_assert_msg(media != NULL, "%s: the contract has no %s for %d", s->name, type, r->status);
    if (!strstr(type, "json") || strstr(type, "ndjson")) return;
    json_t *v = json_loadb(r->body.p, r->body.n, 0, NULL);
    struct contract_check c = {.doc = program.contract, .closed = true};
    ck_assert_msg(v && contract_valid(&c, json_object_get(media, "schema"), v), "%s: %s\n%.2000s", s->name, c.why, r->body.p);
    json_decref(v);
}

/* Asked again with the ETag it gave, a reply is 304; where it gave none it may not be kept. */
static void check_again(const struct step *s, const struct assay_http_result *r) {
    char etag[256], cache[256];
    struct assay_http_result again;
    ck_assert(header_of(r, "Cache-Control", cache));
    if (!header_of(r, "ETag", etag) || strcmp(s->method, "GET")) {
        ck_assert_str_eq(cache, "no-store");
        return;
    }
    ck_assert_str_eq(cache, "private, no-cache");
    call(s, etag, &again);
    ck_assert_int_eq(again.status, 304);
    check_contract(s, &again);
    assay_http_result_free(&again);
}

static void learn_key(const struct assay_http_result *r) {
    const char *secret = r->body.p ? strstr(r->body.p, "\"secret\":\"") : NULL;
    if (!secret) return;
    snprintf(program.replaced, sizeof program.replaced, "%s", program.key);
    snprintf(program.secret, sizeof program.secret, "%.87s", secret + strlen("\"secret\":\""));
    snprintf(program.key, sizeof program.key, "%.22s", program.secret);
}

static void run(const struct step *s) {
    struct assay_http_result r;
    if (s->at) set_clock(s->at);
    call(s, NULL, &r);
    ck_assert_msg(r.status == s->status, "%s: %d, expected %d:\n%.4000s", s->name, r.status, s->status, r.body.p);
    const char *upload = r.body.p ? strstr(r.body.p, "\"upload\":\"u") : NULL;
    if (upload && !strcmp(s->method, "POST"))
        snprintf(program.upload, sizeof program.upload, "%.17s", upload + strlen("\"upload\":\""));
    learn_key(&r);
    check_file(s, &r);
    if (!writing()) {
        check_contract(s, &r);
        check_again(s, &r);
    }
    const char *next = !strncmp(s->name, "list_changes", strlen("list_changes")) ? strstr(r.body.p, "\"next\":\"") : NULL;
    if (next) snprintf(program.cursor, sizeof program.cursor, "%.*s", (int)strcspn(next + 8, "\""), next + 8);
    assay_http_result_free(&r);
}

/* ------------------------------------------------------------------------------------------------------------------------- */

START_TEST(the_story_is_as_told) {
    for (size_t i = 0; i < sizeof story / sizeof *story; i++) run(&story[i]);
}
END_TEST

/* Every operation has its part in the story, but those whose texts are held elsewhere. */
START_TEST(the_story_has_every_operation) {
    static const char *const silent[] = {"metrics", "get_schema", "openapi_json", "openapi_yaml", "docs", "root"};
    size_t n;
    const struct assay_http_route *routes = assay_http_routes(&n);
    for (size_t i = 0; i < n; i++) {
        const char *bulk = strstr(routes[i].name, "_bulk");
        size_t length = bulk ? (size_t)(bulk - routes[i].name) : strlen(routes[i].name);
        bool told = false;
        for (size_t k = 0; k < sizeof story / sizeof *story; k++)
            told = told || (strcspn(story[k].name, ".") == length && !strncmp(routes[i].name, story[k].name, length));
        for (size_t k = 0; k < sizeof silent / sizeof *silent; k++) told = told || !strcmp(routes[i].name, silent[k]);
        ck_assert_msg(told, "%s has no part in the story", routes[i].name);
    }
}
END_TEST

static Suite *suite_of_examples(void) {
    Suite *s = suite_create("examples");
    TCase *t = tcase_create("story");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, test_pg_start, NULL);
    tcase_add_checked_fixture(t, start, stop);
    tcase_add_test(t, the_story_is_as_told);
    suite_add_tcase(s, t);
    t = tcase_create("table");
    tcase_add_test(t, the_story_has_every_operation);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_examples)
