/* test_reads.c -- the reads over a real database, through the handlers: the trend is the evaluations, every order and filter of
 * the ranking, pages that neither lose nor double, what completeness counts, and tables that say what the JSON says. */
#include <jansson.h>

#include "app/sample.h"
#include "check_main.h"
#include "http/app.h"
#include "pg.h"

#define PROVIDERS 8
#define ORDERS 160

static struct assay_error err;
#define OK(call)                                                                                              \
    do {                                                                                                      \
        enum assay_status ok_ = (call);                                                                       \
        ck_assert_msg(ok_ == ASSAY_OK, "%s: %s %s %s", #call, assay_status_code(ok_), err.field, err.detail); \
    } while (0)

/* --- the program, over a made-up network -------------------------------------------------------------------------------- */

static struct {
    char template_info[TEST_PG_CONNINFO], info[TEST_PG_CONNINFO];
    struct assay_session *session;
    struct assay_app app;
    struct assay_http_config config;
} program;

/* 2001-06-01 at noon in Shanghai. */
static assay_instant test_now(void) { return assay_date_from_civil(2001, 6, 1) * ASSAY_DAY + INT64_C(4) * 3600 * ASSAY_SECOND; }

static void open_service(const char *info) {
    struct assay_service_options o = {.conninfo = info, .now = test_now};
    OK(assay_service_start(&o, &program.app.service, &err));
    OK(assay_session_open(program.app.service, &program.session, &err));
    assay_http_config_init(&program.config);
    program.config.routes = assay_http_routes(&program.config.n_routes);
    program.config.app = &program.app;
    program.config.authorize = assay_app_authorize;
}

static void close_service(void) {
    assay_session_close(program.session);
    assay_service_stop(program.app.service);
}

static void put_providers(struct assay_sample *s) {
    struct assay_provider rows[2 * PROVIDERS + 1];
    bool created[2 * PROVIDERS + 1];
    size_t n = 0;
    struct assay_arena a = {0};
    for (int32_t i = 0; i < PROVIDERS; i++) {
        struct assay_sample_provider p;
        assay_sample_provider_at(s, i, &p);
        for (size_t f = 0; f < p.n_facts; f++) {
            rows[n] = (struct assay_provider){.code = assay_arena_dup(&a, p.code),
                                              .name = assay_arena_dup(&a, p.name),
                                              .facts = p.facts[f],
                                              .status = i == 1 ? ASSAY_PROVIDER_SUSPENDED : ASSAY_PROVIDER_ACTIVE};
            rows[n].facts.city = assay_arena_dup(&a, p.facts[f].city);
            n++;
        }
    }
    rows[n++] = (struct assay_provider){.code = ASSAY_STR("C1"),
                                        .name = ASSAY_STR("=Completeness, \"一\""),
                                        .facts = {ASSAY_NO_DATE, ASSAY_STR("Xi'an"), false},
                                        .status = ASSAY_PROVIDER_ACTIVE};
    OK(assay_registry_put_providers(program.session, rows, n, created, &err));
    assay_arena_free(&a);
}

static void load_orders(struct assay_sample *s) {
    struct assay_sample_order *o = assay_xmalloc(sizeof *o);
    struct assay_arena a = {0};
    for (int64_t i = 0; i < ORDERS; i++) {
        assay_sample_order_at(s, i, o);
        struct assay_item *items = assay_arena_zalloc(&a, (o->n + 1) * sizeof *items);
        for (size_t k = 0; k < o->n; k++)
            assay_item_of_record(&o->records[k], ASSAY_SENDER_MANUFACTURER, test_now(), &a, &items[k]);
        OK(assay_ingest_apply(program.session, items, o->n, &err));
        assay_arena_reset(&a);
    }
    assay_arena_free(&a);
    free(o);
}

static void put_rates(const struct assay_sample_spec *spec) {
    struct assay_buf rates = {0};
    struct assay_errors es = {0};
    struct assay_put_result put;
    assay_sample_rates(spec, NULL, &rates);
    OK(assay_registry_put_document(program.session, ASSAY_DOC_RATES, ASSAY_STR("fy01-labour"), assay_buf_str(&rates), -1, &put,
                                   &es, &err));
    assay_buf_free(&rates);
}

static void once(void) {
    const struct assay_sample_spec spec = {
        .seed = 20001202, .providers = PROVIDERS, .orders = ORDERS, .from = assay_month_of(2000, 12), .months = 4};
    struct assay_sample *s = assay_sample_new(&spec);
    struct assay_db *db;
    int applied;
    test_pg_start();
    test_pg_database(program.template_info);
    OK(assay_db_open(program.template_info, 60000, &db, &err));
    OK(assay_store_migrate(db, test_now(), &applied, &err));
    assay_db_close(db);
    open_service(program.template_info);
    put_providers(s);
    put_rates(&spec);
    load_orders(s);
    close_service();
    assay_sample_free(s);
}

static void start(void) {
    test_pg_database_like(program.template_info, program.info);
    open_service(program.info);
}
static void stop(void) {
    close_service();
    test_pg_drop(program.info);
}

/* --- requests ------------------------------------------------------------------------------------------------------------ */

static void call(const char *method, const char *target, const char *body, const char *accept, const char *if_none_match,
                 struct assay_http_result *out) {
    struct assay_http_field headers[4];
    size_t n = 0;
    if (body) headers[n++] = (struct assay_http_field){"Content-Type", "application/json"};
    if (accept) headers[n++] = (struct assay_http_field){"Accept", accept};
    if (if_none_match) headers[n++] = (struct assay_http_field){"If-None-Match", if_none_match};
    headers[n] = (struct assay_http_field){NULL, NULL};
    struct assay_http_call c = {.method = method, .target = target, .headers = headers, .body = assay_str_c(body ? body : "")};
    assay_http_call(&program.config, &c, program.session, out);
}

static json_t *get_status(const char *target, int status) {
    struct assay_http_result r;
    call("GET", target, NULL, NULL, NULL, &r);
    ck_assert_msg(r.status == status, "%s: %d\n%.2000s", target, r.status, r.body.p);
    json_t *v = json_loadb(r.body.p, r.body.n, 0, NULL);
    ck_assert(v != NULL);
    assay_http_result_free(&r);
    return v;
}
static json_t *get(const char *target) { return get_status(target, 200); }

static void send(const char *path, const char *body) {
    struct assay_http_result r;
    call("POST", path, body, NULL, NULL, &r);
    ck_assert_msg(r.status == 201, "%s: %d %.600s", body, r.status, r.body.p);
    assay_http_result_free(&r);
}

static bool header_of(const struct assay_http_result *r, const char *name, char out[512]) {
    char line[128];
    size_t n = (size_t)snprintf(line, sizeof line, "%s: ", name);
    for (const char *p = r->head.p; p && *p; p = strchr(p, '\n') + 1) {
        if (strncasecmp(p, line, n) != 0) continue;
        snprintf(out, 512, "%.*s", (int)strcspn(p + n, "\r\n"), p + n);
        return true;
    }
    return false;
}

static const json_t *items(const json_t *list) { return json_object_get(list, "items"); }
static const char *text_of(const json_t *v, const char *key) { return json_string_value(json_object_get(v, key)); }
/* A member by its path, or NULL. */
static const json_t *at_path(const json_t *v, const char *path) {
    char name[64];
    while (v && *path) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        if (json_is_array(v)) {
            const json_t *found = NULL;
            for (size_t i = 0; i < json_array_size(v); i++)
                if (!strcmp(text_of(json_array_get(v, i), "code"), name)) found = json_array_get(v, i);
            v = found;
        } else {
            v = json_object_get(v, name);
        }
        path += n + (path[n] == '.');
    }
    return v;
}

static void refused(const char *target, const char *parameter, const char *code) {
    json_t *v = get_status(target, 400);
    const json_t *e = json_array_get(json_object_get(v, "errors"), 0);
    ck_assert_msg(!strcmp(text_of(e, "parameter"), parameter) && !strcmp(text_of(e, "code"), code), "%s: %s %s", target,
                  text_of(e, "parameter"), text_of(e, "code"));
    json_decref(v);
}

/* --- trend --------------------------------------------------------------------------------------------------------------- */

static void code_of(size_t i, char out[64]) {
    json_t *all = get("/v1/providers");
    snprintf(out, 64, "%s", text_of(json_array_get(items(all), i), "code"));
    json_decref(all);
}

START_TEST(a_trend_is_the_evaluations) {
    char target[256], code[64];
    size_t rated = 0, paid = 0, open = 0;
    for (size_t p = 0; p < PROVIDERS + 1; p++) {
        code_of(p, code);
        snprintf(target, sizeof target, "/v1/providers/%s/evaluations/hp-gold-fy01?from=2000-10&to=2001-09", code);
        json_t *trend = get(target);
        ck_assert_uint_eq(json_array_size(items(trend)), 7); /* from the scheme's beginning to the running month */
        for (size_t i = 0; i < json_array_size(items(trend)); i++) {
            const json_t *entry = json_array_get(items(trend), i);
            int month = (int)(11 + i);
            snprintf(target, sizeof target, "/v1/providers/%s/evaluations/hp-gold-fy01/%d-%02d", code, 2000 + month / 12,
                     month % 12 + 1);
            json_t *one = get(target);
            char *x = json_dumps(entry, JSON_INDENT(1)), *y = json_dumps(one, JSON_INDENT(1));
            ck_assert_str_eq(x, y);
            free(x), free(y);
            rated += json_is_integer(json_object_get(one, "rank"));
            paid += json_is_object(json_object_get(one, "compensation")) &&
                    strcmp(json_string_value(at_path(one, "compensation.amount")), "0.00");
            open += json_integer_value(at_path(one, "orders.open")) > 0;
            json_decref(one);
        }
        json_decref(trend);
    }
    ck_assert_msg(rated > 20 && paid > 10 && open > 0, "the network has too little in it: %zu %zu %zu", rated, paid, open);
}
END_TEST

START_TEST(a_trend_has_bounds) {
    json_t *v = get("/v1/providers/C1/evaluations/hp-gold-fy01"); /* the last twelve, of which seven are the scheme's */
    ck_assert_uint_eq(json_array_size(items(v)), 7);
    ck_assert_str_eq(text_of(json_array_get(items(v), 0), "period"), "2000-12");
    ck_assert_str_eq(text_of(json_array_get(items(v), 6), "period"), "2001-06");
    json_decref(v);
    v = get("/v1/providers/C1/evaluations/hp-gold-fy01?to=2001-01");
    ck_assert_uint_eq(json_array_size(items(v)), 2);
    json_decref(v);
    v = get("/v1/providers/C1/evaluations/hp-gold-fy01?from=1999-01&to=2001-12"); /* 36 months */
    json_decref(v);
    v = get("/v1/providers/C1/evaluations/hp-gold-fy01?from=1999-01&to=1999-02");
    ck_assert_uint_eq(json_array_size(items(v)), 0);
    json_decref(v);
    refused("/v1/providers/C1/evaluations/hp-gold-fy01?from=1998-12&to=2001-12", "from", "invalid_parameter");
    refused("/v1/providers/C1/evaluations/hp-gold-fy01?from=2001-03&to=2001-02", "from", "invalid_parameter");
    refused("/v1/providers/C1/evaluations/hp-gold-fy01?from=2001", "from", "invalid_parameter");
    refused("/v1/providers/C1/evaluations/hp-gold-fy01?to=soon", "to", "invalid_parameter");
    json_decref(get_status("/v1/providers/C9/evaluations/hp-gold-fy01", 404));
    json_decref(get_status("/v1/providers/C1/evaluations/none", 404));
}
END_TEST

/* --- ranking ------------------------------------------------------------------------------------------------------------- */

#define RANKING "/v1/evaluations/hp-gold-fy01/2001-03"

/* All rows, by pages of so many; each page full but the last, and none empty. */
static json_t *walk(const char *target, int limit) {
    json_t *all = json_array();
    char page[2048];
    snprintf(page, sizeof page, "%s%climit=%d", target, strchr(target, '?') ? '&' : '?', limit);
    for (const char *next = ""; next;) {
        json_t *v = get(page);
        size_t n = json_array_size(items(v));
        next = text_of(v, "next");
        ck_assert_msg(next ? n == (size_t)limit : n <= (size_t)limit, "%s: %zu rows", page, n);
        ck_assert_msg(n > 0 || json_array_size(all) == 0, "%s: an empty page", page);
        ck_assert_msg(json_array_size(all) < 1000, "%s: it does not end", page);
        ck_assert(json_array_extend(all, json_object_get(v, "items")) == 0);
        if (next) snprintf(page, sizeof page, "%s%climit=%d&cursor=%s", target, strchr(target, '?') ? '&' : '?', limit, next);
        json_decref(v);
    }
    return all;
}

/* As a number: exact where it is told so. */
static double number_of(const json_t *v) {
    if (json_is_integer(v)) return (double)json_integer_value(v);
    const char *s = json_string_value(v);
    if (strlen(s) > 10 && s[4] == '-') { /* an instant, as digits */
        double d = 0;
        for (; *s; s++)
            if (*s >= '0' && *s <= '9') d = d * 10 + (*s - '0');
        return d;
    }
    return strtod(s, NULL);
}

static const struct {
    const char *name, *path;
    bool high; /* the name alone: from high to low */
} sorts[] = {{"rank", "ratio", true},
             {"ratio", "ratio", false},
             {"score", "score", false},
             {"closed", "orders.closed", false},
             {"counted", "orders.counted", false},
             {"compliant", "orders.compliant", false},
             {"missed", "orders.missed", false},
             {"exempt", "orders.exempt", false},
             {"undetermined", "orders.undetermined", false},
             {"open", "orders.open", false},
             {"compensation", "compensation.amount", false},
             {"last_record_at", "last_record_at", false}};

static void check_sorted(const json_t *rows, const char *path, bool descending, const char *target) {
    bool none_yet = false;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *v = at_path(json_array_get(rows, i), path);
        bool none = !v || json_is_null(v) ||
                    (!strcmp(path, "score") && json_is_null(json_object_get(json_array_get(rows, i), "ratio")));
        ck_assert_msg(!none_yet || none, "%s: a value behind none", target);
        if (i && !none) {
            double x = number_of(at_path(json_array_get(rows, i - 1), path)), y = number_of(v);
            const char *a = text_of(json_array_get(rows, i - 1), "provider"), *b = text_of(json_array_get(rows, i), "provider");
            ck_assert_msg(descending ? x >= y : x <= y, "%s: %s %s: %g %g", target, a, b, x, y);
            if (x == y && strcmp(path, "ratio")) ck_assert_msg(strcmp(a, b) < 0, "%s: %s before %s", target, a, b);
        }
        none_yet = none;
    }
}

START_TEST(every_order_pages_whole) {
    json_t *ranking = walk(RANKING, 1000);
    ck_assert_uint_eq(json_array_size(ranking), PROVIDERS + 1);
    for (size_t i = 0; i < 2 * sizeof sorts / sizeof *sorts; i++) {
        char target[128];
        bool minus = i % 2;
        snprintf(target, sizeof target, RANKING "?sort=%s%s", minus ? "-" : "", sorts[i / 2].name);
        json_t *whole = walk(target, 1000), *pages = walk(target, 1), *threes = walk(target, 3);
        ck_assert_msg(json_equal(whole, pages) && json_equal(whole, threes), "%s: its pages are not the whole", target);
        check_sorted(whole, sorts[i / 2].path, sorts[i / 2].high != minus, target);
        /* Ranks are those among all, whatever the order. */
        for (size_t k = 0; k < json_array_size(whole); k++)
            for (size_t m = 0; m < json_array_size(ranking); m++)
                if (!strcmp(text_of(json_array_get(whole, k), "provider"), text_of(json_array_get(ranking, m), "provider")))
                    ck_assert(json_equal(json_array_get(whole, k), json_array_get(ranking, m)));
        ck_assert_uint_eq(json_array_size(whole), json_array_size(ranking));
        json_decref(whole), json_decref(pages), json_decref(threes);
    }
    json_t *up = walk(RANKING "?sort=code", 2), *down = walk(RANKING "?sort=-code", 2), *by_rank = walk(RANKING "?sort=rank", 2);
    ck_assert(json_equal(by_rank, ranking));
    for (size_t i = 1; i < json_array_size(up); i++)
        ck_assert(strcmp(text_of(json_array_get(up, i - 1), "provider"), text_of(json_array_get(up, i), "provider")) < 0);
    ck_assert_uint_eq(json_array_size(down), json_array_size(up));
    json_decref(up), json_decref(down), json_decref(by_rank), json_decref(ranking);
}
END_TEST

/* The rows of a filter are those of the whole that satisfy it, ranks and all. */
static size_t filtered(const char *query, bool (*wanted)(const json_t *row, const json_t *provider)) {
    char target[256];
    snprintf(target, sizeof target, RANKING "?%s", query);
    json_t *whole = walk(RANKING, 1000), *some = walk(target, 2), *registry = get("/v1/providers"), *want = json_array();
    for (size_t i = 0; i < json_array_size(whole); i++) {
        const json_t *row = json_array_get(whole, i), *p = NULL;
        for (size_t k = 0; k < json_array_size(items(registry)); k++)
            if (!strcmp(text_of(json_array_get(items(registry), k), "code"), text_of(row, "provider")))
                p = json_array_get(items(registry), k);
        if (wanted(row, p)) json_array_append(want, (json_t *)row);
    }
    ck_assert_msg(json_equal(want, some), "%s", query);
    size_t n = json_array_size(some);
    json_decref(whole), json_decref(some), json_decref(registry), json_decref(want);
    return n;
}
static bool in_xian(const json_t *row, const json_t *p) { return (void)row, !strcmp(text_of(p, "city"), "Xi'an"); }
static bool is_suspended(const json_t *row, const json_t *p) { return (void)row, !strcmp(text_of(p, "status"), "suspended"); }
static bool is_rated(const json_t *row, const json_t *p) { return (void)p, json_is_integer(json_object_get(row, "rank")); }
static bool is_unrated(const json_t *row, const json_t *p) { return !is_rated(row, p); }
static bool has_ten(const json_t *row, const json_t *p) {
    return (void)p, json_integer_value(at_path(row, "orders.counted")) >= 10;
}
static bool named(const json_t *row, const json_t *p) {
    return (void)p, !strncmp(text_of(row, "provider"), "C", 1) || !strcmp(text_of(row, "provider"), "P001");
}
/* As it holds on the period's last day, which need not be what holds today. */
static bool ascim_then(const json_t *row, const json_t *p) {
    (void)row;
    bool ascim = false;
    const json_t *versions = json_object_get(p, "versions");
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *v = json_array_get(versions, i);
        const char *from = text_of(v, "effective_from");
        if (!from || strcmp(from, "2001-03-31") <= 0) ascim = json_is_true(json_object_get(v, "ascim"));
    }
    return ascim;
}

START_TEST(filters_leave_out_and_keep_ranks) {
    ck_assert_uint_eq(filtered("city=Xi%27an", in_xian), 1);
    ck_assert_uint_eq(filtered("status=suspended", is_suspended), 1);
    size_t rated = filtered("rated=true", is_rated), unrated = filtered("rated=false", is_unrated);
    ck_assert(rated > 1 && unrated > 0 && rated + unrated == PROVIDERS + 1);
    ck_assert(filtered("min_counted=10", has_ten) > 0);
    ck_assert_uint_eq(filtered("provider=P001,C*", named), 2);
    ck_assert(filtered("ascim=true", ascim_then) > 0);
    refused(RANKING "?sort=grade", "sort", "invalid_parameter");
    refused(RANKING "?sort=-", "sort", "invalid_parameter");
    refused(RANKING "?ascim=yes", "ascim", "invalid_parameter");
    refused(RANKING "?status=gone", "status", "invalid_parameter");
    refused(RANKING "?rated=1", "rated", "invalid_parameter");
    refused(RANKING "?min_counted=-1", "min_counted", "invalid_parameter");
    refused(RANKING "?provider=P%201", "provider", "invalid_parameter");
    refused(RANKING "?provider=P1**", "provider", "invalid_parameter");
    refused(RANKING "?provider=", "provider", "invalid_parameter");
    refused(RANKING "?provider=P001,,P002", "provider", "invalid_parameter");
    refused(RANKING "?citty=Beijing", "citty", "unknown_parameter");
}
END_TEST

START_TEST(a_cursor_is_checked) {
    json_t *v = get("/v1/providers?limit=1");
    char target[1024];
    snprintf(target, sizeof target, RANKING "?limit=2&cursor=%s", text_of(v, "next"));
    refused(target, "cursor", "invalid_cursor");
    refused(RANKING "?cursor=e00000000", "cursor", "invalid_cursor");
    refused("/v1/completeness/2001-03?cursor=", "cursor", "invalid_cursor");
    json_decref(v);
}
END_TEST

/* A walk-in of one day: opened at nine, closed at five. */
static void good_order(const char *provider, const char *order, const char *day) {
    char body[512];
    snprintf(
        body, sizeof body,
        "{\"id\": \"%s-o\", \"type\": \"order.opened\", \"provider\": \"%s\", \"order\": \"%s\", \"at\": \"%sT09:00:00+08:00\", "
        "\"channel\": \"walk_in\", \"product\": \"notebook\"}",
        order, provider, order, day);
    send("/v1/repair-events", body);
    snprintf(
        body, sizeof body,
        "{\"id\": \"%s-c\", \"type\": \"order.closed\", \"provider\": \"%s\", \"order\": \"%s\", \"at\": \"%sT17:00:00+08:00\"}",
        order, provider, order, day);
    send("/v1/repair-events", body);
}

/* The last row of a page falls, or rises: no row is lost or doubled, not even that one. */
START_TEST(pages_hold_while_rows_move) {
    for (int round = 0; round < 2; round++) {
        json_t *before = walk(RANKING "?sort=counted", 1000);
        json_t *page = get(round ? RANKING "?sort=-counted&limit=3" : RANKING "?sort=counted&limit=3");
        char target[2048], moved[64], order[64];
        snprintf(moved, sizeof moved, "%s", text_of(json_array_get(items(page), 2), "provider"));
        snprintf(target, sizeof target, RANKING "?sort=%scounted&cursor=%s", round ? "-" : "", text_of(page, "next"));
        for (int i = 0; i < 60; i++) { /* it climbs over all others */
            snprintf(order, sizeof order, "X%d%02d", round, i);
            good_order(moved, order, "2001-03-20");
        }
        json_t *rest = get(target);
        for (size_t i = 0; i < json_array_size(before); i++) {
            const char *code = text_of(json_array_get(before, i), "provider");
            int seen = 0;
            for (size_t k = 0; k < 3; k++) seen += !strcmp(text_of(json_array_get(items(page), k), "provider"), code);
            for (size_t k = 0; k < json_array_size(items(rest)); k++)
                seen += !strcmp(text_of(json_array_get(items(rest), k), "provider"), code);
            ck_assert_msg(seen == 1, "round %d: %s was seen %d times", round, code, seen);
        }
        json_decref(before), json_decref(page), json_decref(rest);
    }
}
END_TEST

/* --- the end of a list ---------------------------------------------------------------------------------------------------- */

START_TEST(a_full_last_page_ends_the_list) {
    static const char *const lists[] = {"/v1/providers",
                                        "/v1/providers/P001/orders",
                                        "/v1/providers/P001/orders?period=2001-02",
                                        "/v1/orders/at-risk?within_seconds=31536000",
                                        RANKING,
                                        "/v1/compensation/2001-02",
                                        "/v1/providers/P001/compensation/2001-02/lines",
                                        "/v1/completeness/2001-02"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char target[512], link[512];
        json_t *all = walk(lists[i], 1000);
        int n = (int)json_array_size(all);
        struct assay_http_result r;
        ck_assert_msg(n > 1, "%s has %d rows", lists[i], n);
        snprintf(target, sizeof target, "%s%climit=%d", lists[i], strchr(lists[i], '?') ? '&' : '?', n);
        json_t *page = get(target);
        ck_assert_msg(json_is_null(json_object_get(page, "next")), "%s: a cursor to nothing", target);
        call("GET", target, NULL, NULL, NULL, &r);
        ck_assert(!header_of(&r, "Link", link));
        json_t *ones = walk(lists[i], 1);
        ck_assert_msg(json_equal(all, ones), "%s: its pages are not the whole", lists[i]);
        json_decref(all), json_decref(page), json_decref(ones);
        assay_http_result_free(&r);
    }
}
END_TEST

/* --- completeness --------------------------------------------------------------------------------------------------------- */

/* "kind order MM-DDTHH:MM more": an event of C1 in 2001, +08:00; ids are kind-order. */
static void story(const char *const *steps) {
    for (; *steps; steps++) {
        char kind[32], order[16], at[32], more[128] = "", body[512];
        ck_assert(sscanf(*steps, "%31s %15s %31s %127[^\n]", kind, order, at, more) >= 3);
        bool dispatch = !strcmp(kind, "dispatch"), survey = !strcmp(kind, "survey");
        char type[64] = "";
        if (!dispatch && !survey) snprintf(type, sizeof type, "\"type\": \"%s\", ", kind);
        snprintf(body, sizeof body,
                 "{\"id\": \"%s-%s\", %s\"provider\": \"C1\", \"order\": \"%s\", \"at\": \"2001-%s:00+08:00\"%s}", kind, order,
                 type, order, at, more);
        send(dispatch ? "/v1/ccc-dispatches" : survey ? "/v1/survey-responses" : "/v1/repair-events", body);
    }
}
#define WALK_IN ", \"channel\": \"walk_in\", \"product\": \"notebook\""
#define CCC ", \"channel\": \"ccc\", \"product\": \"notebook\""
#define PART ", \"request\": 1, \"line\": \"1\", \"part_no\": \"X\""

START_TEST(completeness_counts_what_it_says) {
    static const char *const steps[] = {
        /* whole */
        "dispatch A 03-05T09:00", "order.opened A 03-05T10:00 " CCC, "order.closed A 03-06T10:00",
        /* dispatched, never opened; nothing else that day */
        "dispatch B 03-07T09:00",
        /* dispatched, closed without opening; that day has a repair event */
        "dispatch C 03-08T09:00", "order.closed C 03-08T16:00",
        /* closed with neither; an orphan, as is a shipment alone */
        "order.closed D 03-09T16:00", "part.shipped E 03-10T09:00 , \"line\": \"1\", \"courier\": \"2D10\"",
        "survey F 03-11T09:00 , \"answer\": \"satisfied\"",
        /* requested before it was opened; no shipment; closed before it was opened */
        "part.requested G 03-12T08:00 " PART, "order.opened G 03-12T10:00 " WALK_IN, "order.closed G 03-13T10:00",
        "order.opened H 03-14T10:00 " WALK_IN, "part.requested H 03-14T10:30 " PART, "order.closed H 03-15T10:00",
        "order.closed I 03-15T08:00", "order.opened I 03-16T10:00 " WALK_IN, "order.opened J 03-20T10:00 " WALK_IN,
        "order.cancelled J 03-21T10:00", "order.opened K 03-22T10:00 " WALK_IN,
        /* its opening is voided the next day */
        "dispatch L 03-25T09:00", "order.opened L 03-25T10:00 " CCC,
        "event.voided V 03-26T10:00 , \"target\": \"order.opened-L\"",
        /* opened at the very instant of its dispatch: opened all the same */
        "dispatch M 03-27T10:00", "order.opened M 03-27T10:00 " CCC,
        /* April, by half an hour; in UTC it is March */
        "dispatch N 04-01T00:30", "order.opened O 02-28T23:30 " WALK_IN, NULL};
    static const struct {
        const char *path;
        int64_t count;
    } counts[] = {{"missing.period_running", 0},
                  {"missing.no_records", 0},
                  {"missing.never_opened", 3},
                  {"missing.closed_without_opening", 2},
                  {"missing.missing_open", 1},
                  {"missing.request_before_open", 1},
                  {"missing.close_before_start", 1},
                  {"missing.missing_shipment", 1},
                  {"missing.orphan_records", 2},
                  {"missing.surveys_of_unknown_orders", 1},
                  {"missing.silent_days", 2},
                  {"findings", 14},
                  {"orders.dispatched", 5},
                  {"orders.opened", 7},
                  {"orders.closed", 6},
                  {"orders.cancelled", 1},
                  {"orders.open", 4},
                  {"records.dispatch.count", 5},
                  {"records.shipment.count", 1},
                  {"records.survey.count", 1},
                  {"records.repair.count", 17}};
    story(steps);
    json_t *one = get("/v1/providers/C1/completeness/2001-03"), *all = get("/v1/completeness/2001-03?sort=-findings&limit=1000");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const json_t *v = at_path(one, counts[i].path);
        ck_assert_msg(json_is_integer(v) && json_integer_value(v) == counts[i].count, "%s is %lld, not %lld", counts[i].path,
                      (long long)json_integer_value(v), (long long)counts[i].count);
    }
    ck_assert(json_is_false(json_object_get(one, "complete")));
    ck_assert_uint_eq(json_array_size(json_object_get(one, "reasons")), 9);
    bool found = false;
    for (size_t i = 0; i < json_array_size(items(all)); i++) {
        const json_t *row = json_array_get(items(all), i);
        if (i)
            ck_assert(json_integer_value(json_object_get(row, "findings")) <=
                      json_integer_value(json_object_get(json_array_get(items(all), i - 1), "findings")));
        if (strcmp(text_of(row, "provider"), "C1") != 0) continue;
        found = true;
        ck_assert(json_equal(row, one));
    }
    ck_assert(found);
    json_decref(one), json_decref(all);
}
END_TEST

START_TEST(a_whole_month_is_complete_and_an_empty_one_is_not) {
    static const char *const steps[] = {"dispatch A 04-05T09:00", "order.opened A 04-05T10:00 " CCC, "order.closed A 04-06T10:00",
                                        "dispatch Z 05-31T09:00", NULL};
    story(steps);
    json_t *v = get("/v1/providers/C1/completeness/2001-04");
    ck_assert(json_is_true(json_object_get(v, "complete")) && json_array_size(json_object_get(v, "reasons")) == 0);
    json_decref(v);
    v = get("/v1/providers/C1/completeness/2001-03"); /* nothing came: that is no good work */
    ck_assert(json_is_false(json_object_get(v, "complete")));
    ck_assert_str_eq(text_of(json_array_get(json_object_get(v, "reasons"), 0), "code"), "no_records");
    json_decref(v);
    v = get("/v1/providers/C1/completeness/2001-06"); /* runs */
    ck_assert(json_is_false(json_object_get(v, "complete")) && json_integer_value(at_path(v, "missing.period_running")) == 1);
    json_decref(v);
    v = get("/v1/completeness/2001-04?complete=true");
    ck_assert_uint_eq(json_array_size(items(v)), 1);
    ck_assert_str_eq(text_of(json_array_get(items(v), 0), "provider"), "C1");
    json_decref(v);
    json_decref(get_status("/v1/providers/C9/completeness/2001-04", 404));
    json_decref(get_status("/v1/providers/C1/completeness/2001-07", 404));
    json_decref(get_status("/v1/completeness/2000-11", 404));
    refused("/v1/completeness/2001-04?complete=maybe", "complete", "invalid_parameter");
    refused("/v1/completeness/2001-04?sort=worst", "sort", "invalid_parameter");
}
END_TEST

/* --- tables --------------------------------------------------------------------------------------------------------------- */

/* The next cell of a table, unquoted. True: it ends its row. */
static bool next_cell(const char **p, char out[4096]) {
    size_t n = 0;
    const char *q = *p;
    bool quoted = *q == '"';
    for (q += quoted; quoted ? !(*q == '"' && q[1] != '"') : (*q != ',' && *q != '\r'); q++) {
        if (quoted && *q == '"') q++;
        ck_assert(n < 4095 && *q);
        out[n++] = *q;
    }
    out[n] = '\0';
    q += quoted;
    bool end = *q == '\r';
    ck_assert(end ? q[1] == '\n' : *q == ',');
    *p = q + (end ? 2 : 1);
    return end;
}

/* What a cell should say of a member. */
static void cell_of(const json_t *v, struct assay_buf *b) {
    size_t i;
    const char *key;
    json_t *x;
    if (json_is_string(v)) assay_buf_adds(b, json_string_value(v));
    if (json_is_integer(v)) assay_buf_printf(b, "%lld", (long long)json_integer_value(v));
    if (json_is_boolean(v)) assay_buf_adds(b, json_is_true(v) ? "true" : "false");
    json_array_foreach((json_t *)v, i, x) {
        if (i) assay_buf_addc(b, '|');
        cell_of(x, b);
    }
    bool first = true;
    json_object_foreach((json_t *)v, key, x) {
        if (!first) assay_buf_addc(b, ':');
        first = false;
        cell_of(x, b);
    }
}

static const struct {
    const char *route, *target, *rows, *file;
} tables[] = {
    {"list_providers", "/v1/providers", "items", "providers.csv"},
    {"list_calendars", "/v1/calendars", "items", "calendars.csv"},
    {"list_rates", "/v1/rates", "items", "rates.csv"},
    {"list_schemes", "/v1/schemes", "items", "schemes.csv"},
    {"list_orders", "/v1/providers/P001/orders", "items", "orders-P001.csv"},
    {"get_order", "/v1/providers/C1/orders/A", "records", "records-C1-A.csv"},
    {"list_uploads", "/v1/uploads", "items", "uploads.csv"},
    {"list_observations", "/v1/providers/C1/observations", "items", "observations-C1.csv"},
    {"list_at_risk", "/v1/orders/at-risk?within_seconds=31536000", "items", "at-risk.csv"},
    {"get_evaluation", "/v1/providers/P001/evaluations/hp-gold-fy01/2001-02", "indicators",
     "evaluation-P001-hp-gold-fy01-2001-02.csv"},
    {"list_trend", "/v1/providers/P001/evaluations/hp-gold-fy01", "items", "trend-P001-hp-gold-fy01.csv"},
    {"list_evaluations", "/v1/evaluations/hp-gold-fy01/2001-02", "items", "evaluations-hp-gold-fy01-2001-02.csv"},
    {"get_compensation", "/v1/providers/P001/compensation/2001-02", NULL, "compensation-P001-2001-02.csv"},
    {"list_compensation_lines", "/v1/providers/P001/compensation/2001-02/lines", "items", "lines-P001-2001-02.csv"},
    {"list_compensation", "/v1/compensation/2001-02", "items", "compensation-2001-02.csv"},
    {"get_completeness", "/v1/providers/P001/completeness/2001-02", NULL, "completeness-P001-2001-02.csv"},
    {"list_completeness", "/v1/completeness/2001-02", "items", "completeness-2001-02.csv"},
};

/* Every cell is the member of its column's path; every column is a member of some row, or of the document. */
static void check_table(size_t i, const char *csv, const json_t *doc) {
    char heads[128][256], cell[4096];
    bool known[128] = {false}, end;
    size_t n = 0, n_rows = 0;
    ck_assert(!strncmp(csv, "\xEF\xBB\xBF", 3));
    csv += 3;
    do {
        end = next_cell(&csv, cell);
        snprintf(heads[n++], 256, "%.255s", cell);
    } while (!end && n < 128);
    for (const char *p = csv; *p; n_rows++) {
        const json_t *row = tables[i].rows ? json_array_get(json_object_get(doc, tables[i].rows), n_rows) : doc;
        ck_assert_msg(row != NULL, "%s: too many rows", tables[i].route);
        for (size_t k = 0; k < n; k++) {
            struct assay_buf want = {0};
            const json_t *v = at_path(row, heads[k]);
            if (!v && !strcmp(tables[i].route, "get_evaluation")) v = at_path(doc, heads[k]);
            known[k] = known[k] || v;
            cell_of(v, &want);
            ck_assert(next_cell(&p, cell) == (k + 1 == n));
            const char *text = cell + (cell[0] == '\'' && want.n && want.p[0] == '='); /* no formula */
            ck_assert_msg(!strcmp(text, want.p ? want.p : ""), "%s, row %zu, %s: %s, not %s", tables[i].route, n_rows, heads[k],
                          cell, want.p ? want.p : "");
            assay_buf_free(&want);
        }
    }
    ck_assert_uint_eq(n_rows, tables[i].rows ? json_array_size(json_object_get(doc, tables[i].rows)) : 1);
    bool records = !strcmp(tables[i].route, "get_order") || !strcmp(tables[i].route, "list_observations");
    for (size_t k = 0; k < n && !records; k++) /* records have the members they were sent with only */
        ck_assert_msg(known[k] || strstr(heads[k], "amount") || strstr(heads[k], "currency"), "%s: nothing is %s",
                      tables[i].route, heads[k]);
}

START_TEST(tables_say_what_the_json_says) {
    static const char *const steps[] = {"dispatch A 04-05T09:00 , \"parts\": [{\"line\": \"R1\", \"part_no\": \"=C1\"}, "
                                        "{\"line\": \"R2\", \"part_no\": \"Q,2\"}]",
                                        "order.opened A 04-05T10:00 " CCC,
                                        "order.noted A 04-05T11:00 , \"reason\": \"customer\", \"note\": \"a\\\"b\\r\\nc\"",
                                        NULL};
    struct assay_http_result upload;
    story(steps);
    send("/v1/observations",
         "{\"id\": \"o1\", \"provider\": \"C1\", \"indicator\": \"calls\", \"at\": \"2001-04-05T09:00:00+08:00\", "
         "\"numerator\": 9, \"denominator\": 10}");
    call("POST", "/v1/repair-events", "[{\"id\": \"1\"}]", NULL, NULL, &upload);
    ck_assert_int_eq(upload.status, 200);
    assay_http_result_free(&upload);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char value[512], etag[512], json_etag[512], disposition[256], target[256];
        struct assay_http_result csv, json, again;
        call("GET", tables[i].target, NULL, "text/csv", NULL, &csv);
        ck_assert_msg(csv.status == 200, "%s: %d %.400s", tables[i].route, csv.status, csv.body.p);
        ck_assert(header_of(&csv, "Content-Type", value));
        ck_assert_str_eq(value, "text/csv; charset=utf-8");
        ck_assert(header_of(&csv, "Vary", value) && strstr(value, "Accept"));
        ck_assert(header_of(&csv, "Content-Disposition", value));
        snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", tables[i].file);
        ck_assert_str_eq(value, disposition);
        bool page = strchr(tables[i].target, '?') != NULL;
        snprintf(target, sizeof target, "%s", tables[i].target);
        const struct assay_http_route *routes;
        size_t n_routes;
        routes = assay_http_routes(&n_routes);
        for (size_t k = 0; k < n_routes; k++)
            for (const char *const *p = !strcmp(routes[k].name, tables[i].route) ? routes[k].params : NULL; p && *p; p++)
                if (!strcmp(*p, "limit")) snprintf(target, sizeof target, "%s%climit=1000", tables[i].target, page ? '&' : '?');
        call("GET", target, NULL, "application/json", NULL, &json);
        ck_assert_msg(json.status == 200, "%s: %d", target, json.status);
        json_t *doc = json_loadb(json.body.p, json.body.n, 0, NULL);
        check_table(i, csv.body.p, doc);
        json_decref(doc);
        /* Either form has an ETag of its own. */
        ck_assert(header_of(&csv, "ETag", etag) && header_of(&json, "ETag", json_etag) && strcmp(etag, json_etag));
        call("GET", tables[i].target, NULL, "text/csv", etag, &again);
        ck_assert_int_eq(again.status, 304);
        assay_http_result_free(&again);
        call("GET", tables[i].target, NULL, "text/csv", json_etag, &again);
        ck_assert_int_eq(again.status, 200);
        assay_http_result_free(&again);
        call("GET", tables[i].target, NULL, "image/png", NULL, &again);
        ck_assert_int_eq(again.status, 406);
        assay_http_result_free(&again), assay_http_result_free(&csv), assay_http_result_free(&json);
    }
}
END_TEST

/* What a table offers is a table, and the other way round; problems stay problems. */
START_TEST(every_table_is_offered_and_tested) {
    size_t n_routes, n = 0;
    const struct assay_http_route *routes = assay_http_routes(&n_routes);
    for (size_t i = 0; i < n_routes; i++) {
        const char *file;
        const char *const *types = routes[i].produces; /* what is first NDJSON are rows of its own kind */
        bool offered = types && !strcmp(types[0], "application/json") && !strcmp(types[1], ASSAY_TABLE_TYPE), tested = false;
        ck_assert_msg(offered == (assay_app_table(&routes[i], &file) != NULL), "%s", routes[i].name);
        for (size_t k = 0; k < sizeof tables / sizeof *tables; k++) tested = tested || !strcmp(tables[k].route, routes[i].name);
        ck_assert_msg(offered == tested, "%s is %sa table", routes[i].name, offered ? "" : "not ");
        n += offered;
    }
    ck_assert_uint_ge(n, 15);
}
END_TEST

/* Whatever an order's record may say has its column. */
START_TEST(every_field_of_a_record_has_its_column) {
    size_t n_routes;
    const struct assay_http_route *routes = assay_http_routes(&n_routes);
    const struct assay_table *records = NULL;
    const char *file;
    for (size_t i = 0; i < n_routes; i++)
        if (!strcmp(routes[i].name, "get_order")) records = assay_app_table(&routes[i], &file);
    ck_assert(records != NULL);
    for (size_t i = 0; i < assay_fields_count; i++) {
        bool there = (assay_fields[i].allowed & ~(UINT32_C(1) << ASSAY_OBSERVATION_MADE)) == 0;
        for (const char *const *c = records->columns; *c; c++) there = there || !strcmp(*c, assay_fields[i].name);
        ck_assert_msg(there, "a record's %s has no column", assay_fields[i].name);
    }
}
END_TEST

START_TEST(a_table_pages_by_link_and_is_large_without_a_limit) {
    struct assay_http_result r;
    char value[512];
    call("GET", "/v1/providers/P001/orders?limit=2", NULL, "text/csv, application/json;q=0.5", NULL, &r);
    ck_assert(r.status == 200 && header_of(&r, "Link", value) && strstr(value, "limit=2&cursor="));
    assay_http_result_free(&r);
    for (int i = 0; i < 55; i++) { /* more than the default of JSON */
        char order[32];
        snprintf(order, sizeof order, "Y%03d", i);
        good_order("C1", order, "2001-04-10");
        snprintf(order, sizeof order, "Z%03d", i);
        good_order("C1", order, "2001-04-11");
    }
    call("GET", "/v1/providers/C1/orders", NULL, "text/csv", NULL, &r);
    size_t rows = 0;
    for (const char *p = r.body.p; (p = strstr(p, "\r\n")); p += 2) rows++;
    ck_assert_uint_eq(rows, 111);
    ck_assert(!header_of(&r, "Link", value));
    assay_http_result_free(&r);
    call("GET", "/v1/providers/C9/orders", NULL, "text/csv", NULL, &r);
    ck_assert(r.status == 404 && header_of(&r, "Content-Type", value) && !strcmp(value, "application/problem+json"));
    assay_http_result_free(&r);
}
END_TEST

/* --- the page -------------------------------------------------------------------------------------------------------------- */

START_TEST(the_page_needs_nothing_else) {
    struct assay_http_result r;
    char policy[512];
    call("GET", "/docs", NULL, NULL, NULL, &r);
    ck_assert_int_eq(r.status, 200);
    ck_assert(header_of(&r, "Content-Security-Policy", policy) && !strncmp(policy, "default-src 'none'; style-src 'sha256-", 38));
    ck_assert(!strstr(policy, "unsafe"));
    static const char *const foreign[] = {"src=", "@import", "url(", "style=\"", "onclick", "href=\"http"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        const char *p = strstr(r.body.p, foreign[i]);
        ck_assert_msg(!p, "the page has %.80s", p);
    }
    size_t n;
    const struct assay_http_route *routes = assay_http_routes(&n);
    for (size_t i = 0; i < n; i++) {
        char id[128];
        const char *bulk = strstr(routes[i].name, "_bulk");
        snprintf(id, sizeof id, "<article id=\"%.*s\"", (int)(bulk ? (size_t)(bulk - routes[i].name) : strlen(routes[i].name)),
                 routes[i].name);
        ck_assert_msg(strstr(r.body.p, id) != NULL, "%s is not on the page", routes[i].name);
    }
    assay_http_result_free(&r);
}
END_TEST

static Suite *suite_of_reads(void) {
    Suite *s = suite_create("reads");
    TCase *t = tcase_create("reads");
    tcase_set_timeout(t, 240);
    tcase_add_unchecked_fixture(t, once, NULL);
    tcase_add_checked_fixture(t, start, stop);
    tcase_add_test(t, a_trend_is_the_evaluations);
    tcase_add_test(t, a_trend_has_bounds);
    tcase_add_test(t, every_order_pages_whole);
    tcase_add_test(t, filters_leave_out_and_keep_ranks);
    tcase_add_test(t, a_cursor_is_checked);
    tcase_add_test(t, pages_hold_while_rows_move);
    tcase_add_test(t, a_full_last_page_ends_the_list);
    tcase_add_test(t, completeness_counts_what_it_says);
    tcase_add_test(t, a_whole_month_is_complete_and_an_empty_one_is_not);
    tcase_add_test(t, tables_say_what_the_json_says);
    tcase_add_test(t, every_table_is_offered_and_tested);
    tcase_add_test(t, every_field_of_a_record_has_its_column);
    tcase_add_test(t, a_table_pages_by_link_and_is_large_without_a_limit);
    tcase_add_test(t, the_page_needs_nothing_else);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_reads)
