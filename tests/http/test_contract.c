/* test_contract.c -- the contract and the program are one: every route stands in api/openapi.yaml with its parameters, bodies
 * and key, and every operation is a route; api/errors.csv is the table of codes; the examples are the files beside it, are
 * what their schemas say, and those that are sent in are what the codecs take. test_examples.c asks the running program. */
#include <dirent.h>

#include "assay/csv.h"
#include "assay/http.h"
#include "contract.h"
#include "http/app.h"
#include "test_zone.h"

/* The requests of the story lie before this. */
#define RECEIVED_AT "2001-12-31T00:00:00Z"

static json_t *contract;
static size_t n_routes;
static const struct assay_http_route *routes;

static void load(void) {
    contract = contract_load();
    routes = assay_http_routes(&n_routes);
}

static void unload(void) { json_decref(contract); }

/* --- routes and operations ---------------------------------------------------------------------------------------------- */

static bool in_list(const char *const *list, const char *name) {
    for (; list && *list; list++)
        if (!strcmp(*list, name)) return true;
    return false;
}

/* "name_bulk" is the same operation as "name", with other media types. */
static bool is_bulk(const struct assay_http_route *r) {
    size_t n = strlen(r->name);
    return n > 5 && !strcmp(r->name + n - 5, "_bulk");
}

static const json_t *operation_at(const char *path, const char *method) {
    char lower[16];
    size_t n = 0;
    for (; method[n] && n + 1 < sizeof lower; n++) lower[n] = (char)(method[n] | 0x20);
    lower[n] = '\0';
    return json_object_get(json_object_get(json_object_get(contract, "paths"), path), lower);
}

/* The names of an operation's parameters of one place ("query"), its path item's too. */
static size_t parameters_of(const char *path, const json_t *op, const char *place, const char *out[32]) {
    const json_t *lists[] = {json_object_get(json_object_get(json_object_get(contract, "paths"), path), "parameters"),
                             json_object_get(op, "parameters")};
    size_t n = 0;
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < json_array_size(lists[l]); i++) {
            const json_t *p = contract_deref(contract, json_array_get(lists[l], i));
            if (strcmp(json_string_value(json_object_get(p, "in")), place) != 0) continue;
            ck_assert_uint_lt(n, 31);
            out[n++] = json_string_value(json_object_get(p, "name"));
        }
    out[n] = NULL;
    return n;
}

START_TEST(each_route_is_an_operation) {
    for (size_t i = 0; i < n_routes; i++) {
        const struct assay_http_route *r = &routes[i];
        const json_t *op = operation_at(r->pattern, assay_http_method_name(r->method));
        ck_assert_msg(op != NULL, "%s %s is not in the contract", assay_http_method_name(r->method), r->pattern);
        const char *id = json_string_value(json_object_get(op, "operationId"));
        size_t n = strlen(r->name) - (is_bulk(r) ? 5 : 0);
        ck_assert_msg(id && strlen(id) == n && !strncmp(id, r->name, n), "%s is called %s in the contract", r->name,
                      id ? id : "nothing");
    }
}
END_TEST

START_TEST(each_operation_is_a_route) {
    const char *path, *method;
    json_t *item, *op;
    json_object_foreach(json_object_get(contract, "paths"), path, item) {
        json_object_foreach(item, method, op) {
            bool found = !strcmp(method, "parameters");
            for (size_t i = 0; i < n_routes; i++)
                found = found ||
                        (!strcmp(routes[i].pattern, path) && operation_at(path, assay_http_method_name(routes[i].method)) == op);
            ck_assert_msg(found, "%s %s is no route", method, path);
        }
    }
}
END_TEST

/* A parameter may be of one of an operation's media types only. */
static bool any_row_takes(const struct assay_http_route *r, const char *parameter) {
    for (size_t k = 0; k < n_routes; k++)
        if (!strcmp(routes[k].pattern, r->pattern) && routes[k].method == r->method && in_list(routes[k].params, parameter))
            return true;
    return false;
}

START_TEST(parameters_are_the_same) {
    const char *names[32];
    for (size_t i = 0; i < n_routes; i++) {
        const struct assay_http_route *r = &routes[i];
        const json_t *op = operation_at(r->pattern, assay_http_method_name(r->method));
        size_t n = parameters_of(r->pattern, op, "query", names);
        for (size_t k = 0; k < n; k++) ck_assert_msg(any_row_takes(r, names[k]), "%s takes no parameter %s", r->name, names[k]);
        for (size_t k = 0; r->params && r->params[k]; k++)
            ck_assert_msg(in_list(names, r->params[k]), "the contract of %s has no parameter %s", r->name, r->params[k]);
    }
}
END_TEST

START_TEST(path_parameters_are_the_pattern) {
    const char *names[32];
    for (size_t i = 0; i < n_routes; i++) {
        const char *pattern = routes[i].pattern, *p = pattern;
        size_t n = parameters_of(pattern, operation_at(pattern, assay_http_method_name(routes[i].method)), "path", names),
               seen = 0;
        while ((p = strchr(p, '{'))) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)strcspn(p + 1, "}"), p + 1);
            ck_assert_msg(in_list(names, name), "the contract of %s has no {%s}", routes[i].name, name);
            seen++, p++;
        }
        ck_assert_uint_eq(n, seen);
    }
}
END_TEST

/* Both ways, over all rows of one path and method. */
START_TEST(media_types_are_the_same) {
    for (size_t i = 0; i < n_routes; i++) {
        const json_t *op = operation_at(routes[i].pattern, assay_http_method_name(routes[i].method));
        const json_t *content = json_object_get(json_object_get(op, "requestBody"), "content");
        size_t n = 0;
        for (size_t k = 0; k < n_routes; k++) {
            if (strcmp(routes[k].pattern, routes[i].pattern) != 0 || routes[k].method != routes[i].method) continue;
            for (const char *const *type = routes[k].accepts; type && *type; type++, n++)
                ck_assert_msg(json_object_get(content, *type) != NULL, "the contract of %s takes no %s", routes[i].name, *type);
        }
        ck_assert_msg(n == json_object_size(content), "%s takes %zu media types, its contract %zu", routes[i].name, n,
                      json_object_size(content));
    }
}
END_TEST

START_TEST(keys_are_the_same) {
    ck_assert_msg(json_array_size(json_object_get(contract, "security")) == 1, "a key is the rule");
    for (size_t i = 0; i < n_routes; i++) {
        const json_t *said = json_object_get(operation_at(routes[i].pattern, assay_http_method_name(routes[i].method)),
                                             "security");
        bool open = said && json_array_size(said) == 0;
        ck_assert_msg(!said || open, "%s: only `security: []` is said of an operation", routes[i].name);
        ck_assert_msg(open == (routes[i].access == 0), "%s %s key, its contract says otherwise", routes[i].name,
                      open ? "needs a" : "needs no");
    }
}
END_TEST

/* x-roles and x-sees are the route's access; what needs no key has neither. */
START_TEST(roles_are_the_same) {
    static const char *const sees[] = {"network", "path", "parameter", "sent", "all"};
    for (size_t i = 0; i < n_routes; i++) {
        const struct assay_http_route *r = &routes[i];
        const json_t *op = operation_at(r->pattern, assay_http_method_name(r->method)), *said = json_object_get(op, "x-roles");
        char list[128] = "", expected[128] = "";
        for (int role = 1; role < ASSAY_ROLE_COUNT; role++)
            if (assay_app_may(r->access, (enum assay_role)role))
                snprintf(expected + strlen(expected), sizeof expected - strlen(expected), " %s",
                         assay_role_name((enum assay_role)role));
        for (size_t k = 0; k < json_array_size(said); k++)
            snprintf(list + strlen(list), sizeof list - strlen(list), " %s", json_string_value(json_array_get(said, k)));
        ck_assert_msg(!strcmp(list, expected), "%s is for%s, its contract says%s", r->name, expected, list);
        const char *view = json_string_value(json_object_get(op, "x-sees"));
        const char *wanted = r->access ? sees[ASSAY_SEES(r->access) >> 16] : NULL;
        ck_assert_msg(wanted ? view && !strcmp(view, wanted) : !view, "%s: x-sees is %s, wanted %s", r->name, view, wanted);
    }
}
END_TEST

static bool for_every_role(uint32_t access) {
    for (int role = 1; role < ASSAY_ROLE_COUNT; role++)
        if (!assay_app_may(access, (enum assay_role)role)) return false;
    return true;
}

/* 401 where a key is asked for, 403 where not every one will do, 304 where an ETag is given, 413 and 415 where a body is taken, 503
 * where the handler may wait: and only there. */
START_TEST(statuses_follow_from_the_route) {
    for (size_t i = 0; i < n_routes; i++) {
        const struct assay_http_route *r = &routes[i];
        const json_t *op = operation_at(r->pattern, assay_http_method_name(r->method));
        const struct {
            int status;
            bool expected;
        } rows[] = {{401, r->access != 0},
                    {403, r->access != 0 && !for_every_role(r->access)},
                    {304, r->method == ASSAY_HTTP_GET && !(r->flags & ASSAY_HTTP_VOLATILE)},
                    {413, r->accepts != NULL},
                    {415, r->accepts != NULL},
                    {503, r->kind != ASSAY_HTTP_IMMEDIATE}};
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            ck_assert_msg((contract_response(contract, op, rows[k].status) != NULL) == rows[k].expected, "%s: %d is %sdocumented",
                          r->name, rows[k].status, rows[k].expected ? "not " : "");
        }
        ck_assert_msg(json_object_get(json_object_get(op, "responses"), "default") != NULL, "%s has no default response",
                      r->name);
    }
}
END_TEST

/* --- errors.csv ----------------------------------------------------------------------------------------------------------- */

static void add_field(struct assay_buf *b, const char *text) {
    assay_buf_addc(b, ',');
    ck_assert_msg(!strpbrk(text, ",\"\r\n"), "a title that CSV would quote: %s", text);
    assay_buf_adds(b, text);
}

START_TEST(errors_are_the_table) {
    struct assay_buf expected = {0}, found = {0};
    assay_buf_adds(&expected, "code,http_status,title_en,title_zh\n");
    for (int s = ASSAY_OK + 1; s < ASSAY_STATUS_COUNT; s++) {
        assay_buf_printf(&expected, "%s,%d", assay_status_code((enum assay_status)s), assay_http_status((enum assay_status)s));
        add_field(&expected, assay_status_title((enum assay_status)s));
        add_field(&expected, assay_status_title_zh((enum assay_status)s));
        assay_buf_addc(&expected, '\n');
    }
    ck_assert(contract_read("errors.csv", &found));
    ck_assert_msg(assay_str_eq(assay_buf_str(&expected), assay_buf_str(&found)), "api/errors.csv should be:\n%s", expected.p);
    assay_buf_free(&expected);
    assay_buf_free(&found);
}
END_TEST

/* --- examples -------------------------------------------------------------------------------------------------------------- */

/* Every example of the contract: called with its name, its value and the schema of its media type. */
typedef void visit(const char *name, const json_t *value, const json_t *schema, void *arg);

static void walk_content(const json_t *content, visit *fn, void *arg) {
    const char *type, *name;
    json_t *media, *example;
    json_object_foreach((json_t *)content, type, media) {
        json_object_foreach(json_object_get(media, "examples"), name, example)
            fn(name, json_object_get(example, "value"), json_object_get(media, "schema"), arg);
    }
}

static void walk_responses(const json_t *responses, visit *fn, void *arg) {
    const char *status;
    json_t *response;
    json_object_foreach((json_t *)responses, status, response) walk_content(json_object_get(response, "content"), fn, arg);
}

static void walk_examples(visit *fn, void *arg) {
    const char *path, *method;
    json_t *item, *op;
    walk_responses(json_object_get(json_object_get(contract, "components"), "responses"), fn, arg);
    json_object_foreach(json_object_get(contract, "paths"), path, item) {
        json_object_foreach(item, method, op) {
            walk_content(json_object_get(json_object_get(op, "requestBody"), "content"), fn, arg);
            walk_responses(json_object_get(op, "responses"), fn, arg);
        }
    }
}

static bool is_request(const char *name) {
    size_t n = strlen(name), m = strlen(".request");
    return n > m && !strcmp(name + n - m, ".request");
}

static void check_schema(const char *name, const json_t *value, const json_t *schema, void *arg) {
    struct contract_check c = {.doc = contract, .closed = !is_request(name)};
    ck_assert_msg(value && contract_valid(&c, schema, value), "%s: %s", name, c.why);
    ++*(size_t *)arg;
}

START_TEST(examples_are_what_their_schemas_say) {
    size_t n = 0;
    walk_examples(check_schema, &n);
    ck_assert_uint_gt(n, 50);
}
END_TEST

/* --- examples and files */

static bool file_equals(const char *name, const json_t *value) {
    char below[256];
    struct assay_buf text = {0};
    snprintf(below, sizeof below, "examples/%s.%s", name, json_is_string(value) ? "ndjson" : "json");
    bool there = contract_read(below, &text);
    if (!there && json_is_string(value)) {
        snprintf(below, sizeof below, "examples/%s.csv", name);
        there = contract_read(below, &text);
    }
    ck_assert_msg(there, "there is no api/%s", below);
    json_t *v = json_is_string(value) ? NULL : json_loadb(text.p, text.n, 0, NULL);
    bool same = json_is_string(value) ? assay_str_is(assay_buf_str(&text), json_string_value(value)) : v && json_equal(v, value);
    json_decref(v);
    assay_buf_free(&text);
    return same;
}

static void check_same_file(const char *name, const json_t *value, const json_t *schema, void *arg) {
    (void)schema;
    ck_assert_msg(file_equals(name, value), "%s is not its file: run api/examples.py", name);
    ck_assert_msg(json_object_set_new(arg, name, json_true()) == 0 && json_object_size(arg) > 0, "out of memory");
}

START_TEST(examples_are_the_files) {
    json_t *seen = json_object();
    char path[4096];
    walk_examples(check_same_file, seen);
    DIR *d = opendir(contract_path(path, "examples"));
    ck_assert_msg(d != NULL, "cannot read %s", path);
    for (const struct dirent *e; (e = readdir(d));) {
        char name[256];
        if (e->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%.*s", (int)(strrchr(e->d_name, '.') - e->d_name), e->d_name);
        ck_assert_msg(json_object_get(seen, name) != NULL, "no example of the contract is examples/%s", e->d_name);
    }
    closedir(d);
    json_decref(seen);
}
END_TEST

/* --- examples and codecs */

enum taker {
    EVENTS = ASSAY_INTAKE_EVENTS,
    DISPATCHES = ASSAY_INTAKE_DISPATCHES,
    SURVEYS = ASSAY_INTAKE_SURVEYS,
    OBSERVATIONS = ASSAY_INTAKE_OBSERVATIONS,
    PROVIDERS,
    CALENDAR,
    RATES,
    SCHEME
};
/* What reads the bodies that an operation takes, or the documents that it gives. */
static const struct {
    const char *operation;
    enum taker taker;
} takers[] = {
    {"post_repair_events", EVENTS},
    {"post_ccc_dispatches", DISPATCHES},
    {"post_survey_responses", SURVEYS},
    {"post_observations", OBSERVATIONS},
    {"post_providers", PROVIDERS},
    {"put_provider", PROVIDERS},
    {"put_calendar", CALENDAR},
    {"get_calendar", CALENDAR},
    {"put_rates", RATES},
    {"get_rates", RATES},
    {"put_scheme", SCHEME},
    {"get_scheme", SCHEME},
    {"get_scheme_version", SCHEME},
};
#define N_TAKERS (sizeof takers / sizeof *takers)

static const struct assay_zone *zone_of(void *ctx, const char *name) { return !strcmp(name, assay_zone_name(ctx)) ? ctx : NULL; }

static enum assay_status take_document(enum taker taker, struct assay_str text, struct assay_errors *es) {
    struct assay_calendar *calendar = NULL;
    struct assay_rates *rates = NULL;
    struct assay_scheme *scheme = NULL;
    struct assay_zone *zone = test_zone("Asia/Shanghai");
    enum assay_status st;
    if (taker == CALENDAR) st = assay_calendar_new_from_json(text, zone_of, zone, &calendar, es);
    else if (taker == RATES) st = assay_rates_new_from_json(text, "example", 1, &rates, es);
    else st = assay_scheme_new_from_json(text, "example", 1, ASSAY_NO_DATE, zone_of, zone, &scheme, es);
    assay_calendar_free(calendar);
    assay_rates_free(rates);
    assay_scheme_free(scheme);
    assay_zone_free(zone);
    return st;
}

static enum assay_status take_event(struct assay_str text, enum assay_intake intake, struct assay_arena *a,
                                    struct assay_record *out, struct assay_errors *es) {
    struct assay_json_doc *d;
    ck_assert(assay_json_load(text, &d, NULL) == ASSAY_OK);
    enum assay_status st = assay_cloudevent_decode(d, 0, intake, test_instant(RECEIVED_AT), a, out, es);
    assay_json_free(d);
    return st;
}

static enum assay_status take(const char *operation, enum taker taker, struct assay_str text, struct assay_errors *es) {
    struct assay_arena a = {0};
    struct assay_record record;
    struct assay_provider provider;
    struct assay_str code = strncmp(operation, "put_", 4) ? ASSAY_STR_NONE : ASSAY_STR("P001");
    enum assay_status st;
    if (taker >= CALENDAR) return take_document(taker, text, es);
    if (taker == PROVIDERS) st = assay_provider_from_json(text, code, &a, &provider, es);
    else if (strstr(text.p, "\"specversion\"")) st = take_event(text, (enum assay_intake)taker, &a, &record, es);
    else st = assay_record_from_json(text, (enum assay_intake)taker, test_instant(RECEIVED_AT), &a, &record, es);
    assay_arena_free(&a);
    return st;
}

/* The reply to an example says that this line is refused, and why. */
static bool is_told(const char *request, size_t line, enum assay_status why) {
    char below[256];
    struct assay_buf text = {0};
    bool told = false;
    snprintf(below, sizeof below, "examples/%.*sreply.json", (int)(strlen(request) - strlen("request")), request);
    if (!contract_read(below, &text)) return false;
    json_t *reply = json_loadb(text.p, text.n, 0, NULL), *errors = json_object_get(reply, "errors");
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const json_t *e = json_array_get(errors, i);
        bool here = json_integer_value(json_object_get(e, "line")) == (json_int_t)line;
        told = told || (here && !strcmp(json_string_value(json_object_get(e, "code")), assay_status_code(why)));
    }
    json_decref(reply);
    assay_buf_free(&text);
    return told;
}

static void take_line(const char *name, const char *operation, enum taker taker, struct assay_str text, size_t line) {
    struct assay_errors es = {0};
    if (take(operation, taker, text, &es) == ASSAY_OK || is_told(name, line, es.items[0].status)) return;
    ck_abort_msg("%s, %zu: %s %s: %.*s", name, line, es.items[0].field, es.items[0].detail, ASSAY_STR_ARG(text));
}

/* A table: its header names a route's columns, each row is taken or told. */
static void take_table(const char *name, enum taker taker, struct assay_str text) {
    struct assay_zone *zone = test_zone("Asia/Shanghai");
    struct assay_sheet *sheet = NULL;
    struct assay_arena a = {0};
    struct assay_errors es = {0};
    struct assay_record record;
    struct assay_provider provider;
    struct assay_csv csv;
    struct assay_csv_row row;
    assay_csv_init(&csv, 65536);
    assay_csv_feed(&csv, text.p, text.n);
    while (assay_csv_next(&csv, &row)) {
        enum assay_status st;
        bool header = !sheet;
        if (header && taker == PROVIDERS) st = assay_sheet_new_providers(&row, &sheet, &es);
        else if (header) st = assay_sheet_new((enum assay_intake)taker, &row, zone, &sheet, &es);
        else if (taker == PROVIDERS) st = assay_sheet_provider(sheet, &row, &a, &provider, &es);
        else st = assay_sheet_record(sheet, &row, test_instant(RECEIVED_AT), &a, &record, &es);
        ck_assert_msg(st == ASSAY_OK || (!header && is_told(name, row.line, es.items[0].status)), "%s, line %zu: %s", name,
                      row.line, es.items[0].detail);
    }
    assay_csv_free(&csv);
    assay_sheet_free(sheet);
    assay_arena_free(&a);
    assay_zone_free(zone);
}

static void take_value(const char *name, const char *operation, enum taker taker, const json_t *value, size_t line) {
    char *text = json_dumps(value, JSON_COMPACT);
    take_line(name, operation, taker, assay_str_c(text), line);
    free(text);
}

static void take_example(const char *name, const json_t *value, const json_t *schema, void *arg) {
    const json_t *document = json_object_get(value, "document");
    size_t k = 0;
    (void)schema;
    while (k < N_TAKERS &&
           (strncmp(name, takers[k].operation, strlen(takers[k].operation)) || name[strlen(takers[k].operation)] != '.'))
        k++;
    if (k == N_TAKERS || (!is_request(name) && !document)) return;
    ((bool *)arg)[k] = true;
    if (document) take_value(name, takers[k].operation, takers[k].taker, document, 1);
    else if (json_is_object(value)) take_value(name, takers[k].operation, takers[k].taker, value, 1);
    for (size_t i = 0; i < json_array_size(value); i++)
        take_value(name, takers[k].operation, takers[k].taker, json_array_get(value, i), i + 1);
    const char *p = json_is_string(value) ? json_string_value(value) : "";
    if (*p && *p != '{') {
        take_table(name, takers[k].taker, assay_str_c(p));
        return;
    }
    for (size_t line = 1; *p; line++) {
        size_t n = strcspn(p, "\n");
        take_line(name, takers[k].operation, takers[k].taker, (struct assay_str){p, n}, line);
        p += n + (p[n] == '\n');
    }
}

START_TEST(examples_are_what_the_codecs_take) {
    bool taken[N_TAKERS] = {false};
    walk_examples(take_example, taken);
    for (size_t k = 0; k < N_TAKERS; k++)
        ck_assert_msg(taken[k], "%s has no example that a codec could take", takers[k].operation);
}
END_TEST

/* A reply that is kept under a wrong scope is a wrong reply. */
START_TEST(scopes_are_sound) {
    for (size_t i = 0; i < n_routes; i++) {
        const struct assay_http_route *r = &routes[i];
        if (r->scope == ASSAY_SCOPE_NONE) {
            bool held = r->kind != ASSAY_HTTP_WORKER && r->method == ASSAY_HTTP_GET && !(r->flags & ASSAY_HTTP_VOLATILE);
            ck_assert_msg(!held, "%s is answered from memory: of which state?", r->name);
            continue;
        }
        ck_assert_msg(r->method == ASSAY_HTTP_GET && !(r->flags & ASSAY_HTTP_VOLATILE), "%s must not be kept", r->name);
        bool of_provider = strstr(r->pattern, "{") == strstr(r->pattern, "{provider}") && strstr(r->pattern, "{provider}");
        ck_assert_msg(r->scope != ASSAY_SCOPE_PROVIDER || of_provider, "%s: its first variable is no provider", r->name);
        /* What needs no key is the same for all; everything else changes with the registry at least. */
        ck_assert_msg((r->scope == ASSAY_SCOPE_PROGRAM) == (r->access == 0), "%s: scope and key", r->name);
    }
}
END_TEST

/* --------------------------------------------------------------------------------------------------------------------------- */

static Suite *suite_of_contract(void) {
    Suite *s = suite_create("contract");
    TCase *t = tcase_create("contract");
    tcase_add_checked_fixture(t, load, unload);
    tcase_add_test(t, each_route_is_an_operation);
    tcase_add_test(t, each_operation_is_a_route);
    tcase_add_test(t, parameters_are_the_same);
    tcase_add_test(t, path_parameters_are_the_pattern);
    tcase_add_test(t, media_types_are_the_same);
    tcase_add_test(t, keys_are_the_same);
    tcase_add_test(t, roles_are_the_same);
    tcase_add_test(t, scopes_are_sound);
    tcase_add_test(t, statuses_follow_from_the_route);
    tcase_add_test(t, errors_are_the_table);
    tcase_add_test(t, examples_are_what_their_schemas_say);
    tcase_add_test(t, examples_are_the_files);
    tcase_add_test(t, examples_are_what_the_codecs_take);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_contract)
